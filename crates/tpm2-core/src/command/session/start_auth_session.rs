//! TPM2_StartAuthSession (Part 3, 11.1).

use tpm2_crypto::{HashAlgorithm, MAX_DIGEST_SIZE, kdfa};
use tpm2_types::{
    ResponseCode, Result, Tpm2bDigest, Tpm2bEncryptedSecret, Tpm2bNonce, TpmHandle, TpmHt, TpmSe, TpmaLocality,
    TpmaObject, TpmiAlgHash, TpmiAlgSymMode, TpmiDhEntity, TpmiDhObject, TpmiYesNo, TpmtPublicParms, TpmtRsaScheme,
    TpmtSymDef,
};

use crate::algorithm::FromAlg;
use crate::authorization::Entity;
use crate::context::Context;
use crate::object::{Object, secret};
use crate::session::{PolicyHash, Session, SessionSlot, SessionTable};
use crate::state::{Kind, Maybe};

command! {
    /// Starts an HMAC, policy or trial session, bound or not, salted or not. Part 3, 11.1.
    StartAuthSession<'a> = START_AUTH_SESSION;
    handles { tpm_key: Option<TpmiDhObject> => None, bind: Option<TpmiDhEntity> => None }
    parameters {
        nonce_caller: Tpm2bNonce<'a>,
        encrypted_salt: Tpm2bEncryptedSecret<'a>,
        session_type: TpmSe,
        symmetric: Option<TpmtSymDef>,
        auth_hash: TpmiAlgHash,
    }
    response_handle { session_handle: TpmHandle }
    returns { nonce_tpm: Tpm2bNonce<'a> }
    flags { AFTER_SHUTDOWN }
}

/// The shortest nonce that a session may start with, in bytes.
const MIN_NONCE_SIZE: usize = 16;

fn run<'a>(context: &mut Context<'_, 'a>, input: StartAuthSession<'a>) -> Result<Response<'a>> {
    let hash = HashAlgorithm::from_alg(input.auth_hash);
    let nonce_size = input.nonce_caller.as_slice().len();
    if !(MIN_NONCE_SIZE..=hash.digest_size()).contains(&nonce_size) {
        return Err(ResponseCode::SIZE.at(at::nonce_caller));
    }
    if matches!(input.symmetric, Some(TpmtSymDef::Aes { mode, .. }) if mode != Some(TpmiAlgSymMode::CFB)) {
        return Err(ResponseCode::MODE.at(at::symmetric));
    }
    let salt = salt(context, &input)?;
    let entity = bound_entity(context, input.bind)?;

    if context.state.ids(Kind::Session).count() >= context.profile.loaded_sessions as usize {
        return Err(ResponseCode::SESSION_MEMORY);
    }
    let table = SessionTable::of(context.state)?;
    let number = table.first_free().ok_or(ResponseCode::SESSION_HANDLES)?;
    let kind = if input.session_type == TpmSe::HMAC { TpmHt::HMAC_SESSION } else { TpmHt::POLICY_SESSION };
    let handle = TpmHandle::new(kind, number);

    let nonce_tpm: &'a [u8] = context.random_bytes(nonce_size)?;
    let auth_value = entity.as_ref().map_or(&[][..], |entity| entity.auth_value());
    let mut session_key: &[u8] = &[];
    if input.tpm_key.is_some() || entity.is_some() {
        let secret = context.arena.allocate(auth_value.len() + salt.len())?;
        let (front, back) = secret.split_at_mut(auth_value.len());
        front.copy_from_slice(auth_value);
        back.copy_from_slice(salt);
        let key = context.arena.allocate(hash.digest_size())?;
        let bits = (hash.digest_size() * 8) as u32;
        kdfa(hash, secret, b"ATH", nonce_tpm, input.nonce_caller.as_slice(), bits, key);
        session_key = key;
    }
    // Policy sessions take the key, but stand for no entity.
    let binding = match &entity {
        Some(entity) if input.session_type == TpmSe::HMAC => {
            let binding = Session::binding(entity.name(context.arena)?, auth_value);
            Tpm2bDigest::new(context.arena.copy(&binding)?)?
        }
        _ => Tpm2bDigest::EMPTY,
    };
    let zeros = [0; MAX_DIGEST_SIZE];
    let no = TpmiYesNo(false);
    let session = Session {
        handle,
        kind: input.session_type,
        auth_hash: input.auth_hash,
        symmetric: input.symmetric,
        nonce_tpm: Tpm2bNonce::new(nonce_tpm)?,
        session_key: Tpm2bDigest::new(session_key)?,
        bound: binding,
        da_bound: TpmiYesNo(entity.as_ref().is_some_and(Entity::is_da_protected)),
        lockout_bound: TpmiYesNo(entity.as_ref().is_some_and(Entity::is_lockout)),
        audit: no,
        audit_digest: Tpm2bDigest::EMPTY,
        start_time: context.clock.time(),
        policy_digest: Tpm2bDigest::new(&zeros[..hash.digest_size()])?,
        command_code: Maybe(None),
        locality: TpmaLocality::empty(),
        pcr_counter: Maybe(None),
        auth_value_needed: no,
        password_needed: no,
        nv_written: Maybe(None),
        hash: PolicyHash::None,
        timeout: 0,
        bytes: core::marker::PhantomData,
    };
    context.put(&session)?;
    table.set(context.changes, context.arena, handle, SessionSlot::Loaded)?;
    Ok(Response::new(handle, Tpm2bNonce::new(nonce_tpm)?))
}

/// The salt that the caller encrypted for tpmKey; empty without a key.
fn salt<'a>(context: &mut Context<'_, 'a>, input: &StartAuthSession<'a>) -> Result<&'a [u8]> {
    let Some(handle) = input.tpm_key else {
        return if input.encrypted_salt.is_empty() {
            Ok(&[])
        } else {
            Err(ResponseCode::VALUE.at(at::encrypted_salt))
        };
    };
    let key: Object<'_> = context.state.get(Object::key_of(*handle))?;
    if key.sensitive.is_none() {
        return Err(ResponseCode::HANDLE.at(at::tpm_key));
    }
    match key.public.body.parameters() {
        TpmtPublicParms::Rsa(parms) if !matches!(parms.scheme, None | Some(TpmtRsaScheme::Oaep(_))) => {
            return Err(ResponseCode::VALUE.at(at::tpm_key));
        }
        TpmtPublicParms::Rsa(_) | TpmtPublicParms::Ecc(_) => {}
        _ => return Err(ResponseCode::KEY.at(at::tpm_key)),
    }
    if !key.attributes().contains(TpmaObject::DECRYPT) {
        return Err(ResponseCode::ATTRIBUTES.at(at::tpm_key));
    }
    secret::decrypt(context, &key, &input.encrypted_salt, secret::Purpose::Secret)
        .map_err(|code| code.at(at::encrypted_salt))
}

fn bound_entity<'s>(context: &Context<'s, '_>, bind: Option<TpmiDhEntity>) -> Result<Option<Entity<'s>>> {
    let Some(handle) = bind else { return Ok(None) };
    let entity = Entity::find(context.state, handle.handle(), 1)?;
    match &entity {
        Entity::Object(object) if object.sensitive.is_none() => Err(ResponseCode::HANDLE.at(at::bind)),
        _ => Ok(Some(entity)),
    }
}
