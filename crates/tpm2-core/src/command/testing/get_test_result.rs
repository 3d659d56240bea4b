//! TPM2_GetTestResult (Part 3, 10.4).

use tpm2_types::{ResponseCode, Result, Tpm2bMaxBuffer};

use crate::context::Context;

command! {
    /// Tells the outcome of the self tests; in failure mode the reason in words. Part 3, 10.4.
    GetTestResult<'a> = GET_TEST_RESULT;
    handles {}
    parameters {}
    returns { out_data: Tpm2bMaxBuffer<'a>, test_result: ResponseCode }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, _input: GetTestResult<'a>) -> Result<Response<'a>> {
    // In failure mode this is not reached: a failing test is answered by the module `self_test`.
    let result = if context.self_tests.is_complete() { ResponseCode::SUCCESS } else { ResponseCode::NEEDS_TEST };
    Ok(Response::new(Tpm2bMaxBuffer::EMPTY, result))
}
