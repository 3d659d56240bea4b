//! TPM2_VerifySignature (Part 3, 20.2).

use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmiDhObject, TpmiRhHierarchy, TpmtSignature, TpmtTkVerified, TpmaObject};

use crate::context::Context;
use crate::object::Object;
use crate::{signature, ticket};

command! {
    /// Checks a signature with a loaded key and returns a ticket about it. Part 3, 20.2.
    VerifySignature<'a> = VERIFY_SIGNATURE;
    handles { key_handle: TpmiDhObject => None }
    parameters { digest: Tpm2bDigest<'a>, signature: TpmtSignature<'a> }
    returns { validation: TpmtTkVerified<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: VerifySignature<'a>) -> Result<Response<'a>> {
    let key: Object<'_> = context.state.get(Object::key_of(*input.key_handle))?;
    if !key.attributes().contains(TpmaObject::SIGN_ENCRYPT) {
        return Err(ResponseCode::ATTRIBUTES.at(at::key_handle));
    }
    let digest = input.digest.as_slice();
    signature::verify(context, &key, digest, &input.signature).map_err(|code| match code {
        ResponseCode::HANDLE => code.at(at::key_handle),
        _ => code.at(at::signature),
    })?;
    let hierarchy = TpmiRhHierarchy::new(key.hierarchy).ok_or(ResponseCode::FAILURE)?;
    Ok(Response::new(ticket::verified(context.state, context.arena, hierarchy, digest, key.name.as_slice())?))
}
