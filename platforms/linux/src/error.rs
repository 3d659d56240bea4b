//! Why a state cannot be opened: one sentence each, and what to do.

use std::io;
use std::path::PathBuf;

use tee_api::StoreError;

use crate::key::KeySourceError;
use sealed_journal::Damage;

/// Why a state cannot be opened. Nothing was changed or created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no state here.
    #[error("{} holds no TPM state; it is made when a TPM first starts there", .0.display())]
    Missing(PathBuf),
    /// Another process uses the state.
    #[error("another TPM is running on {}; stop it, or choose another folder with --state", .0.display())]
    InUse(PathBuf),
    /// The folder is a symbolic link.
    #[error("{} is a symbolic link, which could be turned elsewhere; name the folder itself", .0.display())]
    FolderIsLink(PathBuf),
    /// There is something else in the folder's place.
    #[error("{} is not a folder; choose another one with --state", .0.display())]
    NotAFolder(PathBuf),
    /// Other users may write into the folder.
    #[error(
        "other users may write into {folder}; choose another folder with --state, or, if this one is the TPM's own, \
         close it with: chmod 700 {folder}", folder = .0.display()
    )]
    FolderWritableByOthers(PathBuf),
    /// A TPM would be made among somebody else's files.
    #[error(
        "{} holds {found:?}, which is no TPM's: no TPM is made there; choose an empty folder with --state, or a new one, \
         which will be made", path.display()
    )]
    ForeignFiles {
        /// The folder.
        path: PathBuf,
        /// One of the files that are there.
        found: String,
    },
    /// Another user owns the folder or the file, and could replace the state.
    #[error("{} belongs to another user; choose a folder of your own with --state", .0.display())]
    ForeignOwner(PathBuf),
    /// A file is a symbolic link, a device or a pipe.
    #[error("{} is not a regular file; symbolic links are not followed", .0.display())]
    NotAFile(PathBuf),
    /// Other users may read or write a file.
    #[error(
        "other users may read or write {file}; name another one, or, if this one is the TPM's own, close it with: \
         chmod 600 {file}", file = .0.display()
    )]
    FileOpenToOthers(PathBuf),
    /// The key cannot be had.
    #[error(transparent)]
    Key(#[from] KeySourceError),
    /// The state is sealed and its key does not lie beside it.
    #[error("the key of {} does not lie beside it; name the key that it was made with: --key file=… or fd=…", .0.display())]
    KeyMissing(PathBuf),
    /// The state is sealed under another key.
    #[error("{} is sealed under another key; name the key that it was made with", .0.display())]
    WrongKey(PathBuf),
    /// There is a key of ours and no state: the state was lost, or deleted.
    #[error(
        "{} holds the key of a TPM whose state file is gone; restore ftpm.state from a backup, or give that TPM up \
         with: ftpm manufacture --force", .0.display()
    )]
    StateGone(PathBuf),
    /// A later version of this program wrote the state.
    #[error("{} has format {format}, which a later version of this program wrote; use that version", path.display())]
    NewerFormat {
        /// The state file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A firmware with a greater security version number has used the state.
    #[error(
        "{} was used by a later version of this program, of security version {theirs}, and this one has {ours}; use \
         that version or a later one", path.display()
    )]
    NewerFirmware {
        /// The state file.
        path: PathBuf,
        /// The security version number that the state demands.
        theirs: u32,
        /// That of this firmware.
        ours: u32,
    },
    /// The state is damaged.
    #[error("{} is damaged: {damage}; nothing was changed, restore it from a backup", path.display())]
    Corrupt {
        /// The state file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A slot cannot have this size.
    #[error("a slot of {0} bytes is not possible: it takes a multiple of 4096 between 16 KiB and 256 MiB")]
    SlotSize(u64),
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    /// The same in the words of the TEE API.
    pub const fn store_error(&self) -> StoreError {
        match self {
            Self::Missing(_) => StoreError::Missing,
            Self::Corrupt { .. } | Self::StateGone(_) => StoreError::Corrupt,
            Self::WrongKey(_)
            | Self::KeyMissing(_)
            | Self::NewerFormat { .. }
            | Self::NewerFirmware { .. } => StoreError::Foreign,
            _ => StoreError::Unavailable,
        }
    }
}
