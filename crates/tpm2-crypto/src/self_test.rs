//! Known answers, for the TPM's self tests (Part 1, 10.4; `TPM2_SelfTest`, `TPM2_IncrementalSelfTest`).

mod answers;

use answers::EccAnswer;

use crate::ecc::{self, Curve, Point};
use crate::engine::Engine;
use crate::{
    AES_BLOCK_SIZE, BlockMode, CryptoError, Direction, Drbg, HashAlgorithm, Random, Result, SeededStream,
    Steps, aes, hash, hmac, kdfa, kdfe,
};

/// What can be tested, each on its own and below a few milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A hash function.
    Hash(HashAlgorithm),
    /// HMAC with a hash function.
    Hmac(HashAlgorithm),
    /// AES in a mode, with keys of every size.
    Aes(BlockMode),
    /// The random number generator, and that it notices a stuck source.
    Drbg,
    /// The stream that primary keys come from.
    SeededStream,
    /// KDFa and KDFe.
    Kdf,
    /// ECDSA, both directions, and the key that belongs to a fixed seed.
    Ecdsa(Curve),
    /// Diffie-Hellman.
    Ecdh(Curve),
    /// RSA: both primitives, and the paddings of all schemes.
    Rsa,
}

/// Runs the known answer test of one algorithm on the engine that will be used. `Ok(false)` when it did not give its
/// answer: nothing that depends on it may be trusted. [`CryptoError::Cancelled`] when a checkpoint says so: nothing is
/// known then.
pub fn run(algorithm: Algorithm, engine: &dyn Engine, steps: &mut Steps<'_>) -> Result<bool> {
    let passed = match algorithm {
        Algorithm::Hash(algorithm) => steps.spend(HASH).and_then(|()| test_hash(algorithm)),
        Algorithm::Hmac(algorithm) => steps.spend(HASH).and_then(|()| test_hmac(algorithm)),
        Algorithm::Aes(mode) => steps.spend(CIPHER).and_then(|()| test_aes(mode)),
        Algorithm::Drbg => steps.spend(GENERATOR).and_then(|()| test_drbg()),
        Algorithm::SeededStream => steps.spend(GENERATOR).and_then(|()| test_seeded_stream()),
        Algorithm::Kdf => steps.spend(GENERATOR).and_then(|()| test_kdf()),
        Algorithm::Ecdsa(curve) => test_ecdsa(engine, curve, steps),
        Algorithm::Ecdh(curve) => test_ecdh(engine, curve, steps),
        Algorithm::Rsa => crate::rsa::known_answer::test(engine, steps),
    };
    match passed {
        Err(CryptoError::Cancelled) => Err(CryptoError::Cancelled),
        passed => Ok(passed == Ok(true)),
    }
}

/// What the tests without an engine cost, in steps. Together they stay within the budget between two checkpoints, so
/// that they can be run when power comes.
const HASH: u32 = 5_000;
const CIPHER: u32 = 20_000;
const GENERATOR: u32 = 70_000;

fn test_hash(algorithm: HashAlgorithm) -> Result<bool> {
    let answer = answer(&answers::HASH, |answer| answer.algorithm == algorithm)?;
    Ok(hash(algorithm, &[b"abc"])[..] == *answer.digest)
}

fn test_hmac(algorithm: HashAlgorithm) -> Result<bool> {
    let answer = answer(&answers::HASH, |answer| answer.algorithm == algorithm)?;
    Ok(hmac(algorithm, b"Jefe", &[b"what do ya want ", b"for nothing?"])[..] == *answer.hmac)
}

fn test_aes(mode: BlockMode) -> Result<bool> {
    let answer = answer(&answers::AES, |answer| answer.mode == mode)?;
    let start = if mode == BlockMode::Ctr { answers::AES_COUNTER } else { answers::AES_IV };
    let mut passed = true;
    for (key, ciphertext) in answers::AES_KEYS.iter().zip(&answer.ciphertexts) {
        for direction in [Direction::Encrypt, Direction::Decrypt] {
            let (mut data, expected) = match direction {
                Direction::Encrypt => (answers::AES_PLAINTEXT, ciphertext),
                Direction::Decrypt => (*ciphertext, &answers::AES_PLAINTEXT),
            };
            // In two calls, because the chaining value is a result too.
            let mut iv = start;
            let (head, tail) = data.split_at_mut(AES_BLOCK_SIZE);
            aes(mode, key, &mut iv, head, direction)?;
            aes(mode, key, &mut iv, tail, direction)?;
            passed &= data == *expected;
        }
    }
    Ok(passed)
}

fn test_drbg() -> Result<bool> {
    let mut passed = Drbg::instantiate(&[0x55; 48], &[], &[]).is_err();
    for answer in &answers::DRBG {
        let mut drbg = Drbg::instantiate(answer.entropy, answer.nonce, &[])?;
        let mut output = [0; 64];
        for additional in answer.additional {
            drbg.generate(&mut output, additional)?;
        }
        passed &= output == answer.output && drbg.reseed(answer.entropy, &[]).is_err();
    }
    Ok(passed)
}

fn test_seeded_stream() -> Result<bool> {
    let mut stream = fixed_stream();
    let mut output = [0; 128];
    let mut passed = true;
    for expected in answers::SEEDED_STREAM {
        stream.fill(&mut output[..expected.len()])?;
        passed &= output[..expected.len()] == *expected;
    }
    Ok(passed)
}

fn test_kdf() -> Result<bool> {
    let key: [u8; 20] = core::array::from_fn(|index| index as u8);
    let mut out = [0; 128];
    let mut passed = true;
    for answer in &answers::KDF {
        let out = &mut out[..answer.kdfa.len()];
        kdfa(answer.algorithm, &key, b"LABEL", b"U-context", b"V", answer.bits, out);
        passed &= *out == *answer.kdfa;
        kdfe(answer.algorithm, &key, b"LABEL", b"U-context", b"V", answer.bits, out);
        passed &= *out == *answer.kdfe;
    }
    Ok(passed)
}

fn test_ecdsa(engine: &dyn Engine, curve: Curve, steps: &mut Steps<'_>) -> Result<bool> {
    let answer = ecc_answer(curve)?;
    let public = Point::new(curve, answer.x, answer.y)?;
    let digest = hash(answer.hash, &[b"sample"]);
    let signature =
        ecc::sign_ecdsa(engine, curve, answer.private, &digest, &mut Number(answer.nonce_less_one), steps)?;
    let mut is_valid = |r, s| match ecc::verify_ecdsa(engine, curve, &public, &digest, r, s, steps) {
        Ok(()) => Ok(true),
        Err(CryptoError::InvalidSignature) => Ok(false),
        Err(error) => Err(error),
    };
    let distinguished = is_valid(answer.r, answer.s)? && !is_valid(answer.s, answer.r)?;

    let mut private = [0; ecc::MAX_COORDINATE_SIZE];
    let private = &mut private[..curve.size()];
    ecc::generate(engine, curve, &mut fixed_stream(), private, steps)?;
    Ok(signature.r() == answer.r
        && signature.s() == answer.s
        && distinguished
        && *private == *answer.seeded_private)
}

fn test_ecdh(engine: &dyn Engine, curve: Curve, steps: &mut Steps<'_>) -> Result<bool> {
    let answer = ecc_answer(curve)?;
    let public = ecc::public_from_private(engine, curve, answer.private, steps)?;
    let mut other = [0; ecc::MAX_COORDINATE_SIZE];
    let other = &mut other[..curve.size()];
    ecc::generate(engine, curve, &mut Number(answer.nonce_less_one), other, steps)?;
    let shared = ecc::multiply(engine, curve, other, &public, steps)?;
    Ok(public.x() == answer.x && public.y() == answer.y && shared.x() == answer.shared)
}

fn ecc_answer(curve: Curve) -> Result<&'static EccAnswer> {
    answer(&answers::ECC, |answer| answer.curve == curve)
}

fn answer<T>(answers: &'static [T], is_wanted: impl Fn(&T) -> bool) -> Result<&'static T> {
    answers.iter().find(|answer| is_wanted(answer)).ok_or(CryptoError::InvalidInput)
}

/// The stream that the known answers are made for.
fn fixed_stream() -> SeededStream {
    let seed: [u8; 64] = core::array::from_fn(|index| index as u8);
    SeededStream::new(&seed, b"LABEL", b"context")
}

/// A source of one big-endian number.
struct Number(&'static [u8]);

impl Random for Number {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let start = out.len().checked_sub(self.0.len()).ok_or(CryptoError::Random)?;
        out.fill(0);
        out[start..].copy_from_slice(self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::engine::testing::ENGINES;
    use crate::engine::{ModExp, SOFTWARE};

    fn every_algorithm() -> Vec<Algorithm> {
        let hashes =
            [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];
        let modes = [BlockMode::Ctr, BlockMode::Ofb, BlockMode::Cbc, BlockMode::Cfb, BlockMode::Ecb];
        let mut all: Vec<_> = hashes.map(Algorithm::Hash).into();
        all.extend(hashes.map(Algorithm::Hmac));
        all.extend(modes.map(Algorithm::Aes));
        all.extend(Curve::ALL.map(Algorithm::Ecdsa));
        all.extend(Curve::ALL.map(Algorithm::Ecdh));
        all.extend([Algorithm::Drbg, Algorithm::SeededStream, Algorithm::Kdf, Algorithm::Rsa]);
        all
    }

    #[test]
    fn every_algorithm_gives_its_known_answer() {
        for engine in ENGINES {
            for algorithm in every_algorithm() {
                assert_eq!(run(algorithm, *engine, &mut Steps::new(&mut ())), Ok(true), "{algorithm:?}");
            }
        }
    }

    /// An engine whose results are all off by a little.
    struct Faulty;

    fn flipped(out: &mut [u8]) {
        out.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    }

    fn twice(curve: Curve, point: &Point, steps: &mut Steps<'_>) -> Result<Point> {
        ecc::multiply(&SOFTWARE, curve, &[2], point, steps)
    }

    impl Engine for Faulty {
        fn mod_exp(&self, operands: ModExp<'_>, out: &mut [u8], steps: &mut Steps<'_>) -> Result<()> {
            SOFTWARE.mod_exp(operands, out, steps).inspect(|()| flipped(out))
        }

        fn mod_exp_public(
            &self,
            base: &[u8],
            exponent: u32,
            modulus: &[u8],
            out: &mut [u8],
            steps: &mut Steps<'_>,
        ) -> Result<()> {
            SOFTWARE.mod_exp_public(base, exponent, modulus, out, steps).inspect(|()| flipped(out))
        }

        fn ec_multiply_base(&self, curve: Curve, scalar: &[u8], steps: &mut Steps<'_>) -> Result<Point> {
            twice(curve, &SOFTWARE.ec_multiply_base(curve, scalar, steps)?, steps)
        }

        fn ec_multiply(
            &self,
            curve: Curve,
            scalar: &[u8],
            point: &Point,
            steps: &mut Steps<'_>,
        ) -> Result<Point> {
            twice(curve, &SOFTWARE.ec_multiply(curve, scalar, point, steps)?, steps)
        }

        fn ec_double_multiply(
            &self,
            curve: Curve,
            base_scalar: &[u8],
            scalar: &[u8],
            point: &Point,
            steps: &mut Steps<'_>,
        ) -> Result<Point> {
            twice(curve, &SOFTWARE.ec_double_multiply(curve, base_scalar, scalar, point, steps)?, steps)
        }
    }

    #[test]
    fn a_wrong_answer_is_noticed() {
        for algorithm in every_algorithm() {
            let uses_engine = matches!(algorithm, Algorithm::Ecdsa(_) | Algorithm::Ecdh(_) | Algorithm::Rsa);
            assert_eq!(run(algorithm, &Faulty, &mut Steps::new(&mut ())), Ok(!uses_engine), "{algorithm:?}");
        }
    }
}
