//! Secrets for a key of the TPM, as session salts (Part 1, 17.6.13; annexes on RSA and ECC).

use tpm2_crypto::ecc::{self, Curve, Point};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_crypto::rsa::{self, PublicKey, oaep};
use tpm2_crypto::{CryptoError, HashAlgorithm, Random, Steps, kdfe};
use tpm2_types::{TpmAlgId, TpmEccCurve};
use zeroize::Zeroizing;

use crate::session::{hash_algorithm, random};
use crate::{Append, Bytes, Error, Fields, Result};

/// A fresh salt and the content of the TPM2B_ENCRYPTED_SECRET that carries it to the key with this TPMT_PUBLIC.
pub(crate) fn encrypt(public: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let mut fields = Fields::new(public);
    let object_type: TpmAlgId = fields.value()?;
    let hash = hash_algorithm(fields.value()?).ok_or(Error::Request("the key has no usable nameAlg"))?;
    fields.u32()?;
    fields.sized()?;
    // Storage keys name a symmetric algorithm with its size and mode; other keys have none.
    if fields.u16()? != TpmAlgId::NULL.0 {
        fields.u32()?;
    }
    let scheme: TpmAlgId = fields.value()?;
    if scheme != TpmAlgId::NULL && scheme != TpmAlgId::RSAES {
        fields.u16()?;
    }
    match object_type {
        TpmAlgId::RSA => {
            fields.u16()?;
            let exponent = match fields.u32()? {
                0 => 65537,
                exponent => exponent,
            };
            rsa(hash, PublicKey { modulus: fields.sized()?, exponent })
        }
        TpmAlgId::ECC => {
            let curve = curve(fields.value()?)?;
            if fields.u16()? != TpmAlgId::NULL.0 {
                fields.u16()?;
            }
            ecc(hash, curve, &Point::new(curve, fields.sized()?, fields.sized()?)?)
        }
        _ => Err(Error::Request("the key is not asymmetric")),
    }
}

fn rsa(hash: HashAlgorithm, key: PublicKey<'_>) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let mut salt = Zeroizing::new(vec![0; hash.digest_size()]);
    random(&mut salt)?;
    let mut padded = Zeroizing::new(vec![0; key.modulus.len()]);
    oaep::pad(hash, b"SECRET\0", &salt, &mut OperatingSystem, &mut padded)?;
    let mut encrypted = vec![0; key.modulus.len()];
    rsa::public_operation(&SOFTWARE, key, &padded, &mut encrypted, &mut Steps::new(&mut ()))?;
    Ok((salt, encrypted))
}

fn ecc(hash: HashAlgorithm, curve: Curve, key: &Point) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let mut private = Zeroizing::new(vec![0; key.x().len()]);
    let ephemeral =
        ecc::generate(&SOFTWARE, curve, &mut OperatingSystem, &mut private, &mut Steps::new(&mut ()))?;
    let shared = ecc::multiply(&SOFTWARE, curve, &private, key, &mut Steps::new(&mut ()))?;
    let mut salt = Zeroizing::new(vec![0; hash.digest_size()]);
    kdfe(hash, shared.x(), b"SECRET", ephemeral.x(), key.x(), hash.digest_size() as u32 * 8, &mut salt);
    Ok((salt, Bytes::new().sized(ephemeral.x()).sized(ephemeral.y()).into_vec()))
}

fn curve(curve: TpmEccCurve) -> Result<Curve> {
    match curve {
        TpmEccCurve::NIST_P256 => Ok(Curve::P256),
        TpmEccCurve::NIST_P384 => Ok(Curve::P384),
        TpmEccCurve::NIST_P521 => Ok(Curve::P521),
        _ => Err(Error::Request("a curve that the client does not have")),
    }
}

/// Random numbers of the operating system.
struct OperatingSystem;

impl Random for OperatingSystem {
    fn fill(&mut self, out: &mut [u8]) -> tpm2_crypto::Result<()> {
        random(out).map_err(|_| CryptoError::Random)
    }
}
