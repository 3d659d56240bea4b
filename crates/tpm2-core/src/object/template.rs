//! Which public areas make sense (Part 1, "Object Attributes"; Part 3, TPM2_Create, TPM2_Load, TPM2_LoadExternal).

use tpm2_types::{
    ResponseCode, Result, TpmAlgId, TpmaObject, TpmtKeyedhashScheme, TpmtPublic, TpmtPublicParms,
    TpmtSymDefObject,
};

use super::Object;
use super::key::DEFAULT_RSA_EXPONENT;

/// Checks attributes and schemes of an object below `parent`; a primary object, or an external one, has none.
pub fn check(public: &TpmtPublic<'_>, parent: Option<&Object<'_>>) -> Result<()> {
    check_attributes(public, parent)?;
    check_schemes(public, parent)
}

/// Checks of an object that comes from outside (TPM2_LoadExternal): its public area alone may be that of an object of
/// any TPM, whatever protects it there.
pub fn check_external(public: &TpmtPublic<'_>, with_sensitive: bool) -> Result<()> {
    let policy_size = public.auth_policy.as_slice().len();
    if policy_size != 0 && policy_size != public.name_alg.map_or(0, |hash| hash.digest_size()) {
        return Err(ResponseCode::SIZE);
    }
    if with_sensitive {
        check_attributes(public, None)?;
    }
    check_schemes(public, None)
}

/// Checks of an object that is to be created, before those of [`check`]: whether sensitive data is given as the
/// attributes say.
pub fn check_creation(public: &TpmtPublic<'_>, data_size: usize) -> Result<Creation> {
    let attributes = public.object_attributes;
    let given = data_size != 0;
    let origin = attributes.contains(TpmaObject::SENSITIVE_DATA_ORIGIN);
    let sealed = public.object_type() == TpmAlgId::KEYEDHASH
        && !attributes.intersects(TpmaObject::SIGN_ENCRYPT | TpmaObject::DECRYPT);
    if origin == given || (sealed && origin) {
        return Err(ResponseCode::ATTRIBUTES);
    }
    // The TPM makes asymmetric keys itself.
    let is_asymmetric = !matches!(public.object_type(), TpmAlgId::KEYEDHASH | TpmAlgId::SYMCIPHER);
    if is_asymmetric && given { Ok(Creation::DataRefused) } else { Ok(Creation::Accepted) }
}

/// What [`check_creation`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Nothing is wrong.
    Accepted,
    /// The caller gives the private part of an asymmetric key: TPM_RC_VALUE of the sensitive data.
    DataRefused,
}

fn check_attributes(public: &TpmtPublic<'_>, parent: Option<&Object<'_>>) -> Result<()> {
    let attributes = public.object_attributes;
    let has = |attribute| attributes.contains(attribute);
    let policy_size = public.auth_policy.as_slice().len();
    if policy_size != 0 && policy_size != public.name_alg.map_or(0, |hash| hash.digest_size()) {
        return Err(ResponseCode::SIZE);
    }
    let parent_attributes = parent.map(Object::attributes);
    // An object below a fixed parent, or a hierarchy, is fixed to both or to neither.
    if parent_attributes.is_none_or(|parent| parent.contains(TpmaObject::FIXED_TPM)) {
        if has(TpmaObject::FIXED_TPM) != has(TpmaObject::FIXED_PARENT) {
            return Err(ResponseCode::ATTRIBUTES);
        }
    } else if has(TpmaObject::FIXED_TPM) {
        return Err(ResponseCode::ATTRIBUTES);
    }
    let (sign, decrypt) = (has(TpmaObject::SIGN_ENCRYPT), has(TpmaObject::DECRYPT));
    let is_keyed_hash = public.object_type() == TpmAlgId::KEYEDHASH;
    let inconsistent = (has(TpmaObject::RESTRICTED) && sign == decrypt)
        || (!is_keyed_hash && !sign && !decrypt)
        || (has(TpmaObject::X509_SIGN) && !sign)
        || (has(TpmaObject::FIXED_TPM) && has(TpmaObject::ENCRYPTED_DUPLICATION))
        // Nothing here depends on the firmware's version.
        || attributes.intersects(TpmaObject::FIRMWARE_LIMITED | TpmaObject::SVN_LIMITED);
    if inconsistent {
        return Err(ResponseCode::ATTRIBUTES);
    }
    // Below a parent that can be duplicated, duplication is encrypted as the parent's is.
    match parent_attributes {
        Some(parent)
            if !parent.contains(TpmaObject::FIXED_TPM)
                && parent.contains(TpmaObject::ENCRYPTED_DUPLICATION)
                    != has(TpmaObject::ENCRYPTED_DUPLICATION) =>
        {
            Err(ResponseCode::ATTRIBUTES)
        }
        _ => Ok(()),
    }
}

fn check_schemes(public: &TpmtPublic<'_>, parent: Option<&Object<'_>>) -> Result<()> {
    let attributes = public.object_attributes;
    let sign = attributes.contains(TpmaObject::SIGN_ENCRYPT);
    let decrypt = attributes.contains(TpmaObject::DECRYPT);
    let restricted = attributes.contains(TpmaObject::RESTRICTED);
    let is_parent = restricted && decrypt;
    let parameters = public.body.parameters();
    match parameters {
        TpmtPublicParms::KeyedHash(parms) => {
            return check_keyed_hash(parms.scheme, sign, decrypt, restricted);
        }
        TpmtPublicParms::SymCipher(parms) => {
            // A parent without a mode protects its children in the only one there is.
            if is_parent && !matches!(parms.sym.mode(), None | Some(PARENT_MODE)) {
                return Err(ResponseCode::MODE);
            }
        }
        TpmtPublicParms::Rsa(parms) => {
            if !matches!(parms.exponent, 0 | DEFAULT_RSA_EXPONENT) {
                return Err(ResponseCode::RANGE);
            }
            let kind = parms
                .scheme
                .map(|scheme| if scheme.signing().is_some() { Kind::Signing } else { Kind::Decrypting });
            check_asymmetric(kind, sign, decrypt, restricted)?;
        }
        TpmtPublicParms::Ecc(parms) => {
            if parms.kdf.is_some() {
                return Err(ResponseCode::KDF);
            }
            let kind = parms
                .scheme
                .map(|scheme| if scheme.signing().is_some() { Kind::Signing } else { Kind::Decrypting });
            check_asymmetric(kind, sign, decrypt, restricted)?;
        }
        TpmtPublicParms::MlDsa(_) | TpmtPublicParms::HashMlDsa(_) | TpmtPublicParms::MlKem(_) => {
            return Err(ResponseCode::TYPE);
        }
    }
    if !matches!(parameters, TpmtPublicParms::SymCipher(_)) {
        check_symmetric(parameters.symmetric(), is_parent)?;
    }
    match parent {
        Some(parent) if is_parent && attributes.contains(TpmaObject::FIXED_PARENT) => {
            // A fixed parent below a parent protects its children as its own parent does.
            if public.name_alg != parent.public.name_alg {
                Err(ResponseCode::HASH)
            } else if parameters.symmetric() != parent.public.body.parameters().symmetric() {
                Err(ResponseCode::SYMMETRIC)
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}

/// What an asymmetric scheme is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signing,
    Decrypting,
}

fn check_asymmetric(scheme: Option<Kind>, sign: bool, decrypt: bool, restricted: bool) -> Result<()> {
    let fits = match (scheme, sign, decrypt) {
        // Restricted keys that sign have a scheme, parents and keys for both have none.
        (None, true, false) => !restricted,
        (None, _, _) => true,
        (Some(Kind::Signing), true, false) => true,
        (Some(Kind::Decrypting), false, true) => !restricted,
        _ => false,
    };
    if fits { Ok(()) } else { Err(ResponseCode::SCHEME) }
}

fn check_keyed_hash(
    scheme: Option<TpmtKeyedhashScheme>,
    sign: bool,
    decrypt: bool,
    restricted: bool,
) -> Result<()> {
    match (scheme, sign, decrypt) {
        (None, true, true) | (None, false, false) => Ok(()),
        (Some(TpmtKeyedhashScheme::Hmac(_)), true, false) => Ok(()),
        (Some(TpmtKeyedhashScheme::Xor(details)), false, true) => {
            // A derivation parent needs its key derivation function.
            if restricted && details.kdf.is_none() { Err(ResponseCode::SCHEME) } else { Ok(()) }
        }
        _ => Err(ResponseCode::SCHEME),
    }
}

/// The mode in which parents protect their children.
const PARENT_MODE: tpm2_types::TpmiAlgSymMode = tpm2_types::TpmiAlgSymMode::CFB;

fn check_symmetric(symmetric: Option<TpmtSymDefObject>, is_parent: bool) -> Result<()> {
    match symmetric {
        None if !is_parent => Ok(()),
        Some(symmetric) if is_parent => {
            if symmetric.mode() == Some(PARENT_MODE) {
                Ok(())
            } else {
                Err(ResponseCode::MODE)
            }
        }
        _ => Err(ResponseCode::SYMMETRIC),
    }
}
