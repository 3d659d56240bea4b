//! The platform as a service sees it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, clock_gettime};
use tee_api::{
    AtomicStore, Change, Checkpoint, Client, ClientAssurance, ClientIdentity, Clock, ClockAssurance,
    ClockError, CounterAssurance, CounterError, DeviceKey, DeviceKeyAssurance, DeviceKeyError, Entropy,
    EntropyAssurance, EntropyError, EntropyHealth, Flow, Isolation, IsolationAssurance, Lifecycle,
    LifecycleAssurance, MarkerError, MonotonicCounter, Platform, Provisioning, RecordKey, StartReason,
    StoreAssurance, StoreError,
};

use crate::control::{Control, Watch};
use crate::error::OpenError;
use crate::store::{FileStore, StateOptions};
use sealed_journal::{Identity, StateHeader, Usage};

/// Told why the service can go on no longer.
type FailureReport = Box<dyn FnMut(&str) + Send>;

/// A Linux process as a TEE: the kernel's entropy and clock, and a state folder that is locked while this lives.
pub struct LinuxPlatform {
    store: FileStore,
    watch: Watch,
    failed: Option<String>,
    report_failure: Option<FailureReport>,
}

impl LinuxPlatform {
    /// What to tell a person whose state's key lies beside it ([`StoreAssurance::Durable`]).
    pub const KEY_BESIDE_STATE: &'static str = "the key that seals this state lies in the same folder: whoever reads \
        the folder reads the seeds. Keep the key elsewhere with --key file=PATH or fd=NUMBER";

    /// Opens the state, and takes it for this process alone. Where the folder holds nothing of ours, the state is
    /// made by the first commit; until then [`AtomicStore::load`] answers [`StoreError::Missing`].
    pub fn open(options: &StateOptions) -> Result<Self, OpenError> {
        Ok(Self { store: FileStore::open(options)?, watch: Watch::new(), failed: None, report_failure: None })
    }

    /// The folder that holds the state.
    pub fn folder(&self) -> &Path {
        self.store.folder()
    }

    /// What the state says of itself; `None` until something was kept.
    pub const fn header(&self) -> Option<&StateHeader> {
        self.store.header()
    }

    /// How full the state's file is; `None` until something was kept.
    pub const fn usage(&self) -> Option<Usage> {
        self.store.usage()
    }

    /// Writes another identity into the header than the one that it was opened with. No record changes.
    pub fn set_identity(&mut self, identity: Identity) -> Result<(), StoreError> {
        self.store.set_identity(identity)
    }

    /// Why the service can go on no longer, where it said so.
    pub fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Tells `report` when the service can go on no longer, in its words.
    pub fn set_failure_report(&mut self, report: impl FnMut(&str) + Send + 'static) {
        self.report_failure = Some(Box::new(report));
    }

    /// Cancels a running command from another thread, and says when one begins.
    pub fn control(&self) -> Control {
        self.watch.control()
    }

    /// Tells `progress` of a command that takes longer than a second, with the time it has taken, about once a
    /// second. It is called between two steps of that command, so it has to be brief.
    pub fn set_progress(&mut self, progress: impl FnMut(Duration) + Send + 'static) {
        self.watch.set_progress(Box::new(progress));
    }
}

impl fmt::Debug for LinuxPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinuxPlatform")
            .field("folder", &self.folder())
            .field("header", &self.header())
            .finish_non_exhaustive()
    }
}

impl Entropy for LinuxPlatform {
    fn entropy_assurance(&self) -> EntropyAssurance {
        EntropyAssurance::OperatingSystem
    }

    /// The kernel tests its sources, and gives nothing before it is seeded.
    fn entropy_health(&self) -> EntropyHealth {
        EntropyHealth::Good
    }

    /// Waits, early in the machine's start, until the kernel's generator is seeded.
    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        fill_random(out)
    }
}

impl Clock for LinuxPlatform {
    fn clock_assurance(&self) -> ClockAssurance {
        ClockAssurance::NormalWorld
    }

    /// Since the machine's start, suspend included.
    fn milliseconds(&mut self) -> Result<u64, ClockError> {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).map_err(|_| ClockError::Unavailable)?;
        let nanoseconds = u64::try_from(now.tv_nsec).map_err(|_| ClockError::Unavailable)?;
        Ok(seconds * 1000 + nanoseconds / 1_000_000)
    }
}

impl Checkpoint for LinuxPlatform {
    fn checkpoint(&mut self) -> Flow {
        self.watch.checkpoint()
    }
}

impl AtomicStore for LinuxPlatform {
    /// [`StoreAssurance::Durable`] where the key lies beside the state, else [`StoreAssurance::Sealed`].
    fn store_assurance(&self) -> StoreAssurance {
        self.store.assurance()
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        self.store.ready()
    }

    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        self.store.records()?.iter().for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.store.commit(changes)
    }
}

/// Linux offers no counter that outlives the files.
impl MonotonicCounter for LinuxPlatform {
    fn counter_assurance(&self) -> CounterAssurance {
        CounterAssurance::None
    }

    fn counter_value(&mut self) -> Result<u64, CounterError> {
        Err(CounterError::Exhausted)
    }

    fn advance_counter(&mut self, _to: u64) -> Result<(), CounterError> {
        Err(CounterError::Exhausted)
    }
}

/// A process has no key of its device's; the key that seals the state is the store's.
impl DeviceKey for LinuxPlatform {
    fn device_key_assurance(&self) -> DeviceKeyAssurance {
        DeviceKeyAssurance::None
    }

    fn derive_key(&mut self, _label: &[u8], out: &mut [u8]) -> Result<(), DeviceKeyError> {
        out.fill(0);
        Err(DeviceKeyError::Unsupported)
    }
}

/// The sockets' permissions decide who gets here; whoever does is not told apart.
impl ClientIdentity for LinuxPlatform {
    fn client_assurance(&self) -> ClientAssurance {
        ClientAssurance::None
    }

    fn client(&self) -> Client {
        Client::NormalWorld
    }
}

impl Isolation for LinuxPlatform {
    fn isolation_assurance(&self) -> IsolationAssurance {
        IsolationAssurance::Process
    }
}

/// A process that starts cannot tell whether the machine was reset, or only the process.
impl Lifecycle for LinuxPlatform {
    fn lifecycle_assurance(&self) -> LifecycleAssurance {
        LifecycleAssurance::None
    }

    fn start_reason(&self) -> StartReason {
        StartReason::PlatformReset
    }

    fn provisioning(&mut self) -> Result<Provisioning, MarkerError> {
        Ok(Provisioning::Unknown)
    }

    fn mark_provisioned(&mut self) -> Result<(), MarkerError> {
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        self.failed = Some(why.to_owned());
        if let Some(report) = &mut self.report_failure {
            report(why);
        }
    }
}

impl Platform for LinuxPlatform {}

/// All of `out` from the kernel, or zeros and why not.
pub(crate) fn fill_random(out: &mut [u8]) -> Result<(), EntropyError> {
    let mut filled = 0;
    while filled < out.len() {
        match getrandom(&mut out[filled..], GetRandomFlags::empty()) {
            Ok(count) if count > 0 => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            _ => {
                out.fill(0);
                return Err(EntropyError::Unavailable);
            }
        }
    }
    Ok(())
}
