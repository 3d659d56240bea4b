//! The servers: a thread that accepts for each endpoint, a thread for each connection.
//!
//! A command never changes threads: the connection's thread reads it, takes the TPM's lock, runs it, and writes the
//! answer. Waking another core would cost ten times what a light command does.

mod control;
mod data;
mod endpoint;
mod inbox;
mod outbox;
mod simulator;

pub use endpoint::{Endpoint, Listener, Stream};

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use log::{debug, info, warn};

use crate::ending::EndingHandle;
use crate::machine::Machine;

/// Connections that one endpoint serves at a time; the next one is closed at once.
const MOST_CONNECTIONS: usize = 64;

/// A command runs on its connection's thread. The system gives pages as they are used.
const CONNECTION_STACK: usize = 1024 * 1024;
const ACCEPTING_STACK: usize = 64 * 1024;

/// Which protocol an endpoint speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// swtpm's data channel.
    Data(DataOptions),
    /// swtpm's control channel.
    Control(LocalityPolicy),
    /// The simulator's command port.
    SimulatorCommand,
    /// The simulator's platform port.
    SimulatorPlatform,
}

/// How the data channel behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataOptions {
    /// Who may use which locality.
    pub locality: LocalityPolicy,
    /// The connection ends after each answer.
    pub disconnect: bool,
    /// The process ends when a connection does.
    pub terminate: bool,
}

/// Who may use which locality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalityPolicy {
    /// The data channel's own command may set it.
    pub allow_set: bool,
    /// A prefix may name it.
    pub allow_prefix: bool,
    /// There is no locality 4.
    pub reject_locality_4: bool,
}

impl Default for LocalityPolicy {
    fn default() -> Self {
        Self { allow_set: false, allow_prefix: true, reject_locality_4: false }
    }
}

impl LocalityPolicy {
    /// Locality 0 and no other, for a socket that many programs share.
    pub const ONLY_ZERO: Self = Self { allow_set: false, allow_prefix: false, reject_locality_4: true };

    /// The most that a locality can be.
    fn highest(self) -> u8 {
        if self.reject_locality_4 { 3 } else { 4 }
    }
}

/// A running server; dropped, it ends all its connections.
pub struct Server {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    machine: Arc<Machine>,
    ending: EndingHandle,
    listener: Listener,
    protocol: Protocol,
    connections: AtomicUsize,
    stopping: AtomicBool,
}

impl Server {
    /// Serves `machine` at `listener`.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        listener: Listener,
        protocol: Protocol,
        machine: Arc<Machine>,
        ending: EndingHandle,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            machine,
            ending,
            listener,
            protocol,
            connections: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let accepting = thread::Builder::new()
            .name("accept".into())
            .stack_size(ACCEPTING_STACK)
            .spawn({
                let shared = Arc::clone(&shared);
                move || accept(&shared)
            })
            .context("cannot start a thread; the system's limit is reached")?;
        Ok(Self { shared, accepting: Some(accepting) })
    }

    /// The TCP port it listens at.
    pub fn port(&self) -> Option<u16> {
        self.shared.listener.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.listener.close();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(shared: &Arc<Shared>) {
    while !shared.stopping.load(Ordering::Relaxed) {
        match shared.listener.accept() {
            Ok(stream) => serve_on_a_thread(shared, stream),
            Err(_) if shared.stopping.load(Ordering::Relaxed) => {}
            Err(error) => {
                debug!("a connection failed before it began: {error}");
                // Too many open files, most likely: they will not be closed faster for asking again at once.
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn serve_on_a_thread(shared: &Arc<Shared>, stream: Stream) {
    if shared.connections.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
        shared.connections.fetch_sub(1, Ordering::Relaxed);
        warn!("{MOST_CONNECTIONS} connections are open; another one was refused");
        return;
    }
    let counted = Counted(Arc::clone(shared));
    let spawned =
        thread::Builder::new().name("connection".into()).stack_size(CONNECTION_STACK).spawn(move || {
            let shared = &counted.0;
            if let Err(error) = serve(shared, stream) {
                debug!("a connection ended: {error}");
            }
            if let Protocol::Data(DataOptions { terminate: true, .. }) = shared.protocol {
                info!("the connection has ended, and with it the TPM");
                shared.ending.end();
            }
        });
    if spawned.is_err() {
        warn!("no thread for another connection; it was refused");
    }
}

fn serve(shared: &Shared, stream: Stream) -> io::Result<()> {
    let machine = &shared.machine;
    match shared.protocol {
        Protocol::Data(options) => data::serve(machine, stream, options),
        Protocol::Control(policy) => control::serve(machine, stream, policy, &shared.ending),
        Protocol::SimulatorCommand => simulator::serve_commands(machine, stream, &shared.ending),
        Protocol::SimulatorPlatform => simulator::serve_platform(machine, stream, &shared.ending),
    }
}

/// A connection that counts for as long as it is served, even if its thread panics.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
