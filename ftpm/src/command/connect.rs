//! `ftpm connect`: stdin and stdout as a connection to a running TPM.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result};
use clap::Args;

use crate::folders;
use crate::server::Stream;

/// Joins stdin and stdout to a running TPM, as tpm2-tools' `cmd:` TCTI wants it.
#[derive(Debug, Args)]
pub(super) struct Connect {
    /// The TPM's socket, or HOST:PORT [default: where `ftpm serve` listens]
    #[arg(value_name = "SOCKET")]
    address: Option<String>,
}

impl Connect {
    pub(super) fn run(self) -> Result<()> {
        let address = match self.address {
            Some(address) => address,
            None => path_text(folders::default_socket()?),
        };
        let stream = Stream::connect(&address)
            .with_context(|| format!("no TPM listens at {address}; start one with `ftpm serve`"))?;
        // The standard streams of std keep bytes back; a TPM's client waits for each of them.
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let mut sending = stream.try_clone()?;
        thread::spawn(move || {
            pump(input, &mut sending);
            sending.finish_sending();
        });
        pump(stream, output);
        Ok(())
    }
}

/// Passes on what arrives, as it arrives, until one side ends.
fn pump(mut from: impl Read, mut to: impl Write) {
    let mut buffer = zeroize::Zeroizing::new([0; 8192]);
    loop {
        match from.read(buffer.as_mut_slice()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(length @ 1..) if to.write_all(buffer.get(..length).unwrap_or_default()).is_ok() => {}
            _ => return,
        }
    }
}

fn path_text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}
