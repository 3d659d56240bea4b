//! `ftpm manufacture`: makes a TPM, deliberately.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use log::LevelFilter;
use platform_linux::ForeignFiles;

use super::{key_source, say};
use crate::composition::{self, Made, Manufacture as WhereEmpty, ManufactureRecord, TpmOptions};
use crate::folders;
use crate::logging::Logging;
use crate::policy_file;

/// Makes a TPM in an empty state folder: new seeds, empty authorizations. Never over one that is there.
#[derive(Debug, Args)]
pub(super) struct Manufacture {
    /// Where the TPM's state will lie [default: $XDG_STATE_HOME/ftpm or ~/.local/state/ftpm]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The key that will seal the state [default: a key kept beside the state, so that whoever reads the folder reads
    /// the TPM's secrets]
    #[arg(long, value_name = "file=PATH|fd=NUMBER")]
    key: Option<String>,
    /// What becomes of each gap in the platform's guarantees; see `ftpm doctor --print-policy`
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Gives up a TPM whose state is gone, with all that was sealed to it or encrypted for it
    #[arg(long)]
    force: bool,
}

impl Manufacture {
    pub(super) fn run(self) -> Result<()> {
        Logging::to_stderr(LevelFilter::Warn).start();
        let state = self.state.map_or_else(folders::state_folder, Ok)?;
        let options = TpmOptions {
            state: state.clone(),
            key: key_source(self.key.as_deref())?,
            manufacture: WhereEmpty::IfEmpty,
            foreign_files: ForeignFiles::Refuse,
            policy: policy_file::read(self.policy.as_deref())?,
        };
        let Made { endorsement_name, record } = composition::manufacture(&options, self.force)?;
        say!("made a new TPM in {}", state.display());
        if let Some(name) = endorsement_name {
            say!("  endorsement key    {name}");
        }
        if let Some(ManufactureRecord { count, id }) = record {
            say!("  manufacture count  {count}");
            say!("  manufacture id     {id}");
        }
        Ok(())
    }
}
