//! Protection against dictionary attacks (Part 1, "Dictionary Attack Protection").

use tee_api::{Change, RecordKey};
use tpm2_types::{ResponseCode, Result, TpmiYesNo};

use crate::arena::Arena;
use crate::clock::Clock;
use crate::state::{Changes, DictionaryAttack, DictionaryAttackTimers, Kind, State};

/// A wrong authorization that has to be recorded before anyone hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Of a protected entity: one more failed try.
    Counted,
    /// Of lockout: lockoutAuth is disabled for a while.
    Lockout,
}

/// TPM_RC_LOCKOUT where protected entities, or lockout itself, may not be authorized now. TPM_RC_NV_UNAVAILABLE or
/// TPM_RC_NV_RATE in a dark period: a wrong guess could not be recorded, so none is looked at.
pub fn check_lockout(state: &State<'_>, clock: &Clock, lockout: bool) -> Result<()> {
    if state.unrecorded().is_some() {
        return Err(ResponseCode::LOCKOUT);
    }
    if let Some(code) = state.unavailable() {
        return Err(code);
    }
    let now = healed(state, clock)?.0;
    let locked = if lockout { !now.lockout_auth_enabled.0 } else { is_in_lockout(&now) };
    if locked { Err(ResponseCode::LOCKOUT) } else { Ok(()) }
}

/// Whether the TPM is in lockout (TPMA_PERMANENT.inLockout).
pub fn is_in_lockout(parameters: &DictionaryAttack<'_>) -> bool {
    parameters.failed_tries >= parameters.max_tries
}

/// The parameters and timers as time has healed them until now.
pub fn healed<'s>(
    state: &'s State<'_>,
    clock: &Clock,
) -> Result<(DictionaryAttack<'s>, DictionaryAttackTimers<'s>)> {
    let mut parameters = state.dictionary_attack()?;
    let mut timers: DictionaryAttackTimers<'_> = state.get(Kind::DictionaryAttackTimers.only())?;
    let time = clock.time();
    if parameters.recovery_time == 0 {
        parameters.failed_tries = 0;
    } else if parameters.failed_tries > 0 {
        let interval = u64::from(parameters.recovery_time) * 1000;
        let forgiven = time.saturating_sub(timers.self_heal) / interval;
        let forgiven_now = u32::try_from(forgiven).unwrap_or(u32::MAX).min(parameters.failed_tries);
        parameters.failed_tries -= forgiven_now;
        timers.self_heal += forgiven * interval;
    }
    if !parameters.lockout_auth_enabled.0 && parameters.lockout_recovery != 0 {
        let until = timers.lockout + u64::from(parameters.lockout_recovery) * 1000;
        parameters.lockout_auth_enabled = TpmiYesNo(time >= until);
    }
    Ok((parameters, timers))
}

/// Which protected authorizations a command is about to have checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// One of a protected entity.
    pub entity: bool,
    /// lockoutAuth.
    pub lockout: bool,
}

/// Stages that protected authorizations are about to be checked, unless that is recorded already. The record is
/// durable before the check: otherwise who cuts the power after a wrong guess would have it for free. What time has
/// forgiven is kept with it.
///
/// Of entities it is recorded once in a run, until TPM2_Shutdown; of lockoutAuth, whose failure costs more, for each
/// check, until [`settle_lockout`].
pub fn write_ahead<'b>(
    state: &State<'_>,
    clock: &Clock,
    arena: &Arena<'b>,
    changes: &mut Changes<'b>,
    ahead: Ahead,
) -> Result<()> {
    if ahead.lockout && state.bytes(LOCKOUT_CHECK).is_none() {
        changes.push(Change::Put { key: LOCKOUT_CHECK, value: &[] })?;
    }
    if !ahead.entity {
        return Ok(());
    }
    let kept = state.dictionary_attack()?;
    let (parameters, timers) = healed(state, clock)?;
    let is_kept = kept.failed_tries == parameters.failed_tries
        && kept.lockout_auth_enabled == parameters.lockout_auth_enabled;
    if kept.used.0 && is_kept {
        return Ok(());
    }
    changes.put(arena, &DictionaryAttack { used: TpmiYesNo(true), ..parameters })?;
    changes.put(arena, &timers)
}

/// Stages that the last check of lockoutAuth has ended, and how is known.
pub fn settle_lockout(state: &State<'_>, changes: &mut Changes<'_>) -> Result<()> {
    if state.bytes(LOCKOUT_CHECK).is_some() { changes.delete(LOCKOUT_CHECK) } else { Ok(()) }
}

const LOCKOUT_CHECK: RecordKey = Kind::LockoutCheck.only();

/// The parameters as TPM2_Startup finds them. A protected authorization that was checked after the last TPM2_Shutdown
/// counts as a failed try: nobody knows how it ended (Part 1, "Non-orderly Shutdown"). A check of lockoutAuth whose
/// end is not known disables it as a wrong value does.
pub fn after_startup<'s>(state: &'s State<'_>) -> Result<DictionaryAttack<'s>> {
    let kept = state.dictionary_attack()?;
    let suspicious = kept.used.0 && kept.recovery_time != 0 && !is_in_lockout(&kept);
    let cut_off = state.bytes(LOCKOUT_CHECK).is_some();
    let enabled = kept.lockout_auth_enabled.0 && !cut_off || kept.lockout_recovery == 0;
    Ok(DictionaryAttack {
        failed_tries: kept.failed_tries.saturating_add(u32::from(suspicious)),
        lockout_auth_enabled: TpmiYesNo(enabled),
        used: TpmiYesNo(false),
        ..kept
    })
}

/// Stages the record of a wrong authorization.
pub fn record<'b>(
    state: &State<'_>,
    clock: &Clock,
    arena: &Arena<'b>,
    changes: &mut Changes<'b>,
    failure: Failure,
) -> Result<()> {
    let (mut parameters, mut timers) = healed(state, clock)?;
    // Whatever was wrong, a check of lockoutAuth has ended with it.
    settle_lockout(state, changes)?;
    match failure {
        Failure::Counted => {
            if parameters.recovery_time != 0 {
                // Only time without a failure forgives one.
                timers.self_heal = clock.time();
                parameters.failed_tries = parameters.failed_tries.saturating_add(1);
            }
        }
        Failure::Lockout => {
            parameters.lockout_auth_enabled = TpmiYesNo(false);
            timers.lockout = clock.time();
        }
    }
    changes.put(arena, &parameters)?;
    changes.put(arena, &timers)
}
