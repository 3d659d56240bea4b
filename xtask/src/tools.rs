//! Running unmodified tpm2-tools against a TPM.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// tpm2-tools in a folder of their own, against one TPM.
pub(crate) struct Tools {
    tcti: String,
    folder: PathBuf,
    /// Whether commands are shown as a person would type them.
    show: bool,
}

impl Tools {
    /// Tools whose files lie in `folder`.
    pub(crate) fn new(tcti: &str, folder: &Path, show: bool) -> Self {
        Self { tcti: tcti.to_string(), folder: folder.to_path_buf(), show }
    }

    /// The same tools, without showing their command lines.
    pub(crate) fn hidden(&self) -> Self {
        Self::new(&self.tcti, &self.folder, false)
    }

    /// Runs a tool that must succeed; returns what it printed. Words are parted by spaces.
    pub(crate) fn run(&self, line: &str) -> Result<String> {
        let output = self.start(line)?;
        if !output.status.success() {
            bail!("`{line}` ended with {}\n{}", output.status, text(&output.stderr).trim_end());
        }
        Ok(text(&output.stdout))
    }

    /// Runs a tool that the TPM must refuse with a response code named like `expected`; returns the tool's words.
    pub(crate) fn refused(&self, line: &str, expected: &str) -> Result<String> {
        let output = self.start(line)?;
        let said = text(&output.stderr);
        if output.status.success() {
            bail!("`{line}` succeeded and should have been refused");
        }
        let reason = said.lines().find(|line| line.contains(expected));
        reason
            .map(|reason| reason.trim().to_string())
            .with_context(|| format!("`{line}` failed for another reason than \"{expected}\":\n{said}"))
    }

    /// Writes a file for the tools to read.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        Ok(fs::write(self.folder.join(name), content)?)
    }

    /// Reads a file that the tools wrote.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        fs::read(self.folder.join(name)).with_context(|| format!("no file {name}"))
    }

    fn start(&self, line: &str) -> Result<Output> {
        if self.show {
            println!("   $ {}", as_typed(line));
        }
        let output = self.command(line)?.output().with_context(|| format!("cannot start `{line}`"))?;
        // Without a resource manager between, what a tool loads stays in one of the TPM's few slots.
        self.command("tpm2_flushcontext -t")?.output()?;
        Ok(output)
    }

    fn command(&self, line: &str) -> Result<Command> {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().context("an empty command")?);
        command.args(words).current_dir(&self.folder).stdin(Stdio::null());
        command.env("TPM2TOOLS_TCTI", &self.tcti).env("TSS2_LOG", "all+ERROR");
        Ok(command)
    }
}

/// The value of one PCR in tpm2_pcrread's answer, in lower-case hexadecimal.
pub(crate) fn pcr_value(answer: &str, pcr: u32) -> Option<String> {
    answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == pcr.to_string()).then(|| value.trim().trim_start_matches("0x").to_lowercase())
    })
}

/// With the quotes that a shell would want.
fn as_typed(line: &str) -> String {
    let quoted = |word: &str| if word.contains('|') { format!("'{word}'") } else { word.to_string() };
    line.split(' ').map(quoted).collect::<Vec<_>>().join(" ")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_number() {
        let answer = "  sha256:\n    0 : 0xAB\n    10: 0xCD\n";
        assert_eq!(pcr_value(answer, 0).as_deref(), Some("ab"));
        assert_eq!(pcr_value(answer, 10).as_deref(), Some("cd"));
        assert_eq!(pcr_value(answer, 1), None);
    }
}
