//! What this firmware calls itself: reported by TPM2_GetCapability and bound into attestations. And whether it may use
//! a state.
//!
//! The state says which firmware used it last ([`Firmware`]): written at manufacture, and with the first transaction
//! of a start where that was another one. A state that is older than this record gets one in the same way. What a
//! firmware with a greater [`SVN`] has used, and what holds a record in a form that came later, is refused: an update
//! that mends a weakness is not undone by starting the old firmware again.
//!
//! The record stands in the transactions that the platform's counter follows. So where there is a counter, the state
//! from before the update cannot be put back to please the old firmware. Where there is none, it can, and nothing
//! here notices.

use tee_api::RecordKey;
use tpm2_types::Result;

use crate::arena::Arena;
use crate::failure::FailureReason;
use crate::nv::NvIndex;
use crate::state::record::SAVED_KINDS;
use crate::state::{
    Changes, Commit, DictionaryAttack, Firmware, Hierarchy, Kind, Manufacture, NvMaxCounter, Orderly,
    Permanent, Running, Seeds, State, StateClear, StateReset,
};
use crate::transfer::{ImportToken, Importing, Moved};

/// TPM_PT_MANUFACTURER.
pub const MANUFACTURER: [u8; 4] = *b"FTPM";

/// TPM_PT_VENDOR_STRING_1 to 4, padded with zeros.
pub const VENDOR_STRING: [[u8; 4]; 4] = [*b"ftpm", [0; 4], [0; 4], [0; 4]];

/// Major and minor version, in two bytes each, then the patch level: TPM_PT_FIRMWARE_VERSION_1 and _2.
pub const VERSION: u64 = 0x0000_0001_0000_0000;

/// TPM_PT_FIRMWARE_SVN: raised when an older firmware must not run on this TPM's state any longer.
pub const SVN: u32 = 1;

/// The record of this firmware.
pub(crate) const CURRENT: Firmware<'static> =
    Firmware { svn: SVN, version: VERSION, bytes: core::marker::PhantomData };

/// The kinds of records whose form has a version, and the latest one that is known here.
const KNOWN: [(Kind, u8); 18] = [
    (Kind::Manufacture, Manufacture::VERSION),
    (Kind::Seeds, Seeds::VERSION),
    (Kind::Hierarchy, Hierarchy::VERSION),
    (Kind::DictionaryAttack, DictionaryAttack::VERSION),
    (Kind::Orderly, Orderly::VERSION),
    (Kind::Permanent, Permanent::VERSION),
    (Kind::Commit, Commit::VERSION),
    (Kind::Moved, Moved::VERSION),
    (Kind::ImportToken, ImportToken::VERSION),
    (Kind::Importing, Importing::VERSION),
    (Kind::Firmware, Firmware::VERSION),
    (Kind::NvIndexOwner, NvIndex::VERSION),
    (Kind::NvIndexPlatform, NvIndex::VERSION),
    (Kind::NvMaxCounter, NvMaxCounter::VERSION),
    (Kind::PlatformHierarchy, Hierarchy::VERSION),
    (Kind::StateClear, StateClear::VERSION),
    (Kind::StateReset, StateReset::VERSION),
    (Kind::Running, Running::VERSION),
];

/// Whether this firmware may use the state.
///
/// # Errors
/// [`FailureReason::Firmware`] where a later one has used it.
pub(crate) fn check(state: &State<'_>) -> core::result::Result<(), FailureReason> {
    if state.persistent_records().any(|(key, value)| is_of_later_form(key, value)) {
        return Err(FailureReason::Firmware);
    }
    match state.firmware() {
        Ok(Some(last)) if last.svn > SVN => Err(FailureReason::Firmware),
        Ok(_) => Ok(()),
        Err(_) => Err(FailureReason::State),
    }
}

/// Writes down that this firmware uses the state, where the state says otherwise or nothing.
pub(crate) fn write_down<'b>(state: &State<'_>, arena: &Arena<'b>, changes: &mut Changes<'b>) -> Result<()> {
    match state.firmware()? {
        Some(last) if (last.svn, last.version) == (SVN, VERSION) => Ok(()),
        _ => changes.put(arena, &CURRENT),
    }
}

/// Whether a stored record has a form that a later firmware gave it.
pub(crate) fn is_of_later_form(key: RecordKey, value: &[u8]) -> bool {
    let is_kind =
        |kind: Kind| kind as u16 == key.kind || SAVED_KINDS.contains(&kind) && kind.saved().kind == key.kind;
    let known = KNOWN.iter().find(|(kind, _)| is_kind(*kind));
    known.zip(value.first()).is_some_and(|((_, known), version)| version > known)
}
