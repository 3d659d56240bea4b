//! TPM2_PolicyOr (Part 3, 23.6).

use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmSe, TpmiShPolicy, TpmlDigest};

use crate::context::Context;
use crate::session::{PolicyDigest, Session};

command! {
    /// Allows several policies: the present one must be in the list. Part 3, 23.6.
    PolicyOr<'a> = POLICY_OR;
    handles { policy_session: TpmiShPolicy => None }
    parameters { p_hash_list: TpmlDigest<'a> }
    returns {}
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicyOr<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.policy_session))?;
    let matches = |digest: Tpm2bDigest<'_>| digest.as_slice() == session.policy_digest.as_slice();
    // A trial takes the present policy for one of the list.
    if session.kind != TpmSe::TRIAL && !input.p_hash_list.iter().any(matches) {
        return Err(ResponseCode::VALUE.at(at::p_hash_list));
    }
    let size = input.p_hash_list.iter().map(|digest| digest.as_slice().len()).sum();
    let digests = context.arena.allocate(size)?;
    let mut free = &mut digests[..];
    for digest in input.p_hash_list.iter() {
        let (place, rest) = free.split_at_mut(digest.as_slice().len());
        place.copy_from_slice(digest.as_slice());
        free = rest;
    }
    let digest = PolicyDigest::replace(&session, COMMAND.code, &[digests]);
    context.put(&Session { policy_digest: Tpm2bDigest::new(&digest)?, ..session })?;
    Ok(Response::new())
}
