//! TPM2_EvictControl (Part 3, 28.5).

use tpm2_types::{ResponseCode, Result, TpmHt, TpmRh, TpmiDhObject, TpmiDhPersistent, TpmiRhProvision};

use crate::context::Context;
use crate::object::{Object, is_platform_persistent};
use crate::state::RecordHeap;

command! {
    /// Makes a transient object persistent, or removes a persistent one. Part 3, 28.5.
    EvictControl<'a> = EVICT_CONTROL;
    handles { auth: TpmiRhProvision => User, object_handle: TpmiDhObject => None }
    parameters { persistent_handle: TpmiDhPersistent }
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: EvictControl<'a>) -> Result<Response<'a>> {
    let by_platform = input.auth == TpmRh::PLATFORM;
    let persistent = input.persistent_handle.handle();
    let object: Object<'_> = context.state.get(Object::key_of(*input.object_handle))?;
    if object.handle.kind() == Some(TpmHt::PERSISTENT) {
        if is_platform_persistent(object.handle) != by_platform {
            return Err(ResponseCode::RANGE.at(at::object_handle));
        }
        if object.handle != persistent {
            return Err(ResponseCode::HANDLE.at(at::persistent_handle));
        }
        context.changes.delete(Object::key_of(persistent))?;
        return Ok(Response::new());
    }
    if object.hierarchy == TpmRh::NULL || object.st_clear {
        return Err(ResponseCode::ATTRIBUTES.at(at::object_handle));
    }
    if (object.hierarchy == TpmRh::PLATFORM) != by_platform {
        return Err(ResponseCode::HIERARCHY.at(at::object_handle));
    }
    if is_platform_persistent(persistent) != by_platform {
        return Err(ResponseCode::RANGE.at(at::persistent_handle));
    }
    if context.state.bytes(Object::key_of(persistent)).is_some() {
        return Err(ResponseCode::NV_DEFINED.at(at::persistent_handle));
    }
    let object = Object { handle: persistent, ..object };
    let size = RecordHeap::footprint(context.arena.marshal(&object)?.len());
    if size > context.state.persistent_room() {
        return Err(ResponseCode::NV_SPACE);
    }
    context.put(&object)?;
    Ok(Response::new())
}
