//! The sensitive areas of objects, and credentials (Part 2, 12.3 and 12.4).

use super::macros::read_sized;
use crate::{
    Marshal, Reader, Result, Tpm2bAuth, Tpm2bDigest, Tpm2bEccPrivateKey, Tpm2bPrivateKeyMldsa,
    Tpm2bPrivateKeyMlkem, Tpm2bPrivateKeyRsa, Tpm2bSecretDigest, Tpm2bSensitiveData, Tpm2bSymKey, TpmAlgId,
    Unmarshal, Writer,
};

selected_structure! {
    /// TPMT_SENSITIVE: the sensitive area of an object (Part 2, 12.3.2.4). An unknown type is TPM_RC_TYPE.
    secret struct TpmtSensitive<'a> = "TPMT_SENSITIVE" {
        selector of sensitive: TpmAlgId, else TYPE;
        /// The authorization value.
        auth_value: Tpm2bAuth<'a>,
        /// The seed of a parent, the obfuscation value of another object.
        seed_value: Tpm2bSecretDigest<'a>,
        ---
        /// The key or data; `sensitiveType` follows from it.
        sensitive: TpmuSensitiveComposite<'a>,
    }
}

union! {
    /// TPMU_SENSITIVE_COMPOSITE: the secret of an object (Part 2, 12.3.2.3).
    secret enum TpmuSensitiveComposite<'a>: TpmAlgId {
        /// A prime of the modulus.
        Rsa(Tpm2bPrivateKeyRsa<'a>) = TpmAlgId::RSA,
        /// The private scalar.
        Ecc(Tpm2bEccPrivateKey<'a>) = TpmAlgId::ECC,
        /// An HMAC key, an obfuscation key or sealed data.
        KeyedHash(Tpm2bSensitiveData<'a>) = TpmAlgId::KEYEDHASH,
        /// A symmetric key.
        SymCipher(Tpm2bSymKey<'a>) = TpmAlgId::SYMCIPHER,
        /// The seed of an ML-DSA key.
        MlDsa(Tpm2bPrivateKeyMldsa<'a>) = TpmAlgId::MLDSA,
        /// The seed of an ML-DSA key that signs digests.
        HashMlDsa(Tpm2bPrivateKeyMldsa<'a>) = TpmAlgId::HASH_MLDSA,
        /// The seeds of an ML-KEM key.
        MlKem(Tpm2bPrivateKeyMlkem<'a>) = TpmAlgId::MLKEM,
    }
}

/// TPM2B_SENSITIVE: a sensitive area, or none: then the size is zero (Part 2, 12.3.3). A size that is not that of
/// the sensitive area is TPM_RC_SIZE.
#[derive(Clone, Copy)]
pub struct Tpm2bSensitive<'a>(
    /// The sensitive area.
    pub Option<TpmtSensitive<'a>>,
);

impl<'a> Unmarshal<'a> for Tpm2bSensitive<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        read_sized(reader, Unmarshal::unmarshal).map(Self)
    }
}

impl Marshal for Tpm2bSensitive<'_> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.sized(|writer| self.0.iter().try_for_each(|sensitive| writer.write(sensitive)))
    }
}

named! { Tpm2bSensitive<'a> = "TPM2B_SENSITIVE", u16::MAX_SIZE + TpmtSensitive::MAX_SIZE }

structure! {
    /// TPMS_ID_OBJECT: a credential (Part 2, 12.4.2). The second part is encrypted with its size, so that it reads
    /// as a TPM2B only after decryption.
    open struct TpmsIdObject<'a> = "TPMS_ID_OBJECT" {
        /// The HMAC over the encrypted part.
        integrity_hmac: Tpm2bDigest<'a>,
        /// The credential.
        enc_identity: Tpm2bDigest<'a>,
    }
}
