//! The state's files: which are there, how they come to be, and the journal in them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use sealed_journal::{
    Access, Birth, Identity, Journal, JournalError, Records, RootKey, Source, StateHeader, Usage, not_kept,
    slot_size_is_valid,
};
use tee_api::{Change, StoreAssurance, StoreError};

use crate::error::OpenError;
use crate::folder::{Folder, KEY_FILE, STATE_FILE, UNFINISHED_FILE};
use crate::key::{KeySource, read_key, read_outside_key};
use crate::medium::{Durability, FileMedium};

/// Bytes of one of a new state's two slots, unless told: 1 MiB.
pub const DEFAULT_SLOT_SIZE: u64 = 1024 * 1024;

/// What to open, and how.
#[derive(Clone, Debug)]
pub struct StateOptions {
    /// The folder. It is made, mode 0700, where there is none; the folders above it too.
    pub folder: PathBuf,
    /// Where the key comes from that seals the state.
    pub key: KeySource,
    /// What this firmware calls itself; the state's header says so from the opening on. A state that a firmware with
    /// a greater security version number has used is refused, so this number never falls.
    ///
    /// An old file put back brings its old number back with it: Linux has no counter that would tell.
    pub identity: Identity,
    /// Bytes of one of the two slots of a new state: a multiple of 4096 between 16 KiB and 256 MiB. All records
    /// together have to fit one. A state that is there keeps its own.
    pub slot_size: u64,
    /// What a commit waits for.
    pub durability: Durability,
    /// Whether a folder with the key of a state that is gone counts as empty: that state is given up.
    pub give_up_lost_state: bool,
    /// Whether a state may be made among files that are not ours.
    pub foreign_files: ForeignFiles,
}

/// What files that are not ours mean in a folder where a state would be made. A state that is there opens wherever it
/// lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignFiles {
    /// The folder is somebody else's: nothing is made there.
    #[default]
    Refuse,
    /// They may be there: logs and process ids of whoever runs the TPM, for instance.
    Allow,
}

impl StateOptions {
    /// The folder, and for the rest what is usual.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            key: KeySource::default(),
            identity: Identity::default(),
            slot_size: DEFAULT_SLOT_SIZE,
            durability: Durability::default(),
            give_up_lost_state: false,
            foreign_files: ForeignFiles::default(),
        }
    }
}

/// The state in a folder that is locked for this process.
pub(crate) struct FileStore {
    folder: Folder,
    _lock: File,
    assurance: StoreAssurance,
    state: State,
}

enum State {
    /// Nothing was ever kept here.
    Empty(Unborn),
    Kept(Box<Journal<FileMedium>>),
    /// It was being made when an error left unknown what of it is there.
    Unknown,
}

/// What a state will be made from, at the first commit.
struct Unborn {
    outside_key: Option<RootKey>,
    identity: Identity,
    slot_size: u64,
    durability: Durability,
}

impl FileStore {
    pub(crate) fn open(options: &StateOptions) -> Result<Self, OpenError> {
        if !slot_size_is_valid(options.slot_size) {
            return Err(OpenError::SlotSize(options.slot_size));
        }
        let outside_key = read_outside_key(&options.key)?;
        let folder = Folder::open_or_create(&options.folder)?;
        // Before the lock, which would stay behind.
        check_foreign_files(&folder, options.foreign_files)?;
        let lock = folder.lock()?;
        let assurance = assurance(&folder, &options.key);
        let state = match folder.open_file(STATE_FILE, OFlags::RDWR)? {
            Some(file) => {
                let key = resolve_key(&folder, outside_key)?;
                let medium = FileMedium { file, durability: options.durability };
                State::Kept(Box::new(open_journal(&folder, medium, key, Access::WriteAs(options.identity))?))
            }
            None => {
                if holds_lost_state(&folder)? && !options.give_up_lost_state {
                    return Err(OpenError::StateGone(folder.path().to_owned()));
                }
                let StateOptions { identity, slot_size, durability, .. } = *options;
                State::Empty(Unborn { outside_key, identity, slot_size, durability })
            }
        };
        Ok(Self { folder, _lock: lock, assurance, state })
    }

    pub(crate) const fn assurance(&self) -> StoreAssurance {
        self.assurance
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) const fn header(&self) -> Option<&StateHeader> {
        match &self.state {
            State::Kept(journal) => Some(journal.state()),
            State::Empty(_) | State::Unknown => None,
        }
    }

    pub(crate) const fn usage(&self) -> Option<Usage> {
        match &self.state {
            State::Kept(journal) => Some(journal.usage()),
            State::Empty(_) | State::Unknown => None,
        }
    }

    pub(crate) const fn records(&self) -> Result<&Records, StoreError> {
        match &self.state {
            State::Kept(journal) => journal.records(),
            State::Empty(_) => Err(StoreError::Missing),
            State::Unknown => Err(StoreError::OutcomeUnknown),
        }
    }

    /// Nothing is known of a file's medium before it is tried.
    pub(crate) const fn ready(&self) -> Result<(), StoreError> {
        match &self.state {
            State::Kept(_) | State::Empty(_) => Ok(()),
            State::Unknown => Err(StoreError::OutcomeUnknown),
        }
    }

    /// Keeps all of `changes` or none; the first transaction makes the state.
    pub(crate) fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        match &mut self.state {
            State::Kept(journal) => journal.commit(changes),
            State::Unknown => Err(StoreError::OutcomeUnknown),
            State::Empty(_) if changes.is_empty() => Ok(()),
            State::Empty(unborn) => {
                let journal = unborn.make(&self.folder, changes)?;
                self.state = match finish(&self.folder) {
                    Ok(()) => State::Kept(Box::new(journal)),
                    Err(_) => State::Unknown,
                };
                if matches!(self.state, State::Unknown) { Err(StoreError::OutcomeUnknown) } else { Ok(()) }
            }
        }
    }

    pub(crate) fn set_identity(&mut self, identity: Identity) -> Result<(), StoreError> {
        match &mut self.state {
            State::Kept(journal) => journal.set_identity(identity),
            State::Unknown => Err(StoreError::OutcomeUnknown),
            State::Empty(unborn) => {
                unborn.identity = identity;
                Ok(())
            }
        }
    }
}

impl Unborn {
    /// Makes the journal under the name of an unfinished one, and the key beside it where none came from outside.
    fn make(&self, folder: &Folder, changes: &[Change<'_>]) -> Result<Journal<FileMedium>, StoreError> {
        let made = |result: io::Result<File>| result.map_err(|error| not_kept(&error));
        let file = made(self.make_file(folder))?;
        let key = match &self.outside_key {
            Some(key) => key.clone(),
            None => {
                let key = RootKey::try_with(|bytes| crate::platform::fill_random(bytes))
                    .map_err(|_| StoreError::Unavailable)?;
                made(write_key(folder, &key))?;
                key
            }
        };
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let birth = Birth { identity: self.identity, created, slot_size: self.slot_size };
        let medium = FileMedium { file, durability: self.durability };
        Journal::create(medium, source(), key, &birth, changes).map_err(|error| match error {
            // Whatever lies there, it does not have its name yet.
            StoreError::OutcomeUnknown => StoreError::Unavailable,
            other => other,
        })
    }

    /// Written with real zeros, so that no commit ever allocates.
    fn make_file(&self, folder: &Folder) -> io::Result<File> {
        static CHUNK: [u8; 64 * 1024] = [0; 64 * 1024];
        folder.remove(UNFINISHED_FILE)?;
        let mut file = folder.create_file(UNFINISHED_FILE)?;
        let mut left = 2 * self.slot_size as usize;
        while left > 0 {
            let count = left.min(CHUNK.len());
            file.write_all(&CHUNK[..count])?;
            left -= count;
        }
        file.sync_all()?;
        // Durable before the key is: a key alone means that a state was lost.
        folder.sync()?;
        Ok(file)
    }
}

fn write_key(folder: &Folder, key: &RootKey) -> io::Result<File> {
    folder.remove(KEY_FILE)?;
    let mut file = folder.create_file(KEY_FILE)?;
    file.write_all(key.bytes())?;
    file.sync_all()?;
    folder.sync()?;
    Ok(file)
}

/// From here on there is a state.
fn finish(folder: &Folder) -> io::Result<()> {
    folder.rename(UNFINISHED_FILE, STATE_FILE)?;
    folder.sync()
}

/// Refuses to make a state among somebody else's files. Where there is a state of ours, or was one, there is nothing to
/// refuse.
pub(crate) fn check_foreign_files(folder: &Folder, foreign_files: ForeignFiles) -> Result<(), OpenError> {
    if foreign_files == ForeignFiles::Allow || folder.contains(STATE_FILE)? || holds_lost_state(folder)? {
        return Ok(());
    }
    match folder.foreign_file()? {
        Some(found) => Err(OpenError::ForeignFiles { path: folder.path().to_owned(), found }),
        None => Ok(()),
    }
}

/// A key without a state that was being made: there was a TPM, and it is gone.
pub(crate) fn holds_lost_state(folder: &Folder) -> Result<bool, OpenError> {
    Ok(!folder.contains(STATE_FILE)? && folder.contains(KEY_FILE)? && !folder.contains(UNFINISHED_FILE)?)
}

/// The key for a state that is there.
pub(crate) fn resolve_key(folder: &Folder, outside_key: Option<RootKey>) -> Result<RootKey, OpenError> {
    match outside_key {
        Some(key) => Ok(key),
        None => match folder.open_file(KEY_FILE, OFlags::RDONLY)? {
            Some(file) => read_key(file, &folder.path_of(KEY_FILE)),
            None => Err(OpenError::KeyMissing(folder.path_of(STATE_FILE))),
        },
    }
}

pub(crate) fn open_journal(
    folder: &Folder,
    medium: FileMedium,
    key: RootKey,
    access: Access,
) -> Result<Journal<FileMedium>, OpenError> {
    let path = folder.path_of(STATE_FILE);
    Journal::open(medium, source(), key, access).map_err(|error| match error {
        JournalError::Io(source) => OpenError::Io { action: "read", path, source },
        JournalError::Damaged(damage) => OpenError::Corrupt { path, damage },
        JournalError::WrongKey => OpenError::WrongKey(path),
        JournalError::Newer(format) => OpenError::NewerFormat { path, format },
        JournalError::NewerFirmware(theirs) => {
            let ours = if let Access::WriteAs(identity) = access { identity.svn } else { 0 };
            OpenError::NewerFirmware { path, theirs: theirs.svn, ours }
        }
        JournalError::NotKept(error) => {
            OpenError::Io { action: "write", path, source: io::Error::other(error) }
        }
    })
}

/// The kernel's randomness.
fn source() -> Source {
    Box::new(crate::platform::fill_random)
}

/// A key in the same folder protects nothing, however it was named.
pub(crate) fn assurance(folder: &Folder, key: &KeySource) -> StoreAssurance {
    match key {
        KeySource::Beside => StoreAssurance::Durable,
        KeySource::File(path) if folder.holds(path) => StoreAssurance::Durable,
        KeySource::File(_) | KeySource::Descriptor(_) => StoreAssurance::Sealed,
    }
}
