//! Handles (Part 2, 7).

use core::fmt;

use crate::{Marshal, MaxSize, Reader, Result, TypeName, Unmarshal, Writer, limits};

/// TPM_HANDLE: names something in the TPM, loaded or not (Part 2, 7.1). The upper byte is its kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TpmHandle(pub u32);

impl TpmHandle {
    /// What the handle names, or `None` for a kind that Part 2 does not define.
    pub const fn kind(self) -> Option<TpmHt> {
        let kind = TpmHt((self.0 >> HR_SHIFT) as u8);
        if kind.name().is_some() { Some(kind) } else { None }
    }

    /// The lower 24 bits: the number within its kind.
    pub const fn index(self) -> u32 {
        self.0 & HR_HANDLE_MASK
    }

    /// The handle of this kind and number, of which the lower 24 bits count.
    pub const fn new(kind: TpmHt, index: u32) -> Self {
        Self((kind.0 as u32) << HR_SHIFT | index & HR_HANDLE_MASK)
    }

    /// The n-th PCR, from 0.
    pub const fn pcr(index: u32) -> Self {
        Self::new(TpmHt::PCR, index)
    }

    /// The n-th NV index.
    pub const fn nv_index(index: u32) -> Self {
        Self::new(TpmHt::NV_INDEX, index)
    }

    /// The n-th HMAC session.
    pub const fn hmac_session(index: u32) -> Self {
        Self::new(TpmHt::HMAC_SESSION, index)
    }

    /// The n-th policy session.
    pub const fn policy_session(index: u32) -> Self {
        Self::new(TpmHt::POLICY_SESSION, index)
    }

    /// The n-th transient object.
    pub const fn transient(index: u32) -> Self {
        Self::new(TpmHt::TRANSIENT, index)
    }

    /// The n-th persistent object; from 0x800000 on it is the platform's (Part 2, 7.3).
    pub const fn persistent(index: u32) -> Self {
        Self::new(TpmHt::PERSISTENT, index)
    }
}

impl fmt::Debug for TpmHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TPM_HANDLE({:#010x})", self.0)
    }
}

impl TypeName for TpmHandle {
    const NAME: &'static str = "TPM_HANDLE";
}

impl MaxSize for TpmHandle {
    const MAX_SIZE: usize = size_of::<u32>();
}

impl<'a> Unmarshal<'a> for TpmHandle {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        reader.read().map(Self)
    }
}

impl Marshal for TpmHandle {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&self.0)
    }
}

constants! {
    /// TPM_HT: the kind of a handle, its upper byte (Part 2, 7.2). Others are refused with TPM_RC_VALUE.
    TpmHt(u8) "TPM_HT" "TPM_HT_" else VALUE {
        PCR = 0x00, "a PCR";
        NV_INDEX = 0x01, "an NV index";
        HMAC_SESSION = 0x02, "an HMAC session";
        POLICY_SESSION = 0x03, "a policy session";
        EXTERNAL_NV = 0x11, "an NV index kept outside the TPM";
        PERMANENT_NV = 0x12, "an NV index that a platform specification assigns";
        PERMANENT = 0x40, "a hierarchy, authorization or other value of TPM_RH";
        TRANSIENT = 0x80, "a loaded object";
        PERSISTENT = 0x81, "an object kept in NV";
        AC = 0x90, "an attached component";
    }
}

impl TpmHt {
    /// TPM_HT_LOADED_SESSION: loaded sessions of either kind, a property of TPM2_GetCapability.
    pub const LOADED_SESSION: Self = Self::HMAC_SESSION;
    /// TPM_HT_SAVED_SESSION: saved sessions of either kind, a property of TPM2_GetCapability.
    pub const SAVED_SESSION: Self = Self::POLICY_SESSION;
}

/// TPM_RH: the permanent handles (Part 2, 7.4).
#[derive(Clone, Copy, Debug)]
pub enum TpmRh {}

macro_rules! permanent_handles {
    ($($name:ident = $value:literal, $about:literal;)*) => {
        impl TpmRh {
            $(
                #[doc = concat!("TPM_RH_", stringify!($name), ": ", $about, ".")]
                pub const $name: TpmHandle = TpmHandle($value);
            )*
        }
    };
}

permanent_handles! {
    FIRST = 0x4000_0000, "lowest permanent handle";
    OWNER = 0x4000_0001, "storage hierarchy: its seed, ownerAuth and ownerPolicy";
    NULL = 0x4000_0007, "null hierarchy, and the handle that names nothing";
    UNASSIGNED = 0x4000_0008, "a place where no handle was put yet";
    LOCKOUT = 0x4000_000A, "authorization that resets the dictionary attack logic";
    ENDORSEMENT = 0x4000_000B, "endorsement hierarchy: its seed, endorsementAuth and endorsementPolicy";
    PLATFORM = 0x4000_000C, "platform hierarchy: its seed, platformAuth and platformPolicy";
    PLATFORM_NV = 0x4000_000D, "the control phEnableNV";
    AUTH_00 = 0x4000_0010, "first authorization of a vendor";
    AUTH_FF = 0x4000_010F, "last authorization of a vendor";
    ACT_0 = 0x4000_0110, "first authenticated countdown timer";
    ACT_F = 0x4000_011F, "last authenticated countdown timer";
    FW_OWNER = 0x4000_0140, "storage hierarchy, firmware-limited";
    FW_ENDORSEMENT = 0x4000_0141, "endorsement hierarchy, firmware-limited";
    FW_PLATFORM = 0x4000_0142, "platform hierarchy, firmware-limited";
    FW_NULL = 0x4000_0143, "null hierarchy, firmware-limited";
    SVN_OWNER_BASE = 0x4001_0000, "storage hierarchy limited by the SVN in the lower 16 bits";
    SVN_ENDORSEMENT_BASE = 0x4002_0000, "endorsement hierarchy limited by the SVN in the lower 16 bits";
    SVN_PLATFORM_BASE = 0x4003_0000, "platform hierarchy limited by the SVN in the lower 16 bits";
    SVN_NULL_BASE = 0x4004_0000, "null hierarchy limited by the SVN in the lower 16 bits";
    LAST = 0x4004_FFFF, "highest permanent handle";
}

impl TpmRh {
    /// TPM_RS_PW: stands for a session where a password authorizes.
    pub const PW: TpmHandle = TpmHandle(0x4000_0009);
}

/// Handles from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandleRange {
    /// The lowest handle.
    pub first: TpmHandle,
    /// The highest handle, included.
    pub last: TpmHandle,
}

impl HandleRange {
    /// Whether `handle` lies in the range.
    pub const fn contains(self, handle: TpmHandle) -> bool {
        self.first.0 <= handle.0 && handle.0 <= self.last.0
    }

    const fn new(first: TpmHandle, count: u32) -> Self {
        Self { first, last: TpmHandle(first.0 + (count - 1)) }
    }

    const fn of(kind: TpmHt) -> Self {
        Self::new(TpmHandle::new(kind, 0), HR_HANDLE_MASK + 1)
    }
}

/// TPM_HC: the ranges of handles (Part 2, 7.5).
///
/// Where the specification lets an implementation narrow a range to what it can hold, it is whole here: what
/// is not loaded is refused by whoever looks it up.
#[derive(Clone, Copy, Debug)]
pub enum TpmHc {}

impl TpmHc {
    /// PCR_FIRST to PCR_LAST.
    pub const PCR: HandleRange = HandleRange::new(TpmHandle::pcr(0), limits::IMPLEMENTATION_PCR as u32);
    /// HMAC_SESSION_FIRST to HMAC_SESSION_LAST; LOADED_SESSION in TPM2_GetCapability.
    pub const HMAC_SESSION: HandleRange = HandleRange::of(TpmHt::HMAC_SESSION);
    /// POLICY_SESSION_FIRST to POLICY_SESSION_LAST; ACTIVE_SESSION in TPM2_GetCapability.
    pub const POLICY_SESSION: HandleRange = HandleRange::of(TpmHt::POLICY_SESSION);
    /// TRANSIENT_FIRST to TRANSIENT_LAST.
    pub const TRANSIENT: HandleRange = HandleRange::of(TpmHt::TRANSIENT);
    /// PERSISTENT_FIRST to PERSISTENT_LAST.
    pub const PERSISTENT: HandleRange = HandleRange::of(TpmHt::PERSISTENT);
    /// PERSISTENT_FIRST to below PLATFORM_PERSISTENT: the owner's part (Part 2, 7.3).
    pub const OWNER_PERSISTENT: HandleRange = HandleRange::new(TpmHandle::persistent(0), 0x80_0000);
    /// PLATFORM_PERSISTENT to PERSISTENT_LAST: the platform's part (Part 2, 7.3).
    pub const PLATFORM_PERSISTENT: HandleRange =
        HandleRange::new(TpmHandle::persistent(0x80_0000), 0x80_0000);
    /// NV_INDEX_FIRST to NV_INDEX_LAST.
    pub const NV_INDEX: HandleRange = HandleRange::of(TpmHt::NV_INDEX);
    /// EXTERNAL_NV_FIRST to EXTERNAL_NV_LAST.
    pub const EXTERNAL_NV: HandleRange = HandleRange::of(TpmHt::EXTERNAL_NV);
    /// PERMANENT_NV_FIRST to PERMANENT_NV_LAST.
    pub const PERMANENT_NV: HandleRange = HandleRange::of(TpmHt::PERMANENT_NV);
    /// PERMANENT_FIRST to PERMANENT_LAST.
    pub const PERMANENT: HandleRange = HandleRange { first: TpmRh::FIRST, last: TpmRh::LAST };
    /// TPM_RH_AUTH_00 to TPM_RH_AUTH_FF.
    pub const AUTH: HandleRange = HandleRange { first: TpmRh::AUTH_00, last: TpmRh::AUTH_FF };
    /// TPM_RH_ACT_0 to TPM_RH_ACT_F.
    pub const ACT: HandleRange = HandleRange { first: TpmRh::ACT_0, last: TpmRh::ACT_F };
    /// SVN_OWNER_FIRST to SVN_OWNER_LAST.
    pub const SVN_OWNER: HandleRange = HandleRange::new(TpmRh::SVN_OWNER_BASE, 0x1_0000);
    /// SVN_ENDORSEMENT_FIRST to SVN_ENDORSEMENT_LAST.
    pub const SVN_ENDORSEMENT: HandleRange = HandleRange::new(TpmRh::SVN_ENDORSEMENT_BASE, 0x1_0000);
    /// SVN_PLATFORM_FIRST to SVN_PLATFORM_LAST.
    pub const SVN_PLATFORM: HandleRange = HandleRange::new(TpmRh::SVN_PLATFORM_BASE, 0x1_0000);
    /// SVN_NULL_FIRST to SVN_NULL_LAST.
    pub const SVN_NULL: HandleRange = HandleRange::new(TpmRh::SVN_NULL_BASE, 0x1_0000);
    /// NV_AC_FIRST to NV_AC_LAST: NV indices that stand for attached components.
    pub const NV_AC: HandleRange = HandleRange::new(TpmHandle::nv_index(0xD0_0000), 0x1_0000);
    /// AC_FIRST to AC_LAST.
    pub const AC: HandleRange = HandleRange::new(TpmHandle::new(TpmHt::AC, 0), 0x1_0000);
}

/// HR_SHIFT: where the kind stands in a handle.
const HR_SHIFT: u32 = 24;
/// HR_HANDLE_MASK: the number within the kind.
const HR_HANDLE_MASK: u32 = 0x00FF_FFFF;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        assert_eq!(TpmHandle(0x8100_0001).kind(), Some(TpmHt::PERSISTENT));
        assert_eq!(TpmHandle(0x8200_0000).kind(), None);
        assert_eq!(TpmRh::OWNER.kind(), Some(TpmHt::PERMANENT));
    }

    #[test]
    fn ranges_end_where_they_should() {
        assert_eq!(TpmHc::PCR.last, TpmHandle(23));
        assert_eq!(TpmHc::NV_INDEX.last, TpmHandle(0x01FF_FFFF));
        assert_eq!(TpmHc::OWNER_PERSISTENT.last, TpmHandle(0x817F_FFFF));
        assert_eq!(TpmHc::PLATFORM_PERSISTENT.first, TpmHandle(0x8180_0000));
        assert_eq!(TpmHc::PERSISTENT.last, TpmHc::PLATFORM_PERSISTENT.last);
        assert_eq!(TpmHc::SVN_NULL.last, TpmRh::LAST);
        assert_eq!(TpmHc::AC.last, TpmHandle(0x9000_FFFF));
        assert!(TpmHc::PCR.contains(TpmHandle::pcr(0)) && !TpmHc::PCR.contains(TpmHandle::pcr(24)));
    }
}
