//! The composition root: the TPM's core on this platform, with the host's engine.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use log::{info, warn};
use platform_linux::{Control, Identity, KeySource, LinuxPlatform, StateOptions};
use static_cell::ConstStaticCell;
use tee_api::{AtomicStore, StoreAssurance};
use tpm2_core::{Memory, Start, Tpm, firmware, profile};
use tpm2_crypto::engine::AWS_LC;
use tpm2_wire::response_code;

use crate::endorsement;
use crate::machine::{StartupType, startup_command};
use crate::service::{Canceller, TpmService};

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
}

/// Opens the TPM, or makes it; it has no power yet. A process has one.
///
/// # Errors
/// One sentence that says what is wrong with the state and what to do.
pub fn open(options: &TpmOptions) -> Result<Box<dyn TpmService>> {
    let identity = Identity {
        profile_id: profile::PC_CLIENT.id,
        firmware_version: firmware::VERSION,
        svn: firmware::SVN,
    };
    let mut platform = LinuxPlatform::open(&StateOptions {
        key: options.key.clone(),
        identity,
        ..StateOptions::new(&options.state)
    })?;
    platform.set_progress(report);
    let has_state_key = platform.store_assurance() > StoreAssurance::Durable;
    if !has_state_key {
        info!("{}", LinuxPlatform::KEY_BESIDE_STATE);
    }
    let folder = options.state.display();
    // Zeros that are not touched take no memory; a copy on the heap would.
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    let memory = MEMORY.try_take().context("this process holds a TPM already")?;
    let mut tpm = Tpm::new(memory.slices(), platform, &AWS_LC);
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
            bail!("{folder} holds no TPM; allow one to be made with --manufacture if-empty")
        }
        (Start::Failed(reason), _) => {
            bail!(
                "the TPM in {folder} cannot be used: {reason}; nothing was changed, restore it from a backup"
            )
        }
    }
    Ok(Box::new(LinuxTpm { tpm, fresh: true, has_state_key }))
}

struct LinuxTpm {
    tpm: Tpm<'static, LinuxPlatform>,
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

fn report(elapsed: Duration) {
    info!("still at work on a command, after {} s", elapsed.as_secs());
}

/// The name of the endorsement key, in hexadecimal. The TPM is without power again afterwards.
fn endorsement_name(tpm: &mut Tpm<'static, LinuxPlatform>) -> Option<String> {
    let started = response_code(tpm.execute(0, &startup_command(StartupType::Clear))) == Some(0);
    let name = started.then(|| endorsement::name(|command| tpm.execute(0, command).to_vec())).flatten();
    tpm.execute(0, &crate::machine::shutdown_command());
    tpm.power_on();
    name
}
