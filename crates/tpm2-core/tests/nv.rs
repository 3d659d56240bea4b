//! NV indices: what they keep, who may touch them, and what a reset takes (Part 3, 31).
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, owner, refused, started};
use platform_memory::MemoryPlatform;
use tpm2_client::{Client, Command, Entity, Response, StartSession, commands, name_of_public};
use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{Position, ResponseCode, TpmAlgId, TpmCc, TpmHandle, TpmNt, TpmRh, TpmSu, TpmaNv};

/// The owner may read and write.
const BOTH: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE);
/// Only the index's authValue reads and writes.
const OWN: TpmaNv = TpmaNv::AUTHREAD.union(TpmaNv::AUTHWRITE).union(TpmaNv::NO_DA);

type Tpm = Client<Machine>;

fn ok(tpm: &mut Tpm, command: &Command) -> Response {
    tpm.run(command).unwrap()
}

fn define_by(tpm: &mut Tpm, hierarchy: TpmHandle, number: u32, attributes: TpmaNv, size: u16) -> Entity {
    let index = TpmHandle::nv_index(number);
    let public = commands::nv_public(index, TpmAlgId::SHA256, attributes, &[], size);
    ok(tpm, &commands::nv_define_space(hierarchy, b"index", &public));
    Entity::named(index, name_of_public(public.as_ref(), 4)).with_auth(b"index")
}

fn define(tpm: &mut Tpm, number: u32, attributes: TpmaNv, size: u16) -> Entity {
    define_by(tpm, TpmRh::OWNER, number, attributes, size)
}

fn write(tpm: &mut Tpm, index: &Entity, data: &[u8], offset: u16) {
    ok(tpm, &commands::nv_write(owner(), index, data, offset));
}

fn read(tpm: &mut Tpm, index: &Entity, size: u16) -> Vec<u8> {
    ok(tpm, &commands::nv_read(owner(), index, size, 0)).fields().sized().unwrap().to_vec()
}

fn count(tpm: &mut Tpm, index: &Entity) -> u64 {
    ok(tpm, &commands::nv_increment(owner(), index));
    u64::from_be_bytes(read(tpm, index, 8).try_into().unwrap())
}

fn attributes(tpm: &mut Tpm, index: &Entity) -> TpmaNv {
    let response = ok(tpm, &commands::nv_read_public(index.handle()));
    let mut fields = response.fields();
    let public = fields.sized().unwrap();
    assert_eq!(name_of_public(public, 4), fields.sized().unwrap());
    TpmaNv::from_bits_retain(u32::from_be_bytes(public[6..10].try_into().unwrap()))
}

/// TPM2_Shutdown, _TPM_Init, TPM2_Startup.
fn restart(tpm: &mut Tpm, shutdown: TpmSu, startup: TpmSu) {
    ok(tpm, &commands::shutdown(shutdown));
    tpm.transport().power_cycle();
    ok(tpm, &commands::startup(startup));
}

fn reset(tpm: &mut Tpm) {
    restart(tpm, TpmSu::CLEAR, TpmSu::CLEAR);
}

#[test]
fn an_ordinary_index_keeps_what_is_written() {
    let mut tpm = started();
    let index = define(&mut tpm, 1, BOTH, 8);
    assert_eq!(attributes(&mut tpm, &index), BOTH);
    let unwritten = refused(tpm.run(&commands::nv_read(owner(), &index, 8, 0)));
    assert_eq!(unwritten, ResponseCode::NV_UNINITIALIZED);

    write(&mut tpm, &index, b"abc", 2);
    assert_eq!(read(&mut tpm, &index, 8), b"\xFF\xFFabc\xFF\xFF\xFF");
    write(&mut tpm, &index, b"12345678", 0);
    write(&mut tpm, &index, b"z", 7);
    write(&mut tpm, &index, b"", 8);
    assert_eq!(attributes(&mut tpm, &index), BOTH | TpmaNv::WRITTEN);
    reset(&mut tpm);
    assert_eq!(read(&mut tpm, &index, 8), b"1234567z");
    let part = ok(&mut tpm, &commands::nv_read(owner(), &index, 2, 6));
    assert_eq!(part.fields().sized().unwrap(), b"7z");

    let beyond = refused(tpm.run(&commands::nv_read(owner(), &index, 0, 9)));
    assert_eq!(beyond, ResponseCode::VALUE.at(Position::Parameter(2)));
    let beyond = refused(tpm.run(&commands::nv_write(owner(), &index, b"", 9)));
    assert_eq!(beyond, ResponseCode::VALUE.at(Position::Parameter(2)));
}

#[test]
fn an_index_lives_on_the_device() {
    let device = MemoryPlatform::new(3);
    let mut tpm = Client::new(Machine::on(device.handle()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    let index = define(&mut tpm, 1, BOTH, 4);
    write(&mut tpm, &index, b"kept", 0);
    // The power is cut: another TPM finds what the store has.
    let mut tpm = Client::new(Machine::on(device.reboot()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    assert_eq!(read(&mut tpm, &index, 4), b"kept");
}

#[test]
fn the_same_data_again_is_not_written_to_the_store() {
    let mut tpm = started();
    let index = define(&mut tpm, 1, BOTH, 8);
    write(&mut tpm, &index, b"12345678", 0);
    tpm.transport().device.reset_counts();
    write(&mut tpm, &index, b"345", 2);
    assert_eq!(tpm.transport().device.counts().commits, 0);
    write(&mut tpm, &index, b"x", 2);
    assert_eq!(tpm.transport().device.counts().commits, 1);
}

#[test]
fn counters_never_show_a_value_twice() {
    let mut tpm = started();
    let counter = BOTH.with_nt(TpmNt::COUNTER);
    let first = define(&mut tpm, 1, counter, 8);
    assert_eq!((count(&mut tpm, &first), count(&mut tpm, &first)), (1, 2));
    let second = define(&mut tpm, 2, counter | TpmaNv::ORDERLY, 8);
    assert_eq!(count(&mut tpm, &second), 3);
    ok(&mut tpm, &commands::nv_undefine_space(owner(), &second));
    let second = define(&mut tpm, 2, counter, 8);
    assert_eq!(count(&mut tpm, &second), 4);
    assert_eq!(count(&mut tpm, &first), 3);
    reset(&mut tpm);
    assert_eq!(count(&mut tpm, &first), 4);
    // Nor after TPM2_Clear.
    ok(&mut tpm, &commands::clear(TpmRh::LOCKOUT));
    let first = define(&mut tpm, 1, counter, 8);
    assert_eq!(count(&mut tpm, &first), 5);
}

#[test]
fn an_extend_index_is_a_hash_chain() {
    let mut tpm = started();
    let index = define(&mut tpm, 1, BOTH.with_nt(TpmNt::EXTEND) | TpmaNv::CLEAR_STCLEAR, 32);
    let once = hash(HashAlgorithm::Sha256, &[&[0; 32], b"one"]);
    ok(&mut tpm, &commands::nv_extend(owner(), &index, b"one"));
    assert_eq!(read(&mut tpm, &index, 32), &*once);
    ok(&mut tpm, &commands::nv_extend(owner(), &index, b"two"));
    assert_eq!(read(&mut tpm, &index, 32), &*hash(HashAlgorithm::Sha256, &[&once, b"two"]));
    // As a PCR, it begins anew after a reset.
    reset(&mut tpm);
    assert!(!attributes(&mut tpm, &index).contains(TpmaNv::WRITTEN));
    ok(&mut tpm, &commands::nv_extend(owner(), &index, b"one"));
    assert_eq!(read(&mut tpm, &index, 32), &*once);
}

#[test]
fn bits_are_set_and_never_cleared() {
    let mut tpm = started();
    let index = define(&mut tpm, 1, BOTH.with_nt(TpmNt::BITS), 8);
    ok(&mut tpm, &commands::nv_set_bits(owner(), &index, 0));
    assert_eq!(read(&mut tpm, &index, 8), [0; 8]);
    ok(&mut tpm, &commands::nv_set_bits(owner(), &index, 0b101));
    ok(&mut tpm, &commands::nv_set_bits(owner(), &index, 1 << 63));
    assert_eq!(read(&mut tpm, &index, 8), [0x80, 0, 0, 0, 0, 0, 0, 5]);
}

#[test]
fn locks_last_as_long_as_they_should() {
    let mut tpm = started();
    let for_now = define(&mut tpm, 1, BOTH | TpmaNv::WRITE_STCLEAR | TpmaNv::READ_STCLEAR, 1);
    let for_ever = define(&mut tpm, 2, BOTH | TpmaNv::WRITEDEFINE, 1);
    let unwritten = define(&mut tpm, 3, BOTH | TpmaNv::WRITEDEFINE, 1);
    write(&mut tpm, &for_now, b"a", 0);
    write(&mut tpm, &for_ever, b"a", 0);
    ok(&mut tpm, &commands::nv_read_lock(owner(), &for_now));
    for index in [&for_now, &for_ever, &unwritten] {
        ok(&mut tpm, &commands::nv_write_lock(owner(), index));
        // Once more changes nothing.
        ok(&mut tpm, &commands::nv_write_lock(owner(), index));
        let locked = refused(tpm.run(&commands::nv_write(owner(), index, b"b", 0)));
        assert_eq!(locked, ResponseCode::NV_LOCKED);
    }
    let all = TpmaNv::READLOCKED | TpmaNv::WRITELOCKED;
    assert!(attributes(&mut tpm, &for_now).contains(all));

    restart(&mut tpm, TpmSu::STATE, TpmSu::STATE);
    assert!(attributes(&mut tpm, &for_now).contains(all));
    assert!(attributes(&mut tpm, &unwritten).contains(TpmaNv::WRITELOCKED));

    for shutdown in [TpmSu::STATE, TpmSu::CLEAR] {
        restart(&mut tpm, shutdown, TpmSu::CLEAR);
        assert!(!attributes(&mut tpm, &for_now).intersects(all));
        assert_eq!(read(&mut tpm, &for_now, 1), b"a");
        assert!(attributes(&mut tpm, &for_ever).contains(TpmaNv::WRITELOCKED));
        assert!(!attributes(&mut tpm, &unwritten).contains(TpmaNv::WRITELOCKED));
    }
    write(&mut tpm, &unwritten, b"b", 0);
}

#[test]
fn written_marks_last_as_long_as_they_should() {
    let mut tpm = started();
    let clear = define(&mut tpm, 1, BOTH | TpmaNv::CLEAR_STCLEAR, 4);
    let orderly = define(&mut tpm, 2, BOTH | TpmaNv::ORDERLY, 4);
    let both = [&clear, &orderly];
    for index in both {
        write(&mut tpm, index, b"1234", 0);
    }
    restart(&mut tpm, TpmSu::STATE, TpmSu::STATE);
    for index in both {
        assert_eq!(read(&mut tpm, index, 4), b"1234");
    }
    restart(&mut tpm, TpmSu::STATE, TpmSu::CLEAR);
    assert!(!attributes(&mut tpm, &clear).contains(TpmaNv::WRITTEN));
    assert_eq!(read(&mut tpm, &orderly, 4), b"1234");
    reset(&mut tpm);
    assert!(!attributes(&mut tpm, &orderly).contains(TpmaNv::WRITTEN));
    // What was there before is gone, also where a new write leaves it out.
    for index in both {
        write(&mut tpm, index, b"x", 1);
        assert_eq!(read(&mut tpm, index, 4), b"\xFFx\xFF\xFF");
    }
}

#[test]
fn attributes_say_who_reads_and_writes() {
    let mut tpm = started();
    let index = define(&mut tpm, 1, OWN, 1);
    ok(&mut tpm, &commands::nv_write(&index, &index, b"a", 0));
    let index = index_as_it_is(&mut tpm, &index);
    let data = ok(&mut tpm, &commands::nv_read(&index, &index, 1, 0));
    assert_eq!(data.fields().sized().unwrap(), b"a");
    for hierarchy in [TpmRh::OWNER, TpmRh::PLATFORM] {
        let code = refused(tpm.run(&commands::nv_read(hierarchy, &index, 1, 0)));
        assert_eq!(code, ResponseCode::NV_AUTHORIZATION);
    }
    let wrong = index.clone().with_auth(b"wrong");
    let code = refused(tpm.run(&commands::nv_read(&wrong, &index, 1, 0)));
    assert_eq!(code, ResponseCode::BAD_AUTH.at(Position::Session(1)));

    let owners = define(&mut tpm, 2, BOTH, 1);
    let code = refused(tpm.run(&commands::nv_write(&owners, &owners, b"a", 0)));
    assert_eq!(code, ResponseCode::AUTH_UNAVAILABLE.at(Position::Session(1)));

    let platforms = TpmaNv::PPREAD | TpmaNv::PPWRITE | TpmaNv::OWNERREAD | TpmaNv::PLATFORMCREATE;
    let platforms = define_by(&mut tpm, TpmRh::PLATFORM, 3, platforms, 1);
    ok(&mut tpm, &commands::nv_write(TpmRh::PLATFORM, &platforms, b"p", 0));
    assert_eq!(read(&mut tpm, &platforms, 1), b"p");
    let code = refused(tpm.run(&commands::nv_undefine_space(owner(), &platforms)));
    assert_eq!(code, ResponseCode::NV_AUTHORIZATION);
    // The owner's indices can be removed by the platform, which can remove everything.
    for index in [&index, &owners, &platforms] {
        ok(&mut tpm, &commands::nv_undefine_space(TpmRh::PLATFORM, index));
        let code = refused(tpm.run(&commands::nv_read_public(index.handle())));
        assert_eq!(code, ResponseCode::HANDLE.at(Position::Handle(1)));
    }
}

#[test]
fn an_unwritten_index_is_no_target_for_guesses() {
    let mut tpm = started();
    let protected = TpmaNv::AUTHREAD | TpmaNv::AUTHWRITE;
    let index = define(&mut tpm, 1, protected, 1);
    let wrong = index.clone().with_auth(b"wrong");
    let code = refused(tpm.run(&commands::nv_read(&wrong, &index, 1, 0)));
    assert_eq!(code, ResponseCode::NV_UNINITIALIZED);
    ok(&mut tpm, &commands::nv_write(&index, &index, b"a", 0));
    let code = refused(tpm.run(&commands::nv_read(&wrong, &index, 1, 0)));
    assert_eq!(code, ResponseCode::AUTH_FAIL.at(Position::Session(1)));
}

#[test]
fn sessions_and_policies_open_an_index() {
    let mut tpm = started();
    let mut session = tpm.start_session(&StartSession::hmac()).unwrap();
    let index = define(&mut tpm, 1, OWN, 4);
    tpm.execute(&commands::nv_write(&index, &index, b"hmac", 0), &mut [(&mut session).into()]).unwrap();
    let index = index_as_it_is(&mut tpm, &index);
    let read = commands::nv_read(&index, &index, 4, 0);
    let response = tpm.execute(&read, &mut [(&mut session).into()]).unwrap();
    assert_eq!(response.fields().sized().unwrap(), b"hmac");

    let trial = tpm.start_session(&StartSession::trial()).unwrap();
    ok(&mut tpm, &commands::policy_command_code(trial.handle(), TpmCc::NV_READ));
    let digest = ok(&mut tpm, &commands::policy_get_digest(trial.handle()));
    let policy = digest.fields().sized().unwrap().to_vec();
    let handle = TpmHandle::nv_index(2);
    let attributes = TpmaNv::OWNERWRITE | TpmaNv::POLICYREAD;
    let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes, &policy, 4);
    ok(&mut tpm, &commands::nv_define_space(TpmRh::OWNER, b"", &public));
    let index = Entity::permanent(handle);
    write(&mut tpm, &index, b"read", 0);
    let index = index_as_it_is(&mut tpm, &index);
    let read = commands::nv_read(&index, &index, 4, 0);
    let mut policy = tpm.start_session(&StartSession::policy()).unwrap();
    let code = refused(tpm.execute(&read, &mut [(&mut policy).into()]));
    assert_eq!(code, ResponseCode::POLICY_FAIL.at(Position::Session(1)));
    ok(&mut tpm, &commands::policy_command_code(policy.handle(), TpmCc::NV_READ));
    let response = tpm.execute(&read, &mut [(&mut policy).into()]).unwrap();
    assert_eq!(response.fields().sized().unwrap(), b"read");
}

#[test]
fn a_full_store_still_shuts_down() {
    let mut tpm = started();
    let define = |number, size| {
        let public = commands::nv_public(TpmHandle::nv_index(number), TpmAlgId::SHA256, BOTH, &[], size);
        commands::nv_define_space(TpmRh::OWNER, &[], public)
    };
    let mut numbers = 0..;
    for size in [2048, 256, 8, 0] {
        let full = numbers.find_map(|number| tpm.run(&define(number, size)).err()).unwrap();
        assert_eq!(full.response_code(), Some(ResponseCode::NV_SPACE));
    }
    restart(&mut tpm, TpmSu::STATE, TpmSu::STATE);
    reset(&mut tpm);
    ok(&mut tpm, &commands::nv_undefine_space(owner(), &TpmHandle::nv_index(0).into()));
    ok(&mut tpm, &define(0, 2048));
}

#[test]
fn a_failed_commit_changes_nothing() {
    let mut tpm = started();
    let index = define(&mut tpm, 1, BOTH.with_nt(TpmNt::COUNTER), 8);
    assert_eq!(count(&mut tpm, &index), 1);
    let before = tpm.transport().state_digest();
    tpm.transport().device.fail_next_commit(tee_api::StoreError::Unavailable);
    let code = refused(tpm.run(&commands::nv_increment(owner(), &index)));
    assert_eq!(code, ResponseCode::NV_UNAVAILABLE);
    assert_eq!(tpm.transport().state_digest(), before);
    assert_eq!(count(&mut tpm, &index), 2);
}

/// The index with its Name as it is now.
fn index_as_it_is(tpm: &mut Tpm, index: &Entity) -> Entity {
    let response = ok(tpm, &commands::nv_read_public(index.handle()));
    let name = name_of_public(response.fields().sized().unwrap(), 4);
    Entity::named(index.handle(), name).with_auth(index.password())
}
