//! Documents that are made from the program and its data.

use crate::lessons;
use crate::workspace::{cargo, output, root};
use anyhow::{Result, bail};
use std::fs;

/// Writes the documents, or with `check` only says whether they are up to date.
pub(crate) fn run(check: bool) -> Result<()> {
    let commands = output(cargo().args(["run", "--quiet", "-p", "tpm2-core", "--example", "command_table"]))?;
    keep("docs/commands.md", &commands, check)?;
    keep(lessons::PAGE, &lessons::page()?, check)
}

fn keep(name: &str, wanted: &str, check: bool) -> Result<()> {
    let path = root().join(name);
    if fs::read_to_string(&path).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    if check {
        bail!("{name} is out of date: run `cargo xtask docs`");
    }
    fs::write(&path, wanted)?;
    println!("wrote {name}");
    Ok(())
}
