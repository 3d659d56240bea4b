//! What somebody outside the platform in memory can do to it.

use std::cell::RefCell;
use std::rc::Rc;

use platform_memory::{MemoryPlatform, Records, SharedMemory};
use tee_api::{
    AtomicStore, Client, ClientAssurance, ClockAssurance, DeviceKeyAssurance, EntropyAssurance, EntropyError,
    IsolationAssurance, LifecycleAssurance, Platform, ServiceError, SharedBuffer, SharedBufferError,
    StoreAssurance, TrustedService,
};
use tee_conformance::{
    Bench, Cannot, ClockMove, Place, Probe, ProbeOutcome, Restart, ServiceFacts, SharedWindow, Starvation,
};

use crate::mutant::{Fault, Mutant, Scars};
use crate::reverser::{Desk, FACTS};

/// What the platform claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// Nothing at all.
    Nothing,
    /// Everything, but a store that is durable only.
    Usual,
    /// That, and a store that is sealed and finds old state.
    ReplayProtected,
}

pub struct MemoryBench {
    device: MemoryPlatform,
    platform: Mutant,
    fault: Fault,
    scars: Rc<RefCell<Scars>>,
    copies: [Option<Copied>; 2],
    desk: Desk,
    window: Window,
}

/// What the normal world can copy.
#[derive(Clone)]
struct Copied {
    records: Option<Records>,
    counter: Option<u64>,
}

impl MemoryBench {
    pub fn new(claims: Claims, fault: Fault) -> Self {
        let device = MemoryPlatform::new(1);
        // Small enough that the largest transaction of the suite does not fit.
        device.set_capacity(100_000);
        device.set_store_assurance(match (claims, fault) {
            (Claims::Nothing, _) => StoreAssurance::Volatile,
            (Claims::ReplayProtected, fault) if fault != Fault::StoreTakesOldState => {
                StoreAssurance::ReplayProtected
            }
            _ => StoreAssurance::Durable,
        });
        if claims == Claims::Nothing {
            device.set_entropy_assurance(EntropyAssurance::None);
            device.set_clock_assurance(ClockAssurance::None);
            device.set_device_key_assurance(DeviceKeyAssurance::None);
            device.set_isolation_assurance(IsolationAssurance::None);
            device.set_client_assurance(ClientAssurance::None);
            device.set_lifecycle_assurance(LifecycleAssurance::None);
        } else {
            device.set_counter(Some(if fault == Fault::CounterBeginsLate { 5 } else { 0 }));
            device.set_provisioned(Some(false));
        }
        let scars = Rc::new(RefCell::new(Scars::default()));
        if fault == Fault::CounterForgets {
            device.set_counter(Some(10));
        }
        let platform = Mutant::start(device.handle(), fault, Rc::clone(&scars));
        let window = Window { memory: SharedMemory::new([0; 96]), fault, cache: RefCell::new(None) };
        Self { device, platform, fault, scars, copies: [None, None], desk: Desk::new(fault), window }
    }

    fn start(&mut self, device: MemoryPlatform) {
        self.device = device;
        self.platform = Mutant::start(self.device.handle(), self.fault, Rc::clone(&self.scars));
    }
}

impl Bench for MemoryBench {
    fn platform(&mut self) -> &mut dyn Platform {
        &mut self.platform
    }

    fn calm(&mut self) {
        self.device.fail_all_entropy(None);
        self.device.set_storage_away(false);
        self.device.set_cancel(false);
        self.device.set_client(Client::NormalWorld);
        self.desk = Desk::new(self.fault);
    }

    fn make_new(&mut self) -> Result<(), Cannot> {
        let device = self.device.reboot();
        device.set_records(None);
        // A new device's memory of what was kept last is empty too.
        device.set_store_assurance(tee_api::AtomicStore::store_assurance(&device));
        if device.counter().is_some() && self.fault != Fault::CounterBeginsLate {
            device.set_counter(Some(0));
        }
        self.start(device);
        Ok(())
    }

    fn restart(&mut self, how: Restart) -> Result<(), Cannot> {
        let device = match how {
            Restart::Service => self.device.restart_service(),
            Restart::Platform | Restart::PowerCut => self.device.reboot(),
        };
        match self.fault {
            Fault::MarkIsVolatile => device.set_provisioned(Some(false)),
            Fault::FailureIsForgotten | Fault::EntropyHeals => {
                return {
                    self.start(self.device.reboot());
                    Ok(())
                };
            }
            _ => {}
        }
        self.start(device);
        Ok(())
    }

    /// The platform keeps a commit in two writes: the records, and that they are whole.
    fn cut_after_writes(&mut self, writes: u32) -> Result<(), Cannot> {
        self.platform.cut = Some(writes);
        Ok(())
    }

    fn keep_copy(&mut self, place: Place) -> Result<(), Cannot> {
        let copied = Copied { records: self.device.records(), counter: self.device.counter() };
        self.copies[place as usize] = Some(copied);
        Ok(())
    }

    fn put_copy_back(&mut self, place: Place) -> Result<(), Cannot> {
        let copied = self.copies[place as usize].clone().ok_or(Cannot("nothing was copied"))?;
        let device = self.device.reboot();
        device.set_records(copied.records);
        if self.fault == Fault::CounterGoesWithCopy {
            device.set_counter(copied.counter);
        }
        self.start(device);
        Ok(())
    }

    fn put_copy_under(&mut self, place: Place) -> Result<(), Cannot> {
        let copied = self.copies[place as usize].clone().ok_or(Cannot("nothing was copied"))?;
        self.device.set_records(copied.records);
        if self.fault == Fault::StoreBuildsOnSwapped {
            // It takes for its own whatever lies there.
            self.device.handle().load(&mut |_, _| {}).map_err(|_| Cannot("the copy does not load"))?;
        }
        Ok(())
    }

    fn medium_shows(&mut self, bytes: &[u8]) -> Result<bool, Cannot> {
        let records = self.device.records().unwrap_or_default();
        Ok(records.iter().any(|(_, value)| value.windows(bytes.len()).any(|found| found == bytes)))
    }

    fn take_storage_away(&mut self, away: bool) -> Result<(), Cannot> {
        self.device.set_storage_away(away);
        Ok(())
    }

    fn starve(&mut self, how: Starvation) -> Result<(), Cannot> {
        self.device.fail_all_entropy(Some(match how {
            Starvation::Dry => EntropyError::Unavailable,
            Starvation::Stuck => EntropyError::Unhealthy,
        }));
        Ok(())
    }

    fn move_clock(&mut self, how: ClockMove) -> Result<(), Cannot> {
        match how {
            ClockMove::Pass(milliseconds) => self.device.advance(milliseconds),
            ClockMove::Back(milliseconds) => self.device.set_clock_back(milliseconds),
        }
        Ok(())
    }

    fn call_as(&mut self, client: Client) -> Result<(), Cannot> {
        self.device.set_client(client);
        Ok(())
    }

    fn ask_to_cancel(&mut self, cancel: bool) -> Result<(), Cannot> {
        self.device.set_cancel(cancel);
        Ok(())
    }

    fn may_mark(&mut self) -> Result<(), Cannot> {
        Ok(())
    }

    fn failure_is_seen(&mut self) -> Result<bool, Cannot> {
        Ok(self.device.failed().is_some())
    }

    /// Its claim to be a secure world is scripted, and so is what comes of trying it.
    fn probe(&mut self, probe: Probe) -> ProbeOutcome {
        match probe {
            Probe::Read => ProbeOutcome::Faulted,
            Probe::Write if self.fault == Fault::MemoryIsOpen => ProbeOutcome::Reached(0xEE),
            Probe::Write => ProbeOutcome::Hidden,
            Probe::Execute | Probe::Dma => ProbeOutcome::NotApplicable,
        }
    }

    fn shared_window(&mut self) -> Result<&mut dyn SharedWindow, Cannot> {
        Ok(&mut self.window)
    }

    fn service_facts(&self) -> Result<ServiceFacts, Cannot> {
        Ok(FACTS)
    }

    fn service(&mut self) -> Result<&mut dyn TrustedService, Cannot> {
        Ok(&mut self.desk)
    }

    fn reenter(&mut self) -> Result<Result<(), ServiceError>, Cannot> {
        Ok(self.desk.reenter())
    }
}

struct Window {
    memory: SharedMemory,
    fault: Fault,
    cache: RefCell<Option<Vec<u8>>>,
}

impl SharedBuffer for Window {
    fn size(&self) -> usize {
        self.memory.size()
    }

    fn copy_in(&self, offset: usize, out: &mut [u8]) -> Result<(), SharedBufferError> {
        if self.fault == Fault::SharedIsStale && offset == 0 {
            let now = self.memory.bytes();
            let mut cache = self.cache.borrow_mut();
            out.copy_from_slice(&cache.get_or_insert(now)[..out.len()]);
            return Ok(());
        }
        self.memory.copy_in(offset, out)
    }

    fn copy_out(&mut self, offset: usize, bytes: &[u8]) -> Result<(), SharedBufferError> {
        let size = self.size();
        match self.fault {
            // The end is computed, and runs over.
            Fault::SharedWithoutBounds if offset.wrapping_add(bytes.len()) <= size => {
                let _ = self.memory.copy_out(offset, bytes);
                Ok(())
            }
            Fault::SharedReachesTooFar => {
                self.memory.copy_out(offset, bytes)?;
                let _ = self.memory.copy_out(offset + bytes.len(), &[0; 1][..bytes.len().min(1)]);
                Ok(())
            }
            _ => self.memory.copy_out(offset, bytes),
        }
    }
}

impl SharedWindow for Window {
    fn overwrite(&mut self, byte: u8) {
        self.memory.set(&vec![byte; self.size()]);
    }

    fn seen(&self, offset: usize) -> u8 {
        self.memory.bytes().get(offset).copied().unwrap_or(0)
    }
}
