//! The response: encryption, nonces, audit and HMACs (Part 3, 5.9).

use tpm2_crypto::{HashAlgorithm, Hasher};
use tpm2_types::{
    ResponseCode, Result, Tpm2bDigest, Tpm2bNonce, TpmHandle, TpmRh, TpmSe, TpmSt, TpmaSession, TpmiAlgHash,
    TpmiYesNo, Writer,
};

use super::authorize::session_of;
use super::{Executed, SessionInput};
use crate::algorithm::FromAlg;
use crate::authorization::Entity;
use crate::command::{Flags, HEADER_SIZE};
use crate::context::Context;
use crate::session::{self, HmacInput, Session, SessionSlot, SessionTable};
use crate::state::{Kind, Orderly, Shutdown, parse};

/// A response that is complete but not released: its changes are not committed yet.
pub(crate) struct Sealed {
    /// The length of the response.
    pub(crate) length: usize,
}

impl<'b> Executed<'b> {
    /// Completes the response. `handles` are those of the request.
    pub(crate) fn seal(self, context: &mut Context<'_, 'b>, handles: &[TpmHandle]) -> Result<Sealed> {
        let Self { command, sessions, audit_cp_hash, entities, response, parameters } = self;
        let mut end = parameters.end;
        if sessions.len() > 0 {
            let mut auths = [&[][..]; super::MAX_SESSIONS];
            // Whether an authorization value counts was settled in the command; its value is the new one.
            let mut bound = [false; super::MAX_SESSIONS];
            for (index, input) in sessions.iter() {
                if index < command.authorizations() && input.handle != TpmRh::PW {
                    let handle = handles.get(index).ok_or(ResponseCode::FAILURE)?;
                    // An entity that the command deletes authorizes its response with what it had.
                    let Ok(entity) = Entity::find(context.state, *handle, 0) else { continue };
                    auths[index] = context.arena.copy(entity.auth_value_after(context.changes)?)?;
                    bound[index] = session_of(context.state, input)?.is_some_and(|session| {
                        session.is_bound_to(entities.name(index), entity.auth_value())
                    });
                }
            }
            let nonces = fresh_nonces(&sessions, context)?;
            if let Some((index, input)) = sessions.with(TpmaSession::ENCRYPT) {
                let session = session_of(context.state, input)?.ok_or(ResponseCode::FAILURE)?;
                let key = session::session_value(&session, auths[index], context.arena)?;
                let data = sized_data(&mut response[parameters.clone()])?;
                let older = input.nonce_caller.as_slice();
                session::encrypt_parameter(&session, key, nonces[index], older, data, context.arena)?;
            }
            for (index, input) in sessions.iter() {
                let (parameter_bytes, free) = response.split_at_mut(end);
                let rp_hash = |algorithm: TpmiAlgHash| {
                    let mut hasher = Hasher::new(HashAlgorithm::from_alg(algorithm));
                    hasher.update(&0u32.to_be_bytes());
                    hasher.update(&command.code.0.to_be_bytes());
                    hasher.update(&parameter_bytes[parameters.clone()]);
                    hasher.finish()
                };
                let mut writer = Writer::new(free);
                if input.handle == TpmRh::PW {
                    writer.write(&Tpm2bNonce::EMPTY)?;
                    writer.write(&TpmaSession::CONTINUE_SESSION)?;
                    writer.write(&Tpm2bDigest::EMPTY)?;
                } else {
                    let session = session_of(context.state, input)?.ok_or(ResponseCode::FAILURE)?;
                    let rp_hash = rp_hash(session.auth_hash);
                    let hmac_auth: &[u8] = if index >= command.authorizations() {
                        &[]
                    } else if session.kind == TpmSe::POLICY {
                        if session.auth_value_needed.0 { auths[index] } else { &[] }
                    } else if bound[index] {
                        &[]
                    } else {
                        auths[index]
                    };
                    let silent = session.password_needed.0
                        || (session.session_key.is_empty() && hmac_auth.is_empty() && input.hmac.is_empty());
                    writer.write(&Tpm2bNonce::new(nonces[index])?)?;
                    writer.write(&input.attributes)?;
                    if silent {
                        writer.write(&Tpm2bDigest::EMPTY)?;
                    } else {
                        let hmac = session::session_hmac(
                            &session,
                            hmac_auth,
                            &HmacInput {
                                parameters: &rp_hash,
                                nonce_newer: nonces[index],
                                nonce_older: input.nonce_caller.as_slice(),
                                nonce_decrypt: &[],
                                nonce_encrypt: &[],
                                attributes: input.attributes,
                            },
                            context.arena,
                        )?;
                        writer.write(&Tpm2bDigest::new(&hmac)?)?;
                    }
                    let audit = if input.attributes.contains(TpmaSession::AUDIT) {
                        audit_cp_hash.as_deref()
                    } else {
                        None
                    };
                    roll(
                        context,
                        input,
                        nonces[index],
                        index < command.authorizations(),
                        audit.map(|cp| (cp, &*rp_hash)),
                    )?;
                }
                end += writer.len();
            }
        }
        keep_orderly(context, command.flags)?;
        let length = u32::try_from(end).map_err(|_| ResponseCode::FAILURE)?;
        response.get_mut(2..6).ok_or(ResponseCode::FAILURE)?.copy_from_slice(&length.to_be_bytes());
        Ok(Sealed { length: end })
    }
}

/// The response to a request that failed: ten bytes, no sessions.
pub(crate) fn error_response(code: ResponseCode, response: &mut [u8]) -> usize {
    // A tag that no TPM 2.0 knows is answered the way a TPM 1.2 does (Part 3, 6.1).
    let tag = if code == ResponseCode::BAD_TAG { TpmSt::RSP_COMMAND } else { TpmSt::NO_SESSIONS };
    response[..2].copy_from_slice(&tag.0.to_be_bytes());
    response[2..6].copy_from_slice(&(HEADER_SIZE as u32).to_be_bytes());
    response[6..HEADER_SIZE].copy_from_slice(&code.get().to_be_bytes());
    HEADER_SIZE
}

fn fresh_nonces<'b>(
    sessions: &super::Sessions<'b>,
    context: &mut Context<'_, 'b>,
) -> Result<[&'b [u8]; super::MAX_SESSIONS]> {
    let mut nonces = [&[][..]; super::MAX_SESSIONS];
    for (index, input) in sessions.iter() {
        if let Some(session) = session_of(context.state, input)? {
            nonces[index] = context.random_bytes(session.nonce_tpm.as_slice().len())?;
        }
    }
    Ok(nonces)
}

/// The data of a TPM2B at the front of the response parameters.
fn sized_data(parameters: &mut [u8]) -> Result<&mut [u8]> {
    let (size, rest) = parameters.split_first_chunk_mut::<2>().ok_or(ResponseCode::FAILURE)?;
    rest.get_mut(..usize::from(u16::from_be_bytes(*size))).ok_or(ResponseCode::FAILURE)
}

/// Gives a session its new nonce, or ends it; resets the policy of one that authorized; extends its audit digest.
fn roll<'b>(
    context: &mut Context<'_, 'b>,
    input: &SessionInput<'b>,
    nonce: &'b [u8],
    authorized: bool,
    audit: Option<(&[u8], &[u8])>,
) -> Result<()> {
    let key = Session::key_of(input.handle);
    // The command itself may have changed or ended the session.
    let session: Session<'_> = match context.changes.pending(key) {
        Some(None) => return Ok(()),
        Some(Some(bytes)) => parse(bytes)?,
        None => context.state.get(key)?,
    };
    if !input.attributes.contains(TpmaSession::CONTINUE_SESSION) {
        context.changes.delete(key)?;
        let table = SessionTable::of(context.state)?;
        return table.set(context.changes, context.arena, input.handle, SessionSlot::Free);
    }
    let mut session = Session { nonce_tpm: Tpm2bNonce::new(nonce)?, ..session };
    if authorized && session.kind == TpmSe::POLICY {
        session = session.with_policy_reset(&[0; 64]);
    }
    if let Some((cp_hash, rp_hash)) = audit {
        let algorithm = HashAlgorithm::from_alg(session.auth_hash);
        let zeros = [0; tpm2_crypto::MAX_DIGEST_SIZE];
        let old =
            if session.audit.0 { session.audit_digest.as_slice() } else { &zeros[..algorithm.digest_size()] };
        let digest = tpm2_crypto::hash(algorithm, &[old, cp_hash, rp_hash]);
        session.audit_digest = Tpm2bDigest::new(context.arena.copy(&digest)?)?;
        // A session used for audit is bound to nothing any longer (Part 1, "Session Binding").
        session.audit = TpmiYesNo(true);
        session.bound = Tpm2bDigest::EMPTY;
    }
    context.put(&session)
}

/// Writes down what time and changes do to the promises of the last commit: after TPM2_Shutdown a change takes back
/// that the state is in order, and Clock is kept once in a while (TPM_PT_CLOCK_UPDATE).
fn keep_orderly(context: &mut Context<'_, '_>, flags: Flags) -> Result<()> {
    if context.state.running()?.is_none() || context.state.is_closed() {
        return Ok(());
    }
    let orderly = context.state.orderly()?;
    let clock = context.clock.clock();
    let changed = orderly.shutdown != Shutdown::None
        && !context.changes.is_empty()
        && !flags.contains(Flags::AFTER_SHUTDOWN);
    let late = clock.saturating_sub(orderly.clock) >= u64::from(context.profile.clock_update);
    if (changed || late) && context.changes.pending(Kind::Orderly.only()).is_none() {
        let shutdown = if changed { Shutdown::None } else { orderly.shutdown };
        context.put(&Orderly { clock, shutdown, ..orderly })?;
    }
    Ok(())
}
