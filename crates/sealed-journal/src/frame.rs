//! A frame: one sealed transaction.
//!
//! {mark [8], sequence u64, length u32, nonce [24], previous tag [16], tag [16], ciphertext}, padded with zeros to
//! whole sectors. The mark is the beginning of the header's MAC: it tells the slot's frames from those that an
//! earlier use of the slot left. Everything before the tag is authenticated with the ciphertext.

use chacha20poly1305::aead::AeadInOut;
use zeroize::Zeroizing;

use super::SECTOR_SIZE;
use super::keys::SlotKeys;
use crate::fields::Fields;

pub(super) const MARK_SIZE: usize = 8;
const NONCE_SIZE: usize = 24;
const TAG_SIZE: usize = 16;
const TAG_AT: usize = MARK_SIZE + 8 + 4 + NONCE_SIZE + TAG_SIZE;
const FRAME_HEADER_SIZE: usize = TAG_AT + TAG_SIZE;

pub(super) type Tag = [u8; TAG_SIZE];
pub(super) type Nonce = [u8; NONCE_SIZE];

/// What a frame follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) mark: [u8; MARK_SIZE],
    /// The number that the next frame has in its slot; the snapshot is 0.
    pub(super) sequence: u64,
    /// The tag of the frame before it; for the snapshot the beginning of the header's MAC.
    pub(super) previous: Tag,
}

impl Chain {
    /// Before the first frame of the slot whose header has this MAC.
    pub(super) fn start(header_mac: &[u8; 32]) -> Self {
        let mut chain = Self { mark: [0; MARK_SIZE], sequence: 0, previous: [0; TAG_SIZE] };
        chain.mark.copy_from_slice(&header_mac[..MARK_SIZE]);
        chain.previous.copy_from_slice(&header_mac[..TAG_SIZE]);
        chain
    }

    /// After the frame with this tag.
    pub(super) const fn after(self, tag: Tag) -> Self {
        Self { mark: self.mark, sequence: self.sequence + 1, previous: tag }
    }
}

/// Bytes that a frame with `length` bytes of plaintext takes in the slot.
pub(super) const fn frame_size(length: usize) -> usize {
    sealed_size(length).next_multiple_of(SECTOR_SIZE)
}

/// Bytes of a frame with `length` bytes of plaintext that have to be there for it to authenticate; padding follows.
pub(super) const fn sealed_size(length: usize) -> usize {
    FRAME_HEADER_SIZE + length
}

/// Where the nonce stands.
const NONCE_AT: usize = MARK_SIZE + 8 + 4;

/// Builds the frame that follows `chain` in `out`, which is emptied first. `write` appends exactly `length` bytes.
/// `None` where `length` is beyond what a frame can say.
///
/// The nonce is `drawn` at random, and mixed with all that the frame holds: a source of randomness that repeats itself
/// cannot make two frames share a nonce unless they are the same.
pub(super) fn seal(
    chain: &Chain,
    drawn: &Nonce,
    keys: &SlotKeys,
    length: usize,
    write: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) -> Option<Tag> {
    out.clear();
    // All at once: growing while plaintext is inside would leave an unwiped copy behind.
    out.reserve_exact(frame_size(length));
    out.extend_from_slice(&chain.mark);
    out.extend_from_slice(&chain.sequence.to_be_bytes());
    out.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    out.extend_from_slice(&[0; NONCE_SIZE]);
    out.extend_from_slice(&chain.previous);
    out.extend_from_slice(&[0; TAG_SIZE]);
    write(out);
    debug_assert_eq!(out.len(), FRAME_HEADER_SIZE + length);
    let nonce = keys.nonce(drawn, out);
    out.get_mut(NONCE_AT..NONCE_AT + NONCE_SIZE)?.copy_from_slice(&nonce);
    let (header, plaintext) = out.split_at_mut(FRAME_HEADER_SIZE);
    let (authenticated, tag_place) = header.split_at_mut(TAG_AT);
    let tag = keys.frames.encrypt_inout_detached((&nonce).into(), authenticated, plaintext.into()).ok()?;
    tag_place.copy_from_slice(&tag);
    out.resize(frame_size(length), 0);
    Some(tag.into())
}

/// A frame that authenticates, wherever in the chain it belongs.
pub(super) struct Opened {
    pub(super) sequence: u64,
    pub(super) previous: Tag,
    pub(super) tag: Tag,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
}

/// What stands at the beginning of `bytes`.
pub(super) enum Found {
    /// A frame of this slot.
    Frame(Opened),
    /// The beginning of a frame of this slot that does not authenticate: torn, or damaged.
    Broken {
        /// The number that it claims.
        sequence: u64,
    },
    /// No frame of this slot.
    Nothing,
}

/// Reads the frame at the beginning of `bytes`.
pub(super) fn open(bytes: &[u8], mark: &[u8; MARK_SIZE], keys: &SlotKeys) -> Found {
    if !bytes.starts_with(mark) {
        return Found::Nothing;
    }
    match read(bytes, keys) {
        Some(opened) => Found::Frame(opened),
        None => Found::Broken { sequence: sequence_of(bytes).unwrap_or(u64::MAX) },
    }
}

fn sequence_of(bytes: &[u8]) -> Option<u64> {
    let mut fields = Fields::new(bytes);
    let _mark: [u8; MARK_SIZE] = fields.array()?;
    fields.u64()
}

fn read(bytes: &[u8], keys: &SlotKeys) -> Option<Opened> {
    let mut fields = Fields::new(bytes);
    let _mark: [u8; MARK_SIZE] = fields.array()?;
    let sequence = fields.u64()?;
    let length = usize::try_from(fields.u32()?).ok()?;
    let nonce: Nonce = fields.array()?;
    let previous = fields.array()?;
    let tag: Tag = fields.array()?;
    let mut plaintext = Zeroizing::new(fields.bytes(length)?.to_vec());
    let authenticated = bytes.get(..TAG_AT)?;
    keys.frames
        .decrypt_inout_detached(
            (&nonce).into(),
            authenticated,
            plaintext.as_mut_slice().into(),
            (&tag).into(),
        )
        .ok()?;
    Some(Opened { sequence, previous, tag, plaintext })
}
