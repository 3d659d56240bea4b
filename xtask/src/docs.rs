//! Documents that are made from the program.

use crate::workspace::{cargo, output, root};
use anyhow::{Result, bail};
use std::fs;

/// Writes docs/commands.md, or with `check` only says whether it is up to date.
pub(crate) fn run(check: bool) -> Result<()> {
    let path = root().join("docs/commands.md");
    let wanted = output(cargo().args(["run", "--quiet", "-p", "tpm2-core", "--example", "command_table"]))?;
    if fs::read_to_string(&path).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    if check {
        bail!("docs/commands.md is out of date: run `cargo xtask docs`");
    }
    fs::write(&path, wanted)?;
    println!("wrote docs/commands.md");
    Ok(())
}
