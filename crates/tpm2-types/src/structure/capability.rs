//! What TPM2_GetCapability answers and TPM2_SetCapability takes (Part 2, 10.9).

use crate::limits::MAX_CAP_BUFFER;
use crate::{
    Marshal, MaxSize, Reader, ResponseCode, Result, TpmCap, TpmlActData, TpmlAlgProperty, TpmlCc, TpmlCca,
    TpmlEccCurve, TpmlHandle, TpmlPcrSelection, TpmlPubKey, TpmlSpdmSessionInfo, TpmlTaggedPcrProperty,
    TpmlTaggedPolicy, TpmlTaggedTpmProperty, TpmlVendorProperty, Unmarshal, Writer,
};

tagged_union! {
    /// TPMS_CAPABILITY_DATA: a capability and its list, a member of TPMU_CAPABILITIES (Part 2, 10.9.1 and 10.9.2).
    /// A capability without a list is TPM_RC_VALUE.
    open enum TpmsCapabilityData<'a> = "TPMS_CAPABILITY_DATA": TpmCap, else VALUE {
        /// Algorithms.
        Algorithms(TpmlAlgProperty<'a>) = TpmCap::ALGS,
        /// Handles in use.
        Handles(TpmlHandle<'a>) = TpmCap::HANDLES,
        /// Commands.
        Command(TpmlCca<'a>) = TpmCap::COMMANDS,
        /// Commands that need physical presence.
        PpCommands(TpmlCc<'a>) = TpmCap::PP_COMMANDS,
        /// Commands that are audited.
        AuditCommands(TpmlCc<'a>) = TpmCap::AUDIT_COMMANDS,
        /// The PCR of each bank.
        AssignedPcr(TpmlPcrSelection<'a>) = TpmCap::PCRS,
        /// Properties that are numbers.
        TpmProperties(TpmlTaggedTpmProperty<'a>) = TpmCap::TPM_PROPERTIES,
        /// Properties of PCR.
        PcrProperties(TpmlTaggedPcrProperty<'a>) = TpmCap::PCR_PROPERTIES,
        /// Curves.
        EccCurves(TpmlEccCurve<'a>) = TpmCap::ECC_CURVES,
        /// Policies of permanent handles.
        AuthPolicies(TpmlTaggedPolicy<'a>) = TpmCap::AUTH_POLICIES,
        /// Authenticated countdown timers.
        ActData(TpmlActData<'a>) = TpmCap::ACT,
        /// Public keys of the TPM.
        PubKeys(TpmlPubKey<'a>) = TpmCap::PUB_KEYS,
        /// The SPDM session of the command.
        SpdmSessionInfo(TpmlSpdmSessionInfo<'a>) = TpmCap::SPDM_SESSION_INFO,
        /// Properties that the vendor defines.
        VendorProperty(TpmlVendorProperty<'a>) = TpmCap::VENDOR_PROPERTY,
    }
}

/// TPMS_SET_CAPABILITY_DATA: a capability and its new value (Part 2, 10.9.3).
///
/// Part 2 defines no member of TPMU_SET_CAPABILITIES, so the value is the bytes up to the end of the TPM2B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpmsSetCapabilityData<'a> {
    /// Which capability.
    pub set_capability: TpmCap,
    /// Its value, marshalled.
    pub data: &'a [u8],
}

/// TPM2B_SET_CAPABILITY_DATA (Part 2, 10.9.4). A size that leaves no room for the capability is TPM_RC_SIZE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpm2bSetCapabilityData<'a>(
    /// What the size is the size of.
    pub TpmsSetCapabilityData<'a>,
);

impl<'a> Unmarshal<'a> for Tpm2bSetCapabilityData<'a> {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        let size = usize::from(reader.read::<u16>()?);
        if !(TpmCap::MAX_SIZE..=MAX_CAP_BUFFER).contains(&size) {
            return Err(ResponseCode::SIZE);
        }
        let mut inner = reader.sub_reader(size)?;
        Ok(Self(TpmsSetCapabilityData { set_capability: inner.read()?, data: inner.rest() }))
    }
}

impl Marshal for Tpm2bSetCapabilityData<'_> {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.sized(|writer| {
            writer.write(&self.0.set_capability)?;
            writer.put(self.0.data)
        })
    }
}

named! { Tpm2bSetCapabilityData<'a> = "TPM2B_SET_CAPABILITY_DATA", u16::MAX_SIZE + MAX_CAP_BUFFER }
