//! The keys of loaded objects, in the hands of the algorithms.

use tpm2_crypto::Steps;
use tpm2_crypto::rsa::{self, PrivateKey, PublicKey};
use tpm2_crypto::self_test::Algorithm;
use tpm2_types::{ResponseCode, Result, TpmuPublic, TpmuSensitiveComposite};

use super::Object;
use crate::algorithm::response_code;
use crate::context::Context;

/// The exponent that a public area means by zero (Part 2, 12.2.3.5).
pub const DEFAULT_RSA_EXPONENT: u32 = 65537;

/// The RSA public key of an object. TPM_RC_KEY for an object of another type.
pub fn rsa_public<'a>(key: &Object<'a>) -> Result<PublicKey<'a>> {
    match key.public.body {
        TpmuPublic::Rsa { parms, unique } => Ok(PublicKey {
            modulus: unique.as_slice(),
            exponent: if parms.exponent == 0 { DEFAULT_RSA_EXPONENT } else { parms.exponent },
        }),
        _ => Err(ResponseCode::KEY),
    }
}

/// RSAEP with the public key of an object: as many bytes as the modulus has. TPM_RC_VALUE for an input that is not
/// less than the modulus.
pub fn rsa_public_operation<'b>(
    context: &mut Context<'_, 'b>,
    key: &Object<'_>,
    input: &[u8],
) -> Result<&'b mut [u8]> {
    let public = rsa_public(key)?;
    context.self_tests.require(context.engine, context.platform, Algorithm::Rsa)?;
    let out = context.arena.allocate(public.modulus.len())?;
    rsa::public_operation(context.engine, public, input, out, &mut Steps::new(context.platform))
        .map_err(response_code)?;
    Ok(out)
}

/// RSADP with the private key of an object: as many bytes as the modulus has. TPM_RC_VALUE for an input that is not
/// less than the modulus.
pub fn rsa_private_operation<'b>(
    context: &mut Context<'_, 'b>,
    key: &Object<'_>,
    input: &[u8],
) -> Result<&'b mut [u8]> {
    let public = rsa_public(key)?;
    let Some(TpmuSensitiveComposite::Rsa(prime)) = key.sensitive.map(|sensitive| sensitive.sensitive) else {
        return Err(ResponseCode::HANDLE);
    };
    let private = PrivateKey::new(public, prime.as_slice(), &mut Steps::new(context.platform))
        .map_err(response_code)?;
    context.self_tests.require(context.engine, context.platform, Algorithm::Rsa)?;
    let out = context.arena.allocate(public.modulus.len())?;
    rsa::private_operation(context.engine, &private, input, out, &mut Steps::new(context.platform))
        .map_err(response_code)?;
    Ok(out)
}
