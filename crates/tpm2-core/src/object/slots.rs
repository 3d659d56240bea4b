//! Where objects live: the numbers of transient handles.

use tpm2_types::{ResponseCode, Result, TpmHandle};

use super::Object;
use crate::context::Context;
use crate::state::Kind;

/// A transient handle that no object has. TPM_RC_OBJECT_MEMORY when as many objects are loaded as the profile allows.
pub fn free_handle(context: &Context<'_, '_>) -> Result<TpmHandle> {
    let limit = context.profile.loaded_objects;
    if context.state.ids(Kind::Object).count() >= limit as usize {
        return Err(ResponseCode::OBJECT_MEMORY);
    }
    (0..limit)
        .map(TpmHandle::transient)
        .find(|handle| context.state.bytes(Object::key_of(*handle)).is_none())
        .ok_or(ResponseCode::OBJECT_MEMORY)
}
