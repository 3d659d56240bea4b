//! Records in two flash areas. A commit writes all of them to the other area, and last of all its number.
//!
//! An area: number (8 bytes, 0xFF where the area is not whole), length (4), MAC over both and the records (32), the
//! records: kind (2), id (4), length (4), bytes.

use tee_api::{Change, RecordKey, StoreError};
use tpm2_crypto::{HashAlgorithm, Hmac};
use zeroize::Zeroize;

use crate::board::{AREA_SIZE, Board};

const NUMBER: std::ops::Range<usize> = 0..8;
const LENGTH: std::ops::Range<usize> = 8..12;
const MAC: std::ops::Range<usize> = 12..44;
const RECORDS_AT: usize = 44;
const RECORD_HEADER: usize = 10;
const BLANK: [u8; 8] = [0xFF; 8];

/// The store: an image of what is kept, and one of what will be.
pub struct FlashStore {
    images: [Image; 2],
    state: Result<Current, StoreError>,
}

#[derive(Clone, Copy)]
struct Current {
    /// Which area, and which image.
    area: usize,
    number: u64,
}

impl FlashStore {
    pub fn open(board: &Board) -> Self {
        let mut images = [Image::EMPTY, Image::EMPTY];
        let read = [0, 1].map(|area| images[area].read(board, area));
        let state = match read {
            [Err(error), _] | [_, Err(error)] => Err(error),
            [Ok(None), Ok(None)] => Err(StoreError::Missing),
            [Ok(Some(number)), Ok(other)] if other.is_none_or(|other| other < number) => {
                Ok(Current { area: 0, number })
            }
            [_, Ok(Some(number))] => Ok(Current { area: 1, number }),
            [Ok(Some(number)), Ok(None)] => Ok(Current { area: 0, number }),
        };
        Self { images, state }
    }

    pub fn load(&self, visit: &mut dyn FnMut(RecordKey, &[u8])) -> Result<(), StoreError> {
        self.images[self.state?.area].records().for_each(|(_, key, value)| visit(key, value));
        Ok(())
    }

    pub fn commit(&mut self, board: &Board, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let current = match self.state {
            Ok(current) => current,
            Err(StoreError::Missing) => Current { area: 1, number: 0 },
            Err(error) => return Err(error),
        };
        if changes.is_empty() {
            return Ok(());
        }
        let [first, second] = &mut self.images;
        let (kept, next) = if current.area == 0 { (first, second) } else { (second, first) };
        next.copy_from(kept);
        changes.iter().try_for_each(|change| next.apply(change))?;
        let new = Current { area: 1 - current.area, number: current.number + 1 };
        // Until its number stands there the area counts for nothing, whatever happened before.
        next.write(board, new).map_err(|_| StoreError::Unavailable)?;
        if board.borrow_mut().write(new.area, NUMBER.start, &new.number.to_be_bytes()).is_err() {
            self.state = Err(StoreError::OutcomeUnknown);
            return Err(StoreError::OutcomeUnknown);
        }
        self.state = Ok(new);
        Ok(())
    }
}

/// All records, as they stand in an area.
struct Image {
    bytes: [u8; AREA_SIZE],
    length: usize,
}

impl Image {
    const EMPTY: Self = Self { bytes: [0; AREA_SIZE], length: 0 };

    /// The area's number, where it is whole; `None` where it is not.
    fn read(&mut self, board: &Board, area: usize) -> Result<Option<u64>, StoreError> {
        let hardware = board.borrow();
        let flash = &hardware.flash[area];
        let number: [u8; 8] = field(flash, NUMBER)?;
        if number == BLANK {
            return Ok(None);
        }
        let length = u32::from_be_bytes(field(flash, LENGTH)?) as usize;
        let records =
            flash.get(RECORDS_AT..).and_then(|rest| rest.get(..length)).ok_or(StoreError::Corrupt)?;
        let number = u64::from_be_bytes(number);
        if !mac(board, number, records).equals(&flash[MAC]) {
            return Err(StoreError::Corrupt);
        }
        self.bytes[..length].copy_from_slice(records);
        self.length = length;
        Ok(Some(number))
    }

    fn write(&self, board: &Board, to: Current) -> Result<(), crate::board::PowerGone> {
        let records = &self.bytes[..self.length];
        let mac = mac(board, to.number, records);
        let mut hardware = board.borrow_mut();
        hardware.erase(to.area)?;
        hardware.write(to.area, RECORDS_AT, records)?;
        hardware.write(to.area, LENGTH.start, &(self.length as u32).to_be_bytes())?;
        hardware.write(to.area, MAC.start, &mac)
    }

    fn copy_from(&mut self, other: &Self) {
        self.bytes.copy_from_slice(&other.bytes);
        self.length = other.length;
    }

    /// Where each record begins, its key and its value.
    fn records(&self) -> impl Iterator<Item = (usize, RecordKey, &[u8])> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let header = self.bytes[..self.length].get(at..at + RECORD_HEADER)?;
            let kind = u16::from_be_bytes([header[0], header[1]]);
            let id = u32::from_be_bytes([header[2], header[3], header[4], header[5]]);
            let length = u32::from_be_bytes([header[6], header[7], header[8], header[9]]) as usize;
            let begin = at;
            at += RECORD_HEADER + length;
            Some((begin, RecordKey { kind, id }, self.bytes.get(begin + RECORD_HEADER..at)?))
        })
    }

    fn apply(&mut self, change: &Change<'_>) -> Result<(), StoreError> {
        match *change {
            Change::Put { key, value } => {
                self.remove(|found| found == key);
                self.append(key, value)
            }
            Change::Patch { key, offset, data } => {
                let (begin, _, value) =
                    self.records().find(|(_, found, _)| *found == key).ok_or(StoreError::Corrupt)?;
                let end = (offset as usize).checked_add(data.len()).filter(|end| *end <= value.len());
                let end = end.ok_or(StoreError::Corrupt)? + begin + RECORD_HEADER;
                self.bytes[end - data.len()..end].copy_from_slice(data);
                Ok(())
            }
            Change::Delete { key } => {
                self.remove(|found| found == key);
                Ok(())
            }
            Change::DeleteKind { kind } => {
                self.remove(|found| found.kind == kind);
                Ok(())
            }
        }
    }

    fn append(&mut self, key: RecordKey, value: &[u8]) -> Result<(), StoreError> {
        let end = self.length + RECORD_HEADER + value.len();
        if RECORDS_AT + end > AREA_SIZE {
            return Err(StoreError::Full);
        }
        let (header, room) = self.bytes[self.length..end].split_at_mut(RECORD_HEADER);
        header[..2].copy_from_slice(&key.kind.to_be_bytes());
        header[2..6].copy_from_slice(&key.id.to_be_bytes());
        header[6..].copy_from_slice(&(value.len() as u32).to_be_bytes());
        room.copy_from_slice(value);
        self.length = end;
        Ok(())
    }

    fn remove(&mut self, gone: impl Fn(RecordKey) -> bool) {
        while let Some((begin, end)) = self.place_of(&gone) {
            self.bytes.copy_within(end..self.length, begin);
            self.length -= end - begin;
        }
    }

    /// Where the first such record begins and ends.
    fn place_of(&self, wanted: impl Fn(RecordKey) -> bool) -> Option<(usize, usize)> {
        let (begin, _, value) = self.records().find(|(_, key, _)| wanted(*key))?;
        Some((begin, begin + RECORD_HEADER + value.len()))
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

fn field<const N: usize>(flash: &[u8], range: std::ops::Range<usize>) -> Result<[u8; N], StoreError> {
    flash.get(range).and_then(|bytes| bytes.try_into().ok()).ok_or(StoreError::Corrupt)
}

/// Under a key of this device's: another board's flash is not taken for its own.
fn mac(board: &Board, number: u64, records: &[u8]) -> tpm2_crypto::Digest {
    let mut key = board.borrow().ladder(0, b"store");
    let mut mac = Hmac::new(HashAlgorithm::Sha256, &key);
    key.zeroize();
    mac.update(&number.to_be_bytes());
    mac.update(&(records.len() as u64).to_be_bytes());
    mac.update(records);
    mac.finish()
}
