//! Keys that belong to the device.

use tee_api::{DeviceKeyAssurance, DeviceKeyError, MAX_DERIVED_KEY_SIZE};

use super::{PATIENCE, ensure};
use crate::bench::{Bench, Restart};
use crate::report::{Claim, Finding, Stop};

pub(super) const ANY: Claim =
    Claim::Due { claim: "a device key", claimed: |claims| claims.device_key > DeviceKeyAssurance::None };
pub(super) const NONE: Claim =
    Claim::Due { claim: "no device key", claimed: |claims| claims.device_key == DeviceKeyAssurance::None };

const LABEL: &[u8] = b"conformance";

/// A key that has to come, once the device's key can be reached.
fn derive(bench: &mut dyn Bench, label: &[u8], out: &mut [u8]) -> Result<(), Stop> {
    for _ in 0..PATIENCE {
        match bench.platform().derive_key(label, out) {
            Ok(()) => return Ok(()),
            Err(DeviceKeyError::Unavailable) => bench.pause(),
            Err(error) => return Err(Finding::with("a key is not derived", error).into()),
        }
    }
    Err(Finding::new("the device's key is never there").into())
}

fn key(bench: &mut dyn Bench, label: &[u8]) -> Result<[u8; 32], Stop> {
    let mut out = [0; 32];
    derive(bench, label, &mut out)?;
    Ok(out)
}

pub(super) fn none_gives_none(bench: &mut dyn Bench) -> Result<(), Stop> {
    let mut out = [0xA5; 32];
    let answer = bench.platform().derive_key(LABEL, &mut out);
    ensure(answer == Err(DeviceKeyError::Unsupported), "there is no device key and it derives")?;
    ensure(out == [0; 32], "an error leaves something in the buffer")
}

/// The same label gives the same key, any other label another one.
pub(super) fn by_label(bench: &mut dyn Bench) -> Result<(), Stop> {
    let long = [0x61; 64];
    let mut one_other = long;
    one_other[63] ^= 1;
    let labels: [&[u8]; 9] = [LABEL, b"", b"a", b"aa", b"\0", b"a\0", b"conformancf", &long, &one_other];
    let mut keys = [[0; 32]; 9];
    for (at, label) in labels.into_iter().enumerate() {
        keys[at] = key(bench, label)?;
        ensure(!keys[..at].contains(&keys[at]), "two labels give one key")?;
    }
    for (at, label) in labels.into_iter().enumerate() {
        ensure(key(bench, label)? == keys[at], "one label gives two keys")?;
    }
    Ok(())
}

/// Every length up to the longest is filled; a longer key is refused.
pub(super) fn lengths(bench: &mut dyn Bench) -> Result<(), Stop> {
    for length in [0, 1, 16, 32, MAX_DERIVED_KEY_SIZE] {
        let mut keys = [[0x00; MAX_DERIVED_KEY_SIZE], [0xFF; MAX_DERIVED_KEY_SIZE]];
        for out in &mut keys {
            derive(bench, LABEL, &mut out[..length])?;
        }
        let [zeros_before, ones_before] = &keys;
        ensure(zeros_before[..length] == ones_before[..length], "a key is not filled to its end")?;
        let tail_is_zero = length >= 16 && zeros_before[length - 8..length] == [0; 8];
        ensure(!tail_is_zero, "a key ends in zeros")?;
        ensure(zeros_before[length..].iter().all(|byte| *byte == 0), "bytes behind the end were written")?;
    }
    let mut out = [0xA5; MAX_DERIVED_KEY_SIZE + 1];
    let answer = bench.platform().derive_key(LABEL, &mut out);
    ensure(answer == Err(DeviceKeyError::Unsupported), "a key that is too long is not refused")?;
    ensure(out.iter().all(|byte| *byte == 0), "an error leaves something in the buffer")
}

pub(super) fn outlives_restarts(bench: &mut dyn Bench) -> Result<(), Stop> {
    let before = key(bench, LABEL)?;
    for how in Restart::ALL {
        bench.restart(how)?;
        ensure(key(bench, LABEL)? == before, "after a restart the label gives another key")?;
    }
    Ok(())
}
