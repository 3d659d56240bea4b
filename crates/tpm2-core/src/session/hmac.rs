//! Session keys and the HMACs of commands and responses (Part 1, "Authorization Values", "HMAC Computation").

use tpm2_crypto::{Digest, HashAlgorithm, Hmac};
use tpm2_types::{Result, TpmaSession};

use super::Session;
use crate::algorithm::FromAlg;
use crate::arena::Arena;

/// What the HMAC of a command or a response covers, in order.
pub struct HmacInput<'i> {
    /// cpHash or rpHash.
    pub parameters: &'i [u8],
    /// nonceCaller in a command, nonceTPM in a response.
    pub nonce_newer: &'i [u8],
    /// nonceTPM in a command, nonceCaller in a response.
    pub nonce_older: &'i [u8],
    /// nonceTPM of the decrypt session, if that is another session than the first.
    pub nonce_decrypt: &'i [u8],
    /// nonceTPM of the encrypt session, if that is another session than the first and the decrypt session.
    pub nonce_encrypt: &'i [u8],
    /// Session attributes.
    pub attributes: TpmaSession,
}

/// HMAC over `input` under sessionKey followed by `auth_value`.
pub fn session_hmac(
    session: &Session<'_>,
    auth_value: &[u8],
    input: &HmacInput<'_>,
    arena: &Arena<'_>,
) -> Result<Digest> {
    let key = session_value(session, auth_value, arena)?;
    let mut hmac = Hmac::new(HashAlgorithm::from_alg(session.auth_hash), key);
    for part in
        [input.parameters, input.nonce_newer, input.nonce_older, input.nonce_decrypt, input.nonce_encrypt]
    {
        hmac.update(part);
    }
    hmac.update(&[input.attributes.bits()]);
    Ok(hmac.finish())
}

/// sessionKey followed by `auth_value`: the key of HMACs and of parameter encryption.
pub fn session_value<'b>(session: &Session<'_>, auth_value: &[u8], arena: &Arena<'b>) -> Result<&'b [u8]> {
    let key = session.session_key.as_slice();
    let value = arena.allocate(key.len() + auth_value.len())?;
    let (front, back) = value.split_at_mut(key.len());
    front.copy_from_slice(key);
    back.copy_from_slice(auth_value);
    Ok(value)
}
