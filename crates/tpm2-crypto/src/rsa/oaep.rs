//! `TPM_ALG_OAEP`: encryption with optimal asymmetric padding (Part 1, 43.4; RFC 8017, 7.1).
//!
//! The label is what the TPM calls L: a text with its terminating zero, which is part of what is hashed. An
//! empty label is hashed as nothing. Label and mask use the same hash.

use super::mask;
use crate::{CryptoError, HashAlgorithm, Random, Result, hash};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Pads `message` into all of `out`, which is as long as the modulus, for the public operation.
///
/// [`CryptoError::InvalidInput`] (`TPM_RC_VALUE`) when the message is longer than the modulus less two
/// digests and two bytes; [`CryptoError::Random`] when `random` fails.
pub fn pad(
    algorithm: HashAlgorithm,
    label: &[u8],
    message: &[u8],
    random: &mut dyn Random,
    out: &mut [u8],
) -> Result<()> {
    let digest_size = algorithm.digest_size();
    if out.len() < message.len() + 2 * digest_size + 2 {
        return Err(CryptoError::InvalidInput);
    }
    let [zero, masked @ ..] = out else { return Err(CryptoError::InvalidInput) };
    *zero = 0;
    let (seed, data) = masked.split_at_mut(digest_size);
    random.fill(seed)?;
    let (label_hash, rest) = data.split_at_mut(digest_size);
    label_hash.copy_from_slice(&hash(algorithm, &[label]));
    let (padding, message_out) = rest.split_at_mut(rest.len() - message.len());
    padding.fill(0);
    if let Some(separator) = padding.last_mut() {
        *separator = 1;
    }
    message_out.copy_from_slice(message);
    mask::apply(algorithm, seed, data);
    mask::apply(algorithm, data, seed);
    Ok(())
}

/// The message in `padded`, the outcome of the private operation, which is unmasked in place.
///
/// [`CryptoError::InvalidPadding`] (`TPM_RC_VALUE`) when there is none or the label is another; the time it
/// takes tells neither why nor where (Manger's attack). `padded` holds a secret in either case: the caller
/// wipes it.
pub fn unpad<'a>(algorithm: HashAlgorithm, label: &[u8], padded: &'a mut [u8]) -> Result<&'a [u8]> {
    let digest_size = algorithm.digest_size();
    if padded.len() < 2 * digest_size + 2 {
        return Err(CryptoError::InvalidPadding);
    }
    let [zero, masked @ ..] = padded else { return Err(CryptoError::InvalidPadding) };
    let (seed, data) = masked.split_at_mut(digest_size);
    mask::apply(algorithm, data, seed);
    mask::apply(algorithm, seed, data);
    let (label_hash, rest) = data.split_at(digest_size);

    let mut good = zero.ct_eq(&0) & label_hash.ct_eq(&hash(algorithm, &[label]));
    let mut found = Choice::from(0);
    let mut separator = 0u32;
    for (index, byte) in (0u32..).zip(rest) {
        let here = byte.ct_eq(&1) & !found;
        separator.conditional_assign(&index, here);
        good &= found | here | byte.ct_eq(&0);
        found |= here;
    }
    if bool::from(good & found) {
        rest.get(separator as usize + 1..).ok_or(CryptoError::InvalidPadding)
    } else {
        Err(CryptoError::InvalidPadding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededStream;

    #[test]
    fn messages_of_every_length_come_back() {
        use HashAlgorithm::{Sha1, Sha256, Sha384, Sha512};
        let mut stream = SeededStream::new(b"seed", b"OAEP", b"");
        let message = [1; 256];
        for algorithm in [Sha1, Sha256, Sha384, Sha512] {
            let longest = 256 - 2 * algorithm.digest_size() - 2;
            for size in [0, 1, longest - 1, longest] {
                let mut padded = [0xaa; 256];
                pad(algorithm, b"SECRET\0", &message[..size], &mut stream, &mut padded).unwrap();
                assert_eq!(padded[0], 0);
                assert_eq!(unpad(algorithm, b"SECRET\0", &mut padded), Ok(&message[..size]));
            }
            let outcome = pad(algorithm, b"SECRET\0", &message[..=longest], &mut stream, &mut [0; 256]);
            assert_eq!(outcome, Err(CryptoError::InvalidInput));
        }
    }

    #[test]
    fn labels_and_bits_matter() {
        let mut stream = SeededStream::new(b"seed", b"OAEP", b"");
        let mut padded = [0; 128];
        pad(HashAlgorithm::Sha256, b"IDENTITY\0", b"message", &mut stream, &mut padded).unwrap();
        let unpadded = |label: &[u8], mut padded: [u8; 128]| {
            unpad(HashAlgorithm::Sha256, label, &mut padded).map(<[u8]>::to_vec)
        };
        assert_eq!(unpadded(b"IDENTITY\0", padded).as_deref(), Ok(&b"message"[..]));
        for label in [&b"IDENTITY"[..], b"identity\0", b"STORAGE\0", b""] {
            assert_eq!(unpadded(label, padded), Err(CryptoError::InvalidPadding));
        }
        // A change of the masked message alone changes what comes out; any other change is noticed.
        for bit in 0..8 * (128 - 7) {
            let mut changed = padded;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unpadded(b"IDENTITY\0", changed), Err(CryptoError::InvalidPadding), "{bit}");
        }
        assert_eq!(unpad(HashAlgorithm::Sha256, b"", &mut [0; 65]), Err(CryptoError::InvalidPadding));
        assert_eq!(unpad(HashAlgorithm::Sha256, b"", &mut []), Err(CryptoError::InvalidPadding));
    }

    #[test]
    fn a_block_without_separator_is_refused() {
        let mut padded = [0; 128];
        padded[1 + 32..1 + 64].copy_from_slice(&hash(HashAlgorithm::Sha256, &[b""]));
        let [_, masked @ ..] = &mut padded;
        let (seed, data) = masked.split_at_mut(32);
        mask::apply(HashAlgorithm::Sha256, seed, data);
        mask::apply(HashAlgorithm::Sha256, data, seed);
        assert_eq!(unpad(HashAlgorithm::Sha256, b"", &mut padded), Err(CryptoError::InvalidPadding));
    }
}
