//! NV counters (Part 1, "NV Counter"): none ever shows a value that another has shown.

use tpm2_types::{ResponseCode, Result, TpmHandle, TpmNt, TpmaNv};

use super::NvIndex;
use crate::context::Context;
use crate::state::{Kind, NvMaxCounter, State};

/// The value of a counter; none where the index is another kind, or was not incremented yet.
pub fn value(state: &State<'_>, index: &NvIndex<'_>) -> Option<u64> {
    let counts = index.attributes().nt() == TpmNt::COUNTER && index.attributes().contains(TpmaNv::WRITTEN);
    if !counts {
        return None;
    }
    state.bytes(index.data_key())?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The highest value that any counter has, or had when it was deleted.
pub fn highest(state: &State<'_>) -> Result<u64> {
    let deleted: NvMaxCounter<'_> = state.get(Kind::NvMaxCounter.only())?;
    let ids = state.ids(Kind::NvIndexOwner).chain(state.ids(Kind::NvIndexPlatform));
    let values = ids.filter_map(|id| value(state, &state.nv_index(TpmHandle(id)).ok()??));
    Ok(values.fold(deleted.value, u64::max))
}

/// The value of a counter after an increment: a new counter starts above all others. TPM_RC_NV_RANGE where the count
/// is exhausted, which takes longer than a TPM lasts.
pub fn next(state: &State<'_>, index: &NvIndex<'_>) -> Result<u64> {
    let now = match value(state, index) {
        Some(value) => value,
        None => highest(state)?,
    };
    now.checked_add(1).ok_or(ResponseCode::NV_RANGE)
}

/// Stages the memory of a counter that goes.
pub fn remember(context: &mut Context<'_, '_>, index: &NvIndex<'_>) -> Result<()> {
    let Some(value) = value(context.state, index) else { return Ok(()) };
    let known: NvMaxCounter<'_> = context.state.get(Kind::NvMaxCounter.only())?;
    if value > known.value { context.put(&NvMaxCounter { value, ..known }) } else { Ok(()) }
}
