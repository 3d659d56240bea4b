//! The checks, one file an area.

mod checkpoint;
mod client;
mod clock;
mod counter;
mod cuts;
mod device_key;
mod entropy;
mod isolation;
mod lifecycle;
mod rollback;
mod service;
mod shared_buffer;
mod store;

use tee_api::{Change, RecordKey, StoreError};

use crate::bench::Bench;
use crate::report::{Area, Check, Claim, Finding, Stop};

/// Every check, in the order in which they run.
pub const CHECKS: &[Check] = &[
    due("entropy_fills_all", Area::Entropy, entropy::ANY, entropy::fills_all),
    due("entropy_never_repeats", Area::Entropy, entropy::ANY, entropy::never_repeats),
    due("entropy_differs_after_restart", Area::Entropy, entropy::ANY, entropy::differs_after_restart),
    due("entropy_none_gives_none", Area::Entropy, entropy::NONE, entropy::none_gives_none),
    always("entropy_error_leaves_zeros", Area::Entropy, entropy::error_leaves_zeros),
    applies("entropy_failure_sticks", Area::Entropy, entropy::ANY, entropy::failure_sticks),
    always("store_new_is_missing", Area::Store, store::new_is_missing),
    always("store_put_patch_delete", Area::Store, store::put_patch_delete),
    always("store_order_in_transaction", Area::Store, store::order_in_transaction),
    always("store_refuses_bad_patch", Area::Store, store::refuses_bad_patch),
    always("store_empty_transaction", Area::Store, store::empty_transaction),
    always("store_large_transaction", Area::Store, store::large_transaction),
    always("store_reuses_room", Area::Store, store::reuses_room),
    always("store_ready_agrees", Area::Store, store::ready_agrees),
    always("store_dark_period", Area::Store, store::dark_period),
    due("store_keeps_acknowledged", Area::Store, store::DURABLE, store::keeps_acknowledged),
    due("store_survives_cuts", Area::Store, store::DURABLE, cuts::survives_cuts),
    due("store_begins_whole", Area::Store, store::DURABLE, cuts::begins_whole),
    due("store_seals", Area::Store, rollback::SEALED, rollback::seals),
    due("store_finds_rollback", Area::Store, rollback::REPLAY_PROTECTED, rollback::finds_rollback),
    always("store_notices_swap", Area::Store, rollback::notices_swap),
    due("counter_none_answers_none", Area::Counter, counter::NONE, counter::none_answers_none),
    applies("counter_new_is_zero", Area::Counter, counter::ANY, counter::new_is_zero),
    due("counter_advances_by_one", Area::Counter, counter::ANY, counter::advances_by_one),
    due("counter_refuses_jumps", Area::Counter, counter::ANY, counter::refuses_jumps),
    due("counter_outlives_restarts", Area::Counter, counter::ANY, counter::outlives_restarts),
    due("counter_outlives_old_copy", Area::Counter, counter::HARDWARE, counter::outlives_old_copy),
    due("clock_none_gives_none", Area::Clock, clock::NONE, clock::none_gives_none),
    due("clock_never_goes_back", Area::Clock, clock::ANY, clock::never_goes_back),
    due("clock_moves", Area::Clock, clock::ANY, clock::moves),
    applies("clock_set_back_is_told", Area::Clock, clock::ANY, clock::set_back_is_told),
    due("device_key_none_gives_none", Area::DeviceKey, device_key::NONE, device_key::none_gives_none),
    due("device_key_by_label", Area::DeviceKey, device_key::ANY, device_key::by_label),
    due("device_key_lengths", Area::DeviceKey, device_key::ANY, device_key::lengths),
    due("device_key_outlives_restarts", Area::DeviceKey, device_key::ANY, device_key::outlives_restarts),
    due("client_none_names_nobody", Area::Client, client::NONE, client::none_names_nobody),
    always("client_is_stable", Area::Client, client::is_stable),
    due("client_is_told_apart", Area::Client, client::ANY, client::is_told_apart),
    due("isolation_refuses_probes", Area::Isolation, isolation::SECURE_WORLD, isolation::refuses_probes),
    always("start_after_reset", Area::Lifecycle, lifecycle::start_after_reset),
    due(
        "start_after_service_restart",
        Area::Lifecycle,
        lifecycle::TELLS,
        lifecycle::start_after_service_restart,
    ),
    always("marker_sticks", Area::Lifecycle, lifecycle::marker_sticks),
    always("failure_is_seen", Area::Lifecycle, lifecycle::failure_is_seen),
    due("failure_outlives_service", Area::Lifecycle, lifecycle::TELLS, lifecycle::failure_outlives_service),
    always("checkpoint_continues", Area::Checkpoint, checkpoint::continues),
    always("checkpoint_cancels", Area::Checkpoint, checkpoint::cancels),
    always("shared_buffer_bounds", Area::SharedBuffer, shared_buffer::bounds),
    always("shared_buffer_copies", Area::SharedBuffer, shared_buffer::copies),
    always("shared_buffer_one_fetch", Area::SharedBuffer, shared_buffer::one_fetch),
    always("service_uuid", Area::Service, service::uuid),
    always("service_sessions", Area::Service, service::sessions),
    always("service_wrong_session", Area::Service, service::wrong_session),
    always("service_unknown_functions", Area::Service, service::unknown_functions),
    always("service_hostile_parameters", Area::Service, service::hostile_parameters),
    always("service_short_buffer", Area::Service, service::short_buffer),
    always("service_fetches_once", Area::Service, service::fetches_once),
    always("service_reentry_is_busy", Area::Service, service::reentry_is_busy),
];

type Run = fn(&mut dyn Bench) -> Result<(), Stop>;

const fn always(name: &'static str, area: Area, run: Run) -> Check {
    Check { name, area, claim: Claim::Always, run }
}

/// Where a claim makes a check due, the same claim makes it one of those that only apply.
const fn applies(name: &'static str, area: Area, claim: Claim, run: Run) -> Check {
    let claim = match claim {
        Claim::Due { claim, claimed } => Claim::If { claim, claimed },
        other => other,
    };
    Check { name, area, claim, run }
}

const fn due(name: &'static str, area: Area, claim: Claim, run: Run) -> Check {
    Check { name, area, claim, run }
}

fn ensure(holds: bool, what: &'static str) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Finding::new(what).into()) }
}

/// How often an answer of "not now" is waited out.
const PATIENCE: u32 = 1000;

/// The kinds of the records that the suite keeps; it looks at no others.
const KIND: u16 = 0x7E57;
const OTHER_KIND: u16 = 0x7E58;

const fn key(id: u32) -> RecordKey {
    RecordKey { kind: KIND, id }
}

/// A record and its value.
type Record<'a> = (RecordKey, &'a [u8]);

/// Bytes in which every place can be told from its neighbours.
static PATTERN: [u8; 4096] = pattern();

const fn pattern() -> [u8; 4096] {
    let mut bytes = [0; 4096];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = (at ^ (at >> 8)) as u8;
        at += 1;
    }
    bytes
}

/// Commits, and waits while the store cannot.
fn commit(bench: &mut dyn Bench, changes: &[Change<'_>]) -> Result<(), StoreError> {
    for _ in 0..PATIENCE {
        match bench.platform().commit(changes) {
            Err(StoreError::Unavailable | StoreError::RateLimited) => bench.pause(),
            answer => return answer,
        }
    }
    Err(StoreError::Unavailable)
}

/// Commits what has to go well.
fn keep(bench: &mut dyn Bench, changes: &[Change<'_>]) -> Result<(), Stop> {
    commit(bench, changes)
        .map_err(|error| Finding::with("a commit that has to go well did not", error).into())
}

/// No record of the suite's is there but these.
fn keep_only(bench: &mut dyn Bench, records: &[Record<'_>]) -> Result<(), Stop> {
    keep(bench, &[Change::DeleteKind { kind: KIND }, Change::DeleteKind { kind: OTHER_KIND }])?;
    for (key, value) in records {
        keep(bench, &[Change::Put { key: *key, value }])?;
    }
    Ok(())
}

/// Whether the suite's records are exactly these, at most 64.
fn are_kept(bench: &mut dyn Bench, expected: &[Record<'_>]) -> Result<bool, StoreError> {
    let mut answer = Err(StoreError::Unavailable);
    let (mut seen, mut as_expected) = (0u64, true);
    for _ in 0..PATIENCE {
        (seen, as_expected) = (0, true);
        answer = bench.platform().load(&mut |key, value| {
            if key.kind != KIND && key.kind != OTHER_KIND {
                return;
            }
            match expected.iter().position(|record| *record == (key, value)) {
                Some(at) if seen & (1 << at) == 0 => seen |= 1 << at,
                _ => as_expected = false,
            }
        });
        if answer != Err(StoreError::Unavailable) {
            break;
        }
        bench.pause();
    }
    match answer {
        Err(StoreError::Missing) => Ok(expected.is_empty()),
        Err(error) => Err(error),
        Ok(()) => Ok(as_expected && seen.count_ones() as usize == expected.len()),
    }
}

/// The suite's records have to be exactly these.
fn expect(bench: &mut dyn Bench, expected: &[Record<'_>], what: &'static str) -> Result<(), Stop> {
    match are_kept(bench, expected) {
        Ok(kept) => ensure(kept, what),
        Err(error) => Err(Finding::with(what, error).into()),
    }
}
