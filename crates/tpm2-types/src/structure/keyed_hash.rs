//! Schemes of keyedHash objects, and the details that schemes share (Part 2, 11.1.17 to 11.1.23).

use crate::{TpmAlgId, TpmiAlgHash, TpmiAlgKdf, TpmtSigScheme};

structure! {
    /// TPMS_SCHEME_HASH: a scheme that needs a hash algorithm and nothing else (Part 2, 11.1.17).
    open struct TpmsSchemeHash = "TPMS_SCHEME_HASH" {
        /// What digests the message.
        hash_alg: TpmiAlgHash,
    }
}

structure! {
    /// TPMS_SCHEME_ECDAA: a scheme that signs in two steps (Part 2, 11.1.18).
    open struct TpmsSchemeEcdaa = "TPMS_SCHEME_ECDAA" {
        /// What digests the message.
        hash_alg: TpmiAlgHash,
        /// The counter that TPM2_Commit answered.
        count: u16,
    }
}

structure! {
    /// TPMS_SCHEME_XOR: obfuscation with a key stream (Part 2, 11.1.21).
    open struct TpmsSchemeXor = "TPMS_SCHEME_XOR" {
        /// The hash of the key derivation.
        hash_alg: TpmiAlgHash,
        /// The key derivation.
        kdf: Option<TpmiAlgKdf>,
    }
}

tagged_union! {
    /// TPMT_KEYEDHASH_SCHEME: what a keyedHash object is for, with its TPMU_SCHEME_KEYEDHASH; null for sealed data
    /// (Part 2, 11.1.23). Another scheme is TPM_RC_VALUE.
    open enum TpmtKeyedhashScheme = "TPMT_KEYEDHASH_SCHEME": TpmAlgId, else VALUE, nullable {
        /// It signs.
        Hmac(TpmsSchemeHash) = TpmAlgId::HMAC,
        /// It obfuscates.
        Xor(TpmsSchemeXor) = TpmAlgId::XOR,
    }
}

impl TpmtKeyedhashScheme {
    /// The scheme as one that signs, if it does.
    pub const fn signing(self) -> Option<TpmtSigScheme> {
        match self {
            Self::Hmac(details) => Some(TpmtSigScheme::Hmac(details)),
            Self::Xor(_) => None,
        }
    }
}
