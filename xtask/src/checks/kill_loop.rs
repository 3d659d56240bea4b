//! kill -9 while a counter increments.

use crate::steps::Outcome;
use crate::tpm::Maker;
use crate::workspace;
use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tpm_bench::cmd::{cc, frame, nv, pw};
use tpm_bench::server::{Server, Spec};
use tpm_bench::stats::Lcg;
use tpm_bench::tpm::{NV_BASE, Tpm};

/// How long, at most, a round lets the counter run.
const LONGEST_ROUND_MICROSECONDS: usize = 6000;

/// Kills the TPM at a random moment of each round. After the restart the counter stands where the last answer said,
/// or one further: the increment whose answer was still on its way.
pub(super) fn check(maker: Maker, rounds: u32) -> Result<Outcome> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut random = Lcg::new(seed);
    let folder = tempfile::tempdir()?;
    let program = match maker {
        Maker::Ftpm => workspace::ftpm().display().to_string(),
        Maker::Swtpm => "swtpm".into(),
    };
    let spec = Spec::parse(&format!("swtpm:{program}")).map_err(|error| anyhow!(error))?;
    let start = |server: &Server| Tpm::open(server, 0, true).map_err(|error| anyhow!(error));

    let mut server = Server::start("killed", &spec, folder.path(), 1).map_err(|error| anyhow!(error))?;
    let mut tpm = start(&server)?;
    tpm.nv_define(NV_BASE, nv::BASE | nv::COUNTER, 8).map_err(|error| anyhow!(error))?;
    ensure!(increment(&mut tpm)?, "the first increment was not answered");
    let mut acknowledged = read(&mut tpm)?;
    let (mut increments, mut ahead) = (0u64, 0u64);
    for round in 0..rounds {
        let id = server.pid().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).context("no process")?;
        let wait = Duration::from_micros(random.below(LONGEST_ROUND_MICROSECONDS) as u64);
        let killer = thread::spawn(move || {
            thread::sleep(wait);
            kill_process(id, Signal::KILL)
        });
        while increment(&mut tpm)? {
            acknowledged += 1;
            increments += 1;
        }
        killer.join().map_err(|_| anyhow!("the killing thread ended early"))??;
        server.restart().map_err(|error| anyhow!(error))?;
        tpm = start(&server).with_context(|| format!("restart after round {round} (seed {seed})"))?;
        let found = read(&mut tpm)?;
        ensure!(
            found == acknowledged || found == acknowledged + 1,
            "round {round} (seed {seed}): {acknowledged} was acknowledged, and the counter stands at {found}"
        );
        ahead += found - acknowledged;
        acknowledged = found;
    }
    println!(
        "   {rounds} kills, {increments} acknowledged increments, {ahead} kept whose answer was lost with the kill"
    );
    ensure!(increments > u64::from(rounds) / 2, "too few increments to mean anything");
    Ok(Outcome::Counted { passed: u64::from(rounds), failed: 0 })
}

/// Whether the increment was answered; no answer means that the TPM is dead.
fn increment(tpm: &mut Tpm) -> Result<bool> {
    match tpm.exec(&frame(cc::NV_INCREMENT, &[NV_BASE, NV_BASE], &[pw(b"")], &[])) {
        Ok(response) => {
            ensure!(response.rc == 0, "NV_Increment answered 0x{:x}", response.rc);
            Ok(true)
        }
        Err(_) => Ok(false),
    }
}

fn read(tpm: &mut Tpm) -> Result<u64> {
    let size_and_offset = [0, 8, 0, 0];
    let command = frame(cc::NV_READ, &[NV_BASE, NV_BASE], &[pw(b"")], &size_and_offset);
    let response = tpm.call(&command).map_err(|error| anyhow!(error))?;
    let (_, parameters, _): (_, &[u8], &[u8]) = response.split(false).map_err(|error| anyhow!(error))?;
    let value = parameters
        .get(2..10)
        .and_then(|bytes| bytes.try_into().ok())
        .context("NV_Read answered too little")?;
    Ok(u64::from_be_bytes(value))
}
