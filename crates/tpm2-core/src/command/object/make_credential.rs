//! TPM2_MakeCredential (Part 3, 12.6).

use tpm2_crypto::HashAlgorithm;
use tpm2_types::{
    ResponseCode, Result, Tpm2bDigest, Tpm2bEncryptedSecret, Tpm2bIdObject, Tpm2bName, TpmiDhObject,
};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::object::protection::Protector;
use crate::object::{Object, secret};

command! {
    /// Encrypts a credential so that only the TPM with this key, and an object of this Name, gets it. Part 3, 12.6.
    MakeCredential<'a> = MAKE_CREDENTIAL;
    handles { handle: TpmiDhObject => None }
    parameters { credential: Tpm2bDigest<'a>, object_name: Tpm2bName<'a> }
    returns { credential_blob: Tpm2bIdObject<'a>, secret: Tpm2bEncryptedSecret<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: MakeCredential<'a>) -> Result<Response<'a>> {
    let key: Object<'_> = context.state.get(Object::key_of(*input.handle))?;
    if !key.is_parent() {
        return Err(ResponseCode::TYPE.at(at::handle));
    }
    let hash = HashAlgorithm::from_alg(key.public.name_alg.ok_or(ResponseCode::TYPE.at(at::handle))?);
    // What is longer could not be the secret of this key's algorithms.
    if input.credential.as_slice().len() > hash.digest_size() {
        return Err(ResponseCode::SIZE.at(at::credential));
    }
    let symmetric = key.public.body.parameters().symmetric().ok_or(ResponseCode::TYPE.at(at::handle))?;
    let (seed, encrypted) = secret::encrypt(context, &key, secret::Purpose::Identity)
        .map_err(|code| code.at(at::handle))?;
    let protector = Protector { seed, hash, symmetric, name: input.object_name.as_slice() };
    let blob = protector.protect(context.arena, None, context.arena.marshal(&input.credential)?)?;
    Ok(Response::new(Tpm2bIdObject::new(blob)?, encrypted))
}
