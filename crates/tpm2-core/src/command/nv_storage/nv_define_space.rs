//! TPM2_NV_DefineSpace (Part 3, 31.3).

use tee_api::Change;
use tpm2_types::{
    ResponseCode, Result, Tpm2bAuth, Tpm2bNvPublic, TpmNt, TpmRh, TpmaNv, TpmiRhProvision, TpmsNvPublic,
};

use crate::authorization::trim;
use crate::context::Context;
use crate::nv::{self, NvIndex};
use crate::state::RecordHeap;

command! {
    /// Defines an NV index and reserves its space. Part 3, 31.3.
    NvDefineSpace<'a> = NV_DEFINE_SPACE;
    handles { auth_handle: TpmiRhProvision => User }
    parameters { auth: Tpm2bAuth<'a>, public_info: Tpm2bNvPublic<'a> }
    returns {}
    flags { NV }
}

/// Bytes of a counter and of a bit field.
const NUMBER_SIZE: usize = 8;

fn run<'a>(context: &mut Context<'_, 'a>, input: NvDefineSpace<'a>) -> Result<Response<'a>> {
    let public = input.public_info.0;
    let by_platform = input.auth_handle == TpmRh::PLATFORM;
    if by_platform && !context.state.state_clear()?.ph_enable_nv.0 {
        return Err(ResponseCode::HIERARCHY.at(at::auth_handle));
    }
    check(context, &public, by_platform).map_err(|code| code.at(at::public_info))?;
    let auth = trim(input.auth.as_slice());
    if auth.len() > public.name_alg.digest_size() {
        return Err(ResponseCode::SIZE.at(at::auth));
    }
    if context.state.nv_index(public.nv_index.handle())?.is_some() {
        return Err(ResponseCode::NV_DEFINED);
    }
    let index = NvIndex { public, auth: Tpm2bAuth::new(auth)?, bytes: core::marker::PhantomData };
    let size = usize::from(public.data_size);
    let needed = RecordHeap::footprint(context.arena.marshal(&index)?.len()) + RecordHeap::footprint(size);
    if needed > context.state.persistent_room() {
        return Err(ResponseCode::NV_SPACE);
    }
    context.put(&index)?;
    let value = nv::erased(context, size)?;
    context.changes.push(Change::Put { key: index.data_key(), value })?;
    Ok(Response::new())
}

fn check(context: &Context<'_, '_>, public: &TpmsNvPublic<'_>, by_platform: bool) -> Result<()> {
    let attributes = public.attributes;
    let size = usize::from(public.data_size);
    let digest_size = public.name_alg.digest_size();
    let policy_size = public.auth_policy.as_slice().len();
    if policy_size != 0 && policy_size != digest_size {
        return Err(ResponseCode::SIZE);
    }
    let read = TpmaNv::PPREAD | TpmaNv::OWNERREAD | TpmaNv::AUTHREAD | TpmaNv::POLICYREAD;
    let write = TpmaNv::PPWRITE | TpmaNv::OWNERWRITE | TpmaNv::AUTHWRITE | TpmaNv::POLICYWRITE;
    let nt = attributes.nt();
    let consistent = matches!(nt, TpmNt::ORDINARY | TpmNt::COUNTER | TpmNt::BITS | TpmNt::EXTEND)
        && !attributes.intersects(TpmaNv::WRITTEN | TpmaNv::READLOCKED | TpmaNv::WRITELOCKED)
        && attributes.intersects(read)
        && attributes.intersects(write)
        && !(attributes.contains(TpmaNv::CLEAR_STCLEAR) && nt == TpmNt::COUNTER)
        && attributes.contains(TpmaNv::PLATFORMCREATE) == by_platform
        // TPM2_NV_UndefineSpaceSpecial is what could delete such an index.
        && !attributes.contains(TpmaNv::POLICY_DELETE);
    if !consistent {
        return Err(ResponseCode::ATTRIBUTES);
    }
    let fits = match nt {
        TpmNt::ORDINARY => {
            size <= usize::from(context.profile.nv_index_size)
                && !(attributes.contains(TpmaNv::WRITEALL) && size > usize::from(context.profile.nv_buffer_size))
        }
        TpmNt::EXTEND => size == digest_size,
        _ => size == NUMBER_SIZE,
    };
    if fits { Ok(()) } else { Err(ResponseCode::SIZE) }
}
