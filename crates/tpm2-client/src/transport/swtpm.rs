//! swtpm's pair of channels over TCP: data, and control for localities and power.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use tpm2_wire::control_channel::{ControlCode, ControlResult};

use super::{Stream, Transport};

/// A TPM behind swtpm's data and control channel.
#[derive(Debug)]
pub struct Swtpm {
    data: Stream<TcpStream>,
    control: TcpStream,
    locality: u8,
}

impl Swtpm {
    /// Data on `port`, control on the next one, at 127.0.0.1.
    pub fn tcp(port: u16) -> io::Result<Self> {
        let control = TcpStream::connect(("127.0.0.1", port + 1))?;
        control.set_nodelay(true)?;
        Ok(Self { data: Stream::tcp(("127.0.0.1", port))?, control, locality: 0 })
    }

    /// _TPM_Init: power off and on. Persistent state stays.
    pub fn power_cycle(&mut self) -> io::Result<()> {
        self.control(ControlCode::Init, &[0; 4])
    }

    /// Ends the process.
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.control(ControlCode::Shutdown, &[])
    }

    fn control(&mut self, command: ControlCode, payload: &[u8]) -> io::Result<()> {
        self.control.write_all(&[&command.get().to_be_bytes(), payload].concat())?;
        let mut result = [0; 4];
        self.control.read_exact(&mut result)?;
        match u32::from_be_bytes(result) {
            code if code == ControlResult::Success.get() => Ok(()),
            code => Err(io::Error::other(format!("the control channel answered {code:#x} to {command:?}"))),
        }
    }
}

impl Transport for Swtpm {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        if locality != self.locality {
            self.control(ControlCode::SetLocality, &[locality])?;
            self.locality = locality;
        }
        self.data.exchange(command)
    }
}
