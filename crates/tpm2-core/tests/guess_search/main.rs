//! Dictionary attack: no sequence of an attacker's steps gains a try where there is a counter.
//!
//! **The attacker** owns the normal world. Between the TPM and its storage and counter they answer each call: it works,
//! it is refused, or it is carried out and the answer is lost. They cut the power at any time, put back any state that
//! the medium ever had, move the TPM to another device and back, and send commands. Time stands, and nobody resets the
//! lockout: neither is the attacker's gain.
//!
//! **A try** is a wrong guess that was checked. Each guess is made twice, from the same state with the same answers to
//! the calls: with the wrong value and with the right one. If anything is different, be it a bit of the response, a call
//! that is made, what is stored or what the TPM remembers, then the attacker may have learnt something, and that is one
//! try.
//!
//! **The invariant**: in no sequence are there more tries than the owner granted (maxTries; one for lockoutAuth). And on
//! the way: a running TPM that has its state in memory has at least as many failed tries on record as there were tries,
//! where the dirty bit counts as one.
//!
//! **Sequences.** The steps are, on the real TPM: guess, by password or by a bound session; the owner's use of the same
//! index; start and shutdown, with CLEAR and STATE; a write that has nothing to do with it; cut; putting back; preparing
//! an import, export, import. Each is tried with each fault in each call that it makes, and with storage that is away. A
//! cut between any two calls is a call that is refused, and a cut; the forked n + 1 is a counter that does not move, a
//! cut, the old state put back, and another transaction on top of it.
//!
//! What is put back is a whole state. A store has to keep what a running service commits off a state that was put back
//! under it, as the device here does: no counter helps against a mixture of the two.
//!
//! Two states are the same if they are equal in the medium, in all that was ever on it and can still be accepted, the
//! TPM's memory and the number of tries; transactions count by their distance from the counter, and the numbers of starts
//! do not count. [`merged_states_have_the_same_future`] looks whether anything is lost by that.
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod device;
mod search;

use device::Sabotage;
use search::{Plan, Report, Target, search};

/// One fault in each step.
const PLAN: Plan = Plan {
    target: Target::Index,
    sabotage: Sabotage::None,
    counter: true,
    moves: false,
    max_tries: 1,
    depth: 6,
    faults: 1,
    faults_in_all: usize::MAX,
    again: false,
};

fn no_hole(plan: Plan) -> Report {
    let report = search(plan);
    println!("{report}");
    assert!(report.hole.is_none());
    report
}

/// The shortest sequence that gains a try.
fn hole(plan: Plan) -> Vec<String> {
    let report = search(plan);
    println!("{report}");
    report.hole.unwrap()
}

/// The dirty bit has been wrong elsewhere (CVE-2020-26933, CVE-2020-12926).
#[test]
fn cve_2020_26933_no_sequence_gains_a_try() {
    no_hole(PLAN);
}

#[test]
fn cve_2020_12926_no_sequence_gains_a_try_where_two_are_granted() {
    no_hole(Plan { max_tries: 2, depth: 4, ..PLAN });
}

#[test]
fn no_sequence_gains_a_try_at_lockout_auth() {
    no_hole(Plan { target: Target::Lockout, depth: 5, ..PLAN });
}

#[test]
fn no_sequence_gains_a_try_by_a_bound_session() {
    no_hole(Plan { target: Target::Bound, depth: 3, ..PLAN });
}

#[test]
fn no_sequence_gains_a_try_by_a_move() {
    no_hole(Plan { moves: true, depth: 6, faults: 0, ..PLAN });
    no_hole(Plan { moves: true, depth: 4, faults_in_all: 1, ..PLAN });
}

/// The first fault ends a step: a second one finds no call to meet. So one fault in a step is all there is to try.
#[test]
fn after_a_fault_a_step_makes_no_other_call() {
    let plan = Plan { depth: 3, ..PLAN };
    let [one, two] = [1, 2].map(|faults| no_hole(Plan { faults, ..plan }));
    assert_eq!((one.states, one.steps), (two.states, two.steps));
}

/// There, a guess, back, and a guess; and longer sequences on one device.
#[test]
#[ignore = "minutes: the same, deeper"]
fn no_long_sequence_gains_a_try() {
    no_hole(Plan { moves: true, depth: 10, faults: 0, ..PLAN });
    no_hole(Plan { moves: true, depth: 6, faults_in_all: 1, ..PLAN });
    no_hole(Plan { max_tries: 2, depth: 7, ..PLAN });
    no_hole(Plan { target: Target::Bound, depth: 6, ..PLAN });
    no_hole(Plan { target: Target::Lockout, depth: 7, ..PLAN });
    no_hole(Plan { depth: 10, ..PLAN });
}

/// The store does not keep that a check comes. Then a guess whose count cannot be written is free.
#[test]
fn the_search_finds_the_hole_without_the_dirty_bit() {
    for target in [Target::Index, Target::Bound, Target::Lockout] {
        let steps = hole(Plan { target, sabotage: Sabotage::DirtyBit, ..PLAN });
        assert_eq!(steps, ["guess, call 3 (Commit) Refused", "cut", "startup(CLEAR)", "guess"]);
    }
}

/// The counter says that it has moved and does so later. Then what was kept before the guess is accepted after a cut.
#[test]
fn the_search_finds_the_hole_without_the_wait_for_the_counter() {
    let steps = hole(Plan { sabotage: Sabotage::Wait, faults: 0, ..PLAN });
    assert_eq!(steps.len(), 5, "{steps:?}");
    assert!(steps.iter().any(|step| step.ends_with("put back")), "{steps:?}");
}

/// As documented: without a counter nobody notices old state, and the posture says so.
#[test]
fn the_search_finds_that_old_state_gains_tries_without_a_counter() {
    let steps = hole(Plan { counter: false, faults: 0, ..PLAN });
    assert_eq!(steps.len(), 5, "{steps:?}");
    assert!(steps.iter().any(|step| step.ends_with("put back")), "{steps:?}");
}

/// Where a state is met again, the search does not look at it again. If one that is taken for another had a future of
/// its own, there would be more states without that.
#[test]
fn merged_states_have_the_same_future() {
    let plan = Plan { depth: 3, ..PLAN };
    assert_eq!(search(Plan { again: true, ..plan }).states, search(plan).states);
}
