//! A service with a bug in it: random plans find it, and the shrinker says in one line what it is.
#![allow(clippy::unwrap_used)]

use platform_hostile::{Call, Case, Counts, HostilePlatform, Plan, What};
use tee_api::{AtomicStore, Change, RecordKey};

const PURSES: [RecordKey; 2] = [RecordKey { kind: 1, id: 0 }, RecordKey { kind: 1, id: 1 }];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    /// Moves an amount from the first purse to the second. The planted bug: more than 9 takes two transactions.
    Move(u8),
    Look,
}

/// Runs the case and says whether the sum of both purses is wrong after the next start.
fn loses_money(case: &Case<Command>) -> bool {
    run(case).1
}

fn run(case: &Case<Command>) -> (Counts, bool) {
    let device = HostilePlatform::new(1, Plan::CALM);
    let mut store = device.handle();
    store.commit(&[put(0, &100), put(1, &0)]).unwrap();
    device.set_plan(case.plan.clone());
    for command in &case.commands {
        let Command::Move(amount) = *command else { continue };
        let Some([first, second]) = purses(&mut store) else { break };
        let Some(less) = first.checked_sub(amount) else { continue };
        let more = second + amount;
        let done = if amount > 9 {
            store.commit(&[put(0, &less)]).and_then(|()| store.commit(&[put(1, &more)]))
        } else {
            store.commit(&[put(0, &less), put(1, &more)])
        };
        if done.is_err() {
            break;
        }
    }
    let restarted = device.reboot();
    restarted.set_plan(Plan::CALM);
    let sum = purses(&mut restarted.handle()).map(|[first, second]| u32::from(first) + u32::from(second));
    (device.counts(), sum != Some(100))
}

fn put(purse: usize, amount: &u8) -> Change<'_> {
    Change::Put { key: PURSES[purse], value: std::slice::from_ref(amount) }
}

fn purses(store: &mut HostilePlatform) -> Option<[u8; 2]> {
    let mut found = [0; 2];
    store.load(&mut |key, value| found[key.id as usize] = value[0]).ok()?;
    Some(found)
}

#[test]
fn the_planted_bug_is_found_and_shrinks_to_one_cut_in_one_command() {
    let commands: Vec<_> =
        (0..20_u8).map(|n| if n % 3 == 0 { Command::Look } else { Command::Move(n % 13) }).collect();
    let (calls, lost) = run(&Case { plan: Plan::CALM, commands: commands.clone() });
    assert!(!lost);
    let honest = |plan: &Plan| plan.faults.iter().all(|fault| fault.what.call() == Call::Write);
    let plans = (0..).map(|seed| Plan::random(seed, &calls)).filter(honest).take(300);
    let failing: Vec<_> =
        plans.map(|plan| Case { plan, commands: commands.clone() }).filter(loses_money).collect();
    assert!(failing.len() >= 3, "{} of 300 plans found it", failing.len());
    for case in failing {
        let smallest = case.shrink(loses_money);
        assert!(matches!(smallest.commands[..], [Command::Move(10..)]), "{smallest}");
        assert_eq!(smallest.plan.faults.len(), 1, "{smallest}");
        assert!(smallest.plan.faults[0].at <= 1, "{smallest}");
    }
    let told = Case { plan: Plan::one(1, What::Cut), commands: vec![Command::Move(10)] };
    assert!(loses_money(&told));
}
