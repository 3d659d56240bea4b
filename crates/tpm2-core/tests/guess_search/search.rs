//! Every sequence of an attacker's steps, on the real TPM.
//!
//! A TPM cannot be copied. Each state is remembered as what makes it again: the device as it was when power came, and
//! the steps since. All is deterministic, so they lead to the same state each time.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::rc::Rc;

use platform_memory::Records;
use tee_api::RecordKey;
use tpm2_client::{Client, Command, Entity, Error, StartSession, commands, name_of_public};
use tpm2_core::state::{Kind, Orderly, parse};
use tpm2_core::{FailureReason, Memory, Start, Target as MoveTo, Token, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_crypto::{HashAlgorithm, Hasher};
use tpm2_types::{ResponseCode, TpmAlgId, TpmHandle, TpmRh, TpmSu, TpmaNv};

use crate::device::{Answer, Attacked, Call, Hands, Sabotage, Weather};

/// Which authorization is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The authValue of a protected NV index: as many tries as the owner set.
    Index,
    /// The same value, as the key of a session that is bound to the index and used for something else.
    Bound,
    /// lockoutAuth: one try, whatever is granted to others.
    Lockout,
}

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub target: Target,
    pub sabotage: Sabotage,
    /// Whether the device has a counter.
    pub counter: bool,
    /// Whether the TPM moves: there is a second device, and exports and imports are steps.
    pub moves: bool,
    /// The tries that the owner grants.
    pub max_tries: u32,
    /// How many steps a sequence has at most.
    pub depth: usize,
    /// How many calls of one step are answered with an error.
    pub faults: usize,
    /// How many of a whole sequence.
    pub faults_in_all: usize,
    /// Whether a state that was seen before is looked at again: for a check of the search.
    pub again: bool,
}

/// What was found.
pub struct Report {
    pub plan: Plan,
    /// Steps that were tried, each from a state that had not been seen before.
    pub steps: usize,
    /// Sequences of [`Plan::depth`] steps, or fewer where no more were needed, that this answers for.
    pub sequences: u128,
    /// Different states.
    pub states: usize,
    /// The number of steps after which no new state was found, if it was not more than [`Plan::depth`].
    pub complete: Option<usize>,
    /// A shortest sequence after which the attacker has checked more guesses than were granted.
    pub hole: Option<Vec<String>>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { target, sabotage, counter, moves, max_tries, depth, faults, faults_in_all, .. } =
            self.plan;
        let target = match target {
            Target::Index => "the index",
            Target::Bound => "the index by a bound session",
            Target::Lockout => "lockoutAuth",
        };
        let off = match sabotage {
            Sabotage::None => "nothing",
            Sabotage::DirtyBit => "the dirty bit",
            Sabotage::Wait => "the wait for the counter",
        };
        writeln!(
            f,
            "guesses at {target}, {max_tries} granted; {}{}, {off} switched off, up to {faults} faults in a step{}",
            if counter { "a counter" } else { "no counter" },
            if moves { " on each of two devices" } else { "" },
            if faults_in_all < depth { format!(", {faults_in_all} in all") } else { String::new() },
        )?;
        writeln!(f, "  {} different states, {} steps tried from them", self.states, self.steps)?;
        match (&self.hole, self.complete) {
            (Some(hole), _) => {
                writeln!(f, "  a try is gained in {} steps:", hole.len())?;
                hole.iter().enumerate().try_for_each(|(at, step)| writeln!(f, "  {}. {step}", at + 1))
            }
            (None, Some(complete)) => {
                writeln!(f, "  no try is gained at any depth: step {complete} leads to no new state")
            }
            (None, None) => {
                writeln!(f, "  no try is gained in any of {} sequences of {depth} steps", self.sequences)
            }
        }
    }
}

/// What the attacker sends. The owner's use is there because it sets the dirty bit as well.
const SENT: [&str; 7] = [
    "guess",
    "startup(CLEAR)",
    "startup(STATE)",
    "shutdown(CLEAR)",
    "shutdown(STATE)",
    "owner's use",
    "write of another index",
];
const GUESS: usize = 0;
const START_CLEAR: usize = 1;
const START_STATE: usize = 2;
const STOP_CLEAR: usize = 3;
const STOP_STATE: usize = 4;
const USE: usize = 5;
const WRITE: usize = 6;

/// What is worth sending. Before TPM2_Startup all else has one answer, afterwards TPM2_Startup has one, and failure mode
/// has one for all; in each of them one command is left to show it. Where the TPM moves there are fewer: the search
/// without moves has the others.
fn sent(phase: Phase, moves: bool) -> &'static [usize] {
    match (phase, moves) {
        (Phase::Failed, _) => &[GUESS],
        (Phase::Initialized, true) => &[GUESS, START_CLEAR],
        (Phase::Initialized, false) => &[GUESS, START_CLEAR, START_STATE],
        (Phase::Running, true) => &[GUESS, START_CLEAR, STOP_CLEAR],
        (Phase::Running, false) => &[GUESS, START_CLEAR, STOP_CLEAR, STOP_STATE, USE, WRITE],
    }
}

#[derive(Clone)]
enum Act {
    /// Power is cut, if there was any, and comes.
    Power,
    /// A command, by its place in [`SENT`].
    Send(usize),
    /// The medium gets an image that it had before.
    PutBack(Rc<Image>),
    /// The device draws a token for an import.
    Prepare,
    /// The TPM is moved: to the device that drew this token, or to this device by its own key.
    Export(Option<Rc<Token>>),
    /// A TPM is taken in.
    Import(Rc<Export>),
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
            Act::Prepare => f.write_str("prepare import")?,
            Act::Export(Some(_)) => f.write_str("export to the other device")?,
            Act::Export(None) => f.write_str("export to this device")?,
            Act::Import(_) => f.write_str("import")?,
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
    records: Option<Records>,
    number: u64,
    /// Of all but the number.
    digest: Fingerprint,
}

/// A TPM on its way.
struct Export {
    bytes: Vec<u8>,
    digest: Fingerprint,
    /// Where it is for its own device, that counts as long as the counter stands: the device, and the counter's value.
    until: Option<(usize, u64)>,
}

type Fingerprint = [u8; 16];
type Device = Rc<RefCell<Hands>>;

/// Where a run began.
struct Boot {
    medium: Rc<Image>,
    counter: Option<u64>,
    entropy: u64,
}

/// What a TPM is ready for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// TPM2_Startup.
    Initialized,
    /// All commands.
    Running,
    /// None.
    Failed,
}

/// A device.
#[derive(Clone)]
struct Side {
    boot: Rc<Boot>,
    /// Since power came.
    steps: Vec<Step>,
    medium: Rc<Image>,
    counter: Option<u64>,
    /// What can be put back, by number and digest.
    images: Vec<Rc<Image>>,
    phase: Phase,
    /// Of the TPM's memory, and what of it only shows in its answers.
    memory: Fingerprint,
    /// The last that was drawn here.
    token: Option<Rc<Token>>,
}

struct Node {
    sides: Vec<Rc<Side>>,
    exports: Vec<Rc<Export>>,
    /// Guesses that were checked.
    tries: u32,
    /// Tokens that were drawn: no two are equal.
    tokens: u8,
    /// Calls that were answered with an error, where their number is limited.
    faults: usize,
    parent: usize,
    /// The device of the last step.
    side: usize,
}

/// What the attacker has the TPM do.
enum Message {
    /// The bytes of a command.
    Command(Vec<u8>),
    /// A session that is bound to this entity is started and used.
    BoundSession(Entity),
}

/// What came of a step.
struct Outcome {
    response: Vec<u8>,
    calls: Vec<Call>,
    kept: Vec<Records>,
    medium: Option<Records>,
    counter: Option<u64>,
    phase: Phase,
    memory: Fingerprint,
    /// Failures that the running TPM has counted, with the one that the dirty bit stands for; none where it has no
    /// state in memory.
    counted: Option<u32>,
    token: Option<Rc<Token>>,
    export: Option<Vec<u8>>,
}

/// The memory of the TPMs, one after the other, and what they are sent.
struct Lab {
    plan: Plan,
    memory: Box<Memory<20480, 12288>>,
    messages: [Message; SENT.len()],
    keys: Vec<RecordKey>,
    /// The owner's uses in the state that is being looked at.
    right: HashMap<(usize, Weather), Rc<Outcome>>,
    /// What must not be, wherever it was met.
    complaint: Option<String>,
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
    let mut seen = HashMap::new();
    let mut nodes = vec![lab.root()];
    seen.insert(lab.key(&nodes[0]), 0);
    // Where each state's steps lead.
    let mut edges: Vec<Vec<usize>> = Vec::new();
    let mut report = Report { plan, steps: 0, sequences: 0, states: 1, complete: None, hole: None };
    let mut layer = 0..1;
    for depth in 1..=plan.depth {
        for at in layer.clone() {
            let next = lab.expand(&nodes[at], at);
            if let Some(complaint) = &lab.complaint {
                panic!("{complaint}, after {:?}", path(&nodes, at));
            }
            let mut targets = Vec::with_capacity(next.len());
            for node in next {
                report.steps += 1;
                if node.tries > plan.max_tries {
                    nodes.push(node);
                    report.hole = Some(path(&nodes, nodes.len() - 1));
                    return report;
                }
                let known = *seen.entry(lab.key(&node)).or_insert(nodes.len());
                if known == nodes.len() || plan.again {
                    nodes.push(node);
                }
                targets.push(known);
            }
            edges.push(targets);
        }
        layer = layer.end..nodes.len();
        report.states = seen.len();
        if layer.is_empty() {
            report.complete = Some(depth);
            break;
        }
    }
    if !plan.again {
        report.sequences = sequences(&edges, nodes.len(), report.complete.unwrap_or(plan.depth));
    }
    report
}

/// How many sequences of so many steps begin at the first state.
fn sequences(edges: &[Vec<usize>], states: usize, depth: usize) -> u128 {
    let mut walks = vec![0u128; states];
    walks[0] = 1;
    for _ in 0..depth {
        let mut longer = vec![0; states];
        for (count, targets) in walks.iter().zip(edges).filter(|(count, _)| **count > 0) {
            targets.iter().for_each(|target| longer[*target] += count);
        }
        walks = longer;
    }
    walks.iter().sum()
}

fn path(nodes: &[Node], last: usize) -> Vec<String> {
    let mut steps = Vec::new();
    let mut at = last;
    while at != 0 {
        let Node { sides, side, parent, .. } = &nodes[at];
        let device = if sides.len() > 1 { format!("device {}: ", side + 1) } else { String::new() };
        steps.extend(sides[*side].steps.last().map(|step| format!("{device}{step}")));
        at = *parent;
    }
    steps.reverse();
    steps
}

impl Lab {
    fn new(plan: Plan) -> Self {
        let index = entity(INDEX, INDEX_ATTRIBUTES);
        let open = entity(OPEN, OPEN_ATTRIBUTES);
        let lockout = |auth: &[u8]| Entity::permanent(TpmRh::LOCKOUT).with_auth(auth);
        let guess = |auth: &[u8]| match plan.target {
            Target::Index => {
                Message::Command(bytes(&commands::nv_read(index.clone().with_auth(auth), &index, 1, 0)))
            }
            Target::Bound => Message::BoundSession(index.clone().with_auth(auth)),
            Target::Lockout => {
                Message::Command(bytes(&commands::dictionary_attack_lock_reset(lockout(auth))))
            }
        };
        let command = |command: Command| Message::Command(bytes(&command));
        let messages = [
            guess(b"wrong"),
            command(commands::startup(TpmSu::CLEAR)),
            command(commands::startup(TpmSu::STATE)),
            command(commands::shutdown(TpmSu::CLEAR)),
            command(commands::shutdown(TpmSu::STATE)),
            guess(b"right"),
            command(commands::nv_write(&open, &open, b"b", 0)),
        ];
        Self {
            plan,
            memory: Box::new(Memory::new()),
            messages,
            keys: keys(),
            right: HashMap::new(),
            complaint: None,
        }
    }

    /// A TPM that its owner has set up, after an orderly start; where it moves, another device that has none.
    fn root(&mut self) -> Node {
        let counter = self.plan.counter.then_some(0);
        let hands = Hands::new(0, Sabotage::None, None, counter, 0);
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
        let medium = hands.borrow().device.records();
        for (key, _) in medium.iter().flat_map(Records::iter) {
            assert!(self.keys.contains(&key), "a record that the search does not look at");
        }
        let side = |medium, counter| {
            let medium = Rc::new(image(medium));
            Rc::new(Side {
                boot: Rc::new(Boot { medium: Rc::clone(&medium), counter, entropy: 0 }),
                steps: vec![],
                images: vec![Rc::clone(&medium)],
                medium,
                counter,
                phase: Phase::Initialized,
                memory: Fingerprint::default(),
                token: None,
            })
        };
        let mut sides = vec![side(medium, hands.borrow().device.counter())];
        if self.plan.moves {
            sides.push(side(None, counter));
        }
        let mut node = Node { sides, exports: vec![], tries: 0, tokens: 0, faults: 0, parent: 0, side: 0 };
        for (side, act) in [(1, Act::Power), (0, Act::Power), (0, Act::Send(START_CLEAR))] {
            if side < node.sides.len() {
                let outcome = self.run(&node, side, &act, &Weather::default());
                node = self.after(&node, 0, side, act, Weather::default(), &outcome, 0);
            }
        }
        node
    }

    /// All that the attacker can do next.
    fn expand(&mut self, node: &Node, at: usize) -> Vec<Node> {
        self.right.clear();
        let mut next = Vec::new();
        for (side, device) in node.sides.iter().enumerate() {
            for command in sent(device.phase, self.plan.moves) {
                self.try_all(node, at, side, &Act::Send(*command), &mut next);
            }
            self.try_all(node, at, side, &Act::Power, &mut next);
            for image in &device.images {
                if image.number != device.medium.number || image.digest != device.medium.digest {
                    let act = Act::PutBack(Rc::clone(image));
                    let mut changed = Side { medium: Rc::clone(image), ..Side::clone(device) };
                    changed.steps.push(Step { act, weather: Weather::default(), calls: vec![] });
                    next.push(node.with(at, side, changed));
                }
            }
            if self.plan.moves {
                self.try_all(node, at, side, &Act::Prepare, &mut next);
                self.try_all(node, at, side, &Act::Export(None), &mut next);
                for token in node.sides.iter().filter_map(|other| other.token.as_ref()) {
                    self.try_all(node, at, side, &Act::Export(Some(Rc::clone(token))), &mut next);
                }
                for export in &node.exports {
                    self.try_all(node, at, side, &Act::Import(Rc::clone(export)), &mut next);
                }
            }
        }
        next
    }

    /// A step with every fault in the calls that it makes, and in every weather.
    fn try_all(&mut self, node: &Node, at: usize, side: usize, act: &Act, next: &mut Vec<Node>) {
        let mut scripts = VecDeque::from([Vec::new()]);
        while let Some(script) = scripts.pop_front() {
            let weather = Weather { answers: script.clone(), ..Weather::default() };
            let calls = self.try_one(node, at, side, act, weather, next);
            let faults = script.iter().filter(|answer| **answer != Answer::Works).count();
            if faults == self.plan.faults || node.faults + faults >= self.plan.faults_in_all {
                continue;
            }
            for (place, call) in calls.iter().enumerate().skip(script.len()) {
                for fault in call.faults() {
                    let mut longer = script.clone();
                    longer.resize(place, Answer::Works);
                    longer.push(*fault);
                    scripts.push_back(longer);
                }
            }
        }
        for (storage_away, counter_away) in [(true, false), (false, true)] {
            // To withhold the counter from the first call on ends the step there, as a fault in that call does.
            let is_new = storage_away || self.plan.faults == 0 && self.plan.counter;
            if is_new && !self.plan.moves {
                let weather = Weather { storage_away, counter_away, answers: vec![] };
                self.try_one(node, at, side, act, weather, next);
            }
        }
    }

    fn try_one(
        &mut self,
        node: &Node,
        at: usize,
        side: usize,
        act: &Act,
        weather: Weather,
        next: &mut Vec<Node>,
    ) -> Vec<Call> {
        let outcome = self.run(node, side, act, &weather);
        let mut tries = 0;
        if matches!(act, Act::Send(GUESS)) {
            // Would the right value have shown? In the answer, in what is asked of storage and counter, in anything
            // that is different from now on.
            let right = self.run(node, side, &Act::Send(USE), &weather);
            let is_same = right.response == outcome.response
                && right.calls == outcome.calls
                && right.medium == outcome.medium
                && right.counter == outcome.counter
                && right.memory == outcome.memory;
            tries = u32::from(!is_same);
        }
        let after = self.after(node, at, side, act.clone(), weather, &outcome, tries);
        if self.plan.target != Target::Lockout
            && let Some(counted) = outcome.counted
            && self.plan.sabotage == Sabotage::None
            && self.plan.counter
            && counted < after.tries.min(self.plan.max_tries)
        {
            let step = after.sides[side].steps.last().map(Step::to_string);
            self.complaint = Some(format!("{counted} of {} tries on record, {step:?}", after.tries));
        }
        next.push(after);
        outcome.calls.clone()
    }

    /// Makes the device's TPM again and lets it take the step.
    fn run(&mut self, node: &Node, side: usize, act: &Act, weather: &Weather) -> Rc<Outcome> {
        if !matches!(act, Act::Send(USE)) {
            return Rc::new(self.perform(node, side, act, weather));
        }
        if let Some(outcome) = self.right.get(&(side, weather.clone())) {
            return Rc::clone(outcome);
        }
        let outcome = Rc::new(self.perform(node, side, act, weather));
        self.right.insert((side, weather.clone()), Rc::clone(&outcome));
        outcome
    }

    fn perform(&mut self, node: &Node, side: usize, act: &Act, weather: &Weather) -> Outcome {
        let device = &*node.sides[side];
        let off = node.boot(side);
        let (boot, steps) = match act {
            Act::Power => (&off, &[][..]),
            _ => (&*device.boot, &device.steps[..]),
        };
        let medium = boot.medium.records.clone();
        let hands = Hands::new(side as u8, self.plan.sabotage, medium, boot.counter, boot.entropy);
        hands.borrow_mut().set_weather(steps.first().map_or(weather, |power| &power.weather));
        let mut tpm = Tpm::new(self.memory.slices(), Attacked(Rc::clone(&hands)), &SOFTWARE);
        for step in steps.iter().skip(1) {
            take(&mut tpm, &hands, &self.messages, &step.act, &step.weather);
        }
        let Taken { response, token, export } = match act {
            Act::Power => Taken::default(),
            act => take(&mut tpm, &hands, &self.messages, act, weather),
        };
        let (calls, kept, medium, counter, owed) = {
            let mut hands = hands.borrow_mut();
            let (calls, kept) = (std::mem::take(&mut hands.calls), std::mem::take(&mut hands.kept));
            (calls, kept, hands.device.records(), hands.device.counter(), hands.owed)
        };
        if tpm.start() == Start::Failed(FailureReason::State) {
            let step = Step { act: act.clone(), weather: weather.clone(), calls: calls.clone() };
            self.complaint = Some(format!("the TPM's state is lost, {:?}", step.to_string()));
        }
        let phase = match (tpm.start(), tpm.state().running()) {
            (Start::Existing | Start::Waiting(_), Ok(Some(_))) => Phase::Running,
            (Start::Existing | Start::Waiting(_), _) => Phase::Initialized,
            (Start::Empty | Start::Failed(_), _) => Phase::Failed,
        };
        let counted = match (phase, tpm.state().dictionary_attack()) {
            (Phase::Running, Ok(record)) => {
                Some(record.failed_tries.saturating_add(u32::from(record.used.0)))
            }
            _ => None,
        };
        let mut memory = Hasher::new(HashAlgorithm::Sha256);
        memory.update(format!("{:?} {:?}", tpm.start(), tpm.state().unavailable()).as_bytes());
        memory.update(&[u8::from(tpm.state().is_closed())]);
        memory.update(&difference(owed, counter).to_be_bytes());
        for key in &self.keys {
            if let Some(value) = tpm.state().bytes(*key) {
                absorb(&mut memory, *key, value, counter);
            }
        }
        // That a failure waits to be recorded is only seen by what follows. This TPM is needed no longer.
        let probe = take(&mut tpm, &hands, &self.messages, &Act::Send(USE), &Weather::default());
        memory.update(&probe.response);
        hands.borrow().calls.iter().for_each(|call| memory.update(&[*call as u8]));
        Outcome {
            response,
            calls,
            kept,
            medium,
            counter,
            phase,
            memory: shorten(memory),
            counted,
            token,
            export,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "all that a step is made of")]
    fn after(
        &self,
        node: &Node,
        parent: usize,
        side: usize,
        act: Act,
        weather: Weather,
        outcome: &Outcome,
        tries: u32,
    ) -> Node {
        let mut changed = Side::clone(&node.sides[side]);
        if let Act::Power = act {
            changed.boot = Rc::new(node.boot(side));
            changed.steps.clear();
        }
        for records in &outcome.kept {
            let image = image(Some(records.clone()));
            if !changed.images.iter().any(|other| other.is(&image)) {
                changed.images.push(Rc::new(image));
            }
        }
        let medium = image(outcome.medium.clone());
        let same = changed.images.iter().find(|other| other.is(&medium));
        changed.medium = same.map_or_else(|| Rc::new(medium), Rc::clone);
        prune(&mut changed.images, outcome.counter);
        changed.counter = outcome.counter;
        changed.phase = outcome.phase;
        changed.memory = outcome.memory;
        let export = outcome.export.as_ref().map(|bytes| {
            let mut hasher = Hasher::new(HashAlgorithm::Sha256);
            let until = match &act {
                Act::Export(Some(token)) => {
                    hasher.update(token.as_slice());
                    None
                }
                _ => Some((side, changed.medium.number)),
            };
            hasher.update(&[side as u8]);
            hasher.update(&changed.medium.digest);
            Rc::new(Export { bytes: bytes.clone(), digest: shorten(hasher), until })
        });
        if let Some(token) = &outcome.token {
            changed.token = Some(Rc::clone(token));
        }
        let faults = weather.answers.iter().filter(|answer| **answer != Answer::Works).count();
        changed.steps.push(Step { weather, calls: outcome.calls.clone(), act });
        let mut after = node.with(parent, side, changed);
        if self.plan.faults_in_all < self.plan.depth {
            after.faults += faults;
        }
        after.tries += tries;
        after.tokens += u8::from(outcome.token.is_some());
        after.exports.extend(export);
        after.exports.sort_by_key(|export| (export.digest, export.until));
        after.exports.dedup_by_key(|export| (export.digest, export.until));
        after
    }

    /// Two nodes with the same key have the same future.
    fn key(&self, node: &Node) -> Fingerprint {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        hasher.update(&node.tries.to_be_bytes());
        hasher.update(&node.faults.to_be_bytes());
        for side in &node.sides {
            hasher.update(&side.memory);
            hasher.update(side.token.as_ref().map_or(&[], |token| token.as_slice()));
            for image in [&side.medium].into_iter().chain(&side.images) {
                let difference = difference(Some(image.number), side.counter);
                hasher.update(&difference.to_be_bytes());
                // What lies behind the counter is refused, whatever it holds.
                if difference >= 0 || image.records.is_none() {
                    hasher.update(&image.digest);
                }
            }
        }
        for export in &node.exports {
            hasher.update(&export.digest);
            if let Some((side, until)) = export.until {
                let ahead = until as i64 - node.sides[side].counter.unwrap_or(0) as i64;
                hasher.update(&until.to_be_bytes());
                hasher.update(&ahead.to_be_bytes());
            }
        }
        shorten(hasher)
    }
}

impl Node {
    fn with(&self, parent: usize, side: usize, changed: Side) -> Self {
        let mut sides = self.sides.clone();
        sides[side] = Rc::new(changed);
        let Self { tries, tokens, faults, .. } = *self;
        Self { sides, exports: self.exports.clone(), tries, tokens, faults, parent, side }
    }

    /// What the device starts with after a cut.
    fn boot(&self, side: usize) -> Boot {
        let device = &self.sides[side];
        let entropy = side as u64 + 2 * u64::from(self.tokens);
        Boot { medium: Rc::clone(&device.medium), counter: device.counter, entropy }
    }
}

impl Image {
    fn is(&self, other: &Self) -> bool {
        self.number == other.number && self.digest == other.digest
    }
}

/// What a step gives its taker.
#[derive(Default)]
struct Taken {
    response: Vec<u8>,
    token: Option<Rc<Token>>,
    export: Option<Vec<u8>>,
}

fn take(
    tpm: &mut Tpm<'_, Attacked>,
    hands: &Device,
    messages: &[Message],
    act: &Act,
    weather: &Weather,
) -> Taken {
    hands.borrow_mut().set_weather(weather);
    let mut taken = Taken::default();
    let outcome = match act {
        Act::Power => return taken,
        Act::Send(command) => {
            taken.response = match &messages[*command] {
                Message::Command(bytes) => tpm.execute(0, bytes).to_vec(),
                Message::BoundSession(index) => use_bound_session(tpm, index),
            };
            return taken;
        }
        Act::PutBack(image) => {
            hands.borrow().device.set_records(image.records.clone());
            return taken;
        }
        Act::Prepare => tpm.prepare_import().map(|token| taken.token = Some(Rc::new(token))),
        Act::Export(token) => {
            let target = token.as_ref().map_or(MoveTo::Device, |token| MoveTo::Token(token));
            let mut bytes = Vec::new();
            let outcome = tpm.export(&target, &mut |more| bytes.extend_from_slice(more));
            taken.export = (!bytes.is_empty()).then_some(bytes);
            outcome
        }
        Act::Import(export) => tpm.import(&mut export.bytes.clone(), false),
    };
    taken.response = format!("{outcome:?}").into_bytes();
    taken
}

/// Reads the open index in a session that is bound to `index`. What comes of it, without what is random.
fn use_bound_session(tpm: &mut Tpm<'_, Attacked>, index: &Entity) -> Vec<u8> {
    let open = entity(OPEN, OPEN_ATTRIBUTES);
    let mut client = Client::new(|locality: u8, bytes: &[u8]| tpm.execute(locality, bytes).to_vec());
    let answer = client.start_session(&StartSession::hmac().bound(index)).and_then(|mut session| {
        let answer = client.execute(&commands::nv_read(&open, &open, 1, 0), &mut [(&mut session).into()]);
        // After a fault every other command would be one more chance to write down what could not be.
        if !matches!(answer, Err(Error::Tpm(ResponseCode::NV_UNAVAILABLE))) {
            drop(client.run(&commands::flush_context(session.handle())));
        }
        answer
    });
    match answer {
        Ok(_) => b"read".to_vec(),
        Err(Error::Tpm(code)) => code.get().to_be_bytes().to_vec(),
        Err(other) => panic!("{other}"),
    }
}

/// Leaves what can still be accepted, and one image that cannot.
fn prune(images: &mut Vec<Rc<Image>>, counter: Option<u64>) {
    images.sort_by_key(|image| (image.number, image.digest));
    match counter {
        Some(counter) => {
            let is_behind = |image: &Rc<Image>| image.number < counter && image.records.is_some();
            let last = images.iter().rposition(is_behind);
            let mut at = 0;
            images.retain(|image| {
                at += 1;
                !is_behind(image) || Some(at - 1) == last
            });
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

fn image(records: Option<Records>) -> Image {
    let mut hasher = Hasher::new(HashAlgorithm::Sha256);
    for (key, value) in records.iter().flat_map(Records::iter).filter(|(key, _)| *key != Kind::Commit.only())
    {
        absorb(&mut hasher, key, value, None);
    }
    let number = records.as_ref().and_then(|records| records.get(Kind::Commit.only())).map_or(0, number);
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
    // TPM_RC_FAILURE: nobody asks.
    let deaf = |_locality: u8, bytes: &[u8]| {
        sent = bytes.to_vec();
        vec![0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 1]
    };
    let answer = Client::new(deaf).run(command);
    assert!(matches!(answer, Err(Error::Tpm(_))));
    sent
}
