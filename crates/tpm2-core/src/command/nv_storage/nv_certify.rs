//! TPM2_NV_Certify (Part 3, 31.16).

use tpm2_crypto::{HashAlgorithm, hash};
use tpm2_types::{
    ResponseCode, Result, Tpm2bAttest, Tpm2bData, Tpm2bDigest, Tpm2bMaxNvBuffer, Tpm2bName, TpmiDhObject,
    TpmiRhNvAuth, TpmiRhNvIndex, TpmsNvCertifyInfo, TpmsNvDigestCertifyInfo, TpmtSigScheme, TpmtSignature,
    TpmuAttest,
};

use crate::algorithm::FromAlg;
use crate::attest::Signer;
use crate::context::Context;
use crate::nv::{self, access};

command! {
    /// Signs data of an NV index, or the digest of all of it. Part 3, 31.16.
    NvCertify<'a> = NV_CERTIFY;
    handles {
        sign_handle: Option<TpmiDhObject> => User,
        auth_handle: TpmiRhNvAuth => User,
        nv_index: TpmiRhNvIndex => None,
    }
    parameters {
        qualifying_data: Tpm2bData<'a>,
        in_scheme: Option<TpmtSigScheme>,
        size: u16,
        offset: u16,
    }
    returns { certify_info: Tpm2bAttest<'a>, signature: Option<TpmtSignature<'a>> }
    flags { NV_READ AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: NvCertify<'a>) -> Result<Response<'a>> {
    let signer = Signer::new(context, input.sign_handle, input.in_scheme, at::sign_handle, at::in_scheme)?;
    let index = nv::index(context, input.nv_index.handle())?;
    access::check_read(&index, input.auth_handle.handle())?;
    let data = nv::data(context, &index)?;
    let start = usize::from(input.offset);
    let contents = data.get(start..start + usize::from(input.size)).ok_or(ResponseCode::NV_RANGE)?;
    if input.size > context.profile.nv_buffer_size {
        return Err(ResponseCode::VALUE.at(at::size));
    }
    let index_name = Tpm2bName::new(index.name(context.arena)?)?;
    let attested = if input.size == 0 && input.offset == 0 {
        let hash_alg = signer.hash_alg().map_err(|code| code.at(at::in_scheme))?;
        let digest = context.arena.copy(&hash(HashAlgorithm::from_alg(hash_alg), &[data]))?;
        TpmuAttest::NvDigest(TpmsNvDigestCertifyInfo { index_name, nv_digest: Tpm2bDigest::new(digest)? })
    } else {
        let nv_contents = Tpm2bMaxNvBuffer::new(contents)?;
        TpmuAttest::Nv(TpmsNvCertifyInfo { index_name, offset: input.offset, nv_contents })
    };
    let (certify_info, signature) = signer.attest(context, input.qualifying_data, attested)?;
    Ok(Response::new(certify_info, signature))
}
