//! Prints how long this crate stays between two checkpoints: `cargo run --release -p tpm2-crypto --example slices`, with
//! `--features aws-lc` for the host's engine too. `docs/checkpoints.md` says how to read it.

#[path = "../tests/operations/mod.rs"]
mod operations;

use std::time::{Duration, Instant};

use operations::{engines, operations};
use tee_api::{Checkpoint, Flow};
use tpm2_crypto::Steps;
use tpm2_crypto::steps::{BUDGET, INSTRUCTIONS_PER_STEP};

/// Measures the time between two checkpoints, from the first one on.
#[derive(Default)]
struct Clock {
    last: Option<Instant>,
    longest: Duration,
    all: Duration,
    passed: u32,
}

impl Clock {
    fn mark(&mut self) {
        if let Some(last) = self.last {
            self.longest = self.longest.max(last.elapsed());
            self.all += last.elapsed();
        }
        self.last = Some(Instant::now());
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
        "| operation | engine | longest slice, steps | instructions at most | slices | longest here, µs | mean here, µs |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|");
    for operation in operations() {
        for (name, engine) in engines() {
            // Short ones several times: the first also makes what is made once, and each may be interrupted.
            let runs = if operation.name.contains("generation") { 1 } else { 10 };
            let measured = (0..runs).map(|_| {
                let mut clock = Clock::default();
                let mut steps = Steps::new(&mut clock);
                assert_eq!((operation.run)(engine, &mut steps).0, Ok(()));
                let longest = steps.longest();
                clock.mark();
                (longest, clock)
            });
            let Some((longest, clock)) = measured.min_by_key(|(_, clock)| clock.longest) else { continue };
            println!(
                "| {} | {name} | {longest} | {:.1} M | {} | {} | {} |",
                operation.name,
                f64::from(longest) * f64::from(INSTRUCTIONS_PER_STEP) / 1e6,
                clock.passed,
                clock.longest.as_micros(),
                (clock.all / clock.passed).as_micros()
            );
        }
    }
}
