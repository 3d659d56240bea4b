//! Parameter encryption (Part 1, "Session-based encryption"): the first parameter, if it is a TPM2B.

use tpm2_crypto::{AES_BLOCK_SIZE, BlockMode, Direction, HashAlgorithm, aes, kdfa};
use tpm2_types::{ResponseCode, Result, TpmtSymDef};

use super::Session;
use crate::algorithm::FromAlg;
use crate::arena::Arena;

/// Decrypts the data of the first parameter in place. `key` is sessionKey and authValue; nonces in a command are
/// nonceCaller, then nonceTPM.
pub fn decrypt_parameter(
    session: &Session<'_>,
    key: &[u8],
    nonce_newer: &[u8],
    nonce_older: &[u8],
    data: &mut [u8],
    arena: &Arena<'_>,
) -> Result<()> {
    apply(session, key, nonce_newer, nonce_older, data, Direction::Decrypt, arena)
}

/// Encrypts the data of the first response parameter in place. Nonces in a response are nonceTPM, then nonceCaller.
pub fn encrypt_parameter(
    session: &Session<'_>,
    key: &[u8],
    nonce_newer: &[u8],
    nonce_older: &[u8],
    data: &mut [u8],
    arena: &Arena<'_>,
) -> Result<()> {
    apply(session, key, nonce_newer, nonce_older, data, Direction::Encrypt, arena)
}

fn apply(
    session: &Session<'_>,
    key: &[u8],
    nonce_newer: &[u8],
    nonce_older: &[u8],
    data: &mut [u8],
    direction: Direction,
    arena: &Arena<'_>,
) -> Result<()> {
    match session.symmetric {
        None => Err(ResponseCode::SYMMETRIC),
        Some(TpmtSymDef::Xor(_)) => {
            let mask = arena.allocate(data.len())?;
            let bits = u32::try_from(data.len() * 8).map_err(|_| ResponseCode::SIZE)?;
            // With the session's hash, whatever the one named beside XOR (Part 1, 18.2).
            let hash = HashAlgorithm::from_alg(session.auth_hash);
            kdfa(hash, key, b"XOR", nonce_newer, nonce_older, bits, mask);
            for (byte, mask) in data.iter_mut().zip(mask) {
                *byte ^= *mask;
            }
            Ok(())
        }
        Some(TpmtSymDef::Aes { key_bits, .. }) => {
            let key_size = key_bits.bytes();
            let derived = arena.allocate(key_size + AES_BLOCK_SIZE)?;
            let bits = u32::try_from(derived.len() * 8).map_err(|_| ResponseCode::FAILURE)?;
            let hash = HashAlgorithm::from_alg(session.auth_hash);
            kdfa(hash, key, b"CFB", nonce_newer, nonce_older, bits, derived);
            let (key, iv) = derived.split_at_mut(key_size);
            let iv: &mut [u8; AES_BLOCK_SIZE] = iv.try_into().map_err(|_| ResponseCode::FAILURE)?;
            aes(BlockMode::Cfb, key, iv, data, direction).map_err(|_| ResponseCode::FAILURE)
        }
        Some(_) => Err(ResponseCode::SYMMETRIC),
    }
}
