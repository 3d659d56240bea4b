//! The Linux platform is only an implementation of tee-api: it stays small enough to be read in one sitting.

use crate::steps::Outcome;
use crate::workspace::root;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

const FOLDER: &str = "platforms/linux/src";

/// All lines count, those of unit tests too.
const LIMIT: usize = 1500;

/// Counts the lines of the platform's source.
pub(super) fn check() -> Result<Outcome> {
    let count = lines_below(&root().join(FOLDER))?;
    println!("   {FOLDER}: {count} lines of less than {LIMIT}");
    ensure!(count > 0, "{FOLDER} holds no source: has it moved?");
    ensure!(
        count < LIMIT,
        "{FOLDER} has {count} lines; what is no implementation of tee-api belongs into a crate of its own"
    );
    Ok(Outcome::Counted { passed: 1, failed: 0 })
}

/// The lines of all Rust files in `folder` and below it.
fn lines_below(folder: &Path) -> Result<usize> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut count = 0;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            count += lines_below(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            count += fs::read_to_string(&path)?.lines().count();
        }
    }
    Ok(count)
}
