//! A device in the attacker's hands: each call that the TPM makes of storage and counter is answered as they please.

use std::cell::RefCell;
use std::rc::Rc;

use platform_memory::{MemoryPlatform, Records};
use tee_api::{
    AtomicStore, Change, Checkpoint, Client, ClientAssurance, ClientIdentity, Clock, ClockAssurance,
    ClockError, CounterAssurance, CounterError, DeviceKey, DeviceKeyAssurance, DeviceKeyError, Entropy,
    EntropyAssurance, EntropyError, EntropyHealth, Flow, Isolation, IsolationAssurance, Lifecycle,
    LifecycleAssurance, MarkerError, MonotonicCounter, Platform, Provisioning, RecordKey, StartReason,
    StoreAssurance, StoreError,
};
use tpm2_core::state::Kind;

/// What is switched off below the TPM, which does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing.
    None,
    /// The store never keeps that a protected authorization is about to be checked.
    DirtyBit,
    /// The counter says that it has moved, at once. It moves when it is called again, if that comes before a cut.
    Wait,
}

/// A call that the attacker can answer, and sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The state is read.
    Load,
    /// A transaction is kept.
    Commit,
    /// The counter is read.
    Read,
    /// The counter is moved.
    Move,
}

/// How a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// As it should.
    Works,
    /// Nothing happens, and the TPM hears so.
    Refused,
    /// It happens, and the TPM hears that nobody knows.
    Lost,
}

impl Call {
    /// The answers besides [`Answer::Works`].
    pub fn faults(self) -> &'static [Answer] {
        match self {
            Self::Load | Self::Read => &[Answer::Refused],
            Self::Commit | Self::Move => &[Answer::Refused, Answer::Lost],
        }
    }
}

/// What the attacker does to the calls of one command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Weather {
    /// Storage cannot be reached, and says so before it is asked: a dark period.
    pub storage_away: bool,
    /// The counter is withheld.
    pub counter_away: bool,
    /// The answers to the first calls. All later ones work.
    pub answers: Vec<Answer>,
}

/// The device as its attacker holds it.
pub struct Hands {
    /// Medium and counter.
    pub device: MemoryPlatform,
    pub weather: Weather,
    /// The calls since the weather was set.
    pub calls: Vec<Call>,
    /// The medium after each transaction since the weather was set.
    pub kept: Vec<Records>,
    /// Where a counter that is late still has to go.
    pub owed: Option<u64>,
    /// Which device it is: each has a key of its own.
    number: u8,
    sabotage: Sabotage,
    /// What the store holds inside, out of the attacker's reach: a transaction is kept as a whole image, or as a link
    /// of a chain, so it never mixes with what was put back under a running service.
    image: Option<Records>,
}

impl Hands {
    /// Device `number` with this medium and counter, without power. What its entropy gives follows from `entropy` alone, so
    /// that equal states are found to be equal.
    pub fn new(
        number: u8,
        sabotage: Sabotage,
        medium: Option<Records>,
        counter: Option<u64>,
        entropy: u64,
    ) -> Rc<RefCell<Self>> {
        let device = MemoryPlatform::new(entropy);
        device.set_records(medium);
        device.set_counter(counter);
        Rc::new(RefCell::new(Self {
            device,
            weather: Weather::default(),
            calls: Vec::new(),
            kept: Vec::new(),
            owed: None,
            number,
            sabotage,
            image: None,
        }))
    }

    /// The weather of the next command.
    pub fn set_weather(&mut self, weather: &Weather) {
        self.weather.clone_from(weather);
        self.calls.clear();
        self.kept.clear();
    }

    fn answer(&mut self, call: Call) -> Answer {
        let at = self.calls.len();
        self.calls.push(call);
        let away = match call {
            Call::Load | Call::Commit => self.weather.storage_away,
            Call::Read | Call::Move => self.weather.counter_away,
        };
        if away { Answer::Refused } else { self.weather.answers.get(at).copied().unwrap_or(Answer::Works) }
    }

    fn keep(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.device.set_records(self.image.take());
        let outcome = self.device.commit(changes);
        self.image = self.device.records();
        self.kept.extend(self.image.clone());
        outcome
    }

    /// Lets a late counter move, as far as the attacker does.
    fn catch_up(&mut self) {
        if let Some(owed) = self.owed.take() {
            match self.answer(Call::Move) {
                Answer::Refused => self.owed = Some(owed),
                Answer::Works | Answer::Lost => {
                    let from = self.device.counter().unwrap_or(owed);
                    self.device.set_counter(Some(from.max(owed)));
                }
            }
        }
    }
}

/// A handle for the TPM.
pub struct Attacked(pub Rc<RefCell<Hands>>);

impl AtomicStore for Attacked {
    fn store_assurance(&self) -> StoreAssurance {
        StoreAssurance::Sealed
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        if self.0.borrow().weather.storage_away { Err(StoreError::Unavailable) } else { Ok(()) }
    }

    fn load(&mut self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        let mut hands = self.0.borrow_mut();
        if hands.answer(Call::Load) != Answer::Works {
            return Err(StoreError::Unavailable);
        }
        hands.image = hands.device.records();
        hands.device.load(visit)
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let mut hands = self.0.borrow_mut();
        let answer = hands.answer(Call::Commit);
        if answer == Answer::Refused {
            return Err(StoreError::Unavailable);
        }
        if hands.sabotage == Sabotage::DirtyBit {
            let spoilt: Vec<_> = changes.iter().filter_map(without_dirty_bit).collect();
            let others = changes.iter().filter(|change| !DIRTY_BITS.contains(&change.kind()));
            let puts = spoilt.iter().map(|(key, value)| Change::Put { key: *key, value });
            hands.keep(&others.copied().chain(puts).collect::<Vec<_>>())?;
        } else {
            hands.keep(changes)?;
        }
        if answer == Answer::Lost { Err(StoreError::OutcomeUnknown) } else { Ok(()) }
    }
}

/// The records that say ahead of a check that it comes: the last field of the first, and the second by being there.
const DIRTY_BITS: [u16; 2] = [Kind::DictionaryAttack as u16, Kind::LockoutCheck as u16];

/// The record of the dictionary attack logic, with NO in its last field.
fn without_dirty_bit(change: &Change<'_>) -> Option<(RecordKey, Vec<u8>)> {
    match change {
        Change::Put { key, value } if *key == Kind::DictionaryAttack.only() => {
            let mut value = value.to_vec();
            *value.last_mut()? = 0;
            Some((*key, value))
        }
        _ => None,
    }
}

impl MonotonicCounter for Attacked {
    fn counter_assurance(&self) -> CounterAssurance {
        self.0.borrow().device.counter_assurance()
    }

    fn counter_value(&mut self) -> Result<u64, CounterError> {
        let mut hands = self.0.borrow_mut();
        hands.catch_up();
        match hands.answer(Call::Read) {
            Answer::Works => hands.device.counter_value(),
            Answer::Refused | Answer::Lost => Err(CounterError::Unavailable),
        }
    }

    fn advance_counter(&mut self, to: u64) -> Result<(), CounterError> {
        let mut hands = self.0.borrow_mut();
        if hands.sabotage == Sabotage::Wait {
            hands.catch_up();
            hands.owed = Some(to);
            return Ok(());
        }
        match hands.answer(Call::Move) {
            Answer::Works => hands.device.advance_counter(to),
            Answer::Refused => Err(CounterError::Unavailable),
            Answer::Lost => {
                hands.device.advance_counter(to)?;
                Err(CounterError::OutcomeUnknown)
            }
        }
    }
}

impl Entropy for Attacked {
    fn entropy_assurance(&self) -> EntropyAssurance {
        EntropyAssurance::Hardware
    }

    fn entropy_health(&self) -> EntropyHealth {
        EntropyHealth::Untested
    }

    fn fill_entropy(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.0.borrow_mut().device.fill_entropy(out)
    }
}

/// Time stands: what it forgives is not the attacker's gain.
impl Clock for Attacked {
    fn clock_assurance(&self) -> ClockAssurance {
        ClockAssurance::Secure
    }

    fn milliseconds(&mut self) -> Result<u64, ClockError> {
        Ok(0)
    }
}

impl Checkpoint for Attacked {
    fn checkpoint(&mut self) -> Flow {
        Flow::Continue
    }
}

impl DeviceKey for Attacked {
    fn device_key_assurance(&self) -> DeviceKeyAssurance {
        DeviceKeyAssurance::Hardware
    }

    fn derive_key(&mut self, label: &[u8], out: &mut [u8]) -> Result<(), DeviceKeyError> {
        let mut hands = self.0.borrow_mut();
        let number = hands.number;
        hands.device.derive_key(label, out)?;
        out.iter_mut().for_each(|byte| *byte ^= number);
        Ok(())
    }
}

impl ClientIdentity for Attacked {
    fn client_assurance(&self) -> ClientAssurance {
        ClientAssurance::Secure
    }

    fn client(&self) -> Client {
        Client::NormalWorld
    }
}

impl Isolation for Attacked {
    fn isolation_assurance(&self) -> IsolationAssurance {
        IsolationAssurance::SecureWorld
    }
}

impl Lifecycle for Attacked {
    fn lifecycle_assurance(&self) -> LifecycleAssurance {
        LifecycleAssurance::Secure
    }

    fn start_reason(&self) -> StartReason {
        StartReason::PlatformReset
    }

    fn provisioning(&mut self) -> Result<Provisioning, MarkerError> {
        Ok(Provisioning::Unknown)
    }

    fn mark_provisioned(&mut self) -> Result<(), MarkerError> {
        Ok(())
    }

    fn fail(&mut self, _why: &str) {}
}

impl Platform for Attacked {}
