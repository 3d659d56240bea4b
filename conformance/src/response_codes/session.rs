//! Session commands (Part 3, 11).

use anyhow::Result;
use tpm2_client::template::{self, Template};
use tpm2_client::{Append, Bytes, Command, Entity, commands};
use tpm2_types::{TpmAlgId, TpmCc, TpmRh, TpmaObject};

use super::any::occupy_session_handles;
use super::{Suite, case};
use crate::bed::Bed;

pub(super) const CASES: &[Suite] = &[Suite {
    command: "TPM2_StartAuthSession",
    cases: &[
        case("TPM_RC_MODE symmetric: block cipher chosen with a mode other than CFB", |bed| {
            for mode in [TpmAlgId::CTR, TpmAlgId::OFB, TpmAlgId::CBC, TpmAlgId::ECB] {
                let symmetric = Bytes::new().u16(TpmAlgId::AES.0).u16(128).u16(mode.0);
                bed.refuse(&Start { symmetric, ..Start::plain() }.command())?;
            }
            Ok(())
        }),
        case("TPM_RC_SESSION_HANDLES: no free session slot", |bed| {
            occupy_session_handles(bed)?;
            bed.refuse(&Start::plain().command())
        }),
        case("TPM_RC_HANDLE tpmKey: sensitive part of the key is not loaded", |bed| {
            let key = bed.primary(&template::srk_ecc())?;
            let public = bed.public_only(&key)?;
            bed.refuse(&Start { key: public, salt: vec![1; 68], ..Start::plain() }.command())
        }),
        case("TPM_RC_VALUE encryptedSalt: RSA: size differs from the modulus size of tpmKey", |bed| {
            for size in [1, 255, 257] {
                refuse_rsa_salt(bed, vec![1; size])?;
            }
            Ok(())
        }),
        case("TPM_RC_VALUE encryptedSalt: RSA: value greater than the modulus of tpmKey", |bed| {
            refuse_rsa_salt(bed, vec![0xFF; 256])
        }),
        case("TPM_RC_VALUE encryptedSalt: RSA: OAEP encoding invalid", |bed| {
            refuse_rsa_salt(bed, [vec![0], vec![0x5A; 255]].concat())?;
            // Another label than a salt's.
            let key = rsa_key(bed)?;
            let oaep = template::scheme(TpmAlgId::OAEP, TpmAlgId::SHA256);
            let other = bed.run(&commands::rsa_encrypt(&key, &[1; 32], oaep, b"IDENTITY\0"))?;
            let salt = other.fields().sized()?.to_vec();
            bed.refuse(&Start { key, salt, ..Start::plain() }.command())
        }),
        case("TPM_RC_VALUE encryptedSalt: RSA: recovered salt longer than tpmKey's nameAlg digest", |bed| {
            let key = rsa_key(bed)?;
            let oaep = template::scheme(TpmAlgId::OAEP, TpmAlgId::SHA256);
            let long = bed.run(&commands::rsa_encrypt(&key, &[1; 33], oaep, b"SECRET\0"))?;
            let salt = long.fields().sized()?.to_vec();
            bed.refuse(&Start { key, salt, ..Start::plain() }.command())
        }),
        case("TPM_RC_VALUE encryptedSalt: ECC: not a TPMS_ECC_POINT", |bed| {
            let key = bed.primary(&template::srk_ecc())?;
            for salt in [vec![0xFF; 68], vec![0; 1], [vec![0, 32], vec![1; 32]].concat()] {
                bed.refuse(&Start { key: key.clone(), salt, ..Start::plain() }.command())?;
            }
            Ok(())
        }),
        case("TPM_RC_VALUE encryptedSalt: ECC: point not on the curve of tpmKey", |bed| {
            let key = bed.primary(&template::srk_ecc())?;
            let salt = Bytes::new().sized([1; 32]).sized([1; 32]).into_vec();
            bed.refuse(&Start { key, salt, ..Start::plain() }.command())
        }),
        case("TPM_RC_KEY tpmKey: key is not asymmetric", |bed| {
            let key = bed.primary(&template::aes_key())?;
            bed.refuse(&Start { key, salt: vec![1; 68], ..Start::plain() }.command())
        }),
        case("TPM_RC_VALUE tpmKey: key scheme is neither OAEP nor NULL", |bed| {
            let rsaes = Bytes::new().u16(TpmAlgId::RSAES.0);
            let key = external_rsa(bed, &decryption(rsaes))?;
            bed.refuse(&Start { key, salt: [vec![0], vec![1; 255]].concat(), ..Start::plain() }.command())
        }),
        case("TPM_RC_ATTRIBUTES tpmKey: decrypt attribute is CLEAR", |bed| {
            let key = bed.primary(&template::signing_ecc())?;
            let salt = Bytes::new().sized([1; 32]).sized([1; 32]).into_vec();
            bed.refuse(&Start { key, salt, ..Start::plain() }.command())
        }),
        case("TPM_RC_HANDLE bind: transient object whose sensitive part is not loaded", |bed| {
            let key = bed.primary(&template::ak_ecc())?;
            let bind = bed.public_only(&key)?;
            bed.refuse(&Start { bind, ..Start::plain() }.command())
        }),
        case("TPM_RC_SIZE nonceCaller: shorter than 16 octets or longer than authHash digest", |bed| {
            for size in [0, 15, 33] {
                bed.refuse(&Start { nonce: vec![1; size], ..Start::plain() }.command())?;
            }
            Ok(())
        }),
    ],
}];

struct Start {
    key: Entity,
    bind: Entity,
    nonce: Vec<u8>,
    salt: Vec<u8>,
    symmetric: Bytes,
}

impl Start {
    fn plain() -> Self {
        Self {
            key: TpmRh::NULL.into(),
            bind: TpmRh::NULL.into(),
            nonce: vec![1; 32],
            salt: Vec::new(),
            symmetric: template::null(),
        }
    }

    fn command(&self) -> Command {
        Command::new(TpmCc::START_AUTH_SESSION)
            .handle(&self.key)
            .handle(&self.bind)
            .sized(&self.nonce)
            .sized(&self.salt)
            .u8(0)
            .raw(self.symmetric.as_ref())
            .u16(TpmAlgId::SHA256.0)
    }
}

fn refuse_rsa_salt(bed: &mut Bed, salt: Vec<u8>) -> Result<()> {
    let key = rsa_key(bed)?;
    let handle = key.handle();
    bed.refuse(&Start { key, salt, ..Start::plain() }.command())?;
    bed.flush(handle)
}

fn rsa_key(bed: &mut Bed) -> Result<Entity> {
    external_rsa(bed, &decryption(template::null()))
}

fn decryption(scheme: Bytes) -> Template {
    let attributes = TpmaObject::USER_WITH_AUTH | TpmaObject::NO_DA | TpmaObject::DECRYPT;
    template::rsa(attributes, template::null(), scheme)
}

/// The RSA key of the tests with this template, loaded with its prime.
pub(super) fn external_rsa(bed: &mut Bed, template: &Template) -> Result<Entity> {
    bed.external_rsa(template)
}

/// The TPMT_SENSITIVE of an RSA key with this prime and an empty authValue.
pub(super) fn rsa_sensitive(prime: &[u8]) -> Vec<u8> {
    Bytes::new().u16(TpmAlgId::RSA.0).sized([]).sized([]).sized(prime).into_vec()
}
