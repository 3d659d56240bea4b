//! Dictionary attack: search.
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod device;
mod search;

use device::Sabotage;
use search::{Plan, Target, search};

fn plan() -> Plan {
    let var = |name: &str, or: usize| std::env::var(name).map_or(or, |d| d.parse().unwrap());
    Plan {
        target: Target::Index,
        sabotage: Sabotage::None,
        counter: true,
        moves: false,
        max_tries: var("TRIES", 2) as u32,
        depth: var("DEPTH", 3),
        faults: var("FAULTS", 1),
    }
}
fn go(plan: Plan) {
    let start = std::time::Instant::now();
    println!("{} {:?}", search(plan), start.elapsed());
}

#[test]
fn real() {
    go(plan());
}
#[test]
fn dirty() {
    go(Plan { sabotage: Sabotage::DirtyBit, ..plan() });
}
#[test]
fn wait() {
    go(Plan { sabotage: Sabotage::Wait, ..plan() });
}
#[test]
fn none() {
    go(Plan { counter: false, ..plan() });
}
#[test]
fn lockout() {
    go(Plan { target: Target::Lockout, max_tries: 1, ..plan() });
}
#[test]
fn moves() {
    go(Plan { moves: true, max_tries: 1, ..plan() });
}
