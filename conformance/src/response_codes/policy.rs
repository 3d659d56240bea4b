//! PCR and policies (Part 3, 22 and 23).

use std::time::Duration;

use tpm2_client::{Append, Bytes, Command, Entity, commands, template};
use tpm2_types::{TpmAlgId, TpmCc, TpmHandle, TpmRh, TpmaObject};

use super::{Suite, case};

pub(super) const CASES: &[Suite] = &[
    Suite {
        command: "TPM2_PCR_Extend",
        cases: &[case("TPM_RC_HASH digests: entry has an unimplemented hash algorithm", |bed| {
            for algorithm in [TpmAlgId(0xFFFF), TpmAlgId::SM3_256, TpmAlgId::NULL] {
                bed.refuse(&commands::pcr_extend(TpmHandle::pcr(16), algorithm, &[1; 32]))?;
            }
            // The second entry, after one that is fine.
            let digests = Bytes::new().u32(2).u16(TpmAlgId::SHA1.0).raw(&[1; 20]).u16(0xFFFF).raw(&[2; 32]);
            bed.refuse(&Command::new(TpmCc::PCR_EXTEND).auth(TpmHandle::pcr(16)).raw(digests.as_ref()))
        })],
    },
    Suite {
        command: "TPM2_PCR_Reset",
        cases: &[
            case("TPM_RC_VALUE @pcrHandle: outside the allowed PCR range", |bed| {
                for handle in [TpmHandle::pcr(24), TpmHandle::pcr(31), TpmRh::OWNER, TpmRh::NULL] {
                    bed.refuse(&commands::pcr_reset(handle))?;
                }
                Ok(())
            }),
            case("TPM_RC_LOCALITY @pcrHandle: PCR cannot be reset, at this locality or at all", |bed| {
                for pcr in [0, 7, 15, 17, 20, 22] {
                    bed.refuse(&commands::pcr_reset(TpmHandle::pcr(pcr)))?;
                }
                bed.set_locality(3);
                bed.refuse(&commands::pcr_reset(TpmHandle::pcr(0)))
            }),
        ],
    },
    Suite {
        command: "TPM2_PolicySecret",
        cases: &[
            case("TPM_RC_VALUE nonceTPM: not empty and not the session's nonceTPM (clause 23.2.2)", |bed| {
                let session = bed.policy_session()?;
                let mut nonce = session.nonce_tpm().to_vec();
                nonce[0] ^= 1;
                bed.refuse(&commands::policy_secret(&owner(), session.handle(), &nonce, &[], &[], 0))?;
                bed.refuse(&commands::policy_secret(&owner(), session.handle(), &nonce[1..], &[], &[], 0))
            }),
            case("TPM_RC_EXPIRED expiration: timeout already past, or time epoch changed (23.2.2)", |bed| {
                let session = bed.policy_session()?;
                let nonce = session.nonce_tpm().to_vec();
                bed.pass(Duration::from_millis(2100))?;
                for expiration in [1, -1] {
                    let secret =
                        commands::policy_secret(&owner(), session.handle(), &nonce, &[], &[], expiration);
                    bed.refuse(&secret)?;
                }
                Ok(())
            }),
            case("TPM_RC_CPHASH cpHashA: session cpHash already set to another value (23.2.2)", |bed| {
                let session = bed.policy_session()?;
                bed.run(&commands::policy_secret(&owner(), session.handle(), &[], &[1; 32], &[], 0))?;
                bed.run(&commands::policy_secret(&owner(), session.handle(), &[], &[1; 32], &[], 0))?;
                bed.refuse(&commands::policy_secret(&owner(), session.handle(), &[], &[2; 32], &[], 0))
            }),
            case("TPM_RC_SIZE cpHashA: size differs from session policyDigest (23.2.2)", |bed| {
                let session = bed.policy_session()?;
                for size in [1, 20, 31, 33, 64] {
                    let cp_hash = vec![1; size];
                    bed.refuse(&commands::policy_secret(&owner(), session.handle(), &[], &cp_hash, &[], 0))?;
                }
                Ok(())
            }),
            case("TPM_RC_MODE @authHandle: policy session used that does not require the authValue", |bed| {
                let policy =
                    bed.policy(&[&|session| commands::policy_command_code(session, TpmCc::POLICY_SECRET)])?;
                let parent = bed.primary(&template::srk_ecc())?;
                let template = template::sealed().policy(&policy).clear(TpmaObject::USER_WITH_AUTH);
                let item = bed.child(&parent, &template, b"auth", b"data")?;
                let target = bed.policy_session()?;
                let mut session = bed.policy_session()?;
                bed.run(&commands::policy_command_code(session.handle(), TpmCc::POLICY_SECRET))?;
                let secret = commands::policy_secret(&item, target.handle(), &[], &[], &[], 0);
                bed.refuse_using(&secret, &mut [(&mut session).into()])
            }),
        ],
    },
    Suite {
        command: "TPM2_PolicyOR",
        cases: &[case("TPM_RC_VALUE pHashList: current policyDigest matches no list entry", |bed| {
            let session = bed.policy_session()?;
            bed.refuse(&commands::policy_or(session.handle(), &[&[1; 32], &[2; 32]]))?;
            bed.refuse(&commands::policy_or(session.handle(), &[&[], &[0; 31]]))
        })],
    },
    Suite {
        command: "TPM2_PolicyPCR",
        cases: &[
            case("TPM_RC_VALUE pcrDigest: not empty and differs from digest of selected PCR", |bed| {
                let session = bed.policy_session()?;
                let pcrs = commands::pcr_selection(TpmAlgId::SHA256, &[7]);
                bed.refuse(&commands::policy_pcr(session.handle(), &[1; 32], &pcrs))?;
                bed.refuse(&commands::policy_pcr(session.handle(), &[1; 20], &pcrs))
            }),
            case(
                "TPM_RC_PCR_CHANGED policySession: PCR counter recorded earlier differs from the current one",
                |bed| {
                    let session = bed.policy_session()?;
                    let pcrs = commands::pcr_selection(TpmAlgId::SHA256, &[7]);
                    bed.run(&commands::policy_pcr(session.handle(), &[], &pcrs))?;
                    bed.run(&commands::pcr_extend(TpmHandle::pcr(1), TpmAlgId::SHA256, &[1; 32]))?;
                    bed.refuse(&commands::policy_pcr(session.handle(), &[], &pcrs))
                },
            ),
        ],
    },
    Suite {
        command: "TPM2_PolicyCommandCode",
        cases: &[
            case("TPM_RC_VALUE code: session already limited to another command code", |bed| {
                let session = bed.policy_session()?;
                bed.run(&commands::policy_command_code(session.handle(), TpmCc::SIGN))?;
                bed.run(&commands::policy_command_code(session.handle(), TpmCc::SIGN))?;
                bed.refuse(&commands::policy_command_code(session.handle(), TpmCc::QUOTE))
            }),
            case("TPM_RC_POLICY_CC code: command is not implemented", |bed| {
                let session = bed.policy_session()?;
                for code in [0, 0x11E, 0x2000_0000] {
                    bed.refuse(&commands::policy_command_code(session.handle(), TpmCc(code)))?;
                }
                Ok(())
            }),
        ],
    },
];

fn owner() -> Entity {
    TpmRh::OWNER.into()
}
