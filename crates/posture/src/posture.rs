//! What a platform says of itself.

use tee_api::{
    ClientAssurance, ClockAssurance, CounterAssurance, DeviceKeyAssurance, EntropyAssurance, EntropyHealth,
    IsolationAssurance, LifecycleAssurance, Platform, Provisioning, StoreAssurance,
};

use crate::{Guarantee, Level};

/// What a platform says of itself, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posture {
    /// Where entropy comes from.
    pub entropy: EntropyAssurance,
    /// How its source is.
    pub entropy_health: EntropyHealth,
    /// What the store protects from.
    pub store: StoreAssurance,
    /// What keeps the counter from going back.
    pub counter: CounterAssurance,
    /// Who keeps the time.
    pub clock: ClockAssurance,
    /// How secret the device's key is.
    pub device_key: DeviceKeyAssurance,
    /// What keeps others out of memory.
    pub isolation: IsolationAssurance,
    /// Who vouches for callers.
    pub client: ClientAssurance,
    /// Whether a restart of the service can be told from a reset.
    pub lifecycle: LifecycleAssurance,
    /// Whether something outside the store remembers that a TPM was made.
    pub has_marker: bool,
}

impl Posture {
    /// Asks a platform.
    pub fn of(platform: &mut dyn Platform) -> Self {
        Self {
            entropy: platform.entropy_assurance(),
            entropy_health: platform.entropy_health(),
            store: platform.store_assurance(),
            counter: platform.counter_assurance(),
            clock: platform.clock_assurance(),
            device_key: platform.device_key_assurance(),
            isolation: platform.isolation_assurance(),
            client: platform.client_assurance(),
            lifecycle: platform.lifecycle_assurance(),
            // A marker that cannot be read now is there all the same.
            has_marker: platform.provisioning() != Ok(Provisioning::Unknown),
        }
    }

    /// How well something is guaranteed.
    pub fn level(&self, guarantee: Guarantee) -> Level {
        match guarantee {
            Guarantee::Entropy => match self.entropy {
                _ if self.entropy_health == EntropyHealth::Failed => Level::Missing,
                EntropyAssurance::None => Level::Missing,
                EntropyAssurance::FusedSeed => Level::Weak,
                EntropyAssurance::OperatingSystem | EntropyAssurance::Hardware => Level::Given,
            },
            Guarantee::Storage => match self.store {
                StoreAssurance::Volatile => Level::Missing,
                StoreAssurance::Durable => Level::Weak,
                StoreAssurance::Sealed | StoreAssurance::ReplayProtected => Level::Given,
            },
            Guarantee::Rollback => self.rollback(),
            Guarantee::Clock => match self.clock {
                ClockAssurance::None => Level::Missing,
                ClockAssurance::NormalWorld => Level::Weak,
                ClockAssurance::Secure => Level::Given,
            },
            Guarantee::DeviceKey => match self.device_key {
                DeviceKeyAssurance::None => Level::Missing,
                DeviceKeyAssurance::Test | DeviceKeyAssurance::Software => Level::Weak,
                DeviceKeyAssurance::Hardware => Level::Given,
            },
            Guarantee::Isolation => match self.isolation {
                IsolationAssurance::None | IsolationAssurance::Unprotected => Level::Missing,
                IsolationAssurance::Process => Level::Weak,
                IsolationAssurance::SecureWorld => Level::Given,
            },
            Guarantee::ClientIdentity => match self.client {
                ClientAssurance::None => Level::Missing,
                ClientAssurance::NormalWorld => Level::Weak,
                ClientAssurance::Secure => Level::Given,
            },
            Guarantee::FateSharing => match self.lifecycle {
                LifecycleAssurance::None => Level::Missing,
                LifecycleAssurance::NormalWorld => Level::Weak,
                LifecycleAssurance::Secure => Level::Given,
            },
            Guarantee::Provisioning if self.has_marker => Level::Given,
            // A counter that has moved remembers as well.
            Guarantee::Provisioning => self.rollback(),
        }
    }

    /// The platform's own answer behind a guarantee, as a number that stands in evidence and never changes.
    pub fn source(&self, guarantee: Guarantee) -> u8 {
        match guarantee {
            Guarantee::Entropy if self.entropy_health == EntropyHealth::Failed => 0xFF,
            Guarantee::Entropy => match self.entropy {
                EntropyAssurance::None => 0,
                EntropyAssurance::FusedSeed => 1,
                EntropyAssurance::OperatingSystem => 2,
                EntropyAssurance::Hardware => 3,
            },
            Guarantee::Storage => match self.store {
                StoreAssurance::Volatile => 0,
                StoreAssurance::Durable => 1,
                StoreAssurance::Sealed => 2,
                StoreAssurance::ReplayProtected => 3,
            },
            Guarantee::Rollback => match (self.store, self.counter) {
                (StoreAssurance::ReplayProtected, _) => 3,
                (_, CounterAssurance::None) => 0,
                (_, CounterAssurance::Software) => 1,
                (_, CounterAssurance::Hardware) => 2,
            },
            Guarantee::Clock => match self.clock {
                ClockAssurance::None => 0,
                ClockAssurance::NormalWorld => 1,
                ClockAssurance::Secure => 2,
            },
            Guarantee::DeviceKey => match self.device_key {
                DeviceKeyAssurance::None => 0,
                DeviceKeyAssurance::Test => 1,
                DeviceKeyAssurance::Software => 2,
                DeviceKeyAssurance::Hardware => 3,
            },
            Guarantee::Isolation => match self.isolation {
                IsolationAssurance::None => 0,
                IsolationAssurance::Unprotected => 1,
                IsolationAssurance::Process => 2,
                IsolationAssurance::SecureWorld => 3,
            },
            Guarantee::ClientIdentity => match self.client {
                ClientAssurance::None => 0,
                ClientAssurance::NormalWorld => 1,
                ClientAssurance::Secure => 2,
            },
            Guarantee::FateSharing => match self.lifecycle {
                LifecycleAssurance::None => 0,
                LifecycleAssurance::NormalWorld => 1,
                LifecycleAssurance::Secure => 2,
            },
            Guarantee::Provisioning if self.has_marker => 3,
            Guarantee::Provisioning => self.source(Guarantee::Rollback).min(2),
        }
    }

    fn rollback(&self) -> Level {
        match (self.store, self.counter) {
            (StoreAssurance::ReplayProtected, _) | (_, CounterAssurance::Hardware) => Level::Given,
            (_, CounterAssurance::Software) => Level::Weak,
            (_, CounterAssurance::None) => Level::Missing,
        }
    }
}
