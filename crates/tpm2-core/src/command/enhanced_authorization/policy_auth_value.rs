//! TPM2_PolicyAuthValue (Part 3, 23.17).

use tpm2_types::{Result, Tpm2bDigest, TpmiShPolicy, TpmiYesNo};

use crate::context::Context;
use crate::session::{PolicyDigest, Session};

command! {
    /// Ties a policy to the authorization value of the object that it is used for, in an HMAC. Part 3, 23.17.
    PolicyAuthValue<'a> = POLICY_AUTH_VALUE;
    handles { policy_session: TpmiShPolicy => None }
    parameters {  }
    returns {}
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicyAuthValue<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.policy_session))?;
    let digest = PolicyDigest::extend(&session, COMMAND.code, &[]);
    context.put(&Session {
        policy_digest: Tpm2bDigest::new(&digest)?,
        auth_value_needed: TpmiYesNo(true),
        password_needed: TpmiYesNo(false),
        ..session
    })?;
    Ok(Response::new())
}
