//! A complete TPM 2.0 as software: `ftpm serve`, and `tpm2_getrandom` answers.

use std::process::ExitCode;

use clap::Parser;
use ftpm::command::CommandLine;

fn main() -> ExitCode {
    match CommandLine::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ftpm: {error:#}");
            ExitCode::FAILURE
        }
    }
}
