//! TPM2_PolicyRestart (Part 3, 11.2).

use tpm2_crypto::MAX_DIGEST_SIZE;
use tpm2_types::{Result, TpmiShPolicy};

use crate::context::Context;
use crate::session::Session;

command! {
    /// Sets the policy of a session back to its beginning. Part 3, 11.2.
    PolicyRestart<'a> = POLICY_RESTART;
    handles { session_handle: TpmiShPolicy => None }
    parameters {}
    returns {}
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicyRestart<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.session_handle))?;
    context.put(&session.with_policy_reset(&[0; MAX_DIGEST_SIZE]))?;
    Ok(Response::new())
}
