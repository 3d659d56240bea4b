//! Tickets: what the TPM checked before and need not check again (Part 2, 10.6).
//!
//! Each is an HMAC under the proof value of a hierarchy. The NULL Ticket of a kind has TPM_RH_NULL and no HMAC.

use crate::{Tpm2bDigest, TpmSt, TpmiAlgHash, TpmiRhHierarchy};

structure! {
    /// TPMT_TK_CREATION: this creation data is that of this object (Part 2, 10.6.3). Another tag is TPM_RC_TAG.
    open struct TpmtTkCreation<'a> = "TPMT_TK_CREATION" {
        @constant TpmSt::CREATION, TpmSt, else TAG;
        /// The hierarchy of the object.
        hierarchy: TpmiRhHierarchy,
        /// The HMAC.
        digest: Tpm2bDigest<'a>,
    }
}

union! {
    /// TPMU_TK_VERIFIED_META: which command checked the signature, and of what (Part 2, 10.6.4).
    open enum TpmuTkVerifiedMeta: TpmSt {
        /// TPM2_VerifySignature.
        Verified = TpmSt::VERIFIED,
        /// TPM2_VerifySequenceComplete.
        MessageVerified = TpmSt::MESSAGE_VERIFIED,
        /// TPM2_VerifyDigestSignature, and the algorithm of the digest.
        DigestVerified(TpmiAlgHash) = TpmSt::DIGEST_VERIFIED,
    }
}

selected_structure! {
    /// TPMT_TK_VERIFIED: this digest or message was signed by this key (Part 2, 10.6.5). A tag that belongs to no
    /// command is TPM_RC_TAG.
    open struct TpmtTkVerified<'a> = "TPMT_TK_VERIFIED" {
        selector of metadata: TpmSt, else TAG;
        /// The hierarchy of the key.
        hierarchy: TpmiRhHierarchy,
        ---
        /// The command that checked; the tag of the ticket says so.
        metadata: TpmuTkVerifiedMeta,
        /// The HMAC.
        hmac: Tpm2bDigest<'a>,
    }
}

union! {
    /// The command that gave a [`TpmtTkAuth`].
    open enum TkAuthTag: TpmSt {
        /// TPM2_PolicySigned.
        Signed = TpmSt::AUTH_SIGNED,
        /// TPM2_PolicySecret.
        Secret = TpmSt::AUTH_SECRET,
    }
}

selected_structure! {
    /// TPMT_TK_AUTH: this authorization was given, until it expires (Part 2, 10.6.6). Another tag is TPM_RC_TAG.
    open struct TpmtTkAuth<'a> = "TPMT_TK_AUTH" {
        selector of tag: TpmSt, else TAG;
        ---
        /// The command that checked the authorization.
        tag: TkAuthTag,
        /// The hierarchy of the object that authorized.
        hierarchy: TpmiRhHierarchy,
        /// The HMAC.
        digest: Tpm2bDigest<'a>,
    }
}

structure! {
    /// TPMT_TK_HASHCHECK: this digest is of data that does not pretend to come from the TPM (Part 2, 10.6.7).
    /// Another tag is TPM_RC_TAG.
    open struct TpmtTkHashcheck<'a> = "TPMT_TK_HASHCHECK" {
        @constant TpmSt::HASHCHECK, TpmSt, else TAG;
        /// The hierarchy that the command named.
        hierarchy: TpmiRhHierarchy,
        /// The HMAC.
        digest: Tpm2bDigest<'a>,
    }
}
