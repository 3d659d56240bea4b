//! Records and transactions.

use tee_api::{Change, RecordKey, StoreAssurance, StoreError};

use super::{KIND, OTHER_KIND, PATIENCE, PATTERN, Record, commit, ensure, expect, keep, keep_only, key};
use crate::bench::{Bench, Restart};
use crate::report::{Claim, Finding, Stop};

pub(super) const DURABLE: Claim =
    Claim::Due { claim: "a durable store", claimed: |claims| claims.store > StoreAssurance::Volatile };

pub(super) fn new_is_missing(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.make_new()?;
    for _ in 0..2 {
        let mut visited = false;
        let answer = bench.platform().load(&mut |_, _| visited = true);
        ensure(!visited, "a new device has records")?;
        match answer {
            Err(StoreError::Missing) => {}
            Err(error) => return Err(Finding::with("a new device's store is not missing", error).into()),
            Ok(()) => return Err(Finding::new("a new device's store is there").into()),
        }
        // Looking, or keeping nothing, makes no state.
        keep(bench, &[])?;
    }
    keep_only(bench, &[(key(1), b"first")])?;
    expect(bench, &[(key(1), b"first")], "the first record is not kept")
}

pub(super) fn put_patch_delete(bench: &mut dyn Bench) -> Result<(), Stop> {
    let other = RecordKey { kind: OTHER_KIND, id: 1 };
    let corners: [Record<'_>; 4] =
        [(key(0), b"abcd"), (key(1), b""), (key(u32::MAX), &PATTERN[..1000]), (other, b"other")];
    keep_only(bench, &corners)?;
    for _ in 0..2 {
        expect(bench, &corners, "put: the records are not what was put")?;
    }
    keep(bench, &[Change::Put { key: key(0), value: b"longer than it was" }])?;
    keep(bench, &[Change::Patch { key: key(0), offset: 7, data: b"THAN" }])?;
    keep(bench, &[Change::Patch { key: key(u32::MAX), offset: 999, data: b"X" }])?;
    // At the very end, and empty: legal, and nothing happens.
    keep(bench, &[Change::Patch { key: key(1), offset: 0, data: b"" }])?;
    let mut large = [0; 1000];
    large.copy_from_slice(&PATTERN[..1000]);
    large[999] = b'X';
    let patched: [Record<'_>; 4] =
        [(key(0), b"longer THAN it was"), (key(1), b""), (key(u32::MAX), &large), (other, b"other")];
    expect(bench, &patched, "patch: the records are not what was patched")?;
    keep(bench, &[Change::Delete { key: key(0) }, Change::Delete { key: key(77) }])?;
    expect(bench, &patched[1..], "delete: one record, and no other, goes")?;
    keep(bench, &[Change::DeleteKind { kind: KIND }])?;
    expect(bench, &patched[3..], "delete a kind: its records, and no others, go")
}

pub(super) fn order_in_transaction(bench: &mut dyn Bench) -> Result<(), Stop> {
    keep_only(bench, &[(key(1), b"old"), (key(2), b"old")])?;
    keep(
        bench,
        &[
            Change::Put { key: key(1), value: b"abcd" },
            Change::Patch { key: key(1), offset: 1, data: b"XY" },
            Change::Put { key: key(3), value: b"short" },
            Change::Delete { key: key(3) },
            Change::DeleteKind { kind: OTHER_KIND },
            Change::Delete { key: key(2) },
            Change::Put { key: key(2), value: b"new" },
            Change::Patch { key: key(1), offset: 2, data: b"Z" },
        ],
    )?;
    let expected: [Record<'_>; 2] = [(key(1), b"aXZd"), (key(2), b"new")];
    expect(bench, &expected, "changes of one transaction do not follow each other")
}

pub(super) fn refuses_bad_patch(bench: &mut dyn Bench) -> Result<(), Stop> {
    let before: [Record<'_>; 2] = [(key(1), b"abcd"), (key(2), b"efgh")];
    keep_only(bench, &before)?;
    let bad = [
        Change::Patch { key: key(1), offset: 3, data: b"XY" },
        Change::Patch { key: key(1), offset: u32::MAX, data: b"X" },
        Change::Patch { key: key(1), offset: 5, data: b"" },
        Change::Patch { key: key(77), offset: 0, data: b"X" },
    ];
    for patch in bad {
        let changes =
            [Change::Put { key: key(2), value: b"zzzz" }, patch, Change::Put { key: key(3), value: b"zzzz" }];
        match commit(bench, &changes) {
            Ok(()) => return Err(Finding::new("a patch outside of its record is taken").into()),
            Err(error @ StoreError::OutcomeUnknown) => {
                return Err(Finding::with("a bad patch is refused before anything is done", error).into());
            }
            Err(_) => expect(bench, &before, "a refused transaction changed something")?,
        }
    }
    let emptied = [Change::DeleteKind { kind: KIND }, Change::Patch { key: key(1), offset: 0, data: b"X" }];
    ensure(commit(bench, &emptied).is_err(), "a patch of a record that is deleted just before is taken")?;
    expect(bench, &before, "a refused transaction changed something")?;
    keep(bench, &[Change::Put { key: key(2), value: b"next" }])?;
    expect(bench, &[before[0], (key(2), b"next")], "the store does not go on after a refusal")
}

pub(super) fn empty_transaction(bench: &mut dyn Bench) -> Result<(), Stop> {
    let records: [Record<'_>; 1] = [(key(1), b"abcd")];
    keep_only(bench, &records)?;
    keep(bench, &[])?;
    expect(bench, &records, "a transaction without changes changed something")
}

/// Up to 128 KiB at once. Where that is too much, the store says so and all is as it was.
pub(super) fn large_transaction(bench: &mut dyn Bench) -> Result<(), Stop> {
    const LARGEST: usize = 32;
    let before: [Record<'_>; 1] = [(key(0), b"before")];
    let mut expected: [Record<'_>; LARGEST + 1] = [before[0]; LARGEST + 1];
    let mut changes = [Change::DeleteKind { kind: OTHER_KIND }; LARGEST];
    for at in 0..LARGEST {
        let record = (key(at as u32 + 1), &PATTERN[at..]);
        expected[at + 1] = record;
        changes[at] = Change::Put { key: record.0, value: record.1 };
    }
    for count in [1, 2, 4, 8, 16, LARGEST] {
        keep_only(bench, &before)?;
        match commit(bench, &changes[..count]) {
            Ok(()) => expect(bench, &expected[..=count], "a large transaction is not kept whole")?,
            Err(StoreError::Full) => {
                expect(bench, &before, "a transaction without room changed something")?;
                keep(bench, &[Change::Put { key: key(0), value: b"after!" }])?;
                expect(bench, &[(key(0), b"after!")], "the store does not go on when it was full")?;
                break;
            }
            Err(error) => return Err(Finding::with("a large transaction", error).into()),
        }
    }
    keep_only(bench, &[])
}

/// Records that are overwritten again and again take no more room than once.
pub(super) fn reuses_room(bench: &mut dyn Bench) -> Result<(), Stop> {
    const TIMES: usize = 100;
    keep_only(bench, &[])?;
    for at in 0..TIMES {
        keep(bench, &[Change::Put { key: key(1), value: &PATTERN[at..at + 1000] }])?;
    }
    let last: [Record<'_>; 1] = [(key(1), &PATTERN[TIMES - 1..TIMES + 999])];
    expect(bench, &last, "the last of many values is not kept")
}

/// `ready` says only what it may say, and a store that is ready takes a commit.
pub(super) fn ready_agrees(bench: &mut dyn Bench) -> Result<(), Stop> {
    keep_only(bench, &[])?;
    for _ in 0..PATIENCE {
        match bench.platform().ready() {
            Err(StoreError::Unavailable | StoreError::RateLimited) => bench.pause(),
            Err(error) => return Err(Finding::with("ready may answer this not", error).into()),
            Ok(()) => {
                return bench
                    .platform()
                    .commit(&[Change::Put { key: key(1), value: b"x" }])
                    .map_err(|error| Finding::with("a store that is ready does not commit", error).into());
            }
        }
    }
    Err(Finding::new("the store is never ready").into())
}

/// While storage is away commits fail as such, and nothing is lost.
pub(super) fn dark_period(bench: &mut dyn Bench) -> Result<(), Stop> {
    let records: [Record<'_>; 1] = [(key(1), b"abcd")];
    keep_only(bench, &records)?;
    bench.take_storage_away(true)?;
    for _ in 0..3 {
        match bench.platform().ready() {
            Ok(()) | Err(StoreError::Unavailable | StoreError::RateLimited) => {}
            Err(error) => return Err(Finding::with("ready while storage is away", error).into()),
        }
        match bench.platform().commit(&[Change::Put { key: key(1), value: b"dark" }]) {
            Ok(()) => return Err(Finding::new("a commit goes well while storage is away").into()),
            Err(StoreError::Unavailable | StoreError::RateLimited) => {}
            Err(error) => return Err(Finding::with("a commit while storage is away", error).into()),
        }
    }
    bench.take_storage_away(false)?;
    expect(bench, &records, "storage that comes back does not hold what it held")?;
    ready_agrees(bench)
}

pub(super) fn keeps_acknowledged(bench: &mut dyn Bench) -> Result<(), Stop> {
    keep_only(bench, &[(key(0), b"deleted")])?;
    for how in Restart::ALL {
        keep(bench, &[Change::Delete { key: key(0) }, Change::Put { key: key(1), value: &PATTERN[..600] }])?;
        keep(bench, &[Change::Patch { key: key(1), offset: 10, data: &[how as u8; 3] }])?;
        bench.restart(how)?;
        let mut value = [0; 600];
        value.copy_from_slice(&PATTERN[..600]);
        value[10..13].fill(how as u8);
        expect(bench, &[(key(1), &value)], "what was acknowledged is not there after a restart")?;
    }
    Ok(())
}
