//! TPM2_NV_SetBits (Part 3, 31.10).

use tpm2_types::{ResponseCode, Result, TpmNt, TpmaNv, TpmiRhNvAuth, TpmiRhNvIndex};

use crate::context::Context;
use crate::nv::{self, access};

command! {
    /// Sets bits of an NV bit field; none is ever cleared. Part 3, 31.10.
    NvSetBits<'a> = NV_SET_BITS;
    handles { auth_handle: TpmiRhNvAuth => User, nv_index: TpmiRhNvIndex => None }
    parameters { bits: u64 }
    returns {}
    flags { NV NV_WRITE }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvSetBits<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_write(&index, input.auth_handle.handle())?;
    if index.attributes().nt() != TpmNt::BITS {
        return Err(ResponseCode::ATTRIBUTES.at(at::nv_index));
    }
    let old = if index.attributes().contains(TpmaNv::WRITTEN) {
        nv::data(context, &index)?.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    } else {
        0
    };
    let bits = context.arena.marshal(&(old | input.bits))?;
    nv::write(context, &index, 0, bits)?;
    Ok(Response::new())
}
