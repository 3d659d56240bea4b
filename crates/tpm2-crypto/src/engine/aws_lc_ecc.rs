//! The curves of AWS-LC. A multiplication by one scalar takes a time that does not depend on it (`EC_POINT_mul`).
//!
//! Every call goes to AWS-LC, with pointers to objects that the types here and in the neighbour own.
#![allow(unsafe_code)]

use core::ptr::{NonNull, null};

use aws_lc_sys::{
    BIGNUM, EC_GROUP, EC_POINT, EC_POINT_clear_free, EC_POINT_get_affine_coordinates_GFp,
    EC_POINT_is_at_infinity, EC_POINT_mul, EC_POINT_new, EC_POINT_set_affine_coordinates_GFp, EC_group_p256,
    EC_group_p384, EC_group_p521,
};
use p256::elliptic_curve::CurveArithmetic;
use zeroize::Zeroizing;

use super::aws_lc::{Big, Context, guarded, succeeded};
use crate::ecc::{Curve, MAX_COORDINATE_SIZE, Point, scalar, scalar_or_zero, with_curve};
use crate::{CryptoError, Result, Steps};

pub(super) fn multiply_base(curve: Curve, factor: &[u8], steps: &mut Steps<'_>) -> Result<Point> {
    steps.spend(one(curve))?;
    with_curve!(curve, check_secret(factor))?;
    guarded(|| combination(curve, Some(factor), None))
}

pub(super) fn multiply(curve: Curve, factor: &[u8], point: &Point, steps: &mut Steps<'_>) -> Result<Point> {
    steps.spend(one(curve))?;
    with_curve!(curve, check_secret(factor))?;
    guarded(|| combination(curve, None, Some((factor, point))))
}

pub(super) fn double_multiply(
    curve: Curve,
    base_factor: &[u8],
    factor: &[u8],
    point: &Point,
    steps: &mut Steps<'_>,
) -> Result<Point> {
    steps.spend(two(curve))?;
    with_curve!(curve, check_public(base_factor))?;
    with_curve!(curve, check_public(factor))?;
    guarded(|| combination(curve, Some(base_factor), Some((factor, point))))
}

/// What the multiplication of one point costs, in steps.
const fn one(curve: Curve) -> u32 {
    match curve {
        Curve::P256 => 50_000,
        Curve::P384 => 130_000,
        Curve::P521 => 200_000,
    }
}

/// What the sum of two products costs, in steps.
const fn two(curve: Curve) -> u32 {
    3 * one(curve) / 2
}

/// Scalars are checked here because AWS-LC would reduce them.
fn check_secret<C: CurveArithmetic>(factor: &[u8]) -> Result<()> {
    scalar::<C>(factor).map(drop).ok_or(CryptoError::InvalidInput)
}

fn check_public<C: CurveArithmetic>(factor: &[u8]) -> Result<()> {
    scalar_or_zero::<C>(factor).map(drop).ok_or(CryptoError::InvalidInput)
}

/// The generator times one scalar plus a point times another, where given.
fn combination(curve: Curve, base_factor: Option<&[u8]>, product: Option<(&[u8], &Point)>) -> Result<Point> {
    let context = Context::new()?;
    let result = OwnedPoint::new(curve)?;
    let base_factor = base_factor.map(Big::new).transpose()?;
    let product = match product {
        Some((factor, point)) => Some((Big::new(factor)?, OwnedPoint::at(curve, point, &context)?)),
        None => None,
    };
    let (factor, point) = match &product {
        Some((factor, point)) => (factor.pointer().cast_const(), point.pointer().cast_const()),
        None => (null(), null()),
    };
    let base_factor: *const BIGNUM = base_factor.as_ref().map_or(null(), |factor| factor.pointer());
    // SAFETY: group, result and context are valid; scalars and point are null or valid and owned by this function; the
    // function allows null for the scalar of the generator, and for point and scalar together.
    succeeded(unsafe {
        EC_POINT_mul(group(curve), result.pointer(), base_factor, point, factor, context.pointer())
    })?;
    result.coordinates(curve, &context)
}

/// A point of AWS-LC's, wiped when it goes.
struct OwnedPoint(NonNull<EC_POINT>);

impl OwnedPoint {
    /// The point at infinity.
    fn new(curve: Curve) -> Result<Self> {
        // SAFETY: the group is valid; the answer is null or owned by the caller.
        NonNull::new(unsafe { EC_POINT_new(group(curve)) }).map(Self).ok_or(CryptoError::InvalidInput)
    }

    fn at(curve: Curve, point: &Point, context: &Context) -> Result<Self> {
        let owned = Self::new(curve)?;
        let (x, y) = (Big::new(point.x())?, Big::new(point.y())?);
        // SAFETY: all pointers are valid through the call; it refuses coordinates that are not on the curve.
        let done = unsafe {
            EC_POINT_set_affine_coordinates_GFp(
                group(curve),
                owned.pointer(),
                x.pointer(),
                y.pointer(),
                context.pointer(),
            )
        };
        succeeded(done).map_err(|_| CryptoError::InvalidPoint)?;
        Ok(owned)
    }

    fn coordinates(&self, curve: Curve, context: &Context) -> Result<Point> {
        // SAFETY: group and point are valid and belong together.
        if unsafe { EC_POINT_is_at_infinity(group(curve), self.pointer()) } != 0 {
            return Err(CryptoError::InvalidPoint);
        }
        let (x, y) = (Big::zero()?, Big::zero()?);
        // SAFETY: all pointers are valid through the call.
        succeeded(unsafe {
            EC_POINT_get_affine_coordinates_GFp(
                group(curve),
                self.pointer(),
                x.pointer(),
                y.pointer(),
                context.pointer(),
            )
        })?;
        let mut bytes = Zeroizing::new([0; 2 * MAX_COORDINATE_SIZE]);
        let (x_bytes, y_bytes) = bytes[..2 * curve.size()].split_at_mut(curve.size());
        x.write(x_bytes, curve.size())?;
        y.write(y_bytes, curve.size())?;
        Point::new(curve, x_bytes, y_bytes)
    }

    fn pointer(&self) -> *mut EC_POINT {
        self.0.as_ptr()
    }
}

impl Drop for OwnedPoint {
    fn drop(&mut self) {
        // SAFETY: the point is owned and not used again.
        unsafe { EC_POINT_clear_free(self.pointer()) }
    }
}

/// The group of a curve, which lives as long as the program.
fn group(curve: Curve) -> *const EC_GROUP {
    // SAFETY: these take no arguments and make their group once, whichever thread comes first.
    unsafe {
        match curve {
            Curve::P256 => EC_group_p256(),
            Curve::P384 => EC_group_p384(),
            Curve::P521 => EC_group_p521(),
        }
    }
}
