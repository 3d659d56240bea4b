//! Running the handler (Part 3, 5.8).

use tpm2_crypto::Digest;
use tpm2_types::{Reader, ResponseCode, Result, TpmHandle, TpmSt, Writer};

use super::authorize::Entities;
use super::{Authorized, Sessions};
use crate::command::{Answer, Command, HEADER_SIZE};
use crate::context::Context;

/// A command that ran: its answer stands in the response buffer, its changes are staged.
pub(crate) struct Executed<'b> {
    pub(crate) command: &'static Command,
    pub(crate) sessions: Sessions<'b>,
    pub(crate) audit_cp_hash: Option<Digest>,
    pub(crate) entities: Entities<'b>,
    pub(crate) response: &'b mut [u8],
    /// Where the response parameters begin and end in `response`.
    pub(crate) parameters: core::ops::Range<usize>,
}

impl<'b> Authorized<'b> {
    /// The handle of the first session, where there is one.
    pub(crate) fn first_session(&self) -> Option<TpmHandle> {
        self.sessions.iter().next().map(|(_, input)| input.handle)
    }

    /// Unmarshals the parameters, runs the handler, and writes what it answers into `response`.
    pub(crate) fn execute(
        self,
        context: &mut Context<'_, 'b>,
        response: &'b mut [u8],
    ) -> Result<Executed<'b>> {
        let command = self.command;
        let reader = Reader::new(self.parameters, &context.profile.supported);
        let handle_size = if command.response_handle.is_some() { 4 } else { 0 };
        let size_field = if self.tagged_sessions { 4 } else { 0 };
        let start = HEADER_SIZE + handle_size + size_field;
        let (front, back) = response.split_at_mut(start);
        let mut answer = Answer { handle: None, parameters: Writer::new(back) };
        let handles = self.handles;
        (command.run)(context, handles.as_slice(), reader, &mut answer)?;
        let length = answer.parameters.len();
        let tag = if self.tagged_sessions { TpmSt::SESSIONS } else { TpmSt::NO_SESSIONS };
        let mut header = Writer::new(front);
        header.write(&tag.0)?;
        // The size is filled in when it is known.
        header.write(&0u32)?;
        header.write(&0u32)?;
        if let Some(handle) = answer.handle {
            header.write(&handle)?;
        }
        if self.tagged_sessions {
            header.write(&u32::try_from(length).map_err(|_| ResponseCode::FAILURE)?)?;
        }
        Ok(Executed {
            command,
            sessions: self.sessions,
            audit_cp_hash: self.audit_cp_hash,
            entities: self.entities,
            response,
            parameters: start..start + length,
        })
    }
}
