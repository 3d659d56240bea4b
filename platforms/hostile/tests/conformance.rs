//! The suite that every platform runs, on this one while nothing goes wrong but what the suite asks for; and what it
//! says of a medium that lies.

#![allow(clippy::unwrap_used, clippy::panic)]

use platform_hostile::{HostilePlatform, Plan, What};
use tee_api::{EntropyError, Platform, StoreError};
use tee_conformance::{Bench, CHECKS, Cannot, ClockMove, Restart, Starvation, Verdict, run, run_check};

struct HostileBench {
    device: HostilePlatform,
    /// What happens when the suite cuts the power.
    cut: What,
    seed: u64,
    cuts: u32,
}

impl HostileBench {
    fn new(cut: What) -> Self {
        Self { device: HostilePlatform::new(1, Plan::CALM), cut, seed: 1, cuts: 0 }
    }

    fn plan(&self, what: What) {
        self.device.set_plan(Plan::one(0, what));
    }
}

impl Bench for HostileBench {
    fn platform(&mut self) -> &mut dyn Platform {
        &mut self.device
    }

    fn calm(&mut self) {
        self.device.set_plan(Plan::CALM);
    }

    fn make_new(&mut self) -> Result<(), Cannot> {
        self.seed += 1;
        self.device = HostilePlatform::new(self.seed, Plan::CALM);
        Ok(())
    }

    fn restart(&mut self, how: Restart) -> Result<(), Cannot> {
        self.cuts += u32::from(!self.device.is_powered());
        self.device = match how {
            Restart::Service => self.device.restart_service(),
            Restart::Platform | Restart::PowerCut => self.device.reboot(),
        };
        self.calm();
        Ok(())
    }

    fn cut_after_writes(&mut self, writes: u32) -> Result<(), Cannot> {
        self.device.set_plan(Plan::one(writes.into(), self.cut));
        Ok(())
    }

    fn take_storage_away(&mut self, away: bool) -> Result<(), Cannot> {
        match away {
            true => self.plan(What::CommitAnswers(StoreError::Unavailable, u32::MAX)),
            false => self.calm(),
        }
        Ok(())
    }

    fn starve(&mut self, how: Starvation) -> Result<(), Cannot> {
        match how {
            Starvation::Dry => self.plan(What::EntropyAnswers(EntropyError::Unavailable, u32::MAX)),
            Starvation::Stuck => return Err(Cannot("nobody tests its source")),
        }
        Ok(())
    }

    fn move_clock(&mut self, how: ClockMove) -> Result<(), Cannot> {
        match how {
            ClockMove::Pass(milliseconds) => self.device.advance(milliseconds),
            ClockMove::Back(_) => self.plan(What::ClockReset),
        }
        Ok(())
    }

    fn ask_to_cancel(&mut self, cancel: bool) -> Result<(), Cannot> {
        if cancel {
            self.plan(What::Cancel)
        } else {
            self.calm()
        }
        Ok(())
    }

    fn may_mark(&mut self) -> Result<(), Cannot> {
        Ok(())
    }

    fn failure_is_seen(&mut self) -> Result<bool, Cannot> {
        Ok(self.device.failed().is_some())
    }
}

/// What it claims for the service's sake and nobody can try from outside stays unshown; nothing else fails, however
/// the power goes.
#[test]
fn it_keeps_what_can_be_shown_however_the_power_goes() {
    let cuts = [What::Cut, What::Torn(1), What::Torn(700), What::Reordered(0x5555), What::Reordered(1 << 63)];
    for cut in cuts {
        let mut bench = HostileBench::new(cut);
        let (mut failed, mut unshown) = (Vec::new(), Vec::new());
        run(&mut bench, &mut |outcome| match outcome.verdict {
            Verdict::Failed(_) => failed.push(outcome.to_string()),
            Verdict::NotShown(_) => unshown.push(outcome.check.name),
            _ => {}
        });
        assert!(failed.is_empty(), "{cut:?}: {failed:#?}");
        let expected =
            ["store_seals", "counter_outlives_old_copy", "client_is_told_apart", "isolation_refuses_probes"];
        assert_eq!(unshown, expected);
        assert!(bench.cuts >= 8, "{cut:?}: {} power cuts were tried", bench.cuts);
    }
}

/// A medium that acknowledges and drops is found without a counter too, where the power goes right after.
#[test]
fn a_medium_that_drops_what_it_acknowledged_is_found() {
    let check = CHECKS.iter().find(|check| check.name == "store_survives_cuts").unwrap();
    let outcome = run_check(check, &mut HostileBench::new(What::Dropped));
    assert_eq!(
        outcome.to_string(),
        "store_survives_cuts: FAILED, a commit was acknowledged and is lost in a power cut"
    );
}
