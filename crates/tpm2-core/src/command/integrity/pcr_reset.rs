//! TPM2_PCR_Reset (Part 3, 22.8).

use tpm2_crypto::MAX_DIGEST_SIZE;
use tpm2_types::{ResponseCode, Result, TpmiAlgHash, TpmiDhPcr};

use crate::context::Context;
use crate::pcr;
use crate::state::allows_locality;

command! {
    /// Sets a PCR back to zero in all banks, where PCR and locality allow it. Part 3, 22.8.
    PcrReset<'a> = PCR_RESET;
    handles { pcr_handle: TpmiDhPcr => User }
    parameters {}
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PcrReset<'a>) -> Result<Response<'a>> {
    let pcr = pcr::number(input.pcr_handle);
    if !allows_locality(pcr::attributes(pcr).reset, context.locality) {
        return Err(ResponseCode::LOCALITY);
    }
    for bank in context.profile.pcr_banks.iter().filter_map(|bank| TpmiAlgHash::new(*bank)) {
        pcr::set(context, bank, pcr, &[0; MAX_DIGEST_SIZE][..bank.digest_size()])?;
    }
    pcr::count_change(context, pcr)?;
    Ok(Response::new())
}
