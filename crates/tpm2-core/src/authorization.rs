//! Entities: what a handle refers to, and what authorizes its use (Part 1, "Authorizations and Acknowledgments").

use tpm2_types::{ResponseCode, Result, TpmHandle, TpmHt, TpmRh, TpmaNv, TpmaObject, TpmiAlgHash};

use crate::arena::Arena;
use crate::nv::{NvIndex, posture_index};
use crate::object::{Object, is_platform_persistent};
use crate::session::Session;
use crate::state::{Changes, Hierarchy, State, parse};

/// What a handle refers to.
#[derive(Clone, Copy)]
pub enum Entity<'s> {
    /// A PCR, or none of them (TPM_RH_NULL where a PCR may stand).
    Pcr(TpmHandle),
    /// A hierarchy, lockout, or the null hierarchy.
    Hierarchy(Hierarchy<'s>),
    /// A transient or persistent object.
    Object(Object<'s>),
    /// An NV index.
    NvIndex(NvIndex<'s>),
    /// A session.
    Session(TpmHandle),
}

impl<'s> Entity<'s> {
    /// Finds what the handle refers to and checks that it may be used now (Part 3, 5.4). `index` counts from zero.
    pub fn find(state: &'s State<'_>, handle: TpmHandle, index: u8) -> Result<Self> {
        let not_loaded = ResponseCode::new(ResponseCode::REFERENCE_H0.get() + u32::from(index));
        match handle.kind() {
            Some(TpmHt::PCR) => Ok(Self::Pcr(handle)),
            Some(TpmHt::TRANSIENT) => state.find(Object::key_of(handle))?.map(Self::Object).ok_or(not_loaded),
            Some(TpmHt::PERSISTENT) => {
                let object: Object<'s> = state.find(Object::key_of(handle))?.ok_or(ResponseCode::HANDLE)?;
                let storage = if is_platform_persistent(handle) { TpmRh::PLATFORM } else { TpmRh::OWNER };
                if state.hierarchy_enabled(storage)? && state.hierarchy_enabled(object.hierarchy)? {
                    Ok(Self::Object(object))
                } else {
                    Err(ResponseCode::HANDLE)
                }
            }
            Some(TpmHt::NV_INDEX) => {
                let index = state.nv_index(handle)?.ok_or(ResponseCode::HANDLE)?;
                // The TPM's own is no hierarchy's to hide.
                if handle == posture_index::HANDLE {
                    return Ok(Self::NvIndex(index));
                }
                let enables = state.state_clear()?;
                let platform = index.attributes().contains(TpmaNv::PLATFORMCREATE);
                let enabled = if platform { enables.ph_enable_nv.0 } else { enables.sh_enable.0 };
                if enabled { Ok(Self::NvIndex(index)) } else { Err(ResponseCode::HANDLE) }
            }
            Some(TpmHt::HMAC_SESSION | TpmHt::POLICY_SESSION) => {
                state.bytes(Session::key_of(handle)).map(|_| Self::Session(handle)).ok_or(not_loaded)
            }
            _ => match handle {
                TpmRh::OWNER | TpmRh::ENDORSEMENT | TpmRh::PLATFORM
                    if !state.hierarchy_enabled(handle)? =>
                {
                    Err(ResponseCode::HIERARCHY)
                }
                TpmRh::OWNER | TpmRh::ENDORSEMENT | TpmRh::PLATFORM | TpmRh::LOCKOUT | TpmRh::NULL => {
                    Ok(Self::Hierarchy(state.hierarchy(handle)?))
                }
                _ => Err(ResponseCode::VALUE),
            },
        }
    }

    /// The handle.
    pub fn handle(&self) -> TpmHandle {
        match self {
            Self::Pcr(handle) | Self::Session(handle) => *handle,
            Self::Hierarchy(hierarchy) => hierarchy.handle,
            Self::Object(object) => object.handle,
            Self::NvIndex(index) => index.handle(),
        }
    }

    /// The hierarchy whose proof vouches for the entity.
    pub fn hierarchy(&self) -> TpmHandle {
        match self {
            Self::Hierarchy(hierarchy) if hierarchy.handle != TpmRh::LOCKOUT => hierarchy.handle,
            Self::Object(object) => object.hierarchy,
            Self::NvIndex(index) if index.attributes().contains(TpmaNv::PLATFORMCREATE) => TpmRh::PLATFORM,
            Self::Pcr(_) | Self::Session(_) => TpmRh::NULL,
            Self::NvIndex(_) | Self::Hierarchy(_) => TpmRh::OWNER,
        }
    }

    /// The Name (Part 1, "Names").
    pub fn name<'b>(&self, arena: &Arena<'b>) -> Result<&'b [u8]> {
        match self {
            Self::Object(object) => arena.copy(object.name.as_slice()),
            Self::NvIndex(index) => index.name(arena),
            Self::Pcr(_) | Self::Session(_) | Self::Hierarchy(_) => arena.marshal(&self.handle()),
        }
    }

    /// The authorization value, without trailing zeros.
    pub fn auth_value(&self) -> &'s [u8] {
        match self {
            Self::Pcr(_) | Self::Session(_) => &[],
            Self::Hierarchy(hierarchy) => hierarchy.auth.as_slice(),
            Self::Object(object) => object.auth_value(),
            Self::NvIndex(index) => index.auth.as_slice(),
        }
    }

    /// The authorization value as this command's changes leave it.
    pub fn auth_value_after<'c>(&self, changes: &Changes<'c>) -> Result<&'c [u8]>
    where
        's: 'c,
    {
        match self {
            Self::Hierarchy(hierarchy) => match changes.pending(Hierarchy::key_of(hierarchy.handle)) {
                Some(Some(bytes)) => Ok(parse::<Hierarchy<'c>>(bytes)?.auth.as_slice()),
                _ => Ok(self.auth_value()),
            },
            Self::NvIndex(index) => match changes.pending(crate::state::Record::key(index)) {
                Some(Some(bytes)) => Ok(parse::<NvIndex<'c>>(bytes)?.auth.as_slice()),
                _ => Ok(self.auth_value()),
            },
            _ => Ok(self.auth_value()),
        }
    }

    /// The policy and its hash algorithm; none where no policy can authorize.
    pub fn policy(&self) -> Option<(TpmiAlgHash, &'s [u8])> {
        let (algorithm, policy) = match self {
            Self::Pcr(_) | Self::Session(_) => return None,
            Self::Hierarchy(hierarchy) => (hierarchy.policy_alg?, hierarchy.policy.as_slice()),
            Self::Object(object) => (object.public.name_alg?, object.public.auth_policy.as_slice()),
            Self::NvIndex(index) => (index.public.name_alg, index.public.auth_policy.as_slice()),
        };
        (!policy.is_empty()).then_some((algorithm, policy))
    }

    /// Whether wrong authorizations count as dictionary attack. Those of lockout itself are handled apart.
    pub fn is_da_protected(&self) -> bool {
        match self {
            Self::Pcr(_) | Self::Session(_) => false,
            Self::Hierarchy(hierarchy) => hierarchy.handle == TpmRh::LOCKOUT,
            Self::Object(object) => !object.attributes().contains(TpmaObject::NO_DA),
            Self::NvIndex(index) => !index.attributes().contains(TpmaNv::NO_DA),
        }
    }

    /// Whether this is TPM_RH_LOCKOUT.
    pub fn is_lockout(&self) -> bool {
        matches!(self, Self::Hierarchy(hierarchy) if hierarchy.handle == TpmRh::LOCKOUT)
    }
}

/// An authorization value without its trailing zeros (Part 1, "Authorization Values": they do not count).
pub fn trim(auth: &[u8]) -> &[u8] {
    let end = auth.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &auth[..end]
}
