//! The simulator's TCP protocol: a command port and a platform port.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use tpm2_wire::simulator::{SimulatorCode, command_prefix};

use super::{LARGEST_RESPONSE, Transport, invalid};

/// A TPM behind the simulator's two ports.
#[derive(Debug)]
pub struct Mssim {
    command: TcpStream,
    platform: TcpStream,
}

impl Mssim {
    /// Commands on `port`, platform signals on the next one, at 127.0.0.1. Power and NV are switched on.
    pub fn tcp(port: u16) -> io::Result<Self> {
        let connect = |port| {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            io::Result::Ok(stream)
        };
        let mut client = Self { command: connect(port)?, platform: connect(port + 1)? };
        client.signal(SimulatorCode::PowerOn)?;
        client.signal(SimulatorCode::NvOn)?;
        Ok(client)
    }

    /// Power off and on: _TPM_Init. Persistent state stays.
    pub fn power_cycle(&mut self) -> io::Result<()> {
        self.signal(SimulatorCode::PowerOff)?;
        self.signal(SimulatorCode::PowerOn)?;
        self.signal(SimulatorCode::NvOn)
    }

    fn signal(&mut self, signal: SimulatorCode) -> io::Result<()> {
        self.platform.write_all(&signal.get().to_be_bytes())?;
        acknowledged(&mut self.platform)
    }
}

impl Transport for Mssim {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        let size = u32::try_from(command.len()).map_err(|_| invalid("command too long"))?;
        let frame = [&command_prefix(locality, size)[..], command].concat();
        self.command.write_all(&frame)?;
        let size = word(&mut self.command)? as usize;
        if size > LARGEST_RESPONSE {
            return Err(invalid("response size out of bounds"));
        }
        let mut response = vec![0; size];
        self.command.read_exact(&mut response)?;
        acknowledged(&mut self.command)?;
        Ok(response)
    }
}

fn word(stream: &mut TcpStream) -> io::Result<u32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn acknowledged(stream: &mut TcpStream) -> io::Result<()> {
    if word(stream)? == 0 { Ok(()) } else { Err(invalid("not acknowledged")) }
}
