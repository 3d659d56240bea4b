//! A TPM that moves: one of the two is there at any time, and nothing is gained by it.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, refused};
use platform_memory::MemoryPlatform;
use tee_api::{CounterError, DeviceKeyAssurance, StoreError};
use tpm2_client::{Client, Entity, commands, name_of_public};
use tpm2_core::{FailureReason, Start, Target, Token, TransferError};
use tpm2_types::{ResponseCode, TpmAlgId, TpmCap, TpmHandle, TpmRh, TpmSu, TpmaNv};

const PROTECTED: TpmHandle = TpmHandle::nv_index(2);
const ATTRIBUTES: TpmaNv = TpmaNv::AUTHREAD.union(TpmaNv::AUTHWRITE);

fn device(seed: u64) -> MemoryPlatform {
    let device = MemoryPlatform::new(seed);
    device.set_counter(Some(0));
    device.set_provisioned(Some(false));
    device.set_device_key_assurance(DeviceKeyAssurance::None);
    device
}

fn protected(attributes: TpmaNv, auth: &[u8]) -> Entity {
    let public = commands::nv_public(PROTECTED, TpmAlgId::SHA256, attributes, b"", 4);
    Entity::named(PROTECTED, name_of_public(public.as_ref(), 4)).with_auth(auth)
}

/// A TPM with a written index, large ones besides, and two failed tries.
fn source(device: &MemoryPlatform) -> Client<Machine> {
    let mut tpm = Client::new(Machine::on(device.handle()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    ok(&mut tpm, &commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 9, 1000, 1000));
    let public = commands::nv_public(PROTECTED, TpmAlgId::SHA256, ATTRIBUTES, b"", 4);
    ok(&mut tpm, &commands::nv_define_space(owner(), b"right", &public));
    let unwritten = protected(ATTRIBUTES, b"right");
    ok(&mut tpm, &commands::nv_write(&unwritten, &unwritten, b"data", 0));
    for number in 0x100..0x110 {
        let large = TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE;
        let public = commands::nv_public(TpmHandle::nv_index(number), TpmAlgId::SHA256, large, b"", 2048);
        ok(&mut tpm, &commands::nv_define_space(owner(), b"", &public));
    }
    guess(&mut tpm);
    guess(&mut tpm);
    tpm
}

fn guess(tpm: &mut Client<Machine>) {
    let wrong = protected(ATTRIBUTES | TpmaNv::WRITTEN, b"wrong");
    assert_eq!(refused(tpm.run(&commands::nv_read(&wrong, &wrong, 4, 0))).base(), ResponseCode::AUTH_FAIL);
}

fn read(tpm: &mut Client<Machine>) -> Vec<u8> {
    let index = protected(ATTRIBUTES | TpmaNv::WRITTEN, b"right");
    ok(tpm, &commands::nv_read(&index, &index, 4, 0)).fields().sized().unwrap().to_vec()
}

fn tries(tpm: &mut Client<Machine>) -> u32 {
    let response = ok(tpm, &commands::get_capability(TpmCap::TPM_PROPERTIES, 0x20E, 1));
    u32::from_be_bytes(*response.parameters().last_chunk().unwrap())
}

/// resetCount and `safe`.
fn clock(tpm: &mut Client<Machine>) -> (u32, bool) {
    let response = ok(tpm, &commands::read_clock());
    let bytes = response.parameters();
    let resets = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
    (resets, bytes.last() == Some(&1))
}

fn export(machine: &mut Machine, token: &Token) -> Result<Vec<u8>, TransferError> {
    export_to(machine, &Target::Token(token))
}

/// Exports after an orderly shutdown; without one the move costs a try, as a cut does.
fn export_to(machine: &mut Machine, target: &Target<'_>) -> Result<Vec<u8>, TransferError> {
    machine.tpm().execute(0, b"\x80\x01\0\0\0\x0c\0\0\x01\x45\0\0");
    let mut bytes = Vec::new();
    machine.tpm().export(target, &mut |more| bytes.extend_from_slice(more))?;
    Ok(bytes)
}

fn started(machine: Machine) -> Client<Machine> {
    let mut tpm = Client::new(machine);
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    tpm
}

fn manufacture_count(machine: &mut Machine) -> u32 {
    posture::Evidence::from_bytes(machine.tpm().state().posture()).unwrap().manufacture_count
}

#[test]
fn a_tpm_moves_whole_and_its_source_starts_no_more() {
    let (from, to) = (device(1), device(2));
    let mut tpm = source(&from);
    let (resets, _) = clock(&mut tpm);
    let seeds =
        tpm.transport().device.records().unwrap().get(tpm2_core::state::Kind::Seeds.only()).unwrap().to_vec();
    let mut target = Machine::found_on(to.handle());
    let token = target.tpm().prepare_import().unwrap();
    let mut bytes = export(tpm.transport(), &token).unwrap();
    assert!(!bytes.windows(16).any(|window| seeds.windows(16).any(|secret| secret == window)), "sealed");

    // The source has ended, now and after every restart.
    assert_eq!(refused(tpm.run(&commands::get_random(8))), ResponseCode::FAILURE);
    let mut left = Machine::found_on(from.reboot());
    assert_eq!(left.tpm().start(), Start::Failed(FailureReason::Moved));
    assert_eq!(left.tpm().manufacture_by_force(), Err(FailureReason::Moved));

    // The target waits, over restarts, and takes the TPM in once.
    let mut target = Machine::found_on(to.reboot());
    assert_eq!(target.tpm().start(), Start::Failed(FailureReason::AwaitsImport));
    let again = bytes.clone();
    target.tpm().import(&mut bytes, false).unwrap();
    assert!(bytes.iter().all(|byte| *byte == 0), "wiped");
    assert_eq!(target.tpm().import(&mut again.clone(), false), Err(TransferError::Occupied));
    assert_eq!(manufacture_count(&mut target), 2);
    let mut tpm = started(Machine::found_on(target.device.reboot()));
    assert_eq!((read(&mut tpm), tries(&mut tpm)), (b"data".to_vec(), 2));
    // One for the move and one for the start here.
    assert_eq!(clock(&mut tpm), (resets + 2, false));

    // The token is used up: the same export does not come in again, not even where the TPM moved on from.
    let third = device(3);
    let token = Machine::found_on(third.handle()).tpm().prepare_import().unwrap();
    export(tpm.transport(), &token).unwrap();
    let mut moved_on = Machine::found_on(tpm.transport().device.reboot());
    assert_eq!(moved_on.tpm().import(&mut again.clone(), false), Err(TransferError::NotPrepared));
}

#[test]
fn an_export_is_for_its_target_alone_and_may_be_had_again() {
    let (from, to, other) = (device(1), device(2), device(3));
    let mut tpm = source(&from);
    let token = Machine::found_on(to.handle()).tpm().prepare_import().unwrap();
    let foreign = Machine::found_on(other.handle()).tpm().prepare_import().unwrap();
    export(tpm.transport(), &token).unwrap();
    let mut left = Machine::found_on(from.reboot());
    assert_eq!(export(&mut left, &foreign), Err(TransferError::MovedElsewhere));
    let bytes = export(&mut left, &token).unwrap();
    let mut wrong = Machine::found_on(other.reboot());
    assert_eq!(wrong.tpm().import(&mut bytes.clone(), false), Err(TransferError::NotForThisTarget));
    // Any altered bit, any length.
    let mut right = Machine::found_on(to.reboot());
    for at in [0, 9, 13, 14, 21, 22, 53, 57, 58, bytes.len() / 2, bytes.len() - 1] {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        assert_eq!(right.tpm().import(&mut altered, false), Err(TransferError::NotForThisTarget), "{at}");
    }
    for length in [0, 1, 57, 58, 89, 90, bytes.len() - 1] {
        let mut short = bytes[..length].to_vec();
        assert_eq!(right.tpm().import(&mut short, false), Err(TransferError::NotForThisTarget), "{length}");
    }
    right.tpm().import(&mut bytes.clone(), false).unwrap();
}

#[test]
fn a_move_there_and_back_forgives_no_try() {
    let (from, to) = (device(1), device(2));
    let mut tpm = source(&from);
    let token = Machine::found_on(to.handle()).tpm().prepare_import().unwrap();
    let mut bytes = export(tpm.transport(), &token).unwrap();
    let mut target = Machine::found_on(to.reboot());
    target.tpm().import(&mut bytes, false).unwrap();
    let mut tpm = started(target);
    ok(&mut tpm, &commands::dictionary_attack_lock_reset(TpmRh::LOCKOUT));
    // Back to where two tries are remembered.
    let mut home = Machine::found_on(from.reboot());
    let token = home.tpm().prepare_import().unwrap();
    assert_eq!(home.tpm().start(), Start::Failed(FailureReason::Moved));
    let mut bytes = export(tpm.transport(), &token).unwrap();
    home.tpm().import(&mut bytes, false).unwrap();
    assert_eq!(manufacture_count(&mut home), 3);
    let mut tpm = started(home);
    assert_eq!((tries(&mut tpm), read(&mut tpm)), (2, b"data".to_vec()));
}

#[test]
fn nothing_leaves_before_the_mark_is_durable() {
    let (from, to) = (device(1), device(2));
    let mut tpm = source(&from);
    let token = Machine::found_on(to.handle()).tpm().prepare_import().unwrap();
    from.fail_next_commit(StoreError::Unavailable);
    let nothing = |machine: &mut Machine| {
        let mut left = 0;
        let outcome = machine.tpm().export(&Target::Token(&token), &mut |more| left += more.len());
        (outcome, left)
    };
    assert_eq!(nothing(tpm.transport()), (Err(TransferError::Unavailable), 0));
    assert_eq!(read(&mut tpm), b"data", "it goes on");
    from.fail_all_counter_calls(Some(CounterError::Unavailable));
    assert_eq!(nothing(tpm.transport()), (Err(TransferError::Unavailable), 0));
    from.fail_all_counter_calls(None);
    // The store has the mark; it counts from the moment at which the counter follows.
    let mut left = Machine::found_on(from.reboot());
    assert_eq!(left.tpm().start(), Start::Failed(FailureReason::Moved));
    export(&mut left, &token).unwrap();
}

#[test]
fn an_import_that_is_cut_short_is_no_tpm_and_can_be_made_again() {
    let (from, to) = (device(1), device(2));
    let mut tpm = source(&from);
    let token = Machine::found_on(to.handle()).tpm().prepare_import().unwrap();
    let bytes = export(tpm.transport(), &token).unwrap();
    let ready = to.reboot();
    for commits in 0.. {
        let cut = ready.reboot();
        cut.fail_commit_after(commits, StoreError::Unavailable);
        let mut target = Machine::found_on(cut.handle());
        if target.tpm().import(&mut bytes.clone(), false).is_ok() {
            assert!(commits >= 4, "an export of that size takes some transactions");
            break;
        }
        let mut target = Machine::found_on(cut.reboot());
        assert_eq!(target.tpm().start(), Start::Failed(FailureReason::AwaitsImport), "{commits}");
        target.tpm().import(&mut bytes.clone(), false).unwrap();
        let mut tpm = started(target);
        assert_eq!((read(&mut tpm), tries(&mut tpm)), (b"data".to_vec(), 2));
    }
}

#[test]
fn while_the_state_cannot_be_had_nobody_knows_whether_a_tpm_is_here() {
    let from = device(1);
    drop(source(&from));
    let late = from.reboot();
    late.set_storage_away(true);
    let mut machine = Machine::found_on(late.handle());
    let away = FailureReason::Store(StoreError::Unavailable);
    assert_eq!(machine.tpm().manufacture(), Err(away));
    assert_eq!(machine.tpm().manufacture_by_force(), Err(away));
    assert_eq!(machine.tpm().prepare_import().err(), Some(TransferError::Unavailable));
    assert_eq!(machine.tpm().import(&mut [0; 100], false), Err(TransferError::Unavailable));
    late.set_storage_away(false);
    started(machine);
}

#[test]
fn without_a_counter_a_rollback_has_to_be_accepted() {
    let (from, to) = (device(1), device(2));
    to.set_counter(None);
    let mut tpm = source(&from);
    let mut target = Machine::found_on(to.handle());
    let token = target.tpm().prepare_import().unwrap();
    let bytes = export(tpm.transport(), &token).unwrap();
    let refusal = Err(TransferError::RollbackNotAccepted);
    assert_eq!(target.tpm().import(&mut bytes.clone(), false), refusal);
    target.tpm().import(&mut bytes.clone(), true).unwrap();
}

#[test]
fn the_device_itself_may_be_the_target() {
    let from = device(1);
    let mut tpm = source(&from);
    assert_eq!(export_to(tpm.transport(), &Target::Device), Err(TransferError::NoDeviceKey));
    from.set_device_key_assurance(DeviceKeyAssurance::Hardware);
    let mut bytes = export_to(tpm.transport(), &Target::Device).unwrap();
    let mut home = Machine::found_on(from.reboot());
    assert_eq!(home.tpm().start(), Start::Failed(FailureReason::Moved));
    // Its storage was replaced by an empty one.
    from.set_records(None);
    let mut home = Machine::found_on(from.reboot());
    assert_eq!(home.tpm().start(), Start::Failed(FailureReason::Store(StoreError::Missing)));
    home.tpm().import(&mut bytes.clone(), false).unwrap();
    let mut tpm = started(home);
    assert_eq!((read(&mut tpm), tries(&mut tpm)), (b"data".to_vec(), 2));
    // The same import, cut short and made again.
    let wiped = from.reboot();
    wiped.set_records(None);
    wiped.fail_commit_after(2, StoreError::Unavailable);
    assert_eq!(
        Machine::found_on(wiped.handle()).tpm().import(&mut bytes.clone(), false),
        Err(TransferError::Unavailable)
    );
    Machine::found_on(wiped.reboot()).tpm().import(&mut bytes.clone(), false).unwrap();
    // Once more, after another wipe: the counter has gone on.
    guess(&mut tpm);
    let wiped = tpm.transport().device.reboot();
    wiped.set_records(None);
    let rolled_back = TransferError::Failed(FailureReason::Store(StoreError::RolledBack));
    assert_eq!(Machine::found_on(wiped).tpm().import(&mut bytes, false), Err(rolled_back));
    assert_eq!(tpm.transport().tpm().prepare_import().err(), Some(TransferError::Occupied));
}
