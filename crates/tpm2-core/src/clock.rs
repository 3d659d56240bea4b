//! Time and Clock (Part 1, "Timing Components").

use tee_api::{ClockError, Platform};

/// Time since _TPM_Init, and Clock, which goes on where it stopped. In milliseconds.
pub struct Clock {
    /// Time since _TPM_Init.
    time: u64,
    /// What the platform's clock said last.
    last: u64,
    /// Clock at _TPM_Init; where Clock was set back since, so much less, modulo 2^64.
    base: u64,
    /// The policy takes no time from this platform's clock.
    stands: bool,
}

impl Clock {
    /// A clock that has not been started.
    pub(crate) const fn new() -> Self {
        Self { time: 0, last: 0, base: 0, stands: false }
    }

    /// Time stands from now on: the platform's clock is not to be relied on.
    pub(crate) const fn stand(&mut self) {
        self.stands = true;
    }

    /// Starts Time at zero and Clock at `base`: _TPM_Init.
    pub(crate) fn start(&mut self, platform: &mut dyn Platform, base: u64) {
        self.read(platform);
        self.time = 0;
        self.base = base;
    }

    /// Clock is `value` now.
    pub(crate) const fn set(&mut self, value: u64) {
        self.base = value.wrapping_sub(self.time());
    }

    /// Looks at the platform's clock. Where it cannot be read, or goes back, time stands.
    pub(crate) fn read(&mut self, platform: &mut dyn Platform) {
        if self.stands {
            return;
        }
        match platform.milliseconds() {
            Ok(now) => {
                self.time = self.time.saturating_add(now.saturating_sub(self.last));
                self.last = self.last.max(now);
            }
            // How long it was away is not known: no time has passed.
            Err(ClockError::Reset) => self.last = platform.milliseconds().unwrap_or(self.last),
            Err(ClockError::Unavailable) => {}
        }
    }

    /// Milliseconds since _TPM_Init (TPMS_TIME_INFO.time).
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// TPMS_CLOCK_INFO.clock.
    pub const fn clock(&self) -> u64 {
        self.base.wrapping_add(self.time())
    }
}
