//! `ftpm doctor`: what a TPM here is good for, what an attacker could do, and what to change.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use platform_linux::OpenError;
use posture::{Policy, judge};
use serde_json::{Value, json};
use tpm2_core::state::Kind;

use super::{key_source, say};
use crate::board::{self, Board};
use crate::composition::{ManufactureRecord, linux_posture};
use crate::folders;
use crate::policy_file;
use crate::report::Report;

/// Says what this machine, or a board, guarantees a TPM, what an attacker could do, and what to change. A TPM may be
/// running; nothing is made or changed.
///
/// Exit codes: 0 everything is given, 2 the policy warns, 3 development only, 4 the policy refuses, 1 the doctor could
/// not look.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The state folder [default: where `ftpm serve` keeps it]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The key that seals the state, where it does not lie beside it
    #[arg(long, value_name = "file=PATH|fd=NUMBER")]
    key: Option<String>,
    /// What becomes of each gap; see --print-policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Says what a TPM on this board would report
    #[arg(long, value_name = "NAME", conflicts_with_all = ["state", "key", "board_file"])]
    board: Option<String>,
    /// The same for a board that a file describes, as those in boards/ do
    #[arg(long, value_name = "FILE", conflicts_with_all = ["state", "key"])]
    board_file: Option<PathBuf>,
    /// Lists the boards that --board knows
    #[arg(long)]
    list_boards: bool,
    /// Prints the policy, the default one unless --policy names another, as a file with comments
    #[arg(long)]
    print_policy: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        let policy = policy_file::read(self.policy.as_deref())?;
        if self.print_policy {
            say!("{}", policy_file::to_text(&policy).trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        if self.list_boards {
            self.list()?;
            return Ok(ExitCode::SUCCESS);
        }
        let board = match (&self.board, &self.board_file) {
            (Some(name), _) => Some(board::find(name)?),
            (None, Some(file)) => Some(board::read(file)?),
            (None, None) => None,
        };
        match board {
            Some(board) => Ok(self.report_board(&board, &policy)),
            None => self.report_linux(&policy),
        }
    }

    fn list(&self) -> Result<()> {
        let boards = board::known()?;
        if self.json {
            let board =
                |board: &Board| json!({ "name": board.name, "title": board.title, "summary": board.summary });
            say!("{:#}", Value::from_iter(boards.iter().map(board)));
        } else {
            boards.iter().for_each(|board| say!("{:<18} {}", board.name, board.title));
        }
        Ok(())
    }

    fn report_board(&self, board: &Board, policy: &Policy) -> ExitCode {
        let judgement = judge(&board.posture, policy);
        self.say(&Report {
            statement: board.statement.as_deref(),
            subject: format!("What a TPM would report on {}. {}", board.title, board.summary),
            facts: vec![("board", json!(board.name)), self.policy_fact()],
            verdicts: judgement.verdicts(),
            reason: &|guarantee| board.reason(guarantee),
        })
    }

    fn report_linux(&self, policy: &Policy) -> Result<ExitCode> {
        let folder = self.state.clone().map_or_else(folders::state_folder, Ok)?;
        let state = StateFolder::look(&folder, self.key.as_deref())?;
        let judgement = judge(&linux_posture(state.assurance), policy);
        Ok(self.say(&Report {
            statement: None,
            subject: state.subject,
            facts: [state.facts, vec![self.policy_fact()]].concat(),
            verdicts: judgement.verdicts(),
            reason: &|_| None,
        }))
    }

    fn policy_fact(&self) -> (&'static str, Value) {
        let policy = self.policy.as_ref().map_or("default".into(), |path| path.to_string_lossy());
        ("policy", json!(policy))
    }

    fn say(&self, report: &Report<'_>) -> ExitCode {
        say!("{}", report.to_text(self.json));
        report.exit_code()
    }
}

/// What can be seen of a state folder without touching it.
struct StateFolder {
    assurance: tee_api::StoreAssurance,
    subject: String,
    facts: Vec<(&'static str, Value)>,
}

impl StateFolder {
    fn look(folder: &Path, key: Option<&str>) -> Result<Self> {
        let key = key_source(key)?;
        let mut facts = vec![("state", json!(folder.to_string_lossy()))];
        match platform_linux::inspect(folder, &key) {
            Ok(view) => {
                facts.push(("in use now", json!(view.in_use)));
                let record = view.records.get(Kind::Manufacture.only()).and_then(ManufactureRecord::parse);
                if let Some(ManufactureRecord { count, id }) = record {
                    facts.extend([("manufacture count", json!(count)), ("manufacture id", json!(id))]);
                }
                let subject = match view.records.get(Kind::Moved.only()) {
                    Some(_) => {
                        "A TPM as a Linux process. It was moved to another device, and starts here no longer."
                    }
                    None => "A TPM as a Linux process.",
                };
                Ok(Self { assurance: view.assurance, subject: subject.into(), facts })
            }
            Err(OpenError::Missing(_)) => {
                let assurance = platform_linux::prospect(folder, &key)?;
                let subject = "A TPM as a Linux process. There is none in this folder yet: this is what one that is \
                    made there would have.";
                Ok(Self { assurance, subject: subject.into(), facts })
            }
            Err(error) => Err(error.into()),
        }
    }
}
