//! The endorsement key, by which one tells a TPM from every other.

use crate::hexadecimal;

const TAG_NO_SESSIONS: u16 = 0x8001;
const TAG_SESSIONS: u16 = 0x8002;
const CC_CREATE_PRIMARY: u32 = 0x131;
const CC_FLUSH_CONTEXT: u32 = 0x165;
const RH_ENDORSEMENT: u32 = 0x4000_000B;

/// An empty password: TPM_RS_PW, no nonce, no attributes, no value (Part 1, "Password Authorizations").
const PASSWORD: [u8; 9] = [0x40, 0, 0, 9, 0, 0, 0, 0, 0];

/// No password and no data for the new key.
const SENSITIVE: [u8; 6] = [0, 4, 0, 0, 0, 0];

/// The template L-1 of the TCG EK Credential Profile, up to `unique`: RSA 2048 with AES 128 in CFB, restricted
/// decryption, authorized by TPM2_PolicySecret(endorsement).
const TEMPLATE: [u8; 58] = [
    0x00, 0x01, 0x00, 0x0B, 0x00, 0x03, 0x00, 0xB2, 0x00,
    0x20, // RSA, SHA-256, attributes, policy of 32 bytes
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24, //
    0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA, //
    0x00, 0x06, 0x00, 0x80, 0x00, 0x43, // AES 128 CFB
    0x00, 0x10, // no scheme
    0x08, 0x00, 0x00, 0x00, 0x00, 0x00, // 2048 bits, the usual exponent
    0x01, 0x00, // unique: 256 zeros follow
];
const UNIQUE_SIZE: usize = 256;

/// The name of the endorsement key of the TPM behind `execute`, in hexadecimal: the key that `tpm2_createek -G rsa`
/// makes. Nothing of it stays in the TPM. `None` where the TPM does not make it.
pub fn name(mut execute: impl FnMut(&[u8]) -> Vec<u8>) -> Option<String> {
    let response = execute(&create_primary());
    let handle = response.get(10..14).filter(|_| tpm2_wire::response_code(&response) == Some(0))?;
    let text = name_in(&response).map(hexadecimal::encode);
    execute(&command(TAG_NO_SESSIONS, CC_FLUSH_CONTEXT, &[handle]));
    text
}

fn create_primary() -> Vec<u8> {
    let template_size = ((TEMPLATE.len() + UNIQUE_SIZE) as u16).to_be_bytes();
    // No outside information, no PCRs.
    let (outside, pcrs) = ([0; 2], [0; 4]);
    let unique = [0; UNIQUE_SIZE];
    let session_size = (PASSWORD.len() as u32).to_be_bytes();
    let handle = RH_ENDORSEMENT.to_be_bytes();
    let body: [&[u8]; 9] =
        [&handle, &session_size, &PASSWORD, &SENSITIVE, &template_size, &TEMPLATE, &unique, &outside, &pcrs];
    command(TAG_SESSIONS, CC_CREATE_PRIMARY, &body)
}

fn command(tag: u16, code: u32, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let size = (tpm2_wire::HEADER_SIZE + body.len()) as u32;
    [&tag.to_be_bytes()[..], &size.to_be_bytes(), &code.to_be_bytes(), &body].concat()
}

/// Behind the handle and the parameters' size come outPublic, creationData, creationHash, the ticket and the name.
fn name_in(response: &[u8]) -> Option<&[u8]> {
    let mut rest = response.get(18..)?;
    for _ in 0..3 {
        (_, rest) = sized(rest)?;
    }
    // The ticket's tag and hierarchy precede its digest.
    (_, rest) = sized(rest.get(6..)?)?;
    sized(rest).map(|(name, _)| name)
}

fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_whole() {
        let command = create_primary();
        assert_eq!(command.len(), 10 + 4 + 4 + 9 + 6 + 2 + 58 + 256 + 2 + 4);
        assert_eq!(command[2..6], (command.len() as u32).to_be_bytes());
    }

    #[test]
    fn a_name_is_found_and_the_key_is_flushed() {
        let mut commands = Vec::new();
        let answer = [
            &[0x80, 2, 0, 0, 0, 45, 0, 0, 0, 0, 0x80, 0, 0, 7, 0, 0, 0, 22][..],
            &[0, 1, 9, 0, 2, 9, 9, 0, 0, 0x80, 0x21, 0x40, 0, 0, 0xB, 0, 1, 9, 0, 3, 0, 0xB, 0xAB],
        ];
        let found = name(|command| {
            commands.push(command.to_vec());
            answer.concat()
        });
        assert_eq!(found.as_deref(), Some("000bab"));
        assert_eq!(commands[1], [0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65, 0x80, 0, 0, 7]);
        assert_eq!(name(|_| tpm2_wire::error_response(0x143).to_vec()), None);
        assert_eq!(name(|_| Vec::new()), None);
    }
}
