//! The fTPM as its callers meet it, honest ones and others.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;

use ftpm_service::{Buffer, Ftpm, MAX_MESSAGE_SIZE};
use platform_memory::{MemoryPlatform, SharedMemory};
use tee_api::{
    Client as Caller, Direction, Parameter, Parameters, Platform, ServiceError, SessionId, TrustedService,
};
use tee_conformance::{Area, Bench, CHECKS, Cannot, Example, ServiceFacts, Verdict, run_check};
use tpm2_client::{Client, Transport, commands};
use tpm2_core::{Memory, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_types::{TpmAlgId, TpmHandle};

type Service = Ftpm<'static, MemoryPlatform>;

const STARTUP: &[u8] = b"\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0";
const GET_RANDOM_8: &[u8] = b"\x80\x01\0\0\0\x0c\0\0\x01\x7b\0\x08";
const SUCCESS: [u8; 10] = *b"\x80\x01\0\0\0\x0a\0\0\0\0";

/// A manufactured TPM, after TPM2_Startup, and a session with it.
fn started() -> (Service, SessionId) {
    let memory = Box::leak(Box::new(Memory::<65536, 32768>::new()));
    let mut tpm = Tpm::new(memory.slices(), MemoryPlatform::new(1), &SOFTWARE);
    tpm.manufacture().unwrap();
    let mut service = Ftpm::new(tpm, Box::leak(Box::new(Buffer::new())));
    let session = service.open_session(Caller::NormalWorld, &mut nothing()).unwrap();
    assert_eq!(submit(&mut service, session, STARTUP).unwrap()[..10], SUCCESS);
    (service, session)
}

fn nothing<'a>() -> Parameters<'a> {
    [const { Parameter::None }; 4]
}

fn value<'a>() -> Parameter<'a> {
    Parameter::Value { direction: Direction::InOut, value: [0, 0] }
}

/// As a driver calls: the response's buffer is as large as drivers make it.
fn submit(service: &mut Service, session: SessionId, command: &[u8]) -> Result<Vec<u8>, ServiceError> {
    submit_from(service, session, &mut SharedMemory::new(command))
}

fn submit_from(
    service: &mut Service,
    session: SessionId,
    command: &mut SharedMemory,
) -> Result<Vec<u8>, ServiceError> {
    let mut response = SharedMemory::new([0xEE; MAX_MESSAGE_SIZE]);
    let mut parameters = nothing();
    parameters[0] = Parameter::Memory { direction: Direction::In, buffer: command, written: 0 };
    parameters[1] = Parameter::Memory { direction: Direction::InOut, buffer: &mut response, written: 0 };
    service.invoke(session, Service::SUBMIT_COMMAND, &mut parameters)?;
    let Parameter::Memory { written, .. } = parameters[1] else { panic!("the parameter changed its kind") };
    let bytes = response.bytes();
    let (answer, behind) = bytes.split_at(written);
    assert!(behind.iter().all(|byte| *byte == 0xEE), "more is written than the service says");
    assert_eq!(answer[2..6], (written as u32).to_be_bytes(), "the header says another size");
    Ok(answer.to_vec())
}

/// A driver: typed commands go through the service.
struct Driver(Service, SessionId);

impl Transport for Driver {
    fn transceive(&mut self, _: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        submit(&mut self.0, self.1, command).map_err(io::Error::other)
    }
}

#[test]
fn a_driver_extends_a_pcr() {
    let (service, session) = started();
    let mut client = Client::new(Driver(service, session));
    let read = commands::pcr_read(commands::pcr_selection(TpmAlgId::SHA256, &[4]));
    let before = client.run(&read).unwrap().parameters().to_vec();
    client.run(&commands::pcr_extend(TpmHandle(4), TpmAlgId::SHA256, &[0xAB; 32])).unwrap();
    let after = client.run(&read).unwrap().parameters().to_vec();
    assert_eq!(before[before.len() - 32..], [0; 32]);
    // SHA-256 over 32 bytes of zeros and 32 of 0xAB, computed elsewhere.
    let expected = "debb3e7acfff6dd18d501042273629f0b79cb206bb8c24f59f62ddb80849403b";
    let found: String = after[after.len() - 32..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn drivers_find_it_by_its_uuid() {
    let (service, _) = started();
    let text: String = service.uuid().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, "bc50d971d4c942c482cb343fb7f37896");
}

/// The caller swaps the command for another one after the header was fetched, and after each fetch again.
#[test]
fn optee_ftpm_10_a_command_is_fetched_once_and_what_changes_later_changes_nothing() {
    let (mut service, session) = started();
    let mut memory = SharedMemory::new(GET_RANDOM_8);
    memory.after_each_read(|bytes| {
        // A larger size, another code.
        bytes[2..10].copy_from_slice(&[0xFF; 8]);
    });
    let answer = submit_from(&mut service, session, &mut memory).unwrap();
    assert_eq!(answer[..12], *b"\x80\x01\0\0\0\x14\0\0\0\0\0\x08");
    assert_eq!(memory.accesses(), (2, 0), "header and rest, once each; nothing is written");

    // What the caller writes before the rest is fetched is what is executed: one command, of one moment or the other.
    let mut memory = SharedMemory::new(GET_RANDOM_8);
    memory.after_each_read(|bytes| bytes[10..].copy_from_slice(&[0, 4]));
    let answer = submit_from(&mut service, session, &mut memory).unwrap();
    assert_eq!(answer[..12], *b"\x80\x01\0\0\0\x10\0\0\0\0\0\x04");
}

/// The open fTPM built its response in memory that the caller could change meanwhile. Here the same memory, which the
/// caller keeps changing, serves for both.
#[test]
fn optee_ftpm_10_a_response_is_written_once_when_it_is_whole_and_never_read() {
    let (mut service, session) = started();
    let mut bytes = [0xEE; MAX_MESSAGE_SIZE];
    bytes[..GET_RANDOM_8.len()].copy_from_slice(GET_RANDOM_8);
    let memory = SharedMemory::new(bytes);
    memory.after_each_read(|bytes| bytes[..10].fill(0xFF));
    let (mut request, mut response) = (memory.handle(), memory.handle());
    let mut parameters = nothing();
    parameters[0] = Parameter::Memory { direction: Direction::In, buffer: &mut request, written: 0 };
    parameters[1] = Parameter::Memory { direction: Direction::InOut, buffer: &mut response, written: 0 };
    service.invoke(session, Service::SUBMIT_COMMAND, &mut parameters).unwrap();
    assert_eq!(memory.bytes()[..12], *b"\x80\x01\0\0\0\x14\0\0\0\0\0\x08");
    assert_eq!(memory.accesses(), (2, 1), "the command's header and rest are read, the response is written");
}

#[test]
fn the_header_decides_how_much_is_taken() {
    let (mut service, session) = started();
    // A driver that hands over its whole buffer: what lies behind the command is not looked at.
    let mut whole = GET_RANDOM_8.to_vec();
    whole.resize(MAX_MESSAGE_SIZE, 0xCC);
    assert_eq!(submit(&mut service, session, &whole).unwrap().len(), 20);
    whole.resize(3 * MAX_MESSAGE_SIZE, 0xCC);
    assert_eq!(submit(&mut service, session, &whole).unwrap().len(), 20);

    // A header that says less than the command has: the TPM finds the parameters missing (TPM_RC_INSUFFICIENT).
    let mut short = GET_RANDOM_8.to_vec();
    short[5] = 11;
    let answer = submit(&mut service, session, &short).unwrap();
    assert_eq!(u32::from_be_bytes(answer[6..10].try_into().unwrap()) & 0xBF, 0x9A, "{answer:x?}");

    // A header that says more than there is, more than fits, less than a header; no whole header.
    for size in [13, 4096, 4097, 8192, 8193, 0x7FFF_FFFF, 0x8000_0000, u32::MAX, 0, 1, 9] {
        let mut lie = GET_RANDOM_8.to_vec();
        lie[2..6].copy_from_slice(&size.to_be_bytes());
        assert_eq!(submit(&mut service, session, &lie), Err(ServiceError::BadParameters), "{size}");
    }
    for held in 0..10 {
        let answer = submit(&mut service, session, &GET_RANDOM_8[..held]);
        assert_eq!(answer, Err(ServiceError::BadParameters), "{held}");
    }
    let mut large = vec![0; 2 * MAX_MESSAGE_SIZE];
    large[..10].copy_from_slice(b"\x80\x01\0\0\x10\x01\0\0\x01\x7b");
    assert_eq!(submit(&mut service, session, &large), Err(ServiceError::BadParameters));
    // The largest that is taken at all gets the TPM's own answer.
    large[5] = 0;
    assert_eq!(submit(&mut service, session, &large).unwrap().len(), 10);
    assert_eq!(submit(&mut service, session, GET_RANDOM_8).unwrap().len(), 20);
}

/// A response that may not fit is refused before the command runs, so that nothing is done and not answered.
#[test]
fn a_short_response_buffer_executes_nothing() {
    let (mut service, session) = started();
    let mut extend =
        b"\x80\x02\0\0\0\x41\0\0\x01\x82\0\0\0\x04\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\0\0\0\x01\0\x0b".to_vec();
    extend.extend([0xAB; 32]);
    let before = service.tpm().state_digest();
    for size in [0, 10, MAX_MESSAGE_SIZE - 1] {
        let mut command = SharedMemory::new(&extend[..]);
        let mut response = SharedMemory::new(vec![0; size]);
        let mut parameters = nothing();
        parameters[0] = Parameter::Memory { direction: Direction::In, buffer: &mut command, written: 0 };
        parameters[1] = Parameter::Memory { direction: Direction::InOut, buffer: &mut response, written: 0 };
        let answer = service.invoke(session, Service::SUBMIT_COMMAND, &mut parameters);
        assert_eq!(answer, Err(ServiceError::ShortBuffer));
        assert!(matches!(parameters[1], Parameter::Memory { written: MAX_MESSAGE_SIZE, .. }));
        assert_eq!((command.accesses(), response.accesses()), ((0, 0), (0, 0)));
    }
    assert_eq!(service.tpm().state_digest(), before);
    assert_eq!(submit(&mut service, session, &extend).unwrap()[6..10], [0; 4]);
    assert_ne!(service.tpm().state_digest(), before);
}

#[test]
fn parameters_of_another_kind_are_refused() {
    let (mut service, session) = started();
    for wrong in 0..7 {
        let (mut command, mut response) =
            (SharedMemory::new(GET_RANDOM_8), SharedMemory::new([0; MAX_MESSAGE_SIZE]));
        let mut extra = SharedMemory::new([0; 16]);
        let mut parameters = nothing();
        parameters[0] = Parameter::Memory { direction: Direction::In, buffer: &mut command, written: 0 };
        parameters[1] = Parameter::Memory { direction: Direction::InOut, buffer: &mut response, written: 0 };
        match wrong {
            0 => parameters[0] = value(),
            1 => parameters[1] = value(),
            2 => parameters[2] = value(),
            3 => {
                parameters[3] = Parameter::Memory { direction: Direction::In, buffer: &mut extra, written: 0 }
            }
            4 => parameters[1] = Parameter::None,
            5 | 6 => {
                let at = wrong - 5;
                if let Parameter::Memory { direction, .. } = &mut parameters[at] {
                    *direction = Direction::Out;
                }
            }
            _ => {}
        }
        let answer = service.invoke(session, Service::SUBMIT_COMMAND, &mut parameters);
        assert_eq!(answer, Err(ServiceError::BadParameters), "{wrong}");
        assert_eq!(command.accesses(), (0, 0), "{wrong}");
    }
    let presence = service.invoke(session, Service::PHYSICAL_PRESENCE, &mut nothing());
    assert_eq!(presence, Err(ServiceError::NotSupported));
}

#[test]
fn one_session_and_no_user_past_the_kernel() {
    let (mut service, session) = started();
    for caller in [Caller::NormalWorld, Caller::Kernel, Caller::Service([7; 16])] {
        assert_eq!(service.open_session(caller, &mut nothing()), Err(ServiceError::Busy));
    }
    let user = Caller::User(0);
    assert_eq!(service.open_session(user, &mut nothing()), Err(ServiceError::AccessDenied));
    service.close_session(SessionId(session.0 + 1));
    assert_eq!(submit(&mut service, session, GET_RANDOM_8).unwrap().len(), 20);
    service.close_session(session);
    assert_eq!(submit(&mut service, session, GET_RANDOM_8), Err(ServiceError::NoSession));
    assert_eq!(service.open_session(user, &mut nothing()), Err(ServiceError::AccessDenied));
    let mut parameters = nothing();
    parameters[0] = Parameter::Value { direction: Direction::In, value: [1, 2] };
    assert_eq!(service.open_session(Caller::Kernel, &mut parameters), Err(ServiceError::BadParameters));
    let next = service.open_session(Caller::Kernel, &mut nothing()).unwrap();
    assert_ne!(next, session);
    assert_eq!(submit(&mut service, next, GET_RANDOM_8).unwrap().len(), 20);
}

/// Whoever crashes the driver gets no fresh PCRs by opening a session anew.
#[test]
fn optee_ftpm_7_a_new_session_is_no_reset() {
    let (mut service, session) = started();
    service.close_session(session);
    let session = service.open_session(Caller::Kernel, &mut nothing()).unwrap();
    // Startup again: the TPM is still running (TPM_RC_INITIALIZE), its PCRs are what they were.
    assert_eq!(submit(&mut service, session, STARTUP).unwrap()[6..10], [0, 0, 1, 0]);
}

/// The suite's own hostile callers.
#[test]
fn the_conformance_suite_finds_nothing() {
    struct Hosted(Service, MemoryPlatform);
    impl Bench for Hosted {
        fn platform(&mut self) -> &mut dyn Platform {
            &mut self.1
        }
        fn calm(&mut self) {}
        fn service_facts(&self) -> Result<ServiceFacts, Cannot> {
            Ok(ServiceFacts {
                one_session: true,
                functions: &[Service::SUBMIT_COMMAND],
                example: Some(Example {
                    function: Service::SUBMIT_COMMAND,
                    direction: Direction::InOut,
                    request: GET_RANDOM_8,
                    response_size: MAX_MESSAGE_SIZE,
                }),
            })
        }
        fn service(&mut self) -> Result<&mut dyn TrustedService, Cannot> {
            Ok(&mut self.0)
        }
    }
    let (mut service, session) = started();
    service.close_session(session);
    let mut bench = Hosted(service, MemoryPlatform::new(2));
    let mut passed = 0;
    for check in CHECKS.iter().filter(|check| check.area == Area::Service) {
        let outcome = run_check(check, &mut bench);
        match outcome.verdict {
            Verdict::Passed => passed += 1,
            // Nothing here calls while it is being called: that is the TEE's glue.
            Verdict::Skipped(_) => assert_eq!(check.name, "service_reentry_is_busy"),
            _ => panic!("{outcome}"),
        }
    }
    assert_eq!(passed, 7);
}
