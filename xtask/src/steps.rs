//! Named, timed steps and their summary.

use anyhow::Result;
use std::time::{Duration, Instant};

/// How a step ended.
pub(crate) enum Outcome {
    /// So many test cases passed and failed; a step that is no test counts as one case.
    Counted { passed: u64, failed: u64 },
    /// It could not be run, and that is no failure; the text says why.
    Skipped(String),
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Counted { passed: 1, failed: 0 }
    }
}

struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs steps one after the other. A failing step does not keep the others from running.
pub(crate) struct Steps {
    task: &'static str,
    only: Vec<String>,
    done: Vec<Done>,
    started: Instant,
}

impl Steps {
    /// Steps of `cargo xtask TASK`; a non-empty `only` names the ones to run.
    pub(crate) fn new(task: &'static str, only: &[String]) -> Self {
        Self { task, only: only.to_vec(), done: vec![], started: Instant::now() }
    }

    /// Runs one step.
    pub(crate) fn run<O: Into<Outcome>>(
        &mut self,
        name: &'static str,
        claim: &str,
        step: impl FnOnce() -> Result<O>,
    ) {
        if !self.only.is_empty() && !self.only.iter().any(|wanted| wanted == name) {
            return;
        }
        println!("== {name}: {claim}");
        let started = Instant::now();
        let outcome = step().map_or_else(
            |error| {
                eprintln!("   {error:#}");
                Outcome::Counted { passed: 0, failed: 1 }
            },
            Into::into,
        );
        let took = started.elapsed();
        match &outcome {
            Outcome::Counted { passed, failed: 0 } => {
                println!("   ok: {passed} passed in {:.1} s", took.as_secs_f64());
            }
            Outcome::Counted { .. } => {
                println!(
                    "   FAILED after {:.1} s; to repeat it alone: {}",
                    took.as_secs_f64(),
                    self.repeat(name)
                );
            }
            Outcome::Skipped(why) => println!("   skipped: {why}"),
        }
        self.done.push(Done { name, outcome, took });
    }

    /// Prints the summary; its last line is `N passed, N failed`. Whether nothing failed and something ran.
    pub(crate) fn finish(self) -> bool {
        println!("\n{:<18} {:>8} {:>7} {:>7}", "step", "seconds", "passed", "failed");
        let (mut all_passed, mut all_failed) = (0, 0);
        for Done { name, outcome, took } in &self.done {
            let seconds = took.as_secs_f64();
            match outcome {
                Outcome::Counted { passed, failed } => {
                    println!("{name:<18} {seconds:>8.1} {passed:>7} {failed:>7}");
                    all_passed += passed;
                    all_failed += failed;
                }
                Outcome::Skipped(why) => println!("{name:<18} {seconds:>8.1} skipped: {why}"),
            }
        }
        for done in &self.done {
            if matches!(done.outcome, Outcome::Counted { failed: 1.., .. }) {
                println!("failed: {}; to repeat it alone: {}", done.name, self.repeat(done.name));
            }
        }
        if self.done.is_empty() {
            println!("no step is named {}", self.only.join(" or "));
        }
        println!("{:.1} minutes", self.started.elapsed().as_secs_f64() / 60.0);
        println!("{all_passed} passed, {all_failed} failed");
        all_failed == 0 && all_passed > 0
    }

    fn repeat(&self, name: &str) -> String {
        format!("cargo xtask {} --only {name}", self.task)
    }
}
