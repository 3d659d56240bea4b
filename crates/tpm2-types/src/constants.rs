//! Constants (Part 2, 6, and those that stand beside their structures).

use crate::{Marshal, MaxSize, Reader, ResponseCode, Result, TypeName, Unmarshal, Writer};

/// Declares constants of one type: `NAME = value, "description";`.
///
/// Behind `Type(integer)` stand the specification's name and the prefix of its constants. With `else CODE`
/// the set is closed: unmarshalling answers that response code for any other value.
macro_rules! constants {
    (
        $(#[$doc:meta])*
        $type:ident($integer:ty) $spec:literal $prefix:literal $(else $code:ident)? {
            $($name:ident = $value:expr, $about:literal;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub $integer);

        impl $type {
            $(
                #[doc = concat!($prefix, stringify!($name), ": ", $about, ".")]
                pub const $name: Self = Self($value);
            )*

            /// The constants that Part 2 names, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The constant's name without its prefix, if Part 2 names it.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, concat!($prefix, "{}"), name),
                    None => write!(f, concat!($spec, "({:#x})"), self.0),
                }
            }
        }

        impl $crate::TypeName for $type {
            const NAME: &'static str = $spec;
        }

        impl $crate::MaxSize for $type {
            const MAX_SIZE: usize = size_of::<$integer>();
        }

        impl<'a> $crate::Unmarshal<'a> for $type {
            fn unmarshal(reader: &mut $crate::Reader<'a>) -> $crate::Result<Self> {
                let value = Self(reader.read()?);
                $(if value.name().is_none() {
                    return Err($crate::ResponseCode::$code);
                })?
                Ok(value)
            }
        }

        impl $crate::Marshal for $type {
            fn marshal(&self, writer: &mut $crate::Writer<'_>) -> $crate::Result<()> {
                writer.write(&self.0)
            }
        }
    };
}

constants! {
    /// TPM_SPEC: the specification that this TPM follows (Part 2, 6.1).
    TpmSpec(u32) "TPM_SPEC" "TPM_SPEC_" {
        FAMILY = u32::from_be_bytes(*b"2.0\0"), "the family, four characters";
        LEVEL = 0, "the level";
        VERSION = 185, "the version";
    }
}

impl TpmSpec {
    /// TPM_SPEC_YEAR: zero since version 185.
    pub const YEAR: Self = Self(0);
    /// TPM_SPEC_ERRATA: the errata that are followed, none so far.
    pub const ERRATA: Self = Self(0);
}

/// TPM_GENERATED_VALUE: what structures begin with that only the TPM can make, 0xFF "TCG" (Part 2, 6.2).
pub const TPM_GENERATED_VALUE: u32 = u32::from_be_bytes(*b"\xFFTCG");
/// TPM_MAX_DERIVATION_BITS: bits that one use of a key derivation function may yield (Part 2, 6.2).
pub const TPM_MAX_DERIVATION_BITS: u32 = 8192;

/// TPM_GENERATED: the first field of structures that only the TPM can make, always [`TPM_GENERATED_VALUE`]
/// (Part 2, 6.2). Another value is refused with TPM_RC_VALUE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TpmGenerated;

impl TypeName for TpmGenerated {
    const NAME: &'static str = "TPM_GENERATED";
}

impl MaxSize for TpmGenerated {
    const MAX_SIZE: usize = size_of::<u32>();
}

impl<'a> Unmarshal<'a> for TpmGenerated {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        match reader.read()? {
            TPM_GENERATED_VALUE => Ok(Self),
            _ => Err(ResponseCode::VALUE),
        }
    }
}

impl Marshal for TpmGenerated {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&TPM_GENERATED_VALUE)
    }
}

constants! {
    /// TPM_ALG_ID: an algorithm (Part 2, 6.3; the values are those of the TCG Algorithm Registry).
    TpmAlgId(u16) "TPM_ALG_ID" "TPM_ALG_" {
        RSA = 0x0001, "RSA";
        TDES = 0x0003, "triple DES, deprecated";
        SHA1 = 0x0004, "SHA-1, deprecated";
        HMAC = 0x0005, "hash message authentication code";
        AES = 0x0006, "AES";
        MGF1 = 0x0007, "mask generation function of PKCS #1";
        KEYEDHASH = 0x0008, "an object that is an HMAC key, an XOR key or sealed data";
        XOR = 0x000A, "obfuscation with a mask from a key derivation function";
        SHA256 = 0x000B, "SHA-256";
        SHA384 = 0x000C, "SHA-384";
        SHA512 = 0x000D, "SHA-512";
        SHA256_192 = 0x000E, "SHA-256 cut to 192 bits";
        NULL = 0x0010, "no algorithm";
        SM3_256 = 0x0012, "SM3";
        SM4 = 0x0013, "SM4";
        RSASSA = 0x0014, "signature RSASSA-PKCS1-v1_5";
        RSAES = 0x0015, "encryption RSAES-PKCS1-v1_5";
        RSAPSS = 0x0016, "signature RSASSA-PSS";
        OAEP = 0x0017, "encryption RSAES-OAEP";
        ECDSA = 0x0018, "signature ECDSA";
        ECDH = 0x0019, "Diffie-Hellman on a curve";
        ECDAA = 0x001A, "anonymous signature on a curve";
        SM2 = 0x001B, "SM2 signature or key exchange";
        ECSCHNORR = 0x001C, "Schnorr signature on a curve";
        ECMQV = 0x001D, "MQV key exchange on a curve";
        HKDF = 0x001F, "key derivation of RFC 5869";
        KDF1_SP800_56A = 0x0020, "concatenation key derivation of SP 800-56A";
        KDF2 = 0x0021, "key derivation KDF2 of IEEE 1363a";
        KDF1_SP800_108 = 0x0022, "counter mode key derivation of SP 800-108";
        ECC = 0x0023, "elliptic curves over a prime field";
        SYMCIPHER = 0x0025, "an object that is a key of a block cipher";
        CAMELLIA = 0x0026, "Camellia";
        SHA3_256 = 0x0027, "SHA3-256";
        SHA3_384 = 0x0028, "SHA3-384";
        SHA3_512 = 0x0029, "SHA3-512";
        SHAKE256_192 = 0x002C, "SHAKE256 with 192 bits of output";
        SHAKE256_256 = 0x002D, "SHAKE256 with 256 bits of output";
        SHAKE256_512 = 0x002E, "SHAKE256 with 512 bits of output";
        CMAC = 0x003F, "authentication code from a block cipher";
        CTR = 0x0040, "counter mode";
        OFB = 0x0041, "output feedback mode";
        CBC = 0x0042, "cipher block chaining mode";
        CFB = 0x0043, "cipher feedback mode";
        ECB = 0x0044, "electronic codebook mode";
        EDDSA = 0x0060, "signature EdDSA";
        HASH_EDDSA = 0x0061, "signature EdDSA of a digest";
        MLKEM = 0x00A0, "ML-KEM of FIPS 203";
        MLDSA = 0x00A1, "ML-DSA of FIPS 204";
        HASH_MLDSA = 0x00A2, "HashML-DSA of FIPS 204";
    }
}

constants! {
    /// TPM_ECC_CURVE: an elliptic curve (Part 2, 6.4).
    TpmEccCurve(u16) "TPM_ECC_CURVE" "TPM_ECC_" {
        NONE = 0x0000, "no curve";
        NIST_P192 = 0x0001, "NIST P-192";
        NIST_P224 = 0x0002, "NIST P-224";
        NIST_P256 = 0x0003, "NIST P-256";
        NIST_P384 = 0x0004, "NIST P-384";
        NIST_P521 = 0x0005, "NIST P-521";
        BN_P256 = 0x0010, "Barreto-Naehrig with 256 bits, for ECDAA";
        BN_P638 = 0x0011, "Barreto-Naehrig with 638 bits, for ECDAA";
        SM2_P256 = 0x0020, "the curve of SM2";
        BP_P256_R1 = 0x0030, "Brainpool P256r1";
        BP_P384_R1 = 0x0031, "Brainpool P384r1";
        BP_P512_R1 = 0x0032, "Brainpool P512r1";
        CURVE_25519 = 0x0040, "Curve25519, for EdDSA";
        CURVE_448 = 0x0041, "Curve448, for EdDSA";
    }
}

/// Declares TPM_CC: a command's name in Rust and, for the documentation, in the specification.
macro_rules! command_codes {
    ($($name:ident = $value:literal, $command:literal;)*) => {
        constants! {
            /// TPM_CC: the code of a command (Part 2, 6.5). Bit 29 marks those of a vendor.
            TpmCc(u32) "TPM_CC" "TPM_CC_" {
                $($name = $value, $command;)*
            }
        }

        impl TpmCc {
            /// The command's name as Part 3 writes it, without "TPM2_".
            pub const fn command(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($command),)*
                    _ => None,
                }
            }
        }
    };
}

command_codes! {
    NV_UNDEFINE_SPACE_SPECIAL = 0x0000011F, "NV_UndefineSpaceSpecial";
    EVICT_CONTROL = 0x00000120, "EvictControl";
    HIERARCHY_CONTROL = 0x00000121, "HierarchyControl";
    NV_UNDEFINE_SPACE = 0x00000122, "NV_UndefineSpace";
    CHANGE_EPS = 0x00000124, "ChangeEPS";
    CHANGE_PPS = 0x00000125, "ChangePPS";
    CLEAR = 0x00000126, "Clear";
    CLEAR_CONTROL = 0x00000127, "ClearControl";
    CLOCK_SET = 0x00000128, "ClockSet";
    HIERARCHY_CHANGE_AUTH = 0x00000129, "HierarchyChangeAuth";
    NV_DEFINE_SPACE = 0x0000012A, "NV_DefineSpace";
    PCR_ALLOCATE = 0x0000012B, "PCR_Allocate";
    PCR_SET_AUTH_POLICY = 0x0000012C, "PCR_SetAuthPolicy";
    PP_COMMANDS = 0x0000012D, "PP_Commands";
    SET_PRIMARY_POLICY = 0x0000012E, "SetPrimaryPolicy";
    FIELD_UPGRADE_START = 0x0000012F, "FieldUpgradeStart";
    CLOCK_RATE_ADJUST = 0x00000130, "ClockRateAdjust";
    CREATE_PRIMARY = 0x00000131, "CreatePrimary";
    NV_GLOBAL_WRITE_LOCK = 0x00000132, "NV_GlobalWriteLock";
    GET_COMMAND_AUDIT_DIGEST = 0x00000133, "GetCommandAuditDigest";
    NV_INCREMENT = 0x00000134, "NV_Increment";
    NV_SET_BITS = 0x00000135, "NV_SetBits";
    NV_EXTEND = 0x00000136, "NV_Extend";
    NV_WRITE = 0x00000137, "NV_Write";
    NV_WRITE_LOCK = 0x00000138, "NV_WriteLock";
    DICTIONARY_ATTACK_LOCK_RESET = 0x00000139, "DictionaryAttackLockReset";
    DICTIONARY_ATTACK_PARAMETERS = 0x0000013A, "DictionaryAttackParameters";
    NV_CHANGE_AUTH = 0x0000013B, "NV_ChangeAuth";
    PCR_EVENT = 0x0000013C, "PCR_Event";
    PCR_RESET = 0x0000013D, "PCR_Reset";
    SEQUENCE_COMPLETE = 0x0000013E, "SequenceComplete";
    SET_ALGORITHM_SET = 0x0000013F, "SetAlgorithmSet";
    SET_COMMAND_CODE_AUDIT_STATUS = 0x00000140, "SetCommandCodeAuditStatus";
    FIELD_UPGRADE_DATA = 0x00000141, "FieldUpgradeData";
    INCREMENTAL_SELF_TEST = 0x00000142, "IncrementalSelfTest";
    SELF_TEST = 0x00000143, "SelfTest";
    STARTUP = 0x00000144, "Startup";
    SHUTDOWN = 0x00000145, "Shutdown";
    STIR_RANDOM = 0x00000146, "StirRandom";
    ACTIVATE_CREDENTIAL = 0x00000147, "ActivateCredential";
    CERTIFY = 0x00000148, "Certify";
    POLICY_NV = 0x00000149, "PolicyNV";
    CERTIFY_CREATION = 0x0000014A, "CertifyCreation";
    DUPLICATE = 0x0000014B, "Duplicate";
    GET_TIME = 0x0000014C, "GetTime";
    GET_SESSION_AUDIT_DIGEST = 0x0000014D, "GetSessionAuditDigest";
    NV_READ = 0x0000014E, "NV_Read";
    NV_READ_LOCK = 0x0000014F, "NV_ReadLock";
    OBJECT_CHANGE_AUTH = 0x00000150, "ObjectChangeAuth";
    POLICY_SECRET = 0x00000151, "PolicySecret";
    REWRAP = 0x00000152, "Rewrap";
    CREATE = 0x00000153, "Create";
    ECDH_ZGEN = 0x00000154, "ECDH_ZGen";
    HMAC = 0x00000155, "HMAC";
    IMPORT = 0x00000156, "Import";
    LOAD = 0x00000157, "Load";
    QUOTE = 0x00000158, "Quote";
    RSA_DECRYPT = 0x00000159, "RSA_Decrypt";
    HMAC_START = 0x0000015B, "HMAC_Start";
    SEQUENCE_UPDATE = 0x0000015C, "SequenceUpdate";
    SIGN = 0x0000015D, "Sign";
    UNSEAL = 0x0000015E, "Unseal";
    POLICY_SIGNED = 0x00000160, "PolicySigned";
    CONTEXT_LOAD = 0x00000161, "ContextLoad";
    CONTEXT_SAVE = 0x00000162, "ContextSave";
    ECDH_KEY_GEN = 0x00000163, "ECDH_KeyGen";
    ENCRYPT_DECRYPT = 0x00000164, "EncryptDecrypt";
    FLUSH_CONTEXT = 0x00000165, "FlushContext";
    LOAD_EXTERNAL = 0x00000167, "LoadExternal";
    MAKE_CREDENTIAL = 0x00000168, "MakeCredential";
    NV_READ_PUBLIC = 0x00000169, "NV_ReadPublic";
    POLICY_AUTHORIZE = 0x0000016A, "PolicyAuthorize";
    POLICY_AUTH_VALUE = 0x0000016B, "PolicyAuthValue";
    POLICY_COMMAND_CODE = 0x0000016C, "PolicyCommandCode";
    POLICY_COUNTER_TIMER = 0x0000016D, "PolicyCounterTimer";
    POLICY_CP_HASH = 0x0000016E, "PolicyCpHash";
    POLICY_LOCALITY = 0x0000016F, "PolicyLocality";
    POLICY_NAME_HASH = 0x00000170, "PolicyNameHash";
    POLICY_OR = 0x00000171, "PolicyOR";
    POLICY_TICKET = 0x00000172, "PolicyTicket";
    READ_PUBLIC = 0x00000173, "ReadPublic";
    RSA_ENCRYPT = 0x00000174, "RSA_Encrypt";
    START_AUTH_SESSION = 0x00000176, "StartAuthSession";
    VERIFY_SIGNATURE = 0x00000177, "VerifySignature";
    ECC_PARAMETERS = 0x00000178, "ECC_Parameters";
    FIRMWARE_READ = 0x00000179, "FirmwareRead";
    GET_CAPABILITY = 0x0000017A, "GetCapability";
    GET_RANDOM = 0x0000017B, "GetRandom";
    GET_TEST_RESULT = 0x0000017C, "GetTestResult";
    HASH = 0x0000017D, "Hash";
    PCR_READ = 0x0000017E, "PCR_Read";
    POLICY_PCR = 0x0000017F, "PolicyPCR";
    POLICY_RESTART = 0x00000180, "PolicyRestart";
    READ_CLOCK = 0x00000181, "ReadClock";
    PCR_EXTEND = 0x00000182, "PCR_Extend";
    PCR_SET_AUTH_VALUE = 0x00000183, "PCR_SetAuthValue";
    NV_CERTIFY = 0x00000184, "NV_Certify";
    EVENT_SEQUENCE_COMPLETE = 0x00000185, "EventSequenceComplete";
    HASH_SEQUENCE_START = 0x00000186, "HashSequenceStart";
    POLICY_PHYSICAL_PRESENCE = 0x00000187, "PolicyPhysicalPresence";
    POLICY_DUPLICATION_SELECT = 0x00000188, "PolicyDuplicationSelect";
    POLICY_GET_DIGEST = 0x00000189, "PolicyGetDigest";
    TEST_PARMS = 0x0000018A, "TestParms";
    COMMIT = 0x0000018B, "Commit";
    POLICY_PASSWORD = 0x0000018C, "PolicyPassword";
    ZGEN_2PHASE = 0x0000018D, "ZGen_2Phase";
    EC_EPHEMERAL = 0x0000018E, "EC_Ephemeral";
    POLICY_NV_WRITTEN = 0x0000018F, "PolicyNvWritten";
    POLICY_TEMPLATE = 0x00000190, "PolicyTemplate";
    CREATE_LOADED = 0x00000191, "CreateLoaded";
    POLICY_AUTHORIZE_NV = 0x00000192, "PolicyAuthorizeNV";
    ENCRYPT_DECRYPT2 = 0x00000193, "EncryptDecrypt2";
    AC_GET_CAPABILITY = 0x00000194, "AC_GetCapability";
    AC_SEND = 0x00000195, "AC_Send";
    POLICY_AC_SEND_SELECT = 0x00000196, "Policy_AC_SendSelect";
    CERTIFY_X509 = 0x00000197, "CertifyX509";
    ACT_SET_TIMEOUT = 0x00000198, "ACT_SetTimeout";
    ECC_ENCRYPT = 0x00000199, "ECC_Encrypt";
    ECC_DECRYPT = 0x0000019A, "ECC_Decrypt";
    POLICY_CAPABILITY = 0x0000019B, "PolicyCapability";
    POLICY_PARAMETERS = 0x0000019C, "PolicyParameters";
    NV_DEFINE_SPACE2 = 0x0000019D, "NV_DefineSpace2";
    NV_READ_PUBLIC2 = 0x0000019E, "NV_ReadPublic2";
    SET_CAPABILITY = 0x0000019F, "SetCapability";
    READ_ONLY_CONTROL = 0x000001A0, "ReadOnlyControl";
    POLICY_TRANSPORT_SPDM = 0x000001A1, "PolicyTransportSPDM";
    VERIFY_SEQUENCE_COMPLETE = 0x000001A3, "VerifySequenceComplete";
    SIGN_SEQUENCE_COMPLETE = 0x000001A4, "SignSequenceComplete";
    VERIFY_DIGEST_SIGNATURE = 0x000001A5, "VerifyDigestSignature";
    SIGN_DIGEST = 0x000001A6, "SignDigest";
    ENCAPSULATE = 0x000001A7, "Encapsulate";
    DECAPSULATE = 0x000001A8, "Decapsulate";
    VERIFY_SEQUENCE_START = 0x000001A9, "VerifySequenceStart";
    SIGN_SEQUENCE_START = 0x000001AA, "SignSequenceStart";
}

impl TpmCc {
    /// TPM_CC_FIRST: the lowest code of the specification.
    pub const FIRST: Self = Self::NV_UNDEFINE_SPACE_SPECIAL;
    /// TPM_CC_LAST: the highest code of the specification.
    pub const LAST: Self = Self::SIGN_SEQUENCE_START;
    /// TPM_CC_MAC: the code of [`Self::HMAC`] in a TPM that offers CMAC.
    pub const MAC: Self = Self::HMAC;
    /// TPM_CC_MAC_Start: the code of [`Self::HMAC_START`] in a TPM that offers CMAC.
    pub const MAC_START: Self = Self::HMAC_START;
    /// CC_VEND: the bit that marks a vendor's command.
    pub const VENDOR: u32 = 1 << 29;
}

constants! {
    /// TPM_CLOCK_ADJUST: how to change the rate of Clock (Part 2, 6.7). Others are refused with TPM_RC_VALUE.
    TpmClockAdjust(i8) "TPM_CLOCK_ADJUST" "TPM_CLOCK_" else VALUE {
        COARSE_SLOWER = -3, "slower by a coarse step";
        MEDIUM_SLOWER = -2, "slower by a medium step";
        FINE_SLOWER = -1, "slower by a fine step";
        NO_CHANGE = 0, "as it is";
        FINE_FASTER = 1, "faster by a fine step";
        MEDIUM_FASTER = 2, "faster by a medium step";
        COARSE_FASTER = 3, "faster by a coarse step";
    }
}

constants! {
    /// TPM_EO: a comparison of two operands (Part 2, 6.8). Others are refused with TPM_RC_VALUE.
    TpmEo(u16) "TPM_EO" "TPM_EO_" else VALUE {
        EQ = 0x0000, "A = B";
        NEQ = 0x0001, "A differs from B";
        SIGNED_GT = 0x0002, "A > B, signed";
        UNSIGNED_GT = 0x0003, "A > B, unsigned";
        SIGNED_LT = 0x0004, "A < B, signed";
        UNSIGNED_LT = 0x0005, "A < B, unsigned";
        SIGNED_GE = 0x0006, "A >= B, signed";
        UNSIGNED_GE = 0x0007, "A >= B, unsigned";
        SIGNED_LE = 0x0008, "A <= B, signed";
        UNSIGNED_LE = 0x0009, "A <= B, unsigned";
        BITSET = 0x000A, "every bit of B is set in A";
        BITCLEAR = 0x000B, "every bit of B is clear in A";
    }
}

constants! {
    /// TPM_ST: the tag of a structure (Part 2, 6.9).
    TpmSt(u16) "TPM_ST" "TPM_ST_" {
        RSP_COMMAND = 0x00C4, "response to a command with a bad tag";
        NULL = 0x8000, "no structure";
        NO_SESSIONS = 0x8001, "command or response without sessions";
        SESSIONS = 0x8002, "command or response with sessions";
        ATTEST_NV = 0x8014, "attestation of NV contents";
        ATTEST_COMMAND_AUDIT = 0x8015, "attestation of the command audit";
        ATTEST_SESSION_AUDIT = 0x8016, "attestation of a session audit";
        ATTEST_CERTIFY = 0x8017, "attestation of an object";
        ATTEST_QUOTE = 0x8018, "attestation of PCR";
        ATTEST_TIME = 0x8019, "attestation of time and clock";
        ATTEST_CREATION = 0x801A, "attestation of an object's creation";
        ATTEST_NV_DIGEST = 0x801C, "attestation of a digest of NV contents";
        CREATION = 0x8021, "ticket of an object's creation";
        VERIFIED = 0x8022, "ticket of TPM2_VerifySignature";
        AUTH_SECRET = 0x8023, "ticket of TPM2_PolicySecret";
        HASHCHECK = 0x8024, "ticket of a hash that is safe to sign";
        AUTH_SIGNED = 0x8025, "ticket of TPM2_PolicySigned";
        MESSAGE_VERIFIED = 0x8026, "ticket of TPM2_VerifySequenceComplete";
        DIGEST_VERIFIED = 0x8027, "ticket of TPM2_VerifyDigestSignature";
        FU_MANIFEST = 0x8029, "field upgrade policy";
    }
}

constants! {
    /// TPM_SU: the kind of a startup or shutdown (Part 2, 6.10). Others are refused with TPM_RC_VALUE.
    TpmSu(u16) "TPM_SU" "TPM_SU_" else VALUE {
        CLEAR = 0x0000, "start from initial values";
        STATE = 0x0001, "save, or restore, the state";
    }
}

constants! {
    /// TPM_SE: the kind of a session (Part 2, 6.11). Others are refused with TPM_RC_VALUE.
    TpmSe(u8) "TPM_SE" "TPM_SE_" else VALUE {
        HMAC = 0x00, "an HMAC session";
        POLICY = 0x01, "a policy session";
        TRIAL = 0x03, "a policy session that only computes the policy";
    }
}

constants! {
    /// TPM_CAP: what TPM2_GetCapability reports (Part 2, 6.12). Others are refused with TPM_RC_VALUE; the
    /// settable ones, from 0x80000000, are a vendor's or a future version's.
    TpmCap(u32) "TPM_CAP" "TPM_CAP_" else VALUE {
        ALGS = 0x0, "algorithms";
        HANDLES = 0x1, "handles";
        COMMANDS = 0x2, "command attributes";
        PP_COMMANDS = 0x3, "commands that need physical presence";
        AUDIT_COMMANDS = 0x4, "commands that are audited";
        PCRS = 0x5, "PCR banks";
        TPM_PROPERTIES = 0x6, "properties of the TPM";
        PCR_PROPERTIES = 0x7, "properties of the PCR";
        ECC_CURVES = 0x8, "curves";
        AUTH_POLICIES = 0x9, "policies of permanent handles";
        ACT = 0xA, "authenticated countdown timers";
        PUB_KEYS = 0xB, "public keys";
        SPDM_SESSION_INFO = 0xC, "the SPDM session";
        VENDOR_PROPERTY = 0x100, "properties of the manufacturer";
    }
}

impl TpmCap {
    /// TPM_CAP_FIRST.
    pub const FIRST: Self = Self::ALGS;
    /// TPM_CAP_LAST.
    pub const LAST: Self = Self::SPDM_SESSION_INFO;
}

/// PT_GROUP: properties in a group.
const PT_GROUP: u32 = 0x100;
/// PT_FIXED: first property that only a firmware update changes.
const PT_FIXED: u32 = PT_GROUP;
/// PT_VAR: first property that commands change.
const PT_VAR: u32 = PT_GROUP * 2;

constants! {
    /// TPM_PT: a property of the TPM (Part 2, 6.13).
    TpmPt(u32) "TPM_PT" "TPM_PT_" {
        NONE = 0, "no property";
        FAMILY_INDICATOR = PT_FIXED, "the family, four characters";
        LEVEL = PT_FIXED + 1, "level of the specification";
        REVISION = PT_FIXED + 2, "version of the specification";
        ERRATA = PT_FIXED + 3, "errata that are followed";
        YEAR = PT_FIXED + 4, "zero";
        MANUFACTURER = PT_FIXED + 5, "identifier of the manufacturer";
        VENDOR_STRING_1 = PT_FIXED + 6, "characters 1 to 4 of the vendor's string";
        VENDOR_STRING_2 = PT_FIXED + 7, "characters 5 to 8 of the vendor's string";
        VENDOR_STRING_3 = PT_FIXED + 8, "characters 9 to 12 of the vendor's string";
        VENDOR_STRING_4 = PT_FIXED + 9, "characters 13 to 16 of the vendor's string";
        VENDOR_TPM_TYPE = PT_FIXED + 10, "the vendor's model number";
        FIRMWARE_VERSION_1 = PT_FIXED + 11, "upper half of the firmware version";
        FIRMWARE_VERSION_2 = PT_FIXED + 12, "lower half of the firmware version";
        INPUT_BUFFER = PT_FIXED + 13, "bytes of the largest TPM2B_MAX_BUFFER";
        HR_TRANSIENT_MIN = PT_FIXED + 14, "transient objects that always fit";
        HR_PERSISTENT_MIN = PT_FIXED + 15, "persistent objects that always fit";
        HR_LOADED_MIN = PT_FIXED + 16, "loaded sessions that always fit";
        ACTIVE_SESSIONS_MAX = PT_FIXED + 17, "sessions that may be active at once";
        PCR_COUNT = PT_FIXED + 18, "number of PCR";
        PCR_SELECT_MIN = PT_FIXED + 19, "least sizeofSelect in bytes";
        CONTEXT_GAP_MAX = PT_FIXED + 20, "largest distance of two saved session contexts";
        NV_COUNTERS_MAX = PT_FIXED + 22, "NV counters that may exist, or 0 for no limit of their own";
        NV_INDEX_MAX = PT_FIXED + 23, "bytes of the largest NV index";
        MEMORY = PT_FIXED + 24, "TPMA_MEMORY";
        CLOCK_UPDATE = PT_FIXED + 25, "milliseconds between updates of Clock in NV";
        CONTEXT_HASH = PT_FIXED + 26, "hash algorithm of saved contexts";
        CONTEXT_SYM = PT_FIXED + 27, "symmetric algorithm of saved contexts";
        CONTEXT_SYM_SIZE = PT_FIXED + 28, "key bits of that algorithm";
        ORDERLY_COUNT = PT_FIXED + 29, "increments of an orderly counter between writes to NV, less one";
        MAX_COMMAND_SIZE = PT_FIXED + 30, "bytes of the longest command";
        MAX_RESPONSE_SIZE = PT_FIXED + 31, "bytes of the longest response";
        MAX_DIGEST = PT_FIXED + 32, "bytes of the longest digest";
        MAX_OBJECT_CONTEXT = PT_FIXED + 33, "bytes of the longest object context";
        MAX_SESSION_CONTEXT = PT_FIXED + 34, "bytes of the longest session context";
        PS_FAMILY_INDICATOR = PT_FIXED + 35, "platform family, a TPM_PS";
        PS_LEVEL = PT_FIXED + 36, "level of the platform specification";
        PS_REVISION = PT_FIXED + 37, "revision of the platform specification";
        PS_DAY_OF_YEAR = PT_FIXED + 38, "day of the platform specification";
        PS_YEAR = PT_FIXED + 39, "year of the platform specification";
        SPLIT_MAX = PT_FIXED + 40, "split signatures that may be under way";
        TOTAL_COMMANDS = PT_FIXED + 41, "number of commands";
        LIBRARY_COMMANDS = PT_FIXED + 42, "number of commands of the specification";
        VENDOR_COMMANDS = PT_FIXED + 43, "number of commands of the vendor";
        NV_BUFFER_MAX = PT_FIXED + 44, "bytes that one command reads or writes in an NV index";
        MODES = PT_FIXED + 45, "TPMA_MODES";
        MAX_CAP_BUFFER = PT_FIXED + 46, "bytes of the largest TPMS_CAPABILITY_DATA";
        FIRMWARE_SVN = PT_FIXED + 47, "security version of the firmware";
        FIRMWARE_MAX_SVN = PT_FIXED + 48, "highest security version that can be reported";
        ML_PARAMETER_SETS = PT_FIXED + 49, "TPMA_ML_PARAMETER_SET";
        PERMANENT = PT_VAR, "TPMA_PERMANENT";
        STARTUP_CLEAR = PT_VAR + 1, "TPMA_STARTUP_CLEAR";
        HR_NV_INDEX = PT_VAR + 2, "NV indices that exist";
        HR_LOADED = PT_VAR + 3, "sessions that are loaded";
        HR_LOADED_AVAIL = PT_VAR + 4, "sessions that may still be loaded";
        HR_ACTIVE = PT_VAR + 5, "sessions that are active";
        HR_ACTIVE_AVAIL = PT_VAR + 6, "sessions that may still become active";
        HR_TRANSIENT_AVAIL = PT_VAR + 7, "transient objects that still fit, an estimate";
        HR_PERSISTENT = PT_VAR + 8, "persistent objects that exist";
        HR_PERSISTENT_AVAIL = PT_VAR + 9, "persistent objects that still fit";
        NV_COUNTERS = PT_VAR + 10, "NV counters that exist";
        NV_COUNTERS_AVAIL = PT_VAR + 11, "NV counters that still fit";
        ALGORITHM_SET = PT_VAR + 12, "the algorithm set in use";
        LOADED_CURVES = PT_VAR + 13, "number of curves";
        LOCKOUT_COUNTER = PT_VAR + 14, "authorization failures that count now";
        MAX_AUTH_FAIL = PT_VAR + 15, "authorization failures that lead to lockout";
        LOCKOUT_INTERVAL = PT_VAR + 16, "seconds after which one failure is forgotten";
        LOCKOUT_RECOVERY = PT_VAR + 17, "seconds after which lockoutAuth works again";
        NV_WRITE_RECOVERY = PT_VAR + 18, "milliseconds until NV can be written";
        AUDIT_COUNTER_0 = PT_VAR + 19, "upper half of the command audit counter";
        AUDIT_COUNTER_1 = PT_VAR + 20, "lower half of the command audit counter";
    }
}

impl TpmPt {
    /// PT_GROUP: properties in a group.
    pub const GROUP: u32 = PT_GROUP;
    /// PT_FIXED: first property that only a firmware update changes.
    pub const FIXED: Self = Self(PT_FIXED);
    /// PT_VAR: first property that commands change.
    pub const VAR: Self = Self(PT_VAR);
}

constants! {
    /// TPM_PT_PCR: what can be done with a PCR (Part 2, 6.14).
    TpmPtPcr(u32) "TPM_PT_PCR" "TPM_PT_PCR_" {
        SAVE = 0x00, "saved by TPM2_Shutdown and restored by TPM2_Startup";
        EXTEND_L0 = 0x01, "extended from locality 0";
        RESET_L0 = 0x02, "reset from locality 0";
        EXTEND_L1 = 0x03, "extended from locality 1";
        RESET_L1 = 0x04, "reset from locality 1";
        EXTEND_L2 = 0x05, "extended from locality 2";
        RESET_L2 = 0x06, "reset from locality 2";
        EXTEND_L3 = 0x07, "extended from locality 3";
        RESET_L3 = 0x08, "reset from locality 3";
        EXTEND_L4 = 0x09, "extended from locality 4";
        RESET_L4 = 0x0A, "reset from locality 4";
        NO_INCREMENT = 0x11, "changed without counting in pcrUpdateCounter";
        DRTM_RESET = 0x12, "reset by a dynamic root of trust";
        POLICY = 0x13, "changed under a policy";
        AUTH = 0x14, "changed under an authorization value";
    }
}

impl TpmPtPcr {
    /// TPM_PT_PCR_FIRST.
    pub const FIRST: Self = Self::SAVE;
    /// TPM_PT_PCR_LAST.
    pub const LAST: Self = Self::AUTH;
}

constants! {
    /// TPM_PS: the kind of platform (Part 2, 6.15).
    TpmPs(u32) "TPM_PS" "TPM_PS_" {
        MAIN = 0x0, "no platform";
        PC = 0x1, "PC Client";
        PDA = 0x2, "mobile devices other than phones";
        CELL_PHONE = 0x3, "phones";
        SERVER = 0x4, "servers";
        PERIPHERAL = 0x5, "peripherals";
        TSS = 0x6, "TPM software stack, deprecated";
        STORAGE = 0x7, "storage";
        AUTHENTICATION = 0x8, "authentication";
        EMBEDDED = 0x9, "embedded systems";
        HARDCOPY = 0xA, "hardcopy devices";
        INFRASTRUCTURE = 0xB, "infrastructure, deprecated";
        VIRTUALIZATION = 0xC, "virtualization";
        TNC = 0xD, "trusted network connect, deprecated";
        MULTI_TENANT = 0xE, "multi-tenant, deprecated";
        TC = 0xF, "technical committee, deprecated";
    }
}

constants! {
    /// TPM_PUB_KEY: a public key of the TPM's own (Part 2, 6.16).
    TpmPubKey(u32) "TPM_PUB_KEY" "TPM_PUB_KEY_" {
        TPM_SPDM_00 = 0x00, "first key for SPDM";
        TPM_SPDM_FF = 0xFF, "last key for SPDM";
    }
}

constants! {
    /// TPM_NT: the kind of an NV index, a field of TPMA_NV (Part 2, 13.2).
    TpmNt(u8) "TPM_NT" "TPM_NT_" {
        ORDINARY = 0x0, "bytes written by TPM2_NV_Write";
        COUNTER = 0x1, "a counter of 8 bytes, advanced by TPM2_NV_Increment";
        BITS = 0x2, "64 bits, set by TPM2_NV_SetBits";
        EXTEND = 0x4, "a digest, extended by TPM2_NV_Extend";
        PIN_FAIL = 0x8, "a PIN whose failures are counted";
        PIN_PASS = 0x9, "a PIN whose successes are counted";
    }
}

constants! {
    /// TPM_AT: the tag of an attached component's value (Part 2, 16.1).
    TpmAt(u32) "TPM_AT" "TPM_AT_" {
        ANY = 0, "any value";
        ERROR = 1, "an error of the component";
        PV1 = 2, "upper half of a pairing value";
        VEND = 0x8000_0000, "added to the tags of a vendor";
    }
}

constants! {
    /// TPM_AE: an error of an attached component (Part 2, 16.2).
    TpmAe(u32) "TPM_AE" "TPM_AE_" {
        NONE = 0, "no error";
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn read<'a, T: Unmarshal<'a>>(bytes: &'a [u8]) -> Result<T> {
        Reader::trusted(bytes).read()
    }

    #[test]
    fn names() {
        assert_eq!(format!("{:?}", TpmAlgId::SHA256), "TPM_ALG_SHA256");
        assert_eq!(format!("{:?}", TpmAlgId(0x7FFF)), "TPM_ALG_ID(0x7fff)");
        assert_eq!(format!("{:?}", TpmCc::POLICY_PCR), "TPM_CC_POLICY_PCR");
        assert_eq!(TpmCc::POLICY_PCR.command(), Some("PolicyPCR"));
    }

    #[test]
    fn values_of_the_specification() {
        assert_eq!(TpmCc::ALL.len(), 134);
        assert_eq!(TpmSpec::FAMILY.0, 0x322E_3000);
        assert_eq!(TPM_GENERATED_VALUE, 0xFF54_4347);
        assert_eq!(TpmPt::ML_PARAMETER_SETS.0, 0x131);
        assert_eq!(TpmPt::AUDIT_COUNTER_1.0, 0x214);
        assert!(TpmCc::ALL.is_sorted());
    }

    #[test]
    fn closed_sets_refuse_other_values() {
        assert_eq!(read::<TpmSu>(&[0, 1]), Ok(TpmSu::STATE));
        assert_eq!(read::<TpmSu>(&[0, 2]), Err(ResponseCode::VALUE));
        assert_eq!(read::<TpmSe>(&[2]), Err(ResponseCode::VALUE));
        assert_eq!(read::<TpmSe>(&[]), Err(ResponseCode::INSUFFICIENT));
        assert_eq!(read::<TpmClockAdjust>(&[0xFD]), Ok(TpmClockAdjust::COARSE_SLOWER));
        assert_eq!(read::<TpmClockAdjust>(&[4]), Err(ResponseCode::VALUE));
        assert_eq!(read::<TpmEo>(&[0, 12]), Err(ResponseCode::VALUE));
        assert_eq!(read::<TpmCap>(&[0, 0, 0, 13]), Err(ResponseCode::VALUE));
        assert_eq!(read::<TpmCap>(&[0, 0, 1, 0]), Ok(TpmCap::VENDOR_PROPERTY));
        assert_eq!(read::<TpmGenerated>(&[0xFF, 0x54, 0x43, 0x47]), Ok(TpmGenerated));
        assert_eq!(read::<TpmGenerated>(&[0xFF, 0x54, 0x43, 0x48]), Err(ResponseCode::VALUE));
        assert_eq!(read::<TpmCc>(&[0x20, 0, 0, 1]), Ok(TpmCc(0x2000_0001)));
    }
}
