//! One command after another through the whole pipeline, on a device in memory.
#![allow(clippy::unwrap_used, reason = "tests")]

use platform_memory::MemoryPlatform;
use tpm2_core::{Memory, Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;

const STARTUP_CLEAR: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0];

fn code(response: &[u8]) -> u32 {
    u32::from_be_bytes(response[6..10].try_into().unwrap())
}

#[test]
fn measures_only_after_startup() {
    let mut memory = Box::new(Memory::<16384, 16384>::new());
    let mut tpm = Tpm::new(memory.slices(), MemoryPlatform::new(1), &SOFTWARE);
    assert_eq!(tpm.start(), Start::Empty);
    tpm.manufacture().unwrap();
    assert_eq!(tpm.start(), Start::Existing);

    let get_random = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7B, 0, 8];
    assert_eq!(code(tpm.execute(0, &get_random)), 0x100);
    assert_eq!(code(tpm.execute(0, &STARTUP_CLEAR)), 0);
    assert_eq!(code(tpm.execute(0, &STARTUP_CLEAR)), 0x100);
    let random = tpm.execute(0, &get_random);
    assert_eq!((random.len(), &random[10..12]), (20, &[0, 8][..]));

    let mut extend = vec![0x80, 2, 0, 0, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 16];
    extend.extend([0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0]);
    extend.extend([0, 0, 0, 1, 0, 0x0B]);
    extend.extend([7; 32]);
    let size = u32::try_from(extend.len()).unwrap();
    extend[2..6].copy_from_slice(&size.to_be_bytes());
    let before = tpm.state_digest();
    let response = tpm.execute(0, &extend);
    assert_eq!(response, [0x80, 2, 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_ne!(tpm.state_digest(), before);
}
