//! A complete TPM 2.0 as software: `ftpm serve`, and `tpm2_getrandom` answers.

use std::process::ExitCode;

use ftpm::command::CommandLine;

fn main() -> ExitCode {
    match CommandLine::read().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ftpm: {error:#}");
            ExitCode::FAILURE
        }
    }
}
