//! The simulated medium: sectors, and a cache that forgets.

use std::collections::VecDeque;

/// A medium keeps or loses a sector as a whole, unless power goes while it is written.
pub const SECTOR_SIZE: usize = 512;

/// Writes that a stale read can go back.
const UNDONE: usize = 8;

/// Bytes at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) offset: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Write {
    fn apply(&self, image: &mut [u8]) {
        if let Some(place) = image.get_mut(self.offset..self.offset + self.bytes.len()) {
            place.copy_from_slice(&self.bytes);
        }
    }

    fn first(&self, count: usize) -> Self {
        Self { offset: self.offset, bytes: self.bytes[..count.min(self.bytes.len())].to_vec() }
    }

    /// The parts of it that lie in different sectors.
    fn sectors(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let offset = self.offset + at;
            let end = (at + SECTOR_SIZE - offset % SECTOR_SIZE).min(self.bytes.len());
            parts.push(Self { offset, bytes: self.bytes[at..end].to_vec() });
            at = end;
        }
        parts
    }
}

/// A medium with a cache.
#[derive(Clone)]
pub(crate) struct Disk {
    /// What a start after a power cut finds, if nothing of the cache survives.
    durable: Vec<u8>,
    /// What reads find.
    cache: Vec<u8>,
    /// Written and not synced.
    pending: Vec<Write>,
    /// What the last writes replaced, the latest last.
    replaced: VecDeque<Write>,
    /// What the next start finds instead of everything.
    replay: Option<Vec<u8>>,
}

impl Disk {
    pub(crate) fn of(image: Vec<u8>) -> Self {
        Self {
            durable: image.clone(),
            cache: image,
            pending: Vec::new(),
            replaced: VecDeque::new(),
            replay: None,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.cache.len()
    }

    /// `None` beyond the end.
    pub(crate) fn read(&self, offset: usize, out: &mut [u8]) -> Option<()> {
        out.copy_from_slice(self.cache.get(offset..offset.checked_add(out.len())?)?);
        Some(())
    }

    /// Reads what was there `writes` writes ago.
    pub(crate) fn read_stale(&self, offset: usize, out: &mut [u8], writes: usize) -> Option<()> {
        let mut image = self.cache.clone();
        self.replaced.iter().rev().take(writes).for_each(|write| write.apply(&mut image));
        out.copy_from_slice(image.get(offset..offset.checked_add(out.len())?)?);
        Some(())
    }

    /// `None` beyond the end.
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> Option<()> {
        let place = self.cache.get_mut(offset..offset.checked_add(bytes.len())?)?;
        if self.replaced.len() == UNDONE {
            self.replaced.pop_front();
        }
        self.replaced.push_back(Write { offset, bytes: place.to_vec() });
        place.copy_from_slice(bytes);
        self.pending.push(Write { offset, bytes: bytes.to_vec() });
        Some(())
    }

    /// Changes what is there, past every cache.
    pub(crate) fn tamper<R>(&mut self, change: impl FnOnce(&mut [u8]) -> R) -> R {
        self.sync();
        let changed = change(&mut self.durable);
        self.cache.copy_from_slice(&self.durable);
        changed
    }

    /// All that was written is durable.
    pub(crate) fn sync(&mut self) {
        for write in self.pending.drain(..) {
            write.apply(&mut self.durable);
        }
    }

    /// What was written and not synced is seen until the next start, and is gone then.
    pub(crate) fn drop_pending(&mut self) {
        self.pending.clear();
    }

    /// The next start finds the medium as it is now.
    pub(crate) fn replay_this(&mut self) {
        self.replay.get_or_insert_with(|| self.durable.clone());
    }

    /// What a power cut leaves where the medium keeps the order of writes.
    pub(crate) fn cut_in_order(&self) -> Vec<u8> {
        let mut image = self.durable.clone();
        self.pending.iter().for_each(|write| write.apply(&mut image));
        image
    }

    /// As [`Self::cut_in_order`], with the first `count` bytes of one more write.
    pub(crate) fn cut_torn(&self, offset: usize, bytes: &[u8], count: usize) -> Vec<u8> {
        let mut image = self.cut_in_order();
        Write { offset, bytes: bytes.to_vec() }.first(count).apply(&mut image);
        image
    }

    /// What a power cut leaves where the medium keeps its own order: those unsynced sectors whose bit is set.
    pub(crate) fn cut_reordered(&self, pattern: u64) -> Vec<u8> {
        let mut image = self.durable.clone();
        let sectors: Vec<_> = self.pending.iter().flat_map(Write::sectors).collect();
        let kept = |number: usize| pattern >> (number % 63) & 1 == 1;
        let survivors: Vec<_> = sectors
            .into_iter()
            .enumerate()
            .filter(|(number, _)| kept(*number))
            .map(|(_, write)| write)
            .collect();
        if pattern >> 63 == 1 {
            survivors.iter().rev().for_each(|write| write.apply(&mut image));
        } else {
            survivors.iter().for_each(|write| write.apply(&mut image));
        }
        image
    }

    /// Sectors that a power cut now may keep or lose.
    pub(crate) fn pending_sectors(&self) -> usize {
        self.pending.iter().map(|write| write.sectors().len()).sum()
    }

    /// The medium after the power went and came back, with this image if the cut left another one. What a stale read
    /// finds may be older than the restart.
    pub(crate) fn restarted(&self, cut: Option<Vec<u8>>) -> Self {
        let image = self.replay.clone().or(cut).unwrap_or_else(|| self.durable.clone());
        Self { replaced: self.replaced.clone(), ..Self::of(image) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> Disk {
        Disk::of(vec![0; 4 * SECTOR_SIZE])
    }

    #[test]
    fn what_is_not_synced_may_go_sector_by_sector() {
        let mut disk = disk();
        disk.write(500, &[1; 600]).unwrap();
        assert_eq!(disk.pending_sectors(), 3);
        assert!(disk.cut_reordered(0).iter().all(|byte| *byte == 0));
        let middle = disk.cut_reordered(0b010);
        assert_eq!((middle[511], middle[512], middle[1023], middle[1024]), (0, 1, 1, 0));
        assert_eq!(disk.cut_reordered(u64::MAX), disk.cut_in_order());
        disk.sync();
        assert_eq!(disk.cut_reordered(0)[500..1100], [1; 600]);
        assert_eq!(disk.pending_sectors(), 0);
    }

    #[test]
    fn of_two_writes_to_a_sector_either_may_be_the_last() {
        let mut disk = disk();
        disk.write(0, &[1; 512]).unwrap();
        disk.write(0, &[2; 512]).unwrap();
        assert_eq!(disk.cut_reordered(0b11)[0], 2);
        assert_eq!(disk.cut_reordered(0b11 | 1 << 63)[0], 1);
        assert_eq!(disk.cut_torn(0, &[3; 512], 256)[255..257], [3, 2]);
    }

    #[test]
    fn stale_reads_go_back_and_dropped_writes_go_at_the_next_start() {
        let mut disk = disk();
        disk.write(0, b"old").unwrap();
        disk.sync();
        disk.write(0, b"new").unwrap();
        disk.drop_pending();
        disk.sync();
        let mut out = [0; 3];
        disk.read(0, &mut out).unwrap();
        assert_eq!(&out, b"new");
        disk.read_stale(0, &mut out, 1).unwrap();
        assert_eq!(&out, b"old");
        disk.restarted(None).read(0, &mut out).unwrap();
        assert_eq!(&out, b"old");
        assert_eq!(disk.write(2047, b"xy"), None);
    }

    #[test]
    fn an_old_image_comes_back() {
        let mut disk = disk();
        disk.write(0, b"1").unwrap();
        disk.sync();
        disk.replay_this();
        disk.write(0, b"2").unwrap();
        disk.sync();
        let mut out = [0; 1];
        disk.restarted(None).read(0, &mut out).unwrap();
        assert_eq!(&out, b"1");
    }
}
