//! The TPM's random number generator: CTR_DRBG with AES-256 and the derivation function (SP 800-90A, 10.2.1).

use ::aes::Aes256;
use ::aes::cipher::{BlockCipherEncrypt, KeyInit};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::aes::{AES_BLOCK_SIZE, counter, increment, output_feedback};
use crate::{CryptoError, HashAlgorithm, Random, Result, hash};

/// How many requests a seed serves at most (SP 800-90A, table 3). The TPM reseeds long before, at a moment of its own
/// choice, so that no command fails halfway.
const RESEED_INTERVAL: u64 = 1 << 48;

/// The most bytes one request may ask for (2^19 bits); [`Random::fill`] makes as many requests as it takes.
const MAX_REQUEST: usize = 1 << 16;

/// The least entropy input of a seed: the security strength in bytes.
const MIN_ENTROPY: usize = 32;

const DIGEST_SIZE: usize = HashAlgorithm::Sha256.digest_size();
const KEY_SIZE: usize = 32;
const SEED_SIZE: usize = KEY_SIZE + AES_BLOCK_SIZE;

/// The seed has served its time: the caller has to [`Drbg::reseed`] and ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReseedRequired;

impl core::fmt::Display for ReseedRequired {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the random number generator needs fresh entropy")
    }
}

impl core::error::Error for ReseedRequired {}

impl From<ReseedRequired> for CryptoError {
    fn from(_: ReseedRequired) -> Self {
        Self::Random
    }
}

/// A generator with 256 bits of security. Neither copied nor printed, and wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Drbg {
    key: [u8; KEY_SIZE],
    /// The next block of the key stream: what SP 800-90A calls V, plus one.
    next: [u8; AES_BLOCK_SIZE],
    requests: u64,
    /// The digest of the last entropy input, to notice a source that repeats itself.
    last_entropy: [u8; DIGEST_SIZE],
}

impl Drbg {
    /// Makes a generator out of at least 32 bytes with full entropy, a nonce (at least 16 bytes unless the entropy
    /// input is half as long again) and a personalization that need not be secret.
    ///
    /// [`CryptoError::Random`] when `entropy` is too short or a block of 16 bytes comes twice in it.
    pub fn instantiate(entropy: &[u8], nonce: &[u8], personalization: &[u8]) -> Result<Self> {
        let mut drbg = Self {
            key: [0; KEY_SIZE],
            next: 1u128.to_be_bytes(),
            requests: 0,
            last_entropy: [0; DIGEST_SIZE],
        };
        drbg.accept(entropy)?;
        drbg.update(&derive(&[entropy, nonce, personalization]));
        Ok(drbg)
    }

    /// Mixes fresh entropy (at least 32 bytes) and an additional input into the state.
    ///
    /// [`CryptoError::Random`] when `entropy` fails the same checks as at instantiation or is the entropy of the last
    /// time; the state is then as before.
    pub fn reseed(&mut self, entropy: &[u8], additional: &[u8]) -> Result<()> {
        self.accept(entropy)?;
        self.update(&derive(&[entropy, additional]));
        self.requests = 0;
        Ok(())
    }

    /// Mixes data without known entropy into the state, as `TPM2_StirRandom` does; the seed does not count as fresh.
    pub fn stir(&mut self, data: &[u8]) {
        self.update(&derive(&[data]));
    }

    /// Requests served since the seed.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Fills `out`, mixing `additional` into the state first. Every 2^16 bytes count as a request.
    ///
    /// [`ReseedRequired`] when the seed's requests are used up; `out` is then zero.
    pub fn generate(
        &mut self,
        out: &mut [u8],
        additional: &[u8],
    ) -> core::result::Result<(), ReseedRequired> {
        let mut provided = Zeroizing::new([0; SEED_SIZE]);
        if !additional.is_empty() {
            provided = derive(&[additional]);
            self.update(&provided);
        }
        out.zeroize();
        for piece in out.chunks_mut(MAX_REQUEST) {
            if self.requests >= RESEED_INTERVAL {
                out.zeroize();
                return Err(ReseedRequired);
            }
            counter(&Aes256::new((&self.key).into()), &mut self.next, piece);
            self.update(&provided);
            self.requests += 1;
        }
        Ok(())
    }

    /// The health checks of an entropy input: long enough, no block twice, not the last input again.
    fn accept(&mut self, entropy: &[u8]) -> Result<()> {
        let blocks = entropy.chunks_exact(AES_BLOCK_SIZE);
        let stuck = blocks
            .clone()
            .enumerate()
            .any(|(index, block)| blocks.clone().take(index).any(|earlier| earlier.ct_eq(block).into()));
        let digest = hash(HashAlgorithm::Sha256, &[entropy]);
        if entropy.len() < MIN_ENTROPY || stuck || digest.equals(&self.last_entropy) {
            return Err(CryptoError::Random);
        }
        self.last_entropy.copy_from_slice(&digest);
        Ok(())
    }

    /// SP 800-90A, 10.2.1.2.
    fn update(&mut self, provided: &[u8; SEED_SIZE]) {
        let mut seed = Zeroizing::new(*provided);
        counter(&Aes256::new((&self.key).into()), &mut self.next, seed.as_mut_slice());
        let (key, v) = seed.split_at(KEY_SIZE);
        self.key.copy_from_slice(key);
        self.next.copy_from_slice(v);
        increment(&mut self.next);
    }
}

impl Random for Drbg {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        Ok(self.generate(out, &[])?)
    }
}

/// The derivation function (SP 800-90A, 10.3.2) over the concatenation of `parts`.
fn derive(parts: &[&[u8]]) -> Zeroizing<[u8; SEED_SIZE]> {
    let key: [u8; KEY_SIZE] = core::array::from_fn(|index| index as u8);
    let cipher = Aes256::new(&key.into());
    let input_size: usize = parts.iter().map(|part| part.len()).sum();

    let mut seed = Zeroizing::new([0; SEED_SIZE]);
    for (index, block) in (0u32..).zip(seed.chunks_exact_mut(AES_BLOCK_SIZE)) {
        let mut chain = Chain::new(&cipher);
        chain.absorb(&index.to_be_bytes());
        chain.absorb(&[0; AES_BLOCK_SIZE - size_of::<u32>()]);
        chain.absorb(&(input_size as u32).to_be_bytes());
        chain.absorb(&(SEED_SIZE as u32).to_be_bytes());
        parts.iter().for_each(|part| chain.absorb(part));
        chain.absorb(&[0x80]);
        block.copy_from_slice(chain.finish().as_slice());
    }

    let (key, start) = seed.split_at(KEY_SIZE);
    let mut derived = Zeroizing::new([0; SEED_SIZE]);
    let mut block = Zeroizing::new([0; AES_BLOCK_SIZE]);
    block.copy_from_slice(start);
    if let Ok(cipher) = Aes256::new_from_slice(key) {
        output_feedback(&cipher, &mut block, derived.as_mut_slice());
    }
    derived
}

/// A cipher block chaining MAC fed piecewise, its last block filled up with zeros (SP 800-90A, 10.3.3).
struct Chain<'a> {
    cipher: &'a Aes256,
    block: Zeroizing<[u8; AES_BLOCK_SIZE]>,
    filled: usize,
}

impl<'a> Chain<'a> {
    fn new(cipher: &'a Aes256) -> Self {
        Self { cipher, block: Zeroizing::default(), filled: 0 }
    }

    fn absorb(&mut self, data: &[u8]) {
        for byte in data {
            if self.filled == AES_BLOCK_SIZE {
                self.encrypt();
            }
            self.block[self.filled] ^= byte;
            self.filled += 1;
        }
    }

    fn finish(mut self) -> Zeroizing<[u8; AES_BLOCK_SIZE]> {
        self.encrypt();
        self.block
    }

    fn encrypt(&mut self) {
        let block: &mut [u8; AES_BLOCK_SIZE] = &mut self.block;
        self.cipher.encrypt_block(block.into());
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    fn count<const N: usize>(start: u8) -> [u8; N] {
        core::array::from_fn(|index| start + index as u8)
    }

    fn fresh() -> Drbg {
        Drbg::instantiate(&count::<32>(0), &count::<16>(32), b"personalization").unwrap()
    }

    fn next<const N: usize>(drbg: &mut Drbg) -> [u8; N] {
        let mut out = [0; N];
        drbg.fill(&mut out).unwrap();
        out
    }

    /// NIST's vectors are in the self test. These answers are a second implementation's, itself tested on them.
    #[test]
    fn every_input_counts() {
        let mut drbg = fresh();
        assert_eq!(next(&mut drbg), hex!("e8870f86c10eeb8d536097cc1aba100262be2101"));
        drbg.reseed(&count::<48>(64), b"more").unwrap();
        let mut out = [0; 33];
        drbg.generate(&mut out, b"additional").unwrap();
        assert_eq!(out, hex!("81de1c1ed1c9108939cf4ee141d478d1b21ce0f3d36b33cbe63cb374289ca26216"));
        assert_eq!(next(&mut drbg), hex!("692f80da37b9aed15af31708fd94b396"));
        drbg.stir(b"stir");
        assert_eq!(next(&mut drbg), hex!("a3fa93e3bac97852db8102511bbb0cc4"));
    }

    #[test]
    fn a_source_that_is_stuck_or_short_is_noticed() {
        let refused = |entropy: &[u8]| Drbg::instantiate(entropy, &[], &[]).is_err();
        assert!(refused(&[]));
        assert!(refused(&count::<31>(0)));
        assert!(refused(&[0; 64]));
        for (from, to) in [(0, 16), (0, 48), (16, 32), (32, 48)] {
            let mut repeating: [u8; 64] = count(0);
            repeating.copy_within(from..from + 16, to);
            assert!(refused(&repeating), "{from} {to}");
        }

        let mut drbg = fresh();
        assert_eq!(drbg.reseed(&count::<32>(0), b"other"), Err(CryptoError::Random));
        assert_eq!(drbg.reseed(&count::<31>(64), b""), Err(CryptoError::Random));
        assert_eq!(next::<16>(&mut drbg), next::<16>(&mut fresh()), "a refusal changes nothing");
        drbg.reseed(&count::<32>(64), b"").unwrap();
        assert_eq!(drbg.reseed(&count::<32>(64), b""), Err(CryptoError::Random));
    }

    #[test]
    fn a_seed_serves_no_longer_than_allowed() {
        let mut drbg = fresh();
        drbg.requests = RESEED_INTERVAL - 1;
        assert!(drbg.fill(&mut [0; 16]).is_ok());
        let mut out = [0xaa; 16];
        assert_eq!(drbg.generate(&mut out, b""), Err(ReseedRequired));
        assert_eq!(out, [0; 16]);
        assert_eq!(drbg.fill(&mut out), Err(CryptoError::Random));
        drbg.reseed(&count::<32>(64), b"").unwrap();
        assert_eq!(drbg.requests(), 0);
        assert!(drbg.fill(&mut out).is_ok());
    }

    #[test]
    fn long_requests_are_several() {
        let mut drbg = fresh();
        let mut out = std::vec![0; 2 * MAX_REQUEST + 1];
        drbg.fill(&mut out).unwrap();
        assert_eq!(drbg.requests(), 3);
        let mut pieces = fresh();
        let mut piece = std::vec![0; MAX_REQUEST];
        for expected in out.chunks(MAX_REQUEST) {
            pieces.fill(&mut piece[..expected.len()]).unwrap();
            assert_eq!(piece[..expected.len()], *expected);
        }
    }
}
