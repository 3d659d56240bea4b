//! Hash functions and HMAC, the algorithm chosen at run time (Part 1, 8.4.2 and 8.4.3).

use core::ops::Deref;

use sha2::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{CryptoError, Result};

/// The largest digest of all algorithms here, in bytes.
pub const MAX_DIGEST_SIZE: usize = 64;

/// The longest saved state of a [`Hasher`], in bytes.
pub const MAX_HASHER_STATE_SIZE: usize = 208;

/// The longest saved state of an [`Hmac`], in bytes.
pub const MAX_HMAC_STATE_SIZE: usize = 2 * MAX_HASHER_STATE_SIZE;

/// The largest block of all algorithms here, in bytes.
const MAX_BLOCK_SIZE: usize = 128;

/// The hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-1, FIPS 180-4. Not for new signatures; the TPM's specification still needs it.
    Sha1,
    /// SHA-256, FIPS 180-4.
    Sha256,
    /// SHA-384, FIPS 180-4.
    Sha384,
    /// SHA-512, FIPS 180-4.
    Sha512,
}

impl HashAlgorithm {
    /// The size of a digest in bytes.
    #[must_use]
    pub const fn digest_size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The size of the compression function's input in bytes.
    #[must_use]
    pub const fn block_size(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }
}

/// A digest by value. It can be a secret (an HMAC, a key), so it has neither `Debug` nor `==`, and is wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Digest {
    bytes: [u8; MAX_DIGEST_SIZE],
    size: usize,
}

impl Digest {
    /// Whether this digest equals `expected`, in a time that does not depend on where they differ.
    #[must_use]
    pub fn equals(&self, expected: &[u8]) -> bool {
        self.ct_eq(expected).into()
    }

    fn of(output: &[u8]) -> Self {
        let mut digest = Self { bytes: [0; MAX_DIGEST_SIZE], size: output.len() };
        digest.bytes[..output.len()].copy_from_slice(output);
        digest
    }
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

/// A hash in the making, wiped on drop.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

/// Runs the same expression on whichever hash function the state holds.
macro_rules! with_state {
    ($state:expr, $inner:ident => $body:expr) => {
        match $state {
            State::Sha1($inner) => $body,
            State::Sha256($inner) => $body,
            State::Sha384($inner) => $body,
            State::Sha512($inner) => $body,
        }
    };
}

impl Hasher {
    /// Starts a hash.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self(match algorithm {
            HashAlgorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            HashAlgorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            HashAlgorithm::Sha384 => State::Sha384(sha2::Sha384::new()),
            HashAlgorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// The algorithm it was started with.
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        match self.0 {
            State::Sha1(_) => HashAlgorithm::Sha1,
            State::Sha256(_) => HashAlgorithm::Sha256,
            State::Sha384(_) => HashAlgorithm::Sha384,
            State::Sha512(_) => HashAlgorithm::Sha512,
        }
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        with_state!(&mut self.0, inner => inner.update(data));
    }

    /// Writes the state to the front of `out` and answers its size: what `TPM2_ContextSave` keeps of a sequence. It
    /// tells about the data, and is for this build to read, not for ever. [`CryptoError::BufferTooSmall`] when `out`
    /// is shorter than the state.
    pub fn save(&self, out: &mut [u8]) -> Result<usize> {
        with_state!(&self.0, inner => {
            let state = Zeroizing::new(inner.serialize());
            out.get_mut(..state.len()).ok_or(CryptoError::BufferTooSmall)?.copy_from_slice(&state);
            Ok(state.len())
        })
    }

    /// Goes on from a saved state. [`CryptoError::InvalidInput`] when `state` is not one of `algorithm`.
    pub fn restore(algorithm: HashAlgorithm, state: &[u8]) -> Result<Self> {
        Ok(Self(match algorithm {
            HashAlgorithm::Sha1 => State::Sha1(restored::<_, 20, 28>(state)?),
            HashAlgorithm::Sha256 => State::Sha256(restored::<_, 32, 40>(state)?),
            HashAlgorithm::Sha384 => State::Sha384(restored::<_, 64, 80>(state)?),
            HashAlgorithm::Sha512 => State::Sha512(restored::<_, 64, 80>(state)?),
        }))
    }

    /// Ends the hash.
    #[must_use]
    pub fn finish(self) -> Digest {
        with_state!(self.0, inner => {
            let mut output = inner.finalize();
            let digest = Digest::of(&output);
            output.as_mut_slice().zeroize();
            digest
        })
    }
}

/// A keyed hash (FIPS 198-1) in the making, wiped on drop.
#[derive(Clone)]
pub struct Hmac {
    inner: Hasher,
    outer: Hasher,
}

impl Hmac {
    /// Starts an HMAC. A key longer than a block is hashed first; an empty key is a key.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm, key: &[u8]) -> Self {
        let mut padded = [0; MAX_BLOCK_SIZE];
        let block = &mut padded[..algorithm.block_size()];
        if key.len() > block.len() {
            let digest = hash(algorithm, &[key]);
            block[..digest.len()].copy_from_slice(&digest);
        } else {
            block[..key.len()].copy_from_slice(key);
        }

        let mut inner = Hasher::new(algorithm);
        block.iter_mut().for_each(|byte| *byte ^= INNER_PAD);
        inner.update(block);
        let mut outer = Hasher::new(algorithm);
        block.iter_mut().for_each(|byte| *byte ^= INNER_PAD ^ OUTER_PAD);
        outer.update(block);
        padded.zeroize();
        Self { inner, outer }
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        self.inner.update(data);
    }

    /// Writes the state to the front of `out` and answers its size. It is as secret as the key. Otherwise as
    /// [`Hasher::save`].
    pub fn save(&self, out: &mut [u8]) -> Result<usize> {
        let size = self.inner.save(out)?;
        Ok(size + self.outer.save(&mut out[size..])?)
    }

    /// Goes on from a saved state. [`CryptoError::InvalidInput`] when `state` is not one of `algorithm`.
    pub fn restore(algorithm: HashAlgorithm, state: &[u8]) -> Result<Self> {
        let (inner, outer) = state.split_at(state.len() / 2);
        Ok(Self { inner: Hasher::restore(algorithm, inner)?, outer: Hasher::restore(algorithm, outer)? })
    }

    /// Ends the HMAC.
    #[must_use]
    pub fn finish(mut self) -> Digest {
        self.outer.update(&self.inner.finish());
        self.outer.finish()
    }

    /// Ends the HMAC and compares it in constant time. A value of another size is never equal.
    #[must_use]
    pub fn verify(self, expected: &[u8]) -> bool {
        self.finish().equals(expected)
    }
}

/// The digest of the concatenation of `parts`.
#[must_use]
pub fn hash(algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finish()
}

/// The HMAC over the concatenation of `parts`.
#[must_use]
pub fn hmac(algorithm: HashAlgorithm, key: &[u8], parts: &[&[u8]]) -> Digest {
    let mut hmac = Hmac::new(algorithm, key);
    parts.iter().for_each(|part| hmac.update(part));
    hmac.finish()
}

/// Reads a state whose count of blocks stands, little-endian, between the bytes `START` and `END`. A count that no
/// hash reaches is refused, because the hash functions multiply it by the block's size without a check.
fn restored<T: SerializableState, const START: usize, const END: usize>(state: &[u8]) -> Result<T> {
    const REACHABLE_BYTES: usize = 6;
    let count = state.get(START..END).ok_or(CryptoError::InvalidInput)?;
    if count.iter().skip(REACHABLE_BYTES).any(|byte| *byte != 0) {
        return Err(CryptoError::InvalidInput);
    }
    let state: &SerializedState<T> = state.try_into().map_err(|_| CryptoError::InvalidInput)?;
    T::deserialize(state).map_err(|_| CryptoError::InvalidInput)
}

const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const ALL: [HashAlgorithm; 4] =
        [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];

    /// Nothing here wipes these; they do it themselves as long as their feature is on.
    #[test]
    fn states_and_keys_wipe_themselves() {
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<sha1::Sha1>();
        wiped::<sha2::Sha256>();
        wiped::<sha2::Sha384>();
        wiped::<sha2::Sha512>();
        wiped::<::aes::Aes128>();
        wiped::<::aes::Aes192>();
        wiped::<::aes::Aes256>();
    }

    /// RFC 4231, test case 6: a key longer than a block.
    #[test]
    fn a_long_key_is_hashed_first() {
        let digest = hmac(
            HashAlgorithm::Sha256,
            &[0xaa; 131],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
        );
        assert_eq!(digest[..], hex!("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
    }

    #[test]
    fn sizes_are_those_of_the_algorithm() {
        for algorithm in ALL {
            assert_eq!(hash(algorithm, &[]).len(), algorithm.digest_size());
            assert_eq!(Hasher::new(algorithm).algorithm(), algorithm);
            // A key of exactly one block is taken as it is, so zeros behind a shorter one change nothing.
            let block = [0; MAX_BLOCK_SIZE];
            let padded = hmac(algorithm, &block[..algorithm.block_size()], &[]);
            assert!(padded.equals(&hmac(algorithm, &[], &[])));
            assert!(!padded.equals(&hmac(algorithm, &[0; MAX_BLOCK_SIZE + 1], &[])));
        }
    }

    #[test]
    fn only_the_whole_hmac_verifies() {
        for algorithm in ALL {
            let keyed = Hmac::new(algorithm, b"key");
            let digest = keyed.clone().finish();
            assert!(keyed.clone().verify(&digest));
            assert!(!keyed.clone().verify(&digest[..digest.len() - 1]));
            assert!(!keyed.clone().verify(&[]));
            let mut wrong = digest.clone();
            wrong.bytes[0] ^= 1;
            assert!(!keyed.verify(&wrong));
        }
    }

    #[test]
    fn a_saved_state_goes_on() {
        let data: [u8; 300] = core::array::from_fn(|index| index as u8);
        for algorithm in ALL {
            for cut in [0, 1, 63, 64, 65, 127, 128, 129, 299] {
                let (head, tail) = data.split_at(cut);
                let mut state = [0; MAX_HMAC_STATE_SIZE];

                let mut hasher = Hasher::new(algorithm);
                hasher.update(head);
                let size = hasher.save(&mut state).unwrap();
                assert!(size <= MAX_HASHER_STATE_SIZE);
                let mut restored = Hasher::restore(algorithm, &state[..size]).unwrap();
                restored.update(tail);
                assert!(restored.finish().equals(&hash(algorithm, &[&data])));
                assert!(Hasher::restore(algorithm, &state[..size - 1]).is_err());
                assert_eq!(hasher.save(&mut state[..size - 1]), Err(CryptoError::BufferTooSmall));

                let mut keyed = Hmac::new(algorithm, b"key");
                keyed.update(head);
                let size = keyed.save(&mut state).unwrap();
                let mut restored = Hmac::restore(algorithm, &state[..size]).unwrap();
                restored.update(tail);
                assert!(restored.verify(&hmac(algorithm, b"key", &[&data])));
                assert!(Hmac::restore(algorithm, &state[..size - 1]).is_err());
                assert!(keyed.save(&mut state[..size - 1]).is_err());
            }
        }
    }

    /// A state comes back from outside under an HMAC of the TPM's, but nothing here may rely on that.
    #[test]
    fn no_state_makes_it_panic() {
        for algorithm in ALL {
            for size in 0..=MAX_HASHER_STATE_SIZE {
                // One byte of every state is out of line, so that counts and fill levels are hit one by one.
                for (base, odd) in [(0, 0xff), (0xff, 0), (0, 0x7f)] {
                    for index in 0..size {
                        let mut state = [base; MAX_HASHER_STATE_SIZE];
                        state[index] = odd;
                        if let Ok(mut hasher) = Hasher::restore(algorithm, &state[..size]) {
                            hasher.update(&[0; 200]);
                            let _ = hasher.finish();
                        }
                    }
                }
            }
        }
    }
}
