//! The first sector of a slot.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::keys::{RootKey, SlotKeys};
use crate::fields::Fields;

/// One sector: written at once, so that a cut leaves the old one or the new one, or one that fails its digest.
pub(super) const HEADER_SIZE: usize = 512;
/// The format that this code writes.
pub(super) const FORMAT: u32 = 1;

const MAGIC: [u8; 8] = *b"FTPMSTAT";
const DIGEST_SIZE: usize = 32;
/// Where the MAC begins; what precedes it is authenticated.
const MAC_AT: usize = HEADER_SIZE - 2 * DIGEST_SIZE;
/// Where the digest over everything before it begins. It holds this place in every format to come, so that a newer
/// format can be told from damage.
const DIGEST_AT: usize = HEADER_SIZE - DIGEST_SIZE;

/// Which firmware and which set of abilities wrote the state. A change of any of them never touches the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The TPM's profile: which commands, algorithms and limits it has.
    pub profile_id: u32,
    /// The version of the firmware, as TPM_PT_FIRMWARE_VERSION_1 and _2 report it.
    pub firmware_version: u64,
    /// The security version number: it rises when a weakness of older firmware must not come back.
    pub svn: u32,
}

/// What the journal says of itself, without its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateHeader {
    /// The version of the file format.
    pub format: u32,
    /// What wrote the slot.
    pub identity: Identity,
    /// Rises by one, and wraps, with every snapshot.
    pub generation: u64,
    /// When the state was created, in seconds since 1970, by the host's clock.
    pub created: u64,
    /// Drawn at random when the state was created.
    pub journal_id: [u8; 16],
    /// Bytes of one of the two slots.
    pub slot_size: u64,
}

/// A slot's header as it is written.
#[derive(Clone, Debug)]
pub(super) struct SlotHeader {
    pub(super) state: StateHeader,
    /// Which of the two slots it is.
    pub(super) slot: u32,
    /// Drawn at random for every snapshot: the slot's keys follow from it.
    pub(super) salt: [u8; 32],
    /// Tells another key from damage.
    pub(super) key_check: [u8; 16],
}

/// What stands where a header belongs.
pub(super) enum Found {
    /// Only zeros: the slot is free.
    Blank,
    /// Something that is no whole header.
    Damaged,
    /// A whole header of a later format.
    Newer(u32),
    /// A header, whole, not yet authenticated.
    Whole(Box<Unverified>),
}

/// A header whose digest is right. Only the key can tell who wrote it.
pub(super) struct Unverified {
    pub(super) header: SlotHeader,
    bytes: [u8; HEADER_SIZE],
}

/// Why a whole header is not taken.
pub(super) enum Refused {
    WrongKey,
    Altered,
}

/// Identifies the slot's frames, and chains the first of them to the header.
pub(super) type HeaderMac = [u8; DIGEST_SIZE];

impl SlotHeader {
    /// The header's sector and its MAC.
    pub(super) fn seal(&self, keys: &SlotKeys) -> ([u8; HEADER_SIZE], HeaderMac) {
        let mut bytes = [0; HEADER_SIZE];
        let state = &self.state;
        let fields: [&[u8]; 12] = [
            &MAGIC,
            &state.format.to_be_bytes(),
            &self.slot.to_be_bytes(),
            &state.slot_size.to_be_bytes(),
            &state.generation.to_be_bytes(),
            &state.identity.profile_id.to_be_bytes(),
            &state.identity.firmware_version.to_be_bytes(),
            &state.identity.svn.to_be_bytes(),
            &state.created.to_be_bytes(),
            &state.journal_id,
            &self.key_check,
            &self.salt,
        ];
        let joined = fields.concat();
        bytes[..joined.len()].copy_from_slice(&joined);
        let mac = header_mac(&bytes[..MAC_AT], keys);
        bytes[MAC_AT..DIGEST_AT].copy_from_slice(&mac);
        let digest = Sha256::digest(&bytes[..DIGEST_AT]);
        bytes[DIGEST_AT..].copy_from_slice(&digest);
        (bytes, mac)
    }

    fn read(bytes: &[u8; HEADER_SIZE]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let _magic: [u8; 8] = fields.array()?;
        let format = fields.u32()?;
        let slot = fields.u32()?;
        let slot_size = fields.u64()?;
        let generation = fields.u64()?;
        let identity =
            Identity { profile_id: fields.u32()?, firmware_version: fields.u64()?, svn: fields.u32()? };
        let created = fields.u64()?;
        let journal_id = fields.array()?;
        let key_check = fields.array()?;
        let salt = fields.array()?;
        let state = StateHeader { format, identity, generation, created, journal_id, slot_size };
        Some(Self { state, slot, salt, key_check })
    }
}

impl Found {
    /// Judges the sector where the header of `slot` belongs, in a file whose slots have `slot_size` bytes.
    pub(super) fn judge(bytes: [u8; HEADER_SIZE], slot: u32, slot_size: u64) -> Self {
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::Blank;
        }
        if bytes[..MAGIC.len()] != MAGIC || Sha256::digest(&bytes[..DIGEST_AT])[..] != bytes[DIGEST_AT..] {
            return Self::Damaged;
        }
        match SlotHeader::read(&bytes) {
            Some(header) if header.state.format > FORMAT => Self::Newer(header.state.format),
            Some(header)
                if header.state.format == FORMAT
                    && header.slot == slot
                    && header.state.slot_size == slot_size =>
            {
                Self::Whole(Box::new(Unverified { header, bytes }))
            }
            _ => Self::Damaged,
        }
    }
}

impl Unverified {
    /// The header, its slot's keys and its MAC, if this key wrote it.
    pub(super) fn verify(self, key: &RootKey) -> Result<(SlotHeader, SlotKeys, HeaderMac), Refused> {
        let expected_check = key.check(&self.header.state.journal_id);
        if !bool::from(expected_check.ct_eq(&self.header.key_check)) {
            return Err(Refused::WrongKey);
        }
        let keys = SlotKeys::derive(key, &self.header.salt);
        let mac = header_mac(&self.bytes[..MAC_AT], &keys);
        if bool::from(mac.ct_eq(&self.bytes[MAC_AT..DIGEST_AT])) {
            Ok((self.header, keys, mac))
        } else {
            Err(Refused::Altered)
        }
    }
}

fn header_mac(authenticated: &[u8], keys: &SlotKeys) -> HeaderMac {
    Hmac::<Sha256>::new(&keys.header_block()).chain_update(authenticated).finalize().into_bytes().into()
}
