//! Which algorithms, curves and key sizes a TPM offers: the part of its profile that unmarshalling needs.

use crate::{TpmAlgId, TpmEccCurve, TpmaMlParameterSet, TpmiAlgHash, limits};

/// Sets of algorithms, curves, key sizes and parameter sets. What is not in them is refused like what Part 2
/// does not know.
///
/// ```
/// use tpm2_types::{Supported, TpmAlgId, TpmEccCurve};
///
/// const OFFERED: Supported = Supported::NOTHING
///     .with_algorithms(&[TpmAlgId::ECC, TpmAlgId::ECDSA, TpmAlgId::SHA256])
///     .with_curves(&[TpmEccCurve::NIST_P256]);
/// assert!(OFFERED.hash(TpmAlgId::SHA256) && !OFFERED.hash(TpmAlgId::ECDSA));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supported {
    algorithms: [u64; 4],
    curves: [u64; 2],
    rsa_bits: u16,
    aes_bits: u16,
    camellia_bits: u16,
    parameter_sets: TpmaMlParameterSet,
}

impl Supported {
    /// Everything that Part 2 names.
    pub const EVERYTHING: Self = Self {
        algorithms: [u64::MAX; 4],
        curves: [u64::MAX; 2],
        rsa_bits: u16::MAX,
        aes_bits: u16::MAX,
        camellia_bits: u16::MAX,
        parameter_sets: TpmaMlParameterSet::all(),
    };

    /// Nothing, to begin with.
    pub const NOTHING: Self = Self {
        algorithms: [0; 4],
        curves: [0; 2],
        rsa_bits: 0,
        aes_bits: 0,
        camellia_bits: 0,
        parameter_sets: TpmaMlParameterSet::empty(),
    };

    /// These sets with `algorithms`.
    #[must_use]
    pub const fn with_algorithms(mut self, mut algorithms: &[TpmAlgId]) -> Self {
        while let [first, rest @ ..] = algorithms {
            insert(&mut self.algorithms, first.0);
            algorithms = rest;
        }
        self
    }

    /// These sets with `curves`.
    #[must_use]
    pub const fn with_curves(mut self, mut curves: &[TpmEccCurve]) -> Self {
        while let [first, rest @ ..] = curves {
            insert(&mut self.curves, first.0);
            curves = rest;
        }
        self
    }

    /// These sets with RSA moduli of `sizes` bits, of 1024, 2048, 3072 and 4096.
    #[must_use]
    pub const fn with_rsa_bits(mut self, sizes: &[u16]) -> Self {
        self.rsa_bits |= steps(sizes, RSA_STEP);
        self
    }

    /// These sets with AES keys of `sizes` bits, of 128, 192 and 256.
    #[must_use]
    pub const fn with_aes_bits(mut self, sizes: &[u16]) -> Self {
        self.aes_bits |= steps(sizes, SYMMETRIC_STEP);
        self
    }

    /// These sets with Camellia keys of `sizes` bits, of 128, 192 and 256.
    #[must_use]
    pub const fn with_camellia_bits(mut self, sizes: &[u16]) -> Self {
        self.camellia_bits |= steps(sizes, SYMMETRIC_STEP);
        self
    }

    /// These sets with the post-quantum `parameter_sets`.
    #[must_use]
    pub const fn with_parameter_sets(mut self, parameter_sets: TpmaMlParameterSet) -> Self {
        self.parameter_sets = self.parameter_sets.union(parameter_sets);
        self
    }

    /// Whether `algorithm` is offered.
    pub const fn algorithm(&self, algorithm: TpmAlgId) -> bool {
        contains(&self.algorithms, algorithm.0)
    }

    /// Whether `algorithm` is a hash algorithm and offered.
    pub const fn hash(&self, algorithm: TpmAlgId) -> bool {
        TpmiAlgHash::new(algorithm).is_some() && self.algorithm(algorithm)
    }

    /// Whether `curve` is offered.
    pub const fn curve(&self, curve: TpmEccCurve) -> bool {
        contains(&self.curves, curve.0)
    }

    /// Whether RSA moduli of `bits` bits are offered.
    pub const fn rsa_bits(&self, bits: u16) -> bool {
        bits as usize <= limits::MAX_RSA_KEY_BYTES * 8 && has_step(self.rsa_bits, bits, RSA_STEP)
    }

    /// Whether the block cipher `algorithm` is offered with keys of `bits` bits.
    pub const fn symmetric_bits(&self, algorithm: TpmAlgId, bits: u16) -> bool {
        self.algorithm(algorithm)
            && match (algorithm, bits) {
                (TpmAlgId::AES, 128 | 192 | 256) => has_step(self.aes_bits, bits, SYMMETRIC_STEP),
                (TpmAlgId::CAMELLIA, 128 | 192 | 256) => has_step(self.camellia_bits, bits, SYMMETRIC_STEP),
                (TpmAlgId::SM4, 128) | (TpmAlgId::TDES, 128 | 192) => true,
                _ => false,
            }
    }

    /// The post-quantum parameter sets that are offered.
    pub const fn parameter_sets(&self) -> TpmaMlParameterSet {
        self.parameter_sets
    }
}

/// RSA moduli come in steps of so many bits.
const RSA_STEP: u16 = 1024;
/// Symmetric keys come in steps of so many bits.
const SYMMETRIC_STEP: u16 = 64;

const fn insert<const WORDS: usize>(set: &mut [u64; WORDS], number: u16) {
    let (word, bit) = (number as usize / 64, number % 64);
    if word < WORDS {
        set[word] |= 1 << bit;
    }
}

const fn contains<const WORDS: usize>(set: &[u64; WORDS], number: u16) -> bool {
    let (word, bit) = (number as usize / 64, number % 64);
    word < WORDS && set[word] & 1 << bit != 0
}

const fn steps(mut sizes: &[u16], step: u16) -> u16 {
    let mut set = 0;
    while let [first, rest @ ..] = sizes {
        if first.is_multiple_of(step) && *first / step < u16::BITS as u16 {
            set |= 1 << (*first / step);
        }
        sizes = rest;
    }
    set
}

const fn has_step(set: u16, size: u16, step: u16) -> bool {
    size != 0 && size.is_multiple_of(step) && size / step < u16::BITS as u16 && set & 1 << (size / step) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Supported = Supported::NOTHING
        .with_algorithms(&[TpmAlgId::AES, TpmAlgId::SM4, TpmAlgId::MLKEM, TpmAlgId::SHA1])
        .with_curves(&[TpmEccCurve::NIST_P256, TpmEccCurve::CURVE_448])
        .with_rsa_bits(&[2048, 4096])
        .with_aes_bits(&[128, 256]);

    #[test]
    fn queries() {
        assert!(SOME.algorithm(TpmAlgId::MLKEM) && !SOME.algorithm(TpmAlgId::MLDSA));
        assert!(!SOME.algorithm(TpmAlgId(0x0106)) && !Supported::EVERYTHING.algorithm(TpmAlgId(0x0106)));
        assert!(SOME.hash(TpmAlgId::SHA1) && !SOME.hash(TpmAlgId::AES) && !SOME.hash(TpmAlgId::SHA256));
        assert!(SOME.curve(TpmEccCurve::CURVE_448) && !SOME.curve(TpmEccCurve::NIST_P384));
        assert_eq!(
            [1024, 2048, 2049, 3072, 4096, 5120].map(|bits| SOME.rsa_bits(bits)),
            [false, true, false, false, true, false]
        );
        assert!(!Supported::EVERYTHING.rsa_bits(0) && !Supported::EVERYTHING.rsa_bits(5120));
        for (bits, expected) in
            [(0, false), (64, false), (128, true), (192, false), (256, true), (320, false)]
        {
            assert_eq!(SOME.symmetric_bits(TpmAlgId::AES, bits), expected);
        }
        assert!(SOME.symmetric_bits(TpmAlgId::SM4, 128) && !SOME.symmetric_bits(TpmAlgId::SM4, 256));
        assert!(!SOME.symmetric_bits(TpmAlgId::TDES, 128));
    }
}
