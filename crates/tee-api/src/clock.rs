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

/// The clock cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockError;

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the clock cannot be read")
    }
}

impl core::error::Error for ClockError {}

/// A clock.
pub trait Clock {
    /// How far the clock can be trusted.
    fn clock_assurance(&self) -> ClockAssurance;

    /// Milliseconds since some point that is fixed while the service runs. Never less than an earlier answer.
    fn milliseconds(&mut self) -> Result<u64, ClockError>;
}
