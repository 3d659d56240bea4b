//! What each fault does to a store on the simulated medium.
#![allow(clippy::unwrap_used)]

use platform_hostile::{Call, Cut, HostilePlatform, Plan, What};
use tee_api::{
    AtomicStore, Change, Checkpoint, Clock, ClockError, CounterError, Entropy, EntropyError, Flow, Lifecycle,
    MonotonicCounter, Provisioning, RecordKey, StoreError,
};

const A: RecordKey = RecordKey { kind: 1, id: 1 };

fn put(value: &[u8]) -> [Change<'_>; 1] {
    [Change::Put { key: A, value }]
}

fn held(device: &HostilePlatform) -> Result<Option<Vec<u8>>, StoreError> {
    let mut found = None;
    device.handle().load(&mut |key, value| {
        assert_eq!(key, A);
        found = Some(value.to_vec());
    })?;
    Ok(found)
}

/// A device that holds "1", to which this happens in the next commit, and what that commit, of "2", answers.
fn second_commit(what: What) -> (HostilePlatform, Result<(), StoreError>) {
    let device = HostilePlatform::new(1, Plan::CALM);
    let mut store = device.handle();
    store.commit(&put(b"1")).unwrap();
    device.set_plan(Plan::one(0, what));
    let answer = store.commit(&put(b"2"));
    (device, answer)
}

#[test]
fn a_calm_device_keeps_and_reboots() {
    let device = HostilePlatform::new(1, Plan::CALM);
    assert_eq!(held(&device), Err(StoreError::Missing));
    device.handle().commit(&put(b"1")).unwrap();
    assert_eq!(held(&device.reboot()), Ok(Some(b"1".to_vec())));
    assert_eq!(device.kinds_written().get(&1), Some(&1));
}

#[test]
fn each_fault_of_the_medium_leaves_what_it_says() {
    use StoreError::{OutcomeUnknown, Unavailable};
    let cases: [(What, Result<(), StoreError>, &[u8]); 12] = [
        (What::Cut, Err(OutcomeUnknown), b"1"),
        (What::Torn(1), Err(OutcomeUnknown), b"1"),
        (What::Torn(511), Err(OutcomeUnknown), b"2"),
        (What::Reordered(0), Err(OutcomeUnknown), b"1"),
        (What::Reordered(1), Err(OutcomeUnknown), b"2"),
        (What::LateWrite(1), Err(Unavailable), b"1"),
        (What::ErrorButKept, Err(OutcomeUnknown), b"1"),
        (What::ErrorButHalfKept(50), Err(Unavailable), b"1"),
        (What::LateSync(1), Err(OutcomeUnknown), b"1"),
        (What::SyncErrorButKept, Err(OutcomeUnknown), b"2"),
        (What::SyncErrorAndDropped, Err(OutcomeUnknown), b"1"),
        (What::Dropped, Ok(()), b"1"),
    ];
    for (what, answer, left) in cases {
        let (device, answered) = second_commit(what);
        assert_eq!(answered, answer, "{what}");
        assert_eq!(
            device.is_powered(),
            !matches!(what, What::Cut | What::Torn(_) | What::Reordered(_)),
            "{what}"
        );
        assert_eq!(held(&device.reboot()), Ok(Some(left.to_vec())), "{what}");
        let unsynced = matches!(what, What::ErrorButKept | What::LateSync(_));
        let late: &[u8] = if unsynced { b"2" } else { left };
        assert_eq!(held(&device.reboot_late()), Ok(Some(late.to_vec())), "{what}");
    }
}

#[test]
fn an_old_image_comes_back_at_the_next_start() {
    let (device, answer) = second_commit(What::Replayed);
    assert_eq!(answer, Ok(()));
    device.handle().commit(&put(b"3")).unwrap();
    assert_eq!(held(&device), Ok(Some(b"3".to_vec())));
    assert_eq!(held(&device.reboot()), Ok(Some(b"2".to_vec())));
}

#[test]
fn a_stale_read_finds_old_content_and_the_next_does_not() {
    let (device, _) = second_commit(What::Cancel);
    let restarted = device.reboot();
    // Label, two headers, then the slot.
    restarted.set_plan(Plan::one(3, What::StaleRead(1)));
    assert_eq!(held(&restarted), Ok(Some(b"1".to_vec())));
    assert_eq!(held(&device.reboot()), Ok(Some(b"2".to_vec())));
}

#[test]
fn without_power_nothing_answers_until_the_next_start() {
    let (device, _) = second_commit(What::Cut);
    let mut platform = device.handle();
    assert_eq!(platform.load(&mut |_, _| {}), Err(StoreError::Unavailable));
    assert_eq!(platform.ready(), Err(StoreError::Unavailable));
    assert_eq!(platform.counter_value(), Err(CounterError::Unavailable));
    assert_eq!(platform.advance_counter(1), Err(CounterError::Unavailable));
    assert_eq!(platform.fill_entropy(&mut [0; 4]), Err(EntropyError::Unavailable));
    assert_eq!(platform.milliseconds(), Err(ClockError::Unavailable));
    assert_eq!(platform.checkpoint(), Flow::Cancel);
    assert!(platform.provisioning().is_err() && platform.mark_provisioned().is_err());
    assert_eq!(device.reboot().counter_value(), Ok(0));
}

#[test]
fn the_counter_is_withheld_or_its_answer_lost() {
    let device = HostilePlatform::new(1, Plan::CALM);
    let mut counter = device.handle();
    device.set_plan(Plan::one(0, What::CounterWithheld(CounterError::RateLimited, 2)));
    assert_eq!(counter.advance_counter(1), Err(CounterError::RateLimited));
    assert_eq!(counter.advance_counter(1), Err(CounterError::RateLimited));
    assert_eq!((device.counter(), counter.advance_counter(1)), (Some(0), Ok(())));
    device.set_plan(Plan::one(0, What::CounterAnswerLost));
    assert_eq!(counter.advance_counter(2), Err(CounterError::OutcomeUnknown));
    assert_eq!((device.counter(), counter.advance_counter(2)), (Some(2), Ok(())));
    assert_eq!(counter.advance_counter(4), Err(CounterError::Mismatch));
    assert_eq!(HostilePlatform::forgetful(1, Plan::CALM).advance_counter(1), Err(CounterError::Exhausted));
}

#[test]
fn entropy_dries_up_and_sticks_and_the_clock_jumps() {
    let device = HostilePlatform::new(1, Plan::one(0, What::EntropyAnswers(EntropyError::Unavailable, 1)));
    let mut platform = device.handle();
    let mut bytes = [7; 4];
    assert_eq!(platform.fill_entropy(&mut bytes), Err(EntropyError::Unavailable));
    assert_eq!(bytes, [0; 4]);
    device.set_plan(Plan::one(1, What::EntropySticks(9)));
    platform.fill_entropy(&mut bytes).unwrap();
    assert_ne!(bytes, [9; 4]);
    platform.fill_entropy(&mut bytes).unwrap();
    platform.fill_entropy(&mut bytes).unwrap();
    assert_eq!(bytes, [9; 4]);

    device.advance(1000);
    device.set_plan(Plan::one(1, What::ClockJumps(-400)));
    assert_eq!([(); 3].map(|()| platform.milliseconds()), [Ok(1000), Ok(600), Ok(600)]);
    device.set_plan(Plan::one(0, What::ClockReset));
    assert_eq!([(); 2].map(|()| platform.milliseconds()), [Err(ClockError::Reset), Ok(0)]);
}

#[test]
fn the_marker_stays() {
    let device = HostilePlatform::new(1, Plan::one(1, What::MarkerAway(1)));
    let mut platform = device.handle();
    assert_eq!(platform.provisioning(), Ok(Provisioning::Fresh));
    assert!(platform.mark_provisioned().is_err());
    platform.mark_provisioned().unwrap();
    assert_eq!(device.reboot().provisioning(), Ok(Provisioning::Provisioned));
}

#[test]
fn a_recording_gives_what_running_again_would() {
    let device = HostilePlatform::new(1, Plan::CALM);
    let mut store = device.handle();
    store.commit(&put(b"1")).unwrap();
    let before = device.counts().of(Call::Write);
    device.record();
    for round in 0..40_u8 {
        store.commit(&put(&[round; 1200])).unwrap();
        store.advance_counter(u64::from(round) + 1).unwrap();
    }
    let recording = device.take_recording().unwrap();
    assert_eq!(recording.writes() as u64, device.counts().of(Call::Write) - before);
    let (mut writes, mut tried) = (0, 0);
    recording.moments(|moment| {
        for cut in moment.cuts() {
            let what = match cut {
                Cut::Between => What::Cut,
                Cut::Torn(bytes) => What::Torn(bytes),
                Cut::Reordered(pattern) => What::Reordered(pattern),
            };
            let is_write = moment.cuts().len() > 1;
            // Running again takes a while: every seventh cut.
            if is_write && tried % 7 == 0 {
                let again = HostilePlatform::new(1, Plan::CALM);
                let mut store = again.handle();
                store.commit(&put(b"1")).unwrap();
                again.set_plan(Plan::one(writes, what));
                let mut rounds = 0..40_u8;
                while let Some(round) = rounds.next()
                    && store.commit(&put(&[round; 1200])).is_ok()
                    && store.advance_counter(u64::from(round) + 1).is_ok()
                {}
                let (replayed, cut_there) = (again.reboot(), moment.after(cut));
                assert_eq!(held(&replayed), held(&cut_there), "write {writes}: {what}");
                assert_eq!(replayed.counter(), cut_there.counter());
            }
            tried += 1;
        }
        writes += u64::from(moment.cuts().len() > 1);
    });
    assert_eq!(writes as usize, recording.writes());
}
