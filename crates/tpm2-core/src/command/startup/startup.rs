//! TPM2_Startup (Part 3, 9.3).

use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmRh, TpmSu, TpmiYesNo};

use crate::arena::Arena;
use crate::clock::Clock;
use crate::context::Context;
use crate::manufacture::SEED_SIZE;
use crate::session::SessionTable;
use crate::state::record::SAVED_KINDS;
use crate::state::{
    Changes, DictionaryAttackTimers, Hierarchy, Kind, Orderly, Running, Shutdown, State, StateClear, StateReset,
};
use crate::{dictionary_attack, firmware, nv, pcr};

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
    if context.state.is_closed() {
        return start_without_state(context, input.startup_type);
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
    start_timers(context)?;
    put_running(context, input.startup_type, orderly.shutdown != Shutdown::None)?;
    write_down(context.state, context.clock, context.arena, context.changes, !resume && !restart)?;
    Ok(Response::new())
}

/// TPM2_Startup(CLEAR) while the state cannot be had: a TPM reset, whatever the last run ended with. What it does to
/// the state, [`late`] does when that comes.
fn start_without_state<'a>(context: &mut Context<'_, 'a>, startup: TpmSu) -> Result<Response<'a>> {
    if startup != TpmSu::CLEAR {
        // Whether there is a saved state to resume from, only the state tells.
        context.state.check_open()?;
    }
    start_clear(context)?;
    start_reset(context)?;
    start_pcrs(context, false)?;
    start_timers(context)?;
    put_running(context, startup, false)?;
    Ok(Response::new())
}

/// What a TPM2_Startup that came before the state does to it. What TPM2_Shutdown(STATE) saved is given up: the run has
/// begun as a TPM reset.
pub(crate) fn late<'b>(
    state: &State<'_>,
    clock: &Clock,
    arena: &Arena<'b>,
    changes: &mut Changes<'b>,
) -> Result<()> {
    for kind in SAVED_KINDS {
        if state.bytes(kind.saved()).is_some() {
            changes.delete(kind.saved())?;
        }
    }
    if let Some(running) = state.running()? {
        let orderly = TpmiYesNo(state.orderly()?.shutdown != Shutdown::None);
        changes.put(arena, &Running { orderly, ..running })?;
    }
    write_down(state, clock, arena, changes, true)
}

/// What a start changes of what outlives the power.
fn write_down<'b>(
    state: &State<'_>,
    clock: &Clock,
    arena: &Arena<'b>,
    changes: &mut Changes<'b>,
    reset: bool,
) -> Result<()> {
    changes.put(arena, &dictionary_attack::after_startup(state)?)?;
    dictionary_attack::settle_lockout(state, changes)?;
    firmware::write_down(state, arena, changes)?;
    let orderly = state.orderly()?;
    changes.put(
        arena,
        &Orderly {
            clock: clock.clock(),
            // Without an orderly shutdown a later Clock may have been reported than the one that was kept.
            safe: TpmiYesNo(orderly.shutdown != Shutdown::None),
            reset_count: orderly.reset_count.wrapping_add(u32::from(reset)),
            restart_count: if reset { 0 } else { orderly.restart_count.wrapping_add(1) },
            total_reset_count: orderly.total_reset_count.wrapping_add(u64::from(reset)),
            shutdown: Shutdown::None,
            ..orderly
        },
    )
}

fn put_running(context: &mut Context<'_, '_>, startup: TpmSu, orderly: bool) -> Result<()> {
    context.put(&Running {
        startup,
        locality: context.locality,
        orderly: TpmiYesNo(orderly),
        bytes: core::marker::PhantomData,
    })
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

fn start_timers(context: &mut Context<'_, '_>) -> Result<()> {
    let time = context.clock.time();
    context.put(&DictionaryAttackTimers { self_heal: time, lockout: time, bytes: core::marker::PhantomData })
}
