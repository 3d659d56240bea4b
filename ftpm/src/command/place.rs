//! Which TPM a command that works on a state folder means.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use platform_linux::ForeignFiles;

use super::{key_source, say};
use crate::composition::{Manufacture, ManufactureRecord, TpmOptions};
use crate::{folders, policy_file};

/// The options by which it is named.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The folder of the TPM's state [default: $XDG_STATE_HOME/ftpm or ~/.local/state/ftpm]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The key that seals the state [default: a key kept beside the state, so that whoever reads the folder reads the
    /// TPM's secrets]
    #[arg(long, value_name = "file=PATH|fd=NUMBER")]
    key: Option<String>,
    /// What becomes of each gap in the platform's guarantees; see `ftpm doctor --print-policy`
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Place {
    pub(super) fn options(self) -> Result<TpmOptions> {
        Ok(TpmOptions {
            state: self.state.map_or_else(folders::state_folder, Ok)?,
            key: key_source(self.key.as_deref())?,
            manufacture: Manufacture::Never,
            foreign_files: ForeignFiles::Refuse,
            policy: policy_file::read(self.policy.as_deref())?,
        })
    }
}

/// Says how a TPM came to be here.
pub(super) fn say_record(record: Option<ManufactureRecord>) {
    if let Some(ManufactureRecord { count, id }) = record {
        say!("  manufacture count  {count}");
        say!("  manufacture id     {id}");
    }
}
