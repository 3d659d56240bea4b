//! The added command answers, and the TPM lists it.

use platform_memory::MemoryPlatform;
use tpm2_core::{Memory, Tpm};
use tpm2_crypto::engine::SOFTWARE;

const FIRMWARE_READ: u32 = 0x179;
const GET_CAPABILITY: u32 = 0x17A;
const STARTUP: u32 = 0x144;

fn command(code: u32, parameters: &[u8]) -> Vec<u8> {
    let size = u32::try_from(10 + parameters.len()).unwrap();
    [&[0x80, 0x01], &size.to_be_bytes()[..], &code.to_be_bytes(), parameters].concat()
}

#[test]
fn the_added_command_is_dispatched_and_listed() {
    let mut memory: Box<Memory> = Box::default();
    let mut tpm = Tpm::new(memory.slices(), MemoryPlatform::new(1), &SOFTWARE);
    tpm.manufacture().unwrap();
    assert_eq!(tpm.execute(0, &command(STARTUP, &[0, 0]))[6..10], [0; 4]);

    assert_eq!(tpm.execute(0, &command(FIRMWARE_READ, &[0, 0, 0, 7]))[6..], [0; 6]);
    // TPM_RC_VALUE, parameter 1.
    assert_eq!(tpm.execute(0, &command(FIRMWARE_READ, &[0, 0, 0, 8]))[6..10], [0, 0, 1, 0xC4]);

    let one_from_its_code = [0, 0, 0, 2, 0, 0, 1, 0x79, 0, 0, 0, 1];
    let answer = tpm.execute(0, &command(GET_CAPABILITY, &one_from_its_code));
    // Success, (more data or not), TPM_CAP_COMMANDS, one, its TPMA_CC.
    assert_eq!(answer[6..10], [0; 4]);
    assert_eq!(answer[11..], [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 1, 0x79]);
}
