//! Symmetric ciphers and keys (Part 2, 11.1).

use crate::{
    Tpm2bAuth, Tpm2bLabel, Tpm2bSensitiveData, TpmAlgId, TpmiAesKeyBits, TpmiAlgHash, TpmiAlgSymMode,
    TpmiCamelliaKeyBits, TpmiSm4KeyBits, TpmiTdesKeyBits,
};

tagged_union! {
    /// TPMT_SYM_DEF: how parameters are encrypted, with its TPMU_SYM_KEY_BITS and TPMU_SYM_MODE (Part 2, 11.1.6).
    /// An unknown algorithm is TPM_RC_SYMMETRIC, a key size that is not offered TPM_RC_VALUE, a mode TPM_RC_MODE.
    open enum TpmtSymDef = "TPMT_SYM_DEF": TpmAlgId, else SYMMETRIC, nullable {
        /// Triple DES.
        Tdes {
            /// Bits of the key.
            key_bits: TpmiTdesKeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::TDES,
        /// AES.
        Aes {
            /// Bits of the key.
            key_bits: TpmiAesKeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::AES,
        /// XOR with a key stream that this hash makes.
        Xor(TpmiAlgHash) = TpmAlgId::XOR,
        /// SM4.
        Sm4 {
            /// Bits of the key.
            key_bits: TpmiSm4KeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::SM4,
        /// Camellia.
        Camellia {
            /// Bits of the key.
            key_bits: TpmiCamelliaKeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::CAMELLIA,
    }
}

tagged_union! {
    /// TPMT_SYM_DEF_OBJECT: the block cipher of an object, with its TPMU_SYM_KEY_BITS and TPMU_SYM_MODE (Part 2,
    /// 11.1.7). An unknown algorithm is TPM_RC_SYMMETRIC, a key size that is not offered TPM_RC_VALUE, a mode
    /// TPM_RC_MODE.
    open enum TpmtSymDefObject = "TPMT_SYM_DEF_OBJECT": TpmAlgId, else SYMMETRIC, nullable {
        /// Triple DES.
        Tdes {
            /// Bits of the key.
            key_bits: TpmiTdesKeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::TDES,
        /// AES.
        Aes {
            /// Bits of the key.
            key_bits: TpmiAesKeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::AES,
        /// SM4.
        Sm4 {
            /// Bits of the key.
            key_bits: TpmiSm4KeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::SM4,
        /// Camellia.
        Camellia {
            /// Bits of the key.
            key_bits: TpmiCamelliaKeyBits,
            /// The mode, `None` where the use decides it.
            mode: Option<TpmiAlgSymMode>,
        } = TpmAlgId::CAMELLIA,
    }
}

structure! {
    /// TPMS_SYMCIPHER_PARMS: the parameters of a symmetric key (Part 2, 11.1.9).
    open struct TpmsSymcipherParms = "TPMS_SYMCIPHER_PARMS" {
        /// The cipher.
        sym: TpmtSymDefObject,
    }
}

structure! {
    /// TPMS_DERIVE: what an object is derived from (Part 2, 11.1.11).
    open struct TpmsDerive<'a> = "TPMS_DERIVE" {
        /// The label of the KDF.
        label: Tpm2bLabel<'a>,
        /// The context of the KDF.
        context: Tpm2bLabel<'a>,
    }
}

structure! {
    /// TPMS_SENSITIVE_CREATE: the secrets of an object that is to be created (Part 2, 11.1.15).
    secret struct TpmsSensitiveCreate<'a> = "TPMS_SENSITIVE_CREATE" {
        /// The authorization value.
        user_auth: Tpm2bAuth<'a>,
        /// Data to seal, a key, or what to derive it from.
        data: Tpm2bSensitiveData<'a>,
    }
}

sized_structure! {
    /// TPM2B_SENSITIVE_CREATE (Part 2, 11.1.16).
    secret Tpm2bSensitiveCreate<'a> = "TPM2B_SENSITIVE_CREATE", TpmsSensitiveCreate<'a>;
}
