//! The simulator's TCP protocol: a command port and a platform port.

use std::io::{self, Read, Write};
use std::net::TcpStream;

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
        client.signal(POWER_ON)?;
        client.signal(NV_ON)?;
        Ok(client)
    }

    /// Power off and on: _TPM_Init. Persistent state stays.
    pub fn power_cycle(&mut self) -> io::Result<()> {
        self.signal(POWER_OFF)?;
        self.signal(POWER_ON)?;
        self.signal(NV_ON)
    }

    fn signal(&mut self, signal: u32) -> io::Result<()> {
        self.platform.write_all(&signal.to_be_bytes())?;
        acknowledged(&mut self.platform)
    }
}

impl Transport for Mssim {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        let frame =
            [&SEND_COMMAND.to_be_bytes()[..], &[locality], &(command.len() as u32).to_be_bytes(), command]
                .concat();
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

const POWER_ON: u32 = 1;
const POWER_OFF: u32 = 2;
const SEND_COMMAND: u32 = 8;
const NV_ON: u32 = 11;
