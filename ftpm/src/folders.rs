//! The user's folders for what runs and for what stays.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Where the state of this user's TPM lies: `$XDG_STATE_HOME/ftpm`, or `~/.local/state/ftpm`.
///
/// # Errors
/// The user has no home.
pub fn state_folder() -> Result<PathBuf> {
    if let Some(folder) = absolute("XDG_STATE_HOME") {
        return Ok(folder.join("ftpm"));
    }
    let home = absolute("HOME").context("HOME is not set; say where the state lies with --state DIR")?;
    Ok(home.join(".local/state/ftpm"))
}

/// The folder of this user's sockets, made where it is missing: in `$XDG_RUNTIME_DIR`, in `/run/user/UID`, or else a
/// folder of our own in `/tmp`. Nobody else can enter it.
///
/// # Errors
/// The folder is somebody else's, or others can enter it.
pub fn runtime_folder() -> Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let system = PathBuf::from(format!("/run/user/{uid}"));
    let folder = match absolute("XDG_RUNTIME_DIR").filter(|folder| folder.is_dir()) {
        Some(folder) => folder.join("ftpm"),
        None if system.is_dir() => system.join("ftpm"),
        None => PathBuf::from(format!("/tmp/ftpm-{uid}")),
    };
    make_private(&folder)?;
    Ok(folder)
}

/// Where `serve` listens unless it is told otherwise.
///
/// # Errors
/// As [`runtime_folder`].
pub fn default_socket() -> Result<PathBuf> {
    Ok(runtime_folder()?.join("tpm.sock"))
}

/// Makes `folder` for this user alone, or checks that it is so.
fn make_private(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot make the folder {}", folder.display()));
        }
    }
    // Not through a link: in /tmp, anybody could have put one there.
    let metadata = fs::symlink_metadata(folder)
        .with_context(|| format!("cannot look at the folder {}", folder.display()))?;
    let ours = metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw();
    if !ours || metadata.mode() & 0o077 != 0 {
        bail!(
            "{} is not a folder that only this user can enter; remove it, or name a socket with --socket PATH",
            folder.display()
        );
    }
    Ok(())
}

fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_private_folder_stays_private() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("ftpm");
        make_private(&folder).unwrap();
        make_private(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        let link = temporary.path().join("link");
        symlink(&folder, &link).unwrap();
        assert!(make_private(&link).is_err());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(make_private(&folder).is_err());
    }
}
