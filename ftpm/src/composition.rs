//! The composition root: the TPM's core on this platform, with the host's engine.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use log::{Level, error, info, log, warn};
use platform_linux::{Control, ForeignFiles, Identity, KeySource, LinuxPlatform, StateOptions};
use posture::{Policy, Posture};
use static_cell::ConstStaticCell;
use tee_api::{
    AtomicStore, ClientAssurance, ClockAssurance, CounterAssurance, DeviceKeyAssurance, EntropyAssurance,
    EntropyHealth, IsolationAssurance, LifecycleAssurance, StoreAssurance, StoreError,
};
use tpm2_core::state::{Kind, parse};
use tpm2_core::{FailureReason, Memory, Start, Target, Token, Tpm, TransferError, firmware, profile};
use tpm2_crypto::engine::AWS_LC;
use tpm2_wire::response_code;
use zeroize::Zeroizing;

use crate::machine::{StartupType, startup_command};
use crate::report;
use crate::service::{Canceller, TpmService};
use crate::{endorsement, hexadecimal};

/// Whether a TPM is made where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Manufacture {
    /// Only where the state folder holds nothing of ours.
    #[default]
    IfEmpty,
    /// Never: a missing state is an error.
    Never,
}

/// Which TPM to open.
#[derive(Debug)]
pub struct TpmOptions {
    /// Where its state lies.
    pub state: PathBuf,
    /// What seals its state.
    pub key: KeySource,
    /// Whether it may be made.
    pub manufacture: Manufacture,
    /// Whether it may be made among files that are not ours.
    pub foreign_files: ForeignFiles,
    /// What becomes of the gaps in this platform's guarantees.
    pub policy: Policy,
}

/// What Linux guarantees over a state that is protected as `store` says. [`LinuxPlatform`] says the same of itself, but
/// has to take the state for itself first.
pub const fn linux_posture(store: StoreAssurance) -> Posture {
    Posture {
        entropy: EntropyAssurance::OperatingSystem,
        entropy_health: EntropyHealth::Good,
        store,
        counter: CounterAssurance::None,
        clock: ClockAssurance::NormalWorld,
        device_key: DeviceKeyAssurance::None,
        isolation: IsolationAssurance::Process,
        client: ClientAssurance::None,
        lifecycle: LifecycleAssurance::None,
        has_marker: false,
    }
}

/// Opens the TPM, or makes it; it has no power yet. A process has one.
///
/// # Errors
/// One sentence that says what is wrong with the state and what to do.
pub fn open(options: &TpmOptions) -> Result<Box<dyn TpmService>> {
    let mut tpm = load(options, false)?;
    let has_state_key = tpm.platform().store_assurance() > StoreAssurance::Durable;
    if !has_state_key {
        info!("{}", LinuxPlatform::KEY_BESIDE_STATE);
    }
    let level = if tpm.judgement().is_development_only() { Level::Warn } else { Level::Info };
    log!(level, "{}", report::log_line(tpm.judgement().verdicts()));
    let folder = options.state.display();
    match (tpm.start(), options.manufacture) {
        (Start::Existing, _) => {}
        (Start::Waiting(error), _) => {
            warn!("{error}: the TPM serves what needs no state, and the rest once its state can be had");
        }
        (Start::Empty, Manufacture::IfEmpty) => {
            tpm.manufacture().with_context(|| format!("no TPM could be made in {folder}"))?;
            match endorsement_name(&mut tpm) {
                Some(name) => info!("made a new TPM in {folder}; its endorsement key has the name {name}"),
                None => warn!("made a new TPM in {folder}; it did not give the name of its endorsement key"),
            }
        }
        (Start::Empty, Manufacture::Never) => {
            bail!(
                "{folder} holds no TPM; make one with: ftpm manufacture, or allow it with --manufacture if-empty"
            )
        }
        (Start::Failed(reason), _) => return Err(unusable(options, &tpm, reason)),
    }
    tpm.platform_mut().set_failure_report(|why| {
        error!("{why}: it answers TPM_RC_FAILURE until it is started again; TPM2_GetTestResult says more");
    });
    Ok(Box::new(LinuxTpm { tpm, fresh: true, has_state_key }))
}

/// A TPM that was made.
#[derive(Debug)]
pub struct Made {
    /// The name of its endorsement key, in hexadecimal, where the TPM gave it.
    pub endorsement_name: Option<String>,
    /// How often one was made here, and what tells this one from its predecessors.
    pub record: Option<ManufactureRecord>,
}

/// How a TPM came to be.
#[derive(Debug, PartialEq, Eq)]
pub struct ManufactureRecord {
    /// How often one was made here, as far as is known.
    pub count: u32,
    /// Tells this one from its predecessors, in hexadecimal.
    pub id: String,
}

impl ManufactureRecord {
    /// That of a TPM whose state is in memory.
    fn of(tpm: &LinuxCore) -> Option<Self> {
        tpm.state().bytes(Kind::Manufacture.only()).and_then(Self::parse)
    }

    /// Reads the record's bytes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let record: tpm2_core::state::Manufacture<'_> = parse(bytes).ok()?;
        Some(Self { count: record.count, id: hexadecimal::encode(record.id.as_slice()) })
    }
}

/// Makes a TPM where there is none. With `force` also where there was one whose state is gone: that one is given up.
///
/// # Errors
/// One sentence that says what is there and what to do.
pub fn manufacture(options: &TpmOptions, force: bool) -> Result<Made> {
    let mut tpm = load(options, force)?;
    let folder = options.state.display();
    match tpm.start() {
        Start::Empty => tpm.manufacture(),
        Start::Failed(FailureReason::Store(StoreError::Missing)) if force => tpm.manufacture_by_force(),
        Start::Existing => {
            let id = ManufactureRecord::of(&tpm).map_or(String::new(), |record| format!(" with the id {}", record.id));
            bail!(
                "{folder} holds a TPM already{id}; serve that one, or choose another folder with --state; a TPM is \
                 never made over another one"
            )
        }
        Start::Waiting(error) => bail!("whether {folder} holds a TPM cannot be seen now: {error}; try again"),
        Start::Failed(reason) => return Err(unusable(options, &tpm, reason)),
    }
    .with_context(|| format!("no TPM could be made in {folder}"))?;
    let record = ManufactureRecord::of(&tpm);
    Ok(Made { endorsement_name: endorsement_name(&mut tpm), record })
}

/// Draws the token for which another device seals its export, and keeps it until the import.
///
/// # Errors
/// One sentence that says what is there and what to do.
pub fn prepare_import(options: &TpmOptions) -> Result<Token> {
    let mut tpm = load(options, false)?;
    tpm.prepare_import().map_err(|error| not_moved(options, &tpm, error))
}

/// Moves the TPM to the device that drew `token`: what comes back is the export, and the TPM starts here no more.
///
/// # Errors
/// One sentence that says why it stays.
pub fn export(options: &TpmOptions, token: &Token) -> Result<Zeroizing<Vec<u8>>> {
    let mut tpm = load(options, false)?;
    let mut export = Zeroizing::new(Vec::new());
    match tpm.export(&Target::Token(token), &mut |more| export.extend_from_slice(more)) {
        Ok(()) => Ok(export),
        Err(error) => Err(not_moved(options, &tpm, error)),
    }
}

/// Takes in the TPM of an export that was sealed for this state folder.
///
/// # Errors
/// One sentence that says why there is no TPM here after this.
pub fn import(
    options: &TpmOptions,
    export: &mut [u8],
    accept_rollback: bool,
) -> Result<Option<ManufactureRecord>> {
    let mut tpm = load(options, false)?;
    match tpm.import(export, accept_rollback) {
        Ok(()) => Ok(ManufactureRecord::of(&tpm)),
        Err(error) => Err(not_moved(options, &tpm, error)),
    }
}

/// Why a TPM was not moved, and what to do.
fn not_moved(options: &TpmOptions, tpm: &LinuxCore, error: TransferError) -> anyhow::Error {
    let folder = options.state.display();
    match error {
        TransferError::Failed(FailureReason::NotManufactured) => anyhow!("{folder} holds no TPM"),
        TransferError::Failed(FailureReason::AwaitsImport) => {
            anyhow!("{folder} holds no TPM, but waits for one: ftpm import FILE")
        }
        TransferError::Failed(reason) => unusable(options, tpm, reason),
        TransferError::Occupied => anyhow!(
            "{folder} holds a TPM already; choose another folder with --state, a TPM is never put over another one"
        ),
        TransferError::NotPrepared => {
            anyhow!("{folder} has no token to open an export with; begin with: ftpm import --prepare")
        }
        TransferError::MovedElsewhere => anyhow!(
            "the TPM in {folder} was moved for another token; its export can only be had again for that one"
        ),
        TransferError::NotForThisTarget => anyhow!(
            "this file is no export for the token that was drawn in {folder}, or it was altered; nothing was changed"
        ),
        TransferError::RollbackNotAccepted => anyhow!(
            "nothing on this machine would notice that an old state of this TPM is put back, wrong guesses that were \
             counted among it; to take it in all the same, add --accept-rollback"
        ),
        other => anyhow!("{folder}: {other}"),
    }
}

type LinuxCore = Tpm<'static, LinuxPlatform>;

/// The TPM's core over the state, as it was found.
fn load(options: &TpmOptions, give_up_lost_state: bool) -> Result<LinuxCore> {
    let identity = Identity {
        profile_id: profile::PC_CLIENT.id,
        firmware_version: firmware::VERSION,
        svn: firmware::SVN,
    };
    let mut platform = LinuxPlatform::open(&StateOptions {
        key: options.key.clone(),
        identity,
        give_up_lost_state,
        foreign_files: options.foreign_files,
        ..StateOptions::new(&options.state)
    })?;
    platform.set_progress(report_progress);
    // Zeros that are not touched take no memory; a copy on the heap would.
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    let memory = MEMORY.try_take().context("this process holds a TPM already")?;
    Ok(Tpm::with_policy(memory.slices(), platform, &AWS_LC, &options.policy))
}

/// Why a TPM cannot be used, and what to do.
fn unusable(options: &TpmOptions, tpm: &LinuxCore, reason: FailureReason) -> anyhow::Error {
    let folder = options.state.display();
    match reason {
        FailureReason::Refused(_) => anyhow!(
            "{}: nothing was made or served; `ftpm doctor` says what to change",
            report::headline(tpm.judgement().verdicts())
        ),
        FailureReason::Store(StoreError::Missing) => anyhow!(
            "the state of the TPM that was made in {folder} is missing; restore it from a backup, or give that TPM up \
             with: ftpm manufacture --force"
        ),
        FailureReason::Firmware => anyhow!(
            "the TPM in {folder} cannot be used: {reason}; nothing was changed, use that version of ftpm or a later one"
        ),
        FailureReason::Moved => anyhow!("the TPM in {folder} was moved to another device, and runs there"),
        FailureReason::AwaitsImport => anyhow!("{folder} waits for a TPM from elsewhere: ftpm import FILE"),
        FailureReason::Restarted | FailureReason::SelfTest | FailureReason::Entropy(_) => {
            anyhow!("the TPM in {folder} cannot be used: {reason}; nothing was changed")
        }
        _ => anyhow!(
            "the TPM in {folder} cannot be used: {reason}; nothing was changed, restore it from a backup"
        ),
    }
}

struct LinuxTpm {
    tpm: LinuxCore,
    /// It had its _TPM_Init when it was made.
    fresh: bool,
    has_state_key: bool,
}

impl TpmService for LinuxTpm {
    fn execute(&mut self, locality: u8, command: &[u8]) -> &[u8] {
        self.tpm.execute(locality, command)
    }

    fn power_on(&mut self) {
        if !std::mem::take(&mut self.fresh) {
            self.tpm.power_on();
        }
    }

    fn canceller(&self) -> Box<dyn Canceller> {
        Box::new(self.tpm.platform().control())
    }

    fn largest_message(&self) -> usize {
        profile::PC_CLIENT.message_size as usize
    }

    fn has_state_key(&self) -> bool {
        self.has_state_key
    }
}

impl Canceller for Control {
    fn cancel(&self) {
        Control::cancel(self);
    }

    fn begin_command(&self) {
        Control::begin_command(self);
    }
}

fn report_progress(elapsed: Duration) {
    info!("still at work on a command, after {} s", elapsed.as_secs());
}

/// The name of the endorsement key, in hexadecimal. The TPM is without power again afterwards.
fn endorsement_name(tpm: &mut LinuxCore) -> Option<String> {
    let started = response_code(tpm.execute(0, &startup_command(StartupType::Clear))) == Some(0);
    let name = started.then(|| endorsement::name(|command| tpm.execute(0, command).to_vec())).flatten();
    tpm.execute(0, &crate::machine::shutdown_command());
    tpm.power_on();
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_posture_of_linux_is_what_the_platform_says() {
        let temporary = tempfile::tempdir().unwrap();
        let key = temporary.path().join("key");
        std::fs::write(&key, [7; 32]).unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        for key in [KeySource::Beside, KeySource::File(key)] {
            let folder = temporary.path().join("state");
            let expected = linux_posture(platform_linux::prospect(&folder, &key).unwrap());
            let mut platform =
                LinuxPlatform::open(&StateOptions { key, ..StateOptions::new(&folder) }).unwrap();
            assert_eq!(Posture::of(&mut platform), expected);
        }
    }
}
