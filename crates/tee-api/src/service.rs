//! What a TEE calls: a service with sessions, and parameters in GlobalPlatform's shape.

use core::fmt;

use crate::{Client, SharedBuffer};

/// Which way a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the caller.
    In,
    /// To the caller.
    Out,
    /// Both ways.
    InOut,
}

impl Direction {
    /// Whether the service may read it.
    pub const fn is_in(self) -> bool {
        !matches!(self, Self::Out)
    }

    /// Whether the service may write it.
    pub const fn is_out(self) -> bool {
        !matches!(self, Self::In)
    }
}

/// A parameter of a call (TEE_Param).
pub enum Parameter<'a> {
    /// There is none (TEE_PARAM_TYPE_NONE).
    None,
    /// Two numbers (TEE_PARAM_TYPE_VALUE_…).
    Value {
        /// Which way they go.
        direction: Direction,
        /// Both numbers.
        value: [u32; 2],
    },
    /// Memory of the caller's (TEE_PARAM_TYPE_MEMREF_…).
    Memory {
        /// Which way its content goes.
        direction: Direction,
        /// The memory.
        buffer: &'a mut dyn SharedBuffer,
        /// Bytes that the service has written, or, with [`ServiceError::ShortBuffer`], would write.
        written: usize,
    },
}

impl fmt::Debug for Parameter<'_> {
    /// Content may be secret: only kinds and sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Value { direction, .. } => write!(f, "Value({direction:?})"),
            Self::Memory { direction, buffer, .. } => {
                write!(f, "Memory({direction:?}, {} bytes)", buffer.size())
            }
        }
    }
}

/// The parameters of a call: always four.
pub type Parameters<'a> = [Parameter<'a>; 4];

/// Names a session of one service, as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

/// Why a call was not carried out. Nothing was changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// Another session is open, or another call is being served (TEE_ERROR_BUSY).
    Busy,
    /// This caller may not do this (TEE_ERROR_ACCESS_DENIED).
    AccessDenied,
    /// Wrong kinds, directions or sizes of parameters (TEE_ERROR_BAD_PARAMETERS).
    BadParameters,
    /// There is no such function (TEE_ERROR_NOT_SUPPORTED).
    NotSupported,
    /// There is no such session (TEE_ERROR_ITEM_NOT_FOUND).
    NoSession,
    /// The answer does not fit; `written` says how large it is (TEE_ERROR_SHORT_BUFFER).
    ShortBuffer,
    /// The caller's memory cannot be read or written (TEE_ERROR_COMMUNICATION).
    Communication,
    /// The service has failed and serves nothing more (TEE_ERROR_TARGET_DEAD).
    Dead,
}

impl ServiceError {
    /// The code that GlobalPlatform's Client and Internal Core APIs give it.
    pub const fn global_platform(self) -> u32 {
        match self {
            Self::Busy => 0xFFFF_000D,
            Self::AccessDenied => 0xFFFF_0001,
            Self::BadParameters => 0xFFFF_0006,
            Self::NotSupported => 0xFFFF_000A,
            Self::NoSession => 0xFFFF_0008,
            Self::ShortBuffer => 0xFFFF_0010,
            Self::Communication => 0xFFFF_000E,
            Self::Dead => 0xFFFF_3024,
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the service is busy",
            Self::AccessDenied => "this caller may not do this",
            Self::BadParameters => "the parameters are not those of this function",
            Self::NotSupported => "the service has no such function",
            Self::NoSession => "there is no such session",
            Self::ShortBuffer => "the answer does not fit the caller's buffer",
            Self::Communication => "the caller's memory cannot be reached",
            Self::Dead => "the service has failed",
        })
    }
}

impl core::error::Error for ServiceError {}

/// A service that a TEE hosts. The TEE's glue turns its own calls into these and does nothing else, so the service is
/// written once.
///
/// A service is never entered twice at the same time: the glue answers [`ServiceError::Busy`] by itself.
pub trait TrustedService {
    /// The service's UUID, as bytes in the order of its text form.
    fn uuid(&self) -> [u8; 16];

    /// A caller wants to talk (TA_OpenSessionEntryPoint).
    fn open_session(
        &mut self,
        client: Client,
        parameters: &mut Parameters<'_>,
    ) -> Result<SessionId, ServiceError>;

    /// A caller wants a function done (TA_InvokeCommandEntryPoint).
    fn invoke(
        &mut self,
        session: SessionId,
        function: u32,
        parameters: &mut Parameters<'_>,
    ) -> Result<(), ServiceError>;

    /// A caller has left (TA_CloseSessionEntryPoint). A session that is not open is no matter.
    fn close_session(&mut self, session: SessionId);
}
