//! Evidence of a posture, and everything that only looks like it: a TPM in memory answers, the program checks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected stops there")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command as Process, Output};

use ftpm::verifier::{self, Answer, Expected, PublicKey};
use platform_memory::MemoryPlatform;
use posture::Evidence;
use serde_json::Value;
use tempfile::TempDir;
use tpm2_client::template::{self, Template};
use tpm2_client::{
    Append, Authorization, Bytes, Client, Command, Entity, Response, StartSession, commands, name_of_public,
};
use tpm2_core::{Memory, Tpm, posture_index};
use tpm2_crypto::engine::AWS_LC;
use tpm2_types::{TpmAlgId, TpmHandle, TpmRh, TpmSu, TpmaNv, TpmaObject};

type Device = Client<Box<dyn FnMut(u8, &[u8]) -> Vec<u8>>>;

/// A key in a TPM, and its public area.
struct Key {
    entity: Entity,
    public: Vec<u8>,
}

/// The TPM's side.
struct Attester {
    tpm: Device,
    ek: Key,
}

/// What it sends back.
#[derive(Clone)]
struct Evident {
    answer: Vec<u8>,
    attest: Vec<u8>,
    signature: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl Attester {
    fn new(seed: u64, ek: &Template) -> Self {
        let memory = Box::leak(Box::new(Memory::<32768, 32768>::new()));
        let mut tpm = Tpm::new(memory.slices(), MemoryPlatform::new(seed), &AWS_LC);
        tpm.manufacture().unwrap();
        let execute = move |locality: u8, command: &[u8]| tpm.execute(locality, command).to_vec();
        let mut tpm = Client::new(Box::new(execute) as Box<dyn FnMut(u8, &[u8]) -> Vec<u8>>);
        tpm.run(&commands::startup(TpmSu::CLEAR)).unwrap();
        let ek = primary(&mut tpm, ek);
        Self { tpm, ek }
    }

    fn key(&mut self, template: &Template) -> Key {
        primary(&mut self.tpm, template)
    }

    fn ok(&mut self, command: &Command) -> Response {
        self.tpm.run(command).unwrap()
    }

    /// What tpm2_activatecredential does.
    fn activate(&mut self, ak: &Key, credential: &[u8]) -> Option<Vec<u8>> {
        let blob = credential.strip_prefix(&[0xBA, 0xDC, 0xC0, 0xDE, 0, 0, 0, 1]).unwrap();
        let mut fields = tpm2_client::Fields::new(blob);
        let (blob, secret) = (fields.sized().unwrap(), fields.sized().unwrap());
        assert!(fields.rest().is_empty());
        let mut session = self.tpm.start_session(&StartSession::policy()).unwrap();
        let endorsement = Entity::permanent(TpmRh::ENDORSEMENT);
        self.ok(&commands::policy_secret(&endorsement, session.handle(), b"", b"", b"", 0));
        let command = commands::activate_credential(&ak.entity, &self.ek.entity, blob, secret);
        let answer = self
            .tpm
            .execute(&command, &mut [Authorization::Password(b""), Authorization::Session(&mut session)]);
        answer.ok().map(|response| response.fields().sized().unwrap().to_vec())
    }

    /// What tpm2_nvcertify does.
    fn certify(
        &mut self,
        ak: &Key,
        index: &Entity,
        nonce: &[u8],
        size: u16,
        offset: u16,
    ) -> (Vec<u8>, Vec<u8>) {
        let auth = Entity::permanent(TpmRh::OWNER);
        let command = commands::nv_certify(&ak.entity, auth, index, nonce, template::null(), size, offset);
        let response = self.ok(&command);
        let mut fields = response.fields();
        (fields.sized().unwrap().to_vec(), fields.rest().to_vec())
    }

    fn posture(&mut self) -> Entity {
        let response = self.ok(&commands::nv_read_public(posture_index::HANDLE));
        let public = response.fields().sized().unwrap().to_vec();
        Entity::named(posture_index::HANDLE, name_of_public(&public, 4))
    }

    /// All that an honest TPM answers.
    fn answer(&mut self, ak: &Key, challenge: &Challenge) -> Evident {
        let answer = self.activate(ak, &challenge.read("credential")).unwrap();
        let index = self.posture();
        let (attest, signature) = self.certify(ak, &index, &challenge.nonce(), Evidence::SIZE as u16, 0);
        Evident { answer, attest, signature, data: None }
    }
}

fn primary(tpm: &mut Device, template: &Template) -> Key {
    let command = commands::create_primary(
        TpmRh::ENDORSEMENT,
        commands::sensitive(b"", b""),
        &template.to_bytes(),
        b"",
        commands::no_pcrs(),
    );
    let response = tpm.run(&command).unwrap();
    let public = response.fields().sized().unwrap().to_vec();
    Key { entity: Entity::named(response.handle().unwrap(), name_of_public(&public, 2)), public }
}

/// The verifier's side: a challenge in a folder.
struct Challenge {
    folder: TempDir,
    ak: PathBuf,
}

impl Challenge {
    fn make(ek: &[u8], ak: &[u8]) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        // One file in each of the forms that tpm2-tools write.
        fs::write(path("ek.pub"), Bytes::new().sized(ek)).unwrap();
        fs::write(path("ak.pub"), ak).unwrap();
        let output = verify_posture()
            .arg("challenge")
            .arg("--ek")
            .arg(path("ek.pub"))
            .arg("--ak")
            .arg(path("ak.pub"))
            .arg("--out")
            .arg(path("challenge"))
            .output()
            .unwrap();
        match output.status.code() {
            Some(0) => Ok(Self { ak: path("ak.pub"), folder }),
            Some(1) => Err(said(&output)),
            other => panic!("{other:?}: {}", said(&output)),
        }
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("challenge").join(name)).unwrap()
    }

    fn nonce(&self) -> Vec<u8> {
        let digits = String::from_utf8(self.read("nonce")).unwrap();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    fn check(&self, evident: &Evident, more: &[&str]) -> Output {
        let path = |name: &str| self.folder.path().join(name);
        fs::write(path("answer"), &evident.answer).unwrap();
        fs::write(path("attest"), &evident.attest).unwrap();
        fs::write(path("signature"), &evident.signature).unwrap();
        let mut command = verify_posture();
        command.arg("check").arg("--challenge").arg(path("challenge")).arg("--ak").arg(&self.ak);
        for name in ["answer", "attest", "signature"] {
            command.arg(format!("--{name}")).arg(path(name));
        }
        if let Some(data) = &evident.data {
            fs::write(path("data"), data).unwrap();
            command.arg("--data").arg(path("data"));
        }
        command.args(more).output().unwrap()
    }

    /// Asserts that evidence is refused with one sentence that has these words.
    fn refuses(&self, evident: &Evident, words: &str) {
        let output = self.check(evident, &[]);
        assert_eq!(output.status.code(), Some(1), "{words}: {}", said(&output));
        assert!(output.stdout.is_empty());
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
        assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
    }
}

fn verify_posture() -> Process {
    let mut command = Process::new(env!("CARGO_BIN_EXE_ftpm"));
    command.arg("verify-posture");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn evidence_is_accepted_and_printed_as_the_doctor_does() {
    for (ek, ak) in [
        (template::ek_rsa(), template::ak_ecc()),
        (template::ek_ecc(), template::ak_rsa()),
        (
            template::ek_ecc(),
            template::ecc(
                template::ak_ecc().attributes,
                template::null(),
                template::scheme(TpmAlgId::ECDSA, TpmAlgId::SHA384),
            ),
        ),
    ] {
        let mut device = Attester::new(7, &ek);
        let ak = device.key(&ak);
        let challenge = Challenge::make(&device.ek.public, &ak.public).unwrap();
        let mode = fs::metadata(challenge.folder.path().join("challenge/expected")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let evident = device.answer(&ak, &challenge);

        let output = challenge.check(&evident, &[]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let report: Value = serde_json::from_slice(&challenge.check(&evident, &["--json"]).stdout).unwrap();
        assert_eq!(output.status.code(), report["exit_code"].as_i64().map(|code| code as i32), "{text}");
        assert_eq!(text.lines().next(), report["verdict"].as_str());
        assert_eq!(report["manufacture_count"], 1);

        // It is what the TPM says of itself.
        let index = device.posture();
        let read =
            device.ok(&commands::nv_read(Entity::permanent(TpmRh::OWNER), &index, Evidence::SIZE as u16, 0));
        let content = read.fields().sized().unwrap().to_vec();
        let evidence = Evidence::from_bytes(&content).unwrap();
        for (verdict, found) in evidence.verdicts.iter().zip(report["guarantees"].as_array().unwrap()) {
            assert_eq!(found["guarantee"], verdict.guarantee.name());
            assert_eq!(found["level"], verdict.level.name());
            assert_eq!(found["source_number"], verdict.source);
        }

        // A verifier may be stricter, or content with less, than the TPM's owner.
        let policy = challenge.folder.path().join("policy.toml");
        let all = ["entropy", "storage", "rollback", "clock", "device-key", "isolation"];
        let rest = ["client-identity", "fate-sharing", "provisioning"];
        for (action, code) in [("warn", 2), ("degrade", 3), ("refuse", 4)] {
            let lines = all
                .iter()
                .chain(&rest)
                .map(|name| format!("{name}.missing = \"{action}\"\n{name}.weak = \"{action}\"\n"));
            fs::write(&policy, lines.collect::<String>()).unwrap();
            let output = challenge.check(&evident, &["--policy", policy.to_str().unwrap()]);
            let expected =
                if evidence.verdicts.iter().all(|verdict| verdict.action.is_none()) { 0 } else { code };
            assert_eq!(output.status.code(), Some(expected));
        }

        // The content beside its digest.
        let (attest, signature) = device.certify(&ak, &index, &challenge.nonce(), 0, 0);
        let digest = Evident { attest, signature, ..evident.clone() };
        challenge.refuses(&digest, "has the digest of the posture only");
        let with_content = Evident { data: Some(content.clone()), ..digest.clone() };
        assert_eq!(challenge.check(&with_content, &[]).status.code(), output.status.code());
        let mut other = content.clone();
        other[20] ^= 1;
        for evident in [digest, evident.clone()] {
            let with_other = Evident { data: Some(other.clone()), ..evident };
            challenge.refuses(&with_other, "is not what the attestation is about");
        }
        let with_content = Evident { data: Some(content), ..evident };
        assert_eq!(challenge.check(&with_content, &[]).status.code(), output.status.code());
    }
}

#[test]
fn every_challenge_is_another_one() {
    let mut device = Attester::new(7, &template::ek_ecc());
    let ak = device.key(&template::ak_ecc());
    let challenges = [(), ()].map(|()| Challenge::make(&device.ek.public, &ak.public).unwrap());
    for name in ["credential", "nonce", "expected"] {
        assert_ne!(challenges[0].read(name), challenges[1].read(name), "{name}");
    }
    // Down to the ephemeral key, by which the secret would be known.
    let ephemeral = challenges.each_ref().map(|challenge| {
        let credential = challenge.read("credential");
        let mut fields = tpm2_client::Fields::new(&credential[8..]);
        fields.sized().unwrap();
        fields.sized().unwrap().to_vec()
    });
    assert_ne!(ephemeral[0], ephemeral[1]);
    // And is never written over.
    let folder = challenges[0].folder.path();
    let again = verify_posture()
        .arg("challenge")
        .arg("--ek")
        .arg(folder.join("ek.pub"))
        .arg("--ak")
        .arg(folder.join("ak.pub"))
        .arg("--out")
        .arg(folder.join("challenge"))
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("is for one use"), "{}", said(&again));

    let [first, second] = challenges;
    let evident = device.answer(&ak, &first);
    // An old answer, as a whole and in parts.
    second.refuses(&evident, "not the challenge's secret");
    let answer = device.activate(&ak, &second.read("credential")).unwrap();
    second.refuses(&Evident { answer, ..evident }, "answers another challenge");
}

#[test]
fn a_key_that_could_have_signed_anything_is_refused() {
    let mut device = Attester::new(7, &template::ek_ecc());
    let refused = |ek: &Key, ak: &Key| Challenge::make(&ek.public, &ak.public).err().unwrap();
    let free = device.key(&template::ak_ecc().clear(TpmaObject::RESTRICTED));
    assert!(refused(&device.ek, &free).contains("it could have signed anything"));
    let movable = device.key(&template::ak_ecc().clear(TpmaObject::FIXED_TPM | TpmaObject::FIXED_PARENT));
    assert!(refused(&device.ek, &movable).contains("it could have signed anything"));
    let storage = device.key(&template::srk_ecc());
    assert!(refused(&device.ek, &storage).contains("it could have signed anything"));
    let ak = device.key(&template::ak_ecc());
    assert!(refused(&ak, &ak).contains("endorsement key is not a restricted decryption key"));

    // A folder that names such a key all the same does not help.
    let challenge = Challenge::make(&device.ek.public, &ak.public).unwrap();
    let evident = device.answer(&ak, &challenge);
    let text = String::from_utf8(challenge.read("expected")).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = text.replace(&hex(ak.entity.name()), &hex(free.entity.name()));
    fs::write(challenge.folder.path().join("challenge/expected"), text).unwrap();
    fs::write(&challenge.ak, &free.public).unwrap();
    challenge.refuses(&evident, "it could have signed anything");

    for garbage in [&b""[..], b"\0", &ak.public[..ak.public.len() - 1], &[&ak.public[..], b"x"].concat()] {
        let said = Challenge::make(&device.ek.public, garbage).err().unwrap();
        assert!(said.contains("the attestation key is no TPM2B_PUBLIC"), "{said}");
    }
    let weak = template::ak_ecc().name_alg(TpmAlgId::SHA1);
    let weak = device.key(&weak);
    assert!(refused(&device.ek, &weak).contains("too weak"));
}

#[test]
fn a_key_of_another_tpm_is_refused() {
    let mut device = Attester::new(7, &template::ek_ecc());
    let mut other = Attester::new(8, &template::ek_ecc());
    let (ak, others) = (device.key(&template::ak_ecc()), other.key(&template::ak_ecc()));

    // The endorsement key of one TPM, the attestation key of another: neither can answer.
    let challenge = Challenge::make(&device.ek.public, &others.public).unwrap();
    assert_eq!(device.activate(&ak, &challenge.read("credential")), None);
    assert_eq!(other.activate(&others, &challenge.read("credential")), None);
    let index = other.posture();
    let (attest, signature) = other.certify(&others, &index, &challenge.nonce(), Evidence::SIZE as u16, 0);
    for answer in [vec![], vec![0; 32], challenge.nonce()] {
        let evident = Evident { answer, attest: attest.clone(), signature: signature.clone(), data: None };
        challenge.refuses(&evident, "the attestation key is not in the TPM of the endorsement key");
    }

    // An honest answer beside an attestation by another TPM's key.
    let challenge = Challenge::make(&device.ek.public, &ak.public).unwrap();
    let honest = device.answer(&ak, &challenge);
    let (attest, signature) = other.certify(&others, &index, &challenge.nonce(), Evidence::SIZE as u16, 0);
    challenge.refuses(&Evident { attest, signature, ..honest.clone() }, "is not the attestation key's");
    fs::write(&challenge.ak, &others.public).unwrap();
    challenge.refuses(&honest, "is not the one that the challenge was made for");
}

#[test]
fn what_was_altered_is_refused() {
    let mut device = Attester::new(7, &template::ek_ecc());
    let ak = device.key(&template::ak_ecc());
    let challenge = Challenge::make(&device.ek.public, &ak.public).unwrap();
    let honest = device.answer(&ak, &challenge);
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    for at in 0..honest.answer.len() {
        let answer = changed(&honest.answer, at);
        challenge.refuses(&Evident { answer, ..honest.clone() }, "not the challenge's secret");
    }
    // Every field's place: magic, type, signer, nonce, clock, Name, offset, content.
    for at in (0..honest.attest.len()).step_by(7).chain([honest.attest.len() - 1]) {
        let attest = changed(&honest.attest, at);
        challenge.refuses(&Evident { attest, ..honest.clone() }, "is not the attestation key's");
    }
    let attest = [&honest.attest[..], b"x"].concat();
    challenge.refuses(&Evident { attest, ..honest.clone() }, "is not the attestation key's");
    let last = honest.signature.len() - 1;
    let signature = changed(&honest.signature, last);
    challenge.refuses(&Evident { signature, ..honest.clone() }, "is not the attestation key's");
    for signature in [vec![], vec![0, 0x10], honest.signature[..last].to_vec(), vec![0x55; 64]] {
        challenge.refuses(&Evident { signature, ..honest.clone() }, "holds no TPMT_SIGNATURE");
    }
    assert!(challenge.check(&honest, &[]).status.code() > Some(1));
}

/// Public areas and signatures come from the other side: whatever their bytes, there is an answer.
#[test]
fn no_byte_of_the_other_side_s_is_taken_on_trust() {
    let mut device = Attester::new(7, &template::ek_ecc());
    let ak = device.key(&template::ak_ecc());
    let challenge = Challenge::make(&device.ek.public, &ak.public).unwrap();
    let honest = device.answer(&ak, &challenge);
    let parse = |bytes: &[u8]| PublicKey::parse("a key", bytes);
    let ek = parse(&device.ek.public).unwrap();
    let expected = Expected {
        secret: honest.answer.clone().into(),
        nonce: challenge.nonce(),
        attestation_key: ak.entity.name().to_vec(),
        endorsement_key: ek.name().to_vec(),
    };
    fn answer<'a>(honest: &'a Evident, signature: &'a [u8]) -> Answer<'a> {
        Answer { answer: &honest.answer, attest: &honest.attest, signature, data: None }
    }
    let key = parse(&ak.public).unwrap();
    assert!(verifier::check(&expected, &key, &answer(&honest, &honest.signature)).is_ok());
    let changes = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        (0..bytes.len()).flat_map(move |at| {
            let bytes = bytes.clone();
            [0x01, 0x80, 0xFF].map(move |mask| {
                let mut changed = bytes.clone();
                changed[at] ^= mask;
                changed
            })
        })
    };
    for changed in changes(&ak.public) {
        // Another key it may be, this one it is not.
        if let Ok(changed) = parse(&changed) {
            assert_ne!(changed.name(), key.name());
            assert!(verifier::check(&expected, &changed, &answer(&honest, &honest.signature)).is_err());
            let _ = verifier::challenge(&ek, &changed);
        }
    }
    for changed in changes(&device.ek.public) {
        if let Ok(changed) = parse(&changed) {
            let _ = verifier::challenge(&changed, &key);
        }
    }
    for changed in changes(&honest.signature) {
        assert!(verifier::check(&expected, &key, &answer(&honest, &changed)).is_err());
    }
}

#[test]
fn the_same_content_in_another_index_is_refused() {
    let mut device = Attester::new(7, &template::ek_ecc());
    let ak = device.key(&template::ak_ecc());
    let challenge = Challenge::make(&device.ek.public, &ak.public).unwrap();
    let honest = device.answer(&ak, &challenge);
    let owner = Entity::permanent(TpmRh::OWNER);
    let index = device.posture();
    let size = Evidence::SIZE as u16;
    let read = device.ok(&commands::nv_read(&owner, &index, size, 0));
    let content = read.fields().sized().unwrap().to_vec();

    let handle = TpmHandle::nv_index(0x10_F001);
    let attributes = TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE;
    let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes, &[], size);
    device.ok(&commands::nv_define_space(TpmRh::OWNER, b"", &public));
    let forged = Entity::named(handle, name_of_public(public.as_ref(), 4));
    device.ok(&commands::nv_write(&owner, &forged, &content, 0));
    let response = device.ok(&commands::nv_read_public(handle));
    let forged = Entity::named(handle, name_of_public(response.fields().sized().unwrap(), 4));
    for length in [size, 0] {
        let (attest, signature) = device.certify(&ak, &forged, &challenge.nonce(), length, 0);
        let evident = Evident { attest, signature, data: Some(content.clone()), ..honest.clone() };
        challenge.refuses(&evident, "about another NV index");
    }

    // A part of the right one.
    for (length, offset) in [(size - 1, 0), (size - 1, 1), (0, 1)] {
        let (attest, signature) = device.certify(&ak, &index, &challenge.nonce(), length, offset);
        challenge.refuses(&Evident { attest, signature, ..honest.clone() }, "is no posture");
    }

    // An attestation of something else.
    let command = commands::quote(&ak.entity, &challenge.nonce(), template::null(), commands::no_pcrs());
    let response = device.ok(&command);
    let mut fields = response.fields();
    let (attest, signature) = (fields.sized().unwrap().to_vec(), fields.rest().to_vec());
    challenge.refuses(&Evident { attest, signature, ..honest }, "is not about an NV index");
}

#[test]
fn what_cannot_be_read_is_one_sentence_and_1() {
    let output = verify_posture().output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for arguments in [
        &["challenge", "--ek", "/nonexistent", "--ak", "/nonexistent", "--out", "/nonexistent/x"][..],
        &[
            "check",
            "--challenge",
            "/nonexistent",
            "--ak",
            "/nonexistent",
            "--answer",
            "/nonexistent",
            "--attest",
            "/nonexistent",
            "--signature",
            "/nonexistent",
        ],
    ] {
        let output = verify_posture().args(arguments).output().unwrap();
        assert_eq!((output.status.code(), said(&output).lines().count()), (Some(1), 1), "{}", said(&output));
    }
}
