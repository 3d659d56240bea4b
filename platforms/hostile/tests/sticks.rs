//! A source of entropy that sticks while the journal draws its nonces from it.
#![allow(clippy::unwrap_used)]

use platform_hostile::{HostilePlatform, Plan, What};
use tee_api::{AtomicStore, Change, RecordKey};

const A: RecordKey = RecordKey { kind: 1, id: 1 };

/// The sealed bytes of two values of one length must not show in what the two differ: with a nonce used twice their
/// difference would be that of the values.
#[test]
fn entropy_that_sticks_does_not_make_two_frames_show_their_difference() {
    let device = HostilePlatform::new(1, Plan::CALM);
    let mut store = device.handle();
    store.commit(&[Change::Put { key: A, value: b"" }]).unwrap();
    device.set_plan(Plan::one(0, What::EntropySticks(7)));
    let values: [[u8; 300]; 2] = [[0x11; 300], [0x77; 300]];
    let frames = values.map(|value| {
        let before = device.tamper(|medium| medium.to_vec());
        store.commit(&[Change::Put { key: A, value: &value }]).unwrap();
        let after = device.tamper(|medium| medium.to_vec());
        let first = before.iter().zip(&after).position(|(old, new)| old != new).unwrap();
        after[first..first + 512].to_vec()
    });
    let same = frames[0].iter().zip(&frames[1]).filter(|(a, b)| *a ^ *b == 0x11 ^ 0x77).count();
    assert!(same < 100, "{same} of 300 bytes show it");
}
