//! A complete TPM 2.0 (TPM 2.0 Library Specification, version 185): commands, sessions, objects, NV and PCRs.
//!
//! The crate knows no platform: it talks to one through [`tee_api`]. It has no global state, so a process holds as
//! many TPMs as it likes, and it allocates nothing: a [`Tpm`] lives in [`Memory`] of its owner's.
//!
//! ```
//! use platform_memory::MemoryPlatform; // or any other implementation of `tee_api`
//! use tpm2_core::{Memory, Tpm};
//! let mut memory = Box::new(Memory::<16384, 16384>::new());
//! let mut tpm = Tpm::new(memory.slices(), MemoryPlatform::new(1), &tpm2_crypto::engine::SOFTWARE);
//! tpm.manufacture()?;
//! let response = tpm.execute(0, b"\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0"); // TPM2_Startup(CLEAR)
//! assert_eq!(response, b"\x80\x01\0\0\0\x0a\0\0\0\0"); // TPM_RC_SUCCESS
//! # Ok::<(), tpm2_core::FailureReason>(())
//! ```
//!
//! The specification is the map. [`command`] has Part 3, one file a command; the private module `pipeline` what
//! Part 1 says of every command; [`state`] all that a TPM remembers.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod algorithm;
mod arena;
mod attest;
mod authorization;
mod capability;
mod clock;
pub mod command;
mod context;
mod dictionary_attack;
mod failure;
pub mod firmware;
mod ledger;
mod manufacture;
mod memory;
mod nv;
mod object;
mod pcr;
mod pipeline;
pub mod profile;
mod saved_context;
mod self_test;
mod session;
mod signature;
pub mod state;
mod ticket;
mod tpm;
mod transfer;

pub use failure::FailureReason;
pub use memory::{MAX_COMMAND_SIZE, MAX_RESPONSE_SIZE, Memory, Slices};
pub use nv::posture_index;
pub use tpm::{Start, Tpm};
pub use transfer::{TOKEN_SIZE, Target, Token, TransferError};
