//! How bytes reach a TPM.

mod mssim;
mod stream;
mod swtpm;
mod swtpm_process;

use std::io;

pub use mssim::Mssim;
pub use stream::Stream;
pub use swtpm::Swtpm;
pub use swtpm_process::SwtpmProcess;

/// Carries one command to a TPM and its response back.
pub trait Transport {
    /// Sends `command` at `locality` and returns the whole response.
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>>;
}

/// A TPM in the same process.
impl<F: FnMut(u8, &[u8]) -> Vec<u8>> Transport for F {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self(locality, command))
    }
}

/// The largest response that is read: more is a peer that does not speak TPM.
const LARGEST_RESPONSE: usize = 65536;

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
