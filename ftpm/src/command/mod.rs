//! The subcommands, one file each.

mod connect;
mod doctor;
mod export;
mod import;
mod inspect;
mod manufacture;
mod place;
mod serve;
mod socket;
mod verify_posture;

use std::env;
use std::process::{ExitCode, exit};
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use log::{LevelFilter, info};
use platform_linux::KeySource;

use crate::ending::Ending;
use crate::machine::Machine;
use crate::option_list::OptionList;
use crate::server::{Endpoint, Listener, Protocol, Server};

/// A complete TPM 2.0 as software.
#[derive(Debug, Parser)]
#[command(name = "ftpm", version, max_term_width = 100)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    Serve(serve::Serve),
    Socket(Box<socket::Socket>),
    Connect(connect::Connect),
    Inspect(inspect::Inspect),
    Manufacture(manufacture::Manufacture),
    Export(export::Export),
    Import(import::Import),
    Doctor(doctor::Doctor),
    VerifyPosture(verify_posture::VerifyPosture),
}

impl CommandLine {
    /// Reads the program's command line; where it has a mistake, or asks for help only, says so and ends.
    pub fn read() -> Self {
        Self::try_parse().unwrap_or_else(|message| {
            let _ = message.print();
            // For these, 2 would be a finding.
            let reports = matches!(env::args().nth(1).as_deref(), Some("doctor" | "verify-posture"));
            exit(if reports { message.exit_code().min(1) } else { message.exit_code() })
        })
    }

    /// Does what the command line says, until it is done.
    ///
    /// # Errors
    /// One clear sentence for the user.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Subcommands::Doctor(doctor) => return doctor.run(),
            Subcommands::VerifyPosture(verify) => return verify.run(),
            Subcommands::Serve(serve) => serve.run(),
            Subcommands::Socket(socket) => socket.run(),
            Subcommands::Connect(connect) => connect.run(),
            Subcommands::Inspect(inspect) => inspect.run(),
            Subcommands::Manufacture(manufacture) => manufacture.run(),
            Subcommands::Export(export) => export.run(),
            Subcommands::Import(import) => import.run(),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

/// A line on stdout. Whoever reads it may have left: that is no mistake of ours.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($what)*);
    }};
}
use say;

/// What is to listen where.
struct Plan {
    endpoint: Endpoint,
    protocol: Protocol,
}

/// Endpoints that listen already, so that nothing is manufactured for a port that is taken.
struct Bound(Vec<(Listener, Protocol)>);

impl Bound {
    fn new(plans: Vec<Plan>) -> Result<Self> {
        let bind = |plan: Plan| Ok((plan.endpoint.listen()?, plan.protocol));
        Ok(Self(plans.into_iter().map(bind).collect::<Result<_>>()?))
    }

    /// Serves `machine` until the end, and shuts the TPM down.
    fn serve(self, machine: &Arc<Machine>, ending: Ending) -> Result<()> {
        let start =
            |(listener, protocol)| Server::start(listener, protocol, Arc::clone(machine), ending.handle()?);
        let servers = self.0.into_iter().map(start).collect::<Result<Vec<_>>>()?;
        ending.wait();
        info!("ending");
        machine.end();
        drop(servers);
        Ok(())
    }
}

/// Reads `--key`, if it is there.
fn key_source(text: Option<&str>) -> Result<KeySource> {
    let Some(text) = text else { return Ok(KeySource::Beside) };
    let mut list = OptionList::new("--key", text);
    let (file, descriptor) = (list.text("file"), list.parsed::<u32>("fd")?);
    for word in ["pwdfile", "pwdfd", "kdf", "mode", "remove"] {
        list.not_yet(word)?;
    }
    // The form is recognised: 32 bytes, or 64 digits.
    let _ = list.text("format");
    list.finish()?;
    match (file, descriptor) {
        (Some(path), None) => Ok(KeySource::File(path.into())),
        (None, Some(number)) => Ok(KeySource::Descriptor(number)),
        _ => bail!("--key needs file=PATH or fd=NUMBER"),
    }
}

/// A person wants to read what was made, and what takes long.
fn default_level() -> LevelFilter {
    LevelFilter::Info
}
