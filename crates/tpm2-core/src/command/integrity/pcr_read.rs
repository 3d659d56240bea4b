//! TPM2_PCR_Read (Part 3, 22.4).

use tpm2_types::{MaxSize, Result, Tpm2bDigest, TpmlDigest, TpmlPcrSelection, TpmsPcrSelect, TpmsPcrSelection};

use crate::context::Context;
use crate::pcr;

command! {
    /// Returns the values of PCRs, as many of the selected ones as one list holds. Part 3, 22.4.
    PcrRead<'a> = PCR_READ;
    handles {}
    parameters { pcr_selection_in: TpmlPcrSelection<'a> }
    returns { pcr_update_counter: u32, pcr_selection_out: TpmlPcrSelection<'a>, pcr_values: TpmlDigest<'a> }
    flags { AFTER_SHUTDOWN }
}

/// Digests in a TPML_DIGEST.
const MAX_VALUES: usize = 8;

fn run<'a>(context: &mut Context<'_, 'a>, input: PcrRead<'a>) -> Result<Response<'a>> {
    let (state, profile, arena) = (context.state, context.profile, context.arena);
    let mut left = MAX_VALUES;
    let selections = arena.allocate(TpmsPcrSelection::MAX_SIZE * input.pcr_selection_in.len())?;
    let selected = input.pcr_selection_in.iter().map(|TpmsPcrSelection { hash, pcr_select }| {
        let there = pcr_select.iter().filter(|pcr| pcr::value(state, profile, hash, *pcr).is_some());
        let returned = TpmsPcrSelect::of(there.take(left));
        left -= returned.len();
        TpmsPcrSelection { hash, pcr_select: returned }
    });
    let pcr_selection_out = TpmlPcrSelection::build(selections, selected)?;
    let values = pcr_selection_out.iter().flat_map(|TpmsPcrSelection { hash, pcr_select }| {
        pcr_select.iter().filter_map(move |pcr| {
            let value = arena.copy(pcr::value(state, profile, hash, pcr)?).ok()?;
            Tpm2bDigest::new(value).ok()
        })
    });
    let digests = arena.allocate(MAX_VALUES * Tpm2bDigest::MAX_SIZE)?;
    let pcr_values = TpmlDigest::build(digests, values)?;
    Ok(Response::new(state.state_reset()?.pcr_counter, pcr_selection_out, pcr_values))
}
