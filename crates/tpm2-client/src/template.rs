//! Public areas that callers usually ask for, and how to bend them (Part 2, 12.2.4).

use tpm2_types::{TpmAlgId, TpmEccCurve, TpmaObject as Object};

use crate::{Append, Bytes};

/// A TPMT_PUBLIC in the making. Every part can be replaced, also by what no TPM accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// TPM_ALG_ID of the object's type.
    pub object_type: TpmAlgId,
    /// TPM_ALG_ID of the Name's hash algorithm.
    pub name_alg: TpmAlgId,
    /// TPMA_OBJECT. Reserved bits can be had with `from_bits_retain`.
    pub attributes: Object,
    /// authPolicy.
    pub policy: Vec<u8>,
    /// The marshalled TPMU_PUBLIC_PARMS.
    pub parameters: Bytes,
    /// The marshalled TPMU_PUBLIC_ID.
    pub unique: Bytes,
}

impl Template {
    /// The marshalled TPMT_PUBLIC.
    pub fn to_bytes(&self) -> Vec<u8> {
        Bytes::new()
            .u16(self.object_type.0)
            .u16(self.name_alg.0)
            .u32(self.attributes.bits())
            .sized(&self.policy)
            .raw(self.parameters.as_ref())
            .raw(self.unique.as_ref())
            .into_vec()
    }

    /// With these attributes instead.
    #[must_use]
    pub fn attributes(self, attributes: Object) -> Self {
        Self { attributes, ..self }
    }

    /// With these attributes SET too.
    #[must_use]
    pub fn set(self, attributes: Object) -> Self {
        Self { attributes: self.attributes | attributes, ..self }
    }

    /// With these attributes CLEAR.
    #[must_use]
    pub fn clear(self, attributes: Object) -> Self {
        Self { attributes: self.attributes.difference(attributes), ..self }
    }

    /// With this authPolicy.
    #[must_use]
    pub fn policy(self, policy: &[u8]) -> Self {
        Self { policy: policy.to_vec(), ..self }
    }

    /// With this nameAlg.
    #[must_use]
    pub fn name_alg(self, name_alg: TpmAlgId) -> Self {
        Self { name_alg, ..self }
    }

    /// With these parameters.
    #[must_use]
    pub fn parameters(self, parameters: Bytes) -> Self {
        Self { parameters, ..self }
    }

    /// With this unique field.
    #[must_use]
    pub fn unique(self, unique: Bytes) -> Self {
        Self { unique, ..self }
    }
}

const FIXED: Object = Object::FIXED_TPM.union(Object::FIXED_PARENT);
const OWN: Object = FIXED.union(Object::SENSITIVE_DATA_ORIGIN);
const ENDORSEMENT: Object =
    OWN.union(Object::ADMIN_WITH_POLICY).union(Object::RESTRICTED).union(Object::DECRYPT);
const USER: Object = OWN.union(Object::USER_WITH_AUTH).union(Object::NO_DA);
const STORAGE: Object = USER.union(Object::RESTRICTED).union(Object::DECRYPT);
const ATTESTATION: Object = USER.union(Object::RESTRICTED).union(Object::SIGN_ENCRYPT);
const SIGNING: Object = USER.union(Object::SIGN_ENCRYPT);

/// The endorsement key's RSA-2048 template, low range (TCG EK Credential Profile, template L-1).
pub fn ek_rsa() -> Template {
    rsa(ENDORSEMENT, aes_128_cfb(), null()).policy(&EK_POLICY).unique(Bytes::new().sized([0; 256]))
}

/// The endorsement key's P-256 template, low range (TCG EK Credential Profile, template L-2).
pub fn ek_ecc() -> Template {
    ecc(ENDORSEMENT, aes_128_cfb(), null())
        .policy(&EK_POLICY)
        .unique(Bytes::new().sized([0; 32]).sized([0; 32]))
}

/// A storage root key, RSA-2048.
pub fn srk_rsa() -> Template {
    rsa(STORAGE, aes_128_cfb(), null()).unique(Bytes::new().sized([0; 256]))
}

/// A storage root key, P-256.
pub fn srk_ecc() -> Template {
    ecc(STORAGE, aes_128_cfb(), null()).unique(Bytes::new().sized([0; 32]).sized([0; 32]))
}

/// An attestation key, RSA-2048 with RSASSA and SHA-256.
pub fn ak_rsa() -> Template {
    rsa(ATTESTATION, null(), scheme(TpmAlgId::RSASSA, TpmAlgId::SHA256))
}

/// An attestation key, P-256 with ECDSA and SHA-256.
pub fn ak_ecc() -> Template {
    ecc(ATTESTATION, null(), scheme(TpmAlgId::ECDSA, TpmAlgId::SHA256))
}

/// A P-256 signing key whose scheme is chosen at each use.
pub fn signing_ecc() -> Template {
    ecc(SIGNING, null(), null())
}

/// An RSA-2048 signing key whose scheme is chosen at each use.
pub fn signing_rsa() -> Template {
    rsa(SIGNING, null(), null())
}

/// An RSA-2048 key that decrypts with a scheme chosen at each use.
pub fn decryption_rsa() -> Template {
    rsa(USER | Object::DECRYPT, null(), null())
}

/// An HMAC key with SHA-256.
pub fn hmac_key() -> Template {
    keyed_hash(SIGNING, scheme(TpmAlgId::HMAC, TpmAlgId::SHA256))
}

/// Sealed data: the data go into the sensitive part.
pub fn sealed() -> Template {
    keyed_hash(FIXED | Object::USER_WITH_AUTH | Object::NO_DA, null())
}

/// An AES-128 key in CFB mode that encrypts and decrypts.
pub fn aes_key() -> Template {
    Template {
        object_type: TpmAlgId::SYMCIPHER,
        name_alg: TpmAlgId::SHA256,
        attributes: SIGNING | Object::DECRYPT,
        policy: Vec::new(),
        parameters: aes_128_cfb(),
        unique: Bytes::new().sized([]),
    }
}

/// An RSA-2048 object with this symmetric algorithm (TPMT_SYM_DEF_OBJECT) and scheme (TPMT_RSA_SCHEME).
pub fn rsa(attributes: Object, symmetric: Bytes, scheme: Bytes) -> Template {
    Template {
        object_type: TpmAlgId::RSA,
        name_alg: TpmAlgId::SHA256,
        attributes,
        policy: Vec::new(),
        parameters: symmetric.raw(scheme.as_ref()).u16(2048).u32(0),
        unique: Bytes::new().sized([]),
    }
}

/// A P-256 object with this symmetric algorithm (TPMT_SYM_DEF_OBJECT) and scheme (TPMT_ECC_SCHEME).
pub fn ecc(attributes: Object, symmetric: Bytes, scheme: Bytes) -> Template {
    Template {
        object_type: TpmAlgId::ECC,
        name_alg: TpmAlgId::SHA256,
        attributes,
        policy: Vec::new(),
        parameters: symmetric.raw(scheme.as_ref()).u16(TpmEccCurve::NIST_P256.0).u16(TpmAlgId::NULL.0),
        unique: Bytes::new().sized([]).sized([]),
    }
}

/// A keyed-hash object with this scheme (TPMT_KEYEDHASH_SCHEME).
pub fn keyed_hash(attributes: Object, scheme: Bytes) -> Template {
    Template {
        object_type: TpmAlgId::KEYEDHASH,
        name_alg: TpmAlgId::SHA256,
        attributes,
        policy: Vec::new(),
        parameters: scheme,
        unique: Bytes::new().sized([]),
    }
}

/// TPM_ALG_NULL as symmetric algorithm or scheme.
pub fn null() -> Bytes {
    Bytes::new().u16(TpmAlgId::NULL.0)
}

/// A scheme with its hash algorithm.
pub fn scheme(algorithm: TpmAlgId, hash: TpmAlgId) -> Bytes {
    Bytes::new().u16(algorithm.0).u16(hash.0)
}

/// AES-128 in CFB mode, as a symmetric algorithm.
pub fn aes_128_cfb() -> Bytes {
    Bytes::new().u16(TpmAlgId::AES.0).u16(128).u16(TpmAlgId::CFB.0)
}

/// TPM2_PolicySecret(TPM_RH_ENDORSEMENT), as the EK profile prescribes.
const EK_POLICY: [u8; 32] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,
    0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
];
