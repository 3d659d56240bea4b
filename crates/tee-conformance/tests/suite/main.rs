//! The suite on the platform in memory, and on that platform broken on purpose: every check can fail.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;
mod mutant;
mod reverser;

use bench::{Claims, MemoryBench};
use mutant::Fault;
use platform_memory::MemoryPlatform;
use tee_api::Platform;
use tee_conformance::{Bench, CHECKS, Check, Finding, Outcome, Verdict, run, run_check};

fn all(bench: &mut dyn Bench) -> Vec<(&'static str, Verdict)> {
    let mut outcomes = Vec::new();
    let summary = run(bench, &mut |outcome| outcomes.push((outcome.check.name, outcome.verdict)));
    let count = |wanted: fn(&Verdict) -> bool| outcomes.iter().filter(|(_, verdict)| wanted(verdict)).count();
    assert_eq!(summary.passed as usize, count(|verdict| *verdict == Verdict::Passed));
    assert_eq!(summary.failed as usize, count(Verdict::is_failure));
    assert_eq!(summary.is_conformant(), summary.failed == 0);
    let total = summary.passed + summary.failed + summary.skipped + summary.not_claimed;
    assert_eq!(total as usize, CHECKS.len());
    outcomes
}

/// The checks with another verdict than `Passed`.
fn not_passed(bench: &mut dyn Bench) -> Vec<(&'static str, Verdict)> {
    let mut outcomes = all(bench);
    outcomes.retain(|(_, verdict)| *verdict != Verdict::Passed);
    outcomes
}

fn check(name: &str) -> &'static Check {
    CHECKS.iter().find(|check| check.name == name).unwrap()
}

#[test]
fn memory_keeps_what_it_claims() {
    let not_claimed = [
        "entropy_none_gives_none",
        "store_seals",
        "store_finds_rollback",
        "counter_none_answers_none",
        "clock_none_gives_none",
        "device_key_none_gives_none",
        "client_none_names_nobody",
    ];
    let expected = not_claimed.map(|name| (name, Verdict::NotClaimed));
    assert_eq!(not_passed(&mut MemoryBench::new(Claims::Usual, Fault::Nothing)), expected);
}

/// Old state is found; but anybody can read what lies in memory, so the claim to seal is not true.
#[test]
fn a_claim_that_is_not_true_fails() {
    let mut bench = MemoryBench::new(Claims::ReplayProtected, Fault::Nothing);
    let failures: Vec<_> = all(&mut bench).into_iter().filter(|(_, verdict)| verdict.is_failure()).collect();
    let finding = Finding::new("a record can be read on the medium");
    assert_eq!(failures, [("store_seals", Verdict::Failed(finding))]);
}

#[test]
fn who_claims_nothing_is_held_to_what_all_owe() {
    let outcomes = not_passed(&mut MemoryBench::new(Claims::Nothing, Fault::Nothing));
    assert!(outcomes.iter().all(|(_, verdict)| !verdict.is_failure()), "{outcomes:?}");
    let not_claimed = outcomes.iter().filter(|(_, verdict)| *verdict == Verdict::NotClaimed).count();
    assert_eq!(not_claimed, 24, "{outcomes:?}");
}

/// A platform and nothing around it: whatever it claims beyond its own word stays unshown.
#[test]
fn a_claim_that_cannot_be_shown_fails_and_what_all_owe_is_skipped() {
    struct Bare(MemoryPlatform);
    impl Bench for Bare {
        fn platform(&mut self) -> &mut dyn Platform {
            &mut self.0
        }
        fn calm(&mut self) {}
    }
    let device = MemoryPlatform::new(1);
    device.set_counter(Some(0));
    let outcomes = not_passed(&mut Bare(device));
    let of = |name: &str| outcomes.iter().find(|(found, _)| *found == name).map(|(_, verdict)| *verdict);
    let unshown = ["store_survives_cuts", "counter_outlives_old_copy", "isolation_refuses_probes"];
    for name in unshown.into_iter().chain(["start_after_service_restart", "store_seals"]) {
        assert!(matches!(of(name), Some(Verdict::NotShown(_))), "{name}: {:?}", of(name));
    }
    for name in ["start_after_reset", "checkpoint_cancels", "service_uuid", "marker_sticks"] {
        assert!(matches!(of(name), Some(Verdict::Skipped(_))), "{name}: {:?}", of(name));
    }
    let line = Outcome { check: check("store_seals"), verdict: of("store_seals").unwrap() }.to_string();
    assert_eq!(
        line,
        "store_seals: FAILED, claims a sealed store, cannot show it: this bench has no way to do it"
    );
}

/// A TEE has little stack; this thread has what the documentation says.
#[test]
fn a_small_stack_suffices() {
    let thread = std::thread::Builder::new().stack_size(24 * 1024).spawn(|| {
        let mut bench = MemoryBench::new(Claims::Usual, Fault::Nothing);
        assert!(run(&mut bench, &mut |_| {}).is_conformant());
    });
    thread.unwrap().join().unwrap();
}

/// Numbers in a document go stale in silence.
#[test]
fn the_documentation_counts_right() {
    let document = include_str!("../../../../docs/unified-api.md");
    let summary = run(&mut MemoryBench::new(Claims::Usual, Fault::Nothing), &mut |_| {});
    for wanted in [
        format!("{} checks", CHECKS.len()),
        format!("in {} ways", Fault::ALL.len()),
        format!(
            "| {} passed, {} failed, {} skipped, {} not claimed |",
            summary.passed, summary.failed, summary.skipped, summary.not_claimed
        ),
    ] {
        assert!(document.contains(&wanted), "docs/unified-api.md does not say: {wanted}");
    }
}

/// Each check finds the fault that it is there for, and passes without it.
#[test]
fn every_check_can_fail() {
    for check in CHECKS {
        assert!(Fault::ALL.iter().any(|fault| fault.found_by() == check.name), "{} cannot fail", check.name);
    }
    for fault in Fault::ALL {
        let name = fault.found_by();
        let claims = match name {
            _ if name.contains("none") => Claims::Nothing,
            "store_seals" | "store_finds_rollback" => Claims::ReplayProtected,
            _ => Claims::Usual,
        };
        let broken = run_check(check(name), &mut MemoryBench::new(claims, *fault));
        assert!(matches!(broken.verdict, Verdict::Failed(_)), "{fault:?} passes: {broken}");
        if *fault != Fault::PlainMedium {
            let whole = run_check(check(name), &mut MemoryBench::new(claims, Fault::Nothing));
            assert_eq!(whole.verdict, Verdict::Passed, "{whole}");
        }
    }
}
