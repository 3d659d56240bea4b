//! Every sequence of an attacker's steps, on the real TPM.
//!
//! A TPM cannot be copied. Each state is remembered as what makes it again: the device as it was when power came, and
//! the steps since. All is deterministic, so they lead to the same state each time.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use platform_memory::Records;
use tee_api::RecordKey;
use tpm2_client::{Client, Command, Entity, Error, commands, name_of_public};
use tpm2_core::state::{Kind, Orderly, parse};
use tpm2_core::{FailureReason, Memory, Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_crypto::{HashAlgorithm, Hasher};
use tpm2_types::{TpmAlgId, TpmHandle, TpmRh, TpmSu, TpmaNv};

use crate::device::{Answer, Attacked, Call, Hands, Sabotage, Weather};

/// Which authorization is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The authValue of a protected NV index: as many tries as the owner set.
    Index,
    /// lockoutAuth: one try.
    Lockout,
}

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub target: Target,
    pub sabotage: Sabotage,
    /// Whether the device has a counter.
    pub counter: bool,
    /// The tries that the owner grants.
    pub max_tries: u32,
    /// How many steps a sequence has at most.
    pub depth: usize,
    /// How many calls of one command, or of one start, are answered with an error.
    pub faults: usize,
}

/// What was found.
pub struct Report {
    pub plan: Plan,
    /// Steps that were tried, each from a state that had not been seen before.
    pub steps: usize,
    /// Different states.
    pub states: usize,
    /// The number of steps after which no new state was found, if it was not more than [`Plan::depth`].
    pub complete: Option<usize>,
    /// A shortest sequence after which the attacker has checked more guesses than were granted.
    pub hole: Option<Vec<String>>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { target, sabotage, counter, max_tries, depth, faults } = self.plan;
        writeln!(
            f,
            "guesses at {target:?}, {max_tries} granted, switched off: {sabotage:?}, counter: {counter}, \
             up to {faults} faults a step: {} states, {} steps tried",
            self.states, self.steps
        )?;
        match (&self.hole, self.complete) {
            (Some(hole), _) => {
                writeln!(f, "  a try is gained in {} steps:", hole.len())?;
                hole.iter().enumerate().try_for_each(|(at, step)| writeln!(f, "  {}. {step}", at + 1))
            }
            (None, Some(complete)) => {
                writeln!(f, "  no try is gained, at any depth: after {complete} steps there is no new state")
            }
            (None, None) => writeln!(f, "  no try is gained in up to {depth} steps"),
        }
    }
}

/// What the attacker sends. The owner's use is there because it sets the dirty bit as well.
const SENT: [&str; 7] = [
    "guess",
    "owner's use",
    "startup(CLEAR)",
    "startup(STATE)",
    "shutdown(CLEAR)",
    "shutdown(STATE)",
    "write of another index",
];
const GUESS: usize = 0;
const RIGHT: usize = 1;
const STARTUP: usize = 2;

#[derive(Clone)]
enum Act {
    /// Power is cut, if there was any, and comes.
    Power,
    /// A command, by its place in [`SENT`].
    Send(usize),
    /// The medium gets an image that it had before.
    PutBack(Rc<Image>),
}

#[derive(Clone)]
struct Step {
    act: Act,
    weather: Weather,
    calls: Vec<Call>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.act {
            Act::Power => f.write_str("cut")?,
            Act::Send(command) => f.write_str(SENT[*command])?,
            Act::PutBack(image) => return write!(f, "state {} is put back", image.number),
        }
        if self.weather.storage_away {
            f.write_str(", storage away")?;
        }
        if self.weather.counter_away {
            f.write_str(", counter withheld")?;
        }
        let faults = self.calls.iter().zip(&self.weather.answers).enumerate();
        for (at, (call, answer)) in faults.filter(|(_, (_, answer))| **answer != Answer::Works) {
            write!(f, ", call {} ({call:?}) {answer:?}", at + 1)?;
        }
        Ok(())
    }
}

/// What the medium had after some transaction.
struct Image {
    records: Records,
    number: u64,
    /// Of all but the number.
    digest: Fingerprint,
}

type Fingerprint = [u8; 16];
type Device = Rc<RefCell<Hands>>;

/// Where a run began.
struct Boot {
    medium: Rc<Image>,
    counter: Option<u64>,
}

struct Node {
    boot: Rc<Boot>,
    /// Since power came.
    steps: Vec<Step>,
    medium: Rc<Image>,
    counter: Option<u64>,
    /// What can be put back, by number and digest.
    images: Vec<Rc<Image>>,
    /// Guesses that were checked.
    tries: u32,
    /// Of the TPM's memory, and what of it only shows in its answers.
    memory: Fingerprint,
    parent: usize,
}

/// What came of a step.
struct Outcome {
    response: Vec<u8>,
    calls: Vec<Call>,
    kept: Vec<Records>,
    medium: Records,
    counter: Option<u64>,
    memory: Fingerprint,
    /// Failures that the running TPM has counted, with the one that the dirty bit stands for; none where it has no
    /// state in memory.
    counted: Option<u32>,
}

/// The memory of the TPMs, one after the other, and what they are sent.
struct Lab {
    plan: Plan,
    memory: Box<Memory<20480, 12288>>,
    commands: [Vec<u8>; SENT.len()],
    keys: Vec<RecordKey>,
}

const INDEX: TpmHandle = TpmHandle::nv_index(1);
const OPEN: TpmHandle = TpmHandle::nv_index(2);
const INDEX_ATTRIBUTES: TpmaNv = TpmaNv::AUTHREAD.union(TpmaNv::AUTHWRITE);
const OPEN_ATTRIBUTES: TpmaNv = INDEX_ATTRIBUTES.union(TpmaNv::NO_DA);
/// Longer than any test.
const NEVER: u32 = u32::MAX;

/// Searches breadth first: the first hole that is found is a shortest.
pub fn search(plan: Plan) -> Report {
    let mut lab = Lab::new(plan);
    let mut seen = HashSet::new();
    let mut nodes = vec![lab.root()];
    seen.insert(lab.key(&nodes[0]));
    let mut report = Report { plan, steps: 0, states: 1, complete: None, hole: None };
    let mut layer = 0..1;
    for depth in 1..=plan.depth {
        for at in layer.clone() {
            for node in lab.expand(&nodes[at], at) {
                report.steps += 1;
                if node.tries > plan.max_tries {
                    nodes.push(node);
                    report.hole = Some(path(&nodes, nodes.len() - 1));
                    return report;
                }
                if seen.insert(lab.key(&node)) {
                    nodes.push(node);
                    report.states += 1;
                }
            }
        }
        layer = layer.end..nodes.len();
        if std::env::var_os("GUESS_SEARCH_LAYERS").is_some() {
            println!("depth {depth}: {} new states, {} steps", layer.len(), report.steps);
        }
        if layer.is_empty() {
            report.complete = Some(depth);
            break;
        }
    }
    report
}

fn path(nodes: &[Node], last: usize) -> Vec<String> {
    let mut steps = Vec::new();
    let mut at = last;
    while at != 0 {
        steps.extend(nodes[at].steps.last().map(Step::to_string));
        at = nodes[at].parent;
    }
    steps.reverse();
    steps
}

impl Lab {
    fn new(plan: Plan) -> Self {
        let index = entity(INDEX, INDEX_ATTRIBUTES);
        let open = entity(OPEN, OPEN_ATTRIBUTES);
        let guess = |auth: &[u8]| match plan.target {
            Target::Index => commands::nv_read(index.clone().with_auth(auth), &index, 1, 0),
            Target::Lockout => {
                commands::dictionary_attack_lock_reset(Entity::permanent(TpmRh::LOCKOUT).with_auth(auth))
            }
        };
        let sent = [
            guess(b"wrong"),
            guess(b"right"),
            commands::startup(TpmSu::CLEAR),
            commands::startup(TpmSu::STATE),
            commands::shutdown(TpmSu::CLEAR),
            commands::shutdown(TpmSu::STATE),
            commands::nv_write(&open, &open, b"b", 0),
        ];
        Self {
            plan,
            memory: Box::new(Memory::new()),
            commands: sent.map(|command| bytes(&command)),
            keys: keys(),
        }
    }

    /// A TPM that its owner has set up, after an orderly start.
    fn root(&mut self) -> Node {
        let hands = Hands::new(Sabotage::None, None, self.plan.counter.then_some(0));
        let mut tpm = Tpm::new(self.memory.slices(), Attacked(Rc::clone(&hands)), &SOFTWARE);
        assert_eq!(tpm.start(), Start::Empty);
        tpm.manufacture().unwrap();
        let index = commands::nv_public(INDEX, TpmAlgId::SHA256, INDEX_ATTRIBUTES, &[], 1);
        let open = commands::nv_public(OPEN, TpmAlgId::SHA256, OPEN_ATTRIBUTES, &[], 1);
        let unwritten = |handle, public: &[u8]| Entity::named(handle, name_of_public(public, 4));
        let new_index = unwritten(INDEX, index.as_ref()).with_auth(b"right");
        let new_open = unwritten(OPEN, open.as_ref());
        for command in [
            commands::startup(TpmSu::CLEAR),
            commands::nv_define_space(TpmRh::OWNER, b"right", &index),
            commands::nv_write(&new_index, &new_index, b"a", 0),
            commands::nv_define_space(TpmRh::OWNER, b"", &open),
            commands::nv_write(&new_open, &new_open, b"a", 0),
            commands::dictionary_attack_parameters(TpmRh::LOCKOUT, self.plan.max_tries, NEVER, NEVER),
            commands::hierarchy_change_auth(TpmRh::LOCKOUT, b"right"),
            commands::shutdown(TpmSu::CLEAR),
        ] {
            let response = tpm.execute(0, &bytes(&command));
            assert_eq!(response[6..10], [0; 4], "{:?}", command.code());
        }
        drop(tpm);
        let (medium, counter) = (hands.borrow().device.records().unwrap(), hands.borrow().device.counter());
        assert!(
            medium.iter().all(|(key, _)| self.keys.contains(&key)),
            "a kind that the search does not look at"
        );
        let medium = Rc::new(image(medium));
        let boot = Rc::new(Boot { medium: Rc::clone(&medium), counter });
        let node = Node {
            boot,
            steps: vec![],
            images: vec![Rc::clone(&medium)],
            medium,
            counter,
            tries: 0,
            memory: Fingerprint::default(),
            parent: 0,
        };
        let fine = Weather::default();
        let off = self.run(&node, &Act::Power, &fine);
        let on = self.after(&node, 0, Act::Power, fine.clone(), &off, 0);
        let started = self.run(&on, &Act::Send(STARTUP), &fine);
        self.after(&on, 0, Act::Send(STARTUP), fine, &started, 0)
    }

    /// All that the attacker can do next.
    fn expand(&mut self, node: &Node, at: usize) -> Vec<Node> {
        let mut next = Vec::new();
        for command in 0..SENT.len() {
            self.try_all(node, at, &Act::Send(command), &mut next);
        }
        self.try_all(node, at, &Act::Power, &mut next);
        for image in &node.images {
            if image.number == node.medium.number && image.digest == node.medium.digest {
                continue;
            }
            let step =
                Step { act: Act::PutBack(Rc::clone(image)), weather: Weather::default(), calls: vec![] };
            next.push(Node {
                boot: Rc::clone(&node.boot),
                steps: node.steps.iter().cloned().chain([step]).collect(),
                medium: Rc::clone(image),
                counter: node.counter,
                images: node.images.clone(),
                tries: node.tries,
                memory: node.memory,
                parent: at,
            });
        }
        next
    }

    /// A step in every weather, and with every fault in the calls that it makes.
    fn try_all(&mut self, node: &Node, at: usize, act: &Act, next: &mut Vec<Node>) {
        for (storage_away, counter_away) in [(true, true), (true, false), (false, true)] {
            if counter_away && !self.plan.counter {
                continue;
            }
            let weather = Weather { storage_away, counter_away, answers: vec![] };
            self.try_one(node, at, act, weather, next);
        }
        let mut scripts = vec![Vec::new()];
        while let Some(script) = scripts.pop() {
            let weather = Weather { answers: script.clone(), ..Weather::default() };
            let calls = self.try_one(node, at, act, weather, next);
            let faults = script.iter().filter(|answer| **answer != Answer::Works).count();
            if faults == self.plan.faults {
                continue;
            }
            for (place, call) in calls.iter().enumerate().skip(script.len()) {
                for fault in call.faults() {
                    let mut longer = script.clone();
                    longer.resize(place, Answer::Works);
                    longer.push(*fault);
                    scripts.push(longer);
                }
            }
        }
    }

    fn try_one(
        &mut self,
        node: &Node,
        at: usize,
        act: &Act,
        weather: Weather,
        next: &mut Vec<Node>,
    ) -> Vec<Call> {
        let outcome = self.run(node, act, &weather);
        let mut tries = 0;
        if matches!(act, Act::Send(GUESS)) {
            // Would the right value have shown? In the answer, in what is asked of storage and counter, in anything
            // that is different from now on.
            let right = self.run(node, &Act::Send(RIGHT), &weather);
            let is_same = right.response == outcome.response
                && right.calls == outcome.calls
                && right.medium == outcome.medium
                && right.counter == outcome.counter
                && right.memory == outcome.memory;
            tries = u32::from(!is_same);
        }
        let after = self.after(node, at, act.clone(), weather, &outcome, tries);
        if self.plan.target == Target::Index
            && let Some(counted) = outcome.counted
            && self.plan.sabotage == Sabotage::None
            && self.plan.counter
        {
            let owed = after.tries.min(self.plan.max_tries);
            let steps: Vec<_> = after.steps.iter().map(Step::to_string).collect();
            assert!(counted >= owed, "{counted} of {owed} tries on record in this run: {steps:?}");
        }
        next.push(after);
        outcome.calls
    }

    /// Makes the node's TPM again and lets it take the step.
    fn run(&mut self, node: &Node, act: &Act, weather: &Weather) -> Outcome {
        let (boot, steps) = match act {
            Act::Power => (&Boot { medium: Rc::clone(&node.medium), counter: node.counter }, &[][..]),
            _ => (&*node.boot, &node.steps[..]),
        };
        let hands = Hands::new(self.plan.sabotage, Some(boot.medium.records.clone()), boot.counter);
        let on = steps.first().map_or(weather, |power| &power.weather);
        hands.borrow_mut().set_weather(on);
        let mut tpm = Tpm::new(self.memory.slices(), Attacked(Rc::clone(&hands)), &SOFTWARE);
        for step in steps.iter().skip(1) {
            perform(&mut tpm, &hands, &self.commands, &step.act, &step.weather);
        }
        let response = match act {
            Act::Power => Vec::new(),
            act => perform(&mut tpm, &hands, &self.commands, act, weather),
        };
        let (calls, kept) = {
            let mut hands = hands.borrow_mut();
            (std::mem::take(&mut hands.calls), std::mem::take(&mut hands.kept))
        };
        let (medium, counter) = (hands.borrow().device.records().unwrap(), hands.borrow().device.counter());
        let counted = match (tpm.start(), tpm.state().running(), tpm.state().dictionary_attack()) {
            (Start::Existing, Ok(Some(_)), Ok(record)) => {
                Some(record.failed_tries.saturating_add(u32::from(record.used.0)))
            }
            _ => None,
        };
        let mut memory = Hasher::new(HashAlgorithm::Sha256);
        memory.update(&[start_code(tpm.start()), u8::from(tpm.state().is_closed())]);
        memory.update(&tpm.state().unavailable().map_or(0, |code| code.get()).to_be_bytes());
        memory.update(&difference(hands.borrow().owed, counter).to_be_bytes());
        for key in &self.keys {
            if let Some(value) = tpm.state().bytes(*key) {
                absorb(&mut memory, *key, value, counter);
            }
        }
        // That a failure waits to be recorded is only seen by what follows. This TPM is needed no longer.
        let probe = perform(&mut tpm, &hands, &self.commands, &Act::Send(RIGHT), &Weather::default());
        memory.update(&probe);
        hands.borrow().calls.iter().for_each(|call| memory.update(&[*call as u8]));
        Outcome { response, calls, kept, medium, counter, memory: shorten(memory), counted }
    }

    fn after(
        &self,
        node: &Node,
        parent: usize,
        act: Act,
        weather: Weather,
        outcome: &Outcome,
        tries: u32,
    ) -> Node {
        let mut images = node.images.clone();
        for records in &outcome.kept {
            let image = image(records.clone());
            if !images.iter().any(|other| other.number == image.number && other.digest == image.digest) {
                images.push(Rc::new(image));
            }
        }
        let medium = image(outcome.medium.clone());
        let same = images.iter().find(|other| other.number == medium.number && other.digest == medium.digest);
        let medium = same.map_or_else(|| Rc::new(medium), Rc::clone);
        prune(&mut images, outcome.counter);
        let step = Step { weather, calls: outcome.calls.clone(), act };
        let (boot, steps) = match step.act {
            Act::Power => {
                let boot = Boot { medium: Rc::clone(&node.medium), counter: node.counter };
                (Rc::new(boot), vec![step])
            }
            _ => (Rc::clone(&node.boot), node.steps.iter().cloned().chain([step]).collect()),
        };
        Node {
            boot,
            steps,
            medium,
            counter: outcome.counter,
            images,
            tries: node.tries + tries,
            memory: outcome.memory,
            parent,
        }
    }

    /// Two nodes with the same key have the same future.
    fn key(&self, node: &Node) -> Fingerprint {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        hasher.update(&node.tries.to_be_bytes());
        hasher.update(&node.memory);
        for image in [&node.medium].into_iter().chain(&node.images) {
            let difference = difference(Some(image.number), node.counter);
            hasher.update(&difference.to_be_bytes());
            // What lies behind the counter is refused, whatever it holds.
            if difference >= 0 {
                hasher.update(&image.digest);
            }
        }
        shorten(hasher)
    }
}

fn perform(
    tpm: &mut Tpm<'_, Attacked>,
    hands: &Device,
    commands: &[Vec<u8>],
    act: &Act,
    weather: &Weather,
) -> Vec<u8> {
    hands.borrow_mut().set_weather(weather);
    match act {
        Act::Power => Vec::new(),
        Act::Send(command) => tpm.execute(0, &commands[*command]).to_vec(),
        Act::PutBack(image) => {
            hands.borrow().device.set_records(Some(image.records.clone()));
            Vec::new()
        }
    }
}

/// Leaves what can still be accepted, and one image that cannot.
fn prune(images: &mut Vec<Rc<Image>>, counter: Option<u64>) {
    images.sort_by_key(|image| (image.number, image.digest));
    match counter {
        Some(counter) => {
            let behind = images.iter().filter(|image| image.number < counter).count();
            images.drain(..behind.saturating_sub(1));
        }
        // Numbers say nothing there: the newest of those that are otherwise equal stands for all.
        None => {
            let mut seen = HashSet::new();
            images.reverse();
            images.retain(|image| seen.insert(image.digest));
            images.sort_by_key(|image| image.digest);
        }
    }
}

fn image(records: Records) -> Image {
    let mut hasher = Hasher::new(HashAlgorithm::Sha256);
    for (key, value) in records.iter().filter(|(key, _)| *key != Kind::Commit.only()) {
        absorb(&mut hasher, key, value, None);
    }
    let number = records.get(Kind::Commit.only()).map_or(0, number);
    Image { number, digest: shorten(hasher), records }
}

/// The number in the record of the last transaction.
fn number(record: &[u8]) -> u64 {
    record.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// How far a number is ahead of the counter. All that are behind it are alike, and so are all without a counter.
fn difference(number: Option<u64>, counter: Option<u64>) -> i64 {
    match (number, counter) {
        (Some(number), Some(counter)) => (number as i64 - counter as i64).max(-1),
        (Some(_), None) => 0,
        (None, _) => -2,
    }
}

/// Adds a record, without what counts on and is never asked for on the way from a guess to its answer: the numbers of
/// starts, the seed and proof of the null hierarchy. A transaction counts by its distance from the counter.
fn absorb(hasher: &mut Hasher, key: RecordKey, value: &[u8], counter: Option<u64>) {
    hasher.update(&key.kind.to_be_bytes());
    hasher.update(&key.id.to_be_bytes());
    if key == Kind::Commit.only() {
        hasher.update(&difference(Some(number(value)), counter).to_be_bytes());
    } else if key == Kind::Orderly.only() {
        let orderly = parse::<Orderly<'_>>(value).unwrap();
        hasher.update(&[u8::from(orderly.safe.0), orderly.shutdown as u8]);
    } else if key != Kind::StateReset.only() && key != Kind::StateReset.saved() {
        hasher.update(&value.len().to_be_bytes());
        hasher.update(value);
    }
}

fn shorten(hasher: Hasher) -> Fingerprint {
    *hasher.finish().first_chunk().unwrap()
}

fn start_code(start: Start) -> u8 {
    match start {
        Start::Existing => 0,
        Start::Empty => 1,
        Start::Waiting(error) => 0x10 + error as u8,
        Start::Failed(FailureReason::Store(error)) => 0x20 + error as u8,
        Start::Failed(FailureReason::Counter(error)) => 0x30 + error as u8,
        Start::Failed(other) => panic!("{other}"),
    }
}

/// Every record that the search's TPM can have.
fn keys() -> Vec<RecordKey> {
    let kinds = (0..0x20).chain(0x41..0x50).chain(0x101..0x110).chain(0x181..0x190);
    let only = kinds.map(|kind| RecordKey { kind, id: 0 });
    let hierarchies =
        [TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT, TpmRh::PLATFORM].map(|handle| handle.0);
    let indices = [INDEX.0, OPEN.0];
    only.chain(hierarchies.map(|id| Kind::Hierarchy.with_id(id)))
        .chain(indices.map(|id| Kind::NvIndexOwner.with_id(id)))
        .chain(indices.map(|id| Kind::NvDataOwner.with_id(id)))
        .collect()
}

fn entity(handle: TpmHandle, attributes: TpmaNv) -> Entity {
    let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes | TpmaNv::WRITTEN, &[], 1);
    Entity::named(handle, name_of_public(public.as_ref(), 4))
}

/// A command's bytes, with its passwords.
fn bytes(command: &Command) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut client = Client::new(|_locality: u8, bytes: &[u8]| {
        sent = bytes.to_vec();
        // TPM_RC_FAILURE: nobody asks.
        vec![0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 1]
    });
    let answer = client.run(command);
    assert!(matches!(answer, Err(Error::Tpm(_))));
    drop(client);
    sent
}
