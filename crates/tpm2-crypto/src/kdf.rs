//! Key derivation (Part 1, 8.4.10).

use crate::{HashAlgorithm, Hasher, Hmac};

/// KDFa: SP 800-108 in counter mode over HMAC (Part 1, 8.4.10.2).
///
/// `label` comes without its terminating zero, which is added here. `out` is `bits` rounded up to bytes; where
/// `bits` is no multiple of eight, the surplus high bits of the first byte are zero.
pub fn kdfa(
    algorithm: HashAlgorithm,
    key: &[u8],
    label: &[u8],
    context_u: &[u8],
    context_v: &[u8],
    bits: u32,
    out: &mut [u8],
) {
    let keyed = Hmac::new(algorithm, key);
    fill_blocks(algorithm, bits, out, |counter, block| {
        let mut hmac = keyed.clone();
        for part in [counter, label, &[0], context_u, context_v, &bits.to_be_bytes()] {
            hmac.update(part);
        }
        block.copy_from_slice(&hmac.finish()[..block.len()]);
    })
}

/// KDFe: the one-step key derivation of SP 800-56C for shared secrets of ECDH (Part 1, 8.4.10.3).
///
/// `z` is the x coordinate of the shared point, `party_u` and `party_v` are those of the ephemeral and the static
/// point. `label` and `out` as for [`kdfa`].
pub fn kdfe(
    algorithm: HashAlgorithm,
    z: &[u8],
    label: &[u8],
    party_u: &[u8],
    party_v: &[u8],
    bits: u32,
    out: &mut [u8],
) {
    fill_blocks(algorithm, bits, out, |counter, block| {
        let mut hasher = Hasher::new(algorithm);
        for part in [counter, z, label, &[0], party_u, party_v] {
            hasher.update(part);
        }
        block.copy_from_slice(&hasher.finish()[..block.len()]);
    })
}

/// Fills `out` digest by digest with a counter that starts at one, and clears the bits beyond `bits`.
fn fill_blocks(
    algorithm: HashAlgorithm,
    bits: u32,
    out: &mut [u8],
    mut produce: impl FnMut(&[u8], &mut [u8]),
) {
    debug_assert_eq!(u32::try_from(out.len()), Ok(bits.div_ceil(8)));
    for (counter, block) in (1u32..).zip(out.chunks_mut(algorithm.digest_size())) {
        produce(&counter.to_be_bytes(), block);
    }
    if let Some(first) = out.first_mut()
        && !bits.is_multiple_of(8)
    {
        *first &= (1 << (bits % 8)) - 1;
    }
}
