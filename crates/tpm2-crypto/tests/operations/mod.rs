//! The long operations of this crate with fixed operands, for the test and the table of slices.
#![allow(clippy::unwrap_used, reason = "the operands are fixed and right")]

use std::sync::OnceLock;

use tpm2_crypto::ecc::{self, Curve, Point};
use tpm2_crypto::engine::{Engine, SOFTWARE};
use tpm2_crypto::rsa::{self, PrivateKey, PublicKey};
use tpm2_crypto::self_test::{self, Algorithm};
use tpm2_crypto::{HashAlgorithm, Result, SeededStream, Steps};

/// What an operation left in the buffers of its caller, or what it answered.
type Output = Vec<u8>;

/// A long operation.
pub struct Operation {
    pub name: String,
    /// Runs it, and gives its outcome and its output.
    #[allow(clippy::type_complexity, reason = "it is named nowhere else")]
    pub run: Box<dyn Fn(&dyn Engine, &mut Steps<'_>) -> (Result<()>, Output)>,
}

/// The engines of this build.
pub fn engines() -> impl Iterator<Item = (&'static str, &'static dyn Engine)> {
    [
        ("software", &SOFTWARE as &dyn Engine),
        #[cfg(feature = "aws-lc")]
        ("AWS-LC", &tpm2_crypto::engine::AWS_LC),
    ]
    .into_iter()
}

/// Every long operation, on keys of every size.
pub fn operations() -> Vec<Operation> {
    let rsa = [2048, 3072, 4096].into_iter().flat_map(rsa_operations);
    let ecc = Curve::ALL.into_iter().flat_map(ecc_operations);
    rsa.chain(ecc).chain(self_tests()).collect()
}

const EXPONENT: u32 = 65_537;

fn operation(
    name: String,
    run: impl Fn(&dyn Engine, &mut Steps<'_>) -> (Result<()>, Output) + 'static,
) -> Operation {
    Operation { name, run: Box::new(run) }
}

fn rsa_operations(bits: usize) -> Vec<Operation> {
    let size = bits / 8;
    let input = vec![0x5a; size];
    let short = input.clone();
    vec![
        operation(format!("RSA-{bits}, key generation"), move |engine, steps| {
            let (mut prime, mut modulus) = (vec![0xaa; size / 2], vec![0xaa; size]);
            let outcome = rsa::generate(engine, EXPONENT, &mut stream(bits), steps, &mut prime, &mut modulus);
            (outcome, [prime, modulus].concat())
        }),
        operation(format!("RSA-{bits}, key from one prime"), move |_, steps| {
            let (prime, modulus) = key(bits);
            match PrivateKey::new(PublicKey { modulus, exponent: EXPONENT }, prime, steps) {
                Ok(key) => (Ok(()), key.public_key().modulus.to_vec()),
                Err(error) => (Err(error), Vec::new()),
            }
        }),
        operation(format!("RSA-{bits}, private operation"), move |engine, steps| {
            let (prime, modulus) = key(bits);
            let public = PublicKey { modulus, exponent: EXPONENT };
            let mut out = vec![0xaa; size];
            let outcome = PrivateKey::new(public, prime, &mut Steps::new(&mut ()))
                .and_then(|key| rsa::private_operation(engine, &key, &input, &mut out, steps));
            (outcome, out)
        }),
        operation(format!("RSA-{bits}, public operation, longest exponent"), move |engine, steps| {
            let public = PublicKey { modulus: &key(bits).1, exponent: u32::MAX };
            let mut out = vec![0xaa; size];
            let outcome = rsa::public_operation(engine, public, &short, &mut out, steps);
            (outcome, out)
        }),
    ]
}

/// A key of so many bits: its first prime and its modulus.
fn key(bits: usize) -> &'static (Vec<u8>, Vec<u8>) {
    static KEYS: [OnceLock<(Vec<u8>, Vec<u8>)>; 3] = [OnceLock::new(), OnceLock::new(), OnceLock::new()];
    KEYS[bits / 1024 - 2].get_or_init(|| {
        let (mut prime, mut modulus) = (vec![0; bits / 16], vec![0; bits / 8]);
        let (_, engine) = engines().last().unwrap();
        let mut nobody = ();
        let steps = &mut Steps::new(&mut nobody);
        rsa::generate(engine, EXPONENT, &mut stream(bits), steps, &mut prime, &mut modulus).unwrap();
        (prime, modulus)
    })
}

/// Where the keys come from: seeds whose search is short.
fn stream(bits: usize) -> SeededStream {
    let seed = match bits {
        2048 => SEED_2048,
        3072 => SEED_3072,
        _ => SEED_4096,
    };
    SeededStream::new(&[seed], b"RSA", b"slices")
}

const SEED_2048: u8 = 1;
const SEED_3072: u8 = 1;
const SEED_4096: u8 = 1;

fn ecc_operations(curve: Curve) -> Vec<Operation> {
    let name = curve.name();
    let answer = |point: Result<Point>| match point {
        Ok(point) => (Ok(()), [point.x(), point.y()].concat()),
        Err(error) => (Err(error), Vec::new()),
    };
    vec![
        operation(format!("{name}, key generation"), move |engine, steps| {
            let mut private = vec![0xaa; curve.size()];
            let outcome = ecc::generate(engine, curve, &mut numbers(), &mut private, steps).map(drop);
            (outcome, private)
        }),
        operation(format!("{name}, public key"), move |engine, steps| {
            answer(ecc::public_from_private(engine, curve, &private(curve), steps))
        }),
        operation(format!("{name}, Diffie-Hellman"), move |engine, steps| {
            answer(ecc::multiply(engine, curve, &private(curve), &public(curve), steps))
        }),
        operation(format!("{name}, ECDSA signature"), move |engine, steps| {
            match ecc::sign_ecdsa(engine, curve, &private(curve), &DIGEST, &mut numbers(), steps) {
                Ok(signature) => (Ok(()), [signature.r(), signature.s()].concat()),
                Err(error) => (Err(error), Vec::new()),
            }
        }),
        operation(format!("{name}, ECDSA verification"), move |engine, steps| {
            let mut nobody = ();
            let unhindered = &mut Steps::new(&mut nobody);
            let signature =
                ecc::sign_ecdsa(&SOFTWARE, curve, &private(curve), &DIGEST, &mut numbers(), unhindered)
                    .unwrap();
            let (r, s) = (signature.r(), signature.s());
            (ecc::verify_ecdsa(engine, curve, &public(curve), &DIGEST, r, s, steps), Vec::new())
        }),
    ]
}

const DIGEST: [u8; 32] = [0xd1; 32];

fn numbers() -> SeededStream {
    SeededStream::new(b"seed", b"ECC", b"slices")
}

fn private(curve: Curve) -> Vec<u8> {
    // All bits but the highest, so that every window has work.
    let mut private = vec![0xff; curve.size()];
    private[0] = 0;
    private
}

fn public(curve: Curve) -> Point {
    ecc::public_from_private(&SOFTWARE, curve, &private(curve), &mut Steps::new(&mut ())).unwrap()
}

fn self_tests() -> impl Iterator<Item = Operation> {
    let curves = Curve::ALL.into_iter().flat_map(|curve| {
        [
            (format!("{}, self test of ECDSA", curve.name()), Algorithm::Ecdsa(curve)),
            (format!("{}, self test of ECDH", curve.name()), Algorithm::Ecdh(curve)),
        ]
    });
    let others = [
        ("RSA, self test", Algorithm::Rsa),
        ("DRBG, self test", Algorithm::Drbg),
        ("KDFs, self test", Algorithm::Kdf),
        ("seeded stream, self test", Algorithm::SeededStream),
        ("HMAC-SHA512, self test", Algorithm::Hmac(HashAlgorithm::Sha512)),
        ("AES-CFB, self test", Algorithm::Aes(tpm2_crypto::BlockMode::Cfb)),
    ];
    curves.chain(others.map(|(name, algorithm)| (name.to_string(), algorithm))).map(|(name, algorithm)| {
        operation(name, move |engine, steps| {
            let outcome = self_test::run(algorithm, engine, steps);
            let passed = outcome == Ok(true);
            (outcome.map(drop), if passed { vec![1] } else { Vec::new() })
        })
    })
}
