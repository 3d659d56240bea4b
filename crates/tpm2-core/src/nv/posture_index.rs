//! The TPM's own NV index, with the posture: every hierarchy may read it, none may define, write, lock or remove it.
//!
//! It has no record. That it cannot be written follows from its attributes, that it cannot be removed from
//! TPMA_NV_POLICY_DELETE beside an empty policy, which nothing satisfies (Part 2, 13.4).

use tpm2_types::{
    ResponseCode, Result, Tpm2bAuth, Tpm2bDigest, TpmAlgId, TpmHandle, TpmNt, TpmaNv, TpmiAlgHash,
    TpmiRhNvLegacyIndex, TpmsNvPublic,
};

use super::NvIndex;

/// The index: in the range that the TCG's registry of handles leaves to the TPM's manufacturer.
pub const HANDLE: TpmHandle = TpmHandle::nv_index(0x10_F000);

/// Its attributes.
pub const ATTRIBUTES: TpmaNv = TpmaNv::PPREAD
    .union(TpmaNv::OWNERREAD)
    .union(TpmaNv::AUTHREAD)
    .union(TpmaNv::NO_DA)
    .union(TpmaNv::PLATFORMCREATE)
    .union(TpmaNv::POLICY_DELETE)
    .union(TpmaNv::WRITELOCKED)
    .union(TpmaNv::WRITTEN)
    .with_nt(TpmNt::ORDINARY);

/// The index as every other.
pub fn index() -> Result<NvIndex<'static>> {
    Ok(NvIndex {
        public: TpmsNvPublic {
            nv_index: TpmiRhNvLegacyIndex::new(HANDLE).ok_or(ResponseCode::FAILURE)?,
            name_alg: TpmiAlgHash::new(TpmAlgId::SHA256).ok_or(ResponseCode::FAILURE)?,
            attributes: ATTRIBUTES,
            auth_policy: Tpm2bDigest::EMPTY,
            data_size: posture::Evidence::SIZE as u16,
        },
        auth: Tpm2bAuth::EMPTY,
        bytes: core::marker::PhantomData,
    })
}
