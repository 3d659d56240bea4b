//! Working memory of one command.

use core::cell::Cell;

use tpm2_types::{Marshal, ResponseCode, Result, Writer};

/// Hands out pieces of the TPM's private buffer. What a command computes lives here until its response has left,
/// then the owner of the buffer wipes it all: nothing here needs a destructor of its own.
pub struct Arena<'b> {
    free: Cell<&'b mut [u8]>,
}

impl<'b> Arena<'b> {
    /// Hands out pieces of `memory`, which must be zeroed.
    pub fn new(memory: &'b mut [u8]) -> Self {
        Self { free: Cell::new(memory) }
    }

    /// `size` zeroed bytes, or TPM_RC_MEMORY.
    pub fn allocate(&self, size: usize) -> Result<&'b mut [u8]> {
        let free = self.free.take();
        if size > free.len() {
            self.free.set(free);
            return Err(ResponseCode::MEMORY);
        }
        let (piece, rest) = free.split_at_mut(size);
        self.free.set(rest);
        Ok(piece)
    }

    /// A copy of `bytes`.
    pub fn copy(&self, bytes: &[u8]) -> Result<&'b [u8]> {
        let piece = self.allocate(bytes.len())?;
        piece.copy_from_slice(bytes);
        Ok(piece)
    }

    /// What `body` writes. TPM_RC_MEMORY where it does not fit.
    pub fn write(&self, body: impl FnOnce(&mut Writer<'_>) -> Result<()>) -> Result<&'b [u8]> {
        let free = self.free.take();
        let mut writer = Writer::new(free);
        let outcome = body(&mut writer);
        let length = writer.len();
        let free = writer.into_buffer();
        if outcome.is_err() {
            // Restore the promise that free memory is zero.
            free[..length].fill(0);
            self.free.set(free);
            return Err(ResponseCode::MEMORY);
        }
        let (piece, rest) = free.split_at_mut(length);
        self.free.set(rest);
        Ok(piece)
    }

    /// `value` in canonical form.
    pub fn marshal<T: Marshal + ?Sized>(&self, value: &T) -> Result<&'b [u8]> {
        self.write(|writer| value.marshal(writer))
    }

    /// Bytes not handed out.
    pub fn remaining(&self) -> usize {
        let free = self.free.take();
        let remaining = free.len();
        self.free.set(free);
        remaining
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_overlap_and_end_with_the_memory() {
        let mut memory = [0u8; 8];
        let arena = Arena::new(&mut memory);
        let first = arena.allocate(4).unwrap();
        let second = arena.copy(&[9; 3]).unwrap();
        first.fill(1);
        assert_eq!((&*first, second), (&[1u8; 4][..], &[9u8; 3][..]));
        assert_eq!(arena.allocate(2).map(|_| ()), Err(ResponseCode::MEMORY));
        assert_eq!(arena.marshal(&7u8), Ok(&[7u8][..]));
        assert_eq!(arena.remaining(), 0);
    }
}
