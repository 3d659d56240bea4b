//! What stands between the service and everything else.

use tee_api::IsolationAssurance;

use crate::bench::{Bench, Cannot, Probe, ProbeOutcome};
use crate::report::{Claim, Finding, Stop};

pub(super) const SECURE_WORLD: Claim = Claim::Due {
    claim: "a secure world",
    claimed: |claims| claims.isolation == IsolationAssurance::SecureWorld,
};

/// Whatever can be tried from outside is refused, and at least one thing can be tried.
pub(super) fn refuses_probes(bench: &mut dyn Bench) -> Result<(), Stop> {
    let mut tried = false;
    for probe in Probe::ALL {
        match bench.probe(probe) {
            ProbeOutcome::Faulted | ProbeOutcome::Hidden => tried = true,
            ProbeOutcome::NotApplicable => {}
            ProbeOutcome::Reached(byte) => {
                let what = match probe {
                    Probe::Read => "the normal world reads the service's memory",
                    Probe::Write => "the normal world writes the service's memory",
                    Probe::Execute => "the normal world jumps into the service's memory",
                    Probe::Dma => "a device reads the service's memory",
                };
                return Err(Finding::with(what, u64::from(byte)).into());
            }
        }
    }
    if tried { Ok(()) } else { Err(Cannot("nothing can be tried from outside").into()) }
}
