//! Records in memory: their bytes one after another, and an index of them.

use tee_api::RecordKey;
use zeroize::Zeroize;

/// Bytes of an entry of the index: kind (2), unused (2), id (4), start (4), length (4).
const ENTRY: usize = 16;

/// Records packed without gaps in memory of the caller's. Their bytes grow from the front, their index from the back:
/// a look-up reads the index alone, which is small and lies together. What is deleted is wiped.
pub struct RecordHeap<'m> {
    bytes: &'m mut [u8],
    used: usize,
    count: usize,
}

impl<'m> RecordHeap<'m> {
    /// An empty heap in `bytes`.
    pub fn new(bytes: &'m mut [u8]) -> Self {
        Self { bytes, used: 0, count: 0 }
    }

    /// All records, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (RecordKey, &[u8])> {
        self.entries().map(|(_, entry)| (entry.key, &self.bytes[entry.start..entry.end()]))
    }

    /// The bytes of a record.
    pub fn get(&self, key: RecordKey) -> Option<&[u8]> {
        let (_, entry) = self.find(key)?;
        self.bytes.get(entry.start..entry.end())
    }

    /// Bytes for records and their index.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes left; a new record takes [`RecordHeap::footprint`] of them.
    pub fn room(&self) -> usize {
        self.bytes.len() - self.used - self.count * ENTRY
    }

    /// Bytes that a new record of `length` bytes takes.
    pub const fn footprint(length: usize) -> usize {
        ENTRY + length
    }

    /// Gives a record this value. `Err` when there is no room; then nothing changed.
    pub fn put(&mut self, key: RecordKey, value: &[u8]) -> Result<(), HeapFull> {
        let entry = match self.find(key) {
            Some((number, entry)) => self.resize(number, &entry, value.len())?,
            None => self.append(key, value.len())?,
        };
        self.bytes[entry.start..entry.end()].copy_from_slice(value);
        Ok(())
    }

    /// Overwrites part of a record. `Err` when the record is not there or too short; then nothing changed.
    pub fn patch(&mut self, key: RecordKey, offset: usize, data: &[u8]) -> Result<(), HeapFull> {
        let (_, entry) = self.find(key).ok_or(HeapFull)?;
        let start = entry.start.checked_add(offset).ok_or(HeapFull)?;
        let end = start.checked_add(data.len()).filter(|end| *end <= entry.end()).ok_or(HeapFull)?;
        self.bytes[start..end].copy_from_slice(data);
        Ok(())
    }

    /// Removes a record, if it is there.
    pub fn delete(&mut self, key: RecordKey) {
        let Some((number, entry)) = self.find(key) else { return };
        self.shift(&entry, 0);
        for later in number + 1..self.count {
            let moved = self.entry(later);
            self.set_entry(later - 1, &moved);
        }
        let last = self.place(self.count - 1);
        self.bytes[last..last + ENTRY].zeroize();
        self.count -= 1;
    }

    /// Removes every record of a kind.
    pub fn delete_kind(&mut self, kind: u16) {
        loop {
            let first = self.entries().map(|(_, entry)| entry.key).find(|key| key.kind == kind);
            match first {
                Some(key) => self.delete(key),
                None => return,
            }
        }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        let index = self.bytes.len() - self.count * ENTRY;
        self.bytes[..self.used].zeroize();
        self.bytes[index..].zeroize();
        (self.used, self.count) = (0, 0);
    }

    fn find(&self, key: RecordKey) -> Option<(usize, Entry)> {
        self.entries().find(|(_, entry)| entry.key == key)
    }

    fn entries(&self) -> impl Iterator<Item = (usize, Entry)> {
        let index = &self.bytes[self.bytes.len() - self.count * ENTRY..];
        index.as_chunks().0.iter().rev().map(Entry::from_bytes).enumerate()
    }

    /// Where the entry with this number stands.
    fn place(&self, number: usize) -> usize {
        self.bytes.len() - (number + 1) * ENTRY
    }

    fn entry(&self, number: usize) -> Entry {
        let place = self.place(number);
        let mut bytes = [0; ENTRY];
        bytes.copy_from_slice(&self.bytes[place..place + ENTRY]);
        Entry::from_bytes(&bytes)
    }

    fn set_entry(&mut self, number: usize, entry: &Entry) {
        let place = self.place(number);
        self.bytes[place..place + ENTRY].copy_from_slice(&entry.to_bytes());
    }

    fn append(&mut self, key: RecordKey, length: usize) -> Result<Entry, HeapFull> {
        if Self::footprint(length) > self.room() {
            return Err(HeapFull);
        }
        let entry = Entry { key, start: self.used, length };
        self.set_entry(self.count, &entry);
        self.count += 1;
        self.used += length;
        Ok(entry)
    }

    /// Gives a record another length; what follows moves.
    fn resize(&mut self, number: usize, entry: &Entry, length: usize) -> Result<Entry, HeapFull> {
        if length > entry.length && length - entry.length > self.room() {
            return Err(HeapFull);
        }
        let resized = Entry { length, ..*entry };
        if length != entry.length {
            self.shift(entry, length);
            self.set_entry(number, &resized);
        }
        Ok(resized)
    }

    /// Moves what follows a record so that the record has `length` bytes, and wipes what is no longer used.
    fn shift(&mut self, entry: &Entry, length: usize) {
        let used = self.used - entry.length + length;
        self.bytes.copy_within(entry.end()..self.used, entry.start + length);
        if used < self.used {
            self.bytes[used..self.used].zeroize();
        }
        self.used = used;
        for number in 0..self.count {
            let other = self.entry(number);
            if other.start >= entry.end() && other.key != entry.key {
                self.set_entry(number, &Entry { start: other.start - entry.length + length, ..other });
            }
        }
    }
}

/// The change does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapFull;

#[derive(Clone, Copy)]
struct Entry {
    key: RecordKey,
    start: usize,
    length: usize,
}

impl Entry {
    fn end(&self) -> usize {
        self.start + self.length
    }

    fn from_bytes(bytes: &[u8; ENTRY]) -> Self {
        let [k0, k1, _, _, i0, i1, i2, i3, s0, s1, s2, s3, l0, l1, l2, l3] = *bytes;
        Self {
            key: RecordKey { kind: u16::from_ne_bytes([k0, k1]), id: u32::from_ne_bytes([i0, i1, i2, i3]) },
            start: u32::from_ne_bytes([s0, s1, s2, s3]) as usize,
            length: u32::from_ne_bytes([l0, l1, l2, l3]) as usize,
        }
    }

    fn to_bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..2].copy_from_slice(&self.key.kind.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.key.id.to_ne_bytes());
        // Memory of 4 GiB and more is not lent to a TPM.
        bytes[8..12].copy_from_slice(&(self.start as u32).to_ne_bytes());
        bytes[12..].copy_from_slice(&(self.length as u32).to_ne_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(id: u32) -> RecordKey {
        RecordKey { kind: 1, id }
    }

    #[test]
    fn grows_shrinks_and_wipes() {
        let mut memory = [0u8; 72];
        let mut heap = RecordHeap::new(&mut memory);
        heap.put(key(1), b"abc").unwrap();
        heap.put(key(2), b"defg").unwrap();
        heap.put(key(1), b"longer").unwrap();
        assert_eq!(heap.get(key(1)), Some(&b"longer"[..]));
        assert_eq!(heap.get(key(2)), Some(&b"defg"[..]));
        heap.put(key(1), b"x").unwrap();
        heap.patch(key(2), 1, b"EF").unwrap();
        assert_eq!(heap.get(key(2)), Some(&b"dEFg"[..]));
        assert_eq!(heap.patch(key(2), 3, b"EF"), Err(HeapFull));
        assert_eq!(heap.put(key(3), &[0; 40]), Err(HeapFull));
        heap.put(key(4), b"").unwrap();
        heap.put(key(5), b"z").unwrap();
        heap.delete(key(1));
        assert_eq!(heap.iter().map(|(key, _)| key.id).collect::<std::vec::Vec<_>>(), [2, 4, 5]);
        assert_eq!(
            (heap.get(key(2)), heap.get(key(4)), heap.get(key(5))),
            (Some(&b"dEFg"[..]), Some(&b""[..]), Some(&b"z"[..]))
        );
        heap.put(key(4), b"12").unwrap();
        assert_eq!((heap.get(key(4)), heap.get(key(5))), (Some(&b"12"[..]), Some(&b"z"[..])));
        heap.delete_kind(9);
        heap.delete(key(4));
        heap.delete(key(5));
        heap.delete(key(2));
        assert_eq!(heap.room(), 72);
        assert!(memory.iter().all(|byte| *byte == 0));
    }
}
