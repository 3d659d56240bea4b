//! TPM2_TestParms (Part 3, 30.3).

use tpm2_types::{Result, TpmtPublicParms};

use crate::context::Context;

command! {
    /// Tells whether the TPM offers this combination of algorithms: reading it was the test. Part 3, 30.3.
    TestParms<'a> = TEST_PARMS;
    handles {}
    parameters { parameters: TpmtPublicParms }
    returns {}
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(_context: &mut Context<'_, 'a>, _input: TestParms<'a>) -> Result<Response<'a>> {
    Ok(Response::new())
}
