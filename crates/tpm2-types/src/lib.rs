//! TPM 2.0 Library Specification, Part 2 (version 185): constants, handles, attributes, interface types,
//! structures, unions and lists, response codes with their positions, and marshalling both ways.
//!
//! On the way in, values borrow the bytes they were read from and an illegal value cannot be constructed:
//! [`Unmarshal`] answers the response code that Part 2 names. On the way out, [`Marshal`] writes into a
//! buffer of the caller's. Nothing allocates.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod constants;

mod attributes;
mod codec;
mod handle;
mod interface;
pub mod limits;
mod response_code;
mod structure;
mod supported;

pub use attributes::*;
pub use codec::{Marshal, MaxSize, Nullable, Reader, TypeName, Unmarshal, Writer};
pub use constants::*;
pub use handle::*;
pub use interface::*;
pub use response_code::{Position, ResponseCode};
pub use structure::*;
pub use supported::Supported;

/// The result of an operation that may end with a response code.
pub type Result<T, E = ResponseCode> = core::result::Result<T, E>;
