//! A bounded stay in the service.

use tee_api::Flow;

use super::ensure;
use crate::bench::Bench;
use crate::report::Stop;

/// Nobody asked for the end: work goes on, however long.
pub(super) fn continues(bench: &mut dyn Bench) -> Result<(), Stop> {
    for _ in 0..1000 {
        ensure(bench.platform().checkpoint() == Flow::Continue, "work is cancelled and nobody asked for it")?;
    }
    Ok(())
}

/// A wish to cancel is seen at the next checkpoint, and is over when it is over.
pub(super) fn cancels(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.ask_to_cancel(true)?;
    ensure(bench.platform().checkpoint() == Flow::Cancel, "a wish to cancel is not seen")?;
    bench.ask_to_cancel(false)?;
    ensure(bench.platform().checkpoint() == Flow::Continue, "a wish to cancel never ends")
}
