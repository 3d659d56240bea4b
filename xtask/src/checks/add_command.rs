//! One file and one line add a command.

use crate::workspace::{cargo, output, root, run, target};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

const FILE: &str = include_str!("../../templates/added_command.rs");
const LINE: &str = "    field_upgrade { firmware_read }\n";
const TEST: &str = include_str!("../../templates/added_command_test.rs");
const CONTENTS_PAGE: &str = "crates/tpm2-core/src/command/mod.rs";

/// Adds a command to a copy of the workspace, by a file and a line, and finds it in dispatch, in GetCapability with
/// its TPMA_CC, and in the documents.
pub(super) fn check() -> Result<()> {
    let folder = tempfile::tempdir()?;
    copy(&root(), folder.path())?;
    let core = folder.path().join("crates/tpm2-core");
    fs::create_dir_all(core.join("src/command/field_upgrade"))?;
    fs::write(core.join("src/command/field_upgrade/firmware_read.rs"), FILE)?;
    let page = folder.path().join(CONTENTS_PAGE);
    let text = fs::read_to_string(&page)?;
    let (before, after) =
        text.rsplit_once("\ncommand_set! {\n").context("no command_set! in the contents page")?;
    fs::write(&page, format!("{before}\ncommand_set! {{\n{LINE}{after}"))?;

    fs::create_dir_all(core.join("tests"))?;
    fs::write(core.join("tests/added_command.rs"), TEST)?;
    run(in_copy(folder.path()).args(["test", "--quiet", "-p", "tpm2-core", "--test", "added_command"]))?;
    let table = output(in_copy(folder.path()).args([
        "run",
        "--quiet",
        "-p",
        "tpm2-core",
        "--example",
        "command_table",
    ]))?;
    ensure!(table.contains("TPM2_FirmwareRead"), "the documents do not show the added command");
    Ok(())
}

/// Cargo in the copy, with a target folder of its own that outlives the copy.
fn in_copy(copy: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(copy).env("CARGO_TARGET_DIR", target().join("add-command"));
    command
}

/// Copies all that is source: neither what git keeps nor what cargo builds.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == ".git" || name.to_string_lossy().starts_with("target") {
            continue;
        }
        let (source, copied) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&copied)?;
            copy(&source, &copied)?;
        } else {
            fs::copy(&source, &copied)?;
        }
    }
    Ok(())
}
