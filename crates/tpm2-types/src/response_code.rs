//! TPM_RC (Part 2, 6.6).

use core::fmt;

use crate::{Marshal, MaxSize, Reader, Result, TypeName, Unmarshal, Writer};

/// Where in a command a format-one response code was raised. Numbers count from 1, as in the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The n-th handle.
    Handle(u8),
    /// The n-th parameter.
    Parameter(u8),
    /// The n-th session.
    Session(u8),
}

/// TPM_RC: what the TPM answers instead of a result (Part 2, 6.6.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseCode(u32);

impl ResponseCode {
    /// Bit F: the code is format-one and may carry a position.
    const FORMAT_ONE: u32 = 0x080;
    const PARAMETER: u32 = 0x040;
    const POSITION: u32 = 0xF40;
    const NUMBER: u32 = 0xF00;
    const SESSION: u32 = 0x800;
    /// The position has four bits, of which handles and sessions use three.
    const LAST_PARAMETER: u8 = 15;
    const LAST_HANDLE: u8 = 7;

    /// The code with this number.
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// The number that goes on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether this is TPM_RC_SUCCESS.
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// Whether this is a warning: the command was not at fault and may succeed later.
    pub const fn is_warning(self) -> bool {
        self.0 & (Self::FORMAT_ONE | WARNING) == WARNING
    }

    /// This code raised at `position`. A code that can carry none, or carries one already, stays as it is,
    /// and so does one at a number that the format cannot express (parameter 1 to 15, handle or session 1 to
    /// 7).
    #[must_use]
    pub const fn at(self, position: Position) -> Self {
        if self.0 & Self::FORMAT_ONE == 0 || self.0 & Self::POSITION != 0 {
            return self;
        }
        Self(match position {
            Position::Parameter(number @ 1..=Self::LAST_PARAMETER) => {
                self.0 | Self::PARAMETER | (number as u32) << 8
            }
            Position::Handle(number @ 1..=Self::LAST_HANDLE) => self.0 | (number as u32) << 8,
            Position::Session(number @ 1..=Self::LAST_HANDLE) => {
                self.0 | Self::SESSION | (number as u32) << 8
            }
            _ => self.0,
        })
    }

    /// Where a format-one code was raised, if it says so.
    pub const fn position(self) -> Option<Position> {
        if self.0 & Self::FORMAT_ONE == 0 {
            return None;
        }
        let number = ((self.0 & Self::NUMBER) >> 8) as u8;
        match (self.0 & Self::PARAMETER != 0, number) {
            (_, 0) | (false, 8) => None,
            (true, _) => Some(Position::Parameter(number)),
            (false, 1..=Self::LAST_HANDLE) => Some(Position::Handle(number)),
            (false, _) => Some(Position::Session(number - 8)),
        }
    }

    /// This code without its position.
    #[must_use]
    pub const fn base(self) -> Self {
        if self.0 & Self::FORMAT_ONE == 0 { self } else { Self(self.0 & !Self::POSITION) }
    }

    /// The code for the n-th handle, counted from 1, naming something that is not loaded:
    /// [`Self::REFERENCE_H0`] to [`Self::REFERENCE_H6`]. There is no eighth, so larger numbers give the last.
    #[must_use]
    pub const fn reference_handle(number: u8) -> Self {
        Self(Self::REFERENCE_H0.0 + Self::reference(number))
    }

    /// The code for the n-th session, counted from 1, not being loaded:
    /// [`Self::REFERENCE_S0`] to [`Self::REFERENCE_S6`]. There is no eighth, so larger numbers give the last.
    #[must_use]
    pub const fn reference_session(number: u8) -> Self {
        Self(Self::REFERENCE_S0.0 + Self::reference(number))
    }

    const fn reference(number: u8) -> u32 {
        let index = number.saturating_sub(1) as u32;
        if index > 6 { 6 } else { index }
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base().name() {
            Some(name) => write!(f, "TPM_RC_{name}")?,
            None => return write!(f, "TPM_RC({:#05x})", self.0),
        }
        match self.position() {
            Some(Position::Handle(number)) => write!(f, " (handle {number})"),
            Some(Position::Parameter(number)) => write!(f, " (parameter {number})"),
            Some(Position::Session(number)) => write!(f, " (session {number})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for ResponseCode {}

impl TypeName for ResponseCode {
    const NAME: &'static str = "TPM_RC";
}

impl MaxSize for ResponseCode {
    const MAX_SIZE: usize = size_of::<u32>();
}

impl<'a> Unmarshal<'a> for ResponseCode {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        reader.read().map(Self)
    }
}

impl Marshal for ResponseCode {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&self.0)
    }
}

/// RC_VER1: format zero, as TPM 2.0 defines it.
const VERSION_1: u32 = 0x100;
/// RC_FMT1: format one.
const FORMAT_1: u32 = ResponseCode::FORMAT_ONE;
/// RC_WARN: format zero, a warning.
const WARNING: u32 = 0x900;

macro_rules! response_codes {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        impl ResponseCode {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The specification's name without "TPM_RC_", for a code without position.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

response_codes! {
    /// The command succeeded.
    SUCCESS = 0x000;
    /// The tag is not one of a command; the code is that of a TPM 1.2.
    BAD_TAG = 0x01E;
    /// The TPM has not been started by TPM2_Startup, or was started already.
    INITIALIZE = VERSION_1;
    /// The TPM is in failure mode, or an internal check has just put it there.
    FAILURE = VERSION_1 + 0x001;
    /// A sequence handle is used where it may not be.
    SEQUENCE = VERSION_1 + 0x003;
    /// Not used by version 185.
    PRIVATE = VERSION_1 + 0x00B;
    /// Not used by version 185.
    HMAC = VERSION_1 + 0x019;
    /// The command is disabled.
    DISABLED = VERSION_1 + 0x020;
    /// The audit session had to be exclusive and is not.
    EXCLUSIVE = VERSION_1 + 0x021;
    /// The handle cannot be authorized for this command in this way.
    AUTH_TYPE = VERSION_1 + 0x024;
    /// A handle needs an authorization session and the command carries none for it.
    AUTH_MISSING = VERSION_1 + 0x025;
    /// A policy comparison failed, or the authPolicy is not a legal one.
    POLICY = VERSION_1 + 0x026;
    /// The PCR do not have the values asked for.
    PCR = VERSION_1 + 0x027;
    /// PCR changed since the policy session checked them.
    PCR_CHANGED = VERSION_1 + 0x028;
    /// The TPM is in field upgrade mode; for TPM2_FieldUpgradeData, it is not.
    UPGRADE = VERSION_1 + 0x02D;
    /// The counter of context identifiers is exhausted.
    TOO_MANY_CONTEXTS = VERSION_1 + 0x02E;
    /// The entity's authValue or authPolicy cannot be used now.
    AUTH_UNAVAILABLE = VERSION_1 + 0x02F;
    /// Only _TPM_Init and Startup(CLEAR) bring the TPM back.
    REBOOT = VERSION_1 + 0x030;
    /// The hash is too short for the symmetric key that it protects.
    UNBALANCED = VERSION_1 + 0x031;
    /// commandSize does not agree with the bytes received, or is shorter than a header.
    COMMAND_SIZE = VERSION_1 + 0x042;
    /// The command is not implemented.
    COMMAND_CODE = VERSION_1 + 0x043;
    /// authorizationSize is out of range, or bytes are left in the authorization area.
    AUTHSIZE = VERSION_1 + 0x044;
    /// A command that takes no sessions carries one.
    AUTH_CONTEXT = VERSION_1 + 0x045;
    /// Offset and size reach beyond the NV index.
    NV_RANGE = VERSION_1 + 0x046;
    /// The NV index asked for is larger than allowed.
    NV_SIZE = VERSION_1 + 0x047;
    /// The NV index is locked.
    NV_LOCKED = VERSION_1 + 0x048;
    /// This authorization does not open the NV index; no dictionary attack is counted.
    NV_AUTHORIZATION = VERSION_1 + 0x049;
    /// The NV index was never written, or the state saved at shutdown cannot be restored.
    NV_UNINITIALIZED = VERSION_1 + 0x04A;
    /// There is no room left in NV.
    NV_SPACE = VERSION_1 + 0x04B;
    /// The NV index or persistent object exists already.
    NV_DEFINED = VERSION_1 + 0x04C;
    /// The context cannot be loaded.
    BAD_CONTEXT = VERSION_1 + 0x050;
    /// The session has a cpHash already, or is bound to something else.
    CPHASH = VERSION_1 + 0x051;
    /// The handle is not a usable parent.
    PARENT = VERSION_1 + 0x052;
    /// A function that is needed has not passed its self test.
    NEEDS_TEST = VERSION_1 + 0x053;
    /// The result cannot be represented, as when a number has no inverse.
    NO_RESULT = VERSION_1 + 0x054;
    /// The sensitive area does not decrypt to a legal structure.
    SENSITIVE = VERSION_1 + 0x055;
    /// The TPM is in read-only mode.
    READ_ONLY = VERSION_1 + 0x056;
    /// The asymmetric algorithm is unsupported or wrong here.
    ASYMMETRIC = FORMAT_1 + 0x001;
    /// Attributes are inconsistent.
    ATTRIBUTES = FORMAT_1 + 0x002;
    /// The hash algorithm is unsupported or wrong here.
    HASH = FORMAT_1 + 0x003;
    /// The value is out of range or wrong in this context.
    VALUE = FORMAT_1 + 0x004;
    /// The hierarchy is disabled or wrong for this use.
    HIERARCHY = FORMAT_1 + 0x005;
    /// The key size is unsupported.
    KEY_SIZE = FORMAT_1 + 0x007;
    /// The mask generation function is unsupported.
    MGF = FORMAT_1 + 0x008;
    /// The mode of operation is unsupported.
    MODE = FORMAT_1 + 0x009;
    /// The type is wrong for this use.
    TYPE = FORMAT_1 + 0x00A;
    /// The handle is wrong for this use.
    HANDLE = FORMAT_1 + 0x00B;
    /// The key derivation function is unsupported or wrong here.
    KDF = FORMAT_1 + 0x00C;
    /// The value is outside its range.
    RANGE = FORMAT_1 + 0x00D;
    /// The authorization is wrong and counts as a dictionary attack, or lockoutAuth is disabled.
    AUTH_FAIL = FORMAT_1 + 0x00E;
    /// The nonce has a wrong size or value.
    NONCE = FORMAT_1 + 0x00F;
    /// Physical presence must be asserted.
    PP = FORMAT_1 + 0x010;
    /// The scheme is unsupported or does not fit.
    SCHEME = FORMAT_1 + 0x012;
    /// A structure has a wrong size.
    SIZE = FORMAT_1 + 0x015;
    /// The symmetric algorithm or its key size is unsupported or wrong here.
    SYMMETRIC = FORMAT_1 + 0x016;
    /// The structure tag is wrong.
    TAG = FORMAT_1 + 0x017;
    /// The selector of a union is wrong.
    SELECTOR = FORMAT_1 + 0x018;
    /// The input ends before the value does.
    INSUFFICIENT = FORMAT_1 + 0x01A;
    /// The signature is not valid.
    SIGNATURE = FORMAT_1 + 0x01B;
    /// The key's fields do not fit this use.
    KEY = FORMAT_1 + 0x01C;
    /// A policy check failed.
    POLICY_FAIL = FORMAT_1 + 0x01D;
    /// The integrity check failed.
    INTEGRITY = FORMAT_1 + 0x01F;
    /// The ticket is not valid.
    TICKET = FORMAT_1 + 0x020;
    /// A reserved bit is set.
    RESERVED_BITS = FORMAT_1 + 0x021;
    /// The authorization is wrong; no dictionary attack is counted.
    BAD_AUTH = FORMAT_1 + 0x022;
    /// The policy has expired.
    EXPIRED = FORMAT_1 + 0x023;
    /// The policy names another command, or one that is not implemented.
    POLICY_CC = FORMAT_1 + 0x024;
    /// The public and the sensitive area do not belong together.
    BINDING = FORMAT_1 + 0x025;
    /// The curve is unsupported.
    CURVE = FORMAT_1 + 0x026;
    /// The point is not on its curve.
    ECC_POINT = FORMAT_1 + 0x027;
    /// The hierarchy is firmware-limited and the firmware secret is not available.
    FW_LIMITED = FORMAT_1 + 0x028;
    /// The hierarchy is SVN-limited and the secret of that SVN is not available.
    SVN_LIMITED = FORMAT_1 + 0x029;
    /// The parameter set is unsupported.
    PARMS = FORMAT_1 + 0x02A;
    /// External mu is unsupported.
    EXT_MU = FORMAT_1 + 0x02B;
    /// This key signs a message only whole, in TPM2_SignSequenceComplete.
    ONE_SHOT_SIGNATURE = FORMAT_1 + 0x02C;
    /// The sequence was started with another key.
    SIGN_CONTEXT_KEY = FORMAT_1 + 0x02D;
    /// The command needs a secure channel.
    CHANNEL = FORMAT_1 + 0x030;
    /// The secure channel was made with another requester or TPM key.
    CHANNEL_KEY = FORMAT_1 + 0x031;
    /// The gap between context identifiers has become too large.
    CONTEXT_GAP = WARNING + 0x001;
    /// No room is left for objects.
    OBJECT_MEMORY = WARNING + 0x002;
    /// No room is left for sessions.
    SESSION_MEMORY = WARNING + 0x003;
    /// No room is left for objects, sessions or work.
    MEMORY = WARNING + 0x004;
    /// No session handle is left: flush a session first.
    SESSION_HANDLES = WARNING + 0x005;
    /// No object handle is left until the next restart.
    OBJECT_HANDLES = WARNING + 0x006;
    /// The locality is wrong.
    LOCALITY = WARNING + 0x007;
    /// The command made progress and must be sent again.
    YIELDED = WARNING + 0x008;
    /// The command was cancelled.
    CANCELED = WARNING + 0x009;
    /// Self tests are running.
    TESTING = WARNING + 0x00A;
    /// The first handle names a transient object or session that is not loaded.
    REFERENCE_H0 = WARNING + 0x010;
    /// The second handle names a transient object or session that is not loaded.
    REFERENCE_H1 = WARNING + 0x011;
    /// The third handle names a transient object or session that is not loaded.
    REFERENCE_H2 = WARNING + 0x012;
    /// The fourth handle names a transient object or session that is not loaded.
    REFERENCE_H3 = WARNING + 0x013;
    /// The fifth handle names a transient object or session that is not loaded.
    REFERENCE_H4 = WARNING + 0x014;
    /// The sixth handle names a transient object or session that is not loaded.
    REFERENCE_H5 = WARNING + 0x015;
    /// The seventh handle names a transient object or session that is not loaded.
    REFERENCE_H6 = WARNING + 0x016;
    /// The first authorization session is not loaded.
    REFERENCE_S0 = WARNING + 0x018;
    /// The second authorization session is not loaded.
    REFERENCE_S1 = WARNING + 0x019;
    /// The third authorization session is not loaded.
    REFERENCE_S2 = WARNING + 0x01A;
    /// The fourth authorization session is not loaded.
    REFERENCE_S3 = WARNING + 0x01B;
    /// The fifth authorization session is not loaded.
    REFERENCE_S4 = WARNING + 0x01C;
    /// The sixth authorization session is not loaded.
    REFERENCE_S5 = WARNING + 0x01D;
    /// The seventh authorization session is not loaded.
    REFERENCE_S6 = WARNING + 0x01E;
    /// NV is written too often; wait, and send the command again.
    NV_RATE = WARNING + 0x020;
    /// The TPM is in dictionary attack lockout.
    LOCKOUT = WARNING + 0x021;
    /// The command could not be started; send it again.
    RETRY = WARNING + 0x022;
    /// The command may need to write NV, which is not accessible now.
    NV_UNAVAILABLE = WARNING + 0x023;
    /// Reserved: no TPM returns it.
    NOT_USED = WARNING + 0x07F;
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn positions() {
        let value = ResponseCode::VALUE;
        assert_eq!(value.at(Position::Parameter(1)).get(), 0x1C4);
        assert_eq!(value.at(Position::Handle(2)).get(), 0x284);
        assert_eq!(value.at(Position::Session(1)).get(), 0x984);
        assert_eq!(value.at(Position::Parameter(12)).get(), 0xCC4);
        for position in [Position::Parameter(15), Position::Handle(7), Position::Session(7)] {
            let code = value.at(position);
            assert_eq!(code.position(), Some(position));
            assert_eq!(code.base(), value);
            assert_eq!(code.at(Position::Handle(1)), code);
        }
        for position in
            [Position::Parameter(16), Position::Handle(8), Position::Session(8), Position::Handle(0)]
        {
            assert_eq!(value.at(position), value);
        }
        assert_eq!(ResponseCode::LOCKOUT.at(Position::Session(1)), ResponseCode::LOCKOUT);
        assert_eq!(ResponseCode::LOCKOUT.position(), None);
        assert_eq!(value.position(), None);
    }

    #[test]
    fn text() {
        assert_eq!(ResponseCode::VALUE.at(Position::Parameter(2)).to_string(), "TPM_RC_VALUE (parameter 2)");
        assert_eq!(
            ResponseCode::AUTH_FAIL.at(Position::Session(1)).to_string(),
            "TPM_RC_AUTH_FAIL (session 1)"
        );
        assert_eq!(ResponseCode::new(0x0F00).to_string(), "TPM_RC(0xf00)");
        assert_eq!(ResponseCode::LOCKOUT.to_string(), "TPM_RC_LOCKOUT");
        assert_eq!(ResponseCode::SUCCESS.to_string(), "TPM_RC_SUCCESS");
    }

    #[test]
    fn warnings_are_told_from_sessions() {
        assert!(ResponseCode::RETRY.is_warning());
        assert!(!ResponseCode::VALUE.at(Position::Session(1)).is_warning());
        assert_eq!(ResponseCode::reference_handle(1), ResponseCode::REFERENCE_H0);
        assert_eq!(ResponseCode::reference_session(3), ResponseCode::REFERENCE_S2);
        assert_eq!(ResponseCode::reference_session(200), ResponseCode::REFERENCE_S6);
    }
}
