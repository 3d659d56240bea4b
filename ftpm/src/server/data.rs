//! swtpm's data channel.

use std::io;

use tpm2_wire::data_channel::{DataMessage, decode_data, largest_message, prefixed_reply};
use tpm2_wire::{Decoded, error_response};

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::{DataOptions, Stream};
use crate::machine::Machine;

const RC_SUCCESS: u32 = 0;
const RC_FAILURE: u32 = 0x101;
const RC_LOCALITY: u32 = 0x107;

/// Serves one connection until it ends.
pub(crate) fn serve(machine: &Machine, mut stream: Stream, options: DataOptions) -> io::Result<()> {
    let largest = machine.largest_message();
    let mut inbox = Inbox::new(largest_message(largest));
    let mut outbox = Outbox::new(largest + 8);
    loop {
        let Decoded::Message { message, length } = decode_data(inbox.pending(), largest) else {
            if inbox.fill(&mut stream)? {
                continue;
            }
            return Ok(());
        };
        answer(machine, options, message, &mut outbox);
        inbox.take(length);
        outbox.send(&mut stream)?;
        if options.disconnect {
            return Ok(());
        }
    }
}

fn answer(machine: &Machine, options: DataOptions, message: DataMessage<'_>, outbox: &mut Outbox) {
    let policy = options.locality;
    match message {
        DataMessage::Command(command) => execute(machine, None, command, |response| outbox.put(response)),
        DataMessage::Prefixed { locality, command } => {
            let mut frame = |response: &[u8]| {
                let (before, after) = prefixed_reply(response.len() as u32);
                outbox.put(&before);
                outbox.put(response);
                outbox.put(&after);
            };
            let highest = if policy.allow_prefix { policy.highest() } else { 0 };
            if locality > highest {
                frame(&error_response(RC_LOCALITY));
            } else {
                execute(machine, Some(locality), command, frame);
            }
        }
        DataMessage::SetLocality(locality) => {
            let code = match policy.allow_set {
                false => RC_FAILURE,
                true if locality > policy.highest() => RC_LOCALITY,
                true => {
                    machine.set_locality(locality);
                    RC_SUCCESS
                }
            };
            outbox.put(&error_response(code));
        }
    }
}

/// Runs a command; a stopped TPM answers that it failed, which is how a hypervisor tells a TPM 2.0 from a 1.2 before
/// it starts it.
fn execute(machine: &Machine, locality: Option<u8>, command: &[u8], mut respond: impl FnMut(&[u8])) {
    if machine.execute(locality, command, &mut respond).is_err() {
        respond(&error_response(RC_FAILURE));
    }
}
