//! TPM2_ContextLoad (Part 3, 28.3).

use tpm2_types::{Result, TpmHandle, TpmsContext};

use crate::context::Context;
use crate::saved_context;

command! {
    /// Takes back an object or a session that was saved. Part 3, 28.3.
    ContextLoad<'a> = CONTEXT_LOAD;
    handles {}
    parameters { context: TpmsContext<'a> }
    response_handle { loaded_handle: TpmHandle }
    returns {}
    flags { NO_SESSIONS AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: ContextLoad<'a>) -> Result<Response<'a>> {
    let loaded = saved_context::load(context, &input.context).map_err(|code| code.at(at::context))?;
    Ok(Response::new(loaded))
}
