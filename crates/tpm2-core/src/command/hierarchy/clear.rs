//! TPM2_Clear (Part 3, 24.6).

use tee_api::Change;
use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmHandle, TpmRh, TpmiRhClear, TpmiYesNo};

use crate::context::Context;
use crate::manufacture::{DEFAULT_DICTIONARY_ATTACK, SEED_SIZE};
use crate::nv::{self, counter};
use crate::object::Object;
use crate::state::{
    DictionaryAttack, Hierarchy, Kind, NvMaxCounter, Orderly, Seeds, StateClear, StateReset,
};

command! {
    /// Takes the TPM from its owner: new storage seed, objects and NV indices gone. Part 3, 24.6.
    Clear<'a> = CLEAR;
    handles { auth_handle: TpmiRhClear => User }
    parameters {}
    returns {}
    flags { NV EXTENSIVE }
}

fn run<'a>(context: &mut Context<'_, 'a>, _input: Clear<'a>) -> Result<Response<'a>> {
    let state = context.state;
    if state.permanent()?.disable_clear.0 {
        return Err(ResponseCode::DISABLED);
    }
    let mut fresh = || -> Result<Tpm2bDigest<'a>> { Tpm2bDigest::new(context.random_bytes(SEED_SIZE)?) };
    let (owner, owner_proof, endorsement_proof) = (fresh()?, fresh()?, fresh()?);
    context.put(&Seeds { owner, owner_proof, endorsement_proof, ..state.seeds()? })?;
    for handle in [TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT] {
        context.put(&Hierarchy::unset(handle))?;
    }
    let yes = TpmiYesNo(true);
    context.put(&StateClear { sh_enable: yes, eh_enable: yes, ..state.state_clear()? })?;

    for id in state.ids(Kind::Object) {
        let object: Object<'_> = state.get(Kind::Object.with_id(id))?;
        if matches!(object.hierarchy, TpmRh::OWNER | TpmRh::ENDORSEMENT) {
            context.changes.delete(Object::key_of(TpmHandle(id)))?;
        }
    }
    // Deleted counters are remembered before their records go.
    let highest: NvMaxCounter<'_> = state.get(Kind::NvMaxCounter.only())?;
    context.put(&NvMaxCounter { value: counter::highest(state)?, ..highest })?;
    for kind in [Kind::ObjectOwner, Kind::NvIndexOwner, Kind::NvDataOwner] {
        context.changes.push(Change::DeleteKind { kind: kind as u16 })?;
    }

    nv::forget_volatile_of_owner(context)?;

    // A new owner begins with the defaults (Part 1, "Lockout Mode Configuration Parameters").
    let used = state.dictionary_attack()?.used;
    context.put(&DictionaryAttack { used, ..DEFAULT_DICTIONARY_ATTACK })?;
    let reset = state.state_reset()?;
    context.put(&StateReset {
        pcr_counter: reset.pcr_counter.wrapping_add(1),
        clear_count: reset.clear_count.wrapping_add(1),
        ..reset
    })?;
    context.put(&Orderly { clock: 0, safe: yes, reset_count: 0, restart_count: 0, ..state.orderly()? })?;
    Ok(Response::new())
}
