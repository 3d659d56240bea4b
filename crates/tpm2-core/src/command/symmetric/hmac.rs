//! TPM2_HMAC (Part 3, 15.5).

use tpm2_crypto::{HashAlgorithm, hmac};
use tpm2_types::{
    ResponseCode, Result, Tpm2bDigest, Tpm2bMaxBuffer, TpmaObject, TpmiAlgHash, TpmiDhObject, TpmtKeyedhashScheme,
    TpmuPublic, TpmuSensitiveComposite,
};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::object::Object;

command! {
    /// Makes an HMAC of data with a loaded key. Part 3, 15.5.
    Hmac<'a> = HMAC;
    handles { handle: TpmiDhObject => User }
    parameters { buffer: Tpm2bMaxBuffer<'a>, hash_alg: Option<TpmiAlgHash> }
    returns { out_hmac: Tpm2bDigest<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Hmac<'a>) -> Result<Response<'a>> {
    let key: Object<'_> = context.state.get(Object::key_of(*input.handle))?;
    let TpmuPublic::KeyedHash { parms, .. } = key.public.body else {
        return Err(ResponseCode::TYPE.at(at::handle));
    };
    if key.attributes().contains(TpmaObject::RESTRICTED) {
        return Err(ResponseCode::ATTRIBUTES.at(at::handle));
    }
    if !key.attributes().contains(TpmaObject::SIGN_ENCRYPT) {
        return Err(ResponseCode::KEY.at(at::handle));
    }
    let own = match parms.scheme {
        Some(TpmtKeyedhashScheme::Hmac(scheme)) => Some(scheme.hash_alg),
        _ => None,
    };
    let hash_alg = match (own, input.hash_alg) {
        (Some(own), None) => own,
        (Some(own), Some(wanted)) if own == wanted => own,
        (None, Some(wanted)) => wanted,
        _ => return Err(ResponseCode::VALUE.at(at::hash_alg)),
    };
    let Some(TpmuSensitiveComposite::KeyedHash(secret)) = key.sensitive.map(|sensitive| sensitive.sensitive) else {
        return Err(ResponseCode::FAILURE);
    };
    let mac = hmac(HashAlgorithm::from_alg(hash_alg), secret.as_slice(), &[input.buffer.as_slice()]);
    Ok(Response::new(Tpm2bDigest::new(context.arena.copy(&mac)?)?))
}
