//! The state folder as a person meets it: real files, locks, modes and links.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::TryRecvError;

use platform_linux::{
    Damage, ForeignFiles, Identity, KeySource, LinuxPlatform, OpenError, StateOptions, inspect, prospect,
};
use tee_api::{AtomicStore, Change, Clock, Entropy, RecordKey, StoreAssurance, StoreError};
use tempfile::TempDir;

const RECORD: RecordKey = RecordKey { kind: 1, id: 0x0180_0001 };
const SLOT_SIZE: u64 = 16 * 1024;

/// A folder for one test, and the path in it where the state goes.
struct Place {
    root: TempDir,
    state: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("tpm");
        Self { root, state }
    }

    /// With a state whose record holds `value`.
    fn with_state(value: &[u8]) -> Self {
        let place = Self::new();
        put(&mut place.open().unwrap(), value).unwrap();
        place
    }

    fn options(&self) -> StateOptions {
        StateOptions { slot_size: SLOT_SIZE, ..StateOptions::new(&self.state) }
    }

    fn open(&self) -> Result<LinuxPlatform, OpenError> {
        LinuxPlatform::open(&self.options())
    }

    fn open_with(&self, key: KeySource) -> Result<LinuxPlatform, OpenError> {
        LinuxPlatform::open(&StateOptions { key, ..self.options() })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }

    /// A key file outside the state's folder.
    fn key_file(&self, name: &str, content: &[u8]) -> KeySource {
        let path = self.root.path().join(name);
        fs::write(&path, content).unwrap();
        chmod(&path, 0o600);
        KeySource::File(path)
    }
}

fn put(platform: &mut LinuxPlatform, value: &[u8]) -> Result<(), StoreError> {
    platform.commit(&[Change::Put { key: RECORD, value }])
}

fn value(platform: &mut LinuxPlatform) -> Vec<u8> {
    let mut found = Vec::new();
    platform.load(&mut |key, value| found.extend((key == RECORD).then(|| value.to_vec()))).unwrap();
    found.pop().unwrap()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn error<T>(result: Result<T, OpenError>) -> OpenError {
    match result {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

#[test]
fn a_state_is_made_by_the_first_commit_and_for_this_user_alone() {
    let place = Place::new();
    let mut platform = place.open().unwrap();
    assert_eq!(platform.load(&mut |_, _| {}), Err(StoreError::Missing));
    assert!(platform.header().is_none());
    assert_eq!(platform.commit(&[]), Ok(()));
    assert!(!place.file("ftpm.state").exists() && !place.file("ftpm.key").exists());

    put(&mut platform, b"first").unwrap();
    assert_eq!(value(&mut platform), b"first");
    assert_eq!(mode(&place.state), 0o700);
    for file in ["ftpm.state", "ftpm.key", "ftpm.lock"] {
        assert_eq!(mode(&place.file(file)), 0o600, "{file}");
    }
    assert!(!place.file("ftpm.state.new").exists());
    let metadata = fs::metadata(place.file("ftpm.state")).unwrap();
    assert_eq!(metadata.len(), 2 * SLOT_SIZE);
    assert!(metadata.blocks() * 512 >= 2 * SLOT_SIZE, "the file has holes");

    drop(platform);
    assert_eq!(value(&mut place.open().unwrap()), b"first");
}

#[test]
fn folders_above_are_made_too() {
    let place = Place::new();
    let state = place.root.path().join("a/b/c");
    put(&mut LinuxPlatform::open(&StateOptions::new(&state)).unwrap(), b"first").unwrap();
    assert_eq!([mode(&state), mode(state.parent().unwrap())], [0o700; 2]);
}

#[test]
fn commits_change_neither_size_nor_allocation() {
    let place = Place::with_state(b"first");
    let before = fs::metadata(place.file("ftpm.state")).unwrap();
    let mut platform = place.open().unwrap();
    for round in 0..200_u32 {
        put(&mut platform, &round.to_be_bytes()).unwrap();
    }
    assert!(platform.header().unwrap().generation >= 5);
    let after = fs::metadata(place.file("ftpm.state")).unwrap();
    assert_eq!((before.len(), before.blocks(), before.ino()), (after.len(), after.blocks(), after.ino()));
    drop(platform);
    assert_eq!(value(&mut place.open().unwrap()), 199_u32.to_be_bytes());
}

#[test]
fn a_second_tpm_is_refused_and_looking_is_not() {
    let place = Place::with_state(b"kept");
    assert!(!inspect(&place.state, &KeySource::Beside).unwrap().in_use);
    let mut running = place.open().unwrap();
    let refused = error(place.open());
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    assert!(refused.to_string().contains("another TPM is running on"), "{refused}");

    put(&mut running, b"newer").unwrap();
    let view = inspect(&place.state, &KeySource::Beside).unwrap();
    assert!(view.in_use);
    assert_eq!(view.records.get(RECORD), Some(&b"newer"[..]));
    assert_eq!(Some(&view.header), running.header());
    assert_eq!(Some(view.usage), running.usage());
    put(&mut running, b"newest").unwrap();
    drop(running);
    assert_eq!(value(&mut place.open().unwrap()), b"newest");
}

#[test]
fn looking_writes_nothing() {
    let place = Place::new();
    assert!(matches!(error(inspect(&place.state, &KeySource::Beside)), OpenError::Missing(_)));
    assert!(!place.state.exists());
    fs::create_dir(&place.state).unwrap();
    assert!(matches!(error(inspect(&place.state, &KeySource::Beside)), OpenError::Missing(_)));
    assert_eq!(fs::read_dir(&place.state).unwrap().count(), 0);

    let place = Place::with_state(b"kept");
    let before = fs::read(place.file("ftpm.state")).unwrap();
    let modified = fs::metadata(place.file("ftpm.state")).unwrap().modified().unwrap();
    inspect(&place.state, &KeySource::Beside).unwrap();
    assert_eq!(fs::read(place.file("ftpm.state")).unwrap(), before);
    assert_eq!(fs::metadata(place.file("ftpm.state")).unwrap().modified().unwrap(), modified);
}

#[test]
fn looking_while_a_tpm_works_never_goes_back() {
    let place = Place::with_state(&0_u64.to_be_bytes());
    let mut platform = place.open().unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let worker = std::thread::spawn(move || {
        let mut count = 0_u64;
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            count += 1;
            put(&mut platform, &count.to_be_bytes()).unwrap();
        }
        count
    });
    let (mut last, mut generation) = (0, 0);
    // Long enough to meet the change of slots many times.
    while generation < 20 {
        let view = inspect(&place.state, &KeySource::Beside).unwrap();
        let seen = u64::from_be_bytes(view.records.get(RECORD).unwrap().try_into().unwrap());
        assert!(view.in_use && seen >= last && view.header.generation >= generation);
        (last, generation) = (seen, view.header.generation);
    }
    stop.send(()).unwrap();
    assert!(last > 0 && last <= worker.join().unwrap());
}

#[test]
fn a_folder_that_is_a_link_is_refused() {
    let place = Place::with_state(b"kept");
    let link = place.root.path().join("link");
    symlink(&place.state, &link).unwrap();
    for path in [link.clone(), link.join("")] {
        let refused = error(LinuxPlatform::open(&StateOptions::new(&path)));
        assert!(matches!(refused, OpenError::FolderIsLink(_)), "{refused}");
    }
    let file = place.root.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(error(LinuxPlatform::open(&StateOptions::new(&file))), OpenError::NotAFolder(_)));
}

#[test]
fn cve_2020_28407_no_link_inside_the_folder_is_followed() {
    for name in ["ftpm.state", "ftpm.key", "ftpm.lock"] {
        let place = Place::with_state(b"kept");
        let elsewhere = place.root.path().join("elsewhere");
        fs::rename(place.file(name), &elsewhere).unwrap();
        symlink(&elsewhere, place.file(name)).unwrap();
        let refused = error(place.open());
        assert!(matches!(refused, OpenError::NotAFile(_)), "{name}: {refused}");
    }
    // A link that waits where the state will be made: it goes, its target stays as it was.
    let place = Place::new();
    let target = place.root.path().join("target");
    fs::write(&target, b"precious").unwrap();
    fs::create_dir(&place.state).unwrap();
    chmod(&place.state, 0o700);
    symlink(&target, place.file("ftpm.state.new")).unwrap();
    put(&mut place.open().unwrap(), b"first").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    assert_eq!(value(&mut place.open().unwrap()), b"first");
}

#[test]
fn what_others_can_reach_is_refused() {
    let place = Place::with_state(b"kept");
    for (path, open_mode, closed_mode) in [
        (place.state.clone(), 0o770, 0o700),
        (place.state.clone(), 0o707, 0o700),
        (place.file("ftpm.state"), 0o644, 0o600),
        (place.file("ftpm.key"), 0o640, 0o600),
        (place.file("ftpm.lock"), 0o602, 0o600),
    ] {
        chmod(&path, open_mode);
        let refused = error(place.open());
        assert!(
            matches!(refused, OpenError::FolderWritableByOthers(_) | OpenError::FileOpenToOthers(_)),
            "{path:?}: {refused}"
        );
        let sentence = refused.to_string();
        assert!(sentence.contains("if this one is the TPM's own, close it with: chmod"), "{sentence}");
        chmod(&path, closed_mode);
        place.open().unwrap();
    }
    // Others may know that there is a TPM.
    chmod(&place.state, 0o755);
    assert_eq!(value(&mut place.open().unwrap()), b"kept");
}

#[test]
fn a_key_from_outside_seals_and_another_one_is_foreign() {
    let place = Place::new();
    let key = place.key_file("key", &[7; 32]);
    let hexadecimal = place.key_file("hexadecimal", format!("{}\n", "07".repeat(32)).as_bytes());
    let mut platform = place.open_with(key.clone()).unwrap();
    assert_eq!(platform.store_assurance(), StoreAssurance::Sealed);
    put(&mut platform, b"kept").unwrap();
    drop(platform);
    assert!(!place.file("ftpm.key").exists());
    assert_eq!(value(&mut place.open_with(hexadecimal).unwrap()), b"kept");

    let before = fs::read(place.file("ftpm.state")).unwrap();
    let wrong = error(place.open_with(place.key_file("wrong", &[8; 32])));
    assert!(matches!(wrong, OpenError::WrongKey(_)), "{wrong}");
    assert_eq!(wrong.store_error(), StoreError::Foreign);
    let missing = error(place.open());
    assert!(matches!(missing, OpenError::KeyMissing(_)), "{missing}");
    assert_eq!(missing.store_error(), StoreError::Foreign);
    assert_eq!(fs::read(place.file("ftpm.state")).unwrap(), before);
    assert_eq!(inspect(&place.state, &key).unwrap().assurance, StoreAssurance::Sealed);
}

#[test]
fn a_key_may_come_through_a_descriptor() {
    let place = Place::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[9; 32]).unwrap();
    drop(writer);
    let descriptor = KeySource::Descriptor(reader.as_raw_fd() as u32);
    put(&mut place.open_with(descriptor).unwrap(), b"kept").unwrap();
    assert_eq!(value(&mut place.open_with(place.key_file("same", &[9; 32])).unwrap()), b"kept");
}

#[test]
fn what_is_no_key_is_refused_before_anything_is_made() {
    let place = Place::new();
    let short = error(place.open_with(place.key_file("short", &[7; 31])));
    assert!(matches!(short, OpenError::Key(_)), "{short}");
    let readable = place.key_file("readable", &[7; 32]);
    chmod(&place.root.path().join("readable"), 0o644);
    assert!(matches!(error(place.open_with(readable)), OpenError::FileOpenToOthers(_)));
    symlink(place.root.path().join("short"), place.root.path().join("link")).unwrap();
    let link = KeySource::File(place.root.path().join("link"));
    assert!(matches!(error(place.open_with(link)), OpenError::NotAFile(_)));
    let absent = KeySource::File(place.root.path().join("absent"));
    assert!(matches!(error(place.open_with(absent)), OpenError::Io { .. }));
    assert!(!place.state.exists());
}

#[test]
fn a_named_key_inside_the_folder_seals_nothing() {
    let place = Place::with_state(b"kept");
    let platform = place.open_with(KeySource::File(place.file("ftpm.key"))).unwrap();
    assert_eq!(platform.store_assurance(), StoreAssurance::Durable);
    drop(platform);
    assert_eq!(place.open().unwrap().store_assurance(), StoreAssurance::Durable);
}

#[test]
fn a_lost_state_is_not_made_anew_in_silence() {
    let place = Place::with_state(b"kept");
    fs::remove_file(place.file("ftpm.state")).unwrap();
    let gone = error(place.open());
    assert!(matches!(gone, OpenError::StateGone(_)), "{gone}");
    assert_eq!(gone.store_error(), StoreError::Corrupt);
    fs::remove_file(place.file("ftpm.key")).unwrap();
    assert_eq!(place.open().unwrap().load(&mut |_, _| {}), Err(StoreError::Missing));
}

#[test]
fn a_lost_state_is_given_up_only_where_that_is_asked_for() {
    let place = Place::with_state(b"lost");
    let old_key = fs::read(place.file("ftpm.key")).unwrap();
    let options = StateOptions { give_up_lost_state: true, ..place.options() };
    // It gives up nothing that is there.
    let mut kept = LinuxPlatform::open(&options).unwrap();
    assert_eq!(kept.load(&mut |_, _| {}), Ok(()));
    drop(kept);
    fs::remove_file(place.file("ftpm.state")).unwrap();
    let mut platform = LinuxPlatform::open(&options).unwrap();
    assert_eq!(platform.load(&mut |_, _| {}), Err(StoreError::Missing));
    // Until something is kept, the old key still tells of the lost state.
    assert_eq!(fs::read(place.file("ftpm.key")).unwrap(), old_key);
    put(&mut platform, b"anew").unwrap();
    drop(platform);
    assert_ne!(fs::read(place.file("ftpm.key")).unwrap(), old_key);
    assert!(place.open().is_ok());
}

#[test]
fn a_prospect_is_what_the_platform_says_once_it_is_open() {
    let place = Place::new();
    for key in [KeySource::Beside, place.key_file("key", &[7; 32])] {
        let prospect = prospect(&place.state, &key).unwrap();
        assert!(!place.state.exists());
        assert_eq!(place.open_with(key).unwrap().store_assurance(), prospect);
        fs::remove_dir_all(&place.state).unwrap();
    }
    let place = Place::with_state(b"lost");
    fs::remove_file(place.file("ftpm.state")).unwrap();
    assert!(matches!(prospect(&place.state, &KeySource::Beside), Err(OpenError::StateGone(_))));
}

#[test]
fn a_state_whose_making_was_cut_short_is_made_again() {
    let place = Place::with_state(b"never answered");
    fs::rename(place.file("ftpm.state"), place.file("ftpm.state.new")).unwrap();
    let old_key = fs::read(place.file("ftpm.key")).unwrap();
    let mut platform = place.open().unwrap();
    assert_eq!(platform.load(&mut |_, _| {}), Err(StoreError::Missing));
    put(&mut platform, b"first").unwrap();
    drop(platform);
    assert_ne!(fs::read(place.file("ftpm.key")).unwrap(), old_key);
    assert!(!place.file("ftpm.state.new").exists());
    assert_eq!(value(&mut place.open().unwrap()), b"first");
}

#[test]
fn damage_is_corrupt_and_nothing_is_touched() {
    let place = Place::with_state(b"kept");
    let path = place.file("ftpm.state");
    let whole = fs::read(&path).unwrap();
    let mut zeroed = whole.clone();
    zeroed.fill(0);
    let mut snapshot = whole.clone();
    snapshot[4096 + 80] ^= 1;
    for (content, damage) in [
        (&whole[..0], Damage::Size),
        (&whole[..100], Damage::Size),
        (&whole[..whole.len() - 1], Damage::Size),
        (&zeroed, Damage::NoHeader),
        (&snapshot, Damage::Frame),
    ] {
        fs::write(&path, content).unwrap();
        for refused in [error(place.open()), error(inspect(&place.state, &KeySource::Beside))] {
            assert_eq!(refused.store_error(), StoreError::Corrupt);
            assert!(
                matches!(&refused, OpenError::Corrupt { damage: found, .. } if *found == damage),
                "{refused}"
            );
        }
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(value(&mut place.open().unwrap()), b"kept");
}

#[test]
fn a_torn_last_commit_is_as_if_it_had_never_been() {
    let place = Place::with_state(b"first");
    let mut platform = place.open().unwrap();
    let start = platform.usage().unwrap().used;
    put(&mut platform, b"second").unwrap();
    drop(platform);
    let file = OpenOptions::new().write(true).open(place.file("ftpm.state")).unwrap();
    file.write_all_at(&[0; 20], start + 90).unwrap();
    let view = inspect(&place.state, &KeySource::Beside).unwrap();
    assert!(view.usage.torn_tail);
    let mut platform = place.open().unwrap();
    assert_eq!(value(&mut platform), b"first");
    put(&mut platform, b"third").unwrap();
    drop(platform);
    assert_eq!(value(&mut place.open().unwrap()), b"third");
}

#[test]
fn optee_ftpm_5_another_firmware_keeps_the_state_and_an_older_one_is_refused() {
    let place = Place::with_state(b"kept");
    let open_as = |identity| LinuxPlatform::open(&StateOptions { identity, ..place.options() });
    let identity = |svn, firmware_version| Identity { profile_id: 2, firmware_version, svn };
    let created = place.open().unwrap().header().unwrap().created;
    // Versions come and go; the security version only rises.
    for next in [identity(0, 7), identity(3, 7), identity(3, 6), identity(3, 8)] {
        let mut platform = open_as(next).unwrap();
        assert_eq!(platform.header().unwrap().identity, next);
        assert_eq!(platform.header().unwrap().created, created);
        assert_eq!(value(&mut platform), b"kept");
        drop(platform);
        assert_eq!(inspect(&place.state, &KeySource::Beside).unwrap().header.identity, next);
    }
    let before = fs::read(place.file("ftpm.state")).unwrap();
    let refused = error(open_as(identity(2, 9)));
    assert!(matches!(refused, OpenError::NewerFirmware { theirs: 3, ours: 2, .. }), "{refused}");
    assert_eq!(refused.store_error(), StoreError::Foreign);
    assert_eq!(fs::read(place.file("ftpm.state")).unwrap(), before);
    assert_eq!(value(&mut open_as(identity(4, 0)).unwrap()), b"kept");
    assert!(open_as(identity(3, 8)).is_err());
}

#[test]
fn no_state_is_made_among_files_of_others_and_nothing_is_left_there() {
    for (name, is_folder) in
        [("passwd", false), (".hidden", false), ("ftpm.state.bak", false), ("folder", true)]
    {
        let place = Place::new();
        fs::create_dir(&place.state).unwrap();
        if is_folder {
            fs::create_dir(place.file(name)).unwrap();
        } else {
            fs::write(place.file(name), b"precious").unwrap();
        }
        for key in [KeySource::Beside, place.key_file("key", &[7; 32])] {
            let refusals = [error(place.open_with(key.clone())), error(prospect(&place.state, &key))];
            for refused in refusals {
                assert!(
                    matches!(&refused, OpenError::ForeignFiles { found, .. } if found == name),
                    "{name}: {refused}"
                );
                let sentence = refused.to_string();
                assert!(sentence.contains(name) && sentence.contains("--state"), "{sentence}");
            }
        }
        // To give up a state that was never there opens no door either.
        let options = StateOptions { give_up_lost_state: true, ..place.options() };
        assert!(matches!(error(LinuxPlatform::open(&options)), OpenError::ForeignFiles { .. }));
        let left: Vec<_> =
            fs::read_dir(&place.state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [name]);

        // Whoever asks for it may have them beside the state, which opens from then on for everyone.
        let options = StateOptions { foreign_files: ForeignFiles::Allow, ..place.options() };
        put(&mut LinuxPlatform::open(&options).unwrap(), b"kept").unwrap();
        assert_eq!(value(&mut place.open().unwrap()), b"kept");
        // And where it was lost, it is lost, not foreign.
        fs::remove_file(place.file("ftpm.state")).unwrap();
        assert!(matches!(error(place.open()), OpenError::StateGone(_)));
        assert!(matches!(error(prospect(&place.state, &KeySource::Beside)), OpenError::StateGone(_)));
        let options = StateOptions { give_up_lost_state: true, ..place.options() };
        put(&mut LinuxPlatform::open(&options).unwrap(), b"anew").unwrap();
    }
}

#[test]
fn what_belongs_to_a_tpm_or_to_the_file_system_is_not_foreign() {
    let place = Place::new();
    fs::create_dir(&place.state).unwrap();
    fs::create_dir(place.file("lost+found")).unwrap();
    let _listening = UnixListener::bind(place.file("tpm.sock")).unwrap();
    drop(place.open().unwrap());
    assert!(place.file("ftpm.lock").exists());
    put(&mut place.open().unwrap(), b"kept").unwrap();
    // A state that was being made when the power went.
    fs::rename(place.file("ftpm.state"), place.file("ftpm.state.new")).unwrap();
    put(&mut place.open().unwrap(), b"anew").unwrap();
    assert_eq!(value(&mut place.open().unwrap()), b"anew");
}

#[test]
fn impossible_slots_are_refused() {
    let place = Place::new();
    for slot_size in [0, 4096, 16 * 1024 + 1, 1 << 40] {
        let options = StateOptions { slot_size, ..place.options() };
        assert!(matches!(error(LinuxPlatform::open(&options)), OpenError::SlotSize(_)));
    }
    assert!(!place.state.exists());
}

#[test]
fn entropy_fills_all_and_time_goes_forward() {
    let mut platform = Place::new().open().unwrap();
    for size in [0, 1, 32, 4096] {
        let mut bytes = vec![0; size];
        platform.fill_entropy(&mut bytes).unwrap();
        assert!(size < 32 || bytes.chunks(16).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    }
    let first = platform.milliseconds().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(3));
    assert!(platform.milliseconds().unwrap() >= first + 2);
}

/// Set in the process that [`kill_9_loses_no_answered_commit`] kills.
const VICTIM: &str = "FTPM_TEST_VICTIM_FOLDER";

#[test]
fn kill_9_loses_no_answered_commit() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        increment_until_killed(Path::new(&folder));
    }
    let place = Place::with_state(&0_u64.to_be_bytes());
    for round in 0..20_u64 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill_9_loses_no_answered_commit", "--nocapture"])
            .env(VICTIM, &place.state)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answered = 0;
        // The harness prints lines of its own first.
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let numbers = lines.filter_map(|line| line.unwrap().strip_prefix("count ")?.parse::<u64>().ok());
        for number in numbers.take(5 + round as usize % 7) {
            answered = number;
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
        let mut platform = place.open().unwrap();
        let count = u64::from_be_bytes(value(&mut platform).try_into().unwrap());
        assert!(answered > 0 && count >= answered, "round {round}: {answered} was answered, {count} is kept");
    }
}

fn increment_until_killed(folder: &Path) -> ! {
    let options = StateOptions { slot_size: SLOT_SIZE, ..StateOptions::new(folder) };
    let mut platform = LinuxPlatform::open(&options).unwrap();
    let mut count = u64::from_be_bytes(value(&mut platform).try_into().unwrap());
    loop {
        count += 1;
        put(&mut platform, &count.to_be_bytes()).unwrap();
        println!("\ncount {count}");
    }
}
