//! Where random numbers come from.

use crate::Result;

/// A source of random numbers: the platform's, the TPM's generator or a seeded stream.
pub trait Random {
    /// Fills `out` completely, or fails with [`CryptoError::Random`](crate::CryptoError::Random) and leaves nothing
    /// in it that may be used.
    fn fill(&mut self, out: &mut [u8]) -> Result<()>;
}
