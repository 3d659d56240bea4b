//! The tables of `spec/` and `unreachable.toml`, read at compile time and taken apart at run time.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tpm2_types::{Position, ResponseCode};

/// A row of `response_codes.csv`: which code a command answers, at which position, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Row {
    /// `TPM2_…`, or `(any)` for what all commands have in common.
    pub command: String,
    /// `TPM_RC_…`.
    pub code: String,
    /// The name of a handle (with `@` where it is authorized) or parameter in Part 3, or nothing.
    pub position: String,
    /// When the code is answered.
    pub condition: String,
}

impl Row {
    /// The row within its command, as cases and `unreachable.toml` name it: `CODE POSITION: CONDITION`.
    pub fn key(&self) -> String {
        let space = if self.position.is_empty() { "" } else { " " };
        format!("{}{space}{}: {}", self.code, self.position, self.condition)
    }
}

/// All rows, in the order of the table.
pub fn rows() -> Result<Vec<Row>> {
    read(include_str!("../../spec/response_codes.csv"))
}

/// A row that no test can reach, and why.
#[derive(Clone, Debug, Deserialize)]
pub struct Unreachable {
    /// As in [`Row`].
    pub command: String,
    /// As [`Row::key`] gives it.
    pub row: String,
    /// Why no test asserts it.
    pub reason: String,
}

/// The rows that no test can reach.
pub fn unreachable() -> Result<Vec<Unreachable>> {
    #[derive(Deserialize)]
    struct File {
        unreachable: Vec<Unreachable>,
    }
    let file: File = toml::from_str(include_str!("../unreachable.toml")).context("unreachable.toml")?;
    Ok(file.unreachable)
}

/// The code that a row says, at its position: the number of the handle or parameter comes from
/// `command_schema_185.csv`.
pub fn expected(row: &Row) -> Result<ResponseCode> {
    let code = code(&row.code)?;
    if row.position.is_empty() {
        return Ok(code);
    }
    let layout = layout(&row.command)?;
    match layout.get(&row.position) {
        Some(position) => Ok(code.at(*position)),
        None => bail!("{} has no handle or parameter {}", row.command, row.position),
    }
}

/// The code with this name of Part 2, 6.6. The first of its family where the table writes `x` for the number.
pub fn code(name: &str) -> Result<ResponseCode> {
    let name = name.strip_suffix('x').map_or_else(|| name.to_owned(), |family| format!("{family}0"));
    (0..LARGEST_CODE)
        .map(ResponseCode::new)
        .find(|code| code.to_string() == name)
        .with_context(|| format!("no response code {name}"))
}

/// Response codes of the specification have twelve bits.
const LARGEST_CODE: u32 = 0x1000;

/// Handles and parameters of a command by name, with their positions.
fn layout(command: &str) -> Result<BTreeMap<String, Position>> {
    #[derive(Deserialize)]
    struct Field {
        command: String,
        direction: String,
        area: String,
        field: String,
    }
    let fields: Vec<Field> = read(include_str!("../../spec/command_schema_185.csv"))?;
    let mut positions = BTreeMap::new();
    let (mut handles, mut parameters) = (0, 0);
    for field in fields.into_iter().filter(|field| field.command == command && field.direction == "Command") {
        let position = match field.area.as_str() {
            "handles" => {
                handles += 1;
                Position::Handle(handles)
            }
            "params" => {
                parameters += 1;
                Position::Parameter(parameters)
            }
            _ => continue,
        };
        positions.insert(field.field, position);
    }
    Ok(positions)
}

fn read<T: for<'a> Deserialize<'a>>(table: &str) -> Result<Vec<T>> {
    csv::Reader::from_reader(table.as_bytes())
        .deserialize()
        .map(|row| row.context("a table of spec/"))
        .collect()
}
