//! TPM2_NV_Increment (Part 3, 31.8).

use tpm2_types::{ResponseCode, Result, TpmNt, TpmiRhNvAuth, TpmiRhNvIndex};

use crate::context::Context;
use crate::nv::{self, access, counter};

command! {
    /// Advances an NV counter by one. Part 3, 31.8.
    NvIncrement<'a> = NV_INCREMENT;
    handles { auth_handle: TpmiRhNvAuth => User, nv_index: TpmiRhNvIndex => None }
    parameters {}
    returns {}
    flags { NV NV_WRITE }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvIncrement<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_write(&index, input.auth_handle.handle())?;
    if index.attributes().nt() != TpmNt::COUNTER {
        return Err(ResponseCode::ATTRIBUTES.at(at::nv_index));
    }
    let value = context.arena.marshal(&counter::next(context.state, &index)?)?;
    nv::write(context, &index, 0, value)?;
    Ok(Response::new())
}
