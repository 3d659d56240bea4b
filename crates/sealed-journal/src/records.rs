//! The image of a store's records.

use std::collections::BTreeMap;
use std::fmt;

use tee_api::{Change, RecordKey, StoreError};
use zeroize::Zeroizing;

/// Records by key, in order. A transaction is applied whole or not at all; what a record held is wiped when it goes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Records {
    by_key: BTreeMap<RecordKey, Zeroizing<Vec<u8>>>,
}

impl Records {
    /// No records.
    pub const fn new() -> Self {
        Self { by_key: BTreeMap::new() }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// What a record holds.
    pub fn get(&self, key: RecordKey) -> Option<&[u8]> {
        self.by_key.get(&key).map(|value| value.as_slice())
    }

    /// Every record, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (RecordKey, &[u8])> {
        self.by_key.iter().map(|(key, value)| (*key, value.as_slice()))
    }

    /// Whether the changes can be applied one after the other: every patch meets a record that is long enough.
    /// Anything else is the service's mistake or damage, [`StoreError::Corrupt`].
    pub fn check(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        for (at, change) in changes.iter().enumerate() {
            if let Change::Patch { key, offset, data } = change {
                let length = self.length_before(*key, &changes[..at]).ok_or(StoreError::Corrupt)?;
                let end = u64::from(*offset) + data.len() as u64;
                if end > length as u64 {
                    return Err(StoreError::Corrupt);
                }
            }
        }
        Ok(())
    }

    /// Applies all of `changes` in their order, or none of them where [`Self::check`] refuses them.
    /// A deletion of what is not there changes nothing.
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.check(changes)?;
        for change in changes {
            match *change {
                Change::Put { key, value } => self.put(key, value),
                Change::Patch { key, offset, data } => {
                    let target = self.by_key.get_mut(&key).and_then(|value| {
                        let start = usize::try_from(offset).ok()?;
                        value.get_mut(start..start.checked_add(data.len())?)
                    });
                    // `check` proved the range.
                    if let Some(target) = target {
                        target.copy_from_slice(data);
                    }
                }
                Change::Delete { key } => {
                    self.by_key.remove(&key);
                }
                Change::DeleteKind { kind } => self.by_key.retain(|key, _| key.kind != kind),
            }
        }
        Ok(())
    }

    fn put(&mut self, key: RecordKey, value: &[u8]) {
        match self.by_key.get_mut(&key) {
            Some(held) if held.len() == value.len() => held.copy_from_slice(value),
            // A new buffer of the exact size: growing the old one could leave an unwiped copy behind.
            _ => {
                self.by_key.insert(key, Zeroizing::new(value.to_vec()));
            }
        }
    }

    /// The record's length once `earlier` were applied.
    fn length_before(&self, key: RecordKey, earlier: &[Change<'_>]) -> Option<usize> {
        for change in earlier.iter().rev() {
            match change {
                Change::Put { key: changed, value } if *changed == key => return Some(value.len()),
                Change::Delete { key: deleted } if *deleted == key => return None,
                Change::DeleteKind { kind } if *kind == key.kind => return None,
                _ => {}
            }
        }
        self.by_key.get(&key).map(|value| value.len())
    }
}

impl fmt::Debug for Records {
    /// Records hold secrets: only names and sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(key, value)| ((key.kind, key.id), value.len()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: RecordKey = RecordKey { kind: 1, id: 1 };
    const B: RecordKey = RecordKey { kind: 1, id: 2 };

    #[test]
    fn changes_of_one_transaction_see_each_other() {
        let mut records = Records::new();
        let changes = [
            Change::Put { key: A, value: b"abcd" },
            Change::Patch { key: A, offset: 1, data: b"XY" },
            Change::Put { key: B, value: b"" },
            Change::Delete { key: B },
        ];
        assert_eq!(records.apply(&changes), Ok(()));
        assert_eq!(records.get(A), Some(&b"aXYd"[..]));
        assert_eq!(records.len(), 1);
    }

    #[test]
    fn a_transaction_with_one_bad_patch_changes_nothing() {
        let mut records = Records::new();
        records.apply(&[Change::Put { key: A, value: b"abcd" }]).unwrap();
        let before = records.clone();
        let bad_patches = [
            Change::Patch { key: A, offset: 3, data: b"XY" },
            Change::Patch { key: A, offset: u32::MAX, data: b"X" },
            Change::Patch { key: A, offset: 5, data: b"" },
            Change::Patch { key: B, offset: 0, data: b"" },
        ];
        for bad in bad_patches {
            let changes = [Change::Put { key: A, value: b"zzzz" }, bad];
            assert_eq!(records.apply(&changes), Err(StoreError::Corrupt), "{bad:?}");
            assert_eq!(records, before);
        }
        for deletion in [Change::Delete { key: A }, Change::DeleteKind { kind: A.kind }] {
            let patch_after_delete = [deletion, Change::Patch { key: A, offset: 0, data: b"X" }];
            assert_eq!(records.apply(&patch_after_delete), Err(StoreError::Corrupt));
            assert_eq!(records, before);
        }
    }

    #[test]
    fn a_whole_kind_goes_at_once_and_no_other() {
        let other = RecordKey { kind: 2, id: 1 };
        let mut records = Records::new();
        let puts = [A, B, other].map(|key| Change::Put { key, value: b"x" });
        records.apply(&puts).unwrap();
        records.apply(&[Change::DeleteKind { kind: 1 }]).unwrap();
        assert_eq!(records.iter().map(|(key, _)| key).collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn debug_shows_no_content() {
        let mut records = Records::new();
        records.apply(&[Change::Put { key: A, value: b"secret" }]).unwrap();
        assert_eq!(format!("{records:?}"), "{(1, 1): 6}");
    }
}
