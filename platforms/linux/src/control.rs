//! What reaches a command from outside while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tee_api::Flow;

/// Cancels the command that runs, from any thread. Clones reach the same platform.
#[derive(Clone, Debug, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    /// Asks the running command to end at its next checkpoint. A command that passes no checkpoint ends by itself.
    pub fn cancel(&self) {
        self.shared.cancel.store(true, Ordering::Relaxed);
    }

    /// A command begins: a cancel that came before it is void, and its time counts from its first checkpoint.
    /// Call it before each command; it reads no clock.
    pub fn begin_command(&self) {
        // Loads first: for the usual command there is nothing to write, and no cache line moves.
        for flag in [&self.shared.cancel, &self.shared.timed] {
            if flag.load(Ordering::Relaxed) {
                flag.store(false, Ordering::Relaxed);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    cancel: AtomicBool,
    /// Whether the watch runs for this command.
    timed: AtomicBool,
}

/// Told of a command that takes long: how long it has been running, at its first second and at each one after it.
pub(crate) type Progress = Box<dyn FnMut(Duration) + Send>;

/// The platform's side of [`Control`].
pub(crate) struct Watch {
    control: Control,
    progress: Option<Progress>,
    began: Instant,
    next_report: Duration,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            control: Control::default(),
            progress: None,
            began: Instant::now(),
            next_report: Duration::ZERO,
        }
    }

    pub(crate) fn control(&self) -> Control {
        self.control.clone()
    }

    pub(crate) fn set_progress(&mut self, progress: Progress) {
        self.progress = Some(progress);
    }

    pub(crate) fn checkpoint(&mut self) -> Flow {
        if self.progress.is_some() {
            self.report();
        }
        if self.control.shared.cancel.load(Ordering::Relaxed) { Flow::Cancel } else { Flow::Continue }
    }

    fn report(&mut self) {
        const PERIOD: Duration = Duration::from_secs(1);
        if !self.control.shared.timed.swap(true, Ordering::Relaxed) {
            self.began = Instant::now();
            self.next_report = PERIOD;
            return;
        }
        let elapsed = self.began.elapsed();
        if elapsed >= self.next_report {
            self.next_report = elapsed + PERIOD;
            if let Some(progress) = &mut self.progress {
                progress(elapsed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_holds_until_the_next_command_begins() {
        let mut watch = Watch::new();
        let control = watch.control();
        assert_eq!(watch.checkpoint(), Flow::Continue);
        control.cancel();
        assert_eq!(watch.checkpoint(), Flow::Cancel);
        assert_eq!(watch.checkpoint(), Flow::Cancel);
        control.begin_command();
        assert_eq!(watch.checkpoint(), Flow::Continue);
    }

    #[test]
    fn only_a_long_command_is_reported() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut watch = Watch::new();
        watch.set_progress(Box::new(move |elapsed| sender.send(elapsed).unwrap()));
        assert_eq!(watch.checkpoint(), Flow::Continue);
        assert_eq!(watch.checkpoint(), Flow::Continue);
        assert!(receiver.try_recv().is_err());
        watch.began -= Duration::from_secs(3);
        assert_eq!(watch.checkpoint(), Flow::Continue);
        assert_eq!(watch.checkpoint(), Flow::Continue);
        assert!(receiver.try_recv().unwrap() >= Duration::from_secs(3));
        assert!(receiver.try_recv().is_err());
        watch.control().begin_command();
        assert_eq!(watch.checkpoint(), Flow::Continue);
        assert!(receiver.try_recv().is_err());
    }
}
