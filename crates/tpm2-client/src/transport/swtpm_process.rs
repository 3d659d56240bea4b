//! A swtpm of one's own, as a peer to compare with.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use super::{Swtpm, Transport};

/// A running swtpm with state of its own; both go when this is dropped. It has seen TPM2_Startup(CLEAR).
#[derive(Debug)]
pub struct SwtpmProcess {
    process: Child,
    channels: Swtpm,
    state: PathBuf,
}

impl SwtpmProcess {
    /// Starts `program` (swtpm, or something with its command line) on free ports, with its state in a new folder
    /// under the system's temporary one.
    pub fn start(program: impl AsRef<Path>) -> io::Result<Self> {
        let (port, state) = loop {
            let port = PORTS.fetch_add(2, Ordering::Relaxed);
            let free = [port, port + 1].map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok());
            if free == [true, true] {
                break (
                    port,
                    std::env::temp_dir().join(format!("tpm2-client-{}-{port}", std::process::id())),
                );
            }
        };
        std::fs::create_dir_all(&state)?;
        let channel = |port| format!("type=tcp,port={port},bindaddr=127.0.0.1");
        let mut process = Command::new(program.as_ref())
            .args([
                "socket",
                "--tpm2",
                "--server",
                &channel(port),
                "--ctrl",
                &channel(port + 1),
                "--tpmstate",
            ])
            .arg(format!("dir={}", state.display()))
            .args(["--flags", "not-need-init,startup-clear", "--locality", "allow-set-locality"])
            .args(["--seccomp", "action=none"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        match connect(port) {
            Ok(channels) => Ok(Self { process, channels, state }),
            Err(error) => {
                let _ = process.kill();
                Err(error)
            }
        }
    }

    /// _TPM_Init: power off and on. Persistent state stays.
    pub fn power_cycle(&mut self) -> io::Result<()> {
        self.channels.power_cycle()
    }
}

impl Transport for SwtpmProcess {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        self.channels.transceive(locality, command)
    }
}

impl Drop for SwtpmProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

fn connect(port: u16) -> io::Result<Swtpm> {
    let mut error = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..200 {
        match Swtpm::tcp(port) {
            Ok(channels) => return Ok(channels),
            Err(refused) => error = refused,
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(error)
}

static PORTS: AtomicU16 = AtomicU16::new(22400);
