//! All that a TPM remembers, as records (Part 4's vocabulary: persistent, orderly, state clear, state reset).

mod changes;
mod heap;
pub mod record;
mod records;

use posture::Evidence;
use tee_api::{Change, RecordKey};
use tpm2_types::{Reader, ResponseCode, Result, TpmHandle, Unmarshal};

pub use changes::Changes;
pub use heap::RecordHeap;
pub use record::{Kind, Maybe, Record};
pub use records::*;

use crate::dictionary_attack::Failure;

/// Bytes that the TPM's own records may grow by: authorization values, policies.
const GROWTH: usize = 1024;

/// Whether what outlives the power can be read and changed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Both.
    Open,
    /// It can be read; a change, and whatever time decides, is answered with this code.
    Dark(ResponseCode),
    /// It is not in memory, or not confirmed: whatever needs it is answered with this code.
    Closed(ResponseCode),
}

/// The records of a TPM. Commands see it shared; only publishing changes after a commit changes it.
pub struct State<'m> {
    persistent: RecordHeap<'m>,
    volatile: RecordHeap<'m>,
    availability: Availability,
    unrecorded: Option<Failure>,
    posture: [u8; Evidence::SIZE],
}

impl<'m> State<'m> {
    /// A TPM that remembers nothing, in memory of the caller's.
    pub(crate) fn new(persistent: &'m mut [u8], volatile: &'m mut [u8]) -> Self {
        Self {
            persistent: RecordHeap::new(persistent),
            volatile: RecordHeap::new(volatile),
            availability: Availability::Closed(ResponseCode::NV_UNAVAILABLE),
            unrecorded: None,
            posture: [0; Evidence::SIZE],
        }
    }

    /// Why what outlives the power cannot be changed now, if it cannot.
    pub fn unavailable(&self) -> Option<ResponseCode> {
        match self.availability {
            Availability::Open => None,
            Availability::Dark(code) | Availability::Closed(code) => Some(code),
        }
    }

    /// Whether what outlives the power cannot even be read now.
    pub fn is_closed(&self) -> bool {
        matches!(self.availability, Availability::Closed(_))
    }

    /// The answer of a command that needs what outlives the power, where it cannot be read now.
    pub fn check_open(&self) -> Result<()> {
        match self.availability {
            Availability::Closed(code) => Err(code),
            Availability::Open | Availability::Dark(_) => Ok(()),
        }
    }

    pub(crate) fn set_availability(&mut self, availability: Availability) {
        self.availability = availability;
    }

    /// A wrong authorization that could not be recorded yet: until it is, the TPM is in lockout.
    pub(crate) fn unrecorded(&self) -> Option<Failure> {
        self.unrecorded
    }

    pub(crate) fn set_unrecorded(&mut self, failure: Option<Failure>) {
        self.unrecorded = failure;
    }

    /// The posture, as the TPM's own NV index has it ([`posture::Evidence`]).
    pub fn posture(&self) -> &[u8; Evidence::SIZE] {
        &self.posture
    }

    pub(crate) fn set_posture(&mut self, posture: &Evidence) {
        self.posture = posture.to_bytes();
    }

    /// The bytes of a record.
    pub fn bytes(&self, key: RecordKey) -> Option<&[u8]> {
        self.heap(key.kind).get(key)
    }

    /// A record, if it is there. TPM_RC_NV_UNAVAILABLE or TPM_RC_NV_RATE for one that outlives the power, while that
    /// cannot be read.
    pub fn find<'s, R: Unmarshal<'s>>(&'s self, key: RecordKey) -> Result<Option<R>> {
        if record::is_persistent(key.kind) {
            self.check_open()?;
        }
        self.bytes(key).map(parse).transpose()
    }

    /// A record that every running TPM has; TPM_RC_FAILURE without it.
    pub fn get<'s, R: Unmarshal<'s>>(&'s self, key: RecordKey) -> Result<R> {
        self.find(key)?.ok_or(ResponseCode::FAILURE)
    }

    /// The handles of the records of one kind, in ascending order from `first` on, the way GetCapability lists them.
    pub fn next_handle(&self, kinds: &[Kind], first: u32) -> Option<TpmHandle> {
        let ids = kinds.iter().flat_map(|kind| self.ids(*kind));
        ids.filter(|id| *id >= first).min().map(TpmHandle)
    }

    /// The ids of all records of one kind, in no particular order.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = u32> {
        self.heap(kind as u16).iter().filter(move |(key, _)| key.kind == kind as u16).map(|(key, _)| key.id)
    }

    /// Bytes left for NV indices and persistent objects. What TPM2_Shutdown(STATE) saves is set apart, and some for
    /// records of the TPM's own that grow.
    pub fn persistent_room(&self) -> usize {
        let unsaved = record::SAVED_KINDS.iter().filter(|kind| self.bytes(kind.saved()).is_none());
        let saved: usize =
            unsaved.map(|kind| RecordHeap::footprint(self.bytes(kind.only()).map_or(0, <[u8]>::len))).sum();
        let indices = self.ids(Kind::NvIndexOwner).count() + self.ids(Kind::NvIndexPlatform).count();
        let locks = indices * crate::nv::VOLATILE_ENTRY;
        self.persistent.room().saturating_sub(saved + locks + GROWTH)
    }

    /// Whether all of `changes` will find room.
    pub fn fits(&self, changes: &Changes<'_>) -> bool {
        let growth = |persistent: bool| -> usize {
            changes.as_slice().iter().fold(0, |sum, change| match change {
                Change::Put { key, value } if record::is_persistent(key.kind) == persistent => {
                    let old = self.bytes(*key).map_or(0, |bytes| RecordHeap::footprint(bytes.len()));
                    sum + RecordHeap::footprint(value.len()).saturating_sub(old)
                }
                _ => sum,
            })
        };
        growth(true) <= self.persistent.room() && growth(false) <= self.volatile.room()
    }

    /// Makes committed changes visible. What was checked by [`State::fits`] cannot fail.
    pub(crate) fn publish(&mut self, changes: &[Change<'_>]) -> Result<()> {
        for change in changes {
            let heap = self.heap_mut(change.kind());
            match *change {
                Change::Put { key, value } => heap.put(key, value),
                Change::Patch { key, offset, data } => heap.patch(key, offset as usize, data),
                Change::Delete { key } => {
                    heap.delete(key);
                    Ok(())
                }
                Change::DeleteKind { kind } => {
                    heap.delete_kind(kind);
                    Ok(())
                }
            }
            .map_err(|_| ResponseCode::FAILURE)?;
        }
        Ok(())
    }

    /// Takes in a stored record at start.
    pub(crate) fn restore(&mut self, key: RecordKey, value: &[u8]) -> Result<()> {
        self.persistent.put(key, value).map_err(|_| ResponseCode::FAILURE)
    }

    /// Forgets what does not outlive the power. A wrong authorization that was not recorded is not lost: the record
    /// that was written ahead of it counts at the next start.
    pub(crate) fn clear_volatile(&mut self) {
        self.volatile.clear();
        self.unrecorded = None;
    }

    /// Forgets in memory what outlives the power; the store is not touched.
    pub(crate) fn clear_persistent(&mut self) {
        self.persistent.clear();
    }

    /// Forgets everything in memory; the store is not touched.
    pub(crate) fn clear_all(&mut self) {
        self.persistent.clear();
        self.volatile.clear();
    }

    /// The records that outlive the power, in no particular order.
    pub(crate) fn persistent_records(&self) -> impl Iterator<Item = (RecordKey, &[u8])> {
        self.persistent.iter()
    }

    /// The kinds of those records, each as often as it has records.
    pub(crate) fn persistent_kinds(&self) -> impl Iterator<Item = u16> {
        self.persistent.iter().map(|(key, _)| key.kind)
    }

    /// Bytes of memory for them.
    pub(crate) fn persistent_size(&self) -> usize {
        self.persistent.size()
    }

    /// All records, for a digest of the whole state.
    pub(crate) fn records(&self) -> impl Iterator<Item = (RecordKey, &[u8])> {
        self.persistent.iter().chain(self.volatile.iter())
    }

    fn heap(&self, kind: u16) -> &RecordHeap<'m> {
        if record::is_persistent(kind) { &self.persistent } else { &self.volatile }
    }

    fn heap_mut(&mut self, kind: u16) -> &mut RecordHeap<'m> {
        if record::is_persistent(kind) { &mut self.persistent } else { &mut self.volatile }
    }
}

/// A typed view of bytes that this TPM wrote. A record that does not parse is a failure of the TPM.
pub fn parse<'s, R: Unmarshal<'s>>(bytes: &'s [u8]) -> Result<R> {
    let mut reader = Reader::trusted(bytes);
    let value = reader.read().map_err(|_| ResponseCode::FAILURE)?;
    reader.finish().map_err(|_| ResponseCode::FAILURE)?;
    Ok(value)
}
