//! Which scheme counts: the key's own or the caller's (Part 3, 18.1, 20.5 and Table 42).

use tpm2_types::{ResponseCode, Result, TpmsRsaParms, TpmtPublicParms, TpmtRsaDecrypt, TpmtSigScheme};

use super::Object;

/// The scheme with which `key` signs when the caller asks for `wanted`. TPM_RC_SCHEME where there is none, where the
/// caller wants another than the key's, or one that is not for keys of this type (CVE-2025-2884).
pub fn signing(key: &Object<'_>, wanted: Option<TpmtSigScheme>) -> Result<TpmtSigScheme> {
    let parameters = key.public.body.parameters();
    let own = match parameters {
        TpmtPublicParms::Rsa(parms) => parms.scheme.and_then(|scheme| scheme.signing()),
        TpmtPublicParms::Ecc(parms) => parms.scheme.and_then(|scheme| scheme.signing()),
        TpmtPublicParms::KeyedHash(parms) => parms.scheme.and_then(|scheme| scheme.signing()),
        _ => return Err(ResponseCode::SCHEME),
    };
    let scheme = match (own, wanted) {
        (Some(own), None) => own,
        (Some(own), Some(wanted)) if own == wanted => own,
        (None, Some(wanted)) => wanted,
        _ => return Err(ResponseCode::SCHEME),
    };
    let fits = match parameters {
        TpmtPublicParms::Rsa(_) => matches!(scheme, TpmtSigScheme::Rsassa(_) | TpmtSigScheme::Rsapss(_)),
        TpmtPublicParms::Ecc(_) => matches!(scheme, TpmtSigScheme::Ecdsa(_)),
        TpmtPublicParms::KeyedHash(_) => matches!(scheme, TpmtSigScheme::Hmac(_)),
        _ => false,
    };
    if fits { Ok(scheme) } else { Err(ResponseCode::SCHEME) }
}

/// The padding of RSA encryption (Part 3, Table 42): the key's own, or the caller's where the key has none; none at
/// all where neither has one. TPM_RC_SCHEME where they differ, or the key's is one for signatures.
pub fn rsa_encryption(key: &TpmsRsaParms, wanted: Option<TpmtRsaDecrypt>) -> Result<Option<TpmtRsaDecrypt>> {
    let Some(own) = key.scheme else { return Ok(wanted) };
    let own = own.decrypting().ok_or(ResponseCode::SCHEME)?;
    match wanted {
        Some(wanted) if wanted != own => Err(ResponseCode::SCHEME),
        _ => Ok(Some(own)),
    }
}
