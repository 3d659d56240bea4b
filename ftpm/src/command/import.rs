//! `ftpm import`: takes in a TPM that was moved from another device.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use log::LevelFilter;
use zeroize::Zeroizing;

use super::place::{Place, say_record};
use super::say;
use crate::composition;
use crate::hexadecimal;
use crate::logging::Logging;

/// Takes in a TPM that comes from another device.
///
/// First --prepare draws a token here; `ftpm export` on the other device seals its TPM for that token; then this
/// command takes the file in. The token counts once.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The export
    #[arg(value_name = "FILE", required_unless_present = "prepare", conflicts_with = "prepare")]
    file: Option<PathBuf>,
    /// Draws the token for the export and prints it; whoever knows it can open the export
    #[arg(long)]
    prepare: bool,
    #[command(flatten)]
    place: Place,
    /// Takes the TPM in although nothing here would notice an old state of it being put back
    #[arg(long)]
    accept_rollback: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<()> {
        Logging::to_stderr(LevelFilter::Warn).start();
        let options = self.place.options()?;
        let Some(file) = self.file else {
            let token = composition::prepare_import(&options)?;
            say!("{}", *Zeroizing::new(hexadecimal::encode(token.as_slice())));
            return Ok(());
        };
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut export = Zeroizing::new(bytes);
        let record = composition::import(&options, &mut export, self.accept_rollback)?;
        say!("the TPM from {} lives in {} now", file.display(), options.state.display());
        say_record(record);
        say!("{} is of no use any more; remove it", file.display());
        Ok(())
    }
}
