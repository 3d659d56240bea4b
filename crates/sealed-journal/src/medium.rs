//! What a journal is written on.

use std::io;

/// Bytes of a fixed number that are overwritten in place.
pub trait Medium {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;
    /// Fills all of `out`.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Overwrites; it never makes the medium larger.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Everything written before is on the medium once this returns.
    fn sync(&self) -> io::Result<()>;
}
