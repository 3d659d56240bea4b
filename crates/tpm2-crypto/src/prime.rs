//! Prime numbers for RSA, by a procedure that is frozen: primary keys come out of it and have to come out
//! again after every update and on every engine.
//!
//! Version 1, for a prime `p` of k bytes (k = 128, 192 or 256) that goes with the public exponent `e`:
//!
//! 1. Draw k bytes. Set the two highest bits, so that the product of two primes has its full length, and the
//!    two lowest bits. This is the start.
//! 2. The candidates are start + 4i for i = 0 … 4095, in this order, as long as they fit into k bytes.
//! 3. Pass over a candidate when gcd(candidate - 1, e) is not 1 or when it lies within 2^(8k - 100) of the
//!    other prime (FIPS 186-5, A.1.3).
//! 4. Pass over it when it fails the Miller-Rabin test to the base 0x556B6B…6B (k bytes).
//! 5. Draw bases, each k bytes, drawn again unless 1 < base < candidate - 1: five for k = 128, else four
//!    (FIPS 186-5, table B.1). They are drawn in pairs, the fifth alone; a pair is drawn before it is used,
//!    and only when those before it have passed. The first candidate that passes every base is the prime.
//! 6. Without one, begin again with step 1.
//!
//! Candidates are 3 modulo 4, which FIPS 186-5 allows (its option `p mod 8`), because Miller-Rabin then is
//! one exponentiation without squarings behind it. The first base has no small structure, because engines are
//! fastest on operands of full width. The sieve is not part of the frozen procedure: it only removes what
//! step 4 would.
//!
//! How long the search takes tells how many candidates were rejected, and where memory is touched while
//! sieving depends on the start. The exponentiations take a fixed time.

use crate::engine::number::{Number, from_bytes, to_bytes, with_width, words};
use crate::engine::{Engine, ModExp};
use crate::random::fill;
use crate::{CryptoError, Random, Result, Steps};
use crypto_bigint::{Limb, NonZero, Reciprocal, Uint, Word};
use zeroize::{Zeroize, Zeroizing};

/// The version of the procedure. A change of the procedure is a new version beside this one, never instead of
/// it.
pub const VERSION: u32 = 1;

/// The longest prime in bytes: half of an RSA modulus of 4096 bits.
pub const MAX_PRIME_SIZE: usize = 256;

/// Which prime is wanted.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The public exponent it has to go with: odd and at least 3.
    pub exponent: u32,
    /// The other prime of the key, of the same length, from which this one has to keep its distance.
    pub distant_from: Option<&'a [u8]>,
}

/// Writes a prime of `out.len()` bytes: 128, 192 or 256.
///
/// [`CryptoError::InvalidInput`] for another length or exponent, [`CryptoError::Random`] when `random` fails
/// or gives numbers that cannot be random, [`CryptoError::Cancelled`] when a checkpoint says so; `out` is
/// then zero.
pub fn generate(
    engine: &dyn Engine,
    wanted: Wanted<'_>,
    random: &mut dyn Random,
    steps: &mut Steps<'_>,
    out: &mut [u8],
) -> Result<()> {
    let size = out.len();
    let result = match rounds(size) {
        Some(rounds) if wanted.exponent >= 3 && wanted.exponent % 2 == 1 => {
            with_width!(size, search(&mut Search { engine, wanted, rounds, random, steps }, out))
        }
        _ => Err(CryptoError::InvalidInput),
    };
    if result.is_err() {
        out.zeroize();
    }
    result
}

/// Miller-Rabin rounds with random bases for a prime of `size` bytes. FIPS 186-5, table B.1.
const fn rounds(size: usize) -> Option<usize> {
    match size {
        128 => Some(5),
        192 | 256 => Some(4),
        _ => None,
    }
}

/// What step 3 and the bytes for the engine cost, in steps, besides what grows with the width.
const CANDIDATE: u32 = 600;

/// Candidates from one start.
const WINDOW: u32 = 4096;

/// From one candidate to the next.
const STEP: u32 = 4;

/// A window without a prime comes once in 10^5 (128 bytes) to 300 (256 bytes) starts; this many in a row do
/// not happen to random numbers.
const MAX_WINDOWS: usize = 64;

/// The base of step 4.
const FIRST_BASE: [u8; MAX_PRIME_SIZE] = {
    let mut base = [0x6b; MAX_PRIME_SIZE];
    base[0] = 0x55;
    base
};

struct Search<'a, 's> {
    engine: &'a dyn Engine,
    wanted: Wanted<'a>,
    rounds: usize,
    random: &'a mut dyn Random,
    steps: &'a mut Steps<'s>,
}

#[inline(never)]
fn search<const LIMBS: usize>(search: &mut Search<'_, '_>, out: &mut [u8]) -> Result<()> {
    let other: Option<Number<LIMBS>> = search.wanted.distant_from.map(from_bytes).transpose()?;
    for _ in 0..MAX_WINDOWS {
        fill(search.random, out, search.steps)?;
        if let Some(first) = out.first_mut() {
            *first |= 0xc0;
        }
        if let Some(last) = out.last_mut() {
            *last |= 3;
        }
        let start: Number<LIMBS> = from_bytes(out)?;
        if search.window(&start, other.as_deref(), out)? {
            return Ok(());
        }
    }
    Err(CryptoError::Random)
}

impl Search<'_, '_> {
    /// Steps 2 to 5: writes the first prime of the window into `out`, if there is one.
    fn window<const LIMBS: usize>(
        &mut self,
        start: &Uint<LIMBS>,
        other: Option<&Uint<LIMBS>>,
        out: &mut [u8],
    ) -> Result<bool> {
        let sieve = Sieve::new(start, self.steps)?;
        let size = out.len();
        let mut indices = sieve.survivors();
        let mut next = |search: &mut Self| -> Result<Option<Candidate>> {
            for index in indices.by_ref() {
                search.steps.spend(CANDIDATE + 12 * words::<LIMBS>())?;
                let number = Zeroizing::new(start.wrapping_add(&Uint::from_u32(STEP * index)));
                if *number < *start {
                    break;
                }
                if is_coprime(&number, search.wanted.exponent)
                    && other.is_none_or(|other| is_distant(&number, other))
                {
                    return Ok(Some(Candidate::new(&number, size)));
                }
            }
            Ok(None)
        };
        let in_pairs = self.engine.prefers_pairs(size);
        let first_base = FIRST_BASE.get(..size).ok_or(CryptoError::InvalidInput)?;
        while let Some(first) = next(self)? {
            let second = if in_pairs { next(self)? } else { None };
            let passed = match &second {
                Some(second) => self.test_two([&first, second], [first_base; 2])?,
                None => [self.test(&first, first_base)?, false],
            };
            for (candidate, passed) in [Some(&first), second.as_ref()].into_iter().flatten().zip(passed) {
                if passed && self.passes_random_bases(candidate)? {
                    out.copy_from_slice(candidate.number());
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Step 5.
    fn passes_random_bases(&mut self, candidate: &Candidate) -> Result<bool> {
        let mut bases = [Zeroizing::new([0; MAX_PRIME_SIZE]), Zeroizing::new([0; MAX_PRIME_SIZE])];
        for round in (0..self.rounds).step_by(2) {
            let [first, second] = &mut bases;
            let first = self.draw_base(candidate, &mut **first)?;
            let passed = if round + 1 < self.rounds {
                let second = self.draw_base(candidate, &mut **second)?;
                self.test_two([candidate; 2], [first, second])?
            } else {
                [self.test(candidate, first)?; 2]
            };
            if passed != [true; 2] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A base between 1 and candidate - 1, both excluded.
    fn draw_base<'b>(&mut self, candidate: &Candidate, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let base = buffer.get_mut(..candidate.size).ok_or(CryptoError::InvalidInput)?;
        // Half of all drawings succeed at the least: this many failures are a broken source.
        for _ in 0..256 {
            fill(self.random, base, self.steps)?;
            if !is_one(base) && base.iter().any(|byte| *byte != 0) && *base < *candidate.minus_one() {
                return Ok(base);
            }
        }
        Err(CryptoError::Random)
    }

    fn test(&mut self, candidate: &Candidate, base: &[u8]) -> Result<bool> {
        let mut power = Zeroizing::new([0; MAX_PRIME_SIZE]);
        let power = power.get_mut(..candidate.size).ok_or(CryptoError::InvalidInput)?;
        self.engine.mod_exp(candidate.miller_rabin(base), power, self.steps)?;
        Ok(candidate.accepts(power))
    }

    fn test_two(&mut self, candidates: [&Candidate; 2], bases: [&[u8]; 2]) -> Result<[bool; 2]> {
        let [first, second] = candidates;
        let mut powers = Zeroizing::new([0; 2 * MAX_PRIME_SIZE]);
        let (first_power, second_power) = powers.split_at_mut(MAX_PRIME_SIZE);
        let first_power = first_power.get_mut(..first.size).ok_or(CryptoError::InvalidInput)?;
        let second_power = second_power.get_mut(..second.size).ok_or(CryptoError::InvalidInput)?;
        let operands = [first.miller_rabin(bases[0]), second.miller_rabin(bases[1])];
        self.engine.mod_exp_two(operands, [&mut *first_power, &mut *second_power], self.steps)?;
        Ok([first.accepts(first_power), second.accepts(second_power)])
    }
}

/// A candidate as the engine wants it.
struct Candidate {
    size: usize,
    number: Zeroizing<[u8; MAX_PRIME_SIZE]>,
    minus_one: Zeroizing<[u8; MAX_PRIME_SIZE]>,
    /// (candidate - 1) / 2, odd because the candidate is 3 modulo 4.
    half: Zeroizing<[u8; MAX_PRIME_SIZE]>,
}

impl Candidate {
    fn new<const LIMBS: usize>(number: &Uint<LIMBS>, size: usize) -> Self {
        let bytes = |number: &Uint<LIMBS>| {
            let mut bytes = Zeroizing::new([0; MAX_PRIME_SIZE]);
            to_bytes(number, bytes.get_mut(..size).unwrap_or_default());
            bytes
        };
        Self {
            size,
            number: bytes(number),
            minus_one: bytes(&Zeroizing::new(number.wrapping_sub(&Uint::ONE))),
            half: bytes(&Zeroizing::new(number.shr_vartime(1))),
        }
    }

    fn number(&self) -> &[u8] {
        self.number.get(..self.size).unwrap_or_default()
    }

    fn minus_one(&self) -> &[u8] {
        self.minus_one.get(..self.size).unwrap_or_default()
    }

    /// The exponentiation of a round.
    fn miller_rabin<'b>(&'b self, base: &'b [u8]) -> ModExp<'b> {
        ModExp { base, exponent: self.half.get(..self.size).unwrap_or_default(), modulus: self.number() }
    }

    /// Whether a round ended in 1 or -1.
    fn accepts(&self, power: &[u8]) -> bool {
        is_one(power) || power == self.minus_one()
    }
}

fn is_one(bytes: &[u8]) -> bool {
    matches!(bytes, [high @ .., 1] if high.iter().all(|byte| *byte == 0))
}

/// gcd(number - 1, exponent) = 1.
fn is_coprime<const LIMBS: usize>(number: &Uint<LIMBS>, exponent: u32) -> bool {
    let Some(divisor) = NonZero::new(Limb::from_u32(exponent)).into_option() else { return false };
    let minus_one = Zeroizing::new(number.wrapping_sub(&Uint::ONE));
    let (mut a, mut b) =
        (Word::from(exponent), minus_one.rem_limb_with_reciprocal(&Reciprocal::new(divisor)).0);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// |number - other| >= 2^(bits - 100).
fn is_distant<const LIMBS: usize>(number: &Uint<LIMBS>, other: &Uint<LIMBS>) -> bool {
    let (high, low) = if number > other { (number, other) } else { (other, number) };
    Zeroizing::new(high.wrapping_sub(low)).bits_vartime() > Uint::<LIMBS>::BITS - 100
}

/// Odd primes are sieved up to here. Beyond, sieving a window costs more than it saves.
const SIEVE_LIMIT: usize = if cfg!(target_pointer_width = "64") { 1 << 16 } else { 1 << 14 };

/// All odd primes below the limit.
static SMALL_PRIMES: [u16; SMALL_PRIMES_COUNT] = {
    let composite = odd_composites();
    let mut primes = [0; SMALL_PRIMES_COUNT];
    let (mut index, mut count) = (1, 0);
    while index < composite.len() {
        if !composite[index] {
            primes[count] = (2 * index + 1) as u16;
            count += 1;
        }
        index += 1;
    }
    primes
};

const SMALL_PRIMES_COUNT: usize = {
    let composite = odd_composites();
    let (mut index, mut count) = (1, 0);
    while index < composite.len() {
        count += !composite[index] as usize;
        index += 1;
    }
    count
};

/// For each i whether 2i + 1 is composite.
const fn odd_composites() -> [bool; SIEVE_LIMIT / 2] {
    let mut composite = [false; SIEVE_LIMIT / 2];
    let mut odd = 3;
    while odd * odd < SIEVE_LIMIT {
        let mut multiple = odd * odd;
        while !composite[odd / 2] && multiple < SIEVE_LIMIT {
            composite[multiple / 2] = true;
            multiple += 2 * odd;
        }
        odd += 2;
    }
    composite
}

/// What the sieve costs, in steps: a division by a product of primes, besides what grows with the width, and the
/// beginning with a prime, besides a step for each candidate that it strikes.
const DIVISION: u32 = 60;
const STRIKE_OUT: u32 = 10;

/// Which candidates of a window have no small divisor.
struct Sieve {
    struck: Zeroizing<[u8; WINDOW as usize / 8]>,
}

impl Sieve {
    fn new<const LIMBS: usize>(start: &Uint<LIMBS>, steps: &mut Steps<'_>) -> Result<Self> {
        let mut sieve = Self { struck: Zeroizing::new([0; WINDOW as usize / 8]) };
        let mut rest = &SMALL_PRIMES[..];
        while !rest.is_empty() {
            // As many primes at a time as their product fits into a word: one long division serves all of
            // them.
            let (mut product, mut count) = (1, 0);
            for prime in rest {
                let Some(next) = Word::checked_mul(product, Word::from(*prime)) else { break };
                (product, count) = (next, count + 1);
            }
            let (group, behind) = rest.split_at(count);
            rest = behind;
            let Some(divisor) = NonZero::new(Limb(product)).into_option() else { break };
            steps.spend(DIVISION + 5 * words::<LIMBS>())?;
            let residue = start.rem_limb_with_reciprocal(&Reciprocal::new(divisor)).0;
            for prime in group {
                steps.spend(STRIKE_OUT + WINDOW / u32::from(*prime))?;
                sieve.strike(u32::from(*prime), (residue % Word::from(*prime)) as u32);
            }
        }
        Ok(sieve)
    }

    /// Strikes each i for which `prime` divides start + 4i, where `residue` is start modulo `prime`.
    fn strike(&mut self, prime: u32, residue: u32) {
        let halved = |number: u32| if number.is_multiple_of(2) { number / 2 } else { (number + prime) / 2 };
        let mut index = halved(halved(prime - residue)) % prime;
        while index < WINDOW {
            if let Some(byte) = self.struck.get_mut(index as usize / 8) {
                *byte |= 1 << (index % 8);
            }
            index += prime;
        }
    }

    fn survivors(&self) -> impl Iterator<Item = u32> {
        (0..WINDOW).filter(|index| {
            self.struck.get(*index as usize / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SOFTWARE;
    use crate::engine::testing::{Altered, ENGINES, Patience};
    use crate::{HashAlgorithm, SeededStream, hash, rsa};
    use hex_literal::hex;
    use std::vec::Vec;

    /// A key that came out of version 1.
    struct Frozen {
        exponent: u32,
        context: &'static [u8],
        /// The size of a prime in bytes.
        size: usize,
        /// SHA-256 of the first prime.
        prime: [u8; 32],
        /// SHA-256 of the modulus.
        modulus: [u8; 32],
    }

    /// As printed by `prime/reference.py`. They may never change: keys in the field come from this procedure.
    const FROZEN: [Frozen; 5] = [
        Frozen {
            exponent: 65537,
            context: b"a",
            size: 128,
            prime: hex!("5321b181238ebfb27a817857b499e6e9589980f5af14694518a3f5919fe029d0"),
            modulus: hex!("419bfc4aa4ef7cebacbf38e1df8272918057bada7a86059828dc9867b7131fe1"),
        },
        Frozen {
            exponent: 65537,
            context: b"b",
            size: 128,
            prime: hex!("8eb57fd6ad17ed34e0ebac0aea76769320dc50aa62cffc3fc466f6e3bbc3efa4"),
            modulus: hex!("495d05d18bfe69d163d4cc960e0d372960f3ea27f1a988343d1a10b1915b27e5"),
        },
        Frozen {
            exponent: 3,
            context: b"c",
            size: 128,
            prime: hex!("9e9bb2d2eb9aab449bd407a11f646e8ffd9b5e3811f74ddd0a9d98114f0ed18d"),
            modulus: hex!("cd13e53cd9f18e18508df2efc4e77e8fed00ed3ef76921272acfd98f28f43e23"),
        },
        Frozen {
            exponent: 65537,
            context: b"d",
            size: 192,
            prime: hex!("7140cdc086e5b8ce5e0229526273028f917a696cb1f326c203d38f36ece05de3"),
            modulus: hex!("528c9828e5c4f4bfe6a9c93031ef649f48852f126487e93e7fbbac9a360c2057"),
        },
        Frozen {
            exponent: 65537,
            context: b"e",
            size: 256,
            prime: hex!("8c5de3877eb7dd57c09b68e1195b97121892c75c42619c9b8beae170d63eeb61"),
            modulus: hex!("3abef5f16f7b821cbfd760913827948346992384a5db7ddd480bf9a77dff027e"),
        },
    ];

    fn key(engine: &dyn Engine, exponent: u32, context: &[u8], size: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut prime, mut modulus) = (std::vec![0; size], std::vec![0; 2 * size]);
        let mut stream = SeededStream::new(b"seed", b"RSA", context);
        rsa::generate(engine, exponent, &mut stream, &mut Steps::new(&mut ()), &mut prime, &mut modulus)
            .unwrap();
        (prime, modulus)
    }

    #[test]
    fn version_1_is_frozen() {
        for engine in ENGINES {
            for frozen in FROZEN {
                let (prime, modulus) = key(*engine, frozen.exponent, frozen.context, frozen.size);
                assert!(
                    hash(HashAlgorithm::Sha256, &[&prime]).equals(&frozen.prime),
                    "{} bytes",
                    frozen.size
                );
                assert!(
                    hash(HashAlgorithm::Sha256, &[&modulus]).equals(&frozen.modulus),
                    "{} bytes",
                    frozen.size
                );
            }
        }
    }

    #[test]
    fn candidates_in_pairs_give_the_same_prime() {
        let engine = Altered { in_pairs: true, faulty: false };
        for frozen in &FROZEN[..3] {
            let (_, modulus) = key(&engine, frozen.exponent, frozen.context, frozen.size);
            assert!(hash(HashAlgorithm::Sha256, &[&modulus]).equals(&frozen.modulus));
        }
    }

    /// Primes whose generator is a power of 65537 modulo small primes were the ROCA fault: such a modulus is
    /// a power of 65537 modulo every one of them.
    fn has_roca_fingerprint(modulus: &[u8]) -> bool {
        let primes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
        primes.iter().all(|prime| {
            let residue = modulus.iter().fold(0, |residue, byte| (residue << 8 | u32::from(*byte)) % prime);
            let powers = core::iter::successors(Some(1), |power| Some(power * (65537 % prime) % prime));
            powers.take(160).any(|power| power == residue)
        })
    }

    #[test]
    fn primes_have_their_form_and_no_structure() {
        // 65537^2 has the fingerprint, and so has anything that is built like it.
        assert!(has_roca_fingerprint(&4295098369u64.to_be_bytes()));
        let keys: Vec<_> =
            (0..24u8).map(|index| key(ENGINES[ENGINES.len() - 1], 65537, &[index], 128)).collect();
        let mut ones = [0usize; 1024];
        for (prime, modulus) in &keys {
            assert!(prime[0] >= 0xc0 && prime[127] % 4 == 3, "the form of the candidates");
            assert!(modulus[0] >= 0x90, "the product of two numbers of at least three quarters of the range");
            assert!(!has_roca_fingerprint(modulus));
            for (index, count) in ones.iter_mut().enumerate() {
                *count += usize::from(prime[index / 8] >> (7 - index % 8) & 1);
            }
        }
        // Only the four fixed bits are the same in every prime; the others miss it but for a chance of 2^-13
        // in all.
        let constant: Vec<_> = (0..1024).filter(|bit| matches!(ones[*bit], 0 | 24)).collect();
        assert_eq!(constant, [0, 1, 1022, 1023]);
        // The sum of 24 times 1020 fair bits is within five standard deviations of its mean.
        let total: usize = ones[2..1022].iter().sum();
        assert!(total.abs_diff(12 * 1020) < 5 * 79, "{total}");
    }

    /// A source that repeats one byte.
    struct Stuck(u8);

    impl Random for Stuck {
        fn fill(&mut self, out: &mut [u8]) -> Result<()> {
            out.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_stuck_source_and_bad_requests_end_in_errors() {
        let mut out = [0xaa; 128];
        let wanted = Wanted { exponent: 65537, distant_from: None };
        // With all bits set the window has a single candidate, 2^1024 - 1, which is not prime.
        let outcome = generate(&SOFTWARE, wanted, &mut Stuck(0xff), &mut Steps::new(&mut ()), &mut out);
        assert_eq!((outcome, out), (Err(CryptoError::Random), [0; 128]));

        let mut stream = SeededStream::new(b"seed", b"RSA", b"");
        let mut attempt = |exponent, size| {
            let wanted = Wanted { exponent, distant_from: None };
            let mut out = std::vec![0; size];
            generate(
                &SOFTWARE,
                wanted,
                &mut stream,
                &mut Steps::new(&mut Patience { asked: 0, limit: 0 }),
                &mut out,
            )
        };
        for (exponent, size) in
            [(0, 128), (1, 128), (65536, 128), (65537, 0), (65537, 64), (65537, 129), (65537, 512)]
        {
            assert_eq!(attempt(exponent, size), Err(CryptoError::InvalidInput));
        }
        assert_eq!(attempt(65537, 128), Err(CryptoError::Cancelled));
    }

    #[test]
    fn a_prime_keeps_its_distance() {
        use crypto_bigint::U1024;
        let other = U1024::MAX.wrapping_sub(&U1024::ONE.shl_vartime(1000));
        for (shift, distant) in [(0, false), (100, false), (923, false), (924, true), (1000, true)] {
            let number = other.wrapping_sub(&U1024::ONE.shl_vartime(shift));
            assert_eq!(
                (is_distant(&number, &other), is_distant(&other, &number)),
                (distant, distant),
                "{shift}"
            );
        }
        assert!(!is_distant(&other, &other));
    }

    #[test]
    fn the_sieve_strikes_multiples_and_nothing_else() {
        use crypto_bigint::U1024;
        assert_eq!((SMALL_PRIMES[0], SMALL_PRIMES[1], SMALL_PRIMES[1898]), (3, 5, 16381));
        if cfg!(target_pointer_width = "64") {
            assert_eq!((SMALL_PRIMES.len(), SMALL_PRIMES[6540]), (6541, 65521));
        }
        let mut bytes = [0x5c; 128];
        SeededStream::new(b"seed", b"sieve", b"").fill(&mut bytes).unwrap();
        let start = U1024::from_be_slice(&bytes);
        let survivors: Vec<_> = Sieve::new(&start, &mut Steps::new(&mut ())).unwrap().survivors().collect();
        for index in 0..WINDOW {
            let number = start.wrapping_add(&U1024::from_u32(STEP * index));
            let divisible = SMALL_PRIMES.iter().any(|prime| {
                let divisor = NonZero::new(Limb::from(*prime)).unwrap();
                number.rem_limb_with_reciprocal(&Reciprocal::new(divisor)) == Limb::ZERO
            });
            assert_eq!(survivors.contains(&index), !divisible, "{index}");
        }
    }
}
