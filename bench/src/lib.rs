//! Measures TPM 2.0 implementations over their wire protocols.
//!
//! * [`wire`] – big-endian writer and reader
//! * [`cmd`] – raw command builders and constants
//! * [`session`] – HMAC session state (HMAC computation, nonce rolling)
//! * [`transport`] – mssim TCP, swtpm sockets, character device
//! * [`server`] – starts servers; reads their CPU time, memory, I/O, state size
//! * [`tpm`] – a connection that times commands
//! * [`ops`] – the catalogue of measured operations
//! * [`stats`] – order statistics and bootstrap intervals
//! * [`report`] – tables and JSON
//! * [`modes`] – latency, throughput, startup and scaling runs
#![allow(missing_docs, reason = "the insides of one program: documented where a name does not say it all")]

pub mod cmd;
pub mod modes;
pub mod ops;
pub mod report;
pub mod server;
pub mod session;
pub mod stats;
pub mod tpm;
pub mod transport;
pub mod wire;

/// All fallible functions here report a message for the user.
pub type Result<T> = std::result::Result<T, String>;
