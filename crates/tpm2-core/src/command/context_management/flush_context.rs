//! TPM2_FlushContext (Part 3, 28.4).

use tpm2_types::{ResponseCode, Result, TpmHandle, TpmHt, TpmiDhContext};

use crate::context::Context;
use crate::object::Object;
use crate::session::{Session, SessionSlot, SessionTable};

command! {
    /// Removes a transient object, or a session wherever its context is. Part 3, 28.4.
    FlushContext<'a> = FLUSH_CONTEXT;
    handles {}
    parameters { flush_handle: TpmiDhContext }
    returns {}
    flags { NO_SESSIONS FLUSHED AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: FlushContext<'a>) -> Result<Response<'a>> {
    let handle = input.flush_handle.handle();
    let missing = ResponseCode::HANDLE.at(at::flush_handle);
    if handle.kind() == Some(TpmHt::TRANSIENT) {
        let key = Object::key_of(handle);
        context.state.bytes(key).ok_or(missing)?;
        context.changes.delete(key)?;
        return Ok(Response::new());
    }
    // Only the number of a session counts: a saved one has lost its type.
    let table = SessionTable::of(context.state)?;
    if table.slot(handle) == SessionSlot::Free {
        return Err(missing);
    }
    for kind in [TpmHt::HMAC_SESSION, TpmHt::POLICY_SESSION] {
        let key = Session::key_of(TpmHandle::new(kind, handle.index()));
        if context.state.bytes(key).is_some() {
            context.changes.delete(key)?;
        }
    }
    table.set(context.changes, context.arena, handle, SessionSlot::Free)?;
    Ok(Response::new())
}
