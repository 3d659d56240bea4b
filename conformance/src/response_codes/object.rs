//! Object commands and CreatePrimary (Part 3, 12 and 24.1).

use anyhow::Result;
use tpm2_client::template::{self, Template};
use tpm2_client::{Append, Bytes, Command, Entity, commands};
use tpm2_types::{TpmAlgId, TpmEccCurve, TpmRh, TpmaObject};

use super::session::rsa_sensitive;
use super::{Suite, case};
use crate::bed::Bed;
use crate::keys::{UNEVEN_MODULUS, UNEVEN_PRIME};

/// The cases that creation commands share: `$refuse` sends the command and asserts the row.
macro_rules! creations {
    ($refuse:ident) => {
        [
            case(
                "TPM_RC_ATTRIBUTES inPublic: sensitiveDataOrigin inconsistent with inSensitive.data being empty or not",
                |bed| {
                    $refuse(bed, &template::hmac_key(), &[1; 32])?;
                    $refuse(bed, &template::aes_key(), &[1; 16])?;
                    $refuse(bed, &template::hmac_key().clear(TpmaObject::SENSITIVE_DATA_ORIGIN), &[])?;
                    $refuse(bed, &template::signing_ecc().clear(TpmaObject::SENSITIVE_DATA_ORIGIN), &[])
                },
            ),
            case("TPM_RC_ATTRIBUTES inPublic: not keyedHash, and neither sign nor decrypt is SET", |bed| {
                $refuse(bed, &template::signing_ecc().clear(TpmaObject::SIGN_ENCRYPT), &[])?;
                let both = TpmaObject::SIGN_ENCRYPT | TpmaObject::DECRYPT;
                $refuse(bed, &template::aes_key().clear(both), &[])
            }),
            case("TPM_RC_SIZE inSensitive: symmetric key: supplied data larger than the template key size", |bed| {
                $refuse(bed, &template::aes_key().clear(TpmaObject::SENSITIVE_DATA_ORIGIN), &[1; 17])
            }),
            case("TPM_RC_VALUE inSensitive: asymmetric key: caller supplied sensitive data", |bed| {
                $refuse(bed, &template::signing_ecc().clear(TpmaObject::SENSITIVE_DATA_ORIGIN), &[1; 32])
            }),
            case("TPM_RC_KDF inPublic: ECC key: kdf not NULL (reference code behaviour)", |bed| {
                let kdf = template::scheme(TpmAlgId::KDF1_SP800_56A, TpmAlgId::SHA256);
                let parameters =
                    Bytes::new().u16(TpmAlgId::NULL.0).u16(TpmAlgId::NULL.0).u16(TpmEccCurve::NIST_P256.0).raw(kdf.as_ref());
                $refuse(bed, &template::signing_ecc().parameters(parameters), &[])
            }),
            case("TPM_RC_ATTRIBUTES inPublic: keyedHash with no data and both sign and decrypt CLEAR", |bed| {
                $refuse(bed, &template::sealed(), &[])?;
                $refuse(bed, &template::sealed().set(TpmaObject::SENSITIVE_DATA_ORIGIN), &[])
            }),
            case("TPM_RC_SCHEME inPublic: keyedHash: sign equals decrypt but scheme is not NULL", |bed| {
                let scheme = template::scheme(TpmAlgId::HMAC, TpmAlgId::SHA256);
                $refuse(bed, &template::sealed().parameters(scheme), &[1; 32])?;
                $refuse(bed, &template::hmac_key().set(TpmaObject::DECRYPT), &[])
            }),
        ]
    };
}

pub(super) const CASES: &[Suite] = &[
    Suite { command: "TPM2_Create", cases: &creations!(child) },
    Suite { command: "TPM2_CreatePrimary", cases: &creations!(primary) },
    Suite {
        command: "TPM2_Create",
        cases: &[
            case("TPM_RC_HASH inPublic: fixedParent storage key: nameAlg differs from parent", |bed| {
                child(bed, &template::srk_ecc().name_alg(TpmAlgId::SHA384), &[])
            }),
            case(
                "TPM_RC_SYMMETRIC inPublic: fixedParent storage key: symmetric scheme differs from parent",
                |bed| {
                    let aes_256 = Bytes::new().u16(TpmAlgId::AES.0).u16(256).u16(TpmAlgId::CFB.0);
                    child(bed, &template::ecc(template::srk_ecc().attributes, aes_256, template::null()), &[])
                },
            ),
        ],
    },
    Suite {
        command: "TPM2_LoadExternal",
        cases: &[
            case("TPM_RC_KEY_SIZE inPrivate: sensitive key size inconsistent with public area", |bed| {
                let public = external(template::rsa(
                    LOOSE | TpmaObject::SIGN_ENCRYPT,
                    template::null(),
                    template::null(),
                ))
                .unique(Bytes::new().sized(UNEVEN_MODULUS));
                for size in [127, 129, 64] {
                    let load = commands::load_external(
                        &rsa_sensitive(&vec![0xC1; size]),
                        &public.to_bytes(),
                        TpmRh::NULL,
                    );
                    bed.refuse(&load)?;
                }
                Ok(())
            }),
            case("TPM_RC_BINDING inPrivate: may be returned: RSA primes of different bit size", |bed| {
                let public = external(template::rsa(
                    LOOSE | TpmaObject::SIGN_ENCRYPT,
                    template::null(),
                    template::null(),
                ))
                .unique(Bytes::new().sized(UNEVEN_MODULUS));
                bed.refuse(&commands::load_external(
                    &rsa_sensitive(&UNEVEN_PRIME),
                    &public.to_bytes(),
                    TpmRh::NULL,
                ))
            }),
        ],
    },
    Suite {
        command: "TPM2_ActivateCredential",
        cases: &[
            case("TPM_RC_AUTH_UNAVAILABLE: public and private parts of both keys not all loaded", |bed| {
                let storage = bed.primary(&template::srk_ecc())?;
                let identity = bed.primary(&template::ak_ecc())?;
                let public = bed.public_only(&identity)?;
                bed.refuse(&commands::activate_credential(&public, &storage, &[1; 64], &[1; 68]))?;
                bed.flush(public.handle())?;
                let public = bed.public_only(&storage)?;
                bed.refuse(&commands::activate_credential(&identity, &public, &[1; 64], &[1; 68]))
            }),
            case("TPM_RC_TYPE @keyHandle: not a storage key", |bed| {
                let identity = bed.primary(&template::ak_ecc())?;
                bed.refuse(&commands::activate_credential(&identity, &identity, &[1; 64], &[1; 68]))?;
                let decrypts = bed.primary(
                    &template::signing_ecc().set(TpmaObject::DECRYPT).clear(TpmaObject::SIGN_ENCRYPT),
                )?;
                bed.refuse(&commands::activate_credential(&identity, &decrypts, &[1; 64], &[1; 68]))
            }),
        ],
    },
    Suite {
        command: "TPM2_Unseal",
        cases: &[
            case("TPM_RC_ATTRIBUTES @itemHandle: restricted, decrypt or sign is SET", |bed| {
                let key = bed.primary(&template::hmac_key())?;
                bed.refuse(&commands::unseal(&key))
            }),
            case("TPM_RC_TYPE @itemHandle: object type is not KEYEDHASH", |bed| {
                for template in [template::ak_ecc(), template::aes_key()] {
                    let key = bed.primary(&template)?;
                    bed.refuse(&commands::unseal(&key))?;
                }
                Ok(())
            }),
        ],
    },
];

const LOOSE: TpmaObject = TpmaObject::USER_WITH_AUTH.union(TpmaObject::NO_DA);

fn external(template: Template) -> Template {
    template.clear(TpmaObject::FIXED_TPM | TpmaObject::FIXED_PARENT | TpmaObject::SENSITIVE_DATA_ORIGIN)
}

fn primary(bed: &mut Bed, template: &Template, data: &[u8]) -> Result<()> {
    bed.refuse(&commands::create_primary(
        TpmRh::OWNER,
        commands::sensitive(&[], data),
        &template.to_bytes(),
        &[],
        commands::no_pcrs(),
    ))
}

fn child(bed: &mut Bed, template: &Template, data: &[u8]) -> Result<()> {
    let parent = bed.primary(&template::srk_ecc())?;
    bed.refuse(&create(&parent, template, data))?;
    bed.flush(parent.handle())
}

fn create(parent: &Entity, template: &Template, data: &[u8]) -> Command {
    commands::create(parent, commands::sensitive(&[], data), &template.to_bytes(), &[], commands::no_pcrs())
}
