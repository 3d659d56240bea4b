//! What somebody who reaches the medium can do.

use tee_api::{Change, StoreAssurance, StoreError};

use super::{Record, are_kept, ensure, expect, keep_only, key};
use crate::bench::{Bench, Place, Restart};
use crate::report::{Claim, Finding, Stop};

pub(super) const SEALED: Claim =
    Claim::Due { claim: "a sealed store", claimed: |claims| claims.store >= StoreAssurance::Sealed };
pub(super) const REPLAY_PROTECTED: Claim = Claim::Due {
    claim: "a store that finds old state",
    claimed: |claims| claims.store >= StoreAssurance::ReplayProtected,
};

/// What is kept cannot be read on the medium.
pub(super) fn seals(bench: &mut dyn Bench) -> Result<(), Stop> {
    const SECRET: &[u8] = b"a value that stands nowhere else: 7f1c09";
    let records: [Record<'_>; 1] = [(key(1), SECRET)];
    keep_only(bench, &records)?;
    ensure(!bench.medium_shows(SECRET)?, "a record can be read on the medium")?;
    expect(bench, &records, "what was sealed does not open")
}

/// Old state is refused, and nothing of the newer state is lost by that.
pub(super) fn finds_rollback(bench: &mut dyn Bench) -> Result<(), Stop> {
    let (old, new): ([Record<'_>; 1], [Record<'_>; 1]) = ([(key(1), b"old")], [(key(1), b"new")]);
    keep_only(bench, &old)?;
    bench.keep_copy(Place::Old)?;
    keep_only(bench, &new)?;
    bench.keep_copy(Place::New)?;
    bench.put_copy_back(Place::Old)?;
    let found = are_kept(bench, &old);
    bench.put_copy_back(Place::New)?;
    match found {
        Err(StoreError::RolledBack) => expect(bench, &new, "the newest state does not load again"),
        Err(error) => Err(Finding::with("old state is refused for another reason", error).into()),
        Ok(_) => Err(Finding::new("old state that is put back is taken").into()),
    }
}

/// Nothing is kept on top of an old state that was put back while the service ran: what the service has seen since would
/// be forgotten, and its newest transaction would vouch for that.
pub(super) fn notices_swap(bench: &mut dyn Bench) -> Result<(), Stop> {
    let (old, new): ([Record<'_>; 1], [Record<'_>; 1]) = ([(key(1), b"old")], [(key(1), b"new")]);
    let mixed: [Record<'_>; 2] = [(key(1), b"old"), (key(2), b"on top")];
    keep_only(bench, &old)?;
    bench.keep_copy(Place::Old)?;
    keep_only(bench, &new)?;
    bench.keep_copy(Place::New)?;
    bench.put_copy_under(Place::Old)?;
    let kept = bench.platform().commit(&[Change::Put { key: key(2), value: b"on top" }]);
    bench.restart(Restart::PowerCut)?;
    let found = are_kept(bench, &mixed);
    bench.put_copy_back(Place::New)?;
    ensure(
        kept.is_err() || found != Ok(true),
        "a transaction was kept on top of old state that was put back under the running service",
    )
}
