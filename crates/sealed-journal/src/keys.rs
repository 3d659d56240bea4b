//! The key that seals a journal, and what is derived from it.

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::frame::Nonce;

/// Bytes of the key that seals a journal.
pub const ROOT_KEY_SIZE: usize = 32;

/// HMAC-SHA256 keys are padded to one block; in this form making a MAC cannot fail.
const BLOCK_SIZE: usize = 64;

/// The key that seals a journal: full-entropy bytes, on the heap, wiped when it goes.
#[derive(Clone)]
pub struct RootKey(Box<Zeroizing<[u8; ROOT_KEY_SIZE]>>);

impl RootKey {
    /// A key that `fill` writes in place.
    pub fn try_with<E>(fill: impl FnOnce(&mut [u8; ROOT_KEY_SIZE]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Self(Box::new(Zeroizing::new([0; ROOT_KEY_SIZE])));
        fill(&mut key.0)?;
        Ok(key)
    }

    /// A key with these bytes; `None` unless there are exactly [`ROOT_KEY_SIZE`].
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ROOT_KEY_SIZE] = bytes.try_into().ok()?;
        Some(Self(Box::new(Zeroizing::new(*bytes))))
    }

    /// The key itself, for whoever keeps it.
    pub fn bytes(&self) -> &[u8; ROOT_KEY_SIZE] {
        &self.0
    }

    /// What a journal keeps to recognise its key.
    pub(super) fn check(&self, journal_id: &[u8; 16]) -> [u8; 16] {
        let derived = self.derive(b"ftpm journal: key check", journal_id);
        let mut check = [0; 16];
        check.copy_from_slice(&derived[..16]);
        check
    }

    /// The salt of a new slot: `drawn` at random, and mixed with the slot that it follows, so that a source of
    /// randomness that repeats itself does not give two slots one salt.
    pub(super) fn next_salt(&self, drawn: &[u8; 32], old_salt: &[u8; 32], generation: u64) -> [u8; 32] {
        let context = [&drawn[..], old_salt, &generation.to_be_bytes()].concat();
        *self.derive(b"ftpm journal: salt", &context)
    }

    /// HMAC is a pseudo-random function and the key has full entropy, so no extraction step is needed.
    fn derive(&self, purpose: &[u8], context: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut block = Zeroizing::new([0; BLOCK_SIZE]);
        block[..ROOT_KEY_SIZE].copy_from_slice(self.bytes());
        let mac = Hmac::<Sha256>::new((&*block).into())
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(context);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// The keys of one snapshot and the frames that follow it.
pub(super) struct SlotKeys {
    pub(super) frames: XChaCha20Poly1305,
    header: Zeroizing<[u8; 32]>,
    nonces: Zeroizing<[u8; 32]>,
}

impl SlotKeys {
    pub(super) fn derive(key: &RootKey, salt: &[u8; 32]) -> Self {
        let frames = key.derive(b"ftpm journal: frames", salt);
        Self {
            frames: XChaCha20Poly1305::new((&*frames).into()),
            header: key.derive(b"ftpm journal: header", salt),
            nonces: key.derive(b"ftpm journal: nonces", salt),
        }
    }

    /// The nonce for a frame whose header and plaintext are `frame`.
    pub(super) fn nonce(&self, drawn: &Nonce, frame: &[u8]) -> Nonce {
        let mac = Hmac::<Sha256>::new(&block(&self.nonces)).chain_update(drawn).chain_update(frame);
        let mut nonce = Nonce::default();
        nonce.copy_from_slice(&mac.finalize().into_bytes()[..size_of::<Nonce>()]);
        nonce
    }

    /// The header's MAC key as HMAC's block.
    pub(super) fn header_block(&self) -> HmacKey {
        block(&self.header)
    }
}

type HmacKey = hmac::digest::common::Key<Hmac<Sha256>>;

/// A key as HMAC's block.
fn block(key: &[u8; 32]) -> HmacKey {
    let mut block = [0; BLOCK_SIZE];
    block[..key.len()].copy_from_slice(key);
    block.into()
}
