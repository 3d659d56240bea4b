//! What has arrived on a connection and waits to be understood.

use std::io::{self, ErrorKind, Read};

use zeroize::Zeroizing;

/// The bytes that have arrived, in a buffer of a fixed size. Commands hold secrets: what has been taken is wiped.
pub(crate) struct Inbox {
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// An empty one for `size` bytes: the largest message.
    pub(crate) fn new(size: usize) -> Self {
        Self { buffer: Zeroizing::new(vec![0; size]), start: 0, end: 0 }
    }

    /// What has arrived and was not taken.
    pub(crate) fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The first `length` bytes are done with.
    pub(crate) fn take(&mut self, length: usize) {
        let taken = length.min(self.end - self.start);
        if let Some(bytes) = self.buffer.get_mut(self.start..self.start + taken) {
            bytes.fill(0);
        }
        self.start += taken;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// All that has arrived is done with.
    pub(crate) fn clear(&mut self) {
        self.take(self.end - self.start);
    }

    /// Waits for more, with one read. False at the connection's end.
    ///
    /// # Errors
    /// The connection failed, or the buffer is full: the caller left a message in it that cannot end.
    pub(crate) fn fill(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            let kept = self.end - self.start;
            if let Some(old) = self.buffer.get_mut(kept..self.end) {
                old.fill(0);
            }
            (self.start, self.end) = (0, kept);
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        if free.is_empty() {
            return Err(ErrorKind::InvalidData.into());
        }
        loop {
            match stream.read(free) {
                Ok(length) => {
                    self.end += length;
                    return Ok(length > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_move_up_and_are_wiped() {
        let mut inbox = Inbox::new(4);
        assert!(inbox.fill(&mut &b"abcdef"[..]).unwrap());
        assert_eq!(inbox.pending(), b"abcd");
        assert!(inbox.fill(&mut &b"x"[..]).is_err());
        inbox.take(3);
        assert_eq!(inbox.pending(), b"d");
        assert!(inbox.fill(&mut &b"e"[..]).unwrap());
        assert_eq!((inbox.pending(), inbox.buffer.as_slice()), (&b"de"[..], &[b'd', b'e', 0, 0][..]));
        assert!(!inbox.fill(&mut &b""[..]).unwrap());
        inbox.clear();
        assert_eq!(inbox.buffer.as_slice(), [0; 4]);
    }
}
