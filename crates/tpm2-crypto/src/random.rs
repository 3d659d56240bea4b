//! Where random numbers come from.

use crate::{Result, Steps};

/// A source of random numbers: the platform's, the TPM's generator or a seeded stream.
pub trait Random {
    /// Fills `out` completely, or fails with [`CryptoError::Random`](crate::CryptoError::Random) and leaves nothing
    /// in it that may be used.
    fn fill(&mut self, out: &mut [u8]) -> Result<()>;
}

/// [`Random::fill`], paid for: a hash or a cipher call for each block, and what closes a request.
pub(crate) fn fill(random: &mut dyn Random, out: &mut [u8], steps: &mut Steps<'_>) -> Result<()> {
    steps.spend(12_000 + 32 * out.len() as u32)?;
    random.fill(out)
}
