//! Sizes and counts that bound the structures, named as in Part 2 where it names them.
//!
//! They are the largest that any profile of this TPM uses; what a particular TPM offers is narrower and
//! stands in [`Supported`](crate::Supported).

use crate::{MaxSize, TpmCap, TpmHandle, TpmaCc};

/// Number of PCR in a bank (IMPLEMENTATION_PCR).
pub const IMPLEMENTATION_PCR: usize = 24;
/// Bytes of a PCR bit map, both least (PCR_SELECT_MIN) and most (PCR_SELECT_MAX).
pub const PCR_SELECT_SIZE: usize = IMPLEMENTATION_PCR.div_ceil(8);
/// Number of hash algorithms that may have a PCR bank, and so the bound of lists with one entry for each
/// (HASH_COUNT).
pub const HASH_COUNT: usize = 16;

/// Bytes of the longest digest; nonces and authorization values share the bound.
pub const MAX_DIGEST_SIZE: usize = 64;
/// Bytes of the longest block of a symmetric cipher (MAX_SYM_BLOCK_SIZE).
pub const MAX_SYM_BLOCK_SIZE: usize = 16;
/// Bytes of the longest key of a symmetric cipher (MAX_SYM_KEY_BYTES).
pub const MAX_SYM_KEY_BYTES: usize = 32;
/// Bytes of the longest data in a sealed object (MAX_SYM_DATA).
pub const MAX_SYM_DATA: usize = 128;
/// Bytes of the longest label or context of a derived object (LABEL_MAX_BUFFER).
pub const LABEL_MAX_BUFFER: usize = 32;

/// Bytes of the longest RSA modulus (MAX_RSA_KEY_BYTES).
pub const MAX_RSA_KEY_BYTES: usize = 512;
/// Bytes of the private part of an RSA key: one prime, or five values of its size for a key that never leaves
/// the TPM (RSA_PRIVATE_SIZE).
pub const RSA_PRIVATE_SIZE: usize = MAX_RSA_KEY_BYTES * 5 / 2;
/// Bytes of the longest coordinate or scalar of a curve, that of NIST P-521; BN P638 exceeds it and so cannot
/// be offered (MAX_ECC_KEY_BYTES).
pub const MAX_ECC_KEY_BYTES: usize = 66;

/// Bytes of the longest ML-KEM encapsulation key (MAX_MLKEM_PUB_SIZE), that of ML-KEM-1024.
pub const MAX_MLKEM_PUB_SIZE: usize = 1568;
/// Bytes of the longest ML-KEM ciphertext (MAX_MLKEM_CT_SIZE), that of ML-KEM-1024.
pub const MAX_MLKEM_CT_SIZE: usize = 1568;
/// Bytes of an ML-KEM private key: the two seeds d and z.
pub const MLKEM_PRIVATE_SIZE: usize = 64;
/// Bytes of the longest ML-DSA public key (MAX_MLDSA_PUB_SIZE), that of ML-DSA-87.
pub const MAX_MLDSA_PUB_SIZE: usize = 2592;
/// Bytes of the longest ML-DSA signature (MAX_MLDSA_SIG_SIZE), that of ML-DSA-87.
pub const MAX_MLDSA_SIG_SIZE: usize = 4627;
/// Bytes of an ML-DSA private key: the seed xi.
pub const MLDSA_PRIVATE_SIZE: usize = 32;
/// Bytes of the longest secret that a key encapsulation yields (MAX_SHARED_SECRET_SIZE).
pub const MAX_SHARED_SECRET_SIZE: usize = MAX_ECC_KEY_BYTES;
/// Bytes of the longest context string of a signature.
pub const MAX_SIGNATURE_CTX_SIZE: usize = 255;
/// Bytes of the longest signature hint, the R of an EdDSA signature (MAX_SIGNATURE_HINT_SIZE).
pub const MAX_SIGNATURE_HINT_SIZE: usize = MAX_ECC_KEY_BYTES;

/// Bytes of the longest event (Part 2, 10.3.7).
pub const MAX_EVENT_SIZE: usize = 1024;
/// Bytes of the longest buffer for a hash, an HMAC or a cipher (MAX_2B_BUFFER_SIZE).
pub const MAX_2B_BUFFER_SIZE: usize = 1024;
/// Bytes of the longest piece of an NV index in one command (MAX_NV_BUFFER_SIZE).
pub const MAX_NV_BUFFER_SIZE: usize = 2048;
/// Bytes of the largest NV index (MAX_NV_INDEX_SIZE).
pub const MAX_NV_INDEX_SIZE: usize = 2048;
/// Bytes of the longest vendor property (Part 2, 10.3.15).
pub const MAX_VENDOR_PROPERTY_SIZE: usize = 512;
/// Bytes of the longest saved context: room for an ML-DSA-87 key with everything around it
/// (MAX_CONTEXT_SIZE).
pub const MAX_CONTEXT_SIZE: usize = 5120;

/// Bytes of the largest TPMS_CAPABILITY_DATA (MAX_CAP_BUFFER).
pub const MAX_CAP_BUFFER: usize = 1024;
/// Bytes that a capability list may take: what selector and count leave of [`MAX_CAP_BUFFER`] (MAX_CAP_DATA).
pub const MAX_CAP_DATA: usize = MAX_CAP_BUFFER - TpmCap::MAX_SIZE - u32::MAX_SIZE;
/// Entries of the longest list of handles (MAX_CAP_HANDLES).
pub const MAX_CAP_HANDLES: usize = MAX_CAP_DATA / TpmHandle::MAX_SIZE;
/// Entries of the longest list of command codes or their attributes (MAX_CAP_CC).
pub const MAX_CAP_CC: usize = MAX_CAP_DATA / TpmaCc::MAX_SIZE;
/// Entries of the longest list of algorithms (MAX_ALG_LIST_SIZE).
pub const MAX_ALG_LIST_SIZE: usize = 128;
