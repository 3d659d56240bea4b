//! A number that no one can set back.

use tee_api::{CounterAssurance, CounterError};

use super::{PATIENCE, ensure};
use crate::bench::{Bench, Place, Restart};
use crate::report::{Claim, Finding, Stop};

pub(super) const ANY: Claim =
    Claim::Due { claim: "a counter", claimed: |claims| claims.counter > CounterAssurance::None };
pub(super) const HARDWARE: Claim = Claim::Due {
    claim: "a counter that nobody sets back",
    claimed: |claims| claims.counter == CounterAssurance::Hardware,
};
pub(super) const NONE: Claim =
    Claim::Due { claim: "no counter", claimed: |claims| claims.counter == CounterAssurance::None };

/// Makes a call of the counter, and again while it cannot answer or its answer was lost.
fn patiently<T>(
    bench: &mut dyn Bench,
    call: impl Fn(&mut dyn Bench) -> Result<T, CounterError>,
) -> Result<T, CounterError> {
    for _ in 0..PATIENCE {
        match call(bench) {
            Err(CounterError::Unavailable | CounterError::RateLimited | CounterError::OutcomeUnknown) => {
                bench.pause();
            }
            answer => return answer,
        }
    }
    Err(CounterError::Unavailable)
}

fn value(bench: &mut dyn Bench) -> Result<u64, Stop> {
    patiently(bench, |bench| bench.platform().counter_value())
        .map_err(|error| Finding::with("the counter has no value", error).into())
}

fn advance(bench: &mut dyn Bench, to: u64) -> Result<(), CounterError> {
    patiently(bench, |bench| bench.platform().advance_counter(to))
}

/// Moves it on by one.
fn count(bench: &mut dyn Bench) -> Result<u64, Stop> {
    let next = value(bench)?.saturating_add(1);
    advance(bench, next).map_err(|error| Finding::with("the counter does not advance", error))?;
    Ok(next)
}

fn stands_at(bench: &mut dyn Bench, expected: u64, what: &'static str) -> Result<(), Stop> {
    let found = value(bench)?;
    if found == expected { Ok(()) } else { Err(Finding::with(what, found).into()) }
}

pub(super) fn none_answers_none(bench: &mut dyn Bench) -> Result<(), Stop> {
    let read = bench.platform().counter_value();
    ensure(read == Err(CounterError::Exhausted), "there is no counter and it has a value")?;
    let moved = [0, 1].map(|to| bench.platform().advance_counter(to));
    ensure(moved == [Err(CounterError::Exhausted); 2], "there is no counter and it moves")
}

/// Nobody has moved a new device's counter.
pub(super) fn new_is_zero(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.make_new()?;
    stands_at(bench, 0, "a new device's counter stands at")
}

pub(super) fn advances_by_one(bench: &mut dyn Bench) -> Result<(), Stop> {
    for _ in 0..3 {
        let next = count(bench)?;
        stands_at(bench, next, "after an advance the counter stands at")?;
        // A caller that lost the answer asks again.
        advance(bench, next)
            .map_err(|error| Finding::with("an advance to where it stands is not taken", error))?;
        stands_at(bench, next, "an advance to where it stands moved it to")?;
    }
    Ok(())
}

pub(super) fn refuses_jumps(bench: &mut dyn Bench) -> Result<(), Stop> {
    count(bench)?;
    let now = count(bench)?;
    for to in [now - 1, now - 2, now.saturating_add(2), now.saturating_add(0x1_0000), 0, u64::MAX] {
        match advance(bench, to) {
            // Both names of where it stands, on a counter at the very end.
            _ if to == now || to.checked_sub(1) == Some(now) => {}
            Err(CounterError::Mismatch) => stands_at(bench, now, "a refused advance moved it to")?,
            Err(error) => return Err(Finding::with("a jump is refused for another reason", error).into()),
            Ok(()) => return Err(Finding::with("the counter jumped to", to).into()),
        }
    }
    Ok(())
}

pub(super) fn outlives_restarts(bench: &mut dyn Bench) -> Result<(), Stop> {
    for how in Restart::ALL {
        let now = count(bench)?;
        bench.restart(how)?;
        stands_at(bench, now, "after a restart the counter stands at")?;
    }
    Ok(())
}

/// Putting old media back does not take the counter with it.
pub(super) fn outlives_old_copy(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.keep_copy(Place::Old)?;
    let now = count(bench)?;
    bench.keep_copy(Place::New)?;
    bench.put_copy_back(Place::Old)?;
    let found = value(bench);
    bench.put_copy_back(Place::New)?;
    let found = found?;
    if found < now { Err(Finding::with("an old copy set the counter back to", found).into()) } else { Ok(()) }
}
