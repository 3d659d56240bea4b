//! Prints docs/commands.md: the commands as their declarations tell.

use std::fmt::Write as _;
use tpm2_core::command::{COMMANDS, Command, Field, Handle, Role};
use tpm2_types::TpmaCc;

fn main() {
    print!("{}", page());
}

fn page() -> String {
    let mut page = String::from(
        "# Commands\nMade by `cargo xtask docs` from the declarations under `crates/tpm2-core/src/command`.\n\n",
    );
    let _ =
        writeln!(page, "{} commands. A handle's role is the authorization that it needs.\n", COMMANDS.len());
    page.push_str(
        "| code | command | TPMA_CC | handles | parameters | answer |\n|---|---|---|---|---|---|\n",
    );
    for command in COMMANDS {
        let _ = writeln!(page, "| {} |", row(command).join(" | "));
    }
    page.push_str("\n## What they do\n");
    for command in COMMANDS {
        let documentation: Vec<&str> = command.documentation.lines().map(str::trim).collect();
        let _ = writeln!(page, "- **{}**: {}", name(command), documentation.join(" ").trim());
    }
    page
}

fn row(command: &Command) -> [String; 6] {
    let answer = command.response_handle.iter().chain(command.returns);
    [
        format!("0x{:08X}", command.code.0),
        name(command),
        attributes(command.attributes()),
        command.handles.iter().map(handle).collect::<Vec<_>>().join(", "),
        command.parameters.iter().map(field).collect::<Vec<_>>().join(", "),
        answer.map(field).collect::<Vec<_>>().join(", "),
    ]
}

/// As Part 3 writes it.
fn name(command: &Command) -> String {
    format!("TPM2_{}", command.name())
}

fn attributes(attributes: TpmaCc) -> String {
    let names = [
        (TpmaCc::NV, "nv"),
        (TpmaCc::EXTENSIVE, "extensive"),
        (TpmaCc::FLUSHED, "flushed"),
        (TpmaCc::R_HANDLE, "rHandle"),
        (TpmaCc::V, "V"),
    ];
    let set: Vec<&str> =
        names.into_iter().filter(|(bit, _)| attributes.contains(*bit)).map(|(_, name)| name).collect();
    set.join(" ")
}

fn handle(handle: &Handle) -> String {
    let role = match handle.role {
        Role::None => "",
        Role::User => " (USER)",
        Role::Admin => " (ADMIN)",
        Role::Dup => " (DUP)",
    };
    format!("{}: {}{role}", handle.name, handle.type_name)
}

fn field(field: &Field) -> String {
    format!("{}: {}", field.name, field.type_name)
}
