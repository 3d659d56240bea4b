//! Servers under test: how to start them and what they consume.

use crate::Result;
use crate::transport::{Addr, Transport, swtpm_init};
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI32, AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

static NEXT_PORT: AtomicU16 = AtomicU16::new(24000);
static NEXT_DIR: AtomicU32 = AtomicU32::new(0);
/// The processor for started servers; -1 for any.
static SERVER_CPU: AtomicI32 = AtomicI32::new(-1);

/// A child's last steps before its program starts. The one place with unsafe code.
#[allow(unsafe_code)]
mod child {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// Has the child end with this program, and keeps it on `cpu` (negative: any).
    pub(super) fn tie(command: &mut Command, cpu: i32) {
        // SAFETY: both steps are single system calls on the child itself, and neither allocates nor takes a lock.
        unsafe {
            command.pre_exec(move || {
                rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
                usize::try_from(cpu).map_or(Ok(()), super::set_affinity)
            });
        }
    }
}

fn set_affinity(cpu: usize) -> std::io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Keeps this program on one processor and the servers it starts on another, or the same.
pub fn pin(client: usize, server: usize) -> Result<()> {
    SERVER_CPU.store(server as i32, Ordering::Relaxed);
    set_affinity(client).map_err(|e| format!("--pin: {e}"))
}

/// The first of the ports that started servers get.
pub fn set_port_base(port: u16) {
    NEXT_PORT.store(port, Ordering::Relaxed);
}

/// How to start and reach a server. Text form: `key=value;key=value…` or a preset.
///
/// Keys: `launch` (command line), `data`, `ctrl` (addresses), `pid`, `state` (folder).
/// Values may hold `{dir}` `{state}` `{port}` `{port1}` `{n}` `{i}`.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    pub launch: Option<String>,
    pub data: String,
    pub ctrl: Option<String>,
    pub pid: Option<u32>,
    pub state: Option<String>,
}

impl Spec {
    pub fn parse(text: &str) -> Result<Spec> {
        let (preset, arg) = text.split_once(':').unwrap_or((text, ""));
        let or = |d: &str| if arg.is_empty() { d.to_string() } else { arg.to_string() };
        let expanded = match preset {
            "swtpm" => format!(
                "launch={} socket --tpm2 --tpmstate dir={{state}} \
                 --server type=unixio,path={{dir}}/data.sock \
                 --ctrl type=unixio,path={{dir}}/ctrl.sock;\
                 data=unix:{{dir}}/data.sock;ctrl=unix:{{dir}}/ctrl.sock",
                or("swtpm")
            ),
            "swtpm-tcp" => format!(
                "launch={} socket --tpm2 --tpmstate dir={{state}} \
                 --server type=tcp,port={{port}} --ctrl type=tcp,port={{port1}};\
                 data=tcp:127.0.0.1:{{port}};ctrl=tcp:127.0.0.1:{{port1}}",
                or("swtpm")
            ),
            "mssim" => {
                format!("launch={} {{port}};data=mssim:127.0.0.1:{{port}}", or("tpm2-simulator"))
            }
            "dev" => format!("data=dev:{}", or("/dev/tpmrm0")),
            "unix" | "tcp" => format!("data={text}"),
            _ => text.to_string(),
        };
        let mut s = Spec::default();
        for part in expanded.split(';').filter(|p| !p.trim().is_empty()) {
            let (k, v) = part.split_once('=').ok_or(format!("no '=' in {part}"))?;
            let v = v.trim().to_string();
            match k.trim() {
                "launch" => s.launch = Some(v),
                "data" => s.data = v,
                "ctrl" => s.ctrl = Some(v),
                "pid" => s.pid = Some(v.parse().map_err(|_| "bad pid")?),
                "state" => s.state = Some(v),
                k => return Err(format!("unknown key {k}")),
            }
        }
        if s.data.is_empty() {
            return Err(format!("no data address in {text}"));
        }
        Ok(s)
    }
}

/// Milliseconds from the start of the process to …
#[derive(Clone, Debug, Default)]
pub struct StartTimes {
    pub connected: f64,
    pub initialised: f64,
    /// … the response to TPM2_Startup.
    pub first_response: f64,
}

/// A server: started here, or met running.
pub struct Server {
    pub name: String,
    pub spec: Spec,
    pub dir: PathBuf,
    pub state: Option<PathBuf>,
    child: Option<Child>,
    port: u16,
    pub started: Instant,
}

fn fill(template: &str, dir: &Path, state: &Path, port: u16, n: usize, i: usize) -> String {
    template
        .replace("{dir}", &dir.to_string_lossy())
        .replace("{state}", &state.to_string_lossy())
        .replace("{port1}", &(port + 1).to_string())
        .replace("{port}", &port.to_string())
        .replace("{n}", &n.to_string())
        .replace("{i}", &i.to_string())
}

impl Server {
    /// Starts the server with an empty state folder under `root`, or adopts a running one.
    pub fn start(name: &str, spec: &Spec, root: &Path, n: usize) -> Result<Server> {
        let k = NEXT_DIR.fetch_add(1, Ordering::Relaxed);
        let dir = root.join(format!("{name}-{k}"));
        let state = dir.join("state");
        let mut s = Server {
            name: name.into(),
            spec: spec.clone(),
            state: spec.state.as_ref().map(PathBuf::from),
            dir,
            child: None,
            port: NEXT_PORT.fetch_add(2, Ordering::Relaxed),
            started: Instant::now(),
        };
        if spec.launch.is_some() {
            fs::create_dir_all(&state).map_err(|e| e.to_string())?;
            s.state = Some(state);
            s.launch(n)?;
        }
        Ok(s)
    }

    fn launch(&mut self, n: usize) -> Result<()> {
        let (Some(state), Some(template)) = (self.state.clone(), &self.spec.launch) else {
            return Err(format!("{} was not started here", self.name));
        };
        let line = fill(template, &self.dir, &state, self.port, n, 0);
        let mut words = line.split_whitespace();
        let mut c = Command::new(words.next().ok_or("empty launch line")?);
        let log = File::create(self.dir.join("log")).map_err(|e| e.to_string())?;
        c.args(words).current_dir(&state).stdin(Stdio::null());
        c.stdout(log.try_clone().map_err(|e| e.to_string())?).stderr(log);
        let cpu = SERVER_CPU.load(Ordering::Relaxed);
        child::tie(&mut c, cpu);
        self.started = Instant::now();
        self.child = Some(c.spawn().map_err(|e| format!("{line}: {e}"))?);
        Ok(())
    }

    /// Kills the server and starts it again, at other ports, over the state it left.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        self.port = NEXT_PORT.fetch_add(2, Ordering::Relaxed);
        self.launch(1)
    }

    pub fn addr(&self, template: &str, i: usize) -> Result<Addr> {
        let state = self.state.clone().unwrap_or_default();
        Addr::parse(&fill(template, &self.dir, &state, self.port, 1, i))
    }

    /// Connects to instance `i`, powering the TPM up where the protocol wants it.
    pub fn connect(&self, i: usize, times: &mut StartTimes) -> Result<Transport> {
        let until = Instant::now() + Duration::from_secs(if self.child.is_some() { 60 } else { 0 });
        let ms = |t: Instant| t.elapsed().as_secs_f64() * 1e3;
        let retry = |f: &mut dyn FnMut() -> Result<Option<Transport>>| loop {
            match f() {
                Ok(t) => return Ok(t),
                Err(e) if Instant::now() > until => return Err(format!("{}: {e}", self.name)),
                Err(_) => std::thread::sleep(Duration::from_micros(100)),
            }
        };
        if let Some(ctrl) = &self.spec.ctrl {
            let a = self.addr(ctrl, i)?;
            retry(&mut || swtpm_init(&a).map(|()| None))?;
            times.initialised = ms(self.started);
        }
        let a = self.addr(&self.spec.data, i)?;
        let transport = retry(&mut || Transport::connect(&a).map(Some))?;
        times.connected = ms(self.started);
        transport.ok_or_else(|| format!("{}: no connection", self.name))
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(|c| c.id()).or(self.spec.pid)
    }

    /// Kills the server, if it was started here, without warning.
    pub fn stop(&mut self) {
        if let Some(mut c) = self.child.take() {
            let _ = c.kill();
            let _ = c.wait();
        }
    }

    /// Asks the server, if it was started here, to end; kills it when it does not.
    pub fn terminate(&mut self) {
        if let Some(c) = &mut self.child {
            // Not waited for yet, so the id is still the child's own.
            if let Some(pid) = rustix::process::Pid::from_raw(c.id() as i32) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let until = Instant::now() + Duration::from_secs(2);
            while matches!(c.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        self.stop();
    }

    /// (bytes, allocated bytes, files) of the state folder.
    pub fn state_size(&self) -> Option<(u64, u64, usize)> {
        let mut sum = (0, 0, 0);
        for e in fs::read_dir(self.state.as_ref()?).ok()?.flatten() {
            if let Ok(m) = e.metadata()
                && m.is_file()
            {
                sum = (sum.0 + m.len(), sum.1 + m.blocks() * 512, sum.2 + 1);
            }
        }
        Some(sum)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.terminate();
        if self.spec.launch.is_some() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub rss: u64,
    pub peak_rss: u64,
    /// Each shared page counted 1/(number of sharers).
    pub pss: u64,
    /// Pages that no other process shares.
    pub private: u64,
}

fn fields(path: &str) -> HashMap<String, u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let pair = |l: &str| {
        let (k, v) = l.split_once(':')?;
        Some((k.to_string(), v.split_whitespace().next()?.parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

pub fn memory(pid: u32) -> Memory {
    let s = fields(&format!("/proc/{pid}/status"));
    let r = fields(&format!("/proc/{pid}/smaps_rollup"));
    let get = |m: &HashMap<String, u64>, k: &str| m.get(k).copied().unwrap_or(0);
    Memory {
        rss: get(&s, "VmRSS"),
        peak_rss: get(&s, "VmHWM"),
        pss: get(&r, "Pss"),
        private: get(&r, "Private_Clean") + get(&r, "Private_Dirty"),
    }
}

/// Bytes the process has sent towards storage.
pub fn disk_writes(pid: u32) -> u64 {
    fields(&format!("/proc/{pid}/io")).get("write_bytes").copied().unwrap_or(0)
}

/// (user, system) seconds from /proc/PID/stat.
pub fn stat_cpu(pid: u32) -> (f64, f64) {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let tail: Vec<&str> = text.rsplit_once(')').map(|x| x.1.split_whitespace().collect()).unwrap_or_default();
    let hz = rustix::param::clock_ticks_per_second() as f64;
    let get = |i: usize| tail.get(i).and_then(|s| s.parse::<f64>().ok()).unwrap_or(0.0) / hz;
    (get(11), get(12))
}

/// Nanosecond CPU time of all threads of a process, read while they sleep.
pub struct CpuClock {
    threads: Vec<(File, File)>,
}

impl CpuClock {
    pub fn of(pid: u32) -> Option<CpuClock> {
        let mut threads = vec![];
        for e in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
            let files = (File::open(e.path().join("stat")), File::open(e.path().join("schedstat")));
            // One that has ended meanwhile uses no more time.
            if let (Ok(stat), Ok(schedstat)) = files {
                threads.push((stat, schedstat));
            }
        }
        (!threads.is_empty()).then_some(CpuClock { threads })
    }

    fn asleep(stat: &File) -> bool {
        let mut b = [0u8; 128];
        let n = stat.read_at(&mut b, 0).unwrap_or(0);
        match b[..n].iter().rposition(|c| *c == b')') {
            Some(p) => b.get(p + 2).is_some_and(|c| *c != b'R'),
            None => true,
        }
    }

    /// Waits (5 ms at most) until every thread sleeps, then sums their CPU time.
    pub fn settle(&self) -> u64 {
        let t0 = Instant::now();
        while self.threads.iter().any(|(s, _)| !Self::asleep(s)) {
            if t0.elapsed() > Duration::from_millis(5) {
                break;
            }
            std::thread::yield_now();
        }
        let mut sum = 0;
        for (_, f) in &self.threads {
            let mut b = [0u8; 64];
            let n = f.read_at(&mut b, 0).unwrap_or(0);
            let text = std::str::from_utf8(&b[..n]).unwrap_or("");
            sum += text.split(' ').next().and_then(|s| s.parse::<u64>().ok()).unwrap_or(0);
        }
        sum
    }
}

/// KiB of memory the kernel thinks is available.
pub fn mem_available() -> u64 {
    fields("/proc/meminfo").get("MemAvailable").copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs() {
        let s = Spec::parse("swtpm:/opt/x").unwrap();
        assert!(s.launch.unwrap().starts_with("/opt/x socket"));
        assert_eq!(s.ctrl.unwrap(), "unix:{dir}/ctrl.sock");
        let s = Spec::parse("unix:/a;pid=7").unwrap();
        assert_eq!((s.data.as_str(), s.pid), ("unix:/a", Some(7)));
        assert!(Spec::parse("nonsense").is_err());
    }

    #[test]
    fn own_clock_advances() {
        let me = std::process::id();
        assert!(memory(me).rss > 0);
        assert!(CpuClock::of(me).is_some());
    }
}
