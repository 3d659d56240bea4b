//! The reference simulator's two ports.

use std::io::{self, Write};

use log::debug;
use tpm2_wire::simulator::{
    ACKNOWLEDGEMENT, CommandRequest, PLATFORM_REFUSAL, PlatformRequest, act_reply, command_reply,
    decode_command_port, decode_platform_port, endpoint, handshake_reply, sizes_reply,
};
use tpm2_wire::{Decoded, WireError};

use super::Stream;
use super::inbox::Inbox;
use super::outbox::Outbox;
use crate::ending::EndingHandle;
use crate::machine::Machine;

/// Bytes ahead of a command: code, locality, size.
const COMMAND_PREFIX: usize = 9;
/// Bytes around a response: size, acknowledgement.
const RESPONSE_FRAME: usize = 8;
const PLATFORM_INBOX: usize = 64;

/// Whether the connection goes on.
enum After {
    Next,
    Close,
    End,
}

/// Serves one connection to the command port until it ends.
pub(crate) fn serve_commands(machine: &Machine, mut stream: Stream, ending: &EndingHandle) -> io::Result<()> {
    let largest = machine.largest_message();
    let mut inbox = Inbox::new(largest + COMMAND_PREFIX);
    let mut outbox = Outbox::new(largest + RESPONSE_FRAME);
    loop {
        let (length, after) = match decode_command_port(inbox.pending(), largest) {
            Ok(Decoded::Incomplete) => {
                if inbox.fill(&mut stream)? {
                    continue;
                }
                return Ok(());
            }
            Ok(Decoded::Message { message, length }) => {
                (length, answer_command(machine, message, &mut outbox))
            }
            Err(error) => return refused(error),
        };
        inbox.take(length);
        outbox.send(&mut stream)?;
        if closes(after, ending) {
            return Ok(());
        }
    }
}

/// Serves one connection to the platform port until it ends.
pub(crate) fn serve_platform(machine: &Machine, mut stream: Stream, ending: &EndingHandle) -> io::Result<()> {
    let mut inbox = Inbox::new(PLATFORM_INBOX);
    let mut outbox = Outbox::new(PLATFORM_INBOX);
    loop {
        let (length, after) = match decode_platform_port(inbox.pending()) {
            Ok(Decoded::Incomplete) => {
                if inbox.fill(&mut stream)? {
                    continue;
                }
                return Ok(());
            }
            Ok(Decoded::Message { message, length }) => {
                debug!("platform port: {message:?}");
                (length, answer_platform(machine, message, &mut outbox))
            }
            Err(error) => {
                stream.write_all(&PLATFORM_REFUSAL)?;
                return refused(error);
            }
        };
        inbox.take(length);
        outbox.send(&mut stream)?;
        if closes(after, ending) {
            return Ok(());
        }
    }
}

fn answer_command(machine: &Machine, request: CommandRequest<'_>, outbox: &mut Outbox) -> After {
    match request {
        CommandRequest::SendCommand { locality, command } => {
            let mut frame = |response: &[u8]| {
                let (before, after) = command_reply(response.len() as u32);
                outbox.put(&before);
                outbox.put(response);
                outbox.put(&after);
            };
            if machine.execute(Some(locality), command, &mut frame).is_err() {
                // Without power there is nobody to answer.
                frame(&[]);
            }
            return After::Next;
        }
        CommandRequest::HashStart => {
            let _ = machine.with_service(|tpm| tpm.hash_start());
        }
        CommandRequest::HashData(data) => {
            let _ = machine.with_service(|tpm| tpm.hash_data(data));
        }
        CommandRequest::HashEnd => {
            let _ = machine.with_service(|tpm| tpm.hash_end());
        }
        CommandRequest::Handshake { .. } => {
            let flags = endpoint::PLATFORM_AVAILABLE | endpoint::RAW | endpoint::SUPPORTS_PHYSICAL_PRESENCE;
            outbox.put(&handshake_reply(flags));
            return After::Next;
        }
        CommandRequest::SetAlternativeResult(_) => {}
        CommandRequest::SessionEnd => return After::Close,
        CommandRequest::Stop => return After::End,
    }
    outbox.put(&ACKNOWLEDGEMENT);
    After::Next
}

fn answer_platform(machine: &Machine, request: PlatformRequest, outbox: &mut Outbox) -> After {
    match request {
        PlatformRequest::Power(true) => machine.power_on(),
        PlatformRequest::Power(false) => machine.power_off(),
        PlatformRequest::Reset => machine.reset(),
        // A TPM without power hears no signal, and the simulator acknowledges it all the same.
        PlatformRequest::PhysicalPresence(on) => {
            let _ = machine.with_service(|tpm| tpm.set_physical_presence(on));
        }
        PlatformRequest::Cancel(on) => machine.set_cancel_all(on),
        PlatformRequest::Nv(on) => {
            let _ = machine.with_service(|tpm| tpm.set_nv_available(on));
        }
        PlatformRequest::TestFailureMode => {
            let _ = machine.with_service(|tpm| tpm.force_failure());
        }
        // No keys are made ahead, and the firmware's identity is compiled in.
        PlatformRequest::KeyCache(_)
        | PlatformRequest::SetFirmwareHash(_)
        | PlatformRequest::SetFirmwareSvn(_) => {}
        PlatformRequest::GetCommandResponseSizes => {
            let (largest, seen) = (machine.largest_message() as u32, machine.seen());
            outbox.put(&sizes_reply(largest, seen.command, largest, seen.response));
            return After::Next;
        }
        // There are no authenticated countdown timers yet.
        PlatformRequest::ActGetSignaled { .. } => {
            outbox.put(&act_reply(false));
            return After::Next;
        }
        PlatformRequest::SessionEnd => return After::Close,
        PlatformRequest::Stop => return After::End,
    }
    outbox.put(&ACKNOWLEDGEMENT);
    After::Next
}

fn closes(after: After, ending: &EndingHandle) -> bool {
    match after {
        After::Next => false,
        After::Close => true,
        After::End => {
            ending.end();
            true
        }
    }
}

fn refused(error: WireError) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::InvalidData, error))
}
