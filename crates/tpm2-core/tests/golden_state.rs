//! A state that a released firmware wrote loads for ever: records as the store keeps them, beside what they have to
//! mean. `FTPM_WRITE_GOLDEN=1` makes the file of the newest format where there is none; no file is ever made again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use common::{Machine, ok, owner, primary, refused};
use platform_memory::MemoryPlatform;
use tee_api::{AtomicStore, Change, RecordKey};
use tpm2_client::{Client, Entity, commands, name_of_public, template};
use tpm2_core::{firmware, state::Kind};
use tpm2_types::{ResponseCode, TpmAlgId, TpmCap, TpmHandle, TpmNt, TpmRh, TpmSu, TpmaNv};

const STORAGE_KEY: TpmHandle = TpmHandle::persistent(1);
const COUNTER: TpmHandle = TpmHandle::nv_index(0x10_0001);
const ORDINARY: TpmHandle = TpmHandle::nv_index(0x10_0002);
const OWNER_AUTH: &[u8] = b"owner";
const SEALED: &[u8] = b"sealed by an older firmware";

/// The first states, from before transactions had numbers.
#[test]
fn the_state_of_format_1_means_what_it_meant() {
    let (device, blobs) = read(&golden("format-1.txt"));
    for kind in [Kind::Commit, Kind::Firmware] {
        assert!(device.records().unwrap().get(kind.only()).is_none(), "{kind:?}");
    }
    means_what_it_meant(&device, &blobs);
}

/// Transactions have numbers, and the firmware that used the state last stands in it.
#[test]
fn the_state_of_format_2_means_what_it_meant() {
    let file = golden("format-2.txt");
    if std::env::var_os("FTPM_WRITE_GOLDEN").is_some() {
        assert!(!file.exists(), "a golden file is never replaced");
        std::fs::write(&file, made_today()).unwrap();
    }
    let (device, blobs) = read(&file);
    for kind in [Kind::Commit, Kind::Firmware] {
        assert!(device.records().unwrap().get(kind.only()).is_some(), "{kind:?}");
    }
    means_what_it_meant(&device, &blobs);
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn means_what_it_meant(device: &MemoryPlatform, blobs: &HashMap<String, Vec<u8>>) {
    let mut client = Client::new(Machine::on(device.handle()));
    ok(&mut client, &commands::startup(TpmSu::STATE));
    // From now on the state is of today.
    let number = client.transport().tpm().state().commit_number().unwrap();
    assert!(number > 0);
    let firmware = device.records().unwrap().get(Kind::Firmware.only()).unwrap().to_vec();
    assert_eq!(firmware[1..5], firmware::SVN.to_be_bytes());

    // PCRs that TPM2_Shutdown(STATE) saved.
    let response = ok(&mut client, &commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[3])));
    assert_eq!(response.parameters()[response.parameters().len() - 32..], blobs["pcr3"]);
    // Authorization, counters and data.
    let wrong = owner().with_auth(b"other");
    let owner = owner().with_auth(OWNER_AUTH);
    let counter = index(&mut client, COUNTER);
    assert_eq!(
        refused(client.run(&commands::nv_read(&wrong, &counter, 8, 0))).base(),
        ResponseCode::BAD_AUTH
    );
    let value = ok(&mut client, &commands::nv_read(&owner, &counter, 8, 0));
    assert_eq!(value.fields().sized().unwrap(), 3u64.to_be_bytes());
    let ordinary = index(&mut client, ORDINARY);
    let data = ok(&mut client, &commands::nv_read(&owner, &ordinary, 4, 2));
    assert_eq!(data.fields().sized().unwrap(), b"data");
    // A persistent key with its seed: it opens what it protected then.
    let public = ok(&mut client, &commands::read_public(&Entity::permanent(STORAGE_KEY)))
        .fields()
        .sized()
        .unwrap()
        .to_vec();
    let key = Entity::named(STORAGE_KEY, name_of_public(&public, 2));
    let loaded = ok(&mut client, &commands::load(&key, &blobs["private"], &blobs["public"]));
    let item =
        Entity::named(loaded.handle().unwrap(), name_of_public(&blobs["public"], 2)).with_auth(b"item");
    assert_eq!(ok(&mut client, &commands::unseal(&item)).fields().sized().unwrap(), SEALED);
    // Seeds: the same primary key again.
    let command = commands::create_primary(
        &owner,
        commands::sensitive(b"", b""),
        &template::srk_ecc().to_bytes(),
        b"",
        commands::no_pcrs(),
    );
    assert_eq!(ok(&mut client, &command).fields().sized().unwrap(), public);
    // Dictionary attack parameters.
    let response = ok(&mut client, &commands::get_capability(TpmCap::TPM_PROPERTIES, 0x20F, 1));
    assert_eq!(response.parameters()[response.parameters().len() - 4..], 7u32.to_be_bytes());
}

fn index(client: &mut Client<Machine>, handle: TpmHandle) -> Entity {
    let response = ok(client, &commands::nv_read_public(handle));
    Entity::named(handle, name_of_public(response.fields().sized().unwrap(), 4))
}

/// A device with the records of a file, and the file's other values by name.
fn read(file: &Path) -> (MemoryPlatform, HashMap<String, Vec<u8>>) {
    let mut device = MemoryPlatform::new(2);
    let mut blobs = HashMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["record", kind, id, value] => {
                let key = RecordKey { kind: kind.parse().unwrap(), id: id.parse().unwrap() };
                device.commit(&[Change::Put { key, value: &from_hex(value) }]).unwrap();
            }
            ["value", name, value] => drop(blobs.insert(name.to_owned(), from_hex(value))),
            _ => panic!("not a line of a golden state: {line}"),
        }
    }
    (device, blobs)
}

/// A state in today's format.
fn made_today() -> String {
    let device = MemoryPlatform::new(1);
    let mut client = Client::new(Machine::on(device.handle()));
    let mut lines = String::new();
    let mut value = |name: &str, bytes: &[u8]| lines += &format!("value {name} {}\n", to_hex(bytes));
    ok(&mut client, &commands::startup(TpmSu::CLEAR));
    ok(&mut client, &commands::pcr_extend(TpmHandle::pcr(3), TpmAlgId::SHA256, &[1; 32]));
    let response = ok(&mut client, &commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[3])));
    value("pcr3", &response.parameters()[response.parameters().len() - 32..]);
    ok(&mut client, &commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 7, 60, 60));
    let (key, _) = primary(&mut client, TpmRh::OWNER, &template::srk_ecc());
    ok(&mut client, &commands::evict_control(owner(), &key, STORAGE_KEY));
    let sealed = commands::create(
        &key,
        commands::sensitive(b"item", SEALED),
        &template::sealed().to_bytes(),
        b"",
        commands::no_pcrs(),
    );
    let response = ok(&mut client, &sealed);
    let mut fields = response.fields();
    value("private", fields.sized().unwrap());
    value("public", fields.sized().unwrap());
    let attributes = TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE;
    for (handle, attributes, size) in
        [(COUNTER, attributes.with_nt(TpmNt::COUNTER), 8), (ORDINARY, attributes, 6)]
    {
        let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes, b"", size);
        ok(&mut client, &commands::nv_define_space(owner(), b"", &public));
    }
    for _ in 0..3 {
        let counter = index(&mut client, COUNTER);
        ok(&mut client, &commands::nv_increment(owner(), &counter));
    }
    let ordinary = index(&mut client, ORDINARY);
    ok(&mut client, &commands::nv_write(owner(), &ordinary, b"data", 2));
    ok(&mut client, &commands::hierarchy_change_auth(TpmRh::OWNER, OWNER_AUTH));
    ok(&mut client, &commands::shutdown(TpmSu::STATE));
    for (key, bytes) in device.records().unwrap().iter() {
        lines += &format!("record {} {} {}\n", key.kind, key.id, to_hex(bytes));
    }
    lines
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
