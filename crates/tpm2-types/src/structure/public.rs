//! The public areas of objects (Part 2, 12.2).

use super::macros::read_sized;
use crate::{
    Marshal, Reader, ResponseCode, Result, Tpm2bDigest, Tpm2bPublicKeyMldsa, Tpm2bPublicKeyMlkem,
    Tpm2bPublicKeyRsa, TpmAlgId, TpmaObject, TpmiAlgHash, TpmiEccCurve, TpmiRsaKeyBits, TpmsDerive,
    TpmsEccPoint, TpmsHashMldsaParms, TpmsMldsaParms, TpmsMlkemParms, TpmsSymcipherParms, TpmtEccScheme,
    TpmtKdfScheme, TpmtKeyedhashScheme, TpmtRsaScheme, TpmtSymDefObject, Unmarshal, Writer,
};

/// TPMT_PUBLIC: the public area of an object (Part 2, 12.2.4). Its Name is `name_alg` and the digest of this.
///
/// An unknown type is TPM_RC_TYPE. `name_alg` is `None`, TPM_ALG_NULL, only where a command allows it
/// ([`Tpm2bPublicOrNull`]) or the TPM wrote it itself; elsewhere that is TPM_RC_HASH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpmtPublic<'a> {
    /// The hash algorithm of the object's Name.
    pub name_alg: Option<TpmiAlgHash>,
    /// What the object may be used for.
    pub object_attributes: TpmaObject,
    /// The policy of the object, or nothing.
    pub auth_policy: Tpm2bDigest<'a>,
    /// `type`, `parameters` and `unique`, which belong together.
    pub body: TpmuPublic<'a>,
}

impl<'a> TpmtPublic<'a> {
    /// TPMI_ALG_PUBLIC: the `type` of the object.
    pub const fn object_type(&self) -> TpmAlgId {
        self.body.selector()
    }

    /// Reads a public area whose `name_alg` may be TPM_ALG_NULL: "+TPMT_PUBLIC".
    pub fn unmarshal_or_null(reader: &mut Reader<'a>) -> Result<Self> {
        let object_type = TpmuPublic::read_selector(reader, ResponseCode::TYPE)?;
        Ok(Self {
            name_alg: reader.read()?,
            object_attributes: reader.read()?,
            auth_policy: reader.read()?,
            body: TpmuPublic::read_member(object_type, reader, ResponseCode::TYPE)?,
        })
    }
}

impl<'a> Unmarshal<'a> for TpmtPublic<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        if !reader.is_trusted() {
            let mut ahead = reader.clone();
            TpmuPublic::read_selector(&mut ahead, ResponseCode::TYPE)?;
            ahead.read::<TpmiAlgHash>()?;
        }
        Self::unmarshal_or_null(reader)
    }
}

impl Marshal for TpmtPublic<'_> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&self.object_type())?;
        writer.write(&self.name_alg)?;
        writer.write(&self.object_attributes)?;
        writer.write(&self.auth_policy)?;
        self.body.write_member(writer)
    }
}

named! { TpmtPublic<'a> = "TPMT_PUBLIC",
2 * TpmAlgId::MAX_SIZE + TpmaObject::MAX_SIZE + Tpm2bDigest::MAX_SIZE + TpmuPublic::MAX_MEMBER_SIZE }

union! {
    /// TPMU_PUBLIC_PARMS with the TPMU_PUBLIC_ID that belongs to it (Part 2, 12.2.3.9 and 12.2.3.2).
    open enum TpmuPublic<'a>: TpmAlgId {
        /// An HMAC key, an obfuscation key or sealed data.
        KeyedHash {
            /// The parameters.
            parms: TpmsKeyedhashParms,
            /// The digest of seed and data.
            unique: Tpm2bDigest<'a>,
        } = TpmAlgId::KEYEDHASH,
        /// A symmetric key.
        SymCipher {
            /// The parameters.
            parms: TpmsSymcipherParms,
            /// The digest of seed and key.
            unique: Tpm2bDigest<'a>,
        } = TpmAlgId::SYMCIPHER,
        /// An RSA key.
        Rsa {
            /// The parameters.
            parms: TpmsRsaParms,
            /// The modulus.
            unique: Tpm2bPublicKeyRsa<'a>,
        } = TpmAlgId::RSA,
        /// An ECC key.
        Ecc {
            /// The parameters.
            parms: TpmsEccParms,
            /// The public point.
            unique: TpmsEccPoint<'a>,
        } = TpmAlgId::ECC,
        /// An ML-DSA key.
        MlDsa {
            /// The parameters.
            parms: TpmsMldsaParms,
            /// The public key.
            unique: Tpm2bPublicKeyMldsa<'a>,
        } = TpmAlgId::MLDSA,
        /// An ML-DSA key that signs digests.
        HashMlDsa {
            /// The parameters.
            parms: TpmsHashMldsaParms,
            /// The public key.
            unique: Tpm2bPublicKeyMldsa<'a>,
        } = TpmAlgId::HASH_MLDSA,
        /// An ML-KEM key.
        MlKem {
            /// The parameters.
            parms: TpmsMlkemParms,
            /// The encapsulation key.
            unique: Tpm2bPublicKeyMlkem<'a>,
        } = TpmAlgId::MLKEM,
    }
}

impl TpmuPublic<'_> {
    /// The parameters alone.
    pub const fn parameters(&self) -> TpmtPublicParms {
        match *self {
            Self::KeyedHash { parms, .. } => TpmtPublicParms::KeyedHash(parms),
            Self::SymCipher { parms, .. } => TpmtPublicParms::SymCipher(parms),
            Self::Rsa { parms, .. } => TpmtPublicParms::Rsa(parms),
            Self::Ecc { parms, .. } => TpmtPublicParms::Ecc(parms),
            Self::MlDsa { parms, .. } => TpmtPublicParms::MlDsa(parms),
            Self::HashMlDsa { parms, .. } => TpmtPublicParms::HashMlDsa(parms),
            Self::MlKem { parms, .. } => TpmtPublicParms::MlKem(parms),
        }
    }
}

tagged_union! {
    /// TPMT_PUBLIC_PARMS: the parameters of an object by themselves (Part 2, 12.2.3.10). An unknown type is
    /// TPM_RC_TYPE.
    open enum TpmtPublicParms = "TPMT_PUBLIC_PARMS": TpmAlgId, else TYPE {
        /// An HMAC key, an obfuscation key or sealed data.
        KeyedHash(TpmsKeyedhashParms) = TpmAlgId::KEYEDHASH,
        /// A symmetric key.
        SymCipher(TpmsSymcipherParms) = TpmAlgId::SYMCIPHER,
        /// An RSA key.
        Rsa(TpmsRsaParms) = TpmAlgId::RSA,
        /// An ECC key.
        Ecc(TpmsEccParms) = TpmAlgId::ECC,
        /// An ML-DSA key.
        MlDsa(TpmsMldsaParms) = TpmAlgId::MLDSA,
        /// An ML-DSA key that signs digests.
        HashMlDsa(TpmsHashMldsaParms) = TpmAlgId::HASH_MLDSA,
        /// An ML-KEM key.
        MlKem(TpmsMlkemParms) = TpmAlgId::MLKEM,
    }
}

impl TpmtPublicParms {
    /// What protects the children of a parent; `None` where the parameters have no such field or it is null.
    pub const fn symmetric(&self) -> Option<TpmtSymDefObject> {
        match *self {
            Self::SymCipher(parms) => Some(parms.sym),
            Self::Rsa(parms) => parms.symmetric,
            Self::Ecc(parms) => parms.symmetric,
            Self::MlKem(parms) => parms.symmetric,
            Self::KeyedHash(_) | Self::MlDsa(_) | Self::HashMlDsa(_) => None,
        }
    }
}

structure! {
    /// TPMS_KEYEDHASH_PARMS (Part 2, 12.2.3.3).
    open struct TpmsKeyedhashParms = "TPMS_KEYEDHASH_PARMS" {
        /// What the key is for; null for sealed data.
        scheme: Option<TpmtKeyedhashScheme>,
    }
}

structure! {
    /// TPMS_RSA_PARMS (Part 2, 12.2.3.4).
    open struct TpmsRsaParms = "TPMS_RSA_PARMS" {
        /// What protects the children of a Storage Key; null for other keys.
        symmetric: Option<TpmtSymDefObject>,
        /// The scheme of the key.
        scheme: Option<TpmtRsaScheme>,
        /// Bits of the modulus.
        key_bits: TpmiRsaKeyBits,
        /// The public exponent; 0 means 65537.
        exponent: u32,
    }
}

structure! {
    /// TPMS_ECC_PARMS (Part 2, 12.2.3.5).
    open struct TpmsEccParms = "TPMS_ECC_PARMS" {
        /// What protects the children of a Storage Key; null for other keys.
        symmetric: Option<TpmtSymDefObject>,
        /// The scheme of the key.
        scheme: Option<TpmtEccScheme>,
        /// The curve.
        curve_id: TpmiEccCurve,
        /// What derives keys from a shared secret.
        kdf: Option<TpmtKdfScheme>,
    }
}

sized_structure! {
    /// TPM2B_PUBLIC (Part 2, 12.2.5).
    open Tpm2bPublic<'a> = "TPM2B_PUBLIC", TpmtPublic<'a>;
}

/// TPM2B_PUBLIC+: a public area whose `name_alg` may be TPM_ALG_NULL (Part 2, 12.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpm2bPublicOrNull<'a>(
    /// What the size is the size of.
    pub TpmtPublic<'a>,
);

impl<'a> Unmarshal<'a> for Tpm2bPublicOrNull<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        read_sized(reader, TpmtPublic::unmarshal_or_null)?.map(Self).ok_or(ResponseCode::SIZE)
    }
}

impl Marshal for Tpm2bPublicOrNull<'_> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.sized(|writer| writer.write(&self.0))
    }
}

named! { Tpm2bPublicOrNull<'a> = "TPM2B_PUBLIC+", Tpm2bPublic::MAX_SIZE }

/// A template for TPM2_CreateLoaded under a Derivation Parent: the derivation values stand in place of `unique`
/// (Part 2, 12.2.6 and 12.2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DerivationTemplate<'a> {
    /// The hash algorithm of the object's Name.
    pub name_alg: TpmiAlgHash,
    /// What the object may be used for.
    pub object_attributes: TpmaObject,
    /// The policy of the object, or nothing.
    pub auth_policy: Tpm2bDigest<'a>,
    /// `type` and `parameters`.
    pub parameters: TpmtPublicParms,
    /// Label and context.
    pub derive: TpmsDerive<'a>,
}

impl<'a> Unmarshal<'a> for DerivationTemplate<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        let object_type = TpmtPublicParms::read_selector(reader, ResponseCode::TYPE)?;
        Ok(Self {
            name_alg: reader.read()?,
            object_attributes: reader.read()?,
            auth_policy: reader.read()?,
            parameters: TpmtPublicParms::read_member(object_type, reader, ResponseCode::TYPE)?,
            derive: reader.read()?,
        })
    }
}
