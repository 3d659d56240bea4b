//! What goes wrong, and when.

use std::fmt;

use tee_api::{CounterError, EntropyError, StoreError};

use crate::random::Random;

/// Kinds of calls, each counted on its own from 0, over all restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// The medium is read.
    Read,
    /// The medium is written.
    Write,
    /// The medium is told to make what was written durable.
    Sync,
    /// [`tee_api::AtomicStore::ready`].
    Ready,
    /// [`tee_api::AtomicStore::load`].
    Load,
    /// [`tee_api::AtomicStore::commit`].
    Commit,
    /// [`tee_api::MonotonicCounter::counter_value`].
    CounterValue,
    /// [`tee_api::MonotonicCounter::advance_counter`].
    AdvanceCounter,
    /// [`tee_api::Entropy::fill_entropy`].
    Entropy,
    /// [`tee_api::Clock::milliseconds`].
    Clock,
    /// [`tee_api::Checkpoint::checkpoint`].
    Checkpoint,
    /// Both calls of the marker of [`tee_api::Lifecycle`].
    Marker,
}

impl Call {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Read,
        Self::Write,
        Self::Sync,
        Self::Ready,
        Self::Load,
        Self::Commit,
        Self::CounterValue,
        Self::AdvanceCounter,
        Self::Entropy,
        Self::Clock,
        Self::Checkpoint,
        Self::Marker,
    ];
}

/// How often each kind of call was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Call::ALL.len()]);

impl Counts {
    /// Calls of one kind.
    pub const fn of(&self, call: Call) -> u64 {
        self.0[call as usize]
    }

    /// The calls that were made since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|call| self.0[call].saturating_sub(earlier.0[call])))
    }

    /// Counts one more and gives its number.
    pub(crate) const fn next(&mut self, call: Call) -> u64 {
        let number = self.0[call as usize];
        self.0[call as usize] = number.saturating_add(1);
        number
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Power goes before this write. What was written before stays, synced or not.
    Cut,
    /// Power goes in this write: its first bytes are kept, this many, and what was written before.
    Torn(u32),
    /// Power goes after this write. Of the sectors that were not synced those stay whose bit is set in the pattern,
    /// counted through all writes, modulo 63; with the topmost bit the last write reaches the medium first.
    Reordered(u64),
    /// This write and the next ones, so many in all, fail and change nothing.
    LateWrite(u32),
    /// This write fails and is kept all the same.
    ErrorButKept,
    /// This write fails, and its first bytes are kept all the same, this many.
    ErrorButHalfKept(u32),
    /// This sync and the next ones, so many in all, fail: what was not synced stays in the cache.
    LateSync(u32),
    /// This sync fails and has done its work.
    SyncErrorButKept,
    /// This sync fails, and what it had to make durable is gone at the next start.
    SyncErrorAndDropped,
    /// This sync succeeds, and what it had to make durable is gone at the next start.
    Dropped,
    /// At the next start the medium is as after this sync, whatever came later.
    Replayed,
    /// This read and the next ones, so many in all, fail.
    LateRead(u32),
    /// This read gets what was there so many writes ago.
    StaleRead(u32),
    /// The store says that it is not ready, so many times.
    NotReady(StoreError, u32),
    /// Loads answer this, so many times.
    LoadAnswers(StoreError, u32),
    /// Commits keep nothing and answer this, so many times.
    CommitAnswers(StoreError, u32),
    /// This commit is kept and answers an error all the same.
    CommitKeptAnswers(StoreError),
    /// The counter cannot be read, so many times.
    CounterAway(CounterError, u32),
    /// The counter is not moved, so many times.
    CounterWithheld(CounterError, u32),
    /// The counter is moved, and the answer is lost.
    CounterAnswerLost,
    /// There is no entropy, so many times.
    EntropyAnswers(EntropyError, u32),
    /// From now on every byte of entropy is this one, and no error tells.
    EntropySticks(u8),
    /// The clock jumps by so many milliseconds, and nothing tells.
    ClockJumps(i64),
    /// The clock cannot be read, so many times.
    ClockAway(u32),
    /// The clock begins anew, and says so.
    ClockReset,
    /// This checkpoint asks for the end.
    Cancel,
    /// The marker cannot be reached, so many times.
    MarkerAway(u32),
}

impl What {
    /// Which calls it hits.
    pub const fn call(self) -> Call {
        match self {
            Self::Cut
            | Self::Torn(_)
            | Self::Reordered(_)
            | Self::LateWrite(_)
            | Self::ErrorButKept
            | Self::ErrorButHalfKept(_) => Call::Write,
            Self::LateSync(_)
            | Self::SyncErrorButKept
            | Self::SyncErrorAndDropped
            | Self::Dropped
            | Self::Replayed => Call::Sync,
            Self::LateRead(_) | Self::StaleRead(_) => Call::Read,
            Self::NotReady(..) => Call::Ready,
            Self::LoadAnswers(..) => Call::Load,
            Self::CommitAnswers(..) | Self::CommitKeptAnswers(_) => Call::Commit,
            Self::CounterAway(..) => Call::CounterValue,
            Self::CounterWithheld(..) | Self::CounterAnswerLost => Call::AdvanceCounter,
            Self::EntropyAnswers(..) | Self::EntropySticks(_) => Call::Entropy,
            Self::ClockJumps(_) | Self::ClockAway(_) | Self::ClockReset => Call::Clock,
            Self::Cancel => Call::Checkpoint,
            Self::MarkerAway(_) => Call::Marker,
        }
    }

    /// Whether the medium says that something is so that is not: only a counter finds that out in every case.
    pub const fn lies(self) -> bool {
        matches!(self, Self::Dropped | Self::Replayed | Self::StaleRead(_))
    }

    /// How many calls in a row it hits.
    const fn times(self) -> u64 {
        match self {
            Self::LateWrite(times)
            | Self::LateSync(times)
            | Self::LateRead(times)
            | Self::NotReady(_, times)
            | Self::LoadAnswers(_, times)
            | Self::CommitAnswers(_, times)
            | Self::CounterAway(_, times)
            | Self::CounterWithheld(_, times)
            | Self::EntropyAnswers(_, times)
            | Self::ClockAway(times)
            | Self::MarkerAway(times) => times as u64,
            Self::EntropySticks(_) => u64::MAX,
            _ => 1,
        }
    }

    /// The same with another number in place of its own; `None` where it has none.
    fn with_number(self, number: u64) -> Option<Self> {
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        Some(match self {
            Self::Torn(_) => Self::Torn(short),
            Self::Reordered(_) => Self::Reordered(number),
            Self::LateWrite(_) => Self::LateWrite(short),
            Self::ErrorButHalfKept(_) => Self::ErrorButHalfKept(short),
            Self::LateSync(_) => Self::LateSync(short),
            Self::LateRead(_) => Self::LateRead(short),
            Self::StaleRead(_) => Self::StaleRead(short),
            Self::NotReady(error, _) => Self::NotReady(error, short),
            Self::LoadAnswers(error, _) => Self::LoadAnswers(error, short),
            Self::CommitAnswers(error, _) => Self::CommitAnswers(error, short),
            Self::CounterAway(error, _) => Self::CounterAway(error, short),
            Self::CounterWithheld(error, _) => Self::CounterWithheld(error, short),
            Self::EntropyAnswers(error, _) => Self::EntropyAnswers(error, short),
            Self::EntropySticks(_) => Self::EntropySticks(short as u8),
            Self::ClockJumps(by) => Self::ClockJumps(number as i64 * by.signum()),
            Self::ClockAway(_) => Self::ClockAway(short),
            Self::MarkerAway(_) => Self::MarkerAway(short),
            _ => return None,
        })
    }

    /// Its number.
    fn number(self) -> u64 {
        match self {
            Self::Torn(number) | Self::ErrorButHalfKept(number) | Self::StaleRead(number) => number.into(),
            Self::Reordered(pattern) => pattern,
            Self::ClockJumps(by) => by.unsigned_abs(),
            Self::EntropySticks(byte) => byte.into(),
            other => other.times(),
        }
    }
}

impl fmt::Display for What {
    /// As it is written in Rust.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(error, times) => write!(f, "What::NotReady(StoreError::{error:?}, {times})"),
            Self::LoadAnswers(error, times) => write!(f, "What::LoadAnswers(StoreError::{error:?}, {times})"),
            Self::CommitAnswers(error, times) => {
                write!(f, "What::CommitAnswers(StoreError::{error:?}, {times})")
            }
            Self::CommitKeptAnswers(error) => write!(f, "What::CommitKeptAnswers(StoreError::{error:?})"),
            Self::CounterAway(error, times) => {
                write!(f, "What::CounterAway(CounterError::{error:?}, {times})")
            }
            Self::CounterWithheld(error, times) => {
                write!(f, "What::CounterWithheld(CounterError::{error:?}, {times})")
            }
            Self::EntropyAnswers(error, times) => {
                write!(f, "What::EntropyAnswers(EntropyError::{error:?}, {times})")
            }
            other => write!(f, "What::{other:?}"),
        }
    }
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the call that it hits, of the kind that [`What::call`] names.
    pub at: u64,
    /// What happens to it.
    pub what: What,
}

impl Fault {
    /// Simpler faults to try in place of this one, the simplest first.
    pub(crate) fn simpler(self) -> impl Iterator<Item = Self> {
        let earlier = lower(self.at).map(move |at| Self { at, ..self });
        let number = self.what.number();
        let smaller = lower(number).filter_map(move |number| self.what.with_number(number));
        earlier.chain(smaller.map(move |what| Self { what, ..self })).filter(move |fault| *fault != self)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault {{ at: {}, what: {} }}", self.at, self.what)
    }
}

/// Numbers below `number`, far ones first.
fn lower(number: u64) -> impl Iterator<Item = u64> {
    let distances = std::iter::successors(Some(number), |distance| Some(distance / 2));
    distances.take_while(|distance| *distance > 0).map(move |distance| number - distance)
}

/// All that goes wrong in one life of a device. The first fault that fits a call is the one that happens to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The faults.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// Nothing goes wrong.
    pub const CALM: Self = Self { faults: Vec::new() };

    /// These faults.
    pub fn new(faults: impl Into<Vec<Fault>>) -> Self {
        Self { faults: faults.into() }
    }

    /// One fault.
    pub fn one(at: u64, what: What) -> Self {
        Self::new([Fault { at, what }])
    }

    /// One to four faults of all sorts, in a life that makes about as many calls as `calls` says. The same for the
    /// same seed.
    pub fn random(seed: u64, calls: &Counts) -> Self {
        let mut random = Random::new(seed);
        let number = 1 + random.below(4);
        Self::new((0..number).map(|_| random_fault(&mut random, calls)).collect::<Vec<_>>())
    }

    /// Whether a fault [lies](What::lies).
    pub fn lies(&self) -> bool {
        self.faults.iter().any(|fault| fault.what.lies())
    }

    /// What happens to this call.
    pub(crate) fn hits(&self, call: Call, number: u64) -> Option<What> {
        let hit = |fault: &&Fault| {
            fault.what.call() == call
                && number.checked_sub(fault.at).is_some_and(|nth| nth < fault.what.times())
        };
        self.faults.iter().find(hit).map(|fault| fault.what)
    }
}

impl fmt::Display for Plan {
    /// As it is written in Rust.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plan::new([")?;
        for (number, fault) in self.faults.iter().enumerate() {
            if number > 0 {
                f.write_str(", ")?;
            }
            fault.fmt(f)?;
        }
        f.write_str("])")
    }
}

fn random_fault(random: &mut Random, calls: &Counts) -> Fault {
    let times = 1 + random.below(4) as u32;
    let bytes = random.below(3) as u32 * 256 + random.below(2) as u32 * random.below(300) as u32;
    let errors = [StoreError::Unavailable, StoreError::RateLimited];
    let store = errors[random.below(2) as usize];
    let counter = [CounterError::Unavailable, CounterError::RateLimited][random.below(2) as usize];
    let what = match random.below(26) {
        0 => What::Cut,
        1 => What::Torn(bytes),
        2 => What::Reordered(random.next()),
        3 => What::LateWrite(times),
        4 => What::ErrorButKept,
        5 => What::ErrorButHalfKept(bytes),
        6 => What::LateSync(times),
        7 => What::SyncErrorButKept,
        8 => What::SyncErrorAndDropped,
        9 => What::Dropped,
        10 => What::Replayed,
        11 => What::LateRead(times),
        12 => What::StaleRead(times),
        13 => What::NotReady(store, times),
        14 => What::LoadAnswers(store, times),
        15 => What::CommitAnswers([store, StoreError::Full][random.below(2) as usize], times),
        16 => What::CommitKeptAnswers(StoreError::OutcomeUnknown),
        17 => What::CounterAway(counter, times),
        18 => What::CounterWithheld(counter, times),
        19 => What::CounterAnswerLost,
        20 => What::EntropyAnswers(EntropyError::Unavailable, times),
        21 => What::ClockJumps(random.below(1 << 40) as i64 - (1 << 39)),
        22 => What::ClockAway(times),
        23 => What::ClockReset,
        24 => What::Cancel,
        _ => What::MarkerAway(times),
    };
    Fault { at: random.below(calls.of(what.call()).max(1)), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_follows_from_its_seed_and_is_written_as_rust() {
        let mut calls = Counts::default();
        for call in Call::ALL {
            (0..100).for_each(|_| _ = calls.next(call));
        }
        assert_eq!(Plan::random(7, &calls), Plan::random(7, &calls));
        assert!((0..100).any(|seed| Plan::random(seed, &calls) != Plan::random(seed + 1, &calls)));
        let plan = Plan::new([
            Fault { at: 3, what: What::Torn(512) },
            Fault { at: 0, what: What::CommitAnswers(StoreError::Full, 2) },
        ]);
        assert_eq!(
            plan.to_string(),
            "Plan::new([Fault { at: 3, what: What::Torn(512) }, \
             Fault { at: 0, what: What::CommitAnswers(StoreError::Full, 2) }])"
        );
    }

    #[test]
    fn every_sort_of_fault_is_drawn() {
        let calls = Counts::default();
        let drawn: Vec<_> = (0..2000).flat_map(|seed| Plan::random(seed, &calls).faults).collect();
        for call in Call::ALL {
            assert!(drawn.iter().any(|fault| fault.what.call() == call), "{call:?}");
        }
    }

    #[test]
    fn a_fault_hits_as_many_calls_as_it_says() {
        let plan = Plan::one(2, What::LateWrite(3));
        let hit: Vec<_> = (0..8).filter(|at| plan.hits(Call::Write, *at).is_some()).collect();
        assert_eq!(hit, [2, 3, 4]);
        assert_eq!(plan.hits(Call::Sync, 2), None);
        assert_eq!(
            Plan::one(1, What::EntropySticks(7)).hits(Call::Entropy, u64::MAX - 1),
            Some(What::EntropySticks(7))
        );
    }
}
