//! TPM2_NV_WriteLock (Part 3, 31.11).

use tpm2_types::{ResponseCode, Result, TpmaNv, TpmiRhNvAuth, TpmiRhNvIndex};

use crate::context::Context;
use crate::nv::{self, access};

command! {
    /// Forbids writes to an NV index, for ever or until the next reset. Part 3, 31.11.
    NvWriteLock<'a> = NV_WRITE_LOCK;
    handles { auth_handle: TpmiRhNvAuth => User, nv_index: TpmiRhNvIndex => None }
    parameters {}
    returns {}
    flags { NV NV_WRITE }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvWriteLock<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_write_lock(&index, input.auth_handle.handle())?;
    let attributes = index.attributes();
    if attributes.contains(TpmaNv::WRITELOCKED) {
        return Ok(Response::new());
    }
    if !attributes.intersects(TpmaNv::WRITEDEFINE | TpmaNv::WRITE_STCLEAR) {
        return Err(ResponseCode::ATTRIBUTES.at(at::nv_index));
    }
    nv::set(context, &index, TpmaNv::WRITELOCKED)?;
    Ok(Response::new())
}
