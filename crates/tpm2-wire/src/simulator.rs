//! The reference simulator's TCP protocol, which tpm2-tss calls `mssim`.
//!
//! Two connections: commands on one port, the platform's signals on the next. A client sends a code and its arguments;
//! the server answers with its results and then [`ACKNOWLEDGEMENT`]. A session's end and a stop are not acknowledged.
//! After a code that does not belong to its port the connection is closed; on the platform port
//! [`PLATFORM_REFUSAL`] goes ahead of that.

use crate::codes::wire_codes;
use crate::fields::{Fields, Stop, decode};
use crate::{Decoded, Reply, WireError};

/// Ends every answer: done, without error.
pub const ACKNOWLEDGEMENT: [u8; 4] = [0; 4];

/// What the platform port answers before it closes, where it does not know the code.
pub const PLATFORM_REFUSAL: [u8; 4] = [0, 0, 0, 1];

/// The version of the protocol.
pub const SERVER_VERSION: u32 = 1;

/// Flags of the handshake that say what the endpoint is.
pub mod endpoint {
    /// The platform port is there.
    pub const PLATFORM_AVAILABLE: u32 = 1;
    /// The TPM is shared through a resource manager.
    pub const USES_TBS: u32 = 2;
    /// Commands go to the TPM as they come.
    pub const RAW: u32 = 4;
    /// Physical presence can be signalled.
    pub const SUPPORTS_PHYSICAL_PRESENCE: u32 = 8;
}

wire_codes! {
    /// The first field of every request.
    SimulatorCode {
        /// Power comes: _TPM_Init.
        PowerOn = 1,
        /// Power goes, and with it everything that is not in NV.
        PowerOff = 2,
        /// Physical presence is asserted.
        PhysicalPresenceOn = 3,
        /// Physical presence is asserted no longer.
        PhysicalPresenceOff = 4,
        /// _TPM_Hash_Start.
        HashStart = 5,
        /// _TPM_Hash_Data.
        HashData = 6,
        /// _TPM_Hash_End.
        HashEnd = 7,
        /// A command for the TPM.
        SendCommand = 8,
        /// Long commands end with TPM_RC_CANCELED until further notice.
        CancelOn = 9,
        /// Commands run to their end again.
        CancelOff = 10,
        /// NV is available.
        NvOn = 11,
        /// NV is not available.
        NvOff = 12,
        /// Keys generated ahead may be used.
        KeyCacheOn = 13,
        /// Keys generated ahead may not be used.
        KeyCacheOff = 14,
        /// Both sides say who they are.
        RemoteHandshake = 15,
        /// The next answer's result (ignored by every server).
        SetAlternativeResult = 16,
        /// _TPM_Init without loss of power.
        Reset = 17,
        /// The platform restarts: for the TPM the same as a reset.
        Restart = 18,
        /// The client leaves.
        SessionEnd = 20,
        /// The server is to end.
        Stop = 21,
        /// The largest command and response, allowed and seen.
        GetCommandResponseSizes = 25,
        /// Whether an authenticated countdown timer has signalled.
        ActGetSignaled = 26,
        /// The TPM enters failure mode.
        TestFailureMode = 30,
        /// The firmware's hash.
        SetFirmwareHash = 35,
        /// The firmware's SVN.
        SetFirmwareSvn = 36,
    }
}

/// A request on the command port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandRequest<'a> {
    /// A command for the TPM; answered by [`command_reply`].
    SendCommand {
        /// The locality it comes from.
        locality: u8,
        /// The command.
        command: &'a [u8],
    },
    /// _TPM_Hash_Start.
    HashStart,
    /// _TPM_Hash_Data.
    HashData(&'a [u8]),
    /// _TPM_Hash_End.
    HashEnd,
    /// Answered by [`handshake_reply`].
    Handshake {
        /// The version that the client speaks; never 0.
        client_version: u32,
    },
    /// Acknowledged and ignored.
    SetAlternativeResult(u32),
    /// The client leaves; not acknowledged.
    SessionEnd,
    /// The server is to end; not acknowledged.
    Stop,
}

/// A request on the platform port. All but the last two of the list are answered by [`ACKNOWLEDGEMENT`] alone,
/// unless they say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformRequest {
    /// Power comes (true) or goes.
    Power(bool),
    /// Physical presence is asserted (true) or not.
    PhysicalPresence(bool),
    /// Long commands are to end (true) or may run.
    Cancel(bool),
    /// NV is available (true) or not.
    Nv(bool),
    /// Keys generated ahead may be used (true) or not.
    KeyCache(bool),
    /// _TPM_Init without loss of power.
    Reset,
    /// Answered by [`sizes_reply`].
    GetCommandResponseSizes,
    /// Answered by [`act_reply`].
    ActGetSignaled {
        /// The timer's handle.
        handle: u32,
    },
    /// The TPM enters failure mode.
    TestFailureMode,
    /// The firmware's hash.
    SetFirmwareHash(u32),
    /// The firmware's SVN, in the low 16 bits.
    SetFirmwareSvn(u32),
    /// The client leaves; not acknowledged.
    SessionEnd,
    /// The server is to end; not acknowledged.
    Stop,
}

/// The request at the front of `bytes` that came in on the command port; no command has more than `largest` bytes.
///
/// # Errors
/// [`WireError::UnknownCode`], [`WireError::TooLarge`], or [`WireError::BadField`] for a client of version 0. The
/// simulator closes the connection.
pub fn decode_command_port(bytes: &[u8], largest: usize) -> Result<Decoded<CommandRequest<'_>>, WireError> {
    decode(bytes, |fields| {
        Ok(match code(fields)? {
            SimulatorCode::SendCommand => {
                let locality = fields.u8()?;
                CommandRequest::SendCommand { locality, command: sized(fields, largest)? }
            }
            SimulatorCode::HashStart => CommandRequest::HashStart,
            SimulatorCode::HashData => CommandRequest::HashData(sized(fields, largest)?),
            SimulatorCode::HashEnd => CommandRequest::HashEnd,
            SimulatorCode::RemoteHandshake => match fields.u32()? {
                0 => return Err(WireError::BadField.into()),
                client_version => CommandRequest::Handshake { client_version },
            },
            SimulatorCode::SetAlternativeResult => CommandRequest::SetAlternativeResult(fields.u32()?),
            SimulatorCode::SessionEnd => CommandRequest::SessionEnd,
            SimulatorCode::Stop => CommandRequest::Stop,
            other => return Err(WireError::UnknownCode(other.get()).into()),
        })
    })
}

/// The request at the front of `bytes` that came in on the platform port.
///
/// # Errors
/// [`WireError::UnknownCode`]: the simulator sends [`PLATFORM_REFUSAL`] and closes the connection.
pub fn decode_platform_port(bytes: &[u8]) -> Result<Decoded<PlatformRequest>, WireError> {
    decode(bytes, |fields| {
        Ok(match code(fields)? {
            SimulatorCode::PowerOn => PlatformRequest::Power(true),
            SimulatorCode::PowerOff => PlatformRequest::Power(false),
            SimulatorCode::PhysicalPresenceOn => PlatformRequest::PhysicalPresence(true),
            SimulatorCode::PhysicalPresenceOff => PlatformRequest::PhysicalPresence(false),
            SimulatorCode::CancelOn => PlatformRequest::Cancel(true),
            SimulatorCode::CancelOff => PlatformRequest::Cancel(false),
            SimulatorCode::NvOn => PlatformRequest::Nv(true),
            SimulatorCode::NvOff => PlatformRequest::Nv(false),
            SimulatorCode::KeyCacheOn => PlatformRequest::KeyCache(true),
            SimulatorCode::KeyCacheOff => PlatformRequest::KeyCache(false),
            SimulatorCode::Reset | SimulatorCode::Restart => PlatformRequest::Reset,
            SimulatorCode::GetCommandResponseSizes => PlatformRequest::GetCommandResponseSizes,
            SimulatorCode::ActGetSignaled => PlatformRequest::ActGetSignaled { handle: fields.u32()? },
            SimulatorCode::TestFailureMode => PlatformRequest::TestFailureMode,
            SimulatorCode::SetFirmwareHash => PlatformRequest::SetFirmwareHash(fields.u32()?),
            SimulatorCode::SetFirmwareSvn => PlatformRequest::SetFirmwareSvn(fields.u32()?),
            SimulatorCode::SessionEnd => PlatformRequest::SessionEnd,
            SimulatorCode::Stop => PlatformRequest::Stop,
            other => return Err(WireError::UnknownCode(other.get()).into()),
        })
    })
}

/// What goes ahead of a command on the command port.
pub fn command_prefix(locality: u8, command_size: u32) -> Reply {
    Reply::new(SimulatorCode::SendCommand.get()).field(&[locality]).u32(command_size)
}

/// What goes ahead of a response, and what follows it. A TPM without power answers a response of size 0.
pub fn command_reply(response_size: u32) -> ([u8; 4], [u8; 4]) {
    (response_size.to_be_bytes(), ACKNOWLEDGEMENT)
}

/// The answer to a handshake, with flags of [`endpoint`].
pub fn handshake_reply(endpoint: u32) -> Reply {
    Reply::new(SERVER_VERSION).u32(endpoint).field(&ACKNOWLEDGEMENT)
}

/// The answer to GET_COMMAND_RESPONSE_SIZES, all in bytes: what is allowed, and the largest seen so far.
pub fn sizes_reply(
    command_allowed: u32,
    command_seen: u32,
    response_allowed: u32,
    response_seen: u32,
) -> Reply {
    Reply::new(16)
        .u32(command_allowed)
        .u32(command_seen)
        .u32(response_allowed)
        .u32(response_seen)
        .field(&ACKNOWLEDGEMENT)
}

/// The answer to ACT_GET_SIGNALED.
pub fn act_reply(signaled: bool) -> Reply {
    Reply::new(u32::from(signaled)).field(&ACKNOWLEDGEMENT)
}

fn code(fields: &mut Fields<'_>) -> Result<SimulatorCode, Stop> {
    let number = fields.u32()?;
    SimulatorCode::new(number).ok_or(WireError::UnknownCode(number).into())
}

fn sized<'a>(fields: &mut Fields<'a>, largest: usize) -> Result<&'a [u8], Stop> {
    let length = fields.u32()?;
    fields.bytes(length, largest)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const LARGEST: usize = 4096;

    fn command_port(bytes: &[u8]) -> Result<Decoded<CommandRequest<'_>>, WireError> {
        decode_command_port(bytes, LARGEST)
    }

    fn message<T>(message: T, length: usize) -> Result<Decoded<T>, WireError> {
        Ok(Decoded::Message { message, length })
    }

    #[test]
    fn requests_of_the_command_port() {
        let send = [0, 0, 0, 8, 3, 0, 0, 0, 2, 0x80, 0x01, 0xFF];
        let rows: &[(&[u8], CommandRequest<'_>, usize)] = &[
            (&send, CommandRequest::SendCommand { locality: 3, command: &[0x80, 1] }, 11),
            (&[0, 0, 0, 8, 0, 0, 0, 0, 0], CommandRequest::SendCommand { locality: 0, command: &[] }, 9),
            (&[0, 0, 0, 5], CommandRequest::HashStart, 4),
            (&[0, 0, 0, 6, 0, 0, 0, 3, 1, 2, 3], CommandRequest::HashData(&[1, 2, 3]), 11),
            (&[0, 0, 0, 7], CommandRequest::HashEnd, 4),
            (&[0, 0, 0, 15, 0, 0, 0, 1], CommandRequest::Handshake { client_version: 1 }, 8),
            (&[0, 0, 0, 16, 0, 0, 1, 1], CommandRequest::SetAlternativeResult(0x101), 8),
            (&[0, 0, 0, 20], CommandRequest::SessionEnd, 4),
            (&[0, 0, 0, 21], CommandRequest::Stop, 4),
        ];
        for (bytes, request, length) in rows {
            assert_eq!(command_port(bytes), message(*request, *length), "{bytes:?}");
            for short in 0..*length {
                assert_eq!(
                    command_port(&bytes[..short]),
                    Ok(Decoded::Incomplete),
                    "{bytes:?} cut at {short}"
                );
            }
        }
    }

    #[test]
    fn what_the_command_port_refuses() {
        let rows: &[(&[u8], WireError)] = &[
            (&[0, 0, 0, 1], WireError::UnknownCode(1)),
            (&[0, 0, 0, 19], WireError::UnknownCode(19)),
            (&[0x80, 1, 0, 0], WireError::UnknownCode(0x8001_0000)),
            (&[0, 0, 0, 15, 0, 0, 0, 0], WireError::BadField),
            (&[0, 0, 0, 8, 0, 0, 0, 0x10, 1], WireError::TooLarge { announced: 4097, largest: 4096 }),
            (
                &[0, 0, 0, 6, 0xFF, 0xFF, 0xFF, 0xFF],
                WireError::TooLarge { announced: u32::MAX, largest: 4096 },
            ),
        ];
        for (bytes, error) in rows {
            assert_eq!(command_port(bytes), Err(*error), "{bytes:?}");
        }
    }

    #[test]
    fn requests_of_the_platform_port() {
        let rows: &[(&[u8], PlatformRequest)] = &[
            (&[0, 0, 0, 1], PlatformRequest::Power(true)),
            (&[0, 0, 0, 2], PlatformRequest::Power(false)),
            (&[0, 0, 0, 3], PlatformRequest::PhysicalPresence(true)),
            (&[0, 0, 0, 4], PlatformRequest::PhysicalPresence(false)),
            (&[0, 0, 0, 9], PlatformRequest::Cancel(true)),
            (&[0, 0, 0, 10], PlatformRequest::Cancel(false)),
            (&[0, 0, 0, 11], PlatformRequest::Nv(true)),
            (&[0, 0, 0, 12], PlatformRequest::Nv(false)),
            (&[0, 0, 0, 13], PlatformRequest::KeyCache(true)),
            (&[0, 0, 0, 14], PlatformRequest::KeyCache(false)),
            (&[0, 0, 0, 17], PlatformRequest::Reset),
            (&[0, 0, 0, 18], PlatformRequest::Reset),
            (&[0, 0, 0, 20], PlatformRequest::SessionEnd),
            (&[0, 0, 0, 21], PlatformRequest::Stop),
            (&[0, 0, 0, 25], PlatformRequest::GetCommandResponseSizes),
            (&[0, 0, 0, 26, 0x40, 0, 1, 0x10], PlatformRequest::ActGetSignaled { handle: 0x4000_0110 }),
            (&[0, 0, 0, 30], PlatformRequest::TestFailureMode),
            (&[0, 0, 0, 35, 0, 0, 0, 7], PlatformRequest::SetFirmwareHash(7)),
            (&[0, 0, 0, 36, 0, 0, 0, 8], PlatformRequest::SetFirmwareSvn(8)),
        ];
        for (bytes, request) in rows {
            assert_eq!(decode_platform_port(bytes), message(*request, bytes.len()), "{bytes:?}");
        }
        assert_eq!(decode_platform_port(&[0, 0, 0, 8]), Err(WireError::UnknownCode(8)));
        assert_eq!(decode_platform_port(&[0, 0, 0, 99]), Err(WireError::UnknownCode(99)));
    }

    #[test]
    fn answers() {
        assert_eq!(*handshake_reply(13), [0, 0, 0, 1, 0, 0, 0, 13, 0, 0, 0, 0]);
        assert_eq!(sizes_reply(1, 2, 3, 4).len(), 24);
        assert_eq!(*act_reply(true), [0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(command_reply(10), ([0, 0, 0, 10], [0; 4]));
    }

    proptest! {
        #[test]
        fn commands_read_back(locality: u8, command in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = command_prefix(locality, command.len() as u32).to_vec();
            bytes.extend(&command);
            let expected = CommandRequest::SendCommand { locality, command: &command };
            prop_assert_eq!(command_port(&bytes), message(expected, bytes.len()));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = command_port(&bytes);
            let _ = decode_platform_port(&bytes);
        }
    }
}
