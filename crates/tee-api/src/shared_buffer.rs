//! Memory that the caller can change at any time.

use core::fmt;

/// A range that does not lie in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedBufferError;

impl fmt::Display for SharedBufferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the range does not lie in the shared buffer")
    }
}

impl core::error::Error for SharedBufferError {}

/// Memory shared with a caller, who may rewrite it at any time, during a call too. So there is no reference into it:
/// bytes are copied in once and judged where nobody else can change them, and copied out when they are final.
pub trait SharedBuffer {
    /// Its size in bytes.
    fn size(&self) -> usize;

    /// Copies the bytes from `offset` on into all of `out`.
    fn copy_in(&self, offset: usize, out: &mut [u8]) -> Result<(), SharedBufferError>;

    /// Copies all of `bytes` to `offset`.
    fn copy_out(&mut self, offset: usize, bytes: &[u8]) -> Result<(), SharedBufferError>;
}
