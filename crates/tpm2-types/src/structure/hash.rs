//! Digests with their algorithm (Part 2, 10.2).

use crate::limits::MAX_DIGEST_SIZE;
use crate::{Marshal, Reader, ResponseCode, Result, TpmAlgId, TpmiAlgHash, Unmarshal, Writer};

/// TPMT_HA: a digest and the hash algorithm that made it, hence as long as the digests of that algorithm
/// (TPMU_HA; Part 2, 10.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpmtHa<'a> {
    hash_alg: TpmiAlgHash,
    digest: &'a [u8],
}

impl<'a> TpmtHa<'a> {
    /// A digest of `hash_alg`; TPM_RC_SIZE if it has not the length of one.
    pub fn new(hash_alg: TpmiAlgHash, digest: &'a [u8]) -> Result<Self> {
        if digest.len() == hash_alg.digest_size() {
            Ok(Self { hash_alg, digest })
        } else {
            Err(ResponseCode::SIZE)
        }
    }

    /// The algorithm.
    pub const fn hash_alg(&self) -> TpmiAlgHash {
        self.hash_alg
    }

    /// The digest.
    pub const fn digest(&self) -> &'a [u8] {
        self.digest
    }
}

impl<'a> Unmarshal<'a> for TpmtHa<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        let hash_alg: TpmiAlgHash = reader.read()?;
        Ok(Self { hash_alg, digest: reader.take(hash_alg.digest_size())? })
    }
}

impl Marshal for TpmtHa<'_> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&self.hash_alg)?;
        writer.put(self.digest)
    }
}

named! { TpmtHa<'a> = "TPMT_HA", TpmAlgId::MAX_SIZE + MAX_DIGEST_SIZE }
nullable! { TpmtHa<'a> = "TPMT_HA", TpmAlgId }
