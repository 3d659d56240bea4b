//! TPM2_StirRandom (Part 3, 16.2).

use tpm2_types::{Result, Tpm2bSensitiveData};

use crate::context::Context;

command! {
    /// Mixes the caller's data into the generator of random numbers; it never makes it weaker. Part 3, 16.2.
    StirRandom<'a> = STIR_RANDOM;
    handles {}
    parameters { in_data: Tpm2bSensitiveData<'a> }
    returns {}
    flags { NV AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: StirRandom<'a>) -> Result<Response<'a>> {
    context.random.stir(input.in_data.as_slice());
    Ok(Response::new())
}
