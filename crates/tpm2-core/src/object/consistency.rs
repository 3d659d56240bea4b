//! Whether public and sensitive area belong together (Part 3, TPM2_Load and TPM2_LoadExternal).

use subtle::ConstantTimeEq;
use tpm2_crypto::{CryptoError, Steps, ecc, rsa};
use tpm2_types::{ResponseCode, Result, TpmtPublic, TpmtSensitive, TpmuPublic, TpmuSensitiveComposite};

use super::creation::secret_digest;
use super::key::DEFAULT_RSA_EXPONENT;
use crate::algorithm::curve;
use crate::context::Context;

/// Whether the sizes of a sensitive area are those that the public area asks for: TPM_RC_TYPE, TPM_RC_KEY_SIZE, and
/// TPM_RC_SIZE for the authorization value.
pub fn check_sizes(public: &TpmtPublic<'_>, sensitive: &TpmtSensitive<'_>) -> Result<()> {
    let digest_size = public.name_alg.map_or(0, |hash| hash.digest_size());
    if public.name_alg.is_some() && sensitive.auth_value.as_slice().len() > digest_size {
        return Err(ResponseCode::SIZE);
    }
    let sizes = match (public.body, sensitive.sensitive) {
        (TpmuPublic::Rsa { parms, unique }, TpmuSensitiveComposite::Rsa(prime)) => {
            let size = parms.key_bits.bytes();
            unique.as_slice().len() == size && prime.as_slice().len() * 2 == size
        }
        (TpmuPublic::Ecc { parms, .. }, TpmuSensitiveComposite::Ecc(private)) => {
            let size = parms.curve_id.coordinate_size();
            !private.is_empty() && private.as_slice().len() <= size
        }
        (TpmuPublic::SymCipher { parms, .. }, TpmuSensitiveComposite::SymCipher(key)) => {
            key.as_slice().len() * 8 == usize::from(parms.sym.key_bits())
                && sensitive.seed_value.as_slice().len()
                    <= digest_size.max(tpm2_types::limits::MAX_DIGEST_SIZE)
        }
        (TpmuPublic::KeyedHash { .. }, TpmuSensitiveComposite::KeyedHash(_)) => true,
        _ => return Err(ResponseCode::TYPE),
    };
    if sizes { Ok(()) } else { Err(ResponseCode::KEY_SIZE) }
}

/// Whether a public area from outside is a possible one: its key has the size of its parameters, a point is on its
/// curve (CVE-2026-45614).
pub fn check_public(public: &TpmtPublic<'_>) -> Result<()> {
    match public.body {
        TpmuPublic::Rsa { parms, unique } => {
            let modulus = unique.as_slice();
            let full = modulus.first().is_some_and(|first| first & 0x80 != 0);
            let odd = modulus.last().is_some_and(|last| last & 1 != 0);
            if modulus.len() != parms.key_bits.bytes() {
                Err(ResponseCode::KEY)
            } else if full && odd {
                Ok(())
            } else {
                Err(ResponseCode::VALUE)
            }
        }
        TpmuPublic::Ecc { parms, unique } => {
            let curve = curve(parms.curve_id.into()).ok_or(ResponseCode::CURVE)?;
            let (x, y) = (unique.x.as_slice(), unique.y.as_slice());
            // Coordinates are padded (Part 1, 44.5.3): a key has one public area, and so one Name.
            if x.len() != curve.size() || y.len() != curve.size() {
                Err(ResponseCode::KEY)
            } else if ecc::is_on_curve(curve, x, y) {
                Ok(())
            } else {
                Err(ResponseCode::ECC_POINT)
            }
        }
        TpmuPublic::KeyedHash { unique, .. } | TpmuPublic::SymCipher { unique, .. } => {
            let size = public.name_alg.map_or(0, |hash| hash.digest_size());
            if unique.as_slice().len() == size || public.name_alg.is_none() {
                Ok(())
            } else {
                Err(ResponseCode::SIZE)
            }
        }
        _ => Err(ResponseCode::TYPE),
    }
}

/// Whether the sensitive area is that of the public area: TPM_RC_BINDING where it is another's, besides the codes of
/// [`check_sizes`].
pub fn check_binding(
    context: &mut Context<'_, '_>,
    public: &TpmtPublic<'_>,
    sensitive: &TpmtSensitive<'_>,
) -> Result<()> {
    check_sizes(public, sensitive)?;
    let bound = match (public.body, sensitive.sensitive) {
        (TpmuPublic::Rsa { parms, unique }, TpmuSensitiveComposite::Rsa(prime)) => {
            let exponent = if parms.exponent == 0 { DEFAULT_RSA_EXPONENT } else { parms.exponent };
            let key = rsa::PublicKey { modulus: unique.as_slice(), exponent };
            known(rsa::PrivateKey::new(key, prime.as_slice(), &mut Steps::new(context.platform)))?.is_some()
        }
        (TpmuPublic::Ecc { parms, unique }, TpmuSensitiveComposite::Ecc(private)) => {
            let curve = curve(parms.curve_id.into()).ok_or(ResponseCode::CURVE)?;
            let same = |number: &[u8], other: &[u8]| without_zeros(number) == without_zeros(other);
            known(ecc::public_from_private(
                context.engine,
                curve,
                private.as_slice(),
                &mut Steps::new(context.platform),
            ))?
            .is_some_and(|point| same(point.x(), unique.x.as_slice()) && same(point.y(), unique.y.as_slice()))
        }
        (TpmuPublic::SymCipher { unique, .. }, TpmuSensitiveComposite::SymCipher(key)) => {
            is_digest(context, public, sensitive, unique.as_slice(), key.as_slice())?
        }
        (TpmuPublic::KeyedHash { unique, .. }, TpmuSensitiveComposite::KeyedHash(secret)) => {
            is_digest(context, public, sensitive, unique.as_slice(), secret.as_slice())?
        }
        _ => return Err(ResponseCode::TYPE),
    };
    if bound { Ok(()) } else { Err(ResponseCode::BINDING) }
}

/// The answer, where the numbers gave one. TPM_RC_CANCELED where nobody wants to know any more.
fn known<T>(answer: tpm2_crypto::Result<T>) -> Result<Option<T>> {
    match answer {
        Err(CryptoError::Cancelled) => Err(ResponseCode::CANCELED),
        answer => Ok(answer.ok()),
    }
}

fn is_digest(
    context: &Context<'_, '_>,
    public: &TpmtPublic<'_>,
    sensitive: &TpmtSensitive<'_>,
    unique: &[u8],
    secret: &[u8],
) -> Result<bool> {
    // Without a nameAlg there is no digest to compare.
    let Some(name_alg) = public.name_alg else { return Ok(true) };
    let digest = secret_digest(context.arena, name_alg, sensitive.seed_value.as_slice(), secret)?;
    Ok(digest.as_slice().ct_eq(unique).into())
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    &number[start..]
}
