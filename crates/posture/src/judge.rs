//! A posture under a policy.

use crate::{Action, Guarantee, Level, Policy, Posture};

/// What was made of one guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which guarantee.
    pub guarantee: Guarantee,
    /// The platform's own answer ([`Posture::source`]).
    pub source: u8,
    /// How well it is guaranteed.
    pub level: Level,
    /// What is done about it; nothing where it is given.
    pub action: Option<Action>,
}

/// What was made of a whole posture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    verdicts: [Verdict; Guarantee::COUNT],
}

/// The authority to create seeds. Only [`Judgement::permit`] makes one.
#[derive(Debug)]
pub struct Permit(());

/// Judges a platform's posture by a policy.
pub fn judge(posture: &Posture, policy: &Policy) -> Judgement {
    let verdicts = Guarantee::ALL.map(|guarantee| {
        let level = posture.level(guarantee);
        Verdict {
            guarantee,
            source: posture.source(guarantee),
            level,
            action: policy.action(guarantee, level),
        }
    });
    Judgement { verdicts }
}

impl Judgement {
    /// All verdicts, in the order of the guarantees' numbers.
    pub const fn verdicts(&self) -> &[Verdict; Guarantee::COUNT] {
        &self.verdicts
    }

    /// The verdict on one guarantee.
    pub const fn verdict(&self, guarantee: Guarantee) -> &Verdict {
        &self.verdicts[guarantee.index()]
    }

    /// The hardest action; none where everything is given.
    pub fn severity(&self) -> Option<Action> {
        self.verdicts.iter().filter_map(|verdict| verdict.action).max()
    }

    /// Whether a guarantee is missing or weak and the policy goes on without it.
    pub fn is_degraded(&self, guarantee: Guarantee) -> bool {
        self.verdict(guarantee).action == Some(Action::Degrade)
    }

    /// Whether the TPM is fit for development only.
    pub fn is_development_only(&self) -> bool {
        self.severity() >= Some(Action::Degrade)
    }

    /// The authority to create seeds, or the first guarantee for whose lack the policy refuses.
    ///
    /// # Errors
    /// That guarantee.
    pub fn permit(&self) -> Result<Permit, Guarantee> {
        match self.verdicts.iter().find(|verdict| verdict.action == Some(Action::Refuse)) {
            Some(refused) => Err(refused.guarantee),
            None => Ok(Permit(())),
        }
    }
}
