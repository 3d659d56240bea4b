//! The composition root: the TPM's core on this platform, with this engine.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ValueEnum;
use platform_linux::KeySource;

use crate::service::TpmService;

/// Whether a TPM is made where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Manufacture {
    /// Only where the state folder holds nothing of ours.
    #[default]
    IfEmpty,
    /// Never: a missing state is an error.
    Never,
}

/// Which TPM to open.
#[derive(Debug)]
pub struct TpmOptions {
    /// Where its state lies.
    pub state: PathBuf,
    /// What seals its state.
    pub key: KeySource,
    /// Whether it may be made.
    pub manufacture: Manufacture,
}

/// Opens the TPM, or makes it; it has no power yet.
///
/// # Errors
/// One sentence that says what is wrong with the state and what to do.
pub fn open(_options: &TpmOptions) -> Result<Box<dyn TpmService>> {
    bail!("the TPM itself is not built into this program yet")
}
