//! Structures, unions and lists (Part 2, 10 to 16).

#[macro_use]
mod macros;

mod asymmetric;
mod attached_component;
mod attest;
mod authorization;
mod capability;
mod clock;
mod context;
mod creation;
mod hash;
mod keyed_hash;
mod list;
mod nv;
mod pcr;
mod post_quantum;
mod private;
mod property;
mod public;
mod signature;
mod sized_buffer;
mod symmetric;
mod ticket;

pub use asymmetric::*;
pub use attached_component::*;
pub use attest::*;
pub use authorization::*;
pub use capability::*;
pub use clock::*;
pub use context::*;
pub use creation::*;
pub use hash::*;
pub use keyed_hash::*;
pub use list::*;
pub use nv::*;
pub use pcr::*;
pub use post_quantum::*;
pub use private::*;
pub use property::*;
pub use public::*;
pub use signature::*;
pub use sized_buffer::*;
pub use symmetric::*;
pub use ticket::*;
