//! From a failing case to the smallest one that still fails.

use std::fmt;

use crate::plan::Plan;

/// A plan, and what a test does meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case<C> {
    /// What goes wrong.
    pub plan: Plan,
    /// What the test does, in order.
    pub commands: Vec<C>,
}

/// Calls of one kind that a command makes, as far as the shrinker looks.
const CALLS: u64 = 4;

impl<C: Clone> Case<C> {
    /// The smallest case near this one for which `fails` still holds: without the commands and faults that it does
    /// not need, and with the lowest numbers. `fails` has to hold for this case itself.
    #[must_use]
    pub fn shrink(mut self, mut fails: impl FnMut(&Self) -> bool) -> Self {
        loop {
            let mut smaller = self.without_commands(&mut fails);
            smaller |= self.without_one_command_and_its_calls(&mut fails);
            smaller |= self.without_faults(&mut fails);
            smaller |= self.with_simpler_faults(&mut fails);
            if !smaller {
                return self;
            }
        }
    }

    /// Takes commands away, half of them at first, then ever fewer at a time.
    fn without_commands(&mut self, fails: &mut impl FnMut(&Self) -> bool) -> bool {
        let mut shrunk = false;
        let mut piece = self.commands.len().div_ceil(2);
        while piece > 0 {
            // From the end: what comes later depends on less.
            let mut end = self.commands.len();
            while end > 0 {
                let start = end.saturating_sub(piece);
                let mut candidate = self.clone();
                candidate.commands.drain(start..end);
                if fails(&candidate) {
                    *self = candidate;
                    shrunk = true;
                }
                end = start;
            }
            piece /= 2;
        }
        shrunk
    }

    /// Without a command the calls of all later ones have lower numbers, so a fault that is to hit the same call has to
    /// move with it.
    fn without_one_command_and_its_calls(&mut self, fails: &mut impl FnMut(&Self) -> bool) -> bool {
        let mut shrunk = false;
        for at in (0..self.commands.len()).rev() {
            let mut without = self.clone();
            without.commands.remove(at);
            let moved =
                (0..self.plan.faults.len()).flat_map(|fault| (1..=CALLS).map(move |calls| (fault, calls)));
            let found = moved.into_iter().find_map(|(fault, calls)| {
                let mut candidate = without.clone();
                let moving = candidate.plan.faults.get_mut(fault)?;
                moving.at = moving.at.checked_sub(calls)?;
                fails(&candidate).then_some(candidate)
            });
            if let Some(found) = found {
                *self = found;
                shrunk = true;
            }
        }
        shrunk
    }

    fn without_faults(&mut self, fails: &mut impl FnMut(&Self) -> bool) -> bool {
        let mut shrunk = false;
        for at in (0..self.plan.faults.len()).rev() {
            let mut candidate = self.clone();
            candidate.plan.faults.remove(at);
            if fails(&candidate) {
                *self = candidate;
                shrunk = true;
            }
        }
        shrunk
    }

    fn with_simpler_faults(&mut self, fails: &mut impl FnMut(&Self) -> bool) -> bool {
        let mut shrunk = false;
        for at in 0..self.plan.faults.len() {
            while let Some(candidate) = self.simpler_fault(at, fails) {
                *self = candidate;
                shrunk = true;
            }
        }
        shrunk
    }

    fn simpler_fault(&self, at: usize, fails: &mut impl FnMut(&Self) -> bool) -> Option<Self> {
        let fault = *self.plan.faults.get(at)?;
        fault.simpler().find_map(|simpler| {
            let mut candidate = self.clone();
            candidate.plan.faults[at] = simpler;
            fails(&candidate).then_some(candidate)
        })
    }
}

impl<C: fmt::Debug> fmt::Display for Case<C> {
    /// As it is written in Rust, to be pasted into a test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case {{ plan: {}, commands: vec!{:?} }}", self.plan, self.commands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Fault, What};

    #[test]
    fn what_does_not_matter_goes() {
        let noise = |at| Fault { at, what: What::LateRead(9) };
        let plan = Plan::new([noise(1), Fault { at: 90, what: What::Torn(700) }, noise(2), noise(3)]);
        let case = Case { plan, commands: (0..100).collect() };
        // Fails where commands 17 and 60 are there, in a torn write that is at least the tenth, at 300 bytes or more.
        let fails = |case: &Case<i32>| {
            let torn = case
                .plan
                .faults
                .iter()
                .any(|fault| fault.at >= 10 && matches!(fault.what, What::Torn(bytes) if bytes >= 300));
            torn && case.commands.contains(&17) && case.commands.contains(&60)
        };
        assert_eq!(
            case.shrink(fails).to_string(),
            "Case { plan: Plan::new([Fault { at: 10, what: What::Torn(300) }]), commands: vec![17, 60] }"
        );
    }

    #[test]
    fn a_case_that_cannot_shrink_stays() {
        let case = Case { plan: Plan::one(0, What::Cut), commands: vec!['a'] };
        assert_eq!(case.clone().shrink(|tried| *tried == case), case);
    }
}
