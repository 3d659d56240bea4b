//! Between byte strings and the fixed widths of the big integers.

use crate::{CryptoError, Result};
use crypto_bigint::{Limb, Odd, Uint, Word};
use zeroize::Zeroizing;

/// A number that leaves nothing behind.
pub(crate) type Number<const LIMBS: usize> = Zeroizing<Uint<LIMBS>>;

/// Calls a function that is generic over its number of limbs with the narrowest width that holds `$size`
/// bytes.
macro_rules! with_width {
    ($size:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $size {
            0..=64 => $function::<{ crypto_bigint::U512::LIMBS }>($($argument),*),
            65..=128 => $function::<{ crypto_bigint::U1024::LIMBS }>($($argument),*),
            129..=192 => $function::<{ crypto_bigint::U1536::LIMBS }>($($argument),*),
            193..=256 => $function::<{ crypto_bigint::U2048::LIMBS }>($($argument),*),
            257..=384 => $function::<{ crypto_bigint::U3072::LIMBS }>($($argument),*),
            385..=512 => $function::<{ crypto_bigint::U4096::LIMBS }>($($argument),*),
            _ => Err(crate::CryptoError::InvalidInput),
        }
    };
}
pub(crate) use with_width;

/// The number that big-endian `bytes` stand for. Leading zeros may exceed the width, anything else may not.
pub(crate) fn from_bytes<const LIMBS: usize>(bytes: &[u8]) -> Result<Number<LIMBS>> {
    let mut number = Zeroizing::new(Uint::<LIMBS>::ZERO);
    let (limbs, mut chunks) = (number.as_mut_limbs(), bytes.rchunks(Limb::BYTES));
    for (limb, chunk) in limbs.iter_mut().zip(chunks.by_ref()) {
        *limb = Limb(chunk.iter().fold(0, |word: Word, byte| word << 8 | Word::from(*byte)));
    }
    if chunks.flatten().fold(0, |any, byte| any | byte) != 0 {
        return Err(CryptoError::InvalidInput);
    }
    Ok(number)
}

/// Writes `number` big-endian into all of `out`. What `out` has no room for is lost; callers know that it is
/// zero.
pub(crate) fn to_bytes<const LIMBS: usize>(number: &Uint<LIMBS>, out: &mut [u8]) {
    out.fill(0);
    for (limb, chunk) in number.as_limbs().iter().zip(out.rchunks_mut(Limb::BYTES)) {
        let bytes = limb.0.to_be_bytes();
        let (_, low) = bytes.split_at(bytes.len() - chunk.len());
        chunk.copy_from_slice(low);
    }
}

/// As an odd number greater than 1, or [`CryptoError::InvalidInput`].
pub(crate) fn odd_modulus<const LIMBS: usize>(bytes: &[u8]) -> Result<Zeroizing<Odd<Uint<LIMBS>>>> {
    let number = from_bytes::<LIMBS>(bytes)?;
    let odd = Option::from(Odd::new(*number)).ok_or(CryptoError::InvalidInput)?;
    if *number == Uint::ONE { Err(CryptoError::InvalidInput) } else { Ok(Zeroizing::new(odd)) }
}

/// What a Montgomery multiplication of numbers of a width costs in steps: product, reduction, and what grows with the
/// width alone. The set-up of a modulus costs no more than [`SETUP`] of them, going into and out of the Montgomery form
/// one each.
pub(crate) const fn multiplication<const LIMBS: usize>() -> u32 {
    2 * words::<LIMBS>() * words::<LIMBS>() + 8 * words::<LIMBS>()
}

/// The set-up of a modulus, in multiplications.
pub(crate) const SETUP: u32 = 6;

/// Limbs of 32 bits, on every target.
pub(crate) const fn words<const LIMBS: usize>() -> u32 {
    Uint::<LIMBS>::BITS / 32
}
