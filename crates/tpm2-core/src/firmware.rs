//! What this firmware calls itself: reported by TPM2_GetCapability and bound into attestations.

/// TPM_PT_MANUFACTURER.
pub const MANUFACTURER: [u8; 4] = *b"FTPM";

/// TPM_PT_VENDOR_STRING_1 to 4, padded with zeros.
pub const VENDOR_STRING: [[u8; 4]; 4] = [*b"ftpm", [0; 4], [0; 4], [0; 4]];

/// Major and minor version, in two bytes each, then the patch level: TPM_PT_FIRMWARE_VERSION_1 and _2.
pub const VERSION: u64 = 0x0000_0001_0000_0000;

/// TPM_PT_FIRMWARE_SVN: raised when an older firmware must not run on this TPM's state any longer.
pub const SVN: u32 = 1;
