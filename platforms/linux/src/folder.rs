//! The folder that holds the state. No path inside it is ever followed through a link.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{self as unix, AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::OpenError;

/// The journal.
pub(crate) const STATE_FILE: &str = "ftpm.state";
/// The journal while it is being made. Where it lies, no TPM has answered yet.
pub(crate) const UNFINISHED_FILE: &str = "ftpm.state.new";
/// The key that lies beside the journal.
pub(crate) const KEY_FILE: &str = "ftpm.key";
/// Locked while a TPM runs. It stays behind, empty: whoever removed it could let two TPMs lock two files.
pub(crate) const LOCK_FILE: &str = "ftpm.lock";

/// What may lie beside a state that is made: files of ours, and what a file system of its own has.
const NOT_FOREIGN: [&str; 5] = [STATE_FILE, UNFINISHED_FILE, KEY_FILE, LOCK_FILE, "lost+found"];

/// An open folder that nobody else can change.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    handle: OwnedFd,
}

impl Folder {
    /// Opens a folder that is there.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        // Components drop a trailing slash, which would follow a link.
        let path: PathBuf = path.components().collect();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let handle = unix::open(&path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => OpenError::Missing(path.clone()),
            Errno::LOOP | Errno::NOTDIR if path.is_symlink() => OpenError::FolderIsLink(path.clone()),
            Errno::NOTDIR => OpenError::NotAFolder(path.clone()),
            other => io_error("open", &path, other),
        })?;
        let stat = unix::fstat(&handle).map_err(|errno| io_error("examine", &path, errno))?;
        check_owner(&stat, &path)?;
        if stat.st_mode & 0o022 != 0 {
            return Err(OpenError::FolderWritableByOthers(path));
        }
        Ok(Self { path, handle })
    }

    /// Opens a folder, and makes it, for this user alone, where there is none.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self, OpenError> {
        match Self::open(path) {
            Err(OpenError::Missing(path)) => {
                make_durably(&path).map_err(|source| io_error("make the folder", &path, source))?;
                Self::open(&path)
            }
            opened => opened,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file inside, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file that only this user can reach; `None` where there is none.
    pub(crate) fn open_file(&self, name: &str, access: OFlags) -> Result<Option<File>, OpenError> {
        let path = self.path_of(name);
        // Non-blocking: a pipe in the file's place must not hold us up.
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = match unix::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(OpenError::NotAFile(path)),
            Err(errno) => return Err(io_error("open", &path, errno)),
        };
        let file = File::from(handle);
        check_file(&file, &path)?;
        Ok(Some(file))
    }

    /// Makes a file that was not there.
    pub(crate) fn create_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(unix::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?))
    }

    /// Whether anything has this name.
    pub(crate) fn contains(&self, name: &str) -> Result<bool, OpenError> {
        match unix::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(io_error("examine", &self.path_of(name), errno)),
        }
    }

    /// Something in the folder that is no file of ours, if there is any. A socket is no such thing: the TPM may be
    /// reached at it.
    pub(crate) fn foreign_file(&self) -> Result<Option<String>, OpenError> {
        let failed = |errno| io_error("list", &self.path, errno);
        for entry in unix::Dir::read_from(&self.handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if matches!(name.as_str(), "." | "..") || NOT_FOREIGN.contains(&name.as_str()) {
                continue;
            }
            match unix::statat(&self.handle, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Socket => {}
                Ok(_) => return Ok(Some(name)),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(io_error("examine", &self.path_of(&name), errno)),
            }
        }
        Ok(None)
    }

    /// Removes what has this name, if anything has.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match unix::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives a file its name in one step.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(unix::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Names that were made or taken away are durable after this.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(unix::fsync(&self.handle)?)
    }

    /// Takes the folder for one running TPM; the lock goes with the returned file.
    pub(crate) fn lock(&self) -> Result<File, OpenError> {
        // Whoever looks at a state holds the lock for an instant.
        const TRIES: u32 = 20;
        const PAUSE: Duration = Duration::from_millis(10);

        let path = self.path_of(LOCK_FILE);
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = unix::openat(&self.handle, LOCK_FILE, flags, Mode::RUSR | Mode::WUSR);
        let file = match handle {
            Ok(handle) => File::from(handle),
            Err(Errno::LOOP | Errno::ISDIR) => return Err(OpenError::NotAFile(path)),
            Err(errno) => return Err(io_error("open", &path, errno)),
        };
        check_file(&file, &path)?;
        for _ in 0..TRIES {
            match try_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(true) => return Ok(file),
                Ok(false) => std::thread::sleep(PAUSE),
                Err(errno) => return Err(io_error("lock", &path, errno)),
            }
        }
        Err(OpenError::InUse(self.path.clone()))
    }

    /// Whether a TPM runs on this folder now.
    pub(crate) fn is_locked(&self) -> Result<bool, OpenError> {
        match self.open_file(LOCK_FILE, OFlags::RDWR)? {
            None => Ok(false),
            // Shared, so that two who look do not take each other for a TPM.
            Some(file) => match try_lock(&file, FlockOperation::NonBlockingLockShared) {
                Ok(taken) => Ok(!taken),
                Err(errno) => Err(io_error("lock", &self.path_of(LOCK_FILE), errno)),
            },
        }
    }

    /// Whether `path` lies in this folder.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        match (unix::stat(parent), unix::fstat(&self.handle)) {
            (Ok(theirs), Ok(ours)) => (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino),
            _ => false,
        }
    }
}

/// Refuses what is no regular file, belongs to someone else or is open to others.
pub(crate) fn check_file(file: &File, path: &Path) -> Result<(), OpenError> {
    let stat = unix::fstat(file).map_err(|errno| io_error("examine", path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(OpenError::NotAFile(path.to_owned()));
    }
    check_owner(&stat, path)?;
    if stat.st_mode & 0o077 != 0 {
        return Err(OpenError::FileOpenToOthers(path.to_owned()));
    }
    Ok(())
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: impl Into<io::Error>) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), source: source.into() }
}

/// Makes the folder and those above it that are not there, for this user alone. Their names are durable after this:
/// a cut must not take away the folder of a TPM that has answered.
fn make_durably(path: &Path) -> io::Result<()> {
    let absolute = std::path::absolute(path)?;
    let missing = absolute.ancestors().take_while(|folder| !folder.exists()).count();
    DirBuilder::new().recursive(true).mode(0o700).create(&absolute)?;
    for parent in absolute.ancestors().skip(1).take(missing) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

fn check_owner(stat: &Stat, path: &Path) -> Result<(), OpenError> {
    let owner = stat.st_uid;
    if owner == rustix::process::geteuid().as_raw() || owner == 0 {
        Ok(())
    } else {
        Err(OpenError::ForeignOwner(path.to_owned()))
    }
}

fn try_lock(file: &File, operation: FlockOperation) -> Result<bool, Errno> {
    match unix::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}
