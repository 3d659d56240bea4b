//! Every kind of session against this project's TPM, and against a peer: swtpm, where it is installed. The TPM checks
//! the client's HMACs and encryption, and the client the TPM's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use platform_memory::MemoryPlatform;
use tpm2_client::transport::SwtpmProcess;
use tpm2_client::{
    Append, Authorization, Client, Entity, Error, ParameterEncryption, Result, Session, StartSession,
    Transport, commands, name_of_public, template,
};
use tpm2_core::{Memory, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_types::{Position, ResponseCode, TpmAlgId, TpmCc, TpmNt, TpmRh, TpmSu, TpmaNv, TpmaSession};

/// Makes a test of each function, against each TPM.
macro_rules! against_every_tpm {
    ($($test:ident)*) => {
        mod this_tpm {
            $(#[test]
            fn $test() -> tpm2_client::Result<()> {
                super::$test(&mut super::this_tpm())
            })*
        }

        mod swtpm {
            $(#[test]
            fn $test() -> tpm2_client::Result<()> {
                super::swtpm().map_or(Ok(()), |mut client| super::$test(&mut client))
            })*
        }
    };
}

against_every_tpm! {
    every_hmac_session_is_understood
    a_bound_session_needs_no_auth_value_for_its_entity
    policy_sessions_carry_auth_values_and_passwords
    separate_sessions_authorize_decrypt_and_encrypt
    a_changed_response_is_noticed
    names_of_nv_indices_enter_the_hmac
    raw_commands_are_possible
}

/// This project's TPM, in memory.
fn this_tpm() -> Client<impl Transport> {
    // Never given back: the process ends after a few tests.
    let memory = Box::leak(Box::<Memory>::default());
    let mut tpm = Tpm::new(memory.slices(), MemoryPlatform::new(1), &SOFTWARE);
    tpm.manufacture().unwrap();
    let mut client = Client::new(move |locality: u8, command: &[u8]| tpm.execute(locality, command).to_vec());
    client.run(&commands::startup(TpmSu::CLEAR)).unwrap();
    client
}

/// The peer, or nothing where it is not installed.
fn swtpm() -> Option<Client<SwtpmProcess>> {
    match SwtpmProcess::start("swtpm") {
        Ok(process) => Some(Client::new(process)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("swtpm is not installed: nothing to compare with");
            None
        }
        Err(error) => panic!("swtpm does not start: {error}"),
    }
}

fn primary(client: &mut Client<impl Transport>, template: &template::Template) -> Result<(Entity, Vec<u8>)> {
    let create = commands::create_primary(
        TpmRh::OWNER,
        commands::sensitive(&[], &[]),
        &template.to_bytes(),
        &[],
        commands::no_pcrs(),
    );
    let response = client.run(&create)?;
    let public = response.fields().sized()?.to_vec();
    Ok((Entity::named(response.handle()?, name_of_public(&public, 2)), public))
}

/// Seals `data` with `auth` under `parent`, sending both encrypted where the session does that.
fn seal_and_unseal(
    client: &mut Client<impl Transport>,
    parent: &Entity,
    session: &mut Session,
    [auth, data]: [&[u8]; 2],
) -> Result<Vec<u8>> {
    let encrypted = session.encryption() != ParameterEncryption::None;
    let both = if encrypted { TpmaSession::DECRYPT | TpmaSession::ENCRYPT } else { TpmaSession::empty() };
    session.attributes = TpmaSession::CONTINUE_SESSION | both;
    let sealed = template::sealed().to_bytes();
    let create =
        commands::create(parent, commands::sensitive(auth, data), &sealed, b"outside", commands::no_pcrs());
    let created = client.execute(&create, &mut [Authorization::Session(session)])?;
    let mut fields = created.fields();
    let (private, public) = (fields.sized()?.to_vec(), fields.sized()?.to_vec());

    session.attributes = TpmaSession::CONTINUE_SESSION | both & TpmaSession::DECRYPT;
    let loaded =
        client.execute(&commands::load(parent, &private, &public), &mut [Authorization::Session(session)])?;
    let item = Entity::named(loaded.handle()?, name_of_public(&public, 2)).with_auth(auth);

    session.attributes = TpmaSession::CONTINUE_SESSION | both & TpmaSession::ENCRYPT;
    let unsealed = client.execute(&commands::unseal(&item), &mut [Authorization::Session(session)])?;
    client.run(&commands::flush_context(item.handle()))?;
    Ok(unsealed.fields().sized()?.to_vec())
}

fn every_hmac_session_is_understood(client: &mut Client<impl Transport>) -> Result<()> {
    client.run(&commands::hierarchy_change_auth(TpmRh::ENDORSEMENT, b"bound to this\0\0"))?;
    let bound = Entity::from(TpmRh::ENDORSEMENT).with_auth(b"bound to this\0\0");
    let (rsa, rsa_public) = primary(client, &template::srk_rsa())?;
    let (ecc, ecc_public) = primary(client, &template::srk_ecc())?;
    for encryption in [
        ParameterEncryption::None,
        ParameterEncryption::AesCfb(128),
        ParameterEncryption::Xor(TpmAlgId::SHA256),
    ] {
        for hash in [TpmAlgId::SHA1, TpmAlgId::SHA256, TpmAlgId::SHA384, TpmAlgId::SHA512] {
            let plain = StartSession::hmac().hash(hash).encryption(encryption);
            let salted = plain.clone().salted(&ecc, &ecc_public);
            for start in [
                plain.clone(),
                plain.clone().bound(&bound),
                salted.clone(),
                salted.bound(&bound),
                plain.salted(&rsa, &rsa_public),
            ] {
                let mut session = client.start_session(&start)?;
                let data = seal_and_unseal(client, &ecc, &mut session, [b"auth", b"a disk key"])?;
                assert_eq!(data, b"a disk key");
                client.run(&commands::flush_context(session.handle()))?;
            }
        }
    }
    Ok(())
}

fn a_bound_session_needs_no_auth_value_for_its_entity(client: &mut Client<impl Transport>) -> Result<()> {
    client.run(&commands::hierarchy_change_auth(TpmRh::OWNER, b"owner"))?;
    let owner = Entity::from(TpmRh::OWNER).with_auth(b"owner");
    let mut session = client.start_session(&StartSession::hmac().bound(&owner))?;
    // The authValue changes twice: the response's HMAC is made with the new one, and the binding ends with the first.
    for (old, new) in [(b"owner", b"first"), (b"first", b"owner")] {
        let change = commands::hierarchy_change_auth(owner.clone().with_auth(old), new);
        client.execute(&change, &mut [Authorization::Session(&mut session)])?;
    }
    let change = commands::hierarchy_change_auth(owner.with_auth(b"wrong"), b"");
    let refused = client.execute(&change, &mut [Authorization::Session(&mut session)]).unwrap_err();
    assert_eq!(refused.response_code(), Some(ResponseCode::BAD_AUTH.at(Position::Session(1))));
    Ok(())
}

fn policy_sessions_carry_auth_values_and_passwords(client: &mut Client<impl Transport>) -> Result<()> {
    let (parent, public) = primary(client, &template::srk_ecc())?;
    let trial = client.start_session(&StartSession::trial())?;
    client.run(&commands::policy_auth_value(trial.handle()))?;
    let policy = client.run(&commands::policy_get_digest(trial.handle()))?.fields().sized()?.to_vec();
    client.run(&commands::flush_context(trial.handle()))?;

    let sealed = template::sealed().policy(&policy).to_bytes();
    let create =
        commands::create(&parent, commands::sensitive(b"auth", b"data"), &sealed, &[], commands::no_pcrs());
    let created = client.run(&create)?;
    let mut fields = created.fields();
    let (private, sealed) = (fields.sized()?, fields.sized()?);
    let handle = client.run(&commands::load(&parent, private, sealed))?.handle()?;
    let item = Entity::named(handle, name_of_public(sealed, 2)).with_auth(b"auth");

    for start in [
        StartSession::policy(),
        StartSession::policy().encryption(ParameterEncryption::AesCfb(256)).salted(&parent, &public),
    ] {
        let mut session = client.start_session(&start)?;
        for in_the_clear in [false, true] {
            if in_the_clear {
                client.run(&commands::policy_password(session.handle()))?;
                session.policy_password();
            } else {
                client.run(&commands::policy_auth_value(session.handle()))?;
                session.policy_auth_value();
                if session.encryption() != ParameterEncryption::None {
                    session.attributes |= TpmaSession::ENCRYPT;
                }
            }
            let unsealed =
                client.execute(&commands::unseal(&item), &mut [Authorization::Session(&mut session)])?;
            assert_eq!(unsealed.fields().sized()?, b"data");
            session.attributes = TpmaSession::CONTINUE_SESSION;
        }
        client.run(&commands::flush_context(session.handle()))?;
    }
    Ok(())
}

fn separate_sessions_authorize_decrypt_and_encrypt(client: &mut Client<impl Transport>) -> Result<()> {
    let (parent, public) = primary(client, &template::srk_ecc())?;
    let salted = StartSession::hmac().salted(&parent, &public);
    let mut authorizes = client.start_session(&StartSession::hmac())?;
    let mut decrypts = client.start_session(&salted.clone().encryption(ParameterEncryption::AesCfb(128)))?;
    let mut encrypts =
        client.start_session(&salted.encryption(ParameterEncryption::Xor(TpmAlgId::SHA256)))?;
    decrypts.attributes |= TpmaSession::DECRYPT;
    encrypts.attributes |= TpmaSession::ENCRYPT;
    let sealed = template::sealed().to_bytes();
    let create =
        commands::create(&parent, commands::sensitive(b"", b"data"), &sealed, &[], commands::no_pcrs());
    let created = client
        .execute(&create, &mut [(&mut authorizes).into(), (&mut decrypts).into(), (&mut encrypts).into()])?;
    let mut fields = created.fields();
    let (private, public) = (fields.sized()?, fields.sized()?);
    client.run(&commands::load(&parent, private, public))?;
    Ok(())
}

fn a_changed_response_is_noticed(client: &mut Client<impl Transport>) -> Result<()> {
    let mut session = client.start_session(&StartSession::hmac())?;
    let read = commands::pcr_event(tpm2_types::TpmHandle::pcr(16), b"event");
    let mut liar = Client::new(|locality: u8, command: &[u8]| {
        let mut response = client.transport().transceive(locality, command).unwrap();
        response[20] ^= 1;
        response
    });
    let lie = liar.execute(&read, &mut [(&mut session).into()]);
    assert!(matches!(lie, Err(Error::ResponseHmac(1))));
    Ok(())
}

fn names_of_nv_indices_enter_the_hmac(client: &mut Client<impl Transport>) -> Result<()> {
    let index = tpm2_types::TpmHandle::nv_index(1);
    let attributes = (TpmaNv::AUTHREAD | TpmaNv::AUTHWRITE | TpmaNv::NO_DA).with_nt(TpmNt::COUNTER);
    let public = commands::nv_public(index, TpmAlgId::SHA256, attributes, &[], 8);
    client.run(&commands::nv_define_space(TpmRh::OWNER, b"nv", &public))?;
    let mut session = client.start_session(&StartSession::hmac())?;
    for _ in 0..2 {
        let public = client.run(&commands::nv_read_public(index))?.fields().sized()?.to_vec();
        let entity = Entity::named(index, name_of_public(&public, 4)).with_auth(b"nv");
        client.execute(&commands::nv_increment(&entity, &entity), &mut [(&mut session).into()])?;
    }
    Ok(())
}

fn raw_commands_are_possible(client: &mut Client<impl Transport>) -> Result<()> {
    let unknown = tpm2_client::Command::new(TpmCc(0x1FFF)).u8(0);
    assert_eq!(client.run(&unknown).unwrap_err().response_code(), Some(ResponseCode::COMMAND_CODE));
    Ok(())
}
