//! TPM2_FirmwareRead (Part 3, 27.4), as far as it takes to see that a file and a line add a command.

use tpm2_types::{ResponseCode, Result, Tpm2bMaxBuffer};

use crate::context::Context;

command! {
    /// Reads a block of the firmware. Part 3, 27.4.
    FirmwareRead<'a> = FIRMWARE_READ;
    handles {}
    parameters { sequence_number: u32 }
    returns { fu_data: Tpm2bMaxBuffer<'a> }
    flags {}
}

fn run<'a>(_context: &mut Context<'_, 'a>, input: FirmwareRead<'a>) -> Result<Response<'a>> {
    if input.sequence_number != 7 {
        return Err(ResponseCode::VALUE.at(at::sequence_number));
    }
    Ok(Response::new(Tpm2bMaxBuffer::new(&[])?))
}
