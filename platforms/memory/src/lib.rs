//! A platform that lives in memory.
//!
//! [`MemoryPlatform`] is a whole device for tests: entropy follows a seed, time stands until it is moved, the store
//! can be copied and put back, and every call can be made to fail. [`Records`] is the image of a store's records
//! with transactions applied whole or not at all; stores that keep such an image over their medium build on it.
//! [`SharedMemory`] is a caller's memory, which the caller may rewrite at each look that a service takes.
//!
//! ```
//! use platform_memory::MemoryPlatform;
//! use tee_api::{AtomicStore, Change, RecordKey, StoreError};
//!
//! let device = MemoryPlatform::new(1);
//! // What a service owns; the test keeps `device` to script it.
//! let mut platform = device.handle();
//! let key = RecordKey { kind: 1, id: 7 };
//! device.fail_next_commit(StoreError::Unavailable);
//! assert_eq!(platform.commit(&[Change::Delete { key }]), Err(StoreError::Unavailable));
//! assert_eq!(platform.commit(&[Change::Put { key, value: b"kept" }]), Ok(()));
//! assert_eq!(device.counts().commits_kept, 1);
//! ```
#![forbid(unsafe_code)]

mod platform;
mod shared_memory;

pub use platform::{Counts, MemoryPlatform};
pub use sealed_journal::Records;
pub use shared_memory::SharedMemory;
