//! Storage and counter that are away, late, withheld or put back; what is served meanwhile, and what is found out.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, primary, refused};
use platform_memory::MemoryPlatform;
use tee_api::{CounterError, EntropyError, LifecycleAssurance, StoreError};
use tpm2_client::{Authorization, Client, Command, Entity, StartSession, commands, name_of_public, template};
use tpm2_core::{FailureReason, Start};
use tpm2_types::{
    Position, ResponseCode, TpmAlgId, TpmCap, TpmHandle, TpmNt, TpmRh, TpmSu, TpmaNv, TpmaObject,
};

type Tpm = Client<Machine>;

const COUNTER: TpmHandle = TpmHandle::nv_index(1);
const COUNTER_ATTRIBUTES: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE).with_nt(TpmNt::COUNTER);
const AWAY: ResponseCode = ResponseCode::NV_UNAVAILABLE;

/// A device with a counter.
fn device() -> MemoryPlatform {
    let device = MemoryPlatform::new(1);
    device.set_counter(Some(0));
    device
}

fn startup(tpm: &mut Tpm) {
    ok(tpm, &commands::startup(TpmSu::CLEAR));
}

/// A TPM on the device, started, with an NV counter that was incremented once.
fn with_counter(device: &MemoryPlatform) -> (Tpm, Entity) {
    let mut tpm = Client::new(Machine::on(device.handle()));
    startup(&mut tpm);
    let public = commands::nv_public(COUNTER, TpmAlgId::SHA256, COUNTER_ATTRIBUTES, b"", 8);
    ok(&mut tpm, &commands::nv_define_space(owner(), b"", &public));
    let unwritten = Entity::named(COUNTER, name_of_public(public.as_ref(), 4));
    ok(&mut tpm, &commands::nv_increment(owner(), &unwritten));
    (tpm, counter())
}

fn counter() -> Entity {
    let attributes = COUNTER_ATTRIBUTES | TpmaNv::WRITTEN;
    let public = commands::nv_public(COUNTER, TpmAlgId::SHA256, attributes, b"", 8);
    Entity::named(COUNTER, name_of_public(public.as_ref(), 4))
}

fn count(tpm: &mut Tpm) -> u64 {
    let response = ok(tpm, &commands::nv_read(owner(), &counter(), 8, 0));
    u64::from_be_bytes(response.fields().sized().unwrap().try_into().unwrap())
}

fn extend(tpm: &mut Tpm, pcr: u32) {
    ok(tpm, &commands::pcr_extend(TpmHandle::pcr(pcr), TpmAlgId::SHA256, &[1; 32]));
}

fn pcr(tpm: &mut Tpm, pcr: u8) -> [u8; 32] {
    let response = ok(tpm, &commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[pcr])));
    *response.parameters().last_chunk().unwrap()
}

fn increment() -> Command {
    commands::nv_increment(owner(), &counter())
}

fn test_result(tpm: &mut Tpm) -> String {
    let response = ok(tpm, &commands::get_test_result());
    String::from_utf8(response.fields().sized().unwrap().to_vec()).unwrap()
}

/// Clock, resetCount and safe.
fn clock(tpm: &mut Tpm) -> (u64, u32, bool) {
    let response = ok(tpm, &commands::read_clock());
    let mut fields = response.fields();
    fields.take(8).unwrap();
    let clock = u64::from_be_bytes(fields.take(8).unwrap().try_into().unwrap());
    let resets = fields.u32().unwrap();
    fields.u32().unwrap();
    (clock, resets, fields.take(1).unwrap() == [1])
}

fn start(device: &MemoryPlatform) -> Start {
    Machine::found_on(device.reboot()).tpm().start()
}

#[test]
fn each_transaction_moves_the_counter_by_one() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    for _ in 0..3 {
        let (before, commits) = (device.counter().unwrap(), device.counts().commits_kept);
        ok(&mut tpm, &increment());
        assert_eq!((device.counter().unwrap(), device.counts().commits_kept), (before + 1, commits + 1));
    }
    let (before, calls) = (device.counter(), device.counts().counter_calls);
    extend(&mut tpm, 3);
    ok(&mut tpm, &commands::get_random(8));
    assert_eq!((device.counter(), device.counts().counter_calls), (before, calls), "nothing was kept");
    assert_eq!(start(&device), Start::Existing);
}

#[test]
fn ftpm_paper_atomic_nv_serves_nothing_before_store_and_counter_moved() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    device.fail_all_counter_calls(Some(CounterError::Unavailable));
    assert_eq!(refused(tpm.run(&increment())), AWAY);
    let moved = device.counter().unwrap();

    // The next start is one at which the counter is still away.
    let cut = device.reboot();
    cut.fail_all_counter_calls(Some(CounterError::Unavailable));
    let mut tpm = Client::new(Machine::found_on(cut.handle()));
    assert_eq!(tpm.transport().tpm().start(), Start::Waiting(StoreError::Unavailable));
    startup(&mut tpm);
    extend(&mut tpm, 3);
    let extended = pcr(&mut tpm, 3);
    assert_eq!(refused(tpm.run(&commands::nv_read(owner(), &counter(), 8, 0))), AWAY);
    cut.fail_all_counter_calls(None);
    assert_eq!(count(&mut tpm), 2);
    // The transaction, and that of the start.
    assert_eq!(cut.counter(), Some(moved + 2));
    assert_eq!(pcr(&mut tpm, 3), extended);
}

#[test]
fn a_withheld_counter_closes_the_state_and_the_session_goes_on_afterwards() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    let mut session = tpm.start_session(&StartSession::hmac()).unwrap();
    device.fail_all_counter_calls(Some(CounterError::RateLimited));
    let command = increment();
    let answer = tpm.execute(&command, &mut [Authorization::Session(&mut session)]);
    assert_eq!(refused(answer), ResponseCode::NV_RATE);
    for command in [commands::nv_read(owner(), &counter(), 8, 0), increment(), commands::read_clock()] {
        assert_eq!(refused(tpm.run(&command)), ResponseCode::NV_RATE);
    }
    extend(&mut tpm, 3);
    ok(&mut tpm, &commands::get_random(8));
    device.fail_all_counter_calls(None);
    // Answered with an error and kept all the same, once.
    assert_eq!(count(&mut tpm), 2);
    tpm.execute(&command, &mut [Authorization::Session(&mut session)]).unwrap();
    assert_eq!(count(&mut tpm), 3);
}

#[test]
fn a_startup_that_the_counter_did_not_follow_is_a_whole_one() {
    let device = device();
    drop(with_counter(&device));
    let cut = device.reboot();
    let mut tpm = Client::new(Machine::found_on(cut.handle()));
    cut.lose_counter_answer_after(0);
    assert_eq!(refused(tpm.run(&commands::startup(TpmSu::CLEAR))), AWAY);
    assert_eq!(refused(tpm.run(&commands::startup(TpmSu::CLEAR))), ResponseCode::INITIALIZE);
    tpm.start_session(&StartSession::hmac()).unwrap();
    ok(&mut tpm, &commands::shutdown(TpmSu::STATE));
    let mut tpm = Client::new(Machine::found_on(cut.reboot()));
    ok(&mut tpm, &commands::startup(TpmSu::STATE));
    assert_eq!(count(&mut tpm), 1);
}

#[test]
fn a_counter_whose_answer_was_lost_is_asked_again() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    device.lose_counter_answer_after(0);
    assert_eq!(refused(tpm.run(&increment())), AWAY);
    assert_eq!(count(&mut tpm), 2);
    assert_eq!(start(&device), Start::Existing);
}

#[test]
fn ftpm_paper_replay_protection_finds_old_state_and_foreign_state() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    let old = device.records();
    ok(&mut tpm, &increment());
    let latest = device.records();

    device.set_records(old);
    assert_eq!(start(&device), Start::Failed(FailureReason::Store(StoreError::RolledBack)));
    let mut failed = Client::new(Machine::found_on(device.reboot()));
    assert_eq!(refused(failed.run(&commands::startup(TpmSu::CLEAR))), ResponseCode::FAILURE);
    assert_eq!(test_result(&mut failed), "the stored state is older than what was kept last");
    assert_eq!(failed.transport().device.failed().unwrap(), "fTPM: state rolled back");

    device.set_records(latest);
    assert_eq!(start(&device), Start::Existing);
    device.set_counter(device.counter().map(|value| value - 2));
    assert_eq!(start(&device), Start::Failed(FailureReason::Store(StoreError::Foreign)));
}

#[test]
fn without_a_counter_old_state_is_served_and_the_posture_says_so() {
    let device = MemoryPlatform::new(1);
    let (mut tpm, _) = with_counter(&device);
    let old = device.records();
    ok(&mut tpm, &increment());
    device.set_records(old);
    let mut tpm = Client::new(Machine::on(device.reboot()));
    startup(&mut tpm);
    assert_eq!(count(&mut tpm), 1);
    assert!(tpm.transport().tpm().judgement().is_degraded(posture::Guarantee::Rollback));
}

/// The open fTPM made a new TPM, with no failed tries, where a block was missing (lessons, row 4).
#[test]
fn optee_ftpm_4_an_empty_store_is_missing_where_something_remembers() {
    for (counter, marker) in [(Some(0), None), (None, Some(false))] {
        let device = MemoryPlatform::new(1);
        device.set_counter(counter);
        device.set_provisioned(marker);
        assert_eq!(start(&device), Start::Empty);
        drop(Machine::on(device.handle()));
        device.set_records(None);
        let missing = FailureReason::Store(StoreError::Missing);
        let mut machine = Machine::found_on(device.reboot());
        assert_eq!(machine.tpm().start(), Start::Failed(missing));
        assert_eq!(machine.tpm().manufacture(), Err(missing));
        machine.tpm().manufacture_by_force().unwrap();
        let mut tpm = Client::new(machine);
        startup(&mut tpm);
        let evidence = posture::Evidence::from_bytes(tpm.transport().tpm().state().posture()).unwrap();
        assert_eq!(evidence.manufacture_count, 2);
        assert_eq!(start(&tpm.transport().device), Start::Existing);
    }
    // Where nothing remembers, nobody can know.
    let device = MemoryPlatform::new(1);
    drop(Machine::on(device.handle()));
    device.set_records(None);
    assert_eq!(start(&device), Start::Empty);
}

#[test]
fn a_device_is_marked_after_a_cut_between_manufacture_and_mark() {
    let device = MemoryPlatform::new(1);
    device.set_provisioned(Some(false));
    drop(Machine::on(device.handle()));
    device.set_provisioned(Some(false));
    let rebooted = device.reboot();
    assert_eq!(Machine::found_on(rebooted.handle()).tpm().start(), Start::Existing);
    rebooted.set_records(None);
    assert_eq!(start(&rebooted), Start::Failed(FailureReason::Store(StoreError::Missing)));
}

/// The open fTPM's storage error at start is a panic (lessons, row 6).
#[test]
fn optee_ftpm_6_a_start_before_storage_measures_and_attaches_the_state_later() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    device.advance(5000);
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    let (before, resets, _) = clock(&mut tpm);

    let late = device.reboot();
    late.set_storage_away(true);
    let mut tpm = Client::new(Machine::found_on(late.handle()));
    assert_eq!(tpm.transport().tpm().start(), Start::Waiting(StoreError::Unavailable));
    // Whether there is something to resume from, only the state tells.
    assert_eq!(refused(tpm.run(&commands::startup(TpmSu::STATE))), AWAY);
    startup(&mut tpm);
    extend(&mut tpm, 3);
    let extended = pcr(&mut tpm, 3);
    ok(&mut tpm, &commands::get_random(8));
    ok(&mut tpm, &commands::get_capability(TpmCap::TPM_PROPERTIES, 0x100, 64));
    let session = tpm.start_session(&StartSession::hmac()).unwrap();
    drop(primary(&mut tpm, TpmRh::NULL, &template::srk_ecc()));
    late.advance(1000);
    let waiting = [
        commands::read_clock(),
        commands::shutdown(TpmSu::CLEAR),
        commands::nv_read_public(COUNTER),
        increment(),
        commands::get_capability(TpmCap::TPM_PROPERTIES, 0x200, 1),
        commands::get_capability(TpmCap::HANDLES, 0x0100_0000, 8),
        commands::get_capability(TpmCap::HANDLES, 0x8100_0000, 8),
        commands::hierarchy_change_auth(TpmRh::OWNER, b"new"),
        commands::read_public(&Entity::permanent(TpmHandle::persistent(1))),
        commands::context_save(session.handle()),
        commands::create_primary(
            owner(),
            commands::sensitive(b"", b""),
            &template::srk_ecc().to_bytes(),
            b"",
            commands::no_pcrs(),
        ),
    ];
    let digest = tpm.transport().state_digest();
    for command in &waiting {
        assert_eq!(refused(tpm.run(command)), AWAY, "{:?}", command.code());
    }
    assert_eq!(tpm.transport().state_digest(), digest);

    late.set_storage_away(false);
    assert_eq!(count(&mut tpm), 1);
    assert_eq!(pcr(&mut tpm, 3), extended, "PCRs go on");
    // Clock makes up for the time that went by; the start is written down as a reset.
    assert_eq!(clock(&mut tpm), (before + 1000, resets + 1, true));
    ok(&mut tpm, &increment());
    ok(&mut tpm, &commands::hierarchy_change_auth(TpmRh::PLATFORM, b"boot"));
    assert_eq!(start(&late), Start::Existing);
}

#[test]
fn storage_that_leaves_between_attach_and_write_is_attached_again() {
    let device = device();
    drop(with_counter(&device));
    let late = device.reboot();
    late.set_storage_away(true);
    let mut tpm = Client::new(Machine::found_on(late.handle()));
    startup(&mut tpm);
    extend(&mut tpm, 3);
    late.set_storage_away(false);
    late.fail_next_commit(StoreError::Unavailable);
    assert_eq!(refused(tpm.run(&increment())), AWAY);
    ok(&mut tpm, &increment());
    assert_eq!((count(&mut tpm), clock(&mut tpm).1), (2, 2));
    // And the counter that is withheld at that moment.
    let late = late.reboot();
    late.set_storage_away(true);
    let mut tpm = Client::new(Machine::found_on(late.handle()));
    startup(&mut tpm);
    late.set_storage_away(false);
    late.lose_counter_answer_after(1);
    assert_eq!(refused(tpm.run(&increment())), AWAY);
    ok(&mut tpm, &increment());
    assert_eq!((count(&mut tpm), clock(&mut tpm).1), (3, 3));
}

#[test]
fn a_state_that_comes_late_and_is_bad_is_failure_mode_with_pcrs_that_never_went_back() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    let old = device.records();
    ok(&mut tpm, &increment());
    device.set_records(old);
    let late = device.reboot();
    late.set_storage_away(true);
    let mut tpm = Client::new(Machine::found_on(late.handle()));
    startup(&mut tpm);
    extend(&mut tpm, 3);
    late.set_storage_away(false);
    assert_eq!(refused(tpm.run(&commands::get_random(8))), ResponseCode::FAILURE);
    assert_eq!(test_result(&mut tpm), "the stored state is older than what was kept last");
    assert_eq!(refused(tpm.run(&commands::startup(TpmSu::CLEAR))), ResponseCode::FAILURE);
}

/// NV that is "always available" never has a dark period (lessons, row 2).
#[test]
fn optee_ftpm_2_in_a_dark_period_what_needs_no_write_goes_on_and_time_stands() {
    for (error, code) in [(StoreError::Unavailable, AWAY), (StoreError::RateLimited, ResponseCode::NV_RATE)] {
        let device = device();
        let (mut tpm, _) = with_counter(&device);
        extend(&mut tpm, 3);
        let before = clock(&mut tpm);
        let digest = tpm.transport().state_digest();
        device.fail_all_commits(Some(error));
        device.advance(10_000);
        assert_eq!(refused(tpm.run(&increment())), code);
        assert_eq!(refused(tpm.run(&commands::shutdown(TpmSu::STATE))), code);
        assert_eq!(count(&mut tpm), 1);
        assert_eq!(clock(&mut tpm), before, "Clock stands");
        assert_eq!(tpm.transport().state_digest(), digest);
        ok(&mut tpm, &commands::get_random(8));
        device.fail_all_commits(None);
        ok(&mut tpm, &increment());
        assert_eq!(clock(&mut tpm).0, before.0 + 10_000, "the time that went by is made up for");
    }
}

#[test]
fn policies_that_time_binds_wait_for_the_end_of_a_dark_period() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    let secret = |session| commands::policy_secret(&owner(), session, b"", b"", b"", 100);
    let policy = |tpm: &mut Tpm, expiration| {
        let trial = tpm.start_session(&StartSession::trial()).unwrap();
        let command = commands::policy_secret(&owner(), trial.handle(), b"", b"", b"", expiration);
        ok(tpm, &command);
        let digest = ok(tpm, &commands::policy_get_digest(trial.handle()));
        ok(tpm, &commands::flush_context(trial.handle()));
        digest.fields().sized().unwrap().to_vec()
    };
    let digest = policy(&mut tpm, 100);
    let (storage, _) = primary(&mut tpm, TpmRh::OWNER, &template::srk_ecc());
    let sealed = template::sealed().policy(&digest).clear(TpmaObject::USER_WITH_AUTH);
    let item = common::child(&mut tpm, &storage, &sealed, b"", b"data");
    let mut session = tpm.start_session(&StartSession::policy()).unwrap();
    ok(&mut tpm, &secret(session.handle()));

    device.fail_all_commits(Some(StoreError::Unavailable));
    let unseal = commands::unseal(&item);
    assert_eq!(refused(tpm.execute(&unseal, &mut [Authorization::Session(&mut session)])), AWAY);
    let other = tpm.start_session(&StartSession::policy()).unwrap();
    assert_eq!(refused(tpm.run(&secret(other.handle()))), AWAY);
    device.fail_all_commits(None);
    let answer = tpm.execute(&unseal, &mut [Authorization::Session(&mut session)]).unwrap();
    assert_eq!(answer.fields().sized().unwrap(), b"data");
}

/// A restarted TA ran Startup anew, and the PCRs with it (lessons, row 7).
#[test]
fn cve_2025_46733_a_service_that_restarts_alone_is_failure_mode_until_the_platforms_reset() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    extend(&mut tpm, 3);
    let restarted = device.restart_service();
    let mut tpm = Client::new(Machine::found_on(restarted.handle()));
    assert_eq!(tpm.transport().tpm().start(), Start::Failed(FailureReason::Restarted));
    for command in [commands::startup(TpmSu::CLEAR), commands::get_random(8)] {
        assert_eq!(refused(tpm.run(&command)), ResponseCode::FAILURE);
    }
    assert!(test_result(&mut tpm).contains("restarted without its platform"));
    let mut tpm = Client::new(Machine::found_on(restarted.reboot()));
    startup(&mut tpm);
    assert_eq!(pcr(&mut tpm, 3), [0; 32]);

    // A platform that cannot tell says so, and the posture with it.
    restarted.set_lifecycle_assurance(LifecycleAssurance::None);
    let mut machine = Machine::found_on(restarted);
    assert_eq!(machine.tpm().start(), Start::Existing);
    assert!(machine.tpm().judgement().is_degraded(posture::Guarantee::FateSharing));
}

#[test]
fn ftpm_paper_entropy_that_dries_up_is_waited_for_and_one_that_sticks_is_refused() {
    let device = device();
    drop(with_counter(&device));
    let dry = device.reboot();
    dry.fail_all_entropy(Some(EntropyError::Unavailable));
    let mut tpm = Client::new(Machine::found_on(dry.handle()));
    assert_eq!(refused(tpm.run(&commands::startup(TpmSu::CLEAR))), ResponseCode::RETRY);
    dry.fail_all_entropy(None);
    startup(&mut tpm);

    let broken = device.reboot();
    broken.script_entropy(&[0xA5; 64]);
    let mut tpm = Client::new(Machine::found_on(broken.handle()));
    assert_eq!(refused(tpm.run(&commands::startup(TpmSu::CLEAR))), ResponseCode::FAILURE);
    assert_eq!(test_result(&mut tpm), "the entropy source failed its health test");

    let empty = MemoryPlatform::new(1);
    empty.script_entropy(&[0xA5; 64]);
    let mut machine = Machine::found_on(empty);
    let refusal = FailureReason::Entropy(EntropyError::Unhealthy);
    assert_eq!(machine.tpm().manufacture(), Err(refusal));
    assert_eq!(machine.device.records(), None);
}

/// Wrong once, right after it: nothing is learnt before the count is written.
#[test]
fn a_failed_try_that_cannot_be_written_is_lockout_until_it_is() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    ok(&mut tpm, &commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 5, 1000, 1000));
    let attributes = TpmaNv::AUTHREAD | TpmaNv::AUTHWRITE;
    let handle = TpmHandle::nv_index(2);
    let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes, b"", 1);
    ok(&mut tpm, &commands::nv_define_space(owner(), b"right", &public));
    let index = Entity::named(handle, name_of_public(public.as_ref(), 4)).with_auth(b"right");
    ok(&mut tpm, &commands::nv_write(&index, &index, b"a", 0));
    let read = |auth: &[u8]| commands::nv_read(index.clone().with_auth(auth), &index, 1, 0);

    device.fail_next_commit(StoreError::Unavailable);
    assert_eq!(refused(tpm.run(&read(b"wrong"))), AWAY);
    // Its count is written before this command is looked at.
    device.fail_next_commit(StoreError::Unavailable);
    assert_eq!(refused(tpm.run(&read(b"right"))), ResponseCode::LOCKOUT);
    device.fail_all_commits(Some(StoreError::Unavailable));
    assert_eq!(refused(tpm.run(&read(b"right"))), ResponseCode::LOCKOUT);
    device.fail_all_commits(None);
    ok(&mut tpm, &read(b"right"));
    let tries = |tpm: &mut Tpm| {
        let response = ok(tpm, &commands::get_capability(TpmCap::TPM_PROPERTIES, 0x20E, 1));
        u32::from_be_bytes(*response.parameters().last_chunk().unwrap())
    };
    assert_eq!(tries(&mut tpm), 1);
    assert_eq!(refused(tpm.run(&read(b"wrong"))), ResponseCode::AUTH_FAIL.at(Position::Session(1)));
    assert_eq!(tries(&mut tpm), 2);
    // In a dark period neither value is looked at: the answers are the same.
    device.fail_all_commits(Some(StoreError::Unavailable));
    assert_eq!(refused(tpm.run(&read(b"right"))), AWAY);
    assert_eq!(refused(tpm.run(&read(b"wrong"))), AWAY);
}

/// Writes of the store that each command takes: the wear budget.
#[test]
fn amd_stutter_commands_write_once_or_not_at_all() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    let (storage, _) = primary(&mut tpm, TpmRh::OWNER, &template::srk_ecc());
    let protected = template::sealed().clear(TpmaObject::NO_DA);
    let item = common::child(&mut tpm, &storage, &protected, b"right", b"data");
    let wrong = Entity::named(item.handle(), item.name()).with_auth(b"wrong");
    let mut writes = |command: &Command| {
        let before = device.counts().commits;
        drop(tpm.run(command));
        device.counts().commits - before
    };
    let budget = [
        (commands::pcr_extend(TpmHandle::pcr(3), TpmAlgId::SHA256, &[1; 32]), 0),
        (commands::get_random(8), 0),
        (commands::nv_read(owner(), &counter(), 8, 0), 0),
        (commands::read_clock(), 0),
        (increment(), 1),
        (commands::hierarchy_change_auth(TpmRh::ENDORSEMENT, b"new"), 1),
        (commands::evict_control(owner(), &storage, TpmHandle::persistent(1)), 1),
        // The dirty bit was set when lockoutAuth or this was first used: once in a run.
        (commands::unseal(&item), 1),
        (commands::unseal(&item), 0),
        (commands::unseal(&wrong), 1),
        (commands::shutdown(TpmSu::STATE), 1),
    ];
    for (command, expected) in &budget {
        assert_eq!(writes(command), *expected, "{:?}", command.code());
    }
}

/// Clock is written once in TPM_PT_CLOCK_UPDATE, beside whatever runs then, and not more often.
#[test]
fn ftpm_paper_clock_is_written_once_in_its_period() {
    let device = device();
    let (mut tpm, _) = with_counter(&device);
    let period = u64::from(tpm2_core::profile::PC_CLIENT.clock_update);
    let before = device.counts().commits;
    for _ in 0..8 {
        device.advance(period / 4);
        ok(&mut tpm, &commands::get_random(8));
    }
    assert_eq!(device.counts().commits - before, 2);
    let (now, ..) = clock(&mut tpm);
    let mut tpm = Client::new(Machine::found_on(device.reboot()));
    startup(&mut tpm);
    let (after, _, safe) = clock(&mut tpm);
    assert!(after <= now && now - after < period && !safe);
}
