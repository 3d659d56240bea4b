//! A bounded stay in the service.

/// What the platform wants after a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a cancelled command has to end"]
pub enum Flow {
    /// Go on with the work.
    Continue,
    /// Drop the work; nothing of it may remain.
    Cancel,
}

/// Where long work lets the platform breathe.
pub trait Checkpoint {
    /// Called by long work within a bounded number of steps. The platform may return to the normal world and come
    /// back underneath; the caller only sees what it wants next.
    fn checkpoint(&mut self) -> Flow;
}

/// Nobody waits: the work goes on to its end. For tools and tests.
impl Checkpoint for () {
    fn checkpoint(&mut self) -> Flow {
        Flow::Continue
    }
}
