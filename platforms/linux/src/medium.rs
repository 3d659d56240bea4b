//! The file that the journal is written on.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sealed_journal::Medium;

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
