//! `ftpm manufacture`: makes a TPM, deliberately.

use anyhow::Result;
use clap::Args;
use log::LevelFilter;

use super::place::{Place, say_record};
use super::say;
use crate::composition::{self, Made};
use crate::logging::Logging;

/// Makes a TPM in an empty state folder: new seeds, empty authorizations. Never over one that is there.
#[derive(Debug, Args)]
pub(super) struct Manufacture {
    #[command(flatten)]
    place: Place,
    /// Gives up a TPM whose state is gone, with all that was sealed to it or encrypted for it
    #[arg(long)]
    force: bool,
}

impl Manufacture {
    pub(super) fn run(self) -> Result<()> {
        Logging::to_stderr(LevelFilter::Warn).start();
        let options = self.place.options()?;
        let Made { endorsement_name, record } = composition::manufacture(&options, self.force)?;
        say!("made a new TPM in {}", options.state.display());
        if let Some(name) = endorsement_name {
            say!("  endorsement key    {name}");
        }
        say_record(record);
        Ok(())
    }
}
