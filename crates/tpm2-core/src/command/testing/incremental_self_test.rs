//! TPM2_IncrementalSelfTest (Part 3, 10.3).

use tpm2_types::{Result, TpmAlgId, TpmlAlg};

use crate::context::Context;

command! {
    /// Tests the named algorithms and lists those that are untested still. Part 3, 10.3.
    IncrementalSelfTest<'a> = INCREMENTAL_SELF_TEST;
    handles {}
    parameters { to_test: TpmlAlg<'a> }
    returns { to_do_list: TpmlAlg<'a> }
    flags { NV AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: IncrementalSelfTest<'a>) -> Result<Response<'a>> {
    for algorithm in input.to_test.iter() {
        context.self_tests.test(context.engine, context.platform, algorithm)?;
    }
    let buffer = context.arena.allocate(context.self_tests.untested().count() * size_of::<TpmAlgId>())?;
    Ok(Response::new(TpmlAlg::build(buffer, context.self_tests.untested())?))
}
