//! The frozen stream out of which keys are made that belong to a seed.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{HashAlgorithm, Hmac, MAX_DIGEST_SIZE, Random, Result};

/// A random number generator that gives the same numbers for the same seed, label and context for ever.
///
/// Primary keys come out of it, so nothing in it may ever change; a new procedure is a new type beside this one.
/// Version 1 is HMAC_DRBG with SHA-512 (SP 800-90A, 10.1.2), where
/// - entropy input, nonce and personalization are `seed`, `label` and `context`, each behind its length in bytes as a
///   32-bit big-endian number, so that no two triples give the same input;
/// - every [`Random::fill`] is a request of its own, so the numbers depend on how they are asked for;
/// - it never reseeds.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SeededStream {
    key: [u8; MAX_DIGEST_SIZE],
    v: [u8; MAX_DIGEST_SIZE],
}

const ALGORITHM: HashAlgorithm = HashAlgorithm::Sha512;

impl SeededStream {
    /// Starts the stream that belongs to a secret seed, a label that says what it is for, and a context that tells
    /// apart what is made out of the same seed.
    #[must_use]
    pub fn new(seed: &[u8], label: &[u8], context: &[u8]) -> Self {
        let [seed_size, label_size, context_size] =
            [seed, label, context].map(|part| (part.len() as u32).to_be_bytes());
        Self::instantiate(&[&seed_size, seed, &label_size, label, &context_size, context])
    }

    fn instantiate(material: &[&[u8]]) -> Self {
        let mut stream = Self { key: [0; MAX_DIGEST_SIZE], v: [1; MAX_DIGEST_SIZE] };
        stream.update(material);
        stream
    }

    /// SP 800-90A, 10.1.2.2.
    fn update(&mut self, provided: &[&[u8]]) {
        for separator in [0x00, 0x01] {
            let mut hmac = Hmac::new(ALGORITHM, &self.key);
            hmac.update(&self.v);
            hmac.update(&[separator]);
            provided.iter().for_each(|part| hmac.update(part));
            self.key.copy_from_slice(&hmac.finish());
            self.next_block();
            if provided.iter().all(|part| part.is_empty()) {
                break;
            }
        }
    }

    fn next_block(&mut self) {
        let mut hmac = Hmac::new(ALGORITHM, &self.key);
        hmac.update(&self.v);
        self.v.copy_from_slice(&hmac.finish());
    }
}

impl Random for SeededStream {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let keyed = Hmac::new(ALGORITHM, &self.key);
        for block in out.chunks_mut(MAX_DIGEST_SIZE) {
            let mut hmac = keyed.clone();
            hmac.update(&self.v);
            self.v.copy_from_slice(&hmac.finish());
            block.copy_from_slice(&self.v[..block.len()]);
        }
        self.update(&[]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    /// NIST's vectors, HMAC_DRBG, SHA-512 without reseeding: the second of two requests is what is published.
    #[test]
    fn is_hmac_drbg() {
        let mut stream = SeededStream::instantiate(&[
            &hex!("35049f389a33c0ecb1293238fd951f8ffd517dfde06041d32945b3e26914ba15"),
            &hex!("f7328760be6168e6aa9fb54784989a11"),
        ]);
        let mut out = [0; 256];
        stream.fill(&mut out).unwrap();
        stream.fill(&mut out).unwrap();
        assert_eq!(out[..32], hex!("e76491b0260aacfded01ad39fbf1a66a88284caa5123368a2ad9330ee48335e3"));
        assert_eq!(out[224..], hex!("8987154fe9ecb052b3f0a256fcc30cc14572531c9628973639beda456f2bddf6"));
    }

    /// The known answer in the self test freezes the stream; this says what it may depend on.
    #[test]
    fn no_two_triples_share_a_stream() {
        let first = |seed: &[u8], label: &[u8], context: &[u8]| {
            let mut out = [0; 16];
            SeededStream::new(seed, label, context).fill(&mut out).unwrap();
            out
        };
        let streams = [
            first(b"seed", b"label", b"context"),
            first(b"seedl", b"abel", b"context"),
            first(b"seed", b"labelc", b"ontext"),
            first(b"seed", b"", b"labelcontext"),
            first(b"seedlabel", b"context", b""),
            first(b"", b"", b""),
        ];
        for (index, stream) in streams.iter().enumerate() {
            assert!(!streams[..index].contains(stream), "{index}");
        }
    }
}
