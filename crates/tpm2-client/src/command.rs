//! A command under construction.

use tpm2_types::{TpmCc, TpmSt};

use crate::{Append, Bytes, Entity, Session};

/// A command: code, handles, parameters. Authorizations are given when it is sent.
#[derive(Clone)]
pub struct Command {
    code: TpmCc,
    handles: Vec<Entity>,
    authorized: usize,
    parameters: Bytes,
    new_auth: Option<Vec<u8>>,
}

/// How the use of a handle is authorized, or a session that only audits or encrypts.
pub enum Authorization<'s> {
    /// The authValue in the clear (TPM_RS_PW).
    Password(&'s [u8]),
    /// An HMAC or policy session.
    Session(&'s mut Session),
    /// A TPMS_AUTH_COMMAND as it stands, for what a correct caller never sends.
    Raw(&'s [u8]),
}

impl Authorization<'_> {
    pub(crate) fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::Password(_) | Self::Raw(_) => None,
        }
    }
}

impl<'s> From<&'s mut Session> for Authorization<'s> {
    fn from(session: &'s mut Session) -> Self {
        Self::Session(session)
    }
}

impl Command {
    /// A command with this command code (TPM_CC) and nothing else.
    pub fn new(code: TpmCc) -> Self {
        Self { code, handles: Vec::new(), authorized: 0, parameters: Bytes::new(), new_auth: None }
    }

    /// Appends a handle that needs authorization. Part 3 puts these before all others.
    #[must_use]
    pub fn auth(mut self, entity: impl Into<Entity>) -> Self {
        self.authorized += 1;
        self.handle(entity)
    }

    /// Appends a handle that needs no authorization.
    #[must_use]
    pub fn handle(mut self, entity: impl Into<Entity>) -> Self {
        self.handles.push(entity.into());
        self
    }

    /// Says that the command gives its first handle this authValue: the response's HMAC is made with it already
    /// (Part 1, 16.6.5).
    #[must_use]
    pub fn sets_auth(mut self, auth: &[u8]) -> Self {
        self.new_auth = Some(auth.to_vec());
        self
    }

    /// The command code.
    pub fn code(&self) -> TpmCc {
        self.code
    }

    /// The handle area's entities.
    pub fn handles(&self) -> &[Entity] {
        &self.handles
    }

    /// The parameter area.
    pub fn parameters(&self) -> &[u8] {
        self.parameters.as_ref()
    }

    /// The entities whose use must be authorized.
    pub fn authorized(&self) -> &[Entity] {
        &self.handles[..self.authorized]
    }

    /// The authValue that the response's HMAC is made with, where the command changes it.
    pub(crate) fn new_auth(&self) -> Option<&[u8]> {
        self.new_auth.as_deref()
    }

    /// The bytes that go to the TPM: without `authorizations`, a command of tag TPM_ST_NO_SESSIONS. Otherwise
    /// `parameters` in place of the command's own (they may be encrypted) behind the authorization area.
    pub(crate) fn encode(&self, authorizations: Option<&[u8]>, parameters: &[u8]) -> Vec<u8> {
        let mut body = Bytes::new().u32(self.code.0);
        for entity in &self.handles {
            body = body.u32(entity.handle().0);
        }
        if let Some(area) = authorizations {
            body = body.u32(area.len() as u32).raw(area);
        }
        let body = body.raw(parameters).into_vec();
        let tag = if authorizations.is_some() { TpmSt::SESSIONS } else { TpmSt::NO_SESSIONS };
        Bytes::new().u16(tag.0).u32(body.len() as u32 + 6).raw(&body).into_vec()
    }
}

impl Append for Command {
    fn target(&mut self) -> &mut Vec<u8> {
        self.parameters.target()
    }
}

/// How many handles the response to a command carries (Part 3).
pub(crate) fn response_handles(code: TpmCc) -> usize {
    usize::from(matches!(
        code,
        TpmCc::CREATE_PRIMARY
            | TpmCc::CREATE_LOADED
            | TpmCc::LOAD
            | TpmCc::LOAD_EXTERNAL
            | TpmCc::CONTEXT_LOAD
            | TpmCc::START_AUTH_SESSION
            | TpmCc::HMAC_START
            | TpmCc::HASH_SEQUENCE_START
            | TpmCc::SIGN_SEQUENCE_START
            | TpmCc::VERIFY_SEQUENCE_START
    ))
}
