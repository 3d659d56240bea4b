//! What stands between the service and everything else.

/// What keeps others out of the service's memory, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IsolationAssurance {
    /// Nothing.
    None,
    /// A secure world in name: this device's hardware protects neither its memory nor its boot.
    Unprotected,
    /// An operating system's process: its kernel and its administrator see everything.
    Process,
    /// A secure world, its memory kept from the normal world by hardware, started by a verified boot.
    SecureWorld,
}

/// States what keeps others out. There is nothing to call: isolation is there, or it is not.
pub trait Isolation {
    /// What keeps others out of the service's memory.
    fn isolation_assurance(&self) -> IsolationAssurance;
}
