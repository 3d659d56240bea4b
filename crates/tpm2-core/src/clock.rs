//! Time and Clock (Part 1, "Timing Components").

use tee_api::Platform;

/// Time since _TPM_Init, and Clock, which goes on where it stopped. In milliseconds.
pub struct Clock {
    /// The platform's clock at _TPM_Init.
    started: u64,
    /// The platform's clock now.
    now: u64,
    /// Clock at _TPM_Init; where Clock was set back since, so much less, modulo 2^64.
    base: u64,
}

impl Clock {
    /// A clock that has not been started.
    pub(crate) const fn new() -> Self {
        Self { started: 0, now: 0, base: 0 }
    }

    /// Starts Time at zero and Clock at `base`: _TPM_Init.
    pub(crate) fn start(&mut self, platform: &mut dyn Platform, base: u64) {
        self.read(platform);
        self.started = self.now;
        self.base = base;
    }

    /// Clock is `value` now.
    pub(crate) const fn set(&mut self, value: u64) {
        self.base = value.wrapping_sub(self.time());
    }

    /// Looks at the platform's clock. Where it cannot be read, time stands.
    pub(crate) fn read(&mut self, platform: &mut dyn Platform) {
        self.now = platform.milliseconds().unwrap_or(self.now).max(self.now);
    }

    /// Milliseconds since _TPM_Init (TPMS_TIME_INFO.time).
    pub const fn time(&self) -> u64 {
        self.now - self.started
    }

    /// TPMS_CLOCK_INFO.clock.
    pub const fn clock(&self) -> u64 {
        self.base.wrapping_add(self.time())
    }
}
