//! Signatures: making them with a loaded key and checking them (Part 1, "Signing"; Part 2, 11.3).

use tpm2_crypto::self_test::Algorithm;
use tpm2_crypto::{CryptoError, HashAlgorithm, Hmac, Steps, ecc, hmac, rsa};
use tpm2_types::{
    ResponseCode, Result, Tpm2bEccParameter, Tpm2bPublicKeyRsa, TpmiAlgHash, TpmsSignatureEcc,
    TpmsSignatureRsa, TpmtHa, TpmtSigScheme, TpmtSignature, TpmuPublic, TpmuSensitiveComposite,
};

use crate::algorithm::{FromAlg, curve, response_code};
use crate::context::Context;
use crate::object::{Object, key};

/// Signs a digest with a key whose private part is loaded. The scheme is one of [`crate::object::scheme::signing`];
/// the digest has the size of its hash.
pub fn sign<'b>(
    context: &mut Context<'_, 'b>,
    key: &Object<'_>,
    scheme: TpmtSigScheme,
    digest: &[u8],
) -> Result<TpmtSignature<'b>> {
    let hash = scheme.hash_alg().ok_or(ResponseCode::SCHEME)?;
    let sensitive = key.sensitive.as_ref().ok_or(ResponseCode::FAILURE)?;
    match (scheme, key.public.body, sensitive.sensitive) {
        (TpmtSigScheme::Rsassa(_), TpmuPublic::Rsa { .. }, _) => {
            Ok(TpmtSignature::Rsassa(sign_rsa(context, key, hash, digest, rsa::rsassa::encode)?))
        }
        (TpmtSigScheme::Rsapss(_), TpmuPublic::Rsa { .. }, _) => {
            // The salt comes from the TPM's generator.
            let size = key::rsa_public(key)?.modulus.len();
            let padded = context.arena.allocate(size)?;
            rsa::rsapss::encode(HashAlgorithm::from_alg(hash), digest, context.random, padded)
                .map_err(encoding)?;
            Ok(TpmtSignature::Rsapss(rsa_signature(context, key, hash, padded)?))
        }
        (TpmtSigScheme::Ecdsa(_), TpmuPublic::Ecc { parms, .. }, TpmuSensitiveComposite::Ecc(private)) => {
            let curve = curve(parms.curve_id.into()).ok_or(ResponseCode::CURVE)?;
            context.self_tests.require(context.engine, context.platform, Algorithm::Ecdsa(curve))?;
            let private = private.as_slice();
            let signature = ecc::sign_ecdsa(
                context.engine,
                curve,
                private,
                digest,
                context.random,
                &mut Steps::new(context.platform),
            )
            .map_err(response_code)?;
            Ok(TpmtSignature::Ecdsa(TpmsSignatureEcc {
                hash,
                signature_r: Tpm2bEccParameter::new(context.arena.copy(signature.r())?)?,
                signature_s: Tpm2bEccParameter::new(context.arena.copy(signature.s())?)?,
            }))
        }
        (TpmtSigScheme::Hmac(_), TpmuPublic::KeyedHash { .. }, TpmuSensitiveComposite::KeyedHash(secret)) => {
            let mac = hmac(HashAlgorithm::from_alg(hash), secret.as_slice(), &[digest]);
            Ok(TpmtSignature::Hmac(TpmtHa::new(hash, context.arena.copy(&mac)?)?))
        }
        _ => Err(ResponseCode::SCHEME),
    }
}

/// Checks a signature over a digest. TPM_RC_SIGNATURE where it is not the key's, TPM_RC_SCHEME where it is none for
/// keys of this type.
pub fn verify(
    context: &mut Context<'_, '_>,
    key: &Object<'_>,
    digest: &[u8],
    signature: &TpmtSignature<'_>,
) -> Result<()> {
    match (signature, key.public.body) {
        (TpmtSignature::Rsassa(signature), TpmuPublic::Rsa { .. }) => {
            verify_rsa(context, key, digest, signature, rsa::rsassa::verify)
        }
        (TpmtSignature::Rsapss(signature), TpmuPublic::Rsa { .. }) => {
            verify_rsa(context, key, digest, signature, rsa::rsapss::verify)
        }
        (TpmtSignature::Ecdsa(signature), TpmuPublic::Ecc { parms, unique }) => {
            let curve = curve(parms.curve_id.into()).ok_or(ResponseCode::CURVE)?;
            context.self_tests.require(context.engine, context.platform, Algorithm::Ecdsa(curve))?;
            let public =
                ecc::Point::new(curve, unique.x.as_slice(), unique.y.as_slice()).map_err(response_code)?;
            let (r, s) = (signature.signature_r.as_slice(), signature.signature_s.as_slice());
            ecc::verify_ecdsa(context.engine, curve, &public, digest, r, s, &mut Steps::new(context.platform))
                .map_err(|error| match error {
                    CryptoError::Cancelled => ResponseCode::CANCELED,
                    _ => ResponseCode::SIGNATURE,
                })
        }
        (TpmtSignature::Hmac(signature), TpmuPublic::KeyedHash { .. }) => {
            let Some(TpmuSensitiveComposite::KeyedHash(secret)) =
                key.sensitive.map(|sensitive| sensitive.sensitive)
            else {
                return Err(ResponseCode::HANDLE);
            };
            let mut mac = Hmac::new(HashAlgorithm::from_alg(signature.hash_alg()), secret.as_slice());
            mac.update(digest);
            if mac.verify(signature.digest()) { Ok(()) } else { Err(ResponseCode::SIGNATURE) }
        }
        _ => Err(ResponseCode::SCHEME),
    }
}

/// An encoding of a digest without randomness.
type Encode = fn(HashAlgorithm, &[u8], &mut [u8]) -> tpm2_crypto::Result<()>;
/// A check of such an encoding.
type Check = fn(HashAlgorithm, &[u8], &[u8]) -> tpm2_crypto::Result<()>;

fn sign_rsa<'b>(
    context: &mut Context<'_, 'b>,
    key: &Object<'_>,
    hash: TpmiAlgHash,
    digest: &[u8],
    encode: Encode,
) -> Result<TpmsSignatureRsa<'b>> {
    let padded = context.arena.allocate(key::rsa_public(key)?.modulus.len())?;
    encode(HashAlgorithm::from_alg(hash), digest, padded).map_err(encoding)?;
    rsa_signature(context, key, hash, padded)
}

fn rsa_signature<'b>(
    context: &mut Context<'_, 'b>,
    key: &Object<'_>,
    hash: TpmiAlgHash,
    padded: &[u8],
) -> Result<TpmsSignatureRsa<'b>> {
    let signature = key::rsa_private_operation(context, key, padded)?;
    Ok(TpmsSignatureRsa { hash, sig: Tpm2bPublicKeyRsa::new(signature)? })
}

fn verify_rsa(
    context: &mut Context<'_, '_>,
    key: &Object<'_>,
    digest: &[u8],
    signature: &TpmsSignatureRsa<'_>,
    check: Check,
) -> Result<()> {
    let encoded =
        key::rsa_public_operation(context, key, signature.sig.as_slice()).map_err(|code| match code {
            ResponseCode::CANCELED => code,
            _ => ResponseCode::SIGNATURE,
        })?;
    check(HashAlgorithm::from_alg(signature.hash), digest, encoded).map_err(|_| ResponseCode::SIGNATURE)
}

/// A digest that a key is too small to sign.
fn encoding(error: CryptoError) -> ResponseCode {
    match error {
        CryptoError::InvalidInput => ResponseCode::SIZE,
        other => response_code(other),
    }
}
