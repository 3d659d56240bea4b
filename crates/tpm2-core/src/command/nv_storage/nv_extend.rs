//! TPM2_NV_Extend (Part 3, 31.9).

use tpm2_crypto::{HashAlgorithm, MAX_DIGEST_SIZE, hash};
use tpm2_types::{ResponseCode, Result, Tpm2bMaxNvBuffer, TpmNt, TpmaNv, TpmiRhNvAuth, TpmiRhNvIndex};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::nv::{self, access};

command! {
    /// Extends an NV index by data, the way a PCR is. Part 3, 31.9.
    NvExtend<'a> = NV_EXTEND;
    handles { auth_handle: TpmiRhNvAuth => User, nv_index: TpmiRhNvIndex => None }
    parameters { data: Tpm2bMaxNvBuffer<'a> }
    returns {}
    flags { NV NV_WRITE }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvExtend<'a>) -> Result<Response<'a>> {
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_write(&index, input.auth_handle.handle())?;
    if index.attributes().nt() != TpmNt::EXTEND {
        return Err(ResponseCode::ATTRIBUTES.at(at::nv_index));
    }
    let hash_alg = HashAlgorithm::from_alg(index.public.name_alg);
    // An index that was never written starts from zeros.
    let zeros = [0; MAX_DIGEST_SIZE];
    let old = if index.attributes().contains(TpmaNv::WRITTEN) {
        nv::data(context, &index)?
    } else {
        &zeros[..hash_alg.digest_size()]
    };
    let digest = context.arena.copy(&hash(hash_alg, &[old, input.data.as_slice()]))?;
    nv::write(context, &index, 0, digest)?;
    Ok(Response::new())
}
