//! TPM2_RSA_Decrypt (Part 3, 14.3).

use tpm2_crypto::{HashAlgorithm, rsa};
use tpm2_types::{
    ResponseCode, Result, Tpm2bData, Tpm2bPublicKeyRsa, TpmaObject, TpmiDhObject, TpmtRsaDecrypt, TpmuPublic,
};

use super::rsa_encrypt::ends_with_zero;
use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::object::{Object, key, scheme};

command! {
    /// Decrypts with an RSA private key and removes the padding. Part 3, 14.3.
    RsaDecrypt<'a> = RSA_DECRYPT;
    handles { key_handle: TpmiDhObject => User }
    parameters { cipher_text: Tpm2bPublicKeyRsa<'a>, in_scheme: Option<TpmtRsaDecrypt>, label: Tpm2bData<'a> }
    returns { message: Tpm2bPublicKeyRsa<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: RsaDecrypt<'a>) -> Result<Response<'a>> {
    let key: Object<'_> = context.state.get(Object::key_of(*input.key_handle))?;
    let TpmuPublic::Rsa { parms, .. } = key.public.body else {
        return Err(ResponseCode::KEY.at(at::key_handle));
    };
    let attributes = key.attributes();
    if attributes.contains(TpmaObject::RESTRICTED) || !attributes.contains(TpmaObject::DECRYPT) {
        return Err(ResponseCode::ATTRIBUTES.at(at::key_handle));
    }
    if !ends_with_zero(&input.label) {
        return Err(ResponseCode::VALUE.at(at::label));
    }
    let scheme = scheme::rsa_encryption(&parms, input.in_scheme).map_err(|code| code.at(at::in_scheme))?;
    let cipher_text = input.cipher_text.as_slice();
    if cipher_text.len() != key::rsa_public(&key)?.modulus.len() {
        return Err(ResponseCode::SIZE.at(at::cipher_text));
    }
    let padded = key::rsa_private_operation(context, &key, cipher_text).map_err(|code| code.at(at::cipher_text))?;
    let message: &[u8] = match scheme {
        None => Ok(&*padded),
        Some(TpmtRsaDecrypt::Rsaes) => rsa::rsaes::unpad(padded),
        Some(TpmtRsaDecrypt::Oaep(details)) => {
            rsa::oaep::unpad(HashAlgorithm::from_alg(details.hash_alg), input.label.as_slice(), padded)
        }
    }
    .map_err(|_| ResponseCode::VALUE.at(at::cipher_text))?;
    Ok(Response::new(Tpm2bPublicKeyRsa::new(message)?))
}
