//! `TPM_ALG_RSAPSS`: probabilistic signatures (Part 1, 43.7; RFC 8017, 9.1). Message and mask use the same
//! hash.
//!
//! Moduli have a whole number of bytes and their top bit set, so the encoded message is one bit shorter than
//! a whole number of bytes.

use super::mask;
use crate::{CryptoError, HashAlgorithm, MAX_DIGEST_SIZE, Random, Result, hash};
use subtle::ConstantTimeEq;

/// Follows the encoded message.
const TRAILER: u8 = 0xbc;

/// Writes the encoded `digest` into all of `out`, which is as long as the modulus, for the private operation.
/// The salt comes from `random` and is as long as the digest, which is the largest size that FIPS 186-5
/// allows, or as long as there is room for.
///
/// [`CryptoError::InvalidInput`] (`TPM_RC_VALUE`) when the digest has not the algorithm's size or the modulus
/// is too short for it.
pub fn encode(
    algorithm: HashAlgorithm,
    digest: &[u8],
    random: &mut dyn Random,
    out: &mut [u8],
) -> Result<()> {
    let digest_size = algorithm.digest_size();
    let room = out.len().checked_sub(digest_size + 2).ok_or(CryptoError::InvalidInput)?;
    let mut salt = [0; MAX_DIGEST_SIZE];
    let salt = salt.get_mut(..digest_size.min(room)).ok_or(CryptoError::InvalidInput)?;
    random.fill(salt)?;
    encode_with_salt(algorithm, digest, salt, out)
}

/// Whether `encoded`, the outcome of the public operation on a signature, belongs to `digest`. The salt may
/// have any length, because older TPMs take the longest that fits. [`CryptoError::InvalidSignature`]
/// (`TPM_RC_SIGNATURE`) if not.
pub fn verify(algorithm: HashAlgorithm, digest: &[u8], encoded: &[u8]) -> Result<()> {
    let digest_size = algorithm.digest_size();
    let mut buffer = [0; crate::engine::MAX_MODULUS_SIZE];
    let buffer = buffer.get_mut(..encoded.len()).ok_or(CryptoError::InvalidInput)?;
    buffer.copy_from_slice(encoded);
    let data_size = encoded.len().checked_sub(digest_size + 1).ok_or(CryptoError::InvalidSignature)?;
    let (data, tail) = buffer.split_at_mut(data_size);
    let [expected @ .., TRAILER] = tail else { return Err(CryptoError::InvalidSignature) };
    if digest.len() != digest_size || data.first().is_none_or(|byte| *byte >= 0x80) {
        return Err(CryptoError::InvalidSignature);
    }
    mask::apply(algorithm, expected, data);
    if let Some(first) = data.first_mut() {
        *first &= 0x7f;
    }
    let separator = data.iter().position(|byte| *byte != 0).ok_or(CryptoError::InvalidSignature)?;
    let Some([1, salt @ ..]) = data.get(separator..) else { return Err(CryptoError::InvalidSignature) };
    let computed = hash(algorithm, &[&[0; 8], digest, salt]);
    if bool::from(computed.ct_eq(expected)) { Ok(()) } else { Err(CryptoError::InvalidSignature) }
}

fn encode_with_salt(algorithm: HashAlgorithm, digest: &[u8], salt: &[u8], out: &mut [u8]) -> Result<()> {
    let digest_size = algorithm.digest_size();
    let data_size = out.len().checked_sub(digest_size + 1).ok_or(CryptoError::InvalidInput)?;
    let zeros = data_size.checked_sub(salt.len() + 1).ok_or(CryptoError::InvalidInput)?;
    if digest.len() != digest_size {
        return Err(CryptoError::InvalidInput);
    }
    let salted = hash(algorithm, &[&[0; 8], digest, salt]);
    let (data, tail) = out.split_at_mut(data_size);
    let (padding, separated) = data.split_at_mut(zeros);
    padding.fill(0);
    if let [separator, salt_out @ ..] = separated {
        *separator = 1;
        salt_out.copy_from_slice(salt);
    }
    mask::apply(algorithm, &salted, data);
    if let Some(first) = data.first_mut() {
        *first &= 0x7f;
    }
    if let [hash_out @ .., trailer] = tail {
        hash_out.copy_from_slice(&salted);
        *trailer = TRAILER;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededStream;

    #[test]
    fn what_is_encoded_verifies_and_nothing_else_does() {
        use HashAlgorithm::{Sha1, Sha256, Sha384, Sha512};
        for algorithm in [Sha1, Sha256, Sha384, Sha512] {
            let digest = hash(algorithm, &[b"message"]);
            let mut stream = SeededStream::new(b"seed", b"PSS", b"");
            let mut encoded = [0; 256];
            encode(algorithm, &digest, &mut stream, &mut encoded).unwrap();
            assert!(encoded[0] < 0x80);
            assert_eq!(verify(algorithm, &digest, &encoded), Ok(()));
            for bit in 0..8 * 256 {
                let mut changed = encoded;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(verify(algorithm, &digest, &changed), Err(CryptoError::InvalidSignature), "{bit}");
            }
            let other = hash(algorithm, &[b"another message"]);
            assert_eq!(verify(algorithm, &other, &encoded), Err(CryptoError::InvalidSignature));
            assert_eq!(verify(algorithm, &digest[1..], &encoded), Err(CryptoError::InvalidSignature));
        }
    }

    #[test]
    fn salts_of_other_lengths_verify() {
        let digest = hash(HashAlgorithm::Sha256, &[b"message"]);
        for size in [0, 1, 31, 33, 222] {
            let mut encoded = [0; 256];
            encode_with_salt(HashAlgorithm::Sha256, &digest, &[0x5a; 222][..size], &mut encoded).unwrap();
            assert_eq!(verify(HashAlgorithm::Sha256, &digest, &encoded), Ok(()), "{size}");
        }
        let outcome = encode_with_salt(HashAlgorithm::Sha256, &digest, &[0x5a; 223], &mut [0; 256]);
        assert_eq!(outcome, Err(CryptoError::InvalidInput));
    }

    #[test]
    fn a_short_modulus_gets_a_short_salt_or_none() {
        let digest = hash(HashAlgorithm::Sha512, &[b"message"]);
        let mut stream = SeededStream::new(b"seed", b"PSS", b"");
        for size in [66, 67, 128] {
            let mut encoded = std::vec![0; size];
            encode(HashAlgorithm::Sha512, &digest, &mut stream, &mut encoded).unwrap();
            assert_eq!(verify(HashAlgorithm::Sha512, &digest, &encoded), Ok(()), "{size}");
        }
        for size in [0, 1, 65] {
            let mut encoded = std::vec![0; size];
            let outcome = encode(HashAlgorithm::Sha512, &digest, &mut stream, &mut encoded);
            assert_eq!(outcome, Err(CryptoError::InvalidInput), "{size}");
            assert_eq!(
                verify(HashAlgorithm::Sha512, &digest, &encoded),
                Err(CryptoError::InvalidSignature),
                "{size}"
            );
        }
    }
}
