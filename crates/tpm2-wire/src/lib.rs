//! Sans-IO codecs of the protocols around a TPM.
//!
//! * [`simulator`]: the two TCP ports of the reference simulator (tpm2-tss's `mssim`).
//! * [`data_channel`]: commands on a byte stream as swtpm takes them, raw or behind a prefix.
//! * [`control_channel`]: swtpm's control channel, which plays the part of the platform.
//!
//! Decoding is incremental: the caller keeps the bytes that have arrived, in one buffer, and asks for the message at
//! its front. [`Decoded::Incomplete`] means that more bytes are needed; nothing is ever copied or allocated.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod codes;
pub mod control_channel;
pub mod data_channel;
mod fields;
mod reply;
pub mod simulator;

pub use reply::Reply;

use core::fmt;

/// Size of the header of every TPM command and response: tag, size, code (Part 1, "Command/Response Structure").
pub const HEADER_SIZE: usize = 10;

/// What stands at the front of the bytes that have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<T> {
    /// The beginning of a message; more bytes are needed.
    Incomplete,
    /// A whole message, or a whole piece of one that is streamed.
    Message {
        /// The message.
        message: T,
        /// How many bytes it takes up at the front.
        length: usize,
    },
}

/// Why the bytes at the front are no message. The end of a bad message cannot be found, so that the caller closes the
/// connection or drops what has arrived, whichever the protocol's reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The protocol knows no message with this code.
    UnknownCode(u32),
    /// The message announces more bytes than may be sent.
    TooLarge {
        /// How many it announces.
        announced: u32,
        /// How many may be sent.
        largest: u32,
    },
    /// A field has a value that the protocol does not allow.
    BadField,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCode(code) => write!(f, "no message has the code {code:#x}"),
            Self::TooLarge { announced, largest } => {
                write!(f, "a message of {announced} bytes where {largest} are allowed")
            }
            Self::BadField => f.write_str("a field has a value that the protocol does not allow"),
        }
    }
}

impl core::error::Error for WireError {}

/// The response without parameters or sessions that says `response_code`, for a TPM that cannot say it itself.
pub const fn error_response(response_code: u32) -> [u8; HEADER_SIZE] {
    let [a, b, c, d] = response_code.to_be_bytes();
    [0x80, 0x01, 0, 0, 0, HEADER_SIZE as u8, a, b, c, d]
}

/// The command code of `command`, if it is long enough to have one.
pub fn command_code(command: &[u8]) -> Option<u32> {
    command.get(6..10)?.try_into().ok().map(u32::from_be_bytes)
}

/// The response code of `response`, if it is long enough to have one.
pub fn response_code(response: &[u8]) -> Option<u32> {
    command_code(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_responses_read_back() {
        let response = error_response(0x0101);
        assert_eq!(response, [0x80, 1, 0, 0, 0, 10, 0, 0, 1, 1]);
        assert_eq!(response_code(&response), Some(0x0101));
        assert_eq!(command_code(&response[..9]), None);
    }
}
