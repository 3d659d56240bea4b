//! Every kind of key with every scheme in every command that takes one (CVE-2025-2884, CVE-2025-49133: an HMAC key
//! that signed with the scheme of another type of key). A command succeeds only where the scheme is one for the key's
//! type, and nothing is ever TPM_RC_FAILURE: that is for the TPM's own defects.
#![allow(clippy::unwrap_used, clippy::panic)]

use conformance::machine::{self, Machine};
use tpm2_client::template::{self, Template};
use tpm2_client::{Append, Bytes, Client, Command, Entity, Response, Result, commands, name_of_public};
use tpm2_types::{ResponseCode, TpmAlgId, TpmCc, TpmHandle, TpmRh, TpmaNv, TpmaObject};

#[test]
fn cve_2025_2884_a_scheme_works_only_with_its_type_of_key() {
    let mut client = Client::new(machine::in_process()().unwrap());
    let index = written_index(&mut client);
    let (mut created, mut signed) = (0, 0);
    for key in keys() {
        let Some(entity) = create(&mut client, &key) else { continue };
        created += 1;
        for scheme in schemes() {
            for command in commands_with_scheme(&entity, &index, &scheme) {
                if outcome(&command, client.run(&command)) {
                    signed += 1;
                    let algorithm = effective(&key, &scheme);
                    assert!(
                        fits(&key, algorithm),
                        "{:?} with {algorithm:?}: {:?}",
                        key.object_type,
                        command.code()
                    );
                }
            }
        }
        for command in commands_with_key(&entity) {
            outcome(&command, client.run(&command));
        }
        client.run(&commands::flush_context(entity.handle())).unwrap();
    }
    // Otherwise the matrix would have become smaller without anybody noticing.
    assert_eq!((created, signed), (24, 156), "keys and operations");
}

/// Whether the command succeeded.
fn outcome(command: &Command, answer: Result<Response>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => {
            let code = error.response_code().unwrap_or_else(|| panic!("{:?}: {error}", command.code()));
            assert_ne!(code, ResponseCode::FAILURE, "{:?}", command.code());
            false
        }
    }
}

/// The scheme that counts: the key's own, or else the command's.
fn effective(key: &Template, scheme: &Bytes) -> TpmAlgId {
    let at = match key.object_type {
        // Behind the symmetric algorithm, which these keys do not have.
        TpmAlgId::RSA | TpmAlgId::ECC => 2,
        _ => 0,
    };
    match algorithm(&key.parameters.as_ref()[at..]) {
        TpmAlgId::NULL => algorithm(scheme.as_ref()),
        own => own,
    }
}

fn fits(key: &Template, scheme: TpmAlgId) -> bool {
    match key.object_type {
        TpmAlgId::RSA => {
            let decrypts = [TpmAlgId::RSAES, TpmAlgId::OAEP, TpmAlgId::NULL];
            [TpmAlgId::RSASSA, TpmAlgId::RSAPSS].contains(&scheme) || decrypts.contains(&scheme)
        }
        TpmAlgId::ECC => scheme == TpmAlgId::ECDSA,
        TpmAlgId::KEYEDHASH => scheme == TpmAlgId::HMAC,
        _ => false,
    }
}

fn algorithm(bytes: &[u8]) -> TpmAlgId {
    TpmAlgId(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn create(client: &mut Client<Box<dyn Machine>>, key: &Template) -> Option<Entity> {
    let sensitive = commands::sensitive(&[], &[]);
    let create = commands::create_primary(TpmRh::NULL, sensitive, &key.to_bytes(), &[], commands::no_pcrs());
    let answer = client.run(&create);
    if let Err(error) = &answer {
        assert_ne!(error.response_code(), Some(ResponseCode::FAILURE));
    }
    let response = answer.ok()?;
    let name = name_of_public(response.fields().sized().unwrap(), 2);
    Some(Entity::named(response.handle().unwrap(), name))
}

/// An NV index whose data keys sign.
fn written_index(client: &mut Client<Box<dyn Machine>>) -> Entity {
    let handle = TpmHandle::nv_index(1);
    let attributes = TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE;
    let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes, &[], 4);
    client.run(&commands::nv_define_space(TpmRh::OWNER, &[], public)).unwrap();
    let index = handle.into();
    client.run(&commands::nv_write(TpmRh::OWNER, &index, b"data", 0)).unwrap();
    index
}

/// Each type of key, for signing, decryption, both, and restricted, with each scheme.
fn keys() -> Vec<Template> {
    let base = TpmaObject::USER_WITH_AUTH | TpmaObject::NO_DA | TpmaObject::SENSITIVE_DATA_ORIGIN;
    let (sign, decrypt) = (TpmaObject::SIGN_ENCRYPT, TpmaObject::DECRYPT);
    let uses =
        [sign, decrypt, sign | decrypt, sign | TpmaObject::RESTRICTED, decrypt | TpmaObject::RESTRICTED];
    let mut keys = Vec::new();
    for attributes in uses.map(|usage| base | usage) {
        for scheme in schemes() {
            keys.push(template::ecc(attributes, template::null(), scheme.clone()));
            keys.push(template::keyed_hash(attributes, scheme.clone()));
            // RSA keys take long to make: those that sign or decrypt with a scheme of the command's.
            if algorithm(scheme.as_ref()) == TpmAlgId::NULL && !attributes.contains(TpmaObject::RESTRICTED) {
                keys.push(template::rsa(attributes, template::null(), scheme));
            }
        }
        keys.push(template::aes_key().attributes(attributes));
    }
    keys
}

fn schemes() -> Vec<Bytes> {
    let hashed =
        [TpmAlgId::RSASSA, TpmAlgId::RSAPSS, TpmAlgId::OAEP, TpmAlgId::ECDSA, TpmAlgId::ECDH, TpmAlgId::HMAC];
    let mut schemes: Vec<_> = hashed
        .into_iter()
        .flat_map(|algorithm| {
            [TpmAlgId::SHA1, TpmAlgId::SHA256].map(|hash| template::scheme(algorithm, hash))
        })
        .collect();
    let xor = Bytes::new().u16(TpmAlgId::XOR.0).u16(TpmAlgId::SHA256.0).u16(TpmAlgId::KDF1_SP800_108.0);
    schemes.extend([template::null(), Bytes::new().u16(TpmAlgId::RSAES.0), xor]);
    schemes
}

fn commands_with_scheme(key: &Entity, index: &Entity, scheme: &Bytes) -> Vec<Command> {
    vec![
        commands::sign(key, &[1; 32], scheme, commands::null_hash_check()),
        commands::sign(key, &[1; 20], scheme, commands::null_hash_check()),
        commands::certify(key, key, b"data", scheme),
        commands::quote(key, b"data", scheme, commands::pcr_selection(TpmAlgId::SHA256, &[0])),
        commands::nv_certify(key, TpmRh::OWNER, index, b"data", scheme, 4, 0),
        commands::nv_certify(key, TpmRh::OWNER, index, b"data", scheme, 0, 0),
        commands::rsa_encrypt(key, b"data", scheme, &[]),
        commands::rsa_decrypt(key, &[1; 256], scheme, &[]),
    ]
}

fn commands_with_key(key: &Entity) -> Vec<Command> {
    let sealed = template::sealed().to_bytes();
    let data = commands::sensitive(&[], b"data");
    let start = |salt: &[u8]| {
        let start = Command::new(TpmCc::START_AUTH_SESSION).handle(key).handle(TpmRh::NULL);
        start.sized([1; 32]).sized(salt).u8(0).u16(TpmAlgId::NULL.0).u16(TpmAlgId::SHA256.0)
    };
    let signature = |algorithm: TpmAlgId, body: &[u8]| {
        Bytes::new().u16(algorithm.0).u16(TpmAlgId::SHA256.0).raw(body).into_vec()
    };
    let ecdsa = signature(TpmAlgId::ECDSA, Bytes::new().sized([1; 32]).sized([1; 32]).as_ref());
    let rsassa = signature(TpmAlgId::RSASSA, Bytes::new().sized([1; 256]).as_ref());
    let hmac = signature(TpmAlgId::HMAC, &[1; 32]);
    vec![
        commands::hmac(key, b"data", TpmAlgId::SHA256),
        commands::hmac(key, b"data", TpmAlgId::SHA1),
        commands::hmac(key, b"data", TpmAlgId::NULL),
        commands::unseal(key),
        commands::make_credential(key, &[1; 16], key.name()),
        commands::activate_credential(key, key, &[1; 60], &[1; 68]),
        commands::create(key, data, &sealed, &[], commands::no_pcrs()),
        commands::load(key, &[1; 80], &sealed),
        commands::object_change_auth(key, key, b"new"),
        start(&[]),
        start(&[1; 68]),
        start(&[1; 256]),
        commands::verify_signature(key, &[1; 32], &ecdsa),
        commands::verify_signature(key, &[1; 32], &rsassa),
        commands::verify_signature(key, &[1; 32], &hmac),
        commands::context_save(key.handle()),
        commands::evict_control(TpmRh::OWNER, key, TpmHandle::persistent(1)),
    ]
}
