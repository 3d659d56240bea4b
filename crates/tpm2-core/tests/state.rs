//! What outlives a restart, a reset and a failing store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Machine, child, ok, owner, primary, refused, started};
use platform_memory::MemoryPlatform;
use tee_api::{Change, RecordKey, StoreError};
use tpm2_client::{Client, Entity, commands, name_of_public, template};
use tpm2_core::state::Kind;
use tpm2_core::{FailureReason, Start, TransferError, firmware};
use tpm2_types::{Position, ResponseCode, TpmAlgId, TpmHandle, TpmNt, TpmRh, TpmSu, TpmaNv};

const COUNTER: TpmHandle = TpmHandle::nv_index(0x10_0001);

fn counter(client: &mut Client<Machine>) -> Entity {
    let attributes = (TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE).with_nt(TpmNt::COUNTER);
    let public = commands::nv_public(COUNTER, TpmAlgId::SHA256, attributes, b"", 8);
    ok(client, &commands::nv_define_space(owner(), b"", &public));
    Entity::named(COUNTER, name_of_public(public.as_ref(), 4))
}

fn count(client: &mut Client<Machine>, index: &Entity) -> u64 {
    ok(client, &commands::nv_read(owner(), index, 8, 0))
        .fields()
        .sized()
        .map(|data| u64::from_be_bytes(data.try_into().unwrap()))
        .unwrap()
}

fn pcr(client: &mut Client<Machine>, pcr: u8) -> Vec<u8> {
    let response = ok(client, &commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[pcr])));
    response.parameters()[response.parameters().len() - 32..].to_vec()
}

/// Reset count and restart count.
fn counts(client: &mut Client<Machine>) -> (u32, u32) {
    let response = ok(client, &commands::read_clock());
    let mut fields = response.fields();
    fields.take(16).unwrap();
    (fields.u32().unwrap(), fields.u32().unwrap())
}

#[test]
fn ftpm_paper_fate_sharing_resume_keeps_pcrs_and_reset_does_not() {
    let mut client = started();
    ok(&mut client, &commands::pcr_extend(TpmHandle::pcr(3), TpmAlgId::SHA256, &[1; 32]));
    let extended = pcr(&mut client, 3);
    assert_ne!(extended, [0; 32]);
    assert_eq!(counts(&mut client), (1, 0));

    ok(&mut client, &commands::shutdown(TpmSu::STATE));
    client.transport().power_cycle();
    ok(&mut client, &commands::startup(TpmSu::STATE));
    assert_eq!((pcr(&mut client, 3), counts(&mut client)), (extended, (1, 1)));

    ok(&mut client, &commands::shutdown(TpmSu::STATE));
    client.transport().power_cycle();
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    assert_eq!((pcr(&mut client, 3), counts(&mut client)), (vec![0; 32], (1, 2)));

    client.transport().power_cycle();
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    assert_eq!(counts(&mut client), (2, 0));
}

#[test]
fn cve_2018_6622_resume_without_saved_state_is_refused() {
    // CVE-2018-6622: a platform that resumes without TPM2_Shutdown(STATE) must not get PCRs at their start.
    let mut client = started();
    client.transport().power_cycle();
    let refusal = refused(client.run(&commands::startup(TpmSu::STATE)));
    assert_eq!(refusal, ResponseCode::VALUE.at(Position::Parameter(1)));
    // A change after the shutdown takes the saved state back as well.
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    ok(&mut client, &commands::shutdown(TpmSu::STATE));
    ok(&mut client, &commands::pcr_extend(TpmHandle::pcr(3), TpmAlgId::SHA256, &[1; 32]));
    client.transport().power_cycle();
    assert_eq!(
        refused(client.run(&commands::startup(TpmSu::STATE))),
        ResponseCode::VALUE.at(Position::Parameter(1))
    );
}

#[test]
fn what_was_answered_outlives_the_power_and_what_was_not_never_happened() {
    let mut client = started();
    let index = counter(&mut client);
    ok(&mut client, &commands::nv_increment(owner(), &index));
    let (storage, _) = primary(&mut client, TpmRh::OWNER, &template::srk_ecc());
    let persistent = TpmHandle::persistent(1);
    ok(&mut client, &commands::evict_control(owner(), &storage, persistent));
    let index = Entity::named(COUNTER, name(&mut client));
    let before = count(&mut client, &index);

    let device = client.transport().device.handle();
    device.fail_next_commit(StoreError::Unavailable);
    let digest = client.transport().state_digest();
    assert_eq!(refused(client.run(&commands::nv_increment(owner(), &index))), ResponseCode::NV_UNAVAILABLE);
    assert_eq!(client.transport().state_digest(), digest);
    ok(&mut client, &commands::nv_increment(owner(), &index));

    // Another process finds what the device kept.
    let mut client = Client::new(Machine::on(device.reboot()));
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    assert_eq!(count(&mut client, &index), before + 1);
    let read = ok(&mut client, &commands::read_public(&Entity::permanent(persistent)));
    assert_eq!(name_of_public(read.fields().sized().unwrap(), 2), storage.name());
}

fn name(client: &mut Client<Machine>) -> Vec<u8> {
    let response = ok(client, &commands::nv_read_public(COUNTER));
    name_of_public(response.fields().sized().unwrap(), 4)
}

#[test]
fn an_unknown_outcome_is_failure_mode() {
    let mut client = started();
    let index = counter(&mut client);
    client.transport().device.handle().lose_answer_after(0, StoreError::OutcomeUnknown);
    assert_eq!(refused(client.run(&commands::nv_increment(owner(), &index))), ResponseCode::FAILURE);
    assert_eq!(refused(client.run(&commands::get_random(8))), ResponseCode::FAILURE);
    let result = ok(&mut client, &commands::get_test_result());
    let mut fields = result.fields();
    assert_eq!(fields.sized().unwrap(), b"a commit may or may not have been kept");
    assert_eq!(fields.u32().unwrap(), ResponseCode::FAILURE.get());
}

#[test]
fn a_new_counter_starts_above_a_deleted_one() {
    let mut client = started();
    counter(&mut client);
    for _ in 0..3 {
        let index = Entity::named(COUNTER, name(&mut client));
        ok(&mut client, &commands::nv_increment(owner(), &index));
    }
    let index = Entity::named(COUNTER, name(&mut client));
    assert_eq!(count(&mut client, &index), 3);
    ok(&mut client, &commands::nv_undefine_space(owner(), &index));
    let index = counter(&mut client);
    ok(&mut client, &commands::nv_increment(owner(), &index));
    let index = Entity::named(COUNTER, name(&mut client));
    assert_eq!(count(&mut client, &index), 4);
}

#[test]
fn guesses_lock_out_and_time_forgives() {
    let mut client = started();
    ok(&mut client, &commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 2, 10, 10));
    let (storage, _) = primary(&mut client, TpmRh::OWNER, &template::srk_ecc());
    let sealed = template::sealed().clear(tpm2_types::TpmaObject::NO_DA);
    let secret = child(&mut client, &storage, &sealed, b"right", b"data");
    let wrong = Entity::named(secret.handle(), secret.name()).with_auth(b"wrong");
    for _ in 0..2 {
        let refusal = refused(client.run(&commands::unseal(&wrong)));
        assert_eq!(refusal, ResponseCode::AUTH_FAIL.at(Position::Session(1)));
    }
    assert_eq!(refused(client.run(&commands::unseal(&secret))).base(), ResponseCode::LOCKOUT);
    client.transport().device.advance(10_000);
    assert_eq!(ok(&mut client, &commands::unseal(&secret)).fields().sized().unwrap(), b"data");
}

#[test]
fn pulling_the_plug_after_a_guess_costs_a_try() {
    let device = MemoryPlatform::new(1);
    let mut client = Client::new(Machine::on(device.handle()));
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    ok(&mut client, &commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 5, 1000, 10));
    let (storage, _) = primary(&mut client, TpmRh::OWNER, &template::srk_ecc());
    let sealed = template::sealed().clear(tpm2_types::TpmaObject::NO_DA);
    let secret = child(&mut client, &storage, &sealed, b"right", b"data");
    let wrong = Entity::named(secret.handle(), secret.name()).with_auth(b"wrong");
    // That protected authorizations are checked is put on record; the count of this failure is not kept: the power goes
    // between the check and the write.
    device.fail_commit_after(1, StoreError::Unavailable);
    assert_eq!(refused(client.run(&commands::unseal(&wrong))).base(), ResponseCode::NV_UNAVAILABLE);
    let mut client = Client::new(Machine::on(device.reboot()));
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    let response = ok(&mut client, &commands::get_capability(tpm2_types::TpmCap::TPM_PROPERTIES, 0x20E, 1));
    assert_eq!(response.parameters()[response.parameters().len() - 4..], 1u32.to_be_bytes());
}

#[test]
fn whole_states_of_many_tpms_live_in_one_process() {
    let mut one = started();
    let mut other = started();
    ok(&mut one, &commands::pcr_extend(TpmHandle::pcr(3), TpmAlgId::SHA256, &[1; 32]));
    assert_ne!(pcr(&mut one, 3), pcr(&mut other, 3));
}

/// The record of a firmware.
fn firmware_record(svn: u32, version: u64) -> Vec<u8> {
    [&[1][..], &svn.to_be_bytes(), &version.to_be_bytes()].concat()
}

/// Changes a device's records without the TPM.
fn put(device: &MemoryPlatform, key: RecordKey, value: &[u8]) {
    let mut records = device.records().unwrap();
    records.apply(&[Change::Put { key, value }]).unwrap();
    device.set_records(Some(records));
}

fn start(device: &MemoryPlatform) -> Start {
    Machine::found_on(device.reboot()).tpm().start()
}

/// A device whose TPM was started once.
fn device_with_tpm(counter: Option<u64>) -> MemoryPlatform {
    let device = MemoryPlatform::new(1);
    device.set_counter(counter);
    ok(&mut Client::new(Machine::on(device.handle())), &commands::startup(TpmSu::CLEAR));
    device
}

#[test]
fn a_state_that_a_later_firmware_used_is_refused_and_stays_as_it_is() {
    for counter in [None, Some(0)] {
        let device = device_with_tpm(counter);
        let present = device.records();
        // The later firmware makes a transaction of its own.
        let number = u64::from_be_bytes(
            present.as_ref().unwrap().get(Kind::Commit.only()).unwrap()[1..].try_into().unwrap(),
        );
        put(&device, Kind::Firmware.only(), &firmware_record(firmware::SVN + 1, firmware::VERSION));
        put(&device, Kind::Commit.only(), &[&[1][..], &(number + 1).to_be_bytes()].concat());
        let later = device.records();
        for confirmed in [false, true] {
            if confirmed {
                device.set_counter(counter.map(|_| number + 1));
            }
            let rebooted = device.reboot();
            let mut machine = Machine::found_on(rebooted.handle());
            assert_eq!(machine.tpm().start(), Start::Failed(FailureReason::Firmware));
            assert_eq!(machine.device.failed().unwrap(), "fTPM: state of a later firmware");
            assert_eq!(machine.tpm().manufacture_by_force(), Err(FailureReason::Firmware));
            let refusal = TransferError::Failed(FailureReason::Firmware);
            assert_eq!(machine.tpm().prepare_import().unwrap_err(), refusal);
            let mut client = Client::new(machine);
            assert_eq!(refused(client.run(&commands::startup(TpmSu::CLEAR))), ResponseCode::FAILURE);
            let result = ok(&mut client, &commands::get_test_result());
            assert_eq!(result.fields().sized().unwrap(), b"a later firmware has used this state");
            assert_eq!(rebooted.records(), later);
            assert_eq!(rebooted.counter(), device.counter(), "not even the counter is moved");
        }
        // Put back, the state from before the update serves the old firmware where nothing counts.
        device.set_records(present);
        let rolled_back = Start::Failed(FailureReason::Store(StoreError::RolledBack));
        assert_eq!(start(&device), if counter.is_some() { rolled_back } else { Start::Existing });
    }
}

#[test]
fn the_state_says_which_firmware_used_it_last() {
    let own = firmware_record(firmware::SVN, firmware::VERSION);
    let device = MemoryPlatform::new(1);
    drop(Machine::on(device.handle()));
    assert_eq!(device.records().unwrap().get(Kind::Firmware.only()), Some(&own[..]), "from manufacture on");
    for last in [
        firmware_record(firmware::SVN - 1, firmware::VERSION + 9),
        firmware_record(firmware::SVN, firmware::VERSION + 1),
        firmware_record(firmware::SVN, firmware::VERSION - 1),
    ] {
        for storage_comes_late in [false, true] {
            put(&device, Kind::Firmware.only(), &last);
            let device = device.reboot();
            device.set_storage_away(storage_comes_late);
            let mut client = Client::new(Machine::found_on(device.handle()));
            let kept = || device.records().unwrap().get(Kind::Firmware.only()).unwrap().to_vec();
            assert_eq!(kept(), last);
            ok(&mut client, &commands::startup(TpmSu::CLEAR));
            device.set_storage_away(false);
            ok(&mut client, &commands::get_random(8));
            assert_eq!(kept(), own);
        }
    }
}

#[test]
fn a_record_in_a_later_form_is_a_later_firmwares() {
    let device = device_with_tpm(None).reboot();
    let mut client = Client::new(Machine::found_on(device.handle()));
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    counter(&mut client);
    ok(&mut client, &commands::shutdown(TpmSu::STATE));
    let records = device.records().unwrap();
    // These have no version: bytes of the owner's, and lists.
    let without_version = [
        Kind::NvDataOwner as u16,
        Kind::SessionTable.saved().kind,
        Kind::Pcr.saved().kind,
        Kind::NvVolatile.saved().kind,
    ];
    let mut tried = 0;
    for (key, value) in records.iter().filter(|(key, _)| !without_version.contains(&key.kind)) {
        let mut later = value.to_vec();
        later[0] += 1;
        put(&device, key, &later);
        assert_eq!(start(&device), Start::Failed(FailureReason::Firmware), "{key:?}");
        // A form that never was is damage.
        later[0] = 0;
        put(&device, key, &later);
        assert_ne!(start(&device), Start::Failed(FailureReason::Firmware), "{key:?}");
        device.set_records(Some(records.clone()));
        tried += 1;
    }
    assert!(tried >= 15, "{tried}");
    assert_eq!(start(&device), Start::Existing);
}
