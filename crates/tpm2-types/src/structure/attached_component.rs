//! Attached components (Part 2, 16).

use crate::TpmAt;

structure! {
    /// TPMS_AC_OUTPUT: one value of an attached component (Part 2, 16.3).
    open struct TpmsAcOutput = "TPMS_AC_OUTPUT" {
        /// What the value means.
        tag: TpmAt,
        /// The value.
        data: u32,
    }
}
