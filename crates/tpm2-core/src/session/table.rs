//! Which sessions are active (Part 1, "Session Context Management").

use tpm2_types::{ResponseCode, Result, TpmHandle, TpmHt};

use crate::arena::Arena;
use crate::state::{Changes, Kind, State};

/// What a number of the table stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionSlot {
    /// No session has this number.
    Free,
    /// The session is in the TPM.
    Loaded,
    /// The session's context is saved outside, with this sequence number.
    Saved(u64),
}

/// A view of the table of active sessions: eight bytes for each number.
///
/// Sequence numbers have 64 bits, so that the gap between the oldest and the newest saved context never matters
/// and TPM_RC_CONTEXT_GAP cannot come up.
#[derive(Clone, Copy)]
pub struct SessionTable<'s> {
    bytes: &'s [u8],
}

const ENTRY: usize = 8;
const LOADED: u64 = u64::MAX;

impl<'s> SessionTable<'s> {
    /// The table of a running TPM.
    pub fn of(state: &'s State<'_>) -> Result<Self> {
        Ok(Self { bytes: state.bytes(Kind::SessionTable.only()).ok_or(ResponseCode::FAILURE)? })
    }

    /// The bytes of a table of `sessions` free numbers are all zero; this is their count.
    pub const fn size(sessions: usize) -> usize {
        sessions * ENTRY
    }

    /// A saved table in which the sessions that were loaded are free.
    pub fn without_loaded<'b>(saved: &[u8], arena: &Arena<'b>) -> Result<&'b [u8]> {
        let table = arena.allocate(saved.len())?;
        table.copy_from_slice(saved);
        for entry in table.as_chunks_mut::<ENTRY>().0 {
            if u64::from_be_bytes(*entry) == LOADED {
                *entry = [0; ENTRY];
            }
        }
        Ok(table)
    }

    /// What each number stands for.
    pub fn slots(self) -> impl Iterator<Item = SessionSlot> {
        self.bytes.as_chunks::<ENTRY>().0.iter().map(|entry| match u64::from_be_bytes(*entry) {
            0 => SessionSlot::Free,
            LOADED => SessionSlot::Loaded,
            sequence => SessionSlot::Saved(sequence),
        })
    }

    /// What the number of this session handle stands for.
    pub fn slot(self, handle: TpmHandle) -> SessionSlot {
        self.slots().nth(number(handle)).unwrap_or(SessionSlot::Free)
    }

    /// The lowest free number.
    pub fn first_free(self) -> Option<u32> {
        self.slots().position(|slot| slot == SessionSlot::Free).and_then(|index| u32::try_from(index).ok())
    }

    /// Records that a number stands for something else from now on. Changes that this command made before count.
    pub fn set<'b>(
        self,
        changes: &mut Changes<'b>,
        arena: &Arena<'b>,
        handle: TpmHandle,
        slot: SessionSlot,
    ) -> Result<()> {
        let current = changes.pending(Kind::SessionTable.only()).flatten().unwrap_or(self.bytes);
        let table = arena.allocate(current.len())?;
        table.copy_from_slice(current);
        let entry = table.as_chunks_mut::<ENTRY>().0.get_mut(number(handle)).ok_or(ResponseCode::FAILURE)?;
        *entry = match slot {
            SessionSlot::Free => 0,
            SessionSlot::Loaded => LOADED,
            SessionSlot::Saved(sequence) => sequence,
        }
        .to_be_bytes();
        changes.push(tee_api::Change::Put { key: Kind::SessionTable.only(), value: table })
    }
}

/// The number of a session: the handle without its type.
fn number(handle: TpmHandle) -> usize {
    (handle.0 & 0x00FF_FFFF) as usize
}

/// Whether a handle names a session.
pub fn is_session(handle: TpmHandle) -> bool {
    matches!(handle.kind(), Some(TpmHt::HMAC_SESSION | TpmHt::POLICY_SESSION))
}
