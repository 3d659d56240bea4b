//! Failures that a TPM survives, told for a person: on simulated devices, with the TPM that runs everywhere.
//!
//! Each line is checked before it is printed. `cargo xtask demo guarantees` runs this and goes on with the real program.

use std::io;

use anyhow::{Result, ensure};
use platform_memory::MemoryPlatform;
use tee_api::{CounterError, EntropyAssurance};
use tpm2_client::{Client, Command, Entity, Error, Response, Transport, commands, name_of_public};
use tpm2_core::{Memory, Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_types::{ResponseCode, TpmAlgId, TpmHandle, TpmNt, TpmRh, TpmSu, TpmaNv};

fn main() -> Result<()> {
    no_entropy()?;
    let device = counted_device();
    a_cut_between_store_and_counter(&device)?;
    a_store_that_is_late(&device)?;
    an_old_state_put_back(&device)
}

fn no_entropy() -> Result<()> {
    say("A device without a source of entropy");
    let device = MemoryPlatform::new(1);
    device.set_entropy_assurance(EntropyAssurance::None);
    let mut machine = Machine::on(&device);
    let Err(refusal) = machine.tpm.manufacture() else { anyhow::bail!("seeds were made without entropy") };
    ensure!(device.records().is_none(), "something was kept");
    note(&format!("manufacture: refused, {refusal}; nothing was kept"));
    let (code, why) = Client::new(machine).failure()?;
    note(&format!("TPM2_Startup: {code:?}; TPM2_GetTestResult: \"{why}\""));
    Ok(())
}

/// A device with a counter, and a TPM on it with an NV counter at 3.
fn counted_device() -> MemoryPlatform {
    let device = MemoryPlatform::new(2);
    device.set_counter(Some(0));
    device
}

fn a_cut_between_store_and_counter(device: &MemoryPlatform) -> Result<()> {
    say("Failure 1: the power goes between the store and the counter");
    let mut machine = Machine::on(device);
    machine.tpm.manufacture()?;
    let mut tpm = Client::new(machine);
    tpm.run(&commands::startup(TpmSu::CLEAR))?;
    let public = commands::nv_public(INDEX, TpmAlgId::SHA256, ATTRIBUTES, b"", 8);
    tpm.run(&commands::nv_define_space(TpmRh::OWNER, b"", &public))?;
    for _ in 0..3 {
        tpm.run(&increment())?;
    }
    let counter = device.counter();
    device.fail_all_counter_calls(Some(CounterError::Unavailable));
    let code = refusal(tpm.run(&increment()))?;
    ensure!(code == ResponseCode::NV_UNAVAILABLE && device.counter() == counter);
    note("TPM2_NV_Increment: the store has it, the device's counter is held back by an attacker, so the");
    note(&format!("answer is {code:?} and not success; then the power goes"));
    let cut = device.reboot();
    let mut tpm = Client::new(Machine::on(&cut));
    tpm.run(&commands::startup(TpmSu::CLEAR))?;
    let value = read(&mut tpm)?;
    ensure!(value == 4 && cut.counter() > counter);
    note(&format!(
        "next start: the counter is moved first, then the state is served; the index stands at {value}"
    ));
    device.set_records(cut.records());
    device.set_counter(cut.counter());
    device.fail_all_counter_calls(None);
    Ok(())
}

fn a_store_that_is_late(device: &MemoryPlatform) -> Result<()> {
    say("Failure 2: the storage is not there yet when the TPM starts");
    let late = device.reboot();
    late.set_storage_away(true);
    let machine = Machine::on(&late);
    ensure!(matches!(machine.tpm.start(), Start::Waiting(_)));
    let mut tpm = Client::new(machine);
    tpm.run(&commands::startup(TpmSu::CLEAR))?;
    tpm.run(&commands::pcr_extend(TpmHandle::pcr(4), TpmAlgId::SHA256, &[7; 32]))?;
    let measured = pcr(&mut tpm)?;
    note("TPM2_Startup and TPM2_PCR_Extend: done; the boot is measured");
    let code = refusal(tpm.run(&increment()))?;
    ensure!(code == ResponseCode::NV_UNAVAILABLE);
    note(&format!("TPM2_NV_Increment: {code:?}, until the storage comes"));
    late.set_storage_away(false);
    tpm.run(&increment())?;
    let value = read(&mut tpm)?;
    ensure!(value == 5 && pcr(&mut tpm)? == measured);
    note(&format!("the storage is there: the index stands at {value}, and PCR 4 is what was measured"));
    device.set_records(late.records());
    device.set_counter(late.counter());
    Ok(())
}

fn an_old_state_put_back(device: &MemoryPlatform) -> Result<()> {
    say("Failure 3: somebody puts an old state back");
    let old = device.records();
    let mut tpm = Client::new(Machine::on(device));
    tpm.run(&commands::startup(TpmSu::CLEAR))?;
    tpm.run(&increment())?;
    let latest = device.records();
    device.set_records(old);
    let (code, why) = Client::new(Machine::on(device)).failure()?;
    note(&format!("TPM2_Startup: {code:?}; TPM2_GetTestResult: \"{why}\""));
    device.set_records(latest);
    let mut tpm = Client::new(Machine::on(device));
    tpm.run(&commands::startup(TpmSu::CLEAR))?;
    let value = read(&mut tpm)?;
    ensure!(value == 6);
    note(&format!("the right state is back: the index stands at {value}"));
    Ok(())
}

const INDEX: TpmHandle = TpmHandle::nv_index(0x50_0001);
const ATTRIBUTES: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE).with_nt(TpmNt::COUNTER);

fn index() -> Entity {
    let public = commands::nv_public(INDEX, TpmAlgId::SHA256, ATTRIBUTES | TpmaNv::WRITTEN, b"", 8);
    Entity::named(INDEX, name_of_public(public.as_ref(), 4))
}

fn increment() -> Command {
    commands::nv_increment(TpmRh::OWNER, &index())
}

fn read(tpm: &mut Client<Machine>) -> Result<u64> {
    let response = tpm.run(&commands::nv_read(TpmRh::OWNER, &index(), 8, 0))?;
    let value = response.fields().sized()?.to_vec();
    Ok(value.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn pcr(tpm: &mut Client<Machine>) -> Result<Vec<u8>> {
    Ok(tpm.run(&commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[4])))?.parameters().to_vec())
}

fn refusal(answer: tpm2_client::Result<Response>) -> Result<ResponseCode> {
    match answer {
        Err(Error::Tpm(code)) => Ok(code),
        Err(other) => Err(other.into()),
        Ok(_) => anyhow::bail!("the command was carried out"),
    }
}

/// A TPM on a simulated device.
struct Machine {
    tpm: Tpm<'static, MemoryPlatform>,
}

impl Machine {
    /// The memory is never given back: there are a handful.
    fn on(device: &MemoryPlatform) -> Self {
        let memory = Box::leak(Box::new(Memory::<32768, 32768>::new()));
        Self { tpm: Tpm::new(memory.slices(), device.handle(), &SOFTWARE) }
    }
}

impl Transport for Machine {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.tpm.execute(locality, command).to_vec())
    }
}

/// What a TPM in failure mode says.
trait Failure {
    /// The answer to TPM2_Startup, and the reason in words.
    fn failure(&mut self) -> Result<(ResponseCode, String)>;
}

impl Failure for Client<Machine> {
    fn failure(&mut self) -> Result<(ResponseCode, String)> {
        let code = refusal(self.run(&commands::startup(TpmSu::CLEAR)))?;
        ensure!(code == ResponseCode::FAILURE, "{code:?} in place of failure mode");
        let response = self.run(&commands::get_test_result())?;
        Ok((code, String::from_utf8_lossy(response.fields().sized()?).into_owned()))
    }
}

#[allow(clippy::print_stdout, reason = "a demo talks")]
fn say(title: &str) {
    println!("\n   {title}");
}

#[allow(clippy::print_stdout, reason = "a demo talks")]
fn note(line: &str) {
    println!("     {line}");
}
