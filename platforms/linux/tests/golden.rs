//! State files of every format that was ever released load for ever.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use platform_linux::{Identity, KeySource, LinuxPlatform, OpenError, StateOptions, inspect};
use tee_api::{AtomicStore, Change, RecordKey};

/// The key of every golden file. It protects nothing.
const KEY: [u8; 32] = *b"the key of the golden state file";
const IDENTITY: Identity =
    Identity { profile_id: 0x0102_0304, firmware_version: 0x1112_1314_1516_1718, svn: 0x21 };
const FIRST: RecordKey = RecordKey { kind: 1, id: 0 };
const PATCHED: RecordKey = RecordKey { kind: 0x8002, id: 0x8100_0001 };
const EMPTY: RecordKey = RecordKey { kind: u16::MAX, id: u32::MAX };
const DELETED: RecordKey = RecordKey { kind: 5, id: 6 };

#[test]
fn format_1_loads() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("tpm");
    lay_out(&folder, &golden("format-1.state"));

    let view = inspect(&folder, &KeySource::Beside).unwrap();
    assert_eq!(view.header.format, 1);
    assert_eq!(view.header.identity, IDENTITY);
    assert_eq!(view.header.generation, 1);
    assert_eq!(view.header.slot_size, 16 * 1024);
    assert!(view.header.created > 1_700_000_000);
    assert_eq!((view.usage.slot, view.usage.commits, view.usage.torn_tail), (1, 3, false));
    let records: Vec<_> = view.records.iter().map(|(key, value)| (key, value.to_vec())).collect();
    let expected = [(FIRST, vec![0xA5; 700]), (PATCHED, b"a patched record".to_vec()), (EMPTY, Vec::new())];
    assert_eq!(records, expected);

    // And it goes on, with a firmware that is not older than the one that wrote it.
    let older = Identity { svn: IDENTITY.svn - 1, ..IDENTITY };
    let refused = LinuxPlatform::open(&StateOptions { identity: older, ..StateOptions::new(&folder) });
    assert!(matches!(refused, Err(OpenError::NewerFirmware { theirs: 0x21, ours: 0x20, .. })));
    let newer = Identity { svn: IDENTITY.svn + 1, ..IDENTITY };
    let options = StateOptions { identity: newer, ..StateOptions::new(&folder) };
    let mut platform = LinuxPlatform::open(&options).unwrap();
    assert_eq!(platform.header().unwrap().identity, newer);
    platform.commit(&[Change::Delete { key: FIRST }]).unwrap();
    drop(platform);
    assert_eq!(inspect(&folder, &KeySource::Beside).unwrap().records.len(), 2);
}

/// Writes the golden file of the present format, once, before its release.
#[test]
#[ignore = "makes a golden file; a released one is never made again"]
fn make_format_1() {
    let path = golden("format-1.state");
    assert!(!path.exists(), "a golden file is never replaced");
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("tpm");
    let key_path = temporary.path().join("key");
    write_private(&key_path, &KEY);
    let options =
        StateOptions { key: KeySource::File(key_path), slot_size: 16 * 1024, ..StateOptions::new(&folder) };
    let mut platform = LinuxPlatform::open(&options).unwrap();
    platform.commit(&[Change::Put { key: FIRST, value: &[0xA5; 700] }]).unwrap();
    platform.set_identity(IDENTITY).unwrap();
    let second = [
        Change::Put { key: PATCHED, value: b"a pXXXXed record" },
        Change::Put { key: EMPTY, value: b"" },
        Change::Put { key: DELETED, value: b"gone" },
    ];
    platform.commit(&second).unwrap();
    platform.commit(&[Change::Patch { key: PATCHED, offset: 3, data: b"atch" }]).unwrap();
    platform.commit(&[Change::Delete { key: DELETED }, Change::DeleteKind { kind: 9 }]).unwrap();
    drop(platform);
    fs::copy(folder.join("ftpm.state"), path).unwrap();
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A state folder as it would stand on a machine: version control keeps no modes.
fn lay_out(folder: &Path, state: &Path) {
    fs::create_dir(folder).unwrap();
    write_private(&folder.join("ftpm.state"), &fs::read(state).unwrap());
    write_private(&folder.join("ftpm.key"), &KEY);
}

fn write_private(path: &Path, content: &[u8]) {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(content).unwrap();
}
