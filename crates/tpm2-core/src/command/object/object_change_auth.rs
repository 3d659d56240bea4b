//! TPM2_ObjectChangeAuth (Part 3, 12.8).

use tpm2_types::{ResponseCode, Result, Tpm2bAuth, Tpm2bPrivate, TpmiDhObject, TpmtSensitive};

use crate::authorization::trim;
use crate::context::Context;
use crate::object::name::{Above, qualified_name};
use crate::object::{Object, private};

command! {
    /// Gives out an object anew, with another authorization value; the loaded one keeps its own. Part 3, 12.8.
    ObjectChangeAuth<'a> = OBJECT_CHANGE_AUTH;
    handles { object_handle: TpmiDhObject => Admin, parent_handle: TpmiDhObject => None }
    parameters { new_auth: Tpm2bAuth<'a> }
    returns { out_private: Tpm2bPrivate<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: ObjectChangeAuth<'a>) -> Result<Response<'a>> {
    let object: Object<'_> = context.state.get(Object::key_of(*input.object_handle))?;
    let parent: Object<'_> = context.state.get(Object::key_of(*input.parent_handle))?;
    let name_alg = object.public.name_alg.ok_or(ResponseCode::TYPE.at(at::object_handle))?;
    let auth = trim(input.new_auth.as_slice());
    if auth.len() > name_alg.digest_size() {
        return Err(ResponseCode::SIZE.at(at::new_auth));
    }
    // Only below its parent does the object have its Qualified Name.
    let name = object.name.as_slice();
    let below = qualified_name(context.arena, Above::Parent(&parent), Some(name_alg), name)?;
    if !parent.is_parent() || parent.sensitive.is_none() || below.as_slice() != object.qualified_name.as_slice() {
        return Err(ResponseCode::TYPE.at(at::parent_handle));
    }
    let sensitive = object.sensitive.ok_or(ResponseCode::FAILURE)?;
    let sensitive = TpmtSensitive { auth_value: Tpm2bAuth::new(auth)?, ..sensitive };
    Ok(Response::new(private::wrap(context, &parent, name, name_alg, sensitive)?))
}
