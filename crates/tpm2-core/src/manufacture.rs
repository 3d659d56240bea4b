//! Making a TPM: seeds, proofs, and everything as TPM2_Clear would leave it.

use tee_api::{Platform, StoreError};
use tpm2_crypto::{Drbg, Random};
use tpm2_types::{ResponseCode, Result, Tpm2bDigest, TpmRh, TpmiYesNo};

use crate::arena::Arena;
use crate::profile::Profile;
use crate::state::{
    Changes, DictionaryAttack, Hierarchy, Kind, Manufacture, NvMaxCounter, Orderly, Permanent, Seeds,
    Shutdown, State,
};
use crate::tpm::{FailureReason, commit};

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

/// Makes a TPM in an empty state and keeps it, in one transaction.
pub fn manufacture<P: Platform>(
    arena: &Arena<'_>,
    state: &mut State<'_>,
    random: &mut Drbg,
    platform: &mut P,
    profile: &Profile,
) -> Result<(), FailureReason> {
    let time = platform.milliseconds().unwrap_or(0);
    let mut changes = Changes::new();
    let staged = stage(arena, &mut changes, random, time, profile);
    staged.map_err(|_| FailureReason::State)?;
    let mut failure = None;
    commit(state, platform, &mut failure, &mut changes)
        .map_err(|_| failure.unwrap_or(FailureReason::Store(StoreError::Unavailable)))
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
    changes.put(arena, &Manufacture { id, time, profile: profile.id, count: 1, bytes })?;
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
