//! The device.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealed_journal::{Access, Birth, Identity, Journal, JournalError, Medium, RootKey, Source};
use tee_api::{
    AtomicStore, Change, Checkpoint, Client, ClientAssurance, ClientIdentity, Clock, ClockAssurance,
    ClockError, CounterAssurance, CounterError, DeviceKey, DeviceKeyAssurance, DeviceKeyError, Entropy,
    EntropyAssurance, EntropyError, EntropyHealth, Flow, Isolation, IsolationAssurance, Lifecycle,
    LifecycleAssurance, MarkerError, MonotonicCounter, Platform, Provisioning, RecordKey, StartReason,
    StoreAssurance, StoreError,
};

use crate::disk::{Disk, SECTOR_SIZE};
use crate::plan::{Call, Counts, Plan, What};
use crate::random::Random;
use crate::recording::{Operation, Recording};

/// Bytes of one of the journal's two slots: small, so that it often changes them.
const SLOT_SIZE: u64 = 32 * 1024;
/// The first sector says that there is a journal; the journal lies behind it.
const JOURNAL_AT: usize = SECTOR_SIZE;
const MEDIUM_SIZE: usize = JOURNAL_AT + 2 * SLOT_SIZE as usize;
/// What the medium begins with once the journal behind it is whole: one byte, which cannot be torn.
const LABEL: [u8; 1] = *b"H";

/// A simulated device to which everything happens that its [`Plan`] says.
///
/// The value is a handle: a service owns one, the test keeps another ([`Self::handle`]). Calls are counted over all
/// restarts, and what the plan says happens once.
pub struct HostilePlatform {
    device: Arc<Mutex<Device>>,
    /// Open since the first load or commit of this handle.
    journal: Option<Journal<HostileMedium>>,
}

impl HostilePlatform {
    /// A new device with a counter and a marker: nothing kept yet, time 0, entropy that follows from `seed` alone.
    pub fn new(seed: u64, plan: Plan) -> Self {
        Self::of(Device {
            plan,
            counts: Counts::default(),
            powered: true,
            disk: Disk::of(vec![0; MEDIUM_SIZE]),
            cut: None,
            counter: Some(0),
            provisioned: Some(false),
            entropy: Random::new(seed),
            stuck: None,
            milliseconds: 0,
            restarted: false,
            failed: None,
            recording: None,
            kinds: BTreeMap::new(),
        })
    }

    /// The same without counter and marker: nothing outside the medium remembers anything.
    pub fn forgetful(seed: u64, plan: Plan) -> Self {
        let new = Self::new(seed, plan);
        let mut device = new.device();
        device.counter = None;
        device.provisioned = None;
        drop(device);
        new
    }

    /// Another handle on the same device. Only one of them is to be used as a store.
    pub fn handle(&self) -> Self {
        Self { device: Arc::clone(&self.device), journal: None }
    }

    /// A second device, equal to this one in everything.
    pub fn fork(&self) -> Self {
        Self::of(self.device().clone())
    }

    /// The device after its power went and came back: what was not durable is gone, or as the cut left it. Other
    /// handles keep the old device, so what still runs there cannot reach this one.
    pub fn reboot(&self) -> Self {
        let mut device = self.device().clone();
        device.disk = device.disk.restarted(device.cut.take());
        device.powered = true;
        device.restarted = false;
        device.failed = None;
        // A service that starts twice does not see the same bytes twice.
        let _ = device.entropy.next();
        Self::of(device)
    }

    /// As [`Self::reboot`], where all that was written reached the medium in time, synced or not.
    pub fn reboot_late(&self) -> Self {
        let kept = self.fork();
        let mut device = kept.device();
        if device.cut.is_none() {
            device.cut = Some(device.disk.cut_in_order());
        }
        drop(device);
        kept.reboot()
    }

    /// The device after the service alone was started again: the medium's cache survives.
    pub fn restart_service(&self) -> Self {
        let restarted = self.fork();
        restarted.device().restarted = true;
        restarted
    }

    /// What goes wrong from now on, counted from the calls that were made so far.
    pub fn set_plan(&self, mut plan: Plan) {
        let mut device = self.device();
        for fault in &mut plan.faults {
            fault.at = fault.at.saturating_add(device.counts.of(fault.what.call()));
        }
        device.plan = plan;
    }

    /// Whether the power is on: a cut in the plan ends it.
    pub fn is_powered(&self) -> bool {
        self.device().powered
    }

    /// How often each kind of call was made.
    pub fn counts(&self) -> Counts {
        self.device().counts
    }

    /// How many transactions that were kept touched records of each kind.
    pub fn kinds_written(&self) -> BTreeMap<u16, u64> {
        self.device().kinds.clone()
    }

    /// The counter's value.
    pub fn counter(&self) -> Option<u64> {
        self.device().counter
    }

    /// What the service said when it failed the platform.
    pub fn failed(&self) -> Option<String> {
        self.device().failed.clone()
    }

    /// Moves the clock on.
    pub fn advance(&self, milliseconds: u64) {
        let mut device = self.device();
        device.milliseconds = device.milliseconds.saturating_add(milliseconds);
    }

    /// What is on the medium, the cache included; `change` may change it, as somebody would who holds the medium.
    pub fn tamper<R>(&self, change: impl FnOnce(&mut [u8]) -> R) -> R {
        self.device().disk.tamper(change)
    }

    /// Writes down from here on what is done to the medium, the counter and the marker.
    pub fn record(&self) {
        let mut device = self.device();
        let start = device.clone();
        device.recording = Some(Recording::from(start));
    }

    /// How many operations were written down.
    pub fn recorded(&self) -> usize {
        self.device().recording.as_ref().map_or(0, Recording::operations)
    }

    /// What was written down, and no more of it.
    pub fn take_recording(&self) -> Option<Recording> {
        self.device().recording.take()
    }

    pub(crate) fn of(device: Device) -> Self {
        Self { device: Arc::new(Mutex::new(device)), journal: None }
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        lock(&self.device)
    }

    fn medium(&self) -> HostileMedium {
        HostileMedium { device: Arc::clone(&self.device) }
    }

    /// The journal draws from the same source as everybody.
    fn source(&self) -> Source {
        let device = Arc::clone(&self.device);
        Box::new(move |out| lock(&device).fill_entropy(out))
    }

    fn open(&mut self) -> Result<&mut Journal<HostileMedium>, StoreError> {
        if self.journal.is_none() {
            let medium = self.medium();
            let mut label = [0; LABEL.len()];
            medium.read(0, &mut label).map_err(|_| StoreError::Unavailable)?;
            match label {
                LABEL => {}
                // The journal was never finished: nothing was ever answered from it.
                [0] => return Err(StoreError::Missing),
                _ => return Err(StoreError::Corrupt),
            }
            let journal = Journal::open(medium, self.source(), root_key()?, Access::Write).map_err(
                |error| match error {
                    JournalError::Io(_) => StoreError::Unavailable,
                    JournalError::WrongKey | JournalError::NewerFirmware(_) => StoreError::Foreign,
                    JournalError::NotKept(error) => error,
                    JournalError::Damaged(_) | JournalError::Newer(_) => StoreError::Corrupt,
                },
            )?;
            self.journal = Some(journal);
        }
        self.journal.as_mut().ok_or(StoreError::Unavailable)
    }

    /// Makes the journal, and only when it is durable the label that says that it is there.
    fn create(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let medium = self.medium();
        let birth = Birth { identity: Identity::default(), created: 0, slot_size: SLOT_SIZE };
        let journal = Journal::create(medium, self.source(), root_key()?, &birth, changes).map_err(
            |error| match error {
                // Whatever lies there has no label yet.
                StoreError::OutcomeUnknown => StoreError::Unavailable,
                other => other,
            },
        )?;
        let medium = self.medium();
        let named = medium.write(0, &LABEL).and_then(|()| medium.sync());
        named.map_err(|_| StoreError::OutcomeUnknown)?;
        self.journal = Some(journal);
        Ok(())
    }

    fn keep(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        match self.open() {
            Ok(journal) => journal.commit(changes)?,
            Err(StoreError::Missing) if changes.is_empty() => {}
            Err(StoreError::Missing) => self.create(changes)?,
            Err(error) => return Err(error),
        }
        let mut device = self.device();
        for change in changes {
            *device.kinds.entry(change.kind()).or_default() += 1;
        }
        Ok(())
    }
}

impl fmt::Debug for HostilePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.device();
        f.debug_struct("HostilePlatform")
            .field("plan", &device.plan)
            .field("counts", &device.counts)
            .field("counter", &device.counter)
            .finish_non_exhaustive()
    }
}

/// The device itself.
#[derive(Clone)]
pub(crate) struct Device {
    plan: Plan,
    counts: Counts,
    powered: bool,
    pub(crate) disk: Disk,
    /// What the power cut left of the medium, where not just what was durable.
    cut: Option<Vec<u8>>,
    pub(crate) counter: Option<u64>,
    pub(crate) provisioned: Option<bool>,
    entropy: Random,
    stuck: Option<u8>,
    milliseconds: u64,
    restarted: bool,
    failed: Option<String>,
    recording: Option<Recording>,
    kinds: BTreeMap<u16, u64>,
}

/// Nothing was done, or nobody knows.
struct Failed;

impl Device {
    /// Counts a call, and says what the plan has for it; an error where the power is off.
    fn call(&mut self, call: Call) -> Result<Option<What>, Failed> {
        if !self.powered {
            return Err(Failed);
        }
        let number = self.counts.next(call);
        Ok(self.plan.hits(call, number))
    }

    /// The device as a power cut leaves it: with this image of the medium, after the next start.
    pub(crate) fn cut(&mut self, image: Vec<u8>) {
        self.powered = false;
        self.cut = Some(image);
    }

    fn note(&mut self, operation: impl FnOnce() -> Operation) {
        if let Some(recording) = &mut self.recording {
            recording.push(operation());
        }
    }

    fn read(&mut self, offset: usize, out: &mut [u8]) -> Result<(), Failed> {
        let read = match self.call(Call::Read)? {
            Some(What::LateRead(_)) => None,
            Some(What::StaleRead(writes)) => self.disk.read_stale(offset, out, writes as usize),
            _ => self.disk.read(offset, out),
        };
        read.ok_or(Failed)
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), Failed> {
        let hit = self.call(Call::Write)?;
        self.note(|| Operation::Write(offset, bytes.to_vec()));
        match hit {
            Some(What::Cut) => {
                self.cut(self.disk.cut_in_order());
                Err(Failed)
            }
            Some(What::Torn(count)) => {
                self.cut(self.disk.cut_torn(offset, bytes, count as usize));
                Err(Failed)
            }
            Some(What::Reordered(pattern)) => {
                self.disk.write(offset, bytes).ok_or(Failed)?;
                self.cut(self.disk.cut_reordered(pattern));
                Err(Failed)
            }
            Some(What::LateWrite(_)) => Err(Failed),
            Some(What::ErrorButKept) => {
                self.disk.write(offset, bytes).ok_or(Failed)?;
                Err(Failed)
            }
            Some(What::ErrorButHalfKept(count)) => {
                let kept = bytes.get(..count as usize).unwrap_or(bytes);
                self.disk.write(offset, kept).ok_or(Failed)?;
                Err(Failed)
            }
            _ => self.disk.write(offset, bytes).ok_or(Failed),
        }
    }

    fn sync(&mut self) -> Result<(), Failed> {
        let hit = self.call(Call::Sync)?;
        self.note(|| Operation::Sync);
        match hit {
            Some(What::LateSync(_)) => Err(Failed),
            Some(What::SyncErrorButKept) => {
                self.disk.sync();
                Err(Failed)
            }
            Some(What::SyncErrorAndDropped) => {
                self.disk.drop_pending();
                Err(Failed)
            }
            Some(What::Dropped) => {
                self.disk.drop_pending();
                Ok(())
            }
            Some(What::Replayed) => {
                self.disk.sync();
                self.disk.replay_this();
                Ok(())
            }
            _ => {
                self.disk.sync();
                Ok(())
            }
        }
    }

    fn advance_counter(&mut self, to: u64) -> Result<(), CounterError> {
        let hit = self.call(Call::AdvanceCounter).map_err(|_| CounterError::Unavailable)?;
        if let Some(What::CounterWithheld(error, _)) = hit {
            return Err(error);
        }
        let value = self.counter.as_mut().ok_or(CounterError::Exhausted)?;
        if *value != to && value.checked_add(1) != Some(to) {
            return Err(CounterError::Mismatch);
        }
        *value = to;
        self.note(|| Operation::Counter(to));
        if hit == Some(What::CounterAnswerLost) { Err(CounterError::OutcomeUnknown) } else { Ok(()) }
    }

    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        out.fill(0);
        match self.call(Call::Entropy).map_err(|_| EntropyError::Unavailable)? {
            Some(What::EntropyAnswers(error, _)) => return Err(error),
            Some(What::EntropySticks(byte)) => self.stuck = Some(byte),
            _ => {}
        }
        match self.stuck {
            Some(byte) => out.fill(byte),
            None => self.entropy.fill(out),
        }
        Ok(())
    }

    fn milliseconds(&mut self) -> Result<u64, ClockError> {
        match self.call(Call::Clock).map_err(|_| ClockError::Unavailable)? {
            Some(What::ClockAway(_)) => return Err(ClockError::Unavailable),
            Some(What::ClockReset) => {
                self.milliseconds = 0;
                return Err(ClockError::Reset);
            }
            Some(What::ClockJumps(by)) => self.milliseconds = self.milliseconds.saturating_add_signed(by),
            _ => {}
        }
        Ok(self.milliseconds)
    }
}

/// The medium, as the journal sees it.
struct HostileMedium {
    device: Arc<Mutex<Device>>,
}

impl HostileMedium {
    fn read(&self, offset: usize, out: &mut [u8]) -> Result<(), Failed> {
        lock(&self.device).read(offset, out)
    }

    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), Failed> {
        lock(&self.device).write(offset, bytes)
    }

    fn sync(&self) -> Result<(), Failed> {
        lock(&self.device).sync()
    }
}

impl Medium for HostileMedium {
    fn size(&self) -> io::Result<u64> {
        Ok((lock(&self.device).disk.size() - JOURNAL_AT) as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        Ok(self.read(place(offset)?, out)?)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Ok(self.write(place(offset)?, bytes)?)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(Self::sync(self)?)
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map(|offset| offset + JOURNAL_AT).map_err(io::Error::other)
}

impl From<Failed> for io::Error {
    fn from(_: Failed) -> Self {
        Self::other("the medium failed")
    }
}

/// A panic of some test thread leaves a device that is still whole: no call changes it in two steps.
fn lock(device: &Mutex<Device>) -> MutexGuard<'_, Device> {
    device.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root_key() -> Result<RootKey, StoreError> {
    RootKey::from_slice(&[0x5A; sealed_journal::ROOT_KEY_SIZE]).ok_or(StoreError::Foreign)
}

impl AtomicStore for HostilePlatform {
    fn store_assurance(&self) -> StoreAssurance {
        StoreAssurance::Sealed
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        match self.device().call(Call::Ready) {
            Ok(Some(What::NotReady(error, _))) => Err(error),
            Ok(_) => Ok(()),
            Err(Failed) => Err(StoreError::Unavailable),
        }
    }

    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        match self.device().call(Call::Load) {
            Ok(Some(What::LoadAnswers(error, _))) => return Err(error),
            Ok(_) => {}
            Err(Failed) => return Err(StoreError::Unavailable),
        }
        self.open()?.records()?.iter().for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let hit = self.device().call(Call::Commit);
        match hit {
            Ok(Some(What::CommitAnswers(error, _))) => Err(error),
            Ok(Some(What::CommitKeptAnswers(error))) => {
                self.keep(changes)?;
                Err(error)
            }
            Ok(_) => self.keep(changes),
            Err(Failed) => Err(StoreError::Unavailable),
        }
    }
}

impl MonotonicCounter for HostilePlatform {
    fn counter_assurance(&self) -> CounterAssurance {
        if self.device().counter.is_some() { CounterAssurance::Hardware } else { CounterAssurance::None }
    }

    fn counter_value(&mut self) -> Result<u64, CounterError> {
        let mut device = self.device();
        match device.call(Call::CounterValue) {
            Ok(Some(What::CounterAway(error, _))) => Err(error),
            Ok(_) => device.counter.ok_or(CounterError::Exhausted),
            Err(Failed) => Err(CounterError::Unavailable),
        }
    }

    fn advance_counter(&mut self, to: u64) -> Result<(), CounterError> {
        self.device().advance_counter(to)
    }
}

impl Entropy for HostilePlatform {
    fn entropy_assurance(&self) -> EntropyAssurance {
        EntropyAssurance::Hardware
    }

    /// Nobody tests the source: one that sticks says nothing.
    fn entropy_health(&self) -> EntropyHealth {
        EntropyHealth::Untested
    }

    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.device().fill_entropy(out)
    }
}

impl Clock for HostilePlatform {
    fn clock_assurance(&self) -> ClockAssurance {
        ClockAssurance::Secure
    }

    fn milliseconds(&mut self) -> Result<u64, ClockError> {
        self.device().milliseconds()
    }
}

impl DeviceKey for HostilePlatform {
    fn device_key_assurance(&self) -> DeviceKeyAssurance {
        DeviceKeyAssurance::Hardware
    }

    /// Follows from the label alone.
    fn derive_key(&mut self, label: &[u8], out: &mut [u8]) -> Result<(), DeviceKeyError> {
        out.fill(0);
        if out.len() > tee_api::MAX_DERIVED_KEY_SIZE {
            return Err(DeviceKeyError::Unsupported);
        }
        let seed = label.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        Random::new(seed).fill(out);
        Ok(())
    }
}

impl ClientIdentity for HostilePlatform {
    fn client_assurance(&self) -> ClientAssurance {
        ClientAssurance::Secure
    }

    fn client(&self) -> Client {
        Client::NormalWorld
    }
}

impl Isolation for HostilePlatform {
    fn isolation_assurance(&self) -> IsolationAssurance {
        IsolationAssurance::SecureWorld
    }
}

impl Lifecycle for HostilePlatform {
    fn lifecycle_assurance(&self) -> LifecycleAssurance {
        LifecycleAssurance::Secure
    }

    fn start_reason(&self) -> StartReason {
        if self.device().restarted { StartReason::ServiceRestart } else { StartReason::PlatformReset }
    }

    fn provisioning(&mut self) -> Result<Provisioning, MarkerError> {
        let mut device = self.device();
        match device.call(Call::Marker) {
            Ok(Some(What::MarkerAway(_))) | Err(Failed) => Err(MarkerError),
            Ok(_) => Ok(match device.provisioned {
                None => Provisioning::Unknown,
                Some(false) => Provisioning::Fresh,
                Some(true) => Provisioning::Provisioned,
            }),
        }
    }

    fn mark_provisioned(&mut self) -> Result<(), MarkerError> {
        let mut device = self.device();
        match device.call(Call::Marker) {
            Ok(Some(What::MarkerAway(_))) | Err(Failed) => return Err(MarkerError),
            Ok(_) => {}
        }
        if let Some(provisioned) = &mut device.provisioned {
            *provisioned = true;
            device.note(|| Operation::Marker);
        }
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        self.device().failed = Some(why.to_owned());
    }
}

impl Checkpoint for HostilePlatform {
    /// A device without power never comes back from here; the simulated one ends the work instead.
    fn checkpoint(&mut self) -> Flow {
        match self.device().call(Call::Checkpoint) {
            Ok(Some(What::Cancel)) | Err(Failed) => Flow::Cancel,
            Ok(_) => Flow::Continue,
        }
    }
}

impl Platform for HostilePlatform {}
