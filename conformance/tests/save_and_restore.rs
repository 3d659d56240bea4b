//! After every command that the cases send, the whole state is saved and restored: by TPM2_Shutdown(STATE) and
//! TPM2_Startup(STATE) in another process, and by a power cut. Values that no TPM could have saved, and values that
//! none could restore, were a fault of a peer (CVE-2021-3623, CVE-2021-3746).
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformance::machine::{self, CommitFailure, Machine, NotHere};
use conformance::response_codes;
use platform_memory::MemoryPlatform;
use tee_api::RecordKey;
use tpm2_client::Transport;
use tpm2_core::state::{Kind, State};
use tpm2_core::{Memory, Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;

#[test]
fn cve_2021_3623_the_state_after_every_command_of_the_suite_is_saved_and_restored() {
    let found = Arc::new(Found::default());
    let make = machine::in_process();
    let factory = {
        let found = Arc::clone(&found);
        move || {
            let twin = Twin { inner: make()?, steps: Vec::new(), known: true, found: Arc::clone(&found) };
            io::Result::Ok(Box::new(twin) as Box<dyn Machine>)
        }
    };
    for outcome in response_codes::run(&factory, "", 2).unwrap() {
        if let Err(error) = outcome.result {
            panic!("{}: {error:#}", outcome.name);
        }
    }
    let findings = found.findings.lock().unwrap();
    assert!(findings.is_empty(), "{} findings, the first:\n{}", findings.len(), findings[0]);
    // Otherwise the suite would have become smaller without anybody noticing.
    let [resumed, cut] = [&found.resumed, &found.cut].map(|count| count.load(Ordering::Relaxed));
    println!("{resumed} states were resumed, {cut} were cut");
    assert!(resumed > 1500 && cut > resumed);
}

#[derive(Default)]
struct Found {
    findings: Mutex<Vec<String>>,
    resumed: AtomicU64,
    cut: AtomicU64,
}

/// What happened to a machine so far.
enum Step {
    Command(u8, Vec<u8>),
    PowerCycle,
    Pass(Duration),
}

/// A machine whose life is lived again, by another TPM, after each command: entropy and time are the same, so is all.
struct Twin {
    inner: Box<dyn Machine>,
    steps: Vec<Step>,
    /// Whether `steps` is all that happened.
    known: bool,
    found: Arc<Found>,
}

impl Twin {
    fn try_out(&self, response: &[u8]) -> Result<(), String> {
        for shutdown in [Some(SHUTDOWN_STATE), None] {
            let device = MemoryPlatform::new(1);
            let mut memory = memory();
            let mut tpm = Tpm::new(memory.slices(), device.handle(), &SOFTWARE);
            tpm.manufacture().map_err(|error| error.to_string())?;
            tpm.execute(0, STARTUP_CLEAR);
            let mut last = Vec::new();
            for step in &self.steps {
                match step {
                    Step::Command(locality, command) => last = tpm.execute(*locality, command).to_vec(),
                    Step::PowerCycle => tpm.power_on(),
                    Step::Pass(time) => device.advance(u64::try_from(time.as_millis()).unwrap()),
                }
            }
            if last != response {
                return Err(format!("the second life is another one: {last:02x?} for {response:02x?}"));
            }
            let saved = shutdown.is_some_and(|shutdown| tpm.execute(0, shutdown)[6..10] == SUCCESS);
            if shutdown.is_some() && !saved {
                continue;
            }
            let before = remembered(tpm.state(), saved);
            let stored = device.records();

            let cut = device.reboot();
            let mut memory = self::memory();
            let mut tpm = Tpm::new(memory.slices(), cut, &SOFTWARE);
            if tpm.start() != Start::Existing {
                return Err(format!("found {:?} in {stored:?}", tpm.start()));
            }
            let startup = if saved { STARTUP_STATE } else { STARTUP_CLEAR };
            let answer = tpm.execute(0, startup).to_vec();
            if answer[6..10] != SUCCESS {
                return Err(format!("TPM2_Startup answered {answer:02x?}"));
            }
            let after = remembered(tpm.state(), saved);
            if let Some((key, _)) = difference(&before, &after) {
                return Err(format!("{key:?} is not what it was, saved: {saved}"));
            }
            let count = if saved { &self.found.resumed } else { &self.found.cut };
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

const SUCCESS: [u8; 4] = [0; 4];
const STARTUP_CLEAR: &[u8] = &[0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0];
const STARTUP_STATE: &[u8] = &[0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 1];
const SHUTDOWN_STATE: &[u8] = &[0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, 1];

fn memory() -> Box<Memory<{ 160 * 1024 }, { 32 * 1024 }>> {
    Box::default()
}

/// The records that outlive the power; where the state was saved, those that it brings back as well.
fn remembered(state: &State<'_>, saved: bool) -> Vec<(RecordKey, Vec<u8>)> {
    let always = [
        Kind::Manufacture,
        Kind::Firmware,
        Kind::Seeds,
        Kind::Hierarchy,
        Kind::Permanent,
        Kind::NvIndexOwner,
        Kind::NvIndexPlatform,
        Kind::NvDataOwner,
        Kind::NvDataPlatform,
        Kind::ObjectOwner,
        Kind::ObjectPlatform,
        Kind::NvMaxCounter,
    ];
    let brought_back =
        [Kind::DictionaryAttack, Kind::PlatformHierarchy, Kind::StateClear, Kind::Pcr, Kind::NvVolatile];
    let kinds = always.iter().chain(brought_back.iter().filter(|_| saved));
    let keys = kinds.flat_map(|kind| state.ids(*kind).map(|id| kind.with_id(id)).collect::<Vec<_>>());
    keys.filter_map(|key| Some((key, state.bytes(key)?.to_vec()))).collect()
}

/// The first record that only one side has, or has otherwise.
fn difference<'r>(
    before: &'r [(RecordKey, Vec<u8>)],
    after: &'r [(RecordKey, Vec<u8>)],
) -> Option<&'r (RecordKey, Vec<u8>)> {
    let lost = before.iter().find(|record| !after.contains(record));
    lost.or_else(|| after.iter().find(|record| !before.contains(record)))
}

impl Transport for Twin {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        let response = self.inner.transceive(locality, command)?;
        self.steps.push(Step::Command(locality, command.to_vec()));
        if self.known
            && let Err(finding) = self.try_out(&response)
        {
            let finding = format!("after {} steps, the last {command:02x?}: {finding}", self.steps.len());
            self.found.findings.lock().unwrap().push(finding);
        }
        Ok(response)
    }
}

impl Machine for Twin {
    fn power_cycle(&mut self) -> io::Result<()> {
        self.steps.push(Step::PowerCycle);
        self.inner.power_cycle()
    }

    fn state_digest(&self) -> Option<[u8; 32]> {
        self.inner.state_digest()
    }

    fn pass(&mut self, time: Duration) -> io::Result<()> {
        self.steps.push(Step::Pass(time));
        self.inner.pass(time)
    }

    fn fail_next_commit(&mut self, failure: CommitFailure) -> Result<(), NotHere> {
        self.known = false;
        self.inner.fail_next_commit(failure)
    }

    fn cancel_next(&mut self) -> Result<(), NotHere> {
        self.known = false;
        self.inner.cancel_next()
    }

    fn restart_with_little_memory(&mut self) -> Result<(), NotHere> {
        self.known = false;
        self.inner.restart_with_little_memory()
    }

    fn restart_without_saved_state(&mut self) -> Result<(), NotHere> {
        self.known = false;
        self.inner.restart_without_saved_state()
    }

    fn restart_with_wrong_engine(&mut self) -> Result<(), NotHere> {
        self.known = false;
        self.inner.restart_with_wrong_engine()
    }

    fn takes_any_bytes(&self) -> Result<(), NotHere> {
        self.inner.takes_any_bytes()
    }
}
