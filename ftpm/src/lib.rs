//! The program `ftpm`: a TPM 2.0 as a Linux process.
//!
//! [`service`] says what the program needs of a TPM, [`machine`] is one TPM with its power switch, [`server`] puts it
//! on sockets, [`composition`] makes the real one, and [`command`] holds the subcommands.
#![forbid(unsafe_code)]

pub mod board;
pub mod command;
pub mod composition;
pub mod config;
pub mod ending;
pub mod endorsement;
pub mod folders;
pub mod hexadecimal;
pub mod logging;
pub mod machine;
pub mod option_list;
pub mod policy_file;
pub mod report;
pub mod server;
pub mod service;
pub mod verifier;
