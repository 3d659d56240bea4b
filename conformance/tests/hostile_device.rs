//! A TPM on a device whose medium is damaged, whose clock jumps, whose entropy sticks, and whose power goes while the
//! TPM moves to another device.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::{Effects, Life, Step, Who, with_power};
use platform_hostile::{HostilePlatform, Plan, Random, SECTOR_SIZE, What};
use tee_api::{EntropyError, StoreError};
use tpm2_client::commands;
use tpm2_core::state::Kind;
use tpm2_core::{FailureReason, Start, Target};
use tpm2_types::TpmPt;

/// A TPM that lived, and has stopped in an orderly way: its identity, what it has, and what it had one commit earlier.
fn lived(device: &HostilePlatform) -> (Vec<u8>, [Effects; 2]) {
    with_power(device, |life| {
        life.tpm().manufacture().unwrap();
        let mut effects = Effects::new(life.owner_seed().unwrap());
        let steps = [
            Step::Startup(false),
            Step::Define(0),
            Step::Define(1),
            Step::Write(1, 7),
            Step::Auth(Who::Owner, 5),
            Step::Write(0, 9),
        ];
        let mut before = effects.clone();
        for step in steps {
            assert_eq!(life.perform(step), Ok(()), "{step:?}");
            before = effects.clone();
            effects = effects.stages(step).unwrap().pop().unwrap();
        }
        (life.identity(), [before, effects])
    })
}

/// Every sector of the medium erased, filled with rubbish, and with one bit flipped, in turn. Where a counter and a
/// marker exist, all of it is found, and no other TPM is made; where nothing outside the medium remembers, the last
/// commit may look as if it had been cut, and the one sector that says that there is a state may be lost.
#[test]
fn optee_ftpm_4_no_damaged_block_makes_another_tpm() {
    for counter in [true, false] {
        let new = if counter { HostilePlatform::new } else { HostilePlatform::forgetful };
        let device = new(3, Plan::CALM);
        let (identity, [before, after]) = lived(&device);
        let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
        let sectors = device.tamper(|medium| medium.len() / SECTOR_SIZE);
        let mut random = Random::new(1);
        for sector in 0..sectors {
            for damage in 0..3 {
                let damaged = device.fork();
                let bit = random.below(8 * SECTOR_SIZE as u64) as usize;
                damaged.tamper(|medium| {
                    let sector = &mut medium[sector * SECTOR_SIZE..][..SECTOR_SIZE];
                    match damage {
                        0 => sector.fill(0),
                        1 => random.fill(sector),
                        _ => sector[bit / 8] ^= 1 << (bit % 8),
                    }
                });
                let place = format!("sector {sector}, damage {damage}, with a counter: {counter}");
                let outcome = with_power(&damaged.reboot(), |life| match life.tpm().start() {
                    Start::Existing => {
                        assert_eq!(life.perform(Step::Startup(false)), Ok(()), "{place}");
                        assert_eq!(life.identity(), identity, "{place}");
                        let seen = life.observe();
                        if after.restarted().is_seen_in(&seen, &[]) {
                            return "nothing is lost".to_owned();
                        }
                        assert!(!counter && before.restarted().is_seen_in(&seen, &[]), "{place}: {seen:?}");
                        "the last commit is lost".to_owned()
                    }
                    Start::Empty => {
                        assert!(!counter && sector == 0, "{place}");
                        "the state is lost".to_owned()
                    }
                    Start::Failed(FailureReason::Store(reason)) => {
                        use StoreError::{Corrupt, Missing, RolledBack};
                        assert!(matches!(reason, Corrupt | Missing | RolledBack), "{place}: {reason:?}");
                        assert!(life.tpm().manufacture().is_err(), "{place}");
                        format!("found: {reason}")
                    }
                    other => panic!("{place}: {other:?}"),
                });
                *outcomes.entry(outcome).or_default() += 1;
            }
        }
        println!("{sectors} sectors damaged in 3 ways, with a counter: {counter}: {outcomes:?}");
        assert!(outcomes.keys().filter(|outcome| outcome.starts_with("found")).count() >= 1);
    }
}

/// Whatever a clock does that says nothing: Clock and Time never go back, and only time that it shows to pass forgives
/// a failed try.
#[test]
fn optee_ftpm_9_a_clock_that_jumps_sets_nothing_back() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let device = HostilePlatform::new(seed, Plan::CALM);
        with_power(&device, |life| {
            life.tpm().manufacture().unwrap();
            for step in [Step::Startup(false), Step::MaxTries(30), Step::Define(6), Step::Write(6, 1)] {
                assert_eq!(life.perform(step), Ok(()), "{step:?}");
            }
            for _ in 0..2 {
                assert!(Step::Guess(false).is_done(life.perform(Step::Guess(false))));
            }
            let (mut before, mut tries) = (times(life), 2);
            for turn in 0..30 {
                let hours = random.below(100) as i64;
                let (what, ahead) = match random.below(4) {
                    0 => (What::ClockReset, 0),
                    1 => (What::ClockAway(1), 0),
                    2 => (What::ClockJumps(-hours * 3_600_000), 0),
                    _ => (What::ClockJumps(hours * 60_000), hours as u64 * 60_000),
                };
                device.set_plan(Plan::one(0, what));
                let now = times(life);
                let place = format!("seed {seed}, turn {turn}, {what}");
                assert!(now[0] >= before[0] && now[1] >= before[1], "{place}: {before:?}, then {now:?}");
                assert!(now[0] - before[0] <= ahead, "{place}: {before:?}, then {now:?}");
                let left = life.property(TpmPt::LOCKOUT_COUNTER);
                // A try is forgiven after 1000 seconds; the parameters say so.
                let forgiven = tries - left;
                assert!(u64::from(forgiven) <= now[0] / 1_000_000, "{place}: {forgiven} forgiven at {now:?}");
                assert!(left <= tries && (ahead > 0 || left == tries), "{place}: {tries}, then {left}");
                (before, tries) = (now, left);
            }
        });
    }
}

/// Time and Clock, as TPM2_ReadClock has them.
fn times(life: &mut Life<'_>) -> [u64; 2] {
    let response = life.run(&commands::read_clock()).unwrap();
    let mut fields = response.fields();
    [fields.u64().unwrap(), fields.u64().unwrap()]
}

/// A source that gives the same byte for ever says nothing of it. No seed is made of that, nothing is kept, and a TPM
/// that was made before serves no more.
#[test]
fn optee_ftpm_8_no_seed_is_made_of_entropy_that_sticks() {
    let unhealthy = FailureReason::Entropy(EntropyError::Unhealthy);
    for byte in [0, 1, 0x55, 0xFF] {
        let device = HostilePlatform::new(1, Plan::one(0, What::EntropySticks(byte)));
        with_power(&device, |life| {
            assert_eq!(life.tpm().manufacture(), Err(unhealthy), "byte {byte:#x}");
            assert_eq!(life.tpm().start(), Start::Empty, "byte {byte:#x}");
        });
        assert!(device.kinds_written().is_empty(), "byte {byte:#x}");

        let good = HostilePlatform::new(1, Plan::CALM);
        lived(&good);
        let sticks = good.reboot();
        // The journal draws nothing to open: the first call seeds the generator.
        sticks.set_plan(Plan::one(0, What::EntropySticks(byte)));
        assert_eq!(common::starts(&sticks), Start::Failed(unhealthy), "byte {byte:#x}");
        assert_eq!(common::starts(&good.reboot()), Start::Existing);
    }
}

/// Devices between which a TPM moves, for every record of a move to be written ten times.
const MOVES: u64 = 10;

/// The power goes anywhere in a move. Before the export leaves, the source starts or has moved; from then on it never
/// starts again. The target ends with the TPM, be it after the import was made again.
#[test]
fn a_move_that_is_cut_leaves_one_tpm() {
    let mut kinds: BTreeMap<u16, u64> = BTreeMap::new();
    let mut tried = 0;
    for seed in 0..MOVES {
        let (source, target) =
            (HostilePlatform::new(seed, Plan::CALM), HostilePlatform::new(100 + seed, Plan::CALM));
        let (_, [_, effects]) = lived(&source);
        target.record();
        let token = with_power(&target, |life| life.tpm().prepare_import().unwrap());
        target.take_recording().unwrap().moments(|moment| {
            for cut in moment.cuts() {
                tried += 1;
                let left = moment.after(cut);
                let start = common::starts(&left);
                let is_target = matches!(start, Start::Empty | Start::Failed(FailureReason::AwaitsImport));
                assert!(is_target, "seed {seed}, {cut:?}: {start:?}");
                assert!(
                    with_power(&left, |life| life.tpm().prepare_import()).is_ok(),
                    "seed {seed}, {cut:?}"
                );
            }
        });

        source.record();
        let mut left_at = None;
        let mut export = Vec::new();
        with_power(&source, |life| {
            let watched = source.handle();
            let mut out = |bytes: &[u8]| {
                left_at.get_or_insert(watched.recorded());
                export.extend_from_slice(bytes);
            };
            life.tpm().export(&Target::Token(&token), &mut out).unwrap();
        });
        source.take_recording().unwrap().moments(|moment| {
            for cut in moment.cuts() {
                tried += 1;
                match common::starts(&moment.after(cut)) {
                    Start::Failed(FailureReason::Moved) => {}
                    Start::Existing => {
                        let here = moment.number();
                        assert!(Some(here) < left_at, "seed {seed}, {here}, {cut:?}: two TPMs");
                    }
                    other => panic!("seed {seed}, {cut:?}: {other:?}"),
                }
            }
        });

        target.record();
        import(&target, &export).unwrap();
        // The seeds of the source; that it was moved is in the record of its manufacture.
        let identity = with_power(&target.reboot(), |life| life.identity());
        let seeds = identity.len() - 128;
        assert!(with_power(&source.reboot(), |life| life.identity()).ends_with(&identity[seeds..]));
        target.take_recording().unwrap().moments(|moment| {
            for cut in moment.cuts() {
                tried += 1;
                let left = moment.after(cut);
                let place = format!("seed {seed}, {}, {cut:?}", moment.number());
                match common::starts(&left) {
                    Start::Existing => {}
                    Start::Failed(FailureReason::AwaitsImport) => {
                        assert_eq!(import(&left, &export), Ok(()), "{place}");
                    }
                    other => panic!("{place}: {other:?}"),
                }
                with_power(&left.reboot(), |life| {
                    assert_eq!(life.perform(Step::Startup(false)), Ok(()), "{place}");
                    assert_eq!(life.identity(), identity, "{place}");
                    let seen = life.observe();
                    assert!(effects.restarted().is_seen_in(&seen, &[]), "{place}: {seen:?}");
                });
            }
        });
        for device in [&source, &target] {
            for (kind, times) in device.kinds_written() {
                *kinds.entry(kind).or_default() += times;
            }
        }
    }
    println!("{tried} cuts of a move");
    for kind in [Kind::Moved, Kind::ImportToken, Kind::Importing] {
        assert!(kinds.get(&(kind as u16)).is_some_and(|times| *times >= 10), "{kind:?}: {kinds:?}");
    }
}

fn import(target: &HostilePlatform, export: &[u8]) -> Result<(), tpm2_core::TransferError> {
    with_power(target, |life| life.tpm().import(&mut export.to_vec(), false))
}
