//! TPM2_CreatePrimary (Part 3, 24.1).

use tpm2_types::{
    ResponseCode, Result, Tpm2bCreationData, Tpm2bData, Tpm2bDigest, Tpm2bName, Tpm2bPublic, Tpm2bSensitiveCreate,
    TpmHandle, TpmaObject, TpmiRhHierarchy, TpmlPcrSelection, TpmtTkCreation,
};

use crate::context::Context;
use crate::object::creation::{self, Source, Surroundings};
use crate::object::name::{Above, name, qualified_name};
use crate::object::{Object, Origin, slots};

command! {
    /// Makes and loads a primary object: the same one for the same template and seed. Part 3, 24.1.
    CreatePrimary<'a> = CREATE_PRIMARY;
    handles { primary_handle: TpmiRhHierarchy => User }
    parameters {
        in_sensitive: Tpm2bSensitiveCreate<'a>,
        in_public: Tpm2bPublic<'a>,
        outside_info: Tpm2bData<'a>,
        creation_pcr: TpmlPcrSelection<'a>,
    }
    response_handle { object_handle: TpmHandle }
    returns {
        out_public: Tpm2bPublic<'a>,
        creation_data: Tpm2bCreationData<'a>,
        creation_hash: Tpm2bDigest<'a>,
        creation_ticket: TpmtTkCreation<'a>,
        name: Tpm2bName<'a>,
    }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: CreatePrimary<'a>) -> Result<Response<'a>> {
    let wrong = |wrong: creation::Wrong| wrong.at(at::in_sensitive, at::in_public);
    let (template, given) = (input.in_public.0, input.in_sensitive.0);
    creation::check(&template, &given, None).map_err(wrong)?;
    let handle = slots::free_handle(context)?;
    let hierarchy = input.primary_handle.handle();

    let seed = context.state.primary_seed(hierarchy)?;
    let mut source = Source::of_seed(seed, context.arena.marshal(&template)?, given.data.as_slice());
    let (public, sensitive) = creation::create(context, template, &given, &mut source).map_err(wrong)?;

    let name_alg = public.name_alg.ok_or(ResponseCode::HASH.at(at::in_public))?;
    let name = name(context.arena, &public)?;
    let object = Object {
        handle,
        hierarchy,
        origin: Origin::Primary,
        st_clear: public.object_attributes.contains(TpmaObject::ST_CLEAR),
        qualified_name: qualified_name(context.arena, Above::Hierarchy(hierarchy), Some(name_alg), name.as_slice())?,
        name,
        public,
        sensitive: Some(sensitive),
    };
    let surroundings = Surroundings { hierarchy, parent: None };
    let (data, hash, ticket) = creation::creation_data(
        context,
        &surroundings,
        name_alg,
        name.as_slice(),
        input.outside_info,
        &input.creation_pcr,
    )?;
    context.put(&object)?;
    Ok(Response::new(handle, Tpm2bPublic(public), data, hash, ticket, name))
}
