//! Hierarchies and contexts (Part 3, 24.6 and 28).

use tpm2_client::{Entity, commands, template};
use tpm2_types::{TpmHandle, TpmRh, TpmaObject};

use super::{Suite, case};

pub(super) const CASES: &[Suite] = &[
    Suite {
        command: "TPM2_Clear",
        cases: &[case("TPM_RC_DISABLED: command disabled by ClearControl", |bed| {
            bed.run(&commands::clear_control(TpmRh::LOCKOUT, true))?;
            bed.refuse(&commands::clear(TpmRh::LOCKOUT))?;
            bed.refuse(&commands::clear(TpmRh::PLATFORM))
        })],
    },
    Suite {
        command: "TPM2_ContextLoad",
        cases: &[case("TPM_RC_INTEGRITY context: integrity HMAC is not valid", |bed| {
            let key = bed.primary(&template::ak_ecc())?;
            let session = bed.policy_session()?;
            for handle in [key.handle(), session.handle()] {
                let context = bed.run(&commands::context_save(handle))?.parameters().to_vec();
                for octet in [20, context.len() - 1] {
                    let mut changed = context.clone();
                    changed[octet] ^= 1;
                    bed.refuse(&commands::context_load(&changed))?;
                }
            }
            Ok(())
        })],
    },
    Suite {
        command: "TPM2_FlushContext",
        cases: &[
            case("TPM_RC_HANDLE flushHandle: transient handle without a loaded object", |bed| {
                bed.refuse(&commands::flush_context(TpmHandle::transient(2)))
            }),
            case("TPM_RC_HANDLE flushHandle: session handle without a loaded or active session", |bed| {
                bed.refuse(&commands::flush_context(TpmHandle::hmac_session(2)))?;
                bed.refuse(&commands::flush_context(TpmHandle::policy_session(2)))?;
                let session = bed.policy_session()?;
                bed.flush(session.handle())?;
                bed.refuse(&commands::flush_context(session.handle()))
            }),
        ],
    },
    Suite {
        command: "TPM2_EvictControl",
        cases: &[
            case(
                "TPM_RC_ATTRIBUTES objectHandle: transient in NULL, firmware-limited or SVN-limited hierarchy",
                |bed| {
                    let key = bed.primary_in(TpmRh::NULL, &template::ak_ecc(), &[], &[])?;
                    bed.refuse(&commands::evict_control(TpmRh::OWNER, &key, OWNERS))
                },
            ),
            case("TPM_RC_ATTRIBUTES objectHandle: stClear SET in the object or an ancestor", |bed| {
                let key = bed.primary(&template::ak_ecc().set(TpmaObject::ST_CLEAR))?;
                bed.refuse(&commands::evict_control(TpmRh::OWNER, &key, OWNERS))?;
                let parent = bed.primary(&template::srk_ecc().set(TpmaObject::ST_CLEAR))?;
                let key = bed.child(&parent, &template::ak_ecc().set(TpmaObject::ST_CLEAR), &[], &[])?;
                bed.refuse(&commands::evict_control(TpmRh::OWNER, &key, OWNERS))
            }),
            case("TPM_RC_HIERARCHY objectHandle: object not in the hierarchy that auth allows", |bed| {
                let key = bed.primary_in(TpmRh::PLATFORM, &template::ak_ecc(), &[], &[])?;
                bed.refuse(&commands::evict_control(TpmRh::OWNER, &key, OWNERS))?;
                let key = bed.primary(&template::ak_ecc())?;
                bed.refuse(&commands::evict_control(TpmRh::PLATFORM, &key, PLATFORMS))?;
                let key = bed.primary_in(TpmRh::ENDORSEMENT, &template::ak_ecc(), &[], &[])?;
                bed.refuse(&commands::evict_control(TpmRh::PLATFORM, &key, PLATFORMS))
            }),
            case("TPM_RC_RANGE persistentHandle: outside the range that auth allows", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                bed.refuse(&commands::evict_control(TpmRh::OWNER, &key, PLATFORMS))?;
                let key = bed.primary_in(TpmRh::PLATFORM, &template::ak_ecc(), &[], &[])?;
                bed.refuse(&commands::evict_control(TpmRh::PLATFORM, &key, OWNERS))
            }),
            case("TPM_RC_NV_DEFINED persistentHandle: a persistent object already has this handle", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                bed.run(&commands::evict_control(TpmRh::OWNER, &key, OWNERS))?;
                bed.refuse(&commands::evict_control(TpmRh::OWNER, &key, OWNERS))
            }),
            case("TPM_RC_NV_SPACE: not enough NV space for the object", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                let evict =
                    |number| commands::evict_control(TpmRh::OWNER, &key, TpmHandle::persistent(number));
                let full = (0..MORE_THAN_FIT).find(|&number| bed.run(&evict(number)).is_err());
                bed.refuse(&evict(full.unwrap_or(MORE_THAN_FIT)))
            }),
            case("TPM_RC_RANGE objectHandle: persistent object outside the range that auth allows", |bed| {
                let key = bed.primary_in(TpmRh::PLATFORM, &template::ak_ecc(), &[], &[])?;
                bed.run(&commands::evict_control(TpmRh::PLATFORM, &key, PLATFORMS))?;
                let persistent = Entity::named(PLATFORMS, key.name());
                bed.refuse(&commands::evict_control(TpmRh::OWNER, &persistent, PLATFORMS))
            }),
            case(
                "TPM_RC_HANDLE persistentHandle: evicting, and objectHandle differs from persistentHandle",
                |bed| {
                    let key = bed.primary(&template::ak_ecc())?;
                    bed.run(&commands::evict_control(TpmRh::OWNER, &key, OWNERS))?;
                    let persistent = Entity::named(OWNERS, key.name());
                    bed.refuse(&commands::evict_control(TpmRh::OWNER, &persistent, TpmHandle(OWNERS.0 + 1)))
                },
            ),
        ],
    },
];

const OWNERS: TpmHandle = TpmHandle::persistent(0x10);
const PLATFORMS: TpmHandle = TpmHandle::persistent(0x80_0010);
/// More persistent objects than any store here has room for.
const MORE_THAN_FIT: u32 = 5000;
