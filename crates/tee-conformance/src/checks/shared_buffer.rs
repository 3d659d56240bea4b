//! Memory that the caller can change at any time.

use super::ensure;
use crate::bench::{Bench, SharedWindow};
use crate::report::Stop;

const INSIDE: u8 = 0x3C;

fn untouched(window: &dyn SharedWindow) -> bool {
    (0..window.size()).all(|at| window.seen(at) == INSIDE)
}

/// A range that does not lie in the buffer is refused whole.
pub(super) fn bounds(bench: &mut dyn Bench) -> Result<(), Stop> {
    let window = bench.shared_window()?;
    window.overwrite(INSIDE);
    let size = window.size();
    ensure(size >= 64, "the window is too small for the suite")?;
    let out_of_it = [
        (size, 1),
        (size - 1, 2),
        (size - 7, 8),
        (size + 1, 0),
        (usize::MAX, 0),
        (usize::MAX, 1),
        (usize::MAX - 7, 8),
        (usize::MAX - 6, 8),
        (usize::MAX / 2 + 1, 8),
    ];
    for (offset, length) in out_of_it {
        let mut out = [0xA5; 8];
        let read = window.copy_in(offset, &mut out[..length]);
        ensure(read.is_err(), "bytes outside of the buffer are read")?;
        ensure(out == [0xA5; 8], "a refused read brought something in")?;
        let written = window.copy_out(offset, &[0x11; 8][..length]);
        ensure(written.is_err(), "bytes outside of the buffer are written")?;
        ensure(untouched(window), "a refused write wrote something")?;
    }
    for offset in [0, 1, size - 1, size] {
        let empty = window.copy_in(offset, &mut []).is_ok() && window.copy_out(offset, &[]).is_ok();
        ensure(empty, "no bytes at all are refused within the buffer")?;
    }
    ensure(untouched(window), "no bytes at all changed something")
}

/// What is copied out is what the normal world sees, and the other way round; neighbours stay.
pub(super) fn copies(bench: &mut dyn Bench) -> Result<(), Stop> {
    let window = bench.shared_window()?;
    let size = window.size();
    for offset in [0, 1, 13, size - 8] {
        window.overwrite(INSIDE);
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        ensure(window.copy_out(offset, &bytes).is_ok(), "bytes within the buffer are refused")?;
        for at in 0..size {
            let expected = if at < offset { None } else { bytes.get(at - offset) };
            let right = window.seen(at) == *expected.unwrap_or(&INSIDE);
            ensure(right, "the normal world does not see what was copied out")?;
        }
        let mut back = [0; 8];
        ensure(window.copy_in(offset, &mut back).is_ok(), "bytes within the buffer are refused")?;
        ensure(back == bytes, "what is copied in is not what is there")?;
    }
    Ok(())
}

/// A copy is the service's own: what the normal world writes later does not reach it, and is seen by the next copy.
pub(super) fn one_fetch(bench: &mut dyn Bench) -> Result<(), Stop> {
    let window = bench.shared_window()?;
    window.overwrite(0x11);
    let (mut first, mut second) = ([0; 32], [0; 32]);
    ensure(window.copy_in(0, &mut first).is_ok(), "bytes within the buffer are refused")?;
    window.overwrite(0x22);
    ensure(first == [0x11; 32], "a copy changes with the caller's memory")?;
    ensure(window.copy_in(0, &mut second).is_ok(), "bytes within the buffer are refused")?;
    ensure(first == [0x11; 32] && second == [0x22; 32], "a copy is not what stands there now")
}
