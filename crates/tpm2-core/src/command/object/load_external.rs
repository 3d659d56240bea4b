//! TPM2_LoadExternal (Part 3, 12.3).

use tpm2_types::{
    ResponseCode, Result, Tpm2bName, Tpm2bPublicOrNull, Tpm2bSensitive, TpmHandle, TpmRh, TpmaObject, TpmiRhHierarchy,
};

use crate::context::Context;
use crate::object::name::name;
use crate::object::{Object, Origin, consistency, slots, template};
use crate::state::State;

command! {
    /// Loads a public area, or a public and a sensitive area that no TPM protects. Part 3, 12.3.
    LoadExternal<'a> = LOAD_EXTERNAL;
    handles {}
    parameters { in_private: Tpm2bSensitive<'a>, in_public: Tpm2bPublicOrNull<'a>, hierarchy: TpmiRhHierarchy }
    response_handle { object_handle: TpmHandle }
    returns { name: Tpm2bName<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: LoadExternal<'a>) -> Result<Response<'a>> {
    let handle = slots::free_handle(context)?;
    let hierarchy = input.hierarchy.handle();
    if !State::has_hierarchy(hierarchy) {
        return Err(ResponseCode::VALUE.at(at::hierarchy));
    }
    if !context.state.hierarchy_enabled(hierarchy)? {
        return Err(ResponseCode::HIERARCHY.at(at::hierarchy));
    }
    let public = input.in_public.0;
    let attributes = public.object_attributes;
    if let Some(sensitive) = &input.in_private.0 {
        // A whole object must not look as if a hierarchy protected it.
        if hierarchy != TpmRh::NULL {
            return Err(ResponseCode::HIERARCHY.at(at::hierarchy));
        }
        if attributes.intersects(TpmaObject::FIXED_TPM | TpmaObject::FIXED_PARENT | TpmaObject::RESTRICTED) {
            return Err(ResponseCode::ATTRIBUTES.at(at::in_public));
        }
        template::check_external(&public, true).map_err(|code| code.at(at::in_public))?;
        consistency::check_public(&public).map_err(|code| code.at(at::in_public))?;
        consistency::check_binding(context, &public, sensitive).map_err(|code| code.at(at::in_private))?;
    } else {
        template::check_external(&public, false).map_err(|code| code.at(at::in_public))?;
        consistency::check_public(&public).map_err(|code| code.at(at::in_public))?;
    }
    let name = name(context.arena, &public)?;
    let sensitive = match input.in_private.0 {
        Some(sensitive) => {
            let auth = crate::authorization::trim(sensitive.auth_value.as_slice());
            Some(tpm2_types::TpmtSensitive { auth_value: tpm2_types::Tpm2bAuth::new(auth)?, ..sensitive })
        }
        None => None,
    };
    let object = Object {
        handle,
        hierarchy,
        origin: Origin::External,
        st_clear: attributes.contains(TpmaObject::ST_CLEAR),
        // Nothing stands above an external object.
        qualified_name: name,
        name,
        public,
        sensitive,
    };
    context.put(&object)?;
    Ok(Response::new(handle, name))
}
