//! TPM2B_PRIVATE: the sensitive area of a child, protected by its parent (Part 1, "Protected Storage").

use tpm2_crypto::HashAlgorithm;
use tpm2_types::{
    Reader, ResponseCode, Result, Tpm2bAuth, Tpm2bPrivate, Tpm2bSensitive, TpmiAlgHash, TpmtSensitive,
};

use super::Object;
use super::protection::Protector;
use crate::algorithm::FromAlg;
use crate::authorization::trim;
use crate::context::Context;

/// What `parent` protects the child with this Name with. TPM_RC_FAILURE for an object that is no parent.
pub fn protector<'p>(parent: &Object<'p>, name: &'p [u8]) -> Result<Protector<'p>> {
    let sensitive = parent.sensitive.as_ref().ok_or(ResponseCode::FAILURE)?;
    Ok(Protector {
        seed: sensitive.seed_value.as_slice(),
        hash: HashAlgorithm::from_alg(parent.public.name_alg.ok_or(ResponseCode::FAILURE)?),
        symmetric: parent.public.body.parameters().symmetric().ok_or(ResponseCode::FAILURE)?,
        name,
    })
}

/// The sensitive area as its parent lets it out. The authorization value is padded, so that its length does not show.
pub fn wrap<'b>(
    context: &mut Context<'_, 'b>,
    parent: &Object<'_>,
    name: &[u8],
    name_alg: TpmiAlgHash,
    sensitive: TpmtSensitive<'_>,
) -> Result<Tpm2bPrivate<'b>> {
    let padded = context.arena.allocate(name_alg.digest_size())?;
    let auth = sensitive.auth_value.as_slice();
    padded.get_mut(..auth.len()).ok_or(ResponseCode::SIZE)?.copy_from_slice(auth);
    let padded = TpmtSensitive { auth_value: Tpm2bAuth::new(padded)?, ..sensitive };
    let data = context.arena.marshal(&Tpm2bSensitive(Some(padded)))?;
    let protected = protector(parent, name)?.protect(context.arena, Some(context.random), data)?;
    Tpm2bPrivate::new(protected)
}

/// The sensitive area of a child. TPM_RC_INTEGRITY where it is not this parent's child with this Name, TPM_RC_SIZE
/// where there is nothing.
pub fn unwrap<'b>(
    context: &Context<'_, 'b>,
    parent: &Object<'_>,
    name: &[u8],
    private: &Tpm2bPrivate<'_>,
) -> Result<TpmtSensitive<'b>> {
    if private.is_empty() {
        return Err(ResponseCode::SIZE);
    }
    let data = protector(parent, name)?.unprotect(context.arena, private.as_slice(), true)?;
    let mut reader = Reader::new(data, &context.profile.supported);
    let Tpm2bSensitive(sensitive) = reader.read()?;
    reader.finish()?;
    let sensitive = sensitive.ok_or(ResponseCode::SIZE)?;
    let auth_value = Tpm2bAuth::new(trim(sensitive.auth_value.as_slice()))?;
    Ok(TpmtSensitive { auth_value, ..sensitive })
}
