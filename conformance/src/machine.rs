//! What the cases run against.

use std::io;
use std::time::Duration;

use platform_memory::MemoryPlatform;
use tee_api::{Change, StoreError};
use tpm2_client::Transport;
use tpm2_client::transport::SwtpmProcess;
use tpm2_core::state::Kind;
use tpm2_core::{Memory, Slices, Tpm};
use tpm2_crypto::Steps;
use tpm2_crypto::ecc::{Curve, Point};
use tpm2_crypto::engine::{Engine, ModExp, SOFTWARE};

/// A TPM that a case may do anything with: it is thrown away afterwards.
pub trait Machine: Transport {
    /// Power off and on: _TPM_Init. Persistent state stays.
    fn power_cycle(&mut self) -> io::Result<()>;

    /// A digest of the whole state, persistent and volatile, where it can be had.
    fn state_digest(&self) -> Option<[u8; 32]> {
        None
    }

    /// Lets this much time pass.
    fn pass(&mut self, time: Duration) -> io::Result<()> {
        std::thread::sleep(time);
        Ok(())
    }

    /// What happens to the next commit to the store.
    fn fail_next_commit(&mut self, _: CommitFailure) -> Result<(), NotHere> {
        Err(NotHere("the store cannot be made to fail"))
    }

    /// Cancels the next command at its first checkpoint.
    fn cancel_next(&mut self) -> Result<(), NotHere> {
        Err(NotHere("commands cannot be cancelled"))
    }

    /// Power off, and on again with so little memory that it is exhausted before the slots are. Started.
    fn restart_with_little_memory(&mut self) -> Result<(), NotHere> {
        Err(NotHere("its memory is what it is"))
    }

    /// Power off, and on again with a store that has lost what TPM2_Shutdown(STATE) saved.
    fn restart_without_saved_state(&mut self) -> Result<(), NotHere> {
        Err(NotHere("its store cannot be reached"))
    }

    /// Power off, and on again with an engine that computes wrongly. Started.
    fn restart_with_wrong_engine(&mut self) -> Result<(), NotHere> {
        Err(NotHere("its algorithms are what they are"))
    }

    /// Whether the transport takes any bytes as a command, so that commandSize can be wrong.
    fn takes_any_bytes(&self) -> Result<(), NotHere> {
        Err(NotHere("the transport needs commandSize to find the end of a command"))
    }
}

/// How a commit fails.
#[derive(Clone, Copy, Debug)]
pub enum CommitFailure {
    /// The store is away for now; nothing was written.
    Unavailable,
    /// The store limits how often it is written; nothing was written.
    RateLimited,
    /// Nobody knows what was written.
    OutcomeUnknown,
}

/// The machine cannot do what the case needs; the case is skipped.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not on this machine: {0}")]
pub struct NotHere(pub &'static str);

impl Machine for SwtpmProcess {
    fn power_cycle(&mut self) -> io::Result<()> {
        Self::power_cycle(self)
    }
}

impl Transport for Box<dyn Machine> {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        (**self).transceive(locality, command)
    }
}

/// This TPM, in this process and in memory.
struct InProcess {
    tpm: Tpm<'static, MemoryPlatform>,
    device: MemoryPlatform,
}

/// A factory of this project's TPM.
pub fn in_process() -> impl Fn() -> io::Result<Box<dyn Machine>> + Sync {
    || {
        let device = MemoryPlatform::new(1);
        let mut tpm = Tpm::new(slices::<{ 32 * 1024 }>(), device.handle(), &SOFTWARE);
        tpm.manufacture().map_err(io::Error::other)?;
        tpm.execute(0, STARTUP_CLEAR);
        Ok(Box::new(InProcess { tpm, device }))
    }
}

/// An engine whose modular exponentiations are off by one bit.
struct WrongEngine;

impl Engine for WrongEngine {
    fn mod_exp(
        &self,
        operands: ModExp<'_>,
        out: &mut [u8],
        steps: &mut Steps<'_>,
    ) -> tpm2_crypto::Result<()> {
        SOFTWARE.mod_exp(operands, out, steps)?;
        wrong(out)
    }

    fn mod_exp_public(
        &self,
        base: &[u8],
        exponent: u32,
        modulus: &[u8],
        out: &mut [u8],
        steps: &mut Steps<'_>,
    ) -> tpm2_crypto::Result<()> {
        SOFTWARE.mod_exp_public(base, exponent, modulus, out, steps)?;
        wrong(out)
    }

    fn ec_multiply_base(
        &self,
        curve: Curve,
        scalar: &[u8],
        steps: &mut Steps<'_>,
    ) -> tpm2_crypto::Result<Point> {
        SOFTWARE.ec_multiply_base(curve, scalar, steps)
    }

    fn ec_multiply(
        &self,
        curve: Curve,
        scalar: &[u8],
        point: &Point,
        steps: &mut Steps<'_>,
    ) -> tpm2_crypto::Result<Point> {
        SOFTWARE.ec_multiply(curve, scalar, point, steps)
    }

    fn ec_double_multiply(
        &self,
        curve: Curve,
        base_scalar: &[u8],
        scalar: &[u8],
        point: &Point,
        steps: &mut Steps<'_>,
    ) -> tpm2_crypto::Result<Point> {
        SOFTWARE.ec_double_multiply(curve, base_scalar, scalar, point, steps)
    }
}

fn wrong(out: &mut [u8]) -> tpm2_crypto::Result<()> {
    if let Some(last) = out.last_mut() {
        *last ^= 1;
    }
    Ok(())
}

/// Memory for a TPM with this much for what goes with the power. It is never given back: a process of tests makes a
/// few hundred TPMs and ends.
fn slices<const VOLATILE: usize>() -> Slices<'static> {
    Box::leak(Box::<Memory<{ 160 * 1024 }, VOLATILE>>::default()).slices()
}

impl Transport for InProcess {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.tpm.execute(locality, command).to_vec())
    }
}

impl Machine for InProcess {
    fn power_cycle(&mut self) -> io::Result<()> {
        self.tpm.power_on();
        Ok(())
    }

    fn state_digest(&self) -> Option<[u8; 32]> {
        Some(self.tpm.state_digest())
    }

    fn pass(&mut self, time: Duration) -> io::Result<()> {
        self.device.advance(time.as_millis().try_into().map_err(io::Error::other)?);
        Ok(())
    }

    fn fail_next_commit(&mut self, failure: CommitFailure) -> Result<(), NotHere> {
        self.device.fail_next_commit(match failure {
            CommitFailure::Unavailable => StoreError::Unavailable,
            CommitFailure::RateLimited => StoreError::RateLimited,
            CommitFailure::OutcomeUnknown => StoreError::OutcomeUnknown,
        });
        Ok(())
    }

    fn cancel_next(&mut self) -> Result<(), NotHere> {
        self.device.cancel_at_checkpoint(1);
        Ok(())
    }

    fn restart_with_little_memory(&mut self) -> Result<(), NotHere> {
        self.tpm = Tpm::new(slices::<{ 5 * 1024 + 512 }>(), self.device.handle(), &SOFTWARE);
        self.tpm.execute(0, STARTUP_CLEAR);
        Ok(())
    }

    fn restart_without_saved_state(&mut self) -> Result<(), NotHere> {
        let mut records = self.device.records().ok_or(NotHere("nothing is stored"))?;
        let lost = Change::Delete { key: Kind::SessionTable.saved() };
        records.apply(&[lost]).map_err(|_| NotHere("nothing was saved"))?;
        self.device.set_records(Some(records));
        self.tpm = Tpm::new(slices::<{ 32 * 1024 }>(), self.device.handle(), &SOFTWARE);
        Ok(())
    }

    fn restart_with_wrong_engine(&mut self) -> Result<(), NotHere> {
        self.tpm = Tpm::new(slices::<{ 32 * 1024 }>(), self.device.handle(), &WrongEngine);
        self.tpm.execute(0, STARTUP_CLEAR);
        Ok(())
    }

    fn takes_any_bytes(&self) -> Result<(), NotHere> {
        Ok(())
    }
}

const STARTUP_CLEAR: &[u8] = &[0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0];

/// Makes a fresh machine, manufactured and started with TPM2_Startup(CLEAR), for each case.
pub type Factory = dyn Fn() -> io::Result<Box<dyn Machine>> + Sync;

/// A factory of peers: swtpm, or a program with its command line.
pub fn peer(program: &str) -> impl Fn() -> io::Result<Box<dyn Machine>> + Sync + use<> {
    let program = program.to_owned();
    move || Ok(Box::new(SwtpmProcess::start(&program)?))
}
