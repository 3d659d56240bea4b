//! The memory that a TPM lives in. It belongs to whoever composes the TPM: nothing is allocated, nothing is global.

/// The largest command in bytes.
pub const MAX_COMMAND_SIZE: usize = 8192;
/// The largest response in bytes.
pub const MAX_RESPONSE_SIZE: usize = 8192;
/// Working memory of a command in bytes: what the largest one (TPM2_CreatePrimary with audit and encryption) takes.
const ARENA_SIZE: usize = 24 * 1024;
/// The private buffer: request, response, working memory.
const BUFFER_SIZE: usize = MAX_COMMAND_SIZE + MAX_RESPONSE_SIZE + ARENA_SIZE;

/// Memory for one TPM: `PERSISTENT` bytes for what outlives the power, `VOLATILE` bytes for PCRs, sessions and
/// transient objects. The defaults suit a process on a host.
pub struct Memory<const PERSISTENT: usize = { 160 * 1024 }, const VOLATILE: usize = { 32 * 1024 }> {
    persistent: [u8; PERSISTENT],
    volatile: [u8; VOLATILE],
    buffer: [u8; BUFFER_SIZE],
}

impl<const PERSISTENT: usize, const VOLATILE: usize> Memory<PERSISTENT, VOLATILE> {
    /// Memory with nothing in it.
    pub const fn new() -> Self {
        Self { persistent: [0; PERSISTENT], volatile: [0; VOLATILE], buffer: [0; BUFFER_SIZE] }
    }

    /// What a TPM borrows.
    pub const fn slices(&mut self) -> Slices<'_> {
        Slices { persistent: &mut self.persistent, volatile: &mut self.volatile, buffer: &mut self.buffer }
    }
}

impl<const PERSISTENT: usize, const VOLATILE: usize> Default for Memory<PERSISTENT, VOLATILE> {
    fn default() -> Self {
        Self::new()
    }
}

/// Borrowed memory of one TPM.
pub struct Slices<'m> {
    pub(crate) persistent: &'m mut [u8],
    pub(crate) volatile: &'m mut [u8],
    pub(crate) buffer: &'m mut [u8],
}
