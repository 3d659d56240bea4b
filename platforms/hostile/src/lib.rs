//! A simulated TEE, hostile by a plan: its power goes at a write, its medium tears, reorders, is late, fails and keeps,
//! acknowledges and drops, brings old content back; its counter is withheld, its entropy dries up or sticks, its clock
//! jumps; its caller rewrites shared memory during a call.
//!
//! Everything follows from a seed and a [`Plan`]. Under it lies the real [`sealed_journal`]: what is simulated is the
//! medium, sector by sector, with a cache that a power cut takes.
//!
//! - [`HostilePlatform`] is the device; the value is a handle, as `platform-memory`'s is.
//! - [`Recording`] is all that a run did to the medium and the counter: what a power cut at any moment of it leaves
//!   can be had without running it again.
//! - [`Case::shrink`] finds the smallest plan and the fewest commands that still fail, and writes them as Rust.
//! - [`HostileBuffer`] is memory shared with a caller who rewrites it.
#![forbid(unsafe_code)]

mod disk;
mod plan;
mod platform;
mod random;
mod recording;
mod shared;
mod shrink;

pub use disk::SECTOR_SIZE;
pub use plan::{Call, Counts, Fault, Plan, What};
pub use platform::HostilePlatform;
pub use random::Random;
pub use recording::{Cut, Moment, Recording};
pub use shared::HostileBuffer;
pub use shrink::Case;
