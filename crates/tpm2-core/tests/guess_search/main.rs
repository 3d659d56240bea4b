//! Dictionary attack: search.
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod device;
mod search;

use device::Sabotage;
use search::{Plan, Target, search};

const REAL: Plan = Plan {
    target: Target::Index,
    sabotage: Sabotage::None,
    counter: true,
    max_tries: 2,
    depth: 3,
    faults: 1,
};

#[test]
fn real() {
    let depth = std::env::var("DEPTH").map_or(3, |d| d.parse().unwrap());
    let faults = std::env::var("FAULTS").map_or(1, |d| d.parse().unwrap());
    let max_tries = std::env::var("TRIES").map_or(2, |d| d.parse().unwrap());
    let start = std::time::Instant::now();
    println!("{} {:?}", search(Plan { depth, faults, max_tries, ..REAL }), start.elapsed());
}
#[test]
fn dirty() {
    let depth = std::env::var("DEPTH").map_or(3, |d| d.parse().unwrap());
    println!("{}", search(Plan { depth, sabotage: Sabotage::DirtyBit, ..REAL }));
}
#[test]
fn wait() {
    let depth = std::env::var("DEPTH").map_or(3, |d| d.parse().unwrap());
    println!("{}", search(Plan { depth, sabotage: Sabotage::Wait, ..REAL }));
}
#[test]
fn none() {
    let depth = std::env::var("DEPTH").map_or(3, |d| d.parse().unwrap());
    println!("{}", search(Plan { depth, counter: false, ..REAL }));
}
#[test]
fn lockout() {
    let depth = std::env::var("DEPTH").map_or(3, |d| d.parse().unwrap());
    println!("{}", search(Plan { depth, target: Target::Lockout, max_tries: 1, ..REAL }));
}
