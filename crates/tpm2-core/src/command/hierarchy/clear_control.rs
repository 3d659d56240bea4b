//! TPM2_ClearControl (Part 3, 24.7).

use tpm2_types::{ResponseCode, Result, TpmRh, TpmiRhClear, TpmiYesNo};

use crate::context::Context;
use crate::state::Permanent;

command! {
    /// Forbids TPM2_Clear, or, for the platform, allows it again. Part 3, 24.7.
    ClearControl<'a> = CLEAR_CONTROL;
    handles { auth: TpmiRhClear => User }
    parameters { disable: TpmiYesNo }
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: ClearControl<'a>) -> Result<Response<'a>> {
    if input.auth == TpmRh::LOCKOUT && !input.disable.0 {
        return Err(ResponseCode::AUTH_FAIL.at(at::auth));
    }
    let permanent = context.state.permanent()?;
    context.put(&Permanent { disable_clear: input.disable, ..permanent })?;
    Ok(Response::new())
}
