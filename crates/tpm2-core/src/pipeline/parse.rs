//! Header, handles and sessions (Part 3, 5.2 to 5.5).

use tpm2_types::{
    Position, Reader, ResponseCode, Result, TpmCc, TpmHandle, TpmRh, TpmSe, TpmSt, TpmaSession,
};

use super::{Handles, MAX_SESSIONS, SessionInput, Sessions};
use crate::authorization::Entity;
use crate::command::{self, Command, Flags, HEADER_SIZE};
use crate::session::Session;
use crate::state::State;

/// A request as it came, in the TPM's private buffer.
pub(crate) struct Request<'b> {
    pub(crate) bytes: &'b mut [u8],
    pub(crate) locality: u8,
}

/// A request whose header, handles and sessions make sense and refer to what is there.
pub(crate) struct Parsed<'b> {
    pub(crate) command: &'static Command,
    pub(crate) handles: Handles,
    pub(crate) tagged_sessions: bool,
    pub(crate) sessions: Sessions<'b>,
    pub(crate) parameters: &'b mut [u8],
    pub(crate) locality: u8,
}

/// A header that makes sense.
pub(crate) struct Header {
    pub(crate) command: &'static Command,
    with_sessions: bool,
}

impl<'b> Request<'b> {
    /// Validates the header (Part 3, 5.2).
    pub(crate) fn header(&self) -> Result<Header> {
        let mut reader = Reader::trusted(self.bytes);
        let tag: u16 = reader.read()?;
        let with_sessions = match TpmSt(tag) {
            TpmSt::SESSIONS => true,
            TpmSt::NO_SESSIONS => false,
            _ => return Err(ResponseCode::BAD_TAG),
        };
        let size: u32 = reader.read()?;
        if size as usize != self.bytes.len() {
            return Err(ResponseCode::COMMAND_SIZE);
        }
        let code: u32 = reader.read()?;
        let command = command::find(TpmCc(code)).ok_or(ResponseCode::COMMAND_CODE)?;
        Ok(Header { command, with_sessions })
    }

    /// Validates handles and sessions (Part 3, 5.4 and 5.5).
    pub(crate) fn parse(self, header: &Header, state: &State<'_>) -> Result<Parsed<'b>> {
        let command = header.command;
        let handles = handles(command, &self.bytes[HEADER_SIZE..])?;
        for (index, handle) in (0u8..).zip(handles.as_slice()) {
            Entity::find(state, *handle, index).map_err(|code| code.at(Position::Handle(index + 1)))?;
        }

        let after_handles = HEADER_SIZE + 4 * handles.as_slice().len();
        if !header.with_sessions {
            if command.authorizations() > 0 {
                return Err(ResponseCode::AUTH_MISSING);
            }
            let parameters = &mut self.bytes[after_handles..];
            let sessions = Sessions { inputs: [None; MAX_SESSIONS] };
            return Ok(Parsed {
                command,
                handles,
                tagged_sessions: false,
                sessions,
                parameters,
                locality: self.locality,
            });
        }
        if command.flags.contains(Flags::NO_SESSIONS) {
            return Err(ResponseCode::AUTH_CONTEXT);
        }
        let rest = &mut self.bytes[after_handles..];
        let (size, rest) = rest.split_first_chunk_mut::<4>().ok_or(ResponseCode::AUTHSIZE)?;
        let size = u32::from_be_bytes(*size) as usize;
        if size < MIN_AUTHORIZATION || size > rest.len() {
            return Err(ResponseCode::AUTHSIZE);
        }
        let (area, parameters) = rest.split_at_mut(size);
        let sessions = sessions(command, state, area)?;
        Ok(Parsed { command, handles, tagged_sessions: true, sessions, parameters, locality: self.locality })
    }
}

/// The smallest authorization: handle, empty nonce, attributes, empty HMAC.
const MIN_AUTHORIZATION: usize = 4 + 2 + 1 + 2;

fn handles(command: &Command, bytes: &[u8]) -> Result<Handles> {
    (command.check_handles)(&mut Reader::trusted(bytes))?;
    let mut reader = Reader::trusted(bytes);
    let mut values = [TpmHandle(0); 3];
    let count = command.handles.len();
    for value in &mut values[..count] {
        *value = reader.read()?;
    }
    Ok(Handles { values, count })
}

fn sessions<'b>(command: &Command, state: &State<'_>, area: &'b [u8]) -> Result<Sessions<'b>> {
    let mut reader = Reader::trusted(area);
    let mut sessions = Sessions { inputs: [None; MAX_SESSIONS] };
    let mut index = 0;
    while !reader.rest().is_empty() {
        if index == MAX_SESSIONS {
            return Err(ResponseCode::AUTHSIZE);
        }
        let position = position(index);
        let input =
            session(command, state, &sessions, &mut reader, index).map_err(|code| code.at(position))?;
        sessions.inputs[index] = Some(input);
        index += 1;
    }
    if index < command.authorizations() {
        return Err(ResponseCode::AUTH_MISSING);
    }
    Ok(sessions)
}

fn session<'b>(
    command: &Command,
    state: &State<'_>,
    earlier: &Sessions<'b>,
    reader: &mut Reader<'b>,
    index: usize,
) -> Result<SessionInput<'b>> {
    let handle: TpmHandle = reader.read()?;
    let is_password = handle == TpmRh::PW;
    if !is_password && !crate::session::is_session(handle) {
        return Err(ResponseCode::HANDLE);
    }
    let session: Option<Session<'_>> = if is_password {
        None
    } else {
        let not_loaded = ResponseCode::REFERENCE_S0.get() + u32::try_from(index).unwrap_or(0);
        Some(state.find(Session::key_of(handle))?.ok_or(ResponseCode::new(not_loaded))?)
    };
    let input = SessionInput {
        handle,
        nonce_caller: reader.read()?,
        attributes: reader.read()?,
        hmac: reader.read()?,
    };

    let audit = input.attributes.contains(TpmaSession::AUDIT);
    let decrypt = input.attributes.contains(TpmaSession::DECRYPT);
    let encrypt = input.attributes.contains(TpmaSession::ENCRYPT);
    let authorizes = index < command.authorizations();
    if !authorizes && !audit && !decrypt && !encrypt {
        return Err(ResponseCode::ATTRIBUTES);
    }
    // Both speak about the audit sequence (Part 2, 8.4).
    if !audit && input.attributes.intersects(TpmaSession::AUDIT_EXCLUSIVE | TpmaSession::AUDIT_RESET) {
        return Err(ResponseCode::ATTRIBUTES);
    }
    let Some(session) = session else {
        // A password authorizes and can do nothing else.
        if !authorizes {
            return Err(ResponseCode::HANDLE);
        }
        if audit || decrypt || encrypt {
            return Err(ResponseCode::ATTRIBUTES);
        }
        return if input.nonce_caller.is_empty() { Ok(input) } else { Err(ResponseCode::NONCE) };
    };
    if earlier.iter().any(|(_, other)| other.handle == handle) {
        return Err(ResponseCode::HANDLE);
    }
    // A trial session authorizes nothing, a policy session audits nothing.
    if session.kind == TpmSe::TRIAL || (audit && session.kind != TpmSe::HMAC) {
        return Err(ResponseCode::ATTRIBUTES);
    }
    let exclusive =
        [(audit, TpmaSession::AUDIT), (decrypt, TpmaSession::DECRYPT), (encrypt, TpmaSession::ENCRYPT)];
    if exclusive.iter().any(|(wanted, attribute)| *wanted && earlier.with(*attribute).is_some()) {
        return Err(ResponseCode::ATTRIBUTES);
    }
    if (decrypt && !command.decrypts()) || (encrypt && !command.encrypts()) {
        return Err(ResponseCode::ATTRIBUTES);
    }
    if (decrypt || encrypt) && session.symmetric.is_none() {
        return Err(ResponseCode::SYMMETRIC);
    }
    Ok(input)
}

/// The position of the session that is at `index`, counted from zero.
pub(super) fn position(index: usize) -> Position {
    Position::Session(u8::try_from(index + 1).unwrap_or(u8::MAX))
}
