//! Where an object was created (Part 2, 15).

use crate::{Tpm2bData, Tpm2bDigest, Tpm2bName, TpmAlgId, TpmaLocality, TpmlPcrSelection};

structure! {
    /// TPMS_CREATION_DATA (Part 2, 15.1).
    open struct TpmsCreationData<'a> = "TPMS_CREATION_DATA" {
        /// The PCR in `pcr_digest`.
        pcr_select: TpmlPcrSelection<'a>,
        /// Their digest, made with the object's name algorithm; empty if none is selected.
        pcr_digest: Tpm2bDigest<'a>,
        /// The locality of the command.
        locality: TpmaLocality,
        /// The name algorithm of the parent; TPM_ALG_NULL if that is a hierarchy.
        parent_name_alg: TpmAlgId,
        /// The Name of the parent.
        parent_name: Tpm2bName<'a>,
        /// The Qualified Name of the parent.
        parent_qualified_name: Tpm2bName<'a>,
        /// What the caller wanted to see in the creation data.
        outside_info: Tpm2bData<'a>,
    }
}

sized_structure! {
    /// TPM2B_CREATION_DATA (Part 2, 15.2).
    open Tpm2bCreationData<'a> = "TPM2B_CREATION_DATA", TpmsCreationData<'a>;
}
