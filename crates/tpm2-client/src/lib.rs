//! The caller's side of a TPM 2.0: commands, responses and sessions, over any transport.
//!
//! [`Command`] is a command under construction, with parameters as types of `tpm2-types` or as raw bytes, so that
//! tests can also say what is illegal. [`Client`] sends it over a [`Transport`] with [`Authorization`]s: passwords or
//! [`Session`]s (HMAC, policy, trial; bound, salted; AES-CFB and XOR parameter encryption both ways), rolls the
//! nonces and checks the HMAC of the response. [`commands`] has a constructor for each command, [`template`] the
//! usual public areas.
//!
//! ```no_run
//! use tpm2_client::{Client, commands, transport::Stream};
//!
//! # fn main() -> tpm2_client::Result<()> {
//! let mut client = Client::new(Stream::tcp("127.0.0.1:2321")?);
//! let response = client.run(&commands::get_random(16))?;
//! assert_eq!(response.fields().sized()?.len(), 16);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod bytes;
mod client;
mod command;
pub mod commands;
mod encryption;
mod entity;
mod error;
mod response;
mod salt;
mod session;
pub mod template;
pub mod transport;

pub use bytes::{Append, Bytes};
pub use client::{Client, StartSession};
pub use command::{Authorization, Command};
pub use entity::{Entity, name_of_public};
pub use error::{Error, Result};
pub use response::{Fields, Response};
pub use session::{ParameterEncryption, Session};
pub use transport::Transport;
