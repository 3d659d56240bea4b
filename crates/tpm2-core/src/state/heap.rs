//! Records in memory, one after another.

use tee_api::RecordKey;
use zeroize::Zeroize;

/// Bytes before each record: kind (2), id (4), length (4).
const HEADER: usize = 10;

/// Records packed without gaps in memory of the caller's: kind, id, length, bytes. What is deleted is wiped.
pub struct RecordHeap<'m> {
    bytes: &'m mut [u8],
    used: usize,
}

impl<'m> RecordHeap<'m> {
    /// An empty heap in `bytes`.
    pub fn new(bytes: &'m mut [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// All records.
    pub fn iter(&self) -> impl Iterator<Item = (RecordKey, &[u8])> {
        Entries { bytes: self.bytes, at: 0, end: self.used }.map(|entry| (entry.key, &self.bytes[entry.start..entry.end]))
    }

    /// The bytes of a record.
    pub fn get(&self, key: RecordKey) -> Option<&[u8]> {
        self.find(key).map(|entry| &self.bytes[entry.start..entry.end])
    }

    /// All that is in use, for digests and for saving.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Bytes left, the headers of new records included.
    pub fn room(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Bytes that a new record of `length` bytes takes.
    pub const fn footprint(length: usize) -> usize {
        HEADER + length
    }

    /// Gives a record this value. `Err` when there is no room; then nothing changed.
    pub fn put(&mut self, key: RecordKey, value: &[u8]) -> Result<(), HeapFull> {
        match self.find(key) {
            Some(entry) => self.resize(&entry, value.len())?,
            None => self.append(key, value.len())?,
        }
        if let Some(entry) = self.find(key) {
            self.bytes[entry.start..entry.end].copy_from_slice(value);
        }
        Ok(())
    }

    /// Overwrites part of a record. `Err` when the record is not there or too short; then nothing changed.
    pub fn patch(&mut self, key: RecordKey, offset: usize, data: &[u8]) -> Result<(), HeapFull> {
        let entry = self.find(key).ok_or(HeapFull)?;
        let start = entry.start.checked_add(offset).ok_or(HeapFull)?;
        let end = start.checked_add(data.len()).filter(|end| *end <= entry.end).ok_or(HeapFull)?;
        self.bytes[start..end].copy_from_slice(data);
        Ok(())
    }

    /// Removes a record, if it is there.
    pub fn delete(&mut self, key: RecordKey) {
        if let Some(entry) = self.find(key) {
            let from = entry.start - HEADER;
            self.bytes.copy_within(entry.end..self.used, from);
            let used = self.used - (entry.end - from);
            self.bytes[used..self.used].zeroize();
            self.used = used;
        }
    }

    /// Removes every record of a kind.
    pub fn delete_kind(&mut self, kind: u16) {
        loop {
            let first = self.iter().map(|(key, _)| key).find(|key| key.kind == kind);
            match first {
                Some(key) => self.delete(key),
                None => return,
            }
        }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.bytes[..self.used].zeroize();
        self.used = 0;
    }

    fn find(&self, key: RecordKey) -> Option<Entry> {
        Entries { bytes: self.bytes, at: 0, end: self.used }.find(|entry| entry.key == key)
    }

    fn append(&mut self, key: RecordKey, length: usize) -> Result<(), HeapFull> {
        let end = self.used + HEADER + length;
        let header = self.bytes.get_mut(self.used..end).ok_or(HeapFull)?;
        header[..2].copy_from_slice(&key.kind.to_be_bytes());
        header[2..6].copy_from_slice(&key.id.to_be_bytes());
        header[6..HEADER].copy_from_slice(&u32::try_from(length).map_err(|_| HeapFull)?.to_be_bytes());
        self.used = end;
        Ok(())
    }

    /// Gives a record another length; what follows moves.
    fn resize(&mut self, entry: &Entry, length: usize) -> Result<(), HeapFull> {
        let old = entry.end - entry.start;
        if length == old {
            return Ok(());
        }
        if length > old && length - old > self.room() {
            return Err(HeapFull);
        }
        let used = self.used - old + length;
        self.bytes.copy_within(entry.end..self.used, entry.start + length);
        if used < self.used {
            self.bytes[used..self.used].zeroize();
        }
        self.used = used;
        let length = u32::try_from(length).map_err(|_| HeapFull)?;
        self.bytes[entry.start - 4..entry.start].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

/// The change does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapFull;

struct Entry {
    key: RecordKey,
    start: usize,
    end: usize,
}

struct Entries<'h> {
    bytes: &'h [u8],
    at: usize,
    end: usize,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.at >= self.end {
            return None;
        }
        let header: &[u8; HEADER] = self.bytes[self.at..].first_chunk()?;
        let [k0, k1, i0, i1, i2, i3, l0, l1, l2, l3] = *header;
        let key = RecordKey { kind: u16::from_be_bytes([k0, k1]), id: u32::from_be_bytes([i0, i1, i2, i3]) };
        let start = self.at + HEADER;
        let end = start + u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        self.at = end;
        Some(Entry { key, start, end })
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
        let mut memory = [0u8; 64];
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
        heap.delete(key(1));
        assert_eq!(heap.iter().count(), 1);
        heap.delete(key(2));
        assert_eq!(heap.room(), 64);
        assert!(memory.iter().all(|byte| *byte == 0));
    }
}
