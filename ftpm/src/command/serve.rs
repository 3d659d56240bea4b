//! `ftpm serve`: the TPM of a person.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use log::{LevelFilter, warn};
use platform_linux::ForeignFiles;
use serde_json::json;

use super::{Bound, Plan, default_level, key_source, say};
use crate::composition::{self, Manufacture, TpmOptions};
use crate::ending::Ending;
use crate::folders;
use crate::logging::Logging;
use crate::machine::{Machine, StartupType};
use crate::policy_file;
use crate::server::{DataOptions, Endpoint, LocalityPolicy, Protocol};

/// Serves a TPM to this user, and says how to reach it.
///
/// The TPM is started: TPM2_Startup(CLEAR) was sent. SIGTERM and Ctrl-C end it in good order.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where the TPM's state lies [default: $XDG_STATE_HOME/ftpm or ~/.local/state/ftpm]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The Unix socket to listen at; only this user can use it [default: tpm.sock in the user's runtime folder, unless
    /// --tcp or --mssim is given]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Listens at this TCP port as well, for commands as they are; every user of this machine can use it
    #[arg(long, value_name = "PORT")]
    tcp: Option<u16>,
    /// Listens at this TCP port and the next one as well, as the reference simulator does (tpm2-tss's mssim); every
    /// user of this machine can use it, and switch the TPM off
    #[arg(long, value_name = "PORT")]
    mssim: Option<u16>,
    /// Whether a TPM is made where the state folder holds none
    #[arg(long, value_enum, default_value_t = Manufacture::IfEmpty)]
    manufacture: Manufacture,
    /// The key that seals the state, 32 bytes or 64 hexadecimal digits, from a file or a descriptor [default: a key
    /// kept beside the state, so that whoever reads the folder reads the TPM's secrets]
    #[arg(long, value_name = "file=PATH|fd=NUMBER")]
    key: Option<String>,
    /// What becomes of each gap in the platform's guarantees [default: as `ftpm doctor --print-policy` says]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Leaves TPM2_Startup to the client
    #[arg(long)]
    no_startup: bool,
    /// Which log lines are written to stderr: off, error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value_t = default_level())]
    log: LevelFilter,
    /// What is printed and logged is JSON, an object a line
    #[arg(long)]
    json: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<()> {
        Logging { json: self.json, ..Logging::to_stderr(self.log) }.start();
        let ending = Ending::new()?;
        ending.on_signals()?;
        let state = self.state.clone().map_or_else(folders::state_folder, Ok)?;
        let policy = policy_file::read(self.policy.as_deref())?;
        let bound = Bound::new(self.plans()?)?;
        let tpm = composition::open(&TpmOptions {
            state: state.clone(),
            key: key_source(self.key.as_deref())?,
            manufacture: self.manufacture,
            foreign_files: ForeignFiles::Refuse,
            policy,
        })?;
        let machine = Arc::new(Machine::new(tpm));
        machine.power_on();
        if !self.no_startup {
            machine.start_up(StartupType::Clear).context("the TPM did not start")?;
        }
        self.announce(&state)?;
        bound.serve(&machine, ending)
    }

    fn plans(&self) -> Result<Vec<Plan>> {
        let only_zero =
            Protocol::Data(DataOptions { locality: LocalityPolicy::ONLY_ZERO, ..DataOptions::default() });
        let mut plans = Vec::new();
        if let Some(socket) = self.socket()? {
            plans.push(Plan { endpoint: Endpoint::private_socket(socket), protocol: only_zero });
        }
        if let Some(port) = self.tcp {
            plans.push(Plan { endpoint: Endpoint::local_port(port), protocol: only_zero });
        }
        if let Some(port) = self.mssim {
            let next =
                port.checked_add(1).context("--mssim needs the next port as well; choose a lower one")?;
            plans.push(Plan { endpoint: Endpoint::local_port(port), protocol: Protocol::SimulatorCommand });
            plans.push(Plan { endpoint: Endpoint::local_port(next), protocol: Protocol::SimulatorPlatform });
        }
        Ok(plans)
    }

    fn socket(&self) -> Result<Option<PathBuf>> {
        match &self.socket {
            Some(socket) => Ok(Some(socket.clone())),
            None if self.tcp.is_some() || self.mssim.is_some() => Ok(None),
            None => folders::default_socket().map(Some),
        }
    }

    /// Says how to reach the TPM, who else can, and where its state is.
    fn announce(&self, state: &std::path::Path) -> Result<()> {
        let program = env::current_exe().unwrap_or_else(|_| "ftpm".into());
        let connect = |address: String| format!("cmd:{} connect {address}", program.display());
        let mut ways = Vec::new();
        if let Some(socket) = self.socket()? {
            ways.push((connect(socket.display().to_string()), Endpoint::private_socket(socket)));
        }
        if let Some(port) = self.tcp {
            ways.push((connect(format!("127.0.0.1:{port}")), Endpoint::local_port(port)));
        }
        if let Some(port) = self.mssim {
            ways.push((format!("mssim:host=127.0.0.1,port={port}"), Endpoint::local_port(port)));
            warn!("ports {port} and {} obey every program on this machine, power switch and all", port + 1);
        }
        if self.json {
            let ways = ways.iter().map(|(tcti, endpoint)| {
                json!({ "tcti": tcti, "endpoint": endpoint.to_string(), "reach": endpoint.who_can_reach_it() })
            });
            let ready = json!({ "ready": true, "state": state, "listening": ways.collect::<Vec<_>>() });
            say!("{ready}");
            return Ok(());
        }
        say!("TPM 2.0 ready; its state is in {}. Ctrl-C ends it.", state.display());
        for (tcti, endpoint) in ways {
            say!("\nAt {endpoint} {}:\n  export TPM2TOOLS_TCTI='{tcti}'", endpoint.who_can_reach_it());
        }
        Ok(())
    }
}
