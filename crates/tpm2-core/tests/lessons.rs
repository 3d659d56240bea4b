//! What went wrong in other TPMs and has no other place here. Each test has the name of its row in
//! docs/security-lessons.md.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Machine, ok, owner, primary, refused, started};
use platform_memory::MemoryPlatform;
use tee_api::{ClockAssurance, EntropyError, StoreError};
use tpm2_client::{
    Append, Authorization, Bytes, Client, Command, Entity, ParameterEncryption, StartSession, commands,
    name_of_public, template,
};
use tpm2_core::profile::PC_CLIENT;
use tpm2_crypto::ecc::{Curve, MAX_COORDINATE_SIZE};
use tpm2_crypto::{HashAlgorithm, hash, hmac};
use tpm2_types::{
    Position, ResponseCode, TpmAlgId, TpmCap, TpmCc, TpmEccCurve, TpmHandle, TpmRh, TpmSu, TpmaNv,
    TpmaObject, TpmaSession,
};

type Tpm = Client<Machine>;

fn on(device: &MemoryPlatform) -> Tpm {
    let mut tpm = Client::new(Machine::found_on(device.handle()));
    ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
    tpm
}

/// The open fTPM's platform layer answered every commit with success.
#[test]
fn optee_ftpm_1_a_commit_that_fails_is_never_answered_as_success() {
    let answers = [
        (StoreError::Unavailable, ResponseCode::NV_UNAVAILABLE),
        (StoreError::RateLimited, ResponseCode::NV_RATE),
        (StoreError::Full, ResponseCode::NV_SPACE),
        (StoreError::Missing, ResponseCode::FAILURE),
        (StoreError::Corrupt, ResponseCode::FAILURE),
        (StoreError::RolledBack, ResponseCode::FAILURE),
        (StoreError::Foreign, ResponseCode::FAILURE),
        (StoreError::OutcomeUnknown, ResponseCode::FAILURE),
    ];
    let index = TpmHandle::nv_index(1);
    let public = commands::nv_public(index, TpmAlgId::SHA256, TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE, b"", 4);
    let persistent = [
        commands::hierarchy_change_auth(TpmRh::OWNER, b"new"),
        commands::nv_define_space(owner(), b"", &public),
        commands::dictionary_attack_parameters(TpmRh::LOCKOUT, 9, 9, 9),
        commands::clear_control(TpmRh::PLATFORM, true),
        commands::shutdown(TpmSu::STATE),
    ];
    for command in &persistent {
        for (error, code) in answers {
            let mut tpm = started();
            let device = tpm.transport().device.handle();
            let (records, digest) = (device.records(), tpm.transport().state_digest());
            device.fail_next_commit(error);
            assert_eq!(refused(tpm.run(command)), code, "{:?} at {error:?}", command.code());
            assert_eq!(device.records(), records);
            assert_eq!(tpm.transport().state_digest(), digest);
            let failed = tpm.run(&commands::get_random(8)).is_err();
            assert_eq!(failed, code == ResponseCode::FAILURE, "failure mode after {error:?}");
        }
    }
}

/// A seed of the open fTPM could have 32 random bits: its source gave four bytes, and nobody looked at the count.
#[test]
fn optee_ftpm_8_short_entropy_makes_no_seed() {
    // A source that fails at any of its calls leaves no TPM.
    let device = MemoryPlatform::new(1);
    drop(Machine::on(device.handle()));
    let calls = device.counts().entropy_calls;
    assert!(calls > 0);
    for call in 0..calls {
        let device = MemoryPlatform::new(1);
        device.fail_entropy_after(call, EntropyError::Unavailable);
        let mut machine = Machine::found_on(device.handle());
        if machine.tpm().manufacture().is_err() {
            assert_eq!(device.records(), None, "call {call}");
            machine.tpm().manufacture().unwrap();
        }
    }
    // Every byte of what the generator was seeded with counts in every seed.
    let names = |altered: Option<usize>| {
        let device = MemoryPlatform::new(1);
        let mut entropy: Vec<u8> = (0..=255).map(|octet: u8| octet.wrapping_mul(151)).collect();
        if let Some(at) = altered {
            entropy[at] ^= 1;
        }
        device.script_entropy(&entropy);
        let mut tpm = Client::new(Machine::on(device.handle()));
        let taken = device.counts().entropy_bytes;
        ok(&mut tpm, &commands::startup(TpmSu::CLEAR));
        let name = |hierarchy| primary(&mut tpm, hierarchy, &template::srk_ecc()).0.name().to_vec();
        ([TpmRh::OWNER, TpmRh::ENDORSEMENT, TpmRh::PLATFORM].map(name), taken as usize)
    };
    let (wanted, taken) = names(None);
    assert_eq!(names(None).0, wanted, "it follows from the entropy alone");
    let mut counting = 0;
    for at in 0..taken {
        let (altered, _) = names(Some(at));
        let differ = altered.iter().zip(&wanted).filter(|(one, other)| one != other).count();
        assert!(differ == 0 || differ == wanted.len(), "byte {at} is in {differ} of the seeds");
        counting += usize::from(differ > 0);
    }
    // 256 bits of strength, and half as many for the nonce (SP 800-90A, 8.6.7).
    assert!(counting >= 48, "{counting} bytes of {taken}");
}

/// The normal world set the open fTPM's clock.
#[test]
fn optee_ftpm_9_time_from_the_normal_world_is_said_and_never_runs_back() {
    let evidence = |assurance| {
        let device = MemoryPlatform::new(1);
        device.set_clock_assurance(assurance);
        let mut machine = Machine::on(device);
        let judgement = machine.tpm().judgement();
        let verdict = *judgement
            .verdicts()
            .iter()
            .find(|verdict| verdict.guarantee == posture::Guarantee::Clock)
            .unwrap();
        (verdict.action, judgement.is_degraded(posture::Guarantee::Clock))
    };
    assert_eq!(evidence(ClockAssurance::Secure), (None, false));
    assert_eq!(evidence(ClockAssurance::NormalWorld), (Some(posture::Action::Warn), false));
    assert!(evidence(ClockAssurance::None).1, "Clock stands");

    // Set back by the normal world: neither Clock nor the time that guesses have to wait goes back or leaps.
    let device = MemoryPlatform::new(1);
    device.set_clock_assurance(ClockAssurance::NormalWorld);
    device.set_milliseconds(1 << 40);
    drop(Machine::on(device.handle()));
    let mut tpm = on(&device);
    let now = clock(&mut tpm);
    device.advance(5000);
    assert_eq!(clock(&mut tpm), now + 5000);
    for set_back in [1, 4000, 1 << 39] {
        let before = clock(&mut tpm);
        device.set_clock_back(set_back);
        let after = clock(&mut tpm);
        assert!((before..before + 10).contains(&after), "{set_back}: {before} became {after}");
        device.advance(10);
        assert!(clock(&mut tpm) <= after + 10);
    }
    // And where the platform does not notice.
    let before = clock(&mut tpm);
    device.set_milliseconds(0);
    assert!(clock(&mut tpm) >= before);

    // A clock that is not there: time bound policies wait.
    let device = MemoryPlatform::new(1);
    device.set_clock_assurance(ClockAssurance::None);
    drop(Machine::on(device.handle()));
    let mut tpm = on(&device);
    let before = clock(&mut tpm);
    device.advance(1_000_000);
    assert_eq!(clock(&mut tpm), before);
}

fn clock(tpm: &mut Tpm) -> u64 {
    let response = ok(tpm, &commands::read_clock());
    u64::from_be_bytes(response.parameters()[8..16].try_into().unwrap())
}

/// A long command asks at bounded intervals whether to go on, and nothing is left of one that was cancelled.
#[test]
fn ftpm_paper_checkpointing_a_long_command_pauses_and_comes_to_the_same_end() {
    let create = commands::create_primary(
        TpmRh::OWNER,
        commands::sensitive(b"", b""),
        &template::srk_rsa().to_bytes(),
        b"",
        commands::no_pcrs(),
    );
    let mut tpm = started();
    let device = tpm.transport().device.handle();
    device.reset_counts();
    let wanted = ok(&mut tpm, &create);
    let passed = device.counts().checkpoints;
    assert!(passed >= 20, "{passed} checkpoints in the search for two primes");
    ok(&mut tpm, &commands::flush_context(wanted.handle().unwrap()));
    let digest = tpm.transport().state_digest();
    for at in [1, 2, passed / 2, passed - 1, passed] {
        device.cancel_at_checkpoint(at);
        assert_eq!(refused(tpm.run(&create)), ResponseCode::CANCELED, "at checkpoint {at}");
        assert_eq!(tpm.transport().state_digest(), digest);
    }
    assert_eq!(ok(&mut tpm, &create).parameters(), wanted.parameters());
}

/// The size of a parameter that a session decrypts was not checked: two bytes beyond the buffer were read and written.
#[test]
fn cve_2023_1017_sizes_of_encrypted_parameters() {
    let mut tpm = started();
    let mut shapes = Vec::new();
    // The data of TPM2_StirRandom end the buffer.
    for length in [0_usize, 1, 2, 16, 32] {
        for off in [-2_i32, -1, 1, 2, 0x7FFF] {
            let Ok(size) = u16::try_from(length as i32 + off) else { continue };
            shapes.push((size, length));
        }
    }
    for encryption in [ParameterEncryption::AesCfb(128), ParameterEncryption::Xor(TpmAlgId::SHA256)] {
        for (size, length) in &shapes {
            let parameters = Bytes::new().u16(*size).raw(&vec![0x5A; *length]).into_vec();
            let too_long = usize::from(*size) > *length;
            let wanted = if too_long { ResponseCode::SIZE.at(SESSION) } else { ResponseCode::SIZE };
            assert_eq!(decrypting(&mut tpm, encryption, &parameters), wanted, "{size} before {length} bytes");
        }
        // Not even a whole size.
        for parameters in [&[][..], &[0], &[0xFF]] {
            let wanted = ResponseCode::INSUFFICIENT.at(SESSION);
            assert_eq!(decrypting(&mut tpm, encryption, parameters), wanted, "{parameters:?}");
        }
        // In good order, so that the above is refused for its size alone.
        let right = Bytes::new().sized([0x5A; 16]).into_vec();
        assert_eq!(decrypting(&mut tpm, encryption, &right), ResponseCode::SUCCESS);

        // In the other direction: answers of every size, up to the largest.
        let index = TpmHandle::nv_index(1);
        let attributes = TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE;
        let public = commands::nv_public(index, TpmAlgId::SHA256, attributes, b"", PC_CLIENT.nv_index_size);
        ok(&mut tpm, &commands::nv_define_space(owner(), b"", &public));
        let index = Entity::from(index);
        let data: Vec<u8> = (0..PC_CLIENT.nv_index_size).map(|at| at as u8).collect();
        ok(&mut tpm, &commands::nv_write(owner(), &index, &data, 0));
        let index = written(&mut tpm, &index);
        let start = StartSession::hmac().encryption(encryption);
        let mut session = tpm.start_session(&start).unwrap();
        session.attributes |= TpmaSession::ENCRYPT;
        let most = PC_CLIENT.nv_buffer_size;
        for size in [0, 1, 2, 15, 16, 17, 31, 32, 33, most - 2, most - 1, most] {
            let read = commands::nv_read(owner(), &index, size, 0);
            let answer = tpm.execute(&read, &mut [Authorization::Session(&mut session)]).unwrap();
            assert_eq!(answer.fields().sized().unwrap(), &data[..usize::from(size)]);
        }
        ok(&mut tpm, &commands::flush_context(session.handle()));
        ok(&mut tpm, &commands::nv_undefine_space(owner(), &index));
    }
}

const SESSION: Position = Position::Session(1);

/// What TPM2_StirRandom with these parameters gets, in a session that decrypts and whose HMAC is right.
fn decrypting(tpm: &mut Tpm, encryption: ParameterEncryption, parameters: &[u8]) -> ResponseCode {
    let session = tpm.start_session(&StartSession::hmac().encryption(encryption)).unwrap();
    let attributes = [(TpmaSession::DECRYPT).bits()];
    let nonce = [7; 32];
    let code = TpmCc::STIR_RANDOM.0.to_be_bytes();
    let cp_hash = hash(HashAlgorithm::Sha256, &[&code, parameters]);
    // Neither bound nor salted: the key is empty.
    let proof =
        hmac(HashAlgorithm::Sha256, &[], &[cp_hash.as_ref(), &nonce, session.nonce_tpm(), &attributes]);
    let authorization =
        Bytes::new().u32(session.handle().0).sized(nonce).u8(attributes[0]).sized(proof.as_ref());
    let command = Command::new(TpmCc::STIR_RANDOM).raw(parameters);
    let answer = tpm.execute(&command, &mut [Authorization::Raw(authorization.as_ref())]);
    match answer {
        // The session ended with its use.
        Ok(_) => ResponseCode::SUCCESS,
        Err(error) => {
            ok(tpm, &commands::flush_context(session.handle()));
            error.response_code().unwrap()
        }
    }
}

/// The index with the Name that it has by now.
fn written(tpm: &mut Tpm, index: &Entity) -> Entity {
    let public = ok(tpm, &commands::nv_read_public(index.handle())).fields().sized().unwrap().to_vec();
    Entity::named(index.handle(), name_of_public(&public, 4))
}

/// What RSA decryption gives can be shorter than its buffer, or as long as the modulus.
#[test]
fn cve_2021_3569_decrypted_messages_of_every_length() {
    let mut tpm = started();
    let (key, _) = primary(&mut tpm, TpmRh::OWNER, &template::decryption_rsa());
    let oaep = template::scheme(TpmAlgId::OAEP, TpmAlgId::SHA256);
    let rsaes = Bytes::new().u16(TpmAlgId::RSAES.0);
    for (scheme, most) in [(oaep, 256 - 2 * 32 - 2), (rsaes, 256 - 11)] {
        for length in [0, 1, 2, 31, 32, 33, most - 1, most] {
            let message = vec![0xA5; length];
            let encrypted = ok(&mut tpm, &commands::rsa_encrypt(&key, &message, &scheme, b""));
            let encrypted = encrypted.fields().sized().unwrap().to_vec();
            assert_eq!(encrypted.len(), 256);
            let decrypted = ok(&mut tpm, &commands::rsa_decrypt(&key, &encrypted, &scheme, b""));
            assert_eq!(decrypted.fields().sized().unwrap(), message, "{length} bytes");
            // The same, cut short or lengthened.
            for other in [&encrypted[1..], &encrypted[..255], &[&encrypted[..], &[0]].concat()] {
                refused(tpm.run(&commands::rsa_decrypt(&key, other, &scheme, b"")));
            }
        }
        refused(tpm.run(&commands::rsa_encrypt(&key, &vec![0xA5; most + 1], &scheme, b"")));
    }
    // Without padding the answer has the modulus' size, whatever zeros it begins with.
    for message in [vec![0], vec![0; 256], [vec![0; 255], vec![2]].concat(), vec![1; 100]] {
        let encrypted = ok(&mut tpm, &commands::rsa_encrypt(&key, &message, template::null(), b""));
        let encrypted = encrypted.fields().sized().unwrap().to_vec();
        let decrypted = ok(&mut tpm, &commands::rsa_decrypt(&key, &encrypted, template::null(), b""));
        let padded = [vec![0; 256 - message.len()], message].concat();
        assert_eq!(decrypted.fields().sized().unwrap(), padded);
    }
}

/// Firmware that extends one bank leaves the other to whoever comes next. What the TPM can do: say which banks there
/// are, and extend all of them where it hashes itself.
#[test]
fn carte_blanche_an_event_extends_every_active_bank() {
    let mut tpm = started();
    let listed = ok(&mut tpm, &commands::get_capability(TpmCap::PCRS, 0, 8));
    let mut fields = listed.fields();
    fields.take(5).unwrap();
    let count = fields.u32().unwrap();
    let mut active = Vec::new();
    for _ in 0..count {
        active.push(TpmAlgId(u16::from_be_bytes(fields.take(2).unwrap().try_into().unwrap())));
        assert_eq!(fields.take(4).unwrap(), [3, 0xFF, 0xFF, 0xFF], "every PCR of an active bank");
    }
    assert_eq!(active, PC_CLIENT.pcr_banks);

    for pcr in 0..24_u8 {
        let before: Vec<Vec<u8>> = active.iter().map(|bank| pcr_value(&mut tpm, *bank, pcr)).collect();
        let handle = TpmHandle::pcr(u32::from(pcr));
        // Those above 16 belong to higher localities, 16 and 23 to everybody.
        let locality = if (17..=22).contains(&pcr) { 2 } else { 0 };
        tpm.set_locality(locality);
        let Ok(answer) = tpm.run(&commands::pcr_event(handle, b"event")) else {
            assert!((17..=22).contains(&pcr), "PCR {pcr}");
            continue;
        };
        let mut digests = answer.fields();
        assert_eq!(digests.u32().unwrap() as usize, active.len());
        for (bank, before) in active.iter().zip(before) {
            let algorithm = algorithm(*bank);
            let digest = hash(algorithm, &[b"event"]);
            let after = hash(algorithm, &[&before, digest.as_ref()]);
            assert_eq!(pcr_value(&mut tpm, *bank, pcr), after.as_ref(), "{bank:?}, PCR {pcr}");
        }
    }
}

fn algorithm(bank: TpmAlgId) -> HashAlgorithm {
    match bank {
        TpmAlgId::SHA1 => HashAlgorithm::Sha1,
        TpmAlgId::SHA256 => HashAlgorithm::Sha256,
        TpmAlgId::SHA384 => HashAlgorithm::Sha384,
        TpmAlgId::SHA512 => HashAlgorithm::Sha512,
        other => panic!("{other:?} is no bank that this test knows"),
    }
}

fn pcr_value(tpm: &mut Tpm, bank: TpmAlgId, pcr: u8) -> Vec<u8> {
    let response = ok(tpm, &commands::pcr_read(commands::pcr_selection(bank, &[pcr])));
    let size = algorithm(bank).digest_size();
    response.parameters()[response.parameters().len() - size..].to_vec()
}

/// A point that is not on its curve gives the private key away, piece by piece. At every place where a point comes in.
#[test]
fn cve_2026_45614_points_beside_the_curve_are_refused_everywhere() {
    let mut tpm = started();
    let curves = [
        (Curve::P256, TpmEccCurve::NIST_P256),
        (Curve::P384, TpmEccCurve::NIST_P384),
        (Curve::P521, TpmEccCurve::NIST_P521),
    ];
    for (curve, id) in curves {
        let parameters =
            |symmetric: Bytes| symmetric.raw(template::null().as_ref()).u16(id.0).u16(TpmAlgId::NULL.0);
        let storage = template::srk_ecc()
            .parameters(parameters(template::aes_128_cfb()))
            .unique(Bytes::new().sized([]).sized([]));
        let (key, _) = primary(&mut tpm, TpmRh::OWNER, &storage);
        let generator = curve.parameters();
        let good = (generator.generator_x.to_vec(), generator.generator_y.to_vec());
        for (x, y) in beside(curve) {
            let point = Bytes::new().sized(&x).sized(&y);
            let digest = tpm.transport().state_digest();
            // A public key from outside, alone and with a private part.
            let outside = TpmaObject::USER_WITH_AUTH | TpmaObject::NO_DA;
            let decrypts = template::ecc(outside | TpmaObject::DECRYPT, template::null(), template::null())
                .parameters(parameters(template::null()))
                .unique(point.clone())
                .to_bytes();
            let sensitive = Bytes::new().u16(TpmAlgId::ECC.0).sized([]).sized([]).sized([5]).into_vec();
            let loads = [
                commands::load_external(&[], &decrypts, TpmRh::OWNER),
                commands::load_external(&sensitive, &decrypts, TpmRh::NULL),
            ];
            for command in loads {
                // A public area has coordinates of the full size.
                let whole = x.len() == curve.size() && y.len() == curve.size();
                let largest = x.len().max(y.len()) <= MAX_COORDINATE_SIZE;
                let wanted = match (whole, largest) {
                    (true, _) => ResponseCode::ECC_POINT,
                    (false, true) => ResponseCode::KEY,
                    (false, false) => ResponseCode::SIZE,
                };
                assert_eq!(refused(tpm.run(&command)).base(), wanted, "{x:x?} {y:x?}");
            }
            // The salt of a session, and the secret of a credential.
            let salted = Command::new(TpmCc::START_AUTH_SESSION)
                .handle(&key)
                .handle(Entity::permanent(TpmRh::NULL))
                .sized([1; 32])
                .sized(&point)
                .u8(0)
                .u16(TpmAlgId::NULL.0)
                .u16(TpmAlgId::SHA256.0);
            let credential = commands::activate_credential(&key, &key, &[1; 60], point.as_ref());
            for command in [salted, credential] {
                let wanted = ResponseCode::VALUE.at(Position::Parameter(2));
                assert_eq!(refused(tpm.run(&command)), wanted, "{:?}: {x:x?} {y:x?}", command.code());
            }
            assert_eq!(tpm.transport().state_digest(), digest);
        }
        // The same with a point on the curve.
        let outside = TpmaObject::USER_WITH_AUTH | TpmaObject::NO_DA | TpmaObject::DECRYPT;
        let decrypts = template::ecc(outside, template::null(), template::null())
            .parameters(parameters(template::null()))
            .unique(Bytes::new().sized(&good.0).sized(&good.1))
            .to_bytes();
        let loaded = ok(&mut tpm, &commands::load_external(&[], &decrypts, TpmRh::OWNER));
        ok(&mut tpm, &commands::flush_context(loaded.handle().unwrap()));
        ok(&mut tpm, &commands::flush_context(key.handle()));
    }
}

/// Coordinates of no point on the curve.
fn beside(curve: Curve) -> Vec<(Vec<u8>, Vec<u8>)> {
    let parameters = curve.parameters();
    let (x, y) = (parameters.generator_x.to_vec(), parameters.generator_y.to_vec());
    let off = |coordinate: &[u8]| {
        let mut off = coordinate.to_vec();
        *off.last_mut().unwrap() ^= 1;
        off
    };
    let longer = |coordinate: &[u8]| [&[0], coordinate].concat();
    vec![
        (vec![], vec![]),
        (vec![0; curve.size()], vec![0; curve.size()]),
        (vec![1], vec![1]),
        (x.clone(), off(&y)),
        (off(&x), y.clone()),
        (y.clone(), x.clone()),
        (x.clone(), vec![]),
        (vec![], y.clone()),
        // Beyond the field: x + p and y + p would be the generator again.
        (parameters.p.to_vec(), y.clone()),
        (x.clone(), parameters.p.to_vec()),
        (vec![0xFF; curve.size()], vec![0xFF; curve.size()]),
        (longer(&off(&x)), y.clone()),
    ]
}
