//! TPM2_ReadClock (Part 3, 29.1).

use tpm2_types::{Result, TpmsTimeInfo};

use crate::context::Context;

command! {
    /// Returns Time, Clock and their counters. Part 3, 29.1.
    ReadClock<'a> = READ_CLOCK;
    handles {}
    parameters {}
    returns { current_time: TpmsTimeInfo }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, _input: ReadClock<'a>) -> Result<Response<'a>> {
    Ok(Response::new(context.time_info()?))
}
