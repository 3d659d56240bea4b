//! Entropy: all of it, or an error.

use core::fmt;

/// Where the entropy comes from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntropyAssurance {
    /// There is no source.
    None,
    /// A seed fused at manufacture; nothing fresh is ever added.
    FusedSeed,
    /// An operating system's generator, which mixes hardware sources and vouches for its own seeding.
    OperatingSystem,
    /// A hardware source that this platform reads itself.
    Hardware,
}

/// Why there is no entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntropyError {
    /// Not now; the same call may succeed later.
    Unavailable,
    /// The source failed its health test. It stays failed until the platform's reset.
    Unhealthy,
}

impl fmt::Display for EntropyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the entropy source has nothing now",
            Self::Unhealthy => "the entropy source failed its health test",
        })
    }
}

impl core::error::Error for EntropyError {}

/// A source of entropy.
pub trait Entropy {
    /// How strong the source is.
    fn entropy_assurance(&self) -> EntropyAssurance;

    /// Fills all of `out` with full-entropy bytes, or leaves it zeroed and says why not.
    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError>;
}
