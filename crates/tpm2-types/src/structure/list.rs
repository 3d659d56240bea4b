//! Lists: TPML_* (Part 2, 10.8 and 16.4).

use core::fmt;
use core::marker::PhantomData;

use crate::limits::{HASH_COUNT, MAX_ALG_LIST_SIZE, MAX_CAP_CC, MAX_CAP_DATA, MAX_CAP_HANDLES};
use crate::{
    Marshal, MaxSize, Reader, ResponseCode, Result, Tpm2bDigest, Tpm2bPublic, Tpm2bVendorProperty, TpmAlgId,
    TpmCc, TpmEccCurve, TpmHandle, TpmaCc, TpmsAcOutput, TpmsActData, TpmsAlgProperty, TpmsPcrSelection,
    TpmsSpdmSessionInfo, TpmsTaggedPcrSelect, TpmsTaggedPolicy, TpmsTaggedProperty, TpmtHa, TypeName,
    Unmarshal, Writer,
};

/// An element of a list, which decides name and bounds of the list.
pub trait Element {
    /// The specification's name of the list, such as "TPML_DIGEST".
    const LIST_NAME: &'static str;
    /// The fewest elements in a list that the TPM receives. A list that it sends may have fewer (Part 2, 4.11).
    const MIN: usize;
    /// The most elements in a list.
    const MAX: usize;
}

/// A list as it goes over the wire: a UINT32 that counts, then the elements. More or fewer elements than
/// [`Element`] allows is TPM_RC_SIZE.
///
/// The elements were read and found legal when the list was made; they are read again on the way through.
pub struct List<'a, T> {
    count: u32,
    elements: &'a [u8],
    element: PhantomData<fn() -> T>,
}

impl<'a, T> List<'a, T> {
    /// No elements.
    pub const EMPTY: Self = Self { count: 0, elements: &[], element: PhantomData };

    /// The number of elements.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a, T: Element + Unmarshal<'a> + Marshal> List<'a, T> {
    /// Writes `items` into `buffer` and makes a list of them; TPM_RC_SIZE if there are more than a list may have,
    /// TPM_RC_FAILURE if the buffer is too small.
    pub fn build(buffer: &'a mut [u8], items: impl IntoIterator<Item = T>) -> Result<Self> {
        let mut writer = Writer::new(buffer);
        let mut count = 0;
        for item in items {
            if count as usize == T::MAX {
                return Err(ResponseCode::SIZE);
            }
            writer.write(&item)?;
            count += 1;
        }
        Ok(Self { count, elements: writer.into_written(), element: PhantomData })
    }

    /// The elements in their order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let mut reader = Reader::trusted(self.elements);
        (0..self.count).map_while(move |_| reader.read().ok())
    }
}

impl<'a, T: Element + Unmarshal<'a>> Unmarshal<'a> for List<'a, T> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        let count: u32 = reader.read()?;
        let length = usize::try_from(count).map_err(|_| ResponseCode::SIZE)?;
        if length > T::MAX || length < T::MIN && !reader.is_trusted() {
            return Err(ResponseCode::SIZE);
        }
        let before = reader.rest();
        for _ in 0..length {
            reader.read::<T>()?;
        }
        let elements = before.get(..before.len() - reader.rest().len()).ok_or(ResponseCode::FAILURE)?;
        Ok(Self { count, elements, element: PhantomData })
    }
}

impl<T> Marshal for List<'_, T> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&self.count)?;
        writer.put(self.elements)
    }
}

impl<T: Element> TypeName for List<'_, T> {
    const NAME: &'static str = T::LIST_NAME;
}

impl<T: Element + MaxSize> MaxSize for List<'_, T> {
    const MAX_SIZE: usize = u32::MAX_SIZE + T::MAX * T::MAX_SIZE;
}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.elements == other.elements
    }
}

impl<T> Eq for List<'_, T> {}

impl<'a, T: Element + Unmarshal<'a> + Marshal + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// How many elements of this size a capability list holds; at least one.
const fn that_fit(size: usize) -> usize {
    if size > MAX_CAP_DATA { 1 } else { MAX_CAP_DATA / size }
}

macro_rules! lists {
    ($(
        $(#[$meta:meta])*
        $name:ident<$lt:lifetime> = $spec:literal, $element:ty, $min:literal to $max:expr;
    )*) => {$(
        $(#[$meta])*
        pub type $name<$lt> = List<$lt, $element>;

        impl<$lt> Element for $element {
            const LIST_NAME: &'static str = $spec;
            const MIN: usize = $min;
            const MAX: usize = $max;
        }
    )*};
}

lists! {
    /// TPML_DIGEST: digests, to TPM2_PolicyOR two at least (Part 2, 10.8.5).
    TpmlDigest<'a> = "TPML_DIGEST", Tpm2bDigest<'a>, 2 to 8;
    /// TPML_DIGEST_VALUES: one digest for each of several hash algorithms (Part 2, 10.8.6).
    TpmlDigestValues<'a> = "TPML_DIGEST_VALUES", TpmtHa<'a>, 0 to HASH_COUNT;
    /// TPML_TAGGED_POLICY (Part 2, 10.8.12).
    TpmlTaggedPolicy<'a> = "TPML_TAGGED_POLICY", TpmsTaggedPolicy<'a>, 0 to that_fit(Self::MAX_SIZE);
    /// TPML_PUB_KEY (Part 2, 10.8.14).
    TpmlPubKey<'a> = "TPML_PUB_KEY", Tpm2bPublic<'a>, 0 to that_fit(Self::MAX_SIZE);
    /// TPML_SPDM_SESSION_INFO (Part 2, 10.8.15).
    TpmlSpdmSessionInfo<'a> = "TPML_SPDM_SESSION_INFO", TpmsSpdmSessionInfo<'a>, 0 to that_fit(Self::MAX_SIZE);
    /// TPML_VENDOR_PROPERTY (Part 2, 10.8.16).
    TpmlVendorProperty<'a> = "TPML_VENDOR_PROPERTY", Tpm2bVendorProperty<'a>, 0 to that_fit(Self::MAX_SIZE);
}

macro_rules! plain_lists {
    ($(
        $(#[$meta:meta])*
        $name:ident = $spec:literal, $element:ty, $max:expr;
    )*) => {$(
        $(#[$meta])*
        pub type $name<'a> = List<'a, $element>;

        impl Element for $element {
            const LIST_NAME: &'static str = $spec;
            const MIN: usize = 0;
            const MAX: usize = $max;
        }
    )*};
}

plain_lists! {
    /// TPML_CC: command codes (Part 2, 10.8.1).
    TpmlCc = "TPML_CC", TpmCc, MAX_CAP_CC;
    /// TPML_CCA: the attributes of commands (Part 2, 10.8.2).
    TpmlCca = "TPML_CCA", TpmaCc, MAX_CAP_CC;
    /// TPML_ALG: algorithms (Part 2, 10.8.3).
    TpmlAlg = "TPML_ALG", TpmAlgId, MAX_ALG_LIST_SIZE;
    /// TPML_HANDLE: handles (Part 2, 10.8.4).
    TpmlHandle = "TPML_HANDLE", TpmHandle, MAX_CAP_HANDLES;
    /// TPML_PCR_SELECTION: PCR of several banks (Part 2, 10.8.7).
    TpmlPcrSelection = "TPML_PCR_SELECTION", TpmsPcrSelection, HASH_COUNT;
    /// TPML_ALG_PROPERTY (Part 2, 10.8.8).
    TpmlAlgProperty = "TPML_ALG_PROPERTY", TpmsAlgProperty, that_fit(Self::MAX_SIZE);
    /// TPML_TAGGED_TPM_PROPERTY (Part 2, 10.8.9).
    TpmlTaggedTpmProperty = "TPML_TAGGED_TPM_PROPERTY", TpmsTaggedProperty, that_fit(Self::MAX_SIZE);
    /// TPML_TAGGED_PCR_PROPERTY (Part 2, 10.8.10).
    TpmlTaggedPcrProperty = "TPML_TAGGED_PCR_PROPERTY", TpmsTaggedPcrSelect, that_fit(Self::MAX_SIZE);
    /// TPML_ECC_CURVE: curves (Part 2, 10.8.11).
    TpmlEccCurve = "TPML_ECC_CURVE", TpmEccCurve, that_fit(Self::MAX_SIZE);
    /// TPML_ACT_DATA (Part 2, 10.8.13).
    TpmlActData = "TPML_ACT_DATA", TpmsActData, that_fit(Self::MAX_SIZE);
    /// TPML_AC_CAPABILITIES: what an attached component reports (Part 2, 16.4).
    TpmlAcCapabilities = "TPML_AC_CAPABILITIES", TpmsAcOutput, that_fit(Self::MAX_SIZE);
}
