//! How sensitive data leaves the TPM: encrypted, then authenticated, under keys from a seed (Part 1, "Protected
//! Storage", "Credential Protection").

use subtle::ConstantTimeEq;
use tpm2_crypto::{AES_BLOCK_SIZE, BlockMode, Digest, Direction, HashAlgorithm, Hmac, Random, aes, kdfa};
use tpm2_types::{Reader, ResponseCode, Result, Tpm2bDigest, Tpm2bIv, TpmtSymDefObject};

use crate::algorithm::response_code;
use crate::arena::Arena;

/// What protects something: a seed that both sides know, and the algorithms of the protecting key.
#[derive(Clone, Copy)]
pub struct Protector<'p> {
    /// seedValue of a parent, or the seed of a credential or a duplicate.
    pub seed: &'p [u8],
    /// The hash of both key derivations.
    pub hash: HashAlgorithm,
    /// The cipher, in CFB mode.
    pub symmetric: TpmtSymDefObject,
    /// The Name of what is protected: it goes into the key of the cipher and under the HMAC.
    pub name: &'p [u8],
}

impl Protector<'_> {
    /// Encrypts `data` in place behind a fresh initialization vector, if `random` gives one, and puts an HMAC before
    /// it: the contents of a TPM2B_PRIVATE with a vector, those of a TPM2B_ID_OBJECT without.
    pub fn protect<'b>(
        &self,
        arena: &Arena<'b>,
        random: Option<&mut dyn Random>,
        data: &[u8],
    ) -> Result<&'b [u8]> {
        let mut vector = [0; AES_BLOCK_SIZE];
        let sized_vector = match random {
            Some(random) => {
                random.fill(&mut vector).map_err(response_code)?;
                arena.marshal(&Tpm2bIv::new(&vector)?)?
            }
            None => &[],
        };
        let encrypted = arena.allocate(data.len())?;
        encrypted.copy_from_slice(data);
        self.cipher(&mut vector, encrypted, Direction::Encrypt, arena)?;
        let integrity = self.integrity(&[sized_vector, encrypted]);
        arena.write(|writer| {
            writer.write(&Tpm2bDigest::new(&integrity)?)?;
            writer.put(sized_vector)?;
            writer.put(encrypted)
        })
    }

    /// The reverse of [`Protector::protect`]. TPM_RC_INTEGRITY where the HMAC is not right, TPM_RC_SIZE where the
    /// parts do not fit.
    pub fn unprotect<'b>(&self, arena: &Arena<'b>, protected: &[u8], with_vector: bool) -> Result<&'b [u8]> {
        let mut reader = Reader::trusted(protected);
        let integrity: Tpm2bDigest<'_> = reader.read().map_err(|_| ResponseCode::SIZE)?;
        let covered = reader.rest();
        if !bool::from(self.integrity(&[covered]).ct_eq(integrity.as_slice())) {
            return Err(ResponseCode::INTEGRITY);
        }
        let mut vector = [0; AES_BLOCK_SIZE];
        if with_vector {
            let stored: Tpm2bIv<'_> = reader.read().map_err(|_| ResponseCode::SIZE)?;
            if stored.as_slice().len() != AES_BLOCK_SIZE {
                return Err(ResponseCode::SIZE);
            }
            vector.copy_from_slice(stored.as_slice());
        }
        let data = arena.allocate(reader.rest().len())?;
        data.copy_from_slice(reader.rest());
        self.cipher(&mut vector, data, Direction::Decrypt, arena)?;
        Ok(data)
    }

    fn cipher(
        &self,
        vector: &mut [u8; AES_BLOCK_SIZE],
        data: &mut [u8],
        direction: Direction,
        arena: &Arena<'_>,
    ) -> Result<()> {
        let TpmtSymDefObject::Aes { key_bits, .. } = self.symmetric else {
            return Err(ResponseCode::SYMMETRIC);
        };
        let key = arena.allocate(key_bits.bytes())?;
        kdfa(self.hash, self.seed, b"STORAGE", self.name, &[], u32::from(key_bits.bits()), key);
        aes(BlockMode::Cfb, key, vector, data, direction).map_err(response_code)
    }

    /// HMAC over the protected bytes and the Name.
    fn integrity(&self, parts: &[&[u8]]) -> Digest {
        let mut key = zeroize::Zeroizing::new([0; tpm2_crypto::MAX_DIGEST_SIZE]);
        let key = &mut key[..self.hash.digest_size()];
        let bits = (self.hash.digest_size() * 8) as u32;
        kdfa(self.hash, self.seed, b"INTEGRITY", &[], &[], bits, key);
        let mut hmac = Hmac::new(self.hash, key);
        for part in parts {
            hmac.update(part);
        }
        hmac.update(self.name);
        hmac.finish()
    }
}
