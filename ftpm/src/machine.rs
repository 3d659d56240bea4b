//! One TPM and its platform: power, locality and cancel, shared by every connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use log::{debug, error, info, log_enabled, warn};
use tpm2_wire::{command_code, error_response, response_code};

use crate::service::{Canceller, TpmService};

const CC_SHUTDOWN: u32 = 0x145;
const RC_FAILURE: u32 = 0x101;
const RC_INITIALIZE: u32 = 0x100;

/// TPM2_Startup's and TPM2_Shutdown's type (Part 2, 6.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartupType {
    /// TPM_SU_CLEAR.
    Clear,
    /// TPM_SU_STATE.
    State,
}

/// The TPM does not run: it has no power, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the TPM does not run")]
pub struct NotRunning;

/// What a TPM answered to a startup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the TPM answered {0:#x} to TPM2_Startup")]
pub struct StartupError(pub u32);

/// One TPM, whatever number of clients it has. Commands run whole, one after the other, on the thread of the
/// connection that they came in on.
pub struct Machine {
    powered: Mutex<Powered>,
    canceller: Box<dyn Canceller>,
    /// The simulator's cancel, which stays on until it is taken back.
    cancel_all: AtomicBool,
    /// Known without the lock, so that the end does not queue behind every client.
    ended: AtomicBool,
    auto_shutdown: bool,
    largest_message: usize,
    can_hash: bool,
}

/// The largest command and response seen so far, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of a command.
    pub command: u32,
    /// Of a response.
    pub response: u32,
}

struct Powered {
    service: Box<dyn TpmService>,
    on: bool,
    /// The last command was a TPM2_Shutdown that succeeded.
    orderly: bool,
    /// Where raw commands come from.
    locality: u8,
    seen: Seen,
}

impl Machine {
    /// A machine without power around `service`.
    pub fn new(service: Box<dyn TpmService>) -> Self {
        Self {
            canceller: service.canceller(),
            cancel_all: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            auto_shutdown: true,
            largest_message: service.largest_message(),
            can_hash: service.can_hash(),
            powered: Mutex::new(Powered {
                service,
                on: false,
                orderly: true,
                locality: 0,
                seen: Seen::default(),
            }),
        }
    }

    /// A machine that leaves TPM2_Shutdown to the client, whatever happens.
    #[must_use]
    pub fn without_auto_shutdown(self) -> Self {
        Self { auto_shutdown: false, ..self }
    }

    /// The most bytes that a command or a response has.
    pub fn largest_message(&self) -> usize {
        self.largest_message
    }

    /// Whether the TPM has _TPM_Hash_Start, _TPM_Hash_Data and _TPM_Hash_End.
    pub fn can_hash(&self) -> bool {
        self.can_hash
    }

    /// Runs `command` from `locality`, or from the one that was last set, and hands the response to `respond`, which
    /// must not wait: other clients do.
    ///
    /// # Errors
    /// [`NotRunning`], and `respond` was not called.
    pub fn execute<R>(
        &self,
        locality: Option<u8>,
        command: &[u8],
        respond: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, NotRunning> {
        if self.ended.load(Ordering::Relaxed) {
            return Err(NotRunning);
        }
        let mut powered = match self.powered.lock() {
            Ok(powered) => powered,
            // A panic left the TPM in an unknown state: it says no more than that it failed.
            Err(_) => return Ok(respond(&error_response(RC_FAILURE))),
        };
        if !powered.on {
            return Err(NotRunning);
        }
        self.canceller.begin_command();
        if self.cancel_all.load(Ordering::Relaxed) {
            self.canceller.cancel();
        }
        let locality = locality.unwrap_or(powered.locality);
        powered.execute(locality, command, respond)
    }

    /// _TPM_Init, after an orderly shutdown of what ran.
    ///
    /// # Errors
    /// [`NotRunning`] where the TPM has ended.
    pub fn initialize(&self) -> Result<(), NotRunning> {
        self.canceller.cancel();
        let mut powered = self.lock()?;
        self.shut_down(&mut powered);
        powered.power_on();
        Ok(())
    }

    /// Power comes; nothing happens where it is there.
    pub fn power_on(&self) {
        if let Ok(mut powered) = self.lock()
            && !powered.on
        {
            powered.power_on();
        }
    }

    /// _TPM_Init where there is power, without a word to the TPM before.
    pub fn reset(&self) {
        self.canceller.cancel();
        if let Ok(mut powered) = self.lock()
            && powered.on
        {
            powered.power_on();
        }
    }

    /// Power goes, without a word to the TPM before.
    pub fn power_off(&self) {
        self.canceller.cancel();
        if let Ok(mut powered) = self.lock() {
            powered.on = false;
        }
    }

    /// Power goes, after an orderly shutdown.
    pub fn stop(&self) {
        self.canceller.cancel();
        if let Ok(mut powered) = self.lock() {
            self.shut_down(&mut powered);
            powered.on = false;
        }
    }

    /// The last [`Self::stop`]: no command runs any more.
    pub fn end(&self) {
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        self.canceller.cancel();
        if let Ok(mut powered) = self.powered.lock() {
            self.shut_down(&mut powered);
            powered.on = false;
        }
    }

    /// TPM2_Startup, as a platform's firmware sends it. A TPM that was started already is left as it is.
    ///
    /// # Errors
    /// What the TPM answered.
    pub fn start_up(&self, startup_type: StartupType) -> Result<(), StartupError> {
        let command = startup_command(startup_type);
        let answer =
            self.execute(Some(0), &command, |response| response_code(response).unwrap_or(RC_FAILURE));
        match answer {
            Ok(0 | RC_INITIALIZE) => Ok(()),
            Ok(code) => Err(StartupError(code)),
            Err(NotRunning) => Err(StartupError(RC_FAILURE)),
        }
    }

    /// Whether commands are answered.
    pub fn is_running(&self) -> bool {
        self.lock().is_ok_and(|powered| powered.on)
    }

    /// Raw commands come from `locality` from now on.
    pub fn set_locality(&self, locality: u8) {
        if let Ok(mut powered) = self.lock() {
            powered.locality = locality;
        }
    }

    /// Asks the running command to end.
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// Every command is asked to end, until further notice.
    pub fn set_cancel_all(&self, on: bool) {
        self.cancel_all.store(on, Ordering::Relaxed);
        if on {
            self.canceller.cancel();
        }
    }

    /// The largest messages so far.
    pub fn seen(&self) -> Seen {
        self.lock().map(|powered| powered.seen).unwrap_or_default()
    }

    /// Runs `act` on the TPM where it has power.
    ///
    /// # Errors
    /// [`NotRunning`].
    pub fn with_service<R>(&self, act: impl FnOnce(&mut dyn TpmService) -> R) -> Result<R, NotRunning> {
        let mut powered = self.lock()?;
        if !powered.on {
            return Err(NotRunning);
        }
        Ok(act(powered.service.as_mut()))
    }

    fn shut_down(&self, powered: &mut Powered) {
        if self.auto_shutdown {
            powered.shut_down();
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Powered>, NotRunning> {
        if self.ended.load(Ordering::Relaxed) {
            return Err(NotRunning);
        }
        self.powered.lock().map_err(|_| {
            error!("the TPM met an unexpected state and failed; restart the program");
            NotRunning
        })
    }
}

impl Powered {
    fn execute<R>(
        &mut self,
        locality: u8,
        command: &[u8],
        respond: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, NotRunning> {
        let began = log_enabled!(log::Level::Debug).then(Instant::now);
        let response = self.service.execute(locality, command);
        let (code, answer) = (command_code(command), response_code(response));
        self.orderly = code == Some(CC_SHUTDOWN) && answer == Some(0);
        self.seen.command = self.seen.command.max(command.len() as u32);
        self.seen.response = self.seen.response.max(response.len() as u32);
        if let Some(began) = began {
            // Codes and sizes only: bodies hold secrets.
            debug!(
                "command {:#x}, {} bytes, locality {locality}: {:#x}, {} bytes, {} µs",
                code.unwrap_or_default(),
                command.len(),
                answer.unwrap_or_default(),
                response.len(),
                began.elapsed().as_micros()
            );
        }
        Ok(respond(response))
    }

    fn power_on(&mut self) {
        self.service.power_on();
        self.on = true;
        self.locality = 0;
        // Nothing to shut down before the first command.
        self.orderly = true;
    }

    /// TPM2_Shutdown(CLEAR), where the last command was none.
    fn shut_down(&mut self) {
        if !self.on || self.orderly {
            return;
        }
        let answer = self.execute(0, &shutdown_command(), response_code);
        match answer {
            Ok(Some(0 | RC_INITIALIZE)) => info!("the TPM is shut down"),
            _ => warn!("the TPM did not take TPM2_Shutdown; its next start counts as disorderly"),
        }
    }
}

/// TPM2_Startup (Part 3, 9.3).
pub const fn startup_command(startup_type: StartupType) -> [u8; 12] {
    let low = match startup_type {
        StartupType::Clear => 0,
        StartupType::State => 1,
    };
    [0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, low]
}

/// TPM2_Shutdown(CLEAR) (Part 3, 9.4).
pub const fn shutdown_command() -> [u8; 12] {
    let mut command = startup_command(StartupType::Clear);
    command[9] = CC_SHUTDOWN as u8;
    command
}
