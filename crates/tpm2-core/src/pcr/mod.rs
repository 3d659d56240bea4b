//! PCRs (Part 1, "Platform Configuration Registers"): banks, attributes of each PCR, and their changes.

use tee_api::Change;
use tpm2_crypto::{Digest, HashAlgorithm, Hasher, hash};
use tpm2_types::limits::IMPLEMENTATION_PCR;
use tpm2_types::{
    MaxSize, ResponseCode, Result, TpmAlgId, TpmaLocality, TpmiAlgHash, TpmlPcrSelection, TpmsPcrSelect,
    TpmsPcrSelection,
};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::profile::Profile;
use crate::state::{Kind, State, StateReset};

/// What can be done with a PCR (TCG PC Client Platform TPM Profile, "PCR Attributes").
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// TPM2_Shutdown(STATE) saves it, and only TPM reset and restart set it back.
    pub saved: bool,
    /// Localities that may reset it.
    pub reset: TpmaLocality,
    /// Localities that may extend it.
    pub extend: TpmaLocality,
    /// A change does not count in pcrUpdateCounter.
    pub uncounted: bool,
    /// A reset of the platform sets all bits, as a sign that no dynamic launch took place.
    pub starts_with_ones: bool,
}

/// The attributes of the PCR with this number.
pub const fn attributes(pcr: usize) -> Attributes {
    let (reset, extend) = match pcr {
        16 | 23 => (0x0F, 0x1F),
        17 | 18 => (0x10, 0x1C),
        19 => (0x10, 0x0C),
        20 => (0x14, 0x0E),
        21 | 22 => (0x14, 0x04),
        _ => (0x00, 0x1F),
    };
    Attributes {
        saved: pcr < 16,
        reset: TpmaLocality::from_bits_retain(reset),
        extend: TpmaLocality::from_bits_retain(extend),
        uncounted: matches!(pcr, 16 | 21..=23),
        starts_with_ones: matches!(pcr, 17..=22),
    }
}

/// Bytes of one bank.
fn bank_size(bank: TpmAlgId) -> usize {
    digest_size(bank) * IMPLEMENTATION_PCR
}

fn digest_size(bank: TpmAlgId) -> usize {
    TpmiAlgHash::new(bank).map_or(0, TpmiAlgHash::digest_size)
}

/// Where a PCR stands in the record of all PCRs: the banks one after another.
fn place(profile: &Profile, bank: TpmiAlgHash, pcr: usize) -> Option<core::ops::Range<usize>> {
    let mut start = 0;
    for other in profile.pcr_banks {
        if bank == TpmiAlgHash::new(*other)? {
            let size = bank.digest_size();
            let start = start + size * pcr;
            return (pcr < IMPLEMENTATION_PCR).then_some(start..start + size);
        }
        start += bank_size(*other);
    }
    None
}

/// Bytes of the record of all PCRs.
pub fn record_size(profile: &Profile) -> usize {
    profile.pcr_banks.iter().map(|bank| bank_size(*bank)).sum()
}

/// The value of a PCR; none where there is no such bank.
pub fn value<'s>(state: &'s State<'_>, profile: &Profile, bank: TpmiAlgHash, pcr: usize) -> Option<&'s [u8]> {
    state.bytes(Kind::Pcr.only())?.get(place(profile, bank, pcr)?)
}

/// Fills the record of all PCRs as TPM2_Startup does. `saved` are the PCRs that TPM2_Shutdown(STATE) saved, for a
/// resume. `locality` is the locality of the startup: PCR 0 starts with it (Part 3, TPM2_Startup).
pub fn startup(profile: &Profile, pcrs: &mut [u8], saved: Option<&[u8]>, locality: u8) {
    for bank in profile.pcr_banks.iter().filter_map(|bank| TpmiAlgHash::new(*bank)) {
        for pcr in 0..IMPLEMENTATION_PCR {
            let Some(place) = place(profile, bank, pcr) else { continue };
            let attributes = attributes(pcr);
            let Some(value) = pcrs.get_mut(place.clone()) else { continue };
            match saved.and_then(|saved| saved.get(place)) {
                Some(saved) if attributes.saved => value.copy_from_slice(saved),
                _ => {
                    value.fill(if attributes.starts_with_ones { 0xFF } else { 0 });
                    if pcr == 0
                        && let Some(last) = value.last_mut()
                    {
                        *last = locality;
                    }
                }
            }
        }
    }
}

/// Stages the extension of one PCR of one bank by `digest`; nothing where there is no such bank.
pub fn extend(context: &mut Context<'_, '_>, bank: TpmiAlgHash, pcr: usize, digest: &[u8]) -> Result<()> {
    let Some(old) = value(context.state, context.profile, bank, pcr) else { return Ok(()) };
    let new = hash(HashAlgorithm::from_alg(bank), &[old, digest]);
    set(context, bank, pcr, &new)
}

/// Stages a new value of one PCR of one bank.
pub fn set(context: &mut Context<'_, '_>, bank: TpmiAlgHash, pcr: usize, value: &[u8]) -> Result<()> {
    let place = place(context.profile, bank, pcr).ok_or(ResponseCode::FAILURE)?;
    let offset = u32::try_from(place.start).map_err(|_| ResponseCode::FAILURE)?;
    let data = context.arena.copy(value)?;
    context.changes.push(Change::Patch { key: Kind::Pcr.only(), offset, data })
}

/// Stages that a PCR has changed, for policies that depend on it.
pub fn count_change(context: &mut Context<'_, '_>, pcr: usize) -> Result<()> {
    if attributes(pcr).uncounted {
        return Ok(());
    }
    let reset = context.state.state_reset()?;
    context.put(&StateReset { pcr_counter: reset.pcr_counter.wrapping_add(1), ..reset })
}

/// The digest of the selected PCRs (Part 1, "Selecting Multiple PCR"). Banks that are not there add nothing.
pub fn digest(
    state: &State<'_>,
    profile: &Profile,
    selection: &TpmlPcrSelection<'_>,
    hash: TpmiAlgHash,
) -> Digest {
    let mut hasher = Hasher::new(HashAlgorithm::from_alg(hash));
    for bank in selection.iter() {
        for pcr in bank.pcr_select.iter() {
            if let Some(value) = value(state, profile, bank.hash, pcr) {
                hasher.update(value);
            }
        }
    }
    hasher.finish()
}

/// The selection without PCRs of banks that are not there.
pub fn implemented<'b>(
    context: &Context<'_, 'b>,
    selection: &TpmlPcrSelection<'_>,
) -> Result<TpmlPcrSelection<'b>> {
    let buffer = context.arena.allocate(TpmsPcrSelection::MAX_SIZE * selection.len())?;
    let selected = selection.iter().map(|bank| {
        let there = |pcr: &usize| value(context.state, context.profile, bank.hash, *pcr).is_some();
        TpmsPcrSelection { pcr_select: TpmsPcrSelect::of(bank.pcr_select.iter().filter(there)), ..bank }
    });
    TpmlPcrSelection::build(buffer, selected)
}

/// The number of the PCR with this handle.
pub fn number(handle: tpm2_types::TpmiDhPcr) -> usize {
    handle.handle().index() as usize
}
