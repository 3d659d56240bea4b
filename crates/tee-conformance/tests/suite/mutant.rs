//! The platform in memory with one fault in it.

use std::cell::RefCell;
use std::rc::Rc;

use platform_memory::{MemoryPlatform, Records};
use tee_api::{
    AtomicStore, Change, Checkpoint, Client, ClientAssurance, ClientIdentity, Clock, ClockAssurance,
    ClockError, CounterAssurance, CounterError, DeviceKey, DeviceKeyAssurance, DeviceKeyError, Entropy,
    EntropyAssurance, EntropyError, EntropyHealth, Flow, Isolation, IsolationAssurance, Lifecycle,
    LifecycleAssurance, MarkerError, MonotonicCounter, Platform, Provisioning, RecordKey, StartReason,
    StoreAssurance, StoreError,
};

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident by $check:literal,)*) => {
        /// What is broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            /// Nothing is.
            Nothing,
            $($(#[$doc])* $fault,)*
        }

        impl Fault {
            pub const ALL: &[Self] = &[$(Self::$fault,)*];

            /// The check that is there to find it.
            pub const fn found_by(self) -> &'static str {
                match self {
                    Self::Nothing => "",
                    $(Self::$fault => $check,)*
                }
            }
        }
    };
}

faults! {
    /// At most 4 bytes a call, and no word of it (lessons, row 8).
    EntropyIsShort by "entropy_fills_all",
    EntropyIsPrefilled by "entropy_fills_all",
    EntropyComesTwice by "entropy_never_repeats",
    EntropyIsConstant by "entropy_never_repeats",
    EntropyIsBiased by "entropy_never_repeats",
    EntropyBeginsAnew by "entropy_differs_after_restart",
    EntropyOutOfNothing by "entropy_none_gives_none",
    EntropyErrorLeavesBytes by "entropy_error_leaves_zeros",
    EntropyNeverRunsDry by "entropy_error_leaves_zeros",
    EntropyHealthIsBlind by "entropy_failure_sticks",
    EntropyHeals by "entropy_failure_sticks",
    StoreIsThereAtOnce by "store_new_is_missing",
    StorePatchesNothing by "store_put_patch_delete",
    StoreDeletesAll by "store_put_patch_delete",
    StoreForgetsEmptyRecords by "store_put_patch_delete",
    StoreReverses by "store_order_in_transaction",
    /// One by one, with no commit record (lessons, row 3).
    StoreAppliesHalf by "store_refuses_bad_patch",
    StoreEmptyClears by "store_empty_transaction",
    StoreFullKeepsHalf by "store_large_transaction",
    StoreWearsOut by "store_reuses_room",
    /// "NV available" is always true (lessons, row 2).
    StoreAlwaysReady by "store_ready_agrees",
    /// A commit always reports success (lessons, row 1).
    StoreAlwaysCommits by "store_dark_period",
    StoreLosesInTheDark by "store_dark_period",
    StoreWritesBack by "store_keeps_acknowledged",
    StoreTears by "store_survives_cuts",
    StoreDropsAcknowledged by "store_survives_cuts",
    StoreBeginsCorrupt by "store_begins_whole",
    PlainMedium by "store_seals",
    StoreTakesOldState by "store_finds_rollback",
    StoreCallsOldCorrupt by "store_finds_rollback",
    StoreBuildsOnSwapped by "store_notices_swap",
    CounterOutOfNothing by "counter_none_answers_none",
    CounterBeginsLate by "counter_new_is_zero",
    CounterCountsRepeats by "counter_advances_by_one",
    CounterStands by "counter_advances_by_one",
    CounterJumps by "counter_refuses_jumps",
    CounterGoesBack by "counter_refuses_jumps",
    CounterForgets by "counter_outlives_restarts",
    CounterGoesWithCopy by "counter_outlives_old_copy",
    ClockOutOfNothing by "clock_none_gives_none",
    ClockJitters by "clock_never_goes_back",
    ClockStands by "clock_moves",
    ClockCountsMicroseconds by "clock_moves",
    ClockFollowsInSilence by "clock_set_back_is_told",
    KeyOutOfNothing by "device_key_none_gives_none",
    KeyLabelIsCut by "device_key_by_label",
    KeyIsDrawn by "device_key_by_label",
    KeyIsShort by "device_key_lengths",
    KeyHasNoLimit by "device_key_lengths",
    KeyOfThisStart by "device_key_outlives_restarts",
    ClientOutOfNothing by "client_none_names_nobody",
    ClientChanges by "client_is_stable",
    ClientIsOne by "client_is_told_apart",
    MemoryIsOpen by "isolation_refuses_probes",
    StartIsAlwaysRestart by "start_after_reset",
    /// A restarted service re-runs Startup (CVE-2025-46733).
    StartIsAlwaysReset by "start_after_service_restart",
    MarkIsVolatile by "marker_sticks",
    MarkDoesNotStick by "marker_sticks",
    FailureIsSilent by "failure_is_seen",
    FailureIsForgotten by "failure_outlives_service",
    CheckpointGivesUp by "checkpoint_continues",
    CheckpointIsDeaf by "checkpoint_cancels",
    SharedWithoutBounds by "shared_buffer_bounds",
    SharedReachesTooFar by "shared_buffer_copies",
    SharedIsStale by "shared_buffer_one_fetch",
    ServiceWithoutName by "service_uuid",
    ServiceOpensTwice by "service_sessions",
    ServiceTakesAnySession by "service_wrong_session",
    ServiceTakesAnyFunction by "service_unknown_functions",
    ServiceWritesInput by "service_hostile_parameters",
    ServiceGivesHalf by "service_short_buffer",
    ServiceFetchesTwice by "service_fetches_once",
    GlueLetsIn by "service_reentry_is_busy",
}

/// What a broken platform remembers over its restarts.
#[derive(Default)]
pub struct Scars {
    corrupt: bool,
    commits: u32,
    starts: u64,
    /// What the store really holds, where commits only reach a cache.
    written: Option<Option<Records>>,
}

/// The platform in memory with one fault in it.
pub struct Mutant {
    inner: MemoryPlatform,
    fault: Fault,
    scars: Rc<RefCell<Scars>>,
    /// After so many writes the power goes away; a commit has two.
    pub cut: Option<u32>,
    dead: bool,
    calls: u64,
    ready_said: bool,
    generator: MemoryPlatform,
}

impl Mutant {
    pub fn start(inner: MemoryPlatform, fault: Fault, scars: Rc<RefCell<Scars>>) -> Self {
        scars.borrow_mut().starts += 1;
        if let Some(written) = scars.borrow_mut().written.take() {
            inner.set_records(written);
        }
        Self {
            inner,
            fault,
            scars,
            cut: None,
            dead: false,
            calls: 0,
            ready_said: false,
            generator: MemoryPlatform::new(77),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn commit_whole(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.scars.borrow_mut().commits += 1;
        match self.fault {
            Fault::StorePatchesNothing => {
                let kept: Vec<_> = changes
                    .iter()
                    .filter(|change| !matches!(change, Change::Patch { .. }))
                    .copied()
                    .collect();
                self.inner.commit(&kept)
            }
            Fault::StoreDeletesAll => {
                let kinds: Vec<_> = changes
                    .iter()
                    .map(|change| match change {
                        Change::Delete { key } => Change::DeleteKind { kind: key.kind },
                        other => *other,
                    })
                    .collect();
                self.inner.commit(&kinds)
            }
            Fault::StoreForgetsEmptyRecords => {
                let kept: Vec<_> = changes
                    .iter()
                    .filter(|change| !matches!(change, Change::Put { value: [], .. }))
                    .copied()
                    .collect();
                self.inner.commit(&kept)
            }
            Fault::StoreReverses => {
                let reversed: Vec<_> = changes.iter().rev().copied().collect();
                self.inner.commit(&reversed).or_else(|_| self.inner.commit(changes))
            }
            Fault::StoreAppliesHalf | Fault::StoreFullKeepsHalf => {
                changes.chunks(1).try_for_each(|change| self.inner.commit(change))
            }
            Fault::StoreEmptyClears if changes.is_empty() => {
                self.inner.commit(&[Change::DeleteKind { kind: 0x7E57 }])
            }
            Fault::StoreWearsOut if self.scars.borrow().commits > 50 => Err(StoreError::Full),
            Fault::StoreAlwaysReady if std::mem::take(&mut self.ready_said) => Err(StoreError::Unavailable),
            Fault::StoreAlwaysCommits => {
                let _ = self.inner.commit(changes);
                Ok(())
            }
            Fault::StoreLosesInTheDark => self.inner.commit(changes).inspect_err(|error| {
                if *error == StoreError::Unavailable {
                    self.inner.set_records(None);
                }
            }),
            Fault::StoreWritesBack if changes.iter().any(|change| matches!(change, Change::Patch { .. })) => {
                let written = self.inner.records();
                self.scars.borrow_mut().written.get_or_insert(written);
                self.inner.commit(changes)
            }
            _ => self.inner.commit(changes),
        }
    }
}

impl Entropy for Mutant {
    fn entropy_assurance(&self) -> EntropyAssurance {
        self.inner.entropy_assurance()
    }

    fn entropy_health(&self) -> EntropyHealth {
        match self.fault {
            Fault::EntropyHealthIsBlind => EntropyHealth::Good,
            _ => self.inner.entropy_health(),
        }
    }

    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.calls += 1;
        let length = out.len();
        match self.fault {
            Fault::EntropyIsShort => self.inner.fill_entropy(&mut out[..length.min(4)]),
            Fault::EntropyIsPrefilled => {
                out.fill(0);
                self.inner.fill_entropy(&mut out[..length - usize::from(length > 32)])
            }
            Fault::EntropyComesTwice if self.calls.is_multiple_of(2) => {
                MemoryPlatform::new(self.calls / 64).fill_entropy(out)
            }
            Fault::EntropyIsConstant => {
                out.fill(0x5A);
                Ok(())
            }
            Fault::EntropyIsBiased => {
                self.inner.fill_entropy(out)?;
                out.iter_mut().for_each(|byte| *byte |= 0x11);
                Ok(())
            }
            Fault::EntropyBeginsAnew => self.generator.fill_entropy(out),
            Fault::EntropyOutOfNothing => {
                out.fill(4);
                Ok(())
            }
            Fault::EntropyErrorLeavesBytes => {
                self.inner.fill_entropy(out).inspect_err(|_| out[..length / 2].fill(9))
            }
            Fault::EntropyNeverRunsDry => {
                self.inner.fill_entropy(out).or_else(|_| self.generator.fill_entropy(out))
            }
            _ => self.inner.fill_entropy(out),
        }
    }
}

impl AtomicStore for Mutant {
    fn store_assurance(&self) -> StoreAssurance {
        match self.fault {
            Fault::StoreTakesOldState => StoreAssurance::ReplayProtected,
            _ => self.inner.store_assurance(),
        }
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        self.ready_said = true;
        if self.has(Fault::StoreAlwaysReady) { Ok(()) } else { self.inner.ready() }
    }

    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        if self.dead {
            return Err(StoreError::Unavailable);
        }
        if self.scars.borrow().corrupt {
            return Err(StoreError::Corrupt);
        }
        match self.inner.load(visit) {
            Err(StoreError::Missing) if self.has(Fault::StoreIsThereAtOnce) => Ok(()),
            Err(StoreError::RolledBack) if self.has(Fault::StoreCallsOldCorrupt) => Err(StoreError::Corrupt),
            answer => answer,
        }
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        if self.dead {
            return Err(StoreError::Unavailable);
        }
        let Some(writes @ 0..2) = self.cut.take() else { return self.commit_whole(changes) };
        self.dead = true;
        let cut_in_two = writes == 1;
        match self.fault {
            Fault::StoreTears if cut_in_two => self.inner.commit(&changes[..changes.len() / 2])?,
            Fault::StoreDropsAcknowledged if cut_in_two => return Ok(()),
            Fault::StoreBeginsCorrupt if cut_in_two && self.inner.records().is_none() => {
                self.scars.borrow_mut().corrupt = true;
            }
            // All is written, and nobody is left to answer.
            _ if cut_in_two => self.inner.commit(changes)?,
            _ => {}
        }
        Err(StoreError::OutcomeUnknown)
    }
}

impl MonotonicCounter for Mutant {
    fn counter_assurance(&self) -> CounterAssurance {
        self.inner.counter_assurance()
    }

    fn counter_value(&mut self) -> Result<u64, CounterError> {
        match self.fault {
            Fault::CounterOutOfNothing => Ok(0),
            Fault::CounterForgets => {
                self.inner.counter_value().map(|value| value - self.scars.borrow().starts.min(2))
            }
            _ => self.inner.counter_value(),
        }
    }

    fn advance_counter(&mut self, to: u64) -> Result<(), CounterError> {
        let now = self.inner.counter();
        match self.fault {
            Fault::CounterForgets => self.inner.advance_counter(to + self.scars.borrow().starts.min(2)),
            Fault::CounterStands => Ok(()),
            Fault::CounterCountsRepeats if now == Some(to) => self.inner.advance_counter(to + 1),
            Fault::CounterJumps if now < Some(to) => {
                self.inner.set_counter(Some(to));
                Ok(())
            }
            Fault::CounterGoesBack if now > Some(to) => {
                self.inner.set_counter(Some(to));
                Ok(())
            }
            _ => self.inner.advance_counter(to),
        }
    }
}

impl Clock for Mutant {
    fn clock_assurance(&self) -> ClockAssurance {
        self.inner.clock_assurance()
    }

    fn milliseconds(&mut self) -> Result<u64, ClockError> {
        self.calls += 1;
        match self.fault {
            Fault::ClockOutOfNothing => Ok(5),
            Fault::ClockJitters => self.inner.milliseconds().map(|now| now + self.calls % 3),
            Fault::ClockStands => self.inner.milliseconds().map(|_| 0),
            Fault::ClockCountsMicroseconds => self.inner.milliseconds().map(|now| now * 1000),
            Fault::ClockFollowsInSilence => match self.inner.milliseconds() {
                Err(ClockError::Reset) => self.inner.milliseconds(),
                answer => answer,
            },
            _ => self.inner.milliseconds(),
        }
    }
}

impl DeviceKey for Mutant {
    fn device_key_assurance(&self) -> DeviceKeyAssurance {
        self.inner.device_key_assurance()
    }

    fn derive_key(&mut self, label: &[u8], out: &mut [u8]) -> Result<(), DeviceKeyError> {
        let length = out.len();
        match self.fault {
            Fault::KeyOutOfNothing => Ok(()),
            Fault::KeyLabelIsCut => self.inner.derive_key(&label[..label.len().min(32)], out),
            Fault::KeyIsDrawn => self.generator.fill_entropy(out).map_err(|_| DeviceKeyError::Unavailable),
            Fault::KeyIsShort => self.inner.derive_key(label, &mut out[..length.min(32)]),
            Fault::KeyHasNoLimit => self.inner.derive_key(label, &mut out[..length.min(64)]),
            Fault::KeyOfThisStart => {
                let mut long = label.to_vec();
                long.extend(self.scars.borrow().starts.to_be_bytes());
                self.inner.derive_key(&long, out)
            }
            _ => self.inner.derive_key(label, out),
        }
    }
}

impl ClientIdentity for Mutant {
    fn client_assurance(&self) -> ClientAssurance {
        self.inner.client_assurance()
    }

    fn client(&self) -> Client {
        match self.fault {
            Fault::ClientOutOfNothing => Client::User(0),
            Fault::ClientChanges if self.calls > 3 => Client::Kernel,
            Fault::ClientIsOne => Client::NormalWorld,
            _ => self.inner.client(),
        }
    }
}

impl Isolation for Mutant {
    fn isolation_assurance(&self) -> IsolationAssurance {
        self.inner.isolation_assurance()
    }
}

impl Lifecycle for Mutant {
    fn lifecycle_assurance(&self) -> LifecycleAssurance {
        self.inner.lifecycle_assurance()
    }

    fn start_reason(&self) -> StartReason {
        match self.fault {
            Fault::StartIsAlwaysRestart => StartReason::ServiceRestart,
            Fault::StartIsAlwaysReset => StartReason::PlatformReset,
            _ => self.inner.start_reason(),
        }
    }

    fn provisioning(&mut self) -> Result<Provisioning, MarkerError> {
        self.inner.provisioning()
    }

    fn mark_provisioned(&mut self) -> Result<(), MarkerError> {
        if self.has(Fault::MarkDoesNotStick) { Ok(()) } else { self.inner.mark_provisioned() }
    }

    fn fail(&mut self, why: &str) {
        if !self.has(Fault::FailureIsSilent) {
            self.inner.fail(why);
        }
    }
}

impl Checkpoint for Mutant {
    fn checkpoint(&mut self) -> Flow {
        self.calls += 1;
        match self.fault {
            Fault::CheckpointGivesUp if self.calls > 500 => Flow::Cancel,
            Fault::CheckpointIsDeaf => Flow::Continue,
            _ => self.inner.checkpoint(),
        }
    }
}

impl Platform for Mutant {}
