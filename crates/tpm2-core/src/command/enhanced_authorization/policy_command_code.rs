//! TPM2_PolicyCommandCode (Part 3, 23.11).

use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmCc, TpmiShPolicy};

use crate::context::Context;
use crate::session::{PolicyDigest, Session};
use crate::state::Maybe;

command! {
    /// Limits a policy to one command. Part 3, 23.11.
    PolicyCommandCode<'a> = POLICY_COMMAND_CODE;
    handles { policy_session: TpmiShPolicy => None }
    parameters { code: TpmCc }
    returns {}
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicyCommandCode<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.policy_session))?;
    if session.command_code.0.is_some_and(|code| code != input.code) {
        return Err(ResponseCode::VALUE.at(at::code));
    }
    crate::command::find(input.code).ok_or(ResponseCode::POLICY_CC.at(at::code))?;
    let digest = PolicyDigest::extend(&session, COMMAND.code, &[&input.code.0.to_be_bytes()]);
    context.put(&Session {
        policy_digest: Tpm2bDigest::new(&digest)?,
        command_code: Maybe(Some(input.code)),
        ..session
    })?;
    Ok(Response::new())
}
