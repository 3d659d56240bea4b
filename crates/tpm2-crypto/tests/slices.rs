//! No stretch between two checkpoints is longer than the budget, on any engine and for any size of a key; a cancel ends
//! the work at the checkpoint that says so, and leaves nothing.

mod operations;

use operations::{engines, operations};
use tee_api::{Checkpoint, Flow};
use tpm2_crypto::steps::BUDGET;
use tpm2_crypto::{CryptoError, Steps};

/// Counts how often it was asked, and cancels once it has said yes often enough.
struct Counter {
    asked: usize,
    limit: usize,
}

impl Checkpoint for Counter {
    fn checkpoint(&mut self) -> Flow {
        self.asked += 1;
        if self.asked > self.limit { Flow::Cancel } else { Flow::Continue }
    }
}

#[test]
fn every_slice_is_within_the_budget_and_every_cancel_is_heard() {
    for operation in operations() {
        let mut results = Vec::new();
        for (engine_name, engine) in engines() {
            let name = format!("{}, {engine_name}", operation.name);
            let measure = || {
                let mut counter = Counter { asked: 0, limit: usize::MAX };
                let mut steps = Steps::new(&mut counter);
                let (outcome, output) = (operation.run)(engine, &mut steps);
                assert_eq!(outcome, Ok(()), "{name}");
                let counted = (steps.longest(), steps.total());
                (counted, counter.asked, output)
            };
            let ((longest, total), asked, output) = measure();
            assert!(longest <= BUDGET, "{name}: {longest} steps");
            assert!(asked as u64 >= total.div_ceil(u64::from(BUDGET)), "{name}: {asked} checkpoints");
            println!("{name}: {longest} of {total} steps, {asked} checkpoints");

            let is_search = name.contains("RSA") && name.contains("generation");
            if !is_search {
                assert_eq!(measure(), ((longest, total), asked, output.clone()), "{name}: never the same");
            }
            // The first, one in the middle and the last.
            let limits =
                if is_search { vec![0, 1, asked.min(20) / 2] } else { vec![0, asked / 2, asked - 1] };
            for limit in limits {
                let mut counter = Counter { asked: 0, limit };
                let (outcome, output) = (operation.run)(engine, &mut Steps::new(&mut counter));
                assert_eq!(outcome, Err(CryptoError::Cancelled), "{name} at {limit}");
                assert_eq!(counter.asked, limit + 1, "{name}: goes on after a cancel");
                assert!(output.iter().all(|byte| *byte == 0), "{name} at {limit} leaves something behind");
            }
            results.push(output);
        }
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{}: engines differ", operation.name);
    }
}
