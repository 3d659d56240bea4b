//! Who calls.

/// A caller, as the TEE knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Anybody in the normal world: the TEE cannot tell them apart.
    NormalWorld,
    /// The normal world's kernel itself.
    Kernel,
    /// A user of the normal world's, by its number.
    User(u32),
    /// Another trusted service, by its UUID.
    Service([u8; 16]),
}

/// Who vouches for the caller's identity, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientAssurance {
    /// Nobody: every caller looks the same.
    None,
    /// The normal world's kernel.
    NormalWorld,
    /// The TEE itself.
    Secure,
}

/// Tells callers apart.
pub trait ClientIdentity {
    /// Who vouches for what [`ClientIdentity::client`] says.
    fn client_assurance(&self) -> ClientAssurance;

    /// Who made the call that is being served.
    fn client(&self) -> Client;
}
