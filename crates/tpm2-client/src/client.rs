//! Sends commands and checks responses.

use tpm2_crypto::{Direction, kdfa};
use tpm2_types::{ResponseCode, TpmAlgId, TpmCc, TpmRh, TpmSe, TpmaSession};
use zeroize::Zeroizing;

use crate::command::response_handles;
use crate::encryption::crypt_first_parameter;
use crate::response::{self, Response};
use crate::session::{PolicyUse, hash_algorithm, parameter_hash, random};
use crate::{
    Append, Authorization, Bytes, Command, Entity, Error, ParameterEncryption, Result, Session, Transport,
    salt,
};

/// A TPM at the other end of a transport.
pub struct Client<T> {
    transport: T,
    locality: u8,
}

impl<T: Transport> Client<T> {
    /// The TPM behind `transport`, at locality 0.
    pub fn new(transport: T) -> Self {
        Self { transport, locality: 0 }
    }

    /// The locality of the commands to come.
    pub fn set_locality(&mut self, locality: u8) {
        self.locality = locality;
    }

    /// The transport.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Sends bytes as they are and returns what comes back.
    pub fn transceive(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        Ok(self.transport.transceive(self.locality, command)?)
    }

    /// Executes a command; every handle that needs authorization is used with its entity's authValue as password.
    pub fn run(&mut self, command: &Command) -> Result<Response> {
        let mut passwords: Vec<_> =
            command.authorized().iter().map(|entity| Authorization::Password(entity.password())).collect();
        self.execute(command, &mut passwords)
    }

    /// Executes a command with these authorizations: the first ones belong to the handles that need one, in order;
    /// the others only audit or encrypt. The HMACs of the response are checked, and nonces rolled. A command that the
    /// TPM could not start (TPM_RC_RETRY) is sent again.
    pub fn execute(
        &mut self,
        command: &Command,
        authorizations: &mut [Authorization<'_>],
    ) -> Result<Response> {
        let mut tries = 0;
        loop {
            let sent = prepare(command, authorizations)?;
            let bytes = self.transceive(&sent)?;
            match accept(command, authorizations, &bytes) {
                Err(Error::Tpm(ResponseCode::RETRY)) if tries < RETRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    /// Starts a session.
    pub fn start_session(&mut self, start: &StartSession) -> Result<Session> {
        let hash = hash_algorithm(start.auth_hash).ok_or(Error::Request("no such hash algorithm"))?;
        let salt = start.salt_key.as_ref().map(|(_, public)| salt::encrypt(public)).transpose()?;
        let mut nonce_caller = vec![0; hash.digest_size()];
        random(&mut nonce_caller)?;
        let (plain, encrypted) = salt.unwrap_or_default();
        let response = self.run(&start.command(&nonce_caller, &encrypted))?;
        let nonce_tpm = response.fields().sized()?.to_vec();
        let mut session_key = Zeroizing::default();
        if start.bind.is_some() || start.salt_key.is_some() {
            let mut secret =
                Zeroizing::new(start.bind.as_ref().map_or_else(Vec::new, |bind| bind.auth_value().to_vec()));
            secret.extend_from_slice(&plain);
            session_key = Zeroizing::new(vec![0; hash.digest_size()]);
            kdfa(
                hash,
                &secret,
                b"ATH",
                &nonce_tpm,
                &nonce_caller,
                hash.digest_size() as u32 * 8,
                &mut session_key,
            );
        }
        Ok(Session {
            handle: response.handle()?,
            hash,
            encryption: start.encryption,
            session_key,
            nonce_caller,
            nonce_tpm,
            bind: start.bind.clone(),
            policy: (start.session_type != TpmSe::HMAC).then(PolicyUse::default),
            attributes: TpmaSession::CONTINUE_SESSION,
        })
    }
}

/// How often a command is sent again that the TPM could not start.
const RETRIES: usize = 5;

/// What kind of session to start (TPM2_StartAuthSession; Part 3, 11.1).
#[derive(Clone)]
pub struct StartSession {
    session_type: TpmSe,
    auth_hash: TpmAlgId,
    encryption: ParameterEncryption,
    salt_key: Option<(Entity, Vec<u8>)>,
    bind: Option<Entity>,
}

impl StartSession {
    /// An HMAC session, unbound, unsalted, SHA-256, without parameter encryption.
    pub fn hmac() -> Self {
        Self {
            session_type: TpmSe::HMAC,
            auth_hash: TpmAlgId::SHA256,
            encryption: ParameterEncryption::None,
            salt_key: None,
            bind: None,
        }
    }

    /// A policy session, otherwise as [`StartSession::hmac`].
    pub fn policy() -> Self {
        Self { session_type: TpmSe::POLICY, ..Self::hmac() }
    }

    /// A trial policy session, otherwise as [`StartSession::hmac`].
    pub fn trial() -> Self {
        Self { session_type: TpmSe::TRIAL, ..Self::hmac() }
    }

    /// With this authHash (TPM_ALG_ID).
    #[must_use]
    pub fn hash(self, auth_hash: TpmAlgId) -> Self {
        Self { auth_hash, ..self }
    }

    /// With parameter encryption.
    #[must_use]
    pub fn encryption(self, encryption: ParameterEncryption) -> Self {
        Self { encryption, ..self }
    }

    /// Bound to `entity`.
    #[must_use]
    pub fn bound(self, entity: &Entity) -> Self {
        Self { bind: Some(entity.clone()), ..self }
    }

    /// Salted: with a secret for the key `entity` that has this TPMT_PUBLIC.
    #[must_use]
    pub fn salted(self, entity: &Entity, public: &[u8]) -> Self {
        Self { salt_key: Some((entity.clone(), public.to_vec())), ..self }
    }

    fn command(&self, nonce_caller: &[u8], encrypted_salt: &[u8]) -> Command {
        let null = || Entity::permanent(TpmRh::NULL);
        let command = Command::new(TpmCc::START_AUTH_SESSION)
            .handle(self.salt_key.as_ref().map_or_else(null, |(entity, _)| entity.clone()))
            .handle(self.bind.clone().unwrap_or_else(null))
            .sized(nonce_caller)
            .sized(encrypted_salt)
            .u8(self.session_type.0);
        match self.encryption {
            ParameterEncryption::None => command.u16(TpmAlgId::NULL.0),
            ParameterEncryption::AesCfb(bits) => command.u16(TpmAlgId::AES.0).u16(bits).u16(TpmAlgId::CFB.0),
            ParameterEncryption::Xor(hash) => command.u16(TpmAlgId::XOR.0).u16(hash.0),
        }
        .u16(self.auth_hash.0)
    }
}

/// Rolls the callers' nonces, encrypts the first parameter and computes the HMACs.
fn prepare(command: &Command, authorizations: &mut [Authorization<'_>]) -> Result<Vec<u8>> {
    let mut parameters = command.parameters().to_vec();
    if authorizations.is_empty() {
        return Ok(command.encode(None, &parameters));
    }
    for session in authorizations.iter_mut().filter_map(Authorization::session_mut) {
        session.roll_nonce_caller()?;
    }
    let decrypt = position(authorizations, TpmaSession::DECRYPT);
    let encrypt = position(authorizations, TpmaSession::ENCRYPT);
    if let Some((index, session)) = decrypt {
        let nonces = [&session.nonce_caller[..], &session.nonce_tpm];
        let entity = command.authorized().get(index);
        crypt_first_parameter(session, entity, nonces, &mut parameters, Direction::Encrypt)?;
    }
    let other_nonces = other_nonces(decrypt, encrypt);
    let mut area = Bytes::new();
    for (index, authorization) in authorizations.iter().enumerate() {
        area = match authorization {
            Authorization::Password(password) => {
                area.u32(TpmRh::PW.0).sized([]).u8(TpmaSession::CONTINUE_SESSION.bits()).sized(password)
            }
            Authorization::Raw(bytes) => area.raw(bytes),
            Authorization::Session(session) => {
                let code = command.code().0.to_be_bytes();
                let mut hashed: Vec<&[u8]> = vec![&code];
                hashed.extend(command.handles().iter().map(Entity::name));
                hashed.push(&parameters);
                let cp_hash = parameter_hash(session.hash, &hashed);
                let nonces = if index == 0 { &other_nonces[..] } else { &[] };
                area.u32(session.handle.0)
                    .sized(&session.nonce_caller)
                    .u8(session.attributes.bits())
                    .sized(session.command_hmac(command.authorized().get(index), &cp_hash, nonces))
            }
        };
    }
    Ok(command.encode(Some(area.as_ref()), &parameters))
}

/// nonceTPMdecrypt and nonceTPMencrypt as they enter the first session's HMAC: those of other sessions, and only once
/// where one session does both (Part 1, 16.6.5).
fn other_nonces(decrypt: Option<(usize, &Session)>, encrypt: Option<(usize, &Session)>) -> Vec<u8> {
    let decrypting = decrypt.filter(|(index, _)| *index != 0);
    let encrypting =
        encrypt.filter(|(index, _)| *index != 0 && decrypt.is_none_or(|(other, _)| other != *index));
    [decrypting, encrypting]
        .into_iter()
        .flatten()
        .flat_map(|(_, session)| session.nonce_tpm.clone())
        .collect()
}

/// Takes the response apart, checks the HMACs, rolls the TPM's nonces and decrypts the first parameter.
fn accept(command: &Command, authorizations: &mut [Authorization<'_>], bytes: &[u8]) -> Result<Response> {
    let (mut response, answers) = response::parse(bytes, response_handles(command.code()))?;
    if answers.len() != authorizations.len() {
        return Err(Error::Malformed("not as many authorizations as in the command"));
    }
    for (index, (authorization, answer)) in authorizations.iter_mut().zip(answers).enumerate() {
        let Some(session) = authorization.session_mut() else { continue };
        let code = command.code().0.to_be_bytes();
        let rp_hash = parameter_hash(session.hash, &[&[0; 4], &code, &response.parameters]);
        let entity = command.authorized().get(index);
        let new_auth = command.new_auth().filter(|_| index == 0);
        session.accept(index + 1, entity, new_auth, &rp_hash, answer)?;
    }
    if let Some((index, session)) = position(authorizations, TpmaSession::ENCRYPT) {
        let nonces = [&session.nonce_tpm[..], &session.nonce_caller];
        let entity = command.authorized().get(index);
        crypt_first_parameter(session, entity, nonces, &mut response.parameters, Direction::Decrypt)?;
    }
    Ok(response)
}

/// The first session with this attribute SET.
fn position<'a>(
    authorizations: &'a [Authorization<'_>],
    attribute: TpmaSession,
) -> Option<(usize, &'a Session)> {
    authorizations.iter().enumerate().find_map(|(index, authorization)| match authorization {
        Authorization::Session(session) if session.attributes.contains(attribute) => {
            Some((index, &**session))
        }
        _ => None,
    })
}
