//! Primary keys never change: the Names that these templates have under fixed seeds are pinned for ever. A change
//! here is a change of every device's endorsement and storage keys.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Machine, primary};
use platform_memory::MemoryPlatform;
use tee_api::{AtomicStore, Change};
use tpm2_client::template::{self, Template};
use tpm2_client::{Client, Entity, commands};
use tpm2_core::state::{Kind, Seeds};
use tpm2_types::{Marshal, Tpm2bDigest, TpmHandle, TpmRh, TpmSu, Writer};

/// A TPM with seeds that everyone knows, running derivation version 1.
fn with_known_seeds() -> Client<Machine> {
    let mut device = MemoryPlatform::new(1);
    Machine::on(device.handle());
    let digest = |byte: u8| Tpm2bDigest::new(Box::leak(Box::new([byte; 64]))).unwrap();
    let seeds = Seeds {
        derivation: 1,
        endorsement: digest(0xE5),
        owner: digest(0x05),
        platform: digest(0x95),
        endorsement_proof: digest(1),
        owner_proof: digest(2),
        platform_proof: digest(3),
        bytes: std::marker::PhantomData,
    };
    let mut buffer = [0; 512];
    let mut writer = Writer::new(&mut buffer);
    seeds.marshal(&mut writer).unwrap();
    device.commit(&[Change::Put { key: Kind::Seeds.only(), value: writer.written() }]).unwrap();
    let mut client = Client::new(Machine::on(device.handle()));
    client.run(&commands::startup(TpmSu::CLEAR)).unwrap();
    client
}

fn name(client: &mut Client<Machine>, hierarchy: TpmHandle, template: &Template) -> String {
    let (object, _): (Entity, _) = primary(client, hierarchy, template);
    client.run(&commands::flush_context(object.handle())).unwrap();
    object.name().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn names_of_fixed_seeds_are_for_ever() {
    let mut client = with_known_seeds();
    let pinned = [
        (
            TpmRh::ENDORSEMENT,
            template::ek_rsa(),
            "000bc20617506e5d35bd8fd824f25a5aa929d2a882177495a3791d1caf7212edb888",
        ),
        (
            TpmRh::ENDORSEMENT,
            template::ek_ecc(),
            "000b3e30401f25254f6106f464fbb9d6ee91e461b6088c24d63c58e95217980d18d6",
        ),
        (
            TpmRh::OWNER,
            template::srk_rsa(),
            "000bf036df252058b28e1dcd598f87013d98fcb1827e4842c33b196a0d284e1dce62",
        ),
        (
            TpmRh::OWNER,
            template::srk_ecc(),
            "000bc9ce55f064e1f3ce4830e32477f2b8f8289549903f35db8b3847dd9ec4f26d37",
        ),
        (
            TpmRh::PLATFORM,
            template::srk_ecc(),
            "000bdee3ef4a53d771cfd78b6de297ce08219a77447794ef85df6dd172cddf1623cd",
        ),
        (
            TpmRh::OWNER,
            template::hmac_key(),
            "000b1ab4de28636735432382fa25c6175dcff9dc33580f027d33bb43b27e6b4e26d1",
        ),
        (
            TpmRh::OWNER,
            template::aes_key(),
            "000ba157a730a96c7830b68158ec1019940f6929d1f01d944acc563d18041faff325",
        ),
    ];
    let made: Vec<_> =
        pinned.iter().map(|(hierarchy, template, _)| name(&mut client, *hierarchy, template)).collect();
    assert_eq!(made, pinned.map(|(_, _, name)| name));
}

#[test]
fn data_and_template_choose_the_key_and_the_authorization_does_not() {
    let mut client = with_known_seeds();
    let mut made = |auth: &[u8], template: &Template| {
        let command = commands::create_primary(
            TpmRh::OWNER,
            commands::sensitive(auth, b""),
            &template.to_bytes(),
            b"",
            commands::no_pcrs(),
        );
        let response = client.run(&command).unwrap();
        client.run(&commands::flush_context(response.handle().unwrap())).unwrap();
        response.fields().sized().unwrap().to_vec()
    };
    let plain = made(b"", &template::srk_ecc());
    assert_eq!(made(b"secret", &template::srk_ecc()), plain);
    assert_ne!(made(b"", &template::srk_ecc().policy(&[7; 32])), plain);
}
