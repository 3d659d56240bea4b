//! The power goes at every write of a long life; the medium tears, reorders, is late, fails and keeps, acknowledges
//! and drops, brings old content back; the counter is withheld. What was answered is there afterwards, what was not is
//! there whole or not at all, and a TPM is never made anew in silence.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::{Effects, Life, Step, with_power};
use platform_hostile::{Call, Case, Counts, Cut, HostilePlatform, Moment, Plan, Random, Recording, What};
use posture::{Guarantee, Level};
use tee_api::{CounterError, StoreError};
use tpm2_core::state::Kind;
use tpm2_core::state::record::SAVED_KINDS;
use tpm2_core::{FailureReason, Start};
use tpm2_types::ResponseCode;

/// Lives from one start to the power's end, each with so many steps between TPM2_Startup and TPM2_Shutdown.
const LIVES: usize = 36;
const STEPS: usize = 17;

/// A life, with all that is needed to end it anywhere.
struct Recorded {
    /// Before the start.
    device: HostilePlatform,
    steps: Vec<Step>,
    /// What the TPM has before each step, and after the last.
    effects: Vec<Effects>,
    /// How many operations were recorded before each step, and after the last.
    bounds: Vec<usize>,
    recording: Recording,
    /// How often the life calls the platform.
    counted: Counts,
}

/// Lives one after the other on one device.
struct Run {
    lives: Vec<Recorded>,
    /// What never changes of this TPM.
    identity: Vec<u8>,
    commands: usize,
    committing: u64,
    kinds: BTreeMap<u16, u64>,
}

/// A TPM is made and lives.
fn live(new: &HostilePlatform) -> Run {
    let (identity, seed) = with_power(new, |life| {
        life.tpm().manufacture().unwrap();
        (life.identity(), life.owner_seed().unwrap())
    });
    let mut random = Random::new(1);
    let mut run = Run { lives: Vec::new(), identity, commands: 0, committing: 0, kinds: BTreeMap::new() };
    let mut effects = Effects::new(seed);
    let mut device = new.reboot();
    let mut saved = false;
    for number in 0..LIVES {
        let start = device.fork();
        device.record();
        let (mut steps, mut bounds, mut states) = (Vec::new(), vec![0], vec![effects.clone()]);
        with_power(&device, |life| {
            let mut step = Step::Startup(saved && number % 3 == 1);
            loop {
                let commits = device.counts().of(Call::Commit);
                assert!(step.is_done(life.perform(step)), "{step:?}: {effects:?}");
                effects = effects.stages(step).unwrap().pop().unwrap();
                if step == Step::Clear {
                    effects.know_seed(life.owner_seed().unwrap());
                }
                run.committing += u64::from(device.counts().of(Call::Commit) > commits);
                steps.push(step);
                states.push(effects.clone());
                bounds.push(device.recorded());
                step = match steps.len() {
                    _ if matches!(step, Step::Shutdown(_)) => break,
                    taken if taken > STEPS => Step::Shutdown(number % 3 != 2),
                    // Often enough for the records that only TPM2_Clear writes.
                    8 if number % 3 == 0 => Step::ClearControl(false),
                    9 if number % 3 == 0 => Step::Clear,
                    _ => Step::draw(&mut random, &effects),
                };
            }
            saved = step == Step::Shutdown(true);
        });
        run.commands += steps.len();
        let recording = device.take_recording().unwrap();
        let counted = device.counts().since(&start.counts());
        run.lives.push(Recorded { device: start, steps, effects: states, bounds, recording, counted });
        device = device.reboot();
    }
    run.kinds = device.kinds_written();
    run
}

fn lives(counter: bool) -> Run {
    live(&if counter {
        HostilePlatform::new(7, Plan::CALM)
    } else {
        HostilePlatform::forgetful(7, Plan::CALM)
    })
}

const DEVICES: [(&str, bool); 2] = [("with a counter", true), ("without a counter", false)];

/// What a start finds.
enum Found {
    /// The TPM, with this, and it goes on as if nothing had happened.
    Tpm(Box<Effects>),
    /// A reason to serve nothing.
    Failed(FailureReason),
}

/// Starts what is left. `Err` where it is anything else than the run's TPM in good health, or an honest failure.
fn start(device: &HostilePlatform, run: &Run) -> Result<Found, String> {
    device.set_plan(Plan::CALM);
    with_power(device, |life| {
        match life.tpm().start() {
            Start::Existing => {}
            Start::Failed(reason) => return fails_honestly(life, reason).map(|()| Found::Failed(reason)),
            other => return Err(format!("found {other:?}")),
        }
        life.perform(Step::Startup(false)).map_err(|code| format!("TPM2_Startup answered {code}"))?;
        if life.identity() != run.identity {
            return Err("another TPM".to_owned());
        }
        let seen = life.observe();
        for step in [Step::ClearControl(true), Step::Measure(1)] {
            life.perform(step).map_err(|code| format!("{step:?} afterwards answered {code}"))?;
        }
        Ok(Found::Tpm(Box::new(seen)))
    })
}

/// In failure mode: it says that it has failed, serves nothing, and makes no other TPM.
fn fails_honestly(life: &mut Life<'_>, reason: FailureReason) -> Result<(), String> {
    let told = life.run(&tpm2_client::commands::get_test_result());
    let startup = life.perform(Step::Startup(false));
    match (told, startup, life.tpm().manufacture()) {
        (Ok(_), Err(ResponseCode::FAILURE), Err(again)) if again == reason => Ok(()),
        (told, startup, again) => Err(format!("{reason:?}, but {told:?}, {startup:?}, {again:?}")),
    }
}

impl Recorded {
    /// The step that the operation with this number belongs to.
    fn step_of(&self, operation: usize) -> usize {
        let started = self.bounds.iter().rposition(|bound| *bound <= operation).unwrap_or(0);
        started.min(self.steps.len() - 1)
    }

    /// What may be there after a cut in a step: what was there before, or a stage of the step.
    fn allowed(&self, step: usize, cut: Cut, operation: usize) -> Vec<Effects> {
        let before = &self.effects[step];
        let after = self.effects[step + 1].clone();
        if operation >= self.bounds[self.steps.len()] {
            return vec![after];
        }
        let mut allowed = vec![before.clone()];
        if cut != Cut::Between || operation > self.bounds[step] {
            allowed.extend(before.stages(self.steps[step]).unwrap());
            // With the seed that TPM2_Clear drew.
            allowed.push(after);
        }
        allowed
    }

    fn calls(&self, call: Call) -> u64 {
        self.counted.of(call)
    }
}

impl Run {
    /// The seeds that the owner's hierarchy had before this life.
    fn seeds_before(&self, life: usize) -> Vec<Vec<u8>> {
        self.lives[..=life].iter().filter_map(|life| life.effects[0].seed().cloned()).collect()
    }

    /// Whether one of these states is what a restarted TPM shows.
    fn shows(&self, life: usize, seen: &Effects, allowed: &[Effects]) -> bool {
        let seeds = self.seeds_before(life);
        allowed.iter().any(|effects| effects.restarted().is_seen_in(seen, &seeds))
    }
}

fn print(variant: &str, tried: usize, found: &str) {
    println!("{variant:<60} {tried:>6} tried: {found}");
}

fn none_of(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings, the first: {}", findings.len(), findings[0]);
}

/// The power goes before, in and after every single write.
#[test]
fn optee_ftpm_3_torn_by_a_power_cut() {
    for (name, counter) in DEVICES {
        let run = lives(counter);
        let (commands, committing) = (run.commands, run.committing);
        assert!(commands >= 500 && committing >= 300, "{commands} commands, {committing} committing");
        println!("{name}: {commands} commands, {committing} of them committing");
        let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
        let mut findings = Vec::new();
        for (number, life) in run.lives.iter().enumerate() {
            life.recording.moments(|moment| {
                for cut in moment.cuts() {
                    let step = life.step_of(moment.number());
                    let allowed = life.allowed(step, cut, moment.number());
                    let wrong = match start(&moment.after(cut), &run) {
                        Ok(Found::Tpm(seen)) if run.shows(number, &seen, &allowed) => None,
                        Ok(Found::Tpm(seen)) => Some(format!("saw {seen:?}\nallowed {allowed:#?}")),
                        Ok(Found::Failed(reason)) => Some(reason.to_string()),
                        Err(wrong) => Some(wrong),
                    };
                    findings.extend(wrong.map(|wrong| {
                        let place = format!("life {number}, operation {}", moment.number());
                        format!("{place}, {cut:?}, in {:?}: {wrong}", life.steps[step])
                    }));
                    *tried.entry(cut.sort()).or_default() += 1;
                }
            });
        }
        for (sort, tried) in tried {
            print(sort, tried, "no acknowledged effect lost, no half effect, no TPM made anew");
        }
        none_of(&findings);
    }
}

/// The power goes again while the TPM recovers: in what the start after a cut writes, and in its TPM2_Startup.
#[test]
fn a_cut_in_the_start_after_a_cut() {
    for (name, counter) in DEVICES {
        let run = lives(counter);
        let (mut firsts, mut tried) = (0, 0);
        let mut findings = Vec::new();
        for (number, life) in run.lives.iter().enumerate() {
            life.recording.moments(|moment| {
                for cut in moment.cuts() {
                    firsts += 1;
                    if firsts % EVERY == 0 {
                        let second = cut_again(&run, number, moment, cut, &mut findings);
                        tried += second;
                    }
                }
            });
        }
        print(&format!("cut again, {name}"), tried, "no acknowledged effect lost, no half effect");
        none_of(&findings);
    }
}

/// One in so many of the first cuts is followed by all second ones.
const EVERY: usize = 23;

/// Starts after a cut, and cuts that start everywhere. Gives how many cuts that were.
fn cut_again(run: &Run, number: usize, first: &Moment<'_>, cut: Cut, findings: &mut Vec<String>) -> usize {
    let life = &run.lives[number];
    let mut allowed = life.allowed(life.step_of(first.number()), cut, first.number());
    allowed.extend(allowed.iter().map(Effects::restarted).collect::<Vec<_>>());
    let left = first.after(cut);
    left.record();
    with_power(&left, |life| life.perform(Step::Startup(false))).unwrap();
    let mut tried = 0;
    left.take_recording().unwrap().moments(|second| {
        for again in second.cuts() {
            tried += 1;
            let wrong = match start(&second.after(again), run) {
                Ok(Found::Tpm(seen)) if run.shows(number, &seen, &allowed) => continue,
                Ok(Found::Tpm(seen)) => format!("saw {seen:?}\nallowed {allowed:#?}"),
                Ok(Found::Failed(reason)) => reason.to_string(),
                Err(wrong) => wrong,
            };
            let place = format!("life {number}, operation {}, {cut:?}", first.number());
            findings.push(format!("{place}, then {}, {again:?}: {wrong}", second.number()));
        }
    });
    tried
}

/// Every kind of record is written often enough for a cut to have met it, but for some. Two are written once in a
/// TPM's life: what the manufacture leaves is tried on devices of their own
/// ([`a_manufacture_is_whole_or_not_at_all`]); which firmware used the state last changes with the firmware alone.
/// Three are written by a move between devices, which ends one life and begins another: `hostile_device.rs` cuts
/// moves.
#[test]
fn every_kind_of_record_is_cut() {
    use Kind::*;
    let written = lives(true).kinds;
    let often = [
        Seeds,
        Hierarchy,
        DictionaryAttack,
        Orderly,
        Permanent,
        Commit,
        NvIndexOwner,
        NvIndexPlatform,
        NvDataOwner,
        NvDataPlatform,
        ObjectOwner,
        ObjectPlatform,
        NvMaxCounter,
        LockoutCheck,
    ];
    let saved = SAVED_KINDS.map(|kind| kind.saved().kind);
    for kind in often.map(|kind| kind as u16).into_iter().chain(saved) {
        let times = written.get(&kind).copied().unwrap_or(0);
        println!("kind {kind:#06x} was written {times} times");
        assert!(times >= 10, "kind {kind:#06x} was written {times} times");
    }
    let known =
        often.map(|kind| kind as u16).into_iter().chain(saved).chain([Manufacture as u16, Firmware as u16]);
    let unknown: Vec<_> = {
        let known: Vec<_> = known.collect();
        written.keys().filter(|kind| !known.contains(kind)).copied().collect()
    };
    assert!(unknown.is_empty(), "kinds that nobody thought of: {unknown:x?}");
}

/// A cut in a manufacture leaves nothing, which can be manufactured, or the TPM.
#[test]
fn a_manufacture_is_whole_or_not_at_all() {
    for (name, counter) in DEVICES {
        let mut tried = 0;
        for seed in 0..10 {
            let new = if counter { HostilePlatform::new } else { HostilePlatform::forgetful };
            let device = new(seed, Plan::CALM);
            device.record();
            let identity = with_power(&device, |life| {
                life.tpm().manufacture().unwrap();
                life.identity()
            });
            let recording = device.take_recording().unwrap();
            recording.moments(|moment| {
                for cut in moment.cuts() {
                    tried += 1;
                    let place = format!("{name}, device {seed}, operation {}, {cut:?}", moment.number());
                    let left = moment.after(cut);
                    with_power(&left, |life| {
                        match life.tpm().start() {
                            Start::Existing => assert_eq!(life.identity(), identity, "{place}"),
                            Start::Empty => {
                                assert!(
                                    moment.number() < recording.operations(),
                                    "{place}: it was manufactured"
                                );
                                assert_eq!(life.tpm().manufacture(), Ok(()), "{place}");
                            }
                            other => panic!("{place}: {other:?}"),
                        }
                        assert_eq!(life.perform(Step::Startup(false)), Ok(()), "{place}");
                    });
                    assert_eq!(common::starts(&left.reboot()), Start::Existing, "{place}");
                }
            });
        }
        print(&format!("manufacture cut, {name}"), tried, "the TPM, or none");
    }
}

/// How a life with faults went, until its power went.
struct Faulty {
    /// What may be there afterwards.
    allowed: Vec<Effects>,
    /// Every answer that was not that of a step done.
    refusals: Vec<ResponseCode>,
    /// The counter fails: what is answered as not kept may follow.
    may_follow: bool,
    /// A wrong guess had no answer: it may still have to be recorded.
    owes: bool,
    /// How many steps were to follow the fault.
    more: usize,
    /// Whether the TPM keeps something again after them.
    serves: bool,
    /// How many steps were answered.
    steps: usize,
    /// The device, still with power unless the plan took it.
    device: HostilePlatform,
}

impl Recorded {
    /// Lives again, with `plan`, until `more` steps after its first fault hit.
    fn again(&self, plan: Plan, more: usize) -> Result<Faulty, String> {
        self.takes(&self.steps, plan, more)
    }

    /// Begins as this life did and takes these steps, with `plan`, until `more` steps after its first fault hit. `Err`
    /// where an answer contradicts all that the TPM can have.
    fn takes(&self, steps: &[Step], plan: Plan, more: usize) -> Result<Faulty, String> {
        let device = self.device.fork();
        let before = device.counts();
        let first = plan.faults.first().copied();
        let may_follow = plan.faults.iter().any(|fault| fault.what.call() == Call::AdvanceCounter);
        device.set_plan(plan);
        let has_hit = || {
            first.is_some_and(|first| {
                let call = first.what.call();
                device.counts().of(call) > before.of(call) + first.at
            })
        };
        let mut faulty = Faulty {
            allowed: vec![self.effects[0].clone()],
            refusals: Vec::new(),
            may_follow,
            owes: false,
            more,
            serves: false,
            steps: 0,
            device: device.handle(),
        };
        with_power(&device, |life| {
            life.know(&self.effects[0]);
            let mut left = more;
            for step in steps {
                // Nothing more comes of either.
                if !device.is_powered() || faulty.refusals.contains(&ResponseCode::FAILURE) {
                    break;
                }
                if has_hit() {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                }
                let patience = if matches!(step, Step::Startup(_)) { PATIENCE } else { 1 };
                for _ in 0..patience {
                    if faulty.answer(life, *step)? {
                        break;
                    }
                }
                faulty.steps += 1;
            }
            if more > 0 && device.is_powered() {
                for _ in 0..PATIENCE {
                    faulty.serves = faulty.answer(life, Step::ClearControl(true))?;
                    if faulty.serves {
                        break;
                    }
                }
            }
            Ok(faulty)
        })
    }
}

/// How often a caller asks again.
const PATIENCE: usize = 12;

impl Faulty {
    /// Does a step, and says whether it was done.
    fn answer(&mut self, life: &mut Life<'_>, step: Step) -> Result<bool, String> {
        let answer = life.perform(step);
        let done = step.is_done(answer);
        let asked_again = matches!(step, Step::Startup(_)) && !self.refusals.is_empty();
        if asked_again && answer == Err(ResponseCode::INITIALIZE) {
            // The TPM has started: the counter followed after the answer.
            return Ok(true);
        }
        if self.owes && answer == Err(ResponseCode::LOCKOUT) {
            return Ok(false);
        }
        if let (false, Err(code)) = (done, answer) {
            self.refusals.push(code);
        }
        self.owes |= matches!(step, Step::Guess(_)) && answer.is_err_and(|code| UNDECIDED.contains(&code));
        // Where the power went behind a write, the medium has what nobody heard of.
        let may_follow = self.may_follow || !self.device.is_powered();
        self.allowed = follow(&self.allowed, step, answer, may_follow, life)?;
        Ok(done)
    }
}

/// What the TPM can have after a step with this answer.
fn follow(
    allowed: &[Effects],
    step: Step,
    answer: Result<(), ResponseCode>,
    may_follow: bool,
    life: &mut Life<'_>,
) -> Result<Vec<Effects>, String> {
    let mut after: Vec<Effects> = Vec::new();
    for effects in allowed {
        let next = match (answer, effects.stages(step)) {
            (answer, stages) if step.is_done(answer) => {
                let mut last: Vec<_> = stages.and_then(|mut stages| stages.pop()).into_iter().collect();
                if let (Step::Clear, Some(seed), [last]) = (step, life.owner_seed(), &mut last[..]) {
                    last.know_seed(seed);
                }
                last
            }
            (Err(code), stages) if UNDECIDED.contains(&code) => {
                let mut stages = stages.unwrap_or_default();
                // Nothing was kept of the step itself, but where the answer says that nobody knows. A wrong guess is
                // recorded late.
                let unknown = code == ResponseCode::FAILURE || may_follow || matches!(step, Step::Guess(_));
                if !unknown {
                    stages.pop();
                }
                [vec![effects.clone()], stages].concat()
            }
            (_, None) => vec![effects.clone()],
            (_, Some(_)) => vec![],
        };
        next.into_iter().for_each(|next| {
            if !after.contains(&next) {
                after.push(next)
            }
        });
    }
    if after.is_empty() {
        return Err(format!("{step:?} answered {answer:?}, and the TPM has {allowed:#?}"));
    }
    Ok(after)
}

const UNDECIDED: [ResponseCode; 6] = [
    ResponseCode::NV_UNAVAILABLE,
    ResponseCode::NV_RATE,
    ResponseCode::FAILURE,
    ResponseCode::NV_SPACE,
    ResponseCode::CANCELED,
    ResponseCode::RETRY,
];

/// What the medium, the counter or the store does, and what the TPM may answer then.
struct Variant {
    name: &'static str,
    what: What,
    /// Besides success, and besides refusals that the state explains.
    answers: &'static [ResponseCode],
}

const LATER: &[ResponseCode] = &[ResponseCode::NV_UNAVAILABLE];
const SLOWER: &[ResponseCode] = &[ResponseCode::NV_RATE];
/// The medium does not say what it has: the TPM serves nothing before it was started anew.
const UNKNOWN: &[ResponseCode] = &[ResponseCode::NV_UNAVAILABLE, ResponseCode::FAILURE];

const HONEST: &[Variant] = {
    use CounterError as Counter;
    use StoreError::{Full, OutcomeUnknown, RateLimited, Unavailable};
    &[
        Variant { name: "late: one write", what: What::LateWrite(1), answers: LATER },
        Variant { name: "late: five writes", what: What::LateWrite(5), answers: LATER },
        Variant { name: "late: one read", what: What::LateRead(1), answers: LATER },
        Variant { name: "late: four reads", what: What::LateRead(4), answers: LATER },
        Variant { name: "late: two loads", what: What::LoadAnswers(Unavailable, 2), answers: LATER },
        Variant {
            name: "late: loads come too often",
            what: What::LoadAnswers(RateLimited, 2),
            answers: UNREADY,
        },
        Variant { name: "late: three commits", what: What::CommitAnswers(Unavailable, 3), answers: LATER },
        Variant {
            name: "late: commits come too often",
            what: What::CommitAnswers(RateLimited, 2),
            answers: SLOWER,
        },
        Variant { name: "late: not ready", what: What::NotReady(Unavailable, 4), answers: LATER },
        Variant { name: "late: ready, not so often", what: What::NotReady(RateLimited, 4), answers: UNREADY },
        Variant { name: "full", what: What::CommitAnswers(Full, 2), answers: &[ResponseCode::NV_SPACE] },
        Variant { name: "late: one sync", what: What::LateSync(1), answers: UNKNOWN },
        Variant { name: "error but kept: write", what: What::ErrorButKept, answers: UNKNOWN },
        Variant { name: "error but kept: sync", what: What::SyncErrorButKept, answers: UNKNOWN },
        Variant {
            name: "error but kept: commit",
            what: What::CommitKeptAnswers(OutcomeUnknown),
            answers: UNKNOWN,
        },
        Variant { name: "error and dropped: sync", what: What::SyncErrorAndDropped, answers: UNKNOWN },
        Variant { name: "error but half kept: 100 bytes", what: What::ErrorButHalfKept(100), answers: LATER },
        Variant {
            name: "error but half kept: 300 bytes",
            what: What::ErrorButHalfKept(300),
            answers: UNKNOWN,
        },
        Variant {
            name: "error but half kept: a sector",
            what: What::ErrorButHalfKept(512),
            answers: UNKNOWN,
        },
        Variant { name: "counter away", what: What::CounterAway(Counter::Unavailable, 2), answers: LATER },
        Variant {
            name: "counter withheld once",
            what: What::CounterWithheld(Counter::Unavailable, 1),
            answers: LATER,
        },
        Variant {
            name: "counter withheld",
            what: What::CounterWithheld(Counter::Unavailable, 6),
            answers: LATER,
        },
        Variant {
            name: "counter, not so often",
            what: What::CounterWithheld(Counter::RateLimited, 3),
            answers: UNREADY,
        },
        Variant { name: "counter moved but error", what: What::CounterAnswerLost, answers: LATER },
    ]
};

/// Before the state is there, what is not ready is not told from what is away.
const UNREADY: &[ResponseCode] = &[ResponseCode::NV_UNAVAILABLE, ResponseCode::NV_RATE];

/// Errors that are told: nothing answered is lost, nothing is kept by half, and where the outcome is known, the TPM
/// serves again as soon as the medium does.
#[test]
fn cve_2020_13799_errors_from_storage_are_read_back() {
    errors_are_told(DEVICES[0]);
}

#[test]
fn cve_2020_13799_errors_from_storage_are_read_back_without_a_counter() {
    errors_are_told(DEVICES[1]);
}

fn errors_are_told((name, counter): (&str, bool)) {
    let run = lives(counter);
    for variant in HONEST {
        let mut findings = Vec::new();
        let (mut tried, mut failed) = (0, 0);
        for (number, life) in run.lives.iter().enumerate() {
            let calls = 0..life.calls(variant.what.call());
            // The power goes at once, or some steps later.
            for (at, more) in calls.flat_map(|at| [(at, 0), (at, 4)]) {
                tried += 1;
                let plan = Plan::one(at, variant.what);
                let outcome = life.again(plan.clone(), more).and_then(|faulty| {
                    failed += usize::from(faulty.refusals.contains(&ResponseCode::FAILURE));
                    judge(&run, number, variant, &faulty)
                });
                findings.extend(outcome.err().map(|wrong| {
                    let place = format!("{name}, {}, life {number}, {plan}", variant.name);
                    format!("{place}, {:?}: {wrong}", life.steps)
                }));
            }
        }
        if tried == 0 {
            continue;
        }
        print(
            &format!("{}, {name}", variant.name),
            tried,
            &format!("nothing lost; {failed} times in failure mode until the next start"),
        );
        none_of(&findings);
    }
}

fn judge(run: &Run, number: usize, variant: &Variant, faulty: &Faulty) -> Result<(), String> {
    let undocumented =
        faulty.refusals.iter().find(|code| UNDECIDED.contains(code) && !variant.answers.contains(code));
    if let Some(code) = undocumented {
        return Err(format!("answered {code}"));
    }
    if faulty.more > 0 && !faulty.serves && !faulty.refusals.contains(&ResponseCode::FAILURE) {
        return Err(format!("serves no longer: {:?}", faulty.refusals));
    }
    for left in [faulty.device.reboot(), faulty.device.reboot_late()] {
        match start(&left, run)? {
            Found::Tpm(seen) if run.shows(number, &seen, &faulty.allowed) => {}
            Found::Tpm(seen) => return Err(format!("saw {seen:?}\nallowed {:#?}", faulty.allowed)),
            Found::Failed(reason) => return Err(reason.to_string()),
        }
    }
    Ok(())
}

/// The medium says that something is so that is not.
const LIES: &[(&str, What)] = &[
    ("acknowledged but dropped", What::Dropped),
    ("replayed", What::Replayed),
    ("stale read, one write old", What::StaleRead(1)),
    ("stale read, three writes old", What::StaleRead(3)),
];

/// What came of a lie.
#[derive(Default)]
struct Outcomes {
    tried: usize,
    /// The TPM has all that was answered.
    harmless: usize,
    /// Found at the next start, and why.
    found: BTreeMap<String, usize>,
    /// Not found: what was lost.
    lost: Vec<String>,
}

/// Where a counter exists, every lie that costs something is found at the next start. Where none does, what comes
/// back is an old state as it was, never half of one, and each case is listed; the posture says so.
#[test]
fn cve_2020_13799_stale_success_from_storage() {
    for (name, counter) in DEVICES {
        let run = lives(counter);
        for (lie, what) in LIES {
            let mut outcomes = Outcomes::default();
            let mut findings = Vec::new();
            for (number, life) in run.lives.iter().enumerate() {
                // At once, some steps later, and after the orderly end.
                for (at, more) in tries(life, *what) {
                    let place = format!("{lie}, {name}, life {number}, call {at}, {more} steps later");
                    let outcome = lie_to(&run, number, *what, at, more, &mut outcomes, &place);
                    findings.extend(outcome.err().map(|wrong| format!("{place}: {wrong}")));
                }
            }
            let found: Vec<_> =
                outcomes.found.iter().map(|(why, times)| format!("{times} found: {why}")).collect();
            let Outcomes { tried, harmless, lost, .. } = &outcomes;
            let sum =
                format!("{harmless} cost nothing, {} lost in silence, {}", lost.len(), found.join(", "));
            print(&format!("{lie}, {name}"), *tried, &sum);
            lost.iter().for_each(|lost| println!("    {lost}"));
            none_of(&findings);
            if counter {
                none_of(lost);
            }
        }
        let posture = with_power(&run.lives[0].device.fork(), |life| {
            *life.tpm().judgement().verdict(Guarantee::Rollback)
        });
        let level = if counter { Level::Given } else { Level::Missing };
        assert_eq!(posture.level, level, "the posture, {name}");
    }
}

/// The calls that are lied to, and how many steps follow.
fn tries(life: &Recorded, what: What) -> Vec<(u64, usize)> {
    let calls = 0..life.calls(what.call());
    if what.call() == Call::Read {
        // Everything is read at the start: the life goes on from there.
        return calls.map(|at| (at, 4)).collect();
    }
    calls.flat_map(|at| [(at, 0), (at, 2), (at, life.steps.len())]).collect()
}

fn lie_to(
    run: &Run,
    number: usize,
    what: What,
    at: u64,
    more: usize,
    outcomes: &mut Outcomes,
    place: &str,
) -> Result<(), String> {
    outcomes.tried += 1;
    let life = &run.lives[number];
    let is_read = what.call() == Call::Read;
    let faulty = match life.again(Plan::one(at, what), more) {
        Ok(faulty) => faulty,
        Err(wrong) if is_read => {
            let wrong = wrong.lines().next().unwrap_or_default();
            outcomes.lost.push(format!("{place}: it goes on from an older state: {wrong}"));
            return Ok(());
        }
        Err(wrong) => return Err(wrong),
    };
    if let Some(reason) = faulty.device.failed() {
        if !["fTPM: state rolled back", "fTPM: state corrupt", "fTPM: state missing"].contains(&&*reason) {
            return Err(format!("failed as {reason}"));
        }
        *outcomes.found.entry(reason).or_default() += 1;
        return Ok(());
    }
    match start(&faulty.device.reboot(), run)? {
        Found::Failed(reason @ FailureReason::Store(StoreError::RolledBack | StoreError::Corrupt)) => {
            *outcomes.found.entry(reason.to_string()).or_default() += 1;
        }
        Found::Failed(reason) => return Err(format!("failed as {reason}")),
        Found::Tpm(seen) if run.shows(number, &seen, &faulty.allowed) => outcomes.harmless += 1,
        Found::Tpm(_) if is_read => {
            outcomes.lost.push(format!("{place}: it has gone on from an older state"))
        }
        Found::Tpm(seen) => {
            let was = |step: &usize| {
                let stages = life.steps.get(*step).and_then(|next| life.effects[*step].stages(*next));
                let then = [vec![life.effects[*step].clone()], stages.unwrap_or_default()].concat();
                run.shows(number, &seen, &then)
            };
            let Some(earlier) = (0..=faulty.steps).rev().find(was) else {
                return Err(format!("half a state: {seen:?}"));
            };
            let lost = match &life.steps[earlier..faulty.steps] {
                // The steps are there; what was kept after them, to see whether the TPM serves, is not.
                [] => &[Step::ClearControl(true)],
                lost => lost,
            };
            outcomes.lost.push(format!("{place}: lost {lost:?}"));
        }
    }
    Ok(())
}

/// Plans of several faults, drawn at random.
const PLANS: u64 = 3000;

/// Whatever comes together: with a counter nothing that was answered is lost in silence and nothing is kept by half.
/// Where the medium does not lie, the TPM is there after the next start, with a counter or without.
#[test]
fn any_plan_of_faults_loses_nothing_in_silence() {
    for (name, counter) in DEVICES {
        let run = lives(counter);
        let (mut tried, mut failed) = (0, 0);
        for seed in 0..PLANS {
            let number = (seed % LIVES as u64) as usize;
            let life = &run.lives[number];
            let case = Case { plan: random_plan(seed, life), commands: life.steps.clone() };
            if !counter && case.plan.lies() {
                continue;
            }
            tried += 1;
            match survives(&run, number, &case) {
                Ok(found) => failed += u64::from(found.is_some()),
                Err(wrong) => {
                    let smallest = case.shrink(|case| survives(&run, number, case).is_err());
                    let why = survives(&run, number, &smallest).err().unwrap_or(wrong);
                    panic!("{name}, seed {seed}, life {number}: {smallest}\n{why}");
                }
            }
        }
        print(&format!("random plans, {name}"), tried, &format!("{failed} found at the next start"));
    }
}

/// Without a counter they do lose: the smallest case is one fault and the command that it takes away.
#[test]
fn what_a_counter_prevents_shrinks_to_one_fault_and_one_command() {
    let run = lives(false);
    let mut found = 0;
    for seed in 0..PLANS / 10 {
        let number = (seed % LIVES as u64) as usize;
        let life = &run.lives[number];
        let case = Case { plan: random_plan(seed, life), commands: life.steps.clone() };
        let is_lost = |case: &Case<Step>| survives(&run, number, case).is_err();
        if case.plan.faults.iter().any(|fault| fault.what.call() == Call::Read) || !is_lost(&case) {
            continue;
        }
        found += 1;
        let smallest = case.shrink(is_lost);
        println!("seed {seed}, life {number}: {smallest}");
        assert_eq!(smallest.plan.faults.len(), 1, "seed {seed}: {smallest}");
        assert!(smallest.plan.lies(), "seed {seed}: {smallest}");
        assert!(smallest.commands.len() <= 3, "seed {seed}: {smallest}");
    }
    assert!(found >= 5, "{found} plans lose something");
}

/// Without jumps of the clock: those forgive failed tries, as they should.
fn random_plan(seed: u64, life: &Recorded) -> Plan {
    let mut plan = Plan::random(seed, &life.counted);
    plan.faults.retain(|fault| !matches!(fault.what, What::ClockJumps(_)));
    plan
}

/// Takes the steps under the plan, and starts what is left: `Ok` with the reason of an honest failure, `Err` where
/// something is lost in silence.
fn survives(run: &Run, number: usize, case: &Case<Step>) -> Result<Option<FailureReason>, String> {
    if !matches!(case.commands.first(), Some(Step::Startup(_))) {
        // No life.
        return Ok(None);
    }
    let faulty = run.lives[number].takes(&case.commands, case.plan.clone(), usize::MAX)?;
    let mut failed = None;
    for left in [faulty.device.reboot(), faulty.device.reboot_late()] {
        match start(&left, run)? {
            Found::Tpm(seen) if run.shows(number, &seen, &faulty.allowed) => {}
            Found::Tpm(seen) => return Err(format!("saw {seen:?}\nallowed {:#?}", faulty.allowed)),
            Found::Failed(reason) if case.plan.lies() => failed = Some(reason),
            Found::Failed(reason) => return Err(reason.to_string()),
        }
    }
    Ok(failed)
}
