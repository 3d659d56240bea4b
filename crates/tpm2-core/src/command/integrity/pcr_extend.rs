//! TPM2_PCR_Extend (Part 3, 22.2).

use tpm2_types::{ResponseCode, Result, TpmiDhPcr, TpmlDigestValues};

use crate::context::Context;
use crate::pcr;
use crate::state::allows_locality;

command! {
    /// Extends a PCR by a digest in each bank that is named. Part 3, 22.2.
    PcrExtend<'a> = PCR_EXTEND;
    handles { pcr_handle: Option<TpmiDhPcr> => User }
    parameters { digests: TpmlDigestValues<'a> }
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PcrExtend<'a>) -> Result<Response<'a>> {
    // TPM_RH_NULL: the digests were checked, and nothing is extended.
    let Some(handle) = input.pcr_handle else { return Ok(Response::new()) };
    let pcr = pcr::number(handle);
    if !allows_locality(pcr::attributes(pcr).extend, context.locality) {
        return Err(ResponseCode::LOCALITY);
    }
    for digest in input.digests.iter() {
        pcr::extend(context, digest.hash_alg(), pcr, digest.digest())?;
    }
    pcr::count_change(context, pcr)?;
    Ok(Response::new())
}
