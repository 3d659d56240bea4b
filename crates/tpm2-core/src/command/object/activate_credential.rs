//! TPM2_ActivateCredential (Part 3, 12.5).

use tpm2_crypto::HashAlgorithm;
use tpm2_types::{
    Reader, ResponseCode, Result, Tpm2bDigest, Tpm2bEncryptedSecret, Tpm2bIdObject, TpmiDhObject,
};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::object::protection::Protector;
use crate::object::{Object, secret};

command! {
    /// Decrypts a credential that was made for this key and the Name of this object. Part 3, 12.5.
    ActivateCredential<'a> = ACTIVATE_CREDENTIAL;
    handles { activate_handle: TpmiDhObject => Admin, key_handle: TpmiDhObject => User }
    parameters { credential_blob: Tpm2bIdObject<'a>, secret: Tpm2bEncryptedSecret<'a> }
    returns { cert_info: Tpm2bDigest<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: ActivateCredential<'a>) -> Result<Response<'a>> {
    let object: Object<'_> = context.state.get(Object::key_of(*input.activate_handle))?;
    let key: Object<'_> = context.state.get(Object::key_of(*input.key_handle))?;
    if !key.is_parent() {
        return Err(ResponseCode::TYPE.at(at::key_handle));
    }
    let hash = HashAlgorithm::from_alg(key.public.name_alg.ok_or(ResponseCode::TYPE.at(at::key_handle))?);
    let symmetric = key.public.body.parameters().symmetric().ok_or(ResponseCode::TYPE.at(at::key_handle))?;
    let seed = secret::decrypt(context, &key, &input.secret, secret::Purpose::Identity)
        .map_err(|code| code.at(at::secret))?;
    let protector = Protector { seed, hash, symmetric, name: object.name.as_slice() };
    let credential = protector
        .unprotect(context.arena, input.credential_blob.as_slice(), false)
        .map_err(|code| code.at(at::credential_blob))?;
    let mut reader = Reader::trusted(credential);
    let cert_info: Tpm2bDigest<'_> = reader.read().map_err(|code| code.at(at::credential_blob))?;
    reader.finish().map_err(|code| code.at(at::credential_blob))?;
    Ok(Response::new(cert_info))
}
