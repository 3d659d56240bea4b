//! From request to response. Each step consumes the one before: `Request` → `Parsed` → `Authorized` → `Executed` →
//! `Sealed`, which [`Tpm`](crate::Tpm) commits, publishes and releases. So no handler runs unauthorized, and nothing
//! can fail after the commit.

mod authorize;
mod execute;
mod parse;
mod respond;

pub(crate) use authorize::Authorized;
pub(crate) use execute::Executed;
pub(crate) use parse::{Parsed, Request};
pub(crate) use respond::error_response;

use tpm2_types::{Tpm2bAuth, Tpm2bNonce, TpmHandle, TpmaSession};

/// The most sessions of a command.
pub(crate) const MAX_SESSIONS: usize = 3;

/// A session as the request names it (TPMS_AUTH_COMMAND).
#[derive(Clone, Copy)]
pub(crate) struct SessionInput<'b> {
    pub(crate) handle: TpmHandle,
    pub(crate) nonce_caller: Tpm2bNonce<'b>,
    pub(crate) attributes: TpmaSession,
    pub(crate) hmac: Tpm2bAuth<'b>,
}

/// The handles of a request.
#[derive(Clone, Copy)]
pub(crate) struct Handles {
    values: [TpmHandle; 3],
    count: usize,
}

impl Handles {
    pub(crate) fn as_slice(&self) -> &[TpmHandle] {
        &self.values[..self.count]
    }
}

/// The sessions of a request, in order.
#[derive(Clone, Copy)]
pub(crate) struct Sessions<'b> {
    inputs: [Option<SessionInput<'b>>; MAX_SESSIONS],
}

impl<'b> Sessions<'b> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &SessionInput<'b>)> {
        self.inputs.iter().flatten().enumerate()
    }

    pub(crate) fn len(&self) -> usize {
        self.inputs.iter().flatten().count()
    }

    /// The session that has this attribute.
    pub(crate) fn with(&self, attribute: TpmaSession) -> Option<(usize, &SessionInput<'b>)> {
        self.iter().find(|(_, session)| session.attributes.contains(attribute))
    }
}
