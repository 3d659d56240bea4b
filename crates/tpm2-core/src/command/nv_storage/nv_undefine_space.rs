//! TPM2_NV_UndefineSpace (Part 3, 31.4).

use tpm2_types::{ResponseCode, Result, TpmRh, TpmaNv, TpmiRhNvDefinedIndex, TpmiRhProvision};

use crate::context::Context;
use crate::nv;

command! {
    /// Removes an NV index. Part 3, 31.4.
    NvUndefineSpace<'a> = NV_UNDEFINE_SPACE;
    handles { auth_handle: TpmiRhProvision => User, nv_index: TpmiRhNvDefinedIndex => None }
    parameters {}
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvUndefineSpace<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    if index.attributes().contains(TpmaNv::POLICY_DELETE) {
        return Err(ResponseCode::ATTRIBUTES.at(at::nv_index));
    }
    // The owner cannot remove what the platform defined; the platform can remove everything.
    if index.attributes().contains(TpmaNv::PLATFORMCREATE) && input.auth_handle == TpmRh::OWNER {
        return Err(ResponseCode::NV_AUTHORIZATION);
    }
    nv::delete(context, &index)?;
    Ok(Response::new())
}
