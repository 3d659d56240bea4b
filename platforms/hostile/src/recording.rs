//! All that a run did to what outlives the power, and what a power cut anywhere in it leaves.

use std::fmt;

use crate::disk::SECTOR_SIZE;
use crate::platform::{Device, HostilePlatform};
use crate::random::Random;

/// Something was done to what outlives the power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Write(usize, Vec<u8>),
    Sync,
    Counter(u64),
    Marker,
}

/// What a run did to the medium, the counter and the marker, from one moment on.
#[derive(Clone)]
pub struct Recording {
    start: Box<Device>,
    operations: Vec<Operation>,
}

impl From<Device> for Recording {
    fn from(start: Device) -> Self {
        Self { start: Box::new(start), operations: Vec::new() }
    }
}

impl Recording {
    pub(crate) fn push(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    /// How many operations there are.
    pub fn operations(&self) -> usize {
        self.operations.len()
    }

    /// How many of them are writes to the medium.
    pub fn writes(&self) -> usize {
        self.operations.iter().filter(|operation| matches!(operation, Operation::Write(..))).count()
    }

    /// Calls `visit` with every moment in which the power can go, in order.
    pub fn moments(&self, mut visit: impl FnMut(&Moment<'_>)) {
        let mut device = (*self.start).clone();
        for (number, operation) in self.operations.iter().enumerate() {
            visit(&Moment { number, operation: Some(operation), device: &device });
            match operation {
                Operation::Write(offset, bytes) => _ = device.disk.write(*offset, bytes),
                Operation::Sync => device.disk.sync(),
                Operation::Counter(value) => device.counter = Some(*value),
                Operation::Marker => device.provisioned = Some(true),
            }
        }
        visit(&Moment { number: self.operations.len(), operation: None, device: &device });
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("operations", &self.operations()).finish_non_exhaustive()
    }
}

/// Between two operations, or in one.
pub struct Moment<'r> {
    /// The number of the operation that is about to be done.
    number: usize,
    operation: Option<&'r Operation>,
    device: &'r Device,
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment").field("number", &self.number).finish_non_exhaustive()
    }
}

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// Between two operations: the medium keeps the order of writes, synced or not.
    Between,
    /// In a write: its first bytes are kept, this many.
    Torn(u32),
    /// After a write, on a medium with an order of its own: those unsynced sectors are kept whose bit is set, as
    /// [`What::Reordered`](crate::What::Reordered) says.
    Reordered(u64),
}

impl Cut {
    /// Its sort, in a word.
    pub const fn sort(self) -> &'static str {
        match self {
            Self::Between => "cut",
            Self::Torn(_) => "torn",
            Self::Reordered(_) => "reordered",
        }
    }
}

/// Up to this many unsynced sectors every subset of them is tried.
const ALL_SUBSETS: usize = 4;
/// So many subsets of more of them.
const SOME_SUBSETS: usize = 20;

impl Moment<'_> {
    /// The number of the operation that is about to be done.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The power cuts to try here: before the operation; if it is a write, in it at every half sector, and after it
    /// with every subset of the unsynced sectors, or, where they are many, with some.
    pub fn cuts(&self) -> Vec<Cut> {
        let mut cuts = vec![Cut::Between];
        if let Some(Operation::Write(offset, bytes)) = self.operation {
            let halves = (1..).map(|half| half * SECTOR_SIZE / 2).take_while(|at| *at < bytes.len());
            cuts.push(Cut::Torn(1));
            cuts.extend(halves.map(|at| Cut::Torn(at as u32)));
            let mut disk = self.device.disk.clone();
            let overlaps = disk.pending_sectors() > 0;
            if disk.write(*offset, bytes).is_some() {
                cuts.extend(subsets(disk.pending_sectors(), overlaps).into_iter().map(Cut::Reordered));
            }
        }
        cuts
    }

    /// The device that starts after this cut.
    pub fn after(&self, cut: Cut) -> HostilePlatform {
        let mut device = self.device.clone();
        let image = match (cut, self.operation) {
            (Cut::Torn(count), Some(Operation::Write(offset, bytes))) => {
                device.disk.cut_torn(*offset, bytes, count as usize)
            }
            (Cut::Reordered(pattern), Some(Operation::Write(offset, bytes))) => {
                let _ = device.disk.write(*offset, bytes);
                device.disk.cut_reordered(pattern)
            }
            _ => device.disk.cut_in_order(),
        };
        device.cut(image);
        HostilePlatform::of(device).reboot()
    }
}

/// Patterns of sectors that survive, in both orders where one may be written twice.
fn subsets(sectors: usize, overlaps: bool) -> Vec<u64> {
    let mut patterns: Vec<u64> = if sectors <= ALL_SUBSETS {
        (0..1 << sectors).collect()
    } else {
        let mut random = Random::new(sectors as u64);
        let all = u64::MAX >> 1;
        [0, all, 1, all - 1].into_iter().chain((4..SOME_SUBSETS).map(|_| random.next() & all)).collect()
    };
    if overlaps {
        let reversed: Vec<_> = patterns.iter().map(|pattern| pattern | 1 << 63).collect();
        patterns.extend(reversed);
    }
    patterns
}
