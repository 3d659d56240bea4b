//! Byte strings with a size in front (Part 2, 10.3, and those of later sections).

use crate::codec::max_size;
use crate::limits::{
    LABEL_MAX_BUFFER, MAX_2B_BUFFER_SIZE, MAX_CONTEXT_SIZE, MAX_DIGEST_SIZE, MAX_ECC_KEY_BYTES,
    MAX_EVENT_SIZE, MAX_MLDSA_PUB_SIZE, MAX_MLDSA_SIG_SIZE, MAX_MLKEM_CT_SIZE, MAX_MLKEM_PUB_SIZE,
    MAX_NV_BUFFER_SIZE, MAX_RSA_KEY_BYTES, MAX_SHARED_SECRET_SIZE, MAX_SIGNATURE_CTX_SIZE,
    MAX_SIGNATURE_HINT_SIZE, MAX_SYM_BLOCK_SIZE, MAX_SYM_DATA, MAX_SYM_KEY_BYTES, MAX_VENDOR_PROPERTY_SIZE,
    MLDSA_PRIVATE_SIZE, MLKEM_PRIVATE_SIZE, RSA_PRIVATE_SIZE,
};
use crate::{
    MaxSize, TpmHandle, TpmsAttest, TpmsContextData, TpmsDerive, TpmsEccPoint, TpmsIdObject, TpmtHa,
    TpmtPublic, TpmtSensitive,
};

/// A TPM2B of bytes: `MIN..=MAX` of them, otherwise TPM_RC_SIZE; fewer there than its size says,
/// TPM_RC_INSUFFICIENT. `exact` makes MIN the same as MAX.
macro_rules! sized_buffer {
    ($(
        $(#[$meta:meta])*
        $access:ident $name:ident = $spec:literal, $max:expr $(, $exact:ident)?;
    )*) => {$(
        declare! { $access
            $(#[$meta])*
            pub struct $name<'a>(&'a [u8]);
        }

        impl<'a> $name<'a> {
            /// The most bytes that it may hold.
            pub const MAX: usize = $max;
            sized_buffer!(@least $($exact)?);

            /// Wraps `bytes`; TPM_RC_SIZE if their number is not allowed.
            pub const fn new(bytes: &'a [u8]) -> crate::Result<Self> {
                if bytes.len() < Self::MIN || bytes.len() > Self::MAX {
                    return Err(crate::ResponseCode::SIZE);
                }
                Ok(Self(bytes))
            }

            /// The bytes, without the size.
            pub const fn as_slice(&self) -> &'a [u8] {
                self.0
            }
        }

        sized_buffer!(@default $name $($exact)?);

        impl core::ops::Deref for $name<'_> {
            type Target = [u8];

            fn deref(&self) -> &[u8] {
                self.0
            }
        }

        impl<'a> crate::Unmarshal<'a> for $name<'a> {
            fn unmarshal(reader: &mut crate::Reader<'a>) -> crate::Result<Self> {
                let size = usize::from(reader.read::<u16>()?);
                if !(Self::MIN..=Self::MAX).contains(&size) {
                    return Err(crate::ResponseCode::SIZE);
                }
                reader.take(size).map(Self)
            }
        }

        impl crate::Marshal for $name<'_> {
            fn marshal(&self, writer: &mut crate::Writer<'_>) -> crate::Result<()> {
                writer.sized(|writer| writer.put(self.0))
            }
        }

        named! { $name<'a> = $spec, u16::MAX_SIZE + $max }
    )*};
    (@least exact) => {
        /// The fewest bytes that it may hold.
        pub const MIN: usize = Self::MAX;
    };
    (@least) => {
        /// The fewest bytes that it may hold.
        pub const MIN: usize = 0;
        /// No bytes: the Empty Buffer.
        pub const EMPTY: Self = Self(&[]);
    };
    (@default $name:ident exact) => {};
    (@default $name:ident) => {
        impl Default for $name<'_> {
            fn default() -> Self {
                Self::EMPTY
            }
        }
    };
}

sized_buffer! {
    /// TPM2B_DIGEST: a digest of any algorithm, or nothing (Part 2, 10.3.2).
    open Tpm2bDigest = "TPM2B_DIGEST", MAX_DIGEST_SIZE;
    /// TPM2B_DIGEST where it is a secret, such as the seed of an object (Part 2, 12.3.2.4).
    secret Tpm2bSecretDigest = "TPM2B_DIGEST", MAX_DIGEST_SIZE;
    /// TPM2B_DATA: no longer than the Name of an object (Part 2, 10.3.3).
    open Tpm2bData = "TPM2B_DATA", TpmtHa::MAX_SIZE;
    /// TPM2B_NONCE: the nonce of a session (Part 2, 10.3.4).
    open Tpm2bNonce = "TPM2B_NONCE", MAX_DIGEST_SIZE;
    /// TPM2B_AUTH: an authorization value, or the HMAC or password in its place (Part 2, 10.3.5).
    secret Tpm2bAuth = "TPM2B_AUTH", MAX_DIGEST_SIZE;
    /// TPM2B_OPERAND: what an NV index is compared with (Part 2, 10.3.6).
    open Tpm2bOperand = "TPM2B_OPERAND", MAX_DIGEST_SIZE;
    /// TPM2B_EVENT: the data of an event that a PCR is extended with (Part 2, 10.3.7).
    open Tpm2bEvent = "TPM2B_EVENT", MAX_EVENT_SIZE;
    /// TPM2B_MAX_BUFFER: data of one command to hash, to authenticate or to encrypt (Part 2, 10.3.8).
    open Tpm2bMaxBuffer = "TPM2B_MAX_BUFFER", MAX_2B_BUFFER_SIZE;
    /// TPM2B_MAX_NV_BUFFER: data of one command for or from an NV index (Part 2, 10.3.9).
    open Tpm2bMaxNvBuffer = "TPM2B_MAX_NV_BUFFER", MAX_NV_BUFFER_SIZE;
    /// TPM2B_TIMEOUT: when an authorization expires, in a form of the TPM's own (Part 2, 10.3.10).
    open Tpm2bTimeout = "TPM2B_TIMEOUT", u64::MAX_SIZE;
    /// TPM2B_IV: the initial value of a block cipher (Part 2, 10.3.11).
    open Tpm2bIv = "TPM2B_IV", MAX_SYM_BLOCK_SIZE;
    /// TPM2B_SHARED_SECRET: what a key encapsulation yields (Part 2, 10.3.12).
    secret Tpm2bSharedSecret = "TPM2B_SHARED_SECRET", MAX_SHARED_SECRET_SIZE;
    /// TPM2B_KEM_CIPHERTEXT: the ciphertext of a key encapsulation (Part 2, 10.3.14); it holds the largest member
    /// of TPMU_KEM_CIPHERTEXT.
    open Tpm2bKemCiphertext = "TPM2B_KEM_CIPHERTEXT", max_size(&[TpmsEccPoint::MAX_SIZE, MAX_MLKEM_CT_SIZE]);
    /// TPM2B_VENDOR_PROPERTY: a property that a vendor defines (Part 2, 10.3.15).
    open Tpm2bVendorProperty = "TPM2B_VENDOR_PROPERTY", MAX_VENDOR_PROPERTY_SIZE;
    /// TPM2B_NAME: nothing, a handle, or a hash algorithm and a digest: TPMU_NAME (Part 2, 10.4.3).
    open Tpm2bName = "TPM2B_NAME", max_size(&[TpmtHa::MAX_SIZE, TpmHandle::MAX_SIZE]);
    /// TPM2B_ATTEST: a marshalled [`TpmsAttest`], which is what gets signed (Part 2, 10.11.13).
    open Tpm2bAttest = "TPM2B_ATTEST", TpmsAttest::MAX_SIZE;

    /// TPM2B_SYM_KEY: a symmetric key (Part 2, 11.1.8).
    secret Tpm2bSymKey = "TPM2B_SYM_KEY", max_size(&[MAX_SYM_KEY_BYTES, MAX_DIGEST_SIZE]);
    /// TPM2B_LABEL: the label or the context of a derived object (Part 2, 11.1.10).
    open Tpm2bLabel = "TPM2B_LABEL", LABEL_MAX_BUFFER;
    /// TPM2B_DERIVE: a marshalled [`TpmsDerive`] (Part 2, 11.1.12).
    open Tpm2bDerive = "TPM2B_DERIVE", TpmsDerive::MAX_SIZE;
    /// TPM2B_SENSITIVE_DATA: a key or sealed data, or for a derived object a [`TpmsDerive`]:
    /// TPMU_SENSITIVE_CREATE (Part 2, 11.1.14).
    secret Tpm2bSensitiveData = "TPM2B_SENSITIVE_DATA", max_size(&[MAX_SYM_DATA, TpmsDerive::MAX_SIZE]);
    /// TPM2B_PUBLIC_KEY_RSA: an RSA modulus, or a number as large (Part 2, 11.2.4.6).
    open Tpm2bPublicKeyRsa = "TPM2B_PUBLIC_KEY_RSA", MAX_RSA_KEY_BYTES;
    /// TPM2B_PRIVATE_KEY_RSA: a prime of an RSA key (Part 2, 11.2.4.8).
    secret Tpm2bPrivateKeyRsa = "TPM2B_PRIVATE_KEY_RSA", RSA_PRIVATE_SIZE;
    /// TPM2B_ECC_PARAMETER: a coordinate of a point or a parameter of a curve (Part 2, 11.2.5.1).
    open Tpm2bEccParameter = "TPM2B_ECC_PARAMETER", MAX_ECC_KEY_BYTES;
    /// TPM2B_ECC_PARAMETER where it is a private key (Part 2, 12.3.2.3).
    secret Tpm2bEccPrivateKey = "TPM2B_ECC_PARAMETER", MAX_ECC_KEY_BYTES;
    /// TPM2B_PUBLIC_KEY_MLKEM: an encapsulation key as FIPS 203 encodes it (Part 2, 11.2.6.2).
    open Tpm2bPublicKeyMlkem = "TPM2B_PUBLIC_KEY_MLKEM", MAX_MLKEM_PUB_SIZE;
    /// TPM2B_PRIVATE_KEY_MLKEM: the two seeds of an ML-KEM key, 64 bytes (Part 2, 11.2.6.3).
    secret Tpm2bPrivateKeyMlkem = "TPM2B_PRIVATE_KEY_MLKEM", MLKEM_PRIVATE_SIZE, exact;
    /// TPM2B_PUBLIC_KEY_MLDSA: a public key as FIPS 204 encodes it (Part 2, 11.2.7.3).
    open Tpm2bPublicKeyMldsa = "TPM2B_PUBLIC_KEY_MLDSA", MAX_MLDSA_PUB_SIZE;
    /// TPM2B_PRIVATE_KEY_MLDSA: the seed of an ML-DSA key, 32 bytes (Part 2, 11.2.7.4).
    secret Tpm2bPrivateKeyMldsa = "TPM2B_PRIVATE_KEY_MLDSA", MLDSA_PRIVATE_SIZE, exact;
    /// TPM2B_SIGNATURE_EDDSA (Part 2, 11.3.3).
    open Tpm2bSignatureEddsa = "TPM2B_SIGNATURE_EDDSA", 2 * MAX_ECC_KEY_BYTES;
    /// TPM2B_SIGNATURE_MLDSA (Part 2, 11.3.4).
    open Tpm2bSignatureMldsa = "TPM2B_SIGNATURE_MLDSA", MAX_MLDSA_SIG_SIZE;
    /// TPM2B_SIGNATURE_CTX: the context of a signature, whose form the scheme of the key defines:
    /// TPMU_SIGNATURE_CTX (Part 2, 11.3.8).
    open Tpm2bSignatureCtx = "TPM2B_SIGNATURE_CTX", MAX_SIGNATURE_CTX_SIZE;
    /// TPM2B_SIGNATURE_HINT: for EdDSA the R of the signature, otherwise empty (Part 2, 11.3.9).
    open Tpm2bSignatureHint = "TPM2B_SIGNATURE_HINT", MAX_SIGNATURE_HINT_SIZE;
    /// TPM2B_ENCRYPTED_SECRET: a seed or salt under a key (Part 2, 11.4.3); it holds the largest member of
    /// TPMU_ENCRYPTED_SECRET.
    open Tpm2bEncryptedSecret = "TPM2B_ENCRYPTED_SECRET", max_size(&[
        TpmsEccPoint::MAX_SIZE,
        MAX_RSA_KEY_BYTES,
        MAX_MLKEM_CT_SIZE,
        Tpm2bDigest::MAX_SIZE,
    ]);

    /// TPM2B_TEMPLATE: a [`TpmtPublic`] that the command itself reads, because the parent decides its form
    /// (Part 2, 12.2.6).
    open Tpm2bTemplate = "TPM2B_TEMPLATE", TpmtPublic::MAX_SIZE;
    /// TPM2B_PRIVATE: a sensitive area, encrypted and with its integrity values (Part 2, 12.3.7).
    open Tpm2bPrivate = "TPM2B_PRIVATE", 2 * Tpm2bDigest::MAX_SIZE + u16::MAX_SIZE + TpmtSensitive::MAX_SIZE;
    /// TPM2B_ID_OBJECT: a marshalled [`TpmsIdObject`] with its second part encrypted (Part 2, 12.4.3).
    open Tpm2bIdObject = "TPM2B_ID_OBJECT", TpmsIdObject::MAX_SIZE;
    /// TPM2B_CONTEXT_SENSITIVE: what a saved context holds, before encryption (Part 2, 14.2).
    secret Tpm2bContextSensitive = "TPM2B_CONTEXT_SENSITIVE", MAX_CONTEXT_SIZE;
    /// TPM2B_CONTEXT_DATA: a marshalled [`TpmsContextData`] (Part 2, 14.4).
    open Tpm2bContextData = "TPM2B_CONTEXT_DATA", TpmsContextData::MAX_SIZE;
}
