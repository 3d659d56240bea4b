//! Names and Qualified Names (Part 1, "Names").

use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{Result, Tpm2bName, TpmHandle, TpmiAlgHash, TpmtPublic};

use super::Object;
use crate::algorithm::FromAlg;
use crate::arena::Arena;

/// The Name of a public area: nameAlg and its digest; empty without a nameAlg.
pub fn name<'b>(arena: &Arena<'b>, public: &TpmtPublic<'_>) -> Result<Tpm2bName<'b>> {
    let Some(algorithm) = public.name_alg else { return Ok(Tpm2bName::EMPTY) };
    let public = arena.marshal(public)?;
    digest_name(arena, algorithm, &[public])
}

/// What stands above an object: a hierarchy, or a parent.
#[derive(Clone, Copy)]
pub enum Above<'s> {
    /// A primary object's hierarchy.
    Hierarchy(TpmHandle),
    /// The parent of an ordinary object.
    Parent(&'s Object<'s>),
}

/// The Qualified Name: nameAlg and the digest of the Qualified Name above and the Name.
pub fn qualified_name<'b>(
    arena: &Arena<'b>,
    above: Above<'_>,
    name_alg: Option<TpmiAlgHash>,
    name: &[u8],
) -> Result<Tpm2bName<'b>> {
    let Some(algorithm) = name_alg else { return Ok(Tpm2bName::EMPTY) };
    match above {
        Above::Hierarchy(handle) => digest_name(arena, algorithm, &[&handle.0.to_be_bytes(), name]),
        Above::Parent(parent) => digest_name(arena, algorithm, &[parent.qualified_name.as_slice(), name]),
    }
}

fn digest_name<'b>(arena: &Arena<'b>, algorithm: TpmiAlgHash, parts: &[&[u8]]) -> Result<Tpm2bName<'b>> {
    let digest = hash(HashAlgorithm::from_alg(algorithm), parts);
    Tpm2bName::new(arena.write(|writer| {
        writer.write(&algorithm)?;
        writer.put(&digest)
    })?)
}
