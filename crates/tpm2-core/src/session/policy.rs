//! Policy digests (Part 1, "Policy"; Part 3, 23.2).

use tpm2_crypto::{Digest, HashAlgorithm, hash};
use tpm2_types::{Marshal, Reader, ResponseCode, Result, Tpm2bDigest, TpmCc, Unmarshal, Writer};

use super::Session;
use crate::algorithm::FromAlg;

/// What a policy says of the command's parameters, handles or template. One session can hold one of them.
#[derive(Clone, Copy)]
pub enum PolicyHash<'a> {
    /// Nothing.
    None,
    /// cpHash, from TPM2_PolicyCpHash, TPM2_PolicySigned or TPM2_PolicySecret.
    CpHash(Tpm2bDigest<'a>),
    /// nameHash, from TPM2_PolicyNameHash or TPM2_PolicyDuplicationSelect.
    NameHash(Tpm2bDigest<'a>),
    /// A template's hash, from TPM2_PolicyTemplate.
    Template(Tpm2bDigest<'a>),
    /// pHash, from TPM2_PolicyParameters.
    Parameters(Tpm2bDigest<'a>),
}

impl<'a> Unmarshal<'a> for PolicyHash<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        Ok(match reader.read::<u8>()? {
            0 => Self::None,
            1 => Self::CpHash(reader.read()?),
            2 => Self::NameHash(reader.read()?),
            3 => Self::Template(reader.read()?),
            4 => Self::Parameters(reader.read()?),
            _ => return Err(ResponseCode::FAILURE),
        })
    }
}

impl Marshal for PolicyHash<'_> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        let (selector, digest): (u8, _) = match self {
            Self::None => return writer.write(&0u8),
            Self::CpHash(digest) => (1, digest),
            Self::NameHash(digest) => (2, digest),
            Self::Template(digest) => (3, digest),
            Self::Parameters(digest) => (4, digest),
        };
        writer.write(&selector)?;
        writer.write(digest)
    }
}

/// How policy commands extend a session's policyDigest.
pub struct PolicyDigest;

impl PolicyDigest {
    /// policyDigest' = H(policyDigest || commandCode || each of `parts`).
    pub fn extend(session: &Session<'_>, code: TpmCc, parts: &[&[u8]]) -> Digest {
        Self::extend_from(session, session.policy_digest.as_slice(), code, parts)
    }

    /// H(0…0 || commandCode || each of `parts`): the policies that replace what came before.
    pub fn replace(session: &Session<'_>, code: TpmCc, parts: &[&[u8]]) -> Digest {
        let zeros = [0; 64];
        Self::extend_from(session, &zeros[..session.policy_digest.as_slice().len()], code, parts)
    }

    /// PolicyUpdate() of Part 3, 23.2.3: extends by `code` and `name`, then by `policy_ref` alone.
    pub fn update(session: &Session<'_>, code: TpmCc, name: &[u8], policy_ref: &[u8]) -> Digest {
        let first = Self::extend(session, code, &[name]);
        hash(HashAlgorithm::from_alg(session.auth_hash), &[&first, policy_ref])
    }

    fn extend_from(session: &Session<'_>, old: &[u8], code: TpmCc, parts: &[&[u8]]) -> Digest {
        let mut hasher = tpm2_crypto::Hasher::new(HashAlgorithm::from_alg(session.auth_hash));
        hasher.update(old);
        hasher.update(&code.0.to_be_bytes());
        for part in parts {
            hasher.update(part);
        }
        hasher.finish()
    }
}
