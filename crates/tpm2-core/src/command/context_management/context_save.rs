//! TPM2_ContextSave (Part 3, 28.2).

use tpm2_types::{Result, TpmiDhContext, TpmsContext};

use crate::context::Context;
use crate::saved_context;

command! {
    /// Gives out an object or a session, protected; a session leaves the TPM thereby. Part 3, 28.2.
    ContextSave<'a> = CONTEXT_SAVE;
    handles { save_handle: TpmiDhContext => None }
    parameters {}
    returns { context: TpmsContext<'a> }
    flags { NO_SESSIONS AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: ContextSave<'a>) -> Result<Response<'a>> {
    Ok(Response::new(saved_context::save(context, input.save_handle.handle())?))
}
