//! `TPM_ALG_RSASSA`: signatures with the padding of PKCS #1 v1.5 (Part 1, 43.6; RFC 8017, 9.2).

use crate::{CryptoError, HashAlgorithm, Result};

/// Zero, block type, zero again, and the least number of bytes 0xff.
const OVERHEAD: usize = 11;

/// Writes the padded `digest` into all of `out`, which is as long as the modulus, for the private operation.
///
/// [`CryptoError::InvalidInput`] (`TPM_RC_VALUE`) when the digest has not the algorithm's size or the modulus
/// is too short for it.
pub fn encode(algorithm: HashAlgorithm, digest: &[u8], out: &mut [u8]) -> Result<()> {
    let prefix = digest_info(algorithm);
    let payload = prefix.len() + algorithm.digest_size();
    if digest.len() != algorithm.digest_size() || out.len() < payload + OVERHEAD {
        return Err(CryptoError::InvalidInput);
    }
    let (padding, tail) = out.split_at_mut(out.len() - payload);
    padding.fill(0xff);
    if let [zero, kind, .., end] = padding {
        (*zero, *kind, *end) = (0, 1, 0);
    }
    let (prefix_out, digest_out) = tail.split_at_mut(prefix.len());
    prefix_out.copy_from_slice(prefix);
    digest_out.copy_from_slice(digest);
    Ok(())
}

/// Whether `encoded`, the outcome of the public operation on a signature, is the padded `digest`.
/// [`CryptoError::InvalidSignature`] (`TPM_RC_SIGNATURE`) if not.
pub fn verify(algorithm: HashAlgorithm, digest: &[u8], encoded: &[u8]) -> Result<()> {
    let mut buffer = [0; crate::engine::MAX_MODULUS_SIZE];
    let expected = buffer.get_mut(..encoded.len()).ok_or(CryptoError::InvalidInput)?;
    encode(algorithm, digest, expected)?;
    // Built and compared as a whole: nothing is parsed that a forger could stretch.
    if expected == encoded { Ok(()) } else { Err(CryptoError::InvalidSignature) }
}

/// The DER encoding in front of a digest (RFC 8017, 9.2, note 1).
const fn digest_info(algorithm: HashAlgorithm) -> &'static [u8] {
    match algorithm {
        HashAlgorithm::Sha1 => {
            &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14]
        }
        HashAlgorithm::Sha256 => const { &sha2_info(1, 32) },
        HashAlgorithm::Sha384 => const { &sha2_info(2, 48) },
        HashAlgorithm::Sha512 => const { &sha2_info(3, 64) },
    }
}

/// The SHA-2 functions differ in the last arc of their identifier and in their size.
#[rustfmt::skip]
const fn sha2_info(arc: u8, size: u8) -> [u8; 19] {
    [
        0x30, 17 + size, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc,
        0x05, 0x00, 0x04, size,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn what_is_encoded_verifies_and_nothing_else_does() {
        use HashAlgorithm::{Sha1, Sha256, Sha384, Sha512};
        for algorithm in [Sha1, Sha256, Sha384, Sha512] {
            let digest = hash(algorithm, &[b"message"]);
            let mut encoded = [0; 128];
            encode(algorithm, &digest, &mut encoded).unwrap();
            assert_eq!(verify(algorithm, &digest, &encoded), Ok(()));
            for bit in 0..8 * 128 {
                let mut changed = encoded;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(verify(algorithm, &digest, &changed), Err(CryptoError::InvalidSignature), "{bit}");
            }
            assert_eq!(encode(algorithm, &digest[1..], &mut encoded), Err(CryptoError::InvalidInput));
        }
    }

    #[test]
    fn the_shortest_modulus_has_eight_bytes_of_padding() {
        let digest = hash(HashAlgorithm::Sha256, &[b"message"]);
        let mut encoded = [0; 62];
        encode(HashAlgorithm::Sha256, &digest, &mut encoded).unwrap();
        assert_eq!(encoded[..11], [0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
        assert_eq!(encode(HashAlgorithm::Sha256, &digest, &mut [0; 61]), Err(CryptoError::InvalidInput));
        assert_eq!(verify(HashAlgorithm::Sha256, &digest, &[0; 513]), Err(CryptoError::InvalidInput));
    }
}
