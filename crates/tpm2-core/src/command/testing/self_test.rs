//! TPM2_SelfTest (Part 3, 10.2).

use tpm2_types::{Result, TpmiYesNo};

use crate::context::Context;

command! {
    /// Tests every function, or those that were not tested before, and answers when that is done. Part 3, 10.2.
    SelfTest<'a> = SELF_TEST;
    handles {}
    parameters { full_test: TpmiYesNo }
    returns {}
    flags { NV AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: SelfTest<'a>) -> Result<Response<'a>> {
    context.self_tests.test_all(context.engine, context.platform, input.full_test.0)?;
    Ok(Response::new())
}
