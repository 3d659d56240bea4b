//! A TPM on a device in memory, with a client in front of it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::io;

use platform_memory::MemoryPlatform;
use tpm2_client::template::Template;
use tpm2_client::{Client, Command, Entity, Error, Response, Result, Transport, commands, name_of_public};
use tpm2_core::{Memory, Start, Tpm};
use tpm2_crypto::engine::SOFTWARE;
use tpm2_types::{ResponseCode, TpmHandle, TpmRh, TpmSu};

/// The bytes of memory of a test's TPM: persistent, volatile.
pub type TestMemory = Memory<65536, 32768>;

/// A TPM, and the device that it lives on.
pub struct Machine {
    tpm: Tpm<'static, MemoryPlatform>,
    pub device: MemoryPlatform,
}

impl Machine {
    /// What the device holds, or a new TPM; without TPM2_Startup. Tests are short: their memory is never given back.
    pub fn on(device: MemoryPlatform) -> Self {
        let mut machine = Self::found_on(device);
        if machine.tpm.start() == Start::Empty {
            machine.tpm.manufacture().unwrap();
        }
        machine
    }

    /// A TPM on the device as it is, without manufacture.
    pub fn found_on(device: MemoryPlatform) -> Self {
        let memory = Box::leak(Box::new(TestMemory::new()));
        Self { tpm: Tpm::new(memory.slices(), device.handle(), &SOFTWARE), device }
    }

    /// The TPM itself.
    pub fn tpm(&mut self) -> &mut Tpm<'static, MemoryPlatform> {
        &mut self.tpm
    }

    /// _TPM_Init.
    pub fn power_cycle(&mut self) {
        self.tpm.power_on();
    }

    /// A digest of all that the TPM remembers.
    pub fn state_digest(&self) -> [u8; 32] {
        self.tpm.state_digest()
    }
}

impl Transport for Machine {
    fn transceive(&mut self, locality: u8, command: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.tpm.execute(locality, command).to_vec())
    }
}

/// A new TPM after TPM2_Startup(CLEAR).
pub fn started() -> Client<Machine> {
    let mut client = Client::new(Machine::on(MemoryPlatform::new(1)));
    client.run(&commands::startup(TpmSu::CLEAR)).unwrap();
    client
}

/// The response code that a command was refused with.
pub fn refused(answer: Result<Response>) -> ResponseCode {
    match answer {
        Err(Error::Tpm(code)) => code,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the command was carried out"),
    }
}

/// A primary object in a hierarchy, and its public area.
pub fn primary(client: &mut Client<Machine>, hierarchy: TpmHandle, template: &Template) -> (Entity, Vec<u8>) {
    let command = commands::create_primary(
        hierarchy,
        commands::sensitive(b"", b""),
        &template.to_bytes(),
        b"",
        commands::no_pcrs(),
    );
    let response = client.run(&command).unwrap();
    let public = response.fields().sized().unwrap().to_vec();
    let name = name_of_public(&public, 2);
    (Entity::named(response.handle().unwrap(), name), public)
}

/// An object that was created and loaded below a parent, with its authorization value.
pub fn child(
    client: &mut Client<Machine>,
    parent: &Entity,
    template: &Template,
    auth: &[u8],
    data: &[u8],
) -> Entity {
    let command = commands::create(
        parent,
        commands::sensitive(auth, data),
        &template.to_bytes(),
        b"",
        commands::no_pcrs(),
    );
    let response = client.run(&command).unwrap();
    let mut fields = response.fields();
    let (private, public) = (fields.sized().unwrap().to_vec(), fields.sized().unwrap().to_vec());
    let loaded = client.run(&commands::load(parent, &private, &public)).unwrap();
    Entity::named(loaded.handle().unwrap(), name_of_public(&public, 2)).with_auth(auth)
}

/// The owner with an empty authorization value.
pub fn owner() -> Entity {
    Entity::permanent(TpmRh::OWNER)
}

/// Runs a command that has to succeed.
pub fn ok(client: &mut Client<Machine>, command: &Command) -> Response {
    client.run(command).unwrap()
}
