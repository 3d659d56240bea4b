//! TPM2_DictionaryAttackLockReset (Part 3, 25.2).

use tpm2_types::{Result, TpmiRhLockout, TpmiYesNo};

use crate::context::Context;
use crate::state::DictionaryAttack;

command! {
    /// Forgives all failed tries. Part 3, 25.2.
    DictionaryAttackLockReset<'a> = DICTIONARY_ATTACK_LOCK_RESET;
    handles { lock_handle: TpmiRhLockout => User }
    parameters {}
    returns {}
    flags { NV }
}

fn run<'a>(context: &mut Context<'_, 'a>, _input: DictionaryAttackLockReset<'a>) -> Result<Response<'a>> {
    let parameters = context.state.dictionary_attack()?;
    // Who could authorize this may use lockoutAuth, whatever was kept of an earlier failure.
    let enabled = TpmiYesNo(true);
    context.put(&DictionaryAttack { failed_tries: 0, lockout_auth_enabled: enabled, ..parameters })?;
    Ok(Response::new())
}
