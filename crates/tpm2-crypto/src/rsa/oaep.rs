//! `TPM_ALG_OAEP`: encryption with optimal asymmetric padding (Part 1, 43.4; RFC 8017, 7.1).
//!
//! The label is what the TPM calls L: a text with its terminating zero, which is part of what is hashed. An empty
//! label is hashed as nothing. Label and mask use the same hash.

use super::mask;
use crate::{CryptoError, HashAlgorithm, Random, Result, hash};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Pads `message` into all of `out`, which is as long as the modulus, for the public operation.
///
/// [`CryptoError::InvalidInput`] (`TPM_RC_VALUE`) when the message is longer than the modulus less two digests and two
/// bytes; [`CryptoError::Random`] when `random` fails.
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
/// [`CryptoError::InvalidPadding`] (`TPM_RC_VALUE`) when there is none or the label is another; the time it takes tells
/// neither why nor where (Manger's attack). `padded` holds a secret in either case: the caller wipes it.
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
