//! TPM2_NV_ReadPublic (Part 3, 31.6).

use tpm2_types::{Result, Tpm2bDigest, Tpm2bName, Tpm2bNvPublic, TpmiRhNvLegacyIndex, TpmsNvPublic};

use crate::context::Context;
use crate::nv;

command! {
    /// Returns public area and Name of an NV index. Part 3, 31.6.
    NvReadPublic<'a> = NV_READ_PUBLIC;
    handles { nv_index: TpmiRhNvLegacyIndex => None }
    parameters {}
    returns { nv_public: Tpm2bNvPublic<'a>, nv_name: Tpm2bName<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvReadPublic<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    let auth_policy = Tpm2bDigest::new(context.arena.copy(index.public.auth_policy.as_slice())?)?;
    let public = TpmsNvPublic { auth_policy, ..index.public };
    Ok(Response::new(Tpm2bNvPublic(public), Tpm2bName::new(index.name(context.arena)?)?))
}
