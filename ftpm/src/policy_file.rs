//! The policy file: what becomes of each gap in the platform's guarantees.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use posture::{Action, Guarantee, Level, Policy};

use crate::config::{self, Mistake, list};

/// The actions by their names in the file.
const ACTIONS: [(&str, Action); 3] = [
    (Action::Warn.name(), Action::Warn),
    (Action::Degrade.name(), Action::Degrade),
    (Action::Refuse.name(), Action::Refuse),
];

/// The levels that a policy has a word on.
const GAPS: [Level; 2] = [Level::Missing, Level::Weak];

/// Reads a policy file; without one, the default policy.
///
/// # Errors
/// The file cannot be read, or has a mistake, which is named with its line.
pub fn read(path: Option<&Path>) -> Result<Policy> {
    let Some(path) = path else { return Ok(Policy::DEFAULT) };
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the policy {}", path.display()))?;
    parse(&text).with_context(|| format!("the policy {} has a mistake", path.display()))
}

/// Reads a policy; what it leaves out is as in the default.
///
/// # Errors
/// The first mistake.
pub fn parse(text: &str) -> Result<Policy, Mistake> {
    let mut policy = Policy::DEFAULT;
    for section in config::parse(text)? {
        let guarantee = Guarantee::ALL
            .into_iter()
            .find(|guarantee| guarantee.name() == section.name)
            .ok_or_else(|| {
                let names = list(Guarantee::ALL.map(Guarantee::name));
                section.mistake(format!("`{}` is no guarantee; there are {names}", section.name))
            })?;
        for entry in section.table()? {
            let level = GAPS.into_iter().find(|level| level.name() == entry.name).ok_or_else(|| {
                let names = list(GAPS.map(Level::name));
                entry.mistake(format!("`{}` is no level of a gap; there are {names}", entry.name))
            })?;
            policy = policy.with(guarantee, level, entry.choice(&ACTIONS)?);
        }
    }
    Ok(policy)
}

/// A policy as a file, with comments that say what it means.
pub fn to_text(policy: &Policy) -> String {
    let mut text = String::from(
        "# What ftpm does where the platform does not guarantee what a TPM needs. A line that is left out keeps its\n\
         # default; this file shows them all. Each gap gets one of\n\
         #   warn     says so, and goes on\n\
         #   degrade  goes on, and calls the TPM fit for development only\n\
         #   refuse   creates no seeds, and serves nothing\n\
         # `missing`: there is nothing behind the guarantee. `weak`: it holds against mishaps or weak attackers only.\n",
    );
    for guarantee in Guarantee::ALL {
        let _ = write!(text, "\n# {}\n[{}]\n", guarantee.promise(), guarantee.name());
        for level in GAPS {
            if let Some(action) = policy.action(guarantee, level) {
                let _ = writeln!(text, "{} = \"{}\"", level.name(), action.name());
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_is_read() {
        assert_eq!(parse(&to_text(&Policy::DEFAULT)), Ok(Policy::DEFAULT));
        for guarantee in Guarantee::ALL {
            for (level, (_, action)) in
                GAPS.into_iter().flat_map(|level| ACTIONS.map(|action| (level, action)))
            {
                let policy = Policy::DEFAULT.with(guarantee, level, action);
                assert_eq!(parse(&to_text(&policy)), Ok(policy));
            }
        }
    }

    #[test]
    fn the_documentation_has_the_default() {
        let document = include_str!("../../docs/posture.md");
        assert!(document.contains(&format!("```toml\n{}```", to_text(&Policy::DEFAULT))));
    }

    #[test]
    fn what_is_left_out_keeps_the_default() {
        assert_eq!(parse(""), Ok(Policy::DEFAULT));
        assert_eq!(parse("# nothing\n[clock]\n"), Ok(Policy::DEFAULT));
        let strict = Policy::DEFAULT.with(Guarantee::Clock, Level::Weak, Action::Refuse);
        assert_eq!(parse("[clock]\nweak = \"refuse\"\n"), Ok(strict));
        assert_eq!(parse("clock.weak = \"refuse\""), Ok(strict));
    }

    #[test]
    fn a_mistake_has_a_line_and_says_what_is_allowed() {
        let rows = [
            ("[clock]\n\n[clok]\n", "line 3: `clok` is no guarantee; there are entropy, storage, "),
            (
                "[clock]\nabsent = \"warn\"",
                "line 2: `absent` is no level of a gap; there are missing and weak",
            ),
            ("[clock]\ngiven = \"warn\"", "line 2: `given` is no level of a gap; there are missing and weak"),
            (
                "[clock]\nweak = \"ignore\"",
                "line 2: `weak` cannot be \"ignore\"; it takes warn, degrade and refuse",
            ),
            ("[clock]\nweak = 1", "line 2: `weak` takes text"),
            ("clock = \"warn\"", "line 1: `clock` is a table"),
            ("[clock]\nweak = \"warn\"\nweak = \"warn\"", "line 3: "),
            ("[clock", "line 1: "),
        ];
        for (text, expected) in rows {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.starts_with(expected), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}
