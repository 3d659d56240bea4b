//! Records on a preallocated medium that is overwritten in place, sealed, and whole after every cut.
//!
//! The file has two slots of equal size. A slot is a header of one sector, and from [`FRAMES_AT`] on a snapshot of
//! all records followed by one frame for each commit. A commit is one write and one `fdatasync`; the file was
//! written with zeros when it was made, so a commit changes no metadata. When the slot is full, a snapshot goes to
//! the other one, which is the current one from then on.
//!
//! *What is committed.* Frames are numbered and each names the tag of the one before it. The first place where no
//! valid frame stands ends the journal, if no valid frame stands behind it: what is there was torn by a cut and was
//! never answered. If one does, a committed frame was damaged, and nothing is served. (The last frame alone has
//! nothing behind it: damage to it looks like a cut.)
//!
//! *Changing slots* takes three steps, each durable before the next: the snapshot; its header; zeros over the old
//! header. So a header stands for a whole snapshot, and an old snapshot never comes back in silence because the
//! newer header was damaged.
//!
//! *Sealing.* XChaCha20-Poly1305 under a key derived from the root key and the slot's random salt; each frame draws
//! its nonce at random. Counters as nonces would repeat when an old file is put back, or when a frame that a cut
//! tore is written anew. Randomness alone would repeat with a source that sticks: nonces and salts are mixed, under a
//! key, with what they are for.
//!
//! *Opening* writes again, and syncs, what a process killed before its `fdatasync`, or one whose `fdatasync` failed,
//! may have left in the page cache only: the last frame, or a header beside which the old one still stands. So
//! nothing is served that a cut could still take away.
//!
//! The journal knows no operating system: the bytes are a [`Medium`]'s, randomness comes from a [`Source`].
#![forbid(unsafe_code)]

mod fields;
mod frame;
mod header;
mod keys;
mod medium;
mod records;
mod transaction;

#[cfg(test)]
mod tests;

use std::io;

use tee_api::{Change, EntropyError, StoreError};

use self::frame::{Chain, Found as FoundFrame, Nonce, frame_size};
use self::header::{FORMAT, Found as FoundHeader, HEADER_SIZE, Refused, SlotHeader, Unverified};
use self::keys::SlotKeys;

pub use self::header::{Identity, StateHeader};
pub use self::keys::{ROOT_KEY_SIZE, RootKey};
pub use self::medium::Medium;
pub use self::records::Records;

/// Frames begin at multiples of this, so that no two share a sector.
pub const SECTOR_SIZE: usize = 512;
/// Where a slot's frames begin: a page behind its header, so that no frame is ever written near it.
pub const FRAMES_AT: u64 = 4096;
/// The smallest slot, in bytes.
pub const MIN_SLOT_SIZE: u64 = 16 * 1024;
/// The largest slot, in bytes.
pub const MAX_SLOT_SIZE: u64 = 256 * 1024 * 1024;
/// Slots are a multiple of this.
pub const SLOT_SIZE_STEP: u64 = 4096;

/// How full the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Which slot is the current one, 0 or 1.
    pub slot: u32,
    /// Bytes of the slot that are taken.
    pub used: u64,
    /// Commits since the slot's snapshot.
    pub commits: u64,
    /// A commit was cut short here. It was never answered, and nothing of it is kept.
    pub torn_tail: bool,
}

/// What is wrong with a journal that is refused as corrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file was cut off or grew.
    #[error("its size is not that of a state file")]
    Size,
    /// No slot has a whole header.
    #[error("neither of its two slots has a whole header")]
    NoHeader,
    /// The digest of a header is right and its MAC is not.
    #[error("a header was altered")]
    AlteredHeader,
    /// Two whole headers that never stand side by side.
    #[error("its two headers contradict each other")]
    Contradiction,
    /// A committed frame is damaged.
    #[error("a commit in its middle is damaged")]
    Frame,
    /// A frame authenticates and does not hold what it should.
    #[error("a commit holds what this program cannot have written")]
    Content,
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The medium cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What is there is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// Another key sealed what is there.
    #[error("sealed under another key")]
    WrongKey,
    /// A later version of this program wrote this format.
    #[error("format {0}, of a later version")]
    Newer(u32),
    /// A firmware with a greater security version number has used what is there.
    #[error("used by a firmware of security version {}", .0.svn)]
    NewerFirmware(Identity),
    /// Who goes on with it could not be written down.
    #[error("the header cannot be written: {0}")]
    NotKept(StoreError),
}

/// Whether the journal is opened to go on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing is written.
    Read,
    /// What a cut could still take away is made durable first.
    Write,
    /// As [`Access::Write`], for a firmware that calls itself so. What one with a greater security version number has
    /// used is refused before anything is written; after this, the header bears this identity.
    WriteAs(Identity),
}

/// Fills all of a buffer with random bytes, or says why not.
pub type Source = Box<dyn FnMut(&mut [u8]) -> Result<(), EntropyError> + Send>;

/// An open journal.
pub struct Journal<M> {
    medium: M,
    random: Source,
    key: RootKey,
    header: SlotHeader,
    keys: SlotKeys,
    /// Where the next frame goes, from the beginning of the slot.
    position: u64,
    chain: Chain,
    records: Records,
    /// The other slot still has its older header.
    old_header_left: bool,
    /// What the medium holds is unknown: nothing more is served.
    failed: bool,
    torn_tail: bool,
    buffer: Vec<u8>,
}

/// What a new journal begins with.
pub struct Birth {
    /// What makes it.
    pub identity: Identity,
    /// Seconds since 1970.
    pub created: u64,
    /// Bytes of one of the two slots ([`slot_size_is_valid`]).
    pub slot_size: u64,
}

impl<M: Medium> Journal<M> {
    /// Makes a journal on `medium`, which holds two slots of zeros, with `changes` as its first transaction.
    pub fn create(
        medium: M,
        mut random: Source,
        key: RootKey,
        birth: &Birth,
        changes: &[Change<'_>],
    ) -> Result<Self, StoreError> {
        let mut records = Records::new();
        records.apply(changes)?;
        let journal_id = draw(&mut random)?;
        let state = StateHeader {
            format: FORMAT,
            identity: birth.identity,
            generation: 0,
            created: birth.created,
            journal_id,
            slot_size: birth.slot_size,
        };
        let header =
            SlotHeader { state, slot: 0, salt: draw(&mut random)?, key_check: key.check(&journal_id) };
        let mut buffer = Vec::new();
        let mut slot = NewSlot::build(header, draw(&mut random)?, &key, &records, &mut buffer)?;
        slot.write_snapshot(&medium, &buffer)?;
        slot.write_header(&medium).map_err(HeaderWrite::error)?;
        Ok(Self {
            medium,
            random,
            key,
            header: slot.header,
            keys: slot.keys,
            position: slot.position,
            chain: slot.chain,
            records,
            old_header_left: false,
            failed: false,
            torn_tail: false,
            buffer,
        })
    }

    /// Opens the journal on `medium`.
    pub fn open(medium: M, random: Source, key: RootKey, access: Access) -> Result<Self, JournalError> {
        let slot_size = medium.size()? / 2;
        if !slot_size_is_valid(slot_size) || medium.size()? != slot_size * 2 {
            return Err(Damage::Size.into());
        }
        let (current, old_header_left) =
            choose(read_header(&medium, 0, slot_size)?, read_header(&medium, 1, slot_size)?)?;
        let (header, keys, mac) = current.verify(&key).map_err(|refused| match refused {
            Refused::WrongKey => JournalError::WrongKey,
            Refused::Altered => Damage::AlteredHeader.into(),
        })?;
        if let Access::WriteAs(identity) = access
            && header.state.identity.svn > identity.svn
        {
            return Err(JournalError::NewerFirmware(header.state.identity));
        }
        let mut bytes = vec![0; (slot_size - FRAMES_AT) as usize];
        medium.read_at(slot_start(&header) + FRAMES_AT, &mut bytes)?;
        let read = Replay::run(&bytes, Chain::start(&mac), &keys)?;
        let mut journal = Self {
            medium,
            random,
            key,
            header,
            keys,
            position: FRAMES_AT + read.end as u64,
            chain: read.chain,
            records: read.records,
            old_header_left,
            failed: false,
            torn_tail: read.torn_tail,
            buffer: Vec::new(),
        };
        if access != Access::Read {
            journal.make_durable(&bytes[read.last_frame..read.end], read.last_frame)?;
            journal.retire_old_header()?;
        }
        if let Access::WriteAs(identity) = access {
            journal.set_identity(identity).map_err(JournalError::NotKept)?;
        }
        Ok(journal)
    }

    /// What the journal says of itself.
    pub const fn state(&self) -> &StateHeader {
        &self.header.state
    }

    /// How full it is.
    pub const fn usage(&self) -> Usage {
        Usage {
            slot: self.header.slot,
            used: self.position,
            commits: self.chain.sequence.saturating_sub(1),
            torn_tail: self.torn_tail,
        }
    }

    /// All records, unless what the medium holds is unknown.
    pub const fn records(&self) -> Result<&Records, StoreError> {
        if self.failed { Err(StoreError::OutcomeUnknown) } else { Ok(&self.records) }
    }

    /// All records.
    pub fn into_records(self) -> Records {
        self.records
    }

    /// Keeps all of `changes`, or none.
    pub fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.ready()?;
        if changes.is_empty() {
            return Ok(());
        }
        self.records.check(changes)?;
        let length = transaction::encoded_size(changes.iter().copied());
        if self.position + frame_size(length) as u64 <= self.header.state.slot_size {
            self.append(changes, length)
        } else {
            let mut records = self.records.clone();
            records.apply(changes)?;
            self.change_slot(records, self.header.state.identity)
        }
    }

    /// Writes another identity into the header, by a new snapshot. No record changes.
    pub fn set_identity(&mut self, identity: Identity) -> Result<(), StoreError> {
        self.ready()?;
        if identity == self.header.state.identity {
            return Ok(());
        }
        self.change_slot(self.records.clone(), identity)
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::OutcomeUnknown);
        }
        self.retire_old_header().map_err(|error| not_kept(&error))
    }

    fn append(&mut self, changes: &[Change<'_>], length: usize) -> Result<(), StoreError> {
        let nonce = draw(&mut self.random)?;
        let write = |out: &mut Vec<u8>| transaction::encode(changes.iter().copied(), out);
        let tag = frame::seal(&self.chain, &nonce, &self.keys, length, write, &mut self.buffer)
            .ok_or(StoreError::Full)?;
        let at = slot_start(&self.header) + self.position;
        if let Err(error) = self.medium.write_at(at, &self.buffer) {
            // A frame whose sealed bytes are not all there never authenticates, and the next commit overwrites it. Its
            // padding proves nothing.
            let sealed = self.buffer.get(..frame::sealed_size(length)).unwrap_or(&self.buffer);
            let proven = is_absent(&self.medium, at, sealed);
            self.failed = !proven;
            return Err(if proven { not_kept(&error) } else { StoreError::OutcomeUnknown });
        }
        if self.medium.sync().is_err() {
            self.failed = true;
            return Err(StoreError::OutcomeUnknown);
        }
        self.position += self.buffer.len() as u64;
        self.chain = self.chain.after(tag);
        self.torn_tail = false;
        self.records.apply(changes)
    }

    /// Takes `records` as the snapshot of the other slot and goes on there.
    fn change_slot(&mut self, records: Records, identity: Identity) -> Result<(), StoreError> {
        let mut header = self.header.clone();
        header.slot = 1 - header.slot;
        header.state.identity = identity;
        header.state.generation = header.state.generation.wrapping_add(1);
        let drawn = draw(&mut self.random)?;
        header.salt = self.key.next_salt(&drawn, &header.salt, header.state.generation);
        let mut slot =
            NewSlot::build(header, draw(&mut self.random)?, &self.key, &records, &mut self.buffer)?;
        slot.write_snapshot(&self.medium, &self.buffer)?;
        slot.write_header(&self.medium).map_err(|outcome| {
            self.failed = matches!(outcome, HeaderWrite::Unknown);
            outcome.error()
        })?;
        self.header = slot.header;
        self.keys = slot.keys;
        self.position = slot.position;
        self.chain = slot.chain;
        self.records = records;
        self.torn_tail = false;
        // The commit is kept. If the old header cannot be taken away now, the next commit has to.
        self.old_header_left = true;
        let _retried_by_the_next_commit = self.retire_old_header();
        Ok(())
    }

    /// Once frames follow here, the old header may no longer be there to fall back on.
    fn retire_old_header(&mut self) -> io::Result<()> {
        if self.old_header_left {
            let other = u64::from(1 - self.header.slot) * self.header.state.slot_size;
            self.medium.write_at(other, &[0; HEADER_SIZE])?;
            self.medium.sync()?;
            self.old_header_left = false;
        }
        Ok(())
    }

    /// What was read may be in the page cache only: writes it again, as it is, and waits for the medium. A snapshot
    /// is durable where its header is, a header where the old one is gone.
    fn make_durable(&mut self, last_frame: &[u8], at: usize) -> io::Result<()> {
        let start = slot_start(&self.header);
        if self.old_header_left {
            let (header, _) = self.header.seal(&self.keys);
            self.medium.write_at(start, &header)?;
        }
        if self.chain.sequence > 1 {
            self.medium.write_at(start + FRAMES_AT + at as u64, last_frame)?;
        }
        self.medium.sync()
    }
}

/// Whether a slot may have this size, in bytes.
pub const fn slot_size_is_valid(slot_size: u64) -> bool {
    slot_size >= MIN_SLOT_SIZE && slot_size <= MAX_SLOT_SIZE && slot_size.is_multiple_of(SLOT_SIZE_STEP)
}

/// A slot that is about to be written; its snapshot lies in the buffer that it was built with.
struct NewSlot {
    header: SlotHeader,
    sealed_header: [u8; HEADER_SIZE],
    keys: SlotKeys,
    chain: Chain,
    position: u64,
}

/// Why a header was not written.
enum HeaderWrite {
    NotKept(StoreError),
    Unknown,
}

impl HeaderWrite {
    fn error(self) -> StoreError {
        match self {
            Self::NotKept(error) => error,
            Self::Unknown => StoreError::OutcomeUnknown,
        }
    }
}

impl NewSlot {
    fn build(
        header: SlotHeader,
        nonce: Nonce,
        key: &RootKey,
        records: &Records,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, StoreError> {
        let puts = || records.iter().map(|(key, value)| Change::Put { key, value });
        let length = transaction::encoded_size(puts());
        let position = FRAMES_AT + frame_size(length) as u64;
        if position > header.state.slot_size {
            return Err(StoreError::Full);
        }
        let keys = SlotKeys::derive(key, &header.salt);
        let (sealed_header, mac) = header.seal(&keys);
        let start = Chain::start(&mac);
        let write = |out: &mut Vec<u8>| transaction::encode(puts(), out);
        let tag = frame::seal(&start, &nonce, &keys, length, write, buffer).ok_or(StoreError::Full)?;
        Ok(Self { header, sealed_header, keys, chain: start.after(tag), position })
    }

    /// No header stands for this slot yet, so whatever goes wrong here changes nothing.
    fn write_snapshot<M: Medium>(&mut self, medium: &M, snapshot: &[u8]) -> Result<(), StoreError> {
        let written =
            medium.write_at(slot_start(&self.header) + FRAMES_AT, snapshot).and_then(|()| medium.sync());
        written.map_err(|error| not_kept(&error))
    }

    fn write_header<M: Medium>(&mut self, medium: &M) -> Result<(), HeaderWrite> {
        let at = slot_start(&self.header);
        if let Err(error) = medium.write_at(at, &self.sealed_header) {
            let proven = is_absent(medium, at, &self.sealed_header);
            return Err(if proven { HeaderWrite::NotKept(not_kept(&error)) } else { HeaderWrite::Unknown });
        }
        medium.sync().map_err(|_| HeaderWrite::Unknown)
    }
}

/// What a slot's frames say.
struct Replay {
    records: Records,
    chain: Chain,
    /// Where the last frame begins and ends, from [`FRAMES_AT`].
    last_frame: usize,
    end: usize,
    torn_tail: bool,
}

impl Replay {
    fn run(bytes: &[u8], start: Chain, keys: &SlotKeys) -> Result<Self, Damage> {
        let mut replay =
            Self { records: Records::new(), chain: start, last_frame: 0, end: 0, torn_tail: false };
        loop {
            let rest = bytes.get(replay.end..).unwrap_or_default();
            match frame::open(rest, &start.mark, keys) {
                FoundFrame::Frame(opened) => {
                    if opened.sequence != replay.chain.sequence || opened.previous != replay.chain.previous {
                        return Err(Damage::Frame);
                    }
                    let changes = transaction::decode(&opened.plaintext).ok_or(Damage::Content)?;
                    replay.records.apply(&changes).map_err(|_| Damage::Content)?;
                    replay.last_frame = replay.end;
                    replay.end += frame_size(opened.plaintext.len());
                    replay.chain = replay.chain.after(opened.tag);
                }
                FoundFrame::Broken { sequence } => {
                    replay.torn_tail = sequence == replay.chain.sequence;
                    break;
                }
                FoundFrame::Nothing => break,
            }
        }
        // The snapshot was durable before its header was written: a cut cannot have torn it.
        let snapshot_is_missing = replay.chain.sequence == 0;
        let behind = bytes.get(replay.end..).unwrap_or_default().chunks(SECTOR_SIZE).enumerate().skip(1);
        let mut starts_behind = behind.map(|(sectors, _)| &bytes[replay.end + sectors * SECTOR_SIZE..]);
        let frame_stands_behind = starts_behind.any(|rest| {
            matches!(frame::open(rest, &start.mark, keys), FoundFrame::Frame(found) if found.sequence > replay.chain.sequence)
        });
        if snapshot_is_missing || frame_stands_behind { Err(Damage::Frame) } else { Ok(replay) }
    }
}

/// The newer one of the headers, and whether an older one stands beside it.
fn choose(first: FoundHeader, second: FoundHeader) -> Result<(Unverified, bool), JournalError> {
    match (first, second) {
        (FoundHeader::Newer(format), _) | (_, FoundHeader::Newer(format)) => Err(JournalError::Newer(format)),
        (FoundHeader::Whole(first), FoundHeader::Whole(second)) => {
            let (a, b) = (&first.header.state, &second.header.state);
            if a.journal_id != b.journal_id {
                Err(Damage::Contradiction.into())
            } else if a.generation == b.generation.wrapping_add(1) {
                Ok((*first, true))
            } else if b.generation == a.generation.wrapping_add(1) {
                Ok((*second, true))
            } else {
                Err(Damage::Contradiction.into())
            }
        }
        (FoundHeader::Whole(whole), _) | (_, FoundHeader::Whole(whole)) => Ok((*whole, false)),
        _ => Err(Damage::NoHeader.into()),
    }
}

fn read_header<M: Medium>(medium: &M, slot: u32, slot_size: u64) -> io::Result<FoundHeader> {
    let mut bytes = [0; HEADER_SIZE];
    medium.read_at(u64::from(slot) * slot_size, &mut bytes)?;
    Ok(FoundHeader::judge(bytes, slot, slot_size))
}

fn slot_start(header: &SlotHeader) -> u64 {
    u64::from(header.slot) * header.state.slot_size
}

/// Reads back after a write that failed: what a cut would leave now cannot be all of `expected`.
fn is_absent<M: Medium>(medium: &M, at: u64, expected: &[u8]) -> bool {
    let mut found = vec![0; expected.len()];
    medium.read_at(at, &mut found).is_ok() && found != expected
}

/// What to answer where the write certainly changed nothing that counts.
pub fn not_kept(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Unavailable,
    }
}

fn draw<const N: usize>(random: &mut Source) -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    random(&mut bytes).map_err(|_| StoreError::Unavailable)?;
    Ok(bytes)
}

const _: () = assert!(size_of::<Nonce>() == 24);
