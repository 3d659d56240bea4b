//! The known answers of RSA, for the TPM's self test.

use super::{PrivateKey, PublicKey, oaep, private_operation, public_operation, rsaes, rsapss, rsassa};
use crate::engine::Engine;
use crate::{HashAlgorithm, Random, Result, Steps, hash};
use hex_literal::hex;

/// Whether both primitives and all paddings give what OpenSSL and an independent implementation in Python
/// gave.
pub(crate) fn test(engine: &dyn Engine, steps: &mut Steps<'_>) -> Result<bool> {
    let public = PublicKey { modulus: &MODULUS, exponent: 65537 };
    let private = PrivateKey::new(public, &PRIME, steps)?;
    let digest = hash(HashAlgorithm::Sha256, &[b"abc"]);

    let mut encoded = [0; 256];
    rsassa::encode(HashAlgorithm::Sha256, &digest, &mut encoded)?;
    let mut signature = [0; 256];
    private_operation(engine, &private, &encoded, &mut signature, steps)?;
    let mut recovered = [0; 256];
    public_operation(engine, public, &SIGNATURE, &mut recovered, steps)?;
    steps.spend(PADDINGS)?;
    Ok(signature == SIGNATURE && recovered == encoded && test_paddings()?)
}

/// What the paddings cost, in steps: hashes, most of it for the masks.
const PADDINGS: u32 = 100_000;

fn test_paddings() -> Result<bool> {
    let digest = hash(HashAlgorithm::Sha256, &[b"abc"]);
    let is = |encoded: &[u8], expected: &[u8]| hash(HashAlgorithm::Sha256, &[encoded]).equals(expected);
    let mut encoded = [0; 256];

    rsapss::encode(HashAlgorithm::Sha256, &digest, &mut Count, &mut encoded)?;
    rsapss::verify(HashAlgorithm::Sha256, &digest, &encoded)?;
    let mut passed = is(&encoded, &PSS);

    oaep::pad(HashAlgorithm::Sha256, LABEL, b"abc", &mut Count, &mut encoded)?;
    passed &= is(&encoded, &OAEP);
    passed &= oaep::unpad(HashAlgorithm::Sha256, LABEL, &mut encoded)? == b"abc";

    rsaes::pad(b"abc", &mut Count, &mut encoded)?;
    passed &= is(&encoded, &RSAES);
    passed &= rsaes::unpad(&encoded)? == b"abc";
    Ok(passed)
}

/// "Random" numbers 1, 2, 3 …
struct Count;

impl Random for Count {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        for (byte, number) in out.iter_mut().zip(1..) {
            *byte = number;
        }
        Ok(())
    }
}

const LABEL: &[u8] = b"DUPLICATE\0";

/// The key of the seed "seed", label "RSA" and context "a" (see the tests of [`crate::prime`]).
const MODULUS: [u8; 256] = hex!(
    "d037a91e90fbd5aa253152c88d8e20ab084a4f195be19f844bba07bad2b665d3c511223cefeea61a15e01c7685105c61"
    "57181b3d848f660ec3a7767220ebeaaabb470a99586d89f10407d9354350627e7ff03f3e562195d0b966d858cd648d50"
    "6d6ca2345f4fbc7737700393aabd4ef1bc36d0fb3a576d12bba3817bf5b4be0d7ab1814a7674a88930868233cab3b0ee"
    "9f054efcd78ff5f09573071cc5e4cdc0b96d4372bc41939102b33969a51580e5c4849a472a7cc216a08edf45890c273b"
    "fb2d1a5e16560c04631451a610d26fea83003d5d7ba91d78ccc4ef0d8f144368e056ed1589b73dfd7c79f52ce195f746"
    "763434530adb1afc98ee24c17cd89855"
);

const PRIME: [u8; 128] = hex!(
    "d0522446ad67bfedabf72b423e103eb7eb49d59da30067f52cf78e8c4cdacb117d4a36a05fd63132f84e30dfe9331d97"
    "151410d2b75f0e6cf5382a3450dcb825cf78ac9f3eb04b30b1575c7fc69ec805a046ecbd9becd7ec8d14330400e7748f"
    "97b8a231d9d7a469a5aa60e2e11ebde04fed0afe1e632587fa419d4be4bd92ab"
);

/// RSASSA with SHA-256 over "abc", by OpenSSL.
const SIGNATURE: [u8; 256] = hex!(
    "95a57dfd45e7db3a882c008a5fb652a80592a9a44b759e23f8f7f816dd5055dc86b33a1ae53b0800ba6f325754ad74a1"
    "555c3911a60294f638ecf826c3deea7b89b11762dc0b87c2e8282b68078f50a633ff22a6f475233205ed8c5cde701890"
    "b273735954a4a4552f1162751a1fa047a4c278903e8a9f63daef69246ae6c75e873e9f24d4161ed2f98c7915c3486e50"
    "5487f7ca35f350de207862c5d41bd66e6e3bd0e0eccca4b4e2b5e0314df18ea6dfecfd608aa696b39c69ab1f9fc8f107"
    "749d538a7799329e7aed935355f0ac6d4e9525afa121dd2bebf927a34ee444d56b50ce8e22766d915ac5852839a3cb89"
    "909c60bb7244c5cd2d934aae7e831fb3"
);

/// SHA-256 of the paddings of "abc" for 2048 bits, by Python; OpenSSL verifies and decrypts what comes out of
/// them.
const PSS: [u8; 32] = hex!("6c7cfb7930b2a1ecb11c78e34c23710aa915b25fdf6b85b38bd10f4b446c95f0");
const OAEP: [u8; 32] = hex!("5315bc92df7ff7784adc32077613c51c50de6ac52240f0daafae12bc211413ff");
const RSAES: [u8; 32] = hex!("fb64bda1b82e1446823874ce59dd32f26b63b3b3b02964607f6e9de75e970eca");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::ENGINES;

    #[test]
    fn every_engine_gives_the_known_answers() {
        for engine in ENGINES {
            assert_eq!(test(*engine, &mut Steps::new(&mut ())), Ok(true));
        }
    }
}
