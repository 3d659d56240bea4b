//! The unified TEE API: what a trusted service may ask of any TEE, and how strongly that TEE can answer.
//!
//! Each trait is small and states the assurance with which the platform answers; a missing capability is an
//! implementation whose assurance is the lowest, not an absent one. A platform implements the traits; a service
//! takes `&mut dyn Platform` and knows no platform. What callers get is a [`TrustedService`], written once as well.
//!
//! `docs/unified-api.md` has the design, and how it maps to GlobalPlatform's Internal Core API, PSA and bare hardware.
#![no_std]
#![forbid(unsafe_code)]

mod accelerator;
mod checkpoint;
mod client;
mod clock;
mod counter;
mod device_key;
mod entropy;
mod isolation;
mod lifecycle;
mod service;
mod shared_buffer;
mod store;

pub use accelerator::{Accelerator, AcceleratorError};
pub use checkpoint::{Checkpoint, Flow};
pub use client::{Client, ClientAssurance, ClientIdentity};
pub use clock::{Clock, ClockAssurance, ClockError};
pub use counter::{CounterAssurance, CounterError, MonotonicCounter};
pub use device_key::{DeviceKey, DeviceKeyAssurance, DeviceKeyError, MAX_DERIVED_KEY_SIZE};
pub use entropy::{Entropy, EntropyAssurance, EntropyError, EntropyHealth};
pub use isolation::{Isolation, IsolationAssurance};
pub use lifecycle::{Lifecycle, LifecycleAssurance, MarkerError, Provisioning, StartReason};
pub use service::{Direction, Parameter, Parameters, ServiceError, SessionId, TrustedService};
pub use shared_buffer::{SharedBuffer, SharedBufferError};
pub use store::{AtomicStore, Change, RecordKey, StoreAssurance, StoreError};

/// All that a trusted service needs of the TEE it runs in.
pub trait Platform:
    Entropy
    + AtomicStore
    + MonotonicCounter
    + Clock
    + DeviceKey
    + ClientIdentity
    + Isolation
    + Lifecycle
    + Checkpoint
{
    /// Hardware that takes over heavy arithmetic, where there is some.
    fn accelerator(&mut self) -> Option<&mut dyn Accelerator> {
        None
    }
}
