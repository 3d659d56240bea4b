//! Asymmetric schemes, RSA and ECC (Part 2, 11.2).

use crate::{Tpm2bEccParameter, TpmAlgId, TpmEccCurve, TpmiAlgHash, TpmsSchemeEcdaa, TpmsSchemeHash};

tagged_union! {
    /// TPMT_SIG_SCHEME: how a signature is made (Part 2, 11.2.1.5). Another scheme, also one of those that are not
    /// in TPMU_SIG_SCHEME because their keys fix them, is TPM_RC_SCHEME.
    open enum TpmtSigScheme = "TPMT_SIG_SCHEME": TpmAlgId, else SCHEME, nullable {
        /// RSASSA-PKCS1-v1_5.
        Rsassa(TpmsSchemeHash) = TpmAlgId::RSASSA,
        /// RSASSA-PSS.
        Rsapss(TpmsSchemeHash) = TpmAlgId::RSAPSS,
        /// ECDSA.
        Ecdsa(TpmsSchemeHash) = TpmAlgId::ECDSA,
        /// ECDAA.
        Ecdaa(TpmsSchemeEcdaa) = TpmAlgId::ECDAA,
        /// SM2.
        Sm2(TpmsSchemeHash) = TpmAlgId::SM2,
        /// ECSchnorr.
        Ecschnorr(TpmsSchemeHash) = TpmAlgId::ECSCHNORR,
        /// EdDSA.
        Eddsa = TpmAlgId::EDDSA,
        /// EdDSA of a digest.
        HashEddsa = TpmAlgId::HASH_EDDSA,
        /// HMAC.
        Hmac(TpmsSchemeHash) = TpmAlgId::HMAC,
    }
}

impl TpmtSigScheme {
    /// What digests the message; `None` where the key decides it.
    pub const fn hash_alg(&self) -> Option<TpmiAlgHash> {
        match self {
            Self::Rsassa(details)
            | Self::Rsapss(details)
            | Self::Ecdsa(details)
            | Self::Sm2(details)
            | Self::Ecschnorr(details)
            | Self::Hmac(details) => Some(details.hash_alg),
            Self::Ecdaa(details) => Some(details.hash_alg),
            Self::Eddsa | Self::HashEddsa => None,
        }
    }
}

tagged_union! {
    /// TPMT_KDF_SCHEME: a key derivation and its hash, with its TPMU_KDF_SCHEME (Part 2, 11.2.3.3). Another one is TPM_RC_KDF.
    open enum TpmtKdfScheme = "TPMT_KDF_SCHEME": TpmAlgId, else KDF, nullable {
        /// MGF1.
        Mgf1(TpmsSchemeHash) = TpmAlgId::MGF1,
        /// KDF2.
        Kdf2(TpmsSchemeHash) = TpmAlgId::KDF2,
        /// The concatenation KDF of SP 800-56A.
        Kdf1Sp80056a(TpmsSchemeHash) = TpmAlgId::KDF1_SP800_56A,
        /// The counter KDF of SP 800-108.
        Kdf1Sp800108(TpmsSchemeHash) = TpmAlgId::KDF1_SP800_108,
        /// HKDF.
        Hkdf(TpmsSchemeHash) = TpmAlgId::HKDF,
    }
}

tagged_union! {
    /// TPMT_RSA_SCHEME: the scheme of an RSA key, with its TPMU_RSA_SCHEME (Part 2, 11.2.4.3). Another one is TPM_RC_VALUE.
    open enum TpmtRsaScheme = "TPMT_RSA_SCHEME": TpmAlgId, else VALUE, nullable {
        /// RSASSA-PKCS1-v1_5.
        Rsassa(TpmsSchemeHash) = TpmAlgId::RSASSA,
        /// RSAES-PKCS1-v1_5.
        Rsaes = TpmAlgId::RSAES,
        /// RSASSA-PSS.
        Rsapss(TpmsSchemeHash) = TpmAlgId::RSAPSS,
        /// RSAES-OAEP.
        Oaep(TpmsSchemeHash) = TpmAlgId::OAEP,
    }
}

tagged_union! {
    /// TPMT_RSA_DECRYPT: how RSA encrypts (Part 2, 11.2.4.5). Another scheme is TPM_RC_VALUE.
    open enum TpmtRsaDecrypt = "TPMT_RSA_DECRYPT": TpmAlgId, else VALUE, nullable {
        /// RSAES-PKCS1-v1_5.
        Rsaes = TpmAlgId::RSAES,
        /// RSAES-OAEP.
        Oaep(TpmsSchemeHash) = TpmAlgId::OAEP,
    }
}

tagged_union! {
    /// TPMT_ECC_SCHEME: the scheme of an ECC key, with its TPMU_ECC_SCHEME (Part 2, 11.2.5.7). Another one is TPM_RC_SCHEME.
    open enum TpmtEccScheme = "TPMT_ECC_SCHEME": TpmAlgId, else SCHEME, nullable {
        /// ECDSA.
        Ecdsa(TpmsSchemeHash) = TpmAlgId::ECDSA,
        /// ECDAA.
        Ecdaa(TpmsSchemeEcdaa) = TpmAlgId::ECDAA,
        /// SM2, to sign or to exchange keys.
        Sm2(TpmsSchemeHash) = TpmAlgId::SM2,
        /// ECSchnorr.
        Ecschnorr(TpmsSchemeHash) = TpmAlgId::ECSCHNORR,
        /// EdDSA.
        Eddsa = TpmAlgId::EDDSA,
        /// EdDSA of a digest.
        HashEddsa = TpmAlgId::HASH_EDDSA,
        /// ECDH.
        Ecdh(TpmsSchemeHash) = TpmAlgId::ECDH,
        /// ECMQV.
        Ecmqv(TpmsSchemeHash) = TpmAlgId::ECMQV,
    }
}

impl TpmtRsaScheme {
    /// The scheme as one that signs, if it does.
    pub const fn signing(self) -> Option<TpmtSigScheme> {
        match self {
            Self::Rsassa(details) => Some(TpmtSigScheme::Rsassa(details)),
            Self::Rsapss(details) => Some(TpmtSigScheme::Rsapss(details)),
            Self::Rsaes | Self::Oaep(_) => None,
        }
    }

    /// The scheme as one that encrypts, if it does.
    pub const fn decrypting(self) -> Option<TpmtRsaDecrypt> {
        match self {
            Self::Rsaes => Some(TpmtRsaDecrypt::Rsaes),
            Self::Oaep(details) => Some(TpmtRsaDecrypt::Oaep(details)),
            Self::Rsassa(_) | Self::Rsapss(_) => None,
        }
    }
}

impl TpmtEccScheme {
    /// The scheme as one that signs, if it may.
    pub const fn signing(self) -> Option<TpmtSigScheme> {
        match self {
            Self::Ecdsa(details) => Some(TpmtSigScheme::Ecdsa(details)),
            Self::Ecdaa(details) => Some(TpmtSigScheme::Ecdaa(details)),
            Self::Sm2(details) => Some(TpmtSigScheme::Sm2(details)),
            Self::Ecschnorr(details) => Some(TpmtSigScheme::Ecschnorr(details)),
            Self::Eddsa => Some(TpmtSigScheme::Eddsa),
            Self::HashEddsa => Some(TpmtSigScheme::HashEddsa),
            Self::Ecdh(_) | Self::Ecmqv(_) => None,
        }
    }
}

structure! {
    /// TPMS_ECC_POINT: a point on a curve (Part 2, 11.2.5.2).
    open struct TpmsEccPoint<'a> = "TPMS_ECC_POINT" {
        /// The x coordinate.
        x: Tpm2bEccParameter<'a>,
        /// The y coordinate; empty on an Edwards curve.
        y: Tpm2bEccParameter<'a>,
    }
}

sized_structure! {
    /// TPM2B_ECC_POINT (Part 2, 11.2.5.3). No point is two Empty Buffers.
    open Tpm2bEccPoint<'a> = "TPM2B_ECC_POINT", TpmsEccPoint<'a>;
}

structure! {
    /// TPMS_ALGORITHM_DETAIL_ECC: the parameters of a curve (Part 2, 11.2.5.8).
    open struct TpmsAlgorithmDetailEcc<'a> = "TPMS_ALGORITHM_DETAIL_ECC" {
        /// The curve.
        curve_id: TpmEccCurve,
        /// Bits of a key.
        key_size: u16,
        /// A key derivation that suits it; deprecated.
        kdf: Option<TpmtKdfScheme>,
        /// The scheme that signatures must have.
        sign: Option<TpmtEccScheme>,
        /// The prime of the field.
        p: Tpm2bEccParameter<'a>,
        /// The coefficient of the linear term.
        a: Tpm2bEccParameter<'a>,
        /// The constant term.
        b: Tpm2bEccParameter<'a>,
        /// The x coordinate of the base point.
        g_x: Tpm2bEccParameter<'a>,
        /// The y coordinate of the base point.
        g_y: Tpm2bEccParameter<'a>,
        /// The order of the base point.
        n: Tpm2bEccParameter<'a>,
        /// The cofactor; empty means 1.
        h: Tpm2bEccParameter<'a>,
    }
}
