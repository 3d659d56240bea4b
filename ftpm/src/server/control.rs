//! swtpm's control channel. What it does not serve yet is answered as swtpm answers an unknown request.

use std::io;

use log::debug;
use tpm2_wire::control_channel::{
    ControlDecoder, ControlRequest, ControlResult, LARGEST_REQUEST, buffer_size_reply, capability,
    capability_reply, config_reply, established_reply, result_reply,
};
use tpm2_wire::{Decoded, Reply, WireError};

use super::inbox::Inbox;
use super::{LocalityPolicy, Stream};
use crate::ending::EndingHandle;
use crate::machine::{Machine, NotRunning};
use crate::service::TpmService;

/// Bytes that arrive with one read; the streamed payloads are what is larger than a request.
const INBOX: usize = 4096;
const _: () = assert!(INBOX > LARGEST_REQUEST);

/// What is served. The rest of swtpm's control channel comes with the drop-in work.
const CAPABILITIES: u32 = capability::INIT
    | capability::SHUTDOWN
    | capability::GET_TPM_ESTABLISHED
    | capability::SET_LOCALITY
    | capability::CANCEL_TPM_COMMAND
    | capability::RESET_TPM_ESTABLISHED
    | capability::STOP
    | capability::GET_CONFIG
    | capability::SET_BUFFER_SIZE
    | capability::SEND_COMMAND_HEADER;

/// The smallest buffer that may be asked for: a TPM2_PCR_Read of all banks and a quote must fit.
const SMALLEST_BUFFER: u32 = 2048;

/// Serves one connection until it ends.
pub(crate) fn serve(
    machine: &Machine,
    mut stream: Stream,
    policy: LocalityPolicy,
    ending: &EndingHandle,
) -> io::Result<()> {
    use io::Write;

    let mut inbox = Inbox::new(INBOX);
    let mut decoder = ControlDecoder::default();
    loop {
        let (reply, length, last) = match decoder.decode(inbox.pending()) {
            Ok(Decoded::Incomplete) => {
                if inbox.fill(&mut stream)? {
                    continue;
                }
                return Ok(());
            }
            Ok(Decoded::Message { message, length }) => {
                debug!("control channel: {}", name(&message));
                (answer(machine, policy, message), Some(length), matches!(message, ControlRequest::Shutdown))
            }
            Err(error) => {
                debug!("control channel: {error}");
                let result = match error {
                    WireError::UnknownCode(_) => ControlResult::BadOrdinal,
                    _ => ControlResult::BadParameter,
                };
                (Some(result_reply(result)), None, false)
            }
        };
        match length {
            Some(length) => inbox.take(length),
            None => inbox.clear(),
        }
        if let Some(reply) = reply {
            stream.write_all(&reply)?;
        }
        if last {
            ending.end();
            return Ok(());
        }
    }
}

/// The answer; none to a piece that is not the last.
fn answer(machine: &Machine, policy: LocalityPolicy, request: ControlRequest<'_>) -> Option<Reply> {
    let result = match request {
        ControlRequest::GetCapability => return Some(capability_reply(capabilities(machine))),
        ControlRequest::Init { .. } => done(machine.initialize()),
        ControlRequest::Shutdown => {
            machine.end();
            ControlResult::Success
        }
        ControlRequest::Stop => {
            machine.stop();
            ControlResult::Success
        }
        ControlRequest::GetTpmEstablished => match machine.with_service(|tpm| tpm.established()) {
            Ok(established) => return Some(established_reply(established)),
            Err(NotRunning) => ControlResult::BadOrdinal,
        },
        ControlRequest::ResetTpmEstablished { locality } => {
            if !(3..=policy.highest()).contains(&locality) {
                ControlResult::BadLocality
            } else {
                done(machine.with_service(|tpm| tpm.reset_established()))
            }
        }
        ControlRequest::SetLocality { locality } => {
            if locality > policy.highest() {
                ControlResult::BadLocality
            } else {
                machine.set_locality(locality);
                ControlResult::Success
            }
        }
        ControlRequest::CancelTpmCommand => {
            // Without the lock: the command that is to end holds it.
            machine.cancel();
            ControlResult::Success
        }
        ControlRequest::HashStart => hash(machine, |tpm| tpm.hash_start()),
        ControlRequest::HashData(piece) => {
            let result = hash(machine, |tpm| tpm.hash_data(piece.data));
            if !piece.last {
                return None;
            }
            result
        }
        ControlRequest::HashEnd => hash(machine, |tpm| tpm.hash_end()),
        ControlRequest::GetConfig => {
            let has_key = machine.with_service(|tpm| tpm.has_state_key()).unwrap_or(false);
            return Some(config_reply(u32::from(has_key)));
        }
        ControlRequest::SetBufferSize { size } => return Some(set_buffer_size(machine, size)),
        ControlRequest::SetStateBlob { piece, .. } if !piece.last => return None,
        ControlRequest::StoreVolatile
        | ControlRequest::GetStateBlob { .. }
        | ControlRequest::SetStateBlob { .. }
        | ControlRequest::SetDataFd
        | ControlRequest::GetInfo { .. }
        | ControlRequest::LockStorage { .. } => ControlResult::BadOrdinal,
    };
    Some(result_reply(result))
}

fn capabilities(machine: &Machine) -> u32 {
    CAPABILITIES | if machine.can_hash() { capability::HASHING } else { 0 }
}

fn done(result: Result<(), NotRunning>) -> ControlResult {
    match result {
        Ok(()) => ControlResult::Success,
        Err(NotRunning) => ControlResult::BadOrdinal,
    }
}

fn hash(machine: &Machine, act: impl FnOnce(&mut dyn TpmService) -> bool) -> ControlResult {
    match machine.with_service(act) {
        Ok(true) => ControlResult::Success,
        Ok(false) | Err(NotRunning) => ControlResult::BadOrdinal,
    }
}

/// The size is ours and does not change; a client that asks for another learns which it is, as from swtpm.
fn set_buffer_size(machine: &Machine, size: u32) -> Reply {
    let largest = machine.largest_message() as u32;
    if size != 0 && machine.is_running() {
        return result_reply(ControlResult::BadOrdinal);
    }
    buffer_size_reply(largest, SMALLEST_BUFFER.min(largest), largest)
}

/// The request without what it carries.
fn name(request: &ControlRequest<'_>) -> &'static str {
    match request {
        ControlRequest::GetCapability => "GET_CAPABILITY",
        ControlRequest::Init { .. } => "INIT",
        ControlRequest::Shutdown => "SHUTDOWN",
        ControlRequest::GetTpmEstablished => "GET_TPMESTABLISHED",
        ControlRequest::SetLocality { .. } => "SET_LOCALITY",
        ControlRequest::HashStart => "HASH_START",
        ControlRequest::HashData(_) => "HASH_DATA",
        ControlRequest::HashEnd => "HASH_END",
        ControlRequest::CancelTpmCommand => "CANCEL_TPM_CMD",
        ControlRequest::StoreVolatile => "STORE_VOLATILE",
        ControlRequest::ResetTpmEstablished { .. } => "RESET_TPMESTABLISHED",
        ControlRequest::GetStateBlob { .. } => "GET_STATEBLOB",
        ControlRequest::SetStateBlob { .. } => "SET_STATEBLOB",
        ControlRequest::Stop => "STOP",
        ControlRequest::GetConfig => "GET_CONFIG",
        ControlRequest::SetDataFd => "SET_DATAFD",
        ControlRequest::SetBufferSize { .. } => "SET_BUFFERSIZE",
        ControlRequest::GetInfo { .. } => "GET_INFO",
        ControlRequest::LockStorage { .. } => "LOCK_STORAGE",
    }
}
