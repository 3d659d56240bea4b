//! TPM2_PolicyGetDigest (Part 3, 23.19).

use tpm2_types::{Result, Tpm2bDigest, TpmiShPolicy};

use crate::context::Context;
use crate::session::Session;

command! {
    /// Returns the policy of a session as it stands. Part 3, 23.19.
    PolicyGetDigest<'a> = POLICY_GET_DIGEST;
    handles { policy_session: TpmiShPolicy => None }
    parameters {}
    returns { policy_digest: Tpm2bDigest<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicyGetDigest<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.policy_session))?;
    Ok(Response::new(Tpm2bDigest::new(context.arena.copy(session.policy_digest.as_slice())?)?))
}
