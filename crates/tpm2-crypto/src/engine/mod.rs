//! The arithmetic worth accelerating, as a trait: modular exponentiation and scalar multiplication on curves.
//!
//! Whatever decides a result (candidates for primes, nonces, padding, the Chinese remainder theorem) stays
//! outside, so that exchanging the engine never changes an answer. Numbers are big-endian byte strings.

use crate::ecc::{Curve, Point};
use crate::{Result, Steps};

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(feature = "aws-lc")]
mod aws_lc_ecc;
pub(crate) mod number;
mod software;
mod software_ecc;

#[cfg(feature = "aws-lc")]
pub use aws_lc::{AWS_LC, AwsLc};
pub use software::{SOFTWARE, Software};

/// The longest modulus in bytes: RSA of 4096 bits.
pub const MAX_MODULUS_SIZE: usize = 512;

/// What a modular exponentiation is asked for, as big-endian numbers.
#[derive(Clone, Copy)]
pub struct ModExp<'a> {
    /// Less than the modulus, and no longer.
    pub base: &'a [u8],
    /// The exponent. Its length is public, its value is not.
    pub exponent: &'a [u8],
    /// Odd, greater than 1 and at most [`MAX_MODULUS_SIZE`] bytes. Its length is public, its value is not.
    pub modulus: &'a [u8],
}

/// An implementation of the arithmetic. The time it takes depends on the operands' lengths, not on their
/// values, except where a method says otherwise.
pub trait Engine: Sync {
    /// `base ^ exponent mod modulus`, into all of `out`, which is as long as the modulus.
    ///
    /// The engine pays `steps` for each piece of work before it does it, within the exponentiation too.
    /// [`crate::CryptoError::Cancelled`] when a checkpoint says so, [`crate::CryptoError::InvalidInput`] for
    /// operands outside of [`ModExp`]'s limits; `out` is then zero.
    fn mod_exp(&self, operands: ModExp<'_>, out: &mut [u8], steps: &mut Steps<'_>) -> Result<()>;

    /// Two independent exponentiations, which some engines finish in little more than the time of one. Both
    /// moduli have the same length.
    fn mod_exp_two(
        &self,
        operands: [ModExp<'_>; 2],
        out: [&mut [u8]; 2],
        steps: &mut Steps<'_>,
    ) -> Result<()> {
        let [first, second] = operands;
        let [first_out, second_out] = out;
        self.mod_exp(first, first_out, steps)?;
        self.mod_exp(second, second_out, steps)
    }

    /// `base ^ exponent mod modulus` for an exponent and a modulus that everybody may know: the time it takes
    /// depends on them, but not on the base. Limits and errors as in [`Engine::mod_exp`].
    fn mod_exp_public(
        &self,
        base: &[u8],
        exponent: u32,
        modulus: &[u8],
        out: &mut [u8],
        steps: &mut Steps<'_>,
    ) -> Result<()>;

    /// Whether [`Engine::mod_exp_two`] is faster than two calls of [`Engine::mod_exp`], so that speculative
    /// work in pairs pays.
    fn prefers_pairs(&self, modulus_size: usize) -> bool {
        let _ = modulus_size;
        false
    }

    /// `scalar` times the curve's generator. `scalar` has the curve's scalar size and lies between 1 and n-1;
    /// anything else is [`crate::CryptoError::InvalidInput`].
    fn ec_multiply_base(&self, curve: Curve, scalar: &[u8], steps: &mut Steps<'_>) -> Result<Point>;

    /// `scalar` times `point`. `scalar` as in [`Engine::ec_multiply_base`]; a point that is not on the curve,
    /// and a product at infinity, are [`crate::CryptoError::InvalidPoint`].
    fn ec_multiply(&self, curve: Curve, scalar: &[u8], point: &Point, steps: &mut Steps<'_>)
    -> Result<Point>;

    /// `base_scalar` times the generator plus `scalar` times `point`, for public operands only: the time it
    /// takes depends on them. Scalars may be zero here.
    fn ec_double_multiply(
        &self,
        curve: Curve,
        base_scalar: &[u8],
        scalar: &[u8],
        point: &Point,
        steps: &mut Steps<'_>,
    ) -> Result<Point>;
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use tee_api::{Checkpoint, Flow};

    /// Every engine of this build.
    pub(crate) const ENGINES: &[&dyn Engine] = &[
        &SOFTWARE,
        #[cfg(feature = "aws-lc")]
        &AWS_LC,
    ];

    /// The pure engine with a difference.
    pub(crate) struct Altered {
        /// Says that pairs are faster.
        pub(crate) in_pairs: bool,
        /// Flips a bit in the first of two powers.
        pub(crate) faulty: bool,
    }

    impl Engine for Altered {
        fn mod_exp(&self, operands: ModExp<'_>, out: &mut [u8], steps: &mut Steps<'_>) -> Result<()> {
            SOFTWARE.mod_exp(operands, out, steps)
        }

        fn mod_exp_two(
            &self,
            operands: [ModExp<'_>; 2],
            [first, second]: [&mut [u8]; 2],
            steps: &mut Steps<'_>,
        ) -> Result<()> {
            SOFTWARE.mod_exp_two(operands, [&mut *first, second], steps)?;
            first[100] ^= u8::from(self.faulty);
            Ok(())
        }

        fn mod_exp_public(
            &self,
            base: &[u8],
            exponent: u32,
            modulus: &[u8],
            out: &mut [u8],
            steps: &mut Steps<'_>,
        ) -> Result<()> {
            SOFTWARE.mod_exp_public(base, exponent, modulus, out, steps)
        }

        fn prefers_pairs(&self, _: usize) -> bool {
            self.in_pairs
        }

        fn ec_multiply_base(&self, curve: Curve, scalar: &[u8], steps: &mut Steps<'_>) -> Result<Point> {
            SOFTWARE.ec_multiply_base(curve, scalar, steps)
        }

        fn ec_multiply(
            &self,
            curve: Curve,
            scalar: &[u8],
            point: &Point,
            steps: &mut Steps<'_>,
        ) -> Result<Point> {
            SOFTWARE.ec_multiply(curve, scalar, point, steps)
        }

        fn ec_double_multiply(
            &self,
            curve: Curve,
            base_scalar: &[u8],
            scalar: &[u8],
            point: &Point,
            steps: &mut Steps<'_>,
        ) -> Result<Point> {
            SOFTWARE.ec_double_multiply(curve, base_scalar, scalar, point, steps)
        }
    }

    /// Counts how often it was asked, and cancels once it has said yes often enough.
    pub(crate) struct Patience {
        pub(crate) asked: usize,
        pub(crate) limit: usize,
    }

    impl Patience {
        pub(crate) fn endless() -> Self {
            Self { asked: 0, limit: usize::MAX }
        }
    }

    impl Checkpoint for Patience {
        fn checkpoint(&mut self) -> Flow {
            self.asked += 1;
            if self.asked > self.limit { Flow::Cancel } else { Flow::Continue }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{ENGINES, Patience};
    use super::*;
    use crate::{CryptoError, HashAlgorithm, hash};
    use hex_literal::hex;
    use std::vec::Vec;

    /// SHA-256 of base ^ exponent and of base ^ 65537 for operands of so many bytes, by Python's integers.
    const POWERS: [(usize, [u8; 32], [u8; 32]); 7] = [
        (
            64,
            hex!("15f81ab32e53e1b3edf0799b0bf07d2bab2c82a912ef8cf1352647344dfc57b4"),
            hex!("acd5790e5c297bcb549c3e75b6aa2af2af35b3e169c32ee9047048ce3f96612c"),
        ),
        (
            100,
            hex!("b36023717fc8811aa4cd706951360814f1886e6d1087c575d8dc907e6fd397e3"),
            hex!("6d858aa6ea3a144a42cbb2c3ac81b8e448a4b6937d0bd61be5df5b63e0ea5053"),
        ),
        (
            128,
            hex!("83524f8d1f6434d27c5993a72284d552d6932d6b722d0003c61d612e25e9aa27"),
            hex!("93e40216ded3091b5eedc9e90c9b8355a1a3a1535dce0bea732193a48d5479da"),
        ),
        (
            192,
            hex!("f2fd81c02e87e7f5b711fdbe08f7806ce8948e98dc61a447dafbbb427db09aeb"),
            hex!("92fdcf3dcb0a54390232d883069c7626994dc07b1ca3b3b81f67d1ec1d5ff7ca"),
        ),
        (
            256,
            hex!("ac3a73a9d308c7c777e2076cf76ef5e0e3370b1ccb24130f455d76662f64993c"),
            hex!("5f98dbd189d596f68a93446dbfb57d8b81f53dda949b44f099839256382961f0"),
        ),
        (
            384,
            hex!("86f293bac7a2b102957669b405ef6b5e1f5a053a1cf562b4c8736c9c669c456e"),
            hex!("15e66dd3bef4c1bcdb11c3c92377919702073a609154baa4264d458cb9377937"),
        ),
        (
            512,
            hex!("a9e2e340b8b108d716dd1cd11c275ac4b45096e8adba6e5312b6ab0cbeb1a86b"),
            hex!("2e603606ad00b234be60714970fc5daffcaa16c36806944f9a88e5aa3ace970d"),
        ),
    ];

    fn operand(label: &[u8], size: usize) -> Vec<u8> {
        let blocks = (0u8..).flat_map(|counter| hash(HashAlgorithm::Sha256, &[label, &[counter]]).to_vec());
        blocks.take(size).collect()
    }

    /// Base, exponent and modulus that fill `size` bytes.
    fn operands(size: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let (mut base, exponent, mut modulus) =
            (operand(b"base", size), operand(b"exponent", size), operand(b"modulus", size));
        modulus[0] |= 0x80;
        modulus[size - 1] |= 1;
        for index in (0..size).rev() {
            base[index] = base[index] >> 1 | if index > 0 { base[index - 1] << 7 } else { 0 };
        }
        (base, exponent, modulus)
    }

    fn power(engine: &dyn Engine, base: &[u8], exponent: &[u8], modulus: &[u8]) -> Result<Vec<u8>> {
        let mut out = std::vec![0xaa; modulus.len()];
        let result = engine.mod_exp(ModExp { base, exponent, modulus }, &mut out, &mut Steps::new(&mut ()));
        assert!(
            result.is_ok() || out.iter().all(|byte| *byte == 0),
            "a failed exponentiation left something behind"
        );
        result.map(|()| out)
    }

    fn public_power(engine: &dyn Engine, base: &[u8], exponent: u32, modulus: &[u8]) -> Result<Vec<u8>> {
        let mut out = std::vec![0xaa; modulus.len()];
        let result = engine.mod_exp_public(base, exponent, modulus, &mut out, &mut Steps::new(&mut ()));
        assert!(
            result.is_ok() || out.iter().all(|byte| *byte == 0),
            "a failed exponentiation left something behind"
        );
        result.map(|()| out)
    }

    #[test]
    fn powers_are_right() {
        for engine in ENGINES {
            for (size, expected, expected_public) in POWERS {
                let (base, exponent, modulus) = operands(size);
                let answer = power(*engine, &base, &exponent, &modulus).unwrap();
                assert!(hash(HashAlgorithm::Sha256, &[&answer]).equals(&expected), "{size} bytes");
                let answer = public_power(*engine, &base, 65537, &modulus).unwrap();
                assert!(hash(HashAlgorithm::Sha256, &[&answer]).equals(&expected_public), "{size} bytes");
            }
        }
    }

    #[test]
    fn two_powers_are_each_their_own() {
        for engine in ENGINES {
            for size in [64, 128, 192, 256] {
                let (base, exponent, modulus) = operands(size);
                let mut other_modulus = modulus.clone();
                other_modulus[1] ^= 0xff;
                let mut out = [std::vec![0; size], std::vec![0; size]];
                let [first, second] = &mut out;
                let pair = [
                    ModExp { base: &base, exponent: &exponent, modulus: &modulus },
                    ModExp { base: &exponent[1..], exponent: &base, modulus: &other_modulus },
                ];
                engine.mod_exp_two(pair, [first, second], &mut Steps::new(&mut ())).unwrap();
                assert_eq!(out[0], power(&SOFTWARE, &base, &exponent, &modulus).unwrap());
                assert_eq!(out[1], power(&SOFTWARE, &exponent[1..], &base, &other_modulus).unwrap());
            }
        }
    }

    #[test]
    fn edges_of_the_operands() {
        // One size that AWS-LC takes in one call, one that needs a loop.
        for size in [128, 136] {
            edges(size);
        }
    }

    fn edges(length: usize) {
        let (base, exponent, modulus) = operands(length);
        let mut less_one = modulus.clone();
        less_one[length - 1] -= 1;
        let one = [&std::vec![0; length - 1][..], &[1]].concat();
        let zero = std::vec![0; length];
        for engine in ENGINES.iter().copied() {
            let power = |base: &[u8], exponent: &[u8], modulus: &[u8]| power(engine, base, exponent, modulus);
            assert_eq!(power(&base, &[], &modulus).unwrap(), one);
            assert_eq!(power(&base, &[0, 0], &modulus).unwrap(), one);
            assert_eq!(power(&base, &[0, 1], &modulus).unwrap(), base);
            assert_eq!(power(&[], &exponent, &modulus).unwrap(), zero);
            assert_eq!(power(&[1], &exponent, &modulus).unwrap(), one);
            assert_eq!(power(&less_one, &[2], &modulus).unwrap(), one);
            assert_eq!(power(&less_one, &[3], &modulus).unwrap(), less_one);
            assert_eq!(power(&[2], &[10], &[0, 0, 0x3, 0xe9]).unwrap(), [0, 0, 0, 23]);
            assert_eq!(power(&[&[0; 9], &base[..]].concat(), &[0, 1], &modulus).unwrap(), base);
            for size in 1..=20 {
                let modulus = [&[0x80][..], &std::vec![1; size]].concat();
                let expected = super::tests::power(&SOFTWARE, &base[..size], &exponent, &modulus).unwrap();
                assert_eq!(power(&base[..size], &exponent, &modulus).unwrap(), expected);
            }

            assert_eq!(power(&modulus, &exponent, &modulus), Err(CryptoError::InvalidInput));
            assert_eq!(power(&std::vec![0xff; length], &exponent, &modulus), Err(CryptoError::InvalidInput));
            assert_eq!(power(&std::vec![1; length + 1], &exponent, &modulus), Err(CryptoError::InvalidInput));
            assert_eq!(power(&base, &exponent, &less_one), Err(CryptoError::InvalidInput));
            assert_eq!(power(&[], &exponent, &one), Err(CryptoError::InvalidInput));
            assert_eq!(power(&[], &exponent, &zero), Err(CryptoError::InvalidInput));
            assert_eq!(power(&[], &exponent, &[]), Err(CryptoError::InvalidInput));
            assert_eq!(power(&[1], &exponent, &[0xff; MAX_MODULUS_SIZE + 1]), Err(CryptoError::InvalidInput));

            assert_eq!(public_power(engine, &base, 0, &modulus).unwrap(), one);
            assert_eq!(public_power(engine, &base, 1, &modulus).unwrap(), base);
            assert_eq!(public_power(engine, &less_one, u32::MAX, &modulus).unwrap(), less_one);
            assert_eq!(public_power(engine, &modulus, 3, &modulus), Err(CryptoError::InvalidInput));
            assert_eq!(public_power(engine, &[3], 3, &[1]), Err(CryptoError::InvalidInput));
            assert_eq!(public_power(engine, &[3], 3, &[10]), Err(CryptoError::InvalidInput));
        }
    }

    #[test]
    fn cancelling_ends_the_work_and_leaves_nothing() {
        let (base, exponent, modulus) = operands(128);
        for engine in ENGINES {
            let mut out = [0xaa; 128];
            let mut patience = Patience { asked: 0, limit: 0 };
            let operands = ModExp { base: &base, exponent: &exponent, modulus: &modulus };
            assert_eq!(
                engine.mod_exp(operands, &mut out, &mut Steps::new(&mut patience)),
                Err(CryptoError::Cancelled)
            );
            assert_eq!((patience.asked, out), (1, [0; 128]));
        }
        // Within the exponentiation too, where the engine can be interrupted.
        let asked = |limit| {
            let mut patience = Patience { asked: 0, limit };
            let mut out = [0xaa; 128];
            let operands = ModExp { base: &base, exponent: &exponent, modulus: &modulus };
            let outcome = SOFTWARE.mod_exp(operands, &mut out, &mut Steps::new(&mut patience));
            (outcome.is_ok() || outcome == Err(CryptoError::Cancelled) && out == [0; 128], patience.asked)
        };
        assert_eq!([0, 3, 7].map(asked), [(true, 1), (true, 4), (true, 8)]);
        assert_eq!(asked(usize::MAX), (true, 8));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn engines_agree(
            base in proptest::collection::vec(proptest::num::u8::ANY, 1..100),
            exponent in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
            modulus in proptest::collection::vec(proptest::num::u8::ANY, 1..100),
            public_exponent: u32,
        ) {
            let reference = power(&SOFTWARE, &base, &exponent, &modulus);
            let public_reference = public_power(&SOFTWARE, &base, public_exponent, &modulus);
            for engine in ENGINES {
                assert_eq!(power(*engine, &base, &exponent, &modulus), reference);
                assert_eq!(public_power(*engine, &base, public_exponent, &modulus), public_reference);
            }
        }
    }
}
