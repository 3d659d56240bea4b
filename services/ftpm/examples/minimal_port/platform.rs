//! The port: what somebody who brings the fTPM to a new board writes.
//!
//! Nothing here allocates. A port whose board is slow waits with `Unavailable`, and never inside a call.

use tee_api::{
    AtomicStore, Change, Checkpoint, Client, ClientAssurance, ClientIdentity, Clock, ClockAssurance,
    ClockError, CounterAssurance, CounterError, DeviceKey, DeviceKeyAssurance, DeviceKeyError, Entropy,
    EntropyAssurance, EntropyError, EntropyHealth, Flow, Isolation, IsolationAssurance, Lifecycle,
    LifecycleAssurance, MAX_DERIVED_KEY_SIZE, MarkerError, MonotonicCounter, Platform, Provisioning,
    RecordKey, StartReason, StoreAssurance, StoreError,
};
use zeroize::Zeroize;

use crate::board::Board;
use crate::flash_store::FlashStore;

/// The board as a TEE.
pub struct Port {
    board: Board,
    store: FlashStore,
    source: Source,
}

/// The noise source, and its health test.
#[derive(Default)]
struct Source {
    last_word: Option<u32>,
    failed: bool,
}

impl Port {
    /// After the board's reset, or the service's alone.
    pub fn start(board: &Board) -> Self {
        let store = FlashStore::open(board);
        // A source that failed stays failed until the board's reset: the light is still on.
        let failed = board.borrow().failure.as_deref() == Some(SOURCE_FAILED);
        Self { board: board.clone(), store, source: Source { last_word: None, failed } }
    }
}

const SOURCE_FAILED: &str = "the noise source is stuck";

// 1. Entropy.
impl Entropy for Port {
    fn entropy_assurance(&self) -> EntropyAssurance {
        EntropyAssurance::Hardware
    }

    fn entropy_health(&self) -> EntropyHealth {
        if self.source.failed { EntropyHealth::Failed } else { EntropyHealth::Good }
    }

    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        let filled = self.source.fill(&self.board, out);
        if filled.is_err() {
            out.zeroize();
        }
        if filled == Err(EntropyError::Unhealthy) {
            self.fail(SOURCE_FAILED);
        }
        filled
    }
}

impl Source {
    fn fill(&mut self, board: &Board, out: &mut [u8]) -> Result<(), EntropyError> {
        for bytes in out.chunks_mut(4) {
            let word = board.borrow_mut().random_word().ok_or(EntropyError::Unavailable)?;
            // Two equal words in a row: once in four thousand million, or a source that is stuck.
            self.failed |= self.last_word.replace(word) == Some(word);
            if self.failed {
                return Err(EntropyError::Unhealthy);
            }
            bytes.copy_from_slice(&word.to_be_bytes()[..bytes.len()]);
        }
        Ok(())
    }
}

// 2. Storage.
impl AtomicStore for Port {
    /// Anybody with a flash reader can read it, and put an old copy back.
    fn store_assurance(&self) -> StoreAssurance {
        StoreAssurance::Durable
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        self.store.load(visit)
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.store.commit(&self.board, changes)
    }
}

// 3. Counter: in the secure element, where nobody else has a wire to.
impl MonotonicCounter for Port {
    fn counter_assurance(&self) -> CounterAssurance {
        CounterAssurance::Hardware
    }

    fn counter_value(&mut self) -> Result<u64, CounterError> {
        Ok(self.board.borrow().counter())
    }

    fn advance_counter(&mut self, to: u64) -> Result<(), CounterError> {
        let mut board = self.board.borrow_mut();
        match to.checked_sub(board.counter()) {
            Some(0) => Ok(()),
            Some(1) => {
                board.count();
                Ok(())
            }
            _ => Err(CounterError::Mismatch),
        }
    }
}

// 4. Clock: a timer that only the service's core can write, and that begins at the board's reset.
impl Clock for Port {
    fn clock_assurance(&self) -> ClockAssurance {
        ClockAssurance::Secure
    }

    fn milliseconds(&mut self) -> Result<u64, ClockError> {
        Ok(self.board.borrow().microseconds / 1000)
    }
}

// 5. Device key.
impl DeviceKey for Port {
    fn device_key_assurance(&self) -> DeviceKeyAssurance {
        DeviceKeyAssurance::Hardware
    }

    fn derive_key(&mut self, label: &[u8], out: &mut [u8]) -> Result<(), DeviceKeyError> {
        out.fill(0);
        if out.len() > MAX_DERIVED_KEY_SIZE {
            return Err(DeviceKeyError::Unsupported);
        }
        for (block, bytes) in (1..).zip(out.chunks_mut(32)) {
            let mut derived = self.board.borrow().ladder(block, label);
            bytes.copy_from_slice(&derived[..bytes.len()]);
            derived.zeroize();
        }
        Ok(())
    }
}

// 6. Callers: one mailbox, and nobody says who wrote into it.
impl ClientIdentity for Port {
    fn client_assurance(&self) -> ClientAssurance {
        ClientAssurance::None
    }

    fn client(&self) -> Client {
        Client::NormalWorld
    }
}

// 7. Isolation: this board is a part of a process, and claims no more.
impl Isolation for Port {
    fn isolation_assurance(&self) -> IsolationAssurance {
        IsolationAssurance::Process
    }
}

// 8. Lifecycle: the reset controller knows why, a fuse knows that a TPM was made.
impl Lifecycle for Port {
    fn lifecycle_assurance(&self) -> LifecycleAssurance {
        LifecycleAssurance::Secure
    }

    fn start_reason(&self) -> StartReason {
        match self.board.borrow().core_reset_alone {
            true => StartReason::ServiceRestart,
            false => StartReason::PlatformReset,
        }
    }

    fn provisioning(&mut self) -> Result<Provisioning, MarkerError> {
        Ok(match self.board.borrow().marker_fuse {
            true => Provisioning::Provisioned,
            false => Provisioning::Fresh,
        })
    }

    fn mark_provisioned(&mut self) -> Result<(), MarkerError> {
        self.board.borrow_mut().marker_fuse = true;
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        self.board.borrow_mut().failure = Some(why.into());
    }
}

// 9. Checkpoint: this core has nothing else to do; the mailbox has a line that asks for the end.
impl Checkpoint for Port {
    fn checkpoint(&mut self) -> Flow {
        if self.board.borrow().cancel_line { Flow::Cancel } else { Flow::Continue }
    }
}

// 10. No accelerator.
impl Platform for Port {}
