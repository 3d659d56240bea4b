//! Inversion modulo an odd number, in fixed time and in slices: division steps (Bernstein and Yang, "Fast constant-time
//! gcd computation and modular inversion", 2019, with the start at 1/2 that needs fewer of them).
//!
//! A division step takes (f, g) with f odd to (g, (g - f) / 2) or (f, (g + f) / 2) or (f, g / 2). Which one depends on
//! the lowest bits alone, so thirty steps are first done on words; they give a matrix, and that is applied to the long
//! numbers: to f and g, and modulo the modulus to d and e, for which f = d x and g = e x holds all the while. In the end
//! g is 0, f is 1 or -1, and d or -d the inverse.

use crate::prime::MAX_PRIME_SIZE;
use crate::{CryptoError, Result, Steps};
use core::hint::black_box;
use zeroize::Zeroizing;

/// Division steps at a time, and bits of a digit: products of a digit and a number from the matrix leave room for sums.
const BATCH: usize = 30;
const MASK: i32 = (1 << BATCH) - 1;

/// Digits of the longest number, with two bits for the sign and for what is not yet reduced.
const MAX_DIGITS: usize = digits(MAX_PRIME_SIZE);

const fn digits(size: usize) -> usize {
    (8 * size + 2).div_ceil(BATCH)
}

/// Division steps that are enough for all numbers of so many bits (Bernstein-Yang; the bound for the start at 1/2 is
/// Wuille's and Maxwell's).
const fn division_steps(bits: usize) -> usize {
    (45_907 * bits + 30_179) / 19_929
}

/// The lowest digit first; all but the highest are between 0 and 2^30 - 1.
type Digits = Zeroizing<[i32; MAX_DIGITS]>;

/// Writes the inverse of `number` modulo the odd `modulus` into `out`. All have the same length, at most
/// [`MAX_PRIME_SIZE`], and `number` is less than `modulus`. [`CryptoError::InvalidKey`] when there is no inverse.
pub(super) fn invert(number: &[u8], modulus: &[u8], out: &mut [u8], steps: &mut Steps<'_>) -> Result<()> {
    let size = modulus.len();
    if size > MAX_PRIME_SIZE || number.len() != size || out.len() != size {
        return Err(CryptoError::InvalidKey);
    }
    let count = digits(size);
    // Conversions, and what follows the loop.
    steps.spend(64 * count as u32)?;
    let (modulus, mut f, mut g) = (to_digits(modulus), to_digits(modulus), to_digits(number));
    let (mut d, mut e) = (to_digits(&[]), to_digits(&[1]));
    let negative_inverse = negative_word_inverse(modulus[0] as u32);
    let mut delta = 1;
    for _ in 0..division_steps(8 * size).div_ceil(BATCH) {
        steps.spend(80 + 8 * count as u32)?;
        let matrix = batch(&mut delta, f[0] as u32, g[0] as u32);
        apply(&matrix, &mut f[..count], &mut g[..count]);
        apply_modulo(&matrix, &mut d[..count], &mut e[..count], &modulus[..count], negative_inverse);
    }

    let (modulus, f, d) = (&modulus[..count], &mut f[..count], &mut d[..count]);
    let f_sign = sign(f);
    negate(f, f_sign);
    // d is between -2 modulus and modulus.
    add(d, modulus, sign(d));
    negate(d, f_sign);
    add(d, modulus, sign(d));
    from_digits(d, out);
    let rest = f.iter().skip(1).fold(f[0] ^ 1, |any, digit| any | digit);
    if rest == 0 { Ok(()) } else { Err(CryptoError::InvalidKey) }
}

/// What a batch of division steps does to (f, g), times 2^30.
struct Matrix([[i32; 2]; 2]);

impl Drop for Matrix {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// Thirty division steps on the lowest words of f and g.
fn batch(delta: &mut i32, mut f: u32, mut g: u32) -> Matrix {
    let [[mut f_f, mut f_g], [mut g_f, mut g_g]] = [[1u32, 0], [0, 1]];
    for _ in 0..BATCH {
        // Masks: g is odd; it is, and delta is positive. Hidden, so that no branch is made out of them.
        let odd = black_box((g & 1).wrapping_neg());
        let swap = black_box(odd & (((*delta).wrapping_neg() >> 31) as u32));
        let added = |number: u32| (number ^ swap).wrapping_sub(swap) & odd;
        let kept = |number: u32, other: u32| number ^ ((number ^ other) & swap);
        let (next_f, next_g) = (kept(f, g), g.wrapping_add(added(f)));
        let (next_g_f, next_g_g) = (g_f.wrapping_add(added(f_f)), g_g.wrapping_add(added(f_g)));
        (f_f, f_g) = (kept(f_f, g_f) << 1, kept(f_g, g_g) << 1);
        (f, g, g_f, g_g) = (next_f, next_g >> 1, next_g_f, next_g_g);
        *delta = (*delta ^ swap as i32).wrapping_sub(swap as i32) + 2;
    }
    Matrix([[f_f as i32, f_g as i32], [g_f as i32, g_g as i32]])
}

/// (f, g) = matrix (f, g) / 2^30, which has no remainder.
fn apply(Matrix([[f_f, f_g], [g_f, g_g]]): &Matrix, f: &mut [i32], g: &mut [i32]) {
    let product = |x: &i32, y: i32| i64::from(*x) * i64::from(y);
    let (mut f_sum, mut g_sum) = (0, 0);
    for index in 0..f.len() {
        f_sum += product(f_f, f[index]) + product(f_g, g[index]);
        g_sum += product(g_f, f[index]) + product(g_g, g[index]);
        if let Some(below) = index.checked_sub(1) {
            (f[below], g[below]) = (f_sum as i32 & MASK, g_sum as i32 & MASK);
        }
        (f_sum, g_sum) = (f_sum >> BATCH, g_sum >> BATCH);
    }
    let highest = f.len() - 1;
    (f[highest], g[highest]) = (f_sum as i32, g_sum as i32);
}

/// (d, e) = matrix (d, e) / 2^30 modulo the modulus, both between -2 modulus and modulus.
fn apply_modulo(
    Matrix([[d_d, d_e], [e_d, e_e]]): &Matrix,
    d: &mut [i32],
    e: &mut [i32],
    modulus: &[i32],
    negative_inverse: u32,
) {
    let product = |x: &i32, y: i32| i64::from(*x) * i64::from(y);
    // The modulus is added once for a negative number, so that the sums stay in range, and then as often as it takes to
    // make the lowest digit zero.
    let (d_sign, e_sign) = (sign(d), sign(e));
    let times = |x: &i32, y: &i32| {
        let raised = (x & d_sign) + (y & e_sign);
        let lowest = (x.wrapping_mul(d[0])).wrapping_add(y.wrapping_mul(e[0])) as u32;
        let lowest = lowest.wrapping_add((raised as u32).wrapping_mul(modulus[0] as u32));
        raised - (lowest.wrapping_mul(negative_inverse.wrapping_neg()) as i32 & MASK)
    };
    let (d_times, e_times) = (times(d_d, d_e), times(e_d, e_e));
    let (mut d_sum, mut e_sum) = (0, 0);
    for index in 0..d.len() {
        d_sum += product(d_d, d[index]) + product(d_e, e[index]) + product(&d_times, modulus[index]);
        e_sum += product(e_d, d[index]) + product(e_e, e[index]) + product(&e_times, modulus[index]);
        if let Some(below) = index.checked_sub(1) {
            (d[below], e[below]) = (d_sum as i32 & MASK, e_sum as i32 & MASK);
        }
        (d_sum, e_sum) = (d_sum >> BATCH, e_sum >> BATCH);
    }
    let highest = d.len() - 1;
    (d[highest], e[highest]) = (d_sum as i32, e_sum as i32);
}

/// All bits set for a negative number, else none.
fn sign(number: &[i32]) -> i32 {
    number.last().map_or(0, |highest| highest >> 31)
}

/// -number where `mask` has all bits set.
fn negate(number: &mut [i32], mask: i32) {
    settle(number, |digit, _| (digit ^ mask) - mask);
}

/// number + other where `mask` has all bits set.
fn add(number: &mut [i32], other: &[i32], mask: i32) {
    settle(number, |digit, index| digit + (other[index] & mask));
}

/// Changes each digit and brings it back into its range.
fn settle(number: &mut [i32], change: impl Fn(i32, usize) -> i32) {
    let mut carry = 0;
    let highest = number.len() - 1;
    for (index, digit) in number.iter_mut().enumerate() {
        let sum = change(*digit, index) + carry;
        carry = sum >> BATCH;
        *digit = if index == highest { sum } else { sum & MASK };
    }
}

/// -1 / word modulo 2^32 for an odd word.
fn negative_word_inverse(word: u32) -> u32 {
    // Right in three bits; each round doubles them.
    let inverse =
        (0..4).fold(word, |inverse, _| inverse.wrapping_mul(2u32.wrapping_sub(word.wrapping_mul(inverse))));
    inverse.wrapping_neg()
}

fn to_digits(bytes: &[u8]) -> Digits {
    let mut digits = Zeroizing::new([0; MAX_DIGITS]);
    for (index, byte) in bytes.iter().rev().enumerate() {
        let (digit, shift) = (8 * index / BATCH, 8 * index % BATCH);
        let placed = u64::from(*byte) << shift;
        digits[digit] |= placed as i32 & MASK;
        if shift + 8 > BATCH {
            digits[digit + 1] |= (placed >> BATCH) as i32;
        }
    }
    digits
}

fn from_digits(digits: &[i32], bytes: &mut [u8]) {
    for (index, byte) in bytes.iter_mut().rev().enumerate() {
        let (digit, shift) = (8 * index / BATCH, 8 * index % BATCH);
        let high = digits.get(digit + 1).map_or(0, |high| u64::from(*high as u32) << BATCH);
        *byte = ((u64::from(digits[digit] as u32) | high) >> shift) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::{Odd, U512, U1024, U2048, Uint};
    use std::vec::Vec;

    fn inverse(number: &[u8], modulus: &[u8]) -> Result<Vec<u8>> {
        let mut out = std::vec![0xaa; modulus.len()];
        invert(number, modulus, &mut out, &mut Steps::new(&mut ())).map(|()| out)
    }

    fn agrees<const LIMBS: usize>(number: &[u8], modulus: &[u8]) {
        let modulus_number = Odd::new(Uint::<LIMBS>::from_be_slice(modulus)).unwrap();
        let number_number = Uint::<LIMBS>::from_be_slice(number).rem(&modulus_number.as_nz_ref().clone());
        let mut reduced = std::vec![0; modulus.len()];
        crate::engine::number::to_bytes(&number_number, &mut reduced);
        let expected = number_number.invert_odd_mod(&modulus_number).into_option().map(|inverse| {
            let mut bytes = std::vec![0; modulus.len()];
            crate::engine::number::to_bytes(&inverse, &mut bytes);
            bytes
        });
        assert_eq!(inverse(&reduced, modulus).ok(), expected);
    }

    #[test]
    fn edges() {
        for size in [64, 128, 192, 256] {
            let modulus = std::vec![0xff; size];
            let small = |value: u8| [&std::vec![0; size - 1][..], &[value]].concat();
            let mut less_one = modulus.clone();
            less_one[size - 1] -= 1;
            assert_eq!(inverse(&small(1), &modulus).unwrap(), small(1));
            assert_eq!(inverse(&less_one, &modulus).unwrap(), less_one);
            let half = [&[0x80][..], &std::vec![0; size - 1]].concat();
            assert_eq!(inverse(&small(2), &modulus).unwrap(), half);
            for none in [small(0), small(3), small(5)] {
                assert_eq!(inverse(&none, &modulus), Err(CryptoError::InvalidKey));
            }
            // The least modulus of the length.
            let mut least = half.clone();
            least[size - 1] = 1;
            assert_eq!(inverse(&small(2), &least).unwrap()[0], 0x40);
        }
        assert_eq!(inverse(&[1; 63], &[1; 64]), Err(CryptoError::InvalidKey));
        assert_eq!(inverse(&[1; 257], &[1; 257]), Err(CryptoError::InvalidKey));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_another_implementation(
            number in proptest::collection::vec(proptest::num::u8::ANY, 256),
            mut modulus in proptest::collection::vec(proptest::num::u8::ANY, 256),
        ) {
            modulus[63] |= 1;
            modulus[127] |= 1;
            modulus[255] |= 1;
            agrees::<{ U512::LIMBS }>(&number[..64], &modulus[..64]);
            agrees::<{ U1024::LIMBS }>(&number[..128], &modulus[..128]);
            agrees::<{ U2048::LIMBS }>(&number, &modulus);
        }
    }
}
