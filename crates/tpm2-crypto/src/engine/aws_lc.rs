//! The host's engine: AWS-LC's big integers and curves, in assembler where the CPU allows.
//!
//! This module and its curves are the only ones with `unsafe`: every call goes to AWS-LC, with pointers to
//! objects that the types below own and slices that live through the call.
#![allow(unsafe_code)]

use super::number::pause;
use super::{Engine, MAX_MODULUS_SIZE, ModExp, aws_lc_ecc};
use crate::ecc::{Curve, Point};
use crate::{CryptoError, Result};
use aws_lc_sys::{
    BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_MONT_CTX, BN_MONT_CTX_free, BN_MONT_CTX_new_consttime,
    BN_MONT_CTX_new_for_modulus, BN_bin2bn, BN_bn2bin_padded, BN_clear_free, BN_mod_exp_mont,
    BN_mod_exp_mont_consttime, BN_mod_exp_mont_consttime_x2, BN_new, ERR_clear_error,
};
use core::ptr::{NonNull, null_mut};
use tee_api::Checkpoint;
use zeroize::Zeroizing;

/// AWS-LC. It allocates, so it is for hosts only. Exponentiations cannot be interrupted: a cancelled command
/// ends before the next one, at most a few milliseconds later.
pub struct AwsLc;

/// The host's engine.
pub static AWS_LC: AwsLc = AwsLc;

impl Engine for AwsLc {
    fn mod_exp(&self, operands: ModExp<'_>, out: &mut [u8], checkpoint: &mut dyn Checkpoint) -> Result<()> {
        guarded(|| {
            pause(checkpoint)?;
            let context = Context::new()?;
            let power = Power::new(operands, &context)?;
            // SAFETY: all six pointers belong to objects that live until the end of this closure; the
            // contexts are used by this thread alone.
            let done = unsafe {
                BN_mod_exp_mont_consttime(
                    power.result.pointer(),
                    power.base.pointer(),
                    power.exponent.pointer(),
                    power.modulus.pointer(),
                    context.pointer(),
                    power.montgomery.pointer(),
                )
            };
            succeeded(done)?;
            power.result.write(out, operands.modulus.len())
        })
        .inspect_err(|_| out.fill(0))
    }

    fn mod_exp_two(
        &self,
        operands: [ModExp<'_>; 2],
        out: [&mut [u8]; 2],
        checkpoint: &mut dyn Checkpoint,
    ) -> Result<()> {
        let [first_out, second_out] = out;
        guarded(|| {
            pause(checkpoint)?;
            let context = Context::new()?;
            let first = Power::new(operands[0], &context)?;
            let second = Power::new(operands[1], &context)?;
            // SAFETY: as in `mod_exp`; the two sets of objects are distinct.
            let done = unsafe {
                BN_mod_exp_mont_consttime_x2(
                    first.result.pointer(),
                    first.base.pointer(),
                    first.exponent.pointer(),
                    first.modulus.pointer(),
                    first.montgomery.pointer(),
                    second.result.pointer(),
                    second.base.pointer(),
                    second.exponent.pointer(),
                    second.modulus.pointer(),
                    second.montgomery.pointer(),
                    context.pointer(),
                )
            };
            succeeded(done)?;
            first.result.write(first_out, operands[0].modulus.len())?;
            second.result.write(second_out, operands[1].modulus.len())
        })
        .inspect_err(|_| {
            first_out.fill(0);
            second_out.fill(0);
        })
    }

    fn mod_exp_public(
        &self,
        base: &[u8],
        exponent: u32,
        modulus: &[u8],
        out: &mut [u8],
        checkpoint: &mut dyn Checkpoint,
    ) -> Result<()> {
        let exponent = exponent.to_be_bytes();
        guarded(|| {
            pause(checkpoint)?;
            let context = Context::new()?;
            let modulus_number = modulus_number(modulus)?;
            // SAFETY: modulus and context live through the call.
            let montgomery =
                unsafe { BN_MONT_CTX_new_for_modulus(modulus_number.pointer(), context.pointer()) };
            let montgomery = Montgomery(NonNull::new(montgomery).ok_or(CryptoError::InvalidInput)?);
            let (base, exponent, result) = (as_wide(base, modulus)?, Big::new(&exponent)?, Big::zero()?);
            // SAFETY: as in `mod_exp`.
            let done = unsafe {
                BN_mod_exp_mont(
                    result.pointer(),
                    base.pointer(),
                    exponent.pointer(),
                    modulus_number.pointer(),
                    context.pointer(),
                    montgomery.pointer(),
                )
            };
            succeeded(done)?;
            result.write(out, modulus.len())
        })
        .inspect_err(|_| out.fill(0))
    }

    fn prefers_pairs(&self, modulus_size: usize) -> bool {
        matches!(modulus_size, 128 | 192 | 256) && has_two_lanes()
    }

    fn ec_multiply_base(&self, curve: Curve, scalar: &[u8]) -> Result<Point> {
        aws_lc_ecc::multiply_base(curve, scalar)
    }

    fn ec_multiply(&self, curve: Curve, scalar: &[u8], point: &Point) -> Result<Point> {
        aws_lc_ecc::multiply(curve, scalar, point)
    }

    fn ec_double_multiply(
        &self,
        curve: Curve,
        base_scalar: &[u8],
        scalar: &[u8],
        point: &Point,
    ) -> Result<Point> {
        aws_lc_ecc::double_multiply(curve, base_scalar, scalar, point)
    }
}

/// Whether the CPU has what AWS-LC's code for two exponentiations at once needs (AVX-512 with IFMA). Only a
/// hint.
fn has_two_lanes() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        let features = core::arch::x86_64::__cpuid_count(7, 0).ebx;
        // AVX512F, AVX512DQ, AVX512_IFMA and AVX512VL.
        let needed = 1 << 16 | 1 << 17 | 1 << 21 | 1 << 31;
        features & needed == needed
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Runs `work`, and clears what AWS-LC remembers of its errors for the thread: a refused operand is no news
/// to it.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    work().inspect_err(|_| {
        // SAFETY: takes no arguments and is always allowed.
        unsafe { ERR_clear_error() }
    })
}

/// AWS-LC answers 1 for success. It fails for a base that is not less than the modulus and for an even
/// modulus.
pub(super) fn succeeded(answer: core::ffi::c_int) -> Result<()> {
    if answer == 1 { Ok(()) } else { Err(CryptoError::InvalidInput) }
}

/// A number of AWS-LC's, wiped when it goes.
pub(super) struct Big(NonNull<BIGNUM>);

impl Big {
    pub(super) fn zero() -> Result<Self> {
        // SAFETY: takes no arguments; the answer is null or owned by the caller.
        NonNull::new(unsafe { BN_new() }).map(Self).ok_or(CryptoError::InvalidInput)
    }

    /// The number that big-endian `bytes` stand for. It keeps their width, so that no later step depends on
    /// leading zeros.
    pub(super) fn new(bytes: &[u8]) -> Result<Self> {
        // SAFETY: reads `bytes.len()` bytes from `bytes`; a null third argument makes a new number, which is
        // the caller's.
        let number = unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), null_mut()) };
        NonNull::new(number).map(Self).ok_or(CryptoError::InvalidInput)
    }

    pub(super) fn pointer(&self) -> *mut BIGNUM {
        self.0.as_ptr()
    }

    /// Writes the number into all of `out`, which has to have `size` bytes.
    pub(super) fn write(&self, out: &mut [u8], size: usize) -> Result<()> {
        if out.len() != size {
            return Err(CryptoError::InvalidInput);
        }
        // SAFETY: writes exactly `out.len()` bytes to `out`, or fails.
        succeeded(unsafe { BN_bn2bin_padded(out.as_mut_ptr(), out.len(), self.pointer()) })
    }
}

impl Drop for Big {
    fn drop(&mut self) {
        // SAFETY: the number is owned and not used again.
        unsafe { BN_clear_free(self.pointer()) }
    }
}

/// AWS-LC's scratch memory.
pub(super) struct Context(NonNull<BN_CTX>);

impl Context {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: takes no arguments; the answer is null or owned by the caller.
        NonNull::new(unsafe { BN_CTX_new() }).map(Self).ok_or(CryptoError::InvalidInput)
    }

    pub(super) fn pointer(&self) -> *mut BN_CTX {
        self.0.as_ptr()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is owned and not used again.
        unsafe { BN_CTX_free(self.pointer()) }
    }
}

struct Montgomery(NonNull<BN_MONT_CTX>);

impl Montgomery {
    fn pointer(&self) -> *mut BN_MONT_CTX {
        self.0.as_ptr()
    }
}

impl Drop for Montgomery {
    fn drop(&mut self) {
        // SAFETY: the context is owned and not used again.
        unsafe { BN_MONT_CTX_free(self.pointer()) }
    }
}

/// An exponentiation, prepared.
struct Power {
    base: Big,
    exponent: Big,
    modulus: Big,
    montgomery: Montgomery,
    result: Big,
}

impl Power {
    fn new(operands: ModExp<'_>, context: &Context) -> Result<Self> {
        let modulus = modulus_number(operands.modulus)?;
        // SAFETY: modulus and context live through the call.
        let montgomery = unsafe { BN_MONT_CTX_new_consttime(modulus.pointer(), context.pointer()) };
        Ok(Self {
            base: as_wide(operands.base, operands.modulus)?,
            exponent: Big::new(operands.exponent)?,
            modulus,
            montgomery: Montgomery(NonNull::new(montgomery).ok_or(CryptoError::InvalidInput)?),
            result: Big::zero()?,
        })
    }
}

/// The modulus, refused where the trait refuses it.
fn modulus_number(bytes: &[u8]) -> Result<Big> {
    let odd = bytes.last().is_some_and(|byte| byte % 2 == 1);
    let is_one = matches!(bytes, [high @ .., 1] if high.iter().fold(0, |any, byte| any | byte) == 0);
    if !odd || is_one || bytes.len() > MAX_MODULUS_SIZE {
        return Err(CryptoError::InvalidInput);
    }
    Big::new(bytes)
}

/// `bytes` as a number of the width of `modulus`, which the fast paths want.
fn as_wide(bytes: &[u8], modulus: &[u8]) -> Result<Big> {
    let mut wide = Zeroizing::new([0; MAX_MODULUS_SIZE]);
    let wide = wide.get_mut(..modulus.len()).ok_or(CryptoError::InvalidInput)?;
    let (excess, bytes) = bytes.split_at(bytes.len().saturating_sub(wide.len()));
    if excess.iter().fold(0, |any, byte| any | byte) != 0 {
        return Err(CryptoError::InvalidInput);
    }
    let (_, tail) = wide.split_at_mut(wide.len() - bytes.len());
    tail.copy_from_slice(bytes);
    Big::new(wide)
}
