//! Optional hardware for heavy arithmetic.

use core::fmt;

/// Why the hardware did not compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceleratorError {
    /// It cannot do this operation, or not at this size: the caller computes by itself.
    Unsupported,
    /// It failed; nothing of the result may be used.
    Failed,
}

impl fmt::Display for AcceleratorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "the accelerator cannot do this operation",
            Self::Failed => "the accelerator failed",
        })
    }
}

impl core::error::Error for AcceleratorError {}

/// Hardware that computes. The caller checks every operand before and every result after: an accelerator is trusted
/// to keep secrets, not to be right.
pub trait Accelerator {
    /// `base ^ exponent mod modulus` into all of `out`, as big-endian numbers. `base` is less than the modulus, which
    /// is odd; `out` is as long as the modulus. The time it takes depends on lengths alone.
    fn mod_exp(
        &mut self,
        base: &[u8],
        exponent: &[u8],
        modulus: &[u8],
        out: &mut [u8],
    ) -> Result<(), AcceleratorError>;
}
