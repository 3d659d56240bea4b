//! Sessions, policies and credentials (Part 1, "Session-Based Authorizations"; Part 3, 11, 12.5, 12.6 and 23). The
//! client's own tests try every way to key and encrypt a session; these look at what a session allows and refuses.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, primary, refused, started};
use tpm2_client::template::{self, Template};
use tpm2_client::{
    Append, Authorization, Bytes, Client, Command, Entity, ParameterEncryption, Session, StartSession,
    commands, name_of_public,
};
use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{Position, ResponseCode, TpmAlgId, TpmCc, TpmHandle, TpmRh, TpmSe, TpmaSession};

type Tpm = Client<Machine>;

const FIRST: Position = Position::Session(1);
const PCR: u8 = 3;

fn start(tpm: &mut Tpm, start: &StartSession) -> Session {
    tpm.start_session(start).unwrap()
}

fn policy_digest(tpm: &mut Tpm, session: TpmHandle) -> Vec<u8> {
    ok(tpm, &commands::policy_get_digest(session)).fields().sized().unwrap().to_vec()
}

/// The policy that these commands make, as a trial session of SHA-256 tells it.
fn trial(tpm: &mut Tpm, policy: &[&dyn Fn(TpmHandle) -> Command]) -> Vec<u8> {
    let session = start(tpm, &StartSession::trial()).handle();
    for command in policy {
        ok(tpm, &command(session));
    }
    let digest = policy_digest(tpm, session);
    ok(tpm, &commands::flush_context(session));
    digest
}

/// Data that only this policy unseals.
fn sealed(tpm: &mut Tpm, policy: &[u8]) -> Entity {
    let (parent, _) = primary(tpm, TpmRh::OWNER, &template::srk_ecc());
    let template = template::sealed().clear(tpm2_types::TpmaObject::USER_WITH_AUTH).policy(policy);
    common::child(tpm, &parent, &template, b"auth", b"data")
}

fn pcrs() -> Bytes {
    commands::pcr_selection(TpmAlgId::SHA256, &[PCR])
}

fn extend_pcr(tpm: &mut Tpm, pcr: u8) {
    ok(tpm, &commands::pcr_extend(TpmHandle::pcr(u32::from(pcr)), TpmAlgId::SHA256, &[1; 32]));
}

fn use_with(tpm: &mut Tpm, command: &Command, session: &mut Session) -> tpm2_client::Result<Vec<u8>> {
    let response = tpm.execute(command, &mut [session.into()])?;
    Ok(response.parameters().to_vec())
}

fn refused_with(tpm: &mut Tpm, command: &Command, session: &mut Session) -> ResponseCode {
    refused(tpm.execute(command, &mut [session.into()]))
}

#[test]
fn policies_are_the_hashes_of_part_3() {
    let mut tpm = started();
    for (algorithm, hasher) in [
        (TpmAlgId::SHA1, HashAlgorithm::Sha1),
        (TpmAlgId::SHA256, HashAlgorithm::Sha256),
        (TpmAlgId::SHA384, HashAlgorithm::Sha384),
        (TpmAlgId::SHA512, HashAlgorithm::Sha512),
    ] {
        for begin in [StartSession::trial(), StartSession::policy()] {
            let session = start(&mut tpm, &begin.hash(algorithm)).handle();
            let zeros = vec![0; hasher.digest_size()];
            let extended = |old: &[u8], code: TpmCc, rest: &[u8]| {
                hash(hasher, &[old, &code.0.to_be_bytes(), rest]).to_vec()
            };
            assert_eq!(policy_digest(&mut tpm, session), zeros);

            ok(&mut tpm, &commands::policy_command_code(session, TpmCc::UNSEAL));
            let mut expected = extended(&zeros, TpmCc::POLICY_COMMAND_CODE, &TpmCc::UNSEAL.0.to_be_bytes());
            assert_eq!(policy_digest(&mut tpm, session), expected);

            // A password is another proof of the same policy.
            for command in [commands::policy_auth_value(session), commands::policy_password(session)] {
                ok(&mut tpm, &command);
                expected = extended(&expected, TpmCc::POLICY_AUTH_VALUE, &[]);
                assert_eq!(policy_digest(&mut tpm, session), expected);
            }

            ok(&mut tpm, &commands::policy_pcr(session, &[], pcrs()));
            let values = hash(hasher, &[&[0; 32]]);
            expected = extended(&expected, TpmCc::POLICY_PCR, &[pcrs().as_ref(), &values].concat());
            assert_eq!(policy_digest(&mut tpm, session), expected);

            ok(&mut tpm, &commands::policy_secret(&owner(), session, &[], &[], b"reference", 0));
            expected = extended(&expected, TpmCc::POLICY_SECRET, owner().name());
            expected = hash(hasher, &[&expected, b"reference"]).to_vec();
            assert_eq!(policy_digest(&mut tpm, session), expected);

            ok(&mut tpm, &commands::policy_or(session, &[&zeros, &expected]));
            expected = extended(&zeros, TpmCc::POLICY_OR, &[&zeros[..], &expected].concat());
            assert_eq!(policy_digest(&mut tpm, session), expected);

            ok(&mut tpm, &commands::policy_restart(session));
            assert_eq!(policy_digest(&mut tpm, session), zeros);
            ok(&mut tpm, &commands::flush_context(session));
        }
    }
}

#[test]
fn a_policy_lets_pass_what_it_names_and_nothing_else() {
    let mut tpm = started();
    let code = |session| commands::policy_command_code(session, TpmCc::UNSEAL);
    let pcr = |session| commands::policy_pcr(session, &[], pcrs());
    let policy = trial(&mut tpm, &[&code, &pcr]);
    let item = sealed(&mut tpm, &policy);
    let unseal = commands::unseal(&item);
    // userWithAuth is CLEAR: the right authValue is not enough.
    assert_eq!(refused(tpm.run(&unseal)), ResponseCode::POLICY_FAIL.at(FIRST));

    let mut session = start(&mut tpm, &StartSession::policy());
    ok(&mut tpm, &pcr(session.handle()));
    assert_eq!(refused_with(&mut tpm, &unseal, &mut session), ResponseCode::POLICY_FAIL.at(FIRST));
    ok(&mut tpm, &commands::policy_restart(session.handle()));
    ok(&mut tpm, &code(session.handle()));
    ok(&mut tpm, &pcr(session.handle()));
    assert_eq!(use_with(&mut tpm, &unseal, &mut session).unwrap(), b"\0\x04data");
    // A use spends the policy.
    assert_eq!(policy_digest(&mut tpm, session.handle()), [0; 32]);
    assert_eq!(refused_with(&mut tpm, &unseal, &mut session), ResponseCode::POLICY_FAIL.at(FIRST));

    // Another command than the one that the policy names.
    let other = |session| commands::policy_command_code(session, TpmCc::CERTIFY);
    ok(&mut tpm, &other(session.handle()));
    assert_eq!(refused_with(&mut tpm, &unseal, &mut session), ResponseCode::POLICY_CC.at(FIRST));
    assert_eq!(
        refused(tpm.run(&code(session.handle()))),
        ResponseCode::VALUE.at(Position::Parameter(1)),
        "a policy has one command"
    );

    // PCRs that change between the policy and its use, and then have another value.
    ok(&mut tpm, &commands::policy_restart(session.handle()));
    ok(&mut tpm, &code(session.handle()));
    ok(&mut tpm, &pcr(session.handle()));
    // The debug PCR does not count as a change.
    extend_pcr(&mut tpm, 16);
    assert_eq!(use_with(&mut tpm, &unseal, &mut session).unwrap(), b"\0\x04data");
    ok(&mut tpm, &code(session.handle()));
    ok(&mut tpm, &pcr(session.handle()));
    extend_pcr(&mut tpm, PCR);
    assert_eq!(refused_with(&mut tpm, &unseal, &mut session), ResponseCode::PCR_CHANGED);
    assert_eq!(refused(tpm.run(&pcr(session.handle()))), ResponseCode::PCR_CHANGED);
    ok(&mut tpm, &commands::policy_restart(session.handle()));
    let before = hash(HashAlgorithm::Sha256, &[&[0; 32]]);
    assert_eq!(
        refused(tpm.run(&commands::policy_pcr(session.handle(), &before, pcrs()))),
        ResponseCode::VALUE.at(Position::Parameter(1))
    );
    ok(&mut tpm, &code(session.handle()));
    ok(&mut tpm, &pcr(session.handle()));
    assert_eq!(refused_with(&mut tpm, &unseal, &mut session), ResponseCode::POLICY_FAIL.at(FIRST));
}

#[test]
fn every_branch_of_an_or_opens_and_no_other() {
    let mut tpm = started();
    let code = |session| commands::policy_command_code(session, TpmCc::UNSEAL);
    let secret = |session| commands::policy_secret(&owner(), session, &[], &[], &[], 0);
    let branches = [trial(&mut tpm, &[&code]), trial(&mut tpm, &[&secret])];
    let or = |session| commands::policy_or(session, &[&branches[0], &branches[1]]);
    let policy = trial(&mut tpm, &[&or]);
    let item = sealed(&mut tpm, &policy);

    let mut session = start(&mut tpm, &StartSession::policy());
    assert_eq!(refused(tpm.run(&or(session.handle()))), ResponseCode::VALUE.at(Position::Parameter(1)));
    for branch in [&code as &dyn Fn(TpmHandle) -> Command, &secret] {
        ok(&mut tpm, &branch(session.handle()));
        ok(&mut tpm, &or(session.handle()));
        assert_eq!(use_with(&mut tpm, &commands::unseal(&item), &mut session).unwrap(), b"\0\x04data");
    }
}

#[test]
fn a_secret_limits_time_nonce_and_parameters() {
    let mut tpm = started();
    let secret = |session, nonce: &[u8], cp_hash: &[u8], expiration| {
        commands::policy_secret(&owner(), session, nonce, cp_hash, &[], expiration)
    };
    let policy = trial(&mut tpm, &[&|session| secret(session, &[], &[], 0)]);
    let item = sealed(&mut tpm, &policy);
    let unseal = commands::unseal(&item);
    let cp_hash = hash(HashAlgorithm::Sha256, &[&TpmCc::UNSEAL.0.to_be_bytes(), item.name()]);
    let mut session = start(&mut tpm, &StartSession::policy());
    let handle = session.handle();
    let nonce = session.nonce_tpm().to_vec();

    let refusals = [
        (secret(handle, &[7; 32], &[], 0), ResponseCode::VALUE.at(Position::Parameter(1))),
        (secret(handle, &nonce[1..], &[], 0), ResponseCode::VALUE.at(Position::Parameter(1))),
        (secret(handle, &[], &cp_hash[1..], 0), ResponseCode::SIZE.at(Position::Parameter(2))),
    ];
    for (command, code) in refusals {
        assert_eq!(refused(tpm.run(&command)), code);
    }
    assert_eq!(policy_digest(&mut tpm, handle), [0; 32]);

    // The command that it was given for, and another one.
    ok(&mut tpm, &secret(handle, &nonce, &cp_hash, 0));
    assert_eq!(refused(tpm.run(&secret(handle, &nonce, &[3; 32], 0))), ResponseCode::CPHASH);
    assert_eq!(use_with(&mut tpm, &unseal, &mut session).unwrap(), b"\0\x04data");
    ok(&mut tpm, &secret(handle, &[], &[3; 32], 0));
    assert_eq!(refused_with(&mut tpm, &unseal, &mut session), ResponseCode::POLICY_FAIL.at(FIRST));

    // The time runs from now, or with a nonce from the start of the session.
    for expiration in [10, -10] {
        ok(&mut tpm, &commands::policy_restart(handle));
        ok(&mut tpm, &secret(handle, &[], &[], expiration));
        tpm.transport().device.advance(9_000);
        assert_eq!(use_with(&mut tpm, &unseal, &mut session).unwrap(), b"\0\x04data");
        ok(&mut tpm, &secret(handle, &[], &[], expiration));
        tpm.transport().device.advance(10_000);
        assert_eq!(refused_with(&mut tpm, &unseal, &mut session), ResponseCode::EXPIRED.at(FIRST));
    }
    ok(&mut tpm, &commands::policy_restart(handle));
    let nonce = session.nonce_tpm().to_vec();
    assert_eq!(
        refused(tpm.run(&secret(handle, &nonce, &[], 10))),
        ResponseCode::EXPIRED.at(Position::Parameter(4))
    );

    // A ticket only for a negative time.
    for (expiration, hierarchy) in [(0, TpmRh::NULL), (100, TpmRh::NULL), (-100, TpmRh::OWNER)] {
        let response = ok(&mut tpm, &secret(handle, &[], &[], expiration));
        let mut fields = response.fields();
        let timeout = fields.sized().unwrap().len();
        fields.u16().unwrap();
        assert_eq!(fields.u32().unwrap(), hierarchy.0);
        let ticket = fields.sized().unwrap().len();
        assert_eq!((timeout == 0, ticket == 0), (expiration >= 0, expiration >= 0));
    }
}

#[test]
fn a_secret_needs_proof() {
    let mut tpm = started();
    let object = sealed(&mut tpm, &[0; 32]);
    let target = start(&mut tpm, &StartSession::policy()).handle();
    let secret = commands::policy_secret(&owner(), target, &[], &[], &[], 0);
    ok(&mut tpm, &commands::hierarchy_change_auth(owner(), b"owner"));
    assert_eq!(refused(tpm.run(&secret)), ResponseCode::BAD_AUTH.at(FIRST));
    assert_eq!(policy_digest(&mut tpm, target), [0; 32]);
    let secret = commands::policy_secret(&owner().with_auth(b"owner"), target, &[], &[], &[], 0);
    ok(&mut tpm, &secret);
    assert_ne!(policy_digest(&mut tpm, target), [0; 32]);
    // An empty policy fits this object, but proves no knowledge of its authValue.
    let mut empty = start(&mut tpm, &StartSession::policy());
    let secret = commands::policy_secret(&object, target, &[], &[], &[], 0);
    assert_eq!(refused_with(&mut tpm, &secret, &mut empty), ResponseCode::MODE.at(Position::Handle(1)));
}

#[test]
fn a_wrong_hmac_leaves_no_trace() {
    let mut tpm = started();
    ok(&mut tpm, &commands::hierarchy_change_auth(owner(), b"owner"));
    let right = owner().with_auth(b"owner");
    for begin in [StartSession::hmac(), StartSession::hmac().bound(&right)] {
        let mut session = start(&mut tpm, &begin);
        let nonce = session.nonce_tpm().to_vec();
        let digest = tpm.transport().state_digest();
        let wrong = commands::hierarchy_change_auth(owner().with_auth(b"guess"), b"mine");
        let short = Bytes::new().u32(session.handle().0).sized([1; 32]).u8(1).sized([2; 31]);
        let none = Bytes::new().u32(session.handle().0).sized([1; 32]).u8(1).sized([]);
        for raw in [short, none] {
            let answer = tpm.execute(&wrong, &mut [Authorization::Raw(raw.as_ref())]);
            assert_eq!(refused(answer), ResponseCode::BAD_AUTH.at(FIRST));
        }
        assert_eq!(refused_with(&mut tpm, &wrong, &mut session), ResponseCode::BAD_AUTH.at(FIRST));
        assert_eq!(tpm.transport().state_digest(), digest);
        assert_eq!(session.nonce_tpm(), nonce);
        // The nonce did not roll: the session is as good as before.
        let change = commands::hierarchy_change_auth(right.clone(), b"owner");
        use_with(&mut tpm, &change, &mut session).unwrap();
    }
}

#[test]
fn nothing_can_be_sent_twice() {
    let mut tpm = started();
    let (parent, public) = primary(&mut tpm, TpmRh::OWNER, &template::srk_ecc());
    let mut session = start(&mut tpm, &StartSession::hmac().salted(&parent, &public));
    let change = commands::hierarchy_change_auth(owner(), b"");
    let mut sent = Vec::new();
    {
        let mut recorder = Client::new(|locality: u8, bytes: &[u8]| {
            sent = bytes.to_vec();
            tpm2_client::Transport::transceive(tpm.transport(), locality, bytes).unwrap()
        });
        recorder.execute(&change, &mut [(&mut session).into()]).unwrap();
    }
    let answer = tpm.transceive(&sent).unwrap();
    assert_eq!(answer[6..], ResponseCode::BAD_AUTH.at(FIRST).get().to_be_bytes());
}

#[test]
fn attributes_that_a_use_cannot_have() {
    let mut tpm = started();
    let encrypting = StartSession::hmac().encryption(ParameterEncryption::AesCfb(128));
    let plain = start(&mut tpm, &StartSession::hmac()).handle();
    let aes = start(&mut tpm, &encrypting).handle();
    let other = start(&mut tpm, &encrypting).handle();
    let policy = start(&mut tpm, &StartSession::policy()).handle();
    let trial = start(&mut tpm, &StartSession::trial()).handle();
    let password = TpmHandle(TpmRh::PW.0);
    let [keep, decrypt, encrypt, audit] =
        [TpmaSession::CONTINUE_SESSION, TpmaSession::DECRYPT, TpmaSession::ENCRYPT, TpmaSession::AUDIT];

    // In the first parameter a size, in the answer as well; neither; only in the answer.
    let stir = || commands::stir_random(b"more");
    let random = || commands::get_random(8);
    let clock = commands::read_clock;
    let change = || commands::hierarchy_change_auth(owner(), b"");
    let at = |code: ResponseCode, number| code.at(Position::Session(number));
    let attributes = |number| at(ResponseCode::ATTRIBUTES, number);
    let cases = vec![
        // A session that does nothing; a password where nothing is to authorize.
        (random(), vec![(plain, keep)], attributes(1)),
        (random(), vec![(password, keep | audit)], at(ResponseCode::HANDLE, 1)),
        // A password can do nothing else.
        (change(), vec![(password, keep | audit)], attributes(1)),
        (change(), vec![(password, keep | decrypt)], attributes(1)),
        // What the command cannot encrypt or decrypt.
        (random(), vec![(aes, keep | decrypt)], attributes(1)),
        (stir(), vec![(aes, keep | encrypt)], attributes(1)),
        (clock(), vec![(aes, keep | encrypt)], attributes(1)),
        // Without an algorithm.
        (random(), vec![(plain, keep | encrypt)], at(ResponseCode::SYMMETRIC, 1)),
        (stir(), vec![(plain, keep | decrypt)], at(ResponseCode::SYMMETRIC, 1)),
        // One of a kind.
        (random(), vec![(aes, keep | encrypt), (other, keep | encrypt)], attributes(2)),
        (stir(), vec![(aes, keep | decrypt), (other, keep | decrypt)], attributes(2)),
        (random(), vec![(aes, keep | audit), (other, keep | audit)], attributes(2)),
        (random(), vec![(aes, keep | audit), (aes, keep | encrypt)], at(ResponseCode::HANDLE, 2)),
        // Policies do not audit, trials do nothing, and what speaks of audit needs it.
        (random(), vec![(policy, keep | audit)], attributes(1)),
        (random(), vec![(trial, keep | encrypt)], attributes(1)),
        (change(), vec![(trial, keep)], attributes(1)),
        (change(), vec![(plain, keep | TpmaSession::AUDIT_EXCLUSIVE)], attributes(1)),
        (change(), vec![(plain, keep | TpmaSession::AUDIT_RESET)], attributes(1)),
    ];
    let digest = tpm.transport().state_digest();
    for (number, (command, sessions, code)) in cases.into_iter().enumerate() {
        let area: Vec<Bytes> = sessions
            .iter()
            .map(|(handle, attributes)| {
                let nonce: &[u8] = if *handle == password { &[] } else { &[1; 32] };
                Bytes::new().u32(handle.0).sized(nonce).u8(attributes.bits()).sized([])
            })
            .collect();
        let mut authorizations: Vec<_> = area.iter().map(|raw| Authorization::Raw(raw.as_ref())).collect();
        assert_eq!(refused(tpm.execute(&command, &mut authorizations)), code, "case {number}");
    }
    assert_eq!(tpm.transport().state_digest(), digest);
}

#[test]
fn sessions_end_and_make_room() {
    let mut tpm = started();
    let mut sessions = Vec::new();
    let refusal = loop {
        match tpm.start_session(&StartSession::hmac()) {
            Ok(session) => sessions.push(session),
            Err(error) => break error.response_code(),
        }
    };
    assert_eq!(refusal, Some(ResponseCode::SESSION_MEMORY));
    let mut last = sessions.pop().unwrap();
    last.set_attributes(TpmaSession::empty());
    let change = commands::hierarchy_change_auth(owner(), b"");
    use_with(&mut tpm, &change, &mut last).unwrap();
    let code = refused_with(&mut tpm, &change, &mut last);
    assert_eq!(code, ResponseCode::REFERENCE_S0);
    let next = start(&mut tpm, &StartSession::policy());
    // The number is free again; the type of the handle is that of the session.
    assert_eq!(next.handle().0 & 0x00FF_FFFF, last.handle().0 & 0x00FF_FFFF);
    assert_ne!(next.handle(), last.handle());
}

#[test]
fn nonces_have_sixteen_bytes_at_least_and_a_digest_at_most() {
    let mut tpm = started();
    for (size, fits) in [(0, false), (15, false), (16, true), (32, true), (33, false)] {
        let command = Command::new(TpmCc::START_AUTH_SESSION)
            .handle(TpmRh::NULL)
            .handle(TpmRh::NULL)
            .sized(vec![1; size])
            .sized([])
            .u8(TpmSe::HMAC.0)
            .u16(TpmAlgId::NULL.0)
            .u16(TpmAlgId::SHA256.0);
        match tpm.run(&command) {
            // As long as the caller's.
            Ok(response) => assert_eq!((response.fields().sized().unwrap().len(), fits), (size, true)),
            Err(error) => {
                let code = ResponseCode::SIZE.at(Position::Parameter(1));
                assert_eq!((error.response_code(), fits), (Some(code), false));
            }
        }
    }
}

/// The policy of endorsement keys: the endorsement hierarchy's authorization.
fn endorsed(tpm: &mut Tpm) -> Session {
    let session = start(tpm, &StartSession::policy());
    let endorsement = Entity::permanent(TpmRh::ENDORSEMENT);
    ok(tpm, &commands::policy_secret(&endorsement, session.handle(), &[], &[], &[], 0));
    session
}

fn activate(
    tpm: &mut Tpm,
    object: &Entity,
    key: &Entity,
    [blob, secret]: [&[u8]; 2],
) -> tpm2_client::Result<Vec<u8>> {
    let mut session = endorsed(tpm);
    let command = commands::activate_credential(object, key, blob, secret);
    let answer = tpm.execute(&command, &mut [Authorization::Password(b""), (&mut session).into()]);
    ok(tpm, &commands::flush_context(session.handle()));
    Ok(answer?.fields().sized()?.to_vec())
}

fn a_credential_is_for_one_key_and_one_name(endorsement: &Template, bent: ResponseCode) {
    let mut tpm = started();
    let (key, public) = primary(&mut tpm, TpmRh::ENDORSEMENT, endorsement);
    let (object, _) = primary(&mut tpm, TpmRh::OWNER, &template::ak_ecc());
    // What makes the credential needs no more than the public area.
    let loaded = ok(&mut tpm, &commands::load_external(&[], &public, TpmRh::NULL));
    let copy = Entity::named(loaded.handle().unwrap(), name_of_public(&public, 2));
    let made = ok(&mut tpm, &commands::make_credential(&copy, b"a credential", object.name()));
    ok(&mut tpm, &commands::flush_context(copy.handle()));
    let mut fields = made.fields();
    let (blob, secret) = (fields.sized().unwrap(), fields.sized().unwrap());
    assert!(!blob.windows(12).any(|window| window == b"a credential"));
    assert_eq!(activate(&mut tpm, &object, &key, [blob, secret]).unwrap(), b"a credential");

    // Another object, a bent blob, a bent secret, another authorization.
    let (other, _) = primary(&mut tpm, TpmRh::OWNER, &template::signing_ecc());
    let integrity = ResponseCode::INTEGRITY.at(Position::Parameter(1));
    let answer = activate(&mut tpm, &other, &key, [blob, secret]);
    assert_eq!(answer.unwrap_err().response_code(), Some(integrity));
    let mut changed = blob.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let answer = activate(&mut tpm, &object, &key, [&changed, secret]);
    assert_eq!(answer.unwrap_err().response_code(), Some(integrity));
    let mut changed = secret.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let answer = activate(&mut tpm, &object, &key, [blob, &changed]);
    assert_eq!(answer.unwrap_err().response_code(), Some(bent));
    let passwords = refused(tpm.run(&commands::activate_credential(&object, &key, blob, secret)));
    assert_eq!(passwords, ResponseCode::POLICY_FAIL.at(Position::Session(2)));

    // Too long for the key's digests; a key that receives nothing.
    let long = commands::make_credential(&key, &[0; 33], object.name());
    assert_eq!(refused(tpm.run(&long)), ResponseCode::SIZE.at(Position::Parameter(1)));
    let signing = commands::make_credential(&object, b"a credential", object.name());
    assert_eq!(refused(tpm.run(&signing)), ResponseCode::TYPE.at(Position::Handle(1)));
}

#[test]
fn a_credential_for_an_rsa_key() {
    a_credential_is_for_one_key_and_one_name(
        &template::ek_rsa(),
        ResponseCode::VALUE.at(Position::Parameter(2)),
    );
}

#[test]
fn a_credential_for_an_ecc_key() {
    // A point that is not on the curve.
    a_credential_is_for_one_key_and_one_name(
        &template::ek_ecc(),
        ResponseCode::VALUE.at(Position::Parameter(2)),
    );
}
