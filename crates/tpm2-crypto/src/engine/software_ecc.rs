//! The curves of the engine in pure Rust: complete formulas in fixed time.

use p256::elliptic_curve::CurveArithmetic;
use p256::elliptic_curve::group::{Curve as _, Group};
use p256::elliptic_curve::ops::MulByGeneratorVartime;
use p256::elliptic_curve::point::AffineCoordinates;
use zeroize::Zeroizing;

use crate::ecc::{Curve, Point, affine, scalar, scalar_or_zero, with_curve};
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
    let base_factor = scalar_or_zero::<C>(base_factor).ok_or(CryptoError::InvalidInput)?;
    let factor = scalar_or_zero::<C>(factor).ok_or(CryptoError::InvalidInput)?;
    let point = affine::<C>(point).ok_or(CryptoError::InvalidPoint)?;
    let point = C::ProjectivePoint::from(*point);
    finish::<C>(
        curve,
        &C::ProjectivePoint::mul_by_generator_and_mul_add_vartime(&base_factor, &factor, &point),
    )
}

fn finish<C: CurveArithmetic>(curve: Curve, point: &C::ProjectivePoint) -> Result<Point> {
    if bool::from(point.is_identity()) {
        return Err(CryptoError::InvalidPoint);
    }
    let affine = Zeroizing::new(point.to_affine());
    let (x, y) = (Zeroizing::new(affine.x()), Zeroizing::new(affine.y()));
    Point::new(curve, &x, &y)
}
