//! The TPM as its owner holds it: construct, execute a command, get the response.

use posture::{Evidence, Guarantee, Judgement, Policy, Posture, judge};
use subtle::ConstantTimeEq;
use tee_api::{EntropyError, LifecycleAssurance, Platform, Provisioning, StartReason, StoreError};
use tpm2_crypto::{Drbg, HashAlgorithm, Hasher, engine::Engine};
use tpm2_types::{ResponseCode, Result, TpmCc};
use zeroize::Zeroize;

use crate::arena::Arena;
use crate::clock::Clock;
use crate::command::startup::startup;
use crate::context::Context;
use crate::dictionary_attack;
use crate::failure::FailureReason;
use crate::firmware;
use crate::ledger::{Attached, Ledger};
use crate::manufacture;
use crate::memory::{MAX_COMMAND_SIZE, MAX_RESPONSE_SIZE, Slices};
use crate::pipeline::{Request, error_response};
use crate::profile::{PC_CLIENT, Profile};
use crate::self_test::SelfTests;
use crate::state::{Availability, Changes, Kind, Manufacture, Orderly, State, parse};

/// A TPM.
pub struct Tpm<'m, P: Platform> {
    pub(crate) state: State<'m>,
    pub(crate) buffer: &'m mut [u8],
    pub(crate) platform: P,
    engine: &'static dyn Engine,
    profile: &'static Profile,
    /// None as long as there was no entropy to seed it with.
    pub(crate) random: Option<Drbg>,
    /// The source of entropy failed a health test, its own or ours: it is not asked again before the platform's reset.
    entropy_failed: bool,
    clock: Clock,
    self_tests: SelfTests,
    pub(crate) ledger: Ledger,
    /// TPM2_Startup came before the state could be had: what it does to the state is still to be done.
    started_early: bool,
    pub(crate) judgement: Judgement,
    pub(crate) failure: Option<FailureReason>,
    /// What was last said to the platform of a failure.
    reported: Option<FailureReason>,
    /// The bytes of the buffer that may hold something since the last command.
    used: [usize; 3],
}

/// What was found in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A TPM that was manufactured before.
    Existing,
    /// Nothing: [`Tpm::manufacture`] makes a TPM.
    Empty,
    /// Storage, or the counter, cannot be asked yet. The TPM runs: it measures, and serves what needs no state; it
    /// attaches the state when that can be had.
    Waiting(StoreError),
    /// Something that cannot be used: the TPM is in failure mode and changes nothing.
    Failed(FailureReason),
}

impl<'m, P: Platform> Tpm<'m, P> {
    /// Loads the TPM from the platform's store and gives it power (_TPM_Init). [`Tpm::start`] says what was found.
    /// The platform is judged by [`Policy::DEFAULT`].
    pub fn new(memory: Slices<'m>, platform: P, engine: &'static dyn Engine) -> Self {
        Self::with_policy(memory, platform, engine, &Policy::DEFAULT)
    }

    /// As [`Tpm::new`], with another policy for what the platform does not guarantee.
    pub fn with_policy(
        memory: Slices<'m>,
        mut platform: P,
        engine: &'static dyn Engine,
        policy: &Policy,
    ) -> Self {
        let judgement = judge(&Posture::of(&mut platform), policy);
        let mut tpm = Self {
            state: State::new(memory.persistent, memory.volatile),
            buffer: memory.buffer,
            platform,
            engine,
            profile: &PC_CLIENT,
            random: None,
            entropy_failed: false,
            clock: Clock::new(),
            self_tests: SelfTests::new(),
            ledger: Ledger::new(),
            started_early: false,
            judgement,
            failure: None,
            reported: None,
            used: [0; 3],
        };
        if judgement.is_degraded(Guarantee::Clock) {
            tpm.clock.stand();
        }
        tpm.failure = tpm.check_start().err();
        tpm.attach();
        tpm.power_on();
        tpm
    }

    /// What was found in the store, or became of it.
    pub fn start(&self) -> Start {
        match self.failure {
            Some(FailureReason::NotManufactured) => Start::Empty,
            Some(reason) => Start::Failed(reason),
            None if self.state.is_closed() => Start::Waiting(match self.state.unavailable() {
                Some(ResponseCode::NV_RATE) => StoreError::RateLimited,
                _ => StoreError::Unavailable,
            }),
            None => Start::Existing,
        }
    }

    /// What was made of the platform's guarantees.
    pub fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// Makes a TPM where there is none: new seeds, empty authorizations, a record of when. Refused where the store
    /// holds anything, be it unusable, where something outside the store remembers a TPM, and where the policy does
    /// not permit seeds on this platform.
    ///
    /// # Errors
    /// What stopped it; nothing was kept then.
    pub fn manufacture(&mut self) -> Result<(), FailureReason> {
        match self.failure {
            Some(FailureReason::NotManufactured) => self.make(1),
            Some(reason) => Err(reason),
            None if self.state.is_closed() => Err(FailureReason::Store(StoreError::Unavailable)),
            None => Err(FailureReason::Store(StoreError::Foreign)),
        }
    }

    /// As [`Tpm::manufacture`], also where something outside the store remembers a TPM whose state is missing. That
    /// one is given up: whatever was sealed to it, or encrypted for it, is lost.
    ///
    /// # Errors
    /// What stopped it; nothing was kept then.
    pub fn manufacture_by_force(&mut self) -> Result<(), FailureReason> {
        match self.failure {
            // How many there were before, nobody knows; one at least.
            Some(FailureReason::Store(StoreError::Missing)) => self.make(2),
            _ => self.manufacture(),
        }
    }

    fn make(&mut self, count: u32) -> Result<(), FailureReason> {
        let permit = self.judgement.permit().map_err(FailureReason::Refused)?;
        self.seed_random()?;
        let Some(random) = &mut self.random else { return Err(FailureReason::SelfTest) };
        let (arena_memory, _) = self.buffer.split_at_mut(MAX_COMMAND_SIZE);
        let outcome = manufacture::manufacture(
            permit,
            &Arena::new(arena_memory),
            &mut self.state,
            random,
            &mut self.platform,
            &mut self.ledger,
            self.profile,
            count,
        );
        self.buffer[..MAX_COMMAND_SIZE].zeroize();
        if outcome.is_err() && !self.ledger.is_detached() {
            // The store may have kept what the counter did not follow: the next start finds out.
            self.state.clear_all();
        }
        outcome?;
        self.failure = None;
        self.remember();
        self.power_on();
        Ok(())
    }

    /// _TPM_Init: the platform was reset. What does not outlive the power is gone; TPM2_Startup comes next.
    pub fn power_on(&mut self) {
        self.state.clear_volatile();
        self.started_early = false;
        self.self_tests = SelfTests::new();
        let base = self.state.orderly().map_or(0, |orderly| orderly.clock);
        self.clock.start(&mut self.platform, base);
        let tested = self.self_tests.power_on(self.engine).map_err(|_| FailureReason::SelfTest);
        match tested.and_then(|()| self.seed_random()) {
            // What the source does not have now, it may have when a command asks.
            Ok(()) | Err(FailureReason::Entropy(EntropyError::Unavailable)) => {}
            Err(error) => drop(self.failure.get_or_insert(error)),
        }
        self.report();
    }

    /// Executes a command that came from `locality` and gives its response. The command is copied first: what its
    /// sender does to it afterwards changes nothing. Whatever the bytes, the response is well formed.
    pub fn execute(&mut self, locality: u8, command: &[u8]) -> &[u8] {
        self.wipe();
        self.settle();
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
        self.report();
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

    /// SHA-256 over all that the TPM remembers: two equal digests mean that nothing changed in between, but for the
    /// number of transactions.
    pub fn state_digest(&self) -> [u8; 32] {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        let records = self.state.records().filter(|(key, _)| *key != Kind::Commit.only());
        for (key, bytes) in records {
            hasher.update(&key.kind.to_be_bytes());
            hasher.update(&key.id.to_be_bytes());
            hasher.update(&bytes.len().to_be_bytes());
            hasher.update(bytes);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(&hasher.finish());
        digest
    }

    /// Whether this platform, and this start, is one that a TPM may run on.
    fn check_start(&self) -> Result<(), FailureReason> {
        self.judgement.permit().map_err(FailureReason::Refused)?;
        let told = self.platform.lifecycle_assurance() > LifecycleAssurance::None;
        if told && self.platform.start_reason() == StartReason::ServiceRestart {
            return Err(FailureReason::Restarted);
        }
        Ok(())
    }

    /// Takes the state into memory, if it can be had.
    fn attach(&mut self) {
        if self.failure.is_none() {
            match self.ledger.attach(&mut self.state, &mut self.platform) {
                Ok(Attached::Yes) if self.awaits_import() => self.failure = Some(FailureReason::AwaitsImport),
                Ok(Attached::Yes) if self.state.bytes(Kind::Moved.only()).is_some() => {
                    self.failure = Some(FailureReason::Moved);
                }
                Ok(Attached::Yes) if !manufacture::is_complete(&self.state) => {
                    self.ledger.detach(&mut self.state, ResponseCode::FAILURE);
                    self.failure = Some(FailureReason::State);
                }
                Ok(Attached::Yes) => {
                    // A cut may have come between the manufacture and its mark.
                    if self.platform.provisioning() == Ok(Provisioning::Fresh) {
                        let _tried_again_at_the_next_start = self.platform.mark_provisioned();
                    }
                }
                Ok(Attached::Later(_)) => {}
                Err(reason) => self.failure = Some(reason),
            }
        }
        self.remember();
    }

    /// Whether what is there is the beginning of an import. A TPM that was moved away may wait for another.
    fn awaits_import(&self) -> bool {
        let is_there = |kind: Kind| self.state.bytes(kind.only()).is_some();
        is_there(Kind::Importing) || is_there(Kind::ImportToken) && !is_there(Kind::Moved)
    }

    /// Writes the posture's index: what the platform guarantees, and which TPM this is.
    pub(crate) fn remember(&mut self) {
        let manufacture = self.state.get::<Manufacture<'_>>(Kind::Manufacture.only());
        let mut id = [0; 16];
        let mut count = 0;
        if let Ok(manufacture) = manufacture {
            let known = manufacture.id.as_slice().len().min(id.len());
            id[..known].copy_from_slice(&manufacture.id.as_slice()[..known]);
            count = manufacture.count;
        }
        let evidence = Evidence::new(&self.judgement, firmware::VERSION, firmware::SVN, id, count);
        self.state.set_posture(&evidence);
    }

    /// Before a command: what earlier ones had to leave, and what storage, counter, entropy and clock say now.
    pub(crate) fn settle(&mut self) {
        if self.failure.is_some() {
            return;
        }
        if self.random.is_none()
            && let Err(error) = self.seed_random()
            && error != FailureReason::Entropy(EntropyError::Unavailable)
        {
            self.failure = Some(error);
            return;
        }
        if self.ledger.is_detached() && self.platform.ready().is_ok() {
            self.attach();
            if let Ok(orderly) = self.state.orderly() {
                // Where Clock goes on from, now that it is known.
                self.clock.set(orderly.clock);
            }
        }
        if self.failure.is_none() {
            self.ledger.settle(&mut self.state, &mut self.platform, &mut self.failure);
        }
        let is_running = matches!(self.state.running(), Ok(Some(_)));
        if let Some(code) = self.state.unavailable().filter(|_| !is_running && self.ledger.is_settled()) {
            // TPM2_Startup will do without the state, and do its part when that is had again.
            self.ledger.detach(&mut self.state, code);
        }
        if self.started_early && self.state.unavailable().is_none() && self.failure.is_none() {
            self.catch_up();
        }
        if self.state.unavailable().is_none() {
            self.clock.read(&mut self.platform);
        }
    }

    /// The state has come after TPM2_Startup: does to it what a TPM reset does.
    fn catch_up(&mut self) {
        let Self { state, buffer, platform, ledger, failure, clock, .. } = self;
        let working = &mut buffer[MAX_COMMAND_SIZE..];
        let arena = Arena::new(working);
        let mut changes = Changes::new();
        let outcome = startup::late(state, clock, &arena, &mut changes)
            .and_then(|()| ledger.commit(state, platform, failure, &arena, &mut changes));
        self.buffer[MAX_COMMAND_SIZE..].zeroize();
        match outcome {
            // The storage went again before the start was written down: the state has to be had anew.
            Err(code) if self.ledger.is_settled() => {
                if self.failure.is_none() {
                    self.ledger.detach(&mut self.state, code);
                }
            }
            // The store has it, be it that the counter has to follow.
            _ => self.started_early = false,
        }
    }

    /// Tells the platform of a failure, once.
    pub(crate) fn report(&mut self) {
        if self.failure != self.reported {
            self.reported = self.failure;
            // An empty store is no failure before somebody wants a TPM of it.
            if let Some(reason) = self.failure.filter(|reason| *reason != FailureReason::NotManufactured) {
                self.platform.fail(reason.summary());
            }
        }
    }

    pub(crate) fn seed_random(&mut self) -> Result<(), FailureReason> {
        if self.entropy_failed {
            return Err(FailureReason::Entropy(EntropyError::Unhealthy));
        }
        let mut seed = [0u8; 64];
        let outcome = self.platform.fill_entropy(&mut seed).and_then(|()| check_varied(&seed));
        let outcome = outcome.map_err(FailureReason::Entropy).and_then(|()| {
            let (entropy, nonce) = seed.split_at(48);
            self.random =
                Some(Drbg::instantiate(entropy, nonce, b"ftpm").map_err(|_| FailureReason::SelfTest)?);
            Ok(())
        });
        seed.zeroize();
        self.entropy_failed = outcome == Err(FailureReason::Entropy(EntropyError::Unhealthy));
        outcome
    }

    /// All that happens between request and response.
    fn process(&mut self, locality: u8, command: &[u8]) -> Result<usize> {
        if command.len() > MAX_COMMAND_SIZE || command.len() > self.profile.message_size as usize {
            return Err(ResponseCode::COMMAND_SIZE);
        }
        let Self {
            state,
            buffer,
            platform,
            engine,
            profile,
            random,
            clock,
            self_tests,
            ledger,
            started_early,
            failure,
            used,
            ..
        } = self;
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

        // There is no seed for the generator yet: the same command works when the source has one.
        let random = random.as_mut().ok_or(ResponseCode::RETRY)?;
        let arena = Arena::new(working);
        if let Some(unrecorded) = state.unrecorded().filter(|_| state.unavailable().is_none()) {
            let mut late = Changes::new();
            dictionary_attack::record(state, clock, &arena, &mut late, unrecorded)?;
            let kept = ledger.commit(state, platform, failure, &arena, &mut late);
            if kept.is_ok() || !ledger.is_settled() {
                state.set_unrecorded(None);
            } else if let Err(code) = kept {
                // Nothing else may be kept before it: TPM2_Shutdown would let it be forgotten.
                state.set_availability(Availability::Dark(code));
            }
        }
        let parsed = request.parse(&header, state)?;
        let checks = parsed.protected_checks(state, clock)?;
        if checks.entity || checks.lockout {
            let mut ahead = Changes::new();
            dictionary_attack::write_ahead(state, clock, &arena, &mut ahead, checks)?;
            ledger.commit(state, platform, failure, &arena, &mut ahead)?;
        }
        let authorized = match parsed.authorize(state, clock, &arena) {
            Ok(authorized) => authorized,
            Err(denied) => {
                let mut changes = Changes::new();
                match denied.failure {
                    Some(counted) => {
                        dictionary_attack::record(state, clock, &arena, &mut changes, counted)?;
                        state.set_unrecorded(Some(counted));
                    }
                    None if checks.lockout => dictionary_attack::settle_lockout(state, &mut changes)?,
                    None => {}
                }
                let kept = ledger.commit(state, platform, failure, &arena, &mut changes);
                if denied.failure.is_some() && (kept.is_ok() || !ledger.is_settled()) {
                    state.set_unrecorded(None);
                }
                kept?;
                return Err(denied.code);
            }
        };

        let mut changes = Changes::new();
        // Kept with what the command changes, or by itself where that fails.
        dictionary_attack::settle_lockout(state, &mut changes)?;
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
        if sealed.is_err() && checks.lockout {
            let mut settled = Changes::new();
            dictionary_attack::settle_lockout(state, &mut settled)?;
            ledger.commit(state, platform, failure, &arena, &mut settled)?;
        }
        let sealed = sealed?;
        *used = [command.len(), sealed.length, working_size - arena.remaining()];
        // TPM2_Clear sets Clock back; everything else writes it down as it is.
        let written = match changes.pending(Kind::Orderly.only()) {
            Some(Some(bytes)) => Some(parse::<Orderly<'_>>(bytes)?.clock),
            _ => None,
        };
        let early = is_startup && state.is_closed();
        let kept = ledger.commit(state, platform, failure, &arena, &mut changes);
        if let Some(written) = written.filter(|_| kept.is_ok() || !ledger.is_settled()) {
            clock.set(written);
        }
        kept?;
        *started_early |= early;
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

/// A source that repeats itself is broken, whatever it says of its health: a run of equal bytes (the repetition count
/// test of SP 800-90B, 4.4.1, at a false alarm in 2^50 seeds), or one half as the other.
fn check_varied(seed: &[u8; 64]) -> Result<(), EntropyError> {
    const LONGEST_RUN: usize = 7;
    let is_run = |window: &[u8]| window.iter().all(|byte| Some(byte) == window.first());
    let (first, second) = seed.split_at(seed.len() / 2);
    let repeats = seed.windows(LONGEST_RUN + 1).any(is_run) || bool::from(first.ct_eq(second));
    if repeats { Err(EntropyError::Unhealthy) } else { Ok(()) }
}
