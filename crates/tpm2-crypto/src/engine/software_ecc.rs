//! The curves of the engine in pure Rust: complete formulas in fixed time.
//!
//! The formulas are RustCrypto's; the loop around them is here, so that a checkpoint can lie within a multiplication.

use p256::elliptic_curve::CurveArithmetic;
use p256::elliptic_curve::group::{Curve as _, Group};
use p256::elliptic_curve::point::AffineCoordinates;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{DefaultIsZeroes, Zeroizing};

use crate::ecc::{Curve, MAX_COORDINATE_SIZE, Point, affine, inversion, scalar, scalar_or_zero, with_curve};
use crate::{CryptoError, Result, Steps};

pub(super) fn multiply_base(curve: Curve, factor: &[u8], steps: &mut Steps<'_>) -> Result<Point> {
    with_curve!(curve, base(curve, factor, steps))
}

pub(super) fn multiply(curve: Curve, factor: &[u8], point: &Point, steps: &mut Steps<'_>) -> Result<Point> {
    with_curve!(curve, variable(curve, factor, point, steps))
}

pub(super) fn double_multiply(
    curve: Curve,
    base_factor: &[u8],
    factor: &[u8],
    point: &Point,
    steps: &mut Steps<'_>,
) -> Result<Point> {
    with_curve!(curve, double(curve, base_factor, factor, point, steps))
}

fn base<C: CurveArithmetic>(curve: Curve, factor: &[u8], steps: &mut Steps<'_>) -> Result<Point> {
    scalar::<C>(factor).ok_or(CryptoError::InvalidInput)?;
    product::<C>(curve, factor, &C::ProjectivePoint::generator(), steps)
}

fn variable<C: CurveArithmetic>(
    curve: Curve,
    factor: &[u8],
    point: &Point,
    steps: &mut Steps<'_>,
) -> Result<Point> {
    scalar::<C>(factor).ok_or(CryptoError::InvalidInput)?;
    let point = affine::<C>(point).ok_or(CryptoError::InvalidPoint)?;
    product::<C>(curve, factor, &C::ProjectivePoint::from(*point), steps)
}

/// What the addition of two points costs, in steps. A doubling costs less.
const fn addition(curve: Curve) -> u32 {
    match curve {
        Curve::P256 => 2_000,
        Curve::P384 => 4_200,
        Curve::P521 => 2_400,
    }
}

/// What choosing one of eight points costs, in steps.
const fn choice(curve: Curve) -> u32 {
    32 * curve.size().div_ceil(4) as u32
}

/// Bits of the factor taken at a time.
const WINDOW: usize = 4;

/// The windows of the longest factor, and one for the last carry.
const MAX_WINDOWS: usize = 2 * MAX_COORDINATE_SIZE + 1;

/// `factor` times `point`, in a time that depends on the length of the factor alone.
fn product<C: CurveArithmetic>(
    curve: Curve,
    factor: &[u8],
    point: &C::ProjectivePoint,
    steps: &mut Steps<'_>,
) -> Result<Point> {
    steps.spend(7 * addition(curve))?;
    let mut multiples = Zeroizing::new([*point; 1 << (WINDOW - 1)]);
    let mut multiple = Zeroizing::new(*point);
    for slot in multiples.iter_mut().skip(1) {
        *multiple += *point;
        *slot = *multiple;
    }

    let mut digits = Zeroizing::new([0; MAX_WINDOWS]);
    let mut result = Zeroizing::new(C::ProjectivePoint::identity());
    for digit in signed_windows(factor, &mut digits).iter().rev() {
        steps.spend(5 * addition(curve) + choice(curve))?;
        for _ in 0..WINDOW {
            *result = result.double();
        }
        *result += *chosen(&multiples, *digit);
    }
    finish::<C>(curve, &result, steps)
}

/// The factor in windows of four bits, the lowest first, each between -8 and 7: half as many multiples are needed then.
fn signed_windows<'a>(factor: &[u8], digits: &'a mut [i8; MAX_WINDOWS]) -> &'a [i8] {
    let nibbles = factor.iter().rev().flat_map(|byte| [byte & 0xf, byte >> WINDOW]).chain([0]);
    let mut carry = 0;
    let mut count = 0;
    for (digit, nibble) in digits.iter_mut().zip(nibbles) {
        let value = nibble as i8 + carry;
        carry = (value + 8) >> WINDOW;
        *digit = value - (carry << WINDOW);
        count += 1;
    }
    digits.get(..count).unwrap_or_default()
}

/// `digit` times the first of its `multiples`; every one of them is looked at.
fn chosen<P: Group + ConditionallySelectable + DefaultIsZeroes>(
    multiples: &[P; 1 << (WINDOW - 1)],
    digit: i8,
) -> Zeroizing<P> {
    let negative = digit >> 7;
    let size = ((digit ^ negative) - negative) as u8;
    let mut chosen = Zeroizing::new(P::identity());
    for (value, multiple) in (1u8..).zip(multiples) {
        chosen.conditional_assign(multiple, value.ct_eq(&size));
    }
    let negated = Zeroizing::new(-*chosen);
    chosen.conditional_assign(&negated, Choice::from((negative & 1) as u8));
    chosen
}

fn double<C: CurveArithmetic>(
    curve: Curve,
    base_factor: &[u8],
    factor: &[u8],
    point: &Point,
    steps: &mut Steps<'_>,
) -> Result<Point> {
    scalar_or_zero::<C>(base_factor).ok_or(CryptoError::InvalidInput)?;
    scalar_or_zero::<C>(factor).ok_or(CryptoError::InvalidInput)?;
    let point = affine::<C>(point).ok_or(CryptoError::InvalidPoint)?;
    let summands = [
        (odd_multiples(curve, C::ProjectivePoint::generator(), steps)?, sparse_digits(base_factor)),
        (odd_multiples(curve, C::ProjectivePoint::from(*point), steps)?, sparse_digits(factor)),
    ];
    let mut result = C::ProjectivePoint::identity();
    for index in (0..=8 * curve.size()).rev() {
        steps.spend(addition(curve))?;
        result = result.double();
        for (multiples, digits) in &summands {
            let digit = digits.get(index).copied().unwrap_or_default();
            if let Some(multiple) =
                multiples.get(usize::from(digit.unsigned_abs() / 2)).filter(|_| digit != 0)
            {
                steps.spend(addition(curve))?;
                result = if digit > 0 { result + *multiple } else { result - *multiple };
            }
        }
    }
    finish::<C>(curve, &result, steps)
}

/// The bits of the longest factor, and one for the last carry.
const MAX_SPARSE_DIGITS: usize = 8 * MAX_COORDINATE_SIZE + 1;

/// 1, 3, 5 … 15 times a point.
fn odd_multiples<P: Group>(curve: Curve, point: P, steps: &mut Steps<'_>) -> Result<[P; 8]> {
    steps.spend(8 * addition(curve))?;
    let twice = point.double();
    let mut multiples = [point; 8];
    let mut multiple = point;
    for slot in multiples.iter_mut().skip(1) {
        multiple += twice;
        *slot = multiple;
    }
    Ok(multiples)
}

/// A public factor as digits for its bits, the lowest first: each is zero or odd and between -15 and 15, and at least
/// four zeros stand between two that are not.
fn sparse_digits(factor: &[u8]) -> [i8; MAX_SPARSE_DIGITS] {
    let bit = |index: usize| {
        factor.iter().rev().nth(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1) as i8
    };
    let mut digits = [0; MAX_SPARSE_DIGITS];
    let (mut index, mut carry) = (0, 0);
    while let Some(digit) = digits.get_mut(index) {
        let lowest = bit(index) + carry;
        if lowest % 2 == 0 {
            // A bit of 1 and a carry leave 0 here and the carry for the next.
            index += 1;
            continue;
        }
        let value =
            lowest + 2 * bit(index + 1) + 4 * bit(index + 2) + 8 * bit(index + 3) + 16 * bit(index + 4);
        carry = i8::from(value >= 16);
        *digit = value - 32 * carry;
        index += 5;
    }
    digits
}

fn finish<C: CurveArithmetic>(
    curve: Curve,
    point: &C::ProjectivePoint,
    steps: &mut Steps<'_>,
) -> Result<Point> {
    if bool::from(point.is_identity()) {
        return Err(CryptoError::InvalidPoint);
    }
    steps.spend(inversion(curve))?;
    let affine = Zeroizing::new(point.to_affine());
    let (x, y) = (Zeroizing::new(affine.x()), Zeroizing::new(affine.y()));
    Point::new(curve, &x, &y)
}
