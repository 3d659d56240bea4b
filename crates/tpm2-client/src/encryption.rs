//! Parameter encryption (Part 1, 18).

use tpm2_crypto::{BlockMode, Direction, aes, kdfa};
use zeroize::Zeroizing;

use crate::session::{ParameterEncryption, Session};
use crate::{Entity, Error, Result};

/// Encrypts or decrypts the TPM2B at the front of `parameters` in place. `entity` is what the session authorizes, if
/// anything; `newer` and `older` are nonceNewer and nonceOlder.
pub(crate) fn crypt_first_parameter(
    session: &Session,
    entity: Option<&Entity>,
    [newer, older]: [&[u8]; 2],
    parameters: &mut [u8],
    direction: Direction,
) -> Result<()> {
    if session.encryption == ParameterEncryption::None {
        return Ok(());
    }
    let data = first_parameter(parameters).ok_or(Error::Request("the first parameter is not a TPM2B"))?;
    let mut key = session.session_key.clone();
    if let Some(entity) = entity {
        key.extend_from_slice(entity.auth_value());
    }
    match session.encryption {
        ParameterEncryption::None => Ok(()),
        ParameterEncryption::AesCfb(bits) => {
            let key_size = usize::from(bits / 8);
            let mut derived = Zeroizing::new(vec![0; key_size + BLOCK]);
            kdfa(session.hash, &key, b"CFB", newer, older, u32::from(bits) + BLOCK as u32 * 8, &mut derived);
            let (cipher_key, start) = derived.split_at(key_size);
            let mut iv = [0; BLOCK];
            iv.copy_from_slice(start);
            Ok(aes(BlockMode::Cfb, cipher_key, &mut iv, data, direction)?)
        }
        ParameterEncryption::Xor(_) => {
            let mut mask = Zeroizing::new(vec![0; data.len()]);
            kdfa(session.hash, &key, b"XOR", newer, older, data.len() as u32 * 8, &mut mask);
            data.iter_mut().zip(mask.iter()).for_each(|(octet, mask)| *octet ^= mask);
            Ok(())
        }
    }
}

/// AES's block size in octets.
const BLOCK: usize = 16;

fn first_parameter(parameters: &mut [u8]) -> Option<&mut [u8]> {
    let (size, rest) = parameters.split_first_chunk_mut::<2>()?;
    rest.get_mut(..usize::from(u16::from_be_bytes(*size)))
}
