//! What a store hands back is input like any other: it may be damaged, cut short, mixed up or made up. A TPM on it is
//! in failure mode, or answers in good form; it never panics.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Machine, TestMemory, child, ok, owner, primary};
use platform_memory::{MemoryPlatform, Records};
use tee_api::{Change, RecordKey};
use tpm2_client::{Client, Command, Entity, StartSession, Transport, commands, template};
use tpm2_core::{Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_types::{ResponseCode, TpmAlgId, TpmCap, TpmCc, TpmHandle, TpmNt, TpmRh, TpmSu, TpmaNv, TpmaObject};

/// Damaged states, each with up to three records altered.
const DAMAGED: u64 = 4000;

const KEY: TpmHandle = TpmHandle::persistent(1);
const SEALED: TpmHandle = TpmHandle::persistent(2);
const INDICES: [(u32, TpmNt, u16); 4] =
    [(1, TpmNt::ORDINARY, 16), (2, TpmNt::COUNTER, 8), (3, TpmNt::EXTEND, 32), (4, TpmNt::BITS, 8)];

#[test]
fn cve_2022_23645_records_altered_at_random_never_panic() {
    let image = image();
    let (mut failed, mut alive) = (0, 0);
    for seed in 0..DAMAGED {
        let mut random = Random(seed);
        let mut records = image.clone();
        for _ in 0..=random.below(3) {
            damage(&mut records, &mut random);
        }
        match attempt(&records).unwrap_or_else(|finding| panic!("seed {seed}: {finding}")) {
            true => alive += 1,
            false => failed += 1,
        }
    }
    // Otherwise one half of what can happen would have gone untested without anybody noticing.
    assert!(failed > DAMAGED / 10 && alive > DAMAGED / 10, "{failed} failed, {alive} alive");
}

/// Each record in turn ends too early, at every length, or is too long.
#[test]
fn cve_2022_23645_records_of_another_size_never_panic() {
    let image = image();
    for (key, value) in image.iter() {
        let sizes =
            (0..value.len()).step_by(1 + value.len() / 40).chain([value.len() + 1, value.len() + 300]);
        for size in sizes {
            let mut resized = value.to_vec();
            resized.resize(size, 0xA5);
            let mut records = image.clone();
            records.apply(&[Change::Put { key, value: &resized }]).unwrap();
            attempt(&records)
                .unwrap_or_else(|finding| panic!("{key:?}, {} bytes become {size}: {finding}", value.len()));
        }
    }
}

/// A state with records of every kind that is stored, in good order after TPM2_Shutdown(STATE).
fn image() -> Records {
    let device = MemoryPlatform::new(1);
    device.set_counter(Some(0));
    let mut tpm = Client::new(Machine::on(device.handle()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    let (storage, _) = primary(&mut tpm, TpmRh::OWNER, &template::srk_ecc());
    ok(&mut tpm, &commands::evict_control(owner(), &storage, KEY));
    let item = template::sealed().clear(TpmaObject::NO_DA);
    let item = child(&mut tpm, &storage, &item, b"item", b"data");
    ok(&mut tpm, &commands::evict_control(owner(), &item, SEALED));
    let attributes = TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE | TpmaNv::READ_STCLEAR | TpmaNv::WRITE_STCLEAR;
    for (number, kind, size) in INDICES {
        let handle = TpmHandle::nv_index(number);
        let public = commands::nv_public(handle, TpmAlgId::SHA256, attributes.with_nt(kind), b"", size);
        ok(&mut tpm, &commands::nv_define_space(owner(), b"", &public));
        ok(&mut tpm, &write(number));
    }
    let platforms = TpmHandle::nv_index(5);
    let attributes = TpmaNv::PPREAD | TpmaNv::PPWRITE | TpmaNv::PLATFORMCREATE;
    let public = commands::nv_public(platforms, TpmAlgId::SHA256, attributes, b"", 4);
    ok(&mut tpm, &commands::nv_define_space(TpmRh::PLATFORM, b"", &public));
    ok(&mut tpm, &commands::nv_undefine_space(owner(), &Entity::from(TpmHandle::nv_index(2))));
    let counter = commands::nv_public(
        TpmHandle::nv_index(2),
        TpmAlgId::SHA256,
        (TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE).with_nt(TpmNt::COUNTER),
        b"",
        8,
    );
    ok(&mut tpm, &commands::nv_define_space(owner(), b"", &counter));
    ok(&mut tpm, &write(2));
    ok(&mut tpm, &commands::hierarchy_change_auth(TpmRh::ENDORSEMENT, b"endorsement"));
    ok(&mut tpm, &commands::hierarchy_change_auth(TpmRh::PLATFORM, b"platform"));
    ok(&mut tpm, &commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 5, 1000, 1000));
    ok(&mut tpm, &commands::pcr_event(TpmHandle::pcr(3), b"measured"));
    let session = tpm.start_session(&StartSession::policy()).unwrap();
    ok(&mut tpm, &commands::context_save(session.handle()));
    ok(&mut tpm, &commands::shutdown(TpmSu::STATE));
    device.records().unwrap()
}

fn write(number: u32) -> Command {
    let index = Entity::from(TpmHandle::nv_index(number));
    match number {
        1 => commands::nv_write(owner(), &index, b"sixteen bytes ..", 0),
        2 => commands::nv_increment(owner(), &index),
        3 => commands::nv_extend(owner(), &index, b"data"),
        _ => commands::nv_set_bits(owner(), &index, 5),
    }
}

/// Starts a TPM on these records and uses what there is. Whether it serves, or what is wrong with it.
fn attempt(records: &Records) -> Result<bool, String> {
    let mut alive = true;
    for startup in [TpmSu::STATE, TpmSu::CLEAR] {
        let device = MemoryPlatform::new(3);
        device.set_records(Some(records.clone()));
        // Damage elsewhere would be hidden behind that of the record that the counter is compared with.
        device.set_counter(Some(stored_counter(records)));
        let used = catch_unwind(AssertUnwindSafe(|| attempt_with(&device, startup)));
        alive &= used.map_err(|_| "it panicked".to_owned())??;
    }
    Ok(alive)
}

fn attempt_with(device: &MemoryPlatform, startup: TpmSu) -> Result<bool, String> {
    let mut memory = Box::new(TestMemory::new());
    let mut tpm = Tpm::new(memory.slices(), device.handle(), &SOFTWARE);
    let failed = match tpm.start() {
        Start::Existing => false,
        Start::Failed(_) => true,
        other => return Err(format!("found {other:?}")),
    };
    let mut served = true;
    let mut client = Client::new(Bytes(&mut tpm, Ok(())));
    for command in [commands::startup(startup), commands::startup(TpmSu::CLEAR)].iter().chain(&uses()) {
        let answer = client.run(command);
        client.transport().1.clone().map_err(|wrong| format!("{:?}: {wrong}", command.code()))?;
        if let Err(tpm2_client::Error::Tpm(code)) = answer {
            served &= code != ResponseCode::FAILURE;
        } else if failed && command.code() != TpmCc::GET_CAPABILITY {
            return Err(format!("{:?} is carried out in failure mode", command.code()));
        }
    }
    Ok(served)
}

/// Commands that read what is stored, use it, and do away with it.
fn uses() -> Vec<Command> {
    let (key, item) = (Entity::from(KEY), Entity::from(SEALED).with_auth(b"item"));
    let mut uses = vec![
        commands::get_capability(TpmCap::TPM_PROPERTIES, 0x200, 64),
        commands::get_capability(TpmCap::PCRS, 0, 8),
        commands::get_capability(TpmCap::HANDLES, 0x0100_0000, 64),
        commands::get_capability(TpmCap::HANDLES, 0x0200_0000, 64),
        commands::get_capability(TpmCap::HANDLES, 0x0300_0000, 64),
        commands::get_capability(TpmCap::HANDLES, 0x8100_0000, 64),
        commands::read_clock(),
        commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[3])),
        commands::pcr_event(TpmHandle::pcr(3), b"measured again"),
        commands::read_public(&key),
        commands::unseal(&item),
        commands::unseal(&item.clone().with_auth(b"wrong")),
        commands::create(
            &key,
            commands::sensitive(b"", b"data"),
            &template::sealed().to_bytes(),
            b"",
            commands::no_pcrs(),
        ),
        commands::create_primary(
            TpmRh::OWNER,
            commands::sensitive(b"", b"data"),
            &template::sealed().to_bytes(),
            b"",
            commands::no_pcrs(),
        ),
        commands::context_save(KEY),
        commands::evict_control(owner(), &key, KEY),
    ];
    for number in 1..=5 {
        let index = Entity::from(TpmHandle::nv_index(number));
        uses.extend([
            commands::nv_read_public(index.handle()),
            commands::nv_read(owner(), &index, 8, 0),
            write(number),
            commands::nv_write_lock(owner(), &index),
            commands::nv_undefine_space(owner(), &index),
        ]);
    }
    uses.extend([
        commands::hierarchy_change_auth(TpmRh::OWNER, b"owner"),
        commands::dictionary_attack_lock_reset(TpmRh::LOCKOUT),
        commands::clear(TpmRh::LOCKOUT),
        commands::shutdown(TpmSu::STATE),
    ]);
    uses
}

/// A TPM whose answers have to be well formed.
struct Bytes<'t, 'm>(&'t mut Tpm<'m, MemoryPlatform>, Result<(), String>);

impl Transport for Bytes<'_, '_> {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> std::io::Result<Vec<u8>> {
        let response = self.0.execute(locality, command).to_vec();
        let size = response.get(2..6).map(|size| u32::from_be_bytes(size.try_into().unwrap()) as usize);
        if size != Some(response.len()) || response.len() < 10 {
            self.1 = Err(format!("answered {response:02x?}"));
        }
        Ok(response)
    }
}

/// The number of the last transaction as a damaged image tells it, if it does.
fn stored_counter(records: &Records) -> u64 {
    let commit = tpm2_core::state::Kind::Commit.only();
    let value = records.iter().find(|(key, _)| *key == commit).map(|(_, value)| value);
    value.and_then(|value| value.last_chunk()).map_or(0, |number| u64::from_be_bytes(*number))
}

/// Alters one record.
fn damage(records: &mut Records, random: &mut Random) {
    let all: Vec<(RecordKey, Vec<u8>)> = records.iter().map(|(key, value)| (key, value.to_vec())).collect();
    let (mut key, mut value) = all[random.below(all.len())].clone();
    let at = random.below(value.len().max(1));
    match random.below(9) {
        0 | 1 => value.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << random.below(8)),
        2 => value
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|octet| *octet = [0, 0x7F, 0x80, 0xFF][random.below(4)]),
        3 => value.iter_mut().skip(at).take(8).for_each(|octet| *octet = 0xFF),
        4 => value.truncate(at),
        5 => value.extend((0..=random.below(64)).map(|_| random.octet())),
        6 => value.iter_mut().for_each(|octet| *octet = random.octet()),
        // In another's place, or beside the real one.
        7 => key = all[random.below(all.len())].0,
        _ if random.below(2) == 0 => key.id ^= 1 << random.below(32),
        _ => {
            records.apply(&[Change::Delete { key }]).unwrap();
            return;
        }
    }
    records.apply(&[Change::Put { key, value: &value }]).unwrap();
}

/// The same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn octet(&mut self) -> u8 {
        self.below(256) as u8
    }
}
