//! Commands and responses back to back on a byte stream, as swtpm's data channel and `/dev/tpm0` have them.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::{LARGEST_RESPONSE, Transport, invalid};

/// A byte stream to a TPM. It carries no locality: only 0 can be sent.
#[derive(Debug)]
pub struct Stream<S>(S);

impl Stream<TcpStream> {
    /// A TCP connection to `address`.
    pub fn tcp(address: impl ToSocketAddrs) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }
}

impl Stream<UnixStream> {
    /// A connection to the Unix socket at `path`.
    pub fn unix(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self(UnixStream::connect(path)?))
    }
}

impl<S: Read + Write> Stream<S> {
    /// A stream that is open already.
    pub fn new(stream: S) -> Self {
        Self(stream)
    }

    /// One command, one response; the locality is the business of whoever called.
    pub(super) fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(command)?;
        let mut response = vec![0; HEADER];
        self.0.read_exact(&mut response)?;
        let [_, _, size @ ..] = *response.first_chunk::<6>().ok_or_else(|| invalid("no header"))?;
        let size = u32::from_be_bytes(size) as usize;
        if !(HEADER..=LARGEST_RESPONSE).contains(&size) {
            return Err(invalid("responseSize out of bounds"));
        }
        response.resize(size, 0);
        self.0.read_exact(&mut response[HEADER..])?;
        Ok(response)
    }
}

impl<S: Read + Write> Transport for Stream<S> {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        if locality != 0 {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a plain stream carries no locality"));
        }
        self.exchange(command)
    }
}

/// Octets of a response header (Part 1, response structure).
const HEADER: usize = 10;
