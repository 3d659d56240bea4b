//! The platform as a service sees it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, clock_gettime};
use tee_api::{
    AtomicStore, Change, Checkpoint, Clock, ClockAssurance, ClockError, Entropy, EntropyAssurance,
    EntropyError, Flow, RecordKey, StoreAssurance, StoreError,
};

use crate::control::{Control, Watch};
use crate::error::OpenError;
use crate::journal::{Identity, StateHeader, Usage};
use crate::store::{FileStore, StateOptions};

/// A Linux process as a TEE: the kernel's entropy and clock, and a state folder that is locked while this lives.
pub struct LinuxPlatform {
    store: FileStore,
    watch: Watch,
}

impl LinuxPlatform {
    /// What to tell a person whose state's key lies beside it ([`StoreAssurance::Durable`]).
    pub const KEY_BESIDE_STATE: &'static str = "the key that seals this state lies in the same folder: whoever reads \
        the folder reads the seeds. Keep the key elsewhere with --key file=PATH or fd=NUMBER";

    /// Opens the state, and takes it for this process alone. Where the folder holds nothing of ours, the state is
    /// made by the first commit; until then [`AtomicStore::load`] answers [`StoreError::Missing`].
    pub fn open(options: &StateOptions) -> Result<Self, OpenError> {
        Ok(Self { store: FileStore::open(options)?, watch: Watch::new() })
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

    /// Writes another identity into the header, after an update for instance. No record changes.
    pub fn set_identity(&mut self, identity: Identity) -> Result<(), StoreError> {
        self.store.set_identity(identity)
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
        let seconds = u64::try_from(now.tv_sec).map_err(|_| ClockError)?;
        let nanoseconds = u64::try_from(now.tv_nsec).map_err(|_| ClockError)?;
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

    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        self.store.records()?.iter().for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.store.commit(changes)
    }
}

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
