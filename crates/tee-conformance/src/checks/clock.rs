//! Time that only goes forward.

use tee_api::{ClockAssurance, ClockError};

use super::{PATIENCE, ensure};
use crate::bench::{Bench, ClockMove};
use crate::report::{Claim, Finding, Stop};

pub(super) const ANY: Claim =
    Claim::Due { claim: "a clock", claimed: |claims| claims.clock > ClockAssurance::None };
pub(super) const NONE: Claim =
    Claim::Due { claim: "no clock", claimed: |claims| claims.clock == ClockAssurance::None };

/// The time, once the clock can be read.
fn read(bench: &mut dyn Bench) -> Result<u64, ClockError> {
    for _ in 0..PATIENCE {
        match bench.platform().milliseconds() {
            Err(ClockError::Unavailable) => bench.pause(),
            answer => return answer,
        }
    }
    Err(ClockError::Unavailable)
}

/// The time, where nothing was done to the clock.
fn now(bench: &mut dyn Bench) -> Result<u64, Stop> {
    // A reset from before this check is said now, and once.
    let answer = match read(bench) {
        Err(ClockError::Reset) => read(bench),
        answer => answer,
    };
    answer.map_err(|error| Finding::with("there is no time", error).into())
}

pub(super) fn none_gives_none(bench: &mut dyn Bench) -> Result<(), Stop> {
    ensure(bench.platform().milliseconds().is_err(), "there is no clock and it answers")
}

pub(super) fn never_goes_back(bench: &mut dyn Bench) -> Result<(), Stop> {
    let mut last = now(bench)?;
    for _ in 0..1000 {
        let next = now(bench)?;
        ensure(next >= last, "the time went back")?;
        last = next;
    }
    Ok(())
}

/// Where time passes, the clock moves, and by about as much.
pub(super) fn moves(bench: &mut dyn Bench) -> Result<(), Stop> {
    const PASSED: u64 = 40;
    let before = now(bench)?;
    bench.move_clock(ClockMove::Pass(PASSED))?;
    let moved = now(bench)?.saturating_sub(before);
    if moved < PASSED / 2 {
        return Err(Finding::with("of 40 ms that passed the clock counted", moved).into());
    }
    // A machine that was busy meanwhile explains much, a clock in other units explains itself here.
    if moved > PASSED * 250 {
        return Err(Finding::with("of 40 ms that passed the clock counted", moved).into());
    }
    Ok(())
}

/// A clock that was set back says so once, or does not follow.
pub(super) fn set_back_is_told(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.move_clock(ClockMove::Pass(50))?;
    let before = now(bench)?;
    bench.move_clock(ClockMove::Back(20))?;
    match read(bench) {
        Ok(after) => ensure(after >= before, "the clock was set back in silence"),
        Err(ClockError::Reset) => {
            let first = read(bench).map_err(|error| Finding::with("a reset is said once, then", error))?;
            ensure(now(bench)? >= first, "the time went back after a reset")
        }
        Err(error) => Err(Finding::with("there is no time", error).into()),
    }
}
