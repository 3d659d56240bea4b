//! What a platform's harness brings.

use tee_api::{Client, Platform, ServiceError, SharedBuffer, TrustedService};

/// The bench cannot do this, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cannot(pub &'static str);

/// A way to begin again. In each, all that the platform and the service had in their memory is gone and they start
/// from what they keep: a harness inside a TEE may drop its drivers and open them anew, one outside resets the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The service alone, while the platform goes on.
    Service,
    /// The platform was reset in an orderly way.
    Platform,
    /// The power went away and came back.
    PowerCut,
}

impl Restart {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Service, Self::Platform, Self::PowerCut];
}

/// Where the bench keeps a copy of the platform's medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The older copy.
    Old,
    /// The newer copy.
    New,
}

/// How entropy is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starvation {
    /// The source has nothing now.
    Dry,
    /// The source's health test fails: it gives the same bit for ever, for instance.
    Stuck,
}

/// What is done to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockMove {
    /// So many milliseconds pass in truth.
    Pass(u64),
    /// The normal world sets it back by so many milliseconds, as far as it can.
    Back(u64),
}

/// An attempt from outside on the service's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A processor in the normal world reads it.
    Read,
    /// A processor in the normal world writes it.
    Write,
    /// A processor in the normal world jumps into it.
    Execute,
    /// A device with direct memory access reads it.
    Dma,
}

impl Probe {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Execute, Self::Dma];
}

/// What came of a [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The hardware refused it.
    Faulted,
    /// It was let through and saw or wrote something else than the service's bytes: zeros, for instance.
    Hidden,
    /// It reached the service's memory, which holds this there.
    Reached(u8),
    /// This machine has no way to try.
    NotApplicable,
}

/// A service under test, as its caller meets it.
#[derive(Clone, Copy, Debug)]
pub struct ServiceFacts {
    /// It holds one session at a time and refuses a second one.
    pub one_session: bool,
    /// The functions that it may carry out; any other number has to be refused.
    pub functions: &'static [u32],
    /// A call that succeeds, if one can be named.
    pub example: Option<Example>,
}

/// A call that succeeds: parameter 0 is memory that goes in, parameter 1 memory that goes out, or in and out.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its function.
    pub function: u32,
    /// Which way parameter 1 goes.
    pub direction: tee_api::Direction,
    /// What parameter 0 holds, at most 512 bytes.
    pub request: &'static [u8],
    /// The smallest memory that will do as parameter 1, at most 4096 bytes.
    pub response_size: usize,
}

/// Shared memory, and the normal world's own view of it.
pub trait SharedWindow: SharedBuffer {
    /// The normal world fills all of it with `byte`.
    fn overwrite(&mut self, byte: u8);

    /// What the normal world sees at `offset`; 0 where that is not in the buffer.
    fn seen(&self, offset: usize) -> u8;
}

const NO_WAY: Cannot = Cannot("this bench has no way to do it");

/// A platform to check, and the hand from outside. What a bench does not implement it cannot do.
pub trait Bench {
    /// The platform as a service sees it, since the last restart.
    fn platform(&mut self) -> &mut dyn Platform;

    /// Ends every fault that a check asked for, and every session that it left open. Called after each check, however
    /// it ended.
    fn calm(&mut self);

    /// Lets a platform that answered "not now" catch its breath.
    fn pause(&mut self) {}

    /// The platform becomes a new device's: nothing was ever kept.
    fn make_new(&mut self) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Starts again. A platform that cannot start is one whose every call fails.
    fn restart(&mut self, _how: Restart) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// The power goes away in the next commit, when so many writes have reached the medium; the commit fails, and
    /// so does all else until a restart. A commit of no more writes than that goes well.
    fn cut_after_writes(&mut self, _writes: u32) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Copies all that the normal world can copy of the platform's media.
    fn keep_copy(&mut self, _place: Place) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Puts that copy back, as far as the normal world can, and restarts the platform.
    fn put_copy_back(&mut self, _place: Place) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Puts that copy onto the media under the platform, which goes on.
    fn put_copy_under(&mut self, _place: Place) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Whether these bytes stand on the media, for somebody who reads them from outside.
    fn medium_shows(&mut self, _bytes: &[u8]) -> Result<bool, Cannot> {
        Err(NO_WAY)
    }

    /// The storage goes away, or comes back.
    fn take_storage_away(&mut self, _away: bool) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Withholds entropy.
    fn starve(&mut self, _how: Starvation) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Lets time pass, or sets the clock back.
    fn move_clock(&mut self, _how: ClockMove) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// From now on calls come from `client`.
    fn call_as(&mut self, _client: Client) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Asks the running work to end, or no longer.
    fn ask_to_cancel(&mut self, _cancel: bool) -> Result<(), Cannot> {
        Err(NO_WAY)
    }

    /// Whether the mark of `mark_provisioned` may be set here. In a fuse it stays for ever.
    fn may_mark(&mut self) -> Result<(), Cannot> {
        Err(Cannot("the mark would stay for ever"))
    }

    /// Whether a person can see now that the service failed the platform.
    fn failure_is_seen(&mut self) -> Result<bool, Cannot> {
        Err(NO_WAY)
    }

    /// Tries to reach the service's memory from outside.
    fn probe(&mut self, _probe: Probe) -> ProbeOutcome {
        ProbeOutcome::NotApplicable
    }

    /// Shared memory of at least 64 bytes.
    fn shared_window(&mut self) -> Result<&mut dyn SharedWindow, Cannot> {
        Err(NO_WAY)
    }

    /// What is known of the service that the platform hosts.
    fn service_facts(&self) -> Result<ServiceFacts, Cannot> {
        Err(Cannot("this bench hosts no service"))
    }

    /// The service, called through the platform's glue where it can be.
    fn service(&mut self) -> Result<&mut dyn TrustedService, Cannot> {
        Err(Cannot("this bench hosts no service"))
    }

    /// Calls the service while a call is being served, and gives what that second call was answered.
    fn reenter(&mut self) -> Result<Result<(), ServiceError>, Cannot> {
        Err(Cannot("this bench cannot call a service that is being called"))
    }
}
