//! Selections of PCR (Part 2, 10.5).

use crate::limits::{IMPLEMENTATION_PCR, PCR_SELECT_SIZE};
use crate::{Marshal, Reader, ResponseCode, Result, TpmiAlgHash, Unmarshal, Writer};

/// TPMS_PCR_SELECT: a set of PCR of one bank (Part 2, 10.5.1). Bit `n % 8` of byte `n / 8` stands for PCR n.
///
/// A bit map of another length than the TPM's is TPM_RC_VALUE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TpmsPcrSelect(pub [u8; PCR_SELECT_SIZE]);

impl TpmsPcrSelect {
    /// No PCR.
    pub const EMPTY: Self = Self([0; PCR_SELECT_SIZE]);
    /// Every PCR.
    pub const ALL: Self = Self([0xFF; PCR_SELECT_SIZE]);

    /// These PCR; those that the TPM has not are left out.
    pub fn of(pcrs: impl IntoIterator<Item = usize>) -> Self {
        let mut select = Self::EMPTY;
        for pcr in pcrs {
            select.insert(pcr);
        }
        select
    }

    /// Whether the PCR is selected.
    pub fn contains(&self, pcr: usize) -> bool {
        self.0.get(pcr / 8).is_some_and(|byte| byte & 1 << (pcr % 8) != 0)
    }

    /// Selects the PCR, if the TPM has it.
    pub fn insert(&mut self, pcr: usize) {
        if let Some(byte) = self.0.get_mut(pcr / 8) {
            *byte |= 1 << (pcr % 8);
        }
    }

    /// Deselects the PCR.
    pub fn remove(&mut self, pcr: usize) {
        if let Some(byte) = self.0.get_mut(pcr / 8) {
            *byte &= !(1 << (pcr % 8));
        }
    }

    /// The numbers of the selected PCR, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..IMPLEMENTATION_PCR).filter(move |pcr| self.contains(*pcr))
    }

    /// How many PCR are selected.
    pub fn len(&self) -> usize {
        self.0.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Whether none is selected.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; PCR_SELECT_SIZE]
    }
}

impl From<[u8; PCR_SELECT_SIZE]> for TpmsPcrSelect {
    fn from(bytes: [u8; PCR_SELECT_SIZE]) -> Self {
        Self(bytes)
    }
}

impl<'a> Unmarshal<'a> for TpmsPcrSelect {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        if usize::from(reader.read::<u8>()?) != PCR_SELECT_SIZE {
            return Err(ResponseCode::VALUE);
        }
        reader.take_array().map(Self)
    }
}

impl Marshal for TpmsPcrSelect {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.put(&[PCR_SELECT_SIZE as u8])?;
        writer.put(&self.0)
    }
}

named! { TpmsPcrSelect = "TPMS_PCR_SELECT", u8::MAX_SIZE + PCR_SELECT_SIZE }

structure! {
    /// TPMS_PCR_SELECTION: PCR of one bank (Part 2, 10.5.2).
    open struct TpmsPcrSelection = "TPMS_PCR_SELECTION" {
        /// The bank.
        hash: TpmiAlgHash,
        /// The PCR in it.
        pcr_select: TpmsPcrSelect,
    }
}
