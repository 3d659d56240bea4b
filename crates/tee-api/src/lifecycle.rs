//! Why the service runs, and that it has run before.

use core::fmt;

/// Why the service was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartReason {
    /// The platform was reset or switched on: what lives and dies with it begins anew.
    PlatformReset,
    /// The service alone was started again while the platform went on: what it had in memory is lost, and must not
    /// look as if the platform had been reset.
    ServiceRestart,
}

/// Whether the platform can tell a restart of the service from its own, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LifecycleAssurance {
    /// It cannot: every start looks like a reset.
    None,
    /// It can, as long as the normal world does not interfere.
    NormalWorld,
    /// It can, whatever the normal world does.
    Secure,
}

/// Whether a service was provisioned on this device, as something outside its store knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provisioning {
    /// Nothing outside the store remembers.
    Unknown,
    /// It was not: an empty store is a new device's.
    Fresh,
    /// It was: an empty store is one that was lost.
    Provisioned,
}

/// The marker cannot be read or set now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkerError;

impl fmt::Display for MarkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the provisioning marker cannot be reached now")
    }
}

impl core::error::Error for MarkerError {}

/// The service's life on the device.
pub trait Lifecycle {
    /// Whether [`Lifecycle::start_reason`] can be relied on.
    fn lifecycle_assurance(&self) -> LifecycleAssurance;

    /// Why the service was started.
    fn start_reason(&self) -> StartReason;

    /// Whether the service was provisioned here before: a fuse, a marker in another memory.
    fn provisioning(&mut self) -> Result<Provisioning, MarkerError>;

    /// From now on [`Lifecycle::provisioning`] answers [`Provisioning::Provisioned`], for ever, unless nothing outside
    /// the store can remember.
    fn mark_provisioned(&mut self) -> Result<(), MarkerError>;

    /// The service can go on no longer. The platform reports `why` where a person sees it, and sees to it that the
    /// service does not quietly start again before the platform's reset.
    fn fail(&mut self, why: &str);
}
