//! TPM2_Load (Part 3, 12.2).

use tpm2_types::{ResponseCode, Result, Tpm2bName, Tpm2bPrivate, Tpm2bPublic, TpmHandle, TpmaObject, TpmiDhObject};

use crate::context::Context;
use crate::object::name::{Above, name, qualified_name};
use crate::object::{Object, Origin, consistency, private, slots, template};

command! {
    /// Loads an object below its parent. Part 3, 12.2.
    Load<'a> = LOAD;
    handles { parent_handle: TpmiDhObject => User }
    parameters { in_private: Tpm2bPrivate<'a>, in_public: Tpm2bPublic<'a> }
    response_handle { object_handle: TpmHandle }
    returns { name: Tpm2bName<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Load<'a>) -> Result<Response<'a>> {
    let handle = slots::free_handle(context)?;
    let parent: Object<'_> = context.state.get(Object::key_of(*input.parent_handle))?;
    if !parent.is_parent() {
        return Err(ResponseCode::TYPE.at(at::parent_handle));
    }
    let public = input.in_public.0;
    let name = name(context.arena, &public)?;
    // The integrity of the private area covers the Name: only what this TPM, or a duplication, tied together passes.
    let sensitive = private::unwrap(context, &parent, name.as_slice(), &input.in_private)
        .map_err(|code| code.at(at::in_private))?;
    template::check(&public, Some(&parent)).map_err(|code| code.at(at::in_public))?;
    consistency::check_sizes(&public, &sensitive).map_err(|code| code.at(at::in_private))?;
    let object = Object {
        handle,
        hierarchy: parent.hierarchy,
        origin: Origin::Ordinary,
        st_clear: parent.st_clear || public.object_attributes.contains(TpmaObject::ST_CLEAR),
        qualified_name: qualified_name(context.arena, Above::Parent(&parent), public.name_alg, name.as_slice())?,
        name,
        public,
        sensitive: Some(sensitive),
    };
    context.put(&object)?;
    Ok(Response::new(handle, name))
}
