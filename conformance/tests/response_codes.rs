//! Every case against this TPM, and the table against the cases.
#![allow(clippy::unwrap_used, clippy::panic)]

use conformance::response_codes::{self, Outcome};
use conformance::{machine, table};
use tpm2_types::{Position, ResponseCode};

#[test]
fn this_tpm_answers_every_row() {
    let outcomes = response_codes::run(&machine::in_process(), "", 2).unwrap();
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).map(describe).collect();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), outcomes.len(), failed.join("\n"));
}

#[test]
fn every_row_is_tested_or_excused() {
    let findings = response_codes::check_rows(&response_codes::implemented()).unwrap();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn commands_have_the_names_of_the_tables() {
    // A name that no table knows would make that command's rows nobody's duty.
    let table = include_str!("../../spec/commands.csv");
    let known: Vec<_> = table.lines().filter_map(|line| line.split(',').nth(1)).collect();
    let implemented = response_codes::implemented();
    let unknown: Vec<_> = implemented.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn rows_say_where_a_code_is_raised() {
    let rows = table::rows().unwrap();
    let expected = |command: &str, key: &str| {
        let row = rows.iter().find(|row| row.command == command && row.key() == key).unwrap();
        table::expected(row).unwrap()
    };
    assert_eq!(
        expected(
            "TPM2_Sign",
            "TPM_RC_TICKET validation: ticket hash algorithm is not that of the key scheme"
        ),
        ResponseCode::TICKET.at(Position::Parameter(3))
    );
    assert_eq!(
        expected("TPM2_ActivateCredential", "TPM_RC_TYPE @keyHandle: not a storage key"),
        ResponseCode::TYPE.at(Position::Handle(2))
    );
    // A format-zero code has no room for a position.
    assert_eq!(
        expected("TPM2_NV_Write", "TPM_RC_NV_LOCKED nvIndex: index is write locked"),
        ResponseCode::NV_LOCKED
    );
}

#[test]
fn every_row_of_the_table_is_understood() {
    for row in table::rows().unwrap() {
        // The table says itself that Part 2 does not define this one.
        if row.condition.contains("name not defined in Part 2") {
            continue;
        }
        assert!(table::code(&row.code).is_ok(), "{} {}", row.command, row.key());
    }
}

fn describe(outcome: &Outcome) -> String {
    let reason = outcome.result.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
    format!("{}\n    {reason}", outcome.name)
}
