//! Before every command that the cases send, bent copies of it: cut short, lengthened, with a size off by one or two,
//! with a bit flipped. Whatever the bytes, the answer is well formed, and a refusal leaves the state as it was.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformance::machine::{self, CommitFailure, Machine, NotHere};
use conformance::response_codes;
use tpm2_client::Transport;
use tpm2_types::ResponseCode;

#[test]
fn bent_commands_are_answered_and_change_nothing() {
    let findings = Arc::new(Mutex::new(Vec::new()));
    let make = machine::in_process();
    let factory = {
        let findings = Arc::clone(&findings);
        move || {
            let hostile = Hostile { inner: make()?, findings: Arc::clone(&findings), seed: 1 };
            io::Result::Ok(Box::new(hostile) as Box<dyn Machine>)
        }
    };
    let outcomes = response_codes::run(&factory, "", 2).unwrap();
    // The bent commands may get in the way of a case; only a panic is a finding here.
    let panicked = outcomes
        .iter()
        .filter(|outcome| outcome.result.as_ref().is_err_and(|error| error.to_string().contains("panicked")));
    let mut findings = findings.lock().unwrap();
    findings.extend(panicked.map(|outcome| format!("panicked: {}", outcome.name)));
    assert!(
        findings.is_empty(),
        "{} findings, the first:\n{}",
        findings.len(),
        findings[..findings.len().min(20)].join("\n")
    );
}

/// A machine that is sent more than the case sends.
struct Hostile {
    inner: Box<dyn Machine>,
    findings: Arc<Mutex<Vec<String>>>,
    seed: u64,
}

impl Hostile {
    fn provoke(&mut self, locality: u8, command: &[u8]) -> io::Result<()> {
        for _ in 0..BENT {
            let bent = self.bend(command);
            let (response, mut unchanged) = self.send(locality, &bent)?;
            if !unchanged && is_refusal(&response) {
                // That a protected authorization is about to be checked is noted beforehand, once.
                (_, unchanged) = self.send(locality, &bent)?;
            }
            if let Err(finding) = judge(&response, unchanged) {
                self.findings.lock().unwrap().push(format!("{finding}: {bent:02x?} got {response:02x?}"));
            }
        }
        Ok(())
    }

    /// The response, and whether the state is as before.
    fn send(&mut self, locality: u8, command: &[u8]) -> io::Result<(Vec<u8>, bool)> {
        let before = self.inner.state_digest();
        let response = self.inner.transceive(locality, command)?;
        Ok((response, before == self.inner.state_digest()))
    }

    /// A copy of `command` with one thing wrong; commandSize is right, mostly, so that the rest is looked at.
    fn bend(&mut self, command: &[u8]) -> Vec<u8> {
        let mut bent = command.to_vec();
        let at = HEADER + self.random(bent.len().saturating_sub(HEADER).max(1));
        match self.random(5) {
            0 => bent.truncate(at),
            1 => bent.extend_from_slice(&[0; 3][..1 + self.random(3)]),
            2 => {
                let off = [1_u16, 2, u16::MAX, u16::MAX - 1][self.random(4)];
                if let Some(size) = bent.get_mut(at..at + 2) {
                    let value = u16::from_be_bytes([size[0], size[1]]).wrapping_add(off);
                    size.copy_from_slice(&value.to_be_bytes());
                }
            }
            3 => {
                let bit = 1 << self.random(8);
                if let Some(octet) = bent.get_mut(at) {
                    *octet ^= bit;
                }
            }
            _ => {
                let octet = [0, 0x7F, 0x80, 0xFF][self.random(4)];
                if let Some(there) = bent.get_mut(at) {
                    *there = octet;
                }
            }
        }
        if self.random(16) != 0 {
            let size = u32::try_from(bent.len()).unwrap();
            bent[2..6].copy_from_slice(&size.to_be_bytes());
        }
        bent
    }

    /// Less than `bound`, the same in every run (SplitMix64).
    fn random(&mut self, bound: usize) -> usize {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

/// Bent copies of each command.
const BENT: usize = 100;
/// Octets of a command header, of which the code is left alone.
const HEADER: usize = 10;

fn is_refusal(response: &[u8]) -> bool {
    response.get(6..10).is_some_and(|code| code != [0; 4])
}

fn judge(response: &[u8], unchanged: bool) -> Result<(), &'static str> {
    let &[tag_high, tag_low, a, b, c, d, e, f, g, h, ..] = response else {
        return Err("shorter than a header");
    };
    if usize::try_from(u32::from_be_bytes([a, b, c, d])) != Ok(response.len()) {
        return Err("responseSize is wrong");
    }
    let code = ResponseCode::new(u32::from_be_bytes([e, f, g, h]));
    let tag = u16::from_be_bytes([tag_high, tag_low]);
    match code {
        ResponseCode::SUCCESS if matches!(tag, 0x8001 | 0x8002) => Ok(()),
        ResponseCode::SUCCESS => Err("a tag that no response has"),
        _ if response.len() != HEADER => Err("an error with more than a header"),
        _ if code.base() == ResponseCode::AUTH_FAIL || unchanged => Ok(()),
        _ => Err("refused, yet the state has changed"),
    }
}

impl Transport for Hostile {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        self.provoke(locality, command)?;
        self.inner.transceive(locality, command)
    }
}

impl Machine for Hostile {
    fn power_cycle(&mut self) -> io::Result<()> {
        self.inner.power_cycle()
    }

    fn state_digest(&self) -> Option<[u8; 32]> {
        self.inner.state_digest()
    }

    fn pass(&mut self, time: Duration) -> io::Result<()> {
        self.inner.pass(time)
    }

    fn fail_next_commit(&mut self, failure: CommitFailure) -> Result<(), NotHere> {
        self.inner.fail_next_commit(failure)
    }

    fn cancel_next(&mut self) -> Result<(), NotHere> {
        self.inner.cancel_next()
    }

    fn restart_with_little_memory(&mut self) -> Result<(), NotHere> {
        self.inner.restart_with_little_memory()
    }

    fn restart_without_saved_state(&mut self) -> Result<(), NotHere> {
        self.inner.restart_without_saved_state()
    }

    fn restart_with_wrong_engine(&mut self) -> Result<(), NotHere> {
        self.inner.restart_with_wrong_engine()
    }

    fn takes_any_bytes(&self) -> Result<(), NotHere> {
        self.inner.takes_any_bytes()
    }
}
