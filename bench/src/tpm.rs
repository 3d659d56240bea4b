//! A connection to one TPM that can time commands.

use crate::Result;
use crate::cmd::{self, Rsp, alg, cc, rh};
use crate::server::{CpuClock, Server, StartTimes, disk_writes};
use crate::transport::Transport;
use crate::wire::{R, W};
use std::time::Instant;

/// What one timed command cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub wall_us: f64,
    pub cpu_us: Option<f64>,
}

pub struct Tpm {
    t: Transport,
    pub pid: Option<u32>,
    clock: Option<CpuClock>,
    pub samples: Vec<Sample>,
    pub commands: u64,
    /// Off in throughput runs: no clock is read.
    pub timing: bool,
    /// Whether this TPM may be written to (NV, lockout state, persistent objects).
    pub writable: bool,
    pub banks: Vec<u16>,
    pub start: StartTimes,
}

/// NV indices and persistent handles that this program makes and removes.
pub const NV_BASE: u32 = 0x01BE_1000;
pub const PARENT: u32 = 0x8100_BE10;

impl Tpm {
    /// Connects and sends TPM2_Startup(CLEAR).
    pub fn open(server: &Server, i: usize, writable: bool) -> Result<Tpm> {
        let mut start = StartTimes::default();
        let t = server.connect(i, &mut start)?;
        let mut tpm = Tpm {
            t,
            pid: server.pid(),
            clock: None,
            samples: vec![],
            commands: 0,
            timing: true,
            writable,
            banks: vec![],
            start,
        };
        let r = tpm.exec(&cmd::frame(cc::STARTUP, &[], &[], &[0, 0]))?;
        if r.rc != 0 && r.rc != 0x100 {
            return Err(format!("Startup: 0x{:x}", r.rc));
        }
        tpm.start.first_response = server.started.elapsed().as_secs_f64() * 1e3;
        Ok(tpm)
    }

    /// Finds the PCR banks and the server's threads.
    pub fn prepare(&mut self) -> Result<()> {
        self.clock = self.pid.and_then(CpuClock::of);
        let rsp = self.call(&cmd::get_capability(5, 0, 1))?;
        let mut r = R(&rsp.body);
        r.take(5)?;
        for _ in 0..r.u32()? {
            let (bank, n) = (r.u16()?, r.u8()? as usize);
            if r.take(n)?.iter().any(|b| *b != 0) {
                self.banks.push(bank);
            }
        }
        Ok(())
    }

    /// Looks for the server's threads anew.
    pub fn refresh_clock(&mut self) {
        self.clock = self.pid.and_then(CpuClock::of);
    }

    pub fn exec(&mut self, c: &[u8]) -> Result<Rsp> {
        self.commands += 1;
        Rsp::parse(self.t.exec(c)?)
    }

    /// Sends a command that must succeed, untimed.
    pub fn call(&mut self, c: &[u8]) -> Result<Rsp> {
        self.exec(c)?.ok().map_err(|e| named(c, &e))
    }

    /// Sends a command and records its cost; any response code is accepted.
    pub fn timed_any(&mut self, c: &[u8]) -> Result<Rsp> {
        if !self.timing {
            return self.exec(c);
        }
        let c0 = self.clock.as_ref().map(|c| c.settle());
        let t0 = Instant::now();
        let rsp = self.t.exec(c);
        let wall = t0.elapsed();
        let rsp = Rsp::parse(rsp?)?;
        let c1 = self.clock.as_ref().map(|c| c.settle());
        self.commands += 1;
        self.samples.push(Sample {
            wall_us: wall.as_secs_f64() * 1e6,
            cpu_us: c0.zip(c1).map(|(a, b)| b.saturating_sub(a) as f64 / 1e3),
        });
        Ok(rsp)
    }

    /// Sends a command that must succeed and records its cost.
    pub fn timed(&mut self, c: &[u8]) -> Result<Rsp> {
        self.timed_any(c)?.ok().map_err(|e| named(c, &e))
    }

    pub fn disk_writes(&self) -> u64 {
        self.pid.map(disk_writes).unwrap_or(0)
    }

    // Helpers that make the objects operations need.

    /// (handle, public area, name)
    pub fn create_primary(&mut self, public: &[u8]) -> Result<(u32, Vec<u8>)> {
        let p = cmd::create_params(b"", b"", public);
        let c = cmd::frame(cc::CREATE_PRIMARY, &[rh::OWNER], &[cmd::pw(b"")], &p);
        let rsp = self.call(&c)?;
        let (h, params, _) = rsp.split(true)?;
        Ok((h, cmd::name_of(R(params).b2()?)))
    }

    /// The parent of children: a P-256 storage key at a persistent handle, or a transient one
    /// where the TPM may not be written to.
    pub fn parent(&mut self) -> Result<u32> {
        if self.writable && self.exec(&read_public(PARENT))?.rc == 0 {
            return Ok(PARENT);
        }
        let (h, _) = self.create_primary(&cmd::storage_p256(&[]))?;
        if !self.writable {
            return Ok(h);
        }
        self.evict(h, PARENT)?;
        self.call(&cmd::flush(h))?;
        Ok(PARENT)
    }

    fn evict(&mut self, object: u32, to: u32) -> Result<()> {
        let c = cmd::frame(0x120, &[rh::OWNER, object], &[cmd::pw(b"")], &to.to_be_bytes());
        self.call(&c).map(|_| ())
    }

    /// Creates a child: (private, public).
    pub fn create(
        &mut self,
        parent: u32,
        public: &[u8],
        auth: &[u8],
        data: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>)> {
        let p = cmd::create_params(auth, data, public);
        let rsp = self.call(&cmd::frame(cc::CREATE, &[parent], &[cmd::pw(b"")], &p))?;
        let mut r = R(rsp.params()?);
        Ok((r.b2()?.to_vec(), r.b2()?.to_vec()))
    }

    /// Creates and loads a child: (handle, name).
    pub fn child(&mut self, public: &[u8], auth: &[u8], data: &[u8]) -> Result<(u32, Vec<u8>)> {
        let parent = self.parent()?;
        let (private, public) = self.create(parent, public, auth, data)?;
        let rsp = self.call(&load(parent, &private, &public))?;
        if parent != PARENT {
            self.call(&cmd::flush(parent))?;
        }
        Ok((rsp.handle()?, cmd::name_of(&public)))
    }

    pub fn nv_define(&mut self, index: u32, attrs: u32, size: u16) -> Result<()> {
        self.nv_undefine(index)?;
        let p = cmd::nv_public(index, attrs, size);
        self.call(&cmd::frame(cc::NV_DEFINE_SPACE, &[rh::OWNER], &[cmd::pw(b"")], &p))?;
        Ok(())
    }

    /// Removes an index if it is there.
    pub fn nv_undefine(&mut self, index: u32) -> Result<()> {
        let c = cmd::frame(cc::NV_UNDEFINE_SPACE, &[rh::OWNER, index], &[cmd::pw(b"")], &[]);
        self.exec(&c).map(|_| ())
    }

    /// The digest of PolicyPCR over the PCRs as they stand.
    pub fn pcr_policy_digest(&mut self, select: &[u8]) -> Result<Vec<u8>> {
        let s = self.call(&cmd::start_auth_session(cmd::se::TRIAL, rh::NULL, &[]))?.handle()?;
        self.call(&policy_pcr(s, select))?;
        let rsp = self.call(&cmd::frame(cc::POLICY_GET_DIGEST, &[s], &[], &[]))?;
        self.call(&cmd::flush(s))?;
        Ok(R(&rsp.body).b2()?.to_vec())
    }

    fn handles(&mut self, first: u32) -> Result<Vec<u32>> {
        let rsp = self.call(&cmd::get_capability(1, first, 64))?;
        let mut r = R(&rsp.body);
        r.take(5)?;
        (0..r.u32()?).map(|_| r.u32()).collect()
    }

    /// Flushes transient objects and sessions and removes this program's NV indices.
    pub fn clean(&mut self) -> Result<()> {
        for first in [0x8000_0000, 0x0200_0000, 0x0300_0000] {
            for h in self.handles(first)? {
                self.exec(&cmd::flush(h))?;
            }
        }
        if self.writable {
            for h in self.handles(NV_BASE)? {
                if h & !0xfff == NV_BASE {
                    self.nv_undefine(h)?;
                }
            }
        }
        Ok(())
    }

    /// Removes what remains of this program's objects.
    pub fn finish(&mut self) -> Result<()> {
        self.clean()?;
        if self.writable && self.exec(&read_public(PARENT))?.rc == 0 {
            self.evict(PARENT, PARENT)?;
        }
        Ok(())
    }

    /// A bank to use: SHA-256 where the TPM has it.
    pub fn bank(&self) -> u16 {
        if self.banks.contains(&alg::SHA256) {
            alg::SHA256
        } else {
            self.banks.first().copied().unwrap_or(alg::SHA256)
        }
    }
}

pub fn read_public(h: u32) -> Vec<u8> {
    cmd::frame(cc::READ_PUBLIC, &[h], &[], &[])
}

pub fn load(parent: u32, private: &[u8], public: &[u8]) -> Vec<u8> {
    let p = W::new().b2(private).b2(public).0;
    cmd::frame(cc::LOAD, &[parent], &[cmd::pw(b"")], &p)
}

pub fn policy_pcr(session: u32, select: &[u8]) -> Vec<u8> {
    let p = W::new().b2(&[]).raw(select).0;
    cmd::frame(cc::POLICY_PCR, &[session], &[], &p)
}

/// An error with the command it belongs to.
fn named(command: &[u8], error: &str) -> String {
    let code = command.get(6..10).map_or(Ok(0), |b| R(b).u32()).unwrap_or(0);
    format!("command 0x{code:x}: {error}")
}
