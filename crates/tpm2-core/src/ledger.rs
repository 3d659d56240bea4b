//! When a change counts: the store keeps it first, the counter follows, and nobody hears of it before.
//!
//! Each transaction has a number, kept with it as the [`Commit`] record. After the store has kept transaction n, the
//! platform's counter is moved to n; only then is the change durable. So at a start
//!
//! | store and counter | means |
//! |---|---|
//! | equal | all is well |
//! | store one ahead | a cut came between the two: the counter is moved first, nothing of the state is served before |
//! | store behind | old state was put back |
//! | store further ahead | the state is another device's |
//!
//! Two states may have the number n + 1, where somebody put n back after a cut. Neither of them has led to an answer
//! or to the check of a protected authorization, since both wait for the counter; and the counter lets one pass.
//!
//! Where the platform has no counter, the store's word is taken.

use tee_api::{CounterAssurance, CounterError, Platform, Provisioning, RecordKey, StoreError};
use tpm2_types::{ResponseCode, Result};

use crate::arena::Arena;
use crate::failure::FailureReason;
use crate::firmware;
use crate::state::{Availability, Changes, Commit, Kind, State};

/// What is known of the last transaction.
pub(crate) struct Ledger {
    /// Its number; 0 before the first one, and in states that are older than the numbers.
    number: u64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The state is not in memory: storage or counter could not be asked yet.
    Detached,
    /// The store holds the transaction, the counter has not followed.
    Unconfirmed,
    /// Both agree.
    Settled,
}

/// What [`Ledger::attach`] came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attached {
    /// The state is in memory and is the latest.
    Yes,
    /// Not now.
    Later(StoreError),
}

impl Ledger {
    pub(crate) const fn new() -> Self {
        Self { number: 0, phase: Phase::Detached }
    }

    /// Whether the state is not in memory yet.
    pub(crate) fn is_detached(&self) -> bool {
        self.phase == Phase::Detached
    }

    /// The number of the last transaction.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Whether store and counter agree on the state in memory.
    pub(crate) fn is_settled(&self) -> bool {
        self.phase == Phase::Settled
    }

    /// Gives the state in memory up: it has to be attached again, and until then `code` is the answer.
    pub(crate) fn detach(&mut self, state: &mut State<'_>, code: ResponseCode) {
        self.phase = Phase::Detached;
        state.clear_persistent();
        state.set_availability(Availability::Closed(code));
    }

    /// Loads the state and holds its number against the counter's. Nothing of it is left in memory on an error, or
    /// where it has to wait.
    ///
    /// # Errors
    /// The state that is there cannot be used, or there is none.
    pub(crate) fn attach<P: Platform>(
        &mut self,
        state: &mut State<'_>,
        platform: &mut P,
    ) -> core::result::Result<Attached, FailureReason> {
        let outcome = self.try_attach(state, platform);
        match outcome {
            Ok(Attached::Yes) => {
                self.phase = Phase::Settled;
                state.set_availability(Availability::Open);
            }
            Ok(Attached::Later(error)) => {
                state.clear_persistent();
                state.set_availability(Availability::Closed(response_code(error)));
            }
            Err(_) => state.clear_persistent(),
        }
        outcome
    }

    fn try_attach<P: Platform>(
        &mut self,
        state: &mut State<'_>,
        platform: &mut P,
    ) -> core::result::Result<Attached, FailureReason> {
        let mut restored = Ok(());
        let loaded = platform.load(&mut |key: RecordKey, value: &[u8]| {
            if restored.is_ok() {
                restored = state.restore(key, value);
            }
        });
        match loaded {
            Ok(()) => {}
            Err(error @ (StoreError::Unavailable | StoreError::RateLimited)) => {
                return Ok(Attached::Later(error));
            }
            Err(StoreError::Missing) => return Err(missing(platform)?),
            Err(error) => return Err(FailureReason::Store(error)),
        }
        state.set_availability(Availability::Open);
        if restored.is_err() {
            return Err(FailureReason::State);
        }
        // Before the counter is moved: this firmware changes nothing of what it may not use.
        firmware::check(state)?;
        self.number = state.commit_number().map_err(|_| FailureReason::State)?;
        if platform.counter_assurance() == CounterAssurance::None {
            return Ok(Attached::Yes);
        }
        let counter = match platform.counter_value() {
            Ok(value) => value,
            Err(error) => return later(error),
        };
        if self.number == counter {
            return Ok(Attached::Yes);
        }
        if self.number < counter {
            return Err(FailureReason::Store(StoreError::RolledBack));
        }
        if counter.checked_add(1) != Some(self.number) {
            return Err(FailureReason::Store(StoreError::Foreign));
        }
        match platform.advance_counter(self.number) {
            Ok(()) => Ok(Attached::Yes),
            Err(error) => later(error),
        }
    }

    /// Begins the numbers of a new state where the counter stands.
    pub(crate) fn begin<P: Platform>(
        &mut self,
        state: &mut State<'_>,
        platform: &mut P,
    ) -> core::result::Result<(), FailureReason> {
        self.number = match platform.counter_assurance() {
            CounterAssurance::None => 0,
            _ => platform.counter_value().map_err(FailureReason::Counter)?,
        };
        self.phase = Phase::Settled;
        state.set_availability(Availability::Open);
        Ok(())
    }

    /// Finishes what the last transaction had to leave: moves the counter where it has not followed.
    pub(crate) fn settle<P: Platform>(
        &mut self,
        state: &mut State<'_>,
        platform: &mut P,
        failure: &mut Option<FailureReason>,
    ) {
        if self.phase == Phase::Unconfirmed {
            match platform.advance_counter(self.number) {
                Ok(()) => {
                    self.phase = Phase::Settled;
                    state.set_availability(Availability::Open);
                }
                Err(error) => {
                    if let Err(reason) = later(error) {
                        *failure = Some(reason);
                    }
                }
            }
        }
        if self.phase == Phase::Settled {
            state.set_availability(match platform.ready() {
                Ok(()) => Availability::Open,
                Err(error) => Availability::Dark(response_code(error)),
            });
        }
    }

    /// Makes the changes durable, then visible. Nothing is seen of changes that could not be kept.
    ///
    /// TPM_RC_NV_UNAVAILABLE, TPM_RC_NV_RATE or TPM_RC_NV_SPACE from a store that kept nothing. Where the store has
    /// kept the transaction and the counter does not follow, the answer is TPM_RC_NV_UNAVAILABLE or TPM_RC_NV_RATE as
    /// well: the command takes effect, and nothing of the state is served before the counter has followed. Sessions
    /// stay as they were, so the caller's nonces are good for another command.
    pub(crate) fn commit<'b, P: Platform>(
        &mut self,
        state: &mut State<'_>,
        platform: &mut P,
        failure: &mut Option<FailureReason>,
        arena: &Arena<'b>,
        changes: &mut Changes<'b>,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        if changes.persistent() == 0 {
            return publish(state, failure, changes);
        }
        if let Some(code) = state.unavailable() {
            return Err(code);
        }
        let Some(number) = self.number.checked_add(1) else {
            *failure = Some(FailureReason::Counter(CounterError::Exhausted));
            return Err(ResponseCode::FAILURE);
        };
        changes.put(arena, &Commit { number, bytes: core::marker::PhantomData })?;
        if !state.fits(changes) {
            return Err(ResponseCode::MEMORY);
        }
        let persistent = changes.partition();
        platform.commit(&changes.as_slice()[..persistent]).map_err(|error| match error {
            StoreError::Unavailable | StoreError::RateLimited | StoreError::Full => response_code(error),
            _ => {
                *failure = Some(FailureReason::Store(error));
                ResponseCode::FAILURE
            }
        })?;
        self.number = number;
        if platform.counter_assurance() != CounterAssurance::None
            && let Err(error) = platform.advance_counter(number)
        {
            let code = match later(error) {
                Ok(Attached::Later(waits)) => response_code(waits),
                Ok(Attached::Yes) => ResponseCode::FAILURE,
                Err(reason) => {
                    *failure = Some(reason);
                    ResponseCode::FAILURE
                }
            };
            // Only TPM2_Startup makes the table of sessions.
            if state.bytes(Kind::Running.only()).is_some() {
                changes.retain(|change| !matches!(change.kind(), SESSION | SESSION_TABLE));
            }
            publish(state, failure, changes)?;
            self.phase = Phase::Unconfirmed;
            state.set_availability(Availability::Closed(code));
            return Err(code);
        }
        publish(state, failure, changes)
    }
}

const SESSION: u16 = Kind::Session as u16;
const SESSION_TABLE: u16 = Kind::SessionTable as u16;

fn publish(state: &mut State<'_>, failure: &mut Option<FailureReason>, changes: &Changes<'_>) -> Result<()> {
    if !state.fits(changes) {
        return Err(ResponseCode::MEMORY);
    }
    state.publish(changes.as_slice()).inspect_err(|_| *failure = Some(FailureReason::State))
}

/// What an empty store means: a new device's, or one that was lost.
fn missing<P: Platform>(platform: &mut P) -> core::result::Result<FailureReason, FailureReason> {
    let lost = FailureReason::Store(StoreError::Missing);
    match platform.provisioning() {
        Ok(Provisioning::Provisioned) => return Ok(lost),
        Ok(Provisioning::Fresh | Provisioning::Unknown) => {}
        // Better no TPM now than a second one.
        Err(_) => return Ok(lost),
    }
    // A counter that has moved remembers that there was a state.
    if platform.counter_assurance() == CounterAssurance::None {
        return Ok(FailureReason::NotManufactured);
    }
    match platform.counter_value() {
        Ok(0) => Ok(FailureReason::NotManufactured),
        Ok(_) => Ok(lost),
        Err(error) => Err(FailureReason::Counter(error)),
    }
}

/// Whether the counter's error passes.
fn later(error: CounterError) -> core::result::Result<Attached, FailureReason> {
    match error {
        CounterError::Unavailable | CounterError::OutcomeUnknown => {
            Ok(Attached::Later(StoreError::Unavailable))
        }
        CounterError::RateLimited => Ok(Attached::Later(StoreError::RateLimited)),
        CounterError::Mismatch => Err(FailureReason::Store(StoreError::RolledBack)),
        CounterError::Exhausted => Err(FailureReason::Counter(error)),
    }
}

fn response_code(error: StoreError) -> ResponseCode {
    match error {
        StoreError::RateLimited => ResponseCode::NV_RATE,
        StoreError::Full => ResponseCode::NV_SPACE,
        _ => ResponseCode::NV_UNAVAILABLE,
    }
}
