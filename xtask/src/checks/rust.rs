//! The tests that cargo runs.

use crate::steps::Outcome;
use crate::workspace::cargo;
use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Runs the tests of all crates, and counts them. Only what is not a passed test is shown.
pub(super) fn tests() -> Result<Outcome> {
    let mut command = cargo();
    command.args(["test", "--quiet", "--workspace", "--no-fail-fast", "--", "--format", "pretty"]);
    // A test that has nothing to measure with fails here.
    command.env("FTPM_MEASURE", "1");
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let (mut passed, mut failed) = (0, 0);
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        match counts(&line) {
            Some((more_passed, more_failed)) => {
                passed += more_passed;
                failed += more_failed;
            }
            None if line.ends_with("... ok") || line.starts_with("running ") || line.is_empty() => {}
            None => println!("   {line}"),
        }
    }
    let status = child.wait()?;
    // A program that crashes or does not build prints no result of its own.
    ensure!(status.success() || failed > 0, "cargo test ended with {status}");
    Ok(Outcome::Counted { passed, failed })
}

/// Passed and failed, from the line that ends a test program's report.
fn counts(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |what: &str| {
        rest.split([';', '.']).find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
    };
    Some((number("passed")?, number("failed")?))
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn a_report_is_counted() {
        let line =
            "test result: ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test a ... ok"), None);
    }
}
