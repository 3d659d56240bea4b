//! Attestation (Part 1, "Attestation"; Part 3, 18.1): the structure, its obfuscation, its signature.

use tpm2_crypto::{HashAlgorithm, hash, kdfa};
use tpm2_types::{
    Position, ResponseCode, Result, Tpm2bAttest, Tpm2bData, Tpm2bName, TpmRh, TpmaObject, TpmiAlgHash,
    TpmiDhObject, TpmsAttest, TpmtSigScheme, TpmtSignature, TpmuAttest,
};

use crate::algorithm::FromAlg;
use crate::context::Context;
use crate::firmware;
use crate::object::{Object, scheme};
use crate::signature;

/// Who signs an attestation: a key with its scheme, or nobody.
pub struct Signer<'s> {
    key: Option<Object<'s>>,
    scheme: Option<TpmtSigScheme>,
}

impl<'s> Signer<'s> {
    /// The key behind `handle` and the scheme it signs with. Without a key the caller's scheme stands.
    ///
    /// TPM_RC_KEY at `at_handle` where the key does not sign, and TPM_RC_SCHEME at `at_wanted` where no scheme
    /// results.
    pub fn new(
        context: &Context<'s, '_>,
        handle: Option<TpmiDhObject>,
        wanted: Option<TpmtSigScheme>,
        at_handle: Position,
        at_wanted: Position,
    ) -> Result<Self> {
        let Some(handle) = handle else { return Ok(Self { key: None, scheme: wanted }) };
        let key: Object<'s> = context.state.get(Object::key_of(*handle))?;
        if !key.attributes().contains(TpmaObject::SIGN_ENCRYPT) {
            return Err(ResponseCode::KEY.at(at_handle));
        }
        let scheme = scheme::signing(&key, wanted).map_err(|code| code.at(at_wanted))?;
        Ok(Self { key: Some(key), scheme: Some(scheme) })
    }

    /// The hash of the scheme, for digests inside of the attestation too. `Err` has TPM_RC_SCHEME where there is
    /// none, as can be without a key; the caller knows the position.
    pub fn hash_alg(&self) -> Result<TpmiAlgHash> {
        self.scheme.and_then(|scheme| scheme.hash_alg()).ok_or(ResponseCode::SCHEME)
    }

    /// Completes an attestation and signs it.
    pub fn attest<'b>(
        &self,
        context: &mut Context<'_, 'b>,
        qualifying_data: Tpm2bData<'b>,
        attested: TpmuAttest<'_>,
    ) -> Result<(Tpm2bAttest<'b>, Option<TpmtSignature<'b>>)> {
        let null = TpmRh::NULL.0.to_be_bytes();
        let qualified_name = match &self.key {
            Some(key) => context.arena.copy(key.qualified_name.as_slice())?,
            None => context.arena.copy(&null)?,
        };
        let mut clock_info = context.time_info()?.clock_info;
        let mut firmware_version = firmware::VERSION;
        if let Some([version, reset, restart]) = self.obfuscation(context, qualified_name)? {
            firmware_version = firmware_version.wrapping_add(version);
            clock_info.reset_count = clock_info.reset_count.wrapping_add(reset as u32);
            clock_info.restart_count = clock_info.restart_count.wrapping_add(restart as u32);
        }
        let attest = TpmsAttest {
            qualified_signer: Tpm2bName::new(qualified_name)?,
            extra_data: qualifying_data,
            clock_info,
            firmware_version,
            attested,
        };
        let attest = context.arena.marshal(&attest)?;
        let signature = match (&self.key, self.scheme) {
            (Some(key), Some(scheme)) => {
                let digest = hash(HashAlgorithm::from_alg(self.hash_alg()?), &[attest]);
                Some(signature::sign(context, key, scheme, &digest)?)
            }
            _ => None,
        };
        Ok((Tpm2bAttest::new(attest)?, signature))
    }

    /// What is added to firmware version and counters so that keys outside the endorsement and platform hierarchies
    /// do not tell that they are of one TPM.
    fn obfuscation(&self, context: &Context<'_, '_>, qualified_name: &[u8]) -> Result<Option<[u64; 3]>> {
        let algorithm = match &self.key {
            Some(key) if matches!(key.hierarchy, TpmRh::ENDORSEMENT | TpmRh::PLATFORM) => {
                return Ok(None);
            }
            Some(key) => key.public.name_alg.map_or(CONTEXT_HASH, HashAlgorithm::from_alg),
            None => CONTEXT_HASH,
        };
        let mut bytes = [0; 16];
        kdfa(
            algorithm,
            context.state.proof(TpmRh::OWNER)?,
            b"OBFUSCATE",
            qualified_name,
            &[],
            128,
            &mut bytes,
        );
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        Ok(Some([
            u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            u64::from(u32::from_be_bytes([i, j, k, l])),
            u64::from(u32::from_be_bytes([m, n, o, p])),
        ]))
    }
}

/// The hash that protects saved contexts (TPM_PT_CONTEXT_HASH).
pub const CONTEXT_HASH: HashAlgorithm = HashAlgorithm::Sha512;
