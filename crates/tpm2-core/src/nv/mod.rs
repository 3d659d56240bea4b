//! NV indices (Part 1, "NV Memory"): the records of an index, its locks, and its Name.

use tee_api::RecordKey;
use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{Result, Tpm2bAuth, TpmHandle, TpmaNv, TpmsNvPublic};

use crate::algorithm::FromAlg;
use crate::arena::Arena;
use crate::state::{Kind, Record, State, record::record};

record! {
    @structure
    /// The public area and the authorization of an NV index. The bits of the attributes that a reset clears are
    /// kept apart: read an index through [`State::nv_index`].
    NvIndex<'a>, 1 {
        /// The public area.
        public: TpmsNvPublic<'a>,
        /// The authorization value, without trailing zeros.
        auth: Tpm2bAuth<'a>,
    }
}

impl NvIndex<'_> {
    /// The handle of the index.
    pub fn handle(&self) -> TpmHandle {
        self.public.nv_index.handle()
    }

    /// Attributes, with locks and the written-mark as they are now.
    pub fn attributes(&self) -> TpmaNv {
        self.public.attributes
    }

    /// Where the data of the index is kept.
    pub fn data_key(&self) -> RecordKey {
        let kind = if self.is_platform() { Kind::NvDataPlatform } else { Kind::NvDataOwner };
        kind.with_id(self.handle().0)
    }

    fn is_platform(&self) -> bool {
        self.attributes().contains(TpmaNv::PLATFORMCREATE)
    }
}

impl<'a> Record<'a> for NvIndex<'a> {
    fn key(&self) -> RecordKey {
        let kind = if self.is_platform() { Kind::NvIndexPlatform } else { Kind::NvIndexOwner };
        kind.with_id(self.handle().0)
    }
}

/// Locks and the written-mark of one index that a reset clears: handle and a byte of flags.
const VOLATILE_ENTRY: usize = 5;

impl NvIndex<'_> {
    /// The Name of the index: nameAlg and the digest of the public area (Part 1, "Names").
    pub fn name<'b>(&self, arena: &Arena<'b>) -> Result<&'b [u8]> {
        let public = arena.marshal(&self.public)?;
        let digest = hash(HashAlgorithm::from_alg(self.public.name_alg), &[public]);
        arena.write(|writer| {
            writer.write(&self.public.name_alg)?;
            writer.put(&digest)
        })
    }
}

impl State<'_> {
    /// The NV index with this handle, its locks and written-mark as they are now.
    pub fn nv_index(&self, handle: TpmHandle) -> Result<Option<NvIndex<'_>>> {
        let mut found: Option<NvIndex<'_>> = self.find(Kind::NvIndexOwner.with_id(handle.0))?;
        if found.is_none() {
            found = self.find(Kind::NvIndexPlatform.with_id(handle.0))?;
        }
        let Some(mut index) = found else { return Ok(None) };
        index.public.attributes |= volatile_attributes(self, handle);
        Ok(Some(index))
    }
}

/// The attributes of an index that a reset clears, as far as they are SET now.
fn volatile_attributes(state: &State<'_>, handle: TpmHandle) -> TpmaNv {
    let entries = state.bytes(Kind::NvVolatile.only()).unwrap_or(&[]).as_chunks::<VOLATILE_ENTRY>().0;
    let mut attributes = TpmaNv::empty();
    for [h0, h1, h2, h3, flags] in entries {
        if u32::from_be_bytes([*h0, *h1, *h2, *h3]) == handle.0 {
            for (bit, attribute) in [TpmaNv::WRITELOCKED, TpmaNv::READLOCKED, TpmaNv::WRITTEN].into_iter().enumerate() {
                if flags & (1 << bit) != 0 {
                    attributes |= attribute;
                }
            }
        }
    }
    attributes
}
