//! TPM2_Shutdown (Part 3, 9.4).

use tee_api::Change;
use tpm2_types::{ResponseCode, Result, TpmSu, TpmiYesNo};

use crate::context::Context;
use crate::dictionary_attack;
use crate::state::record::SAVED_KINDS;
use crate::state::{DictionaryAttack, Orderly, Shutdown as Ended};

command! {
    /// Announces that power will go: keeps what the next TPM2_Startup needs. Part 3, 9.4.
    Shutdown<'a> = SHUTDOWN;
    handles {}
    parameters { shutdown_type: TpmSu }
    returns {}
    flags { NV AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: Shutdown<'a>) -> Result<Response<'a>> {
    let ended = match input.shutdown_type {
        TpmSu::STATE => Ended::State,
        TpmSu::CLEAR => Ended::Clear,
        _ => return Err(ResponseCode::VALUE.at(at::shutdown_type)),
    };
    for kind in SAVED_KINDS {
        match context.state.bytes(kind.only()) {
            Some(bytes) if ended == Ended::State => {
                let value = context.arena.copy(bytes)?;
                context.changes.push(Change::Put { key: kind.saved(), value })?;
            }
            _ if context.state.bytes(kind.saved()).is_some() => context.changes.delete(kind.saved())?,
            _ => {}
        }
    }
    let (parameters, _) = dictionary_attack::healed(context.state, context.clock)?;
    context.put(&DictionaryAttack { used: TpmiYesNo(false), ..parameters })?;
    let orderly = context.state.orderly()?;
    context.put(&Orderly { clock: context.clock.clock(), shutdown: ended, ..orderly })?;
    Ok(Response::new())
}
