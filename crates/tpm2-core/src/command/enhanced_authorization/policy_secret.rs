//! TPM2_PolicySecret (Part 3, 23.4).

use tpm2_types::{
    ResponseCode, Result, TkAuthTag, Tpm2bDigest, Tpm2bNonce, Tpm2bTimeout, TpmSe, TpmiDhEntity, TpmiShPolicy,
    TpmtTkAuth,
};

use crate::authorization::Entity;
use crate::context::Context;
use crate::session::{PolicyDigest, PolicyLimits, Session, is_session};
use crate::ticket;

command! {
    /// Ties a policy to the authorization of some entity, which this command asks for. Part 3, 23.4.
    PolicySecret<'a> = POLICY_SECRET;
    handles { auth_handle: TpmiDhEntity => User, policy_session: TpmiShPolicy => None }
    parameters {
        nonce_tpm: Tpm2bNonce<'a>,
        cp_hash_a: Tpm2bDigest<'a>,
        policy_ref: Tpm2bNonce<'a>,
        expiration: i32,
    }
    returns { timeout: Tpm2bTimeout<'a>, policy_ticket: TpmtTkAuth<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: PolicySecret<'a>) -> Result<Response<'a>> {
    let session: Session<'_> = context.state.get(Session::key_of(*input.policy_session))?;
    // A policy that does not ask for the secret proves no knowledge of it.
    if let Some(handle) = context.session.filter(|handle| is_session(*handle)) {
        let authorizing: Session<'_> = context.state.get(Session::key_of(handle))?;
        let proves = authorizing.auth_value_needed.0 || authorizing.password_needed.0;
        if authorizing.kind == TpmSe::POLICY && !proves {
            return Err(ResponseCode::MODE.at(at::auth_handle));
        }
    }
    // Time stands in a dark period: nothing can begin to expire.
    if input.expiration != 0
        && let Some(code) = context.state.unavailable()
    {
        return Err(code);
    }
    let entity = Entity::find(context.state, input.auth_handle.handle(), 0)?;
    let limits = PolicyLimits::check(
        &session,
        context.clock.time(),
        input.nonce_tpm.as_slice(),
        input.cp_hash_a,
        input.expiration,
    )
    .map_err(|wrong| wrong.at(at::nonce_tpm, at::expiration, at::cp_hash_a))?;

    let name = entity.name(context.arena)?;
    let policy_ref = input.policy_ref.as_slice();
    let digest = PolicyDigest::update(&session, COMMAND.code, name, policy_ref);
    context.put(&limits.apply(Session { policy_digest: Tpm2bDigest::new(&digest)?, ..session }))?;

    // A negative expiration asks for a ticket.
    if input.expiration >= 0 || session.kind == TpmSe::TRIAL {
        return Ok(Response::new(Tpm2bTimeout::EMPTY, ticket::null_auth(TkAuthTag::Secret)?));
    }
    let timeout = Tpm2bTimeout::new(context.arena.marshal(&limits.timeout)?)?;
    let hierarchy = entity.hierarchy();
    let about = ticket::Authorization { timeout, cp_hash: input.cp_hash_a, policy_ref, name };
    Ok(Response::new(timeout, ticket::auth(context.state, context.arena, hierarchy, TkAuthTag::Secret, &about)?))
}
