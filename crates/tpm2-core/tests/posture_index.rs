//! The TPM's own NV index: what it holds, and that nobody else writes there.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, refused, started};
use platform_memory::MemoryPlatform;
use posture::{Action, Evidence, Guarantee};
use tee_api::{EntropyAssurance, StoreAssurance};
use tpm2_client::{Client, Entity, commands, name_of_public};
use tpm2_core::{FailureReason, posture_index};
use tpm2_types::{ResponseCode, TpmAlgId, TpmCap, TpmHandle, TpmRh, TpmSu, TpmaNv};

const HANDLE: TpmHandle = posture_index::HANDLE;
const SIZE: u16 = Evidence::SIZE as u16;

fn index(tpm: &mut Client<Machine>) -> Entity {
    let response = ok(tpm, &commands::nv_read_public(HANDLE));
    Entity::named(HANDLE, name_of_public(response.fields().sized().unwrap(), 4))
}

fn read(tpm: &mut Client<Machine>) -> Evidence {
    let index = index(tpm);
    let response = ok(tpm, &commands::nv_read(&index, &index, SIZE, 0));
    Evidence::from_bytes(response.fields().sized().unwrap()).unwrap()
}

#[test]
fn it_says_what_the_platform_guarantees_and_which_tpm_this_is() {
    let device = MemoryPlatform::new(1);
    device.set_store_assurance(StoreAssurance::Durable);
    let mut tpm = Client::new(Machine::on(device));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    let evidence = read(&mut tpm);
    assert_eq!(evidence.manufacture_count, 1);
    assert_ne!(evidence.manufacture_id, [0; 16]);
    assert_eq!(evidence.verdicts, *tpm.transport().tpm().judgement().verdicts());
    let action = |guarantee: Guarantee| {
        evidence.verdicts.iter().find(|verdict| verdict.guarantee == guarantee).unwrap().action
    };
    assert_eq!(action(Guarantee::Storage), Some(Action::Warn));
    assert_eq!(action(Guarantee::Rollback), Some(Action::Degrade));
    assert_eq!(action(Guarantee::Entropy), None);

    // Every hierarchy reads it, GetCapability lists it and tells the same.
    let index = index(&mut tpm);
    for hierarchy in [TpmRh::OWNER, TpmRh::PLATFORM] {
        ok(&mut tpm, &commands::nv_read(Entity::permanent(hierarchy), &index, SIZE, 0));
    }
    let listed = ok(&mut tpm, &commands::get_capability(TpmCap::HANDLES, 0x0100_0000, 8));
    assert!(listed.parameters().ends_with(&HANDLE.0.to_be_bytes()));
    let vendor = ok(&mut tpm, &commands::get_capability(TpmCap::VENDOR_PROPERTY, 1, 8));
    assert!(vendor.parameters().ends_with(&evidence.to_bytes()));
}

#[test]
fn no_hierarchy_forges_redefines_hides_or_removes_it() {
    let mut tpm = started();
    let before = read(&mut tpm);
    let index = index(&mut tpm);
    let all = TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE | TpmaNv::AUTHREAD;
    for hierarchy in [TpmRh::OWNER, TpmRh::PLATFORM] {
        let by = Entity::permanent(hierarchy);
        let attributes = if hierarchy == TpmRh::PLATFORM { all | TpmaNv::PLATFORMCREATE } else { all };
        let public = commands::nv_public(HANDLE, TpmAlgId::SHA256, attributes, b"", SIZE);
        let attempts = [
            commands::nv_define_space(&by, b"", &public),
            commands::nv_undefine_space(&by, &index),
            commands::nv_write(&by, &index, b"forged", 0),
            commands::nv_increment(&by, &index),
            commands::nv_extend(&by, &index, b"forged"),
            commands::nv_set_bits(&by, &index, 1),
            commands::nv_write_lock(&by, &index),
            commands::nv_read_lock(&by, &index),
        ];
        for attempt in &attempts {
            let code = refused(tpm.run(attempt));
            assert_ne!(
                code.base(),
                ResponseCode::BAD_AUTH,
                "{:?} by {hierarchy:?}: {code:?}",
                attempt.code()
            );
            assert_eq!(read(&mut tpm), before);
        }
    }
    for attempt in [
        commands::nv_write(&index, &index, b"forged", 0),
        commands::nv_write_lock(&index, &index),
        commands::nv_read_lock(&index, &index),
    ] {
        refused(tpm.run(&attempt));
    }
    ok(&mut tpm, &commands::clear(TpmRh::LOCKOUT));
    assert_eq!(read(&mut tpm), before);
    assert_eq!(self::index(&mut tpm).name(), index.name(), "its Name is the same for ever");
}

#[test]
fn seeds_are_refused_without_entropy() {
    let device = MemoryPlatform::new(1);
    device.set_entropy_assurance(EntropyAssurance::None);
    let mut machine = Machine::found_on(device.handle());
    let refusal = FailureReason::Refused(Guarantee::Entropy);
    assert_eq!(machine.tpm().manufacture(), Err(refusal));
    assert_eq!(machine.tpm().manufacture_by_force(), Err(refusal));
    assert_eq!(device.records(), None);
    let mut tpm = Client::new(machine);
    assert_eq!(refused(tpm.run(&commands::startup(TpmSu::CLEAR))), ResponseCode::FAILURE);
    let said = ok(&mut tpm, &commands::get_test_result());
    assert_eq!(said.fields().sized().unwrap(), b"the policy refuses a platform without entropy");
    drop(owner());
}
