//! `cargo xtask`: everything that is not the product itself.

mod boot_log;
mod checks;
mod conformance;
mod demo;
mod docs;
mod lessons;
mod setup;
mod steps;
mod tools;
mod tpm;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use steps::Steps;

/// Sets up, shows, tests and documents ftpm.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what is missing (Debian packages), and says what each is for
    Setup,
    /// Shows the TPM at work: boot log, keys, sealing, quote, kill -9, restart
    Demo(demo::Options),
    /// Formatting, lints, all tests, and the checks of the running program
    Test(checks::Options),
    /// What CI runs: setup, all of `test`, supply chain, tables and documents
    Ci(checks::Options),
    /// Writes docs/commands.md from the program's command table, and docs/security-lessons.md from conformance/lessons.toml
    Docs {
        /// Only say whether the files are up to date
        #[arg(long)]
        check: bool,
    },
    /// Runs other people's test suites against the TPM
    Conformance(conformance::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything passed.
fn run(task: Task) -> Result<bool> {
    match task {
        Task::Setup => setup::install(&[setup::Purpose::Demo, setup::Purpose::Test]).map(|()| true),
        Task::Demo(options) => demo::run(&options).map(|()| true),
        Task::Test(options) => {
            let mut steps = Steps::new("test", &options.only);
            checks::test(&mut steps, &options);
            Ok(steps.finish())
        }
        Task::Ci(options) => {
            let mut steps = Steps::new("ci", &options.only);
            steps.run("setup", "what the checks need is installed", || {
                setup::install(&[setup::Purpose::Demo, setup::Purpose::Test])
            });
            checks::test(&mut steps, &options);
            checks::supply_chain_and_tables(&mut steps);
            Ok(steps.finish())
        }
        Task::Docs { check } => docs::run(check).map(|()| true),
        Task::Conformance(options) => conformance::run(&options),
    }
}
