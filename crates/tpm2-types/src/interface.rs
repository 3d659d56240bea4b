//! Interface types: TPMI_*, the values that are legal in a place (Part 2, 9, and those of 10 to 12).
//!
//! Holding one proves that the value is legal, not that what a handle names is there. The value itself is
//! behind [`Deref`]: `*hash_alg` is a [`TpmAlgId`], `*object` a [`TpmHandle`].

use core::ops::Deref;

use crate::{
    Marshal, MaxSize, Nullable, Reader, ResponseCode, Result, Supported, TpmAlgId, TpmEccCurve, TpmHandle,
    TpmHc, TpmRh, TpmSt, TpmaMlParameterSet, TypeName, Unmarshal, Writer,
};

/// TPMI_YES_NO: a truth value in one byte (Part 2, 9.2). Other bytes are refused with TPM_RC_VALUE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TpmiYesNo(pub bool);

impl TpmiYesNo {
    /// NO.
    pub const NO: Self = Self(false);
    /// YES.
    pub const YES: Self = Self(true);
}

impl From<bool> for TpmiYesNo {
    fn from(value: bool) -> Self {
        Self(value)
    }
}

impl From<TpmiYesNo> for bool {
    fn from(value: TpmiYesNo) -> Self {
        value.0
    }
}

impl TypeName for TpmiYesNo {
    const NAME: &'static str = "TPMI_YES_NO";
}

impl MaxSize for TpmiYesNo {
    const MAX_SIZE: usize = u8::MAX_SIZE;
}

impl<'a> Unmarshal<'a> for TpmiYesNo {
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
        match reader.read()? {
            0u8 => Ok(Self::NO),
            1 => Ok(Self::YES),
            _ => Err(ResponseCode::VALUE),
        }
    }
}

impl Marshal for TpmiYesNo {
    fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
        writer.write(&u8::from(self.0))
    }
}

/// What an interface type over `$base` has besides the test for legal values: `$name::new`.
macro_rules! restricted {
    ($name:ident, $base:ty, $spec:literal, $code:ident $(, null $null:expr)?) => {
        impl Deref for $name {
            type Target = $base;

            fn deref(&self) -> &$base {
                &self.0
            }
        }

        impl From<$name> for $base {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl TryFrom<$base> for $name {
            type Error = ResponseCode;

            fn try_from(value: $base) -> Result<Self> {
                Self::new(value).ok_or(ResponseCode::$code)
            }
        }

        impl TypeName for $name {
            const NAME: &'static str = $spec;
        }

        impl MaxSize for $name {
            const MAX_SIZE: usize = <$base>::MAX_SIZE;
        }

        impl Marshal for $name {
            fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
                writer.write(&self.0)
            }
        }

        $(
            impl Nullable for $name {
                type Null = $base;
                const NULL: $base = $null;
                const NULLABLE_NAME: &'static str = concat!($spec, "+");
            }

            impl From<Option<$name>> for $base {
                fn from(value: Option<$name>) -> Self {
                    value.map_or($null, Self::from)
                }
            }
        )?
    };
}

/// Declares interface types that list their values, `else` the code for another one.
///
/// `offered` names the question to [`Supported`] whether the TPM offers a value; `null` the value that stands
/// for null where the type may be it.
macro_rules! selections {
    ($(
        $(#[$doc:meta])*
        $name:ident($base:ident) $spec:literal
            else $code:ident $(, offered $query:ident)? $(, null $null:ident)? {
            $($member:ident),* $(,)?
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($base);

        impl $name {
            $(
                #[doc = concat!("The same as [`", stringify!($base), "::", stringify!($member), "`].")]
                pub const $member: Self = Self($base::$member);
            )*

            /// The legal values, in the order of Part 2.
            pub const ALL: &'static [Self] = &[$(Self::$member),*];

            /// `value`, if it is a legal one, whether the TPM offers it or not.
            pub const fn new(value: $base) -> Option<Self> {
                match value {
                    $($base::$member)|* => Some(Self(value)),
                    _ => None,
                }
            }

            /// Whether the TPM offers it.
            pub const fn is_offered(self, supported: &Supported) -> bool {
                let _ = supported;
                true $(&& supported.$query(self.0))?
            }
        }

        restricted!($name, $base, $spec, $code $(, null $base::$null)?);

        impl<'a> Unmarshal<'a> for $name {
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
                let value = Self::new(reader.read()?).ok_or(ResponseCode::$code)?;
                if value.is_offered(reader.supported()) { Ok(value) } else { Err(ResponseCode::$code) }
            }
        }
    )*};
}

selections! {
    /// TPMI_ALG_HASH: a hash algorithm; others are refused with TPM_RC_HASH (Part 2, 9.31).
    TpmiAlgHash(TpmAlgId) "TPMI_ALG_HASH" else HASH, offered algorithm, null NULL {
        SHA1, SHA256, SHA384, SHA512, SHA256_192, SM3_256, SHA3_256, SHA3_384, SHA3_512,
        SHAKE256_192, SHAKE256_256, SHAKE256_512,
    }

    /// TPMI_ALG_ASYM: an asymmetric algorithm; others are refused with TPM_RC_ASYMMETRIC (Part 2, 9.32).
    TpmiAlgAsym(TpmAlgId) "TPMI_ALG_ASYM" else ASYMMETRIC, offered algorithm, null NULL { RSA, ECC }

    /// TPMI_ALG_SYM: a symmetric algorithm, XOR included; others are refused with TPM_RC_SYMMETRIC (Part 2,
    /// 9.33).
    TpmiAlgSym(TpmAlgId) "TPMI_ALG_SYM"
        else SYMMETRIC, offered algorithm, null NULL { TDES, AES, XOR, SM4, CAMELLIA }

    /// TPMI_ALG_SYM_OBJECT: a block cipher that may protect an object; others are refused with
    /// TPM_RC_SYMMETRIC (Part 2, 9.34).
    TpmiAlgSymObject(TpmAlgId) "TPMI_ALG_SYM_OBJECT"
        else SYMMETRIC, offered algorithm, null NULL { TDES, AES, SM4, CAMELLIA }

    /// TPMI_ALG_SYM_MODE: a mode of a block cipher, CMAC included; others are refused with TPM_RC_MODE
    /// (Part 2, 9.35).
    TpmiAlgSymMode(TpmAlgId) "TPMI_ALG_SYM_MODE"
        else MODE, offered algorithm, null NULL { CTR, OFB, CBC, CFB, ECB, CMAC }

    /// TPMI_ALG_KDF: a key derivation or mask generation function; others are refused with TPM_RC_KDF
    /// (Part 2, 9.36).
    TpmiAlgKdf(TpmAlgId) "TPMI_ALG_KDF" else KDF, offered algorithm, null NULL {
        MGF1, KDF2, KDF1_SP800_56A, KDF1_SP800_108, HKDF,
    }

    /// TPMI_ALG_SIG_SCHEME: a signature scheme; others are refused with TPM_RC_SCHEME (Part 2, 9.37).
    TpmiAlgSigScheme(TpmAlgId) "TPMI_ALG_SIG_SCHEME" else SCHEME, offered algorithm, null NULL {
        RSASSA, RSAPSS, ECDSA, ECDAA, SM2, ECSCHNORR, EDDSA, HASH_EDDSA, HMAC, MLDSA, HASH_MLDSA,
    }

    /// TPMI_ECC_KEY_EXCHANGE: a key exchange on a curve; others are refused with TPM_RC_SCHEME (Part 2,
    /// 9.38).
    TpmiEccKeyExchange(TpmAlgId) "TPMI_ECC_KEY_EXCHANGE"
        else SCHEME, offered algorithm, null NULL { ECDH, SM2, ECMQV }

    /// TPMI_ST_COMMAND_TAG: the tag of a command; others are refused with TPM_RC_BAD_TAG (Part 2, 9.39).
    TpmiStCommandTag(TpmSt) "TPMI_ST_COMMAND_TAG" else BAD_TAG { NO_SESSIONS, SESSIONS }

    /// TPMI_ALG_MAC_SCHEME: CMAC or the hash of an HMAC; others are refused with TPM_RC_SYMMETRIC (Part 2,
    /// 9.40).
    TpmiAlgMacScheme(TpmAlgId) "TPMI_ALG_MAC_SCHEME" else SYMMETRIC, offered algorithm, null NULL {
        CMAC, SHA1, SHA256, SHA384, SHA512, SHA256_192, SM3_256, SHA3_256, SHA3_384, SHA3_512,
        SHAKE256_192, SHAKE256_256, SHAKE256_512,
    }

    /// TPMI_ALG_CIPHER_MODE: a mode that encrypts; others are refused with TPM_RC_MODE (Part 2, 9.41).
    TpmiAlgCipherMode(TpmAlgId) "TPMI_ALG_CIPHER_MODE"
        else MODE, offered algorithm, null NULL { CTR, OFB, CBC, CFB, ECB }

    /// TPMI_ST_ATTEST: the kind of an attestation; others are refused with TPM_RC_VALUE (Part 2, 10.11.10).
    TpmiStAttest(TpmSt) "TPMI_ST_ATTEST" else VALUE {
        ATTEST_CERTIFY, ATTEST_QUOTE, ATTEST_SESSION_AUDIT, ATTEST_COMMAND_AUDIT, ATTEST_TIME,
        ATTEST_CREATION, ATTEST_NV, ATTEST_NV_DIGEST,
    }

    /// TPMI_ALG_KEYEDHASH_SCHEME: what a keyed hash object does; others are refused with TPM_RC_VALUE
    /// (Part 2, 11.1.19).
    TpmiAlgKeyedhashScheme(TpmAlgId) "TPMI_ALG_KEYEDHASH_SCHEME"
        else VALUE, offered algorithm, null NULL { HMAC, XOR }

    /// TPMI_ALG_RSA_SCHEME: a signature or encryption scheme of RSA; others are refused with TPM_RC_VALUE
    /// (Part 2, 11.2.4.1).
    TpmiAlgRsaScheme(TpmAlgId) "TPMI_ALG_RSA_SCHEME"
        else VALUE, offered algorithm, null NULL { RSASSA, RSAES, RSAPSS, OAEP }

    /// TPMI_ALG_RSA_DECRYPT: an encryption scheme of RSA; others are refused with TPM_RC_VALUE
    /// (Part 2, 11.2.4.4).
    TpmiAlgRsaDecrypt(TpmAlgId) "TPMI_ALG_RSA_DECRYPT"
        else VALUE, offered algorithm, null NULL { RSAES, OAEP }

    /// TPMI_ALG_ECC_SCHEME: a signature or key exchange scheme on a curve; others are refused with
    /// TPM_RC_SCHEME (Part 2, 11.2.5.4).
    TpmiAlgEccScheme(TpmAlgId) "TPMI_ALG_ECC_SCHEME" else SCHEME, offered algorithm, null NULL {
        ECDSA, ECDAA, SM2, ECSCHNORR, EDDSA, HASH_EDDSA, ECDH, ECMQV,
    }

    /// TPMI_ECC_CURVE: a curve; others are refused with TPM_RC_CURVE (Part 2, 11.2.5.5).
    TpmiEccCurve(TpmEccCurve) "TPMI_ECC_CURVE" else CURVE, offered curve, null NONE {
        NIST_P192, NIST_P224, NIST_P256, NIST_P384, NIST_P521, BN_P256, BN_P638, SM2_P256,
        BP_P256_R1, BP_P384_R1, BP_P512_R1, CURVE_25519, CURVE_448,
    }

    /// TPMI_ALG_PUBLIC: the type of an object; others are refused with TPM_RC_TYPE (Part 2, 12.2.2).
    TpmiAlgPublic(TpmAlgId) "TPMI_ALG_PUBLIC" else TYPE, offered algorithm {
        RSA, KEYEDHASH, ECC, SYMCIPHER, MLDSA, HASH_MLDSA, MLKEM,
    }
}

impl TpmiAlgHash {
    /// Bytes of a digest.
    pub const fn digest_size(self) -> usize {
        match self {
            Self::SHA1 => 20,
            Self::SHA256_192 | Self::SHAKE256_192 => 24,
            Self::SHA384 | Self::SHA3_384 => 48,
            Self::SHA512 | Self::SHA3_512 | Self::SHAKE256_512 => 64,
            _ => 32,
        }
    }
}

impl TpmiEccCurve {
    /// Bytes of a coordinate, and of a scalar.
    pub const fn coordinate_size(self) -> usize {
        match self {
            Self::NIST_P192 => 24,
            Self::NIST_P224 => 28,
            Self::NIST_P384 | Self::BP_P384_R1 => 48,
            Self::NIST_P521 => 66,
            Self::BN_P638 => 80,
            Self::BP_P512_R1 => 64,
            Self::CURVE_448 => 56,
            _ => 32,
        }
    }
}

/// Declares types of a key size in bits: `offered by` tells which are legal.
macro_rules! key_sizes {
    ($(
        $(#[$doc:meta])*
        $name:ident $spec:literal, offered by |$supported:ident, $bits:ident| $offered:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u16);

        impl $name {
            /// `bits`, if it is a legal size, whether the TPM offers it or not.
            pub const fn new(bits: u16) -> Option<Self> {
                let size = Self(bits);
                if size.is_offered(&Supported::EVERYTHING) { Some(size) } else { None }
            }

            /// Whether the TPM offers it.
            pub const fn is_offered(self, $supported: &Supported) -> bool {
                let $bits = self.0;
                $offered
            }

            /// The size in bits.
            pub const fn bits(self) -> u16 {
                self.0
            }

            /// The size in bytes.
            pub const fn bytes(self) -> usize {
                self.0 as usize / 8
            }
        }

        restricted!($name, u16, $spec, VALUE);

        impl<'a> Unmarshal<'a> for $name {
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
                let size = Self(reader.read()?);
                if size.is_offered(reader.supported()) { Ok(size) } else { Err(ResponseCode::VALUE) }
            }
        }
    )*};
}

key_sizes! {
    /// TPMI_TDES_KEY_BITS: 128 or 192; others are refused with TPM_RC_VALUE (Part 2, 11.1.2).
    TpmiTdesKeyBits "TPMI_TDES_KEY_BITS",
    offered by |supported, bits| supported.symmetric_bits(TpmAlgId::TDES, bits);

    /// TPMI_AES_KEY_BITS: 128, 192 or 256; others are refused with TPM_RC_VALUE (Part 2, 11.1.2).
    TpmiAesKeyBits "TPMI_AES_KEY_BITS",
    offered by |supported, bits| supported.symmetric_bits(TpmAlgId::AES, bits);

    /// TPMI_SM4_KEY_BITS: 128; others are refused with TPM_RC_VALUE (Part 2, 11.1.2).
    TpmiSm4KeyBits "TPMI_SM4_KEY_BITS",
    offered by |supported, bits| supported.symmetric_bits(TpmAlgId::SM4, bits);

    /// TPMI_CAMELLIA_KEY_BITS: 128, 192 or 256; others are refused with TPM_RC_VALUE (Part 2, 11.1.2).
    TpmiCamelliaKeyBits "TPMI_CAMELLIA_KEY_BITS",
    offered by |supported, bits| supported.symmetric_bits(TpmAlgId::CAMELLIA, bits);

    /// TPMI_RSA_KEY_BITS: 1024, 2048, 3072 or 4096; others are refused with TPM_RC_VALUE (Part 2, 11.2.4.7).
    TpmiRsaKeyBits "TPMI_RSA_KEY_BITS",
    offered by |supported, bits| supported.rsa_bits(bits);
}

/// Declares the parameter sets of a post-quantum algorithm, with the attribute that says that one is offered.
macro_rules! parameter_sets {
    ($(
        $(#[$doc:meta])*
        $name:ident $spec:literal { $($member:ident = $value:literal, $attribute:ident;)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum $name {
            $(
                #[doc = concat!("The set of [`TpmaMlParameterSet::", stringify!($attribute), "`].")]
                $member = $value,
            )*
        }

        impl $name {
            /// The legal sets.
            pub const ALL: &'static [Self] = &[$(Self::$member),*];

            /// The attribute that says that the TPM offers this set.
            pub const fn attribute(self) -> TpmaMlParameterSet {
                match self {
                    $(Self::$member => TpmaMlParameterSet::$attribute,)*
                }
            }
        }

        impl TypeName for $name {
            const NAME: &'static str = $spec;
        }

        impl MaxSize for $name {
            const MAX_SIZE: usize = u16::MAX_SIZE;
        }

        impl<'a> Unmarshal<'a> for $name {
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
                let set = match reader.read()? {
                    $($value => Self::$member,)*
                    0u16.. => return Err(ResponseCode::PARMS),
                };
                let offered = reader.supported().parameter_sets().contains(set.attribute());
                if offered { Ok(set) } else { Err(ResponseCode::PARMS) }
            }
        }

        impl Marshal for $name {
            fn marshal(&self, writer: &mut Writer<'_>) -> Result<()> {
                writer.write(&(*self as u16))
            }
        }
    )*};
}

parameter_sets! {
    /// TPMI_MLKEM_PARMS: a parameter set of ML-KEM; others are refused with TPM_RC_PARMS (Part 2, 11.2.6.1).
    TpmiMlkemParms "TPMI_MLKEM_PARMS" {
        MlKem512 = 1, ML_KEM_512;
        MlKem768 = 2, ML_KEM_768;
        MlKem1024 = 3, ML_KEM_1024;
    }

    /// TPMI_MLDSA_PARMS: a parameter set of ML-DSA; others are refused with TPM_RC_PARMS (Part 2, 11.2.7.1).
    TpmiMldsaParms "TPMI_MLDSA_PARMS" {
        MlDsa44 = 1, ML_DSA_44;
        MlDsa65 = 2, ML_DSA_65;
        MlDsa87 = 3, ML_DSA_87;
    }
}

impl TpmiMlkemParms {
    /// Bytes of an encapsulation key.
    pub const fn public_key_size(self) -> usize {
        match self {
            Self::MlKem512 => 800,
            Self::MlKem768 => 1184,
            Self::MlKem1024 => 1568,
        }
    }

    /// Bytes of a ciphertext.
    pub const fn ciphertext_size(self) -> usize {
        match self {
            Self::MlKem512 => 768,
            Self::MlKem768 => 1088,
            Self::MlKem1024 => 1568,
        }
    }
}

impl TpmiMldsaParms {
    /// Bytes of a public key.
    pub const fn public_key_size(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }

    /// Bytes of a signature.
    pub const fn signature_size(self) -> usize {
        match self {
            Self::MlDsa44 => 2420,
            Self::MlDsa65 => 3309,
            Self::MlDsa87 => 4627,
        }
    }
}

/// Declares handles that are restricted to `ranges` of [`TpmHc`] and single `values`; others are refused with
/// TPM_RC_VALUE. `null` names the handle that stands for null where the type may be it.
macro_rules! handles {
    ($(
        $(#[$doc:meta])*
        $name:ident $spec:literal
        $(ranges [$($range:ident),*])? $(values [$($value:expr),*])? $(null $null:ident)?;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(TpmHandle);

        impl $name {
            /// `handle`, if it is a legal one here.
            pub const fn new(handle: TpmHandle) -> Option<Self> {
                let legal = false $($(|| TpmHc::$range.contains(handle))*)? $($(|| handle.0 == $value.0)*)?;
                if legal { Some(Self(handle)) } else { None }
            }

            /// The handle.
            pub const fn handle(self) -> TpmHandle {
                self.0
            }
        }

        restricted!($name, TpmHandle, $spec, VALUE $(, null TpmRh::$null)?);

        impl PartialEq<TpmHandle> for $name {
            fn eq(&self, handle: &TpmHandle) -> bool {
                self.0 == *handle
            }
        }

        impl<'a> Unmarshal<'a> for $name {
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self> {
                Self::new(reader.read()?).ok_or(ResponseCode::VALUE)
            }
        }
    )*};
}

handles! {
    /// TPMI_DH_OBJECT: a transient or persistent object (Part 2, 9.3).
    TpmiDhObject "TPMI_DH_OBJECT" ranges [TRANSIENT, PERSISTENT] null NULL;

    /// TPMI_DH_PARENT: an object or hierarchy that can be a parent; TPM_RH_NULL is one of them (Part 2, 9.4).
    TpmiDhParent "TPMI_DH_PARENT"
        ranges [TRANSIENT, PERSISTENT, SVN_OWNER, SVN_PLATFORM, SVN_ENDORSEMENT, SVN_NULL]
        values [
            TpmRh::OWNER, TpmRh::PLATFORM, TpmRh::ENDORSEMENT, TpmRh::NULL,
            TpmRh::FW_OWNER, TpmRh::FW_PLATFORM, TpmRh::FW_ENDORSEMENT, TpmRh::FW_NULL
        ];

    /// TPMI_DH_PERSISTENT: a place for a persistent object (Part 2, 9.5).
    TpmiDhPersistent "TPMI_DH_PERSISTENT" ranges [PERSISTENT];

    /// TPMI_DH_ENTITY: something with an authValue (Part 2, 9.6).
    TpmiDhEntity "TPMI_DH_ENTITY"
        ranges [TRANSIENT, PERSISTENT, NV_INDEX, PCR, AUTH]
        values [TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::PLATFORM, TpmRh::LOCKOUT]
        null NULL;

    /// TPMI_DH_PCR: a PCR (Part 2, 9.7).
    TpmiDhPcr "TPMI_DH_PCR" ranges [PCR] null NULL;

    /// TPMI_SH_AUTH_SESSION: an HMAC or policy session (Part 2, 9.8). With "+" a password may stand in its
    /// place: there `None` is TPM_RS_PW.
    TpmiShAuthSession "TPMI_SH_AUTH_SESSION" ranges [HMAC_SESSION, POLICY_SESSION] null PW;

    /// TPMI_SH_HMAC: an HMAC session (Part 2, 9.9).
    TpmiShHmac "TPMI_SH_HMAC" ranges [HMAC_SESSION];

    /// TPMI_SH_POLICY: a policy session (Part 2, 9.10).
    TpmiShPolicy "TPMI_SH_POLICY" ranges [POLICY_SESSION];

    /// TPMI_DH_CONTEXT: what has a context that can be saved or flushed (Part 2, 9.11).
    TpmiDhContext "TPMI_DH_CONTEXT" ranges [HMAC_SESSION, POLICY_SESSION, TRANSIENT];

    /// TPMI_DH_SAVED: what a saved context is the context of (Part 2, 9.12).
    TpmiDhSaved "TPMI_DH_SAVED"
        ranges [HMAC_SESSION, POLICY_SESSION]
        values [TpmiDhSaved::OBJECT.0, TpmiDhSaved::SEQUENCE.0, TpmiDhSaved::ST_CLEAR_OBJECT.0];

    /// TPMI_RH_HIERARCHY: a hierarchy; TPM_RH_NULL is one of them (Part 2, 9.13).
    TpmiRhHierarchy "TPMI_RH_HIERARCHY"
        ranges [SVN_OWNER, SVN_PLATFORM, SVN_ENDORSEMENT, SVN_NULL]
        values [
            TpmRh::OWNER, TpmRh::PLATFORM, TpmRh::ENDORSEMENT, TpmRh::NULL,
            TpmRh::FW_OWNER, TpmRh::FW_PLATFORM, TpmRh::FW_ENDORSEMENT, TpmRh::FW_NULL
        ];

    /// TPMI_RH_ENABLES: a hierarchy, or the platform's NV, that can be enabled (Part 2, 9.14).
    TpmiRhEnables "TPMI_RH_ENABLES"
        values [TpmRh::OWNER, TpmRh::PLATFORM, TpmRh::ENDORSEMENT, TpmRh::PLATFORM_NV]
        null NULL;

    /// TPMI_RH_HIERARCHY_AUTH: a hierarchy or the lockout authorization (Part 2, 9.15).
    TpmiRhHierarchyAuth "TPMI_RH_HIERARCHY_AUTH"
        values [TpmRh::OWNER, TpmRh::PLATFORM, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT]
        null NULL;

    /// TPMI_RH_HIERARCHY_POLICY: a hierarchy, the lockout authorization or a timer (Part 2, 9.16).
    TpmiRhHierarchyPolicy "TPMI_RH_HIERARCHY_POLICY"
        ranges [ACT]
        values [TpmRh::OWNER, TpmRh::PLATFORM, TpmRh::ENDORSEMENT, TpmRh::LOCKOUT];

    /// TPMI_RH_BASE_HIERARCHY: one of the three hierarchies that persist (Part 2, 9.17).
    TpmiRhBaseHierarchy "TPMI_RH_BASE_HIERARCHY" values [TpmRh::OWNER, TpmRh::PLATFORM, TpmRh::ENDORSEMENT];

    /// TPMI_RH_PLATFORM: the platform (Part 2, 9.18).
    TpmiRhPlatform "TPMI_RH_PLATFORM" values [TpmRh::PLATFORM];

    /// TPMI_RH_OWNER: the owner (Part 2, 9.19).
    TpmiRhOwner "TPMI_RH_OWNER" values [TpmRh::OWNER] null NULL;

    /// TPMI_RH_ENDORSEMENT: the privacy administrator (Part 2, 9.20).
    TpmiRhEndorsement "TPMI_RH_ENDORSEMENT" values [TpmRh::ENDORSEMENT] null NULL;

    /// TPMI_RH_PROVISION: the owner or the platform (Part 2, 9.21).
    TpmiRhProvision "TPMI_RH_PROVISION" values [TpmRh::OWNER, TpmRh::PLATFORM];

    /// TPMI_RH_CLEAR: the lockout authorization or the platform (Part 2, 9.22).
    TpmiRhClear "TPMI_RH_CLEAR" values [TpmRh::LOCKOUT, TpmRh::PLATFORM];

    /// TPMI_RH_NV_AUTH: who authorizes access to an NV index: platform, owner or the index (Part 2, 9.23).
    TpmiRhNvAuth "TPMI_RH_NV_AUTH" ranges [NV_INDEX] values [TpmRh::PLATFORM, TpmRh::OWNER];

    /// TPMI_RH_LOCKOUT: the lockout authorization (Part 2, 9.24).
    TpmiRhLockout "TPMI_RH_LOCKOUT" values [TpmRh::LOCKOUT];

    /// TPMI_RH_NV_INDEX: an NV index of any kind (Part 2, 9.25).
    TpmiRhNvIndex "TPMI_RH_NV_INDEX" ranges [NV_INDEX, EXTERNAL_NV, PERMANENT_NV];

    /// TPMI_RH_NV_DEFINED_INDEX: an NV index that can be defined and undefined (Part 2, 9.26).
    TpmiRhNvDefinedIndex "TPMI_RH_NV_DEFINED_INDEX" ranges [NV_INDEX, EXTERNAL_NV];

    /// TPMI_RH_NV_LEGACY_INDEX: an NV index with 32-bit attributes (Part 2, 9.27).
    TpmiRhNvLegacyIndex "TPMI_RH_NV_LEGACY_INDEX" ranges [NV_INDEX];

    /// TPMI_RH_NV_EXP_INDEX: an NV index with expanded attributes (Part 2, 9.28).
    TpmiRhNvExpIndex "TPMI_RH_NV_EXP_INDEX" ranges [EXTERNAL_NV];

    /// TPMI_RH_AC: an attached component (Part 2, 9.29).
    TpmiRhAc "TPMI_RH_AC" ranges [AC];

    /// TPMI_RH_ACT: an authenticated countdown timer (Part 2, 9.30).
    TpmiRhAct "TPMI_RH_ACT" ranges [ACT];
}

impl TpmiDhSaved {
    /// An ordinary transient object.
    pub const OBJECT: Self = Self(TpmHandle::transient(0));
    /// A sequence object.
    pub const SEQUENCE: Self = Self(TpmHandle::transient(1));
    /// A transient object with the attribute stClear.
    pub const ST_CLEAR_OBJECT: Self = Self(TpmHandle::transient(2));
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: Supported = Supported::NOTHING
        .with_algorithms(&[TpmAlgId::SHA256, TpmAlgId::AES, TpmAlgId::RSA, TpmAlgId::MLKEM])
        .with_curves(&[TpmEccCurve::NIST_P256])
        .with_rsa_bits(&[2048])
        .with_aes_bits(&[128])
        .with_parameter_sets(TpmaMlParameterSet::ML_KEM_768);

    fn read<'a, T: Unmarshal<'a>>(bytes: &'a [u8]) -> Result<T> {
        Reader::new(bytes, &OFFERED).read()
    }

    fn legal<'a, T: Unmarshal<'a>>(bytes: &'a [u8]) -> Result<T> {
        Reader::trusted(bytes).read()
    }

    #[test]
    fn what_is_not_offered_is_refused_like_the_unknown() {
        assert_eq!(read(&[0, 0x0B]), Ok(TpmiAlgHash::SHA256));
        assert_eq!(read::<TpmiAlgHash>(&[0, 0x0C]), Err(ResponseCode::HASH));
        assert_eq!(read::<TpmiAlgHash>(&[0, 0x06]), Err(ResponseCode::HASH));
        assert_eq!(read::<TpmiAlgHash>(&[0, 0x10]), Err(ResponseCode::HASH));
        assert_eq!(read::<TpmiAlgHash>(&[0]), Err(ResponseCode::INSUFFICIENT));
        assert_eq!(read::<TpmiAlgSymObject>(&[0, 0x26]), Err(ResponseCode::SYMMETRIC));
        assert_eq!(read::<TpmiAlgPublic>(&[0, 0x23]), Err(ResponseCode::TYPE));
        assert_eq!(read::<TpmiEccCurve>(&[0, 4]), Err(ResponseCode::CURVE));
        assert_eq!(legal(&[0, 4]), Ok(TpmiEccCurve::NIST_P384));
        assert_eq!(read::<TpmiRsaKeyBits>(&[8, 0]).map(TpmiRsaKeyBits::bytes), Ok(256));
        assert_eq!(read::<TpmiRsaKeyBits>(&[16, 0]), Err(ResponseCode::VALUE));
        assert_eq!(read::<TpmiAesKeyBits>(&[1, 0]), Err(ResponseCode::VALUE));
        assert_eq!(read(&[0, 2]), Ok(TpmiMlkemParms::MlKem768));
        assert_eq!(read::<TpmiMlkemParms>(&[0, 3]), Err(ResponseCode::PARMS));
        assert_eq!(legal::<TpmiMldsaParms>(&[0, 4]), Err(ResponseCode::PARMS));
        assert_eq!(read::<TpmiStCommandTag>(&[0x80, 0]), Err(ResponseCode::BAD_TAG));
    }

    #[test]
    fn null_is_an_option() {
        assert_eq!(read::<Option<TpmiAlgHash>>(&[0, 0x10]), Ok(None));
        assert_eq!(read::<Option<TpmiAlgHash>>(&[0, 0x0B]), Ok(Some(TpmiAlgHash::SHA256)));
        assert_eq!(read::<Option<TpmiAlgHash>>(&[0, 0x0C]), Err(ResponseCode::HASH));
        assert_eq!(read::<Option<TpmiAlgHash>>(&[0]), Err(ResponseCode::INSUFFICIENT));
        assert_eq!(read::<Option<TpmiDhObject>>(&[0x40, 0, 0, 7]), Ok(None));
        assert_eq!(read::<TpmiDhObject>(&[0x40, 0, 0, 7]), Err(ResponseCode::VALUE));
        assert_eq!(read::<Option<TpmiShAuthSession>>(&[0x40, 0, 0, 9]), Ok(None));
        assert_eq!(read::<Option<TpmiEccCurve>>(&[0, 0]), Ok(None));
        assert_eq!(TpmHandle::from(None::<TpmiDhObject>), TpmRh::NULL);
        assert_eq!(<Option<TpmiAlgHash>>::NAME, "TPMI_ALG_HASH+");

        let mut buffer = [0; 4];
        let mut writer = Writer::new(&mut buffer);
        assert_eq!(writer.write(&None::<TpmiDhEntity>), Ok(()));
        assert_eq!(writer.written(), [0x40, 0, 0, 7]);
    }

    #[test]
    fn yes_or_no() {
        assert_eq!(read(&[0]), Ok(TpmiYesNo::NO));
        assert_eq!(read(&[1]), Ok(TpmiYesNo::YES));
        assert_eq!(read::<TpmiYesNo>(&[2]), Err(ResponseCode::VALUE));
    }

    /// At the ends of every range and at every permanent handle, each type accepts what its table lists.
    #[test]
    fn handles_are_restricted() {
        let ends = [
            0x0000_0000,
            0x0000_0017,
            0x0000_0018,
            0x0100_0000,
            0x01FF_FFFF,
            0x0200_0000,
            0x03FF_FFFF,
            0x0400_0000,
            0x1100_0000,
            0x11FF_FFFF,
            0x12FF_FFFF,
            0x1300_0000,
            0x4001_FFFF,
            0x4004_FFFF,
            0x4005_0000,
            0x7FFF_FFFF,
            0x8000_0000,
            0x8000_0002,
            0x8000_0003,
            0x80FF_FFFF,
            0x8100_0000,
            0x81FF_FFFF,
            0x8200_0000,
            0x9000_FFFF,
            0x9001_0000,
        ];
        let accepted = |new: fn(TpmHandle) -> bool| -> std::vec::Vec<u32> {
            (0x4000_0000..=0x4000_0143).chain(ends).filter(|handle| new(TpmHandle(*handle))).collect()
        };
        let hierarchies = [
            0x4000_0001,
            0x4000_0007,
            0x4000_000B,
            0x4000_000C,
            0x4000_0140,
            0x4000_0141,
            0x4000_0142,
            0x4000_0143,
            0x4001_FFFF,
            0x4004_FFFF,
        ];
        assert_eq!(accepted(|handle| TpmiRhHierarchy::new(handle).is_some()), hierarchies);
        let objects = [0x8000_0000, 0x8000_0002, 0x8000_0003, 0x80FF_FFFF, 0x8100_0000, 0x81FF_FFFF];
        assert_eq!(accepted(|handle| TpmiDhObject::new(handle).is_some()), objects);
        assert_eq!(
            accepted(|handle| TpmiDhParent::new(handle).is_some()),
            [&hierarchies[..], &objects].concat()
        );
        assert_eq!(accepted(|handle| TpmiDhPcr::new(handle).is_some()), [0, 0x17]);
        assert_eq!(
            accepted(|handle| TpmiDhSaved::new(handle).is_some()),
            [0x0200_0000, 0x03FF_FFFF, 0x8000_0000, 0x8000_0002]
        );
        assert_eq!(
            accepted(|handle| TpmiRhNvIndex::new(handle).is_some()),
            [0x0100_0000, 0x01FF_FFFF, 0x1100_0000, 0x11FF_FFFF, 0x12FF_FFFF]
        );
        assert_eq!(
            accepted(|handle| TpmiRhNvAuth::new(handle).is_some()),
            [0x4000_0001, 0x4000_000C, 0x0100_0000, 0x01FF_FFFF]
        );
        assert_eq!(accepted(|handle| TpmiRhClear::new(handle).is_some()), [0x4000_000A, 0x4000_000C]);
        assert_eq!(accepted(|handle| TpmiRhAct::new(handle).is_some()).len(), 16);
        assert_eq!(
            accepted(|handle| TpmiDhEntity::new(handle).is_some()).len(),
            4 + 256 + 2 + 2 + objects.len()
        );
    }
}
