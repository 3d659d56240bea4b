//! NV indices (Part 1, "NV Memory"): the records of an index, its locks, and its Name.

pub mod access;
pub mod counter;
pub mod posture_index;

use tee_api::{Change, RecordKey};
use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{ResponseCode, Result, Tpm2bAuth, TpmHandle, TpmNt, TpmaNv, TpmsNvPublic};

use crate::algorithm::FromAlg;
use crate::arena::Arena;
use crate::context::Context;
use crate::state::{Kind, Record, State, record::record};

record! {
    @structure
    /// The public area and the authorization of an NV index. The bits of the attributes that a reset clears are
    /// kept apart: read an index through [`State::nv_index`].
    NvIndex<'a>, 1 {
        /// The public area.
        public: TpmsNvPublic<'a>,
        /// The authorization value, without trailing zeros.
        auth: Tpm2bAuth<'a>,
    }
}

impl NvIndex<'_> {
    /// The handle of the index.
    pub fn handle(&self) -> TpmHandle {
        self.public.nv_index.handle()
    }

    /// Attributes, with locks and the written-mark as they are now.
    pub fn attributes(&self) -> TpmaNv {
        self.public.attributes
    }

    /// Where the data of the index is kept.
    pub fn data_key(&self) -> RecordKey {
        let kind = if self.is_platform() { Kind::NvDataPlatform } else { Kind::NvDataOwner };
        kind.with_id(self.handle().0)
    }

    fn is_platform(&self) -> bool {
        self.attributes().contains(TpmaNv::PLATFORMCREATE)
    }
}

impl<'a> Record<'a> for NvIndex<'a> {
    fn key(&self) -> RecordKey {
        let kind = if self.is_platform() { Kind::NvIndexPlatform } else { Kind::NvIndexOwner };
        kind.with_id(self.handle().0)
    }
}

/// Locks and the written-mark of one index that a reset clears: handle and a byte of flags.
pub const VOLATILE_ENTRY: usize = 5;

impl NvIndex<'_> {
    /// The Name of the index: nameAlg and the digest of the public area (Part 1, "Names").
    pub fn name<'b>(&self, arena: &Arena<'b>) -> Result<&'b [u8]> {
        let public = arena.marshal(&self.public)?;
        let digest = hash(HashAlgorithm::from_alg(self.public.name_alg), &[public]);
        arena.write(|writer| {
            writer.write(&self.public.name_alg)?;
            writer.put(&digest)
        })
    }
}

impl State<'_> {
    /// The NV index with this handle, its locks and written-mark as they are now.
    pub fn nv_index(&self, handle: TpmHandle) -> Result<Option<NvIndex<'_>>> {
        if handle == posture_index::HANDLE {
            return posture_index::index().map(Some);
        }
        let Some(mut index) = stored(self, handle)? else { return Ok(None) };
        index.public.attributes |= volatile_attributes(self, handle);
        Ok(Some(index))
    }
}

/// The index that a command names. That it is there was checked with the handles.
pub fn index<'s>(context: &Context<'s, '_>, handle: TpmHandle) -> Result<NvIndex<'s>> {
    context.state.nv_index(handle)?.ok_or(ResponseCode::FAILURE)
}

/// The data of an index.
pub fn data<'s>(context: &Context<'s, '_>, index: &NvIndex<'_>) -> Result<&'s [u8]> {
    if index.handle() == posture_index::HANDLE {
        return Ok(context.state.posture());
    }
    context.state.bytes(index.data_key()).ok_or(ResponseCode::FAILURE)
}

/// Stages new data of an index from `offset` on, and that it is written. What stands there already is not written
/// again (Part 3, 31.7.1).
pub fn write<'b>(
    context: &mut Context<'_, 'b>,
    index: &NvIndex<'_>,
    offset: usize,
    data: &'b [u8],
) -> Result<()> {
    let key = index.data_key();
    let old = self::data(context, index)?;
    if index.attributes().contains(TpmaNv::WRITTEN) {
        if old.get(offset..offset + data.len()) == Some(data) {
            return Ok(());
        }
    } else {
        set(context, index, TpmaNv::WRITTEN)?;
        if data.len() < old.len() {
            // What was written before the last reset took the written-mark away is nobody's business any longer.
            context.changes.push(Change::Put { key, value: erased(context, old.len())? })?;
        }
    }
    let offset = u32::try_from(offset).map_err(|_| ResponseCode::FAILURE)?;
    context.changes.push(Change::Patch { key, offset, data })
}

/// Data of an index that was never written, as erased memory looks: what a first partial write leaves out reads like
/// this (Part 1, "Ordinary Index").
pub fn erased<'b>(context: &Context<'_, 'b>, size: usize) -> Result<&'b [u8]> {
    let data = context.arena.allocate(size)?;
    data.fill(0xFF);
    Ok(data)
}

/// Stages that an attribute is SET, for as long as the index' other attributes say (Part 3, 9.3.1).
pub fn set(context: &mut Context<'_, '_>, index: &NvIndex<'_>, attribute: TpmaNv) -> Result<()> {
    let attributes = index.attributes();
    let written = if attributes.contains(TpmaNv::CLEAR_STCLEAR) {
        Until::Restart
    } else if attributes.contains(TpmaNv::ORDERLY) && attributes.nt() != TpmNt::COUNTER {
        Until::Reset
    } else {
        Until::Deletion
    };
    let until = match attribute {
        TpmaNv::WRITTEN => written,
        // A lock for ever lasts no longer than what it locks.
        TpmaNv::WRITELOCKED if attributes.contains(TpmaNv::WRITEDEFINE | TpmaNv::WRITTEN) => written,
        _ => Until::Restart,
    };
    if until != Until::Deletion {
        return set_volatile(context, index.handle(), attribute, until);
    }
    let mut index = stored(context.state, index.handle())?.ok_or(ResponseCode::FAILURE)?;
    index.public.attributes |= attribute;
    context.put(&index)
}

/// How long an attribute stays SET.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Until the next TPM reset or restart.
    Restart,
    /// Until the next TPM reset.
    Reset,
    /// For as long as the index lives.
    Deletion,
}

/// What a TPM restart leaves of the locks and written-marks that were saved.
pub fn after_restart<'b>(saved: &[u8], arena: &Arena<'b>) -> Result<&'b [u8]> {
    arena.write(|writer| {
        let entries = saved.as_chunks::<VOLATILE_ENTRY>().0.iter();
        entries.map(|[handle @ .., flags]| (handle, flags & UNTIL_RESET)).try_for_each(|(handle, flags)| {
            if flags == 0 {
                return Ok(());
            }
            writer.put(handle)?;
            writer.write(&flags)
        })
    })
}

/// Stages that an index exists no longer.
pub fn delete(context: &mut Context<'_, '_>, index: &NvIndex<'_>) -> Result<()> {
    counter::remember(context, index)?;
    context.changes.delete(index.key())?;
    context.changes.delete(index.data_key())?;
    let handle = index.handle();
    forget_volatile(context, |other| other == handle)
}

/// Stages that locks and written-marks of all indices of the owner's are gone.
pub fn forget_volatile_of_owner(context: &mut Context<'_, '_>) -> Result<()> {
    let state = context.state;
    forget_volatile(context, |handle| state.bytes(Kind::NvIndexOwner.with_id(handle.0)).is_some())
}

/// The record of an index, without the attributes that a reset clears.
fn stored<'s>(state: &'s State<'_>, handle: TpmHandle) -> Result<Option<NvIndex<'s>>> {
    match state.find(Kind::NvIndexOwner.with_id(handle.0))? {
        Some(index) => Ok(Some(index)),
        None => state.find(Kind::NvIndexPlatform.with_id(handle.0)),
    }
}

/// The attributes that a reset clears, in the order of their bits in an entry: those that a restart clears too in the
/// lower half of the byte, the others in the upper one.
const VOLATILE: [TpmaNv; 3] = [TpmaNv::WRITELOCKED, TpmaNv::READLOCKED, TpmaNv::WRITTEN];
const UNTIL_RESET: u8 = 0xF0;

type Entry = [u8; VOLATILE_ENTRY];

fn volatile_entries<'s>(state: &'s State<'_>) -> &'s [Entry] {
    state.bytes(Kind::NvVolatile.only()).unwrap_or(&[]).as_chunks().0
}

fn handle_of(entry: &Entry) -> TpmHandle {
    let [h0, h1, h2, h3, _] = *entry;
    TpmHandle(u32::from_be_bytes([h0, h1, h2, h3]))
}

fn is_of(entry: &Entry, handle: TpmHandle) -> bool {
    handle_of(entry) == handle
}

/// The attributes of an index that a reset clears, as far as they are SET now.
fn volatile_attributes(state: &State<'_>, handle: TpmHandle) -> TpmaNv {
    let flags = volatile_entries(state)
        .iter()
        .find(|entry| is_of(entry, handle))
        .map_or(0, |[.., flags]| flags | flags >> 4);
    let set = VOLATILE.into_iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0);
    set.fold(TpmaNv::empty(), |attributes, (_, attribute)| attributes | attribute)
}

fn set_volatile(
    context: &mut Context<'_, '_>,
    handle: TpmHandle,
    attribute: TpmaNv,
    until: Until,
) -> Result<()> {
    let bit = VOLATILE.iter().position(|other| *other == attribute).ok_or(ResponseCode::FAILURE)?;
    let bit = if until == Until::Reset { bit + 4 } else { bit };
    let entries = volatile_entries(context.state);
    let known = entries.iter().any(|entry| is_of(entry, handle));
    let record = context.arena.allocate((entries.len() + usize::from(!known)) * VOLATILE_ENTRY)?;
    for (place, entry) in record.as_chunks_mut::<VOLATILE_ENTRY>().0.iter_mut().zip(entries) {
        *place = *entry;
    }
    if !known && let Some(place) = record.last_chunk_mut::<VOLATILE_ENTRY>() {
        let [h0, h1, h2, h3] = handle.0.to_be_bytes();
        *place = [h0, h1, h2, h3, 0];
    }
    for entry in record.as_chunks_mut::<VOLATILE_ENTRY>().0 {
        if is_of(entry, handle) {
            entry[VOLATILE_ENTRY - 1] |= 1 << bit;
        }
    }
    context.changes.push(Change::Put { key: Kind::NvVolatile.only(), value: record })
}

fn forget_volatile(context: &mut Context<'_, '_>, forgotten: impl Fn(TpmHandle) -> bool) -> Result<()> {
    let entries = volatile_entries(context.state);
    let is_forgotten = |entry: &&Entry| forgotten(handle_of(entry));
    if !entries.iter().any(|entry| is_forgotten(&entry)) {
        return Ok(());
    }
    let value = context.arena.write(|writer| {
        entries.iter().filter(|entry| !is_forgotten(entry)).try_for_each(|entry| writer.put(entry))
    })?;
    context.changes.push(Change::Put { key: Kind::NvVolatile.only(), value })
}
