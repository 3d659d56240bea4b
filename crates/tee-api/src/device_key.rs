//! Keys that belong to the device.

use core::fmt;

/// How secret the device's key is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceKeyAssurance {
    /// There is none.
    None,
    /// A test key: other devices have the same, and anybody may know it.
    Test,
    /// Kept as data, readable by whoever reads the medium that it lies on.
    Software,
    /// In fuses or the like, readable by the TEE alone, and no other device's.
    Hardware,
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKeyError {
    /// The device has none, or none of the wanted length.
    Unsupported,
    /// It cannot be reached now; the same call may succeed later.
    Unavailable,
}

impl fmt::Display for DeviceKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "this device has no such key",
            Self::Unavailable => "the device's key cannot be reached now",
        })
    }
}

impl core::error::Error for DeviceKeyError {}

/// The longest derived key in bytes.
pub const MAX_DERIVED_KEY_SIZE: usize = 64;

/// The device's key, which itself never comes out.
pub trait DeviceKey {
    /// How secret it is.
    fn device_key_assurance(&self) -> DeviceKeyAssurance;

    /// A key for one purpose, into all of `out`, at most [`MAX_DERIVED_KEY_SIZE`] bytes: the same `label` gives the
    /// same key on this device for ever, another label or another device an independent one. On an error `out` is
    /// zeroed.
    fn derive_key(&mut self, label: &[u8], out: &mut [u8]) -> Result<(), DeviceKeyError>;
}
