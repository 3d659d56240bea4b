//! AES (FIPS 197) in the modes of the TPM (Part 2, `TPMI_ALG_CIPHER_MODE`; Part 3, `TPM2_EncryptDecrypt`).
//!
//! The chaining value lives with the caller, because the TPM hands it out and takes it back between two calls:
//! however the data is cut into calls at block boundaries, the result is that of one call.

use ::aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit, consts::U16};
use ::aes::{Aes128, Aes192, Aes256};
use zeroize::Zeroize;

use crate::{CryptoError, Result};

/// The block of AES in bytes, and so the size of every chaining value.
pub const AES_BLOCK_SIZE: usize = 16;

/// The modes of operation (SP 800-38A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockMode {
    /// Counter; all 128 bits of the chaining value count.
    Ctr,
    /// Output feedback.
    Ofb,
    /// Cipher block chaining, whole blocks only.
    Cbc,
    /// Cipher feedback of whole blocks.
    Cfb,
    /// Electronic codebook, whole blocks only; the chaining value is left alone.
    Ecb,
}

/// Which way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From plaintext to ciphertext.
    Encrypt,
    /// From ciphertext to plaintext.
    Decrypt,
}

/// Encrypts or decrypts `data` in place and moves `iv` on to what the next call has to start with.
///
/// After a last block that is not whole, `iv` is the counter after that block (CTR), the whole key stream block
/// (OFB), or the ciphertext filled up with zeros (CFB). [`CryptoError::InvalidKey`] when `key` is not 16, 24 or 32
/// bytes long, [`CryptoError::InvalidInput`] when CBC or ECB is given a part of a block; both leave everything as it
/// was.
pub fn aes(
    mode: BlockMode,
    key: &[u8],
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
    direction: Direction,
) -> Result<()> {
    let whole_blocks_only = matches!(mode, BlockMode::Cbc | BlockMode::Ecb);
    if whole_blocks_only && !data.len().is_multiple_of(AES_BLOCK_SIZE) {
        return Err(CryptoError::InvalidInput);
    }
    match key.len() {
        16 => run::<Aes128>(mode, key, iv, data, direction),
        24 => run::<Aes192>(mode, key, iv, data, direction),
        32 => run::<Aes256>(mode, key, iv, data, direction),
        _ => Err(CryptoError::InvalidKey),
    }
}

type Block = Array<u8, U16>;

/// Blocks that are independent of each other go through the cipher together, as many as it can take at once.
const BLOCKS_AT_ONCE: usize = 8;

fn run<C: KeyInit + BlockCipherEncrypt<BlockSize = U16> + BlockCipherDecrypt<BlockSize = U16>>(
    mode: BlockMode,
    key: &[u8],
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
    direction: Direction,
) -> Result<()> {
    let cipher = C::new_from_slice(key).map_err(|_| CryptoError::InvalidKey)?;
    match (mode, direction) {
        (BlockMode::Ctr, _) => counter(&cipher, iv, data),
        (BlockMode::Ofb, _) => output_feedback(&cipher, iv, data),
        (BlockMode::Cfb, Direction::Encrypt) => cipher_feedback_encrypt(&cipher, iv, data),
        (BlockMode::Cfb, Direction::Decrypt) => cipher_feedback_decrypt(&cipher, iv, data),
        (BlockMode::Cbc, Direction::Encrypt) => chaining_encrypt(&cipher, iv, data),
        (BlockMode::Cbc, Direction::Decrypt) => chaining_decrypt(&cipher, iv, data),
        (BlockMode::Ecb, Direction::Encrypt) => cipher.encrypt_blocks(Array::slice_as_chunks_mut(data).0),
        (BlockMode::Ecb, Direction::Decrypt) => cipher.decrypt_blocks(Array::slice_as_chunks_mut(data).0),
    }
    Ok(())
}

/// The counter mode's key stream; also the generator of [`crate::Drbg`].
pub(crate) fn counter<C: BlockCipherEncrypt<BlockSize = U16>>(
    cipher: &C,
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
) {
    let mut stream = [Block::default(); BLOCKS_AT_ONCE];
    for chunk in data.chunks_mut(AES_BLOCK_SIZE * BLOCKS_AT_ONCE) {
        let stream = &mut stream[..chunk.len().div_ceil(AES_BLOCK_SIZE)];
        for block in stream.iter_mut() {
            *block = (*iv).into();
            increment(iv);
        }
        cipher.encrypt_blocks(stream);
        xor(chunk, Array::slice_as_flattened(stream));
    }
    stream.zeroize();
}

/// Adds one to a counter block.
pub(crate) fn increment(block: &mut [u8; AES_BLOCK_SIZE]) {
    *block = u128::from_be_bytes(*block).wrapping_add(1).to_be_bytes();
}

/// The output feedback mode; also the end of the derivation function of [`crate::Drbg`].
pub(crate) fn output_feedback<C: BlockCipherEncrypt<BlockSize = U16>>(
    cipher: &C,
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
) {
    for chunk in data.chunks_mut(AES_BLOCK_SIZE) {
        cipher.encrypt_block(iv.into());
        xor(chunk, iv);
    }
}

fn cipher_feedback_encrypt<C: BlockCipherEncrypt<BlockSize = U16>>(
    cipher: &C,
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
) {
    for chunk in data.chunks_mut(AES_BLOCK_SIZE) {
        cipher.encrypt_block(iv.into());
        xor(chunk, iv);
        *iv = padded(chunk);
    }
}

fn cipher_feedback_decrypt<C: BlockCipherEncrypt<BlockSize = U16>>(
    cipher: &C,
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
) {
    let mut stream = [Block::default(); BLOCKS_AT_ONCE];
    for chunk in data.chunks_mut(AES_BLOCK_SIZE * BLOCKS_AT_ONCE) {
        let stream = &mut stream[..chunk.len().div_ceil(AES_BLOCK_SIZE)];
        for (block, ciphertext) in stream.iter_mut().zip(chunk.chunks(AES_BLOCK_SIZE)) {
            *block = core::mem::replace(iv, padded(ciphertext)).into();
        }
        cipher.encrypt_blocks(stream);
        xor(chunk, Array::slice_as_flattened(stream));
    }
    stream.zeroize();
}

fn chaining_encrypt<C: BlockCipherEncrypt<BlockSize = U16>>(
    cipher: &C,
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
) {
    for chunk in data.chunks_mut(AES_BLOCK_SIZE) {
        xor(iv, chunk);
        cipher.encrypt_block(iv.into());
        chunk.copy_from_slice(iv);
    }
}

fn chaining_decrypt<C: BlockCipherDecrypt<BlockSize = U16>>(
    cipher: &C,
    iv: &mut [u8; AES_BLOCK_SIZE],
    data: &mut [u8],
) {
    let mut previous = [Block::default(); BLOCKS_AT_ONCE];
    for chunk in data.chunks_mut(AES_BLOCK_SIZE * BLOCKS_AT_ONCE) {
        let blocks = Array::slice_as_chunks_mut(chunk).0;
        let previous = &mut previous[..blocks.len()];
        for (block, ciphertext) in previous.iter_mut().zip(blocks.iter()) {
            *block = core::mem::replace(iv, (*ciphertext).into()).into();
        }
        cipher.decrypt_blocks(blocks);
        xor(chunk, Array::slice_as_flattened(previous));
    }
}

/// What is left of a ciphertext block, filled up with zeros.
fn padded(ciphertext: &[u8]) -> [u8; AES_BLOCK_SIZE] {
    let mut block = [0; AES_BLOCK_SIZE];
    block[..ciphertext.len()].copy_from_slice(ciphertext);
    block
}

/// Adds `mask` to `data` bit by bit, as far as both reach.
fn xor(data: &mut [u8], mask: &[u8]) {
    data.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}
