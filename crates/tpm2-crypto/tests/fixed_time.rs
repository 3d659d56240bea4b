//! Operations on secrets take the same instructions whatever the secret is (TPM-FAIL: the length of a nonce was in the
//! time of a signature). valgrind counts them: the same count in every run, so one instruction more is found.
//!
//! This says nothing of an instruction whose own time depends on its operands, or of caches; that is measured on the
//! target. Where valgrind is not installed nothing is measured, unless `FTPM_MEASURE` asks for it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use tee_api::{Checkpoint, Flow};
use tpm2_crypto::ecc::{self, Curve};
use tpm2_crypto::engine::{Engine, ModExp, SOFTWARE};
use tpm2_crypto::{HashAlgorithm, Random, Result, Steps, hmac, rsa};

/// Set in the process that valgrind watches.
const WATCHED: &str = "FTPM_FIXED_TIME_WATCHED";

#[test]
fn tpm_fail_operations_on_secrets_take_the_same_instructions() {
    if env::var_os(WATCHED).is_some() {
        return;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(env::var_os("FTPM_MEASURE").is_none(), "valgrind is missing: cargo xtask setup");
        eprintln!("valgrind is not installed: nothing was measured");
        return;
    }
    let counts = count();
    let mut unequal = Vec::new();
    for (operation, counts) in &counts {
        // The first of each makes tables and finds out about the CPU.
        let (least, most) = (counts[1..].iter().min().unwrap(), counts[1..].iter().max().unwrap());
        println!("{operation}: {least} instructions, at most {} more", most - least);
        if least != most {
            unequal.push(operation.as_str());
        }
    }
    // The last one is there to be found.
    assert_eq!(unequal, ["a number's length"]);
    assert_eq!(counts.len(), operations().len());
}

/// The instructions of each operation, in the order in which its secrets stand.
fn count() -> BTreeMap<String, Vec<u64>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fixed-time-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut valgrind = Command::new("valgrind");
    valgrind.args([
        "--tool=callgrind",
        "--collect-atstart=no",
        "--toggle-collect=fixed_time::watched_operation",
    ]);
    valgrind.args(["--dump-after=fixed_time::watched_operation", "--combine-dumps=no"]);
    valgrind.arg(format!("--callgrind-out-file={}/out", folder.display()));
    valgrind.arg(env::current_exe().unwrap()).args(["--exact", "the_process_that_is_watched"]);
    let output = valgrind.env(WATCHED, "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut counts = BTreeMap::new();
    let mut dump = 0;
    for (name, secrets) in operations() {
        for _ in secrets {
            dump += 1;
            let text = fs::read_to_string(folder.join(format!("out.{dump}"))).unwrap();
            let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
            counts.entry(name.clone()).or_insert_with(Vec::new).push(total.trim().parse().unwrap());
        }
    }
    fs::remove_dir_all(folder).unwrap();
    counts
}

/// Does each operation with each secret, where valgrind watches.
#[test]
fn the_process_that_is_watched() {
    if env::var_os(WATCHED).is_some() {
        for (_, secrets) in operations() {
            for operation in secrets {
                watched_operation(&*operation);
            }
        }
    }
}

#[inline(never)]
fn watched_operation(operation: &dyn Fn()) {
    operation();
}

type Operations = Vec<(String, Vec<Box<dyn Fn()>>)>;

/// Operations, each with several secrets; the first is done to warm up.
fn operations() -> Operations {
    let mut operations: Operations = Vec::new();
    for (engine_name, engine) in engines() {
        for curve in Curve::ALL {
            let size = curve.size();
            // One from the middle to warm up; then as short as can be, shorter by some bytes, with few ones or all.
            let scalars = [
                number(size, &[0x5A; 66][..size - 1]),
                number(size, &[1]),
                number(size, &[3]),
                number(size, &[0xFF; 66][..size / 2]),
                number(size, &[0x7F; 66][..size - 3]),
                number(size, &[&[1][..], &[0; 65][..size - 2]].concat()),
            ];
            let named = |what: &str| format!("{what}, {}, {engine_name}", curve.name());
            let sign = |private: &[u8], nonce: &[u8]| {
                let (private, nonce) = (private.to_vec(), nonce.to_vec());
                Box::new(move || {
                    let mut nonce = Nonce(nonce.clone());
                    let signed = ecc::sign_ecdsa(
                        engine,
                        curve,
                        &private,
                        &[0x3C; 32],
                        &mut nonce,
                        &mut Steps::new(&mut Patient),
                    );
                    let _ = black_box(signed.unwrap());
                }) as Box<dyn Fn()>
            };
            let middle = &scalars[0];
            let nonces = scalars.iter().map(|nonce| sign(middle, nonce)).collect();
            operations.push((named("ECDSA, the nonce"), nonces));
            let keys = scalars.iter().map(|key| sign(key, middle)).collect();
            operations.push((named("ECDSA, the key"), keys));
            let shared = scalars.iter().map(|private| {
                let private = private.clone();
                Box::new(move || {
                    let parameters = curve.parameters();
                    let point =
                        ecc::Point::new(curve, parameters.generator_x, parameters.generator_y).unwrap();
                    drop(black_box(
                        ecc::multiply(engine, curve, &private, &point, &mut Steps::new(&mut Patient))
                            .unwrap(),
                    ));
                }) as Box<dyn Fn()>
            });
            let shared = shared.collect();
            operations.push((named("ECDH, the key"), shared));
        }
        let exponents = [
            number(128, &[0x5A; 128]),
            number(128, &[1]),
            number(128, &[0xFF; 64]),
            number(128, &[0xFF; 128]),
        ];
        let powers = exponents.into_iter().map(|exponent| {
            Box::new(move || {
                let operands = ModExp { base: &[0x33; 127], exponent: &exponent, modulus: &[0xD7; 128] };
                let mut out = [0; 128];
                engine.mod_exp(operands, &mut out, &mut Steps::new(&mut Patient)).unwrap();
                black_box(out);
            }) as Box<dyn Fn()>
        });
        operations.push((format!("modular power, the exponent, {engine_name}"), powers.collect()));
    }
    operations.extend(refusals());
    let lengths = [5_u64, 1, 1 << 40].map(|number| {
        Box::new(move || {
            let mut left = black_box(number);
            while left > 0 {
                left = black_box(left >> 1);
            }
        }) as Box<dyn Fn()>
    });
    operations.push(("a number's length".into(), lengths.into()));
    operations
}

/// What is refused, for reasons that nobody may learn from the time it takes.
fn refusals() -> Operations {
    let padded = |front: &[u8], separator: usize| {
        let mut padded = vec![0x5A; 256];
        padded[..front.len()].copy_from_slice(front);
        padded[separator] = 0;
        padded
    };
    // Another first byte, another second one, a filler of seven bytes, none at all.
    let rsaes =
        [padded(&[0, 3], 99), padded(&[1, 2], 99), padded(&[0, 1], 99), padded(&[0, 2], 9), vec![0x5A; 256]];
    let rsaes = rsaes.map(|padded| {
        Box::new(move || {
            let padded = black_box(&padded);
            assert!(black_box(rsa::rsaes::unpad(padded)).is_err());
        }) as Box<dyn Fn()>
    });
    // What an attacker of Manger's sees: a first byte that is zero or not, and the rest at random.
    let oaep = [0_u8, 1, 0, 0xFF].into_iter().enumerate().map(|(number, first)| {
        let padded: Vec<u8> =
            (0..256).map(|at| if at == 0 { first } else { (at * 7 + number) as u8 }).collect();
        Box::new(move || {
            let mut padded = black_box(padded.clone());
            assert!(black_box(rsa::oaep::unpad(HashAlgorithm::Sha256, b"label\0", &mut padded)).is_err());
        }) as Box<dyn Fn()>
    });
    let right = hmac(HashAlgorithm::Sha256, b"key", &[b"data"]);
    let wrong = [0, 0, 15, 31].map(|at| {
        let mut wrong = right.to_vec();
        wrong[at] ^= 1;
        Box::new(move || {
            let proof = hmac(HashAlgorithm::Sha256, b"key", &[b"data"]);
            assert!(!black_box(proof.equals(black_box(&wrong))));
        }) as Box<dyn Fn()>
    });
    vec![
        ("RSAES, why it is refused".into(), rsaes.into()),
        ("OAEP, why it is refused".into(), oaep.collect()),
        ("an HMAC, where it differs".into(), wrong.into()),
    ]
}

fn engines() -> Vec<(&'static str, &'static dyn Engine)> {
    vec![
        ("in Rust", &SOFTWARE),
        #[cfg(feature = "aws-lc")]
        ("AWS-LC", &tpm2_crypto::engine::AWS_LC),
    ]
}

/// `bytes` at the end of a number of this size.
fn number(size: usize, bytes: &[u8]) -> Vec<u8> {
    let mut number = vec![0; size];
    number[size - bytes.len()..].copy_from_slice(bytes);
    number
}

/// Gives the bytes that make this nonce: it is what is asked for, modulo n - 1, plus one.
struct Nonce(Vec<u8>);

impl Random for Nonce {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let start = out.len() - self.0.len();
        out.fill(0);
        out[start..].copy_from_slice(&self.0);
        Ok(())
    }
}

struct Patient;

impl Checkpoint for Patient {
    fn checkpoint(&mut self) -> Flow {
        Flow::Continue
    }
}
