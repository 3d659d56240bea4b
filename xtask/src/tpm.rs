//! TPMs that run as programs of their own: start, reach, end, kill.

use crate::workspace;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whose TPM it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Maker {
    /// This project's program.
    Ftpm,
    /// Debian's swtpm, for comparison.
    Swtpm,
}

/// How tpm2-tools reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Transport {
    /// The reference simulator's TCP protocol.
    Simulator,
    /// Bare commands over TCP, with swtpm's control channel beside them.
    Tcp,
    /// A Unix socket.
    Unix,
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::Simulator, Self::Tcp, Self::Unix];
}

/// A TPM that runs. Dropping it ends it.
pub(crate) struct RunningTpm {
    child: Child,
    /// What tpm2-tools take as `TPM2TOOLS_TCTI`.
    pub(crate) tcti: String,
    log: PathBuf,
}

impl RunningTpm {
    /// Starts a TPM over the state in `folder`, and waits until it listens.
    pub(crate) fn start(maker: Maker, transport: Transport, folder: &Path) -> Result<Self> {
        let state = folder.join("state");
        fs::create_dir_all(&state)?;
        let launch = Launch::new(maker, transport, folder, &state)?;
        Self::spawn(launch, folder.join("tpm.log"))
    }

    fn spawn(mut launch: Launch, log: PathBuf) -> Result<Self> {
        let out = File::create(&log)?;
        launch.command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let line = workspace::line(&launch.command);
        let child = launch.command.spawn().with_context(|| format!("cannot start `{line}`"))?;
        let mut tpm = Self { child, tcti: launch.tcti, log };
        let until = Instant::now() + Duration::from_secs(20);
        while !launch.ready.reached(&tpm) {
            if let Some(status) = tpm.child.try_wait()? {
                bail!("`{line}` ended with {status}: {}", tpm.said());
            }
            if Instant::now() > until {
                bail!("`{line}` does not listen after 20 s: {}", tpm.said());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(tpm)
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the program wrote so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default().trim().to_string()
    }

    /// `kill -9`: no warning, no chance to tidy up.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the program to end by SIGTERM, and says whether it ended by itself within five seconds.
    pub(crate) fn end(mut self) -> Result<()> {
        terminate(&self.child)?;
        let until = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                bail!("the TPM did not end on SIGTERM within 5 s");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for RunningTpm {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn terminate(child: &Child) -> Result<()> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process without a number")?;
    Ok(kill_process(id, Signal::TERM)?)
}

/// How one TPM is started, how it is reached, and when it is ready.
pub(crate) struct Launch {
    pub(crate) command: Command,
    pub(crate) tcti: String,
    ready: Ready,
}

impl Launch {
    fn new(maker: Maker, transport: Transport, folder: &Path, state: &Path) -> Result<Self> {
        match (maker, transport) {
            (Maker::Ftpm, Transport::Tcp) => Self::swtpm_command_line(&workspace::ftpm(), state),
            (Maker::Swtpm, Transport::Tcp) => Self::swtpm_command_line(Path::new("swtpm"), state),
            (Maker::Ftpm, Transport::Simulator) => {
                let port = free_port_pair()?;
                let mut command = Command::new(workspace::ftpm());
                command.arg("serve").arg("--state").arg(state).arg("--mssim").arg(port.to_string());
                let tcti = format!("mssim:host=127.0.0.1,port={port}");
                Ok(Self { command, tcti, ready: Ready::Said })
            }
            (Maker::Swtpm, Transport::Simulator) => {
                let port = free_port_pair()?;
                let mut command =
                    Command::new(workspace::root().join("conformance/suites/shim/mssim-bridge"));
                command.arg("--port").arg(port.to_string()).arg("--dir").arg(state);
                let tcti = format!("mssim:host=127.0.0.1,port={port}");
                Ok(Self { command, tcti, ready: Ready::Ports(port) })
            }
            (Maker::Ftpm, Transport::Unix) => {
                let socket = folder.join("tpm.sock");
                let mut command = Command::new(workspace::ftpm());
                command.arg("serve").arg("--state").arg(state).arg("--socket").arg(&socket);
                let tcti = format!("cmd:{} connect {}", workspace::ftpm().display(), socket.display());
                Ok(Self { command, tcti, ready: Ready::Said })
            }
            (Maker::Swtpm, Transport::Unix) => {
                bail!("Debian's tpm2-tools do not reach swtpm over a Unix socket")
            }
        }
    }

    /// swtpm's own command line, which ftpm speaks as well.
    pub(crate) fn swtpm_command_line(program: &Path, state: &Path) -> Result<Self> {
        let port = free_port_pair()?;
        let mut command = Command::new(program);
        command
            .args(["socket", "--tpm2", "--server"])
            .arg(format!("type=tcp,port={port},bindaddr=127.0.0.1"));
        command.arg("--ctrl").arg(format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1));
        command.arg("--tpmstate").arg(format!("dir={}", state.display()));
        command.args(["--flags", "not-need-init,startup-clear", "--locality", "allow-set-locality"]);
        command.args(["--seccomp", "action=none"]);
        Ok(Self { command, tcti: format!("swtpm:host=127.0.0.1,port={port}"), ready: Ready::Ports(port) })
    }

    /// The same command under another program, such as a tracer.
    pub(crate) fn under(mut self, mut wrapper: Command) -> Self {
        wrapper.arg(self.command.get_program()).args(self.command.get_args());
        self.command = wrapper;
        self
    }

    /// Starts it; its output goes to `log`.
    pub(crate) fn start(self, log: PathBuf) -> Result<RunningTpm> {
        RunningTpm::spawn(self, log)
    }
}

enum Ready {
    /// This TCP port and the next one are listened on.
    Ports(u16),
    /// The program has said so.
    Said,
}

impl Ready {
    fn reached(&self, tpm: &RunningTpm) -> bool {
        match self {
            Self::Ports(port) => listening(*port) && listening(*port + 1),
            Self::Said => tpm.said().contains("export TPM2TOOLS_TCTI"),
        }
    }
}

/// Read from the kernel's table, so that no connection is spent on the question.
fn listening(port: u16) -> bool {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    table.lines().skip(1).any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next(), words.nth(1));
        local.is_some_and(|local| local.ends_with(&wanted)) && state == Some(LISTEN)
    })
}

/// A port that is free, and whose successor is free as well.
fn free_port_pair() -> Result<u16> {
    for _ in 0..100 {
        let first = TcpListener::bind(("127.0.0.1", 0))?;
        let port = first.local_addr()?.port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no two neighbouring TCP ports are free")
}
