//! TPM2_ReadPublic (Part 3, 12.4).

use tpm2_types::{Result, Tpm2bName, Tpm2bPublicOrNull, TpmiDhObject};

use crate::context::Context;
use crate::object::Object;
use crate::state::parse;

command! {
    /// Returns public area, Name and Qualified Name of a loaded object. Part 3, 12.4.
    ReadPublic<'a> = READ_PUBLIC;
    handles { object_handle: TpmiDhObject => None }
    parameters {}
    returns { out_public: Tpm2bPublicOrNull<'a>, name: Tpm2bName<'a>, qualified_name: Tpm2bName<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: ReadPublic<'a>) -> Result<Response<'a>> {
    let bytes = context.state.bytes(Object::key_of(*input.object_handle)).unwrap_or(&[]);
    let object: Object<'a> = parse(context.arena.copy(bytes)?)?;
    Ok(Response::new(Tpm2bPublicOrNull(object.public), object.name, object.qualified_name))
}
