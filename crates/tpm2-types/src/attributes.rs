//! Attributes: TPMA_* (Part 2, 8, and TPMA_NV from 13).

use bitflags::bitflags;

use crate::{Marshal, MaxSize, Reader, ResponseCode, Result, TpmCc, TpmNt, TypeName, Unmarshal, Writer};

/// Declares attributes: `NAME = bits, "what it says when set";`.
///
/// A reserved bit that is set is refused with TPM_RC_RESERVED_BITS. Fields of several bits have a mask among
/// the constants and functions of their own.
macro_rules! attributes {
    (
        $(#[$doc:meta])*
        $type:ident($integer:ty) $spec:literal {
            $($name:ident = $bits:expr, $about:literal;)*
        }
    ) => {
        bitflags! {
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct $type: $integer {
                $(
                    #[doc = concat!($about, ".")]
                    const $name = $bits;
                )*
            }
        }

        impl TypeName for $type {
            const NAME: &'static str = $spec;
        }

        impl MaxSize for $type {
            const MAX_SIZE: usize = size_of::<$integer>();
        }

        impl<'a> Unmarshal<'a> for $type {
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
                Self::from_bits(reader.read()?).ok_or(ResponseCode::RESERVED_BITS)
            }
        }

        impl Marshal for $type {
            fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
                writer.write(&self.bits())
            }
        }
    };
}

attributes! {
    /// TPMA_ALGORITHM: what an algorithm is (Part 2, 8.2).
    TpmaAlgorithm(u32) "TPMA_ALGORITHM" {
        ASYMMETRIC = 1 << 0, "An asymmetric algorithm with public and private portions";
        SYMMETRIC = 1 << 1, "A symmetric block cipher";
        HASH = 1 << 2, "A hash algorithm";
        OBJECT = 1 << 3, "An algorithm that may be the type of an object";
        SIGNING = 1 << 8, "A signing algorithm";
        ENCRYPTING = 1 << 9, "An encryption algorithm";
        METHOD = 1 << 10, "A method, such as a key derivation function";
    }
}

attributes! {
    /// TPMA_OBJECT: what an object may do and who may use it (Part 2, 8.3).
    ///
    /// Only reserved bits are checked here: which combinations are consistent depends on the command
    /// (TPM_RC_ATTRIBUTES).
    TpmaObject(u32) "TPMA_OBJECT" {
        FIXED_TPM = 1 << 1, "The hierarchy, and so the TPM, never changes";
        ST_CLEAR = 1 << 2, "Saved contexts die with Startup(CLEAR)";
        FIXED_PARENT = 1 << 4, "The parent never changes";
        SENSITIVE_DATA_ORIGIN = 1 << 5, "The TPM made the sensitive data";
        USER_WITH_AUTH = 1 << 6, "The USER role may be authorized with the authValue";
        ADMIN_WITH_POLICY = 1 << 7, "The ADMIN role may be authorized by policy only";
        FIRMWARE_LIMITED = 1 << 8, "The object exists only under the present firmware";
        SVN_LIMITED = 1 << 9, "The object exists only from a security version on";
        NO_DA = 1 << 10, "Failed authorizations do not count as dictionary attack";
        ENCRYPTED_DUPLICATION = 1 << 11, "Duplication needs encryption and a new parent";
        RESTRICTED = 1 << 16, "The key works only on what the TPM made, or as a parent";
        DECRYPT = 1 << 17, "The private portion may decrypt";
        SIGN_ENCRYPT = 1 << 18, "The private portion may sign; a symmetric key may encrypt";
        X509_SIGN = 1 << 19, "The key signs only certificates";
    }
}

attributes! {
    /// TPMA_SESSION: how a command uses a session (Part 2, 8.4).
    TpmaSession(u8) "TPMA_SESSION" {
        CONTINUE_SESSION = 1 << 0, "The session lives on after the command";
        AUDIT_EXCLUSIVE = 1 << 1, "The command runs only if the audit session is exclusive";
        AUDIT_RESET = 1 << 2, "The audit digest starts anew";
        DECRYPT = 1 << 5, "The first parameter of the command is encrypted";
        ENCRYPT = 1 << 6, "The first parameter of the response is to be encrypted";
        AUDIT = 1 << 7, "The session audits the command";
    }
}

attributes! {
    /// TPMA_LOCALITY: a set of localities 0 to 4, or one extended locality from 32 on, which is the whole
    /// byte (Part 2, 8.5).
    TpmaLocality(u8) "TPMA_LOCALITY" {
        ZERO = 1 << 0, "TPM_LOC_ZERO: locality 0";
        ONE = 1 << 1, "TPM_LOC_ONE: locality 1";
        TWO = 1 << 2, "TPM_LOC_TWO: locality 2";
        THREE = 1 << 3, "TPM_LOC_THREE: locality 3";
        FOUR = 1 << 4, "TPM_LOC_FOUR: locality 4";
        EXTENDED = 0b111 << 5, "Where any of these bits is set, the byte is one extended locality";
    }
}

impl TpmaLocality {
    /// The attribute of one locality; `None` for 5 to 31, which do not exist.
    pub const fn of(locality: u8) -> Option<Self> {
        match locality {
            0..=4 => Some(Self::from_bits_retain(1 << locality)),
            5..=31 => None,
            32.. => Some(Self::from_bits_retain(locality)),
        }
    }

    /// Whether `locality` is the extended one named here, or in the set.
    pub const fn includes(self, locality: u8) -> bool {
        if self.bits() & Self::EXTENDED.bits() != 0 {
            self.bits() == locality
        } else {
            locality <= 4 && self.bits() & 1 << locality != 0
        }
    }
}

attributes! {
    /// TPMA_PERMANENT: what survives every startup (Part 2, 8.6).
    TpmaPermanent(u32) "TPMA_PERMANENT" {
        OWNER_AUTH_SET = 1 << 0, "ownerAuth was changed since TPM2_Clear";
        ENDORSEMENT_AUTH_SET = 1 << 1, "endorsementAuth was changed since TPM2_Clear";
        LOCKOUT_AUTH_SET = 1 << 2, "lockoutAuth was changed since TPM2_Clear";
        DISABLE_CLEAR = 1 << 8, "TPM2_Clear is disabled";
        IN_LOCKOUT = 1 << 9, "The TPM is in lockout";
        TPM_GENERATED_EPS = 1 << 10, "The TPM made its endorsement seed";
    }
}

attributes! {
    /// TPMA_STARTUP_CLEAR: what startup sets (Part 2, 8.7).
    TpmaStartupClear(u32) "TPMA_STARTUP_CLEAR" {
        PH_ENABLE = 1 << 0, "The platform hierarchy is enabled";
        SH_ENABLE = 1 << 1, "The storage hierarchy is enabled";
        EH_ENABLE = 1 << 2, "The endorsement hierarchy is enabled";
        PH_ENABLE_NV = 1 << 3, "NV indices of the platform are enabled";
        READ_ONLY = 1 << 4, "The TPM is in read-only mode";
        ORDERLY = 1 << 31, "TPM2_Shutdown came before the last power loss";
    }
}

attributes! {
    /// TPMA_MEMORY: how the TPM uses its memory (Part 2, 8.8).
    TpmaMemory(u32) "TPMA_MEMORY" {
        SHARED_RAM = 1 << 0, "Objects and sessions share RAM";
        SHARED_NV = 1 << 1, "Persistent objects and NV indices share NV";
        OBJECT_COPIED_TO_RAM = 1 << 2, "Persistent objects take a transient object's place while in use";
    }
}

attributes! {
    /// TPMA_CC: a command's code, handles and effects (Part 2, 8.9).
    TpmaCc(u32) "TPMA_CC" {
        COMMAND_INDEX = 0xFFFF, "Mask of the command's number";
        NV = 1 << 22, "The command may write to NV";
        EXTENSIVE = 1 << 23, "The command may flush any number of contexts";
        FLUSHED = 1 << 24, "The transient handle of the command is flushed when it completes";
        C_HANDLES = 0b111 << 25, "Mask of the number of handles in the command";
        R_HANDLE = 1 << 28, "The response has a handle";
        V = 1 << 29, "The command is a vendor's";
    }
}

impl TpmaCc {
    /// The attributes of the command `code` with `handles` handles (0 to 7) and what `flags` says further.
    pub const fn new(code: TpmCc, handles: u32, flags: Self) -> Self {
        let code_bits = Self::COMMAND_INDEX.bits() | Self::V.bits();
        let handle_bits = handles << 25 & Self::C_HANDLES.bits();
        Self::from_bits_retain(code.0 & code_bits | handle_bits | flags.bits())
    }

    /// The command's code.
    pub const fn code(self) -> TpmCc {
        TpmCc(self.bits() & (Self::COMMAND_INDEX.bits() | Self::V.bits()))
    }

    /// Number of handles in the command.
    pub const fn handles(self) -> u32 {
        (self.bits() & Self::C_HANDLES.bits()) >> 25
    }
}

attributes! {
    /// TPMA_MODES: what the TPM is designed to comply with (Part 2, 8.10).
    TpmaModes(u32) "TPMA_MODES" {
        FIPS_140_2 = 1 << 0, "FIPS 140-2 level 1 or higher";
        FIPS_140_3 = 1 << 1, "FIPS 140-3 level 1 or higher";
        FIPS_140_3_INDICATOR = 0b11 << 2, "Mask of the service indicator of FIPS 140-3";
    }
}

attributes! {
    /// TPMA_X509_KEY_USAGE: the key usage of a certificate (Part 2, 8.11).
    TpmaX509KeyUsage(u32) "TPMA_X509_KEY_USAGE" {
        DECIPHER_ONLY = 1 << 23, "The key only decrypts in a key agreement";
        ENCIPHER_ONLY = 1 << 24, "The key only encrypts in a key agreement";
        CRL_SIGN = 1 << 25, "The key signs revocation lists";
        KEY_CERT_SIGN = 1 << 26, "The key signs certificates";
        KEY_AGREEMENT = 1 << 27, "The key is for key agreement";
        DATA_ENCIPHERMENT = 1 << 28, "The key encrypts data";
        KEY_ENCIPHERMENT = 1 << 29, "The key encrypts keys";
        NON_REPUDIATION = 1 << 30, "The key signs what shall not be denied (contentCommitment)";
        DIGITAL_SIGNATURE = 1 << 31, "The key signs";
    }
}

attributes! {
    /// TPMA_ACT: the state of an authenticated countdown timer (Part 2, 8.12).
    TpmaAct(u32) "TPMA_ACT" {
        SIGNALED = 1 << 0, "The timer has signaled";
        PRESERVE_SIGNALED = 1 << 1, "Signaled is kept over the power cycle";
    }
}

attributes! {
    /// TPMA_ML_PARAMETER_SET: the post-quantum parameter sets offered (Part 2, 8.13).
    TpmaMlParameterSet(u32) "TPMA_ML_PARAMETER_SET" {
        ML_KEM_512 = 1 << 0, "ML-KEM-512";
        ML_KEM_768 = 1 << 1, "ML-KEM-768";
        ML_KEM_1024 = 1 << 2, "ML-KEM-1024";
        ML_DSA_44 = 1 << 3, "ML-DSA-44";
        ML_DSA_65 = 1 << 4, "ML-DSA-65";
        ML_DSA_87 = 1 << 5, "ML-DSA-87";
        EXT_MU = 1 << 6, "Keys may allow an external mu";
    }
}

attributes! {
    /// TPMA_NV: what an NV index is and who may use it (Part 2, 13.4).
    ///
    /// Only reserved bits are checked here: an undefined TPM_NT, like every inconsistency, is the command's
    /// to refuse (TPM_RC_ATTRIBUTES).
    TpmaNv(u32) "TPMA_NV" {
        PPWRITE = 1 << 0, "The platform may write";
        OWNERWRITE = 1 << 1, "The owner may write";
        AUTHWRITE = 1 << 2, "The index's authValue authorizes writing";
        POLICYWRITE = 1 << 3, "The index's policy authorizes writing";
        TPM_NT = 0xF << 4, "Mask of the kind of index";
        POLICY_DELETE = 1 << 10, "Only TPM2_NV_UndefineSpaceSpecial deletes the index";
        WRITELOCKED = 1 << 11, "The index cannot be written now";
        WRITEALL = 1 << 12, "Only the whole index can be written";
        WRITEDEFINE = 1 << 13, "TPM2_NV_WriteLock may lock the index for ever";
        WRITE_STCLEAR = 1 << 14, "TPM2_NV_WriteLock may lock the index until the next TPM Reset or Restart";
        GLOBALLOCK = 1 << 15, "TPM2_NV_GlobalWriteLock locks the index";
        PPREAD = 1 << 16, "The platform may read";
        OWNERREAD = 1 << 17, "The owner may read";
        AUTHREAD = 1 << 18, "The index's authValue authorizes reading";
        POLICYREAD = 1 << 19, "The index's policy authorizes reading";
        NO_DA = 1 << 25, "Failed authorizations do not count as dictionary attack";
        ORDERLY = 1 << 26, "The contents are written to NV only at an orderly shutdown";
        CLEAR_STCLEAR = 1 << 27, "WRITTEN is cleared by TPM Reset or Restart";
        READLOCKED = 1 << 28, "The index cannot be read until the next TPM Reset or Restart";
        WRITTEN = 1 << 29, "The index was written";
        PLATFORMCREATE = 1 << 30, "The platform created the index";
        READ_STCLEAR = 1 << 31, "TPM2_NV_ReadLock may lock the index";
    }
}

impl TpmaNv {
    const NT_SHIFT: u32 = 4;

    /// The kind of index; it may be one that Part 2 does not define.
    pub const fn nt(self) -> TpmNt {
        TpmNt(((self.bits() & Self::TPM_NT.bits()) >> Self::NT_SHIFT) as u8)
    }

    /// These attributes with the kind `nt`.
    #[must_use]
    pub const fn with_nt(self, nt: TpmNt) -> Self {
        let field = (nt.0 as u32) << Self::NT_SHIFT & Self::TPM_NT.bits();
        Self::from_bits_retain(self.bits() & !Self::TPM_NT.bits() | field)
    }
}

attributes! {
    /// TPMA_NV_EXP: the attributes of an NV index kept outside the TPM: those of [`TpmaNv`] below, its own
    /// above (Part 2, 13.5).
    TpmaNvExp(u64) "TPMA_NV_EXP" {
        TPMA_NV = TpmaNv::all().bits() as u64, "Mask of what is as in TPMA_NV";
        EXTERNAL_NV_ENCRYPTION = 1 << 32, "The contents are encrypted";
        EXTERNAL_NV_INTEGRITY = 1 << 33, "The contents are protected against change";
        EXTERNAL_NV_ANTIROLLBACK = 1 << 34, "The contents are protected against rollback";
    }
}

impl TpmaNvExp {
    /// The attributes that are as in TPMA_NV.
    pub const fn nv(self) -> TpmaNv {
        TpmaNv::from_bits_truncate(self.bits() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T: Unmarshal<'a>>(bytes: &'a [u8]) -> Result<T> {
        Reader::trusted(bytes).read()
    }

    #[test]
    fn reserved_bits_are_refused() {
        for bit in 0..32 {
            let bytes = (1u32 << bit).to_be_bytes();
            let reserved = matches!(bit, 0 | 3 | 12..=15 | 20..);
            let expected = if reserved { Err(ResponseCode::RESERVED_BITS) } else { Ok(1 << bit) };
            assert_eq!(read::<TpmaObject>(&bytes).map(|object| object.bits()), expected);
            let reserved = matches!(bit, 8 | 9 | 20..=24);
            let expected = if reserved { Err(ResponseCode::RESERVED_BITS) } else { Ok(1 << bit) };
            assert_eq!(read::<TpmaNv>(&bytes).map(|nv| nv.bits()), expected);
        }
        assert_eq!(read::<TpmaSession>(&[0x08]), Err(ResponseCode::RESERVED_BITS));
        assert_eq!(read::<TpmaSession>(&[0xE7]), Ok(TpmaSession::all()));
        assert_eq!(read::<TpmaLocality>(&[0xFF]), Ok(TpmaLocality::all()));
    }

    #[test]
    fn localities() {
        for locality in 0..=4 {
            assert!(TpmaLocality::of(locality).is_some_and(|one| one.includes(locality)));
            assert!(
                TpmaLocality::all().intersection(TpmaLocality::from_bits_retain(0x1F)).includes(locality)
            );
        }
        assert_eq!(TpmaLocality::of(31), None);
        let extended = TpmaLocality::of(33).unwrap_or_default();
        assert!(extended.includes(33) && !extended.includes(0));
        assert!(!TpmaLocality::ZERO.includes(5) && !TpmaLocality::ZERO.includes(32));
    }

    #[test]
    fn fields() {
        let nv = TpmaNv::AUTHREAD.with_nt(TpmNt::PIN_PASS);
        assert_eq!(nv.bits(), 0x0004_0090);
        assert_eq!(nv.nt(), TpmNt::PIN_PASS);
        assert_eq!(nv.with_nt(TpmNt::ORDINARY), TpmaNv::AUTHREAD);
        let command = TpmaCc::new(TpmCc::NV_WRITE, 2, TpmaCc::NV);
        assert_eq!(command.bits(), 0x0440_0137);
        assert_eq!((command.code(), command.handles()), (TpmCc::NV_WRITE, 2));
    }
}
