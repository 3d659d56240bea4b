//! TPM2_Hash (Part 3, 15.4).

use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{ResponseCode, Result, Tpm2bDigest, Tpm2bMaxBuffer, TPM_GENERATED_VALUE, TpmiAlgHash, TpmiRhHierarchy, TpmtTkHashcheck};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::state::State;
use crate::ticket;

command! {
    /// Hashes data, and says by a ticket that a restricted key may sign the digest. Part 3, 15.4.
    Hash<'a> = HASH;
    handles {}
    parameters { data: Tpm2bMaxBuffer<'a>, hash_alg: TpmiAlgHash, hierarchy: TpmiRhHierarchy }
    returns { out_hash: Tpm2bDigest<'a>, validation: TpmtTkHashcheck<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Hash<'a>) -> Result<Response<'a>> {
    if !State::has_hierarchy(input.hierarchy.handle()) {
        return Err(ResponseCode::VALUE.at(at::hierarchy));
    }
    let data = input.data.as_slice();
    let digest = context.arena.copy(&hash(HashAlgorithm::from_alg(input.hash_alg), &[data]))?;
    // What looks like an attestation must not be signed by a key that signs attestations.
    let validation = if data.starts_with(&TPM_GENERATED_VALUE.to_be_bytes()) {
        ticket::null_hash_check()?
    } else {
        ticket::hash_check(context.state, context.arena, input.hierarchy, input.hash_alg, digest)?
    };
    Ok(Response::new(Tpm2bDigest::new(digest)?, validation))
}
