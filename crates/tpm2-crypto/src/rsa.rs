//! RSA: the two primitives, key generation, and the paddings of the TPM's schemes. Part 1, 43.
//!
//! A private key is kept as one prime beside the public modulus, as the TPM keeps it
//! (`TPM2B_PRIVATE_KEY_RSA`); everything else is computed when the key is used.

use crate::engine::number::{Number, SETUP, from_bytes, multiplication, to_bytes, words};
use crate::engine::{Engine, MAX_MODULUS_SIZE, ModExp};
use crate::prime::{self, MAX_PRIME_SIZE};
use crate::{CryptoError, Random, Result, Steps};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Limb, NonZero, Odd, Reciprocal, U64, Uint, Word};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeLess};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

mod inversion;
pub(crate) mod known_answer;
mod mask;
pub mod oaep;
pub mod rsaes;
pub mod rsapss;
pub mod rsassa;

/// Calls a function that is generic over the limbs of a prime for the size of the modulus: RSA of 1024, 2048,
/// 3072 and 4096 bits. Other sizes are [`CryptoError::InvalidKey`].
macro_rules! with_prime_width {
    ($modulus_size:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $modulus_size {
            128 => $function::<{ crypto_bigint::U512::LIMBS }>($($argument),*),
            256 => $function::<{ crypto_bigint::U1024::LIMBS }>($($argument),*),
            384 => $function::<{ crypto_bigint::U1536::LIMBS }>($($argument),*),
            512 => $function::<{ crypto_bigint::U2048::LIMBS }>($($argument),*),
            _ => Err(CryptoError::InvalidKey),
        }
    };
}

/// A public key.
#[derive(Clone, Copy)]
pub struct PublicKey<'a> {
    /// The modulus, big-endian, without leading zeros.
    pub modulus: &'a [u8],
    /// The public exponent. The TPM writes 0 for 65537; here it is always the exponent itself.
    pub exponent: u32,
}

/// RSAEP and RSAVP1 (Part 1, 43.2): `input ^ exponent mod modulus` into all of `out`, which is as long as the
/// modulus.
///
/// `input` may be shorter than the modulus. [`CryptoError::InvalidInput`] (`TPM_RC_VALUE`) when it is not
/// less than it, [`CryptoError::InvalidKey`] for a key of another size than 1024, 2048, 3072 or 4096 bits, an
/// even modulus or an even exponent. The time it takes does not depend on `input`.
pub fn public_operation(
    engine: &dyn Engine,
    key: PublicKey<'_>,
    input: &[u8],
    out: &mut [u8],
    steps: &mut Steps<'_>,
) -> Result<()> {
    check_public(key)?;
    engine.mod_exp_public(input, key.exponent, key.modulus, out, steps)
}

/// A private key, ready for use. Wiped when it goes.
#[derive(ZeroizeOnDrop)]
pub struct PrivateKey {
    modulus_size: usize,
    public_exponent: u32,
    modulus: [u8; MAX_MODULUS_SIZE],
    prime_p: [u8; MAX_PRIME_SIZE],
    prime_q: [u8; MAX_PRIME_SIZE],
    exponent_p: [u8; MAX_PRIME_SIZE],
    exponent_q: [u8; MAX_PRIME_SIZE],
    /// q^-1 mod p.
    coefficient: [u8; MAX_PRIME_SIZE],
}

impl PrivateKey {
    /// Computes the other prime and what the Chinese remainder theorem needs, in fixed time.
    ///
    /// [`CryptoError::InvalidKey`] (`TPM_RC_BINDING`) unless `prime_p` divides the modulus, both primes have
    /// half its length and squares as long as it is (Part 1, 43.1), and the exponent is odd and coprime to
    /// both primes less one. Whether the numbers are prime is not checked; [`private_operation`] gives no
    /// answer if they are not.
    pub fn new(key: PublicKey<'_>, prime_p: &[u8], steps: &mut Steps<'_>) -> Result<Self> {
        check_public(key)?;
        with_prime_width!(key.modulus.len(), complete_key(key, prime_p, steps))
    }

    /// The length of the modulus in bytes.
    pub fn modulus_size(&self) -> usize {
        self.modulus_size
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey<'_> {
        PublicKey {
            modulus: self.modulus.get(..self.modulus_size).unwrap_or_default(),
            exponent: self.public_exponent,
        }
    }

    /// The part of a buffer for primes that is in use.
    fn half<'a>(&self, buffer: &'a [u8; MAX_PRIME_SIZE]) -> &'a [u8] {
        buffer.get(..self.modulus_size / 2).unwrap_or_default()
    }
}

/// RSADP and RSASP1 (Part 1, 43.3): `input ^ d mod modulus` into all of `out`, which is as long as the
/// modulus.
///
/// The result is only given out when the public operation leads back from it to `input`: a fault in one half
/// of the computation would otherwise give the primes away. [`CryptoError::InvalidInput`] (`TPM_RC_VALUE`)
/// when `input` is not less than the modulus, [`CryptoError::InvalidKey`] (`TPM_RC_FAILURE`, or a key whose
/// factors are not prime) when the check fails, [`CryptoError::Cancelled`] when a checkpoint says so; `out`
/// is then zero.
///
/// The time it takes depends on the key's size alone.
pub fn private_operation(
    engine: &dyn Engine,
    key: &PrivateKey,
    input: &[u8],
    out: &mut [u8],
    steps: &mut Steps<'_>,
) -> Result<()> {
    let result = if out.len() == key.modulus_size {
        with_prime_width!(key.modulus_size, private_exponentiation(engine, key, input, out, steps))
    } else {
        Err(CryptoError::InvalidInput)
    };
    if result.is_err() {
        out.zeroize();
    }
    result
}

/// Generates a key: the first prime into `prime_out`, of half the modulus' length, and the modulus into
/// `modulus_out`, which has 256, 384 or 512 bytes. Both primes come from `random` by the procedure of
/// [`prime`], the first prime first, so that the same stream gives the same key for ever.
///
/// [`CryptoError::InvalidInput`] for other lengths and for an exponent that is even or less than 3. Otherwise
/// errors as in [`prime::generate`]; both buffers are then zero.
pub fn generate(
    engine: &dyn Engine,
    exponent: u32,
    random: &mut dyn Random,
    steps: &mut Steps<'_>,
    prime_out: &mut [u8],
    modulus_out: &mut [u8],
) -> Result<()> {
    let result = generate_primes(engine, exponent, random, steps, prime_out, modulus_out);
    if result.is_err() {
        prime_out.zeroize();
        modulus_out.zeroize();
    }
    result
}

/// [`generate`], which wipes what this leaves behind when it fails.
fn generate_primes(
    engine: &dyn Engine,
    exponent: u32,
    random: &mut dyn Random,
    steps: &mut Steps<'_>,
    prime_out: &mut [u8],
    modulus_out: &mut [u8],
) -> Result<()> {
    let mut prime_q = Zeroizing::new([0; MAX_PRIME_SIZE]);
    let prime_q = prime_q.get_mut(..prime_out.len()).ok_or(CryptoError::InvalidInput)?;
    if modulus_out.len() != 2 * prime_out.len() || modulus_out.len() < 256 {
        return Err(CryptoError::InvalidInput);
    }
    let wanted = prime::Wanted { exponent, distant_from: None };
    prime::generate(engine, wanted, random, steps, prime_out)?;
    let wanted = prime::Wanted { exponent, distant_from: Some(prime_out) };
    prime::generate(engine, wanted, random, steps, prime_q)?;
    with_prime_width!(modulus_out.len(), multiply_primes(prime_out, prime_q, modulus_out))
}

fn multiply_primes<const LIMBS: usize>(prime_p: &[u8], prime_q: &[u8], modulus_out: &mut [u8]) -> Result<()> {
    let (prime_p, prime_q) = (from_bytes::<LIMBS>(prime_p)?, from_bytes::<LIMBS>(prime_q)?);
    let (low, high) = prime_p.widening_mul(&prime_q);
    let (high_out, low_out) = modulus_out.split_at_mut(modulus_out.len() / 2);
    to_bytes(&high, high_out);
    to_bytes(&low, low_out);
    Ok(())
}

fn check_public(key: PublicKey<'_>) -> Result<()> {
    let full_length = key.modulus.first().is_some_and(|byte| *byte >= 0x80);
    let odd = key.modulus.last().is_some_and(|byte| byte % 2 == 1);
    let good_size = matches!(key.modulus.len(), 128 | 256 | 384 | 512);
    let good_exponent = key.exponent >= 3 && key.exponent % 2 == 1;
    if full_length && odd && good_size && good_exponent { Ok(()) } else { Err(CryptoError::InvalidKey) }
}

/// [`PrivateKey::new`] for primes of a width.
#[inline(never)]
fn complete_key<const LIMBS: usize>(
    key: PublicKey<'_>,
    prime_p: &[u8],
    steps: &mut Steps<'_>,
) -> Result<PrivateKey> {
    if prime_p.len() != key.modulus.len() / 2 {
        return Err(CryptoError::InvalidKey);
    }
    steps.spend(exact_division::<LIMBS>() + 3 * multiplication::<LIMBS>())?;
    let (modulus_high, modulus_low) = halves::<LIMBS>(key.modulus)?;
    let p = from_bytes::<LIMBS>(prime_p)?;
    let p_odd = odd(&p)?;
    // The division has no remainder if `prime_p` is right, so it can be done modulo a power of two, from the
    // low end.
    let q = Zeroizing::new(modulus_low.wrapping_mul(&inverse_modulo_width(&p)));
    let q_odd = odd(&q)?;
    let (_, product_high) = p.widening_mul(&q);
    let (_, p_square_high) = p.widening_mul(&p);
    let (_, q_square_high) = q.widening_mul(&q);
    let consistent = product_high.ct_eq(&modulus_high) & top_bit(&p_square_high) & top_bit(&q_square_high);
    if !bool::from(consistent) {
        return Err(CryptoError::InvalidKey);
    }

    // Both primes have the same length, so q is less than 2p.
    let mut q_modulo_p = Zeroizing::new(q.wrapping_sub(&p));
    q_modulo_p.conditional_assign(&q, q.ct_lt(&p));
    let mut numbers = Zeroizing::new([0; 2 * MAX_PRIME_SIZE]);
    let (q_bytes, coefficient) = two_of(&mut numbers, prime_p.len())?;
    to_bytes(&q_modulo_p, q_bytes);
    inversion::invert(q_bytes, prime_p, coefficient, steps)?;
    let exponent_p = private_exponent(key.exponent, &p_odd, steps)?;
    let exponent_q = private_exponent(key.exponent, &q_odd, steps)?;

    let mut private = PrivateKey {
        modulus_size: key.modulus.len(),
        public_exponent: key.exponent,
        modulus: [0; MAX_MODULUS_SIZE],
        prime_p: [0; MAX_PRIME_SIZE],
        prime_q: [0; MAX_PRIME_SIZE],
        exponent_p: [0; MAX_PRIME_SIZE],
        exponent_q: [0; MAX_PRIME_SIZE],
        coefficient: [0; MAX_PRIME_SIZE],
    };
    for (kept, given) in private.modulus.iter_mut().zip(key.modulus) {
        *kept = *given;
    }
    for (buffer, number) in [
        (&mut private.prime_p, &p),
        (&mut private.prime_q, &q),
        (&mut private.exponent_p, &exponent_p),
        (&mut private.exponent_q, &exponent_q),
    ] {
        to_bytes(number, buffer.get_mut(..prime_p.len()).unwrap_or_default());
    }
    for (kept, given) in private.coefficient.iter_mut().zip(coefficient) {
        *kept = *given;
    }
    Ok(private)
}

/// e^-1 mod (prime - 1): the number d = (1 + k (prime - 1)) / e for the k that makes this whole. Divided
/// modulo a power of two.
fn private_exponent<const LIMBS: usize>(
    exponent: u32,
    prime: &Odd<Uint<LIMBS>>,
    steps: &mut Steps<'_>,
) -> Result<Number<LIMBS>> {
    steps.spend(WORD_INVERSION + exact_division::<LIMBS>() + 2 * multiplication::<LIMBS>())?;
    let minus_one = Zeroizing::new(prime.as_ref().wrapping_sub(&Uint::ONE));
    let divisor = NonZero::new(Limb::from_u32(exponent)).into_option().ok_or(CryptoError::InvalidKey)?;
    let residue = Zeroizing::new(minus_one.rem_limb_with_reciprocal(&Reciprocal::new(divisor)).0);
    let modulus = Odd::new(U64::from_u32(exponent)).into_option().ok_or(CryptoError::InvalidKey)?;
    let inverse = U64::from_u64(widen(*residue)).invert_odd_mod(&modulus).into_option();
    let inverse = Zeroizing::new(inverse.ok_or(CryptoError::InvalidKey)?);
    let k = Zeroizing::new(U64::from_u32(exponent).wrapping_sub(&inverse).resize::<LIMBS>());
    let numerator = Zeroizing::new(minus_one.wrapping_mul(&*k).wrapping_add(&Uint::ONE));
    Ok(Zeroizing::new(numerator.wrapping_mul(&inverse_modulo_width(&Uint::<LIMBS>::from_u32(exponent)))))
}

#[allow(clippy::useless_conversion, reason = "a word has 32 bits on some targets")]
fn widen(word: Word) -> u64 {
    u64::from(word)
}

/// What inverting a word modulo a word costs, in steps.
const WORD_INVERSION: u32 = 4_500;

/// What [`inverse_modulo_width`] and a multiplication with it cost, in steps: two multiplications without reduction
/// for each of at most ten times that the number of right bits doubles.
const fn exact_division<const LIMBS: usize>() -> u32 {
    21 * words::<LIMBS>() * words::<LIMBS>()
}

/// The inverse of an odd number modulo 2^(its width), by Newton's iteration.
fn inverse_modulo_width<const LIMBS: usize>(number: &Uint<LIMBS>) -> Number<LIMBS> {
    let two = Uint::<LIMBS>::from_u8(2);
    // Right in its five lowest bits; each step doubles them.
    let mut inverse = Zeroizing::new(number.wrapping_mul(&Uint::<LIMBS>::from_u8(3)).bitxor(&two));
    let mut right = 5;
    while right < Uint::<LIMBS>::BITS {
        *inverse = inverse.wrapping_mul(&two.wrapping_sub(&number.wrapping_mul(&*inverse)));
        right *= 2;
    }
    inverse
}

fn odd<const LIMBS: usize>(number: &Uint<LIMBS>) -> Result<Zeroizing<Odd<Uint<LIMBS>>>> {
    Odd::new(*number).into_option().map(Zeroizing::new).ok_or(CryptoError::InvalidKey)
}

fn top_bit<const LIMBS: usize>(number: &Uint<LIMBS>) -> Choice {
    number.bit(Uint::<LIMBS>::BITS - 1).into()
}

/// The high and the low half of a number as long as the modulus.
fn halves<const LIMBS: usize>(bytes: &[u8]) -> Result<(Number<LIMBS>, Number<LIMBS>)> {
    let (high, low) = bytes.split_at(bytes.len().saturating_sub(LIMBS * Limb::BYTES));
    Ok((from_bytes(high)?, from_bytes(low)?))
}

/// [`private_operation`] for primes of a width.
#[inline(never)]
fn private_exponentiation<const LIMBS: usize>(
    engine: &dyn Engine,
    key: &PrivateKey,
    input: &[u8],
    out: &mut [u8],
    steps: &mut Steps<'_>,
) -> Result<()> {
    let public = key.public_key();
    let input_halves = halves::<LIMBS>(input)?;
    let modulus_halves = halves::<LIMBS>(public.modulus)?;
    let less = input_halves.0.ct_lt(&modulus_halves.0)
        | (input_halves.0.ct_eq(&modulus_halves.0) & input_halves.1.ct_lt(&modulus_halves.1));
    if !bool::from(less) {
        return Err(CryptoError::InvalidInput);
    }

    // Two moduli, and what `reduce` does for each.
    steps.spend(2 * (SETUP + 5) * multiplication::<LIMBS>())?;
    let p_params = montgomery::<LIMBS>(key.half(&key.prime_p))?;
    let q_params = montgomery::<LIMBS>(key.half(&key.prime_q))?;
    let size = key.modulus_size / 2;
    let mut bases = Zeroizing::new([0; 2 * MAX_PRIME_SIZE]);
    let (base_p, base_q) = two_of(&mut bases, size)?;
    to_bytes(&reduce(&input_halves, &p_params), base_p);
    to_bytes(&reduce(&input_halves, &q_params), base_q);

    let mut powers = Zeroizing::new([0; 2 * MAX_PRIME_SIZE]);
    let (power_p, power_q) = two_of(&mut powers, size)?;
    let operands = [
        ModExp { base: base_p, exponent: key.half(&key.exponent_p), modulus: key.half(&key.prime_p) },
        ModExp { base: base_q, exponent: key.half(&key.exponent_q), modulus: key.half(&key.prime_q) },
    ];
    engine.mod_exp_two(operands, [&mut *power_p, &mut *power_q], steps)?;

    steps.spend(7 * multiplication::<LIMBS>())?;
    let coefficient = from_bytes::<LIMBS>(key.half(&key.coefficient))?;
    let powers = (from_bytes::<LIMBS>(power_p)?, from_bytes::<LIMBS>(power_q)?);
    combine(&powers.0, &powers.1, &coefficient, &p_params, &q_params, out);

    let mut back = Zeroizing::new([0; MAX_MODULUS_SIZE]);
    let back = back.get_mut(..key.modulus_size).ok_or(CryptoError::InvalidKey)?;
    engine.mod_exp_public(out, key.public_exponent, public.modulus, back, steps)?;
    let (back_halves, same) = (halves::<LIMBS>(back)?, |a: &Number<LIMBS>, b: &Number<LIMBS>| a.ct_eq(b));
    if bool::from(same(&back_halves.0, &input_halves.0) & same(&back_halves.1, &input_halves.1)) {
        Ok(())
    } else {
        Err(CryptoError::InvalidKey)
    }
}

fn montgomery<const LIMBS: usize>(prime: &[u8]) -> Result<Zeroizing<FixedMontyParams<LIMBS>>> {
    let prime = from_bytes::<LIMBS>(prime)?;
    Ok(Zeroizing::new(FixedMontyParams::new(*odd(&prime)?)))
}

fn two_of(buffer: &mut [u8; 2 * MAX_PRIME_SIZE], size: usize) -> Result<(&mut [u8], &mut [u8])> {
    let (first, second) = buffer.split_at_mut(MAX_PRIME_SIZE);
    Ok((
        first.get_mut(..size).ok_or(CryptoError::InvalidKey)?,
        second.get_mut(..size).ok_or(CryptoError::InvalidKey)?,
    ))
}

/// A number of twice the prime's width, modulo the prime: high * R + low with R = 2^width, where R in
/// Montgomery form is what the parameters call R^2.
fn reduce<const LIMBS: usize>(
    (high, low): &(Number<LIMBS>, Number<LIMBS>),
    params: &FixedMontyParams<LIMBS>,
) -> Number<LIMBS> {
    let width = FixedMontyForm::from_montgomery(*params.r2(), params);
    let high = Zeroizing::new(FixedMontyForm::new(high, params).mul(&width));
    let low = Zeroizing::new(FixedMontyForm::new(low, params));
    Zeroizing::new(Zeroizing::new(high.add(&low)).retrieve())
}

/// Garner's step: power_q + q * ((power_p - power_q) * q^-1 mod p), into `out`.
fn combine<const LIMBS: usize>(
    power_p: &Uint<LIMBS>,
    power_q: &Uint<LIMBS>,
    coefficient: &Uint<LIMBS>,
    p_params: &FixedMontyParams<LIMBS>,
    q_params: &FixedMontyParams<LIMBS>,
    out: &mut [u8],
) {
    let form = |number: &Uint<LIMBS>| Zeroizing::new(FixedMontyForm::new(number, p_params));
    let difference = Zeroizing::new(form(power_p).sub(&form(power_q)));
    let h = Zeroizing::new(Zeroizing::new(difference.mul(&form(coefficient))).retrieve());
    let (low, high) = h.widening_mul(q_params.modulus().as_ref());
    let (low, carry) = Zeroizing::new(low).carrying_add(power_q, Limb::ZERO);
    let high = Zeroizing::new(high).wrapping_add(&Uint::from(carry));
    let (high_out, low_out) = out.split_at_mut(out.len() / 2);
    to_bytes(&Zeroizing::new(high), high_out);
    to_bytes(&Zeroizing::new(low), low_out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededStream;
    use crate::engine::testing::{Altered, ENGINES, Patience};
    use hex_literal::hex;
    use std::vec::Vec;

    const EXPONENT: u32 = 65537;

    /// A small key, for speed: (first prime, modulus).
    fn key(size: usize) -> (Vec<u8>, Vec<u8>) {
        let engine = ENGINES[ENGINES.len() - 1];
        let mut stream = SeededStream::new(b"seed", b"RSA", b"tests");
        let (mut prime, mut modulus) = (std::vec![0; size / 2], std::vec![0; size]);
        generate(engine, EXPONENT, &mut stream, &mut Steps::new(&mut ()), &mut prime, &mut modulus).unwrap();
        (prime, modulus)
    }

    fn other_prime(prime: &[u8], modulus: &[u8]) -> Vec<u8> {
        let key = PrivateKey::new(PublicKey { modulus, exponent: EXPONENT }, prime, &mut Steps::new(&mut ()))
            .unwrap();
        key.half(&key.prime_q).to_vec()
    }

    /// A key of 1024 bits, out of primes of OpenSSL's: such keys are used, but not made.
    fn short_key() -> (Vec<u8>, Vec<u8>) {
        let prime = hex!(
            "c6c4970ca2c766b8a2859f9c155d449575e0b873f2378da4bd90d504e26e1a2107b62b99148916aa"
            "ccfc1bf4e150161ff9560c16ed075fde6b0133c1e89de659"
        );
        let modulus = hex!(
            "b78209c88bac866328686f39433e916ffc51a3cc7e6800672942887864e97e2179dca54cb9e72102"
            "32c7abd5bd07c630b0d4b11b712af84fe0f3a3a8b18bc003c86c6a56422253b1746b392bc6a34b64"
            "eb325ae8eabe3282982bcde71506882cf993756d5456578ac39ab43dc4e5e015130452ab12349133"
            "ad9c12d889bc9197"
        );
        (prime.to_vec(), modulus.to_vec())
    }

    #[test]
    fn private_undoes_public() {
        for (prime, modulus) in [short_key(), key(256), key(384)] {
            let size = modulus.len();
            let public = PublicKey { modulus: &modulus, exponent: EXPONENT };
            let other = other_prime(&prime, &modulus);
            // Either prime will do, though one is the larger.
            for prime in [&prime, &other] {
                let private = PrivateKey::new(public, prime, &mut Steps::new(&mut ())).unwrap();
                assert_eq!(private.public_key().modulus, modulus);
                let mut largest = modulus.clone();
                largest[size - 1] -= 1;
                let multiple = [&std::vec![0; size / 2][..], prime].concat();
                for input in
                    [&std::vec![0; size], &largest, &multiple, &std::vec![0x5a; size - 1], &std::vec![3]]
                {
                    for engine in ENGINES {
                        let (mut middle, mut back) = (std::vec![0xaa; size], std::vec![0xaa; size]);
                        let mut patience = Patience::endless();
                        private_operation(
                            *engine,
                            &private,
                            input,
                            &mut middle,
                            &mut Steps::new(&mut patience),
                        )
                        .unwrap();
                        public_operation(*engine, public, &middle, &mut back, &mut Steps::new(&mut patience))
                            .unwrap();
                        assert_eq!(back[size - input.len()..], input[..]);
                        public_operation(*engine, public, input, &mut middle, &mut Steps::new(&mut patience))
                            .unwrap();
                        private_operation(
                            *engine,
                            &private,
                            &middle,
                            &mut back,
                            &mut Steps::new(&mut patience),
                        )
                        .unwrap();
                        assert_eq!(back[size - input.len()..], input[..]);
                    }
                }
            }
        }
    }

    #[test]
    fn operands_out_of_range_are_refused() {
        let (prime, modulus) = key(256);
        let public = PublicKey { modulus: &modulus, exponent: EXPONENT };
        let private = PrivateKey::new(public, &prime, &mut Steps::new(&mut ())).unwrap();
        for engine in ENGINES.iter().copied() {
            let refused = |input: &[u8], out_size: usize| {
                let mut out = std::vec![0xaa; out_size];
                let outcome = private_operation(engine, &private, input, &mut out, &mut Steps::new(&mut ()));
                assert_eq!((outcome, &out), (Err(CryptoError::InvalidInput), &std::vec![0; out_size]));
                let outcome = public_operation(engine, public, input, &mut out, &mut Steps::new(&mut ()));
                assert_eq!((outcome, out), (Err(CryptoError::InvalidInput), std::vec![0; out_size]));
            };
            refused(&modulus, 256);
            refused(&[0xff; 256], 256);
            refused(&[1; 257], 256);
            refused(&[1; 256], 255);
            refused(&[1; 256], 257);
            refused(&[1; 256], 0);
        }
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let (prime, modulus) = key(256);
        let other = other_prime(&prime, &modulus);
        let refused = |modulus: &[u8], exponent: u32, prime: &[u8]| {
            let outcome = PrivateKey::new(PublicKey { modulus, exponent }, prime, &mut Steps::new(&mut ()));
            assert_eq!(outcome.err(), Some(CryptoError::InvalidKey));
        };
        let changed = |bytes: &[u8], index: usize| {
            let mut bytes = bytes.to_vec();
            bytes[index] ^= 2;
            bytes
        };
        refused(&changed(&modulus, 0), EXPONENT, &prime);
        refused(&changed(&modulus, 255), EXPONENT, &prime);
        refused(&modulus, EXPONENT, &changed(&prime, 0));
        refused(&modulus, EXPONENT, &changed(&prime, 127));
        refused(&modulus, EXPONENT, &prime[1..]);
        refused(&modulus, EXPONENT, &[&[0], &prime[..]].concat());
        refused(&modulus, EXPONENT, &[0; 128]);
        refused(&modulus, EXPONENT, &[]);
        refused(&modulus[..255], EXPONENT, &prime);
        refused(&[], EXPONENT, &[]);
        refused(&modulus, 0, &prime);
        refused(&modulus, 1, &prime);
        refused(&modulus, 65536, &prime);
        // 1 divides the modulus, and so does a square: neither makes a key.
        refused(&modulus, EXPONENT, &[&[0; 127][..], &[1]].concat());
        let mut square = [0; 256];
        multiply_primes::<{ crypto_bigint::U1024::LIMBS }>(&other, &other, &mut square).unwrap();
        refused(&square, EXPONENT, &other);
    }

    #[test]
    fn an_exponent_that_divides_a_prime_less_one_is_refused() {
        use crypto_bigint::U1024;
        let (prime, modulus) = key(256);
        let number = U1024::from_be_slice(&prime).wrapping_sub(&U1024::ONE);
        let divides = |exponent: &u32| {
            let divisor = NonZero::new(Limb::from_u32(*exponent)).unwrap();
            number.rem_limb_with_reciprocal(&Reciprocal::new(divisor)) == Limb::ZERO
        };
        let exponent = (3..).step_by(2).find(divides).unwrap();
        let outcome =
            PrivateKey::new(PublicKey { modulus: &modulus, exponent }, &prime, &mut Steps::new(&mut ()));
        assert_eq!(outcome.err(), Some(CryptoError::InvalidKey));
    }

    #[test]
    fn a_fault_gives_nothing_away() {
        let (prime, modulus) = key(256);
        let private = PrivateKey::new(
            PublicKey { modulus: &modulus, exponent: EXPONENT },
            &prime,
            &mut Steps::new(&mut ()),
        )
        .unwrap();
        let engine = Altered { in_pairs: false, faulty: true };
        let mut out = [0xaa; 256];
        let outcome = private_operation(&engine, &private, &[0x42; 256], &mut out, &mut Steps::new(&mut ()));
        assert_eq!((outcome, out), (Err(CryptoError::InvalidKey), [0; 256]));
    }

    #[test]
    fn cancelling_leaves_nothing() {
        for limit in [0, 1, 2, 3] {
            let (mut prime, mut modulus) = ([0xaa; 128], [0xaa; 256]);
            let mut stream = SeededStream::new(b"seed", b"RSA", b"tests");
            let mut patience = Patience { asked: 0, limit };
            let engine = ENGINES[ENGINES.len() - 1];
            let outcome = generate(
                engine,
                EXPONENT,
                &mut stream,
                &mut Steps::new(&mut patience),
                &mut prime,
                &mut modulus,
            );
            assert_eq!((outcome, prime, modulus), (Err(CryptoError::Cancelled), [0; 128], [0; 256]));
        }
    }
}
