//! Signatures (Part 2, 11.3).

use crate::{
    Tpm2bEccParameter, Tpm2bPublicKeyRsa, Tpm2bSignatureEddsa, Tpm2bSignatureMldsa, TpmAlgId, TpmiAlgHash,
    TpmtHa,
};

tagged_union! {
    /// TPMT_SIGNATURE: a signature and its algorithm, with its TPMU_SIGNATURE (Part 2, 11.3.6). Another algorithm is
    /// TPM_RC_SCHEME. Null is what an attestation without a key carries.
    open enum TpmtSignature<'a> = "TPMT_SIGNATURE": TpmAlgId, else SCHEME, nullable {
        /// RSASSA-PKCS1-v1_5.
        Rsassa(TpmsSignatureRsa<'a>) = TpmAlgId::RSASSA,
        /// RSASSA-PSS.
        Rsapss(TpmsSignatureRsa<'a>) = TpmAlgId::RSAPSS,
        /// ECDSA.
        Ecdsa(TpmsSignatureEcc<'a>) = TpmAlgId::ECDSA,
        /// ECDAA.
        Ecdaa(TpmsSignatureEcc<'a>) = TpmAlgId::ECDAA,
        /// SM2.
        Sm2(TpmsSignatureEcc<'a>) = TpmAlgId::SM2,
        /// ECSchnorr.
        Ecschnorr(TpmsSignatureEcc<'a>) = TpmAlgId::ECSCHNORR,
        /// EdDSA.
        Eddsa(Tpm2bSignatureEddsa<'a>) = TpmAlgId::EDDSA,
        /// EdDSA of a digest.
        HashEddsa(Tpm2bSignatureEddsa<'a>) = TpmAlgId::HASH_EDDSA,
        /// ML-DSA.
        MlDsa(Tpm2bSignatureMldsa<'a>) = TpmAlgId::MLDSA,
        /// ML-DSA of a digest.
        HashMlDsa(TpmsSignatureHashMldsa<'a>) = TpmAlgId::HASH_MLDSA,
        /// HMAC.
        Hmac(TpmtHa<'a>) = TpmAlgId::HMAC,
    }
}

structure! {
    /// TPMS_SIGNATURE_RSA (Part 2, 11.3.1).
    open struct TpmsSignatureRsa<'a> = "TPMS_SIGNATURE_RSA" {
        /// What digested the message.
        hash: TpmiAlgHash,
        /// As long as the modulus.
        sig: Tpm2bPublicKeyRsa<'a>,
    }
}

structure! {
    /// TPMS_SIGNATURE_ECC (Part 2, 11.3.2).
    open struct TpmsSignatureEcc<'a> = "TPMS_SIGNATURE_ECC" {
        /// What digested the message.
        hash: TpmiAlgHash,
        /// The first part, r.
        signature_r: Tpm2bEccParameter<'a>,
        /// The second part, s.
        signature_s: Tpm2bEccParameter<'a>,
    }
}

structure! {
    /// TPMS_SIGNATURE_HASH_MLDSA (Part 2, 11.2.7.2).
    open struct TpmsSignatureHashMldsa<'a> = "TPMS_SIGNATURE_HASH_MLDSA" {
        /// What digested the message.
        hash: TpmiAlgHash,
        /// The signature.
        signature: Tpm2bSignatureMldsa<'a>,
    }
}
