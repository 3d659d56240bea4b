//! What went wrong in the algorithms of other TPMs. Each test has the name of its row in docs/security-lessons.md.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::OnceLock;

use hex_literal::hex;
use tee_api::{Checkpoint, Flow};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_crypto::{AES_BLOCK_SIZE, BlockMode, Direction, SeededStream, Steps, aes, rsa};

/// A peer handed back the wrong chaining value, twice (CVE-2021-3446, CVE-2026-21444): what was encrypted in several
/// calls could not be decrypted in one. The example of SP 800-38A, appendix F, with AES-128, cut at every place.
#[test]
fn cve_2021_3446_chaining_values_over_several_calls() {
    const KEY: [u8; 16] = hex!("2b7e151628aed2a6abf7158809cf4f3c");
    const PLAIN: [u8; 64] = hex!(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    );
    let start = hex!("000102030405060708090a0b0c0d0e0f");
    let counter = hex!("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let modes: [(BlockMode, [u8; 16], [u8; 64]); 5] = [
        (
            BlockMode::Ecb,
            [0; 16],
            hex!(
                "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
                "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"
            ),
        ),
        (
            BlockMode::Cbc,
            start,
            hex!(
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
            ),
        ),
        (
            BlockMode::Cfb,
            start,
            hex!(
                "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
                "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6"
            ),
        ),
        (
            BlockMode::Ofb,
            start,
            hex!(
                "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"
                "9740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e"
            ),
        ),
        (
            BlockMode::Ctr,
            counter,
            hex!(
                "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
                "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"
            ),
        ),
    ];
    for (mode, iv, cipher) in modes {
        // The three places between four blocks, each cut or not.
        for cuts in 0..8_u8 {
            for (direction, from, to) in
                [(Direction::Encrypt, PLAIN, cipher), (Direction::Decrypt, cipher, PLAIN)]
            {
                let (mut data, mut chained, mut begin) = (from, iv, 0);
                for block in 1..=4 {
                    if block < 4 && cuts >> (block - 1) & 1 == 0 {
                        continue;
                    }
                    let end = block * AES_BLOCK_SIZE;
                    aes(mode, &KEY, &mut chained, &mut data[begin..end], direction).unwrap();
                    assert_eq!(chained, chaining_value(mode, &PLAIN[..end], &cipher[..end], iv), "{mode:?}");
                    begin = end;
                }
                assert_eq!(data, to, "{mode:?} {direction:?}, cut at {cuts:03b}");
            }
        }
    }
}

/// What the next call has to start with, from what SP 800-38A says of each mode.
fn chaining_value(mode: BlockMode, plain: &[u8], cipher: &[u8], iv: [u8; 16]) -> [u8; 16] {
    let last = |bytes: &[u8]| *bytes.last_chunk::<16>().unwrap();
    match mode {
        BlockMode::Ecb => iv,
        BlockMode::Cbc | BlockMode::Cfb => last(cipher),
        BlockMode::Ofb => std::array::from_fn(|at| last(plain)[at] ^ last(cipher)[at]),
        BlockMode::Ctr => (u128::from_be_bytes(iv) + (cipher.len() / 16) as u128).to_be_bytes(),
    }
}

/// Keys of seeds that nobody chose.
fn keys() -> &'static [(Vec<u8>, Vec<u8>)] {
    static KEYS: OnceLock<Vec<(Vec<u8>, Vec<u8>)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        (0..32_u8)
            .map(|index| {
                let (mut prime, mut modulus) = (vec![0; 128], vec![0; 256]);
                let mut stream = SeededStream::new(b"lessons", b"RSA", &[index]);
                rsa::generate(
                    &SOFTWARE,
                    65537,
                    &mut stream,
                    &mut Steps::new(&mut Patient),
                    &mut prime,
                    &mut modulus,
                )
                .unwrap();
                (prime, modulus)
            })
            .collect()
    })
}

struct Patient;

impl Checkpoint for Patient {
    fn checkpoint(&mut self) -> Flow {
        Flow::Continue
    }
}

/// A peer's candidates lost bits at the top, so its primes came out of a smaller range than they should.
#[test]
fn cve_2021_3505_primes_keep_their_top_bits() {
    let keys = keys();
    let top = |prime: &[u8]| u32::from(u16::from_be_bytes([prime[0], prime[1]]));
    // Two bits are set, so that the product has its full size; all below them are free.
    assert!(keys.iter().all(|(prime, modulus)| top(prime) >= 0xC000 && modulus[0] & 0x80 != 0));
    for bit in 2..256 {
        let ones = keys.iter().filter(|(prime, _)| prime[bit / 8] >> (7 - bit % 8) & 1 == 1).count();
        // By chance, in all of these bits together, with a probability of 2^-23.
        assert!(ones > 0 && ones < keys.len(), "bit {bit} from the top is the same in every prime");
    }
    // Even between 0xC000 and 0xFFFF: the mean of 32 is within five deviations of the middle.
    let mean = keys.iter().map(|(prime, _)| top(prime)).sum::<u32>() / keys.len() as u32;
    assert!(mean.abs_diff(0xE000) < 5 * 0x4000 * 10 / 196, "{mean:x}");
}

/// A library built primes as powers of 65537 modulo a product of small primes: such a modulus is recognised, and
/// factored.
#[test]
fn roca_no_modulus_has_the_fingerprint() {
    // 65537^3: built like that.
    assert!(has_fingerprint(&281_487_861_809_153_u64.to_be_bytes()));
    for (index, (_, modulus)) in keys().iter().enumerate() {
        assert!(!has_fingerprint(modulus), "key {index}");
    }
}

/// Whether a modulus is a power of 65537 modulo each of these primes. One that is not built so is, with a probability
/// of 2^-28.
fn has_fingerprint(modulus: &[u8]) -> bool {
    let primes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    primes.iter().all(|prime| {
        let residue = modulus.iter().fold(0, |residue, octet| (residue << 8 | u32::from(*octet)) % prime);
        let mut power = 1;
        (0..*prime).any(|_| {
            power = power * (65537 % prime) % prime;
            power == residue
        })
    })
}
