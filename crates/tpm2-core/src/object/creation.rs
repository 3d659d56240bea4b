//! Making objects (Part 1, "Object Creation"): keys and seeds, from the generator or from a primary seed.

use tpm2_crypto::self_test::Algorithm;
use tpm2_crypto::{HashAlgorithm, Random, SeededStream, Steps, ecc, hash, rsa};
use tpm2_types::{
    ResponseCode, Result, Tpm2bAuth, Tpm2bCreationData, Tpm2bData, Tpm2bDigest, Tpm2bEccParameter,
    Tpm2bEccPrivateKey, Tpm2bName, Tpm2bPrivateKeyRsa, Tpm2bPublicKeyRsa, Tpm2bSecretDigest,
    Tpm2bSensitiveData, Tpm2bSymKey, TpmAlgId, TpmHandle, TpmaObject, TpmiAlgHash, TpmiRhHierarchy,
    TpmlPcrSelection, TpmsCreationData, TpmsEccPoint, TpmsSensitiveCreate, TpmtKeyedhashScheme, TpmtPublic,
    TpmtSensitive, TpmtTkCreation, TpmuPublic, TpmuSensitiveComposite,
};

use super::Object;
use super::key::DEFAULT_RSA_EXPONENT;
use super::template::{self, Creation};
use crate::algorithm::{FromAlg, curve, response_code};
use crate::arena::Arena;
use crate::authorization::trim;
use crate::context::Context;
use crate::pcr;
use crate::state::locality_attribute;
use crate::ticket;

/// Where a new key's numbers come from.
pub enum Source {
    /// The TPM's generator: no two keys are the same.
    Generator,
    /// A primary seed: the same template gives the same key for ever.
    Seed(SeededStream),
}

impl Source {
    /// The stream of a primary object.
    ///
    /// Frozen with version 1 of the derivation: SHA-512 of the template, with its Name's algorithm and `unique`, and
    /// SHA-512 of the caller's data, each in canonical form, tell apart the keys of one seed. The authorization value
    /// does not go in, so that it can be chosen anew.
    pub fn of_seed(seed: &[u8], template: &[u8], data: &[u8]) -> Self {
        let mut context = [0; 2 * 64];
        context[..64].copy_from_slice(&hash(HashAlgorithm::Sha512, &[template]));
        context[64..].copy_from_slice(&hash(HashAlgorithm::Sha512, &[data]));
        Self::Seed(SeededStream::new(seed, b"ftpm primary object 1", &context))
    }
}

/// Codes of a creation belong to one of two parameters.
pub enum Wrong {
    /// To inSensitive.
    Sensitive(ResponseCode),
    /// To inPublic.
    Public(ResponseCode),
}

impl Wrong {
    /// The code at its position.
    pub fn at(self, sensitive: tpm2_types::Position, public: tpm2_types::Position) -> ResponseCode {
        match self {
            Self::Sensitive(code) => code.at(sensitive),
            Self::Public(code) => code.at(public),
        }
    }
}

/// Checks template and sensitive data of an object that is to be created below `parent`.
pub fn check(
    public: &TpmtPublic<'_>,
    sensitive: &TpmsSensitiveCreate<'_>,
    parent: Option<&Object<'_>>,
) -> Result<(), Wrong> {
    let creation =
        template::check_creation(public, sensitive.data.as_slice().len()).map_err(Wrong::Public)?;
    template::check(public, parent).map_err(Wrong::Public)?;
    if creation == Creation::DataRefused {
        return Err(Wrong::Sensitive(ResponseCode::VALUE));
    }
    let name_alg = public.name_alg.ok_or(Wrong::Public(ResponseCode::HASH))?;
    if sensitive.user_auth.as_slice().len() > name_alg.digest_size() {
        return Err(Wrong::Sensitive(ResponseCode::SIZE));
    }
    Ok(())
}

/// Makes public and sensitive area for a checked template.
pub fn create<'b>(
    context: &mut Context<'_, 'b>,
    template: TpmtPublic<'b>,
    given: &TpmsSensitiveCreate<'b>,
    source: &mut Source,
) -> Result<(TpmtPublic<'b>, TpmtSensitive<'b>), Wrong> {
    let name_alg = template.name_alg.ok_or(Wrong::Public(ResponseCode::HASH))?;
    let data = given.data.as_slice();
    let (sensitive, unique) = match template.body {
        TpmuPublic::Rsa { parms, .. } => {
            let bits = usize::from(parms.key_bits.bits());
            rsa_key(context, source, bits, parms.exponent).map_err(Wrong::Public)?
        }
        TpmuPublic::Ecc { parms, .. } => {
            let curve = curve(parms.curve_id.into()).ok_or(Wrong::Public(ResponseCode::CURVE))?;
            ecc_key(context, source, curve).map_err(Wrong::Public)?
        }
        TpmuPublic::SymCipher { parms, .. } => {
            let size = usize::from(parms.sym.key_bits()) / 8;
            let key = symmetric_key(context, source, size, data).map_err(Wrong::Sensitive)?;
            (
                TpmuSensitiveComposite::SymCipher(Tpm2bSymKey::new(key).map_err(Wrong::Sensitive)?),
                Unique::Digest(key),
            )
        }
        TpmuPublic::KeyedHash { parms, .. } => {
            let secret =
                keyed_hash(context, source, parms.scheme, &template, data).map_err(Wrong::Sensitive)?;
            let bits = Tpm2bSensitiveData::new(secret).map_err(Wrong::Sensitive)?;
            (TpmuSensitiveComposite::KeyedHash(bits), Unique::Digest(secret))
        }
        _ => return Err(Wrong::Public(ResponseCode::TYPE)),
    };
    // Parents need a seed for their children; the Name of a secret must not tell the secret.
    let is_asymmetric = matches!(sensitive, TpmuSensitiveComposite::Rsa(_) | TpmuSensitiveComposite::Ecc(_));
    let is_parent = template.object_attributes.contains(TpmaObject::RESTRICTED | TpmaObject::DECRYPT);
    let seed_size = if is_asymmetric && !is_parent { 0 } else { name_alg.digest_size() };
    let seed = context.arena.allocate(seed_size).map_err(Wrong::Public)?;
    fill(context, source, seed).map_err(Wrong::Public)?;
    let public = with_unique(context.arena, template, unique, name_alg, seed).map_err(Wrong::Public)?;
    let sensitive = TpmtSensitive {
        auth_value: Tpm2bAuth::new(trim(given.user_auth.as_slice())).map_err(Wrong::Sensitive)?,
        seed_value: Tpm2bSecretDigest::new(seed).map_err(Wrong::Public)?,
        sensitive,
    };
    Ok((public, sensitive))
}

/// What identifies an object (TPMU_PUBLIC_ID).
enum Unique<'b> {
    Rsa(Tpm2bPublicKeyRsa<'b>),
    Ecc(TpmsEccPoint<'b>),
    /// The digest of seed and secret.
    Digest(&'b [u8]),
}

fn with_unique<'b>(
    arena: &Arena<'b>,
    template: TpmtPublic<'b>,
    unique: Unique<'b>,
    name_alg: TpmiAlgHash,
    seed: &[u8],
) -> Result<TpmtPublic<'b>> {
    let body = match (template.body, unique) {
        (TpmuPublic::Rsa { parms, .. }, Unique::Rsa(unique)) => TpmuPublic::Rsa { parms, unique },
        (TpmuPublic::Ecc { parms, .. }, Unique::Ecc(unique)) => TpmuPublic::Ecc { parms, unique },
        (body, Unique::Digest(secret)) => {
            let unique = secret_digest(arena, name_alg, seed, secret)?;
            match body {
                TpmuPublic::SymCipher { parms, .. } => TpmuPublic::SymCipher { parms, unique },
                TpmuPublic::KeyedHash { parms, .. } => TpmuPublic::KeyedHash { parms, unique },
                _ => return Err(ResponseCode::FAILURE),
            }
        }
        _ => return Err(ResponseCode::FAILURE),
    };
    Ok(TpmtPublic { body, ..template })
}

/// `unique` of a secret: H(seedValue || secret) (Part 1, "Public Area").
pub fn secret_digest<'b>(
    arena: &Arena<'b>,
    name_alg: TpmiAlgHash,
    seed: &[u8],
    secret: &[u8],
) -> Result<Tpm2bDigest<'b>> {
    Tpm2bDigest::new(arena.copy(&hash(HashAlgorithm::from_alg(name_alg), &[seed, secret]))?)
}

fn fill(context: &mut Context<'_, '_>, source: &mut Source, out: &mut [u8]) -> Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    match source {
        Source::Generator => context.random.fill(out),
        Source::Seed(stream) => stream.fill(out),
    }
    .map_err(response_code)
}

fn rsa_key<'b>(
    context: &mut Context<'_, 'b>,
    source: &mut Source,
    bits: usize,
    exponent: u32,
) -> Result<(TpmuSensitiveComposite<'b>, Unique<'b>)> {
    context.self_tests.require(context.engine, context.platform, Algorithm::Rsa)?;
    let prime = context.arena.allocate(bits / 16)?;
    let modulus = context.arena.allocate(bits / 8)?;
    let exponent = if exponent == 0 { DEFAULT_RSA_EXPONENT } else { exponent };
    let random: &mut dyn Random = match source {
        Source::Generator => context.random,
        Source::Seed(stream) => stream,
    };
    rsa::generate(context.engine, exponent, random, &mut Steps::new(context.platform), prime, modulus)
        .map_err(response_code)?;
    Ok((
        TpmuSensitiveComposite::Rsa(Tpm2bPrivateKeyRsa::new(prime)?),
        Unique::Rsa(Tpm2bPublicKeyRsa::new(modulus)?),
    ))
}

fn ecc_key<'b>(
    context: &mut Context<'_, 'b>,
    source: &mut Source,
    curve: ecc::Curve,
) -> Result<(TpmuSensitiveComposite<'b>, Unique<'b>)> {
    context.self_tests.require(context.engine, context.platform, Algorithm::Ecdh(curve))?;
    let private = context.arena.allocate(curve.size())?;
    let random: &mut dyn Random = match source {
        Source::Generator => context.random,
        Source::Seed(stream) => stream,
    };
    let point = ecc::generate(context.engine, curve, random, private, &mut Steps::new(context.platform))
        .map_err(response_code)?;
    let point = TpmsEccPoint {
        x: Tpm2bEccParameter::new(context.arena.copy(point.x())?)?,
        y: Tpm2bEccParameter::new(context.arena.copy(point.y())?)?,
    };
    Ok((TpmuSensitiveComposite::Ecc(Tpm2bEccPrivateKey::new(private)?), Unique::Ecc(point)))
}

fn symmetric_key<'b>(
    context: &mut Context<'_, 'b>,
    source: &mut Source,
    size: usize,
    given: &'b [u8],
) -> Result<&'b [u8]> {
    if !given.is_empty() {
        return if given.len() == size { Ok(given) } else { Err(ResponseCode::SIZE) };
    }
    let key = context.arena.allocate(size)?;
    fill(context, source, key)?;
    Ok(key)
}

/// The secret of a keyedHash object: what the caller gives, or a key as long as the digests of its scheme.
fn keyed_hash<'b>(
    context: &mut Context<'_, 'b>,
    source: &mut Source,
    scheme: Option<TpmtKeyedhashScheme>,
    template: &TpmtPublic<'_>,
    given: &'b [u8],
) -> Result<&'b [u8]> {
    let hash = match scheme {
        Some(TpmtKeyedhashScheme::Hmac(details)) => Some(details.hash_alg),
        Some(TpmtKeyedhashScheme::Xor(details)) => Some(details.hash_alg),
        None => template.name_alg,
    };
    let hash = HashAlgorithm::from_alg(hash.ok_or(ResponseCode::HASH)?);
    let is_key = template.object_attributes.intersects(TpmaObject::SIGN_ENCRYPT | TpmaObject::DECRYPT);
    if !given.is_empty() {
        // A longer HMAC key would be hashed before use: two keys for one.
        return if is_key && given.len() > hash.block_size() { Err(ResponseCode::SIZE) } else { Ok(given) };
    }
    let key = context.arena.allocate(hash.digest_size())?;
    fill(context, source, key)?;
    Ok(key)
}

/// What surrounds a new object: its hierarchy and, below a hierarchy, its parent.
pub struct Surroundings<'s> {
    /// The hierarchy.
    pub hierarchy: TpmHandle,
    /// The parent; none for a primary object.
    pub parent: Option<&'s Object<'s>>,
}

/// Creation data of a new object, its digest, and the ticket that ties them to the object (Part 1, "Creation Data").
pub fn creation_data<'b>(
    context: &Context<'_, 'b>,
    surroundings: &Surroundings<'_>,
    name_alg: TpmiAlgHash,
    name: &[u8],
    outside_info: Tpm2bData<'b>,
    pcrs: &TpmlPcrSelection<'b>,
) -> Result<(Tpm2bCreationData<'b>, Tpm2bDigest<'b>, TpmtTkCreation<'b>)> {
    let arena = context.arena;
    let pcr_digest = if pcrs.is_empty() {
        &[]
    } else {
        arena.copy(&pcr::digest(context.state, context.profile, pcrs, name_alg))?
    };
    let handle = arena.marshal(&surroundings.hierarchy)?;
    let (parent_name_alg, parent_name, parent_qualified_name) = match surroundings.parent {
        Some(parent) => (
            parent.public.name_alg.into(),
            arena.copy(parent.name.as_slice())?,
            arena.copy(parent.qualified_name.as_slice())?,
        ),
        None => (TpmAlgId::NULL, handle, handle),
    };
    let data = TpmsCreationData {
        pcr_select: pcr::implemented(context, pcrs)?,
        pcr_digest: Tpm2bDigest::new(pcr_digest)?,
        locality: locality_attribute(context.locality),
        parent_name_alg,
        parent_name: Tpm2bName::new(parent_name)?,
        parent_qualified_name: Tpm2bName::new(parent_qualified_name)?,
        outside_info,
    };
    let creation_hash = hash(HashAlgorithm::from_alg(name_alg), &[arena.marshal(&data)?]);
    let creation_hash = arena.copy(&creation_hash)?;
    let hierarchy = TpmiRhHierarchy::new(surroundings.hierarchy).ok_or(ResponseCode::FAILURE)?;
    let ticket = ticket::creation(context.state, arena, hierarchy, name, creation_hash)?;
    Ok((Tpm2bCreationData(data), Tpm2bDigest::new(creation_hash)?, ticket))
}
