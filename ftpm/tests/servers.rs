//! The servers, in this process, around a TPM that only knows what a test needs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected stops there")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ftpm::ending::Ending;
use ftpm::machine::{Machine, StartupType};
use ftpm::server::{DataOptions, Endpoint, LocalityPolicy, Protocol, Server};
use ftpm::service::{Canceller, TpmService};
use tpm2_wire::error_response;

const GET_RANDOM: [u8; 12] = command(0x17B, 8);
const STARTUP: [u8; 12] = command(0x144, 0);
/// The stub's long command: ends when it is cancelled, or fails after a while.
const LONG: [u8; 12] = command(0x131, 0);
/// The stub's answer is the locality.
const LOCALITY: [u8; 12] = command(0x17A, 0);
const SHUTDOWN_CODE: u32 = 0x145;

const fn command(code: u16, parameter: u16) -> [u8; 12] {
    let ([a, b], [c, d]) = (code.to_be_bytes(), parameter.to_be_bytes());
    [0x80, 1, 0, 0, 0, 12, 0, 0, a, b, c, d]
}

#[derive(Clone, Default)]
struct Watched {
    cancel: Arc<AtomicBool>,
    running: Arc<AtomicBool>,
    power_ons: Arc<AtomicU32>,
    shutdowns: Arc<AtomicU32>,
}

impl Canceller for Watched {
    fn cancel(&self) {
        self.cancel.store(true, Ordering::SeqCst);
    }

    fn begin_command(&self) {
        self.cancel.store(false, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Stub {
    watched: Watched,
    started: bool,
    response: Vec<u8>,
}

impl Stub {
    fn answer(&mut self, code: u32, body: &[u8]) -> &[u8] {
        self.response = error_response(code).to_vec();
        self.response.extend(body);
        let size = self.response.len() as u32;
        self.response[2..6].copy_from_slice(&size.to_be_bytes());
        &self.response
    }

    fn run_until_cancelled(&self) -> u32 {
        self.watched.running.store(true, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_secs(10);
        while !self.watched.cancel.load(Ordering::SeqCst) {
            if Instant::now() > until {
                return 0x101;
            }
            thread::sleep(Duration::from_millis(1));
        }
        0x909
    }
}

impl TpmService for Stub {
    fn execute(&mut self, locality: u8, command: &[u8]) -> &[u8] {
        let size = command.get(2..6).map(|size| u32::from_be_bytes(size.try_into().unwrap()));
        if size != Some(command.len() as u32) {
            return self.answer(0x142, &[]);
        }
        match tpm2_wire::command_code(command) {
            Some(0x144) if self.started => self.answer(0x100, &[]),
            Some(0x144) => {
                self.started = true;
                self.answer(0, &[])
            }
            _ if !self.started => self.answer(0x100, &[]),
            Some(0x17B) => self.answer(0, &[0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
            Some(0x17A) => self.answer(0, &[locality]),
            Some(0x131) => {
                let code = self.run_until_cancelled();
                self.answer(code, &[])
            }
            Some(SHUTDOWN_CODE) => {
                self.watched.shutdowns.fetch_add(1, Ordering::SeqCst);
                self.answer(0, &[])
            }
            Some(0x199) => panic!("the stub was told to"),
            _ => self.answer(0x143, &[]),
        }
    }

    fn power_on(&mut self) {
        self.started = false;
        self.watched.power_ons.fetch_add(1, Ordering::SeqCst);
    }

    fn canceller(&self) -> Box<dyn Canceller> {
        Box::new(self.watched.clone())
    }
}

/// A TPM and the servers that a test asks for, at ports that the system chose.
struct Bench {
    machine: Arc<Machine>,
    watched: Watched,
    ending: Option<Ending>,
    servers: Vec<Server>,
}

impl Bench {
    fn new(protocols: &[Protocol]) -> Self {
        let stub = Stub::default();
        let watched = stub.watched.clone();
        let machine = Arc::new(Machine::new(Box::new(stub)));
        let ending = Ending::new().unwrap();
        let start = |protocol: &Protocol| {
            let listener = Endpoint::local_port(0).listen().unwrap();
            Server::start(listener, *protocol, Arc::clone(&machine), ending.handle().unwrap()).unwrap()
        };
        let servers = protocols.iter().map(start).collect();
        Self { machine, watched, ending: Some(ending), servers }
    }

    /// With power, and started.
    fn started(protocols: &[Protocol]) -> Self {
        let bench = Self::new(protocols);
        bench.machine.power_on();
        bench.machine.start_up(StartupType::Clear).unwrap();
        bench
    }

    fn connect(&self, server: usize) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.servers[server].port().unwrap())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn wait_until_running(&self) {
        while !self.watched.running.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn data() -> Protocol {
    Protocol::Data(DataOptions::default())
}

fn control() -> Protocol {
    Protocol::Control(LocalityPolicy::default())
}

/// Sends `request` and expects exactly `reply`.
fn exchange(stream: &mut (impl Read + Write), request: &[u8], reply: &[u8]) {
    stream.write_all(request).unwrap();
    expect(stream, reply, request);
}

fn expect(stream: &mut impl Read, reply: &[u8], what: &[u8]) {
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, reply, "answer to {what:x?}");
}

fn expect_end(stream: &mut impl Read) {
    let mut byte = [0];
    // An end, or a reset where bytes were left unread on the other side.
    assert!(matches!(stream.read(&mut byte), Ok(0) | Err(_)));
}

fn random() -> Vec<u8> {
    [&[0x80, 1, 0, 0, 0, 20, 0, 0, 0, 0, 0, 8][..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat()
}

fn code(code: u32) -> [u8; 10] {
    error_response(code)
}

fn locality_is(locality: u8) -> [u8; 11] {
    [0x80, 1, 0, 0, 0, 11, 0, 0, 0, 0, locality]
}

#[test]
fn slow_clients_garbage_and_oversize_leave_the_tpm_alive() {
    let bench = Bench::started(&[data()]);
    let mut client = bench.connect(0);
    for byte in GET_RANDOM {
        client.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    expect(&mut client, &random(), b"one byte at a time");
    exchange(&mut client, &[GET_RANDOM, GET_RANDOM].concat(), &[random(), random()].concat());
    exchange(&mut client, b"GET / HTTP/1.1\r\n\r\n", &code(0x142));
    exchange(&mut client, &[0x80, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 1, 0x7B], &code(0x142));
    exchange(&mut client, &[&GET_RANDOM[..], &[7]].concat(), &code(0x142));
    exchange(&mut client, &GET_RANDOM, &random());
}

#[test]
fn a_client_may_leave_in_mid_command() {
    let bench = Bench::started(&[data()]);
    for cut in 1..GET_RANDOM.len() {
        bench.connect(0).write_all(&GET_RANDOM[..cut]).unwrap();
    }
    // One that leaves before its answer.
    bench.connect(0).write_all(&GET_RANDOM).unwrap();
    exchange(&mut bench.connect(0), &GET_RANDOM, &random());
}

#[test]
fn two_clients_interleave_whole_commands() {
    let bench = Bench::started(&[data()]);
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut client = bench.connect(0);
            scope.spawn(move || {
                for _ in 0..300 {
                    exchange(&mut client, &GET_RANDOM, &random());
                }
            });
        }
    });
    // One that never finishes its command holds nobody up.
    let mut slow = bench.connect(0);
    slow.write_all(&GET_RANDOM[..7]).unwrap();
    exchange(&mut bench.connect(0), &GET_RANDOM, &random());
}

#[test]
fn more_connections_than_served_are_closed() {
    let bench = Bench::started(&[data()]);
    let mut clients: Vec<_> = (0..64).map(|_| bench.connect(0)).collect();
    for client in &mut clients {
        exchange(client, &GET_RANDOM, &random());
    }
    expect_end(&mut bench.connect(0));
    clients.pop();
    // The place becomes free once the server has seen the client leave.
    let served = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(5));
        let mut client = bench.connect(0);
        let mut byte = [0];
        client.write_all(&GET_RANDOM).is_ok() && client.read_exact(&mut byte).is_ok()
    });
    assert!(served);
}

#[test]
fn a_panic_in_the_tpm_is_a_failure_and_not_the_end() {
    let bench = Bench::started(&[data()]);
    let mut client = bench.connect(0);
    client.write_all(&command(0x199, 0)).unwrap();
    expect_end(&mut client);
    exchange(&mut bench.connect(0), &GET_RANDOM, &code(0x101));
}

#[test]
fn localities_of_the_data_channel() {
    let allow = LocalityPolicy { allow_set: true, reject_locality_4: true, ..LocalityPolicy::default() };
    let with = |locality| Protocol::Data(DataOptions { locality, ..DataOptions::default() });
    let bench = Bench::started(&[with(allow), data(), with(LocalityPolicy::ONLY_ZERO)]);
    let set = |locality| [0x80, 1, 0, 0, 0, 11, 0x20, 0, 0x10, 0, locality];
    let prefixed = |locality| [&[0, 0, 0, 8, locality, 0, 0, 0, 12], &LOCALITY[..]].concat();
    let framed = |response: &[u8]| [&[0, 0, 0, response.len() as u8], response, &[0; 4]].concat();

    let mut client = bench.connect(0);
    exchange(&mut client, &set(4), &code(0x107));
    exchange(&mut client, &set(5), &code(0x107));
    exchange(&mut client, &set(3), &code(0));
    exchange(&mut client, &LOCALITY, &locality_is(3));
    exchange(&mut client, &prefixed(1), &framed(&locality_is(1)));
    exchange(&mut client, &prefixed(4), &framed(&code(0x107)));
    exchange(&mut client, &LOCALITY, &locality_is(3));
    exchange(&mut client, &set(0), &code(0));

    let mut client = bench.connect(1);
    exchange(&mut client, &set(3), &code(0x101));
    exchange(&mut client, &prefixed(4), &framed(&locality_is(4)));
    let mut client = bench.connect(2);
    exchange(&mut client, &set(1), &code(0x101));
    exchange(&mut client, &prefixed(1), &framed(&code(0x107)));
    exchange(&mut client, &prefixed(0), &framed(&locality_is(0)));
}

#[test]
fn the_control_channel_is_the_power_switch() {
    let bench = Bench::new(&[data(), control()]);
    let (mut tpm, mut platform) = (bench.connect(0), bench.connect(1));
    exchange(&mut tpm, &GET_RANDOM, &code(0x101));
    exchange(&mut platform, &[0, 0, 0, 4], &[0, 0, 0, 10]);
    exchange(&mut platform, &[0, 0, 0, 17, 0, 0, 0, 0], &[0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 0, 16, 0]);
    exchange(&mut platform, &[0, 0, 0, 2, 0, 0, 0, 0], &[0; 4]);
    exchange(&mut tpm, &GET_RANDOM, &code(0x100));
    exchange(&mut tpm, &STARTUP, &code(0));
    exchange(&mut tpm, &GET_RANDOM, &random());
    exchange(&mut platform, &[0, 0, 0, 4], &[0; 8]);
    exchange(&mut platform, &[0, 0, 0, 17, 0, 0, 16, 0], &[0, 0, 0, 10]);

    exchange(&mut platform, &[0, 0, 0, 5, 3, 0, 0, 0], &[0; 4]);
    exchange(&mut tpm, &LOCALITY, &locality_is(3));
    exchange(&mut platform, &[0, 0, 0, 5, 5], &[0, 0, 0, 0x3D]);

    assert_eq!(bench.watched.shutdowns.load(Ordering::SeqCst), 0);
    exchange(&mut platform, &[0, 0, 0, 2, 0, 0, 0, 1], &[0; 4]);
    assert_eq!(bench.watched.shutdowns.load(Ordering::SeqCst), 1);
    exchange(&mut tpm, &STARTUP, &code(0));
    exchange(&mut tpm, &LOCALITY, &locality_is(0));

    exchange(&mut platform, &[0, 0, 0, 14], &[0; 4]);
    assert_eq!(bench.watched.shutdowns.load(Ordering::SeqCst), 2);
    exchange(&mut tpm, &GET_RANDOM, &code(0x101));
    assert_eq!(bench.watched.power_ons.load(Ordering::SeqCst), 2);

    // Garbage is answered and leaves the channel usable.
    exchange(&mut platform, &[0, 0, 0, 0x99, 1, 2, 3], &[0, 0, 0, 10]);
    exchange(&mut platform, &[0, 0, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &[0, 0, 0, 10]);
    exchange(&mut platform, &[0, 0, 0, 1], &[0, 0, 0, 0, 0, 0, 0xAC, 0xAF]);
}

#[test]
fn cancel_reaches_a_running_command() {
    let bench = Bench::started(&[data(), control()]);
    let (mut tpm, mut platform) = (bench.connect(0), bench.connect(1));
    // Void: nothing runs yet.
    exchange(&mut platform, &[0, 0, 0, 9], &[0; 4]);
    tpm.write_all(&LONG).unwrap();
    bench.wait_until_running();
    exchange(&mut platform, &[0, 0, 0, 9], &[0; 4]);
    expect(&mut tpm, &code(0x909), &LONG);
    exchange(&mut tpm, &GET_RANDOM, &random());
}

#[test]
fn shutdown_ends_the_process_in_good_order() {
    let mut bench = Bench::started(&[data(), control()]);
    let (mut tpm, mut platform) = (bench.connect(0), bench.connect(1));
    exchange(&mut tpm, &GET_RANDOM, &random());
    exchange(&mut platform, &[0, 0, 0, 3], &[0; 4]);
    bench.ending.take().unwrap().wait();
    assert_eq!(bench.watched.shutdowns.load(Ordering::SeqCst), 1);
    exchange(&mut tpm, &GET_RANDOM, &code(0x101));
    // There is no way back.
    exchange(&mut bench.connect(1), &[0, 0, 0, 2, 0, 0, 0, 0], &[0, 0, 0, 10]);
    exchange(&mut tpm, &GET_RANDOM, &code(0x101));
}

#[test]
fn terminate_and_disconnect() {
    let disconnect = Protocol::Data(DataOptions { disconnect: true, ..DataOptions::default() });
    let terminate = Protocol::Data(DataOptions { terminate: true, ..DataOptions::default() });
    let mut bench = Bench::started(&[disconnect, terminate]);
    let mut client = bench.connect(0);
    exchange(&mut client, &GET_RANDOM, &random());
    expect_end(&mut client);
    let mut client = bench.connect(1);
    exchange(&mut client, &GET_RANDOM, &random());
    drop(client);
    bench.ending.take().unwrap().wait();
}

#[test]
fn the_simulators_ports() {
    let bench = Bench::new(&[Protocol::SimulatorCommand, Protocol::SimulatorPlatform]);
    let (mut tpm, mut platform) = (bench.connect(0), bench.connect(1));
    let send =
        |locality, command: &[u8]| [&[0, 0, 0, 8, locality, 0, 0, 0, command.len() as u8], command].concat();
    let framed = |response: &[u8]| [&[0, 0, 0, response.len() as u8], response, &[0; 4]].concat();
    let ack = [0; 4];

    exchange(&mut tpm, &[0, 0, 0, 15, 0, 0, 0, 1], &[0, 0, 0, 1, 0, 0, 0, 13, 0, 0, 0, 0]);
    exchange(&mut tpm, &send(0, &GET_RANDOM), &framed(&[]));
    for signal in [1, 11, 3, 4, 13, 14] {
        exchange(&mut platform, &[0, 0, 0, signal], &ack);
    }
    exchange(&mut tpm, &send(0, &STARTUP), &framed(&code(0)));
    exchange(&mut tpm, &send(2, &LOCALITY), &framed(&locality_is(2)));
    // Power that is there does not come again; a reset needs power.
    exchange(&mut platform, &[0, 0, 0, 1], &ack);
    exchange(&mut tpm, &send(0, &GET_RANDOM), &framed(&random()));
    exchange(&mut platform, &[0, 0, 0, 17], &ack);
    exchange(&mut tpm, &send(0, &GET_RANDOM), &framed(&code(0x100)));
    exchange(&mut platform, &[0, 0, 0, 2], &ack);
    exchange(&mut platform, &[0, 0, 0, 17], &ack);
    exchange(&mut tpm, &send(0, &GET_RANDOM), &framed(&[]));
    exchange(&mut platform, &[0, 0, 0, 1], &ack);
    exchange(&mut tpm, &send(0, &STARTUP), &framed(&code(0)));

    // Cancel stays until it is taken back.
    exchange(&mut platform, &[0, 0, 0, 9], &ack);
    exchange(&mut tpm, &send(0, &LONG), &framed(&code(0x909)));
    exchange(&mut tpm, &send(0, &LONG), &framed(&code(0x909)));
    exchange(&mut platform, &[0, 0, 0, 10], &ack);

    let sizes = [&[0, 0, 0, 16][..], &[0, 0, 16, 0], &[0, 0, 0, 12], &[0, 0, 16, 0], &[0, 0, 0, 20], &ack];
    exchange(&mut platform, &[0, 0, 0, 25], &sizes.concat());
    exchange(&mut platform, &[0, 0, 0, 26, 0x40, 0, 1, 0x10], &[0; 8]);

    exchange(&mut platform, &[0, 0, 0, 99], &[0, 0, 0, 1]);
    expect_end(&mut platform);
    // Too large: closed, as the simulator does.
    tpm.write_all(&[0, 0, 0, 8, 0, 0, 0, 0x10, 1]).unwrap();
    expect_end(&mut tpm);
    let mut tpm = bench.connect(0);
    tpm.write_all(&[0, 0, 0, 20]).unwrap();
    expect_end(&mut tpm);
    exchange(&mut bench.connect(0), &send(0, &GET_RANDOM), &framed(&random()));
}

#[test]
fn the_simulators_cancel_reaches_a_running_command() {
    let mut bench = Bench::started(&[Protocol::SimulatorCommand, Protocol::SimulatorPlatform]);
    let (mut tpm, mut platform) = (bench.connect(0), bench.connect(1));
    tpm.write_all(&[&[0, 0, 0, 8, 0, 0, 0, 0, 12], &LONG[..]].concat()).unwrap();
    bench.wait_until_running();
    exchange(&mut platform, &[0, 0, 0, 9], &[0; 4]);
    expect(&mut tpm, &[&[0, 0, 0, 10], &code(0x909)[..], &[0; 4]].concat(), &LONG);
    platform.write_all(&[0, 0, 0, 21]).unwrap();
    bench.ending.take().unwrap().wait();
}

#[test]
fn a_unix_socket_is_private_and_replaces_only_what_nobody_listens_at() {
    use std::os::unix::fs::MetadataExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tpm.sock");
    let endpoint = Endpoint::private_socket(&path);
    // Left behind by a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let bench = Bench::started(&[]);
    let ending = Ending::new().unwrap();
    let listener = endpoint.listen().unwrap();
    let server =
        Server::start(listener, data(), Arc::clone(&bench.machine), ending.handle().unwrap()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let mut client = UnixStream::connect(&path).unwrap();
    exchange(&mut client, &GET_RANDOM, &random());
    assert!(endpoint.listen().is_err());
    exchange(&mut client, &GET_RANDOM, &random());
    drop(client);
    drop(server);
    std::fs::write(folder.path().join("file"), b"mine").unwrap();
    assert!(Endpoint::private_socket(folder.path().join("file")).listen().is_err());
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"mine");
}
