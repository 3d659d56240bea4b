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

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [BlockMode; 5] =
        [BlockMode::Ctr, BlockMode::Ofb, BlockMode::Cbc, BlockMode::Cfb, BlockMode::Ecb];
    const SIZE: usize = 21 * AES_BLOCK_SIZE;

    fn sample<const N: usize>(factor: u8) -> [u8; N] {
        core::array::from_fn(|index| (index as u8).wrapping_mul(factor) ^ factor)
    }

    /// What CVE-2021-3446 was about: the second call has to start where the first one ended.
    #[test]
    fn calls_cut_at_block_boundaries_give_the_result_of_one() {
        let key: [u8; 32] = sample(7);
        for mode in MODES {
            for key in [&key[..16], &key[..24], &key[..]] {
                for direction in [Direction::Encrypt, Direction::Decrypt] {
                    let (mut whole, mut whole_iv): ([u8; SIZE], _) = (sample(31), sample(5));
                    aes(mode, key, &mut whole_iv, &mut whole, direction).unwrap();
                    for blocks in [1, 2, 7, 8, 9, 20] {
                        let (mut cut, mut iv): ([u8; SIZE], _) = (sample(31), sample(5));
                        for piece in cut.chunks_mut(blocks * AES_BLOCK_SIZE) {
                            aes(mode, key, &mut iv, piece, direction).unwrap();
                        }
                        assert_eq!((cut, iv), (whole, whole_iv), "{mode:?} {direction:?} {blocks}");
                    }
                    let back =
                        if direction == Direction::Encrypt { Direction::Decrypt } else { Direction::Encrypt };
                    aes(mode, key, &mut sample(5), &mut whole, back).unwrap();
                    assert_eq!(whole, sample(31), "{mode:?} {direction:?}");
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_block_leaves_the_chaining_value_documented() {
        let key: [u8; 16] = sample(7);
        let start: [u8; AES_BLOCK_SIZE] = sample(5);
        for size in 1..3 * AES_BLOCK_SIZE {
            if size % AES_BLOCK_SIZE == 0 {
                continue;
            }
            let whole_blocks = size / AES_BLOCK_SIZE;
            for mode in [BlockMode::Ctr, BlockMode::Ofb, BlockMode::Cfb] {
                // The ciphertext is that of whole blocks, cut.
                let mut padded: [u8; 3 * AES_BLOCK_SIZE] = sample(31);
                aes(mode, &key, &mut start.clone(), &mut padded, Direction::Encrypt).unwrap();
                let (mut data, mut iv): ([u8; 3 * AES_BLOCK_SIZE], _) = (sample(31), start);
                aes(mode, &key, &mut iv, &mut data[..size], Direction::Encrypt).unwrap();
                assert_eq!(data[..size], padded[..size], "{mode:?} {size}");

                let mut expected = [0; AES_BLOCK_SIZE];
                match mode {
                    BlockMode::Ctr => {
                        let count = u128::from_be_bytes(start) + whole_blocks as u128 + 1;
                        expected = count.to_be_bytes();
                    }
                    BlockMode::Ofb => {
                        let plaintext: [u8; 3 * AES_BLOCK_SIZE] = sample(31);
                        expected.copy_from_slice(&padded[whole_blocks * AES_BLOCK_SIZE..][..AES_BLOCK_SIZE]);
                        xor(&mut expected, &plaintext[whole_blocks * AES_BLOCK_SIZE..]);
                    }
                    _ => expected[..size % AES_BLOCK_SIZE]
                        .copy_from_slice(&data[whole_blocks * AES_BLOCK_SIZE..size]),
                }
                assert_eq!(iv, expected, "{mode:?} {size}");

                let mut iv_back = start;
                aes(mode, &key, &mut iv_back, &mut data[..size], Direction::Decrypt).unwrap();
                assert_eq!(
                    (&data[..size], iv_back),
                    (&sample::<SIZE>(31)[..size], expected),
                    "{mode:?} {size}"
                );
            }
        }
    }

    #[test]
    fn the_counter_wraps_over_all_its_bits() {
        let mut iv = [0xff; AES_BLOCK_SIZE];
        let mut data = [0; 2 * AES_BLOCK_SIZE];
        aes(BlockMode::Ctr, &[0; 16], &mut iv, &mut data, Direction::Encrypt).unwrap();
        assert_eq!(iv, 1u128.to_be_bytes());
        let mut zero = [0; AES_BLOCK_SIZE];
        aes(BlockMode::Ecb, &[0; 16], &mut iv, &mut zero, Direction::Encrypt).unwrap();
        assert_eq!(data[AES_BLOCK_SIZE..], zero);
    }

    #[test]
    fn a_refusal_changes_nothing() {
        for mode in MODES {
            for size in [0, 1, 15, 17, 23, 31, 33, 64] {
                let (mut iv, mut data) = ([1; AES_BLOCK_SIZE], [2; AES_BLOCK_SIZE]);
                let refused = aes(mode, &[0; 64][..size], &mut iv, &mut data, Direction::Encrypt);
                assert_eq!((refused, iv, data), (Err(CryptoError::InvalidKey), [1; 16], [2; 16]));
            }
        }
        for mode in [BlockMode::Cbc, BlockMode::Ecb] {
            for direction in [Direction::Encrypt, Direction::Decrypt] {
                let (mut iv, mut data) = ([1; AES_BLOCK_SIZE], [2; AES_BLOCK_SIZE + 1]);
                let refused = aes(mode, &[0; 16], &mut iv, &mut data, direction);
                assert_eq!((refused, iv, data), (Err(CryptoError::InvalidInput), [1; 16], [2; 17]));
            }
        }
    }

    #[test]
    fn nothing_to_do_is_no_error() {
        for mode in MODES {
            let mut iv = [1; AES_BLOCK_SIZE];
            assert_eq!(aes(mode, &[0; 16], &mut iv, &mut [], Direction::Encrypt), Ok(()));
            assert_eq!(iv, [1; AES_BLOCK_SIZE]);
        }
    }
}
