//! TPM2_PCR_Event (Part 3, 22.3).

use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{ResponseCode, Result, Tpm2bEvent, TpmiAlgHash, TpmiDhPcr, TpmlDigestValues};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::pcr;
use crate::state::{allows_locality, parse};

command! {
    /// Extends a PCR by the digest of data in every bank, and returns the digests. Part 3, 22.3.
    PcrEvent<'a> = PCR_EVENT;
    handles { pcr_handle: Option<TpmiDhPcr> => User }
    parameters { event_data: Tpm2bEvent<'a> }
    returns { digests: TpmlDigestValues<'a> }
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PcrEvent<'a>) -> Result<Response<'a>> {
    let pcr = input.pcr_handle.map(pcr::number);
    if let Some(pcr) = pcr
        && !allows_locality(pcr::attributes(pcr).extend, context.locality)
    {
        return Err(ResponseCode::LOCALITY);
    }
    let banks = || context.profile.pcr_banks.iter().filter_map(|bank| TpmiAlgHash::new(*bank));
    let digest_of = |bank| hash(HashAlgorithm::from_alg(bank), &[input.event_data.as_slice()]);
    let digests = context.arena.write(|writer| {
        writer.write(&u32::try_from(banks().count()).map_err(|_| ResponseCode::FAILURE)?)?;
        for bank in banks() {
            writer.write(&bank)?;
            writer.put(&digest_of(bank))?;
        }
        Ok(())
    })?;
    let digests: TpmlDigestValues<'a> = parse(digests)?;
    if let Some(pcr) = pcr {
        for digest in digests.iter() {
            pcr::extend(context, digest.hash_alg(), pcr, digest.digest())?;
        }
        pcr::count_change(context, pcr)?;
    }
    Ok(Response::new(digests))
}
