//! TPM2_DictionaryAttackParameters (Part 3, 25.3).

use tpm2_types::{Result, TpmiRhLockout};

use crate::context::Context;
use crate::dictionary_attack;
use crate::state::DictionaryAttack;

command! {
    /// Sets how many tries may fail, and how they are forgiven. Part 3, 25.3.
    DictionaryAttackParameters<'a> = DICTIONARY_ATTACK_PARAMETERS;
    handles { lock_handle: TpmiRhLockout => User }
    parameters { new_max_tries: u32, new_recovery_time: u32, lockout_recovery: u32 }
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: DictionaryAttackParameters<'a>) -> Result<Response<'a>> {
    // What the old parameters have forgiven until now stays forgiven.
    let (parameters, timers) = dictionary_attack::healed(context.state, context.clock)?;
    context.put(&DictionaryAttack {
        max_tries: input.new_max_tries,
        recovery_time: input.new_recovery_time,
        lockout_recovery: input.lockout_recovery,
        ..parameters
    })?;
    context.put(&timers)?;
    Ok(Response::new())
}
