//! Where the key comes from that seals the state.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::{self as unix, Mode, OFlags};
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::folder::{check_file, io_error};
use sealed_journal::{ROOT_KEY_SIZE, RootKey};

/// Where the key comes from that seals the state.
///
/// A key is 32 bytes with full entropy: as they are, or as 64 hexadecimal digits (a line end may follow).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// `ftpm.key` in the state's own folder, made together with the state: whoever reads the folder reads the seeds.
    #[default]
    Beside,
    /// A file, mode 0600 or 0400, not a symbolic link.
    File(PathBuf),
    /// An open file descriptor of this process: a pipe, or a file, read once to its end. Not a socket.
    Descriptor(u32),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// Not `file=…` or `fd=…`.
    #[error("`{0}` names no key; write file=PATH or fd=NUMBER")]
    Syntax(String),
    /// Not 32 bytes.
    #[error(
        "{0} holds no key: it takes 32 bytes, or 64 hexadecimal digits; make one with: head -c 32 /dev/urandom"
    )]
    Content(String),
}

impl FromStr for KeySource {
    type Err = KeySourceError;

    /// Reads `file=PATH` or `fd=NUMBER`.
    fn from_str(text: &str) -> Result<Self, KeySourceError> {
        let syntax = || KeySourceError::Syntax(text.to_owned());
        match text.split_once('=').ok_or_else(syntax)? {
            ("file", path) if !path.is_empty() => Ok(Self::File(path.into())),
            ("fd", number) => Ok(Self::Descriptor(number.parse().map_err(|_| syntax())?)),
            _ => Err(syntax()),
        }
    }
}

/// Reads the key from outside the folder; `None` where it lies beside the state.
pub(crate) fn read_outside_key(source: &KeySource) -> Result<Option<RootKey>, OpenError> {
    match source {
        KeySource::Beside => Ok(None),
        KeySource::File(path) => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = match unix::open(path, flags, Mode::empty()) {
                Ok(handle) => File::from(handle),
                Err(rustix::io::Errno::LOOP) => return Err(OpenError::NotAFile(path.clone())),
                Err(errno) => return Err(io_error("open the key", path, errno)),
            };
            check_file(&file, path)?;
            read_key(file, path).map(Some)
        }
        KeySource::Descriptor(number) => {
            // Through /proc the descriptor can be read without taking it over, which would need unsafe code.
            let path = PathBuf::from(format!("/proc/self/fd/{number}"));
            let file = File::open(&path).map_err(|source| io_error("open the key", &path, source))?;
            read_key(file, &path).map(Some)
        }
    }
}

/// Reads a key from `file` to its end.
pub(crate) fn read_key(mut file: File, path: &Path) -> Result<RootKey, OpenError> {
    /// Hexadecimal digits, a line end, and one byte more to notice what is too long.
    const LIMIT: usize = 2 * ROOT_KEY_SIZE + 3;
    let mut buffer = Zeroizing::new([0; LIMIT]);
    let mut filled = 0;
    while filled < LIMIT {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_error("read the key", path, error)),
        }
    }
    parse_key(&buffer[..filled]).ok_or_else(|| KeySourceError::Content(path.display().to_string()).into())
}

fn parse_key(content: &[u8]) -> Option<RootKey> {
    if let Some(key) = RootKey::from_slice(content) {
        return Some(key);
    }
    let digits = content.strip_suffix(b"\n").unwrap_or(content);
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    if digits.len() != 2 * ROOT_KEY_SIZE {
        return None;
    }
    let filled = RootKey::try_with(|key| {
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).ok_or(());
            *byte = (digit(0)? << 4 | digit(1)?) as u8;
        }
        Ok::<(), ()>(())
    });
    filled.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_file_or_a_descriptor() {
        assert_eq!("file=/etc/key".parse::<KeySource>().unwrap(), KeySource::File("/etc/key".into()));
        assert_eq!("fd=7".parse::<KeySource>().unwrap(), KeySource::Descriptor(7));
        for wrong in ["", "file", "file=", "fd=", "fd=-1", "fd=x", "key=7"] {
            assert!(wrong.parse::<KeySource>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_32_bytes_or_64_digits() {
        let expected: Vec<u8> = (0xE0..=0xFF).collect();
        let digits: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
        for content in [&expected[..], digits.as_bytes(), digits.to_uppercase().as_bytes()] {
            assert_eq!(parse_key(content).unwrap().bytes()[..], expected);
        }
        for end in ["\n", "\r\n"] {
            assert_eq!(parse_key(format!("{digits}{end}").as_bytes()).unwrap().bytes()[..], expected);
        }
        for wrong in [&expected[1..], &digits.as_bytes()[2..], &[b'g'; 64], &[b'0'; 65], b""] {
            assert!(parse_key(wrong).is_none());
        }
    }
}
