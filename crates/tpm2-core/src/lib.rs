//! A complete TPM 2.0 (TPM 2.0 Library Specification, version 185): commands, sessions, objects, NV and PCRs.
//!
//! The crate knows no platform: it talks to one through [`tee_api`]. It has no global state, so a process holds as
//! many TPMs as it likes, and it allocates nothing: a [`Tpm`] lives in [`Memory`] of its owner's.
//!
//! The specification is the map. [`command`] has Part 3, one file a command; [`pipeline`](self) what Part 1 says of
//! every command; [`state`] all that a TPM remembers.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod algorithm;
mod arena;
mod authorization;
mod capability;
mod clock;
pub mod command;
mod context;
mod dictionary_attack;
mod firmware;
mod manufacture;
mod memory;
mod nv;
mod object;
mod pcr;
mod pipeline;
pub mod profile;
mod self_test;
mod session;
pub mod state;
mod tpm;

pub use memory::{MAX_COMMAND_SIZE, MAX_RESPONSE_SIZE, Memory, Slices};
pub use tpm::{FailureReason, Start, Tpm};
