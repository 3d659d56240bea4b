//! Secrets that travel to and from a key: salts and seeds (Part 1, "RSA: Secret Sharing", "ECC: Secret Sharing").

use tpm2_crypto::self_test::Algorithm;
use tpm2_crypto::{CryptoError, HashAlgorithm, Random, Steps, ecc, kdfe, rsa};
use tpm2_types::{
    Reader, ResponseCode, Result, Tpm2bEccParameter, Tpm2bEncryptedSecret, TpmsEccPoint, TpmuPublic,
    TpmuSensitiveComposite,
};

use super::{Object, key};
use crate::algorithm::{FromAlg, curve, response_code};
use crate::context::Context;

/// What a secret is for: it goes into its derivation, so that none serves for another purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The salt of a session.
    Secret,
    /// The seed of a credential.
    Identity,
}

impl Purpose {
    /// The label with its terminating zero.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Secret => b"SECRET\0",
            Self::Identity => b"IDENTITY\0",
        }
    }

    /// The label as KDFe takes it, which adds the zero itself.
    const fn kdf_label(self) -> &'static [u8] {
        match self {
            Self::Secret => b"SECRET",
            Self::Identity => b"IDENTITY",
        }
    }
}

/// Recovers a secret with the private key of `key`. TPM_RC_VALUE where it was not made for this key and purpose,
/// TPM_RC_KEY where the key cannot have one.
pub fn decrypt<'b>(
    context: &mut Context<'_, 'b>,
    key: &Object<'_>,
    encrypted: &Tpm2bEncryptedSecret<'_>,
    purpose: Purpose,
) -> Result<&'b [u8]> {
    let hash = name_hash(key)?;
    match key.public.body {
        TpmuPublic::Rsa { .. } => {
            let size = key::rsa_public(key)?.modulus.len();
            if encrypted.as_slice().len() != size {
                return Err(ResponseCode::VALUE);
            }
            let padded = key::rsa_private_operation(context, key, encrypted.as_slice())?;
            let secret = rsa::oaep::unpad(hash, purpose.label(), padded).map_err(|_| ResponseCode::VALUE)?;
            if secret.len() > hash.digest_size() {
                return Err(ResponseCode::VALUE);
            }
            Ok(secret)
        }
        TpmuPublic::Ecc { parms, unique } => {
            let curve = curve(parms.curve_id.into()).ok_or(ResponseCode::KEY)?;
            let mut reader = Reader::trusted(encrypted.as_slice());
            let sent: TpmsEccPoint<'_> = reader.read().map_err(|_| ResponseCode::VALUE)?;
            reader.finish().map_err(|_| ResponseCode::VALUE)?;
            let Some(TpmuSensitiveComposite::Ecc(private)) =
                key.sensitive.map(|sensitive| sensitive.sensitive)
            else {
                return Err(ResponseCode::KEY);
            };
            context.self_tests.require(context.engine, context.platform, Algorithm::Ecdh(curve))?;
            // A point that is not on the curve would tell about the private key.
            let point = ecc::Point::new(curve, sent.x.as_slice(), sent.y.as_slice())
                .map_err(|_| ResponseCode::VALUE)?;
            let shared = ecc::multiply(
                context.engine,
                curve,
                private.as_slice(),
                &point,
                &mut Steps::new(context.platform),
            )
            .map_err(|error| match error {
                CryptoError::Cancelled => ResponseCode::CANCELED,
                _ => ResponseCode::VALUE,
            })?;
            // KDFe takes coordinates of the curve's size, whatever the public area has (Part 1, 44.5.3).
            let public =
                ecc::Point::new(curve, unique.x.as_slice(), unique.y.as_slice()).map_err(response_code)?;
            derive(context, hash, purpose, shared.x(), point.x(), public.x())
        }
        _ => Err(ResponseCode::KEY),
    }
}

/// Makes a secret, and its encrypted form for `key`. TPM_RC_KEY where the key cannot receive one.
pub fn encrypt<'b>(
    context: &mut Context<'_, 'b>,
    key: &Object<'_>,
    purpose: Purpose,
) -> Result<(&'b [u8], Tpm2bEncryptedSecret<'b>)> {
    let hash = name_hash(key)?;
    match key.public.body {
        TpmuPublic::Rsa { .. } => {
            let secret = context.random_bytes(hash.digest_size())?;
            let padded = context.arena.allocate(key::rsa_public(key)?.modulus.len())?;
            rsa::oaep::pad(hash, purpose.label(), secret, context.random, padded).map_err(response_code)?;
            let encrypted = key::rsa_public_operation(context, key, padded)?;
            Ok((secret, Tpm2bEncryptedSecret::new(encrypted)?))
        }
        TpmuPublic::Ecc { parms, unique } => {
            let curve = curve(parms.curve_id.into()).ok_or(ResponseCode::KEY)?;
            context.self_tests.require(context.engine, context.platform, Algorithm::Ecdh(curve))?;
            let private = context.arena.allocate(curve.size())?;
            let random: &mut dyn Random = context.random;
            let point =
                ecc::generate(context.engine, curve, random, private, &mut Steps::new(context.platform))
                    .map_err(response_code)?;
            let public =
                ecc::Point::new(curve, unique.x.as_slice(), unique.y.as_slice()).map_err(response_code)?;
            let shared =
                ecc::multiply(context.engine, curve, private, &public, &mut Steps::new(context.platform))
                    .map_err(response_code)?;
            let secret = derive(context, hash, purpose, shared.x(), point.x(), public.x())?;
            let sent =
                TpmsEccPoint { x: Tpm2bEccParameter::new(point.x())?, y: Tpm2bEccParameter::new(point.y())? };
            Ok((secret, Tpm2bEncryptedSecret::new(context.arena.marshal(&sent)?)?))
        }
        _ => Err(ResponseCode::KEY),
    }
}

fn name_hash(key: &Object<'_>) -> Result<HashAlgorithm> {
    key.public.name_alg.map(HashAlgorithm::from_alg).ok_or(ResponseCode::KEY)
}

fn derive<'b>(
    context: &Context<'_, 'b>,
    hash: HashAlgorithm,
    purpose: Purpose,
    shared: &[u8],
    party_u: &[u8],
    party_v: &[u8],
) -> Result<&'b [u8]> {
    let secret = context.arena.allocate(hash.digest_size())?;
    let bits = (hash.digest_size() * 8) as u32;
    kdfe(hash, shared, purpose.kdf_label(), party_u, party_v, bits, secret);
    Ok(secret)
}
