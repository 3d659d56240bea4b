//! TPM2_GetRandom (Part 3, 16.1).

use tpm2_crypto::MAX_DIGEST_SIZE;
use tpm2_types::{Result, Tpm2bDigest};

use crate::context::Context;

command! {
    /// Returns random bytes, at most as many as the largest digest has. Part 3, 16.1.
    GetRandom<'a> = GET_RANDOM;
    handles {}
    parameters { bytes_requested: u16 }
    returns { random_bytes: Tpm2bDigest<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: GetRandom<'a>) -> Result<Response<'a>> {
    let size = usize::from(input.bytes_requested).min(MAX_DIGEST_SIZE);
    Ok(Response::new(Tpm2bDigest::new(context.random_bytes(size)?)?))
}
