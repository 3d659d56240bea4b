//! What a command's handler sees.

use tee_api::Platform;
use tpm2_crypto::{Drbg, engine::Engine};
use tpm2_types::{Result, TpmHandle, TpmsClockInfo, TpmsTimeInfo};

use crate::arena::Arena;
use crate::clock::Clock;
use crate::profile::Profile;
use crate::self_test::SelfTests;
use crate::state::{Changes, Record, State};

/// What a command's handler sees: the state to read, and where its changes go. `'s` is the handler's own time,
/// `'b` that of the TPM's buffer: request, working memory and changes.
pub struct Context<'s, 'b> {
    /// The state before this command.
    pub state: &'s State<'s>,
    /// What this command changes; committed and seen only when the response is complete.
    pub changes: &'s mut Changes<'b>,
    /// Working memory of this command.
    pub arena: &'s Arena<'b>,
    /// The TEE underneath.
    pub platform: &'s mut (dyn Platform + 's),
    /// The generator of random numbers. Outside of the transaction: it never steps back.
    pub random: &'s mut Drbg,
    /// Whoever does the arithmetic.
    pub engine: &'s dyn Engine,
    /// What this TPM offers, and its limits.
    pub profile: &'static Profile,
    /// The clock. Outside of the transaction.
    pub clock: &'s Clock,
    /// Which algorithms have been tested.
    pub self_tests: &'s mut SelfTests,
    /// The locality that the command came from.
    pub locality: u8,
    /// The handle in the first session of the command, for commands that a session's own handle matters to.
    pub session: Option<TpmHandle>,
}

impl<'b> Context<'_, 'b> {
    /// Time, Clock and their counters as they are now.
    pub fn time_info(&self) -> Result<TpmsTimeInfo> {
        let orderly = self.state.orderly()?;
        let clock_info = TpmsClockInfo {
            clock: self.clock.clock(),
            reset_count: orderly.reset_count,
            restart_count: orderly.restart_count,
            safe: orderly.safe,
        };
        Ok(TpmsTimeInfo { time: self.clock.time(), clock_info })
    }

    /// The record will have this value.
    pub fn put<'v, R: Record<'v>>(&mut self, record: &R) -> Result<()> {
        self.changes.put(self.arena, record)
    }

    /// `size` random bytes.
    pub fn random_bytes(&mut self, size: usize) -> Result<&'b mut [u8]> {
        let bytes = self.arena.allocate(size)?;
        tpm2_crypto::Random::fill(self.random, bytes).map_err(crate::algorithm::response_code)?;
        Ok(bytes)
    }
}
