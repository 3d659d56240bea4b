//! Time as the TPM counts it (Part 2, 10.10).

use crate::TpmiYesNo;

structure! {
    /// TPMS_CLOCK_INFO (Part 2, 10.10.1).
    open struct TpmsClockInfo = "TPMS_CLOCK_INFO" {
        /// Milliseconds that advance while the TPM has power, since TPM2_Clear.
        clock: u64,
        /// TPM Resets since TPM2_Clear.
        reset_count: u32,
        /// TPM Restarts and Resumes since TPM Reset or TPM2_Clear.
        restart_count: u32,
        /// Whether no larger `clock` was ever reported before.
        safe: TpmiYesNo,
    }
}

structure! {
    /// TPMS_TIME_INFO (Part 2, 10.10.6).
    open struct TpmsTimeInfo = "TPMS_TIME_INFO" {
        /// Milliseconds since the TPM got power.
        time: u64,
        /// The clock and its counters.
        clock_info: TpmsClockInfo,
    }
}
