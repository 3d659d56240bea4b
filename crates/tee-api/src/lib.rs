//! The unified TEE API: what a trusted service may ask of any TEE, and how strongly that TEE can answer.
//!
//! Each trait is small and states the assurance with which the platform answers; a missing capability is an
//! implementation whose assurance is the lowest, not an absent one. A platform implements the traits; a service
//! takes `&mut dyn Platform` and knows no platform.
#![no_std]
#![forbid(unsafe_code)]

mod checkpoint;
mod clock;
mod entropy;
mod store;

pub use checkpoint::{Checkpoint, Flow};
pub use clock::{Clock, ClockAssurance, ClockError};
pub use entropy::{Entropy, EntropyAssurance, EntropyError};
pub use store::{AtomicStore, Change, RecordKey, StoreAssurance, StoreError};

/// All that a trusted service needs of the TEE it runs in.
pub trait Platform: Entropy + AtomicStore + Clock + Checkpoint {}

impl<T: Entropy + AtomicStore + Clock + Checkpoint> Platform for T {}
