//! Reading a state without touching it.

use std::path::Path;

use rustix::fs::OFlags;
use sealed_journal::{Access, Records, StateHeader, Usage};
use tee_api::StoreAssurance;

use crate::error::OpenError;
use crate::folder::{Folder, STATE_FILE};
use crate::key::{KeySource, read_outside_key};
use crate::medium::{Durability, FileMedium};
use crate::store::{
    ForeignFiles, assurance, check_foreign_files, holds_lost_state, open_journal, resolve_key,
};

/// A state as it was at one moment.
#[derive(Debug)]
pub struct StateView {
    /// What the state says of itself.
    pub header: StateHeader,
    /// All records. They hold secrets.
    pub records: Records,
    /// How full the current slot is.
    pub usage: Usage,
    /// What the state is protected from.
    pub assurance: StoreAssurance,
    /// Whether a TPM is running on it now.
    pub in_use: bool,
}

/// Reads the state in `folder`, also while a TPM runs on it, and writes nothing.
///
/// While a TPM runs, the answer is the state after one of its latest commits.
pub fn inspect(folder: &Path, key: &KeySource) -> Result<StateView, OpenError> {
    // A running TPM may change slots while we read; what we saw then fits together only by luck.
    const TRIES: u32 = 4;

    let outside_key = read_outside_key(key)?;
    let folder = Folder::open(folder)?;
    let in_use = folder.is_locked()?;
    let assurance = assurance(&folder, key);
    let missing = || OpenError::Missing(folder.path().to_owned());
    let mut tries = 0;
    loop {
        tries += 1;
        let file = folder.open_file(STATE_FILE, OFlags::RDONLY)?.ok_or_else(missing)?;
        let root_key = resolve_key(&folder, outside_key.clone())?;
        let medium = FileMedium { file, durability: Durability::default() };
        match open_journal(&folder, medium, root_key, Access::Read) {
            Err(OpenError::Corrupt { .. }) if in_use && tries < TRIES => {}
            Err(error) => return Err(error),
            Ok(journal) => {
                let (header, usage) = (journal.state().clone(), journal.usage());
                return Ok(StateView { header, usage, assurance, in_use, records: journal.into_records() });
            }
        }
    }
}

/// What a state that a TPM would make in `folder` is protected from, or why none is made there. Nothing is made or
/// touched; the folder need not be there, nor is the key read.
pub fn prospect(folder: &Path, key: &KeySource) -> Result<StoreAssurance, OpenError> {
    match Folder::open(folder) {
        Ok(folder) if holds_lost_state(&folder)? => Err(OpenError::StateGone(folder.path().to_owned())),
        Ok(folder) => {
            check_foreign_files(&folder, ForeignFiles::Refuse)?;
            Ok(assurance(&folder, key))
        }
        Err(OpenError::Missing(_)) if *key == KeySource::Beside => Ok(StoreAssurance::Durable),
        Err(OpenError::Missing(_)) => Ok(StoreAssurance::Sealed),
        Err(error) => Err(error),
    }
}
