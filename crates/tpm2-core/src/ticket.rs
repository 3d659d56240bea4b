//! Tickets (Part 1, "Tickets"; Part 2, 10.6): the TPM's word to itself, an HMAC under a hierarchy's proof.

use subtle::ConstantTimeEq;
use tpm2_crypto::HashAlgorithm;
use tpm2_types::{
    ResponseCode, Result, TkAuthTag, Tpm2bDigest, Tpm2bTimeout, TpmHandle, TpmRh, TpmSt, TpmiAlgHash,
    TpmiRhHierarchy, TpmtTkAuth, TpmtTkCreation, TpmtTkHashcheck, TpmtTkVerified, TpmuTkVerifiedMeta,
};

use crate::arena::Arena;
use crate::state::State;

/// The hash of all tickets: nothing outside the TPM computes them.
const HASH: HashAlgorithm = HashAlgorithm::Sha256;

/// HMAC over the tag and `parts` under the proof of `hierarchy`; empty in the null hierarchy, where a ticket proves
/// nothing.
fn digest<'b>(
    state: &State<'_>,
    arena: &Arena<'b>,
    hierarchy: TpmiRhHierarchy,
    tag: TpmSt,
    parts: &[&[u8]],
) -> Result<Tpm2bDigest<'b>> {
    if hierarchy == TpmRh::NULL {
        return Ok(Tpm2bDigest::EMPTY);
    }
    let mut mac = tpm2_crypto::Hmac::new(HASH, state.proof(hierarchy.handle())?);
    mac.update(&tag.0.to_be_bytes());
    for part in parts {
        mac.update(part);
    }
    Tpm2bDigest::new(arena.copy(&mac.finish())?)
}

/// The ticket that ties creation data to an object (TPMT_TK_CREATION).
pub fn creation<'b>(
    state: &State<'_>,
    arena: &Arena<'b>,
    hierarchy: TpmiRhHierarchy,
    name: &[u8],
    creation_hash: &[u8],
) -> Result<TpmtTkCreation<'b>> {
    let digest = digest(state, arena, hierarchy, TpmSt::CREATION, &[name, creation_hash])?;
    Ok(TpmtTkCreation { hierarchy, digest })
}

/// The ticket that says that a signature was verified with the key of this Name (TPMT_TK_VERIFIED).
pub fn verified<'b>(
    state: &State<'_>,
    arena: &Arena<'b>,
    hierarchy: TpmiRhHierarchy,
    signed: &[u8],
    key_name: &[u8],
) -> Result<TpmtTkVerified<'b>> {
    let hmac = digest(state, arena, hierarchy, TpmSt::VERIFIED, &[signed, key_name])?;
    Ok(TpmtTkVerified { hierarchy, metadata: TpmuTkVerifiedMeta::Verified, hmac })
}

/// The ticket that says that a digest is of data that does not pretend to be the TPM's (TPMT_TK_HASHCHECK).
pub fn hash_check<'b>(
    state: &State<'_>,
    arena: &Arena<'b>,
    hierarchy: TpmiRhHierarchy,
    algorithm: TpmiAlgHash,
    hashed: &[u8],
) -> Result<TpmtTkHashcheck<'b>> {
    let algorithm = tpm2_types::TpmAlgId::from(algorithm).0.to_be_bytes();
    let digest = digest(state, arena, hierarchy, TpmSt::HASHCHECK, &[&algorithm, hashed])?;
    Ok(TpmtTkHashcheck { hierarchy, digest })
}

/// What an authorization ticket is about.
pub struct Authorization<'t> {
    /// When it ends.
    pub timeout: Tpm2bTimeout<'t>,
    /// The command that it is limited to; empty where it is not.
    pub cp_hash: Tpm2bDigest<'t>,
    /// policyRef.
    pub policy_ref: &'t [u8],
    /// The Name of the entity that authorized.
    pub name: &'t [u8],
}

/// The ticket that says that an authorization was given (TPMT_TK_AUTH).
pub fn auth<'b>(
    state: &State<'_>,
    arena: &Arena<'b>,
    hierarchy: TpmHandle,
    tag: TkAuthTag,
    about: &Authorization<'_>,
) -> Result<TpmtTkAuth<'b>> {
    let hierarchy = TpmiRhHierarchy::new(hierarchy).ok_or(ResponseCode::FAILURE)?;
    let st = match tag {
        TkAuthTag::Signed => TpmSt::AUTH_SIGNED,
        TkAuthTag::Secret => TpmSt::AUTH_SECRET,
    };
    // Sizes keep the parts apart; the count of resets ends the ticket with its timeout's clock.
    let parts = arena.write(|writer| {
        writer.write(&about.timeout)?;
        writer.write(&about.cp_hash)?;
        writer.sized(|writer| writer.put(about.policy_ref))?;
        writer.sized(|writer| writer.put(about.name))
    })?;
    let resets = state.orderly()?.total_reset_count.to_be_bytes();
    let digest = digest(state, arena, hierarchy, st, &[parts, &resets])?;
    Ok(TpmtTkAuth { tag, hierarchy, digest })
}

/// The authorization ticket that says nothing.
pub fn null_auth<'b>(tag: TkAuthTag) -> Result<TpmtTkAuth<'b>> {
    let hierarchy = TpmiRhHierarchy::new(TpmRh::NULL).ok_or(ResponseCode::FAILURE)?;
    Ok(TpmtTkAuth { tag, hierarchy, digest: Tpm2bDigest::EMPTY })
}

/// The ticket that says nothing (Part 2, 10.6.2).
pub fn null_hash_check<'b>() -> Result<TpmtTkHashcheck<'b>> {
    let hierarchy = TpmiRhHierarchy::new(TpmRh::NULL).ok_or(ResponseCode::FAILURE)?;
    Ok(TpmtTkHashcheck { hierarchy, digest: Tpm2bDigest::EMPTY })
}

/// Whether two tickets are the same, in constant time. An empty ticket proves nothing and equals none.
pub fn is_same(expected: &Tpm2bDigest<'_>, presented: &Tpm2bDigest<'_>) -> bool {
    !expected.is_empty() && bool::from(expected.as_slice().ct_eq(presented.as_slice()))
}
