//! A caller who rewrites shared memory during the call, before and after every single copy.
#![allow(clippy::unwrap_used, clippy::panic)]

use ftpm_service::{Buffer, Ftpm, MAX_MESSAGE_SIZE};
use platform_hostile::{HostileBuffer, HostilePlatform, Plan};
use tee_api::{Client, Direction, Parameter, Parameters, ServiceError, SessionId, TrustedService};
use tpm2_core::{Memory, Tpm};
use tpm2_crypto::engine::SOFTWARE;

type Service = Ftpm<'static, HostilePlatform>;

/// Calls with rewritten memory.
const CALLS: u64 = 2000;

/// Commands that change something, and some that only answer.
const COMMANDS: [&[u8]; 5] = [
    // TPM2_GetRandom(32)
    b"\x80\x01\0\0\0\x0c\0\0\x01\x7b\0\x20",
    // TPM2_PCR_Event(PCR[4]), with an empty password
    b"\x80\x02\0\0\0\x21\0\0\x01\x3c\0\0\0\x04\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\0\x04data",
    // TPM2_PCR_Read of PCR[4] in SHA-256
    b"\x80\x01\0\0\0\x14\0\0\x01\x7e\0\0\0\x01\0\x0b\x03\x10\0\0",
    // TPM2_ClearControl(TPM_RH_PLATFORM, NO), which is kept
    b"\x80\x02\0\0\0\x1c\0\0\x01\x27\x40\0\0\x0c\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\0",
    // TPM2_GetCapability of the handles of PCRs
    b"\x80\x01\0\0\0\x16\0\0\x01\x7a\0\0\0\x01\0\0\0\0\0\0\0\x40",
];

/// What is executed is what was taken, each byte once: a second TPM, which is given just that, answers the same and
/// remembers the same. What is put is the whole answer, at once, and nothing of it is read back.
#[test]
fn optee_ftpm_10_a_caller_who_rewrites_shared_memory_gains_nothing() {
    let (mut service, session) = started();
    let mut twin = tpm();
    assert_eq!(twin.execute(0, STARTUP)[6..10], [0; 4]);
    let (mut executed, mut changed, mut refused) = (0, 0, 0);
    for seed in 0..CALLS {
        let mut command = COMMANDS[seed as usize % COMMANDS.len()].to_vec();
        if seed % 7 == 0 {
            // A size that is not the command's.
            command[5] = (seed / 7) as u8;
        }
        let mut request = HostileBuffer::new(&command[..], seed);
        let mut response = HostileBuffer::new([0xEE; MAX_MESSAGE_SIZE], seed);
        let outcome = submit(&mut service, session, &mut request, &mut response);
        let taken = in_one_piece(&request);
        assert!(request.put().is_empty() && response.taken().is_empty(), "seed {seed}");
        match outcome {
            Ok(written) => {
                executed += 1;
                changed += u64::from(taken != command);
                let answer = twin.execute(0, &taken).to_vec();
                assert_eq!(response.put(), [(0, answer.clone())], "seed {seed}: {taken:02x?}");
                assert_eq!(written, answer.len(), "seed {seed}");
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error, ServiceError::BadParameters, "seed {seed}: {taken:02x?}");
                assert!(response.put().is_empty(), "seed {seed}");
            }
        }
        assert_eq!(service.tpm().state_digest(), twin.state_digest(), "seed {seed}: {taken:02x?}");
    }
    println!("{executed} executed, {changed} of them rewritten before the rest was taken, {refused} refused");
    assert!(changed > CALLS / 3 && refused > CALLS / 20, "{changed} rewritten, {refused} refused");
}

const STARTUP: &[u8] = b"\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0";

/// All that was taken, and that no byte was taken twice.
fn in_one_piece(request: &HostileBuffer) -> Vec<u8> {
    let mut piece = Vec::new();
    for (offset, bytes) in request.taken() {
        assert_eq!(offset, piece.len(), "taken twice, or not in order");
        piece.extend(bytes);
    }
    piece
}

fn tpm() -> Tpm<'static, HostilePlatform> {
    let memory = Box::leak(Box::new(Memory::<16384, 16384>::new()));
    let mut tpm = Tpm::new(memory.slices(), HostilePlatform::new(5, Plan::CALM), &SOFTWARE);
    tpm.manufacture().unwrap();
    tpm
}

fn started() -> (Service, SessionId) {
    let mut service = Ftpm::new(tpm(), Box::leak(Box::new(Buffer::new())));
    assert_eq!(service.tpm().execute(0, STARTUP)[6..10], [0; 4]);
    let session = service.open_session(Client::NormalWorld, &mut nothing()).unwrap();
    (service, session)
}

fn submit(
    service: &mut Service,
    session: SessionId,
    request: &mut HostileBuffer,
    response: &mut HostileBuffer,
) -> Result<usize, ServiceError> {
    let mut parameters = nothing();
    parameters[0] = Parameter::Memory { direction: Direction::In, buffer: request, written: 0 };
    parameters[1] = Parameter::Memory { direction: Direction::InOut, buffer: response, written: 0 };
    service.invoke(session, Service::SUBMIT_COMMAND, &mut parameters)?;
    match parameters[1] {
        Parameter::Memory { written, .. } => Ok(written),
        _ => panic!("the parameter changed its kind"),
    }
}

fn nothing<'a>() -> Parameters<'a> {
    [const { Parameter::None }; 4]
}
