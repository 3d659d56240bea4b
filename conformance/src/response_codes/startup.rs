//! Start-up, testing and capabilities (Part 3, 9, 10 and 30).

use tpm2_client::Authorization;
use tpm2_client::commands;
use tpm2_types::{TpmAlgId, TpmCap, TpmHandle, TpmSu};

use super::any::fail;
use super::{Suite, case};

pub(super) const CASES: &[Suite] = &[
    Suite {
        command: "TPM2_Startup",
        cases: &[
            case(
                "TPM_RC_INITIALIZE: TPM already started, or another command arrives before Startup",
                |bed| {
                    bed.refuse(&commands::startup(TpmSu::CLEAR))?;
                    bed.power_cycle()?;
                    bed.refuse(&commands::pcr_read(commands::no_pcrs()))
                },
            ),
            case("TPM_RC_VALUE startupType: STATE requested without preceding Shutdown(STATE)", |bed| {
                bed.power_cycle()?;
                bed.refuse(&commands::startup(TpmSu::STATE))
            }),
            case("TPM_RC_VALUE startupType: STATE requested while the TPM requires CLEAR", |bed| {
                bed.run(&commands::shutdown(TpmSu::CLEAR))?;
                bed.power_cycle()?;
                bed.refuse(&commands::startup(TpmSu::STATE))?;
                bed.run(&commands::startup(TpmSu::CLEAR))?;
                // What changes the saved state takes the shutdown back.
                bed.run(&commands::shutdown(TpmSu::STATE))?;
                bed.run(&commands::pcr_extend(TpmHandle::pcr(0), TpmAlgId::SHA256, &[1; 32]))?;
                bed.power_cycle()?;
                bed.refuse(&commands::startup(TpmSu::STATE))
            }),
            case("TPM_RC_VALUE startupType: value is neither SU_CLEAR nor SU_STATE", |bed| {
                bed.power_cycle()?;
                bed.refuse(&commands::startup(TpmSu(2)))?;
                bed.refuse(&commands::startup(TpmSu(0x0100)))
            }),
            case(
                "TPM_RC_FAILURE: saved state cannot be restored on Restart or Resume; Failure mode",
                |bed| {
                    bed.run(&commands::shutdown(TpmSu::STATE))?;
                    bed.machine().restart_without_saved_state()?;
                    bed.refuse(&commands::startup(TpmSu::STATE))?;
                    bed.run(&commands::get_test_result())?;
                    bed.refuse(&commands::get_random(8))
                },
            ),
            case(
                "TPM_RC_LOCALITY: Resume with an H-CRTM startup method differing from the previous Startup",
                |bed| {
                    bed.run(&commands::shutdown(TpmSu::STATE))?;
                    bed.power_cycle()?;
                    bed.set_locality(3);
                    bed.refuse(&commands::startup(TpmSu::STATE))
                },
            ),
        ],
    },
    Suite {
        command: "TPM2_SelfTest",
        cases: &[case("TPM_RC_FAILURE: tests ran to completion and one failed", |bed| {
            bed.machine().restart_with_wrong_engine()?;
            bed.refuse(&commands::self_test(true))?;
            bed.run(&commands::get_test_result())?;
            bed.refuse(&commands::get_random(8))
        })],
    },
    Suite {
        command: "TPM2_GetTestResult",
        cases: &[case("TPM_RC_FAILURE: Failure mode and tag is not ST_NO_SESSIONS", |bed| {
            fail(bed)?;
            bed.run(&commands::get_test_result())?;
            bed.refuse_using(&commands::get_test_result(), &mut [Authorization::Password(&[])])
        })],
    },
    Suite {
        command: "TPM2_GetCapability",
        cases: &[
            case("TPM_RC_FAILURE: Failure mode and tag is not ST_NO_SESSIONS", |bed| {
                fail(bed)?;
                let get = commands::get_capability(TpmCap::TPM_PROPERTIES, 0x100, 1);
                bed.run(&get)?;
                bed.refuse_using(&get, &mut [Authorization::Password(&[])])
            }),
            case(
                "TPM_RC_VALUE property: permanent-handle capability with a handle outside that range",
                |bed| {
                    bed.refuse(&commands::get_capability(TpmCap::AUTH_POLICIES, 0, 1))?;
                    bed.refuse(&commands::get_capability(TpmCap::AUTH_POLICIES, TpmHandle::transient(0).0, 1))
                },
            ),
        ],
    },
];
