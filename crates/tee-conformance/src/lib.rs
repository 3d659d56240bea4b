//! The suite that every platform runs, from unit tests to inside a TEE: does it keep what the [`tee_api`] asks, and
//! what it claims beyond that.
//!
//! A platform brings a [`Bench`]: itself, and what only somebody outside it can do, such as cutting its power. Each
//! of the [`CHECKS`] is a plain function over that bench. What a bench cannot do is skipped and counted apart; but a
//! platform that *claims* a guarantee has to show it, so there a missing ability is a failure. A platform that claims
//! less is held to less, and the report says so.
//!
//! There is no allocation and no `std`: the suite runs where the service will run.
//!
//! ```
//! use platform_memory::MemoryPlatform; // or any other implementation of `tee_api`
//! use tee_api::Platform;
//! use tee_conformance::{Bench, run};
//!
//! struct Bare(MemoryPlatform);
//! impl Bench for Bare {
//!     fn platform(&mut self) -> &mut dyn Platform {
//!         &mut self.0
//!     }
//!     fn calm(&mut self) {}
//! }
//!
//! let mut unshown = Vec::new();
//! let summary = run(&mut Bare(MemoryPlatform::new(1)), &mut |outcome| {
//!     if outcome.verdict.is_failure() {
//!         unshown.push(outcome.check.name);
//!     }
//! });
//! // This bench cannot cut the power, and the platform claims to survive that.
//! assert!(!summary.is_conformant() && unshown.contains(&"store_survives_cuts"));
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod bench;
mod checks;
mod report;

pub use bench::{
    Bench, Cannot, ClockMove, Example, Place, Probe, ProbeOutcome, Restart, ServiceFacts, SharedWindow,
    Starvation,
};
pub use checks::CHECKS;
pub use report::{Area, Check, Claim, Detail, Finding, Outcome, Stop, Summary, Verdict};

use posture::Posture;

/// Runs every check and reports each one when it is done.
pub fn run(bench: &mut dyn Bench, report: &mut dyn FnMut(&Outcome)) -> Summary {
    let mut summary = Summary::of(Posture::of(bench.platform()));
    for check in CHECKS {
        let outcome = run_check(check, bench);
        summary.count(&outcome.verdict);
        report(&outcome);
    }
    summary
}

/// Runs one check.
pub fn run_check(check: &'static Check, bench: &mut dyn Bench) -> Outcome {
    let claims = Posture::of(bench.platform());
    if let Claim::If { claimed, .. } | Claim::Due { claimed, .. } = check.claim
        && !claimed(&claims)
    {
        return Outcome { check, verdict: Verdict::NotClaimed };
    }
    let stopped = (check.run)(bench);
    bench.calm();
    let verdict = match (stopped, check.claim) {
        (Ok(()), _) => Verdict::Passed,
        (Err(Stop::Found(finding)), _) => Verdict::Failed(finding),
        (Err(Stop::Cannot(cannot)), Claim::Always | Claim::If { .. }) => Verdict::Skipped(cannot),
        (Err(Stop::Cannot(cannot)), Claim::Due { .. }) => Verdict::NotShown(cannot),
    };
    Outcome { check, verdict }
}
