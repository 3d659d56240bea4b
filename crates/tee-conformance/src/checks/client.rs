//! Who calls.

use tee_api::{Client, ClientAssurance};

use super::ensure;
use crate::bench::Bench;
use crate::report::{Claim, Stop};

pub(super) const ANY: Claim =
    Claim::Due { claim: "to tell callers apart", claimed: |claims| claims.client > ClientAssurance::None };
pub(super) const NONE: Claim = Claim::Due {
    claim: "not to tell callers apart",
    claimed: |claims| claims.client == ClientAssurance::None,
};

pub(super) fn none_names_nobody(bench: &mut dyn Bench) -> Result<(), Stop> {
    ensure(bench.platform().client() == Client::NormalWorld, "nobody vouches for callers and one is named")
}

/// The caller stays the same while its call is served, whatever else the service does.
pub(super) fn is_stable(bench: &mut dyn Bench) -> Result<(), Stop> {
    let platform = bench.platform();
    let caller = platform.client();
    for _ in 0..10 {
        let _ = platform.checkpoint();
        let _ = platform.milliseconds();
        let _ = platform.ready();
        ensure(platform.client() == caller, "the caller changed in the middle of a call")?;
    }
    Ok(())
}

pub(super) fn is_told_apart(bench: &mut dyn Bench) -> Result<(), Stop> {
    for caller in [Client::User(1000), Client::User(1001)] {
        bench.call_as(caller)?;
        ensure(bench.platform().client() == caller, "a caller is taken for another")?;
    }
    Ok(())
}
