//! What all commands have in common (Part 3, 5 and 6), each on a command that shows it.

use std::time::Duration;

use anyhow::{Result, ensure};
use tpm2_client::template::{self, Template};
use tpm2_client::{
    Append, Authorization, Bytes, Command, Entity, ParameterEncryption, StartSession, commands,
};
use tpm2_types::Position::{Handle, Parameter, Session};
use tpm2_types::{ResponseCode, TpmAlgId, TpmCc, TpmHandle, TpmRh, TpmSt, TpmaNv, TpmaObject, TpmaSession};

use super::{Suite, case};
use crate::bed::Bed;
use crate::machine::CommitFailure;

pub(super) const CASES: &[Suite] = &[Suite {
    command: "(any)",
    cases: &[
        // 5.2 Command header validation
        case("TPM_RC_BAD_TAG: tag is neither ST_SESSIONS nor ST_NO_SESSIONS (5.2, Table 2)", |bed| {
            bed.refuse_bytes(Bytes::new().u16(0x8003).u32(12).u32(TpmCc::GET_RANDOM.0).u16(8).as_ref())
        }),
        case("TPM_RC_COMMAND_SIZE: commandSize differs from the octets received (5.2)", |bed| {
            bed.machine().takes_any_bytes()?;
            for size in [11, 13] {
                let header = Bytes::new().u16(TpmSt::NO_SESSIONS.0).u32(size).u32(TpmCc::GET_RANDOM.0);
                bed.refuse_bytes(header.u16(8).as_ref())?;
            }
            Ok(())
        }),
        case("TPM_RC_COMMAND_CODE: command code not implemented (5.2, Table 2)", |bed| {
            bed.refuse(&Command::new(TpmCc(0x11E)))?;
            bed.refuse(&Command::new(TpmCc(0x2000_0000)))
        }),
        // 5.3 Mode checks
        case("TPM_RC_INITIALIZE: command other than Startup before Startup (5.3)", |bed| {
            bed.power_cycle()?;
            bed.refuse(&commands::get_random(8))?;
            bed.refuse(&commands::self_test(true))
        }),
        case("TPM_RC_FAILURE: Failure mode; only GetTestResult and GetCapability are served", |bed| {
            fail(bed)?;
            bed.refuse(&commands::get_random(8))
        }),
        // 5.4 Handle area validation
        case("TPM_RC_VALUE: handle missing or inconsistent with the command syntax (5.4)", |bed| {
            bed.at(Handle(1)).refuse(&commands::read_public(&TpmHandle::pcr(0).into()))?;
            bed.refuse(&commands::policy_restart(TpmHandle::transient(0)))?;
            bed.refuse(&commands::clear(TpmRh::OWNER))?;
            let key = bed.primary(&template::ak_ecc())?;
            let nv = Entity::permanent(TpmHandle::nv_index(1));
            bed.at(Handle(2)).refuse(&commands::certify(&key, &nv, &[], template::null()))
        }),
        case("TPM_RC_REFERENCE_Hx: handle x names a transient object or session not loaded", |bed| {
            let missing = Entity::permanent(TpmHandle::transient(2));
            bed.at(Handle(1)).refuse(&commands::read_public(&missing))?;
            bed.refuse(&commands::policy_restart(TpmHandle::policy_session(2)))?;
            let key = bed.primary(&template::ak_ecc())?;
            bed.at(Handle(2)).refuse(&commands::certify(&key, &missing, &[], template::null()))
        }),
        case("TPM_RC_HANDLE: persistent handle: hierarchy disabled or object absent (5.4)", |bed| {
            bed.at(Handle(1)).refuse(&commands::read_public(&TpmHandle::persistent(0x99).into()))
        }),
        case("TPM_RC_HANDLE: NV index handle: index undefined or hierarchy disabled (5.4)", |bed| {
            bed.at(Handle(1)).refuse(&commands::nv_read_public(TpmHandle::nv_index(0x99)))
        }),
        case("TPM_RC_OBJECT_MEMORY: no object slot, also for copying a persistent object", |bed| {
            let key = bed.primary(&template::ak_ecc())?;
            let public = bed.run(&commands::read_public(&key))?.fields().sized()?.to_vec();
            let load = commands::load_external(&[], &public, TpmRh::OWNER);
            for _ in 0..MANY {
                if bed.run(&load).is_err() {
                    break;
                }
            }
            bed.refuse(&load)
        }),
        case(
            "TPM_RC_NV_LOCKED: write-locked index needs writing, or read-locked index reading (5.4)",
            |bed| {
                let index = bed.nv_index(OWNER_INDEX | TpmaNv::WRITE_STCLEAR | TpmaNv::READ_STCLEAR, 8)?;
                bed.run(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))?;
                bed.run(&commands::nv_write_lock(TpmRh::OWNER, &index))?;
                bed.run(&commands::nv_read_lock(TpmRh::OWNER, &index))?;
                bed.refuse(&commands::nv_write(TpmRh::OWNER, &index, &[2; 8], 0))?;
                bed.refuse(&commands::nv_read(TpmRh::OWNER, &index, 8, 0))
            },
        ),
        case("TPM_RC_VALUE: PCR handle outside the supported range (5.4)", |bed| {
            bed.at(Handle(1)).refuse(&commands::pcr_reset(TpmHandle::pcr(24)))
        }),
        // 5.5 Session area validation
        case("TPM_RC_AUTH_CONTEXT: sessions sent to a command that allows none (5.5)", |bed| {
            let session = bed.hmac_session()?;
            for command in [
                commands::flush_context(session.handle()),
                commands::context_save(session.handle()),
                commands::context_load(&[0; 32]),
            ] {
                bed.refuse_using(&command, &mut [Authorization::Password(&[])])?;
            }
            Ok(())
        }),
        case("TPM_RC_AUTH_MISSING: no sessions, or fewer than handles that need authorization", |bed| {
            bed.refuse_using(&commands::clear_control(TpmRh::LOCKOUT, true), &mut [])?;
            let key = bed.primary(&template::ak_ecc())?;
            let certify = commands::certify(&key, &key, &[], template::null());
            bed.refuse_using(&certify, &mut [Authorization::Password(&[])])
        }),
        case("TPM_RC_AUTHSIZE: authorizationSize out of range, or larger than its sessions", |bed| {
            let password = Bytes::new().u32(TpmRh::PW.0).sized([]).u8(0).sized([]);
            let body = |size: u32| {
                Bytes::new()
                    .u16(TpmSt::SESSIONS.0)
                    .u32(28)
                    .u32(TpmCc::CLEAR_CONTROL.0)
                    .u32(TpmRh::LOCKOUT.0)
                    .u32(size)
                    .raw(password.as_ref())
                    .u8(1)
            };
            for size in [0, 8, 11, 0x1000] {
                bed.refuse_bytes(body(size).as_ref())?;
            }
            Ok(())
        }),
        case("TPM_RC_HANDLE: session handle neither HMAC, policy nor RS_PW (5.5)", |bed| {
            let strange = Bytes::new().u32(TpmHandle::transient(0).0).sized([]).u8(0).sized([]);
            let command = commands::clear_control(TpmRh::LOCKOUT, true);
            bed.at(Session(1)).refuse_using(&command, &mut [Authorization::Raw(strange.as_ref())])
        }),
        case("TPM_RC_REFERENCE_Sx: session x is not loaded", |bed| {
            let command = commands::clear_control(TpmRh::LOCKOUT, true);
            for handle in [TpmHandle::hmac_session(2), TpmHandle::policy_session(2)] {
                let missing = Bytes::new().u32(handle.0).sized([]).u8(0).sized([]);
                bed.at(Session(1)).refuse_using(&command, &mut [Authorization::Raw(missing.as_ref())])?;
                let second = &mut [Authorization::Password(&[]), Authorization::Raw(missing.as_ref())];
                bed.at(Session(2)).refuse_using(&command, second)?;
            }
            Ok(())
        }),
        case("TPM_RC_ATTRIBUTES: more than one audit, decrypt or encrypt session", |bed| {
            let start = StartSession::hmac().encryption(ParameterEncryption::AesCfb(128));
            let (mut first, mut second) = (bed.start_session(&start)?, bed.start_session(&start)?);
            for attribute in [TpmaSession::AUDIT, TpmaSession::DECRYPT, TpmaSession::ENCRYPT] {
                first.attributes = TpmaSession::CONTINUE_SESSION | attribute;
                second.attributes = first.attributes;
                let hash = commands::hash(b"data", TpmAlgId::SHA256, TpmRh::NULL);
                bed.at(Session(2)).refuse_using(&hash, &mut [(&mut first).into(), (&mut second).into()])?;
            }
            Ok(())
        }),
        // Part 1, 17.1 lets an HMAC session that authorizes audit as well; a policy session never audits.
        case("TPM_RC_ATTRIBUTES: audit-only session also used for authorization (5.5)", |bed| {
            let mut session = bed.policy_session()?;
            session.attributes |= TpmaSession::AUDIT;
            let command = commands::clear_control(TpmRh::LOCKOUT, true);
            bed.at(Session(1)).refuse_using(&command, &mut [(&mut session).into()])?;
            // What belongs to auditing needs it (Part 2, 8.4), and a password never audits (Part 1, Table 15).
            for attributes in [TpmaSession::AUDIT, TpmaSession::AUDIT_EXCLUSIVE, TpmaSession::AUDIT_RESET] {
                let password = Bytes::new().u32(TpmRh::PW.0).sized([]).u8(attributes.bits()).sized([]);
                bed.refuse_using(&command, &mut [Authorization::Raw(password.as_ref())])?;
            }
            Ok(())
        }),
        case(
            "TPM_RC_ATTRIBUTES: session not for authorization with decrypt, encrypt, audit all CLEAR",
            |bed| {
                let mut session = bed.hmac_session()?;
                bed.at(Session(1)).refuse_using(&commands::get_random(8), &mut [(&mut session).into()])?;
                let command = commands::clear_control(TpmRh::LOCKOUT, true);
                let both = &mut [Authorization::Password(&[]), (&mut session).into()];
                bed.at(Session(2)).refuse_using(&command, both)
            },
        ),
        case(
            "TPM_RC_ATTRIBUTES: decrypt session but the command allows no parameter encryption (5.7)",
            |bed| {
                let mut session = bed.hmac_session()?;
                session.attributes |= TpmaSession::DECRYPT;
                bed.at(Session(1)).refuse_using(&commands::get_random(8), &mut [(&mut session).into()])
            },
        ),
        // 5.6 Authorization checks
        case("TPM_RC_AUTH_UNAVAILABLE: public and sensitive parts of authorized object not present", |bed| {
            let key = bed.primary(&template::ak_ecc())?;
            let public = bed.public_only(&key)?;
            bed.refuse(&commands::sign(&public, &[0; 32], template::null(), commands::null_hash_check()))
        }),
        case("TPM_RC_LOCKOUT: DA-protected entity used while the TPM is in lockout", |bed| {
            bed.run(&commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 1, 1000, 1000))?;
            let item = protected(bed)?;
            let wrong = commands::unseal(&item.clone().with_auth(b"wrong"));
            ensure!(bed.run(&wrong).is_err());
            bed.refuse(&commands::unseal(&item))?;
            bed.refuse(&wrong)
        }),
        case(
            "TPM_RC_AUTH_TYPE: ADMIN role: adminWithPolicy object or hierarchy without policy session",
            |bed| {
                let parent = bed.primary(&template::srk_ecc())?;
                let strict = template::ak_ecc().set(TpmaObject::ADMIN_WITH_POLICY);
                let key = bed.child(&parent, &strict, &[], &[])?;
                let change = commands::object_change_auth(&key, &parent, b"new");
                bed.refuse(&change)?;
                let mut session = bed.hmac_session()?;
                bed.refuse_using(&change, &mut [(&mut session).into()])
            },
        ),
        case("TPM_RC_POLICY_FAIL: ADMIN or DUP policy without PolicyCommandCode", |bed| {
            let parent = bed.primary(&template::srk_ecc())?;
            let policy = bed.policy(&[&commands::policy_auth_value])?;
            let strict = template::ak_ecc().set(TpmaObject::ADMIN_WITH_POLICY).policy(&policy);
            let key = bed.child(&parent, &strict, &[], &[])?;
            let mut session = bed.policy_session()?;
            bed.run(&commands::policy_auth_value(session.handle()))?;
            session.policy_auth_value();
            let change = commands::object_change_auth(&key, &parent, b"new");
            bed.at(Session(1)).refuse_using(&change, &mut [(&mut session).into()])
        }),
        case("TPM_RC_POLICY_FAIL: USER role: userWithAuth CLEAR and no policy session", |bed| {
            let item = sealed_with(bed, template::sealed().clear(TpmaObject::USER_WITH_AUTH))?;
            bed.at(Session(1)).refuse(&commands::unseal(&item))?;
            let mut session = bed.hmac_session()?;
            bed.refuse_using(&commands::unseal(&item), &mut [(&mut session).into()])
        }),
        case(
            "TPM_RC_AUTH_UNAVAILABLE: NV index: POLICYREAD or POLICYWRITE CLEAR, policy session used",
            |bed| {
                let index = bed.nv_index(TpmaNv::AUTHREAD | TpmaNv::AUTHWRITE | TpmaNv::NO_DA, 8)?;
                let mut session = bed.policy_session()?;
                bed.refuse_using(
                    &commands::nv_write(&index, &index, &[1; 8], 0),
                    &mut [(&mut session).into()],
                )?;
                bed.run(&commands::nv_write(&index, &index, &[1; 8], 0))?;
                let index = bed.nv_name(&index)?;
                bed.refuse_using(&commands::nv_read(&index, &index, 8, 0), &mut [(&mut session).into()])
            },
        ),
        case(
            "TPM_RC_AUTH_UNAVAILABLE: NV index: AUTHREAD or AUTHWRITE CLEAR, HMAC or password used",
            |bed| {
                let index = bed.nv_index(OWNER_INDEX | TpmaNv::NO_DA, 8)?;
                bed.refuse(&commands::nv_write(&index, &index, &[1; 8], 0))?;
                bed.run(&commands::nv_write(TpmRh::OWNER, &index, &[1; 8], 0))?;
                let index = bed.nv_name(&index)?;
                bed.refuse(&commands::nv_read(&index, &index, 8, 0))?;
                let mut session = bed.hmac_session()?;
                bed.refuse_using(&commands::nv_read(&index, &index, 8, 0), &mut [(&mut session).into()])
            },
        ),
        case("TPM_RC_EXPIRED: policy session timed out", |bed| {
            let owner = Entity::from(TpmRh::OWNER);
            let item =
                policy_sealed(bed, &|session| commands::policy_secret(&owner, session, &[], &[], &[], 0))?;
            let mut session = bed.policy_session()?;
            let nonce = session.nonce_tpm().to_vec();
            bed.run(&commands::policy_secret(&owner, session.handle(), &nonce, &[], &[], 1))?;
            bed.pass(Duration::from_millis(2100))?;
            bed.at(Session(1)).refuse_using(&commands::unseal(&item), &mut [(&mut session).into()])
        }),
        case("TPM_RC_POLICY_FAIL: policy session cpHash differs from that of the command", |bed| {
            let owner = Entity::from(TpmRh::OWNER);
            let item =
                policy_sealed(bed, &|session| commands::policy_secret(&owner, session, &[], &[], &[], 0))?;
            let mut session = bed.policy_session()?;
            bed.run(&commands::policy_secret(&owner, session.handle(), &[], &[0xC0; 32], &[], 0))?;
            bed.at(Session(1)).refuse_using(&commands::unseal(&item), &mut [(&mut session).into()])
        }),
        case("TPM_RC_POLICY_CC: policy session is limited to another command code", |bed| {
            let item = policy_sealed(bed, &|session| commands::policy_command_code(session, TpmCc::SIGN))?;
            let mut session = bed.policy_session()?;
            bed.run(&commands::policy_command_code(session.handle(), TpmCc::SIGN))?;
            bed.at(Session(1)).refuse_using(&commands::unseal(&item), &mut [(&mut session).into()])
        }),
        case("TPM_RC_POLICY_FAIL: policyDigest differs from the entity's authPolicy", |bed| {
            let item = policy_sealed(bed, &commands::policy_auth_value)?;
            let mut session = bed.policy_session()?;
            bed.at(Session(1)).refuse_using(&commands::unseal(&item), &mut [(&mut session).into()])
        }),
        case("TPM_RC_PCR_CHANGED: PCR changed since PolicyPCR in the policy session", |bed| {
            let pcrs = commands::pcr_selection(TpmAlgId::SHA256, &[7]);
            let item = policy_sealed(bed, &|session| commands::policy_pcr(session, &[], &pcrs))?;
            let mut session = bed.policy_session()?;
            bed.run(&commands::policy_pcr(session.handle(), &[], &pcrs))?;
            // Any PCR that counts changes, not only the selected one.
            bed.run(&commands::pcr_extend(TpmHandle::pcr(1), TpmAlgId::SHA256, &[1; 32]))?;
            bed.refuse_using(&commands::unseal(&item), &mut [(&mut session).into()])
        }),
        case("TPM_RC_AUTH_FAIL: wrong authorization HMAC or password (5.6)", |bed| {
            let item = protected(bed)?;
            bed.at(Session(1)).refuse_with_trace(&commands::unseal(&item.with_auth(b"wrong")))
        }),
        case("TPM_RC_BAD_AUTH: wrong authorization HMAC or password (5.6)", |bed| {
            let item = sealed_with(bed, template::sealed())?.with_auth(b"wrong");
            bed.at(Session(1)).refuse(&commands::unseal(&item))?;
            let mut session = bed.hmac_session()?;
            bed.refuse_using(&commands::unseal(&item), &mut [(&mut session).into()])
        }),
        // 23.2.4 Policy sessions
        case("TPM_RC_CPHASH: policy command would change an already set session cpHash (23.2.4)", |bed| {
            let owner = Entity::from(TpmRh::OWNER);
            let session = bed.policy_session()?;
            bed.run(&commands::policy_secret(&owner, session.handle(), &[], &[1; 32], &[], 0))?;
            bed.refuse(&commands::policy_secret(&owner, session.handle(), &[], &[2; 32], &[], 0))
        }),
        // Table 2: unmarshalling
        case("TPM_RC_HASH: unmarshaling: unsupported hash algorithm (Table 2)", |bed| {
            for algorithm in [TpmAlgId(0xFFFF), TpmAlgId::AES, TpmAlgId::NULL] {
                bed.at(Parameter(2)).refuse(&commands::hash(b"data", algorithm, TpmRh::NULL))?;
            }
            Ok(())
        }),
        case("TPM_RC_INSUFFICIENT: unmarshaling: input too short (Table 2)", |bed| {
            bed.at(Parameter(1)).refuse(&Command::new(TpmCc::GET_RANDOM))?;
            bed.refuse(&Command::new(TpmCc::GET_RANDOM).u8(0))?;
            bed.refuse(&Command::new(TpmCc::HASH).u16(5).raw(b"four"))?;
            bed.at(Parameter(3)).refuse(&Command::new(TpmCc::HASH).sized(b"data").u16(TpmAlgId::SHA256.0))
        }),
        case("TPM_RC_KDF: unmarshaling: unsupported key derivation scheme (Table 2)", |bed| {
            let mut template = template::signing_ecc();
            let parameters = template.parameters.into_vec();
            template.parameters = Bytes::new().raw(&parameters[..parameters.len() - 2]).u16(0x1234);
            bed.at(Parameter(2)).refuse(&primary(&template))
        }),
        case("TPM_RC_MODE: unmarshaling: unsupported symmetric mode (Table 2)", |bed| {
            let aes = Bytes::new().u16(TpmAlgId::AES.0).u16(128).u16(0x1234);
            bed.at(Parameter(4)).refuse(&start_auth_session(aes))
        }),
        case(
            "TPM_RC_RESERVED_BITS: unmarshaling: reserved bits not zero (Table 2 names it TPM_RC_RESERVED)",
            |bed| {
                for bit in [0, 3, 12, 20, 31] {
                    let attributes = template::sealed().attributes | TpmaObject::from_bits_retain(1 << bit);
                    bed.at(Parameter(2)).refuse(&primary(&template::sealed().attributes(attributes)))?;
                }
                Ok(())
            },
        ),
        case("TPM_RC_SCHEME: unmarshaling: unsupported signing or encryption scheme (Table 2)", |bed| {
            let key = bed.primary(&template::signing_ecc())?;
            for scheme in [0x1234, TpmAlgId::SHA256.0] {
                let scheme = Bytes::new().u16(scheme).u16(TpmAlgId::SHA256.0);
                let sign = commands::sign(&key, &[0; 32], scheme, commands::null_hash_check());
                bed.at(Parameter(2)).refuse(&sign)?;
            }
            Ok(())
        }),
        case("TPM_RC_SIZE: unmarshaling: size field out of bounds (Table 2)", |bed| {
            bed.at(Parameter(1)).refuse(&commands::hash(&[0; 1025], TpmAlgId::SHA256, TpmRh::NULL))?;
            bed.at(Parameter(1)).refuse(&commands::hierarchy_change_auth(TpmRh::OWNER, &[1; 65]))?;
            let digests = [[1_u8; 32]; 9];
            let session = bed.policy_session()?;
            let nine = digests.each_ref().map(|digest| &digest[..]);
            bed.refuse(&commands::policy_or(session.handle(), &nine))
        }),
        case("TPM_RC_SYMMETRIC: unmarshaling: unsupported symmetric algorithm (Table 2)", |bed| {
            let unknown = Bytes::new().u16(0x1234).u16(128).u16(TpmAlgId::CFB.0);
            bed.at(Parameter(4)).refuse(&start_auth_session(unknown))
        }),
        case("TPM_RC_TAG: unmarshaling: unsupported structure tag (Table 2)", |bed| {
            let key = bed.primary(&template::signing_ecc())?;
            let ticket = Bytes::new().u16(TpmSt::VERIFIED.0).u32(TpmRh::NULL.0).sized([]);
            let scheme = template::scheme(TpmAlgId::ECDSA, TpmAlgId::SHA256);
            bed.at(Parameter(3)).refuse(&commands::sign(&key, &[0; 32], scheme, ticket))
        }),
        case("TPM_RC_TYPE: unmarshaling: unsupported type in public or sensitive area (Table 2)", |bed| {
            let mut template = template::sealed();
            for object_type in [TpmAlgId(0x1234), TpmAlgId::SHA256, TpmAlgId::NULL] {
                template.object_type = object_type;
                bed.at(Parameter(2)).refuse(&primary(&template))?;
            }
            Ok(())
        }),
        case("TPM_RC_VALUE: unmarshaling: value not allowed (Table 2)", |bed| {
            bed.at(Parameter(1)).refuse(&Command::new(TpmCc::SELF_TEST).u8(2))?;
            // Neither is a hierarchy that depends on the firmware: this TPM has none.
            for hierarchy in [TpmRh::LOCKOUT, TpmRh::FW_OWNER, TpmRh::FW_NULL, TpmRh::SVN_PLATFORM_BASE] {
                bed.at(Parameter(3)).refuse(&commands::hash(b"data", TpmAlgId::SHA256, hierarchy))?;
            }
            Ok(())
        }),
        // Table 3: independent of the command
        case("TPM_RC_CANCELED: cancel indicated; state unchanged, may be retried (Table 3)", |bed| {
            bed.machine().cancel_next()?;
            bed.refuse(&primary(&template::signing_rsa()))
        }),
        case("TPM_RC_NV_UNAVAILABLE: NV memory not accessible now (Table 3)", |bed| {
            bed.machine().fail_next_commit(CommitFailure::Unavailable)?;
            bed.refuse(&commands::clear_control(TpmRh::LOCKOUT, true))
        }),
        case("TPM_RC_NV_RATE: NV writes are being rate limited (Table 3)", |bed| {
            bed.machine().fail_next_commit(CommitFailure::RateLimited)?;
            bed.refuse(&commands::clear_control(TpmRh::LOCKOUT, true))
        }),
        case("TPM_RC_MEMORY: common memory pool exhausted; flush objects or sessions (Table 3)", |bed| {
            bed.machine().restart_with_little_memory()?;
            for _ in 0..MANY {
                if bed.hmac_session().is_err() {
                    break;
                }
            }
            bed.refuse(&start_auth_session(template::null()))
        }),
        case("TPM_RC_SESSION_HANDLES: no session handle; only StartAuthSession (Table 3)", |bed| {
            occupy_session_handles(bed)?;
            bed.refuse(&start_auth_session(template::null()))
        }),
        case("TPM_RC_SESSION_MEMORY: no session slot (Table 3)", |bed| {
            for _ in 0..MANY {
                if bed.hmac_session().is_err() {
                    break;
                }
            }
            bed.refuse(&start_auth_session(template::null()))
        }),
    ],
}];

/// More objects or sessions than any TPM has room for.
const MANY: usize = 300;

const OWNER_INDEX: TpmaNv = TpmaNv::OWNERREAD.union(TpmaNv::OWNERWRITE);

/// Fills all session handles, with contexts saved so that the slots stay free.
pub(super) fn occupy_session_handles(bed: &mut Bed) -> Result<()> {
    for _ in 0..MANY {
        match bed.hmac_session() {
            Ok(session) => bed.run(&commands::context_save(session.handle()))?,
            Err(_) => break,
        };
    }
    Ok(())
}

/// Puts the TPM into Failure mode.
pub(super) fn fail(bed: &mut Bed) -> Result<()> {
    bed.machine().fail_next_commit(CommitFailure::OutcomeUnknown)?;
    let outcome =
        bed.run(&commands::clear_control(TpmRh::LOCKOUT, true)).err().and_then(|error| error.response_code());
    ensure!(outcome == Some(ResponseCode::FAILURE), "no failure mode: {outcome:?}");
    Ok(())
}

fn primary(template: &Template) -> Command {
    let (sensitive, pcrs) = (commands::sensitive(&[], &[]), commands::no_pcrs());
    commands::create_primary(TpmRh::OWNER, sensitive, &template.to_bytes(), &[], pcrs)
}

fn start_auth_session(symmetric: Bytes) -> Command {
    Command::new(TpmCc::START_AUTH_SESSION)
        .handle(TpmRh::NULL)
        .handle(TpmRh::NULL)
        .sized([1; 32])
        .sized([])
        .u8(0)
        .raw(symmetric.as_ref())
        .u16(TpmAlgId::SHA256.0)
}

/// Sealed data with an authValue that counts against dictionary attacks.
fn protected(bed: &mut Bed) -> Result<Entity> {
    sealed_with(bed, template::sealed().clear(TpmaObject::NO_DA))
}

fn sealed_with(bed: &mut Bed, template: Template) -> Result<Entity> {
    let parent = bed.primary(&template::srk_ecc())?;
    bed.child(&parent, &template, b"auth", b"data")
}

/// Sealed data with the policy of this one assertion.
fn policy_sealed(bed: &mut Bed, assertion: &dyn Fn(TpmHandle) -> Command) -> Result<Entity> {
    let policy = bed.policy(&[assertion])?;
    sealed_with(bed, template::sealed().policy(&policy).clear(TpmaObject::USER_WITH_AUTH))
}
