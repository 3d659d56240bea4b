//! The device that tests script.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tee_api::{
    AtomicStore, Change, Checkpoint, Client, ClientAssurance, ClientIdentity, Clock, ClockAssurance,
    ClockError, CounterAssurance, CounterError, DeviceKey, DeviceKeyAssurance, DeviceKeyError, Entropy,
    EntropyAssurance, EntropyError, EntropyHealth, Flow, Isolation, IsolationAssurance, Lifecycle,
    LifecycleAssurance, MarkerError, MonotonicCounter, Platform, Provisioning, RecordKey, StartReason,
    StoreAssurance, StoreError,
};

use crate::Records;

/// How often the device was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of `load`, whatever their answer.
    pub loads: u64,
    /// Calls of `commit`, whatever their answer.
    pub commits: u64,
    /// Transactions that the store keeps.
    pub commits_kept: u64,
    /// Calls of `fill_entropy`.
    pub entropy_calls: u64,
    /// Bytes of entropy handed out.
    pub entropy_bytes: u64,
    /// Calls that read or moved the counter.
    pub counter_calls: u64,
    /// Readings of the clock.
    pub clock_readings: u64,
    /// Checkpoints passed.
    pub checkpoints: u64,
}

/// A device in memory, for tests and for a TPM that forgets everything.
///
/// The value is a handle: a service owns one, the test keeps another ([`Self::handle`]) and scripts what happens
/// next. [`Self::fork`] copies the device as it is, for instance to try what a power cut here would leave.
pub struct MemoryPlatform {
    device: Arc<Mutex<Device>>,
}

impl MemoryPlatform {
    /// A new device: nothing kept yet, time 0, entropy that follows from `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self::of(Device {
            store: None,
            kept_last: None,
            capacity: usize::MAX,
            claims: Claims::default(),
            counter: None,
            provisioned: None,
            restarted: false,
            failed: None,
            client: Client::NormalWorld,
            source_failed: false,
            entropy_state: seed,
            scripted_entropy: VecDeque::new(),
            milliseconds: 0,
            milliseconds_per_reading: 0,
            clock_began_anew: false,
            cancel: false,
            cancel_at: None,
            faults: Faults::default(),
            counts: Counts::default(),
        })
    }

    /// Another handle on the same device.
    pub fn handle(&self) -> Self {
        Self { device: Arc::clone(&self.device) }
    }

    /// A second device, equal to this one in everything, faults that wait and counters too.
    pub fn fork(&self) -> Self {
        Self::of(self.device().clone())
    }

    /// The device after its power was cut: the store, the counter, the entropy's state and the time stay, all that was
    /// scripted and counted is gone. Other handles keep the old device, so what still runs there cannot reach this one.
    pub fn reboot(&self) -> Self {
        let mut device = self.device().clone();
        device.scripted_entropy.clear();
        device.cancel = false;
        device.cancel_at = None;
        device.faults = Faults::default();
        device.counts = Counts::default();
        device.restarted = false;
        device.failed = None;
        device.source_failed = false;
        Self::of(device)
    }

    /// The device after the service alone was started again, and the platform went on: it still knows that the
    /// service failed, or that its entropy did.
    pub fn restart_service(&self) -> Self {
        let restarted = self.reboot();
        {
            let (before, mut after) = (self.device(), restarted.device());
            after.restarted = true;
            after.failed.clone_from(&before.failed);
            after.source_failed = before.source_failed;
        }
        restarted
    }

    /// What the service said when it failed the platform.
    pub fn failed(&self) -> Option<String> {
        self.device().failed.clone()
    }

    /// How often the device was called.
    pub fn counts(&self) -> Counts {
        self.device().counts
    }

    /// Sets all counters to zero.
    pub fn reset_counts(&self) {
        self.device().counts = Counts::default();
    }

    /// A copy of all that the store keeps; `None` where nothing was ever kept.
    pub fn records(&self) -> Option<Records> {
        self.device().store.clone()
    }

    /// Puts the store into a state, an old one for instance; `None` empties it. A service that runs finds that out at
    /// its next commit; a store that claims [`StoreAssurance::ReplayProtected`] when it is loaded, too.
    pub fn set_records(&self, records: Option<Records>) {
        self.device().store = records;
    }

    /// How many bytes all records together may have.
    pub fn set_capacity(&self, bytes: usize) {
        self.device().capacity = bytes;
    }

    /// The assurance that the store claims.
    pub fn set_store_assurance(&self, assurance: StoreAssurance) {
        let mut device = self.device();
        device.claims.store = assurance;
        device.kept_last = device.store.clone();
    }

    /// The assurance that the entropy claims.
    pub fn set_entropy_assurance(&self, assurance: EntropyAssurance) {
        self.device().claims.entropy = assurance;
    }

    /// The assurance that the clock claims.
    pub fn set_clock_assurance(&self, assurance: ClockAssurance) {
        self.device().claims.clock = assurance;
    }

    /// The assurance that the device's key claims.
    pub fn set_device_key_assurance(&self, assurance: DeviceKeyAssurance) {
        self.device().claims.device_key = assurance;
    }

    /// The assurance that the isolation claims.
    pub fn set_isolation_assurance(&self, assurance: IsolationAssurance) {
        self.device().claims.isolation = assurance;
    }

    /// The assurance that the callers' identity claims.
    pub fn set_client_assurance(&self, assurance: ClientAssurance) {
        self.device().claims.client = assurance;
    }

    /// The assurance that the start's reason claims.
    pub fn set_lifecycle_assurance(&self, assurance: LifecycleAssurance) {
        self.device().claims.lifecycle = assurance;
    }

    /// The counter's value; `None`, as a new device has it, takes the counter away.
    pub fn set_counter(&self, value: Option<u64>) {
        self.device().counter = value;
    }

    /// The counter's value.
    pub fn counter(&self) -> Option<u64> {
        self.device().counter
    }

    /// Whether something outside the store remembers that a service was provisioned; `None`, as a new device has it,
    /// where nothing can.
    pub fn set_provisioned(&self, provisioned: Option<bool>) {
        self.device().provisioned = provisioned;
    }

    /// Who calls from now on.
    pub fn set_client(&self, client: Client) {
        self.device().client = client;
    }

    /// Handed out, in this order, before the seeded entropy goes on.
    pub fn script_entropy(&self, bytes: &[u8]) {
        self.device().scripted_entropy.extend(bytes);
    }

    /// Moves the clock on.
    pub fn advance(&self, milliseconds: u64) {
        let mut device = self.device();
        device.milliseconds = device.milliseconds.saturating_add(milliseconds);
    }

    /// Sets the clock, backwards too: a test of a service that is told a lie.
    pub fn set_milliseconds(&self, milliseconds: u64) {
        self.device().milliseconds = milliseconds;
    }

    /// Sets the clock back so far, and the platform notices: the next reading is [`ClockError::Reset`].
    pub fn set_clock_back(&self, milliseconds: u64) {
        let mut device = self.device();
        device.milliseconds = device.milliseconds.saturating_sub(milliseconds);
        device.clock_began_anew = true;
    }

    /// Lets every reading of the clock move it on by so much.
    pub fn advance_per_reading(&self, milliseconds: u64) {
        self.device().milliseconds_per_reading = milliseconds;
    }

    /// Every checkpoint asks for the end from now on, or none does.
    pub fn set_cancel(&self, cancel: bool) {
        self.device().cancel = cancel;
    }

    /// The `passes`-th checkpoint from now asks for the end, once; 1 is the next one.
    pub fn cancel_at_checkpoint(&self, passes: u64) {
        let mut device = self.device();
        device.cancel_at = Some(device.counts.checkpoints.saturating_add(passes));
    }

    /// The next commit keeps nothing and answers `error`.
    pub fn fail_next_commit(&self, error: StoreError) {
        self.fail_commit_after(0, error);
    }

    /// `commits` more commits work as ever, then one keeps nothing and answers `error`. Several such faults may wait.
    pub fn fail_commit_after(&self, commits: u64, error: StoreError) {
        self.schedule(commits, error, false);
    }

    /// `commits` more commits work as ever, then one is kept and still answers `error`: the answer was lost.
    pub fn lose_answer_after(&self, commits: u64, error: StoreError) {
        self.schedule(commits, error, true);
    }

    /// Every commit from now on keeps nothing and answers `error`, until `None`: a dark period.
    pub fn fail_all_commits(&self, error: Option<StoreError>) {
        self.device().faults.all_commits = error;
    }

    /// Storage cannot be reached at all from now on, or can be reached again.
    pub fn set_storage_away(&self, away: bool) {
        let error = away.then_some(StoreError::Unavailable);
        let mut device = self.device();
        device.faults.all_commits = error;
        device.faults.all_loads = error;
    }

    /// Every call of the counter from now on answers `error` and moves nothing, until `None`.
    pub fn fail_all_counter_calls(&self, error: Option<CounterError>) {
        self.device().faults.all_counter_calls = error;
    }

    /// `calls` more calls of the counter work as ever, then one moves it and still answers
    /// [`CounterError::OutcomeUnknown`].
    pub fn lose_counter_answer_after(&self, calls: u64) {
        let mut device = self.device();
        device.faults.lost_counter_answer = Some(device.counts.counter_calls.saturating_add(calls));
    }

    /// The next load answers `error`.
    pub fn fail_next_load(&self, error: StoreError) {
        self.device().faults.next_load = Some(error);
    }

    /// The next call for entropy answers `error`.
    pub fn fail_next_entropy(&self, error: EntropyError) {
        self.fail_entropy_after(0, error);
    }

    /// `calls` more calls for entropy work as ever, then one answers `error`.
    pub fn fail_entropy_after(&self, calls: u64, error: EntropyError) {
        let mut device = self.device();
        let at = device.counts.entropy_calls.saturating_add(calls);
        device.faults.entropy = Some((at, error));
    }

    /// Every call for entropy from now on answers `error`, until `None`.
    pub fn fail_all_entropy(&self, error: Option<EntropyError>) {
        self.device().faults.all_entropy = error;
    }

    /// The next reading of the clock fails.
    pub fn fail_next_clock(&self) {
        self.device().faults.next_clock = true;
    }

    fn of(device: Device) -> Self {
        Self { device: Arc::new(Mutex::new(device)) }
    }

    fn schedule(&self, commits: u64, error: StoreError, kept: bool) {
        let mut device = self.device();
        let at = device.counts.commits.saturating_add(commits);
        device.faults.commits.push(CommitFault { at, error, kept });
    }

    /// A panic of some test thread leaves a device that is still whole: no call changes it in two steps.
    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.device();
        f.debug_struct("MemoryPlatform")
            .field("store", &device.store)
            .field("milliseconds", &device.milliseconds)
            .field("counts", &device.counts)
            .finish_non_exhaustive()
    }
}

impl Entropy for MemoryPlatform {
    /// What the test says: this entropy can be predicted.
    fn entropy_assurance(&self) -> EntropyAssurance {
        self.device().claims.entropy
    }

    fn entropy_health(&self) -> EntropyHealth {
        let device = self.device();
        match device.faults.all_entropy {
            Some(EntropyError::Unhealthy) => EntropyHealth::Failed,
            _ if device.source_failed => EntropyHealth::Failed,
            _ => EntropyHealth::Untested,
        }
    }

    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        out.fill(0);
        let mut device = self.device();
        let call = device.counts.entropy_calls;
        device.counts.entropy_calls += 1;
        if device.claims.entropy == EntropyAssurance::None {
            return Err(EntropyError::Unavailable);
        }
        let one_call = device.faults.entropy.take_if(|(at, _)| *at == call).map(|(_, error)| error);
        let failed = device.source_failed.then_some(EntropyError::Unhealthy);
        if let Some(error) = failed.or(device.faults.all_entropy).or(one_call) {
            device.source_failed = error == EntropyError::Unhealthy;
            return Err(error);
        }
        for byte in out.iter_mut() {
            *byte = match device.scripted_entropy.pop_front() {
                Some(scripted) => scripted,
                None => split_mix(&mut device.entropy_state),
            };
        }
        device.counts.entropy_bytes += out.len() as u64;
        Ok(())
    }
}

impl Clock for MemoryPlatform {
    fn clock_assurance(&self) -> ClockAssurance {
        self.device().claims.clock
    }

    fn milliseconds(&mut self) -> Result<u64, ClockError> {
        let mut device = self.device();
        device.counts.clock_readings += 1;
        if std::mem::take(&mut device.faults.next_clock) {
            return Err(ClockError::Unavailable);
        }
        if device.claims.clock == ClockAssurance::None {
            return Err(ClockError::Unavailable);
        }
        if std::mem::take(&mut device.clock_began_anew) {
            return Err(ClockError::Reset);
        }
        let now = device.milliseconds;
        device.milliseconds = now.saturating_add(device.milliseconds_per_reading);
        Ok(now)
    }
}

impl Checkpoint for MemoryPlatform {
    fn checkpoint(&mut self) -> Flow {
        let mut device = self.device();
        device.counts.checkpoints += 1;
        let reached = device.counts.checkpoints;
        let due = device.cancel_at.take_if(|at| *at == reached).is_some();
        if due || device.cancel { Flow::Cancel } else { Flow::Continue }
    }
}

impl AtomicStore for MemoryPlatform {
    fn store_assurance(&self) -> StoreAssurance {
        self.device().claims.store
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        match self.device().faults.all_commits {
            Some(error @ (StoreError::Unavailable | StoreError::RateLimited)) => Err(error),
            _ => Ok(()),
        }
    }

    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        // A copy, so that `visit` may call the device.
        let records = {
            let mut device = self.device();
            device.counts.loads += 1;
            if let Some(error) = device.faults.next_load.take().or(device.faults.all_loads) {
                return Err(error);
            }
            if device.claims.store == StoreAssurance::ReplayProtected && device.store != device.kept_last {
                return Err(StoreError::RolledBack);
            }
            device.kept_last = device.store.clone();
            device.store.clone().ok_or(StoreError::Missing)?
        };
        records.iter().for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    /// A transaction without changes is kept without effect: a store that held nothing stays [`StoreError::Missing`].
    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let mut device = self.device();
        let call = device.counts.commits;
        device.counts.commits += 1;
        if let Some(error) = device.faults.all_commits {
            return Err(error);
        }
        let fault = device.faults.take_commit(call);
        if let Some(CommitFault { error, kept: false, .. }) = fault {
            return Err(error);
        }
        if !changes.is_empty() {
            // Put back under a running service: nothing may be kept on top of that.
            if device.store != device.kept_last {
                return Err(StoreError::RolledBack);
            }
            let empty = Records::new();
            device.store.as_ref().unwrap_or(&empty).check(changes)?;
            if device.capacity < usize::MAX {
                let mut grown = device.store.clone().unwrap_or_default();
                grown.apply(changes)?;
                if grown.iter().map(|(_, value)| value.len()).sum::<usize>() > device.capacity {
                    return Err(StoreError::Full);
                }
            }
            device.store.get_or_insert_default().apply(changes)?;
            device.kept_last = device.store.clone();
            device.counts.commits_kept += 1;
        }
        fault.map_or(Ok(()), |fault| Err(fault.error))
    }
}

impl MonotonicCounter for MemoryPlatform {
    fn counter_assurance(&self) -> CounterAssurance {
        if self.device().counter.is_some() { CounterAssurance::Hardware } else { CounterAssurance::None }
    }

    fn counter_value(&mut self) -> Result<u64, CounterError> {
        self.device().counter_call(|value| Ok(*value))
    }

    fn advance_counter(&mut self, to: u64) -> Result<(), CounterError> {
        self.device().counter_call(|value| {
            if *value != to && value.checked_add(1) != Some(to) {
                return Err(CounterError::Mismatch);
            }
            *value = to;
            Ok(())
        })
    }
}

impl DeviceKey for MemoryPlatform {
    fn device_key_assurance(&self) -> DeviceKeyAssurance {
        self.device().claims.device_key
    }

    /// Follows from the label alone, as a test key does.
    fn derive_key(&mut self, label: &[u8], out: &mut [u8]) -> Result<(), DeviceKeyError> {
        out.fill(0);
        if self.device_key_assurance() == DeviceKeyAssurance::None
            || out.len() > tee_api::MAX_DERIVED_KEY_SIZE
        {
            return Err(DeviceKeyError::Unsupported);
        }
        let mut state = label.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        out.fill_with(|| split_mix(&mut state));
        Ok(())
    }
}

impl ClientIdentity for MemoryPlatform {
    fn client_assurance(&self) -> ClientAssurance {
        self.device().claims.client
    }

    fn client(&self) -> Client {
        let device = self.device();
        if device.claims.client == ClientAssurance::None { Client::NormalWorld } else { device.client }
    }
}

impl Isolation for MemoryPlatform {
    fn isolation_assurance(&self) -> IsolationAssurance {
        self.device().claims.isolation
    }
}

impl Lifecycle for MemoryPlatform {
    fn lifecycle_assurance(&self) -> LifecycleAssurance {
        self.device().claims.lifecycle
    }

    fn start_reason(&self) -> StartReason {
        if self.device().restarted { StartReason::ServiceRestart } else { StartReason::PlatformReset }
    }

    fn provisioning(&mut self) -> Result<Provisioning, MarkerError> {
        Ok(match self.device().provisioned {
            None => Provisioning::Unknown,
            Some(false) => Provisioning::Fresh,
            Some(true) => Provisioning::Provisioned,
        })
    }

    fn mark_provisioned(&mut self) -> Result<(), MarkerError> {
        if let Some(provisioned) = &mut self.device().provisioned {
            *provisioned = true;
        }
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        self.device().failed = Some(why.to_owned());
    }
}

impl Platform for MemoryPlatform {}

/// What the device claims of itself. A new one claims what a good device does, but for a counter and a marker, so
/// that tests run under the default policy.
#[derive(Clone, Copy)]
struct Claims {
    entropy: EntropyAssurance,
    store: StoreAssurance,
    clock: ClockAssurance,
    device_key: DeviceKeyAssurance,
    isolation: IsolationAssurance,
    client: ClientAssurance,
    lifecycle: LifecycleAssurance,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            entropy: EntropyAssurance::Hardware,
            store: StoreAssurance::Sealed,
            clock: ClockAssurance::Secure,
            device_key: DeviceKeyAssurance::Hardware,
            isolation: IsolationAssurance::SecureWorld,
            client: ClientAssurance::Secure,
            lifecycle: LifecycleAssurance::Secure,
        }
    }
}

#[derive(Clone)]
struct Device {
    store: Option<Records>,
    /// What the store held after the last commit, as something outside it remembers.
    kept_last: Option<Records>,
    capacity: usize,
    claims: Claims,
    counter: Option<u64>,
    provisioned: Option<bool>,
    restarted: bool,
    failed: Option<String>,
    client: Client,
    source_failed: bool,
    entropy_state: u64,
    scripted_entropy: VecDeque<u8>,
    milliseconds: u64,
    milliseconds_per_reading: u64,
    clock_began_anew: bool,
    cancel: bool,
    cancel_at: Option<u64>,
    faults: Faults,
    counts: Counts,
}

impl Device {
    fn counter_call<T>(
        &mut self,
        act: impl FnOnce(&mut u64) -> Result<T, CounterError>,
    ) -> Result<T, CounterError> {
        let call = self.counts.counter_calls;
        self.counts.counter_calls += 1;
        let value = self.counter.as_mut().ok_or(CounterError::Exhausted)?;
        if let Some(error) = self.faults.all_counter_calls {
            return Err(error);
        }
        let answer = act(value);
        let lost = self.faults.lost_counter_answer.take_if(|at| *at == call).is_some();
        if lost { Err(CounterError::OutcomeUnknown) } else { answer }
    }
}

#[derive(Clone, Default)]
struct Faults {
    commits: Vec<CommitFault>,
    all_commits: Option<StoreError>,
    all_loads: Option<StoreError>,
    all_counter_calls: Option<CounterError>,
    lost_counter_answer: Option<u64>,
    next_load: Option<StoreError>,
    entropy: Option<(u64, EntropyError)>,
    all_entropy: Option<EntropyError>,
    next_clock: bool,
}

impl Faults {
    fn take_commit(&mut self, call: u64) -> Option<CommitFault> {
        let waiting = self.commits.iter().position(|fault| fault.at == call)?;
        Some(self.commits.swap_remove(waiting))
    }
}

#[derive(Clone, Copy)]
struct CommitFault {
    /// The number of the call, counted from 0, that it hits.
    at: u64,
    error: StoreError,
    kept: bool,
}

/// One byte of the SplitMix64 sequence: well spread, and the same on every machine.
fn split_mix(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: RecordKey = RecordKey { kind: 2, id: 3 };

    fn put(value: &[u8]) -> Change<'_> {
        Change::Put { key: KEY, value }
    }

    #[test]
    fn entropy_follows_the_seed_and_the_script() {
        let mut first = [0; 40];
        let mut second = [0; 40];
        MemoryPlatform::new(9).fill_entropy(&mut first).unwrap();
        MemoryPlatform::new(9).fill_entropy(&mut second).unwrap();
        assert_eq!(first, second);
        MemoryPlatform::new(10).fill_entropy(&mut second).unwrap();
        assert_ne!(first, second);

        let mut device = MemoryPlatform::new(9);
        device.script_entropy(&[1, 2, 3]);
        device.fill_entropy(&mut second).unwrap();
        assert_eq!(second[..3], [1, 2, 3]);
        assert_eq!(second[3..], first[..37]);
    }

    #[test]
    fn failing_entropy_leaves_zeros() {
        let mut device = MemoryPlatform::new(1);
        device.fail_entropy_after(1, EntropyError::Unavailable);
        let mut out = [7; 4];
        assert_eq!(device.fill_entropy(&mut out), Ok(()));
        assert_eq!(device.fill_entropy(&mut out), Err(EntropyError::Unavailable));
        assert_eq!(out, [0; 4]);
        assert_eq!(device.fill_entropy(&mut out), Ok(()));
    }

    #[test]
    fn a_failed_commit_keeps_nothing_and_a_lost_answer_keeps_all() {
        let mut device = MemoryPlatform::new(1);
        assert_eq!(device.load(&mut |_, _| {}), Err(StoreError::Missing));
        device.fail_next_commit(StoreError::Full);
        device.lose_answer_after(2, StoreError::OutcomeUnknown);
        assert_eq!(device.commit(&[put(b"1")]), Err(StoreError::Full));
        assert_eq!(device.load(&mut |_, _| {}), Err(StoreError::Missing));
        assert_eq!(device.commit(&[put(b"2")]), Ok(()));
        assert_eq!(device.commit(&[put(b"3")]), Err(StoreError::OutcomeUnknown));
        let mut seen = Vec::new();
        device.load(&mut |key, value| seen.push((key, value.to_vec()))).unwrap();
        assert_eq!(seen, [(KEY, b"3".to_vec())]);
        assert_eq!((device.counts().commits, device.counts().commits_kept), (3, 2));
    }

    #[test]
    fn forks_and_reboots_are_apart_and_handles_are_not() {
        let device = MemoryPlatform::new(1);
        device.handle().commit(&[put(b"1")]).unwrap();
        let fork = device.fork();
        device.fail_all_commits(Some(StoreError::Unavailable));
        assert_eq!(device.handle().commit(&[put(b"2")]), Err(StoreError::Unavailable));
        assert_eq!(device.reboot().commit(&[put(b"2")]), Ok(()));
        assert_eq!(fork.handle().commit(&[put(b"3")]), Ok(()));
        assert_eq!(device.records().unwrap().get(KEY), Some(&b"1"[..]));
        assert_eq!(fork.records().unwrap().get(KEY), Some(&b"3"[..]));
    }

    #[test]
    fn checkpoints_cancel_where_told() {
        let mut device = MemoryPlatform::new(1);
        device.cancel_at_checkpoint(2);
        assert_eq!([(); 3].map(|()| device.checkpoint()), [Flow::Continue, Flow::Cancel, Flow::Continue]);
        device.set_cancel(true);
        assert_eq!(device.checkpoint(), Flow::Cancel);
    }

    #[test]
    fn time_stands_until_it_is_moved() {
        let mut device = MemoryPlatform::new(1);
        device.advance(5);
        assert_eq!(device.milliseconds(), Ok(5));
        device.advance_per_reading(2);
        assert_eq!([(); 2].map(|()| device.milliseconds()), [Ok(5), Ok(7)]);
        device.fail_next_clock();
        assert_eq!(device.milliseconds(), Err(ClockError::Unavailable));
        assert_eq!(device.milliseconds(), Ok(9));
    }
}
