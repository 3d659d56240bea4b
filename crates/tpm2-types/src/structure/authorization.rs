//! The session area (Part 2, 10.12).

use crate::{Tpm2bAuth, Tpm2bNonce, TpmaSession, TpmiShAuthSession};

structure! {
    /// TPMS_AUTH_COMMAND: one session of a command (Part 2, 10.12.2).
    secret struct TpmsAuthCommand<'a> = "TPMS_AUTH_COMMAND" {
        /// The session; `None` is TPM_RS_PW, a password.
        session_handle: Option<TpmiShAuthSession>,
        /// The caller's nonce.
        nonce: Tpm2bNonce<'a>,
        /// What the session is used for.
        session_attributes: TpmaSession,
        /// An HMAC, a password or nothing.
        hmac: Tpm2bAuth<'a>,
    }
}

structure! {
    /// TPMS_AUTH_RESPONSE: one session of a response (Part 2, 10.12.3).
    secret struct TpmsAuthResponse<'a> = "TPMS_AUTH_RESPONSE" {
        /// The TPM's nonce.
        nonce: Tpm2bNonce<'a>,
        /// What the session is used for.
        session_attributes: TpmaSession,
        /// An HMAC or nothing.
        hmac: Tpm2bAuth<'a>,
    }
}
