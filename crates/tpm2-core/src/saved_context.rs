//! Contexts outside the TPM (Part 1, "Context Management"; Part 2, 14): encrypted and authenticated under the proof
//! of their hierarchy.

use subtle::ConstantTimeEq;
use tpm2_crypto::{AES_BLOCK_SIZE, BlockMode, Digest, Direction, Hmac, aes, kdfa};
use tpm2_types::{
    Reader, ResponseCode, Result, Tpm2bContextData, Tpm2bDigest, TpmHandle, TpmHt, TpmRh, TpmiDhSaved,
    TpmiRhHierarchy, TpmsContext,
};

use crate::attest::CONTEXT_HASH;
use crate::context::Context;
use crate::object::{Object, slots};
use crate::session::{Session, SessionSlot, SessionTable};
use crate::state::{Kind, StateReset, parse};

/// Bytes of the key that encrypts contexts: AES-256 (TPM_PT_CONTEXT_SYM).
const KEY_SIZE: usize = 32;

/// Gives out a loaded object or session.
pub fn save<'b>(context: &mut Context<'_, 'b>, handle: TpmHandle) -> Result<TpmsContext<'b>> {
    let reset = context.state.state_reset()?;
    let sequence = reset.context_counter + 1;
    context.put(&StateReset { context_counter: sequence, ..reset })?;
    if handle.kind() != Some(TpmHt::TRANSIENT) {
        let bytes = context.state.bytes(Session::key_of(handle)).ok_or(ResponseCode::FAILURE)?;
        let saved = TpmiDhSaved::new(handle).ok_or(ResponseCode::FAILURE)?;
        let blob = protect(context, sequence, saved, TpmRh::NULL, bytes)?;
        context.changes.delete(Session::key_of(handle))?;
        SessionTable::of(context.state)?.set(
            context.changes,
            context.arena,
            handle,
            SessionSlot::Saved(sequence),
        )?;
        return Ok(blob);
    }
    let bytes = context.state.bytes(Object::key_of(handle)).ok_or(ResponseCode::FAILURE)?;
    let object: Object<'_> = parse(bytes)?;
    let saved = if object.st_clear { TpmiDhSaved::ST_CLEAR_OBJECT } else { TpmiDhSaved::OBJECT };
    protect(context, sequence, saved, object.hierarchy, bytes)
}

/// Takes back what [`save`] gave out, and says under which handle.
pub fn load(context: &mut Context<'_, '_>, saved: &TpmsContext<'_>) -> Result<TpmHandle> {
    let hierarchy = saved.hierarchy.handle();
    if !context.state.hierarchy_enabled(hierarchy)? {
        return Err(ResponseCode::HIERARCHY);
    }
    let bytes = unprotect(context, saved)?;
    if crate::session::is_session(saved.saved_handle.handle()) {
        return load_session(context, saved, bytes);
    }
    let handle = slots::free_handle(context)?;
    context.put(&Object { handle, ..parse(bytes)? })?;
    Ok(handle)
}

fn load_session(context: &mut Context<'_, '_>, saved: &TpmsContext<'_>, bytes: &[u8]) -> Result<TpmHandle> {
    let handle = saved.saved_handle.handle();
    let session: Session<'_> = parse(bytes)?;
    let table = SessionTable::of(context.state)?;
    // A context comes back once: what was saved later, loaded or flushed is not this session any more.
    if session.handle != handle || table.slot(handle) != SessionSlot::Saved(saved.sequence) {
        return Err(ResponseCode::HANDLE);
    }
    if context.state.ids(Kind::Session).count() >= context.profile.loaded_sessions as usize {
        return Err(ResponseCode::SESSION_MEMORY);
    }
    table.set(context.changes, context.arena, handle, SessionSlot::Loaded)?;
    context.put(&session)?;
    Ok(handle)
}

fn protect<'b>(
    context: &Context<'_, 'b>,
    sequence: u64,
    saved_handle: TpmiDhSaved,
    hierarchy: TpmHandle,
    bytes: &[u8],
) -> Result<TpmsContext<'b>> {
    let encrypted = context.arena.allocate(bytes.len())?;
    encrypted.copy_from_slice(bytes);
    cipher(context, sequence, saved_handle, hierarchy, encrypted, Direction::Encrypt)?;
    let integrity = integrity(context, sequence, saved_handle, hierarchy, encrypted)?;
    let blob = context.arena.write(|writer| {
        writer.write(&Tpm2bDigest::new(&integrity)?)?;
        writer.put(encrypted)
    })?;
    Ok(TpmsContext {
        sequence,
        saved_handle,
        hierarchy: TpmiRhHierarchy::new(hierarchy).ok_or(ResponseCode::FAILURE)?,
        context_blob: Tpm2bContextData::new(blob)?,
    })
}

fn unprotect<'b>(context: &Context<'_, 'b>, saved: &TpmsContext<'_>) -> Result<&'b [u8]> {
    let (sequence, hierarchy) = (saved.sequence, saved.hierarchy.handle());
    let mut reader = Reader::trusted(saved.context_blob.as_slice());
    let presented: Tpm2bDigest<'_> = reader.read()?;
    let encrypted = reader.rest();
    let expected = integrity(context, sequence, saved.saved_handle, hierarchy, encrypted)?;
    if !bool::from(expected.ct_eq(presented.as_slice())) {
        return Err(ResponseCode::INTEGRITY);
    }
    let bytes = context.arena.allocate(encrypted.len())?;
    bytes.copy_from_slice(encrypted);
    cipher(context, sequence, saved.saved_handle, hierarchy, bytes, Direction::Decrypt)?;
    Ok(bytes)
}

/// The key and the initialization vector of a context come from the proof, its sequence number and its handle.
fn cipher(
    context: &Context<'_, '_>,
    sequence: u64,
    saved_handle: TpmiDhSaved,
    hierarchy: TpmHandle,
    data: &mut [u8],
    direction: Direction,
) -> Result<()> {
    let derived = context.arena.allocate(KEY_SIZE + AES_BLOCK_SIZE)?;
    let handle = saved_handle.handle().0.to_be_bytes();
    let bits = ((KEY_SIZE + AES_BLOCK_SIZE) * 8) as u32;
    let proof = context.state.proof(hierarchy)?;
    kdfa(CONTEXT_HASH, proof, b"CONTEXT", &sequence.to_be_bytes(), &handle, bits, derived);
    let (key, vector) = derived.split_at_mut(KEY_SIZE);
    let vector = vector.try_into().map_err(|_| ResponseCode::FAILURE)?;
    aes(BlockMode::Cfb, key, vector, data, direction).map_err(|_| ResponseCode::FAILURE)
}

/// The HMAC of a context covers what a reset changes, so that no context outlives a TPM reset, and one of an stClear
/// object no restart either (Part 2, 14.7.1).
fn integrity(
    context: &Context<'_, '_>,
    sequence: u64,
    saved_handle: TpmiDhSaved,
    hierarchy: TpmHandle,
    encrypted: &[u8],
) -> Result<Digest> {
    let orderly = context.state.orderly()?;
    let mut hmac = Hmac::new(CONTEXT_HASH, context.state.proof(hierarchy)?);
    hmac.update(&orderly.total_reset_count.to_be_bytes());
    if saved_handle == TpmiDhSaved::ST_CLEAR_OBJECT {
        hmac.update(&context.state.state_reset()?.clear_count.to_be_bytes());
        hmac.update(&orderly.restart_count.to_be_bytes());
    }
    hmac.update(&sequence.to_be_bytes());
    hmac.update(&saved_handle.handle().0.to_be_bytes());
    hmac.update(encrypted);
    Ok(hmac.finish())
}
