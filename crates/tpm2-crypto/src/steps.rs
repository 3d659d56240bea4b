//! Counted work between two checkpoints, so that the longest stay in the service is known and the same every time.
//!
//! Long algorithms pay for each piece of work before they do it. What a piece costs follows from the sizes of its
//! operands alone, never from their values, so neither the count nor the place of a checkpoint tells a secret. A piece
//! for which the budget has nothing left begins behind a checkpoint; since every piece costs less than the budget, no
//! stretch between two checkpoints is longer.

use crate::{CryptoError, Result};
use tee_api::{Checkpoint, Flow};

/// The most steps between two checkpoints. A step takes at most [`INSTRUCTIONS_PER_STEP`] instructions on every target.
pub const BUDGET: u32 = 400_000;

/// What a step costs at most, in instructions of the slowest target, a Cortex-M33. The unit behind it is the
/// multiplication of two limbs of 32 bits with its addition and its carries; other work is counted in what it costs
/// relative to that. `docs/checkpoints.md` has the measurements.
pub const INSTRUCTIONS_PER_STEP: u32 = 12;

const _: () = assert!(BUDGET as u64 * INSTRUCTIONS_PER_STEP as u64 <= 5_000_000);

/// A checkpoint, and what may be done until it is the next one's turn.
pub struct Steps<'a> {
    checkpoint: &'a mut dyn Checkpoint,
    /// Steps since the last checkpoint.
    slice: u32,
    longest: u32,
    total: u64,
}

impl<'a> Steps<'a> {
    /// Nothing is known about the work before this, so the first piece begins behind a checkpoint.
    pub fn new(checkpoint: &'a mut dyn Checkpoint) -> Self {
        Self { checkpoint, slice: BUDGET, longest: 0, total: 0 }
    }

    /// Pays for a piece of work that follows. [`CryptoError::Cancelled`] when a checkpoint was due and said so.
    pub fn spend(&mut self, steps: u32) -> Result<()> {
        let slice = self.slice.saturating_add(steps);
        if slice <= BUDGET {
            self.slice = slice;
        } else {
            match self.checkpoint.checkpoint() {
                Flow::Continue => self.slice = steps,
                Flow::Cancel => return Err(CryptoError::Cancelled),
            }
        }
        self.longest = self.longest.max(self.slice);
        self.total += u64::from(steps);
        Ok(())
    }

    /// The longest stretch between two checkpoints so far.
    #[must_use]
    pub fn longest(&self) -> u32 {
        self.longest
    }

    /// All steps so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Patience;

    #[test]
    fn a_checkpoint_comes_when_the_budget_is_used_up() {
        let mut patience = Patience::endless();
        let mut steps = Steps::new(&mut patience);
        for piece in [1, BUDGET - 1, 1, BUDGET, 7, BUDGET - 8] {
            steps.spend(piece).unwrap();
        }
        assert_eq!((steps.longest(), steps.total()), (BUDGET, 3 * u64::from(BUDGET)));
        // Before the first piece, before the third, the fourth and the fifth.
        assert_eq!(patience.asked, 4);
    }

    #[test]
    fn a_piece_that_is_too_long_shows() {
        let mut patience = Patience::endless();
        let mut steps = Steps::new(&mut patience);
        steps.spend(BUDGET + 1).unwrap();
        assert_eq!(steps.longest(), BUDGET + 1);
    }

    #[test]
    fn what_is_cancelled_is_not_counted() {
        let mut patience = Patience { asked: 0, limit: 1 };
        let mut steps = Steps::new(&mut patience);
        steps.spend(5).unwrap();
        assert_eq!(steps.spend(BUDGET), Err(CryptoError::Cancelled));
        assert_eq!((steps.longest(), steps.total()), (5, 5));
    }
}
