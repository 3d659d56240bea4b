//! What the servers need of a TPM. Any TPM will do; the tests bring one of their own.

/// A TPM behind the servers: one, used by one thread at a time.
pub trait TpmService: Send {
    /// Runs `command`, which came in from `locality`, and gives the response. Bytes that are no command get a response
    /// that says so.
    fn execute(&mut self, locality: u8, command: &[u8]) -> &[u8];

    /// _TPM_Init: power has come, or the platform has been reset. TPM2_Startup is not part of it.
    fn power_on(&mut self);

    /// What ends a running command from another thread.
    fn canceller(&self) -> Box<dyn Canceller>;

    /// The most bytes that a command or a response has.
    fn largest_message(&self) -> usize {
        4096
    }

    /// Whether this TPM has the three interface commands below.
    fn can_hash(&self) -> bool {
        false
    }

    /// _TPM_Hash_Start, from locality 4. Whether it was done.
    fn hash_start(&mut self) -> bool {
        false
    }

    /// _TPM_Hash_Data.
    fn hash_data(&mut self, _data: &[u8]) -> bool {
        false
    }

    /// _TPM_Hash_End.
    fn hash_end(&mut self) -> bool {
        false
    }

    /// tpmEstablished: a hash sequence from locality 4 has been completed since it was last cleared.
    fn established(&self) -> bool {
        false
    }

    /// Clears tpmEstablished.
    fn reset_established(&mut self) {}

    /// Physical presence is asserted, or no longer.
    fn set_physical_presence(&mut self, _asserted: bool) {}

    /// NV is available, or no longer.
    fn set_nv_available(&mut self, _available: bool) {}

    /// The TPM enters failure mode, for tests. Whether this TPM can be told so.
    fn force_failure(&mut self) -> bool {
        false
    }

    /// Whether the state is sealed under a key from outside its folder.
    fn has_state_key(&self) -> bool {
        false
    }
}

/// Reaches a command from outside while it runs.
pub trait Canceller: Send + Sync {
    /// Asks the running command to end at its next checkpoint.
    fn cancel(&self);

    /// A command begins: a cancel that came before it is void.
    fn begin_command(&self);
}
