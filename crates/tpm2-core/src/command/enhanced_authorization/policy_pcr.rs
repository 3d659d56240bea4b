//! TPM2_PolicyPcr (Part 3, 23.7).

use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmSe, TpmiShPolicy, TpmlPcrSelection};

use crate::context::Context;
use crate::pcr;
use crate::session::{PolicyDigest, Session};
use crate::state::Maybe;

command! {
    /// Ties a policy to PCR values. Part 3, 23.7.
    PolicyPcr<'a> = POLICY_PCR;
    handles { policy_session: TpmiShPolicy => None }
    parameters { pcr_digest: Tpm2bDigest<'a>, pcrs: TpmlPcrSelection<'a> }
    returns {}
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicyPcr<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.policy_session))?;
    let wanted = input.pcr_digest.as_slice();
    let now = pcr::digest(context.state, context.profile, &input.pcrs, session.auth_hash);
    let counter = context.state.state_reset()?.pcr_counter;
    // A trial believes the caller's digest.
    let trial = session.kind == TpmSe::TRIAL;
    if !trial {
        if session.pcr_counter.0.is_some_and(|recorded| recorded != counter) {
            return Err(ResponseCode::PCR_CHANGED);
        }
        if !wanted.is_empty() && wanted != &*now {
            return Err(ResponseCode::VALUE.at(at::pcr_digest));
        }
    }
    let digest = if trial && !wanted.is_empty() { wanted } else { &*now };
    let pcrs = context.arena.marshal(&pcr::implemented(context, &input.pcrs)?)?;
    let digest = PolicyDigest::extend(&session, COMMAND.code, &[pcrs, digest]);
    context.put(&Session {
        policy_digest: Tpm2bDigest::new(&digest)?,
        pcr_counter: if trial { session.pcr_counter } else { Maybe(Some(counter)) },
        ..session
    })?;
    Ok(Response::new())
}
