//! What a command is going to change.

use tee_api::{Change, RecordKey};
use tpm2_types::{ResponseCode, Result};

use super::record::{Kind, Record, is_persistent};
use crate::arena::Arena;

/// The largest number of changes of one command, the commit record included: TPM2_Clear with every object slot in use.
const CAPACITY: usize = 49;

/// The changes of one command, in order; a later one on the same record wins. Nothing of it is seen in the state
/// before all of it is committed.
pub struct Changes<'b> {
    list: [Change<'b>; CAPACITY],
    length: usize,
}

impl Default for Changes<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'b> Changes<'b> {
    /// No change.
    pub fn new() -> Self {
        let unused = Change::Delete { key: Kind::Running.only() };
        Self { list: [unused; CAPACITY], length: 0 }
    }

    /// The changes so far.
    pub fn as_slice(&self) -> &[Change<'b>] {
        &self.list[..self.length]
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds a change. TPM_RC_FAILURE beyond the capacity, which no command reaches.
    pub fn push(&mut self, change: Change<'b>) -> Result<()> {
        *self.list.get_mut(self.length).ok_or(ResponseCode::FAILURE)? = change;
        self.length += 1;
        Ok(())
    }

    /// The record will have this value.
    pub fn put<'v, R: Record<'v>>(&mut self, arena: &Arena<'b>, record: &R) -> Result<()> {
        let value = arena.marshal(record)?;
        self.push(Change::Put { key: record.key(), value })
    }

    /// The record will be gone.
    pub fn delete(&mut self, key: RecordKey) -> Result<()> {
        self.push(Change::Delete { key })
    }

    /// What this command has put for a record so far: `None` where it has not touched it or only patched it,
    /// `Some(None)` where it deletes it.
    pub fn pending(&self, key: RecordKey) -> Option<Option<&'b [u8]>> {
        self.as_slice().iter().rev().find_map(|change| match *change {
            Change::Put { key: changed, value } if changed == key => Some(Some(value)),
            Change::Delete { key: changed } if changed == key => Some(None),
            Change::DeleteKind { kind } if kind == key.kind => Some(None),
            _ => None,
        })
    }

    /// How many of the changes are of persistent records.
    pub fn persistent(&self) -> usize {
        self.as_slice().iter().filter(|change| is_persistent(change.kind())).count()
    }

    /// Forgets the changes for which `wanted` does not hold.
    pub fn retain(&mut self, wanted: impl Fn(&Change<'b>) -> bool) {
        let mut kept = 0;
        for at in 0..self.length {
            if wanted(&self.list[at]) {
                self.list[kept] = self.list[at];
                kept += 1;
            }
        }
        self.length = kept;
    }

    /// Moves the changes of persistent records to the front, keeping their order, and says how many they are.
    pub fn partition(&mut self) -> usize {
        // Stable insertion; lists are short.
        let mut persistent = 0;
        for at in 0..self.length {
            if is_persistent(self.list[at].kind()) {
                self.list[persistent..=at].rotate_right(1);
                persistent += 1;
            }
        }
        persistent
    }
}
