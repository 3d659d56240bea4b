//! What a case works with: a TPM, the row it asserts, and the objects that cases usually need.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tpm2_client::template::Template;
use tpm2_client::{
    Append, Authorization, Bytes, Client, Command, Entity, Response, Session, StartSession, commands,
    name_of_public,
};
use tpm2_types::{Position, ResponseCode, TpmAlgId, TpmHandle, TpmRh, TpmSu, TpmaNv};

use crate::keys::{RSA_MODULUS, RSA_PRIME};
use crate::machine::Machine;

/// A TPM of the case's own, fresh and started. Derefs to its [`Client`].
pub struct Bed {
    client: Client<Box<dyn Machine>>,
    /// The code of the case's row, without or with its position.
    row: ResponseCode,
    expected: ResponseCode,
    refusals: usize,
}

impl Deref for Bed {
    type Target = Client<Box<dyn Machine>>;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

impl DerefMut for Bed {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.client
    }
}

/// An object with the two halves that TPM2_Create answered.
#[derive(Clone)]
pub struct Created {
    /// The content of the TPM2B_PRIVATE.
    pub private: Vec<u8>,
    /// The TPMT_PUBLIC.
    pub public: Vec<u8>,
}

impl Bed {
    /// A bed for a row that says `expected`.
    pub fn new(machine: Box<dyn Machine>, expected: ResponseCode) -> Self {
        Self { client: Client::new(machine), row: expected, expected, refusals: 0 }
    }

    /// How many refusals the case has asserted.
    pub fn refusals(&self) -> usize {
        self.refusals
    }

    /// From here on the row's code is expected at this position: for rows of `(any)` command, whose position depends
    /// on the command.
    pub fn at(&mut self, position: Position) -> &mut Self {
        self.expected = match (self.row, position) {
            (ResponseCode::REFERENCE_H0, Position::Handle(number)) => ResponseCode::reference_handle(number),
            (ResponseCode::REFERENCE_S0, Position::Session(number)) => {
                ResponseCode::reference_session(number)
            }
            (code, position) => code.base().at(position),
        };
        self
    }

    /// Asserts that the TPM refuses `command`, with passwords as authorization, with the code and position of the
    /// case's row, and that its state is as before.
    pub fn refuse(&mut self, command: &Command) -> Result<()> {
        self.unchanged(|client| client.run(command))
    }

    /// As [`Bed::refuse`], with these authorizations.
    pub fn refuse_using(
        &mut self,
        command: &Command,
        authorizations: &mut [Authorization<'_>],
    ) -> Result<()> {
        self.unchanged(|client| client.execute(command, authorizations))
    }

    /// As [`Bed::refuse`], for bytes that are no well-formed command.
    pub fn refuse_bytes(&mut self, command: &[u8]) -> Result<()> {
        self.unchanged(|client| {
            let response = client.transceive(command)?;
            match response.get(6..10) {
                Some(&[a, b, c, d]) => match u32::from_be_bytes([a, b, c, d]) {
                    0 => Ok(Response::default()),
                    code => Err(tpm2_client::Error::Tpm(ResponseCode::new(code))),
                },
                _ => Err(tpm2_client::Error::Malformed("shorter than a header")),
            }
        })
    }

    /// As [`Bed::refuse`], where the specification wants the refusal to leave a trace in the state, such as a failed
    /// try.
    pub fn refuse_with_trace(&mut self, command: &Command) -> Result<()> {
        let answer = self.client.run(command);
        self.refused(answer)
    }

    /// Lets this much time pass for the TPM.
    pub fn pass(&mut self, time: Duration) -> Result<()> {
        Ok(self.client.transport().pass(time)?)
    }

    /// The machine, for what only some can do: [`crate::machine::NotHere`] ends the case where this one cannot.
    pub fn machine(&mut self) -> &mut dyn Machine {
        &mut **self.client.transport()
    }

    /// Power off and on, without TPM2_Startup.
    pub fn power_cycle(&mut self) -> Result<()> {
        Ok(self.client.transport().power_cycle()?)
    }

    /// TPM2_Shutdown(CLEAR), power off and on, TPM2_Startup(CLEAR).
    pub fn restart(&mut self) -> Result<()> {
        self.run(&commands::shutdown(TpmSu::CLEAR))?;
        self.power_cycle()?;
        self.run(&commands::startup(TpmSu::CLEAR))?;
        Ok(())
    }

    /// A primary object of the owner's, with an empty authValue.
    pub fn primary(&mut self, template: &Template) -> Result<Entity> {
        self.primary_in(TpmRh::OWNER, template, &[], &[])
    }

    /// A primary object of this hierarchy with this authValue and data.
    pub fn primary_in(
        &mut self,
        hierarchy: TpmHandle,
        template: &Template,
        auth: &[u8],
        data: &[u8],
    ) -> Result<Entity> {
        let sensitive = commands::sensitive(auth, data);
        let create =
            commands::create_primary(hierarchy, sensitive, &template.to_bytes(), &[], commands::no_pcrs());
        let response = self.run(&create).context("CreatePrimary")?;
        let name = name_of_public(response.fields().sized()?, 2);
        Ok(Entity::named(response.handle()?, name).with_auth(auth))
    }

    /// A new object under `parent`, not loaded.
    pub fn create(
        &mut self,
        parent: &Entity,
        template: &Template,
        auth: &[u8],
        data: &[u8],
    ) -> Result<Created> {
        let sensitive = commands::sensitive(auth, data);
        let create = commands::create(parent, sensitive, &template.to_bytes(), &[], commands::no_pcrs());
        let response = self.run(&create).context("Create")?;
        let mut fields = response.fields();
        Ok(Created { private: fields.sized()?.to_vec(), public: fields.sized()?.to_vec() })
    }

    /// A new object under `parent`, loaded.
    pub fn child(
        &mut self,
        parent: &Entity,
        template: &Template,
        auth: &[u8],
        data: &[u8],
    ) -> Result<Entity> {
        let created = self.create(parent, template, auth, data)?;
        let response =
            self.run(&commands::load(parent, &created.private, &created.public)).context("Load")?;
        Ok(Entity::named(response.handle()?, name_of_public(&created.public, 2)).with_auth(auth))
    }

    /// The public part alone of an object that is loaded.
    pub fn public_only(&mut self, object: &Entity) -> Result<Entity> {
        let public = self.run(&commands::read_public(object))?.fields().sized()?.to_vec();
        self.external(&[], &public, TpmRh::OWNER)
    }

    /// Loads the TPMT_SENSITIVE, which may be empty, and TPMT_PUBLIC of an object from outside.
    pub fn external(&mut self, sensitive: &[u8], public: &[u8], hierarchy: TpmHandle) -> Result<Entity> {
        let load = commands::load_external(sensitive, public, hierarchy);
        let response = self.run(&load).context("LoadExternal")?;
        Ok(Entity::named(response.handle()?, name_of_public(public, 2)))
    }

    /// The RSA-2048 key of the tests with this template, loaded with its prime: generating one takes too long.
    pub fn external_rsa(&mut self, template: &Template) -> Result<Entity> {
        let public = template.clone().unique(Bytes::new().sized(RSA_MODULUS)).to_bytes();
        let sensitive = Bytes::new().u16(TpmAlgId::RSA.0).sized([]).sized([]).sized(RSA_PRIME);
        self.external(sensitive.as_ref(), &public, TpmRh::NULL)
    }

    /// Frees the slot of an object or session.
    pub fn flush(&mut self, handle: TpmHandle) -> Result<()> {
        self.run(&commands::flush_context(handle))?;
        Ok(())
    }

    /// An unbound, unsalted HMAC session with SHA-256.
    pub fn hmac_session(&mut self) -> Result<Session> {
        Ok(self.start_session(&StartSession::hmac())?)
    }

    /// A policy session with SHA-256.
    pub fn policy_session(&mut self) -> Result<Session> {
        Ok(self.start_session(&StartSession::policy())?)
    }

    /// The policyDigest after these assertions, made in a trial session that they get the handle of.
    pub fn policy(&mut self, assertions: &[&dyn Fn(TpmHandle) -> Command]) -> Result<Vec<u8>> {
        let trial = self.start_session(&StartSession::trial())?;
        for assertion in assertions {
            self.run(&assertion(trial.handle()))?;
        }
        let digest = self.policy_digest(trial.handle())?;
        self.flush(trial.handle())?;
        Ok(digest)
    }

    /// The policyDigest of a session.
    pub fn policy_digest(&mut self, session: TpmHandle) -> Result<Vec<u8>> {
        Ok(self.run(&commands::policy_get_digest(session))?.fields().sized()?.to_vec())
    }

    /// A new NV index of the owner's, number 0x01000001, SHA-256, with an empty authValue and policy.
    pub fn nv_index(&mut self, attributes: TpmaNv, size: u16) -> Result<Entity> {
        self.nv_index_with(TpmRh::OWNER, 1, attributes, &[], size)
    }

    /// A new NV index with this number, made by `hierarchy`.
    pub fn nv_index_with(
        &mut self,
        hierarchy: TpmHandle,
        number: u32,
        attributes: TpmaNv,
        policy: &[u8],
        size: u16,
    ) -> Result<Entity> {
        let index = TpmHandle::nv_index(number);
        let public = commands::nv_public(index, TpmAlgId::SHA256, attributes, policy, size);
        self.run(&commands::nv_define_space(hierarchy, &[], &public)).context("NV_DefineSpace")?;
        Ok(Entity::named(index, name_of_public(public.as_ref(), 4)))
    }

    /// An index with the Name that it has now.
    pub fn nv_name(&mut self, index: &Entity) -> Result<Entity> {
        let public = self.run(&commands::nv_read_public(index.handle()))?.fields().sized()?.to_vec();
        Ok(Entity::named(index.handle(), name_of_public(&public, 4)))
    }

    fn unchanged(
        &mut self,
        send: impl FnOnce(&mut Client<Box<dyn Machine>>) -> tpm2_client::Result<Response>,
    ) -> Result<()> {
        let before = self.client.transport().state_digest();
        let answer = send(&mut self.client);
        let after = self.client.transport().state_digest();
        self.refused(answer)?;
        ensure!(before == after, "refused with {}, yet the state has changed", self.expected);
        Ok(())
    }

    fn refused(&mut self, answer: tpm2_client::Result<Response>) -> Result<()> {
        self.refusals += 1;
        match answer {
            Err(tpm2_client::Error::Tpm(answered)) if answered == self.expected => Ok(()),
            Err(tpm2_client::Error::Tpm(answered)) => {
                bail!("answered {answered} instead of {}", self.expected)
            }
            Err(error) => Err(error.into()),
            Ok(_) => bail!("answered TPM_RC_SUCCESS instead of {}", self.expected),
        }
    }
}
