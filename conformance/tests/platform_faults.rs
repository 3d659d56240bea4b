//! Every call of the platform made to fail in turn under each command: no panic, no PCR back at its start, an exact
//! response code, and full service once the fault clears. What was answered stands in `golden/platform_faults.txt`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use conformance::bed::Bed;
use conformance::machine::Machine;
use platform_hostile::{Call, Counts, HostilePlatform, Plan, What};
use tee_api::{CounterError, EntropyError, StoreError};
use tpm2_client::{Append, Bytes, Command, Entity, StartSession, Transport, commands, template};
use tpm2_core::state::Kind;
use tpm2_core::{Memory, Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_types::{
    ResponseCode, TpmAlgId, TpmCap, TpmCc, TpmHandle, TpmNt, TpmRh, TpmSe, TpmSu, TpmaNv, TpmaObject,
};

/// Sets up what a command needs, and gives the command.
type Instance = fn(&mut Bed) -> Result<Command>;

/// A working instance of each command, and some more where another way through it calls the platform differently.
const INSTANCES: &[(&str, TpmCc, Instance)] = &[
    ("NV_UndefineSpace", TpmCc::NV_UNDEFINE_SPACE, |bed| {
        let index = bed.nv_index(OPEN, 8)?;
        Ok(commands::nv_undefine_space(TpmRh::OWNER, &index))
    }),
    ("EvictControl", TpmCc::EVICT_CONTROL, |bed| {
        let key = bed.primary(&template::hmac_key())?;
        Ok(commands::evict_control(TpmRh::OWNER, &key, TpmHandle(0x8100_0001)))
    }),
    ("Clear", TpmCc::CLEAR, |_| Ok(commands::clear(TpmRh::PLATFORM))),
    ("Clear by lockout", TpmCc::CLEAR, |_| Ok(commands::clear(TpmRh::LOCKOUT))),
    ("ClearControl", TpmCc::CLEAR_CONTROL, |_| Ok(commands::clear_control(TpmRh::PLATFORM, true))),
    ("HierarchyChangeAuth", TpmCc::HIERARCHY_CHANGE_AUTH, |_| {
        Ok(commands::hierarchy_change_auth(TpmRh::ENDORSEMENT, b"new"))
    }),
    ("NV_DefineSpace", TpmCc::NV_DEFINE_SPACE, |_| {
        let public = commands::nv_public(TpmHandle::nv_index(9), TpmAlgId::SHA256, OPEN, &[], 8);
        Ok(commands::nv_define_space(TpmRh::OWNER, &[], public))
    }),
    ("CreatePrimary", TpmCc::CREATE_PRIMARY, |_| Ok(create_primary(&template::srk_ecc()))),
    ("DictionaryAttackLockReset", TpmCc::DICTIONARY_ATTACK_LOCK_RESET, |_| {
        Ok(commands::dictionary_attack_lock_reset(TpmRh::LOCKOUT))
    }),
    ("DictionaryAttackParameters", TpmCc::DICTIONARY_ATTACK_PARAMETERS, |_| {
        Ok(commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 9, 100, 100))
    }),
    ("PCR_Event", TpmCc::PCR_EVENT, |_| Ok(commands::pcr_event(TpmHandle(4), b"event"))),
    ("PCR_Reset", TpmCc::PCR_RESET, |_| Ok(commands::pcr_reset(TpmHandle(16)))),
    ("NV_Increment", TpmCc::NV_INCREMENT, |bed| {
        let index = bed.nv_index(OPEN.with_nt(TpmNt::COUNTER), 8)?;
        Ok(commands::nv_increment(TpmRh::OWNER, &index))
    }),
    ("NV_SetBits", TpmCc::NV_SET_BITS, |bed| {
        let index = bed.nv_index(OPEN.with_nt(TpmNt::BITS), 8)?;
        Ok(commands::nv_set_bits(TpmRh::OWNER, &index, 5))
    }),
    ("NV_Extend", TpmCc::NV_EXTEND, |bed| {
        let index = bed.nv_index(OPEN.with_nt(TpmNt::EXTEND), 32)?;
        Ok(commands::nv_extend(TpmRh::OWNER, &index, b"data"))
    }),
    ("NV_Write", TpmCc::NV_WRITE, |bed| {
        let index = bed.nv_index(OPEN, 8)?;
        Ok(commands::nv_write(TpmRh::OWNER, &index, b"12345678", 0))
    }),
    ("NV_WriteLock", TpmCc::NV_WRITE_LOCK, |bed| {
        let index = written(bed, OPEN | TpmaNv::WRITEDEFINE)?;
        Ok(commands::nv_write_lock(TpmRh::OWNER, &index))
    }),
    ("NV_Read", TpmCc::NV_READ, |bed| {
        let index = written(bed, OPEN)?;
        Ok(commands::nv_read(TpmRh::OWNER, &index, 8, 0))
    }),
    ("NV_Read, protected", TpmCc::NV_READ, |bed| {
        let index = written(bed, (OPEN - TpmaNv::NO_DA) | TpmaNv::AUTHREAD)?;
        Ok(commands::nv_read(index.clone(), &index, 8, 0))
    }),
    ("NV_ReadLock", TpmCc::NV_READ_LOCK, |bed| {
        let index = written(bed, OPEN | TpmaNv::READ_STCLEAR)?;
        Ok(commands::nv_read_lock(TpmRh::OWNER, &index))
    }),
    ("NV_ReadPublic", TpmCc::NV_READ_PUBLIC, |bed| {
        Ok(commands::nv_read_public(bed.nv_index(OPEN, 8)?.handle()))
    }),
    ("NV_Certify", TpmCc::NV_CERTIFY, |bed| {
        let key = bed.primary(&template::signing_ecc())?;
        let index = written(bed, OPEN)?;
        Ok(commands::nv_certify(&key, TpmRh::OWNER, &index, b"", ecdsa(), 8, 0))
    }),
    ("ObjectChangeAuth", TpmCc::OBJECT_CHANGE_AUTH, |bed| {
        let parent = bed.primary(&template::srk_ecc())?;
        let object = bed.child(&parent, &template::sealed(), b"", b"secret")?;
        Ok(commands::object_change_auth(&object, &parent, b"new"))
    }),
    ("PolicySecret", TpmCc::POLICY_SECRET, |bed| {
        let session = bed.policy_session()?;
        Ok(commands::policy_secret(&TpmRh::OWNER.into(), session.handle(), &[], &[], &[], 0))
    }),
    ("PolicySecret of lockout", TpmCc::POLICY_SECRET, |bed| {
        let session = bed.policy_session()?;
        Ok(commands::policy_secret(&TpmRh::LOCKOUT.into(), session.handle(), &[], &[], &[], 0))
    }),
    ("Create", TpmCc::CREATE, |bed| {
        let parent = bed.primary(&template::srk_ecc())?;
        let sensitive = commands::sensitive(b"", b"secret");
        Ok(commands::create(&parent, sensitive, &template::sealed().to_bytes(), &[], commands::no_pcrs()))
    }),
    ("Load", TpmCc::LOAD, |bed| {
        let parent = bed.primary(&template::srk_ecc())?;
        let created = bed.create(&parent, &template::sealed(), b"", b"secret")?;
        Ok(commands::load(&parent, &created.private, &created.public))
    }),
    ("Quote", TpmCc::QUOTE, |bed| {
        let key = bed.primary(&template::signing_ecc())?;
        Ok(commands::quote(&key, b"", ecdsa(), commands::pcr_selection(TpmAlgId::SHA256, &[0])))
    }),
    ("RSA_Decrypt", TpmCc::RSA_DECRYPT, |bed| {
        let key = bed.external_rsa(&template::decryption_rsa().clear(MADE_HERE))?;
        let encrypt = commands::rsa_encrypt(&key, b"data", rsaes(), &[]);
        let secret = bed.run(&encrypt)?.fields().sized()?.to_vec();
        Ok(commands::rsa_decrypt(&key, &secret, rsaes(), &[]))
    }),
    ("HMAC", TpmCc::HMAC, |bed| {
        let key = bed.primary(&template::hmac_key())?;
        Ok(commands::hmac(&key, b"data", TpmAlgId::NULL))
    }),
    ("Sign", TpmCc::SIGN, |bed| {
        let key = bed.primary(&template::signing_ecc())?;
        Ok(commands::sign(&key, &[1; 32], ecdsa(), commands::null_hash_check()))
    }),
    ("Unseal", TpmCc::UNSEAL, |bed| {
        let parent = bed.primary(&template::srk_ecc())?;
        Ok(commands::unseal(&bed.child(&parent, &template::sealed(), b"", b"secret")?))
    }),
    ("Unseal, protected", TpmCc::UNSEAL, |bed| {
        let parent = bed.primary(&template::srk_ecc())?;
        let sealed = template::sealed().clear(TpmaObject::NO_DA);
        Ok(commands::unseal(&bed.child(&parent, &sealed, b"auth", b"secret")?))
    }),
    ("Certify", TpmCc::CERTIFY, |bed| {
        let key = bed.primary(&template::signing_ecc())?;
        Ok(commands::certify(&key, &key, b"", ecdsa()))
    }),
    ("ActivateCredential", TpmCc::ACTIVATE_CREDENTIAL, |bed| {
        let storage = bed.primary(&template::srk_ecc())?;
        let identity = bed.primary(&template::ak_ecc())?;
        let made = bed.run(&commands::make_credential(&storage, b"credential", identity.name()))?;
        let mut fields = made.fields();
        Ok(commands::activate_credential(&identity, &storage, fields.sized()?, fields.sized()?))
    }),
    ("MakeCredential", TpmCc::MAKE_CREDENTIAL, |bed| {
        let storage = bed.primary(&template::srk_ecc())?;
        Ok(commands::make_credential(&storage, b"credential", storage.name()))
    }),
    ("LoadExternal", TpmCc::LOAD_EXTERNAL, |bed| {
        let key = bed.primary(&template::signing_ecc())?;
        let public = bed.run(&commands::read_public(&key))?.fields().sized()?.to_vec();
        Ok(commands::load_external(&[], &public, TpmRh::OWNER))
    }),
    ("ReadPublic", TpmCc::READ_PUBLIC, |bed| Ok(commands::read_public(&bed.primary(&template::hmac_key())?))),
    ("RSA_Encrypt", TpmCc::RSA_ENCRYPT, |bed| {
        let key = bed.external_rsa(&template::decryption_rsa().clear(MADE_HERE))?;
        Ok(commands::rsa_encrypt(&key, b"data", rsaes(), &[]))
    }),
    ("StartAuthSession", TpmCc::START_AUTH_SESSION, |_| {
        let start = Command::new(TpmCc::START_AUTH_SESSION).handle(TpmRh::NULL).handle(TpmRh::NULL);
        Ok(start.sized([7; 32]).sized([]).u8(TpmSe::HMAC.0).u16(TpmAlgId::NULL.0).u16(TpmAlgId::SHA256.0))
    }),
    ("VerifySignature", TpmCc::VERIFY_SIGNATURE, |bed| {
        let key = bed.primary(&template::signing_ecc())?;
        let sign = commands::sign(&key, &[1; 32], ecdsa(), commands::null_hash_check());
        let signature = bed.run(&sign)?.parameters().to_vec();
        Ok(commands::verify_signature(&key, &[1; 32], &signature))
    }),
    ("PCR_Extend", TpmCc::PCR_EXTEND, |_| Ok(commands::pcr_extend(TpmHandle(4), TpmAlgId::SHA256, &[1; 32]))),
    ("PCR_Read", TpmCc::PCR_READ, |_| {
        Ok(commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[0, 4])))
    }),
    ("PolicyPCR", TpmCc::POLICY_PCR, |bed| {
        let session = bed.policy_session()?;
        Ok(commands::policy_pcr(session.handle(), &[], commands::pcr_selection(TpmAlgId::SHA256, &[0])))
    }),
    ("PolicyOR", TpmCc::POLICY_OR, |bed| {
        let session = bed.start_session(&StartSession::trial())?;
        Ok(commands::policy_or(session.handle(), &[&[1; 32], &[2; 32]]))
    }),
    ("PolicyCommandCode", TpmCc::POLICY_COMMAND_CODE, |bed| {
        Ok(commands::policy_command_code(bed.policy_session()?.handle(), TpmCc::NV_READ))
    }),
    ("PolicyAuthValue", TpmCc::POLICY_AUTH_VALUE, |bed| {
        Ok(commands::policy_auth_value(bed.policy_session()?.handle()))
    }),
    ("PolicyPassword", TpmCc::POLICY_PASSWORD, |bed| {
        Ok(commands::policy_password(bed.policy_session()?.handle()))
    }),
    ("PolicyGetDigest", TpmCc::POLICY_GET_DIGEST, |bed| {
        Ok(commands::policy_get_digest(bed.policy_session()?.handle()))
    }),
    ("PolicyRestart", TpmCc::POLICY_RESTART, |bed| {
        Ok(commands::policy_restart(bed.policy_session()?.handle()))
    }),
    ("ContextSave", TpmCc::CONTEXT_SAVE, |bed| {
        Ok(commands::context_save(bed.primary(&template::hmac_key())?.handle()))
    }),
    ("ContextSave of a session", TpmCc::CONTEXT_SAVE, |bed| {
        Ok(commands::context_save(bed.hmac_session()?.handle()))
    }),
    ("ContextLoad", TpmCc::CONTEXT_LOAD, |bed| {
        let key = bed.primary(&template::hmac_key())?;
        let context = bed.run(&commands::context_save(key.handle()))?.parameters().to_vec();
        Ok(commands::context_load(&context))
    }),
    ("FlushContext", TpmCc::FLUSH_CONTEXT, |bed| {
        Ok(commands::flush_context(bed.primary(&template::hmac_key())?.handle()))
    }),
    ("Startup", TpmCc::STARTUP, |bed| {
        bed.power_cycle()?;
        Ok(commands::startup(TpmSu::CLEAR))
    }),
    ("Startup of a saved state", TpmCc::STARTUP, |bed| {
        bed.run(&commands::shutdown(TpmSu::STATE))?;
        bed.power_cycle()?;
        Ok(commands::startup(TpmSu::STATE))
    }),
    ("Shutdown", TpmCc::SHUTDOWN, |_| Ok(commands::shutdown(TpmSu::CLEAR))),
    ("Shutdown with state", TpmCc::SHUTDOWN, |_| Ok(commands::shutdown(TpmSu::STATE))),
    ("SelfTest", TpmCc::SELF_TEST, |_| Ok(commands::self_test(true))),
    ("IncrementalSelfTest", TpmCc::INCREMENTAL_SELF_TEST, |_| {
        Ok(Command::new(TpmCc::INCREMENTAL_SELF_TEST).u32(1).u16(TpmAlgId::ECDSA.0))
    }),
    ("GetTestResult", TpmCc::GET_TEST_RESULT, |_| Ok(commands::get_test_result())),
    ("Hash", TpmCc::HASH, |_| Ok(commands::hash(b"data", TpmAlgId::SHA256, TpmRh::OWNER))),
    ("GetRandom", TpmCc::GET_RANDOM, |_| Ok(commands::get_random(16))),
    ("StirRandom", TpmCc::STIR_RANDOM, |_| Ok(commands::stir_random(b"data"))),
    ("ReadClock", TpmCc::READ_CLOCK, |_| Ok(commands::read_clock())),
    ("GetCapability", TpmCc::GET_CAPABILITY, |_| {
        Ok(commands::get_capability(TpmCap::TPM_PROPERTIES, 0x200, 20))
    }),
    ("TestParms", TpmCc::TEST_PARMS, |_| {
        let ecc = Bytes::new().u16(TpmAlgId::ECC.0).u16(TpmAlgId::NULL.0).u16(TpmAlgId::NULL.0);
        Ok(commands::test_parms(ecc.u16(3).u16(TpmAlgId::NULL.0).as_ref()))
    }),
];

const OPEN: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE).union(TpmaNv::NO_DA);
/// What no key from outside has.
const MADE_HERE: TpmaObject =
    TpmaObject::FIXED_TPM.union(TpmaObject::FIXED_PARENT).union(TpmaObject::SENSITIVE_DATA_ORIGIN);

fn written(bed: &mut Bed, attributes: TpmaNv) -> Result<Entity> {
    let index = bed.nv_index(attributes, 8)?;
    bed.run(&commands::nv_write(TpmRh::OWNER, &index, b"12345678", 0))?;
    bed.nv_name(&index)
}

fn create_primary(template: &template::Template) -> Command {
    let sensitive = commands::sensitive(&[], &[]);
    commands::create_primary(TpmRh::OWNER, sensitive, &template.to_bytes(), &[], commands::no_pcrs())
}

fn ecdsa() -> Bytes {
    template::scheme(TpmAlgId::ECDSA, TpmAlgId::SHA256)
}

fn rsaes() -> Bytes {
    Bytes::new().u16(TpmAlgId::RSAES.0)
}

/// A TPM in this process, whose PCRs can be looked at from outside.
struct Watched {
    tpm: Tpm<'static, HostilePlatform>,
    pcrs: Arc<Mutex<Vec<u8>>>,
    /// What the next command would send is wanted, not its answer.
    caught: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Transport for Watched {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        if let Some(caught) = self.caught.lock().unwrap().as_mut().filter(|caught| caught.is_empty()) {
            caught.extend_from_slice(command);
            return Err(io::ErrorKind::Interrupted.into());
        }
        let response = self.tpm.execute(locality, command).to_vec();
        self.show_pcrs();
        Ok(response)
    }
}

impl Machine for Watched {
    fn power_cycle(&mut self) -> io::Result<()> {
        self.tpm.power_on();
        self.show_pcrs();
        Ok(())
    }
}

impl Watched {
    fn show_pcrs(&self) {
        *self.pcrs.lock().unwrap() = self.tpm.state().bytes(Kind::Pcr.only()).unwrap_or_default().to_vec();
    }
}

/// A TPM in which a command is ready to run.
struct Ready {
    bed: Bed,
    device: HostilePlatform,
    pcrs: Arc<Mutex<Vec<u8>>>,
    command: Vec<u8>,
}

impl Ready {
    /// Manufactured and started, two PCRs extended, and whatever the instance needs.
    fn new(instance: Instance) -> Self {
        let device = HostilePlatform::new(11, Plan::CALM);
        let memory = Box::leak(Box::new(Memory::<{ 16 * 1024 }, { 24 * 1024 }>::new()));
        let mut tpm = Tpm::new(memory.slices(), device.handle(), &SOFTWARE);
        tpm.manufacture().unwrap();
        let (pcrs, caught) = (Arc::default(), Arc::new(Mutex::new(None)));
        let watched = Watched { tpm, pcrs: Arc::clone(&pcrs), caught: Arc::clone(&caught) };
        let mut bed = Bed::new(Box::new(watched), ResponseCode::SUCCESS);
        bed.run(&commands::startup(TpmSu::CLEAR)).unwrap();
        for pcr in [0, 16] {
            bed.run(&commands::pcr_extend(TpmHandle(pcr), TpmAlgId::SHA256, &[9; 32])).unwrap();
        }
        let command = instance(&mut bed).unwrap();
        *caught.lock().unwrap() = Some(Vec::new());
        assert!(bed.run(&command).is_err());
        let command = caught.lock().unwrap().take().unwrap();
        Self { bed, device, pcrs, command }
    }

    /// Sends the command once, as it is.
    fn send(&mut self) -> ResponseCode {
        self.send_this(&self.command.clone())
    }

    fn send_this(&mut self, command: &[u8]) -> ResponseCode {
        let response = self.bed.transceive(command).unwrap();
        assert_eq!(response.get(2..6), Some(&(response.len() as u32).to_be_bytes()[..]), "responseSize");
        ResponseCode::new(u32::from_be_bytes(response[6..10].try_into().unwrap()))
    }

    fn pcrs(&self) -> Vec<u8> {
        self.pcrs.lock().unwrap().clone()
    }
}

/// What happens to a call, in the table's words, and what a command may answer then besides TPM_RC_SUCCESS.
type Fault = (&'static str, What, &'static [ResponseCode]);

const LATER: &[ResponseCode] = &[ResponseCode::NV_UNAVAILABLE];
const SLOWER: &[ResponseCode] = &[ResponseCode::NV_RATE];
const FAILED: &[ResponseCode] = &[ResponseCode::FAILURE];

const FAULTS: &[Fault] = &[
    ("not ready", What::NotReady(StoreError::Unavailable, 1), LATER),
    ("ready but not so often", What::NotReady(StoreError::RateLimited, 1), SLOWER),
    ("commit away", What::CommitAnswers(StoreError::Unavailable, 1), LATER),
    ("commit not so often", What::CommitAnswers(StoreError::RateLimited, 1), SLOWER),
    ("commit full", What::CommitAnswers(StoreError::Full, 1), &[ResponseCode::NV_SPACE]),
    ("commit corrupt", What::CommitAnswers(StoreError::Corrupt, 1), FAILED),
    ("commit kept but unknown", What::CommitKeptAnswers(StoreError::OutcomeUnknown), FAILED),
    ("write away", What::LateWrite(1), LATER),
    ("write error but kept", What::ErrorButKept, FAILED),
    ("write error but half kept", What::ErrorButHalfKept(100), LATER),
    ("sync away", What::LateSync(1), FAILED),
    ("counter withheld", What::CounterWithheld(CounterError::Unavailable, 1), LATER),
    ("counter but not so often", What::CounterWithheld(CounterError::RateLimited, 1), SLOWER),
    ("counter elsewhere", What::CounterWithheld(CounterError::Mismatch, 1), FAILED),
    ("counter exhausted", What::CounterWithheld(CounterError::Exhausted, 1), FAILED),
    ("counter moved but unknown", What::CounterAnswerLost, LATER),
    ("counter not readable", What::CounterAway(CounterError::Unavailable, 1), LATER),
    ("load away", What::LoadAnswers(StoreError::Unavailable, 1), LATER),
    (
        "entropy dry",
        What::EntropyAnswers(EntropyError::Unavailable, 1),
        &[ResponseCode::NV_UNAVAILABLE, ResponseCode::RETRY],
    ),
    (
        "entropy unhealthy",
        What::EntropyAnswers(EntropyError::Unhealthy, 1),
        &[ResponseCode::NV_UNAVAILABLE, ResponseCode::FAILURE],
    ),
    ("clock away", What::ClockAway(1), &[]),
    ("clock began anew", What::ClockReset, &[]),
    ("clock an hour ahead", What::ClockJumps(3_600_000), &[]),
    ("clock an hour back", What::ClockJumps(-3_600_000), &[]),
    ("checkpoint cancel", What::Cancel, &[ResponseCode::CANCELED]),
    ("marker away", What::MarkerAway(1), &[]),
];

#[test]
fn cve_2025_46733_every_platform_call_fails_in_turn_under_each_command() {
    let mut table = Table::default();
    for (name, code, instance) in INSTANCES {
        assert!(tpm2_core::command::find(*code).is_some(), "{name}");
        let mut calm = Ready::new(*instance);
        let before = calm.device.counts();
        assert_eq!(calm.send(), ResponseCode::SUCCESS, "{name}");
        let calls = calm.device.counts().since(&before);
        let after = calm.pcrs();
        table.rows(name, &calls, |fault, at| fail(*instance, fault, at, &after));
    }
    let device = shut_down();
    let before = device.counts();
    power_on(&device).unwrap();
    table.rows("_TPM_Init, then Startup", &device.counts().since(&before), |(_, what, _), at| {
        let device = shut_down();
        device.set_plan(Plan::one(at, what));
        power_on(&device)
    });
    println!("{} calls made to fail", table.tried);
    let findings = table.findings;
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    golden("platform_faults.txt", &table.text);
}

/// What was answered to what.
#[derive(Default)]
struct Table {
    text: String,
    tried: usize,
    findings: Vec<String>,
}

impl Table {
    /// Every fault in every call of a command, in turn: a line for each answer, with the faults that lead to it.
    fn rows(&mut self, name: &str, calls: &Counts, fail: impl Fn(Fault, u64) -> Result<String>) {
        let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fault in FAULTS {
            let calls = calls.of(fault.1.call());
            let mut answers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for at in 0..calls {
                self.tried += 1;
                match fail(*fault, at) {
                    Ok(answer) => answers.entry(answer).or_default().push(at + 1),
                    Err(wrong) => self.findings.push(format!("{name}, {}, call {at}: {wrong:#}", fault.0)),
                }
            }
            let alone = answers.len() == 1;
            for (answer, at) in answers {
                let told = if alone { fault.0.to_owned() } else { format!("{} {at:?}", fault.0) };
                rows.entry(answer).or_default().push(told);
            }
        }
        writeln!(self.text, "{name}").unwrap();
        for (answer, faults) in rows {
            writeln!(self.text, "    {answer}: {}", faults.join("; ")).unwrap();
        }
    }
}

/// Every command that there is has an instance.
#[test]
fn no_command_is_left_out() {
    let tried: BTreeSet<_> = INSTANCES.iter().map(|(_, code, _)| code.0).collect();
    let missing: Vec<_> =
        tpm2_core::command::COMMANDS.iter().filter(|command| !tried.contains(&command.code.0)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Makes one call fail, and gives what was answered, then and once the fault was over.
fn fail(instance: Instance, (_, what, allowed): Fault, at: u64, after: &[u8]) -> Result<String> {
    let mut ready = Ready::new(instance);
    let before = ready.pcrs();
    ready.device.set_plan(Plan::one(at, what));
    let answer = ready.send();
    ready.device.set_plan(Plan::CALM);
    ensure!(answer == ResponseCode::SUCCESS || allowed.contains(&answer), "answered {answer}");
    // The counter follows later: the command takes effect.
    let takes_effect = what.call() == Call::AdvanceCounter;
    let pcrs = ready.pcrs();
    match answer {
        ResponseCode::SUCCESS => ensure!(pcrs == after, "succeeded, with other PCRs"),
        _ => ensure!(pcrs == before || takes_effect && pcrs == after, "{answer}, with other PCRs"),
    }
    if answer == ResponseCode::SUCCESS {
        serves(&mut ready)?;
        return Ok(answer.to_string());
    }
    if answer == ResponseCode::FAILURE {
        fails_until_the_next_start(&mut ready)?;
        return Ok(format!("{answer}, serves after the next start"));
    }
    let again = ready.send();
    if !takes_effect {
        ensure!(again == ResponseCode::SUCCESS, "answered {answer}, and {again} when the fault was over");
        ensure!(ready.pcrs() == after, "succeeded the second time, with other PCRs");
    }
    serves(&mut ready)?;
    Ok(format!("{answer}, then {again}"))
}

/// A command that needs nothing, one that computes, one that keeps something.
fn serves(ready: &mut Ready) -> Result<()> {
    // A TPM before TPM2_Startup serves nothing else.
    if ready.send_this(&STARTUP) != ResponseCode::SUCCESS {
        let control = commands::clear_control(TpmRh::PLATFORM, false);
        for command in [commands::get_random(8), commands::pcr_read(commands::no_pcrs()), control] {
            ready.bed.run(&command).context("afterwards")?;
        }
    }
    Ok(())
}

/// TPM2_Startup(CLEAR).
const STARTUP: [u8; 12] = [0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0];

fn fails_until_the_next_start(ready: &mut Ready) -> Result<()> {
    ensure!(ready.send() != ResponseCode::SUCCESS, "fails, and serves");
    ready.bed.run(&commands::get_test_result()).context("in failure mode")?;
    ensure!(ready.device.failed().is_some(), "the platform was not told");
    let device = ready.device.reboot();
    let mut memory = Box::new(Memory::<{ 16 * 1024 }, { 24 * 1024 }>::new());
    let mut tpm = Tpm::new(memory.slices(), device, &SOFTWARE);
    ensure!(tpm.start() == Start::Existing, "then starts as {:?}", tpm.start());
    let random = [0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7B, 0, 8];
    for command in [STARTUP, random] {
        ensure!(
            tpm.execute(0, &command).get(6..10) == Some(&[0; 4][..]),
            "serves nothing after the next start"
        );
    }
    Ok(())
}

/// A device whose TPM was made, started and shut down, off.
fn shut_down() -> HostilePlatform {
    let device = HostilePlatform::new(11, Plan::CALM);
    let mut memory = Box::new(Memory::<{ 16 * 1024 }, { 24 * 1024 }>::new());
    let mut tpm = Tpm::new(memory.slices(), device.handle(), &SOFTWARE);
    tpm.manufacture().unwrap();
    tpm.execute(0, &STARTUP);
    tpm.execute(0, &[0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, 0]);
    device.reboot()
}

/// Power comes, and TPM2_Startup(CLEAR): gives what was found and answered, then and once the fault was over.
fn power_on(device: &HostilePlatform) -> Result<String> {
    let mut memory = Box::new(Memory::<{ 16 * 1024 }, { 24 * 1024 }>::new());
    let mut tpm = Tpm::new(memory.slices(), device.handle(), &SOFTWARE);
    let found = tpm.start();
    let code = |response: &[u8]| {
        response
            .get(6..10)
            .map(|code| ResponseCode::new(u32::from_be_bytes(code.try_into().unwrap_or_default())))
    };
    let startup = code(tpm.execute(0, &STARTUP)).context("no response")?;
    device.set_plan(Plan::CALM);
    let mut answers = format!("{found:?}, {startup}");
    if startup == ResponseCode::FAILURE {
        ensure!(matches!(tpm.start(), Start::Failed(_)), "fails, and is {:?}", tpm.start());
        let device = device.reboot();
        let mut memory = Box::new(Memory::<{ 16 * 1024 }, { 24 * 1024 }>::new());
        let mut tpm = Tpm::new(memory.slices(), device, &SOFTWARE);
        ensure!(tpm.start() == Start::Existing, "then starts as {:?}", tpm.start());
        ensure!(
            code(tpm.execute(0, &STARTUP)) == Some(ResponseCode::SUCCESS),
            "serves nothing after the next start"
        );
        return Ok(answers + ", serves after the next start");
    }
    if startup != ResponseCode::SUCCESS {
        let again = code(tpm.execute(0, &STARTUP)).context("no response")?;
        ensure!(matches!(again, ResponseCode::SUCCESS | ResponseCode::INITIALIZE), "then {again}");
        write!(answers, ", then {again}")?;
    }
    let random = [0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7B, 0, 8];
    ensure!(code(tpm.execute(0, &random)) == Some(ResponseCode::SUCCESS), "no GetRandom afterwards");
    ensure!(tpm.start() == Start::Existing, "afterwards {:?}", tpm.start());
    Ok(answers)
}

/// Compares with a file of `golden`, which the variable UPDATE_GOLDEN writes anew.
fn golden(file: &str, text: &str) {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differences: Vec<_> = {
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (expected.lines().collect(), text.lines().collect());
        let gone = old.difference(&new).map(|line| format!("- {line}"));
        gone.chain(new.difference(&old).map(|line| format!("+ {line}"))).collect()
    };
    assert!(expected == text, "{path} (UPDATE_GOLDEN=1 writes it anew):\n{}", differences.join("\n"));
}
