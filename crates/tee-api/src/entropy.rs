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

/// How the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntropyHealth {
    /// Its health tests pass, or whoever runs it vouches for it.
    Good,
    /// Nobody tests it.
    Untested,
    /// A health test failed: it gives nothing until the platform's reset.
    Failed,
}

/// A source of entropy.
pub trait Entropy {
    /// How strong the source is.
    fn entropy_assurance(&self) -> EntropyAssurance;

    /// How the source is.
    fn entropy_health(&self) -> EntropyHealth;

    /// Fills all of `out` with full-entropy bytes, or leaves it zeroed and says why not.
    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError>;
}
