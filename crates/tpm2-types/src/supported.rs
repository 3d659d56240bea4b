//! Which algorithms, curves and key sizes a TPM offers: the part of its profile that unmarshalling needs.

/// Sets of algorithm identifiers (TPM_ALG_ID), curves (TPM_ECC_CURVE) and key sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supported {
    algorithms: [u64; 4],
    curves: [u64; 2],
    rsa_bits: u32,
    aes_bits: u32,
}

impl Supported {
    /// Everything that Part 2 names.
    pub const EVERYTHING: Self =
        Self { algorithms: [u64::MAX; 4], curves: [u64::MAX; 2], rsa_bits: u32::MAX, aes_bits: u32::MAX };
}
