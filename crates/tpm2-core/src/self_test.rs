//! Self tests with known answers, and failure mode (Part 1, "Self-Test", "Failure Mode").
//!
//! What takes microseconds is tested when power comes. RSA and the curves are tested before their first use, or when
//! TPM2_SelfTest or TPM2_IncrementalSelfTest asks for them.

use core::fmt::Write as _;

use tee_api::Checkpoint;
use tpm2_crypto::engine::Engine;
use tpm2_crypto::self_test::{self, Algorithm};
use tpm2_crypto::{BlockMode, HashAlgorithm, Steps, ecc::Curve};
use tpm2_types::{Reader, ResponseCode, Result, TpmAlgId, TpmCap, TpmCc, TpmSt, TpmsTaggedProperty, Writer};

use crate::algorithm::response_code;
use crate::capability;
use crate::command::{Command, HEADER_SIZE};
use crate::failure::FailureReason;

/// Everything that is tested, each with the identifiers that it is a part of, and whether it waits for its first use.
const TESTS: &[(Algorithm, &[TpmAlgId], bool)] = &[
    (Algorithm::Hash(HashAlgorithm::Sha1), &[TpmAlgId::SHA1], false),
    (Algorithm::Hash(HashAlgorithm::Sha256), &[TpmAlgId::SHA256], false),
    (Algorithm::Hash(HashAlgorithm::Sha384), &[TpmAlgId::SHA384], false),
    (Algorithm::Hash(HashAlgorithm::Sha512), &[TpmAlgId::SHA512], false),
    (Algorithm::Hmac(HashAlgorithm::Sha1), &[TpmAlgId::HMAC], false),
    (Algorithm::Hmac(HashAlgorithm::Sha256), &[TpmAlgId::HMAC], false),
    (Algorithm::Hmac(HashAlgorithm::Sha384), &[TpmAlgId::HMAC], false),
    (Algorithm::Hmac(HashAlgorithm::Sha512), &[TpmAlgId::HMAC], false),
    (Algorithm::Aes(BlockMode::Ctr), &[TpmAlgId::AES, TpmAlgId::CTR], false),
    (Algorithm::Aes(BlockMode::Ofb), &[TpmAlgId::AES, TpmAlgId::OFB], false),
    (Algorithm::Aes(BlockMode::Cbc), &[TpmAlgId::AES, TpmAlgId::CBC], false),
    (Algorithm::Aes(BlockMode::Cfb), &[TpmAlgId::AES, TpmAlgId::CFB], false),
    (Algorithm::Aes(BlockMode::Ecb), &[TpmAlgId::AES, TpmAlgId::ECB], false),
    (Algorithm::Drbg, &[], false),
    (Algorithm::SeededStream, &[], false),
    (Algorithm::Kdf, &[TpmAlgId::KDF1_SP800_56A, TpmAlgId::KDF1_SP800_108], false),
    (Algorithm::Rsa, RSA, true),
    (Algorithm::Ecdsa(Curve::P256), &[TpmAlgId::ECC, TpmAlgId::ECDSA], true),
    (Algorithm::Ecdsa(Curve::P384), &[TpmAlgId::ECC, TpmAlgId::ECDSA], true),
    (Algorithm::Ecdsa(Curve::P521), &[TpmAlgId::ECC, TpmAlgId::ECDSA], true),
    (Algorithm::Ecdh(Curve::P256), &[TpmAlgId::ECC, TpmAlgId::ECDH], true),
    (Algorithm::Ecdh(Curve::P384), &[TpmAlgId::ECC, TpmAlgId::ECDH], true),
    (Algorithm::Ecdh(Curve::P521), &[TpmAlgId::ECC, TpmAlgId::ECDH], true),
];

const RSA: &[TpmAlgId] =
    &[TpmAlgId::RSA, TpmAlgId::RSASSA, TpmAlgId::RSAES, TpmAlgId::RSAPSS, TpmAlgId::OAEP, TpmAlgId::MGF1];

/// Which algorithms have been tested since _TPM_Init.
pub struct SelfTests {
    /// A bit for each of [`TESTS`].
    passed: u32,
    failed: bool,
}

impl SelfTests {
    pub(crate) const fn new() -> Self {
        Self { passed: 0, failed: false }
    }

    /// Tests what takes microseconds: when power comes. All of it fits between two checkpoints.
    pub(crate) fn power_on(&mut self, engine: &dyn Engine) -> Result<()> {
        self.run(engine, &mut (), |(_, _, waits)| !waits)
    }

    /// Tests an algorithm before its first use. TPM_RC_FAILURE, and failure mode, when it does not give its answer;
    /// TPM_RC_CANCELED when a checkpoint says so, and the algorithm waits for its test as before.
    pub fn require(
        &mut self,
        engine: &dyn Engine,
        checkpoint: &mut dyn Checkpoint,
        algorithm: Algorithm,
    ) -> Result<()> {
        self.run(engine, checkpoint, |(test, _, _)| *test == algorithm)
    }

    /// Tests everything: again, or only what was not tested before.
    pub fn test_all(
        &mut self,
        engine: &dyn Engine,
        checkpoint: &mut dyn Checkpoint,
        again: bool,
    ) -> Result<()> {
        if again {
            self.passed = 0;
        }
        self.run(engine, checkpoint, |_| true)
    }

    /// Tests what an identifier stands for, as far as it was not tested before.
    pub fn test(
        &mut self,
        engine: &dyn Engine,
        checkpoint: &mut dyn Checkpoint,
        algorithm: TpmAlgId,
    ) -> Result<()> {
        self.run(engine, checkpoint, |(_, identifiers, _)| identifiers.contains(&algorithm))
    }

    /// The identifiers of which a part has not been tested, ascending.
    pub fn untested(&self) -> impl Iterator<Item = TpmAlgId> {
        (0..=u16::from(u8::MAX)).map(TpmAlgId).filter(|algorithm| {
            let missing = |index: usize| self.passed & (1 << index) == 0;
            TESTS.iter().enumerate().any(|(index, (_, parts, _))| missing(index) && parts.contains(algorithm))
        })
    }

    /// Whether every test has passed.
    pub fn is_complete(&self) -> bool {
        self.passed == (1 << TESTS.len()) - 1
    }

    /// Whether a test has failed: the TPM goes into failure mode.
    pub(crate) const fn has_failed(&self) -> bool {
        self.failed
    }

    fn run(
        &mut self,
        engine: &dyn Engine,
        checkpoint: &mut dyn Checkpoint,
        wanted: impl Fn(&(Algorithm, &[TpmAlgId], bool)) -> bool,
    ) -> Result<()> {
        let mut steps = Steps::new(checkpoint);
        for (index, test) in TESTS.iter().enumerate() {
            if self.passed & (1 << index) != 0 || !wanted(test) {
                continue;
            }
            if !self_test::run(test.0, engine, &mut steps).map_err(response_code)? {
                self.failed = true;
                return Err(ResponseCode::FAILURE);
            }
            self.passed |= 1 << index;
        }
        Ok(())
    }
}

/// Answers what may be asked in failure mode: TPM2_GetTestResult and TPM2_GetCapability without sessions (Part 3, 5.3).
/// Everything else is TPM_RC_FAILURE.
pub(crate) fn execute_in_failure_mode(
    reason: FailureReason,
    command: &Command,
    request: &[u8],
    response: &mut [u8],
) -> Result<usize> {
    let mut reader = Reader::trusted(request);
    if reader.read::<TpmSt>()? != TpmSt::NO_SESSIONS {
        return Err(ResponseCode::FAILURE);
    }
    reader.take(HEADER_SIZE - 2)?;
    let mut writer = Writer::new(response);
    writer.write(&TpmSt::NO_SESSIONS)?;
    writer.write(&0u32)?;
    writer.write(&ResponseCode::SUCCESS)?;
    match command.code {
        TpmCc::GET_TEST_RESULT => {
            reader.finish()?;
            // The reason in words: nobody has to look a number up.
            writer.sized(|writer| write!(Text(writer), "{reason}").map_err(|_| ResponseCode::FAILURE))?;
            writer.write(&ResponseCode::FAILURE)?;
        }
        TpmCc::GET_CAPABILITY => {
            let (capability, first, count): (TpmCap, u32, u32) =
                (reader.read()?, reader.read()?, reader.read()?);
            reader.finish()?;
            let properties = capability::identity()
                .into_iter()
                .filter(|property| capability == TpmCap::TPM_PROPERTIES && property.property.0 >= first);
            write_properties(&mut writer, properties, usize::try_from(count).unwrap_or(usize::MAX))?;
        }
        _ => return Err(ResponseCode::FAILURE),
    }
    let length = writer.len();
    let size = u32::try_from(length).map_err(|_| ResponseCode::FAILURE)?;
    response[2..6].copy_from_slice(&size.to_be_bytes());
    Ok(length)
}

fn write_properties(
    writer: &mut Writer<'_>,
    properties: impl Iterator<Item = TpmsTaggedProperty> + Clone,
    count: usize,
) -> Result<()> {
    let more = properties.clone().nth(count).is_some();
    let listed = properties.take(count);
    writer.write(&u8::from(more))?;
    writer.write(&TpmCap::TPM_PROPERTIES)?;
    writer.write(&u32::try_from(listed.clone().count()).map_err(|_| ResponseCode::FAILURE)?)?;
    for property in listed {
        writer.write(&property)?;
    }
    Ok(())
}

/// A sentence as bytes.
struct Text<'t, 'w>(&'t mut Writer<'w>);

impl core::fmt::Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.put(text.as_bytes()).map_err(|_| core::fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tee_api::Flow;
    use tpm2_crypto::engine::SOFTWARE;
    use tpm2_types::TpmPt;

    #[test]
    fn everything_passes_and_is_listed_until_it_did() {
        let mut tests = SelfTests::new();
        tests.power_on(&SOFTWARE).unwrap();
        assert!(!tests.is_complete());
        assert!(tests.untested().any(|algorithm| algorithm == TpmAlgId::RSAPSS));
        assert!(!tests.untested().any(|algorithm| algorithm == TpmAlgId::SHA256));
        tests.test(&SOFTWARE, &mut (), TpmAlgId::RSA).unwrap();
        assert!(!tests.untested().any(|algorithm| algorithm == TpmAlgId::OAEP));
        tests.test_all(&SOFTWARE, &mut (), false).unwrap();
        assert!(tests.is_complete() && tests.untested().next().is_none());
        assert!(!tests.has_failed());
    }

    /// Cancels at once.
    struct Impatient;

    impl Checkpoint for Impatient {
        fn checkpoint(&mut self) -> Flow {
            Flow::Cancel
        }
    }

    #[test]
    fn a_cancelled_test_is_neither_passed_nor_failed() {
        let mut tests = SelfTests::new();
        let outcome = tests.test(&SOFTWARE, &mut Impatient, TpmAlgId::ECDSA);
        assert_eq!(outcome, Err(ResponseCode::CANCELED));
        assert!(!tests.has_failed());
        assert!(tests.untested().any(|algorithm| algorithm == TpmAlgId::ECDSA));
        tests.test(&SOFTWARE, &mut (), TpmAlgId::ECDSA).unwrap();
        assert!(!tests.untested().any(|algorithm| algorithm == TpmAlgId::ECDSA));
    }

    #[test]
    fn what_is_tested_when_power_comes_fits_between_two_checkpoints() {
        let mut nobody = ();
        let mut steps = Steps::new(&mut nobody);
        for (algorithm, _, waits) in TESTS {
            if !waits {
                self_test::run(*algorithm, &SOFTWARE, &mut steps).unwrap();
            }
        }
        assert!(steps.total() <= u64::from(tpm2_crypto::steps::BUDGET), "{}", steps.total());
    }

    #[test]
    fn property_names_the_first_and_the_last() {
        assert_eq!(capability::identity()[0].property, TpmPt::MANUFACTURER);
        assert_eq!(capability::identity().last().map(|last| last.property), Some(TpmPt::FIRMWARE_VERSION_2));
    }
}
