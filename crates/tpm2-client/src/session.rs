//! Sessions as the caller sees them (Part 1, 16 and 17).

use tpm2_crypto::{Digest, HashAlgorithm, hmac};
use tpm2_types::{TpmAlgId, TpmHandle, TpmaSession};
use zeroize::Zeroizing;

use crate::response::AuthResponse;
use crate::{Entity, Error, Result};

/// How a session encrypts parameters (TPMT_SYM_DEF; Part 1, 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterEncryption {
    /// Not at all.
    None,
    /// AES with this key size in bits, in CFB mode.
    AesCfb(u16),
    /// XOR with a mask made with this hash algorithm. The TPM derives the mask with the session's own.
    Xor(TpmAlgId),
}

/// A session of the TPM with what the caller knows about it.
pub struct Session {
    pub(crate) handle: TpmHandle,
    pub(crate) hash: HashAlgorithm,
    pub(crate) encryption: ParameterEncryption,
    pub(crate) session_key: Zeroizing<Vec<u8>>,
    pub(crate) nonce_caller: Vec<u8>,
    pub(crate) nonce_tpm: Vec<u8>,
    pub(crate) bind: Option<Entity>,
    pub(crate) policy: Option<PolicyUse>,
    /// TPMA_SESSION of the next use (Part 2, 8.4).
    pub attributes: TpmaSession,
}

/// What a policy session asks of the authorization besides the policy.
#[derive(Clone, Copy, Default)]
pub(crate) struct PolicyUse {
    pub(crate) auth_value: bool,
    pub(crate) password: bool,
}

impl Session {
    /// The session's handle.
    pub fn handle(&self) -> TpmHandle {
        self.handle
    }

    /// How it encrypts parameters.
    pub fn encryption(&self) -> ParameterEncryption {
        self.encryption
    }

    /// The last nonce of the TPM.
    pub fn nonce_tpm(&self) -> &[u8] {
        &self.nonce_tpm
    }

    /// Sets TPMA_SESSION for the uses to come.
    pub fn set_attributes(&mut self, attributes: TpmaSession) -> &mut Self {
        self.attributes = attributes;
        self
    }

    /// After TPM2_PolicyAuthValue: the authValue goes into the HMAC.
    pub fn policy_auth_value(&mut self) {
        self.policy = Some(PolicyUse { auth_value: true, password: false });
    }

    /// After TPM2_PolicyPassword: the authValue is sent in the clear.
    pub fn policy_password(&mut self) {
        self.policy = Some(PolicyUse { auth_value: false, password: true });
    }

    /// After TPM2_PolicyRestart: neither.
    pub fn policy_restarted(&mut self) {
        self.policy = Some(PolicyUse::default());
    }

    /// A nonce for the next command.
    pub(crate) fn roll_nonce_caller(&mut self) -> Result<()> {
        random(&mut self.nonce_caller)
    }

    /// The TPMS_AUTH_COMMAND's HMAC for the use of `entity`, if it is used with this session.
    pub(crate) fn command_hmac(
        &self,
        entity: Option<&Entity>,
        parameter_hash: &[u8],
        other_nonces: &[u8],
    ) -> Vec<u8> {
        if self.policy.is_some_and(|policy| policy.password) {
            return entity.map_or_else(Vec::new, |entity| entity.password().to_vec());
        }
        let key = self.hmac_key(entity, None);
        if key.is_empty() && self.policy.is_some() {
            return Vec::new();
        }
        let parts =
            [parameter_hash, &self.nonce_caller, &self.nonce_tpm, other_nonces, &[self.attributes.bits()]];
        hmac(self.hash, &key, &parts).to_vec()
    }

    /// Checks the HMAC of a response and takes its nonce. `new_auth` is the entity's authValue if the command changed
    /// it.
    pub(crate) fn accept(
        &mut self,
        number: usize,
        entity: Option<&Entity>,
        new_auth: Option<&[u8]>,
        parameter_hash: &[u8],
        response: AuthResponse<'_>,
    ) -> Result<()> {
        self.nonce_tpm = response.nonce.to_vec();
        let key = self.hmac_key(entity, new_auth);
        let plain = self.policy.is_some_and(|policy| policy.password || key.is_empty());
        if plain && response.hmac.is_empty() {
            return Ok(());
        }
        let parts = [parameter_hash, &self.nonce_tpm, &self.nonce_caller, &[response.attributes.bits()]];
        if hmac(self.hash, &key, &parts).equals(response.hmac) {
            Ok(())
        } else {
            Err(Error::ResponseHmac(number))
        }
    }

    /// sessionKey ∥ authValue, the latter where Part 1, 16.6.5 wants it.
    fn hmac_key(&self, entity: Option<&Entity>, new_auth: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
        let mut key = self.session_key.clone();
        if let Some(entity) = entity.filter(|entity| self.includes_auth_value(entity)) {
            match new_auth {
                Some(auth) => key.extend_from_slice(entity.clone().with_auth(auth).auth_value()),
                None => key.extend_from_slice(entity.auth_value()),
            }
        }
        key
    }

    fn includes_auth_value(&self, entity: &Entity) -> bool {
        match (&self.policy, &self.bind) {
            (Some(policy), _) => policy.auth_value,
            (None, Some(bind)) => bind.name() != entity.name() || bind.auth_value() != entity.auth_value(),
            (None, None) => true,
        }
    }
}

/// The algorithm with this TPM_ALG_ID, if the client has it.
pub(crate) fn hash_algorithm(algorithm: TpmAlgId) -> Option<HashAlgorithm> {
    match algorithm {
        TpmAlgId::SHA1 => Some(HashAlgorithm::Sha1),
        TpmAlgId::SHA256 => Some(HashAlgorithm::Sha256),
        TpmAlgId::SHA384 => Some(HashAlgorithm::Sha384),
        TpmAlgId::SHA512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

/// Random octets of the operating system.
pub(crate) fn random(out: &mut [u8]) -> Result<()> {
    getrandom::fill(out).map_err(|_| Error::Request("the operating system has no random numbers"))
}

/// The digest of a command's or response's parameters with what goes before them (Part 1, 16.7 and 16.8).
pub(crate) fn parameter_hash(algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest {
    tpm2_crypto::hash(algorithm, parts)
}
