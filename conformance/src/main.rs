//! `conformance`: runs the cases, and checks that none is missing.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use conformance::machine;
use conformance::response_codes::{self, Outcome};

/// Checks of the TPM against the specification.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Lists the rows of spec/response_codes.csv that are neither tested nor in unreachable.toml.
    CheckRows,
    /// Runs the cases.
    Run {
        /// Only cases whose command or row contains this.
        #[arg(default_value = "")]
        filter: String,
        /// A program with swtpm's command line to run against, for comparison. Without it, the TPM in this process.
        #[arg(long, value_name = "PROGRAM")]
        against: Option<String>,
        /// Cases at a time.
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().what {
        What::CheckRows => {
            let findings = response_codes::check_rows(&response_codes::implemented())?;
            findings.iter().for_each(|finding| println!("{finding}"));
            println!("{} findings", findings.len());
            Ok(code(findings.is_empty()))
        }
        What::Run { filter, against, threads } => {
            let outcomes = match against {
                Some(program) => response_codes::run(&machine::peer(&program), &filter, threads)?,
                None => response_codes::run(&machine::in_process(), &filter, threads)?,
            };
            for outcome in &outcomes {
                let word = match outcome {
                    outcome if outcome.skipped() => "skipped",
                    outcome if outcome.failed() => "FAILED ",
                    _ => "ok     ",
                };
                println!("{word} {}", outcome.name);
                if let Err(error) = &outcome.result {
                    println!("        {error:#}");
                }
            }
            let count = |what: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| what(outcome)).count();
            let (failed, skipped) = (count(Outcome::failed), count(Outcome::skipped));
            println!("{skipped} skipped");
            println!("{} passed, {failed} failed", outcomes.len() - failed - skipped);
            Ok(code(failed == 0))
        }
    }
}

fn code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
