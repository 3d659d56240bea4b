//! The answer to be: built in one place, sent with one write.

use std::io::{self, Write};

use zeroize::Zeroizing;

/// An answer in the making. Responses hold secrets: what was sent is wiped.
pub(crate) struct Outbox {
    buffer: Zeroizing<Vec<u8>>,
}

impl Outbox {
    /// One with room for `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        Self { buffer: Zeroizing::new(Vec::with_capacity(size)) }
    }

    /// Adds `bytes` to the answer.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Sends the answer; an empty one is none.
    pub(crate) fn send(&mut self, stream: &mut impl Write) -> io::Result<()> {
        let sent = stream.write_all(&self.buffer);
        self.buffer.fill(0);
        self.buffer.clear();
        sent
    }
}
