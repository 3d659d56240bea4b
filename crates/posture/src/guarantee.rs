//! What a TPM needs of the platform underneath.

/// What may be guaranteed. The numbers stand in evidence and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Guarantee {
    /// Seeds and nonces cannot be predicted.
    Entropy = 1,
    /// State outlives the power and is nobody else's to read.
    Storage = 2,
    /// Old state that is put back is found out.
    Rollback = 3,
    /// Nobody moves the time.
    Clock = 4,
    /// State and exports can be tied to this device.
    DeviceKey = 5,
    /// Nobody reads or changes the TPM's memory.
    Isolation = 6,
    /// Callers can be told apart.
    ClientIdentity = 7,
    /// PCRs come back to their start only with the platform.
    FateSharing = 8,
    /// An empty store is known to be new, or known to be lost.
    Provisioning = 9,
}

impl Guarantee {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Entropy,
        Self::Storage,
        Self::Rollback,
        Self::Clock,
        Self::DeviceKey,
        Self::Isolation,
        Self::ClientIdentity,
        Self::FateSharing,
        Self::Provisioning,
    ];

    /// Its name in policy files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::Storage => "storage",
            Self::Rollback => "rollback",
            Self::Clock => "clock",
            Self::DeviceKey => "device-key",
            Self::Isolation => "isolation",
            Self::ClientIdentity => "client-identity",
            Self::FateSharing => "fate-sharing",
            Self::Provisioning => "provisioning",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize - 1
    }
}

/// How well something is guaranteed, weakest first. The numbers stand in evidence and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Not at all.
    Missing = 0,
    /// Against mishaps or weak attackers, not against those that a TEE is built against.
    Weak = 1,
    /// As a TPM needs it.
    Given = 2,
}

impl Level {
    /// Its name in policy files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Weak => "weak",
            Self::Given => "given",
        }
    }
}
