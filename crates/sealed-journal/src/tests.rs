//! The journal on a disk that can be cut at any moment.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tee_api::RecordKey;

use super::*;

/// Different for every draw of every journal; nothing here has to be secret.
fn source() -> Source {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    Box::new(|out| {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        out.iter_mut().zip(drawn.iter().cycle()).for_each(|(byte, value)| *byte = *value);
        Ok(())
    })
}

const SLOT: u64 = MIN_SLOT_SIZE;
const A: RecordKey = RecordKey { kind: 1, id: 1 };
const B: RecordKey = RecordKey { kind: 1, id: 2 };

/// A disk with a cache: what was not synced may or may not be there after a cut, sector by sector.
#[derive(Clone)]
struct Disk(Rc<RefCell<DiskState>>);

#[derive(Clone)]
struct DiskState {
    cache: Vec<u8>,
    durable: Vec<u8>,
    /// Operations (writes and syncs) until one fails; it and all later ones do.
    operations_left: Option<u32>,
    /// A write that fails leaves this many bytes in the cache.
    partial_write: usize,
    writes: u32,
    syncs: u32,
}

impl Disk {
    fn new() -> Self {
        Self::with(vec![0; 2 * SLOT as usize])
    }

    fn with(content: Vec<u8>) -> Self {
        let durable = content.clone();
        let state = DiskState {
            cache: content,
            durable,
            operations_left: None,
            partial_write: 0,
            writes: 0,
            syncs: 0,
        };
        Self(Rc::new(RefCell::new(state)))
    }

    fn handle(&self) -> Self {
        Self(Rc::clone(&self.0))
    }

    fn content(&self) -> Vec<u8> {
        self.0.borrow().cache.clone()
    }

    fn fail_after(&self, operations: Option<u32>) {
        self.0.borrow_mut().operations_left = operations;
    }

    fn leave_of_a_failed_write(&self, bytes: usize) {
        self.0.borrow_mut().partial_write = bytes;
    }

    /// Writes and syncs so far.
    fn operations(&self) -> (u32, u32) {
        let state = self.0.borrow();
        (state.writes, state.syncs)
    }

    /// What a power cut leaves; `keep` decides for each sector that was not synced.
    fn cut(&self, mut keep: impl FnMut() -> bool) -> Self {
        let state = self.0.borrow();
        let mut left = state.durable.clone();
        for (old, new) in left.chunks_mut(SECTOR_SIZE).zip(state.cache.chunks(SECTOR_SIZE)) {
            if old != new && keep() {
                old.copy_from_slice(new);
            }
        }
        Self::with(left)
    }
}

impl DiskState {
    fn spend(&mut self) -> bool {
        match &mut self.operations_left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

impl Medium for Disk {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.borrow().cache.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.borrow();
        out.copy_from_slice(&state.cache[offset as usize..offset as usize + out.len()]);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let works = state.spend();
        let count = if works { bytes.len() } else { state.partial_write.min(bytes.len()) };
        let at = offset as usize;
        assert!(at + bytes.len() <= state.cache.len(), "a write made the medium larger");
        state.cache[at..at + count].copy_from_slice(&bytes[..count]);
        state.writes += 1;
        if works { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.syncs += 1;
        if state.spend() {
            state.durable = state.cache.clone();
            Ok(())
        } else {
            Err(io::ErrorKind::Other.into())
        }
    }
}

fn key() -> RootKey {
    RootKey::from_slice(&[0x5A; ROOT_KEY_SIZE]).unwrap()
}

fn create(disk: &Disk, changes: &[Change<'_>]) -> Journal<Disk> {
    let identity = Identity { profile_id: 3, firmware_version: 0x0001_0002_0003_0004, svn: 5 };
    let birth = Birth { identity, created: 1_700_000_000, slot_size: SLOT };
    Journal::create(disk.handle(), source(), key(), &birth, changes).unwrap()
}

fn open(disk: &Disk) -> Result<Journal<Disk>, JournalError> {
    Journal::open(disk.handle(), source(), key(), Access::Write)
}

fn damage_of(disk: &Disk) -> Option<Damage> {
    match open(disk) {
        Err(JournalError::Damaged(damage)) => Some(damage),
        Ok(_) => None,
        Err(other) => panic!("{other}"),
    }
}

fn put(key: RecordKey, value: &[u8]) -> Change<'_> {
    Change::Put { key, value }
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"first")]);
    journal.commit(&[put(B, b"0123456789")]).unwrap();
    journal.commit(&[Change::Patch { key: B, offset: 4, data: b"XY" }, Change::Delete { key: A }]).unwrap();
    let reopened = open(&disk).unwrap();
    assert_eq!(reopened.records, journal.records);
    assert_eq!(reopened.records.get(B), Some(&b"0123XY6789"[..]));
    assert_eq!(reopened.records.get(A), None);
    assert_eq!(reopened.state(), journal.state());
    assert_eq!(reopened.usage(), Usage { slot: 0, used: FRAMES_AT + 3 * 512, commits: 2, torn_tail: false });
    assert_eq!(reopened.state().identity.svn, 5);
    assert_eq!(reopened.state().created, 1_700_000_000);
}

#[test]
fn a_commit_is_one_write_and_one_sync() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"")]);
    let (writes, syncs) = disk.operations();
    for _ in 0..5 {
        journal.commit(&[put(A, &[1; 900]), put(B, b"b")]).unwrap();
    }
    assert_eq!(disk.operations(), (writes + 5, syncs + 5));
    journal.commit(&[]).unwrap();
    assert_eq!(disk.operations(), (writes + 5, syncs + 5));
}

#[test]
fn nothing_is_in_the_clear() {
    let disk = Disk::new();
    let secret = b"a secret that nobody may read";
    let mut journal = create(&disk, &[put(A, secret)]);
    journal.commit(&[put(B, secret)]).unwrap();
    let content = disk.content();
    assert!(!content.windows(8).any(|window| secret.starts_with(window) || window == &secret[8..16]));
}

#[test]
fn a_full_slot_moves_to_the_other_one_and_back() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, &[0; 100])]);
    let mut slots_seen = vec![0];
    for round in 0..100_u32 {
        let value = [round as u8; 1000];
        journal.commit(&[put(A, &value[..100]), put(B, &value)]).unwrap();
        if slots_seen.last() != Some(&journal.usage().slot) {
            slots_seen.push(journal.usage().slot);
        }
        let reopened = Journal::open(disk.cut(|| false), source(), key(), Access::Read).unwrap();
        assert_eq!(reopened.records, journal.records, "round {round}");
        assert_eq!(reopened.state().generation, journal.state().generation);
    }
    assert!(slots_seen.len() >= 5, "{slots_seen:?}");
    assert_eq!(journal.state().generation + 1, slots_seen.len() as u64);
}

#[test]
fn generations_wrap() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    journal.header.state.generation = u64::MAX - 1;
    let identity = |svn| Identity { svn, ..Identity::default() };
    journal.set_identity(identity(6)).unwrap();
    assert_eq!(journal.state().generation, u64::MAX);
    journal.commit(&[put(A, b"2")]).unwrap();

    // The next header is written, the old one is still there.
    disk.fail_after(Some(4));
    journal.set_identity(identity(7)).unwrap();
    assert!(journal.old_header_left);
    disk.fail_after(None);
    let reopened = open(&disk).unwrap();
    assert_eq!((reopened.state().generation, reopened.state().identity.svn), (0, 7));
    assert_eq!(reopened.records.get(A), Some(&b"2"[..]));
    assert!(!reopened.old_header_left);
}

#[test]
fn an_identity_changes_no_record() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    let newer = Identity { profile_id: 9, firmware_version: 99, svn: 6 };
    journal.set_identity(newer).unwrap();
    let reopened = open(&disk).unwrap();
    assert_eq!(reopened.state().identity, newer);
    assert_eq!(reopened.state().journal_id, journal.state().journal_id);
    assert_eq!(reopened.records.get(A), Some(&b"1"[..]));
}

#[test]
fn a_firmware_below_the_floor_is_refused_and_writes_nothing() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    let open_as =
        |disk: &Disk, identity| Journal::open(disk.handle(), source(), key(), Access::WriteAs(identity));
    let identity = |svn, firmware_version| Identity { profile_id: 3, firmware_version, svn };
    // The old header still stands beside the new one: opening it would write.
    disk.fail_after(Some(4));
    journal.set_identity(identity(6, 1)).unwrap();
    assert!(journal.old_header_left);
    disk.fail_after(None);
    let before = (disk.content(), disk.operations());
    match open_as(&disk, identity(5, u64::MAX)) {
        Err(JournalError::NewerFirmware(found)) => assert_eq!(found, identity(6, 1)),
        other => panic!("{:?}", other.map(|journal| journal.header.state)),
    }
    assert_eq!((disk.content(), disk.operations()), before);

    // The floor rises with the firmware, and versions alone go both ways.
    for next in [identity(6, 0), identity(6, 2), identity(9, 0)] {
        let journal = open_as(&disk, next).unwrap();
        assert_eq!((journal.state().identity, journal.records.get(A)), (next, Some(&b"1"[..])));
    }
    assert!(matches!(open_as(&disk, identity(8, 0)), Err(JournalError::NewerFirmware(_))));
    let (writes, _) = disk.operations();
    let generation = open_as(&disk, identity(9, 0)).unwrap().state().generation;
    assert_eq!((generation, disk.operations().0), (4, writes), "the same firmware writes no header");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    let before = disk.content();
    assert_eq!(journal.commit(&[put(B, &vec![7; SLOT as usize])]), Err(StoreError::Full));
    assert_eq!(journal.commit(&[Change::Patch { key: B, offset: 0, data: b"x" }]), Err(StoreError::Corrupt));
    assert_eq!(disk.content(), before);
    let room = (SLOT - FRAMES_AT) as usize - frame_size(0) - 100;
    assert_eq!(journal.commit(&[put(B, &vec![7; room])]), Ok(()));
    assert_eq!(open(&disk).unwrap().records.get(B).map(<[u8]>::len), Some(room));
}

#[test]
fn a_last_frame_damaged_in_any_byte_was_never_committed() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    journal.commit(&[put(A, b"2")]).unwrap();
    let before = journal.records.clone();
    let start = journal.position as usize;
    journal.commit(&[put(A, b"3"), put(B, &[9; 500])]).unwrap();
    let content = disk.content();
    let sealed = start..start + transaction::encoded_size([put(A, b"3"), put(B, &[9; 500])].into_iter()) + 76;
    for at in start..journal.position as usize {
        let mut damaged = content.clone();
        damaged[at] ^= 0x40;
        let reopened = open(&Disk::with(damaged)).unwrap();
        let expected = if sealed.contains(&at) { &before } else { &journal.records };
        assert_eq!(&reopened.records, expected, "byte {at}");

        // Cut off here: the bytes behind are the zeros that were there before.
        let mut torn = content.clone();
        torn[at..journal.position as usize].fill(0);
        let disk = Disk::with(torn);
        let mut reopened = open(&disk).unwrap();
        let expected = if at < sealed.end { &before } else { &journal.records };
        assert_eq!(&reopened.records, expected, "cut at {at}");
        if at % 64 == 0 {
            reopened.commit(&[put(B, b"goes on")]).unwrap();
            assert_eq!(open(&disk).unwrap().records, reopened.records);
        }
    }
}

#[test]
fn damage_before_the_last_frame_is_found() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    journal.commit(&[put(A, b"2")]).unwrap();
    journal.commit(&[put(B, &[9; 500])]).unwrap();
    let end_of_second = journal.position as usize;
    journal.commit(&[put(A, b"3")]).unwrap();
    let content = disk.content();
    for at in FRAMES_AT as usize..end_of_second {
        let mut damaged = content.clone();
        damaged[at] ^= 1;
        let disk = Disk::with(damaged);
        match open(&disk) {
            Err(JournalError::Damaged(Damage::Frame)) => {}
            // Padding holds nothing.
            Ok(opened) => {
                assert_eq!(content[at], 0, "byte {at}");
                assert_eq!(opened.records, journal.records, "byte {at}");
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
}

#[test]
fn a_damaged_snapshot_is_found_even_where_nothing_follows_it() {
    let disk = Disk::new();
    drop(create(&disk, &[put(A, b"1")]));
    let mut damaged = disk.content();
    damaged[FRAMES_AT as usize + 80] ^= 1;
    assert_eq!(damage_of(&Disk::with(damaged)), Some(Damage::Frame));
}

#[test]
fn a_damaged_header_never_brings_an_old_snapshot_back() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    journal.set_identity(Identity { svn: 6, ..Identity::default() }).unwrap();
    journal.commit(&[put(A, b"2")]).unwrap();
    assert_eq!(journal.usage().slot, 1);
    let content = disk.content();
    for at in (0..HEADER_SIZE).chain([2000]) {
        let mut damaged = content.clone();
        damaged[SLOT as usize + at] ^= 1;
        let expected = (at < HEADER_SIZE).then_some(Damage::NoHeader);
        assert_eq!(damage_of(&Disk::with(damaged)), expected, "byte {at}");
    }
}

#[test]
fn an_altered_header_with_a_right_digest_is_found() {
    let disk = Disk::new();
    drop(create(&disk, &[put(A, b"1")]));
    let reseal = |at: usize, value: u8| {
        let mut content = disk.content();
        content[at] = value;
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&content[..HEADER_SIZE - 32]);
        content[HEADER_SIZE - 32..HEADER_SIZE].copy_from_slice(&digest);
        open(&Disk::with(content))
    };
    // The last byte of the security version number.
    assert!(matches!(reseal(47, 0), Err(JournalError::Damaged(Damage::AlteredHeader))));
    // The format.
    assert!(matches!(reseal(11, 2), Err(JournalError::Newer(2))));
    assert!(reseal(47, 5).is_ok());
}

#[test]
fn another_key_is_told_from_damage() {
    let disk = Disk::new();
    drop(create(&disk, &[put(A, b"1")]));
    let other = RootKey::from_slice(&[0x5B; ROOT_KEY_SIZE]).unwrap();
    assert!(matches!(
        Journal::open(disk.handle(), source(), other, Access::Write),
        Err(JournalError::WrongKey)
    ));
}

#[test]
fn a_file_of_another_size_is_damaged() {
    let disk = Disk::new();
    drop(create(&disk, &[put(A, b"1")]));
    let content = disk.content();
    for size in [0, 1, 512, 4096, SLOT as usize, 2 * SLOT as usize - 1, 2 * SLOT as usize - 8192] {
        assert!(damage_of(&Disk::with(content[..size].to_vec())).is_some(), "{size} bytes");
    }
    let mut longer = content;
    longer.extend([0; 8192]);
    assert!(damage_of(&Disk::with(longer)).is_some());
    assert_eq!(damage_of(&Disk::new()), Some(Damage::NoHeader));
}

#[test]
fn headers_that_cannot_stand_together_are_refused() {
    let (one, other) = (Disk::new(), Disk::new());
    drop(create(&one, &[put(A, b"1")]));
    create(&other, &[put(A, b"2")]).set_identity(Identity::default()).unwrap();
    let mut mixed = one.content();
    mixed[SLOT as usize..].copy_from_slice(&other.content()[SLOT as usize..]);
    assert_eq!(damage_of(&Disk::with(mixed)), Some(Damage::Contradiction));

    // A slot copied over the other one does not pass for it.
    let mut copied = one.content();
    copied.copy_within(..SLOT as usize, SLOT as usize);
    copied[..HEADER_SIZE].fill(0);
    assert_eq!(damage_of(&Disk::with(copied)), Some(Damage::NoHeader));
}

#[test]
fn frames_out_of_order_are_refused() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    for value in [b"2", b"3", b"4"] {
        journal.commit(&[put(A, value)]).unwrap();
    }
    let first = FRAMES_AT as usize + SECTOR_SIZE;
    let swap = |a: usize, b: usize| {
        let mut content = disk.content();
        for at in 0..SECTOR_SIZE {
            content.swap(first + a * SECTOR_SIZE + at, first + b * SECTOR_SIZE + at);
        }
        damage_of(&Disk::with(content))
    };
    assert_eq!(swap(0, 1), Some(Damage::Frame));
    assert_eq!(swap(1, 2), Some(Damage::Frame));
    assert_eq!(swap(1, 1), None);
}

#[test]
fn a_failed_write_is_proven_not_kept_and_the_next_commit_works() {
    for partial in [0, 100, 512, 600] {
        let disk = Disk::new();
        let mut journal = create(&disk, &[put(A, b"1")]);
        disk.leave_of_a_failed_write(partial);
        disk.fail_after(Some(0));
        assert_eq!(journal.commit(&[put(B, &[1; 700])]), Err(StoreError::Unavailable));
        disk.fail_after(None);
        assert_eq!(open(&disk).unwrap().records.get(B), None);
        assert_eq!(journal.commit(&[put(B, b"2")]), Ok(()));
        assert_eq!(open(&disk).unwrap().records, journal.records);
    }
}

/// What is sealed of the frame is there, and behind it lies what an earlier use of the slot left.
#[test]
fn padding_that_was_not_kept_proves_nothing() {
    let disk = Disk::new();
    drop(create(&disk, &[put(A, b"1")]));
    let mut content = disk.content();
    content[FRAMES_AT as usize + SECTOR_SIZE..SLOT as usize].fill(0xEE);
    let disk = Disk::with(content);
    let mut journal = open(&disk).unwrap();
    disk.leave_of_a_failed_write(400);
    disk.fail_after(Some(0));
    assert_eq!(journal.commit(&[put(A, b"2")]), Err(StoreError::OutcomeUnknown));
    disk.fail_after(None);
    assert_eq!(open(&disk).unwrap().records.get(A), Some(&b"2"[..]));
}

#[test]
fn after_a_failed_sync_nothing_more_is_served() {
    let disk = Disk::new();
    let mut journal = create(&disk, &[put(A, b"1")]);
    disk.fail_after(Some(1));
    assert_eq!(journal.commit(&[put(A, b"2")]), Err(StoreError::OutcomeUnknown));
    disk.fail_after(None);
    assert_eq!(journal.commit(&[put(A, b"3")]), Err(StoreError::OutcomeUnknown));
    assert_eq!(journal.records().err(), Some(StoreError::OutcomeUnknown));
    assert_eq!(open(&disk.cut(|| false)).unwrap().records.get(A), Some(&b"1"[..]));
    // A new start makes what it finds durable before it serves it.
    let reopened = open(&disk).unwrap();
    let after_a_cut = open(&disk.cut(|| false)).unwrap();
    assert_eq!(after_a_cut.records, reopened.records);
}

#[test]
fn an_error_at_any_step_of_changing_slots_loses_nothing() {
    for failing in 0..6 {
        let disk = Disk::new();
        let mut journal = create(&disk, &[put(A, b"1")]);
        let before = journal.records.clone();
        let mut after = before.clone();
        // Too large for a frame behind the snapshot of the first slot: slots have to change.
        let filler = vec![3; 7000];
        journal.commit(&[put(B, &filler)]).unwrap();
        journal.commit(&[put(B, b"")]).unwrap();
        let change = [put(B, &filler[..6000]), put(A, b"2")];
        after.apply(&change).unwrap();
        disk.fail_after(Some(failing));
        let answer = journal.commit(&change);
        disk.fail_after(None);
        let expected = match failing {
            0..=2 => Err(StoreError::Unavailable),
            3 => Err(StoreError::OutcomeUnknown),
            _ => Ok(()),
        };
        assert_eq!(answer, expected, "operation {failing}");
        let reopened = open(&disk).unwrap();
        match answer {
            Ok(()) => assert_eq!(reopened.records, after),
            Err(StoreError::OutcomeUnknown) => {}
            Err(_) => assert_eq!(reopened.records.get(A), Some(&b"1"[..])),
        }
        if answer != Err(StoreError::OutcomeUnknown) {
            drop(reopened);
            journal.commit(&[put(A, b"goes on")]).unwrap();
            assert_eq!(open(&disk).unwrap().records, journal.records);
            assert!(!journal.old_header_left);
        }
    }
}

#[test]
fn what_a_killed_process_left_in_the_cache_is_durable_before_it_is_served() {
    // A frame; the header of a new slot, whose old one still stands.
    for (operations, change_slot) in [(1, false), (3, true)] {
        let disk = Disk::new();
        let mut journal = create(&disk, &[put(A, b"1")]);
        disk.fail_after(Some(operations));
        let answer = if change_slot {
            journal.set_identity(Identity { svn: 9, ..Identity::default() })
        } else {
            journal.commit(&[put(A, b"2")])
        };
        assert_eq!(answer, Err(StoreError::OutcomeUnknown));
        disk.fail_after(None);
        let served = open(&disk).unwrap();
        let after_a_cut = open(&disk.cut(|| false)).unwrap();
        assert_eq!((&after_a_cut.records, after_a_cut.state()), (&served.records, served.state()));
    }
}

#[test]
fn opening_never_rewrites_a_header_that_stands_alone() {
    let disk = Disk::new();
    create(&disk, &[put(A, b"1")]).commit(&[put(A, b"2")]).unwrap();
    let (writes, syncs) = disk.operations();
    open(&disk).unwrap();
    assert_eq!(disk.operations(), (writes + 1, syncs + 1));
}

/// One change of a history.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, Vec<u8>),
    Patch(u8, u8),
    Delete(u8),
    DeleteAll,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let value = prop::collection::vec(any::<u8>(), 0..1500);
    let step = prop_oneof![
        6 => (0..6_u8, value).prop_map(|(id, value)| Step::Put(id, value)),
        3 => (0..6_u8, any::<u8>()).prop_map(|(id, byte)| Step::Patch(id, byte)),
        2 => (0..6_u8).prop_map(Step::Delete),
        1 => Just(Step::DeleteAll),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..3), 1..40)
}

/// The transaction that the steps make on `records`, which it is applied to.
fn changes<'a>(steps: &'a [Step], records: &mut Records) -> Vec<Change<'a>> {
    let record = |id: u8| RecordKey { kind: 7, id: id.into() };
    let mut changes = Vec::new();
    for step in steps {
        let change = match step {
            Step::Put(id, value) => put(record(*id), value),
            Step::Patch(id, value) => {
                Change::Patch { key: record(*id), offset: 0, data: std::slice::from_ref(value) }
            }
            Step::Delete(id) => Change::Delete { key: record(*id) },
            Step::DeleteAll => Change::DeleteKind { kind: 7 },
        };
        if records.apply(&[change]).is_ok() {
            changes.push(change);
        }
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The power goes at some operation of some history. What was answered is there, what was asked for and not
    /// answered is there whole or not at all, and the journal goes on.
    #[test]
    fn a_cut_loses_nothing_that_was_answered(
        history in steps(),
        operations in 0..120_u32,
        partial in prop_oneof![Just(0_usize), 0..2000_usize],
        keep in prop::collection::vec(any::<bool>(), 64),
    ) {
        let disk = Disk::new();
        let mut journal = create(&disk, &[put(A, b"1")]);
        disk.leave_of_a_failed_write(partial);
        disk.fail_after(Some(operations));
        let mut answered = journal.records.clone();
        let mut asked = answered.clone();
        for steps in &history {
            let transaction = changes(steps, &mut asked);
            if journal.commit(&transaction).is_err() {
                break;
            }
            answered = asked.clone();
        }
        let mut keep = keep.into_iter().cycle();
        let left = disk.cut(|| keep.next().unwrap_or(false));
        let mut reopened = open(&left).unwrap();
        prop_assert!(reopened.records == answered || reopened.records == asked);
        reopened.commit(&[put(B, b"goes on")]).unwrap();
        let again = open(&left.cut(|| false)).unwrap();
        prop_assert_eq!(&again.records, &reopened.records);
    }

    /// A state file is untrusted input.
    #[test]
    fn no_damage_makes_it_panic_or_forget_in_silence(
        flips in prop::collection::vec((0..2 * SLOT as usize, 1..=255_u8), 1..8),
    ) {
        let disk = Disk::new();
        let mut journal = create(&disk, &[put(A, b"1")]);
        let mut frames = Vec::new();
        for value in 0..12_u8 {
            let start = journal.position as usize;
            journal.commit(&[put(B, &[value; 700])]).unwrap();
            frames.push(start..journal.position as usize);
        }
        let mut content = disk.content();
        for (at, mask) in &flips {
            content[*at] ^= mask;
        }
        if let Ok(opened) = open(&Disk::with(content)) {
            // Damage at the very end looks like a cut; nothing else is forgotten.
            let last = usize::from(opened.records.get(B).unwrap()[0]);
            let hit = |frame: &std::ops::Range<usize>| flips.iter().any(|(at, _)| frame.contains(at));
            prop_assert!(frames[last + 1..].iter().all(hit));
            prop_assert_eq!(opened.records.get(B).unwrap(), &[last as u8; 700][..]);
        }
    }
}
