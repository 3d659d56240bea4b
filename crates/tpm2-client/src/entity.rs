//! What a handle stands for, as far as the caller has to know it.

use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{TpmAlgId, TpmHandle};
use zeroize::Zeroizing;

use crate::session::hash_algorithm;

/// A handle with the Name that goes into cpHash and the authValue that proves the right to use it.
#[derive(Clone)]
pub struct Entity {
    handle: TpmHandle,
    name: Vec<u8>,
    auth: Zeroizing<Vec<u8>>,
}

impl Entity {
    /// A permanent entity, PCR or session: its handle is its Name (Part 1, 14). The authValue is empty.
    pub fn permanent(handle: TpmHandle) -> Self {
        Self::named(handle, handle.0.to_be_bytes().to_vec())
    }

    /// An object or NV index with its Name. The authValue is empty.
    pub fn named(handle: TpmHandle, name: impl Into<Vec<u8>>) -> Self {
        Self { handle, name: name.into(), auth: Zeroizing::default() }
    }

    /// The same entity with this authValue.
    #[must_use]
    pub fn with_auth(mut self, auth: &[u8]) -> Self {
        self.auth = Zeroizing::new(auth.to_vec());
        self
    }

    /// The handle.
    pub fn handle(&self) -> TpmHandle {
        self.handle
    }

    /// The Name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The authValue as it is sent in a password authorization.
    pub fn password(&self) -> &[u8] {
        &self.auth
    }

    /// The authValue as it enters an HMAC: without trailing zeros (Part 1, 16.6.5).
    pub fn auth_value(&self) -> &[u8] {
        let length = self.auth.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
        &self.auth[..length]
    }
}

impl From<TpmHandle> for Entity {
    fn from(handle: TpmHandle) -> Self {
        Self::permanent(handle)
    }
}

impl From<&Entity> for Entity {
    fn from(entity: &Entity) -> Self {
        entity.clone()
    }
}

/// The Name of an object or NV index: nameAlg and the digest of its marshalled public area (Part 1, 14). Empty for
/// TPM_ALG_NULL. `name_alg_at` is where nameAlg stands: 2 in a TPMT_PUBLIC, 4 in a TPMS_NV_PUBLIC.
pub fn name_of_public(public: &[u8], name_alg_at: usize) -> Vec<u8> {
    let Some(&[high, low]) = public.get(name_alg_at..name_alg_at + 2) else { return Vec::new() };
    let name_alg = TpmAlgId(u16::from_be_bytes([high, low]));
    hash_algorithm(name_alg).map_or_else(Vec::new, |algorithm: HashAlgorithm| {
        [&[high, low], &hash(algorithm, &[public])[..]].concat()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_zeros_are_no_part_of_an_auth_value() {
        let entity = Entity::permanent(TpmHandle(1)).with_auth(b"a\0b\0\0");
        assert_eq!(entity.auth_value(), b"a\0b");
        assert_eq!(entity.password(), b"a\0b\0\0");
        assert_eq!(entity.with_auth(&[0; 4]).auth_value(), b"");
    }

    #[test]
    fn names_begin_with_the_algorithm() {
        let sealed = crate::template::sealed();
        let name = name_of_public(&sealed.to_bytes(), 2);
        assert_eq!((&name[..2], name.len()), (&[0x00, 0x0B][..], 34));
        assert_eq!(name_of_public(&sealed.name_alg(TpmAlgId::NULL).to_bytes(), 2), b"");
        assert_eq!(name_of_public(&[0], 2), b"");
    }
}
