//! What the TPM signs about itself (Part 2, 10.11).

use crate::{
    Tpm2bData, Tpm2bDigest, Tpm2bMaxNvBuffer, Tpm2bName, TpmAlgId, TpmGenerated, TpmSt, TpmiYesNo,
    TpmlPcrSelection, TpmsClockInfo, TpmsTimeInfo,
};

selected_structure! {
    /// TPMS_ATTEST: an attestation; signed in its canonical form (Part 2, 10.11.12). It starts with
    /// TPM_GENERATED_VALUE.
    ///
    /// Under a key outside the platform and endorsement hierarchies, the counters of `clock_info` and the firmware
    /// version are obfuscated with a value of the key.
    open struct TpmsAttest<'a> = "TPMS_ATTEST" {
        @constant TpmGenerated, TpmGenerated, else VALUE;
        selector of attested: TpmSt, else VALUE;
        /// The Qualified Name of the signing key.
        qualified_signer: Tpm2bName<'a>,
        /// What the caller wanted to see in the attestation.
        extra_data: Tpm2bData<'a>,
        /// The clock and its counters.
        clock_info: TpmsClockInfo,
        /// The version of the firmware.
        firmware_version: u64,
        ---
        /// What is attested; the type of the attestation follows from it.
        attested: TpmuAttest<'a>,
    }
}

union! {
    /// TPMU_ATTEST: what an attestation is about (Part 2, 10.11.11).
    open enum TpmuAttest<'a>: TpmSt {
        /// TPM2_Certify.
        Certify(TpmsCertifyInfo<'a>) = TpmSt::ATTEST_CERTIFY,
        /// TPM2_CertifyCreation.
        Creation(TpmsCreationInfo<'a>) = TpmSt::ATTEST_CREATION,
        /// TPM2_Quote.
        Quote(TpmsQuoteInfo<'a>) = TpmSt::ATTEST_QUOTE,
        /// TPM2_GetCommandAuditDigest.
        CommandAudit(TpmsCommandAuditInfo<'a>) = TpmSt::ATTEST_COMMAND_AUDIT,
        /// TPM2_GetSessionAuditDigest.
        SessionAudit(TpmsSessionAuditInfo<'a>) = TpmSt::ATTEST_SESSION_AUDIT,
        /// TPM2_GetTime.
        Time(TpmsTimeAttestInfo) = TpmSt::ATTEST_TIME,
        /// TPM2_NV_Certify, the contents.
        Nv(TpmsNvCertifyInfo<'a>) = TpmSt::ATTEST_NV,
        /// TPM2_NV_Certify, the digest of the contents.
        NvDigest(TpmsNvDigestCertifyInfo<'a>) = TpmSt::ATTEST_NV_DIGEST,
    }
}

structure! {
    /// TPMS_TIME_ATTEST_INFO (Part 2, 10.11.2).
    open struct TpmsTimeAttestInfo = "TPMS_TIME_ATTEST_INFO" {
        /// The time.
        time: TpmsTimeInfo,
        /// The version of the firmware.
        firmware_version: u64,
    }
}

structure! {
    /// TPMS_CERTIFY_INFO (Part 2, 10.11.3).
    open struct TpmsCertifyInfo<'a> = "TPMS_CERTIFY_INFO" {
        /// The Name of the certified object.
        name: Tpm2bName<'a>,
        /// Its Qualified Name.
        qualified_name: Tpm2bName<'a>,
    }
}

structure! {
    /// TPMS_QUOTE_INFO (Part 2, 10.11.4).
    open struct TpmsQuoteInfo<'a> = "TPMS_QUOTE_INFO" {
        /// The PCR.
        pcr_select: TpmlPcrSelection<'a>,
        /// The digest of their values, made with the hash of the signing scheme.
        pcr_digest: Tpm2bDigest<'a>,
    }
}

structure! {
    /// TPMS_COMMAND_AUDIT_INFO (Part 2, 10.11.5).
    open struct TpmsCommandAuditInfo<'a> = "TPMS_COMMAND_AUDIT_INFO" {
        /// Counts the audit digests.
        audit_counter: u64,
        /// The hash of the command audit.
        digest_alg: TpmAlgId,
        /// The audit digest.
        audit_digest: Tpm2bDigest<'a>,
        /// The digest of the codes of the audited commands.
        command_digest: Tpm2bDigest<'a>,
    }
}

structure! {
    /// TPMS_SESSION_AUDIT_INFO (Part 2, 10.11.6).
    open struct TpmsSessionAuditInfo<'a> = "TPMS_SESSION_AUDIT_INFO" {
        /// Whether no command outside the session came in between.
        exclusive_session: TpmiYesNo,
        /// The digest of the session.
        session_digest: Tpm2bDigest<'a>,
    }
}

structure! {
    /// TPMS_CREATION_INFO (Part 2, 10.11.7).
    open struct TpmsCreationInfo<'a> = "TPMS_CREATION_INFO" {
        /// The Name of the object.
        object_name: Tpm2bName<'a>,
        /// The digest of its creation data.
        creation_hash: Tpm2bDigest<'a>,
    }
}

structure! {
    /// TPMS_NV_CERTIFY_INFO (Part 2, 10.11.8).
    open struct TpmsNvCertifyInfo<'a> = "TPMS_NV_CERTIFY_INFO" {
        /// The Name of the NV index.
        index_name: Tpm2bName<'a>,
        /// Where the contents start, in bytes.
        offset: u16,
        /// The contents.
        nv_contents: Tpm2bMaxNvBuffer<'a>,
    }
}

structure! {
    /// TPMS_NV_DIGEST_CERTIFY_INFO (Part 2, 10.11.9).
    open struct TpmsNvDigestCertifyInfo<'a> = "TPMS_NV_DIGEST_CERTIFY_INFO" {
        /// The Name of the NV index.
        index_name: Tpm2bName<'a>,
        /// The digest of its contents.
        nv_digest: Tpm2bDigest<'a>,
    }
}
