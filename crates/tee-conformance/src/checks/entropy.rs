//! Entropy: all of it, or an error.

use tee_api::{EntropyAssurance, EntropyError, EntropyHealth};

use super::{PATIENCE, ensure};
use crate::bench::{Bench, Restart, Starvation};
use crate::report::{Claim, Finding, Stop};

pub(super) const ANY: Claim =
    Claim::Due { claim: "entropy", claimed: |claims| claims.entropy > EntropyAssurance::None };
pub(super) const NONE: Claim =
    Claim::Due { claim: "no entropy", claimed: |claims| claims.entropy == EntropyAssurance::None };

/// Entropy that has to come, once the source has some.
fn fill(bench: &mut dyn Bench, out: &mut [u8]) -> Result<(), Stop> {
    for _ in 0..PATIENCE {
        match bench.platform().fill_entropy(out) {
            Ok(()) => return Ok(()),
            Err(EntropyError::Unavailable) => bench.pause(),
            Err(error) => return Err(Finding::with("a healthy source gave none", error).into()),
        }
    }
    Err(Finding::new("the source has none, however long one waits").into())
}

/// Every byte of every size is drawn: in eight answers none stays what it was, or the same.
pub(super) fn fills_all(bench: &mut dyn Bench) -> Result<(), Stop> {
    const LARGEST: usize = 257;
    const SIZES: [usize; 8] = [0, 1, 31, 32, 33, 64, 256, LARGEST];
    const BEFORE: [u8; 8] = [0x00, 0xFF, 0xA5, 0x5A, 0x0F, 0xF0, 0x33, 0xCC];
    for size in SIZES {
        let mut first = [0; LARGEST];
        let mut varies = [false; LARGEST];
        let mut drawn = [false; LARGEST];
        for (round, before) in BEFORE.into_iter().enumerate() {
            let mut answer = [before; LARGEST];
            fill(bench, &mut answer[..size])?;
            ensure(answer[size..].iter().all(|byte| *byte == before), "bytes behind the end were written")?;
            if round == 0 {
                first = answer;
            }
            for at in 0..size {
                varies[at] |= answer[at] != first[at];
                drawn[at] |= answer[at] != before;
            }
        }
        let left = (0..size).find(|at| !varies[*at] || !drawn[*at]);
        if let Some(at) = left {
            return Err(Finding::with("an answer without error leaves bytes undrawn, from", at as u64).into());
        }
    }
    Ok(())
}

/// 4096 bytes in pieces: no piece comes twice, and ones and zeros are about as many.
pub(super) fn never_repeats(bench: &mut dyn Bench) -> Result<(), Stop> {
    const PIECES: usize = 128;
    const PIECE: usize = 32;
    let mut seen = [0u64; PIECES];
    let mut ones = 0;
    for at in 0..PIECES {
        let mut piece = [0; PIECE];
        fill(bench, &mut piece)?;
        ones += piece.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let begin = piece.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        ensure(!seen[..at].contains(&begin), "the same entropy came twice")?;
        ensure(piece.windows(8).all(|run| run.iter().any(|byte| *byte != run[0])), "the source is stuck")?;
        seen[at] = begin;
    }
    // Twelve standard deviations: a good source does not meet this bound in a lifetime.
    let half = (PIECES * PIECE * 8 / 2) as u32;
    ensure(ones.abs_diff(half) < 1100, "the source is biased")
}

/// A generator that begins with the same seed at every start gives everybody's keys away.
pub(super) fn differs_after_restart(bench: &mut dyn Bench) -> Result<(), Stop> {
    let mut seen = [[0; 32]; 4];
    fill(bench, &mut seen[0])?;
    for (at, how) in Restart::ALL.into_iter().enumerate() {
        bench.restart(how)?;
        let mut answer = [0; 32];
        fill(bench, &mut answer)?;
        ensure(!seen[..=at].contains(&answer), "the same entropy came again after a restart")?;
        seen[at + 1] = answer;
    }
    Ok(())
}

pub(super) fn none_gives_none(bench: &mut dyn Bench) -> Result<(), Stop> {
    let mut out = [0xA5; 16];
    let answer = bench.platform().fill_entropy(&mut out);
    ensure(answer.is_err(), "there is no source and it answers")?;
    ensure(out == [0; 16], "an error leaves something in the buffer")
}

pub(super) fn error_leaves_zeros(bench: &mut dyn Bench) -> Result<(), Stop> {
    bench.starve(Starvation::Dry)?;
    let mut out = [0xA5; 33];
    let answer = bench.platform().fill_entropy(&mut out);
    ensure(answer.is_err(), "a source that has nothing answers")?;
    ensure(out == [0; 33], "an error leaves something in the buffer")?;
    bench.calm();
    if bench.platform().entropy_assurance() > EntropyAssurance::None {
        fill(bench, &mut out)?;
    }
    Ok(())
}

/// A source whose health test failed gives nothing until the platform's reset, and its health says so.
pub(super) fn failure_sticks(bench: &mut dyn Bench) -> Result<(), Stop> {
    let healthy = bench.platform().entropy_health() != EntropyHealth::Failed;
    ensure(healthy, "the source is failed before anything was done to it")?;
    bench.starve(Starvation::Stuck)?;
    let mut out = [0xA5; 16];
    for _ in 0..2 {
        // The test may need some bytes to find it, and those may not be given out.
        let answer = bench.platform().fill_entropy(&mut out);
        ensure(answer.is_err(), "a source that is stuck answers")?;
        ensure(out == [0; 16], "an error leaves something in the buffer")?;
    }
    let failed = bench.platform().entropy_health() == EntropyHealth::Failed;
    ensure(failed, "a source that is stuck is not reported as failed")?;
    bench.calm();
    bench.restart(Restart::Service)?;
    let still = bench.platform().entropy_health() == EntropyHealth::Failed
        && bench.platform().fill_entropy(&mut out).is_err();
    ensure(still, "a failed source is good again before the platform's reset")?;
    bench.restart(Restart::Platform)?;
    fill(bench, &mut out)
}
