//! The elements of capability lists (Part 2, 10.7).

use crate::{Tpm2bName, TpmAlgId, TpmHandle, TpmPt, TpmPtPcr, TpmaAct, TpmaAlgorithm, TpmsPcrSelect, TpmtHa};

structure! {
    /// TPMS_ALG_PROPERTY: an algorithm and what it is (Part 2, 10.7.1).
    open struct TpmsAlgProperty = "TPMS_ALG_PROPERTY" {
        /// The algorithm.
        alg: TpmAlgId,
        /// What it is.
        alg_properties: TpmaAlgorithm,
    }
}

structure! {
    /// TPMS_TAGGED_PROPERTY: a property of the TPM that is a number (Part 2, 10.7.2).
    open struct TpmsTaggedProperty = "TPMS_TAGGED_PROPERTY" {
        /// Which property.
        property: TpmPt,
        /// Its value.
        value: u32,
    }
}

structure! {
    /// TPMS_TAGGED_PCR_SELECT: the PCR that have an attribute (Part 2, 10.7.3).
    open struct TpmsTaggedPcrSelect = "TPMS_TAGGED_PCR_SELECT" {
        /// The attribute.
        tag: TpmPtPcr,
        /// The PCR that have it.
        pcr_select: TpmsPcrSelect,
    }
}

structure! {
    /// TPMS_TAGGED_POLICY: the policy of a permanent handle (Part 2, 10.7.4).
    open struct TpmsTaggedPolicy<'a> = "TPMS_TAGGED_POLICY" {
        /// The permanent handle.
        handle: TpmHandle,
        /// Its policy, or none.
        policy_hash: Option<TpmtHa<'a>>,
    }
}

structure! {
    /// TPMS_ACT_DATA: an authenticated countdown timer (Part 2, 10.7.5).
    open struct TpmsActData = "TPMS_ACT_DATA" {
        /// The timer.
        handle: TpmHandle,
        /// Seconds that are left.
        timeout: u32,
        /// Its state.
        attributes: TpmaAct,
    }
}

structure! {
    /// TPMS_SPDM_SESSION_INFO: the keys of the SPDM session that the command came in (Part 2, 10.7.6).
    open struct TpmsSpdmSessionInfo<'a> = "TPMS_SPDM_SESSION_INFO" {
        /// The Name of the requester's key; empty where only the TPM authenticated itself.
        req_key_name: Tpm2bName<'a>,
        /// The Name of the TPM's key.
        tpm_key_name: Tpm2bName<'a>,
    }
}
