//! TPM2_Quote (Part 3, 18.4).

use tpm2_types::{
    Result, Tpm2bAttest, Tpm2bData, Tpm2bDigest, TpmiDhObject, TpmlPcrSelection, TpmsQuoteInfo,
    TpmtSigScheme, TpmtSignature, TpmuAttest,
};

use crate::attest::Signer;
use crate::context::Context;
use crate::pcr;

command! {
    /// Signs the values of PCRs. Part 3, 18.4.
    Quote<'a> = QUOTE;
    handles { sign_handle: Option<TpmiDhObject> => User }
    parameters {
        qualifying_data: Tpm2bData<'a>,
        in_scheme: Option<TpmtSigScheme>,
        pcr_select: TpmlPcrSelection<'a>,
    }
    returns { quoted: Tpm2bAttest<'a>, signature: Option<TpmtSignature<'a>> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Quote<'a>) -> Result<Response<'a>> {
    let signer = Signer::new(context, input.sign_handle, input.in_scheme, at::sign_handle, at::in_scheme)?;
    let hash = signer.hash_alg().map_err(|code| code.at(at::in_scheme))?;
    let pcr_digest = pcr::digest(context.state, context.profile, &input.pcr_select, hash);
    let info = TpmsQuoteInfo {
        pcr_select: pcr::implemented(context, &input.pcr_select)?,
        pcr_digest: Tpm2bDigest::new(context.arena.copy(&pcr_digest)?)?,
    };
    let (quoted, signature) = signer.attest(context, input.qualifying_data, TpmuAttest::Quote(info))?;
    Ok(Response::new(quoted, signature))
}
