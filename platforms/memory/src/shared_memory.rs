//! Memory that a caller shares with a service.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tee_api::{SharedBuffer, SharedBufferError};

/// What the caller does after each copy that the service takes: the bytes are the caller's to change.
type Rewrite = Box<dyn FnMut(&mut [u8]) + Send>;

/// A caller's memory. The value is a handle: the service is given one, the test keeps another ([`Self::handle`]) and
/// is the normal world.
pub struct SharedMemory {
    memory: Arc<Mutex<Memory>>,
}

struct Memory {
    bytes: Vec<u8>,
    rewrite: Option<Rewrite>,
    reads: u64,
    writes: u64,
}

impl SharedMemory {
    /// Memory that holds `bytes`.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let memory = Memory { bytes: bytes.into(), rewrite: None, reads: 0, writes: 0 };
        Self { memory: Arc::new(Mutex::new(memory)) }
    }

    /// Another handle on the same memory.
    pub fn handle(&self) -> Self {
        Self { memory: Arc::clone(&self.memory) }
    }

    /// What it holds now.
    pub fn bytes(&self) -> Vec<u8> {
        self.memory().bytes.clone()
    }

    /// Overwrites all of it; its size stays, and what is beyond it is ignored.
    pub fn set(&self, bytes: &[u8]) {
        self.memory().bytes.iter_mut().zip(bytes).for_each(|(held, byte)| *held = *byte);
    }

    /// From now on the caller does this after each copy that the service takes.
    pub fn after_each_read(&self, rewrite: impl FnMut(&mut [u8]) + Send + 'static) {
        self.memory().rewrite = Some(Box::new(rewrite));
    }

    /// How often the service has read, and written.
    pub fn accesses(&self) -> (u64, u64) {
        let memory = self.memory();
        (memory.reads, memory.writes)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedMemory {
    /// Content may be secret: only the size is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedMemory({} bytes)", self.size())
    }
}

impl SharedBuffer for SharedMemory {
    fn size(&self) -> usize {
        self.memory().bytes.len()
    }

    fn copy_in(&self, offset: usize, out: &mut [u8]) -> Result<(), SharedBufferError> {
        let mut memory = self.memory();
        let end = offset.checked_add(out.len()).ok_or(SharedBufferError)?;
        out.copy_from_slice(memory.bytes.get(offset..end).ok_or(SharedBufferError)?);
        memory.reads += 1;
        let Memory { bytes, rewrite, .. } = &mut *memory;
        if let Some(rewrite) = rewrite {
            rewrite(bytes);
        }
        Ok(())
    }

    fn copy_out(&mut self, offset: usize, bytes: &[u8]) -> Result<(), SharedBufferError> {
        let mut memory = self.memory();
        let end = offset.checked_add(bytes.len()).ok_or(SharedBufferError)?;
        memory.bytes.get_mut(offset..end).ok_or(SharedBufferError)?.copy_from_slice(bytes);
        memory.writes += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_rewrites_between_two_looks() {
        let memory = SharedMemory::new(*b"abcd");
        memory.after_each_read(|bytes| bytes[0] += 1);
        let mut look = [0; 2];
        memory.copy_in(0, &mut look).unwrap();
        assert_eq!(look, *b"ab");
        memory.copy_in(0, &mut look).unwrap();
        assert_eq!(look, *b"bb");
        assert_eq!(memory.copy_in(3, &mut look), Err(SharedBufferError));
        assert_eq!(memory.copy_in(usize::MAX, &mut look), Err(SharedBufferError));
        assert_eq!(memory.handle().copy_out(3, b"xy"), Err(SharedBufferError));
        assert_eq!((memory.bytes(), memory.accesses()), (b"cbcd".to_vec(), (2, 0)));
    }
}
