//! Hash functions and HMAC, the algorithm chosen at run time (Part 1, 8.4.2 and 8.4.3).

use core::ops::Deref;

use sha2::Digest as _;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The largest digest of all algorithms here, in bytes.
pub const MAX_DIGEST_SIZE: usize = 64;

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

/// A hash in the making.
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

/// A keyed hash (FIPS 198-1) in the making. Both states are wiped on drop by the hash functions themselves.
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

const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;
