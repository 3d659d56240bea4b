//! Storage of records: a transaction is kept whole, or not at all.

use core::fmt;

/// Names a record. The service gives both numbers their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// What sort of record it is.
    pub kind: u16,
    /// Which one of its kind.
    pub id: u32,
}

/// One change of a transaction.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    /// The record has exactly this value from now on.
    Put {
        /// Which record.
        key: RecordKey,
        /// All its bytes.
        value: &'a [u8],
    },
    /// Part of an existing record is overwritten; its length stays.
    Patch {
        /// Which record.
        key: RecordKey,
        /// Where the overwritten part begins, in bytes.
        offset: u32,
        /// The new bytes.
        data: &'a [u8],
    },
    /// The record exists no longer.
    Delete {
        /// Which record.
        key: RecordKey,
    },
    /// No record of this kind exists any longer.
    DeleteKind {
        /// Which kind.
        kind: u16,
    },
}

impl Change<'_> {
    /// The kind of the records that change.
    pub const fn kind(&self) -> u16 {
        match self {
            Self::Put { key, .. } | Self::Patch { key, .. } | Self::Delete { key } => key.kind,
            Self::DeleteKind { kind } => *kind,
        }
    }
}

impl fmt::Debug for Change<'_> {
    /// Records hold secrets: only names and sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value } => write!(f, "Put({key:?}, {} bytes)", value.len()),
            Self::Patch { key, offset, data } => write!(f, "Patch({key:?}, {offset}, {} bytes)", data.len()),
            Self::Delete { key } => write!(f, "Delete({key:?})"),
            Self::DeleteKind { kind } => write!(f, "DeleteKind({kind})"),
        }
    }
}

/// What the store protects its records from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreAssurance {
    /// Nothing outlives the process.
    Volatile,
    /// Survives power cuts; whoever reaches the medium can read it or put old state back.
    Durable,
    /// Survives power cuts, and is sealed under a key that does not lie beside it; old state can be put back.
    Sealed,
    /// Sealed, and old state is found out.
    ReplayProtected,
}

/// Why records cannot be read or kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The medium cannot be reached now; the same call may succeed later. Nothing was changed.
    Unavailable,
    /// The medium wants writes to slow down. Nothing was changed.
    RateLimited,
    /// No room for the transaction. Nothing was changed.
    Full,
    /// There is no state of this service at all.
    Missing,
    /// There is state and it fails its integrity check.
    Corrupt,
    /// There is intact state and it is older than what was kept last.
    RolledBack,
    /// There is intact state and it belongs to another device, key or service.
    Foreign,
    /// A commit may or may not have been kept: nothing more may be served from this state.
    OutcomeUnknown,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the storage cannot be reached now",
            Self::RateLimited => "the storage wants writes to slow down",
            Self::Full => "the storage is full",
            Self::Missing => "the storage holds no state",
            Self::Corrupt => "the stored state fails its integrity check",
            Self::RolledBack => "the stored state is older than what was kept last",
            Self::Foreign => "the stored state belongs to another device or key",
            Self::OutcomeUnknown => "a commit may or may not have been kept",
        })
    }
}

impl core::error::Error for StoreError {}

/// A store of records with transactions.
pub trait AtomicStore {
    /// What the store protects its records from.
    fn store_assurance(&self) -> StoreAssurance;

    /// Whether a transaction could be kept now, as far as that is known without trying:
    /// [`StoreError::Unavailable`] or [`StoreError::RateLimited`] otherwise.
    fn ready(&mut self) -> Result<(), StoreError>;

    /// Hands every record to `visit`, in no particular order. [`StoreError::Missing`] where nothing was ever kept.
    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError>;

    /// Keeps all of `changes`, durably, before it returns; or none of them and says why.
    ///
    /// Changes apply to what this service loaded or kept last. Where the medium holds anything else by now, an old state
    /// that was put back under a running service among it, the commit fails, or the next load does.
    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError>;
}
