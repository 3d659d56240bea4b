//! TPM2_GetCapability (Part 3, 30.2).

use tpm2_types::{Result, TpmCap, TpmiYesNo, TpmsCapabilityData};

use crate::capability;
use crate::context::Context;

command! {
    /// Reports what the TPM offers, what is in it, and its properties. Part 3, 30.2.
    GetCapability<'a> = GET_CAPABILITY;
    handles {}
    parameters { capability: TpmCap, property: u32, property_count: u32 }
    returns { more_data: TpmiYesNo, capability_data: TpmsCapabilityData<'a> }
    flags { AFTER_SHUTDOWN }
}

fn run<'a>(context: &mut Context<'_, 'a>, input: GetCapability<'a>) -> Result<Response<'a>> {
    let count = usize::try_from(input.property_count).unwrap_or(usize::MAX);
    let (data, more) = match input.capability {
        TpmCap::ALGS => capability::algorithms(context, input.property, count)?,
        TpmCap::HANDLES => capability::handles(context, input.property, count)
            .map_err(|code| code.at(at::property))?,
        TpmCap::COMMANDS => capability::commands(context, input.property, count)?,
        // No command needs physical presence, and none is audited.
        TpmCap::PP_COMMANDS => (TpmsCapabilityData::PpCommands(Default::default()), false),
        TpmCap::AUDIT_COMMANDS => (TpmsCapabilityData::AuditCommands(Default::default()), false),
        TpmCap::PCRS => (capability::pcrs(context)?, false),
        TpmCap::TPM_PROPERTIES => capability::tpm_properties(context, input.property, count)?,
        TpmCap::PCR_PROPERTIES => capability::pcr_properties(context, input.property, count)?,
        TpmCap::ECC_CURVES => capability::curves(context, input.property, count)?,
        TpmCap::AUTH_POLICIES => capability::policies(context, input.property, count)
            .map_err(|code| code.at(at::property))?,
        TpmCap::ACT => (capability::timers(input.property).map_err(|code| code.at(at::property))?, false),
        TpmCap::VENDOR_PROPERTY => capability::vendor_properties(context, input.property, count)?,
        _ => return Err(tpm2_types::ResponseCode::VALUE.at(at::capability)),
    };
    Ok(Response::new(TpmiYesNo(more), data))
}
