//! The algorithms of TPM 2.0 as the TPM needs them: hashes, MACs, key derivation, AES in the TPM's modes, random
//! numbers, elliptic curves and RSA, without allocation and without knowledge of the TPM's structures.
//!
//! Whatever touches a secret takes a time that does not depend on it, and leaves nothing behind in memory. Work
//! that accelerators may take over goes through an [`engine::Engine`]; every engine gives the same answers.
//!
//! Three procedures are frozen because primary keys come out of them and have to come out again after every
//! update: [`SeededStream`], the private key generation in [`ecc::generate`] and the candidates in [`prime`].
#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

mod aes;
mod digest;
mod drbg;
pub mod ecc;
pub mod engine;
mod kdf;
pub mod prime;
mod random;
pub mod rsa;
mod seeded_stream;
pub mod self_test;
pub mod steps;

pub use aes::{AES_BLOCK_SIZE, BlockMode, Direction, aes};
pub use digest::{
    Digest, HashAlgorithm, Hasher, Hmac, MAX_DIGEST_SIZE, MAX_HASHER_STATE_SIZE, MAX_HMAC_STATE_SIZE, hash,
    hmac,
};
pub use drbg::{Drbg, ReseedRequired};
pub use kdf::{kdfa, kdfe};
pub use random::Random;
pub use seeded_stream::SeededStream;
pub use steps::Steps;

/// Why an algorithm gave no answer. Nothing here tells more than the caller may pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptoError {
    /// A checkpoint asked to drop the work (`TPM_RC_CANCELED`).
    Cancelled,
    /// The source of random numbers did not answer, or repeated itself.
    Random,
    /// The key is not one: out of range, of the wrong size or inconsistent.
    InvalidKey,
    /// An operand is outside of what the algorithm is defined for.
    InvalidInput,
    /// A decrypted message does not carry the padding of its scheme.
    InvalidPadding,
    /// The point is not on the curve, or is the point at infinity.
    InvalidPoint,
    /// The signature does not belong to key and digest.
    InvalidSignature,
    /// The buffer of the caller cannot take the answer.
    BufferTooSmall,
}

impl core::fmt::Display for CryptoError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::Random => "no random numbers",
            Self::InvalidKey => "invalid key",
            Self::InvalidInput => "invalid input",
            Self::InvalidPadding => "invalid padding",
            Self::InvalidPoint => "invalid point",
            Self::InvalidSignature => "invalid signature",
            Self::BufferTooSmall => "buffer too small",
        })
    }
}

impl core::error::Error for CryptoError {}

/// What every fallible algorithm answers.
pub type Result<T> = core::result::Result<T, CryptoError>;
