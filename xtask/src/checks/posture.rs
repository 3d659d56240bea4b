//! A posture, attested by unmodified tpm2-tools and checked by `ftpm verify-posture`; and attempts to forge one.

use crate::steps::Outcome;
use crate::tools::Tools;
use crate::tpm::{Maker, RunningTpm, Transport};
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The TPM's own NV index, and how much it holds (docs/posture.md).
const INDEX: &str = "0x110f000";
const SIZE: &str = "79";
/// One that the owner defines.
const FORGED: &str = "0x110f001";

/// What an owner or a platform may try against the index, and the TPM's answer.
const ATTEMPTS: &[(&str, &str)] = &[
    ("tpm2_nvdefine 0x110f000 -C o -s 79 -a ownerread|ownerwrite", "already defined"),
    ("tpm2_nvdefine 0x110f000 -C p -s 79 -a ppread|ppwrite|platformcreate", "already defined"),
    ("tpm2_nvwrite 0x110f000 -C o -i content", "NV access"),
    ("tpm2_nvwrite 0x110f000 -C p -i content", "NV access"),
    ("tpm2_nvwritelock 0x110f000 -C o", "NV access"),
    ("tpm2_nvreadlock 0x110f000 -C o", "inconsistent attributes"),
    // The tool asks for the command that such an index would need, and for a session with its policy.
    ("tpm2_nvundefine 0x110f000 -C p -S session", "Esys_NV_UndefineSpaceSpecial"),
];

/// Attests and checks with RSA and elliptic-curve keys; then whatever only looks like evidence.
pub(super) fn check() -> Result<Outcome> {
    let mut passed = 0;
    let folder = tempfile::tempdir()?;
    let tpm = RunningTpm::start(Maker::Ftpm, Transport::Unix, folder.path())?;
    let side = Side { folder: folder.path(), tools: Tools::new(&tpm.tcti, folder.path(), false) };
    let doctor = ftpm(["doctor".as_ref(), "--state".as_ref(), folder.path().join("state").as_os_str()])?;
    let verdict = first_line(&doctor);
    println!("   the doctor says: {verdict}");

    for (ek, ak) in [("rsa", "rsa -s rsassa"), ("rsa", "ecc -s ecdsa"), ("ecc", "ecc -s ecdsa")] {
        side.keys(ek, ak)?;
        let challenge = side.challenge("ek.pub", "ak.pub")?;
        side.answer(&challenge)?;
        side.certify(&challenge, INDEX)?;
        let output = side.check(&challenge, &[])?;
        ensure!(
            output.status.code() == doctor.status.code() && first_line(&output) == verdict,
            "with an EK of {ek} and an AK of {ak}: {}",
            said(&output)
        );
        // What tpm2_nvcertify makes without --size: the digest, and the content beside it.
        side.tools.run(&format!(
            "tpm2_nvcertify -C ak.ctx -c o -g sha256 -q {} -o signature --attestation attest --size 0 {INDEX}",
            challenge.nonce()?
        ))?;
        side.tools.run(&format!("tpm2_nvread {INDEX} -C o -o content"))?;
        side.refused(&challenge, "digest of the posture only")?;
        let output = side.check(&challenge, &["--data"])?;
        ensure!(first_line(&output) == verdict, "the content beside its digest: {}", said(&output));
        passed += 3;
    }

    // The same TPM, the same keys; only this challenge's nonce is another one.
    let old = side.challenge("ek.pub", "ak.pub")?;
    side.certify(&old, INDEX)?;
    let challenge = side.challenge("ek.pub", "ak.pub")?;
    side.answer(&challenge)?;
    side.refused(&challenge, "answers another challenge")?;
    // The owner's index with the same content.
    side.tools.run(&format!("tpm2_nvdefine -Q {FORGED} -C o -s {SIZE} -a ownerread|ownerwrite"))?;
    side.tools.run(&format!("tpm2_nvwrite -Q {FORGED} -C o -i content"))?;
    side.certify(&challenge, FORGED)?;
    side.refused(&challenge, "another NV index")?;
    passed += 2;
    side.tools.run("tpm2_startauthsession --policy-session -S session")?;
    for (line, words) in ATTEMPTS {
        side.tools.refused(line, words)?;
        passed += 1;
    }
    // Nor does anything remove it that removes the owner's indices.
    side.tools.run("tpm2_clear -Q -c p")?;
    let public = side.tools.run("tpm2_nvreadpublic")?;
    ensure!(public.contains(INDEX) && !public.contains(FORGED), "after TPM2_Clear there are\n{public}");
    passed += 1;

    // The key of another TPM.
    let other_folder = tempfile::tempdir()?;
    let other_tpm = RunningTpm::start(Maker::Ftpm, Transport::Unix, other_folder.path())?;
    let other =
        Side { folder: other_folder.path(), tools: Tools::new(&other_tpm.tcti, other_folder.path(), false) };
    side.keys("ecc", "ecc -s ecdsa")?;
    other.keys("ecc", "ecc -s ecdsa")?;
    fs::copy(folder.path().join("ek.pub"), other_folder.path().join("theirs.pub"))?;
    let challenge = other.challenge("theirs.pub", "ak.pub")?;
    ensure!(other.answer(&challenge).is_err(), "the credential was activated without its endorsement key");
    other.tools.write("answer", &[0; 32])?;
    other.certify(&challenge, INDEX)?;
    other.refused(&challenge, "is not in the TPM of the endorsement key")?;
    passed += 2;
    other_tpm.end()?;
    tpm.end()?;
    println!("   {passed} checks: three pairs of keys accepted, and every forgery refused");
    Ok(Outcome::Counted { passed, failed: 0 })
}

/// One posture attested and checked, told for a person.
pub(crate) fn show() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tpm = RunningTpm::start(Maker::Ftpm, Transport::Unix, folder.path())?;
    let side = Side { folder: folder.path(), tools: Tools::new(&tpm.tcti, folder.path(), true) };
    println!("   The prover's keys: an endorsement key, and an attestation key beside it.");
    side.keys("rsa", "ecc -s ecdsa")?;
    println!(
        "   $ ftpm verify-posture challenge …: the verifier draws a nonce, and a secret for that EK and AK."
    );
    let challenge = side.challenge("ek.pub", "ak.pub")?;
    side.answer(&challenge)?;
    side.certify(&challenge, INDEX)?;
    println!("   $ ftpm verify-posture check …");
    let output = side.check(&challenge, &[])?;
    ensure!(output.status.code() == Some(3), "not verified: {}", said(&output));
    for line in String::from_utf8_lossy(&output.stdout).lines().take(12) {
        println!("   | {line}");
    }
    println!(
        "   The AK is bound to the EK, the signature holds, the index is the TPM's own. Somebody else's nonce:"
    );
    let other = side.challenge("ek.pub", "ak.pub")?;
    side.answer(&other)?;
    side.refused(&other, "answers another challenge")?;
    println!("   refused, as it must be.");
    tpm.end()
}

/// A TPM's tools, and the folder of their files.
struct Side<'f> {
    folder: &'f Path,
    tools: Tools,
}

struct Challenge(PathBuf);

impl Challenge {
    fn nonce(&self) -> Result<String> {
        Ok(fs::read_to_string(self.0.join("nonce"))?)
    }
}

impl Side<'_> {
    fn keys(&self, ek: &str, ak: &str) -> Result<()> {
        self.tools.run(&format!("tpm2_createek -Q -G {ek} -c ek.ctx -u ek.pub"))?;
        self.tools.run(&format!("tpm2_createak -Q -C ek.ctx -G {ak} -g sha256 -c ak.ctx -u ak.pub"))?;
        Ok(())
    }

    fn challenge(&self, ek: &str, ak: &str) -> Result<Challenge> {
        let out = tempfile::Builder::new().prefix("challenge").tempdir_in(self.folder)?.keep();
        let path = |name: &str| self.folder.join(name).into_os_string();
        let output = ftpm([
            "verify-posture".into(),
            "challenge".into(),
            "--ek".into(),
            path(ek),
            "--ak".into(),
            path(ak),
            "--out".into(),
            out.clone().into_os_string(),
        ])?;
        ensure!(output.status.success(), "no challenge: {}", said(&output));
        Ok(Challenge(out))
    }

    fn answer(&self, challenge: &Challenge) -> Result<()> {
        self.tools.run("tpm2_startauthsession --policy-session -S session")?;
        let activated = self.tools.run("tpm2_policysecret -Q -S session -c e").and_then(|_| {
            self.tools.run(&format!(
                "tpm2_activatecredential -Q -c ak.ctx -C ek.ctx -P session:session -i {} -o answer",
                challenge.0.join("credential").display()
            ))
        });
        self.tools.run("tpm2_flushcontext -l")?;
        activated.map(|_| ())
    }

    fn certify(&self, challenge: &Challenge, index: &str) -> Result<()> {
        let nonce = challenge.nonce()?;
        self.tools.run(&format!(
            "tpm2_nvcertify -C ak.ctx -c o -g sha256 -q {nonce} -o signature --attestation attest --size {SIZE} {index}"
        ))?;
        Ok(())
    }

    fn check(&self, challenge: &Challenge, more: &[&str]) -> Result<Output> {
        let path = |name: &str| self.folder.join(name).into_os_string();
        let mut words = vec!["verify-posture".into(), "check".into(), "--challenge".into()];
        words.extend([challenge.0.clone().into_os_string(), "--ak".into(), path("ak.pub")]);
        for name in ["answer", "attest", "signature"] {
            words.extend([format!("--{name}").into(), path(name)]);
        }
        for option in more {
            words.extend([option.into(), path("content")]);
        }
        ftpm(words)
    }

    fn refused(&self, challenge: &Challenge, words: &str) -> Result<()> {
        let output = self.check(challenge, &[])?;
        let said = said(&output);
        ensure!(
            output.status.code() == Some(1) && said.contains(words),
            "not refused with \"{words}\": {said}"
        );
        Ok(())
    }
}

fn ftpm<W: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = W>) -> Result<Output> {
    let mut command = Command::new(workspace::ftpm());
    command.args(words).stdin(Stdio::null());
    command.output().with_context(|| format!("cannot start `{}`", workspace::line(&command)))
}

fn first_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_string()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
