//! Other people's test suites.

use crate::setup::{self, Purpose};
use crate::tpm::Maker;
use crate::workspace;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

/// Options of `cargo xtask conformance`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which suite: the names of conformance/suites/suites
    suite: String,
    /// Which protocol the TPM speaks
    #[arg(long, default_value = "swtpm")]
    kind: Kind,
    /// Whose TPM is tested
    #[arg(long, default_value = "ftpm")]
    against: Maker,
    /// Further options of the runner, such as --only REGEX
    #[arg(last = true)]
    further: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// swtpm's data and control channel
    Swtpm,
    /// The reference simulator's TCP protocol
    Mssim,
}

/// Runs a suite to its end; its last line is the runner's own count. Whether nothing failed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    setup::install(&[Purpose::Demo, Purpose::Test, Purpose::Suites])?;
    let runner = workspace::root().join("conformance/suites/run");
    let mut command = Command::new(&runner);
    command.arg(&options.suite).arg("--work").arg(workspace::target().join("suites"));
    command.arg("--kind").arg(match options.kind {
        Kind::Swtpm => "swtpm",
        Kind::Mssim => "mssim",
    });
    if options.against == Maker::Ftpm {
        workspace::build_ftpm()?;
        command.arg("--launcher").arg(launcher(&workspace::ftpm(), options.kind));
    }
    let status = command
        .args(&options.further)
        .status()
        .with_context(|| format!("cannot start {}", runner.display()))?;
    Ok(status.success())
}

/// How the runner starts our TPM; it fills in the places in braces.
fn launcher(program: &Path, kind: Kind) -> String {
    let program = program.display();
    match kind {
        Kind::Swtpm => format!(
            "{program} socket --tpm2 --server type=tcp,port={{port}},bindaddr=127.0.0.1 \
             --ctrl type=tcp,port={{ctrl}},bindaddr=127.0.0.1 --tpmstate dir={{dir}} \
             --flags not-need-init --locality allow-set-locality --seccomp action=none"
        ),
        Kind::Mssim => {
            format!("{program} serve --state {{dir}}/state --mssim {{port}} --no-startup")
        }
    }
}
