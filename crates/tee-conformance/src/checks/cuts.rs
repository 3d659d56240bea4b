//! The power goes away at every write of a commit.

use tee_api::{Change, StoreError};

use super::{PATTERN, Record, are_kept, ensure, expect, keep, keep_only, key};
use crate::bench::{Bench, Restart};
use crate::report::{Finding, Stop};

/// No commit of the suite's takes more writes to a medium than this.
const MOST_WRITES: u32 = 4096;

/// After a cut the store holds all of the transaction or nothing of it, and goes on.
pub(super) fn survives_cuts(bench: &mut dyn Bench) -> Result<(), Stop> {
    for size in [16, 300, 700, 1200, 1900, 3000, 3900] {
        let value = &PATTERN[..size];
        let before: [Record<'_>; 3] = [(key(1), value), (key(2), b"abcd"), (key(3), b"goes")];
        let after: [Record<'_>; 3] = [(key(1), &PATTERN[1..=size]), (key(2), b"aXYd"), (key(4), value)];
        let changes = [
            Change::Put { key: after[0].0, value: after[0].1 },
            Change::Patch { key: key(2), offset: 1, data: b"XY" },
            Change::Delete { key: key(3) },
            Change::Put { key: after[2].0, value },
        ];
        at_every_write(bench, &changes, &after, &mut |bench| {
            keep_only(bench, &before)?;
            Ok(&before)
        })?;
    }
    Ok(())
}

/// The first commit of all is whole or nothing too: what a cut leaves of it is a new device, and no damage.
pub(super) fn begins_whole(bench: &mut dyn Bench) -> Result<(), Stop> {
    let after: [Record<'_>; 2] = [(key(1), b"first"), (key(2), &PATTERN[..600])];
    let changes = after.map(|(key, value)| Change::Put { key, value });
    at_every_write(bench, &changes, &after, &mut |bench| {
        bench.make_new()?;
        Ok(&[])
    })
}

/// Makes the state in which the power is cut, and gives its records.
type Begin<'a, 'b> = dyn FnMut(&mut dyn Bench) -> Result<&'a [Record<'a>], Stop> + 'b;

fn at_every_write<'a>(
    bench: &mut dyn Bench,
    changes: &[Change<'_>],
    after: &[Record<'_>],
    begin: &mut Begin<'a, '_>,
) -> Result<(), Stop> {
    for writes in 0..MOST_WRITES {
        let before = begin(bench)?;
        bench.cut_after_writes(writes)?;
        let answer = bench.platform().commit(changes);
        bench.restart(Restart::PowerCut)?;
        if answer.is_ok() {
            return expect(bench, after, "a commit was acknowledged and is lost in a power cut");
        }
        let whole = match are_kept(bench, before) {
            Ok(true) => true,
            Ok(false) => are_kept(bench, after).unwrap_or(false),
            Err(error @ (StoreError::Corrupt | StoreError::Missing | StoreError::Foreign)) => {
                return Err(Finding::with("a power cut damaged the state", error).into());
            }
            Err(error) => {
                return Err(Finding::with("the state does not load after a power cut", error).into());
            }
        };
        if !whole {
            let what = "half a transaction is kept after a power cut; writes before it";
            return Err(Finding::with(what, u64::from(writes)).into());
        }
        keep(bench, &[Change::Put { key: key(9), value: b"goes on" }])?;
    }
    ensure(false, "a commit never ends, however many writes it has")
}
