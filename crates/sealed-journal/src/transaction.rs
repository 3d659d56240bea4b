//! A transaction as bytes: one entry a change, {tag u8, kind u16, id u32, length u32, value}.
//!
//! The value of a patch is {offset u32, data}. No entry assumes a capacity for its record.

use tee_api::{Change, RecordKey};

use crate::fields::Fields;

const PUT: u8 = 1;
const PATCH: u8 = 2;
const DELETE: u8 = 3;
const DELETE_KIND: u8 = 4;

const ENTRY_HEADER_SIZE: usize = 1 + 2 + 4 + 4;
const OFFSET_SIZE: usize = 4;

/// Bytes that [`encode`] appends.
pub(super) fn encoded_size<'a>(changes: impl Iterator<Item = Change<'a>>) -> usize {
    let sizes = changes.map(|change| {
        ENTRY_HEADER_SIZE
            + match change {
                Change::Put { value, .. } => value.len(),
                Change::Patch { data, .. } => OFFSET_SIZE + data.len(),
                Change::Delete { .. } | Change::DeleteKind { .. } => 0,
            }
    });
    sizes.sum()
}

/// Appends the changes to `out`. The caller reserved [`encoded_size`] bytes and made sure that they fit a `u32`.
pub(super) fn encode<'a>(changes: impl Iterator<Item = Change<'a>>, out: &mut Vec<u8>) {
    for change in changes {
        match change {
            Change::Put { key, value } => {
                entry_header(PUT, key, value.len(), out);
                out.extend_from_slice(value);
            }
            Change::Patch { key, offset, data } => {
                entry_header(PATCH, key, OFFSET_SIZE + data.len(), out);
                out.extend_from_slice(&offset.to_be_bytes());
                out.extend_from_slice(data);
            }
            Change::Delete { key } => entry_header(DELETE, key, 0, out),
            Change::DeleteKind { kind } => entry_header(DELETE_KIND, RecordKey { kind, id: 0 }, 0, out),
        }
    }
}

/// The changes in `bytes`; `None` where they are not what [`encode`] writes.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Change<'_>>> {
    let mut changes = Vec::new();
    let mut fields = Fields::new(bytes);
    while !fields.is_empty() {
        let [tag] = fields.array()?;
        let key = RecordKey { kind: fields.u16()?, id: fields.u32()? };
        let length = usize::try_from(fields.u32()?).ok()?;
        let value = fields.bytes(length)?;
        changes.push(match (tag, value) {
            (PUT, value) => Change::Put { key, value },
            (PATCH, value) => {
                let (offset, data) = value.split_first_chunk()?;
                Change::Patch { key, offset: u32::from_be_bytes(*offset), data }
            }
            (DELETE, []) => Change::Delete { key },
            (DELETE_KIND, []) if key.id == 0 => Change::DeleteKind { kind: key.kind },
            _ => return None,
        });
    }
    Some(changes)
}

fn entry_header(tag: u8, key: RecordKey, length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&key.kind.to_be_bytes());
    out.extend_from_slice(&key.id.to_be_bytes());
    out.extend_from_slice(&(length as u32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_no_prefix_of_it_does() {
        let key = RecordKey { kind: 0x1234, id: 0x8100_0001 };
        let changes = [
            Change::Put { key, value: b"value" },
            Change::Put { key, value: b"" },
            Change::Patch { key, offset: 3, data: b"data" },
            Change::Delete { key },
            Change::DeleteKind { kind: 9 },
        ];
        let mut bytes = Vec::new();
        encode(changes.iter().copied(), &mut bytes);
        assert_eq!(bytes.len(), encoded_size(changes.iter().copied()));
        let read = decode(&bytes).unwrap();
        let mut again = Vec::new();
        encode(read.iter().copied(), &mut again);
        assert_eq!((read.len(), &again), (5, &bytes));
        assert!(decode(&bytes[..bytes.len() - 1]).is_none());
        let mut unknown_tag = bytes.clone();
        unknown_tag[0] = 9;
        assert!(decode(&unknown_tag).is_none());
    }
}
