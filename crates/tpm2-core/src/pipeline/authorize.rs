//! Authorization and parameter decryption (Part 3, 5.6 and 5.7).

use subtle::ConstantTimeEq;
use tpm2_crypto::{Digest, HashAlgorithm, Hasher};
use tpm2_types::{ResponseCode, Result, TpmCc, TpmRh, TpmSe, TpmaNv, TpmaObject, TpmaSession, TpmiAlgHash};

use super::parse::position;
use super::{Handles, MAX_SESSIONS, Parsed, SessionInput, Sessions};
use crate::algorithm::FromAlg;
use crate::arena::Arena;
use crate::authorization::{Entity, trim};
use crate::clock::Clock;
use crate::command::{Command, Flags, Role};
use crate::dictionary_attack::{self, Ahead, Failure};
use crate::session::{self, HmacInput, PolicyHash, Session};
use crate::state::State;

/// A request that is authorized. Only [`Parsed::authorize`] makes one: holding it is the authority to run the command.
pub(crate) struct Authorized<'b> {
    pub(crate) command: &'static Command,
    pub(crate) handles: Handles,
    pub(crate) tagged_sessions: bool,
    pub(crate) sessions: Sessions<'b>,
    /// Decrypted, and from here on read only.
    pub(crate) parameters: &'b [u8],
    pub(crate) audit_cp_hash: Option<Digest>,
    pub(crate) entities: Entities<'b>,
}

/// What the response has to know of each session's entity as it was before the command.
pub(crate) struct Entities<'b> {
    names: [&'b [u8]; MAX_SESSIONS],
}

impl<'b> Entities<'b> {
    /// The Name of the entity that session `index` authorized.
    pub(crate) fn name(&self, index: usize) -> &'b [u8] {
        self.names.get(index).copied().unwrap_or(&[])
    }
}

/// Why authorization failed, and what has to be recorded of it before the caller hears.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) code: ResponseCode,
    pub(crate) failure: Option<Failure>,
}

impl From<ResponseCode> for Denied {
    fn from(code: ResponseCode) -> Self {
        Self { code, failure: None }
    }
}

impl<'b> Parsed<'b> {
    /// Which checks of authorizations that dictionary attacks aim at lie ahead. In lockout there is no check.
    pub(crate) fn protected_checks(&self, state: &State<'_>, clock: &Clock) -> Result<Ahead> {
        let mut ahead = Ahead::default();
        let mut add = |lockout: bool| {
            if dictionary_attack::check_lockout(state, clock, lockout).is_ok() {
                *(if lockout { &mut ahead.lockout } else { &mut ahead.entity }) = true;
            }
        };
        for (index, input) in self.sessions.iter() {
            if let Some(session) = session_of(state, input)?
                && session.da_bound.0
            {
                add(session.lockout_bound.0);
            }
            if let Some(entity) = self.entity(state, index)?
                && entity.is_da_protected()
            {
                add(entity.is_lockout());
            }
        }
        Ok(ahead)
    }

    /// Checks every session, then decrypts the first parameter. Every cpHash is taken before.
    pub(crate) fn authorize(
        mut self,
        state: &State<'_>,
        clock: &Clock,
        arena: &Arena<'b>,
    ) -> core::result::Result<Authorized<'b>, Denied> {
        let mut names = [&[][..]; MAX_SESSIONS];
        for (index, input) in self.sessions.iter() {
            // A password needs no Name, and to make one takes a hash.
            if input.handle != TpmRh::PW
                && let Some(entity) = self.entity(state, index)?
            {
                names[index] = entity.name(arena)?;
            }
            self.check(state, clock, arena, index, input).map_err(|denied| Denied {
                code: denied.code.at(position(index)),
                failure: denied.failure,
            })?;
        }
        let audit_cp_hash = match self.sessions.with(TpmaSession::AUDIT) {
            Some((_, input)) => match session_of(state, input)? {
                Some(session) => Some(self.cp_hash(state, session.auth_hash, arena)?),
                None => None,
            },
            None => None,
        };
        if let Some((index, input)) = self.sessions.with(TpmaSession::DECRYPT) {
            let input = *input;
            self.decrypt(state, arena, index, &input).map_err(|code| code.at(position(index)))?;
        }
        Ok(Authorized {
            command: self.command,
            handles: self.handles,
            tagged_sessions: self.tagged_sessions,
            sessions: self.sessions,
            parameters: self.parameters,
            audit_cp_hash,
            entities: Entities { names },
        })
    }

    /// What session `index` authorizes.
    fn entity<'s>(&self, state: &'s State<'_>, index: usize) -> Result<Option<Entity<'s>>> {
        if index >= self.command.authorizations() {
            return Ok(None);
        }
        let handle = self.handles.as_slice().get(index).ok_or(ResponseCode::FAILURE)?;
        Entity::find(state, *handle, 0).map(Some)
    }

    fn check(
        &self,
        state: &State<'_>,
        clock: &Clock,
        arena: &Arena<'b>,
        index: usize,
        input: &SessionInput<'b>,
    ) -> core::result::Result<(), Denied> {
        let session = session_of(state, input)?;
        let entity = self.entity(state, index)?;
        if let Some(session) = &session
            && session.da_bound.0
        {
            // Its key is a guess at the authorization of the entity that it is bound to, whatever it is used for.
            dictionary_attack::check_lockout(state, clock, session.lockout_bound.0)?;
        }
        if let Some(entity) = &entity {
            let role = self.command.handles.get(index).map_or(Role::None, |handle| handle.role);
            self.check_access(state, clock, entity, role, session.as_ref())?;
        }
        match (&session, &entity) {
            (None, Some(entity)) => check_password(entity, input.hmac.as_slice()),
            (None, None) => Err(ResponseCode::HANDLE.into()),
            (Some(session), entity) => {
                if session.kind == TpmSe::POLICY
                    && let Some(entity) = entity
                {
                    self.check_policy(state, clock, arena, entity, session)?;
                    if session.password_needed.0 {
                        return check_password(entity, input.hmac.as_slice());
                    }
                }
                self.check_hmac(state, arena, index, input, session, entity.as_ref())
            }
        }
    }

    /// Whether this kind of authorization is available for the entity (Part 3, 5.6, 1 to 7).
    fn check_access(
        &self,
        state: &State<'_>,
        clock: &Clock,
        entity: &Entity<'_>,
        role: Role,
        session: Option<&Session<'_>>,
    ) -> Result<()> {
        let policy = session.filter(|session| session.kind == TpmSe::POLICY);
        let uses_auth_value =
            policy.is_none_or(|session| session.auth_value_needed.0 || session.password_needed.0);
        if let Entity::Object(object) = entity
            && object.sensitive.is_none()
        {
            return Err(ResponseCode::AUTH_UNAVAILABLE);
        }
        if uses_auth_value && entity.is_da_protected() {
            dictionary_attack::check_lockout(state, clock, entity.is_lockout())?;
        }
        match role {
            Role::Dup if policy.is_none() => return Err(ResponseCode::AUTH_TYPE),
            Role::Admin if policy.is_none() => match entity {
                Entity::Object(object) if !object.attributes().contains(TpmaObject::ADMIN_WITH_POLICY) => {}
                _ => return Err(ResponseCode::AUTH_TYPE),
            },
            Role::User if policy.is_none() => {
                if let Entity::Object(object) = entity
                    && !object.attributes().contains(TpmaObject::USER_WITH_AUTH)
                {
                    return Err(ResponseCode::POLICY_FAIL);
                }
            }
            _ => {}
        }
        if let Some(session) = policy
            && matches!(role, Role::Admin | Role::Dup)
            && session.command_code.0.is_none()
        {
            return Err(ResponseCode::POLICY_FAIL);
        }
        if let Entity::NvIndex(index) = entity
            && role == Role::User
        {
            let (write, read) = match policy {
                Some(_) => (TpmaNv::POLICYWRITE, TpmaNv::POLICYREAD),
                None => (TpmaNv::AUTHWRITE, TpmaNv::AUTHREAD),
            };
            let wanted = if self.command.flags.contains(Flags::NV_WRITE) { write } else { read };
            if !index.attributes().contains(wanted) {
                return Err(ResponseCode::AUTH_UNAVAILABLE);
            }
            // Before the authValue is looked at: a failure that tells nothing is not one to count (Part 3, 31.1).
            let reads = matches!(self.command.code, TpmCc::NV_READ | TpmCc::NV_CERTIFY);
            if reads && !index.attributes().contains(TpmaNv::WRITTEN) {
                return Err(ResponseCode::NV_UNINITIALIZED);
            }
        }
        Ok(())
    }

    /// Whether the policy of the session is the entity's and allows this command (Part 3, 5.6, 8).
    fn check_policy(
        &self,
        state: &State<'_>,
        clock: &Clock,
        arena: &Arena<'b>,
        entity: &Entity<'_>,
        session: &Session<'_>,
    ) -> Result<()> {
        if session.timeout != 0 {
            // Time stands in a dark period: what it has ended cannot be told.
            if let Some(code) = state.unavailable() {
                return Err(code);
            }
            if session.timeout <= clock.time() {
                return Err(ResponseCode::EXPIRED);
            }
        }
        match session.hash {
            PolicyHash::CpHash(wanted) => {
                let cp_hash = self.cp_hash(state, session.auth_hash, arena)?;
                if wanted.as_slice() != &*cp_hash {
                    return Err(ResponseCode::POLICY_FAIL);
                }
            }
            PolicyHash::NameHash(wanted) => {
                let mut hasher = Hasher::new(HashAlgorithm::from_alg(session.auth_hash));
                self.hash_names(state, arena, &mut hasher)?;
                if wanted.as_slice() != &*hasher.finish() {
                    return Err(ResponseCode::POLICY_FAIL);
                }
            }
            // The parameters are not decrypted yet: the command checks these against them.
            PolicyHash::Template(_) | PolicyHash::Parameters(_) | PolicyHash::None => {}
        }
        if session.command_code.0.is_some_and(|code| code != self.command.code) {
            return Err(ResponseCode::POLICY_CC);
        }
        match entity.policy() {
            Some((algorithm, policy))
                if algorithm == session.auth_hash && policy == session.policy_digest.as_slice() => {}
            _ => return Err(ResponseCode::POLICY_FAIL),
        }
        if let Some(counter) = session.pcr_counter.0
            && counter != state.state_reset()?.pcr_counter
        {
            return Err(ResponseCode::PCR_CHANGED);
        }
        if !session.locality.is_empty() && !crate::state::allows_locality(session.locality, self.locality) {
            return Err(ResponseCode::LOCALITY);
        }
        if let Some(written) = session.nv_written.0
            && let Entity::NvIndex(index) = entity
            && index.attributes().contains(TpmaNv::WRITTEN) != written.0
        {
            return Err(ResponseCode::POLICY_FAIL);
        }
        Ok(())
    }

    fn check_hmac(
        &self,
        state: &State<'_>,
        arena: &Arena<'b>,
        index: usize,
        input: &SessionInput<'b>,
        session: &Session<'_>,
        entity: Option<&Entity<'_>>,
    ) -> core::result::Result<(), Denied> {
        let auth_value = match entity {
            Some(_) if session.kind == TpmSe::POLICY && !session.auth_value_needed.0 => &[],
            Some(entity) if session.kind == TpmSe::POLICY => entity.auth_value(),
            Some(entity) if !session.is_bound_to(entity.name(arena)?, entity.auth_value()) => {
                entity.auth_value()
            }
            _ => &[],
        };
        if session.session_key.is_empty() && auth_value.is_empty() && input.hmac.is_empty() {
            return Ok(());
        }
        let cp_hash = self.cp_hash(state, session.auth_hash, arena)?;
        let [nonce_decrypt, nonce_encrypt] = self.foreign_nonces(state, index)?;
        let expected = session::session_hmac(
            session,
            auth_value,
            &HmacInput {
                parameters: &cp_hash,
                nonce_newer: input.nonce_caller.as_slice(),
                nonce_older: session.nonce_tpm.as_slice(),
                nonce_decrypt,
                nonce_encrypt,
                attributes: input.attributes,
            },
            arena,
        )?;
        if bool::from(expected.ct_eq(input.hmac.as_slice())) {
            return Ok(());
        }
        let lockout = session.lockout_bound.0 || entity.is_some_and(Entity::is_lockout);
        let protected = session.da_bound.0 || entity.is_some_and(Entity::is_da_protected);
        Err(denied(lockout, protected))
    }

    /// nonceTPM of the sessions that decrypt and encrypt, for the HMAC of the first session: it vouches for them
    /// when it authorizes.
    fn foreign_nonces<'s>(&self, state: &'s State<'_>, index: usize) -> Result<[&'s [u8]; 2]> {
        if index != 0 || self.command.authorizations() == 0 {
            return Ok([&[], &[]]);
        }
        let nonce = |session: Option<(usize, &SessionInput<'b>)>| -> Result<&'s [u8]> {
            match session {
                Some((other, input)) if other != 0 => {
                    Ok(session_of(state, input)?.map_or(&[][..], |session| session.nonce_tpm.as_slice()))
                }
                _ => Ok(&[]),
            }
        };
        let decrypt = self.sessions.with(TpmaSession::DECRYPT);
        let encrypt = self.sessions.with(TpmaSession::ENCRYPT);
        let same = decrypt.map(|(index, _)| index) == encrypt.map(|(index, _)| index);
        Ok([nonce(decrypt)?, if same { &[] } else { nonce(encrypt)? }])
    }

    /// cpHash: H(commandCode || Names || parameters) (Part 1, "Command Parameter Hash").
    fn cp_hash(&self, state: &State<'_>, algorithm: TpmiAlgHash, arena: &Arena<'b>) -> Result<Digest> {
        let mut hasher = Hasher::new(HashAlgorithm::from_alg(algorithm));
        hasher.update(&self.command.code.0.to_be_bytes());
        self.hash_names(state, arena, &mut hasher)?;
        hasher.update(self.parameters);
        Ok(hasher.finish())
    }

    fn hash_names(&self, state: &State<'_>, arena: &Arena<'b>, hasher: &mut Hasher) -> Result<()> {
        for handle in self.handles.as_slice() {
            hasher.update(Entity::find(state, *handle, 0)?.name(arena)?);
        }
        Ok(())
    }

    /// Decrypts the first parameter in place. Its size is checked against what is there (CVE-2023-1017).
    fn decrypt(
        &mut self,
        state: &State<'_>,
        arena: &Arena<'b>,
        index: usize,
        input: &SessionInput<'b>,
    ) -> Result<()> {
        let Some(session) = session_of(state, input)? else { return Err(ResponseCode::ATTRIBUTES) };
        let auth_value = self.entity(state, index)?.map_or(&[][..], |entity| entity.auth_value());
        let key = session::session_value(&session, auth_value, arena)?;
        let (size, rest) = self.parameters.split_first_chunk_mut::<2>().ok_or(ResponseCode::INSUFFICIENT)?;
        let data = rest.get_mut(..usize::from(u16::from_be_bytes(*size))).ok_or(ResponseCode::SIZE)?;
        let newer = input.nonce_caller.as_slice();
        session::decrypt_parameter(&session, key, newer, session.nonce_tpm.as_slice(), data, arena)
    }
}

/// The record of the session; none for a password.
pub(super) fn session_of<'s>(state: &'s State<'_>, input: &SessionInput<'_>) -> Result<Option<Session<'s>>> {
    if input.handle == TpmRh::PW {
        return Ok(None);
    }
    state.get(Session::key_of(input.handle)).map(Some)
}

fn check_password(entity: &Entity<'_>, password: &[u8]) -> core::result::Result<(), Denied> {
    if bool::from(trim(password).ct_eq(entity.auth_value())) {
        return Ok(());
    }
    Err(denied(entity.is_lockout(), entity.is_da_protected()))
}

fn denied(lockout: bool, protected: bool) -> Denied {
    if lockout {
        Denied { code: ResponseCode::AUTH_FAIL, failure: Some(Failure::Lockout) }
    } else if protected {
        Denied { code: ResponseCode::AUTH_FAIL, failure: Some(Failure::Counted) }
    } else {
        Denied { code: ResponseCode::BAD_AUTH, failure: None }
    }
}
