//! `ftpm socket`: swtpm's command line.

use std::env;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use log::{LevelFilter, warn};
use platform_linux::ForeignFiles;

use super::{Bound, Plan, default_level, key_source, say};
use crate::composition::{self, Manufacture, TpmOptions};
use crate::ending::Ending;
use crate::logging::{Logging, open_log_file};
use crate::machine::{Machine, StartupType};
use crate::option_list::{OptionList, octal};
use crate::policy_file;
use crate::server::{DataOptions, Endpoint, LocalityPolicy, Protocol};

/// Serves a TPM as `swtpm socket` does, with its options.
///
/// Options that swtpm has and that are not listed here are not there yet.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct Socket {
    /// A TPM 2.0; there is no other kind
    #[arg(long)]
    tpm2: bool,
    /// The data channel: type=tcp,port=PORT[,bindaddr=ADDRESS][,disconnect] or
    /// type=unixio,path=PATH[,mode=OCTAL][,uid=UID][,gid=GID]
    #[arg(long, value_name = "LIST")]
    server: Option<String>,
    /// The data channel at a TCP port of 127.0.0.1
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,
    /// The control channel; as --server
    #[arg(long, value_name = "LIST")]
    ctrl: Option<String>,
    /// The folder of the state: dir=DIR or backend-uri=dir://DIR [default: $TPM_PATH]
    #[arg(long, value_name = "LIST")]
    tpmstate: Option<String>,
    /// not-need-init; startup-clear, startup-state or startup-none; disable-auto-shutdown
    #[arg(long, value_name = "LIST")]
    flags: Option<String>,
    /// allow-set-locality, reject-locality-4
    #[arg(long, value_name = "LIST")]
    locality: Option<String>,
    /// action=none; there is no filter yet
    #[arg(long, value_name = "LIST")]
    seccomp: Option<String>,
    /// The key that seals the state: file=PATH or fd=NUMBER
    #[arg(long, value_name = "LIST")]
    key: Option<String>,
    /// Whether a TPM is made where the folder holds none (not swtpm's)
    #[arg(long, value_enum, default_value_t = Manufacture::IfEmpty)]
    manufacture: Manufacture,
    /// What becomes of each gap in the platform's guarantees (not swtpm's; see `ftpm doctor --print-policy`)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// file=PATH[,level=N][,prefix=TEXT][,truncate]; level 0 to 5, 5 with each command's code and sizes
    #[arg(long, value_name = "LIST")]
    log: Option<String>,
    /// Writes the process's id: file=PATH
    #[arg(long, value_name = "LIST")]
    pid: Option<String>,
    /// Ends when the data channel's connection does
    #[arg(short, long)]
    terminate: bool,
    /// Runs in the background (not there yet)
    #[arg(short, long)]
    daemon: bool,
    /// Prints what this program can do, as JSON, and ends
    #[arg(long)]
    print_capabilities: bool,
}

impl Socket {
    pub(super) fn run(self) -> Result<()> {
        if self.print_capabilities {
            say!("{}", capabilities());
            return Ok(());
        }
        if !self.tpm2 {
            bail!("TPM 1.2 is not there; add --tpm2");
        }
        if self.daemon {
            bail!("--daemon is not there yet; start ftpm in the background, e.g. with systemd-run or &");
        }
        self.logging()?.start();
        self.seccomp()?;
        let ending = Ending::new()?;
        ending.on_signals()?;
        let start = Start::new(self.flags.as_deref())?;
        let policy = policy_file::read(self.policy.as_deref())?;
        let bound = Bound::new(self.plans()?)?;
        let tpm = composition::open(&TpmOptions {
            state: self.state()?,
            key: key_source(self.key.as_deref())?,
            manufacture: self.manufacture,
            // Its users keep logs, process ids and sockets beside the state.
            foreign_files: ForeignFiles::Allow,
            policy,
        })?;
        let machine = Machine::new(tpm);
        let machine = Arc::new(if start.auto_shutdown { machine } else { machine.without_auto_shutdown() });
        if start.powered {
            machine.power_on();
        }
        if let Some(startup_type) = start.startup
            && let Err(error) = machine.start_up(startup_type)
        {
            // As swtpm: the client finds a TPM that wants TPM2_Startup.
            warn!("{error}");
        }
        let _pid_file = self.pid_file()?;
        bound.serve(&machine, ending)
    }

    fn plans(&self) -> Result<Vec<Plan>> {
        let policy = self.locality_policy()?;
        let (server, disconnect) = self.data_endpoint()?;
        let data = DataOptions { locality: policy, disconnect, terminate: self.terminate };
        let mut plans = vec![Plan { endpoint: server, protocol: Protocol::Data(data) }];
        if let Some(text) = &self.ctrl {
            let (endpoint, _) = endpoint("--ctrl", text)?;
            plans.push(Plan { endpoint, protocol: Protocol::Control(policy) });
        }
        for plan in &plans {
            if let Endpoint::Tcp(address) = plan.endpoint
                && !address.ip().is_loopback()
            {
                warn!("at {address}, {}", plan.endpoint.who_can_reach_it());
            }
        }
        Ok(plans)
    }

    fn data_endpoint(&self) -> Result<(Endpoint, bool)> {
        match (&self.server, self.port) {
            (Some(text), _) => endpoint("--server", text),
            (None, Some(port)) => Ok((Endpoint::local_port(port), false)),
            (None, None) => {
                bail!("nowhere to listen at; add --server type=tcp,port=PORT or type=unixio,path=PATH")
            }
        }
    }

    fn locality_policy(&self) -> Result<LocalityPolicy> {
        let mut list = OptionList::new("--locality", self.locality.as_deref().unwrap_or_default());
        let policy = LocalityPolicy {
            allow_set: list.flag("allow-set-locality"),
            reject_locality_4: list.flag("reject-locality-4"),
            ..LocalityPolicy::default()
        };
        list.finish()?;
        Ok(policy)
    }

    fn state(&self) -> Result<PathBuf> {
        let Some(text) = &self.tpmstate else {
            let path = env::var_os("TPM_PATH").context("no folder for the state; add --tpmstate dir=DIR")?;
            return Ok(path.into());
        };
        let mut list = OptionList::new("--tpmstate", text);
        let (folder, uri) = (list.text("dir"), list.text("backend-uri"));
        // The state's files are readable by their owner only, whatever is asked for.
        let _ = list.read("mode", octal)?;
        let _ = list.flag("lock");
        list.finish()?;
        match (folder, uri) {
            (Some(folder), None) => Ok(folder.into()),
            (None, Some(uri)) => match uri.strip_prefix("dir://") {
                Some(folder) => Ok(folder.into()),
                None => bail!("--tpmstate knows no other backend than dir://DIR"),
            },
            _ => bail!("--tpmstate needs dir=DIR"),
        }
    }

    fn seccomp(&self) -> Result<()> {
        let Some(text) = &self.seccomp else { return Ok(()) };
        let mut list = OptionList::new("--seccomp", text);
        let action = list.required("action")?;
        list.finish()?;
        match action.as_str() {
            "none" => {}
            "kill" | "log" => warn!("there is no seccomp filter yet; --seccomp action={action} does nothing"),
            _ => bail!("--seccomp does not take action={action}"),
        }
        Ok(())
    }

    fn logging(&self) -> Result<Logging> {
        let mut logging = Logging::to_stderr(default_level());
        let Some(text) = &self.log else { return Ok(logging) };
        let mut list = OptionList::new("--log", text);
        let (file, descriptor) = (list.text("file"), list.parsed::<u32>("fd")?);
        let truncate = list.flag("truncate");
        if let Some(level) = list.parsed::<u32>("level")? {
            logging.level = match level {
                0 => LevelFilter::Off,
                1..=4 => LevelFilter::Info,
                _ => LevelFilter::Debug,
            };
        }
        logging.prefix = list.text("prefix").unwrap_or_default();
        list.finish()?;
        logging.file = match (file.as_deref(), descriptor) {
            (Some("-"), _) => {
                logging.level = LevelFilter::Off;
                None
            }
            (Some(path), _) => Some(open_log_file(path.as_ref(), truncate)?),
            (None, Some(number)) => {
                Some(fs::OpenOptions::new().append(true).open(format!("/proc/self/fd/{number}"))?)
            }
            (None, None) => None,
        };
        Ok(logging)
    }

    fn pid_file(&self) -> Result<Option<PidFile>> {
        let Some(text) = &self.pid else { return Ok(None) };
        let mut list = OptionList::new("--pid", text);
        list.not_yet("fd")?;
        let path = PathBuf::from(list.required("file")?);
        list.finish()?;
        fs::write(&path, format!("{}\n", std::process::id()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Some(PidFile(path)))
    }
}

/// What happens to the TPM before the first client comes.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    powered: bool,
    startup: Option<StartupType>,
    auto_shutdown: bool,
}

impl Start {
    fn new(flags: Option<&str>) -> Result<Self> {
        let mut list = OptionList::new("--flags", flags.unwrap_or_default());
        let (clear, state) = (list.flag("startup-clear"), list.flag("startup-state"));
        let startup = match (clear, state) {
            (true, true) => bail!("--flags takes one startup-… only"),
            (true, false) => Some(StartupType::Clear),
            (false, true) => Some(StartupType::State),
            (false, false) => None,
        };
        // A TPM 2.0 is never deactivated.
        if list.flag("startup-deactivated") {
            bail!("--flags startup-deactivated is for TPM 1.2 only");
        }
        list.flag("startup-none");
        let auto_shutdown = !list.flag("disable-auto-shutdown");
        let powered = list.flag("not-need-init") || startup.is_some();
        list.finish()?;
        Ok(Self { powered, startup, auto_shutdown })
    }
}

/// Gone with the process.
struct PidFile(PathBuf);

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Where `text` says to listen, and whether the connection ends after each answer.
fn endpoint(option: &'static str, text: &str) -> Result<(Endpoint, bool)> {
    let mut list = OptionList::new(option, text);
    for word in ["fd", "clientfd", "ifname"] {
        list.not_yet(word)?;
    }
    let kind = list.text("type").unwrap_or_else(|| "tcp".into());
    let endpoint = match kind.as_str() {
        "tcp" => {
            let address = list.parsed::<IpAddr>("bindaddr")?.unwrap_or(Ipv4Addr::LOCALHOST.into());
            let port = list.parsed::<u16>("port")?.with_context(|| format!("{option} needs port=…"))?;
            Endpoint::Tcp(SocketAddr::new(address, port))
        }
        "unixio" => Endpoint::Unix {
            path: list.required("path")?.into(),
            mode: list.read("mode", octal)?.unwrap_or(0o600),
            owner: list.parsed("uid")?,
            group: list.parsed("gid")?,
        },
        _ => bail!("{option} knows type=tcp and type=unixio"),
    };
    let disconnect = list.flag("disconnect");
    list.finish()?;
    Ok((endpoint, disconnect))
}

/// What libvirt and others ask for: only what is there.
fn capabilities() -> serde_json::Value {
    serde_json::json!({
        "type": "swtpm",
        "features": ["tpm-2.0", "tpm-send-command-header", "flags-opt-startup", "cmdarg-key-fd"],
        "version": env!("CARGO_PKG_VERSION"),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        socket: Socket,
    }

    fn parse(words: &str) -> Socket {
        Line::try_parse_from(["ftpm"].into_iter().chain(words.split_whitespace())).unwrap().socket
    }

    #[test]
    fn the_usual_command_line() {
        let socket = parse(
            "--tpm2 --server type=tcp,port=2321,bindaddr=127.0.0.1 --ctrl type=tcp,port=2322,bindaddr=127.0.0.1 \
             --tpmstate dir=D --flags not-need-init,startup-clear --locality allow-set-locality \
             --seccomp action=none",
        );
        let policy = LocalityPolicy { allow_set: true, ..LocalityPolicy::default() };
        let plans = socket.plans().unwrap();
        assert_eq!(plans[0].endpoint, Endpoint::local_port(2321));
        assert_eq!(
            plans[0].protocol,
            Protocol::Data(DataOptions { locality: policy, ..DataOptions::default() })
        );
        assert_eq!(plans[1].endpoint, Endpoint::local_port(2322));
        assert_eq!(plans[1].protocol, Protocol::Control(policy));
        assert_eq!(socket.state().unwrap(), PathBuf::from("D"));
        socket.seccomp().unwrap();
    }

    #[test]
    fn unix_sockets() {
        let socket =
            parse("--tpm2 --server type=unixio,path=/a/b,mode=0660,uid=7 --ctrl=type=unixio,path=c -t");
        let plans = socket.plans().unwrap();
        let endpoint = Endpoint::Unix { path: "/a/b".into(), mode: 0o660, owner: Some(7), group: None };
        assert_eq!(plans[0].endpoint, endpoint);
        assert!(socket.terminate);
        assert_eq!(plans[1].endpoint, Endpoint::private_socket("c"));
    }

    #[test]
    fn flags() {
        let start = |flags| Start::new(Some(flags)).ok();
        let expected = |powered, startup| Some(Start { powered, startup, auto_shutdown: true });
        assert_eq!(start("not-need-init"), expected(true, None));
        assert_eq!(start("not-need-init,startup-none"), expected(true, None));
        assert_eq!(start("startup-clear"), expected(true, Some(StartupType::Clear)));
        assert_eq!(start("not-need-init,startup-state"), expected(true, Some(StartupType::State)));
        assert_eq!(start("startup-none"), expected(false, None));
        assert_eq!(start("startup-clear,startup-state"), None);
        assert_eq!(start("odd"), None);
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for words in ["--server type=tcp", "--server type=odd,port=1", "--server type=tcp,fd=3", ""] {
            assert!(parse(words).plans().is_err(), "{words}");
        }
        assert!(parse("--locality odd -p 1").plans().is_err());
        assert!(parse("--seccomp action=odd").seccomp().is_err());
    }
}
