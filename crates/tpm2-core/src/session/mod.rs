//! Sessions (Part 1, "Session-Based Authorizations"): the record, the table of active ones, nonces and keys.

mod encryption;
mod hmac;
mod policy;
mod table;

use subtle::ConstantTimeEq;
use tee_api::RecordKey;
use tpm2_crypto::{Digest, HashAlgorithm, hash};
use tpm2_types::{
    Tpm2bDigest, Tpm2bNonce, TpmCc, TpmHandle, TpmSe, TpmaLocality, TpmiAlgHash, TpmiYesNo, TpmtSymDef,
};

pub use encryption::{decrypt_parameter, encrypt_parameter};
pub use hmac::{HmacInput, session_hmac, session_value};
pub use policy::{PolicyDigest, PolicyHash, PolicyLimits};
pub use table::{SessionSlot, SessionTable, is_session};

use crate::state::{Kind, Maybe, record::record};

record! {
    /// A loaded session.
    Session<'a>: Session[handle], version 1 {
        /// Its handle: TPM_HT_HMAC_SESSION or TPM_HT_POLICY_SESSION and a number below the count of active sessions.
        handle: TpmHandle,
        /// HMAC, policy or trial.
        kind: TpmSe,
        /// The session's hash algorithm.
        auth_hash: TpmiAlgHash,
        /// The algorithm of parameter encryption.
        symmetric: Option<TpmtSymDef>,
        /// nonceTPM.
        nonce_tpm: Tpm2bNonce<'a>,
        /// sessionKey; empty for a session that is neither bound nor salted.
        session_key: Tpm2bDigest<'a>,
        /// A digest of Name and authorization of the bound entity; empty for an unbound session.
        bound: Tpm2bDigest<'a>,
        /// A failure of this session counts as a failed try, for it is bound to a protected entity.
        da_bound: TpmiYesNo,
        /// The session is bound to TPM_RH_LOCKOUT.
        lockout_bound: TpmiYesNo,
        /// The session was used for audit.
        audit: TpmiYesNo,
        /// The session's audit digest.
        audit_digest: Tpm2bDigest<'a>,
        /// TPMS_TIME_INFO.time at which the session started, in milliseconds.
        start_time: u64,
        /// policyDigest.
        policy_digest: Tpm2bDigest<'a>,
        /// The command that the policy allows; none where it does not say.
        command_code: Maybe<TpmCc>,
        /// The localities that the policy allows; 0 where it does not say.
        locality: TpmaLocality,
        /// pcrUpdateCounter at TPM2_PolicyPCR.
        pcr_counter: Maybe<u32>,
        /// The policy wants the object's authorization in an HMAC.
        auth_value_needed: TpmiYesNo,
        /// The policy wants the object's authorization as a password.
        password_needed: TpmiYesNo,
        /// Whether TPMA_NV_WRITTEN has to be SET or CLEAR.
        nv_written: Maybe<TpmiYesNo>,
        /// What the policy says of the command's parameters or handles.
        hash: PolicyHash<'a>,
        /// When the policy expires, in milliseconds of TPMS_TIME_INFO.time; 0 for never.
        timeout: u64,
    }
}

impl Session<'_> {
    /// The record of the session with this handle.
    pub fn key_of(handle: TpmHandle) -> RecordKey {
        Kind::Session.with_id(handle.0)
    }

    /// What marks a session as bound to the entity with this Name and authorization.
    pub fn binding(name: &[u8], auth_value: &[u8]) -> Digest {
        // The length keeps Name and authorization apart.
        let size = u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes();
        hash(HashAlgorithm::Sha256, &[&size, name, auth_value])
    }

    /// Whether the session is bound to the entity with this Name and authorization.
    pub fn is_bound_to(&self, name: &[u8], auth_value: &[u8]) -> bool {
        !self.bound.is_empty() && bool::from(self.bound.as_slice().ct_eq(&Self::binding(name, auth_value)))
    }

    /// This session as it was right after TPM2_StartAuthSession, as far as its policy goes (Part 3, 23.2.3 and
    /// TPM2_PolicyRestart): an empty policy that allows everything.
    #[must_use]
    pub fn with_policy_reset<'a>(self, zeros: &'a [u8; 64]) -> Session<'a>
    where
        Self: 'a,
    {
        let size = self.policy_digest.len();
        Session {
            policy_digest: Tpm2bDigest::new(&zeros[..size]).unwrap_or(Tpm2bDigest::EMPTY),
            command_code: Maybe(None),
            locality: TpmaLocality::empty(),
            pcr_counter: Maybe(None),
            auth_value_needed: TpmiYesNo(false),
            password_needed: TpmiYesNo(false),
            nv_written: Maybe(None),
            hash: PolicyHash::None,
            timeout: 0,
            ..self
        }
    }
}
