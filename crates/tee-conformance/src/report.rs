//! What a check is, and what becomes of it.

use core::fmt;

use posture::Posture;
use tee_api::{ClockError, CounterError, DeviceKeyError, EntropyError, ServiceError, StoreError};

use crate::bench::{Bench, Cannot};

/// What part of the API a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// `tee_api::Entropy`
    Entropy,
    /// `tee_api::AtomicStore`
    Store,
    /// `tee_api::MonotonicCounter`
    Counter,
    /// `tee_api::Clock`
    Clock,
    /// `tee_api::DeviceKey`
    DeviceKey,
    /// `tee_api::ClientIdentity`
    Client,
    /// `tee_api::Isolation`
    Isolation,
    /// `tee_api::Lifecycle`
    Lifecycle,
    /// `tee_api::Checkpoint`
    Checkpoint,
    /// `tee_api::SharedBuffer`
    SharedBuffer,
    /// `tee_api::TrustedService`, and the glue that calls it
    Service,
}

/// One property that a platform has to have.
#[derive(Debug)]
pub struct Check {
    /// Its name in reports. A name keeps its meaning.
    pub name: &'static str,
    /// What it is about.
    pub area: Area,
    /// Who is held to it.
    pub claim: Claim,
    /// Looks whether it holds.
    pub run: fn(&mut dyn Bench) -> Result<(), Stop>,
}

/// Who is held to a check.
#[derive(Clone, Copy, Debug)]
pub enum Claim {
    /// Every platform; where the bench cannot do what it takes, the check is skipped.
    Always,
    /// A platform that has something; where the bench cannot do what it takes, the check is skipped.
    If {
        /// What it has, in words.
        claim: &'static str,
        /// Whether the platform has it.
        claimed: fn(&Posture) -> bool,
    },
    /// A platform that claims something; it has to show it then.
    Due {
        /// The claim in words.
        claim: &'static str,
        /// Whether the platform makes it.
        claimed: fn(&Posture) -> bool,
    },
}

/// Why a check did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The property does not hold.
    Found(Finding),
    /// The bench cannot do what it takes to see whether it holds.
    Cannot(Cannot),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Found(finding)
    }
}

impl From<Cannot> for Stop {
    fn from(cannot: Cannot) -> Self {
        Self::Cannot(cannot)
    }
}

/// What the platform did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One sentence.
    pub what: &'static str,
    /// Where, or what it answered instead.
    pub detail: Option<Detail>,
}

impl Finding {
    /// A finding that says all.
    pub const fn new(what: &'static str) -> Self {
        Self { what, detail: None }
    }

    /// A finding with what the platform answered, or a number that the sentence needs.
    pub fn with(what: &'static str, detail: impl Into<Detail>) -> Self {
        Self { what, detail: Some(detail.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail {
            None => f.write_str(self.what),
            Some(detail) => write!(f, "{}: {detail}", self.what),
        }
    }
}

/// What goes with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is an answer of the trait that it is named for")]
pub enum Detail {
    Number(u64),
    Store(StoreError),
    Counter(CounterError),
    Clock(ClockError),
    Entropy(EntropyError),
    DeviceKey(DeviceKeyError),
    Service(ServiceError),
}

macro_rules! details {
    ($($variant:ident($of:ty)),* $(,)?) => {
        $(impl From<$of> for Detail {
            fn from(value: $of) -> Self {
                Self::$variant(value)
            }
        })*

        impl fmt::Display for Detail {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant(value) => value.fmt(f),)*
                }
            }
        }
    };
}

details! {
    Number(u64),
    Store(StoreError),
    Counter(CounterError),
    Clock(ClockError),
    Entropy(EntropyError),
    DeviceKey(DeviceKeyError),
    Service(ServiceError),
}

/// What became of a check.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Which one.
    pub check: &'static Check,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The property holds.
    Passed,
    /// It does not.
    Failed(Finding),
    /// The platform claims it and the bench cannot show it: a failure too.
    NotShown(Cannot),
    /// Every platform should have it and this bench cannot look.
    Skipped(Cannot),
    /// The platform does not claim it.
    NotClaimed,
}

impl Verdict {
    /// Whether the platform may not go out like this.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::NotShown(_))
    }
}

/// One line of a report.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = match self.check.claim {
            Claim::If { claim, .. } | Claim::Due { claim, .. } => claim,
            Claim::Always => "nothing",
        };
        write!(f, "{}: ", self.check.name)?;
        match self.verdict {
            Verdict::Passed => f.write_str("ok"),
            Verdict::Failed(finding) => write!(f, "FAILED, {finding}"),
            Verdict::NotShown(Cannot(why)) => write!(f, "FAILED, claims {claim}, cannot show it: {why}"),
            Verdict::Skipped(Cannot(why)) => write!(f, "skipped, {why}"),
            Verdict::NotClaimed => write!(f, "not claimed ({claim})"),
        }
    }
}

/// All outcomes, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What the platform claimed when the run began.
    pub claims: Posture,
    /// Checks that passed.
    pub passed: u32,
    /// Checks that failed, claims that could not be shown among them.
    pub failed: u32,
    /// Checks that this bench cannot make.
    pub skipped: u32,
    /// Checks of what the platform does not claim.
    pub not_claimed: u32,
}

impl Summary {
    pub(crate) const fn of(claims: Posture) -> Self {
        Self { claims, passed: 0, failed: 0, skipped: 0, not_claimed: 0 }
    }

    pub(crate) const fn count(&mut self, verdict: &Verdict) {
        let counted = match verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Failed(_) | Verdict::NotShown(_) => &mut self.failed,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::NotClaimed => &mut self.not_claimed,
        };
        *counted += 1;
    }

    /// Whether nothing failed. What was skipped is still open.
    pub const fn is_conformant(&self) -> bool {
        self.failed == 0
    }
}
