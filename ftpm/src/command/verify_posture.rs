//! `ftpm verify-posture`: checks, away from a TPM, the posture that it attests.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use posture::{Evidence, Verdict};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::say;
use crate::hexadecimal;
use crate::policy_file;
use crate::report::{Report, Verdicts};
use crate::verifier::{self, Answer, Expected, PublicKey};

/// Checks the posture that a TPM attests, away from that TPM, with nothing but tpm2-tools on its side.
///
/// The verifier has the endorsement key's public part from a source that it trusts, makes a challenge, and checks what
/// comes back; docs/posture.md has the whole exchange.
#[derive(Debug, Args)]
pub(super) struct VerifyPosture {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Challenge(MakeChallenge),
    Check(Check),
}

/// Makes a challenge that only the TPM of an endorsement key can answer, and only with this attestation key in it.
///
/// Into the folder go `credential` (for tpm2_activatecredential -i) and `nonce` (hexadecimal, for tpm2_nvcertify -q),
/// which are given out, and `expected`, which stays here.
#[derive(Debug, Args)]
struct MakeChallenge {
    /// The endorsement key's public part, as tpm2_createek -u writes it
    #[arg(long, value_name = "FILE")]
    ek: PathBuf,
    /// The attestation key's public part, as tpm2_createak -u writes it
    #[arg(long, value_name = "FILE")]
    ak: PathBuf,
    /// A folder for the challenge; it is made, and holds one only
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Checks what came back, and prints the posture as `ftpm doctor` does.
///
/// Exit codes: 0 everything is given, 2 warned, 3 development only, 4 refused, 1 this is no evidence.
#[derive(Debug, Args)]
struct Check {
    /// The folder of the challenge
    #[arg(long, value_name = "DIR")]
    challenge: PathBuf,
    /// The attestation key's public part
    #[arg(long, value_name = "FILE")]
    ak: PathBuf,
    /// What tpm2_activatecredential -o wrote
    #[arg(long, value_name = "FILE")]
    answer: PathBuf,
    /// What tpm2_nvcertify --attestation wrote
    #[arg(long, value_name = "FILE")]
    attest: PathBuf,
    /// What tpm2_nvcertify -o wrote
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    /// The content of the NV index, as tpm2_nvread writes it; needed where only its digest was certified
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Judges by this policy instead of the TPM's own
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl VerifyPosture {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.step {
            Step::Challenge(challenge) => challenge.run().map(|()| ExitCode::SUCCESS),
            Step::Check(check) => check.run(),
        }
    }
}

impl MakeChallenge {
    fn run(self) -> Result<()> {
        let endorsement_key = PublicKey::parse("the endorsement key", &read(&self.ek)?)?;
        let attestation_key = PublicKey::parse("the attestation key", &read(&self.ak)?)?;
        let challenge = verifier::challenge(&endorsement_key, &attestation_key)?;
        let nonce = hexadecimal::encode(&challenge.expected.nonce);
        match DirBuilder::new().mode(0o700).create(&self.out) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.with_context(|| format!("cannot make the folder {}", self.out.display()))?,
        }
        // First what makes the others worth something; it is there once only.
        write_new(&self.out.join(EXPECTED), 0o600, to_text(&challenge.expected).as_bytes())?;
        write_new(&self.out.join("credential"), 0o644, &challenge.credential)?;
        write_new(&self.out.join("nonce"), 0o644, nonce.as_bytes())?;
        let index = format!("{:#x}", tpm2_core::posture_index::HANDLE.0);
        say!(
            "made a challenge in {}. On the TPM's side, with the files there and the keys' contexts:",
            self.out.display()
        );
        say!("  tpm2_startauthsession --policy-session -S session");
        say!("  tpm2_policysecret -S session -c e");
        say!("  tpm2_activatecredential -c AK.ctx -C EK.ctx -P session:session -i credential -o answer");
        say!("  tpm2_nvcertify -C AK.ctx -c o -g sha256 -q {nonce} \\");
        say!("    --size {} -o signature --attestation attest {index}", Evidence::SIZE);
        Ok(())
    }
}

impl Check {
    fn run(self) -> Result<ExitCode> {
        let path = self.challenge.join(EXPECTED);
        let text = Zeroizing::new(
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?,
        );
        let expected =
            from_text(&text).ok_or_else(|| anyhow!("{} is no challenge of ours", path.display()))?;
        let attestation_key = PublicKey::parse("the attestation key", &read(&self.ak)?)?;
        let (attest, signature) = (read(&self.attest)?, read(&self.signature)?);
        let secret = Zeroizing::new(read(&self.answer)?);
        let data = self.data.as_deref().map(read).transpose()?;
        let answer =
            Answer { answer: &secret, attest: &attest, signature: &signature, data: data.as_deref() };
        let evidence = verifier::check(&expected, &attestation_key, &answer)
            .map_err(anyhow::Error::from)
            .context("this is no evidence of a posture")?;
        let (verdicts, policy) = self.judge(&evidence)?;
        // Evidence of a TPM that could not read its own state.
        let subject = match evidence.manufacture_count {
            0 => {
                "Attested by the TPM of this endorsement key, under this attestation key, while its storage was away."
            }
            _ => "Attested by the TPM of this endorsement key, under this attestation key.",
        };
        let report = Report {
            statement: None,
            subject: subject.into(),
            facts: [facts(&expected, &evidence), vec![("policy", policy)]].concat(),
            verdicts: &verdicts,
            reason: &|_| None,
        };
        say!("{}", report.to_text(self.json));
        Ok(report.exit_code())
    }

    /// The verdicts as the TPM came to them, or as another policy would.
    fn judge(&self, evidence: &Evidence) -> Result<(Verdicts, Value)> {
        let Some(path) = &self.policy else { return Ok((evidence.verdicts, json!("the TPM's own"))) };
        let policy = policy_file::read(Some(path))?;
        let verdicts = evidence
            .verdicts
            .map(|verdict| Verdict { action: policy.action(verdict.guarantee, verdict.level), ..verdict });
        Ok((verdicts, json!(path.to_string_lossy())))
    }
}

fn facts(expected: &Expected, evidence: &Evidence) -> Vec<(&'static str, Value)> {
    let version = evidence.firmware_version.to_be_bytes();
    let part = |at: usize| u16::from_be_bytes([version[at], version[at + 1]]);
    vec![
        ("endorsement key", json!(hexadecimal::encode(&expected.endorsement_key))),
        ("attestation key", json!(hexadecimal::encode(&expected.attestation_key))),
        ("firmware", json!(format!("{}.{}.{}", part(0), part(2), part(4)))),
        ("firmware svn", json!(evidence.svn)),
        ("manufacture count", json!(evidence.manufacture_count)),
        ("manufacture id", json!(hexadecimal::encode(&evidence.manufacture_id))),
    ]
}

/// The verifier's own part of a challenge.
const EXPECTED: &str = "expected";

fn to_text(expected: &Expected) -> Zeroizing<String> {
    let secret = Zeroizing::new(hexadecimal::encode(&expected.secret));
    Zeroizing::new(format!(
        "secret {}\nnonce {}\nattestation-key {}\nendorsement-key {}\n",
        *secret,
        hexadecimal::encode(&expected.nonce),
        hexadecimal::encode(&expected.attestation_key),
        hexadecimal::encode(&expected.endorsement_key),
    ))
}

fn from_text(text: &str) -> Option<Expected> {
    let mut lines = text.lines();
    let mut value = |name: &str| {
        let (found, digits) = lines.next()?.split_once(' ')?;
        let bytes = hexadecimal::decode(digits)?;
        (found == name && !bytes.is_empty()).then_some(bytes)
    };
    let expected = Expected {
        secret: Zeroizing::new(value("secret")?),
        nonce: value("nonce")?,
        attestation_key: value("attestation-key")?,
        endorsement_key: value("endorsement-key")?,
    };
    lines.next().is_none().then_some(expected)
}

/// A file of the other side's: none of them is long.
fn read(path: &Path) -> Result<Vec<u8>> {
    const LONGEST: usize = 8192;
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if content.len() > LONGEST {
        bail!("{} is longer than any file of this exchange", path.display());
    }
    Ok(content)
}

fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already; a challenge is for one use, take another folder", path.display())
        }
        opened => opened.and_then(|mut file| file.write_all(content)),
    }
    .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let expected = Expected {
            secret: Zeroizing::new(vec![1, 0xFF]),
            nonce: vec![2],
            attestation_key: vec![3, 4],
            endorsement_key: vec![5],
        };
        let text = to_text(&expected);
        let read = from_text(&text).unwrap();
        assert_eq!((&*read.secret, &read.nonce), (&*expected.secret, &expected.nonce));
        assert_eq!(read.attestation_key, expected.attestation_key);
        assert_eq!(read.endorsement_key, expected.endorsement_key);
        for wrong in [
            text.replace("nonce", "once"),
            text.replace("01ff", "01f"),
            text.replace("01ff", "01fg"),
            text.replace("01ff", ""),
            format!("{}\n", *text),
            String::new(),
        ] {
            assert!(from_text(&wrong).is_none(), "{wrong}");
        }
    }
}
