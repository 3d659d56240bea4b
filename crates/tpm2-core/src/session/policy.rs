//! Policy digests (Part 1, "Policy"; Part 3, 23.2).

use tpm2_crypto::{Digest, HashAlgorithm, hash};
use tpm2_types::{
    Marshal, Position, Reader, ResponseCode, Result, Tpm2bDigest, TpmCc, TpmSe, Unmarshal, Writer,
};

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

/// What a policy command that takes an authorization limits a policy to (Part 3, 23.2.2 and 23.2.4).
#[derive(Clone, Copy)]
pub struct PolicyLimits<'a> {
    /// When the authorization ends, in milliseconds of Time; 0 for never.
    pub timeout: u64,
    cp_hash: Tpm2bDigest<'a>,
}

/// Which parameter of such a command is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongLimit {
    /// nonceTPM is not the session's.
    Nonce,
    /// expiration is past.
    Expiration,
    /// cpHashA has not the size of the session's digests.
    CpHashSize,
    /// cpHashA is not what the session is limited to already.
    CpHash,
}

impl WrongLimit {
    /// The response code with its position.
    pub fn at(self, nonce: Position, expiration: Position, cp_hash: Position) -> ResponseCode {
        match self {
            Self::Nonce => ResponseCode::VALUE.at(nonce),
            Self::Expiration => ResponseCode::EXPIRED.at(expiration),
            Self::CpHashSize => ResponseCode::SIZE.at(cp_hash),
            Self::CpHash => ResponseCode::CPHASH,
        }
    }
}

impl<'a> PolicyLimits<'a> {
    /// Checks nonceTPM, expiration (in seconds, of either sign, from the start of the session) and cpHashA. A trial
    /// session accepts everything.
    pub fn check(
        session: &Session<'_>,
        time: u64,
        nonce_tpm: &[u8],
        cp_hash: Tpm2bDigest<'a>,
        expiration: i32,
    ) -> core::result::Result<Self, WrongLimit> {
        let trial = session.kind == TpmSe::TRIAL;
        if !trial && !nonce_tpm.is_empty() && nonce_tpm != session.nonce_tpm.as_slice() {
            return Err(WrongLimit::Nonce);
        }
        // Without a nonce the time starts now; with one, when the nonce was given, which is no later than the start.
        let from = if nonce_tpm.is_empty() { time } else { session.start_time };
        let timeout = match expiration {
            0 => 0,
            seconds => from.saturating_add(u64::from(seconds.unsigned_abs()) * 1000),
        };
        if !trial && timeout != 0 && timeout < time {
            return Err(WrongLimit::Expiration);
        }
        if !trial && !cp_hash.is_empty() {
            if cp_hash.as_slice().len() != session.policy_digest.as_slice().len() {
                return Err(WrongLimit::CpHashSize);
            }
            match session.hash {
                PolicyHash::None => {}
                PolicyHash::CpHash(set) if set.as_slice() == cp_hash.as_slice() => {}
                _ => return Err(WrongLimit::CpHash),
            }
        }
        Ok(Self { timeout, cp_hash })
    }

    /// The session with these limits besides those that it has.
    pub fn apply<'r>(&self, session: Session<'r>) -> Session<'r>
    where
        'a: 'r,
    {
        let timeout = match (session.timeout, self.timeout) {
            (0, other) | (other, 0) => other,
            (one, other) => one.min(other),
        };
        let hash = if self.cp_hash.is_empty() { session.hash } else { PolicyHash::CpHash(self.cp_hash) };
        Session { timeout, hash, ..session }
    }
}
