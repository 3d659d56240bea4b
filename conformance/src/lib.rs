//! The TPM against the specification: every row of `spec/response_codes.csv` is asserted by a test case of
//! [`response_codes`] or stands in `unreachable.toml` with its reason.
//!
//! The cases run against any [`machine::Machine`]: this TPM within the process, with a digest of its whole state
//! before and after every refused command, or a peer for comparison.
#![forbid(unsafe_code)]

pub mod bed;
mod keys;
pub mod machine;
pub mod response_codes;
pub mod table;
