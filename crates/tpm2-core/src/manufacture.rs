//! Making a TPM: seeds, proofs, and everything as TPM2_Clear would leave it.

use posture::Permit;
use tee_api::{Platform, StoreError};
use tpm2_crypto::{Drbg, Random};
use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmRh, TpmiYesNo};

use crate::arena::Arena;
use crate::failure::FailureReason;
use crate::firmware;
use crate::ledger::Ledger;
use crate::profile::Profile;
use crate::state::{
    Changes, DictionaryAttack, Hierarchy, Kind, Manufacture, NvMaxCounter, Orderly, Permanent, Seeds,
    Shutdown, State,
};

/// The bytes of a primary seed and of a proof: the size of the largest digest.
pub const SEED_SIZE: usize = 64;

/// The version of the derivation of keys from seeds that a new TPM gets.
pub const DERIVATION: u16 = 1;

/// Failures until lockout, seconds to forgive one, seconds until lockoutAuth may be tried again.
pub const DEFAULT_DICTIONARY_ATTACK: DictionaryAttack<'static> = DictionaryAttack {
    failed_tries: 0,
    max_tries: 32,
    recovery_time: 600,
    lockout_recovery: 24 * 60 * 60,
    lockout_auth_enabled: TpmiYesNo(true),
    used: TpmiYesNo(false),
    bytes: core::marker::PhantomData,
};

/// Makes a TPM in an empty state and keeps it, in one transaction; then marks the device as one that has a TPM.
/// `count` is how often that has happened, as far as is known.
#[allow(clippy::too_many_arguments, reason = "all that a TPM is made of")]
pub(crate) fn manufacture<P: Platform>(
    _permit: Permit,
    arena: &Arena<'_>,
    state: &mut State<'_>,
    random: &mut Drbg,
    platform: &mut P,
    ledger: &mut Ledger,
    profile: &Profile,
    count: u32,
) -> Result<(), FailureReason> {
    let time = platform.milliseconds().unwrap_or(0);
    let mut changes = Changes::new();
    let staged = stage(arena, &mut changes, random, time, profile, count);
    staged.map_err(|_| FailureReason::State)?;
    ledger.begin(state, platform)?;
    let mut failure = None;
    ledger
        .commit(state, platform, &mut failure, arena, &mut changes)
        .map_err(|_| failure.unwrap_or(FailureReason::Store(StoreError::Unavailable)))?;
    // Without its mark the TPM is no worse than one on a device that has none; the next start marks it.
    let _tried_again_at_the_next_start = platform.mark_provisioned();
    Ok(())
}

/// Whether every record that a TPM has from manufacture on is there and makes sense.
pub fn is_complete(state: &State<'_>) -> bool {
    let complete = || -> Result<()> {
        state.get::<Manufacture<'_>>(Kind::Manufacture.only())?;
        state.seeds()?;
        for handle in [TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT] {
            state.hierarchy(handle)?;
        }
        state.dictionary_attack()?;
        state.orderly()?;
        state.permanent()?;
        state.get::<NvMaxCounter<'_>>(Kind::NvMaxCounter.only()).map(|_| ())
    };
    complete().is_ok()
}

fn stage<'b>(
    arena: &Arena<'b>,
    changes: &mut Changes<'b>,
    random: &mut Drbg,
    time: u64,
    profile: &Profile,
    count: u32,
) -> Result<()> {
    let bytes = core::marker::PhantomData;
    let mut secret = |size| -> Result<Tpm2bDigest<'b>> {
        let bytes = arena.allocate(size)?;
        random.fill(bytes).map_err(|_| ResponseCode::FAILURE)?;
        Tpm2bDigest::new(bytes)
    };
    let id = secret(16)?;
    let seeds = Seeds {
        derivation: DERIVATION,
        endorsement: secret(SEED_SIZE)?,
        owner: secret(SEED_SIZE)?,
        platform: secret(SEED_SIZE)?,
        endorsement_proof: secret(SEED_SIZE)?,
        owner_proof: secret(SEED_SIZE)?,
        platform_proof: secret(SEED_SIZE)?,
        bytes,
    };
    changes.put(arena, &Manufacture { id, time, profile: profile.id, count, bytes })?;
    changes.put(arena, &firmware::CURRENT)?;
    changes.put(arena, &seeds)?;
    for handle in [TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT] {
        changes.put(arena, &Hierarchy::unset(handle))?;
    }
    changes.put(arena, &DEFAULT_DICTIONARY_ATTACK)?;
    changes.put(arena, &Permanent { disable_clear: TpmiYesNo(false), bytes })?;
    changes.put(arena, &NvMaxCounter { value: 0, bytes })?;
    changes.put(
        arena,
        &Orderly {
            clock: 0,
            safe: TpmiYesNo(true),
            reset_count: 0,
            restart_count: 0,
            total_reset_count: 0,
            shutdown: Shutdown::Clear,
            bytes,
        },
    )
}
