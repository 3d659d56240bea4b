//! Memory of a caller who rewrites it during a call.

use std::cell::RefCell;
use std::fmt;

use tee_api::{SharedBuffer, SharedBufferError};

use crate::random::Random;

/// Shared memory whose owner changes it after every copy that the service takes, and before every one that it puts.
///
/// What the service copied first is what an honest caller sent: an answer that follows from anything else shows that
/// it looked twice.
pub struct HostileBuffer {
    shared: RefCell<Shared>,
}

struct Shared {
    bytes: Vec<u8>,
    random: Random,
    taken: Vec<(usize, Vec<u8>)>,
    put: Vec<(usize, Vec<u8>)>,
}

impl HostileBuffer {
    /// Memory with these bytes, rewritten as `seed` says.
    pub fn new(bytes: impl Into<Vec<u8>>, seed: u64) -> Self {
        let random = Random::new(seed);
        let shared = Shared { bytes: bytes.into(), random, taken: Vec::new(), put: Vec::new() };
        Self { shared: RefCell::new(shared) }
    }

    /// What is there now.
    pub fn content(&self) -> Vec<u8> {
        self.shared.borrow().bytes.clone()
    }

    /// What the service took, copy by copy, and from where: after each of them something else was there.
    pub fn taken(&self) -> Vec<(usize, Vec<u8>)> {
        self.shared.borrow().taken.clone()
    }

    /// What the service put, copy by copy, and where.
    pub fn put(&self) -> Vec<(usize, Vec<u8>)> {
        self.shared.borrow().put.clone()
    }
}

impl fmt::Debug for HostileBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared.borrow();
        let copies = (shared.taken.len(), shared.put.len());
        f.debug_struct("HostileBuffer").field("copies", &copies).finish_non_exhaustive()
    }
}

impl Shared {
    /// Sometimes one byte changes, sometimes a size in a header does, sometimes all of it.
    fn rewrite(&mut self) {
        let length = self.bytes.len() as u64;
        match self.random.below(3) {
            0 => {
                let at = self.random.below(length) as usize;
                let mask = 1 << self.random.below(8);
                if let Some(byte) = self.bytes.get_mut(at) {
                    *byte ^= mask;
                }
            }
            1 => {
                let size = self.random.next().to_be_bytes();
                if let Some(place) = self.bytes.get_mut(2..6) {
                    place.copy_from_slice(&size[..4]);
                }
            }
            _ => self.random.fill(&mut self.bytes),
        }
    }
}

impl SharedBuffer for HostileBuffer {
    fn size(&self) -> usize {
        self.shared.borrow().bytes.len()
    }

    fn copy_in(&self, offset: usize, out: &mut [u8]) -> Result<(), SharedBufferError> {
        let mut shared = self.shared.borrow_mut();
        let end = offset.checked_add(out.len()).ok_or(SharedBufferError)?;
        out.copy_from_slice(shared.bytes.get(offset..end).ok_or(SharedBufferError)?);
        shared.taken.push((offset, out.to_vec()));
        shared.rewrite();
        Ok(())
    }

    fn copy_out(&mut self, offset: usize, bytes: &[u8]) -> Result<(), SharedBufferError> {
        let mut shared = self.shared.borrow_mut();
        shared.rewrite();
        let end = offset.checked_add(bytes.len()).ok_or(SharedBufferError)?;
        shared.bytes.get_mut(offset..end).ok_or(SharedBufferError)?.copy_from_slice(bytes);
        shared.put.push((offset, bytes.to_vec()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_look_finds_something_else() {
        for seed in 0..50 {
            let buffer = HostileBuffer::new([0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0], seed);
            let (mut first, mut second) = ([0; 12], [0; 12]);
            buffer.copy_in(0, &mut first).unwrap();
            buffer.copy_in(0, &mut second).unwrap();
            assert_eq!(first, [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0]);
            assert_ne!(first, second, "seed {seed}");
            assert_eq!(buffer.taken(), [(0, first.to_vec()), (0, second.to_vec())]);
        }
    }

    #[test]
    fn ranges_outside_are_refused() {
        let mut buffer = HostileBuffer::new([0; 4], 1);
        assert_eq!(buffer.copy_in(1, &mut [0; 4]), Err(SharedBufferError));
        assert_eq!(buffer.copy_in(usize::MAX, &mut [0; 4]), Err(SharedBufferError));
        assert_eq!(buffer.copy_out(4, &[1]), Err(SharedBufferError));
        assert!(buffer.taken().is_empty() && buffer.put().is_empty());
        buffer.copy_out(2, &[7, 8]).unwrap();
        assert_eq!(buffer.content()[2..], [7, 8]);
    }
}
