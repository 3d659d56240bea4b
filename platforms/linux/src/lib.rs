//! The unified TEE API on a Linux process.
//!
//! [`LinuxPlatform`] takes entropy from the kernel, time from the clock that runs through suspend, and keeps its
//! records in a sealed journal that is overwritten in place ([`sealed_journal`] has the format and its reasons). Nothing
//! here is hardware: whoever is root on the machine can read the process and put old files back, and the assurances
//! say so.
//!
//! ```
//! use platform_linux::{LinuxPlatform, StateOptions};
//! use tee_api::{AtomicStore, Change, RecordKey, StoreError};
//!
//! # let temporary = tempfile::tempdir()?;
//! # let folder = temporary.path().join("tpm");
//! let mut platform = LinuxPlatform::open(&StateOptions::new(&folder))?;
//! assert_eq!(platform.load(&mut |_, _| {}), Err(StoreError::Missing));
//! let key = RecordKey { kind: 1, id: 1 };
//! platform.commit(&[Change::Put { key, value: b"kept through a power cut" }])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod control;
mod error;
mod folder;
mod inspect;
mod key;
mod medium;
mod platform;
mod store;

pub use control::Control;
pub use error::OpenError;
pub use inspect::{StateView, inspect, prospect};
pub use key::{KeySource, KeySourceError};
pub use medium::Durability;
pub use platform::LinuxPlatform;
pub use sealed_journal::{Damage, Identity, StateHeader, Usage};
pub use store::{DEFAULT_SLOT_SIZE, ForeignFiles, StateOptions};
