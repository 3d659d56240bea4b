//! The records of a TPM, one declaration each, and how the state finds them.

use tee_api::RecordKey;
use tpm2_types::{
    Marshal, Reader, ResponseCode, Result, Tpm2bAuth, Tpm2bDigest, TpmHandle, TpmRh, TpmSu, TpmaLocality,
    TpmiAlgHash, TpmiYesNo, Unmarshal, Writer,
};

use super::record::{Record, record};
use super::{Kind, State};

record! {
    /// When and as what this TPM came to be.
    Manufacture<'a>: Manufacture, version 1 {
        /// Chosen at random at manufacture: tells two TPMs apart, and one from its successor in the same folder.
        id: Tpm2bDigest<'a>,
        /// Milliseconds on the platform's clock, which may count from any point.
        time: u64,
        /// The profile that was fixed at manufacture.
        profile: u32,
        /// How often this device manufactured a TPM, this one included, as far as the platform can tell.
        count: u32,
    }
}

record! {
    /// Primary seeds and proofs (Part 1, "Primary Seeds", "Hierarchy Proofs").
    Seeds<'a>: Seeds, version 1 {
        /// The version of the derivation of keys from these seeds.
        derivation: u16,
        /// EPS.
        endorsement: Tpm2bDigest<'a>,
        /// SPS.
        owner: Tpm2bDigest<'a>,
        /// PPS.
        platform: Tpm2bDigest<'a>,
        /// ehProof.
        endorsement_proof: Tpm2bDigest<'a>,
        /// shProof.
        owner_proof: Tpm2bDigest<'a>,
        /// phProof.
        platform_proof: Tpm2bDigest<'a>,
    }
}

record! {
    @structure
    /// Authorization value and policy of a hierarchy or of lockout.
    Hierarchy<'a>, 1 {
        /// TPM_RH_OWNER, TPM_RH_ENDORSEMENT, TPM_RH_PLATFORM or TPM_RH_LOCKOUT.
        handle: TpmHandle,
        /// The authorization value, without trailing zeros.
        auth: Tpm2bAuth<'a>,
        /// The hash algorithm of the policy; none without a policy.
        policy_alg: Option<TpmiAlgHash>,
        /// The policy; empty without one.
        policy: Tpm2bDigest<'a>,
    }
}

impl Hierarchy<'_> {
    /// A hierarchy as a reset leaves it: empty authorization, no policy.
    pub const fn unset(handle: TpmHandle) -> Self {
        Self {
            handle,
            auth: Tpm2bAuth::EMPTY,
            policy_alg: None,
            policy: Tpm2bDigest::EMPTY,
            bytes: core::marker::PhantomData,
        }
    }

    /// The record of a hierarchy.
    pub fn key_of(handle: TpmHandle) -> RecordKey {
        if handle == TpmRh::PLATFORM {
            Kind::PlatformHierarchy.only()
        } else {
            Kind::Hierarchy.with_id(handle.0)
        }
    }
}

impl<'a> Record<'a> for Hierarchy<'a> {
    fn key(&self) -> RecordKey {
        Self::key_of(self.handle)
    }
}

record! {
    /// Parameters and state of the dictionary attack protection (Part 1, "Dictionary Attack Protection").
    DictionaryAttack<'a>: DictionaryAttack, version 1 {
        /// Authorization failures that count.
        failed_tries: u32,
        /// The count at which the TPM goes into lockout.
        max_tries: u32,
        /// Seconds after which one failure is forgiven; 0 means that none counts.
        recovery_time: u32,
        /// Seconds until lockoutAuth may be tried again; 0 means after the next startup.
        lockout_recovery: u32,
        /// Whether lockoutAuth may be used.
        lockout_auth_enabled: TpmiYesNo,
        /// Whether a protected authorization was checked since the last orderly shutdown: if the TPM stops without
        /// one, that counts as a failed try.
        used: TpmiYesNo,
    }
}

record! {
    /// Clock, counters and how the last run ended.
    Orderly<'a>: Orderly, version 1 {
        /// TPMS_CLOCK_INFO.clock when this was written, in milliseconds.
        clock: u64,
        /// TPMS_CLOCK_INFO.safe: no later value of clock was reported before this one was written.
        safe: TpmiYesNo,
        /// TPMS_CLOCK_INFO.resetCount.
        reset_count: u32,
        /// TPMS_CLOCK_INFO.restartCount.
        restart_count: u32,
        /// TPM resets in the whole life of this TPM; unlike resetCount never set back.
        total_reset_count: u64,
        /// What TPM2_Shutdown was told; none while the TPM runs or when it was cut off.
        shutdown: Shutdown,
    }
}

/// How the last run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// There was no TPM2_Shutdown, or something changed after it.
    None,
    /// TPM2_Shutdown(CLEAR).
    Clear,
    /// TPM2_Shutdown(STATE).
    State,
}

impl<'a> Unmarshal<'a> for Shutdown {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        Ok(match reader.read::<u8>()? {
            0 => Self::None,
            1 => Self::Clear,
            2 => Self::State,
            _ => return Err(ResponseCode::FAILURE),
        })
    }
}

impl Marshal for Shutdown {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&(*self as u8))
    }
}

record! {
    /// Flags that outlive a reset.
    Permanent<'a>: Permanent, version 1 {
        /// TPMA_PERMANENT.disableClear.
        disable_clear: TpmiYesNo,
    }
}

record! {
    /// The number of the last transaction, which the platform's counter follows.
    Commit<'a>: Commit, version 1 {
        /// The number; the first transaction has 1 more than the counter had.
        number: u64,
    }
}

record! {
    /// Which firmware used the state last; missing in a state that is older than this record.
    Firmware<'a>: Firmware, version 1 {
        /// Its security version number: a firmware with a smaller one does not use the state.
        svn: u32,
        /// Its version, which may fall as well as rise.
        version: u64,
    }
}

record! {
    /// What every TPM reset and TPM restart sets anew.
    StateClear<'a>: StateClear, version 1 {
        /// TPMA_STARTUP_CLEAR.phEnable.
        ph_enable: TpmiYesNo,
        /// TPMA_STARTUP_CLEAR.shEnable.
        sh_enable: TpmiYesNo,
        /// TPMA_STARTUP_CLEAR.ehEnable.
        eh_enable: TpmiYesNo,
        /// TPMA_STARTUP_CLEAR.phEnableNV.
        ph_enable_nv: TpmiYesNo,
    }
}

record! {
    /// What every TPM reset sets anew.
    StateReset<'a>: StateReset, version 1 {
        /// The seed of the null hierarchy.
        null_seed: Tpm2bDigest<'a>,
        /// The proof of the null hierarchy; also what protects saved contexts.
        null_proof: Tpm2bDigest<'a>,
        /// Counts changes of PCRs (pcrUpdateCounter).
        pcr_counter: u32,
        /// The sequence number of the last saved context.
        context_counter: u64,
        /// Counts TPM2_Clear since the last TPM reset.
        clear_count: u32,
    }
}

record! {
    /// How this run began; the record is there only after TPM2_Startup.
    Running<'a>: Running, version 1 {
        /// The type of the TPM2_Startup.
        startup: TpmSu,
        /// The locality of the TPM2_Startup.
        locality: u8,
        /// TPMA_STARTUP_CLEAR.orderly: the last run ended with TPM2_Shutdown.
        orderly: TpmiYesNo,
    }
}

record! {
    /// Timers of the dictionary attack logic, in milliseconds of TPMS_TIME_INFO.time.
    DictionaryAttackTimers<'a>: DictionaryAttackTimers, version 1 {
        /// When the last failure was counted or forgiven.
        self_heal: u64,
        /// When lockoutAuth was disabled.
        lockout: u64,
    }
}

record! {
    /// The highest value that any deleted NV counter had: a new one starts above it.
    NvMaxCounter<'a>: NvMaxCounter, version 1 {
        /// The value.
        value: u64,
    }
}

impl State<'_> {
    /// A hierarchy's authorization and policy. TPM_RH_NULL has an empty one.
    pub fn hierarchy(&self, handle: TpmHandle) -> Result<Hierarchy<'_>> {
        if handle == TpmRh::NULL {
            return Ok(Hierarchy::unset(TpmRh::NULL));
        }
        self.get(Hierarchy::key_of(handle))
    }

    /// Seeds and proofs.
    pub fn seeds(&self) -> Result<Seeds<'_>> {
        self.get(Kind::Seeds.only())
    }

    /// Dictionary attack parameters.
    pub fn dictionary_attack(&self) -> Result<DictionaryAttack<'_>> {
        self.get(Kind::DictionaryAttack.only())
    }

    /// Clock and counters.
    pub fn orderly(&self) -> Result<Orderly<'_>> {
        self.get(Kind::Orderly.only())
    }

    /// Flags that outlive a reset.
    pub fn permanent(&self) -> Result<Permanent<'_>> {
        self.get(Kind::Permanent.only())
    }

    /// The number of the last transaction; 0 in a state that is older than the numbers.
    pub fn commit_number(&self) -> Result<u64> {
        Ok(self.find::<Commit<'_>>(Kind::Commit.only())?.map_or(0, |commit| commit.number))
    }

    /// Which firmware used the state last, where the state says so.
    pub fn firmware(&self) -> Result<Option<Firmware<'_>>> {
        self.find(Kind::Firmware.only())
    }

    /// What every reset and restart sets anew.
    pub fn state_clear(&self) -> Result<StateClear<'_>> {
        self.get(Kind::StateClear.only())
    }

    /// What every reset sets anew.
    pub fn state_reset(&self) -> Result<StateReset<'_>> {
        self.get(Kind::StateReset.only())
    }

    /// How this run began; none before TPM2_Startup.
    pub fn running(&self) -> Result<Option<Running<'_>>> {
        self.find(Kind::Running.only())
    }

    /// How the run began that TPM2_Shutdown(STATE) ended.
    pub fn saved_running(&self) -> Result<Option<Running<'_>>> {
        self.find(Kind::Running.saved())
    }

    /// Whether this TPM has the hierarchy that `handle` names: the base ones, not those that depend on its firmware.
    pub const fn has_hierarchy(handle: TpmHandle) -> bool {
        matches!(handle, TpmRh::OWNER | TpmRh::ENDORSEMENT | TpmRh::PLATFORM | TpmRh::NULL)
    }

    /// Whether the hierarchy that `handle` names is enabled. The null hierarchy always is.
    pub fn hierarchy_enabled(&self, handle: TpmHandle) -> Result<bool> {
        let enables = self.state_clear()?;
        Ok(match handle {
            TpmRh::OWNER => enables.sh_enable.0,
            TpmRh::ENDORSEMENT => enables.eh_enable.0,
            TpmRh::PLATFORM => enables.ph_enable.0,
            _ => true,
        })
    }

    /// The proof of a hierarchy (Part 1, "Hierarchy Proofs").
    pub fn proof(&self, hierarchy: TpmHandle) -> Result<&[u8]> {
        Ok(match hierarchy {
            TpmRh::OWNER => self.seeds()?.owner_proof.as_slice(),
            TpmRh::ENDORSEMENT => self.seeds()?.endorsement_proof.as_slice(),
            TpmRh::PLATFORM => self.seeds()?.platform_proof.as_slice(),
            _ => self.state_reset()?.null_proof.as_slice(),
        })
    }

    /// The primary seed of a hierarchy.
    pub fn primary_seed(&self, hierarchy: TpmHandle) -> Result<&[u8]> {
        Ok(match hierarchy {
            TpmRh::OWNER => self.seeds()?.owner.as_slice(),
            TpmRh::ENDORSEMENT => self.seeds()?.endorsement.as_slice(),
            TpmRh::PLATFORM => self.seeds()?.platform.as_slice(),
            _ => self.state_reset()?.null_seed.as_slice(),
        })
    }
}

/// Whether a set of localities contains this one: a bit for each of 0 to 4, or an extended locality from 32 on
/// (Part 2, 8.5).
pub fn allows_locality(set: TpmaLocality, locality: u8) -> bool {
    let set = set.bits();
    if locality < 5 { set < 32 && set & (1 << locality) != 0 } else { set == locality }
}

/// A locality as an attribute: a bit for each of 0 to 4, or the number itself from 32 on.
pub fn locality_attribute(locality: u8) -> TpmaLocality {
    TpmaLocality::from_bits_retain(if locality < 5 { 1 << locality } else { locality })
}
