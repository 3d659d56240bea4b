//! TPM2_Sign (Part 3, 20.5).

use tpm2_types::{
    ResponseCode, Result, Tpm2bDigest, TpmaObject, TpmiDhObject, TpmtSigScheme, TpmtSignature, TpmtTkHashcheck,
};

use crate::context::Context;
use crate::object::{Object, scheme};
use crate::{signature, ticket};

command! {
    /// Signs a digest; a restricted key only one that this TPM made of harmless data. Part 3, 20.5.
    Sign<'a> = SIGN;
    handles { key_handle: TpmiDhObject => User }
    parameters {
        digest: Tpm2bDigest<'a>,
        in_scheme: Option<TpmtSigScheme>,
        validation: TpmtTkHashcheck<'a>,
    }
    returns { signature: TpmtSignature<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Sign<'a>) -> Result<Response<'a>> {
    let key: Object<'_> = context.state.get(Object::key_of(*input.key_handle))?;
    let attributes = key.attributes();
    if !attributes.contains(TpmaObject::SIGN_ENCRYPT) {
        return Err(ResponseCode::KEY.at(at::key_handle));
    }
    if attributes.contains(TpmaObject::X509_SIGN) {
        return Err(ResponseCode::ATTRIBUTES.at(at::key_handle));
    }
    let scheme = scheme::signing(&key, input.in_scheme).map_err(|code| code.at(at::in_scheme))?;
    let hash = scheme.hash_alg().ok_or(ResponseCode::SCHEME.at(at::in_scheme))?;
    let digest = input.digest.as_slice();
    // A ticket is checked even where none is needed.
    if attributes.contains(TpmaObject::RESTRICTED) || !input.validation.digest.is_empty() {
        let expected = ticket::hash_check(context.state, context.arena, input.validation.hierarchy, hash, digest)?;
        if !ticket::is_same(&expected.digest, &input.validation.digest) {
            return Err(ResponseCode::TICKET.at(at::validation));
        }
    } else if digest.len() != hash.digest_size() {
        return Err(ResponseCode::SIZE.at(at::digest));
    }
    Ok(Response::new(signature::sign(context, &key, scheme, digest)?))
}
