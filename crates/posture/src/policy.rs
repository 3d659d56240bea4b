//! What becomes of a gap.

use crate::{Guarantee, Level};

/// What a service does about a gap, mildest first. The numbers stand in evidence and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Action {
    /// It says so, and goes on.
    Warn = 1,
    /// It goes on without what hangs on the guarantee, and calls itself fit for development only.
    Degrade = 2,
    /// It creates no seeds, and serves nothing.
    Refuse = 3,
}

impl Action {
    /// Its name in policy files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Degrade => "degrade",
            Self::Refuse => "refuse",
        }
    }
}

/// An action for each guarantee that is missing, and for each that is weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    actions: [[Action; 2]; Guarantee::COUNT],
}

impl Policy {
    /// What is safe for a TPM that others rely on: no seeds without entropy; without protection against rollback, a
    /// clock, isolation or shared fate it is for development only.
    pub const DEFAULT: Self = {
        use Action::{Degrade, Refuse, Warn};
        Self {
            actions: [
                [Refuse, Warn],
                [Degrade, Warn],
                [Degrade, Degrade],
                [Degrade, Warn],
                [Warn, Warn],
                [Degrade, Warn],
                [Warn, Warn],
                [Degrade, Warn],
                [Warn, Warn],
            ],
        }
    };

    /// The same policy with another action for one gap.
    #[must_use]
    pub const fn with(mut self, guarantee: Guarantee, level: Level, action: Action) -> Self {
        if let Some(column) = column(level) {
            self.actions[guarantee.index()][column] = action;
        }
        self
    }

    /// What is done about a guarantee of this level; nothing where it is given.
    pub const fn action(&self, guarantee: Guarantee, level: Level) -> Option<Action> {
        match column(level) {
            Some(column) => Some(self.actions[guarantee.index()][column]),
            None => None,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn column(level: Level) -> Option<usize> {
    match level {
        Level::Missing => Some(0),
        Level::Weak => Some(1),
        Level::Given => None,
    }
}
