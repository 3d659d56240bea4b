//! A TPM's life on a hostile device: steps, what each of them is to leave, and what a restarted TPM has of it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::fmt;
use std::io;

use platform_hostile::{HostilePlatform, Random};
use tpm2_client::{Client, Command, Entity, Error, Response, Transport, commands, template};
use tpm2_core::state::{Hierarchy, Kind, parse};
use tpm2_core::{Memory, Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{ResponseCode, TpmAlgId, TpmCap, TpmHandle, TpmNt, TpmPt, TpmRh, TpmSu, TpmaNv};

/// A TPM with power.
pub struct Life<'m> {
    client: Client<InProcess<'m>>,
    /// The authValues as the caller knows them.
    auths: [Vec<u8>; 3],
}

struct InProcess<'m>(Tpm<'m, HostilePlatform>);

impl Transport for InProcess<'_> {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.0.execute(locality, command).to_vec())
    }
}

/// Gives a TPM on the device power for as long as `live` takes.
pub fn with_power<R>(device: &HostilePlatform, live: impl FnOnce(&mut Life<'_>) -> R) -> R {
    let mut memory = Box::new(Memory::<{ 24 * 1024 }, { 16 * 1024 }>::new());
    let tpm = Tpm::new(memory.slices(), device.handle(), &SOFTWARE);
    live(&mut Life { client: Client::new(InProcess(tpm)), auths: Default::default() })
}

impl<'m> Life<'m> {
    /// The TPM itself.
    pub fn tpm(&mut self) -> &mut Tpm<'m, HostilePlatform> {
        &mut self.client.transport().0
    }

    /// The response to a command, or the code of a refusal.
    pub fn run(&mut self, command: &Command) -> Result<Response, ResponseCode> {
        self.client.run(command).map_err(|error| match error {
            Error::Tpm(code) => code,
            other => panic!("{other}"),
        })
    }

    /// Does one step. `Err` has the code of whatever was refused.
    pub fn perform(&mut self, step: Step) -> Result<(), ResponseCode> {
        let owner = self.hierarchy(TpmRh::OWNER);
        let command = match step {
            Step::Startup(state) => commands::startup(kind(state)),
            Step::Shutdown(state) => commands::shutdown(kind(state)),
            Step::Define(number) => {
                let space = space(number);
                let public =
                    commands::nv_public(space.handle(), TpmAlgId::SHA256, space.attributes, &[], space.size);
                commands::nv_define_space(self.authority(space), space.auth, public)
            }
            Step::Undefine(number) => {
                let space = space(number);
                commands::nv_undefine_space(self.authority(space), &space.entity())
            }
            Step::Write(number, value) => {
                let space = space(number);
                let data = vec![value; space.size.into()];
                commands::nv_write(self.writer(space), &space.entity(), &data, 0)
            }
            Step::Increment(number) => {
                commands::nv_increment(space(number).entity(), &space(number).entity())
            }
            Step::SetBit(bit) => {
                commands::nv_set_bits(space(BITS).entity(), &space(BITS).entity(), 1 << (bit % 64))
            }
            Step::Extend(value) => {
                commands::nv_extend(space(EXTEND).entity(), &space(EXTEND).entity(), &[value])
            }
            Step::Auth(who, value) => {
                let hierarchy = self.hierarchy(who.handle());
                commands::hierarchy_change_auth(hierarchy, &secret(value))
            }
            Step::MaxTries(tries) => {
                let lockout = self.hierarchy(TpmRh::LOCKOUT);
                commands::dictionary_attack_parameters(lockout, tries, 1000, 1000)
            }
            Step::ResetLock => commands::dictionary_attack_lock_reset(self.hierarchy(TpmRh::LOCKOUT)),
            Step::Guess(right) => {
                let guess: &[u8] = if right { space(PROTECTED).auth } else { b"wrong" };
                let index = space(PROTECTED).entity().with_auth(guess);
                commands::nv_read(index.clone(), &index, 1, 0)
            }
            Step::Persist(by) => {
                let hierarchy = self.hierarchy(by.hierarchy());
                let sensitive = commands::sensitive(&[], &[]);
                let template = template::hmac_key().to_bytes();
                let create = commands::create_primary(
                    hierarchy.clone(),
                    sensitive,
                    &template,
                    &[],
                    commands::no_pcrs(),
                );
                let object = self.run(&create)?.handle().unwrap_or(TpmRh::NULL);
                let kept = self.run(&commands::evict_control(
                    hierarchy,
                    &Entity::permanent(object),
                    by.persistent(),
                ));
                // A TPM in failure mode has no objects.
                let _ = self.run(&commands::flush_context(object));
                return kept.map(drop);
            }
            Step::Evict(by) => {
                let object = Entity::permanent(by.persistent());
                commands::evict_control(self.hierarchy(by.hierarchy()), &object, by.persistent())
            }
            Step::ClearControl(disable) => commands::clear_control(TpmRh::PLATFORM, disable),
            Step::Clear => commands::clear(TpmRh::PLATFORM),
            Step::Read(number) => {
                let space = space(number);
                commands::nv_read(self.reader(space, owner), &space.entity(), space.size, 0)
            }
            Step::Random => commands::get_random(8),
            Step::Measure(value) => commands::pcr_extend(TpmHandle(0), TpmAlgId::SHA256, &[value; 32]),
            Step::ReadClock => commands::read_clock(),
        };
        self.run(&command).map(drop)
    }

    /// All that the TPM has of what steps leave, read with commands where there is one. The TPM was just started.
    pub fn observe(&mut self) -> Effects {
        let owner = self.hierarchy(TpmRh::OWNER);
        let spaces = std::array::from_fn(|number| {
            let space = &SPACES[number];
            match self.run(&commands::nv_read_public(space.handle())) {
                Err(code) if code.base() == ResponseCode::HANDLE => return None,
                answer => _ = answer.unwrap_or_else(|code| panic!("NV_ReadPublic of {number}: {code}")),
            }
            let read = commands::nv_read(self.reader(space, owner.clone()), &space.entity(), space.size, 0);
            match self.run(&read) {
                Ok(response) => Some(Some(response.fields().sized().unwrap().to_vec())),
                Err(ResponseCode::NV_UNINITIALIZED) => Some(None),
                Err(code) => panic!("NV_Read of {number}: {code}"),
            }
        });
        let (tries, max_tries) = (self.property(TpmPt::LOCKOUT_COUNTER), self.property(TpmPt::MAX_AUTH_FAIL));
        let persistent = [By::Owner, By::Platform].map(|by| {
            let object = Entity::permanent(by.persistent());
            self.run(&commands::read_public(&object)).is_ok()
        });
        let auth = |tpm: &Tpm<'_, _>, handle| tpm.state().hierarchy(handle).unwrap().auth.as_slice().to_vec();
        let auths = Who::ALL.map(|who| auth(self.tpm(), who.handle()));
        let state = self.tpm().state();
        Effects {
            spaces,
            auths,
            max_tries,
            tries,
            used: false,
            checked: false,
            lockout_enabled: state.dictionary_attack().unwrap().lockout_auth_enabled.0,
            persistent,
            clear_disabled: state.permanent().unwrap().disable_clear.0,
            deleted: 0,
            owner_seed: Seed::Known(state.seeds().unwrap().owner.as_slice().to_vec()),
        }
    }

    /// What tells this TPM from every other one, and never changes.
    pub fn identity(&mut self) -> Vec<u8> {
        let state = self.tpm().state();
        let seeds = state.seeds().unwrap();
        let id = state.bytes(Kind::Manufacture.only()).unwrap();
        [id, seeds.endorsement.as_slice(), seeds.platform.as_slice()].concat()
    }

    /// The seed of the owner's hierarchy.
    pub fn owner_seed(&mut self) -> Option<Vec<u8>> {
        Some(self.tpm().state().seeds().ok()?.owner.as_slice().to_vec())
    }

    /// A TPM property.
    pub fn property(&mut self, property: TpmPt) -> u32 {
        let response = self.run(&commands::get_capability(TpmCap::TPM_PROPERTIES, property.0, 1)).unwrap();
        let mut fields = response.fields();
        let _more_data = fields.u8().unwrap();
        assert_eq!((fields.u32().unwrap(), fields.u32().unwrap()), (TpmCap::TPM_PROPERTIES.0, 1));
        assert_eq!(fields.u32().unwrap(), property.0);
        fields.u32().unwrap()
    }

    /// The caller knows the authValues of this state.
    pub fn know(&mut self, effects: &Effects) {
        self.auths = effects.auths.clone();
    }

    /// A hierarchy with its authValue: the TPM's, or, while it has none to show, what the caller knows.
    fn hierarchy(&mut self, handle: TpmHandle) -> Entity {
        for who in Who::ALL {
            // Also where it is not confirmed yet: the caller knows what it asked for.
            let bytes = self.client.transport().0.state().bytes(Hierarchy::key_of(who.handle()));
            if let Some(Ok(hierarchy)) = bytes.map(parse::<Hierarchy<'_>>) {
                self.auths[who as usize] = hierarchy.auth.as_slice().to_vec();
            }
        }
        let known = Who::ALL.iter().find(|who| who.handle() == handle).map(|who| &self.auths[*who as usize]);
        Entity::permanent(handle).with_auth(known.map_or(&[], Vec::as_slice))
    }

    fn authority(&mut self, space: &Space) -> Entity {
        self.hierarchy(if space.by_platform() { TpmRh::PLATFORM } else { TpmRh::OWNER })
    }

    fn writer(&mut self, space: &Space) -> Entity {
        if space.attributes.contains(TpmaNv::NO_DA) && !space.by_platform() {
            space.entity()
        } else {
            self.authority(space)
        }
    }

    fn reader(&mut self, space: &Space, owner: Entity) -> Entity {
        if space.by_platform() { Entity::permanent(TpmRh::PLATFORM) } else { owner }
    }
}

/// What a caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// TPM2_Startup: of STATE, or of CLEAR.
    Startup(bool),
    /// TPM2_Shutdown: of STATE, or of CLEAR. The power goes afterwards.
    Shutdown(bool),
    /// Defines the space with this number of [`SPACES`].
    Define(usize),
    /// Removes it.
    Undefine(usize),
    /// Fills an ordinary space with a value.
    Write(usize, u8),
    /// Counts.
    Increment(usize),
    /// Sets one bit.
    SetBit(u8),
    /// Extends.
    Extend(u8),
    /// Changes an authValue; 0 makes it empty.
    Auth(Who, u8),
    /// Changes the dictionary attack parameters.
    MaxTries(u32),
    /// TPM2_DictionaryAttackLockReset.
    ResetLock,
    /// Tries the protected space's authValue.
    Guess(bool),
    /// Makes a key and makes it persistent.
    Persist(By),
    /// Removes the persistent key.
    Evict(By),
    /// Forbids TPM2_Clear, or allows it.
    ClearControl(bool),
    /// TPM2_Clear.
    Clear,
    /// Reads a space.
    Read(usize),
    /// TPM2_GetRandom.
    Random,
    /// TPM2_PCR_Extend.
    Measure(u8),
    /// TPM2_ReadClock.
    ReadClock,
}

/// Whose authValue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Owner,
    Endorsement,
    Lockout,
}

impl Who {
    const ALL: [Self; 3] = [Self::Owner, Self::Endorsement, Self::Lockout];

    fn handle(self) -> TpmHandle {
        [TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT][self as usize]
    }
}

/// Whose key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Owner,
    Platform,
}

impl By {
    fn hierarchy(self) -> TpmHandle {
        [TpmRh::OWNER, TpmRh::PLATFORM][self as usize]
    }

    fn persistent(self) -> TpmHandle {
        [TpmHandle(0x8100_0001), TpmHandle(0x8180_0001)][self as usize]
    }
}

fn kind(state: bool) -> TpmSu {
    if state { TpmSu::STATE } else { TpmSu::CLEAR }
}

fn secret(value: u8) -> Vec<u8> {
    if value == 0 { Vec::new() } else { vec![value; 12] }
}

/// An NV index that a life may have.
pub struct Space {
    number: u32,
    attributes: TpmaNv,
    size: u16,
    auth: &'static [u8],
}

impl Space {
    fn handle(&self) -> TpmHandle {
        TpmHandle::nv_index(self.number)
    }

    fn entity(&self) -> Entity {
        Entity::permanent(self.handle())
    }

    fn by_platform(&self) -> bool {
        self.attributes.contains(TpmaNv::PLATFORMCREATE)
    }
}

const OPEN: TpmaNv = TpmaNv::OWNERREAD
    .union(TpmaNv::OWNERWRITE)
    .union(TpmaNv::AUTHREAD)
    .union(TpmaNv::AUTHWRITE)
    .union(TpmaNv::NO_DA);
const OF_PLATFORM: TpmaNv =
    TpmaNv::PLATFORMCREATE.union(TpmaNv::PPREAD).union(TpmaNv::PPWRITE).union(TpmaNv::NO_DA);
const DA: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE).union(TpmaNv::AUTHREAD);

/// Small, of several sectors, counter, bits, extend, the platform's, protected against guessing, another counter.
pub const SPACES: [Space; 8] = [
    Space { number: 1, attributes: OPEN, size: 16, auth: &[] },
    Space { number: 2, attributes: OPEN, size: 900, auth: &[] },
    Space { number: 3, attributes: OPEN.with_nt(TpmNt::COUNTER), size: 8, auth: &[] },
    Space { number: 4, attributes: OPEN.with_nt(TpmNt::BITS), size: 8, auth: &[] },
    Space { number: 5, attributes: OPEN.with_nt(TpmNt::EXTEND), size: 32, auth: &[] },
    Space { number: 6, attributes: OF_PLATFORM, size: 40, auth: &[] },
    Space { number: 7, attributes: DA, size: 8, auth: b"right" },
    Space { number: 8, attributes: OPEN.with_nt(TpmNt::COUNTER), size: 8, auth: &[] },
];
pub const COUNTERS: [usize; 2] = [2, 7];
const BITS: usize = 3;
const EXTEND: usize = 4;
pub const PROTECTED: usize = 6;
const ORDINARY: [usize; 4] = [0, 1, 5, PROTECTED];

fn space(number: usize) -> &'static Space {
    static ALL: [Space; 8] = SPACES;
    &ALL[number]
}

/// The seed of the owner's hierarchy, as far as a test can know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// This one.
    Known(Vec<u8>),
    /// Another one than before: TPM2_Clear drew it.
    New,
}

/// What steps leave that outlives the power.
#[derive(Clone, PartialEq, Eq)]
pub struct Effects {
    /// Which spaces are defined, and what is written in them.
    pub spaces: [Option<Option<Vec<u8>>>; SPACES.len()],
    auths: [Vec<u8>; 3],
    max_tries: u32,
    pub tries: u32,
    /// A protected authorization was checked since the last orderly shutdown.
    used: bool,
    /// lockoutAuth is being checked.
    checked: bool,
    lockout_enabled: bool,
    persistent: [bool; 2],
    clear_disabled: bool,
    /// The highest value of a counter that is gone.
    deleted: u64,
    owner_seed: Seed,
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spaces = self.spaces.each_ref().map(|space| match space {
            None => "-".to_owned(),
            Some(None) => "unwritten".to_owned(),
            Some(Some(data)) => format!("{:02x?}…", &data[..data.len().min(8)]),
        });
        let seed = match &self.owner_seed {
            Seed::Known(seed) => format!("{:02x?}…", &seed[..4]),
            Seed::New => "new".to_owned(),
        };
        write!(
            f,
            "spaces {spaces:?} auths {:?} tries {}/{} used {} lockoutAuth {}/{} persistent {:?} \
             clear disabled {} seed {seed}",
            self.auths.each_ref().map(|auth| auth.first().copied().unwrap_or(0)),
            self.tries,
            self.max_tries,
            self.used,
            self.checked,
            self.lockout_enabled,
            self.persistent,
            self.clear_disabled,
        )
    }
}

impl Effects {
    /// A new TPM, with this seed.
    pub fn new(owner_seed: Vec<u8>) -> Self {
        Self {
            spaces: Default::default(),
            auths: Default::default(),
            max_tries: 32,
            tries: 0,
            used: false,
            checked: false,
            lockout_enabled: true,
            persistent: [false; 2],
            clear_disabled: false,
            deleted: 0,
            owner_seed: Seed::Known(owner_seed),
        }
    }

    /// What is durable one after the other while the step runs, the last one when it is answered; `None` where the
    /// TPM refuses it.
    pub fn stages(&self, step: Step) -> Option<Vec<Self>> {
        let mut next = self.clone();
        let mut stages = Vec::new();
        match step {
            Step::MaxTries(_) | Step::ResetLock if !next.lockout_enabled => return None,
            Step::Auth(Who::Lockout, _) if !next.lockout_enabled => return None,
            Step::MaxTries(_) | Step::ResetLock | Step::Auth(Who::Lockout, _) => {
                next.checked = true;
                stages.push(next.clone());
            }
            Step::Guess(_) => {
                let _defined = next.spaces[PROTECTED].as_ref()?;
                if !next.used {
                    next.used = true;
                    stages.push(next.clone());
                }
            }
            Step::Startup(_) => next.lockout_enabled &= !next.checked,
            _ => {}
        }
        // Whatever is done ends the check of lockoutAuth; what is refused does not.
        next.checked &= matches!(step, Step::Guess(_)) && next.spaces[PROTECTED] == Some(None);
        match step {
            Step::Startup(_) => {
                next.tries += u32::from(next.used && next.tries < next.max_tries);
                next.used = false;
            }
            Step::Shutdown(_) => next.used = false,
            Step::Define(number) => {
                let None = next.spaces[number].replace(None) else { return None };
            }
            Step::Undefine(number) => {
                next.deleted = next.deleted.max(next.counter(number).unwrap_or(0));
                next.spaces[number].take()?;
            }
            Step::Write(number, value) => {
                *next.spaces[number].as_mut()? = Some(vec![value; space(number).size.into()]);
            }
            Step::Increment(number) => {
                let value = next.counter(number).unwrap_or_else(|| next.highest_counter()) + 1;
                *next.spaces[number].as_mut()? = Some(value.to_be_bytes().to_vec());
            }
            Step::SetBit(bit) => {
                let field = next.spaces[BITS].as_mut()?;
                let old = field.as_deref().map_or(0, number_of);
                *field = Some((old | 1 << (bit % 64)).to_be_bytes().to_vec());
            }
            Step::Extend(value) => {
                let held = next.spaces[EXTEND].as_mut()?;
                let old = held.clone().unwrap_or_else(|| vec![0; 32]);
                *held = Some(hash(HashAlgorithm::Sha256, &[&old, &[value]]).to_vec());
            }
            Step::Auth(who, value) => next.auths[who as usize] = secret(value),
            Step::MaxTries(tries) => next.max_tries = tries,
            Step::ResetLock => next.tries = 0,
            Step::Guess(right) => {
                let is_written = next.spaces[PROTECTED] != Some(None);
                next.tries += u32::from(is_written && !right);
            }
            Step::Persist(by) if !next.persistent[by as usize] => next.persistent[by as usize] = true,
            Step::Evict(by) if next.persistent[by as usize] => next.persistent[by as usize] = false,
            Step::Persist(_) | Step::Evict(_) => return None,
            Step::ClearControl(disable) => next.clear_disabled = disable,
            Step::Clear if next.clear_disabled => return None,
            Step::Clear => {
                next.deleted = next.highest_counter();
                for (number, held) in next.spaces.iter_mut().enumerate() {
                    if !space(number).by_platform() {
                        *held = None;
                    }
                }
                next.auths = Default::default();
                (next.max_tries, next.tries, next.lockout_enabled) = (32, 0, true);
                next.persistent[By::Owner as usize] = false;
                next.owner_seed = Seed::New;
            }
            Step::Read(number) => _ = next.spaces[number].as_ref()?.as_ref()?,
            Step::Random | Step::Measure(_) | Step::ReadClock => {}
        }
        if stages.last() != Some(&next) {
            stages.push(next);
        }
        Some(stages)
    }

    /// After a power cut, and the next TPM2_Startup(CLEAR).
    pub fn restarted(&self) -> Self {
        self.stages(Step::Startup(false)).and_then(|mut stages| stages.pop()).unwrap_or_else(|| self.clone())
    }

    /// Whether a TPM that was observed has just this. `before` are the seeds that were there earlier.
    pub fn is_seen_in(&self, seen: &Self, before: &[Vec<u8>]) -> bool {
        let seeds = match (&self.owner_seed, &seen.owner_seed) {
            (Seed::New, Seed::Known(seed)) => !before.contains(seed),
            (expected, seen) => expected == seen,
        };
        let mut same = seen.clone();
        same.owner_seed = self.owner_seed.clone();
        same.deleted = self.deleted;
        seeds && same == *self
    }

    /// TPM2_Clear was answered: this is the seed that it drew.
    pub fn know_seed(&mut self, seed: Vec<u8>) {
        self.owner_seed = Seed::Known(seed);
    }

    pub fn seed(&self) -> Option<&Vec<u8>> {
        match &self.owner_seed {
            Seed::Known(seed) => Some(seed),
            Seed::New => None,
        }
    }

    fn counter(&self, number: usize) -> Option<u64> {
        let held = self.spaces[number].as_ref()?.as_ref()?;
        COUNTERS.contains(&number).then(|| number_of(held))
    }

    fn highest_counter(&self) -> u64 {
        COUNTERS.iter().filter_map(|number| self.counter(*number)).fold(self.deleted, u64::max)
    }
}

fn number_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl Step {
    /// Whether this answer is that of a step that has done its work.
    pub fn is_done(self, answer: Result<(), ResponseCode>) -> bool {
        match (self, answer) {
            // Before the authValue is looked at.
            (Self::Guess(_), Err(ResponseCode::NV_UNINITIALIZED)) => true,
            (Self::Guess(false), Err(code)) => code.base() == ResponseCode::AUTH_FAIL,
            (Self::Guess(false), Ok(())) => false,
            (_, answer) => answer.is_ok(),
        }
    }

    /// A step that the TPM takes in this state, as `random` says.
    pub fn draw(random: &mut Random, effects: &Effects) -> Self {
        loop {
            let value = 1 + random.below(200) as u8;
            let counter = COUNTERS[random.below(2) as usize];
            let by = [By::Owner, By::Platform][random.below(2) as usize];
            let number = random.below(SPACES.len() as u64) as usize;
            let step = match random.below(30) {
                0..6 => Self::Define(number),
                6 => Self::Undefine([number, 5, PROTECTED][random.below(3) as usize]),
                7..12 => Self::Write(ORDINARY[random.below(4) as usize], value),
                12 | 13 => Self::Increment(counter),
                14 => Self::SetBit(value),
                15 => Self::Extend(value),
                16 | 17 => Self::Auth(Who::ALL[random.below(3) as usize], value % 4),
                18 => Self::MaxTries(20 + random.below(12) as u32),
                19 | 20 if effects.tries < 8 => Self::Guess(random.below(2) == 0),
                19..22 => Self::ResetLock,
                22 => Self::Persist(by),
                23 => Self::Evict(by),
                24 => Self::ClearControl(random.below(2) == 0),
                25 => Self::Read(number),
                26 => Self::Random,
                27 => Self::Measure(value),
                28 => Self::ReadClock,
                _ => Self::Undefine(COUNTERS[1]),
            };
            if effects.stages(step).is_some() {
                return step;
            }
        }
    }
}

/// What a start has to find.
pub fn starts(device: &HostilePlatform) -> Start {
    with_power(device, |life| life.tpm().start())
}
