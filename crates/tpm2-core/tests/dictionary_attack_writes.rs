//! What is durable before a protected authorization is checked, and what is answered where it cannot be.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, refused};
use platform_memory::MemoryPlatform;
use tee_api::{CounterError, StoreError};
use tpm2_client::{Client, Command, Entity, commands, name_of_public};
use tpm2_core::state::Kind;
use tpm2_types::{Position, ResponseCode, TpmAlgId, TpmCap, TpmHandle, TpmPt, TpmRh, TpmSu, TpmaNv};

type Tpm = Client<Machine>;

const AWAY: ResponseCode = ResponseCode::NV_UNAVAILABLE;
const FAILED: ResponseCode = ResponseCode::AUTH_FAIL.at(Position::Session(1));
const INDEX: TpmHandle = TpmHandle::nv_index(1);
const ATTRIBUTES: TpmaNv = TpmaNv::AUTHREAD.union(TpmaNv::AUTHWRITE);

/// A device with a counter.
fn device() -> MemoryPlatform {
    let device = MemoryPlatform::new(1);
    device.set_counter(Some(0));
    device
}

/// A TPM with a protected index and with lockoutAuth, both "right", after a start at which neither was used yet.
fn set_up(device: &MemoryPlatform) -> Tpm {
    let mut tpm = Client::new(Machine::on(device.handle()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    let public = commands::nv_public(INDEX, TpmAlgId::SHA256, ATTRIBUTES, b"", 1);
    ok(&mut tpm, &commands::nv_define_space(owner(), b"right", &public));
    let unwritten = Entity::named(INDEX, name_of_public(public.as_ref(), 4)).with_auth(b"right");
    ok(&mut tpm, &commands::nv_write(&unwritten, &unwritten, b"a", 0));
    ok(&mut tpm, &commands::hierarchy_change_auth(TpmRh::LOCKOUT, b"right"));
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    restarted(device)
}

/// The TPM that a cut now would leave, on the same device.
fn restarted(device: &MemoryPlatform) -> Tpm {
    let mut tpm = Client::new(Machine::found_on(device.handle()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    device.reset_counts();
    tpm
}

fn read(auth: &[u8]) -> Command {
    let public = commands::nv_public(INDEX, TpmAlgId::SHA256, ATTRIBUTES | TpmaNv::WRITTEN, b"", 1);
    let index = Entity::named(INDEX, name_of_public(public.as_ref(), 4)).with_auth(auth);
    commands::nv_read(&index, &index, 1, 0)
}

fn lock_reset(auth: &[u8]) -> Command {
    commands::dictionary_attack_lock_reset(Entity::permanent(TpmRh::LOCKOUT).with_auth(auth))
}

fn tries(tpm: &mut Tpm) -> u32 {
    let response = ok(tpm, &commands::get_capability(TpmCap::TPM_PROPERTIES, TpmPt::LOCKOUT_COUNTER.0, 1));
    u32::from_be_bytes(*response.parameters().last_chunk().unwrap())
}

/// Transactions that the store was asked for, and what the counter shows.
fn writes(device: &MemoryPlatform) -> (u64, u64) {
    (device.counts().commits, device.counter().unwrap())
}

/// The last field of the stored record: whether a protected authorization was used.
fn dirty_bit(device: &MemoryPlatform) -> u8 {
    *device.records().unwrap().get(Kind::DictionaryAttack.only()).unwrap().last().unwrap()
}

#[test]
fn ftpm_paper_the_dirty_bit_is_written_ahead_once_in_a_run() {
    let device = device();
    let mut tpm = set_up(&device);
    let (_, counter) = writes(&device);
    assert_eq!(dirty_bit(&device), 0);
    ok(&mut tpm, &read(b"right"));
    assert_eq!((dirty_bit(&device), writes(&device)), (1, (1, counter + 1)));
    ok(&mut tpm, &read(b"right"));
    assert_eq!(writes(&device), (1, counter + 1), "it is on record");
    assert_eq!(refused(tpm.run(&read(b"wrong"))), FAILED);
    assert_eq!((tries(&mut tpm), writes(&device)), (1, (2, counter + 2)));
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    assert_eq!(dirty_bit(&device), 0);
}

/// Neither a store that refuses nor a counter that does not follow lets a value be looked at: the answers are the same,
/// and so is what is asked of the platform.
#[test]
fn ftpm_paper_no_check_before_store_and_counter_have_the_dirty_bit() {
    type Fault = fn(&MemoryPlatform);
    let faults: [Fault; 3] = [
        |device| device.fail_next_commit(StoreError::Unavailable),
        |device| device.fail_all_counter_calls(Some(CounterError::Unavailable)),
        |device| device.lose_counter_answer_after(0),
    ];
    let device = device();
    drop(set_up(&device));
    for command in [read, lock_reset] {
        for (number, fault) in faults.iter().enumerate() {
            let answers = [&b"right"[..], b"wrong"].map(|auth| {
                let device = device.reboot();
                let mut tpm = restarted(&device);
                fault(&device);
                let code = refused(tpm.run(&command(auth)));
                (code, device.counts(), device.records(), device.counter())
            });
            assert_eq!(answers[0].0, AWAY, "{number}");
            assert_eq!(answers[0], answers[1], "{number}");
        }
    }
}

/// A blocked write is no oracle: in a dark period a right value and a wrong one get the same answer, nothing is asked of
/// the store, and nothing is counted afterwards.
#[test]
fn ftpm_paper_dark_period_is_no_oracle() {
    for (error, code) in [(StoreError::Unavailable, AWAY), (StoreError::RateLimited, ResponseCode::NV_RATE)] {
        // Before the first use in a run, and after it.
        for used in [false, true] {
            let device = device();
            let mut tpm = set_up(&device);
            if used {
                ok(&mut tpm, &read(b"right"));
            }
            let before = writes(&device);
            device.fail_all_commits(Some(error));
            for command in [read, lock_reset] {
                let digest = tpm.transport().state_digest();
                for auth in [&b"right"[..], b"wrong", b""] {
                    assert_eq!(refused(tpm.run(&command(auth))).base(), code);
                }
                assert_eq!(tpm.transport().state_digest(), digest);
            }
            assert_eq!(writes(&device), before);
            device.fail_all_commits(None);
            assert_eq!(tries(&mut tpm), 0);
            ok(&mut tpm, &read(b"right"));
            ok(&mut tpm, &lock_reset(b"right"));
        }
    }
}

/// A try whose count could not be written is lockout until it is, and counts once: in this run or, after a cut, in the
/// next one.
#[test]
fn a_try_that_could_not_be_written_counts_exactly_once() {
    for cut in [false, true] {
        let device = device();
        let mut tpm = set_up(&device);
        ok(&mut tpm, &read(b"right"));
        device.fail_next_commit(StoreError::Unavailable);
        assert_eq!(refused(tpm.run(&read(b"wrong"))), AWAY);
        for auth in [&b"right"[..], b"wrong"] {
            device.fail_next_commit(StoreError::Unavailable);
            assert_eq!(refused(tpm.run(&read(auth))), ResponseCode::LOCKOUT);
        }
        if cut {
            tpm = restarted(&device);
        }
        ok(&mut tpm, &read(b"right"));
        assert_eq!(tries(&mut tpm), 1);
        ok(&mut tpm, &read(b"right"));
        assert_eq!(tries(&mut tpm), 1);
    }
}

/// The same at lockoutAuth, which has one try.
#[test]
fn a_try_at_lockout_auth_that_could_not_be_written_disables_it() {
    for cut in [false, true] {
        let device = device();
        let mut tpm = set_up(&device);
        device.fail_commit_after(1, StoreError::Unavailable);
        assert_eq!(refused(tpm.run(&lock_reset(b"wrong"))), AWAY);
        device.fail_next_commit(StoreError::Unavailable);
        assert_eq!(refused(tpm.run(&lock_reset(b"right"))), ResponseCode::LOCKOUT);
        if cut {
            tpm = restarted(&device);
        }
        assert_eq!(refused(tpm.run(&lock_reset(b"right"))).base(), ResponseCode::LOCKOUT);
        ok(&mut tpm, &read(b"right"));
        assert_eq!(tries(&mut tpm), 0, "another authorization's try is no try of the index");
    }
}
