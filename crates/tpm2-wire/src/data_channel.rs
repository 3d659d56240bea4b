//! swtpm's data channel: TPM commands on a byte stream, raw or behind a prefix that names the locality.
//!
//! A raw command begins with its tag. A prefixed one is {u32 8, u8 locality, u32 size, command} and its answer is
//! {u32 size, response, u32 0}. The frame's length is the command's own size field; where that cannot be, everything
//! that has arrived is one malformed message, which the TPM answers as it would any bad command, and the next frame
//! begins after it.

use crate::fields::{Stop, decode};
use crate::{Decoded, HEADER_SIZE, Reply, WireError, command_code};

/// What goes ahead of the command's size in a prefixed message.
const PREFIX_CODE: [u8; 4] = [0, 0, 0, 8];
/// Code, locality, size.
const PREFIX_SIZE: usize = 9;
/// Tags TPM_ST_NO_SESSIONS and TPM_ST_SESSIONS differ in their last bits only (Part 2, 6.9).
const TAGS: [[u8; 2]; 2] = [[0x80, 0x01], [0x80, 0x02]];
/// The driver's own command that sets the locality; it does not reach the TPM.
const SET_LOCALITY: u32 = 0x2000_1000;

/// The most bytes that a message has whose command has `largest` bytes.
pub const fn largest_message(largest: usize) -> usize {
    largest + PREFIX_SIZE
}

/// A message on the data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataMessage<'a> {
    /// A command for the TPM, answered raw.
    Command(&'a [u8]),
    /// A command for the TPM, answered between [`prefixed_reply`]'s two parts.
    Prefixed {
        /// The locality it comes from.
        locality: u8,
        /// The command.
        command: &'a [u8],
    },
    /// All later raw commands come from this locality.
    SetLocality(u8),
}

/// The message at the front of `bytes`. No command has more than `largest` bytes; `bytes` may hold
/// [`largest_message`].
pub fn decode_data(bytes: &[u8], largest: usize) -> Decoded<DataMessage<'_>> {
    match bytes.first_chunk() {
        Some(&PREFIX_CODE) => decode_prefixed(bytes, largest),
        None if PREFIX_CODE.starts_with(bytes) => Decoded::Incomplete,
        _ => decode_raw(bytes, largest),
    }
}

/// What goes ahead of a command that names its locality.
pub fn prefix(locality: u8, command_size: u32) -> Reply {
    Reply::new(u32::from_be_bytes(PREFIX_CODE)).field(&[locality]).u32(command_size)
}

/// What goes ahead of the response to a prefixed command, and what follows it.
pub fn prefixed_reply(response_size: u32) -> ([u8; 4], [u8; 4]) {
    (response_size.to_be_bytes(), [0; 4])
}

fn decode_prefixed(bytes: &[u8], largest: usize) -> Decoded<DataMessage<'_>> {
    let whole = decode(bytes, |fields| {
        fields.u32()?;
        let locality = fields.u8()?;
        let size = fields.u32()?;
        Ok::<_, Stop>(DataMessage::Prefixed { locality, command: fields.bytes(size, largest)? })
    });
    match (whole, bytes) {
        (Ok(decoded), _) => decoded,
        // Too large: what has arrived of it gets the TPM's answer to a bad size.
        (Err(WireError::TooLarge { .. }), [_, _, _, _, locality, _, _, _, _, command @ ..]) => {
            Decoded::Message {
                message: DataMessage::Prefixed { locality: *locality, command: cut(command, largest) },
                length: bytes.len(),
            }
        }
        (Err(_), _) => malformed(bytes, largest),
    }
}

fn decode_raw(bytes: &[u8], largest: usize) -> Decoded<DataMessage<'_>> {
    let Some((tag, [a, b, c, d, ..])) = bytes.split_first_chunk::<2>() else { return Decoded::Incomplete };
    if bytes.len() < HEADER_SIZE {
        return Decoded::Incomplete;
    }
    let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    if !TAGS.contains(tag) || !(HEADER_SIZE..=largest).contains(&size) {
        return malformed(bytes, largest);
    }
    let Some((command, rest)) = bytes.split_at_checked(size) else { return Decoded::Incomplete };
    if !begins_message(rest) {
        return malformed(bytes, largest);
    }
    let message = match (command_code(command), command.get(HEADER_SIZE)) {
        (Some(SET_LOCALITY), Some(locality)) => DataMessage::SetLocality(*locality),
        _ => DataMessage::Command(command),
    };
    Decoded::Message { message, length: size }
}

/// Whether a message may begin with `bytes`: another command follows, rather than bytes that the size left out.
fn begins_message(bytes: &[u8]) -> bool {
    TAGS.iter().map(<[u8; 2]>::as_slice).chain([PREFIX_CODE.as_slice()]).any(|start| {
        let common = start.len().min(bytes.len());
        start.get(..common) == bytes.get(..common)
    })
}

fn malformed(bytes: &[u8], largest: usize) -> Decoded<DataMessage<'_>> {
    Decoded::Message { message: DataMessage::Command(cut(bytes, largest)), length: bytes.len() }
}

fn cut(bytes: &[u8], largest: usize) -> &[u8] {
    bytes.get(..largest).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const LARGEST: usize = 4096;
    const GET_RANDOM: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7B, 0, 8];

    fn message(message: DataMessage<'_>, length: usize) -> Decoded<DataMessage<'_>> {
        Decoded::Message { message, length }
    }

    fn joined(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn raw_and_prefixed_commands() {
        assert_eq!(decode_data(&GET_RANDOM, LARGEST), message(DataMessage::Command(&GET_RANDOM), 12));
        let prefixed = joined(&[&prefix(3, 12), &GET_RANDOM]);
        let expected = DataMessage::Prefixed { locality: 3, command: &GET_RANDOM };
        assert_eq!(decode_data(&prefixed, LARGEST), message(expected, 21));
        for bytes in [&GET_RANDOM[..], &prefixed] {
            for short in 0..bytes.len() {
                assert_eq!(decode_data(&bytes[..short], LARGEST), Decoded::Incomplete, "cut at {short}");
            }
        }
    }

    #[test]
    fn set_locality_stays_on_this_side() {
        let bytes = [0x80, 1, 0, 0, 0, 11, 0x20, 0, 0x10, 0, 4];
        assert_eq!(decode_data(&bytes, LARGEST), message(DataMessage::SetLocality(4), 11));
        let without_locality = [0x80, 1, 0, 0, 0, 10, 0x20, 0, 0x10, 0];
        assert_eq!(
            decode_data(&without_locality, LARGEST),
            message(DataMessage::Command(&without_locality), 10)
        );
    }

    #[test]
    fn commands_may_follow_each_other() {
        for next in [&GET_RANDOM[..], &[0x80], &[0x80, 2], &[0, 0, 0], &[0, 0, 0, 8, 1]] {
            let bytes = joined(&[&GET_RANDOM, next]);
            assert_eq!(
                decode_data(&bytes, LARGEST),
                message(DataMessage::Command(&GET_RANDOM), 12),
                "{next:?}"
            );
        }
    }

    #[test]
    fn malformed_messages_reach_the_tpm_whole() {
        let mut too_large = vec![0x80, 1, 0, 0, 0x10, 1];
        too_large.resize(LARGEST + 9, 0);
        let rows: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\n\r\n",
            &[0x80, 1, 0, 0, 0, 9, 0, 0, 1, 0x7B],
            &[0x80, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 1, 0x7B],
            &[0, 0xC1, 0, 0, 0, 10, 0, 0, 1, 0x7B],
            &joined(&[&GET_RANDOM, &[7]]),
            &joined(&[&GET_RANDOM, &[0x80, 3]]),
        ];
        for bytes in rows {
            assert_eq!(
                decode_data(bytes, LARGEST),
                message(DataMessage::Command(bytes), bytes.len()),
                "{bytes:?}"
            );
        }
        assert_eq!(
            decode_data(&too_large, LARGEST),
            message(DataMessage::Command(&too_large[..LARGEST]), too_large.len())
        );
        let bytes = joined(&[&prefix(2, 4097), &GET_RANDOM]);
        let expected = DataMessage::Prefixed { locality: 2, command: &GET_RANDOM };
        assert_eq!(decode_data(&bytes, LARGEST), message(expected, bytes.len()));
    }

    proptest! {
        #[test]
        fn every_full_buffer_moves_on(bytes in proptest::collection::vec(any::<u8>(), 0..200), tagged: bool) {
            let mut bytes = bytes;
            if let (true, Some(start)) = (tagged, bytes.first_chunk_mut()) {
                *start = [0x80, 1, 0, 0, 0];
            }
            bytes.resize(largest_message(256), 0);
            let moved = matches!(
                decode_data(&bytes, 256),
                Decoded::Message { length, .. } if length > 0 && length <= bytes.len()
            );
            prop_assert!(moved);
        }
    }
}
