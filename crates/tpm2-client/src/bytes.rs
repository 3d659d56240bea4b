//! Canonical bytes under construction.

use tpm2_types::{Marshal, Writer};

/// The largest value that [`Append::value`] takes.
const LARGEST_VALUE: usize = 8192;

/// Something that canonical bytes can be appended to, call after call.
pub trait Append: Sized {
    /// Where the bytes go.
    fn target(&mut self) -> &mut Vec<u8>;

    /// Appends bytes as they are.
    #[must_use]
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.target().extend_from_slice(bytes);
        self
    }

    /// Appends an octet.
    #[must_use]
    fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }

    /// Appends a UINT16.
    #[must_use]
    fn u16(self, value: u16) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends a UINT32.
    #[must_use]
    fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends a UINT64.
    #[must_use]
    fn u64(self, value: u64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends a TPM2B: a UINT16 with the size, then the bytes. The size is cut to 16 bits if there are more.
    #[must_use]
    fn sized(self, bytes: impl AsRef<[u8]>) -> Self {
        self.u16(bytes.as_ref().len() as u16).raw(bytes.as_ref())
    }

    /// Appends a value of `tpm2-types`. One that cannot be marshalled (larger than any command) appends nothing, and
    /// the TPM says so.
    #[must_use]
    fn value(self, value: &(impl Marshal + ?Sized)) -> Self {
        let mut buffer = vec![0; LARGEST_VALUE];
        let mut writer = Writer::new(&mut buffer);
        match writer.write(value) {
            Ok(()) => self.raw(writer.written()),
            Err(_) => self,
        }
    }
}

/// Canonical bytes under construction, for parts that have no type of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// No bytes yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The bytes.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl Append for Bytes {
    fn target(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
