//! What a record is: everything that a TPM remembers is one.

use tee_api::RecordKey;
use tpm2_types::{Marshal, Reader, Result, Unmarshal, Writer};

/// Kinds of records. The numbers stand in every stored state and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    /// When and as what this TPM came to be.
    Manufacture = 0x01,
    /// Primary seeds and proofs.
    Seeds = 0x02,
    /// Authorization and policy of a hierarchy that outlives a reset; the id is its handle.
    Hierarchy = 0x03,
    /// Dictionary attack parameters and the count of failed tries.
    DictionaryAttack = 0x04,
    /// Clock, counters and how the last run ended.
    Orderly = 0x05,
    /// Flags that outlive a reset.
    Permanent = 0x06,
    /// The number of the last transaction.
    Commit = 0x07,
    /// The TPM was moved to another device: this one starts no more.
    Moved = 0x08,
    /// What an export to this device is sealed under.
    ImportToken = 0x09,
    /// An import is under way.
    Importing = 0x0A,
    /// lockoutAuth is being checked: there from before the check until its outcome is kept.
    LockoutCheck = 0x0B,
    /// Which firmware used the state last.
    Firmware = 0x0C,
    /// The public area and authorization of an NV index of the owner's; the id is its handle.
    NvIndexOwner = 0x10,
    /// The same for an index of the platform's.
    NvIndexPlatform = 0x11,
    /// The data of an NV index of the owner's; the id is its handle.
    NvDataOwner = 0x12,
    /// The same for an index of the platform's.
    NvDataPlatform = 0x13,
    /// A persistent object of the owner's or the endorsement hierarchy; the id is its handle.
    ObjectOwner = 0x14,
    /// A persistent object of the platform hierarchy.
    ObjectPlatform = 0x15,
    /// The highest value that any deleted NV counter had.
    NvMaxCounter = 0x16,

    /// Authorization and policy of the platform hierarchy.
    PlatformHierarchy = 0x101,
    /// What every TPM reset and restart sets anew (STATE_CLEAR_DATA in Part 4's words).
    StateClear = 0x102,
    /// What every TPM reset sets anew (STATE_RESET_DATA).
    StateReset = 0x103,
    /// Which sessions are active, and the sequence numbers of those whose context is saved.
    SessionTable = 0x104,
    /// The PCRs.
    Pcr = 0x105,
    /// Locks and written-marks of NV indices that a reset clears.
    NvVolatile = 0x106,
    /// There only after TPM2_Startup: how this run began.
    Running = 0x181,
    /// A loaded session; the id is its handle.
    Session = 0x182,
    /// A loaded transient object; the id is its handle.
    Object = 0x183,
    /// Timers of the dictionary attack logic.
    DictionaryAttackTimers = 0x184,
}

/// The kinds that TPM2_Shutdown(STATE) saves and TPM2_Startup(STATE) brings back.
pub const SAVED_KINDS: [Kind; 7] = [
    Kind::PlatformHierarchy,
    Kind::StateClear,
    Kind::StateReset,
    Kind::SessionTable,
    Kind::Pcr,
    Kind::NvVolatile,
    Kind::Running,
];

/// The first volatile kind.
const VOLATILE: u16 = 0x100;
/// A saved copy of volatile kind `k` is stored as kind `k - VOLATILE + SAVED`.
const SAVED: u16 = 0x40;

impl Kind {
    /// The only record of this kind.
    pub const fn only(self) -> RecordKey {
        self.with_id(0)
    }

    /// The record of this kind with this id.
    pub const fn with_id(self, id: u32) -> RecordKey {
        RecordKey { kind: self as u16, id }
    }

    /// Under which key TPM2_Shutdown(STATE) saves the only record of this kind.
    pub const fn saved(self) -> RecordKey {
        RecordKey { kind: self as u16 - VOLATILE + SAVED, id: 0 }
    }
}

/// Whether a record outlives the power.
pub const fn is_persistent(kind: u16) -> bool {
    kind < VOLATILE
}

/// A typed view of a record's bytes.
pub trait Record<'a>: Marshal + Unmarshal<'a> {
    /// The record's name.
    fn key(&self) -> RecordKey;
}

/// A value that may be absent: one byte tells, and the value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maybe<T>(pub Option<T>);

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Maybe<T> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        Ok(Self(if reader.read::<u8>()? == 0 { None } else { Some(reader.read()?) }))
    }
}

impl<T: Marshal> Marshal for Maybe<T> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&u8::from(self.0.is_some()))?;
        self.0.as_ref().map_or(Ok(()), |value| value.marshal(writer))
    }
}

/// Declares a record: its kind, its fields, and the version that precedes them in storage.
///
/// `Name<'a>: Kind` is a kind with one record, `Name<'a>: Kind[field]` one with a record for each value of `field`.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident<$lt:lifetime>: $kind:ident $([$id:ident])?, version $version:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $crate::state::record::record!(@structure $(#[$meta])* $name<$lt>, $version { $($(#[$field_meta])* $field: $type,)* });

        impl<$lt> $crate::state::record::Record<$lt> for $name<$lt> {
            fn key(&self) -> tee_api::RecordKey {
                $crate::state::record::Kind::$kind.with_id($crate::state::record::record!(@id self $($id)?))
            }
        }
    };
    (@id $self:ident) => { 0 };
    (@id $self:ident $id:ident) => { $self.$id.0 };
    (@structure $(#[$meta:meta])* $name:ident<$lt:lifetime>, $version:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        pub struct $name<$lt> {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Ties the view to the bytes that it reads.
            pub bytes: core::marker::PhantomData<&$lt ()>,
        }

        impl $name<'_> {
            /// The version of the record's form that is written here.
            #[allow(dead_code, reason = "what does not outlive the power is never met in another form")]
            pub const VERSION: u8 = $version;
        }

        impl<$lt> tpm2_types::Unmarshal<$lt> for $name<$lt> {
            fn unmarshal(reader: &mut tpm2_types::Reader<$lt>) -> tpm2_types::Result<Self> {
                let version: u8 = reader.read()?;
                if version != $version {
                    return Err(tpm2_types::ResponseCode::FAILURE);
                }
                Ok(Self { $($field: reader.read()?,)* bytes: core::marker::PhantomData })
            }
        }

        impl tpm2_types::Marshal for $name<'_> {
            fn marshal(&self, writer: &mut tpm2_types::Writer<'_>) -> tpm2_types::Result<()> {
                writer.write::<u8>(&$version)?;
                $(writer.write(&self.$field)?;)*
                Ok(())
            }
        }
    };
}
pub(crate) use record;
