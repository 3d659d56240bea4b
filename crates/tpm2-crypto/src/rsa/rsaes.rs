//! `TPM_ALG_RSAES`: encryption with the padding of PKCS #1 v1.5 (Part 1, 43.5; RFC 8017, 7.2).
//!
//! Whoever can tell a good padding from a bad one can decrypt (Bleichenbacher). The TPM's answer tells by
//! design; its time does not.

use crate::{CryptoError, Random, Result};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};

/// Zero, block type and separator, and the least number of random bytes.
const OVERHEAD: usize = 11;

/// Tries for one byte of padding that is not zero.
const MAX_TRIES: usize = 64;

/// Pads `message` into all of `out`, which is as long as the modulus, for the public operation.
///
/// [`CryptoError::InvalidInput`] (`TPM_RC_VALUE`) when the message is longer than the modulus less 11 bytes;
/// [`CryptoError::Random`] when `random` fails.
pub fn pad(message: &[u8], random: &mut dyn Random, out: &mut [u8]) -> Result<()> {
    if out.len() < message.len() + OVERHEAD {
        return Err(CryptoError::InvalidInput);
    }
    let (padding, message_out) = out.split_at_mut(out.len() - message.len());
    message_out.copy_from_slice(message);
    if let [zero, kind, filler @ .., separator] = padding {
        (*zero, *kind, *separator) = (0, 2, 0);
        random.fill(filler)?;
        for byte in filler.iter_mut() {
            let mut tries = 0;
            while *byte == 0 {
                random.fill(core::slice::from_mut(byte))?;
                tries += 1;
                if tries > MAX_TRIES {
                    return Err(CryptoError::Random);
                }
            }
        }
    }
    Ok(())
}

/// The message in `padded`, the outcome of the private operation. [`CryptoError::InvalidPadding`]
/// (`TPM_RC_VALUE`) when there is none; the time it takes tells neither why nor where.
pub fn unpad(padded: &[u8]) -> Result<&[u8]> {
    let (Some([first, second]), Some(rest)) = (padded.first_chunk::<2>(), padded.get(2..)) else {
        return Err(CryptoError::InvalidPadding);
    };
    let mut found = Choice::from(0);
    let mut filler = 0u32;
    for (index, byte) in (0u32..).zip(rest) {
        let here = byte.ct_eq(&0) & !found;
        filler.conditional_assign(&index, here);
        found |= here;
    }
    let long_enough = filler.ct_gt(&7);
    if bool::from(first.ct_eq(&0) & second.ct_eq(&2) & found & long_enough) {
        rest.get(filler as usize + 1..).ok_or(CryptoError::InvalidPadding)
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
        let mut stream = SeededStream::new(b"seed", b"RSAES", b"");
        let message: [u8; 118] = core::array::from_fn(|index| index as u8);
        for size in 0..=117 {
            let mut padded = [0; 128];
            pad(&message[..size], &mut stream, &mut padded).unwrap();
            assert_eq!(unpad(&padded), Ok(&message[..size]));
        }
        assert_eq!(pad(&message, &mut stream, &mut [0; 128]), Err(CryptoError::InvalidInput));
    }

    #[test]
    fn other_paddings_are_refused() {
        let padded = |first: u8, second: u8, filler: usize, separator: u8| {
            let mut padded = [1; 32];
            (padded[0], padded[1], padded[2 + filler]) = (first, second, separator);
            padded
        };
        assert_eq!(unpad(&padded(0, 2, 8, 0)), Ok(&[1; 21][..]));
        assert_eq!(unpad(&padded(0, 2, 29, 0)), Ok(&[][..]));
        for bad in [
            padded(1, 2, 8, 0),
            padded(0, 1, 8, 0),
            padded(0, 2, 7, 0),
            padded(0, 2, 0, 0),
            padded(0, 2, 8, 1),
        ] {
            assert_eq!(unpad(&bad), Err(CryptoError::InvalidPadding));
        }
        for short in [&[][..], &[0], &[0, 2], &[0, 2, 0]] {
            assert_eq!(unpad(short), Err(CryptoError::InvalidPadding));
        }
    }

    #[test]
    fn zeros_in_the_filler_are_replaced_or_the_source_is_given_up() {
        struct Zeros;
        impl Random for Zeros {
            fn fill(&mut self, out: &mut [u8]) -> Result<()> {
                out.fill(0);
                Ok(())
            }
        }
        assert_eq!(pad(b"message", &mut Zeros, &mut [0; 128]), Err(CryptoError::Random));
    }
}
