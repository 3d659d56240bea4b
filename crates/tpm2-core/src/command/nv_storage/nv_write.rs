//! TPM2_NV_Write (Part 3, 31.7).

use tpm2_types::{ResponseCode, Result, Tpm2bMaxNvBuffer, TpmNt, TpmaNv, TpmiRhNvAuth, TpmiRhNvIndex};

use crate::context::Context;
use crate::nv::{self, access};

command! {
    /// Writes data to an ordinary NV index. Part 3, 31.7.
    NvWrite<'a> = NV_WRITE;
    handles { auth_handle: TpmiRhNvAuth => User, nv_index: TpmiRhNvIndex => None }
    parameters { data: Tpm2bMaxNvBuffer<'a>, offset: u16 }
    returns {}
    flags { NV NV_WRITE }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvWrite<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_write(&index, input.auth_handle.handle())?;
    if index.attributes().nt() != TpmNt::ORDINARY {
        return Err(ResponseCode::ATTRIBUTES.at(at::nv_index));
    }
    let size = usize::from(index.public.data_size);
    let offset = usize::from(input.offset);
    let data = input.data.as_slice();
    if offset > size {
        return Err(ResponseCode::VALUE.at(at::offset));
    }
    let partial = data.len() < size;
    if offset + data.len() > size || (partial && index.attributes().contains(TpmaNv::WRITEALL)) {
        return Err(ResponseCode::NV_RANGE);
    }
    nv::write(context, &index, offset, data)?;
    Ok(Response::new())
}
