//! The engine that is always there: pure Rust, fixed time, no allocation.

use super::number::{Number, SETUP, from_bytes, multiplication, odd_modulus, to_bytes, with_width, words};
use super::{Engine, ModExp, software_ecc};
use crate::ecc::{Curve, Point};
use crate::{CryptoError, Result, Steps};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{MontyForm, MontyMultiplier, Uint};
use subtle::{ConditionallySelectable, ConstantTimeEq, ConstantTimeLess};
use zeroize::Zeroizing;

/// Big integers and curves of RustCrypto. A 2048-bit exponentiation needs about 10 KiB of stack.
pub struct Software;

/// The engine of every platform that has no better one.
pub static SOFTWARE: Software = Software;

impl Engine for Software {
    fn mod_exp(&self, operands: ModExp<'_>, out: &mut [u8], steps: &mut Steps<'_>) -> Result<()> {
        let size = operands.modulus.len();
        into(out, size, |out| with_width!(size, exponentiate(operands, out, steps)))
    }

    fn mod_exp_public(
        &self,
        base: &[u8],
        exponent: u32,
        modulus: &[u8],
        out: &mut [u8],
        steps: &mut Steps<'_>,
    ) -> Result<()> {
        let size = modulus.len();
        into(out, size, |out| with_width!(size, exponentiate_public(base, exponent, modulus, out, steps)))
    }

    fn ec_multiply_base(&self, curve: Curve, scalar: &[u8], steps: &mut Steps<'_>) -> Result<Point> {
        software_ecc::multiply_base(curve, scalar, steps)
    }

    fn ec_multiply(
        &self,
        curve: Curve,
        scalar: &[u8],
        point: &Point,
        steps: &mut Steps<'_>,
    ) -> Result<Point> {
        software_ecc::multiply(curve, scalar, point, steps)
    }

    fn ec_double_multiply(
        &self,
        curve: Curve,
        base_scalar: &[u8],
        scalar: &[u8],
        point: &Point,
        steps: &mut Steps<'_>,
    ) -> Result<Point> {
        software_ecc::double_multiply(curve, base_scalar, scalar, point, steps)
    }
}

/// Checks the length of `out`, and leaves zeros in it where `work` fails.
fn into(out: &mut [u8], size: usize, work: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<()> {
    let result = if out.len() == size { work(out) } else { Err(CryptoError::InvalidInput) };
    if result.is_err() {
        out.fill(0);
    }
    result
}

/// Bits of the exponent taken at a time.
const WINDOW: u32 = 4;

// Not inlined: only the width in use may take its room on the stack.
#[inline(never)]
fn exponentiate<const LIMBS: usize>(
    operands: ModExp<'_>,
    out: &mut [u8],
    steps: &mut Steps<'_>,
) -> Result<()> {
    let multiplication = multiplication::<LIMBS>();
    steps.spend((SETUP + 2) * multiplication)?;
    let modulus = odd_modulus::<LIMBS>(operands.modulus)?;
    let params = Zeroizing::new(FixedMontyParams::new(*modulus));
    let mut multiplier = <FixedMontyForm<LIMBS> as MontyForm>::Multiplier::from(&*params);
    let base = reduced_base(operands.base, &params)?;

    let mut powers = Zeroizing::new([*params.one(); 1 << WINDOW]);
    let mut power = Zeroizing::new(FixedMontyForm::one(&params));
    for slot in powers.iter_mut().skip(1) {
        steps.spend(multiplication)?;
        multiplier.mul_assign(&mut power, &base);
        *slot = *power.as_montgomery();
    }

    let mut result = Zeroizing::new(FixedMontyForm::one(&params));
    let windows = operands.exponent.iter().flat_map(|byte| [byte >> WINDOW, byte & 0xf]);
    for (index, window) in windows.enumerate() {
        steps.spend((WINDOW + 1) * multiplication + (1 << WINDOW) * words::<LIMBS>())?;
        if index != 0 {
            for _ in 0..WINDOW {
                multiplier.square_assign(&mut result);
            }
        }
        for (value, candidate) in (0u8..).zip(powers.iter()) {
            power.as_montgomery_mut().conditional_assign(candidate, value.ct_eq(&window));
        }
        multiplier.mul_assign(&mut result, &power);
    }
    steps.spend(multiplication)?;
    to_bytes(&Zeroizing::new(result.retrieve()), out);
    Ok(())
}

#[inline(never)]
fn exponentiate_public<const LIMBS: usize>(
    base: &[u8],
    exponent: u32,
    modulus: &[u8],
    out: &mut [u8],
    steps: &mut Steps<'_>,
) -> Result<()> {
    let multiplication = multiplication::<LIMBS>();
    steps.spend((SETUP + 2) * multiplication)?;
    let modulus = odd_modulus::<LIMBS>(modulus)?;
    let params = FixedMontyParams::new_vartime(*modulus);
    let mut multiplier = <FixedMontyForm<LIMBS> as MontyForm>::Multiplier::from(&params);
    let base = reduced_base(base, &params)?;

    let mut result = Zeroizing::new(FixedMontyForm::one(&params));
    for bit in (0..exponent.checked_ilog2().map_or(0, |top| top + 1)).rev() {
        steps.spend(2 * multiplication)?;
        multiplier.square_assign(&mut result);
        if exponent >> bit & 1 == 1 {
            multiplier.mul_assign(&mut result, &base);
        }
    }
    steps.spend(multiplication)?;
    to_bytes(&Zeroizing::new(result.retrieve()), out);
    Ok(())
}

/// The base in Montgomery form, refused unless it is less than the modulus.
fn reduced_base<const LIMBS: usize>(
    base: &[u8],
    params: &FixedMontyParams<LIMBS>,
) -> Result<Zeroizing<FixedMontyForm<LIMBS>>> {
    let base: Number<LIMBS> = from_bytes(base)?;
    let modulus: &Uint<LIMBS> = params.modulus().as_ref();
    if bool::from(base.ct_lt(modulus)) {
        Ok(Zeroizing::new(FixedMontyForm::new(&base, params)))
    } else {
        Err(CryptoError::InvalidInput)
    }
}
