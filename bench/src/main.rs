//! Command line.

use std::path::PathBuf;
use tpm_bench::modes::{self, Options};
use tpm_bench::server::{Spec, pin, set_port_base};
use tpm_bench::{Result, ops};

const USAGE: &str = "\
usage: tpm-bench MODE --a SPEC [--b SPEC] [options]

modes
  latency      every operation, servers in turn (A B, B A, …): latency, CPU, ratio A/B
  throughput   as many operations as fit in --budget seconds (default 5)
  startup      process start to the response to TPM2_Startup, cold and warm (--n rounds)
  scale        --counts instances at once: start time and memory per instance
  list         names of the operations

SPEC
  swtpm[:BIN]       start BIN (swtpm's command line), Unix sockets, CMD_INIT
  swtpm-tcp[:BIN]   the same over TCP
  mssim[:BIN]       start BIN PORT, the reference simulator's protocol
  dev[:PATH]        a character device, /dev/tpmrm0
  unix:PATH, tcp:HOST:PORT        a running server's data socket
  key=value;key=value…            keys: launch data ctrl pid state
                                  places: {dir} {state} {port} {port1} {n} {i}
options
  --a-name NAME, --b-name NAME    names in the report (default A, B)
  --ops a,b,nv_*    only these operations      --n N        samples per operation
  --budget S        seconds per operation      --warmup N   untimed steps first (3)
  --counts 1,10,100 instances (scale)          --root DIR   work folder
  --pin C,S         this program on processor C, started servers on S
  --port-base P     first TCP port             --json FILE  write the results as JSON
  --allow-writes    let write operations run on a TPM that this program did not start
";

fn parse(args: &[String]) -> Result<(String, Options, Option<PathBuf>)> {
    let mode = args.first().cloned().ok_or(USAGE)?;
    let mut o = Options {
        servers: vec![],
        root: std::env::temp_dir().join(format!("tpm-bench-{}", std::process::id())),
        only: vec![],
        n: None,
        budget: 5.0,
        warmup: 3,
        counts: vec![1, 10, 100],
        allow_writes: false,
    };
    let mut json = None;
    let mut names = ["A".to_string(), "B".to_string()];
    let mut specs: [Option<Spec>; 2] = [None, None];
    let mut it = args[1..].iter();
    while let Some(k) = it.next() {
        if k == "--allow-writes" {
            o.allow_writes = true;
            continue;
        }
        let v = it.next().ok_or(format!("{k} wants a value"))?;
        let num = || v.parse::<f64>().map_err(|_| format!("{k}: not a number: {v}"));
        match k.as_str() {
            "--a" => specs[0] = Some(Spec::parse(v)?),
            "--b" => specs[1] = Some(Spec::parse(v)?),
            "--a-name" => names[0] = v.clone(),
            "--b-name" => names[1] = v.clone(),
            "--ops" => o.only = v.split(',').map(String::from).collect(),
            "--n" => o.n = Some(num()? as usize),
            "--budget" => o.budget = num()?,
            "--warmup" => o.warmup = num()? as u64,
            "--counts" => {
                let one = |s: &str| s.parse().map_err(|_| format!("bad count {s}"));
                o.counts = v.split(',').map(one).collect::<Result<_>>()?;
            }
            "--root" => o.root = v.into(),
            "--port-base" => set_port_base(num()? as u16),
            "--pin" => {
                let (c, s) = v.split_once(',').ok_or("--pin wants CLIENT,SERVER")?;
                let cpu = |s: &str| s.parse().map_err(|_| format!("bad processor {s}"));
                pin(cpu(c)?, cpu(s)?)?;
            }
            "--json" => json = Some(PathBuf::from(v)),
            _ => return Err(format!("unknown option {k}\n{USAGE}")),
        }
    }
    for (name, spec) in names.into_iter().zip(specs) {
        if let Some(s) = spec {
            o.servers.push((name, s));
        }
    }
    Ok((mode, o, json))
}

fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (mode, o, json) = parse(&args)?;
    if mode == "list" {
        ops::OPS.iter().for_each(|op| println!("{}", op.name));
        return Ok(());
    }
    if o.servers.is_empty() {
        return Err(USAGE.into());
    }
    std::fs::create_dir_all(&o.root).map_err(|e| e.to_string())?;
    let (text, data) = match mode.as_str() {
        "latency" => modes::latency(&o)?,
        "throughput" => modes::throughput(&o)?,
        "startup" => modes::startup(&o)?,
        "scale" => modes::scale(&o)?,
        m => return Err(format!("unknown mode {m}\n{USAGE}")),
    };
    println!("{text}");
    if let Some(path) = json {
        let mut s = String::new();
        data.write(&mut s);
        s.push('\n');
        std::fs::write(&path, s).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let _ = std::fs::remove_dir(&o.root);
    Ok(())
}

fn main() {
    if let Err(e) = run() {
        eprintln!("{e}");
        std::process::exit(1);
    }
}
