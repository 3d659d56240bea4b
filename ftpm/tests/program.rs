//! The program as a person starts it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected stops there")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const GET_RANDOM: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7B, 0, 8];
const STARTUP: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0];

/// A TPM that runs; killed when the test is over.
struct Running {
    child: Child,
    ready: Value,
}

impl Running {
    /// `ftpm serve --json` with `arguments`, up to the line that says that it is ready.
    fn serve(state: &Path, arguments: &[&str]) -> Self {
        let mut child = ftpm()
            .args(["serve", "--json", "--log", "error", "--state"])
            .arg(state)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, ready: serde_json::from_str(&line).unwrap() }
    }

    /// `ftpm socket --tpm2` with `arguments`, once `ports` are open.
    fn socket(arguments: &[&str], ports: &[u16]) -> Self {
        let child = ftpm().args(["socket", "--tpm2"]).args(arguments).stderr(Stdio::null()).spawn().unwrap();
        for port in ports {
            until(|| TcpStream::connect(("127.0.0.1", *port)).is_ok());
        }
        Self { child, ready: Value::Null }
    }

    /// SIGTERM; whether it ended in good order.
    fn end(mut self) -> bool {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ftpm() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ftpm"))
}

fn until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end, "not within 30 s");
        thread::sleep(Duration::from_millis(5));
    }
}

fn free_ports() -> (u16, u16) {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if first < u16::MAX && TcpListener::bind(("127.0.0.1", first + 1)).is_ok() {
            return (first, first + 1);
        }
    }
}

/// Sends a command and gives the response code and the parameters.
fn execute(stream: &mut (impl Read + Write), command: &[u8]) -> (u32, Vec<u8>) {
    stream.write_all(command).unwrap();
    let mut header = [0; 10];
    stream.read_exact(&mut header).unwrap();
    let size = u32::from_be_bytes(header[2..6].try_into().unwrap());
    let mut parameters = vec![0; size as usize - header.len()];
    stream.read_exact(&mut parameters).unwrap();
    (u32::from_be_bytes(header[6..10].try_into().unwrap()), parameters)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn serve_is_private_started_and_reached_by_connect() {
    let folder = tempfile::tempdir().unwrap();
    let (state, socket) = (folder.path().join("state"), folder.path().join("tpm.sock"));
    let socket_text = socket.to_str().unwrap();
    let tpm = Running::serve(&state, &["--socket", socket_text]);
    assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
    let tcti = tpm.ready["listening"][0]["tcti"].as_str().unwrap();
    assert!(tcti.starts_with("cmd:") && tcti.ends_with(&format!("connect {socket_text}")), "{tcti}");

    let (code, random) = execute(&mut UnixStream::connect(&socket).unwrap(), &GET_RANDOM);
    assert_eq!((code, random.len()), (0, 10));
    let mut connect =
        ftpm().args(["connect", socket_text]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (connect.stdin.take().unwrap(), connect.stdout.take().unwrap());
    for _ in 0..3 {
        input.write_all(&GET_RANDOM).unwrap();
        let mut response = [0; 20];
        output.read_exact(&mut response).unwrap();
        assert_eq!(response[..10], [0x80, 1, 0, 0, 0, 20, 0, 0, 0, 0]);
    }
    drop(input);
    assert!(connect.wait().unwrap().success());

    // Another one on the same state, or at the same socket, says so and harms nothing.
    let other = ftpm().args(["serve", "--socket", socket_text, "--state"]).arg(&state).output().unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(said(&other).contains("another program listens"), "{}", said(&other));
    let second = folder.path().join("second.sock");
    let other = ftpm().args(["serve", "--state"]).arg(&state).arg("--socket").arg(&second).output().unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(!second.exists());
    assert_eq!(execute(&mut UnixStream::connect(&socket).unwrap(), &GET_RANDOM).0, 0);
    assert!(tpm.end());
    assert!(!socket.exists());
}

#[test]
fn a_tpm_is_made_only_where_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let (state, socket) = (folder.path().join("state"), folder.path().join("tpm.sock"));
    let socket = socket.to_str().unwrap();
    let serve = |arguments: &[&str]| {
        ftpm().args(["serve", "--socket", socket, "--state"]).arg(&state).args(arguments).output().unwrap()
    };
    let refused = serve(&["--manufacture", "never"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--manufacture if-empty"), "{}", said(&refused));
    let inspect = |arguments: &[&str]| ftpm().arg("inspect").arg(&state).args(arguments).output().unwrap();
    let summary = || serde_json::from_slice::<Value>(&inspect(&["--json"]).stdout).unwrap();
    let resets = || summary()["counters"]["resets"].as_u64().unwrap();
    assert!(Running::serve(&state, &["--socket", socket]).end());
    let before = resets();
    assert!(Running::serve(&state, &["--socket", socket, "--manufacture", "never"]).end());
    assert_eq!(resets(), before + 1);

    let summary = summary();
    assert_eq!(summary["counters"]["last_shutdown"], "clear", "{summary}");
    assert_eq!(summary["state"]["in_use_now"], false, "{summary}");
    assert!(inspect(&[]).status.success());

    // Damage is never repaired by making another TPM.
    let file = state.join("ftpm.state");
    let intact = fs::read(&file).unwrap();
    fs::write(&file, &intact[..intact.len() / 2]).unwrap();
    let refused = serve(&[]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert_eq!(fs::read(&file).unwrap().len(), intact.len() / 2);
}

#[test]
fn no_tpm_is_made_among_files_of_others_but_by_socket() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let log = home.join("tpm.log");
    fs::write(&log, b"").unwrap();
    let names = || -> Vec<_> {
        let mut names: Vec<_> =
            fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // The socket is made before the state is looked at, and goes again.
    let socket = home.join("tpm.sock");
    let socket = socket.to_str().unwrap();
    for command in
        [&["serve", "--socket", socket][..], &["manufacture"], &["doctor"], &["import", "--prepare"]]
    {
        let output = ftpm().args(command).arg("--state").arg(&home).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {}", said(&output));
        assert!(said(&output).contains("holds \"tpm.log\""), "{command:?}: {}", said(&output));
        assert_eq!(names(), ["tpm.log"]);
    }
    let (port, control) = free_ports();
    let arguments = [
        format!("--server=type=tcp,port={port}"),
        format!("--ctrl=type=tcp,port={control}"),
        format!("--tpmstate=dir={}", home.display()),
        format!("--log=file={}", log.display()),
        "--flags=startup-clear".into(),
    ];
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    assert!(Running::socket(&arguments, &[port, control]).end());
    assert_eq!(names(), ["ftpm.key", "ftpm.lock", "ftpm.state", "tpm.log"]);
    // What is there, any command opens.
    assert!(Running::serve(&home, &["--socket", socket, "--manufacture", "never"]).end());
}

#[test]
fn a_tpm_is_made_deliberately_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let manufacture = |arguments: &[&str]| {
        ftpm().arg("manufacture").arg("--state").arg(&state).args(arguments).output().unwrap()
    };
    let refused_with = |output: &Output, words: &str| {
        assert_eq!(output.status.code(), Some(1), "{}", said(output));
        assert!(said(output).contains(words) && said(output).lines().count() == 1, "{}", said(output));
    };
    let id = || {
        let output = ftpm().args(["doctor", "--json", "--state"]).arg(&state).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["manufacture_id"].as_str().map(str::to_string)
    };
    let made = manufacture(&[]);
    assert!(made.status.success(), "{}", said(&made));
    let first = id().unwrap();
    let elsewhere = format!("dir={}", folder.path().join("elsewhere").display());
    let socket = ["socket", "--tpm2", "-p", "1", "--tpmstate", &elsewhere, "--manufacture", "never"];
    // Port 1 is not for everyone: whichever comes first, nothing is made.
    assert_eq!(ftpm().args(socket).output().unwrap().status.code(), Some(1));
    assert!(!folder.path().join("elsewhere/ftpm.state").exists());
    assert!(String::from_utf8_lossy(&made.stdout).contains(&first));

    // One that is there stays, whatever is asked for.
    for arguments in [&[][..], &["--force"]] {
        refused_with(&manufacture(arguments), "holds a TPM already");
    }
    let socket = folder.path().join("tpm.sock");
    let socket = socket.to_str().unwrap();
    let tpm = Running::serve(&state, &["--socket", socket, "--manufacture", "never"]);
    refused_with(&manufacture(&["--force"]), "another TPM is running");
    assert!(tpm.end());
    assert_eq!(id(), Some(first.clone()));

    // One that is lost is given up by force only.
    fs::remove_file(state.join("ftpm.state")).unwrap();
    refused_with(&manufacture(&[]), "ftpm manufacture --force");
    assert!(!state.join("ftpm.state").exists());
    let made = manufacture(&["--force"]);
    assert!(made.status.success(), "{}", said(&made));
    assert_ne!(id(), Some(first));
    assert!(Running::serve(&state, &["--socket", socket, "--manufacture", "never"]).end());

    // Where the policy refuses, nothing is made.
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, "[rollback]\nmissing = \"refuse\"\n").unwrap();
    let empty = folder.path().join("empty");
    let output =
        ftpm().args(["manufacture", "--state"]).arg(&empty).arg("--policy").arg(&policy).output().unwrap();
    refused_with(&output, "refuses to create seeds: no protection against rollback");
    assert!(!empty.join("ftpm.state").exists());
}

#[test]
fn a_policy_decides_over_serving() {
    let folder = tempfile::tempdir().unwrap();
    let (state, socket) = (folder.path().join("state"), folder.path().join("tpm.sock"));
    let policy = folder.path().join("policy.toml");
    let serve = |text: &str| {
        fs::write(&policy, text).unwrap();
        let mut command = ftpm();
        command.args(["serve", "--log", "info", "--state"]).arg(&state).arg("--policy").arg(&policy);
        command.arg("--socket").arg(&socket);
        command
    };
    let refused = serve("[fate-sharing]\nmissing = \"refuse\"\n").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let text = said(&refused);
    assert!(text.contains("refuses to create seeds: no shared fate with the platform"), "{text}");
    let mistake = serve("[fate]\n").output().unwrap();
    assert_eq!(mistake.status.code(), Some(1));
    assert!(said(&mistake).contains("line 1: `fate` is no guarantee"), "{}", said(&mistake));

    // What is only warned of makes no TPM for development of it; the line at the start says so.
    let mild = "rollback.missing = \"warn\"\nfate-sharing.missing = \"warn\"\n";
    for (text, start) in [
        (mild, "ftpm: posture: fit for use; warned: storage, rollback, "),
        ("", "ftpm: warn: posture: development only; degraded: rollback, fate-sharing; warned: storage, "),
    ] {
        let mut child = serve(text).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let running = Running { child, ready: Value::Null };
        let id = rustix::process::Pid::from_child(&running.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let mut log = String::new();
        let mut running = running;
        running.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.lines().any(|line| line.starts_with(start)), "{log}");
    }
}

#[test]
fn the_doctor_looks_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (state, socket) = (folder.path().join("state"), folder.path().join("tpm.sock"));
    let doctor = |arguments: &[&str]| ftpm().arg("doctor").args(arguments).output().unwrap();
    let over =
        |arguments: &[&str]| ftpm().args(["doctor", "--state"]).arg(&state).args(arguments).output().unwrap();
    let json = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let first_line = |output: &Output| {
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_string()
    };

    let before = over(&[]);
    assert_eq!(before.status.code(), Some(3));
    assert_eq!(
        first_line(&before),
        "development only: no protection against rollback, no shared fate with the platform"
    );
    assert!(!state.exists());

    let tpm = Running::serve(&state, &["--socket", socket.to_str().unwrap()]);
    let contents = || {
        let mut files: Vec<_> = fs::read_dir(&state).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect::<Vec<_>>()
    };
    let untouched = contents();
    let report = over(&["--json"]);
    assert_eq!(report.status.code(), Some(3));
    let report = json(&report);
    assert_eq!((&report["in_use_now"], &report["manufacture_count"]), (&true.into(), &1.into()));
    assert_eq!(report["guarantees"][1]["level"], "weak");
    assert_eq!(contents(), untouched);
    assert_eq!(execute(&mut UnixStream::connect(&socket).unwrap(), &GET_RANDOM).0, 0);
    assert!(tpm.end());

    // The exit code goes by severity.
    let policy = folder.path().join("policy.toml");
    let under = |action: &str| {
        let all = doctor(&["--print-policy"]).stdout;
        let all = String::from_utf8(all).unwrap();
        let text = ["warn", "degrade", "refuse"]
            .iter()
            .fold(all, |text, word| text.replace(&format!("= \"{word}\""), &format!("= \"{action}\"")));
        fs::write(&policy, text).unwrap();
        over(&["--policy", policy.to_str().unwrap()]).status.code()
    };
    assert_eq!([under("warn"), under("degrade"), under("refuse")], [Some(2), Some(3), Some(4)]);
    let key = folder.path().join("key");
    fs::write(&key, [7; 32]).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let key = format!("file={}", key.display());
    let elsewhere = folder.path().join("elsewhere");
    let sealed = doctor(&["--json", "--state", elsewhere.to_str().unwrap(), "--key", &key]);
    assert_eq!(json(&sealed)["guarantees"][1]["level"], "given");

    // Boards.
    let pi = doctor(&["--board", "rpi3"]);
    assert_eq!(pi.status.code(), Some(4));
    assert!(first_line(&pi).starts_with("Unfit for a secure implementation."), "{}", first_line(&pi));
    assert_eq!(
        json(&doctor(&["--board", "rpi3", "--json"]))["verdict"],
        "refuses to create seeds: no entropy"
    );
    assert_eq!(doctor(&["--board", "imx8mm-rpmb"]).status.code(), Some(2));
    let ideal = include_str!("../../boards/cortex-m33.toml").replace("normal-world", "secure");
    let file = folder.path().join("board.toml");
    fs::write(&file, ideal).unwrap();
    let ideal = doctor(&["--board-file", file.to_str().unwrap()]);
    assert_eq!(ideal.status.code(), Some(0));
    assert_eq!(first_line(&ideal), "fit for use: everything is given");
    assert_eq!(json(&doctor(&["--list-boards", "--json"])).as_array().unwrap().len(), 4);

    // 1 where it could not look.
    for arguments in [
        &["--odd"][..],
        &["--board", "odd"],
        &["--board", "rpi3", "--state", "x"],
        &["--board-file", "/nonexistent"],
        &["--policy", "/nonexistent"],
        &["--state", "/dev/null"],
        &["--key", "file=/nonexistent"],
    ] {
        let output = doctor(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty() && !said(&output).is_empty(), "{arguments:?}");
    }
    fs::write(state.join("ftpm.state"), "damaged").unwrap();
    assert_eq!(over(&[]).status.code(), Some(1));
    assert_eq!(doctor(&["--help"]).status.code(), Some(0));
}

#[test]
fn swtpms_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let (port, control) = free_ports();
    let pid = folder.path().join("pid");
    let log = folder.path().join("log");
    let arguments = [
        format!("--server=type=tcp,port={port},bindaddr=127.0.0.1"),
        format!("--ctrl=type=tcp,port={control},bindaddr=127.0.0.1"),
        format!("--tpmstate=dir={}", folder.path().join("state").display()),
        "--flags=not-need-init".into(),
        "--locality=allow-set-locality".into(),
        "--seccomp=action=none".into(),
        format!("--pid=file={}", pid.display()),
        format!("--log=file={},level=5", log.display()),
    ];
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let tpm = Running::socket(&arguments, &[port, control]);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(execute(&mut stream, &GET_RANDOM).0, 0x100);
    assert_eq!(execute(&mut stream, &STARTUP).0, 0);
    assert_eq!(execute(&mut stream, &GET_RANDOM).0, 0);
    assert_eq!(fs::read_to_string(&pid).unwrap().trim(), tpm.child.id().to_string());
    assert!(tpm.end());
    assert!(!pid.exists());
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("command 0x17b, 12 bytes, locality 0: 0x0, 20 bytes"), "{log}");
}

#[test]
fn shutdown_over_the_control_channel_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (port, control) = free_ports();
    let arguments = [
        format!("--server=type=tcp,port={port}"),
        format!("--ctrl=type=tcp,port={control}"),
        format!("--tpmstate=dir={}", folder.path().display()),
        "--flags=startup-clear".into(),
    ];
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut tpm = Running::socket(&arguments, &[port, control]);
    let mut stream = TcpStream::connect(("127.0.0.1", control)).unwrap();
    stream.write_all(&[0, 0, 0, 3]).unwrap();
    let mut reply = [1; 4];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(reply, [0; 4]);
    assert!(tpm.child.wait().unwrap().success());
}

#[test]
fn mistakes_get_one_sentence() {
    let run = |words: &str| ftpm().args(words.split_whitespace()).output().unwrap();
    let rows = [
        ("", 2),
        ("serve --odd", 2),
        ("serve --log loud", 2),
        ("socket", 1),
        ("socket --tpm2", 1),
        ("socket --tpm2 --server type=odd --tpmstate dir=/nonexistent", 1),
        ("socket --tpm2 -p 1 --flags odd --tpmstate dir=/nonexistent", 1),
        ("manufacture --state /dev/null", 1),
        ("manufacture --policy /nonexistent", 1),
        ("doctor --policy /nonexistent", 1),
        ("connect /nonexistent/tpm.sock", 1),
        ("inspect /nonexistent", 1),
    ];
    for (words, code) in rows {
        let output = run(words);
        assert_eq!(output.status.code(), Some(code), "{words}: {}", said(&output));
        if code == 1 {
            assert_eq!(said(&output).lines().count(), 1, "{words}: {}", said(&output));
            assert!(said(&output).starts_with("ftpm: "), "{words}");
        }
    }
    let capabilities = run("socket --print-capabilities");
    let capabilities: Value = serde_json::from_slice(&capabilities.stdout).unwrap();
    assert!(capabilities["features"].as_array().unwrap().contains(&"tpm-2.0".into()));
}
