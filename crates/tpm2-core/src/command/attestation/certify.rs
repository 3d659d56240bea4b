//! TPM2_Certify (Part 3, 18.2).

use tpm2_types::{
    Result, Tpm2bAttest, Tpm2bData, Tpm2bName, TpmiDhObject, TpmsCertifyInfo, TpmtSigScheme, TpmtSignature,
    TpmuAttest,
};

use crate::attest::Signer;
use crate::context::Context;
use crate::object::Object;

command! {
    /// Signs that an object with this Name is loaded. Part 3, 18.2.
    Certify<'a> = CERTIFY;
    handles { object_handle: TpmiDhObject => Admin, sign_handle: Option<TpmiDhObject> => User }
    parameters { qualifying_data: Tpm2bData<'a>, in_scheme: Option<TpmtSigScheme> }
    returns { certify_info: Tpm2bAttest<'a>, signature: Option<TpmtSignature<'a>> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Certify<'a>) -> Result<Response<'a>> {
    let signer = Signer::new(context, input.sign_handle, input.in_scheme, at::sign_handle, at::in_scheme)?;
    let object: Object<'_> = context.state.get(Object::key_of(*input.object_handle))?;
    let info = TpmsCertifyInfo {
        name: Tpm2bName::new(context.arena.copy(object.name.as_slice())?)?,
        qualified_name: Tpm2bName::new(context.arena.copy(object.qualified_name.as_slice())?)?,
    };
    let (certify_info, signature) = signer.attest(context, input.qualifying_data, TpmuAttest::Certify(info))?;
    Ok(Response::new(certify_info, signature))
}
