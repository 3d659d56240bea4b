//! The TPM as its owner holds it: construct, execute a command, get the response.

use core::fmt;

use tee_api::{EntropyError, Platform, StoreError};
use tpm2_crypto::{Drbg, HashAlgorithm, Hasher, engine::Engine};
use tpm2_types::{ResponseCode, Result, TpmCc};
use zeroize::Zeroize;

use crate::arena::Arena;
use crate::clock::Clock;
use crate::context::Context;
use crate::dictionary_attack;
use crate::manufacture;
use crate::memory::{MAX_COMMAND_SIZE, MAX_RESPONSE_SIZE, Slices};
use crate::pipeline::{Request, error_response};
use crate::profile::{PC_CLIENT, Profile};
use crate::self_test::SelfTests;
use crate::state::{Changes, Kind, State};

/// A TPM.
pub struct Tpm<'m, P: Platform> {
    state: State<'m>,
    buffer: &'m mut [u8],
    platform: P,
    engine: &'static dyn Engine,
    profile: &'static Profile,
    /// None only where there is no entropy, which is failure mode.
    random: Option<Drbg>,
    clock: Clock,
    self_tests: SelfTests,
    failure: Option<FailureReason>,
    /// The bytes of the buffer that may hold something since the last command.
    used: [usize; 3],
}

/// Why the TPM is in failure mode (Part 1, "Failure Mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// No TPM was manufactured in this store.
    NotManufactured,
    /// The store has no usable state.
    Store(StoreError),
    /// A self test did not give the known answer.
    SelfTest,
    /// There is no entropy to seed the generator with.
    Entropy(EntropyError),
    /// A record of the state does not make sense.
    State,
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotManufactured => f.write_str("no TPM was manufactured here"),
            Self::Store(error) => error.fmt(f),
            Self::SelfTest => f.write_str("a self test failed"),
            Self::Entropy(error) => error.fmt(f),
            Self::State => f.write_str("the state of the TPM is inconsistent"),
        }
    }
}

impl core::error::Error for FailureReason {}

/// What was found in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A TPM that was manufactured before.
    Existing,
    /// Nothing: [`Tpm::manufacture`] makes a TPM.
    Empty,
    /// Something that cannot be used: the TPM is in failure mode and changes nothing.
    Failed(FailureReason),
}

impl<'m, P: Platform> Tpm<'m, P> {
    /// Loads the TPM from the platform's store and gives it power (_TPM_Init). [`Tpm::start`] says what was found.
    pub fn new(memory: Slices<'m>, platform: P, engine: &'static dyn Engine) -> Self {
        let mut tpm = Self {
            state: State::new(memory.persistent, memory.volatile),
            buffer: memory.buffer,
            platform,
            engine,
            profile: &PC_CLIENT,
            random: None,
            clock: Clock::new(),
            self_tests: SelfTests::new(),
            failure: None,
            used: [0; 3],
        };
        tpm.load();
        tpm.power_on();
        tpm
    }

    /// What was found in the store, or became of it.
    pub fn start(&self) -> Start {
        match self.failure {
            None => Start::Existing,
            Some(FailureReason::NotManufactured) => Start::Empty,
            Some(reason) => Start::Failed(reason),
        }
    }

    /// Makes a TPM where there is none: new seeds, empty authorizations, a record of when. Refused where the store
    /// holds anything, be it unusable.
    ///
    /// # Errors
    /// What stopped it; nothing was kept then.
    pub fn manufacture(&mut self) -> Result<(), FailureReason> {
        match self.failure {
            Some(FailureReason::NotManufactured) => {}
            Some(reason) => return Err(reason),
            None => return Err(FailureReason::Store(StoreError::Foreign)),
        }
        self.seed_random()?;
        let Some(random) = &mut self.random else { return Err(FailureReason::SelfTest) };
        let (arena_memory, _) = self.buffer.split_at_mut(MAX_COMMAND_SIZE);
        let outcome = manufacture::manufacture(
            &Arena::new(arena_memory),
            &mut self.state,
            random,
            &mut self.platform,
            self.profile,
        );
        self.buffer[..MAX_COMMAND_SIZE].zeroize();
        outcome?;
        self.failure = None;
        self.power_on();
        Ok(())
    }

    /// _TPM_Init: the platform was reset. What does not outlive the power is gone; TPM2_Startup comes next.
    pub fn power_on(&mut self) {
        self.state.clear_volatile();
        self.self_tests = SelfTests::new();
        let base = self.state.orderly().map_or(0, |orderly| orderly.clock);
        self.clock.start(&mut self.platform, base);
        let tested = self.self_tests.power_on(self.engine).map_err(|_| FailureReason::SelfTest);
        if let Err(error) = tested.and_then(|()| self.seed_random()) {
            self.failure.get_or_insert(error);
        }
    }

    /// Executes a command that came from `locality` and gives its response. The command is copied first: what its
    /// sender does to it afterwards changes nothing. Whatever the bytes, the response is well formed.
    pub fn execute(&mut self, locality: u8, command: &[u8]) -> &[u8] {
        self.wipe();
        self.clock.read(&mut self.platform);
        let (length, place) = match self.process(locality, command) {
            Ok(length) => (length, MAX_COMMAND_SIZE),
            Err(code) => {
                // Whatever the handler had written is not for anyone's eyes.
                self.wipe();
                self.used = [0, crate::command::HEADER_SIZE, 0];
                let response = &mut self.buffer[MAX_COMMAND_SIZE..];
                (error_response(code, response), MAX_COMMAND_SIZE)
            }
        };
        &self.buffer[place..place + length]
    }

    /// The platform underneath.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The platform underneath.
    pub fn platform_mut(&mut self) -> &mut P {
        &mut self.platform
    }

    /// What the TPM remembers.
    pub fn state(&self) -> &State<'m> {
        &self.state
    }

    /// SHA-256 over all that the TPM remembers: two equal digests mean that nothing changed in between.
    pub fn state_digest(&self) -> [u8; 32] {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        for (key, bytes) in self.state.records() {
            hasher.update(&key.kind.to_be_bytes());
            hasher.update(&key.id.to_be_bytes());
            hasher.update(&bytes.len().to_be_bytes());
            hasher.update(bytes);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(&hasher.finish());
        digest
    }

    fn load(&mut self) {
        let mut outcome = Ok(());
        let state = &mut self.state;
        let loaded = self.platform.load(&mut |key, value| {
            if outcome.is_ok() {
                outcome = state.restore(key, value);
            }
        });
        self.failure = match (loaded, outcome) {
            (Err(StoreError::Missing), _) => Some(FailureReason::NotManufactured),
            (Err(error), _) => Some(FailureReason::Store(error)),
            (Ok(()), Err(_)) => Some(FailureReason::State),
            (Ok(()), Ok(())) if manufacture::is_complete(&self.state) => None,
            (Ok(()), Ok(())) => Some(FailureReason::State),
        };
        if self.failure.is_some() {
            self.state.clear_all();
        }
    }

    fn seed_random(&mut self) -> Result<(), FailureReason> {
        let mut seed = [0u8; 64];
        let outcome = self.platform.fill_entropy(&mut seed).map_err(FailureReason::Entropy).and_then(|()| {
            let (entropy, nonce) = seed.split_at(48);
            self.random =
                Some(Drbg::instantiate(entropy, nonce, b"ftpm").map_err(|_| FailureReason::SelfTest)?);
            Ok(())
        });
        seed.zeroize();
        outcome
    }

    /// All that happens between request and response.
    fn process(&mut self, locality: u8, command: &[u8]) -> Result<usize> {
        if command.len() > MAX_COMMAND_SIZE || command.len() > self.profile.message_size as usize {
            return Err(ResponseCode::COMMAND_SIZE);
        }
        let Self { state, buffer, platform, engine, profile, random, clock, self_tests, failure, used } =
            self;
        let (request, rest) = buffer.split_at_mut(MAX_COMMAND_SIZE);
        let (response, working) = rest.split_at_mut(MAX_RESPONSE_SIZE);
        let working_size = working.len();
        let request = &mut request[..command.len()];
        request.copy_from_slice(command);
        // Until the real extent is known, all of it counts as used.
        *used = [command.len(), MAX_RESPONSE_SIZE, working_size];

        let request = Request { bytes: request, locality };
        let header = request.header()?;
        if let Some(reason) = failure {
            return crate::self_test::execute_in_failure_mode(*reason, header.command, command, response);
        }
        let is_startup = header.command.code == TpmCc::STARTUP;
        if state.running()?.is_none() && !is_startup {
            return Err(ResponseCode::INITIALIZE);
        }

        let random = random.as_mut().ok_or(ResponseCode::FAILURE)?;
        let arena = Arena::new(working);
        let parsed = request.parse(&header, state)?;
        if parsed.uses_protected_entity(state, clock)? {
            let mut ahead = Changes::new();
            dictionary_attack::write_ahead(state, clock, &arena, &mut ahead)?;
            commit(state, platform, failure, &mut ahead)?;
        }
        let authorized = match parsed.authorize(state, clock, &arena) {
            Ok(authorized) => authorized,
            Err(denied) => {
                if let Some(counted) = denied.failure {
                    let mut changes = Changes::new();
                    dictionary_attack::record(state, clock, &arena, &mut changes, counted)?;
                    commit(state, platform, failure, &mut changes)?;
                }
                return Err(denied.code);
            }
        };

        let mut changes = Changes::new();
        let handles = authorized.handles;
        let mut context = Context {
            state,
            changes: &mut changes,
            arena: &arena,
            platform,
            random,
            engine: *engine,
            profile,
            clock,
            self_tests,
            locality,
            session: authorized.first_session(),
        };
        let executed = authorized.execute(&mut context, response);
        let sealed = executed.and_then(|executed| executed.seal(&mut context, handles.as_slice()));
        if self_tests.has_failed() {
            *failure = Some(FailureReason::SelfTest);
        }
        // What TPM2_Shutdown(STATE) saved and cannot be brought back is gone (Part 3, 9.3.1).
        if is_startup && sealed.as_ref().is_err_and(|code| *code == ResponseCode::FAILURE) {
            failure.get_or_insert(FailureReason::State);
        }
        let sealed = sealed?;
        *used = [command.len(), sealed.length, working_size - arena.remaining()];
        commit(state, platform, failure, &mut changes)?;
        // TPM2_Clear sets Clock back; everything else writes it down as it is.
        if changes.pending(Kind::Orderly.only()).is_some() {
            clock.set(state.orderly()?.clock);
        }
        Ok(sealed.length)
    }

    /// Wipes what the last command left in the private buffer.
    fn wipe(&mut self) {
        let [request, response, working] = self.used;
        let (first, rest) = self.buffer.split_at_mut(MAX_COMMAND_SIZE);
        let (second, third) = rest.split_at_mut(MAX_RESPONSE_SIZE);
        first[..request].zeroize();
        second[..response].zeroize();
        third[..working].zeroize();
        self.used = [0; 3];
    }
}

/// Makes the changes durable, then visible. Nothing is seen of changes that could not be kept.
pub(crate) fn commit<P: Platform>(
    state: &mut State<'_>,
    platform: &mut P,
    failure: &mut Option<FailureReason>,
    changes: &mut Changes<'_>,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    if !state.fits(changes) {
        return Err(ResponseCode::MEMORY);
    }
    let persistent = changes.partition();
    if persistent > 0 {
        platform.commit(&changes.as_slice()[..persistent]).map_err(|error| match error {
            StoreError::Unavailable => ResponseCode::NV_UNAVAILABLE,
            StoreError::RateLimited => ResponseCode::NV_RATE,
            StoreError::Full => ResponseCode::NV_SPACE,
            _ => {
                *failure = Some(FailureReason::Store(error));
                ResponseCode::FAILURE
            }
        })?;
    }
    state.publish(changes.as_slice()).inspect_err(|_| *failure = Some(FailureReason::State))
}
