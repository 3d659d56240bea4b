//! `ftpm inspect`: what a state folder holds, without its secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::key_source;

/// Shows what a state holds: versions, counters, records. Never a secret. A TPM may be running on it.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The state folder
    #[arg(value_name = "STATE")]
    state: PathBuf,
    /// The key that seals the state, where it does not lie beside it
    #[arg(long, value_name = "file=PATH|fd=NUMBER")]
    key: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> Result<()> {
        let view = platform_linux::inspect(&self.state, &key_source(self.key.as_deref())?)?;
        let mut kinds = BTreeMap::<u16, (usize, usize)>::new();
        for (key, value) in view.records.iter() {
            let (count, bytes) = kinds.entry(key.kind).or_default();
            *count += 1;
            *bytes += value.len();
        }
        if self.json {
            let kinds = kinds
                .iter()
                .map(|(kind, (count, bytes))| json!({ "kind": kind, "count": count, "bytes": bytes }));
            println!("{}", json!({ "records": kinds.collect::<Vec<_>>() }));
        } else {
            println!("{:#?}", view.header);
            println!("{:#?}", view.usage);
            for (kind, (count, bytes)) in kinds {
                println!("kind {kind}: {count} records, {bytes} bytes");
            }
        }
        Ok(())
    }
}
