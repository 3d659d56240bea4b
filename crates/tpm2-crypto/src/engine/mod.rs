//! The arithmetic worth accelerating, as a trait: modular exponentiation and scalar multiplication on curves.
//!
//! Whatever decides a result (candidates for primes, nonces, padding, the Chinese remainder theorem) stays outside,
//! so that exchanging the engine never changes an answer. Numbers are big-endian byte strings.

use crate::Result;
use crate::ecc::{Curve, Point};
use tee_api::Checkpoint;

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(feature = "aws-lc")]
mod aws_lc_ecc;
pub(crate) mod number;
mod software;
mod software_ecc;

#[cfg(feature = "aws-lc")]
pub use aws_lc::{AWS_LC, AwsLc};
pub use software::{SOFTWARE, Software};

/// The longest modulus in bytes: RSA of 4096 bits.
pub const MAX_MODULUS_SIZE: usize = 512;

/// What a modular exponentiation is asked for, as big-endian numbers.
#[derive(Clone, Copy)]
pub struct ModExp<'a> {
    /// Less than the modulus, and no longer.
    pub base: &'a [u8],
    /// The exponent. Its length is public, its value is not.
    pub exponent: &'a [u8],
    /// Odd, greater than 1 and at most [`MAX_MODULUS_SIZE`] bytes. Its length is public, its value is not.
    pub modulus: &'a [u8],
}

/// An implementation of the arithmetic. The time it takes depends on the operands' lengths, not on their values,
/// except where a method says otherwise.
pub trait Engine: Sync {
    /// `base ^ exponent mod modulus`, into all of `out`, which is as long as the modulus.
    ///
    /// `checkpoint` is called within the exponentiation where the engine can be interrupted there, and once per
    /// call everywhere. [`crate::CryptoError::Cancelled`] when it says so, [`crate::CryptoError::InvalidInput`] for
    /// operands outside of [`ModExp`]'s limits; `out` is then zero.
    fn mod_exp(&self, operands: ModExp<'_>, out: &mut [u8], checkpoint: &mut dyn Checkpoint) -> Result<()>;

    /// Two independent exponentiations, which some engines finish in little more than the time of one. Both moduli
    /// have the same length.
    fn mod_exp_two(
        &self,
        operands: [ModExp<'_>; 2],
        out: [&mut [u8]; 2],
        checkpoint: &mut dyn Checkpoint,
    ) -> Result<()> {
        let [first, second] = operands;
        let [first_out, second_out] = out;
        self.mod_exp(first, first_out, checkpoint)?;
        self.mod_exp(second, second_out, checkpoint)
    }

    /// `base ^ exponent mod modulus` for an exponent and a modulus that everybody may know: the time it takes depends
    /// on them, but not on the base. Limits and errors as in [`Engine::mod_exp`].
    fn mod_exp_public(
        &self,
        base: &[u8],
        exponent: u32,
        modulus: &[u8],
        out: &mut [u8],
        checkpoint: &mut dyn Checkpoint,
    ) -> Result<()>;

    /// Whether [`Engine::mod_exp_two`] is faster than two calls of [`Engine::mod_exp`], so that speculative work in
    /// pairs pays.
    fn prefers_pairs(&self, modulus_size: usize) -> bool {
        let _ = modulus_size;
        false
    }

    /// `scalar` times the curve's generator. `scalar` has the curve's scalar size and lies between 1 and n-1;
    /// anything else is [`crate::CryptoError::InvalidInput`].
    fn ec_multiply_base(&self, curve: Curve, scalar: &[u8]) -> Result<Point>;

    /// `scalar` times `point`. `scalar` as in [`Engine::ec_multiply_base`]; a point that is not on the curve, and a
    /// product at infinity, are [`crate::CryptoError::InvalidPoint`].
    fn ec_multiply(&self, curve: Curve, scalar: &[u8], point: &Point) -> Result<Point>;

    /// `base_scalar` times the generator plus `scalar` times `point`, for public operands only: the time it takes
    /// depends on them. Scalars may be zero here.
    fn ec_double_multiply(&self, curve: Curve, base_scalar: &[u8], scalar: &[u8], point: &Point) -> Result<Point>;
}
