//! TPM2_RSA_Encrypt (Part 3, 14.2).

use tpm2_crypto::{HashAlgorithm, rsa};
use tpm2_types::{
    ResponseCode, Result, Tpm2bData, Tpm2bPublicKeyRsa, TpmiDhObject, TpmtRsaDecrypt, TpmuPublic,
};

use crate::algorithm::{FromAlg, response_code};
use crate::context::Context;
use crate::object::{Object, key, scheme};

command! {
    /// Encrypts a message with an RSA public key. Part 3, 14.2.
    RsaEncrypt<'a> = RSA_ENCRYPT;
    handles { key_handle: TpmiDhObject => None }
    parameters { message: Tpm2bPublicKeyRsa<'a>, in_scheme: Option<TpmtRsaDecrypt>, label: Tpm2bData<'a> }
    returns { out_data: Tpm2bPublicKeyRsa<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: RsaEncrypt<'a>) -> Result<Response<'a>> {
    let key: Object<'_> = context.state.get(Object::key_of(*input.key_handle))?;
    let TpmuPublic::Rsa { parms, .. } = key.public.body else {
        return Err(ResponseCode::KEY.at(at::key_handle));
    };
    if !ends_with_zero(&input.label) {
        return Err(ResponseCode::VALUE.at(at::label));
    }
    let scheme = scheme::rsa_encryption(&parms, input.in_scheme).map_err(|code| code.at(at::in_scheme))?;
    let size = key::rsa_public(&key)?.modulus.len();
    let padded = context.arena.allocate(size)?;
    let message = input.message.as_slice();
    match scheme {
        // Without padding the message is a number.
        None => {
            // Leading zeros of a longer message do not count.
            let surplus = message.len().saturating_sub(size);
            let (zeros, number) = message.split_at(surplus);
            if zeros.iter().any(|byte| *byte != 0) {
                return Err(ResponseCode::VALUE.at(at::message));
            }
            padded[size - number.len()..].copy_from_slice(number);
            Ok(())
        }
        Some(TpmtRsaDecrypt::Rsaes) => rsa::rsaes::pad(message, context.random, padded),
        Some(TpmtRsaDecrypt::Oaep(details)) => {
            let hash = HashAlgorithm::from_alg(details.hash_alg);
            rsa::oaep::pad(hash, input.label.as_slice(), message, context.random, padded)
        }
    }
    .map_err(|error| response_code(error).at(at::message))?;
    let out = key::rsa_public_operation(context, &key, padded).map_err(|code| code.at(at::message))?;
    Ok(Response::new(Tpm2bPublicKeyRsa::new(out)?))
}

/// Whether a label is absent or ends as Part 3 wants it.
pub(super) fn ends_with_zero(label: &Tpm2bData<'_>) -> bool {
    matches!(label.as_slice(), [] | [.., 0])
}
