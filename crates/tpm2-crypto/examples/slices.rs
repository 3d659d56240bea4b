//! Prints how long this crate stays between two checkpoints: `cargo run --release -p tpm2-crypto --example slices`, with
//! `--features aws-lc` for the host's engine too. `docs/checkpoints.md` says how to read it.

#[path = "../tests/operations/mod.rs"]
mod operations;

use std::time::{Duration, Instant};

use operations::{engines, operations};
use tee_api::{Checkpoint, Flow};
use tpm2_crypto::Steps;
use tpm2_crypto::steps::{BUDGET, INSTRUCTIONS_PER_STEP};

/// Measures the time between two checkpoints.
struct Clock {
    last: Instant,
    longest: Duration,
    passed: usize,
}

impl Clock {
    fn mark(&mut self) {
        self.longest = self.longest.max(self.last.elapsed());
        self.last = Instant::now();
    }
}

impl Checkpoint for Clock {
    fn checkpoint(&mut self) -> Flow {
        self.mark();
        self.passed += 1;
        Flow::Continue
    }
}

fn main() {
    println!("Budget: {BUDGET} steps, at most {} instructions.\n", BUDGET * INSTRUCTIONS_PER_STEP);
    println!(
        "| operation | engine | longest slice, steps | instructions at most | checkpoints | longest slice here, µs |"
    );
    println!("|---|---|---:|---:|---:|---:|");
    for operation in operations() {
        for (name, engine) in engines() {
            // Once for what is made on first use.
            if !operation.name.contains("generation") {
                (operation.run)(engine, &mut Steps::new(&mut ())).0.unwrap();
            }
            let mut clock = Clock { last: Instant::now(), longest: Duration::ZERO, passed: 0 };
            let mut steps = Steps::new(&mut clock);
            (operation.run)(engine, &mut steps).0.unwrap();
            let longest = steps.longest();
            clock.mark();
            println!(
                "| {} | {name} | {longest} | {:.1} M | {} | {} |",
                operation.name,
                f64::from(longest) * f64::from(INSTRUCTIONS_PER_STEP) / 1e6,
                clock.passed,
                clock.longest.as_micros()
            );
        }
    }
}
