//! Parameters of ML-DSA and ML-KEM keys (Part 2, 12.2.3.6 to 12.2.3.8).

use crate::{TpmiAlgHash, TpmiMldsaParms, TpmiMlkemParms, TpmiYesNo, TpmtSymDefObject};

structure! {
    /// TPMS_MLDSA_PARMS (Part 2, 12.2.3.6).
    open struct TpmsMldsaParms = "TPMS_MLDSA_PARMS" {
        /// The parameter set.
        parameter_set: TpmiMldsaParms,
        /// Whether the key signs a µ that was computed outside.
        allow_external_mu: TpmiYesNo,
    }
}

structure! {
    /// TPMS_HASH_MLDSA_PARMS (Part 2, 12.2.3.7).
    open struct TpmsHashMldsaParms = "TPMS_HASH_MLDSA_PARMS" {
        /// The parameter set.
        parameter_set: TpmiMldsaParms,
        /// The hash before the signature.
        hash_alg: TpmiAlgHash,
    }
}

structure! {
    /// TPMS_MLKEM_PARMS (Part 2, 12.2.3.8).
    open struct TpmsMlkemParms = "TPMS_MLKEM_PARMS" {
        /// What protects the children of a Storage Key; null for other keys.
        symmetric: Option<TpmtSymDefObject>,
        /// The parameter set.
        parameter_set: TpmiMlkemParms,
    }
}
