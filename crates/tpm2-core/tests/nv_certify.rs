//! TPM2_NV_Certify: what it attests, who signs, and what it refuses (Part 3, 31.16).
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, primary, refused, started};
use tpm2_client::template::{self, Template};
use tpm2_client::{Client, Command, Entity, Fields, StartSession, commands, name_of_public};
use tpm2_core::posture_index;
use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{
    Position, ResponseCode, TpmAlgId, TpmCc, TpmHandle, TpmRh, TpmaNv, TpmaObject, TpmsAttest, TpmuAttest,
};

const BOTH: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE);
const DATA: &[u8] = b"what the index says";
const NONCE: &[u8] = b"fresh";

type Tpm = Client<Machine>;

/// An index with these attributes, not written yet.
fn define(tpm: &mut Tpm, number: u32, attributes: TpmaNv, policy: &[u8], size: usize) -> Entity {
    let handle = TpmHandle::nv_index(number);
    let size = u16::try_from(size).unwrap();
    let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes, policy, size);
    ok(tpm, &commands::nv_define_space(TpmRh::OWNER, b"index", &public));
    Entity::named(handle, name_of_public(public.as_ref(), 4)).with_auth(b"index")
}

/// An index that holds `data`, with the Name that it has then.
fn written(tpm: &mut Tpm, number: u32, attributes: TpmaNv, data: &[u8]) -> Entity {
    let index = define(tpm, number, attributes, &[], data.len());
    ok(tpm, &commands::nv_write(owner(), &index, data, 0));
    as_it_is(tpm, &index)
}

fn as_it_is(tpm: &mut Tpm, index: &Entity) -> Entity {
    let response = ok(tpm, &commands::nv_read_public(index.handle()));
    let name = name_of_public(response.fields().sized().unwrap(), 4);
    Entity::named(index.handle(), name).with_auth(index.password())
}

fn null() -> Entity {
    Entity::permanent(TpmRh::NULL)
}

fn certify(key: &Entity, index: &Entity, size: u16, offset: u16) -> Command {
    commands::nv_certify(key, owner(), index, NONCE, template::null(), size, offset)
}

/// The attestation and the TPMT_SIGNATURE that the command answers.
fn attested(tpm: &mut Tpm, command: &Command) -> (Vec<u8>, Vec<u8>) {
    let response = ok(tpm, command);
    let mut fields = response.fields();
    (fields.sized().unwrap().to_vec(), fields.rest().to_vec())
}

fn parse(attest: &[u8]) -> TpmsAttest<'_> {
    let mut fields = Fields::new(attest);
    let parsed = fields.value().unwrap();
    assert!(fields.rest().is_empty());
    parsed
}

/// Asserts that the key signed the attestation, and nothing else.
fn check_signature(tpm: &mut Tpm, key: &Entity, hash_alg: HashAlgorithm, attest: &[u8], signature: &[u8]) {
    let digest = hash(hash_alg, &[attest]);
    ok(tpm, &commands::verify_signature(key, &digest, signature));
    let digest = hash(hash_alg, &[attest, b"x"]);
    let code = refused(tpm.run(&commands::verify_signature(key, &digest, signature)));
    assert_eq!(code, ResponseCode::SIGNATURE.at(Position::Parameter(2)));
}

/// Contents, a part of them, and their digest, signed by a key of this template.
fn check_forms(template: &Template, hash_alg: HashAlgorithm) {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, template);
    let index = written(&mut tpm, 1, BOTH, DATA);
    let whole = u16::try_from(DATA.len()).unwrap();

    for (size, offset) in [(whole, 0), (3, 5), (0, 1), (0, whole)] {
        let (attest, signature) = attested(&mut tpm, &certify(&key, &index, size, offset));
        assert_eq!(&attest[..6], b"\xFFTCG\x80\x14", "TPM_GENERATED_VALUE, TPM_ST_ATTEST_NV");
        let TpmuAttest::Nv(info) = parse(&attest).attested else { panic!("another attestation") };
        assert_eq!(info.index_name.as_slice(), index.name());
        assert_eq!(info.offset, offset);
        let contents = &DATA[usize::from(offset)..usize::from(offset + size)];
        assert_eq!(info.nv_contents.as_slice(), contents);
        check_signature(&mut tpm, &key, hash_alg, &attest, &signature);
    }

    let (attest, signature) = attested(&mut tpm, &certify(&key, &index, 0, 0));
    assert_eq!(&attest[..6], b"\xFFTCG\x80\x1C", "TPM_GENERATED_VALUE, TPM_ST_ATTEST_NV_DIGEST");
    let TpmuAttest::NvDigest(info) = parse(&attest).attested else { panic!("another attestation") };
    assert_eq!(info.index_name.as_slice(), index.name());
    assert_eq!(info.nv_digest.as_slice(), &*hash(hash_alg, &[DATA]));
    check_signature(&mut tpm, &key, hash_alg, &attest, &signature);
}

#[test]
fn a_restricted_ecc_key_attests_contents_and_digest() {
    check_forms(&template::ak_ecc(), HashAlgorithm::Sha256);
}

#[test]
fn a_restricted_rsa_key_attests_contents_and_digest() {
    check_forms(&template::ak_rsa(), HashAlgorithm::Sha256);
}

/// The digest is made with the scheme's hash, not with that of the index's or the key's Name.
#[test]
fn the_hash_of_the_scheme_makes_the_digest() {
    let restricted = template::ak_ecc().attributes;
    let scheme = template::scheme(TpmAlgId::ECDSA, TpmAlgId::SHA384);
    check_forms(&template::ecc(restricted, template::null(), scheme), HashAlgorithm::Sha384);

    // And with that of the caller's scheme where the key has none, or there is no key.
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::OWNER, &template::signing_ecc());
    let index = written(&mut tpm, 1, BOTH, DATA);
    for key in [key, null()] {
        let scheme = template::scheme(TpmAlgId::ECDSA, TpmAlgId::SHA512);
        let command = commands::nv_certify(&key, owner(), &index, NONCE, scheme, 0, 0);
        let (attest, _) = attested(&mut tpm, &command);
        let TpmuAttest::NvDigest(info) = parse(&attest).attested else { panic!("another attestation") };
        assert_eq!(info.nv_digest.as_slice(), &*hash(HashAlgorithm::Sha512, &[DATA]));
    }
}

#[test]
fn an_attestation_says_who_asked_and_who_signed() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_ecc());
    let index = written(&mut tpm, 1, BOTH, DATA);
    let qualified_name = {
        let response = ok(&mut tpm, &commands::read_public(&key));
        let mut fields = response.fields();
        fields.sized().unwrap();
        fields.sized().unwrap();
        fields.sized().unwrap().to_vec()
    };
    for (size, offset) in [(4, 0), (0, 0)] {
        for extra_data in [&b""[..], NONCE, &[7; 64]] {
            let scheme = template::null();
            let command = commands::nv_certify(&key, owner(), &index, extra_data, scheme, size, offset);
            let (attest, _) = attested(&mut tpm, &command);
            let attest = parse(&attest);
            assert_eq!(attest.extra_data.as_slice(), extra_data);
            assert_eq!(attest.qualified_signer.as_slice(), qualified_name);
        }
    }
    // The clock is the TPM's, and goes on.
    let clock = |tpm: &mut Tpm| {
        let (attest, _) = attested(tpm, &certify(&key, &index, 1, 0));
        parse(&attest).clock_info.clock
    };
    let before = clock(&mut tpm);
    tpm.transport().device.advance(5000);
    assert!(clock(&mut tpm) >= before + 5000);
}

#[test]
fn nobody_signs_for_the_null_key() {
    let mut tpm = started();
    let index = written(&mut tpm, 1, BOTH, DATA);
    let (attest, signature) = attested(&mut tpm, &certify(&null(), &index, 4, 0));
    assert_eq!(signature, TpmAlgId::NULL.0.to_be_bytes());
    let attest = parse(&attest);
    assert_eq!(attest.qualified_signer.as_slice(), TpmRh::NULL.0.to_be_bytes());
    let TpmuAttest::Nv(info) = attest.attested else { panic!("another attestation") };
    assert_eq!(info.nv_contents.as_slice(), &DATA[..4]);
}

#[test]
fn the_largest_index_is_attested_whole() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_rsa());
    let data: Vec<u8> = (0..2048).map(|at| (at % 251) as u8).collect();
    let index = written(&mut tpm, 1, BOTH, &data);
    let (attest, signature) = attested(&mut tpm, &certify(&key, &index, 2048, 0));
    let TpmuAttest::Nv(info) = parse(&attest).attested else { panic!("another attestation") };
    assert_eq!(info.nv_contents.as_slice(), data);
    check_signature(&mut tpm, &key, HashAlgorithm::Sha256, &attest, &signature);
    for (size, offset) in [(2049, 0), (2048, 1), (1, 2048), (0, 2049), (0xFFFF, 0xFFFF)] {
        let code = refused(tpm.run(&certify(&key, &index, size, offset)));
        assert_eq!(code, ResponseCode::NV_RANGE);
    }
}

/// Evidence of what the platform guarantees: every hierarchy gets it attested, and so does who has no authorization.
#[test]
fn the_posture_is_attested() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_ecc());
    let index = as_it_is(&mut tpm, &Entity::permanent(posture_index::HANDLE));
    let size = u16::try_from(posture::Evidence::SIZE).unwrap();
    let read = ok(&mut tpm, &commands::nv_read(owner(), &index, size, 0));
    let posture = read.fields().sized().unwrap().to_vec();
    assert!(posture.starts_with(b"FTPMPOST"));
    for auth in [&owner(), &Entity::permanent(TpmRh::PLATFORM), &index] {
        let command = commands::nv_certify(&key, auth, &index, NONCE, template::null(), size, 0);
        let (attest, signature) = attested(&mut tpm, &command);
        let TpmuAttest::Nv(info) = parse(&attest).attested else { panic!("another attestation") };
        assert_eq!((info.index_name.as_slice(), info.nv_contents.as_slice()), (index.name(), &*posture));
        check_signature(&mut tpm, &key, HashAlgorithm::Sha256, &attest, &signature);
    }
    let (attest, _) = attested(&mut tpm, &certify(&key, &index, 0, 0));
    let TpmuAttest::NvDigest(info) = parse(&attest).attested else { panic!("another attestation") };
    assert_eq!(info.nv_digest.as_slice(), &*hash(HashAlgorithm::Sha256, &[&posture]));
}

/// The index authorizes with its own authValue, in the second session.
#[test]
fn an_index_opens_itself() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_ecc());
    let attributes = TpmaNv::AUTHREAD | TpmaNv::OWNERWRITE | TpmaNv::NO_DA;
    let index = written(&mut tpm, 1, attributes, DATA);
    let by_itself = |index: &Entity, auth: &Entity| {
        commands::nv_certify(&key, auth, index, NONCE, template::null(), 4, 0)
    };
    attested(&mut tpm, &by_itself(&index, &index));
    let mut session = tpm.start_session(&StartSession::hmac()).unwrap();
    let mut other = tpm.start_session(&StartSession::hmac()).unwrap();
    tpm.execute(&by_itself(&index, &index), &mut [(&mut session).into(), (&mut other).into()]).unwrap();

    let wrong = index.clone().with_auth(b"wrong");
    let code = refused(tpm.run(&by_itself(&index, &wrong)));
    assert_eq!(code, ResponseCode::BAD_AUTH.at(Position::Session(2)));
    let code = refused(tpm.run(&by_itself(&index, &owner())));
    assert_eq!(code, ResponseCode::NV_AUTHORIZATION);
    // Neither does the right to write open it, nor a written index another one.
    let writable = written(&mut tpm, 2, BOTH | TpmaNv::AUTHWRITE | TpmaNv::NO_DA, DATA);
    let code = refused(tpm.run(&by_itself(&writable, &writable)));
    assert_eq!(code, ResponseCode::AUTH_UNAVAILABLE.at(Position::Session(2)));
    let code = refused(tpm.run(&by_itself(&writable, &index)));
    assert_eq!(code, ResponseCode::NV_AUTHORIZATION);
}

#[test]
fn a_policy_for_this_command_opens_an_index() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_ecc());
    let trial = tpm.start_session(&StartSession::trial()).unwrap();
    ok(&mut tpm, &commands::policy_command_code(trial.handle(), TpmCc::NV_CERTIFY));
    let digest = ok(&mut tpm, &commands::policy_get_digest(trial.handle()));
    let policy = digest.fields().sized().unwrap().to_vec();
    let index = define(&mut tpm, 1, TpmaNv::OWNERWRITE | TpmaNv::POLICYREAD, &policy, DATA.len());
    ok(&mut tpm, &commands::nv_write(owner(), &index, DATA, 0));
    let index = as_it_is(&mut tpm, &index);

    let mut session = tpm.start_session(&StartSession::hmac()).unwrap();
    let mut policy = tpm.start_session(&StartSession::policy()).unwrap();
    ok(&mut tpm, &commands::policy_command_code(policy.handle(), TpmCc::NV_CERTIFY));
    let certify = commands::nv_certify(&key, &index, &index, NONCE, template::null(), 4, 0);
    tpm.execute(&certify, &mut [(&mut session).into(), (&mut policy).into()]).unwrap();
    // It opens the index for nothing else.
    ok(&mut tpm, &commands::policy_command_code(policy.handle(), TpmCc::NV_CERTIFY));
    let read = commands::nv_read(&index, &index, 4, 0);
    let code = refused(tpm.execute(&read, &mut [(&mut policy).into()]));
    assert_eq!(code, ResponseCode::POLICY_CC.at(Position::Session(1)));
}

/// As with TPM2_NV_Read: a failure that tells nothing does not count.
#[test]
fn an_unwritten_index_is_no_target_for_guesses() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_ecc());
    let index = define(&mut tpm, 1, TpmaNv::AUTHREAD | TpmaNv::AUTHWRITE, &[], 4);
    let wrong = index.clone().with_auth(b"wrong");
    let guess = commands::nv_certify(&key, &wrong, &index, NONCE, template::null(), 4, 0);
    assert_eq!(refused(tpm.run(&guess)), ResponseCode::NV_UNINITIALIZED);
    ok(&mut tpm, &commands::nv_write(&index, &index, b"data", 0));
    assert_eq!(refused(tpm.run(&guess)), ResponseCode::AUTH_FAIL.at(Position::Session(2)));
}

/// The key is checked before the index, the index before what is asked of it.
#[test]
fn the_first_thing_wrong_is_what_is_answered() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::ENDORSEMENT, &template::ak_ecc());
    let (storage, _) = primary(&mut tpm, TpmRh::OWNER, &template::srk_ecc());
    let index = define(&mut tpm, 1, BOTH | TpmaNv::READ_STCLEAR, &[], DATA.len());
    let beyond = 0xFFFF;
    let with = |key: &Entity, scheme| commands::nv_certify(key, owner(), &index, NONCE, scheme, beyond, 0);
    let rsassa = || template::scheme(TpmAlgId::RSASSA, TpmAlgId::SHA256);

    let code = refused(tpm.run(&with(&storage, rsassa())));
    assert_eq!(code, ResponseCode::KEY.at(Position::Handle(1)));
    let code = refused(tpm.run(&with(&key, rsassa())));
    assert_eq!(code, ResponseCode::SCHEME.at(Position::Parameter(2)));
    assert_eq!(refused(tpm.run(&with(&key, template::null()))), ResponseCode::NV_UNINITIALIZED);
    ok(&mut tpm, &commands::nv_write(owner(), &index, DATA, 0));
    assert_eq!(refused(tpm.run(&with(&key, template::null()))), ResponseCode::NV_RANGE);
    ok(&mut tpm, &commands::nv_read_lock(owner(), &index));
    assert_eq!(refused(tpm.run(&with(&key, template::null()))), ResponseCode::NV_LOCKED);
    assert_eq!(refused(tpm.run(&certify(&key, &index, 0, 0))), ResponseCode::NV_LOCKED);
}

/// A key of another hierarchy shows other counters for the same moment: it does not tell which TPM it is of.
#[test]
fn an_owners_key_does_not_show_the_counters_as_they_are() {
    let mut tpm = started();
    let index = written(&mut tpm, 1, BOTH, DATA);
    let mut counters = |hierarchy, template: &Template| {
        let (key, _) = primary(&mut tpm, hierarchy, template);
        let (attest, _) = attested(&mut tpm, &certify(&key, &index, 4, 0));
        let attest = parse(&attest);
        (attest.clock_info.reset_count, attest.clock_info.restart_count, attest.firmware_version)
    };
    let plain = counters(TpmRh::ENDORSEMENT, &template::ak_ecc());
    assert_eq!(counters(TpmRh::PLATFORM, &template::ak_ecc()), plain);
    let obfuscated = counters(TpmRh::OWNER, &template::ak_ecc());
    assert!(obfuscated.0 != plain.0 && obfuscated.1 != plain.1 && obfuscated.2 != plain.2);
    let other = template::ak_ecc().set(TpmaObject::NO_DA | TpmaObject::ADMIN_WITH_POLICY);
    assert_ne!(counters(TpmRh::OWNER, &other), obfuscated);
}
