//! Ways to carry a command to a TPM and its response back.

use crate::Result;
use crate::wire::{R, W};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Where a TPM listens.
#[derive(Clone, Debug, PartialEq)]
pub enum Addr {
    /// swtpm's data channel on a Unix socket.
    Unix(String),
    /// swtpm's data channel on TCP.
    Tcp(String),
    /// The reference simulator's protocol: commands on the port, power and NV on the next one.
    Mssim(String, u16),
    /// A character device.
    Dev(String),
}

impl Addr {
    pub fn parse(s: &str) -> Result<Addr> {
        let (kind, rest) = s.split_once(':').ok_or(format!("no kind in address {s}"))?;
        match kind {
            "unix" => Ok(Addr::Unix(rest.into())),
            "tcp" => Ok(Addr::Tcp(rest.into())),
            "dev" => Ok(Addr::Dev(rest.into())),
            "mssim" => {
                let (host, port) = rest.rsplit_once(':').ok_or("mssim wants host:port")?;
                Ok(Addr::Mssim(host.into(), port.parse().map_err(|_| "bad port")?))
            }
            _ => Err(format!("unknown address kind {kind}")),
        }
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

enum Kind {
    /// Length-in-header framing over a byte stream.
    Raw(Box<dyn Stream>),
    Mssim {
        command: TcpStream,
        platform: TcpStream,
    },
    /// One write, one read.
    Dev(File),
}

pub struct Transport {
    kind: Kind,
    out: Vec<u8>,
    buf: Vec<u8>,
}

const MSSIM_POWER_ON: u32 = 1;
const MSSIM_SEND_COMMAND: u32 = 8;
const MSSIM_NV_ON: u32 = 11;
const MSSIM_SESSION_END: u32 = 20;
const CMD_INIT: u32 = 2;
const TIMEOUT: Duration = Duration::from_secs(600);

fn io<T>(r: std::io::Result<T>) -> Result<T> {
    r.map_err(|e| e.to_string())
}

fn tcp(addr: &str) -> Result<TcpStream> {
    let s = io(TcpStream::connect(addr))?;
    io(s.set_nodelay(true))?;
    io(s.set_read_timeout(Some(TIMEOUT)))?;
    Ok(s)
}

fn open_stream(addr: &Addr) -> Result<Box<dyn Stream>> {
    match addr {
        Addr::Unix(path) => {
            let s = io(UnixStream::connect(path))?;
            io(s.set_read_timeout(Some(TIMEOUT)))?;
            Ok(Box::new(s))
        }
        Addr::Tcp(a) => Ok(Box::new(tcp(a)?)),
        other => Err(format!("{other:?} is not a byte stream")),
    }
}

/// swtpm's control-channel CMD_INIT: powers the TPM up.
pub fn swtpm_init(ctrl: &Addr) -> Result<()> {
    let mut s = open_stream(ctrl)?;
    io(s.write_all(&W::new().u32(CMD_INIT).u32(0).0))?;
    let mut rc = [0u8; 4];
    io(s.read_exact(&mut rc))?;
    match u32::from_be_bytes(rc) {
        0 => Ok(()),
        rc => Err(format!("CMD_INIT returned 0x{rc:x}")),
    }
}

fn mssim_platform(s: &mut TcpStream, code: u32) -> Result<()> {
    io(s.write_all(&code.to_be_bytes()))?;
    let mut ack = [0u8; 4];
    io(s.read_exact(&mut ack))
}

impl Transport {
    /// Connects; for mssim it also turns power and NV on.
    pub fn connect(addr: &Addr) -> Result<Transport> {
        let kind = match addr {
            Addr::Unix(_) | Addr::Tcp(_) => Kind::Raw(open_stream(addr)?),
            Addr::Mssim(host, port) => {
                let command = tcp(&format!("{host}:{port}"))?;
                let mut platform = tcp(&format!("{host}:{}", port + 1))?;
                mssim_platform(&mut platform, MSSIM_POWER_ON)?;
                mssim_platform(&mut platform, MSSIM_NV_ON)?;
                Kind::Mssim { command, platform }
            }
            Addr::Dev(path) => Kind::Dev(io(OpenOptions::new().read(true).write(true).open(path))?),
        };
        Ok(Transport { kind, out: vec![], buf: vec![0; 8192] })
    }

    /// Sends a command and waits for the whole response.
    pub fn exec(&mut self, cmd: &[u8]) -> Result<&[u8]> {
        let buf = &mut self.buf;
        let n = match &mut self.kind {
            Kind::Raw(s) => {
                io(s.write_all(cmd))?;
                read_framed(s, buf)?
            }
            Kind::Dev(f) => {
                io(f.write_all(cmd))?;
                io(f.read(buf))?
            }
            Kind::Mssim { command, .. } => {
                self.out.clear();
                self.out.extend_from_slice(&MSSIM_SEND_COMMAND.to_be_bytes());
                self.out.push(0);
                self.out.extend_from_slice(&(cmd.len() as u32).to_be_bytes());
                self.out.extend_from_slice(cmd);
                io(command.write_all(&self.out))?;
                let mut size = [0u8; 4];
                io(command.read_exact(&mut size))?;
                let n = u32::from_be_bytes(size) as usize;
                if n > buf.len() {
                    return Err(format!("response of {n} bytes"));
                }
                io(command.read_exact(&mut buf[..n]))?;
                io(command.read_exact(&mut size))?;
                n
            }
        };
        Ok(&self.buf[..n])
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let Kind::Mssim { command, platform } = &mut self.kind {
            let _ = command.write_all(&MSSIM_SESSION_END.to_be_bytes());
            let _ = platform.write_all(&MSSIM_SESSION_END.to_be_bytes());
        }
    }
}

fn read_framed(s: &mut dyn Stream, buf: &mut [u8]) -> Result<usize> {
    let mut have = 0;
    loop {
        let n = io(s.read(&mut buf[have..]))?;
        if n == 0 {
            return Err("the server closed the connection".into());
        }
        have += n;
        if have >= 10 {
            let want = R(&buf[2..6]).u32()? as usize;
            if want > buf.len() || have > want {
                return Err(format!("response frame of {want} bytes, {have} read"));
            }
            if have == want {
                return Ok(have);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(Addr::parse("unix:/a/b"), Ok(Addr::Unix("/a/b".into())));
        assert_eq!(Addr::parse("mssim:h:12"), Ok(Addr::Mssim("h".into(), 12)));
        assert!(Addr::parse("x:y").is_err());
        assert!(Addr::parse("mssim:h").is_err());
    }
}
