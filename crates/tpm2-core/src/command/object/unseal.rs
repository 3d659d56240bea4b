//! TPM2_Unseal (Part 3, 12.7).

use tpm2_types::{
    ResponseCode, Result, Tpm2bSensitiveData, TpmAlgId, TpmaObject, TpmiDhObject, TpmuSensitiveComposite,
};

use crate::context::Context;
use crate::object::Object;

command! {
    /// Returns sealed data. Part 3, 12.7.
    Unseal<'a> = UNSEAL;
    handles { item_handle: TpmiDhObject => User }
    parameters {}
    returns { out_data: Tpm2bSensitiveData<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Unseal<'a>) -> Result<Response<'a>> {
    let object: Object<'_> = context.state.get(Object::key_of(*input.item_handle))?;
    if object.public.object_type() != TpmAlgId::KEYEDHASH {
        return Err(ResponseCode::TYPE.at(at::item_handle));
    }
    if object.attributes().intersects(TpmaObject::RESTRICTED | TpmaObject::DECRYPT | TpmaObject::SIGN_ENCRYPT) {
        return Err(ResponseCode::ATTRIBUTES.at(at::item_handle));
    }
    match object.sensitive.map(|sensitive| sensitive.sensitive) {
        Some(TpmuSensitiveComposite::KeyedHash(data)) => {
            Ok(Response::new(Tpm2bSensitiveData::new(context.arena.copy(data.as_slice())?)?))
        }
        _ => Err(ResponseCode::FAILURE),
    }
}
