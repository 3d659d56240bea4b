//! swtpm's control channel, through which a hypervisor plays the part of the platform.
//!
//! A request is a u32 code and its payload; every answer begins with a u32 result, one of [`ControlResult`]. After a
//! request with an unknown code swtpm answers [`ControlResult::BadOrdinal`] and drops whatever came with it.

use crate::codes::wire_codes;
use crate::fields::{Fields, Stop, decode};
use crate::{Decoded, Reply, WireError};

/// The most bytes that a request has ahead of what it streams.
pub const LARGEST_REQUEST: usize = 20;

/// INIT's flag: volatile state that was kept is deleted.
pub const INIT_DELETE_VOLATILE: u32 = 1;

/// The most bytes of a state blob that swtpm takes.
pub const LARGEST_STATE_BLOB: u32 = 512 * 1024;

wire_codes! {
    /// The first field of every request.
    ControlCode {
        /// What this control channel can do.
        GetCapability = 0x01,
        /// _TPM_Init, after an orderly shutdown where none was sent.
        Init = 0x02,
        /// The process is to end.
        Shutdown = 0x03,
        /// Whether tpmEstablished is set.
        GetTpmEstablished = 0x04,
        /// All later raw commands on the data channel come from this locality.
        SetLocality = 0x05,
        /// _TPM_Hash_Start.
        HashStart = 0x06,
        /// _TPM_Hash_Data.
        HashData = 0x07,
        /// _TPM_Hash_End.
        HashEnd = 0x08,
        /// The running command is to end with TPM_RC_CANCELED.
        CancelTpmCommand = 0x09,
        /// Volatile state is kept, for a suspended guest.
        StoreVolatile = 0x0A,
        /// tpmEstablished is cleared.
        ResetTpmEstablished = 0x0B,
        /// A part of the TPM's state is read.
        GetStateBlob = 0x0C,
        /// A part of the TPM's state is written.
        SetStateBlob = 0x0D,
        /// The TPM stops; INIT starts it again.
        Stop = 0x0E,
        /// Which keys protect the state.
        GetConfig = 0x0F,
        /// The data channel's socket comes with this request (SCM_RIGHTS).
        SetDataFd = 0x10,
        /// The size of the largest command and response.
        SetBufferSize = 0x11,
        /// What this TPM is, as JSON.
        GetInfo = 0x12,
        /// The lock on the state is taken.
        LockStorage = 0x13,
    }
}

wire_codes! {
    /// The first field of every answer; the values are TPM 1.2's.
    ControlResult {
        /// Done.
        Success = 0x00,
        /// The payload is too short, too long, or makes no sense.
        BadParameter = 0x03,
        /// It could not be done.
        Fail = 0x09,
        /// The code is not known, or not possible in this state.
        BadOrdinal = 0x0A,
        /// Reading or writing failed.
        IoError = 0x1F,
        /// There is no such locality, or it may not be used.
        BadLocality = 0x3D,
    }
}

/// Bits of the answer to GET_CAPABILITY.
pub mod capability {
    /// INIT.
    pub const INIT: u32 = 1;
    /// SHUTDOWN.
    pub const SHUTDOWN: u32 = 1 << 1;
    /// GET_TPMESTABLISHED.
    pub const GET_TPM_ESTABLISHED: u32 = 1 << 2;
    /// SET_LOCALITY.
    pub const SET_LOCALITY: u32 = 1 << 3;
    /// HASH_START, HASH_DATA and HASH_END.
    pub const HASHING: u32 = 1 << 4;
    /// CANCEL_TPM_CMD.
    pub const CANCEL_TPM_COMMAND: u32 = 1 << 5;
    /// STORE_VOLATILE.
    pub const STORE_VOLATILE: u32 = 1 << 6;
    /// RESET_TPMESTABLISHED.
    pub const RESET_TPM_ESTABLISHED: u32 = 1 << 7;
    /// GET_STATEBLOB.
    pub const GET_STATE_BLOB: u32 = 1 << 8;
    /// SET_STATEBLOB.
    pub const SET_STATE_BLOB: u32 = 1 << 9;
    /// STOP.
    pub const STOP: u32 = 1 << 10;
    /// GET_CONFIG.
    pub const GET_CONFIG: u32 = 1 << 11;
    /// SET_DATAFD.
    pub const SET_DATA_FD: u32 = 1 << 12;
    /// SET_BUFFERSIZE.
    pub const SET_BUFFER_SIZE: u32 = 1 << 13;
    /// GET_INFO.
    pub const GET_INFO: u32 = 1 << 14;
    /// The data channel takes the prefix that names a locality.
    pub const SEND_COMMAND_HEADER: u32 = 1 << 15;
    /// LOCK_STORAGE.
    pub const LOCK_STORAGE: u32 = 1 << 16;
}

/// A request on the control channel, or a piece of one that streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlRequest<'a> {
    /// Answered by [`capability_reply`].
    GetCapability,
    /// Answered by [`result_reply`].
    Init {
        /// [`INIT_DELETE_VOLATILE`] or nothing.
        flags: u32,
    },
    /// Answered by [`result_reply`], ahead of the end.
    Shutdown,
    /// Answered by [`established_reply`].
    GetTpmEstablished,
    /// Answered by [`result_reply`].
    SetLocality {
        /// 0 to 4 exist.
        locality: u8,
    },
    /// Answered by [`result_reply`].
    HashStart,
    /// A piece of what is measured. [`result_reply`] answers the last piece only.
    HashData(Piece<'a>),
    /// Answered by [`result_reply`].
    HashEnd,
    /// Answered by [`result_reply`].
    CancelTpmCommand,
    /// Answered by [`result_reply`].
    StoreVolatile,
    /// Answered by [`result_reply`].
    ResetTpmEstablished {
        /// 3 and 4 may.
        locality: u8,
    },
    /// Answered by [`state_blob_reply`] and the bytes.
    GetStateBlob {
        /// 1: not encrypted.
        flags: u32,
        /// 1 permanent, 2 volatile, 3 save-state.
        blob: u32,
        /// Where to begin, in bytes.
        offset: u32,
    },
    /// A piece of a state blob. [`result_reply`] answers the last piece only.
    SetStateBlob {
        /// 2: encrypted.
        flags: u32,
        /// 1 permanent, 2 volatile, 3 save-state.
        blob: u32,
        /// The bytes.
        piece: Piece<'a>,
    },
    /// Answered by [`result_reply`].
    Stop,
    /// Answered by [`config_reply`].
    GetConfig,
    /// Answered by [`result_reply`]. The descriptor itself comes beside the bytes.
    SetDataFd,
    /// Answered by [`buffer_size_reply`].
    SetBufferSize {
        /// The size in bytes, or 0 to ask.
        size: u32,
    },
    /// Answered by [`info_reply`] and the text.
    GetInfo {
        /// Which parts are asked for.
        flags: u64,
        /// Where to begin, in bytes.
        offset: u32,
    },
    /// Answered by [`result_reply`].
    LockStorage {
        /// How often to try, every 10 ms.
        retries: u32,
    },
}

/// A part of a payload that may be larger than any buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What has arrived of it.
    pub data: &'a [u8],
    /// Whether nothing follows.
    pub last: bool,
}

/// Decodes one connection's requests; it remembers what a streamed payload still lacks.
#[derive(Clone, Copy, Debug, Default)]
pub struct ControlDecoder {
    stream: Option<Stream>,
    padding: bool,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    kind: StreamKind,
    remaining: u32,
}

#[derive(Clone, Copy, Debug)]
enum StreamKind {
    Hash,
    StateBlob { flags: u32, blob: u32 },
}

impl ControlDecoder {
    /// The request at the front of `bytes`.
    ///
    /// # Errors
    /// [`WireError::UnknownCode`] and [`WireError::TooLarge`]: swtpm answers [`ControlResult::BadOrdinal`] or
    /// [`ControlResult::BadParameter`] and drops what has arrived.
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Decoded<ControlRequest<'a>>, WireError> {
        // QEMU sends a locality in four bytes, the TSS in one. No request has code 0, so that zeros in its place can
        // only be the other three.
        let skipped = if self.padding && bytes.starts_with(&[0; 4]) { 3 } else { 0 };
        let decoded = decode(bytes.get(skipped..).unwrap_or_default(), |fields| self.request(fields));
        if !matches!(decoded, Ok(Decoded::Incomplete)) {
            self.padding = false;
        }
        Ok(match decoded? {
            Decoded::Message { message, length } => {
                self.padding = matches!(
                    message,
                    ControlRequest::SetLocality { .. } | ControlRequest::ResetTpmEstablished { .. }
                );
                Decoded::Message { message, length: length + skipped }
            }
            Decoded::Incomplete => Decoded::Incomplete,
        })
    }

    fn request<'a>(&mut self, fields: &mut Fields<'a>) -> Result<ControlRequest<'a>, Stop> {
        if let Some(stream) = self.stream {
            return self.piece(stream, fields);
        }
        let number = fields.u32()?;
        let code = ControlCode::new(number).ok_or(WireError::UnknownCode(number))?;
        Ok(match code {
            ControlCode::GetCapability => ControlRequest::GetCapability,
            ControlCode::Init => ControlRequest::Init { flags: fields.u32()? },
            ControlCode::Shutdown => ControlRequest::Shutdown,
            ControlCode::GetTpmEstablished => ControlRequest::GetTpmEstablished,
            ControlCode::SetLocality => ControlRequest::SetLocality { locality: fields.u8()? },
            ControlCode::HashStart => ControlRequest::HashStart,
            ControlCode::HashData => {
                let remaining = fields.u32()?;
                return self.piece(Stream { kind: StreamKind::Hash, remaining }, fields);
            }
            ControlCode::HashEnd => ControlRequest::HashEnd,
            ControlCode::CancelTpmCommand => ControlRequest::CancelTpmCommand,
            ControlCode::StoreVolatile => ControlRequest::StoreVolatile,
            ControlCode::ResetTpmEstablished => {
                ControlRequest::ResetTpmEstablished { locality: fields.u8()? }
            }
            ControlCode::GetStateBlob => ControlRequest::GetStateBlob {
                flags: fields.u32()?,
                blob: fields.u32()?,
                offset: fields.u32()?,
            },
            ControlCode::SetStateBlob => {
                let kind = StreamKind::StateBlob { flags: fields.u32()?, blob: fields.u32()? };
                let remaining = fields.u32()?;
                if remaining > LARGEST_STATE_BLOB {
                    return Err(
                        WireError::TooLarge { announced: remaining, largest: LARGEST_STATE_BLOB }.into()
                    );
                }
                return self.piece(Stream { kind, remaining }, fields);
            }
            ControlCode::Stop => ControlRequest::Stop,
            ControlCode::GetConfig => ControlRequest::GetConfig,
            ControlCode::SetDataFd => ControlRequest::SetDataFd,
            ControlCode::SetBufferSize => ControlRequest::SetBufferSize { size: fields.u32()? },
            ControlCode::GetInfo => {
                let (flags, offset) = (fields.u64()?, fields.u32()?);
                let _reserved = fields.u32()?;
                ControlRequest::GetInfo { flags, offset }
            }
            ControlCode::LockStorage => ControlRequest::LockStorage { retries: fields.u32()? },
        })
    }

    /// What has arrived of a streamed payload.
    fn piece<'a>(&mut self, stream: Stream, fields: &mut Fields<'a>) -> Result<ControlRequest<'a>, Stop> {
        let data = fields.up_to(stream.remaining);
        if data.is_empty() && stream.remaining > 0 && self.stream.is_some() {
            return Err(Stop::Incomplete);
        }
        let remaining = stream.remaining.saturating_sub(data.len() as u32);
        let last = remaining == 0;
        self.stream = (!last).then_some(Stream { remaining, ..stream });
        let piece = Piece { data, last };
        Ok(match stream.kind {
            StreamKind::Hash => ControlRequest::HashData(piece),
            StreamKind::StateBlob { flags, blob } => ControlRequest::SetStateBlob { flags, blob, piece },
        })
    }
}

/// An answer that is nothing but its result.
pub fn result_reply(result: ControlResult) -> Reply {
    Reply::new(result.get())
}

/// The answer to GET_CAPABILITY, with bits of [`capability`].
pub fn capability_reply(capabilities: u32) -> Reply {
    result_reply(ControlResult::Success).u32(capabilities)
}

/// The answer to GET_TPMESTABLISHED.
pub fn established_reply(established: bool) -> Reply {
    result_reply(ControlResult::Success).field(&[u8::from(established), 0, 0, 0])
}

/// The answer to GET_CONFIG; bit 0: the state has a key, bit 1: migrated state has one.
pub fn config_reply(flags: u32) -> Reply {
    result_reply(ControlResult::Success).u32(flags)
}

/// The answer to SET_BUFFERSIZE, all in bytes.
pub fn buffer_size_reply(size: u32, smallest: u32, largest: u32) -> Reply {
    result_reply(ControlResult::Success).u32(size).u32(smallest).u32(largest)
}

/// What goes ahead of the bytes that answer GET_STATEBLOB.
pub fn state_blob_reply(flags: u32, total: u32, length: u32) -> Reply {
    result_reply(ControlResult::Success).u32(flags).u32(total).u32(length)
}

/// What goes ahead of the text that answers GET_INFO.
pub fn info_reply(total: u32, length: u32) -> Reply {
    result_reply(ControlResult::Success).u32(total).u32(length)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> (Vec<ControlRequest<'_>>, &[u8]) {
        let (mut decoder, mut rest, mut requests) = (ControlDecoder::default(), bytes, Vec::new());
        while let Ok(Decoded::Message { message, length }) = decoder.decode(rest) {
            requests.push(message);
            rest = &rest[length..];
            if rest.is_empty() {
                break;
            }
        }
        (requests, rest)
    }

    #[test]
    fn every_request() {
        let rows: &[(&[u8], ControlRequest<'_>)] = &[
            (&[0, 0, 0, 1], ControlRequest::GetCapability),
            (&[0, 0, 0, 2, 0, 0, 0, 1], ControlRequest::Init { flags: INIT_DELETE_VOLATILE }),
            (&[0, 0, 0, 3], ControlRequest::Shutdown),
            (&[0, 0, 0, 4], ControlRequest::GetTpmEstablished),
            (&[0, 0, 0, 5, 4], ControlRequest::SetLocality { locality: 4 }),
            (&[0, 0, 0, 6], ControlRequest::HashStart),
            (&[0, 0, 0, 8], ControlRequest::HashEnd),
            (&[0, 0, 0, 9], ControlRequest::CancelTpmCommand),
            (&[0, 0, 0, 10], ControlRequest::StoreVolatile),
            (&[0, 0, 0, 11, 3], ControlRequest::ResetTpmEstablished { locality: 3 }),
            (
                &[0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
                ControlRequest::GetStateBlob { flags: 1, blob: 2, offset: 3 },
            ),
            (&[0, 0, 0, 14], ControlRequest::Stop),
            (&[0, 0, 0, 15], ControlRequest::GetConfig),
            (&[0, 0, 0, 16], ControlRequest::SetDataFd),
            (&[0, 0, 0, 17, 0, 0, 0x10, 0], ControlRequest::SetBufferSize { size: 4096 }),
            (
                &[0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0],
                ControlRequest::GetInfo { flags: 1, offset: 2 },
            ),
            (&[0, 0, 0, 19, 0, 0, 1, 44], ControlRequest::LockStorage { retries: 300 }),
        ];
        for (bytes, request) in rows {
            let expected = Ok(Decoded::Message { message: *request, length: bytes.len() });
            assert_eq!(ControlDecoder::default().decode(bytes), expected, "{bytes:?}");
            for short in 0..bytes.len() {
                let decoded = ControlDecoder::default().decode(&bytes[..short]);
                assert_eq!(decoded, Ok(Decoded::Incomplete), "{bytes:?} cut at {short}");
            }
        }
    }

    #[test]
    fn a_locality_may_have_three_bytes_of_padding() {
        let set = ControlRequest::SetLocality { locality: 2 };
        let init = ControlRequest::Init { flags: 0 };
        assert_eq!(all(&[0, 0, 0, 5, 2]), (Vec::from([set]), &[][..]));
        assert_eq!(all(&[0, 0, 0, 5, 2, 0, 0, 0]), (Vec::from([set]), &[0, 0, 0][..]));
        let with = [0, 0, 0, 5, 2, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        let without = [0, 0, 0, 5, 2, 0, 0, 0, 2, 0, 0, 0, 0];
        assert_eq!(all(&with), (Vec::from([set, init]), &[][..]));
        assert_eq!(all(&without), (Vec::from([set, init]), &[][..]));
    }

    #[test]
    fn payloads_stream() {
        let mut decoder = ControlDecoder::default();
        let data = |data, last, length| {
            Ok(Decoded::Message { message: ControlRequest::HashData(Piece { data, last }), length })
        };
        assert_eq!(decoder.decode(&[0, 0, 0, 7, 0, 0, 0, 5, b'a']), data(b"a", false, 9));
        assert_eq!(decoder.decode(&[]), Ok(Decoded::Incomplete));
        assert_eq!(decoder.decode(b"bc"), data(b"bc", false, 2));
        assert_eq!(decoder.decode(&[b'd', b'e', 0, 0, 0, 8]), data(b"de", true, 2));
        let end = Ok(Decoded::Message { message: ControlRequest::HashEnd, length: 4 });
        assert_eq!(decoder.decode(&[0, 0, 0, 8]), end);
        assert_eq!(decoder.decode(&[0, 0, 0, 7, 0, 0, 0, 0]), data(b"", true, 8));
    }

    #[test]
    fn state_blobs_are_bounded() {
        let bytes = [0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 1];
        let error = WireError::TooLarge { announced: LARGEST_STATE_BLOB + 1, largest: LARGEST_STATE_BLOB };
        assert_eq!(ControlDecoder::default().decode(&bytes), Err(error));
    }

    #[test]
    fn answers() {
        assert_eq!(*result_reply(ControlResult::BadLocality), [0, 0, 0, 0x3D]);
        assert_eq!(*capability_reply(0x1F), [0, 0, 0, 0, 0, 0, 0, 0x1F]);
        assert_eq!(*established_reply(true), [0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(*buffer_size_reply(1, 2, 3), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(chunks: Vec<Vec<u8>>) {
            let mut decoder = ControlDecoder::default();
            for chunk in &chunks {
                if let Ok(Decoded::Message { length, .. }) = decoder.decode(chunk) {
                    prop_assert!(length <= chunk.len());
                }
            }
        }
    }
}
