//! TPM2_Startup (Part 3, 9.3).

use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmRh, TpmSu, TpmiYesNo};

use crate::context::Context;
use crate::manufacture::SEED_SIZE;
use crate::session::SessionTable;
use crate::state::record::SAVED_KINDS;
use crate::state::{
    DictionaryAttackTimers, Hierarchy, Kind, Orderly, Running, Shutdown, StateClear,
    StateReset,
};
use crate::{dictionary_attack, nv, pcr};

command! {
    /// Starts the TPM after _TPM_Init: TPM reset, TPM restart or TPM resume. Part 3, 9.3.
    Startup<'a> = STARTUP;
    handles {}
    parameters { startup_type: TpmSu }
    returns {}
    flags { NO_SESSIONS NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Startup<'a>) -> Result<Response<'a>> {
    if context.state.running()?.is_some() {
        return Err(ResponseCode::INITIALIZE);
    }
    if !matches!(context.locality, 0 | 3 | 4) {
        return Err(ResponseCode::LOCALITY);
    }
    let orderly = context.state.orderly()?;
    let resume = match input.startup_type {
        TpmSu::STATE if orderly.shutdown == Shutdown::State => true,
        TpmSu::CLEAR => false,
        _ => return Err(ResponseCode::VALUE.at(at::startup_type)),
    };
    // A resume keeps PCR[0], which says from which locality the boot began.
    if resume && context.state.saved_running()?.is_some_and(|saved| saved.locality != context.locality) {
        return Err(ResponseCode::LOCALITY);
    }
    // TPM restart: TPM2_Shutdown(STATE), then TPM2_Startup(CLEAR).
    let restart = !resume && orderly.shutdown == Shutdown::State;

    if resume || restart {
        restore(context, resume)?;
    }
    if !resume {
        start_clear(context)?;
    }
    if !resume && !restart {
        start_reset(context)?;
    }
    start_pcrs(context, resume)?;
    start_dictionary_attack(context)?;

    let reset = !resume && !restart;
    context.put(&Orderly {
        clock: context.clock.clock(),
        // Without an orderly shutdown a later Clock may have been reported than the one that was kept.
        safe: TpmiYesNo(orderly.shutdown != Shutdown::None),
        reset_count: orderly.reset_count.wrapping_add(u32::from(reset)),
        restart_count: if reset { 0 } else { orderly.restart_count.wrapping_add(1) },
        total_reset_count: orderly.total_reset_count.wrapping_add(u64::from(reset)),
        shutdown: Shutdown::None,
        ..orderly
    })?;
    context.put(&Running {
        startup: input.startup_type,
        locality: context.locality,
        orderly: TpmiYesNo(orderly.shutdown != Shutdown::None),
        bytes: core::marker::PhantomData,
    })?;
    Ok(Response::new())
}

/// Brings back what TPM2_Shutdown(STATE) saved; after a restart only what outlives one.
fn restore(context: &mut Context<'_, '_>, resume: bool) -> Result<()> {
    for kind in SAVED_KINDS {
        let wanted = match kind {
            Kind::Pcr | Kind::Running => false,
            Kind::PlatformHierarchy | Kind::StateClear => resume,
            _ => true,
        };
        if let Some(saved) = context.state.bytes(kind.saved()).filter(|_| wanted) {
            let value = match kind {
                Kind::NvVolatile if !resume => nv::after_restart(saved, context.arena)?,
                _ => context.arena.copy(saved)?,
            };
            context.changes.push(tee_api::Change::Put { key: kind.only(), value })?;
        }
        // What was saved counts once; the PCRs are still read below.
        context.changes.delete(kind.saved())?;
    }
    // Sessions that were loaded at the shutdown are lost; saved contexts stay good.
    let table = context.state.bytes(Kind::SessionTable.saved()).ok_or(ResponseCode::FAILURE)?;
    let table = SessionTable::without_loaded(table, context.arena)?;
    context.changes.push(tee_api::Change::Put { key: Kind::SessionTable.only(), value: table })
}

fn start_clear(context: &mut Context<'_, '_>) -> Result<()> {
    context.put(&Hierarchy::unset(TpmRh::PLATFORM))?;
    let yes = TpmiYesNo(true);
    let bytes = core::marker::PhantomData;
    context.put(&StateClear { ph_enable: yes, sh_enable: yes, eh_enable: yes, ph_enable_nv: yes, bytes })
}

fn start_reset(context: &mut Context<'_, '_>) -> Result<()> {
    let null_seed = Tpm2bDigest::new(context.random_bytes(SEED_SIZE)?)?;
    let null_proof = Tpm2bDigest::new(context.random_bytes(SEED_SIZE)?)?;
    let bytes = core::marker::PhantomData;
    context.put(&StateReset {
        null_seed,
        null_proof,
        pcr_counter: 0,
        context_counter: 0,
        clear_count: 0,
        bytes,
    })?;
    let value = context.arena.allocate(SessionTable::size(context.profile.active_sessions as usize))?;
    context.changes.push(tee_api::Change::Put { key: Kind::SessionTable.only(), value })
}

fn start_pcrs(context: &mut Context<'_, '_>, resume: bool) -> Result<()> {
    let saved = context.state.bytes(Kind::Pcr.saved()).filter(|_| resume);
    let pcrs = context.arena.allocate(pcr::record_size(context.profile))?;
    pcr::startup(context.profile, pcrs, saved, context.locality);
    context.changes.push(tee_api::Change::Put { key: Kind::Pcr.only(), value: pcrs })
}

fn start_dictionary_attack(context: &mut Context<'_, '_>) -> Result<()> {
    context.put(&dictionary_attack::after_startup(context.state)?)?;
    let time = context.clock.time();
    context.put(&DictionaryAttackTimers { self_heal: time, lockout: time, bytes: core::marker::PhantomData })
}
