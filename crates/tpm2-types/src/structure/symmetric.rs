//! Symmetric ciphers and keys (Part 2, 11.1).

use crate::{
    Tpm2bAuth, Tpm2bLabel, Tpm2bSensitiveData, TpmAlgId, TpmiAesKeyBits, TpmiAlgHash, TpmiAlgSymMode,
    TpmiCamelliaKeyBits, TpmiSm4KeyBits, TpmiTdesKeyBits,
};

/// A union of block ciphers, and of more if need be.
macro_rules! block_ciphers {
    ($(#[$meta:meta])* $name:ident = $spec:literal { $($more:tt)* }) => {
        tagged_union! {
            $(#[$meta])*
            open enum $name = $spec: TpmAlgId, else SYMMETRIC, nullable {
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
                $($more)*
            }
        }
    };
}

block_ciphers! {
    /// TPMT_SYM_DEF: how parameters are encrypted, with its TPMU_SYM_KEY_BITS and TPMU_SYM_MODE (Part 2, 11.1.6).
    /// An unknown algorithm is TPM_RC_SYMMETRIC, a key size that is not offered TPM_RC_VALUE, a mode TPM_RC_MODE.
    TpmtSymDef = "TPMT_SYM_DEF" {
        /// XOR with a key stream that this hash makes.
        Xor(TpmiAlgHash) = TpmAlgId::XOR,
    }
}

block_ciphers! {
    /// TPMT_SYM_DEF_OBJECT: the block cipher of an object, with its TPMU_SYM_KEY_BITS and TPMU_SYM_MODE (Part 2,
    /// 11.1.7). An unknown algorithm is TPM_RC_SYMMETRIC, a key size that is not offered TPM_RC_VALUE, a mode
    /// TPM_RC_MODE.
    TpmtSymDefObject = "TPMT_SYM_DEF_OBJECT" {}
}

impl TpmtSymDefObject {
    /// Bits of the key.
    pub const fn key_bits(&self) -> u16 {
        match self {
            Self::Tdes { key_bits, .. } => key_bits.bits(),
            Self::Aes { key_bits, .. } => key_bits.bits(),
            Self::Sm4 { key_bits, .. } => key_bits.bits(),
            Self::Camellia { key_bits, .. } => key_bits.bits(),
        }
    }

    /// The mode, `None` where the use decides it.
    pub const fn mode(&self) -> Option<TpmiAlgSymMode> {
        match *self {
            Self::Tdes { mode, .. }
            | Self::Aes { mode, .. }
            | Self::Sm4 { mode, .. }
            | Self::Camellia { mode, .. } => mode,
        }
    }

    /// Bytes of a block.
    pub const fn block_size(&self) -> usize {
        match self {
            Self::Tdes { .. } => 8,
            Self::Aes { .. } | Self::Sm4 { .. } | Self::Camellia { .. } => 16,
        }
    }
}

impl TpmtSymDef {
    /// The block cipher, unless it is XOR.
    pub const fn block_cipher(&self) -> Option<TpmtSymDefObject> {
        match *self {
            Self::Tdes { key_bits, mode } => Some(TpmtSymDefObject::Tdes { key_bits, mode }),
            Self::Aes { key_bits, mode } => Some(TpmtSymDefObject::Aes { key_bits, mode }),
            Self::Sm4 { key_bits, mode } => Some(TpmtSymDefObject::Sm4 { key_bits, mode }),
            Self::Camellia { key_bits, mode } => Some(TpmtSymDefObject::Camellia { key_bits, mode }),
            Self::Xor(_) => None,
        }
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
