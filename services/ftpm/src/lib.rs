//! The fTPM as a trusted service, for every TEE that hosts [`TrustedService`].
//!
//! [`Ftpm`] turns a call of the normal world's driver into a command of [`Tpm`]'s. What it speaks is what Linux's
//! `tpm_ftpm_tee` and other drivers of this UUID speak already: function 0 takes a command in parameter 0 and gives
//! the response in parameter 1. It knows no platform: that is the `P` of the TPM it is given.
//!
//! *Memory that the caller can change.* Each byte of a command is fetched once, into memory of the service's own, and
//! judged there; the response is written in one go when it is final.
//!
//! *Who may call.* One session at a time, whoever opens it first: a driver that holds it keeps everybody else in the
//! normal world from going around that driver's permissions. A user whom the TEE knows as one is refused; users go
//! through their kernel.
//!
//! ```
//! use ftpm_service::{Buffer, Ftpm};
//! use platform_memory::{MemoryPlatform, SharedMemory}; // or any other implementation of `tee_api`
//! use tee_api::{Client, Direction, Parameter, TrustedService};
//! use tpm2_core::{Memory, Tpm};
//!
//! let mut memory = Box::new(Memory::<16384, 16384>::new());
//! let mut tpm = Tpm::new(memory.slices(), MemoryPlatform::new(1), &tpm2_crypto::engine::SOFTWARE);
//! tpm.manufacture()?;
//! let mut buffer = Buffer::new();
//! let mut ftpm = Ftpm::new(tpm, &mut buffer);
//!
//! let none = || [const { Parameter::None }; 4];
//! let session = ftpm.open_session(Client::Kernel, &mut none())?;
//! let mut command = SharedMemory::new(*b"\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0"); // TPM2_Startup(CLEAR)
//! let mut response = SharedMemory::new([0; 4096]);
//! let mut parameters = none();
//! parameters[0] = Parameter::Memory { direction: Direction::In, buffer: &mut command, written: 0 };
//! parameters[1] = Parameter::Memory { direction: Direction::InOut, buffer: &mut response, written: 0 };
//! ftpm.invoke(session, Ftpm::<MemoryPlatform>::SUBMIT_COMMAND, &mut parameters)?;
//! assert_eq!(response.bytes()[..10], *b"\x80\x01\0\0\0\x0a\0\0\0\0"); // TPM_RC_SUCCESS
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

use tee_api::{
    Client, Direction, Parameter, Parameters, Platform, ServiceError, SessionId, SharedBuffer, TrustedService,
};
use tpm2_core::Tpm;
use zeroize::Zeroize;

/// The largest command, and the largest response, in bytes. Drivers share twice as much.
pub const MAX_MESSAGE_SIZE: usize = 4096;

/// Tag, size and code: where every command and every response begins.
const HEADER_SIZE: usize = 10;

/// Whoever calls from the normal world.
const LOCALITY: u8 = 0;

const _: () = assert!(MAX_MESSAGE_SIZE <= tpm2_core::MAX_COMMAND_SIZE);
const _: () = assert!(MAX_MESSAGE_SIZE >= tpm2_core::profile::PC_CLIENT.message_size as usize);

/// The service's own memory for a command. It belongs to whoever composes the service.
pub struct Buffer([u8; MAX_MESSAGE_SIZE]);

impl Buffer {
    /// A buffer with nothing in it.
    pub const fn new() -> Self {
        Self([0; MAX_MESSAGE_SIZE])
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

/// A TPM as a trusted service.
pub struct Ftpm<'m, P: Platform> {
    tpm: Tpm<'m, P>,
    buffer: &'m mut Buffer,
    session: Option<SessionId>,
    last_session: u32,
}

impl<'m, P: Platform> Ftpm<'m, P> {
    /// bc50d971-d4c9-42c4-82cb-343fb7f37896, which drivers look for.
    pub const UUID: [u8; 16] =
        [0xBC, 0x50, 0xD9, 0x71, 0xD4, 0xC9, 0x42, 0xC4, 0x82, 0xCB, 0x34, 0x3F, 0xB7, 0xF3, 0x78, 0x96];

    /// Executes a command. Parameter 0: memory in, which begins with the command; the size in the command's header
    /// says where it ends. Parameter 1: memory in and out for the response, at least [`MAX_MESSAGE_SIZE`] bytes.
    pub const SUBMIT_COMMAND: u32 = 0;

    /// Physical presence. Not offered.
    pub const PHYSICAL_PRESENCE: u32 = 1;

    /// A service over a TPM, manufactured or not.
    pub const fn new(tpm: Tpm<'m, P>, buffer: &'m mut Buffer) -> Self {
        Self { tpm, buffer, session: None, last_session: 0 }
    }

    /// The TPM, for whoever composes the service: to manufacture it, or to give it power anew.
    pub const fn tpm(&mut self) -> &mut Tpm<'m, P> {
        &mut self.tpm
    }

    /// All is checked before anything is fetched, and all that can be refused is refused before anything is done.
    fn submit_command(&mut self, parameters: &mut Parameters<'_>) -> Result<(), ServiceError> {
        let [
            Parameter::Memory { direction: Direction::In, buffer: request, .. },
            Parameter::Memory { direction: Direction::InOut, buffer: response, written },
            Parameter::None,
            Parameter::None,
        ] = parameters
        else {
            return Err(ServiceError::BadParameters);
        };
        // How long the response will be is known only when the command has been carried out: too late to refuse it.
        if response.size() < MAX_MESSAGE_SIZE {
            *written = MAX_MESSAGE_SIZE;
            return Err(ServiceError::ShortBuffer);
        }
        let command = fetch(&**request, &mut self.buffer.0)?;
        let answer = self.tpm.execute(LOCALITY, command);
        response.copy_out(0, answer).map_err(|_| ServiceError::Communication)?;
        *written = answer.len();
        Ok(())
    }
}

/// Copies a command into the service's own memory: first its header, then as many bytes as that says, each once.
fn fetch<'b>(
    request: &dyn SharedBuffer,
    own: &'b mut [u8; MAX_MESSAGE_SIZE],
) -> Result<&'b [u8], ServiceError> {
    let held = request.size();
    if held < HEADER_SIZE {
        return Err(ServiceError::BadParameters);
    }
    let (header, rest) = own.split_at_mut(HEADER_SIZE);
    request.copy_in(0, header).map_err(|_| ServiceError::Communication)?;
    let size = match header {
        [_, _, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]) as usize,
        _ => return Err(ServiceError::BadParameters),
    };
    let body = size.checked_sub(HEADER_SIZE).filter(|_| size <= held).and_then(|body| rest.get_mut(..body));
    let body = body.ok_or(ServiceError::BadParameters)?;
    request.copy_in(HEADER_SIZE, body).map_err(|_| ServiceError::Communication)?;
    own.get(..size).ok_or(ServiceError::BadParameters)
}

impl<P: Platform> TrustedService for Ftpm<'_, P> {
    fn uuid(&self) -> [u8; 16] {
        Self::UUID
    }

    fn open_session(
        &mut self,
        client: Client,
        parameters: &mut Parameters<'_>,
    ) -> Result<SessionId, ServiceError> {
        if matches!(client, Client::User(_)) {
            return Err(ServiceError::AccessDenied);
        }
        if !parameters.iter().all(|parameter| matches!(parameter, Parameter::None)) {
            return Err(ServiceError::BadParameters);
        }
        if self.session.is_some() {
            return Err(ServiceError::Busy);
        }
        // A name that was used is not used again at once: a late call of the last session's meets nobody.
        self.last_session = self.last_session.wrapping_add(1);
        let session = SessionId(self.last_session);
        self.session = Some(session);
        Ok(session)
    }

    fn invoke(
        &mut self,
        session: SessionId,
        function: u32,
        parameters: &mut Parameters<'_>,
    ) -> Result<(), ServiceError> {
        if self.session != Some(session) {
            return Err(ServiceError::NoSession);
        }
        match function {
            Self::SUBMIT_COMMAND => {
                let outcome = self.submit_command(parameters);
                self.buffer.0.zeroize();
                outcome
            }
            // PHYSICAL_PRESENCE among them.
            _ => Err(ServiceError::NotSupported),
        }
    }

    fn close_session(&mut self, session: SessionId) {
        self.session.take_if(|open| *open == session);
    }
}
