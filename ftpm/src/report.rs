//! A posture in words: one form for `doctor`, for `verify-posture` and for the line at a TPM's start.

use std::process::ExitCode;

use posture::{Action, Guarantee, Level, Verdict, explain};
use serde_json::{Value, json};

use crate::board::Reason;

/// What was made of each guarantee.
pub type Verdicts = [Verdict; Guarantee::COUNT];

/// A posture, and whose it is.
pub struct Report<'r> {
    /// What has to be said before anything else.
    pub statement: Option<&'r str>,
    /// Whose posture it is, as a sentence.
    pub subject: String,
    /// What else is known: names and values.
    pub facts: Vec<(&'static str, Value)>,
    /// What was made of each guarantee.
    pub verdicts: &'r Verdicts,
    /// Why a guarantee is as it is, where somebody wrote that down.
    pub reason: &'r dyn Fn(Guarantee) -> Option<&'r Reason>,
}

impl Report<'_> {
    /// The report as text, or as one JSON object.
    pub fn to_text(&self, json: bool) -> String {
        if json { format!("{:#}", self.to_json()) } else { self.to_lines().join("\n") }
    }

    /// 0 where everything is given, 2 where the policy warns, 3 where it degrades, 4 where it refuses.
    pub fn exit_code(&self) -> ExitCode {
        exit_code(self.verdicts).into()
    }

    fn to_json(&self) -> Value {
        let mut object = json!({
            "verdict": headline(self.verdicts),
            "severity": severity(self.verdicts).map(Action::name),
            "exit_code": exit_code(self.verdicts),
            "subject": self.subject,
            "guarantees": self.verdicts.iter().map(|verdict| self.guarantee(verdict)).collect::<Vec<_>>(),
        });
        for (name, value) in &self.facts {
            object[name.replace(' ', "_")] = value.clone();
        }
        if let Some(statement) = self.statement {
            object["statement"] = statement.into();
        }
        object
    }

    fn guarantee(&self, verdict: &Verdict) -> Value {
        let (source, attacker, remedy) = words(verdict);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
        let mut object = json!({
            "guarantee": verdict.guarantee.name(),
            "promise": verdict.guarantee.promise(),
            "level": verdict.level.name(),
            "source": source,
            "source_number": verdict.source,
            "action": verdict.action.map(Action::name),
            "attacker": some(attacker),
            "change": some(remedy),
        });
        if let Some(reason) = (self.reason)(verdict.guarantee) {
            object["why"] = reason.why.clone().into();
            object["see"] = reason.source.clone().into();
        }
        object
    }

    fn to_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(statement) = self.statement {
            wrap(&mut lines, "", statement);
            lines.push(String::new());
        }
        lines.push(headline(self.verdicts));
        lines.push(String::new());
        wrap(&mut lines, "", &self.subject);
        for (name, value) in &self.facts {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            lines.push(format!("  {name:<18} {value}"));
        }
        // What weighs most comes first.
        let mut verdicts: Vec<_> = self.verdicts.iter().collect();
        verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.action));
        for verdict in verdicts {
            let (source, attacker, remedy) = words(verdict);
            let action = verdict.action.map_or(String::new(), |action| format!(", {}", past(action)));
            let guarantee = verdict.guarantee;
            lines.push(String::new());
            lines.push(format!(
                "{}: {}{action}. {}",
                guarantee.name(),
                verdict.level.name(),
                guarantee.promise()
            ));
            let reason = (self.reason)(guarantee);
            for (name, text) in [
                ("source", source),
                ("why", reason.map_or("", |reason| &reason.why)),
                ("see", reason.map_or("", |reason| &reason.source)),
                ("attacker", attacker),
                ("change", remedy),
            ] {
                if !text.is_empty() {
                    wrap(&mut lines, &format!("  {name:<9} "), text);
                }
            }
        }
        lines
    }
}

/// The hardest action; none where everything is given.
pub fn severity(verdicts: &Verdicts) -> Option<Action> {
    verdicts.iter().filter_map(|verdict| verdict.action).max()
}

/// The verdict on all guarantees in one line.
pub fn headline(verdicts: &Verdicts) -> String {
    let gaps = |action| {
        let of_action = verdicts.iter().filter(|verdict| verdict.action == Some(action));
        let words = of_action.map(|verdict| {
            let quality = if verdict.level == Level::Weak { "weak" } else { "no" };
            format!("{quality} {}", verdict.guarantee.in_words())
        });
        words.collect::<Vec<_>>().join(", ")
    };
    match severity(verdicts) {
        None => "fit for use: everything is given".into(),
        Some(Action::Warn) => format!("fit for use, with warnings: {}", gaps(Action::Warn)),
        Some(Action::Degrade) => format!("development only: {}", gaps(Action::Degrade)),
        Some(Action::Refuse) => format!("refuses to create seeds: {}", gaps(Action::Refuse)),
    }
}

/// The same by the names of the guarantees, for a log.
pub fn log_line(verdicts: &Verdicts) -> String {
    let fitness = match severity(verdicts) {
        None => "everything is given",
        Some(Action::Warn) => "fit for use",
        Some(Action::Degrade) => "development only",
        Some(Action::Refuse) => "refuses to create seeds",
    };
    let mut line = format!("posture: {fitness}");
    for action in [Action::Refuse, Action::Degrade, Action::Warn] {
        let of_action = verdicts.iter().filter(|verdict| verdict.action == Some(action));
        let names: Vec<_> = of_action.map(|verdict| verdict.guarantee.name()).collect();
        if !names.is_empty() {
            line += &format!("; {}: {}", past(action), names.join(", "));
        }
    }
    line + "; see `ftpm doctor`"
}

const fn exit_code(verdicts: &Verdicts) -> u8 {
    let mut worst = 0;
    let mut at = 0;
    while at < verdicts.len() {
        let code = match verdicts[at].action {
            None => 0,
            Some(Action::Warn) => 2,
            Some(Action::Degrade) => 3,
            Some(Action::Refuse) => 4,
        };
        worst = if code > worst { code } else { worst };
        at += 1;
    }
    worst
}

const fn past(action: Action) -> &'static str {
    match action {
        Action::Warn => "warned",
        Action::Degrade => "degraded",
        Action::Refuse => "refused",
    }
}

/// Source, attacker and remedy.
fn words(verdict: &Verdict) -> (&'static str, &'static str, &'static str) {
    match explain(verdict.guarantee, verdict.source) {
        Some(explanation) => (explanation.source, explanation.attacker, explanation.remedy),
        None => ("one that this version of ftpm does not know", "", ""),
    }
}

/// `text` in lines of at most 100 columns; the first one begins with `start`, the others below it.
fn wrap(lines: &mut Vec<String>, start: &str, text: &str) {
    const WIDTH: usize = 100;
    let indent = " ".repeat(start.len());
    let mut line = start.to_string();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use posture::{Policy, Posture, judge};

    use super::*;
    use crate::board;

    fn verdicts(name: &str) -> Verdicts {
        let posture: Posture = board::find(name).unwrap().posture;
        *judge(&posture, &Policy::DEFAULT).verdicts()
    }

    fn only(guarantee: Guarantee, level: Level, action: Action) -> Verdicts {
        Guarantee::ALL.map(|each| {
            let (level, action) =
                if each == guarantee { (level, Some(action)) } else { (Level::Given, None) };
            Verdict { guarantee: each, source: 0, level, action }
        })
    }

    #[test]
    fn one_line_and_one_code_for_each_severity() {
        let rows = [
            (Level::Missing, Action::Refuse, "refuses to create seeds: no entropy", 4),
            (Level::Weak, Action::Degrade, "development only: weak entropy", 3),
            (Level::Weak, Action::Warn, "fit for use, with warnings: weak entropy", 2),
        ];
        for (level, action, line, code) in rows {
            let verdicts = only(Guarantee::Entropy, level, action);
            assert_eq!((headline(&verdicts).as_str(), exit_code(&verdicts)), (line, code));
        }
        let given = only(Guarantee::Entropy, Level::Given, Action::Warn)
            .map(|verdict| Verdict { action: None, ..verdict });
        assert_eq!((headline(&given).as_str(), exit_code(&given)), ("fit for use: everything is given", 0));
        let line = log_line(&verdicts("rpi3"));
        let expected = "posture: refuses to create seeds; refused: entropy; degraded: rollback, isolation; \
            warned: storage, clock, device-key, client-identity, fate-sharing, provisioning; see `ftpm doctor`";
        assert_eq!(line, expected);
    }

    #[test]
    fn the_verdict_comes_first_unless_a_board_has_a_statement() {
        let verdicts = verdicts("rpi3");
        let report = |statement| Report {
            statement,
            subject: "A board.".into(),
            facts: vec![("made", json!(3))],
            verdicts: &verdicts,
            reason: &|_| None,
        };
        let text = report(None).to_text(false);
        assert_eq!(text.lines().next(), Some(&*headline(&verdicts)));
        assert!(text.lines().any(|line| line == "  made               3"), "{text}");
        let text = report(Some("Unfit.")).to_text(false);
        assert_eq!(text.lines().next(), Some("Unfit."));
        assert!(text.lines().skip(1).all(|line| line.len() <= 140), "{text}");

        let value: Value = serde_json::from_str(&report(Some("Unfit.")).to_text(true)).unwrap();
        assert_eq!(value["statement"], "Unfit.");
        assert_eq!(value["exit_code"], 4);
        assert_eq!(value["severity"], "refuse");
        assert_eq!(value["made"], 3);
        assert_eq!(value["guarantees"].as_array().unwrap().len(), Guarantee::COUNT);
        let clock = &value["guarantees"][3];
        assert_eq!(clock["guarantee"], "clock");
        assert_eq!(clock["level"], "weak");
        assert_eq!(clock["action"], "warn");
        assert!(clock["attacker"].is_string() && clock["change"].is_string());
    }

    #[test]
    fn long_texts_are_wrapped_below_their_beginning() {
        let mut lines = Vec::new();
        wrap(&mut lines, "  a ", &"word ".repeat(40));
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.len() <= 100));
        assert!(lines[0].starts_with("  a word") && lines[1].starts_with("    word"));
    }
}
