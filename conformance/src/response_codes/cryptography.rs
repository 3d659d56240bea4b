//! Asymmetric primitives, HMAC, attestation and signing (Part 3, 14, 15, 18 and 20).

use tpm2_client::template;
use tpm2_client::{Append, Bytes, commands};
use tpm2_types::{Position, TpmAlgId, TpmRh, TpmaObject};

use super::session::external_rsa;
use super::{Suite, case};

pub(super) const CASES: &[Suite] = &[
    Suite {
        command: "TPM2_RSA_Encrypt",
        cases: &[
            case("TPM_RC_SCHEME inScheme: key scheme not NULL and inScheme neither NULL nor equal", |bed| {
                let key =
                    external_rsa(bed, &template::rsa(DECRYPTS, template::null(), oaep(TpmAlgId::SHA256)))?;
                for scheme in [rsaes(), oaep(TpmAlgId::SHA1)] {
                    bed.refuse(&commands::rsa_encrypt(&key, b"data", scheme, &[]))?;
                }
                Ok(())
            }),
            case("TPM_RC_KEY keyHandle: not an RSA key", |bed| {
                let key = bed.primary(&template::srk_ecc())?;
                bed.refuse(&commands::rsa_encrypt(&key, b"data", rsaes(), &[]))
            }),
            case("TPM_RC_VALUE label: label present and last octet not zero", |bed| {
                let key = external_rsa(bed, &template::rsa(DECRYPTS, template::null(), template::null()))?;
                bed.refuse(&commands::rsa_encrypt(&key, b"data", oaep(TpmAlgId::SHA256), b"label"))
            }),
        ],
    },
    Suite {
        command: "TPM2_RSA_Decrypt",
        cases: &[
            case("TPM_RC_SCHEME inScheme: key scheme not NULL and inScheme neither NULL nor equal", |bed| {
                let key =
                    external_rsa(bed, &template::rsa(DECRYPTS, template::null(), oaep(TpmAlgId::SHA256)))?;
                for scheme in [rsaes(), oaep(TpmAlgId::SHA1)] {
                    bed.refuse(&commands::rsa_decrypt(&key, &SMALL, scheme, &[]))?;
                }
                Ok(())
            }),
            case("TPM_RC_KEY @keyHandle: not an RSA key", |bed| {
                let key = bed.primary(&template::signing_ecc())?;
                bed.refuse(&commands::rsa_decrypt(&key, &SMALL, rsaes(), &[]))
            }),
            case("TPM_RC_ATTRIBUTES @keyHandle: restricted SET or decrypt CLEAR", |bed| {
                let signs = TpmaObject::USER_WITH_AUTH | TpmaObject::NO_DA | TpmaObject::SIGN_ENCRYPT;
                let key = external_rsa(bed, &template::rsa(signs, template::null(), template::null()))?;
                bed.refuse(&commands::rsa_decrypt(&key, &SMALL, rsaes(), &[]))?;
                let storage = bed.primary(&template::srk_rsa())?;
                bed.refuse(&commands::rsa_decrypt(&storage, &SMALL, template::null(), &[]))
            }),
            case("TPM_RC_VALUE cipherText: padding check fails", |bed| {
                let key = external_rsa(bed, &template::rsa(DECRYPTS, template::null(), template::null()))?;
                for scheme in [rsaes(), oaep(TpmAlgId::SHA256)] {
                    bed.refuse(&commands::rsa_decrypt(&key, &SMALL, scheme, &[]))?;
                }
                Ok(())
            }),
            // A wrong label shows as wrong padding and nothing may tell the two apart, so the position is that of the
            // cipher text.
            case("TPM_RC_VALUE label: label differs from that used at encryption", |bed| {
                let key = external_rsa(bed, &template::rsa(DECRYPTS, template::null(), template::null()))?;
                let encrypt = commands::rsa_encrypt(&key, b"data", oaep(TpmAlgId::SHA256), b"label\0");
                let cipher_text = bed.run(&encrypt)?.fields().sized()?.to_vec();
                for label in [&b"other\0"[..], b""] {
                    let decrypt = commands::rsa_decrypt(&key, &cipher_text, oaep(TpmAlgId::SHA256), label);
                    bed.at(Position::Parameter(1)).refuse(&decrypt)?;
                }
                Ok(())
            }),
            case("TPM_RC_VALUE label: label present and last octet not zero", |bed| {
                let key = external_rsa(bed, &template::rsa(DECRYPTS, template::null(), template::null()))?;
                bed.refuse(&commands::rsa_decrypt(&key, &SMALL, oaep(TpmAlgId::SHA256), b"label"))
            }),
        ],
    },
    Suite {
        command: "TPM2_HMAC",
        cases: &[
            case("TPM_RC_KEY @handle: sign attribute is CLEAR", |bed| {
                let item = bed.primary_in(TpmRh::OWNER, &template::sealed(), &[], b"data")?;
                bed.refuse(&commands::hmac(&item, b"data", TpmAlgId::SHA256))
            }),
            case("TPM_RC_TYPE @handle: key type is not KEYEDHASH", |bed| {
                for template in [template::signing_ecc(), template::srk_ecc()] {
                    let key = bed.primary(&template)?;
                    bed.refuse(&commands::hmac(&key, b"data", TpmAlgId::SHA256))?;
                }
                Ok(())
            }),
            case("TPM_RC_ATTRIBUTES @handle: restricted is SET", |bed| {
                let key = bed.primary(&template::hmac_key().set(TpmaObject::RESTRICTED))?;
                bed.refuse(&commands::hmac(&key, b"data", TpmAlgId::NULL))
            }),
            case("TPM_RC_VALUE hashAlg: key has a scheme and hashAlg is neither NULL nor equal", |bed| {
                let key = bed.primary(&template::hmac_key())?;
                bed.refuse(&commands::hmac(&key, b"data", TpmAlgId::SHA1))
            }),
            case("TPM_RC_VALUE hashAlg: key scheme NULL and hashAlg NULL or not a hash", |bed| {
                let both = template::hmac_key().set(TpmaObject::DECRYPT).parameters(template::null());
                let key = bed.primary(&both)?;
                bed.refuse(&commands::hmac(&key, b"data", TpmAlgId::NULL))
            }),
        ],
    },
    Suite {
        command: "TPM2_Certify",
        cases: &[
            case("TPM_RC_KEY @signHandle: sign attribute is CLEAR (clause 18.1)", |bed| {
                let key = bed.primary(&template::srk_ecc())?;
                bed.refuse(&commands::certify(&key, &key, &[], ecdsa(TpmAlgId::SHA256)))
            }),
            case("TPM_RC_SCHEME inScheme: key scheme set; inScheme neither NULL nor equal (18.1)", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                bed.refuse(&commands::certify(&key, &key, &[], ecdsa(TpmAlgId::SHA1)))
            }),
            case("TPM_RC_SCHEME inScheme: key scheme NULL or RH_NULL key, and inScheme NULL (18.1)", |bed| {
                let key = bed.primary(&template::signing_ecc())?;
                bed.refuse(&commands::certify(&key, &key, &[], template::null()))
            }),
        ],
    },
    Suite {
        command: "TPM2_Quote",
        cases: &[
            case("TPM_RC_KEY @signHandle: sign attribute is CLEAR (clause 18.1)", |bed| {
                let key = bed.primary(&template::srk_ecc())?;
                bed.refuse(&commands::quote(&key, &[], ecdsa(TpmAlgId::SHA256), pcrs()))
            }),
            case("TPM_RC_SCHEME inScheme: key scheme set; inScheme neither NULL nor equal (18.1)", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                bed.refuse(&commands::quote(&key, &[], ecdsa(TpmAlgId::SHA1), pcrs()))
            }),
            case("TPM_RC_SCHEME inScheme: key scheme NULL or RH_NULL key, and inScheme NULL (18.1)", |bed| {
                let key = bed.primary(&template::signing_ecc())?;
                bed.refuse(&commands::quote(&key, &[], template::null(), pcrs()))
            }),
            case("TPM_RC_SCHEME inScheme: selected scheme or its hash algorithm is NULL", |bed| {
                bed.refuse(&commands::quote(&TpmRh::NULL.into(), &[], template::null(), pcrs()))
            }),
        ],
    },
    Suite {
        command: "TPM2_VerifySignature",
        cases: &[case("TPM_RC_SIGNATURE signature: signature check fails", |bed| {
            let key = bed.primary(&template::signing_ecc())?;
            let sign = commands::sign(&key, &[1; 32], ecdsa(TpmAlgId::SHA256), commands::null_hash_check());
            let signature = bed.run(&sign)?.parameters().to_vec();
            bed.run(&commands::verify_signature(&key, &[1; 32], &signature))?;
            bed.refuse(&commands::verify_signature(&key, &[2; 32], &signature))?;
            for octet in [8, signature.len() - 1] {
                let mut changed = signature.clone();
                changed[octet] ^= 1;
                bed.refuse(&commands::verify_signature(&key, &[1; 32], &changed))?;
            }
            Ok(())
        })],
    },
    Suite {
        command: "TPM2_Sign",
        cases: &[
            case("TPM_RC_ATTRIBUTES @keyHandle: x509sign is SET", |bed| {
                let key = bed.primary(&template::signing_ecc().set(TpmaObject::X509_SIGN))?;
                bed.refuse(&commands::sign(
                    &key,
                    &[1; 32],
                    ecdsa(TpmAlgId::SHA256),
                    commands::null_hash_check(),
                ))
            }),
            case("TPM_RC_KEY @keyHandle: sign attribute is CLEAR", |bed| {
                let key = bed.primary(&template::srk_ecc())?;
                bed.refuse(&commands::sign(
                    &key,
                    &[1; 32],
                    ecdsa(TpmAlgId::SHA256),
                    commands::null_hash_check(),
                ))
            }),
            case("TPM_RC_SCHEME inScheme: not valid for the key type, nor NULL", |bed| {
                let key = bed.primary(&template::signing_ecc())?;
                for scheme in [
                    template::scheme(TpmAlgId::RSASSA, TpmAlgId::SHA256),
                    template::scheme(TpmAlgId::HMAC, TpmAlgId::SHA256),
                    template::null(),
                ] {
                    bed.refuse(&commands::sign(&key, &[1; 32], scheme, commands::null_hash_check()))?;
                }
                let key = bed.primary(&template::hmac_key())?;
                bed.refuse(&commands::sign(
                    &key,
                    &[1; 32],
                    ecdsa(TpmAlgId::SHA256),
                    commands::null_hash_check(),
                ))
            }),
            case("TPM_RC_TICKET validation: ticket hash algorithm is not that of the key scheme", |bed| {
                let key = bed.primary(&template::ak_ecc())?;
                let hashed = bed.run(&commands::hash(b"data", TpmAlgId::SHA1, TpmRh::OWNER))?;
                let mut fields = hashed.fields();
                fields.sized()?;
                bed.refuse(&commands::sign(&key, &[1; 32], template::null(), fields.rest()))?;
                // Neither does a ticket of another digest do, nor none at all for a restricted key.
                let hashed = bed.run(&commands::hash(b"data", TpmAlgId::SHA256, TpmRh::OWNER))?;
                let mut fields = hashed.fields();
                fields.sized()?;
                bed.refuse(&commands::sign(&key, &[1; 32], template::null(), fields.rest()))?;
                bed.refuse(&commands::sign(&key, &[1; 32], template::null(), commands::null_hash_check()))
            }),
        ],
    },
];

const DECRYPTS: TpmaObject = TpmaObject::USER_WITH_AUTH.union(TpmaObject::NO_DA).union(TpmaObject::DECRYPT);

/// A cipher text that no padding fits.
const SMALL: [u8; 256] = {
    let mut small = [0x5A; 256];
    small[0] = 0;
    small
};

fn rsaes() -> Bytes {
    Bytes::new().u16(TpmAlgId::RSAES.0)
}

fn oaep(hash: TpmAlgId) -> Bytes {
    template::scheme(TpmAlgId::OAEP, hash)
}

fn ecdsa(hash: TpmAlgId) -> Bytes {
    template::scheme(TpmAlgId::ECDSA, hash)
}

fn pcrs() -> Bytes {
    commands::pcr_selection(TpmAlgId::SHA256, &[0, 7])
}
