//! Who may read and write an NV index (Part 3, 31.1).

use tpm2_types::{ResponseCode, Result, TpmHandle, TpmRh, TpmaNv};

use super::NvIndex;

/// Whether `authorizing` may read the index. The authorization itself has been checked, and for an index that
/// authorizes itself whether its attributes allow that.
pub fn check_read(index: &NvIndex<'_>, authorizing: TpmHandle) -> Result<()> {
    check_read_lock(index, authorizing)?;
    if index.attributes().contains(TpmaNv::READLOCKED) {
        return Err(ResponseCode::NV_LOCKED);
    }
    if index.attributes().contains(TpmaNv::WRITTEN) { Ok(()) } else { Err(ResponseCode::NV_UNINITIALIZED) }
}

/// Whether `authorizing` may read lock the index, which may be locked already or not be written yet (31.14.1).
pub fn check_read_lock(index: &NvIndex<'_>, authorizing: TpmHandle) -> Result<()> {
    check(index, authorizing, TpmaNv::PPREAD, TpmaNv::OWNERREAD)
}

/// Whether `authorizing` may write the index.
pub fn check_write(index: &NvIndex<'_>, authorizing: TpmHandle) -> Result<()> {
    check(index, authorizing, TpmaNv::PPWRITE, TpmaNv::OWNERWRITE)?;
    if index.attributes().contains(TpmaNv::WRITELOCKED) { Err(ResponseCode::NV_LOCKED) } else { Ok(()) }
}

/// Whether `authorizing` may write lock the index, which may be locked already.
pub fn check_write_lock(index: &NvIndex<'_>, authorizing: TpmHandle) -> Result<()> {
    check(index, authorizing, TpmaNv::PPWRITE, TpmaNv::OWNERWRITE)
}

fn check(index: &NvIndex<'_>, authorizing: TpmHandle, platform: TpmaNv, owner: TpmaNv) -> Result<()> {
    let allowed = match authorizing {
        TpmRh::PLATFORM => index.attributes().contains(platform),
        TpmRh::OWNER => index.attributes().contains(owner),
        other => other == index.handle(),
    };
    if allowed { Ok(()) } else { Err(ResponseCode::NV_AUTHORIZATION) }
}
