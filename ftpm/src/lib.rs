//! The program `ftpm`: a TPM 2.0 as a Linux process.
//!
//! [`service`] says what the program needs of a TPM, [`machine`] is one TPM with its power switch, [`server`] puts it
//! on sockets, [`composition`] makes the real one, and [`command`] holds the subcommands.
#![forbid(unsafe_code)]

pub mod command;
pub mod composition;
pub mod ending;
pub mod endorsement;
pub mod folders;
pub mod logging;
pub mod machine;
pub mod option_list;
pub mod server;
pub mod service;
