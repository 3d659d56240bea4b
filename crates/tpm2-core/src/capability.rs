//! What TPM2_GetCapability reports (Part 2, 6.12 to 6.14 and 10.9).

use tpm2_types::limits::{
    IMPLEMENTATION_PCR, MAX_CAP_BUFFER, MAX_CAP_DATA, MAX_DIGEST_SIZE, PCR_SELECT_SIZE,
};
use tpm2_types::{
    Element, List, Marshal, MaxSize, ResponseCode, Result, Tpm2bVendorProperty, TpmAlgId, TpmEccCurve,
    TpmHandle, TpmHt, TpmNt, TpmPs, TpmPt, TpmPtPcr, TpmRh, TpmaAlgorithm, TpmaMemory, TpmaModes,
    TpmaPermanent, TpmaStartupClear, TpmiAlgHash, TpmsAlgProperty, TpmsCapabilityData, TpmsPcrSelect,
    TpmsPcrSelection, TpmsTaggedPcrSelect, TpmsTaggedPolicy, TpmsTaggedProperty, TpmtHa, Unmarshal,
};

use crate::command::COMMANDS;
use crate::context::Context;
use crate::dictionary_attack;
use crate::firmware;
use crate::nv::posture_index;
use crate::pcr;
use crate::session::{SessionSlot, SessionTable};
use crate::state::{Kind, State};

/// A capability's list, and whether there is more of it.
type Page<'a> = Result<(TpmsCapabilityData<'a>, bool)>;

/// TPM_CAP_ALGS from `first` on.
pub fn algorithms<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    let algorithms =
        (0..=u16::from(u8::MAX)).map(TpmAlgId).filter(|alg| context.profile.supported.algorithm(*alg));
    let items = algorithms
        .filter(|alg| u32::from(alg.0) >= first)
        .map(|alg| TpmsAlgProperty { alg, alg_properties: algorithm_properties(alg) });
    let (list, more) = page(context, items, count)?;
    Ok((TpmsCapabilityData::Algorithms(list), more))
}

/// TPM_CAP_HANDLES: the handles of the type that `first` has, from it on. TPM_RC_HANDLE for another type.
pub fn handles<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    let state = context.state;
    let nv = [Kind::NvIndexOwner, Kind::NvIndexPlatform];
    let persistent = [Kind::ObjectOwner, Kind::ObjectPlatform];
    let (list, more) = match TpmHandle(first).kind() {
        Some(TpmHt::PCR) => {
            page(context, (first..).take_while(|n| (*n as usize) < IMPLEMENTATION_PCR).map(TpmHandle), count)?
        }
        Some(TpmHt::NV_INDEX) => {
            state.check_open()?;
            page(context, nv_indices(state, &nv, first), count)?
        }
        Some(TpmHt::PERSISTENT) => {
            state.check_open()?;
            page(context, ascending(state, &persistent, first), count)?
        }
        Some(TpmHt::TRANSIENT) => page(context, ascending(state, &[Kind::Object], first), count)?,
        // TPM_HT_LOADED_SESSION: by number, whatever the type; TPM_HT_SAVED_SESSION: their type is not kept.
        Some(TpmHt::HMAC_SESSION) => page(context, loaded_sessions(state, first), count)?,
        Some(TpmHt::POLICY_SESSION) => page(context, saved_sessions(state, first)?, count)?,
        Some(TpmHt::PERMANENT) => {
            page(context, PERMANENT.into_iter().filter(|handle| handle.0 >= first), count)?
        }
        _ => return Err(ResponseCode::HANDLE),
    };
    Ok((TpmsCapabilityData::Handles(list), more))
}

/// TPM_CAP_COMMANDS from the code `first` on: what executes, and nothing else.
pub fn commands<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    let items = COMMANDS.iter().filter(|command| command.code.0 >= first).map(|command| command.attributes());
    let (list, more) = page(context, items, count)?;
    Ok((TpmsCapabilityData::Command(list), more))
}

/// TPM_CAP_PCRS: every PCR in every bank.
pub fn pcrs<'a>(context: &Context<'_, 'a>) -> Result<TpmsCapabilityData<'a>> {
    let banks = context.profile.pcr_banks.iter().filter_map(|bank| TpmiAlgHash::new(*bank));
    let items = banks.map(|hash| TpmsPcrSelection { hash, pcr_select: TpmsPcrSelect::ALL });
    Ok(TpmsCapabilityData::AssignedPcr(page(context, items, usize::MAX)?.0))
}

/// TPM_CAP_TPM_PROPERTIES from `first` on, in the group of `first`.
pub fn tpm_properties<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    // A group ends a list, and there are two groups.
    let (list, more) = if first < TpmPt::VAR.0 {
        let group =
            fixed_properties(context).filter(|item| item.property.0 >= first && first >= TpmPt::FIXED.0);
        page(context, group, count)?
    } else {
        page(
            context,
            variable_properties(context)?.into_iter().filter(|item| item.property.0 >= first),
            count,
        )?
    };
    Ok((TpmsCapabilityData::TpmProperties(list), more))
}

/// TPM_CAP_PCR_PROPERTIES from `first` on.
pub fn pcr_properties<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    let tags = (TpmPtPcr::FIRST.0..=TpmPtPcr::LAST.0).map(TpmPtPcr).filter(|tag| tag.name().is_some());
    let items = tags.filter(|tag| tag.0 >= first).map(|tag| TpmsTaggedPcrSelect {
        tag,
        pcr_select: TpmsPcrSelect::of((0..IMPLEMENTATION_PCR).filter(|pcr| has_property(*pcr, tag))),
    });
    let (list, more) = page(context, items, count)?;
    Ok((TpmsCapabilityData::PcrProperties(list), more))
}

/// TPM_CAP_ECC_CURVES from `first` on.
pub fn curves<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    let items = supported_curves(context).filter(|curve| u32::from(curve.0) >= first);
    let (list, more) = page(context, items, count)?;
    Ok((TpmsCapabilityData::EccCurves(list), more))
}

/// TPM_CAP_AUTH_POLICIES: the policies of permanent handles from `first` on. TPM_RC_VALUE for another handle.
pub fn policies<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    if TpmHandle(first).kind() != Some(TpmHt::PERMANENT) {
        return Err(ResponseCode::VALUE);
    }
    let handles = [TpmRh::OWNER, TpmRh::LOCKOUT, TpmRh::ENDORSEMENT, TpmRh::PLATFORM];
    let policy = |handle| -> Result<TpmsTaggedPolicy<'a>> {
        let hierarchy = context.state.hierarchy(handle)?;
        let policy_hash = match hierarchy.policy_alg {
            Some(algorithm) => {
                Some(TpmtHa::new(algorithm, context.arena.copy(hierarchy.policy.as_slice())?)?)
            }
            None => None,
        };
        Ok(TpmsTaggedPolicy { handle, policy_hash })
    };
    let items =
        handles.into_iter().filter(|handle| handle.0 >= first).filter_map(|handle| policy(handle).ok());
    let (list, more) = page(context, items, count)?;
    Ok((TpmsCapabilityData::AuthPolicies(list), more))
}

/// TPM_CAP_ACT: there is no authenticated countdown timer. TPM_RC_VALUE for a handle that is not permanent.
pub fn timers<'a>(first: u32) -> Result<TpmsCapabilityData<'a>> {
    if TpmHandle(first).kind() == Some(TpmHt::PERMANENT) {
        Ok(TpmsCapabilityData::ActData(List::EMPTY))
    } else {
        Err(ResponseCode::VALUE)
    }
}

/// The permanent handles that this TPM knows.
const PERMANENT: [TpmHandle; 7] = [
    TpmRh::OWNER,
    TpmRh::NULL,
    TpmRh::PW,
    TpmRh::LOCKOUT,
    TpmRh::ENDORSEMENT,
    TpmRh::PLATFORM,
    TpmRh::PLATFORM_NV,
];

/// As many items as are wanted and as fit into a response, and whether there are more.
fn page<'a, T>(
    context: &Context<'_, 'a>,
    items: impl Iterator<Item = T>,
    count: usize,
) -> Result<(List<'a, T>, bool)>
where
    T: Element + Marshal + MaxSize + Unmarshal<'a>,
{
    let limit = count.min(T::MAX).min(MAX_CAP_DATA / T::MAX_SIZE);
    let mut items = items;
    let buffer = context.arena.allocate(MAX_CAP_DATA)?;
    let list = List::build(buffer, items.by_ref().take(limit))?;
    Ok((list, items.next().is_some()))
}

/// The handles of all records of these kinds in ascending order.
fn ascending<'s>(state: &'s State<'_>, kinds: &'s [Kind], first: u32) -> impl Iterator<Item = TpmHandle> {
    core::iter::successors(state.next_handle(kinds, first), |handle| {
        state.next_handle(kinds, handle.0.checked_add(1)?)
    })
}

/// The NV indices of all hierarchies, and the TPM's own among them, in ascending order.
fn nv_indices<'s>(state: &'s State<'_>, kinds: &'s [Kind], first: u32) -> impl Iterator<Item = TpmHandle> {
    let own = posture_index::HANDLE;
    let below = ascending(state, kinds, first).take_while(move |handle| handle.0 < own.0);
    let above = ascending(state, kinds, first.max(own.0.saturating_add(1)));
    below.chain((first <= own.0).then_some(own)).chain(above)
}

/// TPM_CAP_VENDOR_PROPERTY: property 1 is the posture, as the TPM's own NV index has it.
pub fn vendor_properties<'a>(context: &Context<'_, 'a>, first: u32, count: usize) -> Page<'a> {
    let posture = context.arena.copy(context.state.posture())?;
    let items = (first <= POSTURE).then(|| Tpm2bVendorProperty::new(posture)).transpose()?;
    let (list, more) = page(context, items.into_iter(), count)?;
    Ok((TpmsCapabilityData::VendorProperty(list), more))
}

/// The number of the posture among the vendor's properties.
const POSTURE: u32 = 1;

fn loaded_sessions<'s>(state: &'s State<'_>, first: u32) -> impl Iterator<Item = TpmHandle> + 's {
    let first = TpmHandle(first).index();
    let with_number =
        |number: u32| state.ids(Kind::Session).map(TpmHandle).find(|handle| handle.index() == number);
    let next = move |from: u32| {
        state.ids(Kind::Session).map(|id| TpmHandle(id).index()).filter(|number| *number >= from).min()
    };
    core::iter::successors(next(first), move |number| next(number + 1)).filter_map(with_number)
}

fn saved_sessions<'s>(state: &'s State<'_>, first: u32) -> Result<impl Iterator<Item = TpmHandle> + 's> {
    let first = TpmHandle(first).index();
    let slots = SessionTable::of(state)?.slots();
    Ok((0u32..)
        .zip(slots)
        .filter(move |(number, slot)| *number >= first && matches!(slot, SessionSlot::Saved(_)))
        .map(|(number, _)| TpmHandle::hmac_session(number)))
}

fn supported_curves(context: &Context<'_, '_>) -> impl Iterator<Item = TpmEccCurve> {
    let supported = &context.profile.supported;
    (0..=u16::from(u8::MAX))
        .map(TpmEccCurve)
        .filter(|curve| curve.name().is_some() && supported.curve(*curve))
}

/// What an algorithm is (Part 2, 8.2; deprecated in version 185, still read by software).
fn algorithm_properties(algorithm: TpmAlgId) -> TpmaAlgorithm {
    use TpmaAlgorithm as A;
    match algorithm {
        TpmAlgId::RSA | TpmAlgId::ECC => A::ASYMMETRIC | A::OBJECT,
        TpmAlgId::AES => A::SYMMETRIC,
        TpmAlgId::SHA1 | TpmAlgId::SHA256 | TpmAlgId::SHA384 | TpmAlgId::SHA512 => A::HASH,
        TpmAlgId::HMAC => A::HASH | A::SIGNING,
        TpmAlgId::XOR => A::HASH | A::SYMMETRIC,
        TpmAlgId::KEYEDHASH => A::HASH | A::OBJECT | A::SIGNING | A::ENCRYPTING,
        TpmAlgId::SYMCIPHER => A::OBJECT | A::SYMMETRIC,
        TpmAlgId::RSASSA | TpmAlgId::RSAPSS | TpmAlgId::ECDSA => A::ASYMMETRIC | A::SIGNING,
        TpmAlgId::RSAES | TpmAlgId::OAEP => A::ASYMMETRIC | A::ENCRYPTING,
        TpmAlgId::ECDH => A::ASYMMETRIC | A::METHOD,
        TpmAlgId::MGF1 | TpmAlgId::KDF1_SP800_56A | TpmAlgId::KDF1_SP800_108 => A::HASH | A::METHOD,
        TpmAlgId::CTR | TpmAlgId::OFB | TpmAlgId::CBC | TpmAlgId::CFB | TpmAlgId::ECB => {
            A::SYMMETRIC | A::ENCRYPTING
        }
        _ => A::empty(),
    }
}

fn has_property(pcr: usize, tag: TpmPtPcr) -> bool {
    let attributes = pcr::attributes(pcr);
    let locality = |tag: TpmPtPcr| u8::try_from((tag.0 - 1) / 2).unwrap_or(u8::MAX);
    match tag {
        TpmPtPcr::SAVE => attributes.saved,
        TpmPtPcr::EXTEND_L0
        | TpmPtPcr::EXTEND_L1
        | TpmPtPcr::EXTEND_L2
        | TpmPtPcr::EXTEND_L3
        | TpmPtPcr::EXTEND_L4 => crate::state::allows_locality(attributes.extend, locality(tag)),
        TpmPtPcr::RESET_L0
        | TpmPtPcr::RESET_L1
        | TpmPtPcr::RESET_L2
        | TpmPtPcr::RESET_L3
        | TpmPtPcr::RESET_L4 => crate::state::allows_locality(attributes.reset, locality(tag)),
        TpmPtPcr::NO_INCREMENT => attributes.uncounted,
        TpmPtPcr::DRTM_RESET => attributes.starts_with_ones,
        // No PCR has an authorization or a policy.
        _ => false,
    }
}

/// Who made the TPM, and its firmware's version: all that there is to know in failure mode (Part 3, 30.2.1).
pub fn identity() -> [TpmsTaggedProperty; 8] {
    let [vendor_1, vendor_2, vendor_3, vendor_4] = firmware::VENDOR_STRING.map(u32::from_be_bytes);
    [
        (TpmPt::MANUFACTURER, u32::from_be_bytes(firmware::MANUFACTURER)),
        (TpmPt::VENDOR_STRING_1, vendor_1),
        (TpmPt::VENDOR_STRING_2, vendor_2),
        (TpmPt::VENDOR_STRING_3, vendor_3),
        (TpmPt::VENDOR_STRING_4, vendor_4),
        (TpmPt::VENDOR_TPM_TYPE, 1),
        (TpmPt::FIRMWARE_VERSION_1, (firmware::VERSION >> 32) as u32),
        (TpmPt::FIRMWARE_VERSION_2, firmware::VERSION as u32),
    ]
    .map(tagged)
}

const fn tagged((property, value): (TpmPt, u32)) -> TpmsTaggedProperty {
    TpmsTaggedProperty { property, value }
}

/// The properties that only another firmware changes (PT_FIXED).
fn fixed_properties(context: &Context<'_, '_>) -> impl Iterator<Item = TpmsTaggedProperty> {
    let profile = context.profile;
    let commands = u32::try_from(COMMANDS.len()).unwrap_or(u32::MAX);
    let max_digest =
        profile.pcr_banks.iter().filter_map(|bank| TpmiAlgHash::new(*bank)).map(TpmiAlgHash::digest_size);
    let specification = [
        (TpmPt::FAMILY_INDICATOR, u32::from_be_bytes(*b"2.0\0")),
        (TpmPt::LEVEL, 0),
        (TpmPt::REVISION, 185),
        (TpmPt::ERRATA, 0),
        (TpmPt::YEAR, 0),
    ];
    let limits = [
        (TpmPt::INPUT_BUFFER, tpm2_types::limits::MAX_2B_BUFFER_SIZE as u32),
        (TpmPt::HR_TRANSIENT_MIN, profile.loaded_objects),
        (TpmPt::HR_PERSISTENT_MIN, profile.persistent_objects),
        (TpmPt::HR_LOADED_MIN, profile.loaded_sessions),
        (TpmPt::ACTIVE_SESSIONS_MAX, profile.active_sessions),
        (TpmPt::PCR_COUNT, IMPLEMENTATION_PCR as u32),
        (TpmPt::PCR_SELECT_MIN, PCR_SELECT_SIZE as u32),
        // Sequence numbers have 64 bits: no gap is too large.
        (TpmPt::CONTEXT_GAP_MAX, u32::MAX),
        (TpmPt::NV_COUNTERS_MAX, 0),
        (TpmPt::NV_INDEX_MAX, u32::from(profile.nv_index_size)),
        (TpmPt::MEMORY, MEMORY),
        (TpmPt::CLOCK_UPDATE, profile.clock_update),
        (TpmPt::CONTEXT_HASH, u32::from(TpmAlgId::SHA512.0)),
        (TpmPt::CONTEXT_SYM, u32::from(TpmAlgId::AES.0)),
        (TpmPt::CONTEXT_SYM_SIZE, 256),
        (TpmPt::ORDERLY_COUNT, 0),
        (TpmPt::MAX_COMMAND_SIZE, profile.message_size),
        (TpmPt::MAX_RESPONSE_SIZE, profile.message_size),
        (TpmPt::MAX_DIGEST, max_digest.max().unwrap_or(MAX_DIGEST_SIZE) as u32),
        (TpmPt::MAX_OBJECT_CONTEXT, tpm2_types::limits::MAX_CONTEXT_SIZE as u32),
        (TpmPt::MAX_SESSION_CONTEXT, tpm2_types::limits::MAX_CONTEXT_SIZE as u32),
        (TpmPt::PS_FAMILY_INDICATOR, TpmPs::PC.0),
        (TpmPt::PS_LEVEL, 0),
        (TpmPt::PS_REVISION, 0x0000_0107),
        (TpmPt::PS_DAY_OF_YEAR, 0),
        (TpmPt::PS_YEAR, 0),
        (TpmPt::SPLIT_MAX, 0),
        (TpmPt::TOTAL_COMMANDS, commands),
        (TpmPt::LIBRARY_COMMANDS, commands),
        (TpmPt::VENDOR_COMMANDS, 0),
        (TpmPt::NV_BUFFER_MAX, u32::from(profile.nv_buffer_size)),
        (TpmPt::MODES, TpmaModes::empty().bits()),
        (TpmPt::MAX_CAP_BUFFER, MAX_CAP_BUFFER as u32),
        (TpmPt::FIRMWARE_SVN, firmware::SVN),
    ];
    specification.map(tagged).into_iter().chain(identity()).chain(limits.map(tagged))
}

/// NV indices and persistent objects share one memory; persistent objects are used where they are.
const MEMORY: u32 = TpmaMemory::SHARED_NV.bits();

/// The properties that commands change (PT_VAR).
fn variable_properties(context: &Context<'_, '_>) -> Result<[TpmsTaggedProperty; 21]> {
    let state = context.state;
    let profile = context.profile;
    let count = |kinds: &[Kind]| {
        kinds.iter().map(|kind| state.ids(*kind).count()).sum::<usize>().try_into().unwrap_or(u32::MAX)
    };
    let (attacks, _) = dictionary_attack::healed(state, context.clock)?;
    let loaded = count(&[Kind::Session]);
    let active = SessionTable::of(state)?.slots().filter(|slot| *slot != SessionSlot::Free).count() as u32;
    let persistent = count(&[Kind::ObjectOwner, Kind::ObjectPlatform]);
    let indices = [Kind::NvIndexOwner, Kind::NvIndexPlatform];
    let counters = indices.iter().flat_map(|kind| state.ids(*kind)).filter(|id| {
        state
            .nv_index(TpmHandle(*id))
            .ok()
            .flatten()
            .is_some_and(|index| index.attributes().nt() == TpmNt::COUNTER)
    });
    let room = state.persistent_room();
    Ok([
        (TpmPt::PERMANENT, permanent(context)?.bits()),
        (TpmPt::STARTUP_CLEAR, startup_clear(state)?.bits()),
        (TpmPt::HR_NV_INDEX, count(&indices)),
        (TpmPt::HR_LOADED, loaded),
        (TpmPt::HR_LOADED_AVAIL, profile.loaded_sessions.saturating_sub(loaded)),
        (TpmPt::HR_ACTIVE, active),
        (TpmPt::HR_ACTIVE_AVAIL, profile.active_sessions.saturating_sub(active)),
        (TpmPt::HR_TRANSIENT_AVAIL, profile.loaded_objects.saturating_sub(count(&[Kind::Object]))),
        (TpmPt::HR_PERSISTENT, persistent),
        (TpmPt::HR_PERSISTENT_AVAIL, (room / PERSISTENT_OBJECT_SIZE) as u32),
        (TpmPt::NV_COUNTERS, counters.count() as u32),
        (TpmPt::NV_COUNTERS_AVAIL, (room / COUNTER_SIZE) as u32),
        (TpmPt::ALGORITHM_SET, 0),
        (TpmPt::LOADED_CURVES, supported_curves(context).count() as u32),
        (TpmPt::LOCKOUT_COUNTER, attacks.failed_tries),
        (TpmPt::MAX_AUTH_FAIL, attacks.max_tries),
        (TpmPt::LOCKOUT_INTERVAL, attacks.recovery_time),
        (TpmPt::LOCKOUT_RECOVERY, attacks.lockout_recovery),
        (TpmPt::NV_WRITE_RECOVERY, 0),
        (TpmPt::AUDIT_COUNTER_0, 0),
        (TpmPt::AUDIT_COUNTER_1, 0),
    ]
    .map(tagged))
}

/// Bytes that a persistent object takes at most with today's algorithms (RSA 4096), for an estimate.
const PERSISTENT_OBJECT_SIZE: usize = 1536;
/// Bytes that an NV counter takes: two records.
const COUNTER_SIZE: usize = 160;

fn permanent(context: &Context<'_, '_>) -> Result<TpmaPermanent> {
    let state = context.state;
    let has_auth = |handle| state.hierarchy(handle).map(|hierarchy| !hierarchy.auth.is_empty());
    let (attacks, _) = dictionary_attack::healed(state, context.clock)?;
    let mut permanent = TpmaPermanent::TPM_GENERATED_EPS;
    permanent.set(TpmaPermanent::OWNER_AUTH_SET, has_auth(TpmRh::OWNER)?);
    permanent.set(TpmaPermanent::ENDORSEMENT_AUTH_SET, has_auth(TpmRh::ENDORSEMENT)?);
    permanent.set(TpmaPermanent::LOCKOUT_AUTH_SET, has_auth(TpmRh::LOCKOUT)?);
    permanent.set(TpmaPermanent::DISABLE_CLEAR, state.permanent()?.disable_clear.0);
    permanent.set(TpmaPermanent::IN_LOCKOUT, dictionary_attack::is_in_lockout(&attacks));
    Ok(permanent)
}

fn startup_clear(state: &State<'_>) -> Result<TpmaStartupClear> {
    let enables = state.state_clear()?;
    let mut startup_clear = TpmaStartupClear::empty();
    startup_clear.set(TpmaStartupClear::PH_ENABLE, enables.ph_enable.0);
    startup_clear.set(TpmaStartupClear::SH_ENABLE, enables.sh_enable.0);
    startup_clear.set(TpmaStartupClear::EH_ENABLE, enables.eh_enable.0);
    startup_clear.set(TpmaStartupClear::PH_ENABLE_NV, enables.ph_enable_nv.0);
    startup_clear.set(TpmaStartupClear::ORDERLY, state.running()?.is_some_and(|running| running.orderly.0));
    Ok(startup_clear)
}
