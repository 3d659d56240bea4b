//! Latency, throughput, startup and scaling runs.

use crate::Result;
use crate::ops::{OPS, Op, Step};
use crate::report::{Json, ratio, table, us};
use crate::server::{CpuClock, Server, Spec, StartTimes, mem_available, memory, stat_cpu};
use crate::stats::{Summary, mean, median, paired_ratio};
use crate::tpm::{Sample, Tpm};
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub struct Options {
    pub servers: Vec<(String, Spec)>,
    pub root: PathBuf,
    /// Operation names; empty for all.
    pub only: Vec<String>,
    /// Overrides each operation's sample count.
    pub n: Option<usize>,
    /// Seconds per operation after which sampling stops early.
    pub budget: f64,
    pub warmup: u64,
    pub counts: Vec<usize>,
    /// Whether TPMs not started here may be written to.
    pub allow_writes: bool,
}

impl Options {
    fn writable(&self, spec: &Spec) -> bool {
        spec.launch.is_some() || self.allow_writes
    }
    fn ops(&self) -> impl Iterator<Item = &'static Op> + '_ {
        let wanted = |o: &&Op| {
            let hit = |p: &String| match p.strip_suffix('*') {
                Some(prefix) => o.name.starts_with(prefix),
                None => o.name == p,
            };
            self.only.is_empty() || self.only.iter().any(hit)
        };
        OPS.iter().filter(wanted)
    }
    fn open(&self) -> Result<Vec<(Server, Tpm)>> {
        let mut v = vec![];
        for (name, spec) in &self.servers {
            let s = Server::start(name, spec, &self.root, 1)?;
            let mut t = Tpm::open(&s, 0, self.writable(spec))?;
            t.prepare()?;
            v.push((s, t));
        }
        Ok(v)
    }
}

fn names(o: &Options) -> Json {
    Json::Arr(o.servers.iter().map(|(n, _)| Json::str(n)).collect())
}

fn wall(s: &[Sample]) -> Vec<f64> {
    s.iter().map(|x| x.wall_us).collect()
}

fn cpu(s: &[Sample]) -> Vec<f64> {
    s.iter().filter_map(|x| x.cpu_us).collect()
}

/// CPU milliseconds that a process has used; without those of threads that ended.
fn cpu_ms(pid: u32) -> f64 {
    CpuClock::of(pid).map_or(0.0, |c| c.settle() as f64 / 1e6)
}

/// Makes an operation's step on one TPM, or says why it cannot run there.
fn make(op: &Op, t: &mut Tpm) -> Result<Step> {
    if op.writes && !t.writable {
        return Err("would write to the TPM (--allow-writes)".into());
    }
    t.clean()?;
    (op.make)(t)
}

/// Memory and state-folder lines for each server.
fn footprint(pairs: &[(Server, Tpm)]) -> (String, Json) {
    let head = ["server", "rss KiB", "peak rss", "pss", "private", "state B", "on disk", "files"];
    let mut rows = vec![head.map(String::from).to_vec()];
    let mut arr = vec![];
    for (s, _) in pairs {
        let m = s.pid().map(memory).unwrap_or_default();
        let z = s.state_size().unwrap_or_default();
        let nums = [m.rss, m.peak_rss, m.pss, m.private, z.0, z.1, z.2 as u64];
        let mut row = vec![s.name.clone()];
        row.extend(nums.map(|v| v.to_string()));
        rows.push(row);
        let keys = ["rss_kib", "peak_rss_kib", "pss_kib", "private_kib", "state_bytes"];
        let mut obj = vec![("server", Json::str(&s.name))];
        obj.extend(keys.iter().zip(nums).map(|(k, v)| (*k, Json::Num(v as f64))));
        arr.push(Json::Obj(obj));
    }
    (table(&rows), Json::Arr(arr))
}

/// Times every operation, the servers taking turns.
pub fn latency(o: &Options) -> Result<(String, Json)> {
    let mut pairs = o.open()?;
    let two = pairs.len() == 2;
    let mut head: Vec<String> = vec!["operation".into(), "n".into()];
    for (s, _) in &pairs {
        let cols = ["min", "median", "p95", "p99", "mean", "cpu", "wrB"];
        head.extend(cols.iter().map(|c| format!("{}:{c}", s.name)));
    }
    if two {
        head.extend(["A/B median".into(), "A/B mean".into(), "A/B cpu".into()]);
    }
    let mut rows = vec![head];
    let mut out = vec![];
    for op in o.ops() {
        match one_op(o, op, &mut pairs) {
            Err(e) => {
                eprintln!("{}: {e}", op.name);
                rows.push(vec![op.name.into(), "0".into(), e]);
            }
            Ok(written) => {
                let (row, obj) = latency_row(op, &pairs, &written);
                eprintln!("{}", row.join("  "));
                rows.push(row);
                out.push(obj);
            }
        }
    }
    for (_, t) in &mut pairs {
        t.finish()?;
    }
    let (foot, foot_json) = footprint(&pairs);
    let json = Json::Obj(vec![
        ("mode", Json::str("latency")),
        ("unit", Json::str("microseconds")),
        ("servers", names(o)),
        ("operations", Json::Arr(out)),
        ("footprint", foot_json),
    ]);
    Ok((format!("{}\n{foot}", table(&rows)), json))
}

/// Runs one operation on all the servers; returns the bytes each sent to disk.
fn one_op(o: &Options, op: &Op, pairs: &mut [(Server, Tpm)]) -> Result<Vec<u64>> {
    let mut steps = vec![];
    for (s, t) in pairs.iter_mut() {
        let mut step = make(op, t).map_err(|e| format!("{}: {e}", s.name))?;
        for i in 0..o.warmup {
            step(t, 1_000_000 + i).map_err(|e| format!("{}: {e}", s.name))?;
        }
        t.refresh_clock();
        t.samples.clear();
        steps.push(step);
    }
    let before: Vec<u64> = pairs.iter().map(|(_, t)| t.disk_writes()).collect();
    let until = Instant::now() + Duration::from_secs_f64(o.budget * pairs.len() as f64);
    let k = pairs.len();
    for i in 0..o.n.unwrap_or(op.n) {
        // A B, B A, A B … so that a drift in the machine's speed falls on both alike.
        for j in 0..k {
            let j = if i % 2 == 0 { j } else { k - 1 - j };
            let (s, t) = &mut pairs[j];
            steps[j](t, i as u64).map_err(|e| format!("{}: {e}", s.name))?;
        }
        if i >= 4 && Instant::now() > until {
            break;
        }
    }
    let after = pairs.iter().map(|(_, t)| t.disk_writes());
    Ok(after.zip(before).map(|(a, b)| a - b).collect())
}

fn latency_row(op: &Op, pairs: &[(Server, Tpm)], written: &[u64]) -> (Vec<String>, Json) {
    let mut row = vec![op.name.to_string(), pairs[0].1.samples.len().to_string()];
    let mut results = vec![];
    for ((s, t), bytes) in pairs.iter().zip(written) {
        let w = Summary::of(&wall(&t.samples));
        let c = cpu(&t.samples);
        let per_op = *bytes as f64 / w.n as f64;
        row.extend([w.min, w.median, w.p95, w.p99, w.mean].map(us));
        row.push(if c.is_empty() { "-".into() } else { us(mean(&c)) });
        row.push(format!("{per_op:.0}"));
        results.push(Json::Obj(vec![
            ("server", Json::str(&s.name)),
            ("wall", Json::summary(&w)),
            ("cpu", if c.is_empty() { Json::Null } else { Json::summary(&Summary::of(&c)) }),
            ("disk_bytes_per_op", Json::Num(per_op)),
        ]));
    }
    let mut obj = vec![("name", Json::str(op.name)), ("results", Json::Arr(results))];
    if let [(_, a), (_, b)] = pairs {
        let rw = paired_ratio(&wall(&a.samples), &wall(&b.samples), median);
        let rm = paired_ratio(&wall(&a.samples), &wall(&b.samples), mean);
        let rc = paired_ratio(&cpu(&a.samples), &cpu(&b.samples), mean);
        row.extend([ratio(rw), ratio(rm), ratio(rc)]);
        obj.push(("ratio_median", Json::ratio(rw)));
        obj.push(("ratio_mean", Json::ratio(rm)));
        obj.push(("ratio_cpu", Json::ratio(rc)));
    }
    (row, Json::Obj(obj))
}

/// As many operations as a server manages, one server after the other, in short turns.
pub fn throughput(o: &Options) -> Result<(String, Json)> {
    const TURNS: usize = 5;
    let mut pairs = o.open()?;
    let mut head: Vec<String> = vec!["operation".into()];
    for (s, _) in &pairs {
        let cols = ["op/s", "user us", "sys us", "cmd/op"];
        head.extend(cols.iter().map(|c| format!("{}:{c}", s.name)));
    }
    let mut rows = vec![head];
    let mut out = vec![];
    for op in o.ops() {
        let mut row = vec![op.name.to_string()];
        let mut results = vec![];
        let mut steps = vec![];
        for (s, t) in pairs.iter_mut() {
            t.timing = false;
            steps.push(make(op, t).map_err(|e| format!("{} {}: {e}", s.name, op.name)));
        }
        // (operations, seconds, user, system, commands)
        let mut sums = vec![(0u64, 0.0, 0.0, 0.0, 0u64); pairs.len()];
        let mut next = 2_000_000u64;
        for _ in 0..TURNS {
            for (j, (_, t)) in pairs.iter_mut().enumerate() {
                let Ok(step) = &mut steps[j] else { continue };
                let (cpu0, cmds0) = (t.pid.map(stat_cpu).unwrap_or_default(), t.commands);
                let t0 = Instant::now();
                while t0.elapsed().as_secs_f64() < o.budget / TURNS as f64 {
                    step(t, next)?;
                    next += 1;
                    sums[j].0 += 1;
                }
                let cpu1 = t.pid.map(stat_cpu).unwrap_or_default();
                sums[j].1 += t0.elapsed().as_secs_f64();
                sums[j].2 += cpu1.0 - cpu0.0;
                sums[j].3 += cpu1.1 - cpu0.1;
                sums[j].4 += t.commands - cmds0;
            }
        }
        for (j, (s, _)) in pairs.iter().enumerate() {
            if let Err(e) = &steps[j] {
                eprintln!("{e}");
            }
            let (n, secs, user, sys, cmds) = sums[j];
            let n1 = n.max(1) as f64;
            let (rate, user, sys) = (n as f64 / secs, user * 1e6 / n1, sys * 1e6 / n1);
            let per = cmds as f64 / n1;
            row.extend([format!("{rate:.1}"), us(user), us(sys), format!("{per:.0}")]);
            results.push(Json::Obj(vec![
                ("server", Json::str(&s.name)),
                ("ops_per_s", Json::Num(rate)),
                ("user_us_per_op", Json::Num(user)),
                ("sys_us_per_op", Json::Num(sys)),
                ("commands_per_op", Json::Num(per)),
            ]));
        }
        eprintln!("{}", row.join("  "));
        rows.push(row);
        out.push(Json::Obj(vec![("name", Json::str(op.name)), ("results", Json::Arr(results))]));
    }
    for (_, t) in &mut pairs {
        t.finish()?;
    }
    let json = Json::Obj(vec![
        ("mode", Json::str("throughput")),
        ("seconds_per_operation", Json::Num(o.budget)),
        ("servers", names(o)),
        ("operations", Json::Arr(out)),
    ]);
    Ok((table(&rows), json))
}

/// Process start to the response to TPM2_Startup: without state (cold), then over the state
/// that a killed server left (warm).
pub fn startup(o: &Options) -> Result<(String, Json)> {
    let rounds = o.n.unwrap_or(30);
    // [server][cold, warm] → (first response ms, cpu ms)
    let mut samples = vec![[vec![], vec![]]; o.servers.len()];
    let mut times = vec![[StartTimes::default(), StartTimes::default()]; o.servers.len()];
    let mut feet = vec![Default::default(); o.servers.len()];
    for _ in 0..rounds {
        for (j, (name, spec)) in o.servers.iter().enumerate() {
            let mut s = Server::start(name, spec, &o.root, 1)?;
            for (k, out) in samples[j].iter_mut().enumerate() {
                if k == 1 {
                    s.restart()?;
                }
                let t = Tpm::open(&s, 0, true)?;
                let cpu = s.pid().map(cpu_ms).unwrap_or_default();
                out.push((t.start.first_response, cpu));
                times[j][k] = t.start.clone();
                feet[j] = (s.pid().map(memory).unwrap_or_default(), s.state_size());
            }
        }
    }
    let head = ["server", "start", "n", "min ms", "median ms", "p95 ms", "cpu ms", "A/B"];
    let mut rows = vec![head.map(String::from).to_vec()];
    let mut out = vec![];
    let col = |j: usize, k: usize| samples[j][k].iter().map(|x| x.0).collect::<Vec<f64>>();
    for k in 0..2 {
        let r = (samples.len() == 2).then(|| paired_ratio(&col(0, k), &col(1, k), median));
        for (j, (name, _)) in o.servers.iter().enumerate() {
            let s = Summary::of(&col(j, k));
            let cpu = mean(&samples[j][k].iter().map(|x| x.1).collect::<Vec<f64>>());
            let kind = ["cold", "warm"][k];
            let mut row = vec![name.clone(), kind.into(), s.n.to_string()];
            row.extend([s.min, s.median, s.p95, cpu].map(|v| format!("{v:.2}")));
            row.push(if j == 0 { ratio(r.flatten()) } else { String::new() });
            rows.push(row);
            let (m, state) = &feet[j];
            out.push(Json::Obj(vec![
                ("server", Json::str(name)),
                ("start", Json::str(kind)),
                ("first_response_ms", Json::summary(&s)),
                ("cpu_ms_mean", Json::Num(cpu)),
                ("last_connected_ms", Json::Num(times[j][k].connected)),
                ("last_initialised_ms", Json::Num(times[j][k].initialised)),
                ("peak_rss_kib", Json::Num(m.peak_rss as f64)),
                ("state_bytes", Json::opt(state.map(|s| s.0 as f64))),
            ]));
        }
    }
    let json = Json::Obj(vec![("mode", Json::str("startup")), ("runs", Json::Arr(out))]);
    Ok((table(&rows), json))
}

/// N TPMs at once: time to start each and memory of all.
///
/// A launch line with `{n}` starts one process that serves N TPMs at addresses with `{i}`.
pub fn scale(o: &Options) -> Result<(String, Json)> {
    let head = [
        "server",
        "n",
        "start ms/inst",
        "cpu ms/inst",
        "rss KiB/inst",
        "pss KiB/inst",
        "private KiB/inst",
        "MemAvail KiB/inst",
        "state B/inst",
        "read_clock us",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    let mut out = vec![];
    for &n in &o.counts {
        for (name, spec) in &o.servers {
            let v = scale_one(o, name, spec, n)?;
            let mut row = vec![name.clone(), n.to_string()];
            row.extend(v.iter().map(|x| format!("{x:.1}")));
            eprintln!("{}", row.join("  "));
            rows.push(row);
            let keys = [
                "start_ms",
                "cpu_ms",
                "rss_kib",
                "pss_kib",
                "private_kib",
                "mem_available_kib",
                "state_bytes",
                "read_clock_us",
            ];
            let mut obj = vec![("server", Json::str(name)), ("instances", Json::Num(n as f64))];
            obj.extend(keys.iter().zip(v).map(|(k, x)| (*k, Json::Num(x))));
            out.push(Json::Obj(obj));
        }
    }
    let json = Json::Obj(vec![
        ("mode", Json::str("scale")),
        ("note", Json::str("figures per instance; read_clock_us is the median, instances in turn")),
        ("runs", Json::Arr(out)),
    ]);
    Ok((table(&rows), json))
}

fn scale_one(o: &Options, name: &str, spec: &Spec, n: usize) -> Result<[f64; 8]> {
    let shared = spec.launch.as_ref().is_some_and(|l| l.contains("{n}"));
    let free = mem_available();
    let t0 = Instant::now();
    let (mut servers, mut tpms) = (vec![], vec![]);
    for i in 0..n {
        if i == 0 || !shared {
            servers.push(Server::start(name, spec, &o.root, n)?);
        }
        let s = servers.last().ok_or("no server")?;
        tpms.push(Tpm::open(s, if shared { i } else { 0 }, true)?);
    }
    let start = t0.elapsed().as_secs_f64() * 1e3;
    let pids: Vec<u32> = servers.iter().filter_map(|s| s.pid()).collect();
    let cpu: f64 = pids.iter().map(|p| cpu_ms(*p)).sum();
    let mems: Vec<_> = pids.iter().map(|p| memory(*p)).collect();
    let sum = |f: fn(&crate::server::Memory) -> u64| mems.iter().map(f).sum::<u64>() as f64;
    let used = free as f64 - mem_available() as f64;
    let state: u64 = servers.iter().filter_map(|s| s.state_size()).map(|s| s.0).sum();
    let mut lat = vec![];
    let c = crate::cmd::frame(crate::cmd::cc::READ_CLOCK, &[], &[], &[]);
    for _ in 0..(2000 / n).max(1) {
        for t in &mut tpms {
            let t1 = Instant::now();
            t.call(&c)?;
            lat.push(t1.elapsed().as_secs_f64() * 1e6);
        }
    }
    let per = |v: f64| v / n as f64;
    Ok([
        per(start),
        per(cpu),
        per(sum(|m| m.rss)),
        per(sum(|m| m.pss)),
        per(sum(|m| m.private)),
        per(used),
        per(state as f64),
        median(&lat),
    ])
}
