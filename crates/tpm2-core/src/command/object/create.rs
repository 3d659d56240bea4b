//! TPM2_Create (Part 3, 12.1).

use tpm2_types::{
    ResponseCode, Result, Tpm2bCreationData, Tpm2bData, Tpm2bDigest, Tpm2bPrivate, Tpm2bPublic, Tpm2bSensitiveCreate,
    TpmiDhObject, TpmlPcrSelection, TpmtTkCreation,
};

use crate::context::Context;
use crate::object::creation::{self, Source, Surroundings};
use crate::object::name::name;
use crate::object::{Object, private};

command! {
    /// Makes an object below a parent and gives it out, protected by the parent. Part 3, 12.1.
    Create<'a> = CREATE;
    handles { parent_handle: TpmiDhObject => User }
    parameters {
        in_sensitive: Tpm2bSensitiveCreate<'a>,
        in_public: Tpm2bPublic<'a>,
        outside_info: Tpm2bData<'a>,
        creation_pcr: TpmlPcrSelection<'a>,
    }
    returns {
        out_private: Tpm2bPrivate<'a>,
        out_public: Tpm2bPublic<'a>,
        creation_data: Tpm2bCreationData<'a>,
        creation_hash: Tpm2bDigest<'a>,
        creation_ticket: TpmtTkCreation<'a>,
    }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Create<'a>) -> Result<Response<'a>> {
    let parent: Object<'_> = context.state.get(Object::key_of(*input.parent_handle))?;
    if !parent.is_parent() {
        return Err(ResponseCode::TYPE.at(at::parent_handle));
    }
    let wrong = |wrong: creation::Wrong| wrong.at(at::in_sensitive, at::in_public);
    let (template, given) = (input.in_public.0, input.in_sensitive.0);
    creation::check(&template, &given, Some(&parent)).map_err(wrong)?;
    let (public, sensitive) =
        creation::create(context, template, &given, &mut Source::Generator).map_err(wrong)?;

    let name_alg = public.name_alg.ok_or(ResponseCode::HASH.at(at::in_public))?;
    let name = name(context.arena, &public)?;
    let out_private = private::wrap(context, &parent, name.as_slice(), name_alg, sensitive)?;
    let surroundings = Surroundings { hierarchy: parent.hierarchy, parent: Some(&parent) };
    let (data, hash, ticket) = creation::creation_data(
        context,
        &surroundings,
        name_alg,
        name.as_slice(),
        input.outside_info,
        &input.creation_pcr,
    )?;
    Ok(Response::new(out_private, Tpm2bPublic(public), data, hash, ticket))
}
