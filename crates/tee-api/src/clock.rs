//! Time that only goes forward.

use core::fmt;

/// Who keeps the time, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockAssurance {
    /// There is no clock.
    None,
    /// The normal world, or the host, can set or stop it.
    NormalWorld,
    /// Nothing outside the TEE can set or stop it.
    Secure,
}

/// Why there is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// The clock cannot be read now; the same call may succeed later.
    Unavailable,
    /// The clock was set back or began anew since the last answer. Said once: later answers count from another point.
    Reset,
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the clock cannot be read now",
            Self::Reset => "the clock was set back",
        })
    }
}

impl core::error::Error for ClockError {}

/// A clock.
pub trait Clock {
    /// How far the clock can be trusted.
    fn clock_assurance(&self) -> ClockAssurance;

    /// Milliseconds since some point. Never less than an earlier answer, unless [`ClockError::Reset`] came between.
    fn milliseconds(&mut self) -> Result<u64, ClockError>;
}
