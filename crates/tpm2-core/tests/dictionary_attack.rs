//! Guesses, lockout and what forgives them (Part 1, "Dictionary Attack Protection"; Part 3, 25), and TPM2_Clear.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, primary, refused, started};
use tpm2_client::{Client, Entity, StartSession, commands, name_of_public, template};
use tpm2_types::{Position, ResponseCode, TpmAlgId, TpmCap, TpmHandle, TpmNt, TpmPt, TpmRh, TpmSu, TpmaNv};

type Tpm = Client<Machine>;

const FAILED: ResponseCode = ResponseCode::AUTH_FAIL.at(Position::Session(1));
const LOCKED: ResponseCode = ResponseCode::LOCKOUT;
const BOTH: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE);

fn define(tpm: &mut Tpm, number: u32, attributes: TpmaNv, size: u16) -> Entity {
    let index = TpmHandle::nv_index(number);
    let public = commands::nv_public(index, TpmAlgId::SHA256, attributes, &[], size);
    ok(tpm, &commands::nv_define_space(TpmRh::OWNER, b"right", &public));
    Entity::named(index, name_of_public(public.as_ref(), 4)).with_auth(b"right")
}

/// A written index that is protected, with the Name that it has since.
fn protected(tpm: &mut Tpm) -> Entity {
    let attributes = TpmaNv::AUTHREAD | TpmaNv::AUTHWRITE;
    let index = define(tpm, 1, attributes, 1);
    ok(tpm, &commands::nv_write(&index, &index, b"a", 0));
    let public = commands::nv_public(index.handle(), TpmAlgId::SHA256, attributes | TpmaNv::WRITTEN, &[], 1);
    Entity::named(index.handle(), name_of_public(public.as_ref(), 4)).with_auth(b"right")
}

fn parameters(tpm: &mut Tpm, max_tries: u32, recovery_time: u32, lockout_recovery: u32) {
    let set =
        commands::dictionary_attack_parameters(TpmRh::LOCKOUT, max_tries, recovery_time, lockout_recovery);
    ok(tpm, &set);
}

fn use_right(tpm: &mut Tpm, index: &Entity) {
    ok(tpm, &commands::nv_read(index, index, 1, 0));
}

fn guess(tpm: &mut Tpm, index: &Entity) -> ResponseCode {
    refused(tpm.run(&commands::nv_read(index.clone().with_auth(b"wrong"), index, 1, 0)))
}

fn property(tpm: &mut Tpm, property: TpmPt) -> u32 {
    let response = ok(tpm, &commands::get_capability(TpmCap::TPM_PROPERTIES, property.0, 1));
    let bytes = response.parameters();
    u32::from_be_bytes(*bytes.last_chunk().unwrap())
}

fn tries(tpm: &mut Tpm) -> u32 {
    property(tpm, TpmPt::LOCKOUT_COUNTER)
}

fn pass(tpm: &mut Tpm, seconds: u64) {
    tpm.transport().device.advance(seconds * 1000);
}

fn power_cut(tpm: &mut Tpm) {
    tpm.transport().power_cycle();
    ok(tpm, &commands::startup(TpmSu::CLEAR));
}

#[test]
fn only_calm_forgives() {
    let mut tpm = started();
    parameters(&mut tpm, 3, 100, 1000);
    let index = protected(&mut tpm);
    assert_eq!((guess(&mut tpm, &index), tries(&mut tpm)), (FAILED, 1));
    pass(&mut tpm, 99);
    assert_eq!((guess(&mut tpm, &index), tries(&mut tpm)), (FAILED, 2));
    pass(&mut tpm, 99);
    assert_eq!(tries(&mut tpm), 2);
    pass(&mut tpm, 1);
    assert_eq!(tries(&mut tpm), 1);
    pass(&mut tpm, 100);
    assert_eq!(tries(&mut tpm), 0);
}

#[test]
fn what_time_forgave_stays_forgiven_without_power() {
    let mut tpm = started();
    parameters(&mut tpm, 5, 100, 1000);
    let index = protected(&mut tpm);
    for _ in 0..3 {
        guess(&mut tpm, &index);
    }
    pass(&mut tpm, 200);
    use_right(&mut tpm, &index);
    power_cut(&mut tpm);
    // One that time left, and one for the use that nobody knows the end of.
    assert_eq!(tries(&mut tpm), 2);
}

#[test]
fn cve_2020_26933_a_guess_after_shutdown_counts_though_the_power_is_cut() {
    let mut tpm = started();
    let index = protected(&mut tpm);
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    // The guess is announced, then the power goes before it is recorded.
    tpm.transport().device.fail_commit_after(1, tee_api::StoreError::Unavailable);
    assert_eq!(guess(&mut tpm, &index), ResponseCode::NV_UNAVAILABLE);
    power_cut(&mut tpm);
    assert_eq!(tries(&mut tpm), 1);
}

#[test]
fn without_guesses_no_power_cut_counts() {
    let mut tpm = started();
    let index = protected(&mut tpm);
    use_right(&mut tpm, &index);
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    for _ in 0..3 {
        power_cut(&mut tpm);
    }
    assert_eq!(tries(&mut tpm), 0);
}

#[test]
fn power_cuts_do_not_count_beyond_lockout() {
    let mut tpm = started();
    parameters(&mut tpm, 1, 100, 1000);
    let index = protected(&mut tpm);
    assert_eq!(guess(&mut tpm, &index), FAILED);
    for _ in 0..3 {
        power_cut(&mut tpm);
        assert_eq!(guess(&mut tpm, &index), LOCKED.at(Position::Session(1)));
    }
    assert_eq!(tries(&mut tpm), 1);
    pass(&mut tpm, 100);
    use_right(&mut tpm, &index);
}

#[test]
fn a_session_bound_to_a_protected_entity_is_no_way_around_lockout() {
    let mut tpm = started();
    let index = protected(&mut tpm);
    let wrong = index.clone().with_auth(b"wrong");
    let open = define(&mut tpm, 2, BOTH, 1);
    let write = commands::nv_write(owner(), &open, b"a", 0);
    parameters(&mut tpm, 2, 1000, 1000);
    let mut bound = tpm.start_session(&StartSession::hmac().bound(&index)).unwrap();
    let mut guesses: Vec<_> =
        (0..3).map(|_| tpm.start_session(&StartSession::hmac().bound(&wrong)).unwrap()).collect();
    let mut codes = Vec::new();
    for session in &mut guesses {
        codes.push(refused(tpm.execute(&write, &mut [session.into()])));
    }
    assert_eq!(codes[..2], [FAILED; 2]);
    assert_eq!(codes[2].base(), LOCKED);
    // In lockout nobody learns whether a guess was right.
    let code = refused(tpm.execute(&write, &mut [(&mut bound).into()]));
    assert_eq!(code.base(), LOCKED);
    assert_eq!(tries(&mut tpm), 2);
    pass(&mut tpm, 1000);
    tpm.execute(&write, &mut [(&mut bound).into()]).unwrap();
}

#[test]
fn no_tries_at_all_is_lockout_and_no_recovery_time_is_no_protection() {
    let mut tpm = started();
    let index = protected(&mut tpm);
    parameters(&mut tpm, 0, 100, 1000);
    let code = refused(tpm.run(&commands::nv_read(&index, &index, 1, 0)));
    assert_eq!(code.base(), LOCKED);
    parameters(&mut tpm, 1, 0, 1000);
    for _ in 0..3 {
        assert_eq!(guess(&mut tpm, &index), FAILED);
    }
    use_right(&mut tpm, &index);
    assert_eq!(tries(&mut tpm), 0);
}

#[test]
fn lockout_auth_has_one_try_at_a_time() {
    let mut tpm = started();
    parameters(&mut tpm, 2, 1000, 50);
    ok(&mut tpm, &commands::hierarchy_change_auth(TpmRh::LOCKOUT, b"right"));
    let lockout = |auth: &[u8]| Entity::permanent(TpmRh::LOCKOUT).with_auth(auth);
    let reset = |auth| commands::dictionary_attack_lock_reset(lockout(auth));
    let index = protected(&mut tpm);
    guess(&mut tpm, &index);
    guess(&mut tpm, &index);
    assert_eq!(refused(tpm.run(&reset(b"wrong"))), FAILED);
    assert_eq!(refused(tpm.run(&reset(b"right"))).base(), LOCKED);
    pass(&mut tpm, 49);
    assert_eq!(refused(tpm.run(&reset(b"right"))).base(), LOCKED);
    pass(&mut tpm, 1);
    ok(&mut tpm, &reset(b"right"));
    assert_eq!(tries(&mut tpm), 0);
    use_right(&mut tpm, &index);
    // What is over is not back after the power was off.
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    power_cut(&mut tpm);
    ok(&mut tpm, &reset(b"right"));

    // Without a recovery time, a startup is what ends it.
    ok(&mut tpm, &commands::dictionary_attack_parameters(lockout(b"right"), 2, 1000, 0));
    assert_eq!(refused(tpm.run(&reset(b"wrong"))), FAILED);
    pass(&mut tpm, 100_000);
    assert_eq!(refused(tpm.run(&reset(b"right"))).base(), LOCKED);
    power_cut(&mut tpm);
    ok(&mut tpm, &reset(b"right"));
}

#[test]
fn clear_takes_what_was_the_owners() {
    let mut tpm = started();
    let (before, _) = primary(&mut tpm, TpmRh::OWNER, &template::srk_ecc());
    let (endorsement, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_ecc());
    let (platform, _) = primary(&mut tpm, TpmRh::PLATFORM, &template::ak_ecc());
    let persistent = TpmHandle::persistent(1);
    ok(&mut tpm, &commands::evict_control(TpmRh::OWNER, &before, persistent));
    let platforms = TpmaNv::PPREAD | TpmaNv::PPWRITE | TpmaNv::PLATFORMCREATE | TpmaNv::WRITE_STCLEAR;
    let kept = TpmHandle::nv_index(7);
    let public = commands::nv_public(kept, TpmAlgId::SHA256, platforms, &[], 1);
    ok(&mut tpm, &commands::nv_define_space(TpmRh::PLATFORM, b"", &public));
    ok(&mut tpm, &commands::nv_write_lock(TpmRh::PLATFORM, &kept.into()));
    let stclear = BOTH | TpmaNv::WRITE_STCLEAR | TpmaNv::CLEAR_STCLEAR;
    let index = define(&mut tpm, 1, stclear, 1);
    ok(&mut tpm, &commands::nv_write(owner(), &index, b"a", 0));
    ok(&mut tpm, &commands::nv_write_lock(owner(), &index));
    parameters(&mut tpm, 3, 100, 1000);
    for hierarchy in [TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT] {
        ok(&mut tpm, &commands::hierarchy_change_auth(hierarchy, b"auth"));
    }
    pass(&mut tpm, 10);

    let lockout = Entity::permanent(TpmRh::LOCKOUT).with_auth(b"auth");
    let mut session = tpm.start_session(&StartSession::hmac()).unwrap();
    // The client checks that the response's HMAC is made with the new authorization value.
    tpm.execute(&commands::clear(lockout), &mut [(&mut session).into()]).unwrap();

    for handle in [before.handle(), endorsement.handle(), persistent] {
        assert!(tpm.run(&commands::read_public(&handle.into())).is_err());
    }
    ok(&mut tpm, &commands::read_public(&platform));
    ok(&mut tpm, &commands::flush_context(platform.handle()));
    assert!(tpm.run(&commands::nv_read_public(index.handle())).is_err());
    let locked = refused(tpm.run(&commands::nv_write(TpmRh::PLATFORM, &kept.into(), b"a", 0)));
    assert_eq!(locked, ResponseCode::NV_LOCKED);

    // A new index has none of the old one's locks and marks, the new storage key is another one.
    let index = define(&mut tpm, 1, stclear, 1);
    let unwritten = refused(tpm.run(&commands::nv_read(owner(), &index, 1, 0)));
    assert_eq!(unwritten, ResponseCode::NV_UNINITIALIZED);
    ok(&mut tpm, &commands::nv_write(owner(), &index, b"b", 0));
    let (after, _) = primary(&mut tpm, TpmRh::OWNER, &template::srk_ecc());
    assert_ne!(before.name(), after.name());
    assert_eq!(property(&mut tpm, TpmPt::MAX_AUTH_FAIL), 32);
    assert_eq!(property(&mut tpm, TpmPt::LOCKOUT_INTERVAL), 600);
    let clock = ok(&mut tpm, &commands::read_clock());
    let mut fields = clock.fields();
    let (_time, clock, resets, restarts, safe) =
        (fields.u64().unwrap(), fields.u64(), fields.u32(), fields.u32(), fields.u8());
    assert_eq!((clock.unwrap(), resets.unwrap(), restarts.unwrap(), safe.unwrap()), (0, 0, 0, 1));
}

#[test]
fn clear_control_is_the_platforms_to_undo() {
    let mut tpm = started();
    ok(&mut tpm, &commands::clear_control(TpmRh::LOCKOUT, true));
    for hierarchy in [TpmRh::LOCKOUT, TpmRh::PLATFORM] {
        assert_eq!(refused(tpm.run(&commands::clear(hierarchy))), ResponseCode::DISABLED);
    }
    let code = refused(tpm.run(&commands::clear_control(TpmRh::LOCKOUT, false)));
    assert_eq!(code.base(), ResponseCode::AUTH_FAIL);
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    power_cut(&mut tpm);
    assert_eq!(refused(tpm.run(&commands::clear(TpmRh::LOCKOUT))), ResponseCode::DISABLED);
    ok(&mut tpm, &commands::clear_control(TpmRh::PLATFORM, false));
    ok(&mut tpm, &commands::clear(TpmRh::LOCKOUT));
}

#[test]
fn a_hierarchys_authorization_changes_without_trailing_zeros() {
    let mut tpm = started();
    let mut session = tpm.start_session(&StartSession::hmac()).unwrap();
    let change = commands::hierarchy_change_auth(TpmRh::OWNER, b"new\0\0");
    tpm.execute(&change, &mut [(&mut session).into()]).unwrap();
    let counter = BOTH.with_nt(TpmNt::COUNTER);
    let public = commands::nv_public(TpmHandle::nv_index(1), TpmAlgId::SHA256, counter, &[], 8);
    let define = |auth: &[u8]| commands::nv_define_space(owner().with_auth(auth), b"", &public);
    // The owner's authorization is no target of dictionary attacks.
    let code = refused(tpm.run(&define(b"")));
    assert_eq!(code, ResponseCode::BAD_AUTH.at(Position::Session(1)));
    ok(&mut tpm, &define(b"new"));
    // That of the platform goes with every reset.
    ok(&mut tpm, &commands::hierarchy_change_auth(TpmRh::PLATFORM, b"boot"));
    let code = refused(tpm.run(&commands::clear(TpmRh::PLATFORM)));
    assert_eq!(code, ResponseCode::BAD_AUTH.at(Position::Session(1)));
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    power_cut(&mut tpm);
    ok(&mut tpm, &commands::clear(TpmRh::PLATFORM));
}

/// A guess at lockoutAuth whose failure could not be written, and a cut.
#[test]
fn pulling_the_plug_after_a_guess_at_lockout_disables_it() {
    let device = platform_memory::MemoryPlatform::new(1);
    let mut tpm = Client::new(Machine::on(device.handle()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    ok(&mut tpm, &commands::hierarchy_change_auth(TpmRh::LOCKOUT, b"right"));
    let lockout = |auth: &[u8]| Entity::permanent(TpmRh::LOCKOUT).with_auth(auth);
    let reset = |auth: &[u8]| commands::dictionary_attack_lock_reset(lockout(auth));
    // A command that goes wrong after the check leaves nothing behind.
    let wrong = commands::hierarchy_change_auth(lockout(b"right"), &[1; 65]);
    assert_eq!(refused(tpm.run(&wrong)).base(), ResponseCode::SIZE);
    let mut tpm = Client::new(Machine::on(device.reboot()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    ok(&mut tpm, &reset(b"right"));
    assert_eq!(tries(&mut tpm), 0, "a cut after a right value costs nothing");

    let device = tpm.transport().device.handle();
    device.fail_commit_after(1, tee_api::StoreError::Unavailable);
    assert_eq!(refused(tpm.run(&reset(b"wrong"))), ResponseCode::NV_UNAVAILABLE);
    let mut tpm = Client::new(Machine::on(device.reboot()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    assert_eq!(refused(tpm.run(&reset(b"right"))), LOCKED);
}

/// TPM2_Shutdown cannot make a try forgotten that could not be written.
#[test]
fn a_shutdown_waits_for_the_record_of_a_try() {
    let mut tpm = started();
    parameters(&mut tpm, 3, 1000, 1000);
    let index = protected(&mut tpm);
    let device = tpm.transport().device.handle();
    device.fail_next_commit(tee_api::StoreError::Unavailable);
    assert_eq!(guess(&mut tpm, &index), ResponseCode::NV_UNAVAILABLE);
    device.fail_next_commit(tee_api::StoreError::Unavailable);
    assert_eq!(refused(tpm.run(&commands::shutdown(TpmSu::CLEAR))), ResponseCode::NV_UNAVAILABLE);
    ok(&mut tpm, &commands::shutdown(TpmSu::CLEAR));
    power_cut(&mut tpm);
    assert_eq!(tries(&mut tpm), 1);
}
