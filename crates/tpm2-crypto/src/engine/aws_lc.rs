//! The host's engine: AWS-LC's big integers and curves, in assembler where the CPU allows.
//!
//! This module and its curves are the only ones with `unsafe`: every call goes to AWS-LC, with pointers to
//! objects that the types below own and slices that live through the call.
#![allow(unsafe_code)]

use super::{Engine, MAX_MODULUS_SIZE, ModExp, aws_lc_ecc};
use crate::ecc::{Curve, Point};
use crate::{CryptoError, Result, Steps};
use aws_lc_sys::{
    BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_MONT_CTX, BN_MONT_CTX_free, BN_MONT_CTX_new_consttime,
    BN_MONT_CTX_new_for_modulus, BN_bin2bn, BN_bn2bin_padded, BN_bn2le_padded, BN_clear_free,
    BN_from_montgomery, BN_le2bn, BN_mod_exp_mont, BN_mod_exp_mont_consttime, BN_mod_exp_mont_consttime_x2,
    BN_mod_mul_montgomery, BN_new, BN_to_montgomery, BN_ucmp, ERR_clear_error,
};
use core::ptr::{NonNull, null_mut};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// AWS-LC. It allocates, so it is for hosts only. Its calls cannot be interrupted, so only such as are short enough are
/// made: exponentiations of up to 1024 bits, two at once where the CPU has two lanes for them. Longer ones are a loop
/// of ours around AWS-LC's multiplication.
pub struct AwsLc;

/// The host's engine.
pub static AWS_LC: AwsLc = AwsLc;

impl Engine for AwsLc {
    fn mod_exp(&self, operands: ModExp<'_>, out: &mut [u8], steps: &mut Steps<'_>) -> Result<()> {
        guarded(|| {
            let power = Power::new(operands, steps)?;
            if operands.modulus.len() <= LONGEST_CALL {
                steps.spend(CALL)?;
                power.in_one_call()?;
            } else {
                power.in_windows(operands.exponent, steps)?;
            }
            power.result.write(out, operands.modulus.len())
        })
        .inspect_err(|_| out.fill(0))
    }

    fn mod_exp_two(
        &self,
        operands: [ModExp<'_>; 2],
        out: [&mut [u8]; 2],
        steps: &mut Steps<'_>,
    ) -> Result<()> {
        let [first_out, second_out] = out;
        if !self.prefers_pairs(operands[0].modulus.len()) {
            let first = self.mod_exp(operands[0], first_out, steps);
            let both = first.and_then(|()| self.mod_exp(operands[1], second_out, steps));
            return both.inspect_err(|_| {
                first_out.fill(0);
                second_out.fill(0);
            });
        }
        guarded(|| {
            let first = Power::new(operands[0], steps)?;
            let second = Power::new(operands[1], steps)?;
            steps.spend(CALL)?;
            // SAFETY: all pointers belong to objects that live until the end of this closure; the two sets of objects
            // are distinct; the contexts are used by this thread alone.
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
                    first.context.pointer(),
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
        steps: &mut Steps<'_>,
    ) -> Result<()> {
        let exponent = exponent.to_be_bytes();
        guarded(|| {
            steps.spend(CALL)?;
            let context = Context::new()?;
            let modulus_number = modulus_number(modulus)?;
            // SAFETY: modulus and context live through the call.
            let montgomery =
                unsafe { BN_MONT_CTX_new_for_modulus(modulus_number.pointer(), context.pointer()) };
            let montgomery = Montgomery(NonNull::new(montgomery).ok_or(CryptoError::InvalidInput)?);
            let (base, exponent, result) = (as_wide(base, modulus)?, Big::new(&exponent)?, Big::zero()?);
            // SAFETY: all six pointers belong to objects that live until the end of this closure.
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
        modulus_size == LONGEST_CALL && has_two_lanes()
    }

    fn ec_multiply_base(&self, curve: Curve, scalar: &[u8], steps: &mut Steps<'_>) -> Result<Point> {
        aws_lc_ecc::multiply_base(curve, scalar, steps)
    }

    fn ec_multiply(
        &self,
        curve: Curve,
        scalar: &[u8],
        point: &Point,
        steps: &mut Steps<'_>,
    ) -> Result<Point> {
        aws_lc_ecc::multiply(curve, scalar, point, steps)
    }

    fn ec_double_multiply(
        &self,
        curve: Curve,
        base_scalar: &[u8],
        scalar: &[u8],
        point: &Point,
        steps: &mut Steps<'_>,
    ) -> Result<Point> {
        aws_lc_ecc::double_multiply(curve, base_scalar, scalar, point, steps)
    }
}

/// The longest modulus, in bytes, for an exponentiation in one call.
const LONGEST_CALL: usize = 128;

/// What the longest call costs, in steps: an exponentiation of 1024 bits, two of them in two lanes, or one of 4096 bits
/// with a public exponent.
const CALL: u32 = 300_000;

/// What a multiplication in the Montgomery form costs, in steps. It is several times faster than what a step stands
/// for, but so there is one way of counting.
const fn multiplication(size: usize) -> u32 {
    let words = size.div_ceil(4) as u32;
    2 * words * words + 8 * words
}

/// Bits of the exponent taken at a time, where the loop is ours.
const WINDOW: u32 = 4;

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

    /// Becomes the number that little-endian `bytes` stand for, of their width.
    fn set(&self, bytes: &[u8]) -> Result<()> {
        // SAFETY: reads `bytes.len()` bytes from `bytes`, into a number that is owned.
        let number = unsafe { BN_le2bn(bytes.as_ptr(), bytes.len(), self.pointer()) };
        NonNull::new(number).map(drop).ok_or(CryptoError::InvalidInput)
    }

    /// Writes the number little-endian into all of `out`.
    fn write_low_first(&self, out: &mut [u8]) -> Result<()> {
        // SAFETY: writes exactly `out.len()` bytes to `out`, or fails.
        succeeded(unsafe { BN_bn2le_padded(out.as_mut_ptr(), out.len(), self.pointer()) })
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
    size: usize,
    context: Context,
}

impl Power {
    fn new(operands: ModExp<'_>, steps: &mut Steps<'_>) -> Result<Self> {
        let size = operands.modulus.len();
        let modulus = modulus_number(operands.modulus)?;
        steps.spend(6 * multiplication(size))?;
        let context = Context::new()?;
        // SAFETY: modulus and context live through the call.
        let montgomery = unsafe { BN_MONT_CTX_new_consttime(modulus.pointer(), context.pointer()) };
        Ok(Self {
            base: as_wide(operands.base, operands.modulus)?,
            exponent: Big::new(operands.exponent)?,
            modulus,
            montgomery: Montgomery(NonNull::new(montgomery).ok_or(CryptoError::InvalidInput)?),
            result: Big::zero()?,
            size,
            context,
        })
    }

    fn in_one_call(&self) -> Result<()> {
        // SAFETY: all six pointers belong to objects that `self` owns; the contexts are used by this thread alone.
        succeeded(unsafe {
            BN_mod_exp_mont_consttime(
                self.result.pointer(),
                self.base.pointer(),
                self.exponent.pointer(),
                self.modulus.pointer(),
                self.context.pointer(),
                self.montgomery.pointer(),
            )
        })
    }

    /// The same with a checkpoint between any two windows of the exponent, in fixed time as well: every number has the
    /// modulus' width, and each power is looked at when one is chosen.
    fn in_windows(&self, exponent: &[u8], steps: &mut Steps<'_>) -> Result<()> {
        let multiplication = multiplication(self.size);
        // SAFETY: both numbers are valid.
        if unsafe { BN_ucmp(self.base.pointer(), self.modulus.pointer()) } >= 0 {
            return Err(CryptoError::InvalidInput);
        }
        steps.spend(2 * multiplication)?;
        let mut wide = Zeroizing::new([0; MAX_MODULUS_SIZE]);
        wide[0] = 1;
        let (base, power, result) = (Big::zero()?, Big::zero()?, &self.result);
        power.set(&wide[..self.size])?;
        self.to_montgomery(&self.base, &base)?;
        self.to_montgomery(&power, result)?;

        // From the power 0, which is 1, on.
        let mut powers = Zeroizing::new([[0; MAX_MODULUS_SIZE]; 1 << WINDOW]);
        self.to_montgomery(&power, &power)?;
        for slot in powers.iter_mut() {
            steps.spend(multiplication)?;
            power.write_low_first(&mut slot[..self.size])?;
            self.multiply(&power, &base, &power)?;
        }

        for (index, window) in exponent.iter().flat_map(|byte| [byte >> WINDOW, byte & 0xf]).enumerate() {
            steps.spend((WINDOW + 1) * multiplication)?;
            if index != 0 {
                for _ in 0..WINDOW {
                    self.multiply(result, result, result)?;
                }
            }
            wide.fill(0);
            for (value, candidate) in (0u8..).zip(powers.iter()) {
                let mask = 0u8.wrapping_sub(value.ct_eq(&window).unwrap_u8());
                for (byte, candidate) in wide.iter_mut().zip(&candidate[..self.size]) {
                    *byte |= candidate & mask;
                }
            }
            power.set(&wide[..self.size])?;
            self.multiply(result, &power, result)?;
        }
        steps.spend(multiplication)?;
        // SAFETY: all pointers belong to objects that `self` owns; source and target may be the same.
        succeeded(unsafe {
            BN_from_montgomery(
                result.pointer(),
                result.pointer(),
                self.montgomery.pointer(),
                self.context.pointer(),
            )
        })
    }

    fn to_montgomery(&self, number: &Big, into: &Big) -> Result<()> {
        // SAFETY: all pointers belong to objects that live through the call.
        succeeded(unsafe {
            BN_to_montgomery(
                into.pointer(),
                number.pointer(),
                self.montgomery.pointer(),
                self.context.pointer(),
            )
        })
    }

    fn multiply(&self, left: &Big, right: &Big, into: &Big) -> Result<()> {
        // SAFETY: all pointers belong to objects that live through the call; any of the numbers may be the same.
        succeeded(unsafe {
            BN_mod_mul_montgomery(
                into.pointer(),
                left.pointer(),
                right.pointer(),
                self.montgomery.pointer(),
                self.context.pointer(),
            )
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
