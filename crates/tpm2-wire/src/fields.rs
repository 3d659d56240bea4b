//! Reads big-endian fields off the front of what has arrived.

use crate::{Decoded, WireError};

/// Why reading stopped.
pub(crate) enum Stop {
    /// The bytes end before the field does.
    Incomplete,
    /// The message is bad.
    Error(WireError),
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Self {
        Self::Error(error)
    }
}

/// The fields at the front of `bytes`.
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn u8(&mut self) -> Result<u8, Stop> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Stop> {
        self.array().map(u64::from_be_bytes)
    }

    /// `length` bytes, which may be `largest` at most.
    pub(crate) fn bytes(&mut self, length: u32, largest: usize) -> Result<&'a [u8], Stop> {
        let wanted = length as usize;
        if wanted > largest {
            return Err(WireError::TooLarge { announced: length, largest: largest as u32 }.into());
        }
        let taken = self.rest().get(..wanted).ok_or(Stop::Incomplete)?;
        self.position += wanted;
        Ok(taken)
    }

    /// As many bytes as there are, `most` at most.
    pub(crate) fn up_to(&mut self, most: u32) -> &'a [u8] {
        let rest = self.rest();
        let taken = rest.get(..most as usize).unwrap_or(rest);
        self.position += taken.len();
        taken
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let field = self.rest().first_chunk::<N>().ok_or(Stop::Incomplete)?;
        self.position += N;
        Ok(*field)
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }
}

/// Runs `read` over `bytes` and counts what it took.
pub(crate) fn decode<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Fields<'a>) -> Result<T, Stop>,
) -> Result<Decoded<T>, WireError> {
    let mut fields = Fields { bytes, position: 0 };
    match read(&mut fields) {
        Ok(message) => Ok(Decoded::Message { message, length: fields.position }),
        Err(Stop::Incomplete) => Ok(Decoded::Incomplete),
        Err(Stop::Error(error)) => Err(error),
    }
}
