//! TPM2_NV_ReadLock (Part 3, 31.14).

use tpm2_types::{ResponseCode, Result, TpmaNv, TpmiRhNvAuth, TpmiRhNvIndex};

use crate::context::Context;
use crate::nv::{self, access};

command! {
    /// Forbids reads of an NV index until the next reset. Part 3, 31.14.
    NvReadLock<'a> = NV_READ_LOCK;
    handles { auth_handle: TpmiRhNvAuth => User, nv_index: TpmiRhNvIndex => None }
    parameters {}
    returns {}
    flags { NV NV_READ }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvReadLock<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_read_lock(&index, input.auth_handle.handle())?;
    if index.attributes().contains(TpmaNv::READLOCKED) {
        return Ok(Response::new());
    }
    if !index.attributes().contains(TpmaNv::READ_STCLEAR) {
        return Err(ResponseCode::ATTRIBUTES.at(at::nv_index));
    }
    nv::set(context, &index, TpmaNv::READLOCKED)?;
    Ok(Response::new())
}
