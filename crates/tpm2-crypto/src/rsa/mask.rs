//! The mask generation function MGF1 of OAEP and PSS (RFC 8017, B.2.1).

use crate::{HashAlgorithm, hash};

/// Adds the mask that `seed` gives to all of `target`.
pub(super) fn apply(algorithm: HashAlgorithm, seed: &[u8], target: &mut [u8]) {
    for (counter, block) in (0u32..).zip(target.chunks_mut(algorithm.digest_size())) {
        let mask = hash(algorithm, &[seed, &counter.to_be_bytes()]);
        for (byte, mask) in block.iter_mut().zip(mask.iter()) {
            *byte ^= mask;
        }
    }
}
