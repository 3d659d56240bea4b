//! Why the service runs, and that it has run before.

use tee_api::{LifecycleAssurance, Provisioning, StartReason};

use super::ensure;
use crate::bench::{Bench, Place, Restart};
use crate::report::{Claim, Finding, Stop};

pub(super) const TELLS: Claim = Claim::Due {
    claim: "to tell a restart of the service from a reset",
    claimed: |claims| claims.lifecycle > LifecycleAssurance::None,
};

fn started_by(bench: &mut dyn Bench, how: Restart) -> Result<StartReason, Stop> {
    bench.restart(how)?;
    Ok(bench.platform().start_reason())
}

/// A reset of the platform is always told as one.
pub(super) fn start_after_reset(bench: &mut dyn Bench) -> Result<(), Stop> {
    for how in [Restart::Platform, Restart::PowerCut, Restart::Service, Restart::Platform] {
        let reason = started_by(bench, how)?;
        let reset = how == Restart::Service || reason == StartReason::PlatformReset;
        ensure(reset, "a reset of the platform is taken for a restart of the service")?;
    }
    Ok(())
}

/// A service that is started again alone hears so, however often.
pub(super) fn start_after_service_restart(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.restart(Restart::Platform)?;
    for _ in 0..2 {
        let reason = started_by(bench, Restart::Service)?;
        let told = reason == StartReason::ServiceRestart;
        ensure(told, "a restart of the service is taken for a reset of the platform")?;
    }
    Ok(())
}

/// Once set the mark stays, through restarts, an old copy of the media and an empty store.
pub(super) fn marker_sticks(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.may_mark()?;
    let read = |bench: &mut dyn Bench| {
        bench.platform().provisioning().map_err(|_| Finding::new("the mark cannot be read"))
    };
    let before = read(bench)?;
    let expected =
        if before == Provisioning::Unknown { Provisioning::Unknown } else { Provisioning::Provisioned };
    let copied = bench.keep_copy(Place::Old).is_ok();
    ensure(bench.platform().mark_provisioned().is_ok(), "the mark cannot be set")?;
    ensure(read(bench)? == expected, "the mark does not show what was marked")?;
    for how in Restart::ALL {
        bench.restart(how)?;
        ensure(read(bench)? == expected, "the mark is gone after a restart")?;
    }
    ensure(bench.platform().mark_provisioned().is_ok(), "the mark cannot be set twice")?;
    if copied {
        bench.put_copy_back(Place::Old)?;
        ensure(read(bench)? == expected, "the mark goes with an old copy of the media")?;
    }
    Ok(())
}

pub(super) fn failure_is_seen(bench: &mut dyn Bench) -> Result<(), Stop> {
    ensure(!bench.failure_is_seen()?, "the platform is failed before it was")?;
    bench.platform().fail("conformance: failed on purpose");
    ensure(bench.failure_is_seen()?, "a failure is not reported to anybody")?;
    bench.restart(Restart::Platform)?;
    ensure(!bench.failure_is_seen()?, "a failure outlives the platform's reset")
}

/// After a failure the service does not quietly start again.
pub(super) fn failure_outlives_service(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.platform().fail("conformance: failed on purpose");
    bench.restart(Restart::Service)?;
    let still = bench.failure_is_seen();
    bench.restart(Restart::Platform)?;
    ensure(still?, "a failed service starts again as if nothing had been")
}
