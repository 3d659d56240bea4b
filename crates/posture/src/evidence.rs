//! A judgement as bytes that a TPM attests.

use core::fmt;

use crate::{Action, Guarantee, Judgement, Level, Verdict};

/// What stands in the posture's NV index. Big-endian, in this order:
///
/// | bytes | field |
/// |---|---|
/// | 8 | `FTPMPOST` |
/// | 2 | version, 1 |
/// | 8 | firmware version, as TPM_PT_FIRMWARE_VERSION_1 and _2 |
/// | 4 | security version number of the firmware |
/// | 16 | id that the TPM drew at its manufacture; zero while the storage is away |
/// | 4 | how often a TPM was made on this device, as far as it knows; zero while the storage is away |
/// | 1 | number of verdicts, then four bytes for each: guarantee, source, level, action (0: none) |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The firmware's version.
    pub firmware_version: u64,
    /// The firmware's security version number.
    pub svn: u32,
    /// Tells this TPM from its predecessors on the device.
    pub manufacture_id: [u8; 16],
    /// How often a TPM was made on this device.
    pub manufacture_count: u32,
    /// What was made of each guarantee.
    pub verdicts: [Verdict; Guarantee::COUNT],
}

/// Bytes that are no evidence of a version that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvidenceError;

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these bytes are no posture of a known version")
    }
}

impl core::error::Error for EvidenceError {}

const MAGIC: [u8; 8] = *b"FTPMPOST";
const VERSION: u16 = 1;

impl Evidence {
    /// Bytes of evidence.
    pub const SIZE: usize = 8 + 2 + 8 + 4 + 16 + 4 + 1 + 4 * Guarantee::COUNT;

    /// What a TPM attests.
    pub const fn new(
        judgement: &Judgement,
        firmware_version: u64,
        svn: u32,
        manufacture_id: [u8; 16],
        manufacture_count: u32,
    ) -> Self {
        Self { firmware_version, svn, manufacture_id, manufacture_count, verdicts: *judgement.verdicts() }
    }

    /// The evidence as bytes.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&MAGIC);
        put(&VERSION.to_be_bytes());
        put(&self.firmware_version.to_be_bytes());
        put(&self.svn.to_be_bytes());
        put(&self.manufacture_id);
        put(&self.manufacture_count.to_be_bytes());
        put(&[Guarantee::COUNT as u8]);
        for verdict in &self.verdicts {
            let action = verdict.action.map_or(0, |action| action as u8);
            put(&[verdict.guarantee as u8, verdict.source, verdict.level as u8, action]);
        }
        bytes
    }

    /// Reads evidence.
    ///
    /// # Errors
    /// Anything but what [`Evidence::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let bytes: &[u8; Self::SIZE] = bytes.try_into().map_err(|_| EvidenceError)?;
        let mut rest = &bytes[..];
        if take(&mut rest)? != MAGIC || u16::from_be_bytes(take(&mut rest)?) != VERSION {
            return Err(EvidenceError);
        }
        let firmware_version = u64::from_be_bytes(take(&mut rest)?);
        let svn = u32::from_be_bytes(take(&mut rest)?);
        let manufacture_id = take(&mut rest)?;
        let manufacture_count = u32::from_be_bytes(take(&mut rest)?);
        if take(&mut rest)? != [Guarantee::COUNT as u8] {
            return Err(EvidenceError);
        }
        let mut verdicts = Guarantee::ALL.map(|guarantee| Verdict {
            guarantee,
            source: 0,
            level: Level::Missing,
            action: None,
        });
        for verdict in &mut verdicts {
            let [guarantee, source, level, action] = take(&mut rest)?;
            if guarantee != verdict.guarantee as u8 {
                return Err(EvidenceError);
            }
            verdict.source = source;
            verdict.level = match level {
                0 => Level::Missing,
                1 => Level::Weak,
                2 => Level::Given,
                _ => return Err(EvidenceError),
            };
            verdict.action = match action {
                0 => None,
                1 => Some(Action::Warn),
                2 => Some(Action::Degrade),
                3 => Some(Action::Refuse),
                _ => return Err(EvidenceError),
            };
        }
        Ok(Self { firmware_version, svn, manufacture_id, manufacture_count, verdicts })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], EvidenceError> {
    let (head, tail) = rest.split_first_chunk().ok_or(EvidenceError)?;
    *rest = tail;
    Ok(*head)
}
