//! Canonical form: big-endian, packed (Part 1, "Structure Marshaling"; Part 2, 4.2).

use core::fmt;

use crate::{ResponseCode, Result, Supported};

/// Reads canonical bytes front to back and knows which algorithms the TPM offers.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    supported: &'a Supported,
    trusted: bool,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; an algorithm outside `supported` gets the response code of an unknown one.
    pub const fn new(bytes: &'a [u8], supported: &'a Supported) -> Self {
        Self { rest: bytes, supported, trusted: false }
    }

    /// Reads `bytes` that a TPM wrote itself: every algorithm of Part 2 is accepted, and the limits that Part
    /// 2 sets for input only do not apply (Part 2, 4.11).
    pub const fn trusted(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, supported: &Supported::EVERYTHING, trusted: true }
    }

    /// The next `count` bytes, or [`ResponseCode::INSUFFICIENT`].
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ResponseCode::INSUFFICIENT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes as an array, or [`ResponseCode::INSUFFICIENT`].
    pub fn take_array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ResponseCode::INSUFFICIENT)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The next value.
    pub fn read<T: Unmarshal<'a>>(&mut self) -> Result<T> {
        T::unmarshal(self)
    }

    /// A reader of the next `count` bytes only; they are consumed here.
    pub fn sub_reader(&mut self, count: usize) -> Result<Reader<'a>> {
        Ok(Reader { rest: self.take(count)?, supported: self.supported, trusted: self.trusted })
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The algorithms that the TPM offers.
    pub const fn supported(&self) -> &'a Supported {
        self.supported
    }

    /// Whether a TPM wrote the bytes itself: see [`Reader::trusted`].
    pub const fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Nothing may be left: otherwise [`ResponseCode::SIZE`].
    pub fn finish(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(ResponseCode::SIZE) }
    }
}

// The bytes may be secret, so neither the reader's nor the writer's are printed.
impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} bytes left)", self.rest.len())
    }
}

/// Writes canonical bytes into a buffer of the caller's.
pub struct Writer<'w> {
    buffer: &'w mut [u8],
    length: usize,
}

impl<'w> Writer<'w> {
    /// Writes from the front of `buffer`.
    pub fn new(buffer: &'w mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Appends `bytes`; [`ResponseCode::FAILURE`] if the buffer is full, for buffers are dimensioned
    /// beforehand.
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.length.checked_add(bytes.len()).ok_or(ResponseCode::FAILURE)?;
        self.buffer.get_mut(self.length..end).ok_or(ResponseCode::FAILURE)?.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    /// Appends a value.
    pub fn write<T: Marshal + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.marshal(self)
    }

    /// Appends what `body` writes, preceded by its length in a UINT16: a TPM2B.
    pub fn sized(&mut self, body: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let at = self.length;
        self.put(&[0; 2])?;
        body(self)?;
        let size = u16::try_from(self.length - at - 2).map_err(|_| ResponseCode::FAILURE)?;
        Writer { buffer: &mut *self.buffer, length: at }.write(&size)
    }

    /// Bytes written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Number of bytes written so far.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The whole buffer, what was written at its front.
    pub fn into_buffer(self) -> &'w mut [u8] {
        self.buffer
    }

    /// The bytes written, with the buffer's own lifetime.
    pub fn into_written(self) -> &'w mut [u8] {
        &mut self.buffer[..self.length]
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer({} of {} bytes)", self.length, self.buffer.len())
    }
}

/// A value that can be read from canonical bytes.
pub trait Unmarshal<'a>: Sized {
    /// Reads one value; the response code has no position yet.
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self>;
}

/// A value that can be written as canonical bytes.
pub trait Marshal {
    /// Appends this value.
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()>;
}

/// A type that Part 2 names.
pub trait TypeName {
    /// The specification's name, such as "TPM2B_DIGEST"; with "+" behind it where null is allowed.
    const NAME: &'static str;
}

/// A type whose marshalled size is bounded.
pub trait MaxSize {
    /// The largest marshalled size in bytes.
    const MAX_SIZE: usize;
}

/// A type that Part 2 lets be null where it stands with "+" (Part 2, 4.7): there it is an [`Option`].
///
/// The null value is one selector, TPM_ALG_NULL or TPM_RH_NULL, and nothing behind it.
pub trait Nullable {
    /// What the null value is written as.
    type Null: for<'a> Unmarshal<'a> + Marshal + MaxSize + PartialEq;
    /// The null value.
    const NULL: Self::Null;
    /// The specification's name with "+" behind it.
    const NULLABLE_NAME: &'static str;
}

impl<'a, T: Nullable + Unmarshal<'a>> Unmarshal<'a> for Option<T> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        let mut ahead = reader.clone();
        if ahead.read::<T::Null>().is_ok_and(|selector| selector == T::NULL) {
            *reader = ahead;
            return Ok(None);
        }
        reader.read().map(Some)
    }
}

impl<T: Nullable + Marshal> Marshal for Option<T> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        match self {
            Some(value) => value.marshal(writer),
            None => T::NULL.marshal(writer),
        }
    }
}

impl<T: Nullable> TypeName for Option<T> {
    const NAME: &'static str = T::NULLABLE_NAME;
}

impl<T: Nullable + MaxSize> MaxSize for Option<T> {
    const MAX_SIZE: usize = max_size(&[T::MAX_SIZE, T::Null::MAX_SIZE]);
}

/// The largest of `sizes`: that of a union of members with these sizes.
pub(crate) const fn max_size(mut sizes: &[usize]) -> usize {
    let mut largest = 0;
    while let [first, rest @ ..] = sizes {
        if *first > largest {
            largest = *first;
        }
        sizes = rest;
    }
    largest
}

macro_rules! integers {
    ($($type:ty = $name:literal),*) => {$(
        impl TypeName for $type {
            const NAME: &'static str = $name;
        }
        impl MaxSize for $type {
            const MAX_SIZE: usize = size_of::<$type>();
        }
        impl<'a> Unmarshal<'a> for $type {
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
                Ok(<$type>::from_be_bytes(reader.take_array()?))
            }
        }
        impl Marshal for $type {
            fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
                writer.put(&self.to_be_bytes())
            }
        }
    )*};
}
integers!(
    u8 = "UINT8",
    u16 = "UINT16",
    u32 = "UINT32",
    u64 = "UINT64",
    i8 = "INT8",
    i16 = "INT16",
    i32 = "INT32",
    i64 = "INT64"
);
