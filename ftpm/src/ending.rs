//! The end of the process: a signal, or a request from a channel.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};

/// Where the main thread waits for the end.
pub struct Ending {
    reader: UnixStream,
    writer: UnixStream,
}

/// Brings the end about. Clones reach the same [`Ending`].
#[derive(Debug)]
pub struct EndingHandle {
    writer: UnixStream,
}

impl Ending {
    /// An end that nothing brings about yet.
    ///
    /// # Errors
    /// The system has no socket left.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        Ok(Self { reader, writer })
    }

    /// SIGTERM and SIGINT bring it about.
    ///
    /// # Errors
    /// The signals cannot be caught.
    pub fn on_signals(&self) -> io::Result<()> {
        for signal in [SIGTERM, SIGINT] {
            signal_hook::low_level::pipe::register(signal, self.writer.try_clone()?)?;
        }
        Ok(())
    }

    /// What brings it about from another thread.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn handle(&self) -> io::Result<EndingHandle> {
        Ok(EndingHandle { writer: self.writer.try_clone()? })
    }

    /// Waits for the end.
    pub fn wait(mut self) {
        let mut byte = [0];
        while let Err(error) = self.reader.read(&mut byte) {
            if error.kind() != io::ErrorKind::Interrupted {
                return;
            }
        }
    }
}

impl EndingHandle {
    /// The end has come.
    pub fn end(&self) {
        // Full means that it has come before.
        let _ = (&self.writer).write(&[1]);
    }
}
