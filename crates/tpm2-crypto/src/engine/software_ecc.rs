//! The curves of the engine in pure Rust: complete formulas in fixed time.

use p256::elliptic_curve::ff::PrimeField;
use p256::elliptic_curve::group::{Curve as _, Group};
use p256::elliptic_curve::ops::MulByGeneratorVartime;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::{CurveArithmetic, Scalar};
use zeroize::Zeroizing;

use crate::ecc::{Curve, Point, affine, field_bytes, scalar, with_curve};
use crate::{CryptoError, Result};

pub(super) fn multiply_base(curve: Curve, factor: &[u8]) -> Result<Point> {
    with_curve!(curve, base(curve, factor))
}

pub(super) fn multiply(curve: Curve, factor: &[u8], point: &Point) -> Result<Point> {
    with_curve!(curve, variable(curve, factor, point))
}

pub(super) fn double_multiply(
    curve: Curve,
    base_factor: &[u8],
    factor: &[u8],
    point: &Point,
) -> Result<Point> {
    with_curve!(curve, double(curve, base_factor, factor, point))
}

fn base<C: CurveArithmetic>(curve: Curve, factor: &[u8]) -> Result<Point> {
    let factor = scalar::<C>(factor).ok_or(CryptoError::InvalidInput)?;
    finish::<C>(curve, &Zeroizing::new(C::ProjectivePoint::mul_by_generator(&factor)))
}

fn variable<C: CurveArithmetic>(curve: Curve, factor: &[u8], point: &Point) -> Result<Point> {
    let factor = scalar::<C>(factor).ok_or(CryptoError::InvalidInput)?;
    let point = affine::<C>(point).ok_or(CryptoError::InvalidPoint)?;
    finish::<C>(curve, &Zeroizing::new(*factor * *point))
}

fn double<C: CurveArithmetic>(
    curve: Curve,
    base_factor: &[u8],
    factor: &[u8],
    point: &Point,
) -> Result<Point> {
    let [base_factor, factor] = [base_factor, factor].map(public_scalar::<C>);
    let point = affine::<C>(point).ok_or(CryptoError::InvalidPoint)?;
    let sum =
        C::ProjectivePoint::mul_by_generator_and_mul_add_vartime(&base_factor?, &factor?, &(*point).into());
    finish::<C>(curve, &sum)
}

/// Zero is a scalar here.
fn public_scalar<C: CurveArithmetic>(bytes: &[u8]) -> Result<Scalar<C>> {
    let bytes = field_bytes::<C>(bytes).ok_or(CryptoError::InvalidInput)?;
    Option::from(Scalar::<C>::from_repr(*bytes)).ok_or(CryptoError::InvalidInput)
}

fn finish<C: CurveArithmetic>(curve: Curve, point: &C::ProjectivePoint) -> Result<Point> {
    if bool::from(point.is_identity()) {
        return Err(CryptoError::InvalidPoint);
    }
    let affine = Zeroizing::new(point.to_affine());
    let (x, y) = (Zeroizing::new(affine.x()), Zeroizing::new(affine.y()));
    Point::new(curve, &x, &y)
}
