//! Project Wycheproof's vectors: the edge cases that other implementations got wrong, on every engine.

use tpm2_crypto::ecc::{self, Curve, Point};
use tpm2_crypto::engine::{Engine, SOFTWARE};
use tpm2_crypto::{HashAlgorithm, Hmac, Steps, hash};
use wycheproof::{TestResult, ecdh, ecdsa, mac};

#[test]
fn hmac() {
    for (name, algorithm) in [
        (mac::TestName::HmacSha1, HashAlgorithm::Sha1),
        (mac::TestName::HmacSha256, HashAlgorithm::Sha256),
        (mac::TestName::HmacSha384, HashAlgorithm::Sha384),
        (mac::TestName::HmacSha512, HashAlgorithm::Sha512),
    ] {
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let mut hmac = Hmac::new(algorithm, &test.key);
                hmac.update(&test.msg);
                let digest = hmac.clone().finish();
                let expected = group.tag_size / 8;
                assert_eq!(
                    digest[..expected] == test.tag[..],
                    test.result.must_be_right(),
                    "{name:?} {}",
                    test.tc_id
                );
                if test.tag.len() == algorithm.digest_size() {
                    assert_eq!(
                        hmac.verify(&test.tag),
                        test.result.must_be_right(),
                        "{name:?} {}",
                        test.tc_id
                    );
                }
            }
        }
    }
}

#[test]
fn ecdsa_verification() {
    for (name, curve, algorithm) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256P1363, Curve::P256, HashAlgorithm::Sha256),
        (ecdsa::TestName::EcdsaSecp256r1Sha512P1363, Curve::P256, HashAlgorithm::Sha512),
        (ecdsa::TestName::EcdsaSecp384r1Sha384P1363, Curve::P384, HashAlgorithm::Sha384),
        (ecdsa::TestName::EcdsaSecp384r1Sha512P1363, Curve::P384, HashAlgorithm::Sha512),
        (ecdsa::TestName::EcdsaSecp521r1Sha512P1363, Curve::P521, HashAlgorithm::Sha512),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let (x, y) = coordinates(&group.key.key, curve).unwrap();
            let public = Point::new(curve, x, y).unwrap();
            for test in &group.tests {
                // How r and s are framed is not ours.
                if test.sig.len() != 2 * curve.size() {
                    continue;
                }
                let (r, s) = test.sig.split_at(curve.size());
                let digest = hash(algorithm, &[&test.msg]);
                for engine in engines() {
                    let verified =
                        ecc::verify_ecdsa(engine, curve, &public, &digest, r, s, &mut Steps::new(&mut ()));
                    assert_eq!(verified.is_ok(), test.result.must_be_right(), "{name:?} {}", test.tc_id);
                }
            }
        }
    }
}

#[test]
fn ecdh() {
    for (name, curve) in [
        (ecdh::TestName::EcdhSecp256r1Ecpoint, Curve::P256),
        (ecdh::TestName::EcdhSecp384r1Ecpoint, Curve::P384),
        (ecdh::TestName::EcdhSecp521r1Ecpoint, Curve::P521),
    ] {
        let mut compared = 0;
        for group in ecdh::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                // The TPM knows no compressed points.
                let Some((x, y)) = coordinates(&test.public_key, curve) else { continue };
                let leading = test.private_key.iter().take_while(|byte| **byte == 0).count();
                let private = &test.private_key[leading..];
                for engine in engines() {
                    let shared = Point::new(curve, x, y).and_then(|point| {
                        ecc::multiply(engine, curve, private, &point, &mut Steps::new(&mut ()))
                    });
                    match shared {
                        Ok(shared) => {
                            assert!(test.result.must_be_right(), "{name:?} {}", test.tc_id);
                            assert_eq!(shared.x(), &test.shared_secret[..], "{name:?} {}", test.tc_id);
                            compared += 1;
                        }
                        Err(_) => assert!(!test.result.must_be_right(), "{name:?} {}", test.tc_id),
                    }
                }
            }
        }
        assert!(compared > 100, "{name:?}: {compared}");
    }
}

/// Every engine of this build.
fn engines() -> impl Iterator<Item = &'static dyn Engine> {
    [
        &SOFTWARE as &dyn Engine,
        #[cfg(feature = "aws-lc")]
        &tpm2_crypto::engine::AWS_LC,
    ]
    .into_iter()
}

/// The two halves of an uncompressed point.
fn coordinates(encoded: &[u8], curve: Curve) -> Option<(&[u8], &[u8])> {
    match encoded {
        [4, coordinates @ ..] if coordinates.len() == 2 * curve.size() => {
            Some(coordinates.split_at(curve.size()))
        }
        _ => None,
    }
}

trait Expectation {
    fn must_be_right(&self) -> bool;
}

impl Expectation for TestResult {
    fn must_be_right(&self) -> bool {
        matches!(self, TestResult::Valid)
    }
}
