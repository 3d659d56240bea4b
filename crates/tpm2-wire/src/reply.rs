//! A short answer, built in place.

use core::ops::Deref;

/// The bytes of a short answer: fields of a fixed layout, in big-endian order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    bytes: [u8; Self::LARGEST],
    length: usize,
}

impl Reply {
    /// The most bytes that an answer of this kind has.
    pub const LARGEST: usize = 24;

    /// An answer that begins with `field`.
    pub(crate) fn new(field: u32) -> Self {
        Self { bytes: [0; Self::LARGEST], length: 0 }.u32(field)
    }

    pub(crate) fn u32(self, field: u32) -> Self {
        self.field(&field.to_be_bytes())
    }

    /// Every answer is laid out in this crate and shorter than [`Self::LARGEST`].
    pub(crate) fn field(mut self, field: &[u8]) -> Self {
        let end = self.length + field.len();
        if let Some(free) = self.bytes.get_mut(self.length..end) {
            free.copy_from_slice(field);
            self.length = end;
        }
        self
    }
}

impl Deref for Reply {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
