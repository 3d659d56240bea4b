//! NV indices (Part 2, 13).

use crate::limits::MAX_NV_INDEX_SIZE;
use crate::{Tpm2bDigest, TpmHt, TpmaNv, TpmaNvExp, TpmiAlgHash, TpmiRhNvExpIndex, TpmiRhNvLegacyIndex};

structure! {
    /// TPMS_NV_PIN_COUNTER_PARAMETERS: the contents of a PIN index (Part 2, 13.3).
    open struct TpmsNvPinCounterParameters = "TPMS_NV_PIN_COUNTER_PARAMETERS" {
        /// How often the PIN was right (PIN Pass) or wrong (PIN Fail).
        pin_count: u32,
        /// The count at which the PIN is locked.
        pin_limit: u32,
    }
}

structure! {
    /// TPMS_NV_PUBLIC: the public area of an NV index (Part 2, 13.6).
    open struct TpmsNvPublic<'a> = "TPMS_NV_PUBLIC" {
        /// The handle of the index.
        nv_index: TpmiRhNvLegacyIndex,
        /// The hash algorithm of the index's Name and policy; that of an extend index too.
        name_alg: TpmiAlgHash,
        /// What may be done with the index.
        attributes: TpmaNv,
        /// The policy of the index, or nothing.
        auth_policy: Tpm2bDigest<'a>,
        /// Bytes of the data; more than MAX_NV_INDEX_SIZE is TPM_RC_SIZE.
        data_size: u16 {..= MAX_NV_INDEX_SIZE, else SIZE},
    }
}

structure! {
    /// TPMS_NV_PUBLIC_EXP_ATTR: the public area of an external NV index (Part 2, 13.8).
    open struct TpmsNvPublicExpAttr<'a> = "TPMS_NV_PUBLIC_EXP_ATTR" {
        /// The handle of the index.
        nv_index: TpmiRhNvExpIndex,
        /// The hash algorithm of the index's Name and policy; that of an extend index too.
        name_alg: TpmiAlgHash,
        /// What may be done with the index.
        attributes: TpmaNvExp,
        /// The policy of the index, or nothing.
        auth_policy: Tpm2bDigest<'a>,
        /// Bytes of the data; more than MAX_NV_INDEX_SIZE is TPM_RC_SIZE.
        data_size: u16 {..= MAX_NV_INDEX_SIZE, else SIZE},
    }
}

tagged_union! {
    /// TPMT_NV_PUBLIC_2: the public area of an NV index of any type, with its TPMU_NV_PUBLIC_2 (Part 2, 13.10).
    /// A handle type that is not one of an NV index is TPM_RC_SELECTOR.
    open enum TpmtNvPublic2<'a> = "TPMT_NV_PUBLIC_2": TpmHt, else SELECTOR {
        /// An ordinary NV index.
        NvIndex(TpmsNvPublic<'a>) = TpmHt::NV_INDEX,
        /// An external NV index.
        ExternalNv(TpmsNvPublicExpAttr<'a>) = TpmHt::EXTERNAL_NV,
        /// A permanent NV index. Its public area has the form, and so the handles, of an ordinary one.
        PermanentNv(TpmsNvPublic<'a>) = TpmHt::PERMANENT_NV,
    }
}

sized_structure! {
    /// TPM2B_NV_PUBLIC (Part 2, 13.7).
    open Tpm2bNvPublic<'a> = "TPM2B_NV_PUBLIC", TpmsNvPublic<'a>;
    /// TPM2B_NV_PUBLIC_2 (Part 2, 13.11).
    open Tpm2bNvPublic2<'a> = "TPM2B_NV_PUBLIC_2", TpmtNvPublic2<'a>;
}
