//! What a journal is written on.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The medium has acknowledged the bytes before a commit returns.
    #[default]
    Fdatasync,
    /// UNSAFE, for benchmarks only: a commit returns when the kernel has the bytes. A power cut loses commits that
    /// were answered, and may leave a state that is refused as corrupt.
    None,
}

/// Bytes of a fixed number that are overwritten in place.
pub(crate) trait Medium {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;
    /// Fills all of `out`.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Overwrites; it never makes the medium larger.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Everything written before is on the medium once this returns.
    fn sync(&self) -> io::Result<()>;
}

/// A file.
#[derive(Debug)]
pub(crate) struct FileMedium {
    pub(crate) file: File,
    pub(crate) durability: Durability,
}

impl Medium for FileMedium {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        match self.durability {
            Durability::Fdatasync => self.file.sync_data(),
            Durability::None => Ok(()),
        }
    }
}
