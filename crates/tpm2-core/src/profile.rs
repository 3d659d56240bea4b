//! What a TPM offers, and its limits: fixed at manufacture and kept with the state.

use tpm2_types::{Supported, TpmAlgId, TpmEccCurve};

/// A profile.
#[derive(Debug)]
pub struct Profile {
    /// Its number, kept with the state.
    pub id: u32,
    /// Algorithms, curves and key sizes.
    pub supported: Supported,
    /// Transient objects that can be loaded at once (MAX_LOADED_OBJECTS).
    pub loaded_objects: u32,
    /// Sessions that can be loaded at once (MAX_LOADED_SESSIONS).
    pub loaded_sessions: u32,
    /// Sessions that can be active, loaded or saved (MAX_ACTIVE_SESSIONS).
    pub active_sessions: u32,
    /// Persistent objects there is always room for (TPM_PT_HR_PERSISTENT_MIN).
    pub persistent_objects: u32,
    /// The largest NV index in bytes (MAX_NV_INDEX_SIZE).
    pub nv_index_size: u16,
    /// The most bytes that one command reads from or writes to an NV index (MAX_NV_BUFFER_SIZE).
    pub nv_buffer_size: u16,
    /// The largest command and response in bytes.
    pub message_size: u32,
    /// Milliseconds after which Clock is written to NV at the latest (TPM_PT_CLOCK_UPDATE).
    pub clock_update: u32,
    /// PCR banks, in the order in which they are listed.
    pub pcr_banks: &'static [TpmAlgId],
}

/// The algorithms of today's profiles.
const ALGORITHMS: &[TpmAlgId] = &[
    TpmAlgId::RSA,
    TpmAlgId::SHA1,
    TpmAlgId::HMAC,
    TpmAlgId::AES,
    TpmAlgId::MGF1,
    TpmAlgId::KEYEDHASH,
    TpmAlgId::XOR,
    TpmAlgId::SHA256,
    TpmAlgId::SHA384,
    TpmAlgId::SHA512,
    TpmAlgId::RSASSA,
    TpmAlgId::RSAES,
    TpmAlgId::RSAPSS,
    TpmAlgId::OAEP,
    TpmAlgId::ECDSA,
    TpmAlgId::ECDH,
    TpmAlgId::KDF1_SP800_56A,
    TpmAlgId::KDF1_SP800_108,
    TpmAlgId::ECC,
    TpmAlgId::SYMCIPHER,
    TpmAlgId::CTR,
    TpmAlgId::OFB,
    TpmAlgId::CBC,
    TpmAlgId::CFB,
    TpmAlgId::ECB,
];

/// After the TCG PC Client profile, as far as the implemented algorithms go.
pub static PC_CLIENT: Profile = Profile {
    id: 1,
    supported: Supported::NOTHING
        .with_algorithms(ALGORITHMS)
        .with_curves(&[TpmEccCurve::NIST_P256, TpmEccCurve::NIST_P384, TpmEccCurve::NIST_P521])
        .with_rsa_bits(&[2048, 3072, 4096])
        .with_aes_bits(&[128, 192, 256]),
    loaded_objects: 7,
    loaded_sessions: 8,
    active_sessions: 64,
    persistent_objects: 7,
    nv_index_size: 2048,
    nv_buffer_size: 2048,
    message_size: 4096,
    clock_update: 1 << 22,
    pcr_banks: &[TpmAlgId::SHA1, TpmAlgId::SHA256, TpmAlgId::SHA384, TpmAlgId::SHA512],
};

/// The longest that Clock may go unwritten, in milliseconds (Part 1, "Clock": 2^22 ms is about 70 minutes).
const MAX_CLOCK_UPDATE: u32 = 1 << 22;
const _: () = assert!(PC_CLIENT.clock_update <= MAX_CLOCK_UPDATE);
