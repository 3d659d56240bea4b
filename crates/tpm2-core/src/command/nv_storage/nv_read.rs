//! TPM2_NV_Read (Part 3, 31.13).

use tpm2_types::{ResponseCode, Result, Tpm2bMaxNvBuffer, TpmiRhNvAuth, TpmiRhNvIndex};

use crate::context::Context;
use crate::nv::{self, access};

command! {
    /// Reads data of an NV index. Part 3, 31.13.
    NvRead<'a> = NV_READ;
    handles { auth_handle: TpmiRhNvAuth => User, nv_index: TpmiRhNvIndex => None }
    parameters { size: u16, offset: u16 }
    returns { data: Tpm2bMaxNvBuffer<'a> }
    flags { NV_READ AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvRead<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_read(&index, input.auth_handle.handle())?;
    if input.size > context.profile.nv_buffer_size {
        return Err(ResponseCode::VALUE.at(at::size));
    }
    if input.offset > index.public.data_size {
        return Err(ResponseCode::VALUE.at(at::offset));
    }
    let start = usize::from(input.offset);
    let data = nv::data(context, &index)?;
    let data = data.get(start..start + usize::from(input.size)).ok_or(ResponseCode::NV_RANGE)?;
    Ok(Response::new(Tpm2bMaxNvBuffer::new(context.arena.copy(data)?)?))
}
