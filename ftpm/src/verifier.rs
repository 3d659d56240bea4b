//! Checks a posture that a TPM attests, outside that TPM: down to a key that lives beside its endorsement key.
//!
//! The arithmetic is done by a TPM of the verifier's own, in memory and without secrets that last: it encrypts the
//! challenge (TPM2_MakeCredential) and checks the signature (TPM2_VerifySignature).

use platform_memory::MemoryPlatform;
use posture::Evidence;
use subtle::ConstantTimeEq;
use tpm2_client::{Client, Entity, Error, Fields, Response, commands, name_of_public};
use tpm2_core::{FailureReason, Memory, Tpm, posture_index};
use tpm2_crypto::{HashAlgorithm, engine::AWS_LC, hash};
use tpm2_types::{
    ResponseCode, TpmRh, TpmSu, TpmaObject, TpmiAlgHash, TpmsAttest, TpmtPublic, TpmtSignature, TpmuAttest,
    Writer,
};
use zeroize::Zeroizing;

/// Bytes of the secret and of the nonce, as far as the endorsement key's hash allows.
const RANDOM_SIZE: usize = 32;

/// What tpm2-tools write ahead of a credential: their magic number and the format's version.
const CREDENTIAL_HEADER: [u8; 8] = [0xBA, 0xDC, 0xC0, 0xDE, 0, 0, 0, 1];

/// Why a challenge cannot be made, or evidence is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A file is no public area.
    #[error("{0} is no TPM2B_PUBLIC or TPMT_PUBLIC that this version knows (tpm2-tools' format tss)")]
    NotPublic(&'static str),
    /// The key is no endorsement key.
    #[error("the endorsement key is not a restricted decryption key that is fixed to its TPM")]
    NotEndorsementKey,
    /// The key signs whatever it is given, or can leave its TPM.
    #[error(
        "the attestation key is not a restricted signing key that is fixed to its TPM: it could have signed anything"
    )]
    NotAttestationKey,
    /// The challenge was made for another key.
    #[error("this attestation key is not the one that the challenge was made for")]
    OtherKey,
    /// The answer is wrong.
    #[error(
        "the answer is not the challenge's secret: the attestation key is not in the TPM of the endorsement key"
    )]
    WrongAnswer,
    /// The signature file holds none.
    #[error("the signature file holds no TPMT_SIGNATURE (tpm2-tools' format tss)")]
    NotSignature,
    /// Collisions of SHA-1 can be computed.
    #[error("the key's name or its signature is made with a hash that is too weak; use SHA-256 or longer")]
    WeakHash,
    /// The signature does not fit.
    #[error("the signature over the attestation is not the attestation key's")]
    WrongSignature,
    /// Signed, but no attestation.
    #[error("what was signed is no attestation of a TPM")]
    NotAttestation,
    /// An attestation of something else.
    #[error("the attestation is not about an NV index; make it with tpm2_nvcertify")]
    NotNv,
    /// Made for another challenge.
    #[error("the attestation answers another challenge: its qualification is not this challenge's nonce")]
    WrongNonce,
    /// Another index.
    #[error("the attestation is about another NV index than the TPM's own with its posture")]
    OtherIndex,
    /// Only a digest, and not the content.
    #[error(
        "the attestation has the digest of the posture only; add the content with --data FILE (tpm2_nvread)"
    )]
    DigestOnly,
    /// The content beside the attestation is another one.
    #[error("the content in the data file is not what the attestation is about")]
    OtherContent,
    /// No posture.
    #[error("the content of the NV index is no posture of a version that is known here")]
    NotPosture,
    /// The verifier's own TPM failed.
    #[error("the verifier's own TPM failed")]
    Engine(#[from] Error),
    /// There is no verifier's own TPM.
    #[error("the verifier's own TPM does not start")]
    Start(#[from] FailureReason),
    /// No entropy.
    #[error("the operating system gives no random numbers")]
    Random,
}

/// A key's public area.
#[derive(Clone, Debug)]
pub struct PublicKey {
    bytes: Vec<u8>,
    name: Vec<u8>,
    attributes: TpmaObject,
    name_alg: TpmiAlgHash,
}

impl PublicKey {
    /// Reads a TPM2B_PUBLIC, or a TPMT_PUBLIC, from a file named `role`.
    ///
    /// # Errors
    /// [`Refusal::NotPublic`].
    pub fn parse(role: &'static str, file: &[u8]) -> Result<Self, Refusal> {
        let sized = file
            .split_first_chunk()
            .filter(|(size, rest)| usize::from(u16::from_be_bytes(**size)) == rest.len());
        let bytes = sized.map_or(file, |(_, rest)| rest);
        let mut fields = Fields::new(bytes);
        let public: TpmtPublic<'_> = fields.value().map_err(|_| Refusal::NotPublic(role))?;
        let name = name_of_public(bytes, 2);
        match public.name_alg {
            Some(name_alg) if fields.rest().is_empty() && !name.is_empty() => {
                Ok(Self { bytes: bytes.to_vec(), name, attributes: public.object_attributes, name_alg })
            }
            _ => Err(Refusal::NotPublic(role)),
        }
    }

    /// Its Name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    fn check_endorsement(&self) -> Result<(), Refusal> {
        let wanted = TpmaObject::RESTRICTED | TpmaObject::DECRYPT | TpmaObject::FIXED_TPM;
        let is_one = self.attributes.contains(wanted) && !self.attributes.contains(TpmaObject::SIGN_ENCRYPT);
        is_one.then_some(()).ok_or(Refusal::NotEndorsementKey)
    }

    /// Such a key signs only what its TPM made itself, and is in no other TPM.
    fn check_attestation(&self) -> Result<(), Refusal> {
        let wanted = TpmaObject::RESTRICTED | TpmaObject::SIGN_ENCRYPT | TpmaObject::FIXED_TPM;
        let is_one = self.attributes.contains(wanted) && !self.attributes.contains(TpmaObject::DECRYPT);
        is_one.then_some(()).ok_or(Refusal::NotAttestationKey)?;
        hash_algorithm(self.name_alg).map(|_| ()).ok_or(Refusal::WeakHash)
    }
}

/// What the verifier gives out, and what it keeps to itself.
pub struct Challenge {
    /// For tpm2_activatecredential: the secret, for the TPM of the endorsement key alone.
    pub credential: Vec<u8>,
    /// What the verifier keeps.
    pub expected: Expected,
}

/// What an answer is checked against.
pub struct Expected {
    /// What tpm2_activatecredential has to bring out.
    pub secret: Zeroizing<Vec<u8>>,
    /// What the attestation has to be qualified with.
    pub nonce: Vec<u8>,
    /// The Name of the attestation key.
    pub attestation_key: Vec<u8>,
    /// The Name of the endorsement key.
    pub endorsement_key: Vec<u8>,
}

/// What a TPM's side sent back.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// What tpm2_activatecredential wrote.
    pub answer: &'a [u8],
    /// What tpm2_nvcertify --attestation wrote: a TPMS_ATTEST.
    pub attest: &'a [u8],
    /// What tpm2_nvcertify -o wrote: a TPMT_SIGNATURE.
    pub signature: &'a [u8],
    /// The index's content, where the attestation has the digest only.
    pub data: Option<&'a [u8]>,
}

/// Makes a challenge for the TPM of `endorsement_key`: it can be answered only if `attestation_key` lives there too.
///
/// # Errors
/// The keys are no endorsement key and no attestation key.
pub fn challenge(endorsement_key: &PublicKey, attestation_key: &PublicKey) -> Result<Challenge, Refusal> {
    endorsement_key.check_endorsement()?;
    attestation_key.check_attestation()?;
    let mut engine = Engine::new()?;
    // The secret may be as long as a digest of this key's hash.
    let digest_size =
        hash_algorithm(endorsement_key.name_alg).map_or(RANDOM_SIZE, HashAlgorithm::digest_size);
    let mut secret = Zeroizing::new(vec![0; RANDOM_SIZE.min(digest_size)]);
    let mut nonce = vec![0; RANDOM_SIZE];
    random(&mut secret)?;
    random(&mut nonce)?;
    let key = engine.load(endorsement_key).map_err(refused_as(Refusal::NotPublic("the endorsement key")))?;
    // Loaded to see that its parameters are those of a key, and not of a trap.
    engine.load(attestation_key).map_err(refused_as(Refusal::NotPublic("the attestation key")))?;
    let made = engine.client.run(&commands::make_credential(&key, &secret, attestation_key.name()))?;
    let credential = [&CREDENTIAL_HEADER, made.parameters()].concat();
    let expected = Expected {
        secret,
        nonce,
        attestation_key: attestation_key.name().to_vec(),
        endorsement_key: endorsement_key.name().to_vec(),
    };
    Ok(Challenge { credential, expected })
}

/// Checks an answer, and gives the posture that the TPM of the endorsement key attests.
///
/// # Errors
/// The first reason for which it is no evidence.
pub fn check(
    expected: &Expected,
    attestation_key: &PublicKey,
    answer: &Answer<'_>,
) -> Result<Evidence, Refusal> {
    attestation_key.check_attestation()?;
    if attestation_key.name() != expected.attestation_key {
        return Err(Refusal::OtherKey);
    }
    if !bool::from(answer.answer.ct_eq(&expected.secret)) {
        return Err(Refusal::WrongAnswer);
    }
    let hash_alg = check_signature(attestation_key, answer)?;

    let mut fields = Fields::new(answer.attest);
    let attest: TpmsAttest<'_> = fields.value().map_err(|_| Refusal::NotAttestation)?;
    if !fields.rest().is_empty() {
        return Err(Refusal::NotAttestation);
    }
    let (index_name, content) = match &attest.attested {
        // The index's Name has its size: whatever has the size of a posture is all of it.
        TpmuAttest::Nv(info) => (info.index_name, Ok(info.nv_contents.as_slice())),
        TpmuAttest::NvDigest(info) => {
            let content = answer.data.ok_or(Refusal::DigestOnly).and_then(|data| {
                let digest = hash(hash_alg, &[data]);
                if digest[..] == *info.nv_digest.as_slice() { Ok(data) } else { Err(Refusal::OtherContent) }
            });
            (info.index_name, content)
        }
        _ => return Err(Refusal::NotNv),
    };
    if attest.extra_data.as_slice() != expected.nonce {
        return Err(Refusal::WrongNonce);
    }
    if index_name.as_slice() != posture_index_name()? {
        return Err(Refusal::OtherIndex);
    }
    let content = content?;
    if answer.data.is_some_and(|data| data != content) {
        return Err(Refusal::OtherContent);
    }
    Evidence::from_bytes(content).map_err(|_| Refusal::NotPosture)
}

/// Checks the signature over the attestation; gives the hash that it was made with.
fn check_signature(attestation_key: &PublicKey, answer: &Answer<'_>) -> Result<HashAlgorithm, Refusal> {
    let mut fields = Fields::new(answer.signature);
    let signature: TpmtSignature<'_> = fields.value().map_err(|_| Refusal::NotSignature)?;
    let hash_alg = match &signature {
        TpmtSignature::Rsassa(signature) | TpmtSignature::Rsapss(signature) => signature.hash,
        TpmtSignature::Ecdsa(signature)
        | TpmtSignature::Ecdaa(signature)
        | TpmtSignature::Sm2(signature)
        | TpmtSignature::Ecschnorr(signature) => signature.hash,
        _ => return Err(Refusal::NotSignature),
    };
    let hash_alg = hash_algorithm(hash_alg).ok_or(Refusal::WeakHash)?;
    if !fields.rest().is_empty() {
        return Err(Refusal::NotSignature);
    }
    let mut engine = Engine::new()?;
    let key = engine.load(attestation_key).map_err(refused_as(Refusal::NotPublic("the attestation key")))?;
    let digest = hash(hash_alg, &[answer.attest]);
    let verify = commands::verify_signature(&key, &digest, answer.signature);
    engine.client.run(&verify).map_err(refused_as(Refusal::WrongSignature))?;
    Ok(hash_alg)
}

/// The Name of the TPM's own index: of its handle with exactly its attributes, not of what the evidence says.
fn posture_index_name() -> Result<Vec<u8>, Refusal> {
    let mut buffer = [0; 64];
    let mut writer = Writer::new(&mut buffer);
    let written = posture_index::index().and_then(|index| writer.write(&index.public));
    written.map_err(|code| Refusal::Engine(Error::Tpm(code)))?;
    Ok(name_of_public(writer.written(), 4))
}

/// The verifier's own TPM.
struct Engine {
    client: Client<Execute>,
}

/// Executes a command that came from a locality.
type Execute = Box<dyn FnMut(u8, &[u8]) -> Vec<u8>>;

impl Engine {
    fn new() -> Result<Self, Refusal> {
        // All that this TPM's generator is ever seeded from.
        let mut seed = Zeroizing::new([0; 4096]);
        random(&mut *seed)?;
        let platform = MemoryPlatform::new(0);
        platform.script_entropy(&*seed);
        // Leaked, for a TPM borrows its memory; a process makes few of them.
        let memory = Box::leak(Box::new(Memory::<16384, 16384>::new()));
        let mut tpm = Tpm::new(memory.slices(), platform, &AWS_LC);
        tpm.manufacture()?;
        let execute = move |locality: u8, command: &[u8]| tpm.execute(locality, command).to_vec();
        let mut client = Client::new(Box::new(execute) as Execute);
        client.run(&commands::startup(TpmSu::CLEAR))?;
        Ok(Self { client })
    }

    fn load(&mut self, key: &PublicKey) -> Result<Entity, Error> {
        let loaded: Response = self.client.run(&commands::load_external(&[], &key.bytes, TpmRh::NULL))?;
        // The Name is the TPM's word on what it read.
        match loaded.fields().sized()? == key.name() {
            true => Ok(Entity::named(loaded.handle()?, key.name())),
            false => Err(Error::Tpm(ResponseCode::VALUE)),
        }
    }
}

/// A refusal of the verifier's own TPM says something of what it was given.
fn refused_as(refusal: Refusal) -> impl FnOnce(Error) -> Refusal {
    move |error| match error {
        Error::Tpm(_) => refusal,
        other => other.into(),
    }
}

/// The hash algorithms that evidence may rest on.
fn hash_algorithm(algorithm: TpmiAlgHash) -> Option<HashAlgorithm> {
    match algorithm {
        TpmiAlgHash::SHA256 => Some(HashAlgorithm::Sha256),
        TpmiAlgHash::SHA384 => Some(HashAlgorithm::Sha384),
        TpmiAlgHash::SHA512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

fn random(bytes: &mut [u8]) -> Result<(), Refusal> {
    getrandom::fill(bytes).map_err(|_| Refusal::Random)
}
