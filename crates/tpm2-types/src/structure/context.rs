//! Saved contexts (Part 2, 14).

use crate::{Tpm2bContextData, Tpm2bContextSensitive, Tpm2bDigest, TpmiDhSaved, TpmiRhHierarchy};

structure! {
    /// TPMS_CONTEXT: the context of an object or a session outside the TPM (Part 2, 14.5).
    open struct TpmsContext<'a> = "TPMS_CONTEXT" {
        /// Counts saved contexts; objects and sessions count apart.
        sequence: u64,
        /// The session, or the kind of object.
        saved_handle: TpmiDhSaved,
        /// The hierarchy whose proof value protects the context.
        hierarchy: TpmiRhHierarchy,
        /// Integrity value and encrypted data.
        context_blob: Tpm2bContextData<'a>,
    }
}

structure! {
    /// TPMS_CONTEXT_DATA: what [`TpmsContext::context_blob`] holds (Part 2, 14.3).
    secret struct TpmsContextData<'a> = "TPMS_CONTEXT_DATA" {
        /// The HMAC.
        integrity: Tpm2bDigest<'a>,
        /// The encrypted data.
        encrypted: Tpm2bContextSensitive<'a>,
    }
}
