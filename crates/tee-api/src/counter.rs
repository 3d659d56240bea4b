//! A number that no one can set back.

use core::fmt;

/// What keeps the counter from going back, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterAssurance {
    /// There is no counter.
    None,
    /// Kept like any data: it finds mishaps, such as a backup that was put back, but whoever writes the medium can
    /// set it back together with the store.
    Software,
    /// Nothing outside the TEE can set it back.
    Hardware,
}

/// Why the counter did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterError {
    /// It cannot be reached now; the same call may succeed later. It did not move.
    Unavailable,
    /// It wants to be moved less often. It did not move.
    RateLimited,
    /// It stands neither at the wanted value nor one below. It did not move.
    Mismatch,
    /// It has no values left, or is broken for good.
    Exhausted,
    /// It may or may not have moved: the same call, made again, finds out.
    OutcomeUnknown,
}

impl fmt::Display for CounterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the counter cannot be reached now",
            Self::RateLimited => "the counter wants to be moved less often",
            Self::Mismatch => "the counter stands at another value",
            Self::Exhausted => "the counter has no values left",
            Self::OutcomeUnknown => "the counter may or may not have moved",
        })
    }
}

impl core::error::Error for CounterError {}

/// A counter that belongs to one service and only goes forward, across restarts too. It stands at 0 until the service
/// moves it for the first time.
///
/// Where there is none, both calls answer [`CounterError::Exhausted`] and are not made.
pub trait MonotonicCounter {
    /// What keeps it from going back.
    fn counter_assurance(&self) -> CounterAssurance;

    /// Its value.
    fn counter_value(&mut self) -> Result<u64, CounterError>;

    /// Moves it from `to - 1` to `to`, durably, before it returns. Where it stands at `to` already, nothing happens:
    /// a call whose answer was lost can be made again.
    fn advance_counter(&mut self, to: u64) -> Result<(), CounterError>;
}
