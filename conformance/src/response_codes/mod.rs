//! The cases, one file for each chapter of Part 3.
//!
//! A case names the row that it asserts as [`Row::key`](crate::table::Row::key) gives it, sets the TPM up, and has
//! [`Bed::refuse`] assert the answer. To add a chapter: a file with `pub(super) const CASES: &[Suite]`, and a line in
//! [`CHAPTERS`].

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, anyhow, ensure};
use tpm2_types::ResponseCode;

use crate::bed::Bed;
use crate::machine::{Factory, NotHere};
use crate::table::{self, Row};

mod any;
mod cryptography;
mod management;
mod non_volatile;
mod object;
mod policy;
mod session;
mod startup;

/// Every chapter's cases.
pub const CHAPTERS: &[&[Suite]] = &[
    any::CASES,
    startup::CASES,
    session::CASES,
    object::CASES,
    cryptography::CASES,
    policy::CASES,
    management::CASES,
    non_volatile::CASES,
];

/// The cases of one command.
pub struct Suite {
    /// `TPM2_…`, or `(any)`.
    pub command: &'static str,
    /// One or more cases for each row.
    pub cases: &'static [Case],
}

/// A case: the row and what is done.
pub struct Case {
    /// The row, as [`Row::key`] gives it.
    pub row: &'static str,
    /// Sets up and asserts.
    pub run: fn(&mut Bed) -> Result<()>,
}

/// A case that asserts `row`.
const fn case(row: &'static str, run: fn(&mut Bed) -> Result<()>) -> Case {
    Case { row, run }
}

/// How a case went.
pub struct Outcome {
    /// The command and the row.
    pub name: String,
    /// Why it failed, if it did. [`NotHere`] where the machine cannot do what the case needs.
    pub result: Result<()>,
}

impl Outcome {
    /// Whether the case was skipped: the machine cannot do what it needs.
    pub fn skipped(&self) -> bool {
        self.result.as_ref().is_err_and(|error| error.is::<NotHere>())
    }

    /// Whether the case ran and failed.
    pub fn failed(&self) -> bool {
        self.result.is_err() && !self.skipped()
    }
}

/// Runs every case whose command or row contains `filter`, each on a machine of its own, on `threads` threads.
pub fn run(factory: &Factory, filter: &str, threads: usize) -> Result<Vec<Outcome>> {
    let rows = table::rows()?;
    let cases: Vec<_> = CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.iter())
        .flat_map(|suite| suite.cases.iter().map(move |case| (suite.command, case)))
        .filter(|(command, case)| format!("{command} {}", case.row).contains(filter))
        .collect();
    let chunk = cases.len().div_ceil(threads.max(1)).max(1);
    Ok(std::thread::scope(|scope| {
        let workers: Vec<_> = cases
            .chunks(chunk)
            .map(|cases| {
                let rows = &rows;
                scope.spawn(move || {
                    cases
                        .iter()
                        .map(|(command, case)| run_one(factory, rows, command, case))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    }))
}

/// What `check_rows` found wrong with the cases and `unreachable.toml`, one line each.
pub fn check_rows(implemented: &BTreeSet<String>) -> Result<Vec<String>> {
    let rows = table::rows()?;
    let known: BTreeSet<_> = rows.iter().map(|row| (row.command.clone(), row.key())).collect();
    let tested: BTreeSet<_> = CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.iter())
        .flat_map(|suite| suite.cases.iter().map(|case| (suite.command.to_owned(), case.row.to_owned())))
        .collect();
    let unreachable = table::unreachable()?;
    let excused: BTreeSet<_> =
        unreachable.iter().map(|entry| (entry.command.clone(), entry.row.clone())).collect();
    let mut findings = Vec::new();
    let mut find = |what: &str, rows: &mut dyn Iterator<Item = &(String, String)>| {
        findings.extend(rows.map(|(command, row)| format!("{what}: {command} {row}")));
    };
    let due: BTreeSet<_> = known
        .iter()
        .filter(|(command, _)| command == "(any)" || implemented.contains(command))
        .cloned()
        .collect();
    find(
        "neither tested nor in unreachable.toml",
        &mut due.iter().filter(|row| !tested.contains(row) && !excused.contains(row)),
    );
    find("tested, but not a row", &mut tested.difference(&known));
    find("in unreachable.toml, but not a row", &mut excused.difference(&known));
    find("tested, and in unreachable.toml too", &mut tested.intersection(&excused));
    findings.extend(
        unreachable
            .iter()
            .filter(|entry| entry.reason.trim().is_empty())
            .map(|entry| format!("in unreachable.toml without a reason: {} {}", entry.command, entry.row)),
    );
    Ok(findings)
}

/// The commands whose rows are due: those that this TPM implements.
pub fn implemented() -> BTreeSet<String> {
    tpm2_core::command::COMMANDS.iter().map(|command| format!("TPM2_{}", command.name())).collect()
}

fn run_one(factory: &Factory, rows: &[Row], command: &str, case: &Case) -> Outcome {
    let name = format!("{command} {}", case.row);
    let result = expected(rows, command, case).and_then(|code| {
        let mut bed = Bed::new(factory().context("no machine to test")?, code);
        catch_unwind(AssertUnwindSafe(|| (case.run)(&mut bed)))
            .map_err(|_| anyhow!("the TPM or the case panicked"))??;
        ensure!(bed.refusals() > 0, "the case asserts nothing");
        Ok(())
    });
    Outcome { name, result }
}

fn expected(rows: &[Row], command: &str, case: &Case) -> Result<ResponseCode> {
    let row = rows.iter().find(|row| row.command == command && row.key() == case.row);
    table::expected(row.context("no such row in response_codes.csv")?)
}
