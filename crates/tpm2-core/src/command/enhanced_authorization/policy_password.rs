//! TPM2_PolicyPassword (Part 3, 23.18).

use tpm2_types::{Result, Tpm2bDigest, TpmCc, TpmiShPolicy, TpmiYesNo};

use crate::context::Context;
use crate::session::{PolicyDigest, Session};

command! {
    /// Ties a policy to the authorization value of the object that it is used for, as a password. Part 3, 23.18.
    PolicyPassword<'a> = POLICY_PASSWORD;
    handles { policy_session: TpmiShPolicy => None }
    parameters {  }
    returns {}
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicyPassword<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.policy_session))?;
    // The policy is the same as that of TPM2_PolicyAuthValue: only the way to prove it differs.
    let digest = PolicyDigest::extend(&session, TpmCc::POLICY_AUTH_VALUE, &[]);
    context.put(&Session {
        policy_digest: Tpm2bDigest::new(&digest)?,
        auth_value_needed: TpmiYesNo(false),
        password_needed: TpmiYesNo(true),
        ..session
    })?;
    Ok(Response::new())
}
