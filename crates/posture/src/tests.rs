//! What holds for every posture and policy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected stops there")]

use std::vec;
use std::vec::Vec;

use tee_api::{
    ClientAssurance, ClockAssurance, CounterAssurance, DeviceKeyAssurance, EntropyAssurance, EntropyHealth,
    IsolationAssurance, LifecycleAssurance, StoreAssurance,
};

use crate::{Action, Evidence, EvidenceError, Guarantee, Level, Policy, Posture, judge};

/// Everything that can be given.
const BEST: Posture = Posture {
    entropy: EntropyAssurance::Hardware,
    entropy_health: EntropyHealth::Good,
    store: StoreAssurance::ReplayProtected,
    counter: CounterAssurance::Hardware,
    clock: ClockAssurance::Secure,
    device_key: DeviceKeyAssurance::Hardware,
    isolation: IsolationAssurance::SecureWorld,
    client: ClientAssurance::Secure,
    lifecycle: LifecycleAssurance::Secure,
    has_marker: true,
};

/// [`BEST`] with every value of each field, one at a time, and every pair of store, counter and marker.
pub(crate) fn every_posture() -> Vec<Posture> {
    let mut postures = vec![BEST];
    let mut with = |change: &dyn Fn(&mut Posture)| {
        let mut posture = BEST;
        change(&mut posture);
        postures.push(posture);
    };
    for entropy in [EntropyAssurance::None, EntropyAssurance::FusedSeed, EntropyAssurance::OperatingSystem] {
        for health in [EntropyHealth::Good, EntropyHealth::Untested, EntropyHealth::Failed] {
            with(&|posture| (posture.entropy, posture.entropy_health) = (entropy, health));
        }
    }
    for store in [
        StoreAssurance::Volatile,
        StoreAssurance::Durable,
        StoreAssurance::Sealed,
        StoreAssurance::ReplayProtected,
    ] {
        for counter in [CounterAssurance::None, CounterAssurance::Software, CounterAssurance::Hardware] {
            for has_marker in [false, true] {
                with(&|posture| {
                    (posture.store, posture.counter, posture.has_marker) = (store, counter, has_marker);
                });
            }
        }
    }
    for clock in [ClockAssurance::None, ClockAssurance::NormalWorld] {
        with(&|posture| posture.clock = clock);
    }
    for key in [DeviceKeyAssurance::None, DeviceKeyAssurance::Test, DeviceKeyAssurance::Software] {
        with(&|posture| posture.device_key = key);
    }
    for isolation in [IsolationAssurance::None, IsolationAssurance::Unprotected, IsolationAssurance::Process]
    {
        with(&|posture| posture.isolation = isolation);
    }
    for client in [ClientAssurance::None, ClientAssurance::NormalWorld] {
        with(&|posture| posture.client = client);
    }
    for lifecycle in [LifecycleAssurance::None, LifecycleAssurance::NormalWorld] {
        with(&|posture| posture.lifecycle = lifecycle);
    }
    postures
}

#[test]
fn the_default_policy() {
    use Action::{Degrade, Refuse, Warn};
    let rows = [
        (Guarantee::Entropy, Refuse, Warn),
        (Guarantee::Storage, Degrade, Warn),
        (Guarantee::Rollback, Degrade, Degrade),
        (Guarantee::Clock, Degrade, Warn),
        (Guarantee::DeviceKey, Warn, Warn),
        (Guarantee::Isolation, Degrade, Warn),
        (Guarantee::ClientIdentity, Warn, Warn),
        (Guarantee::FateSharing, Degrade, Warn),
        (Guarantee::Provisioning, Warn, Warn),
    ];
    assert_eq!(rows.map(|(guarantee, ..)| guarantee), Guarantee::ALL);
    for (guarantee, missing, weak) in rows {
        assert_eq!(Policy::DEFAULT.action(guarantee, Level::Missing), Some(missing), "{guarantee:?}");
        assert_eq!(Policy::DEFAULT.action(guarantee, Level::Weak), Some(weak), "{guarantee:?}");
        assert_eq!(Policy::DEFAULT.action(guarantee, Level::Given), None, "{guarantee:?}");
    }
}

#[test]
fn a_policy_changes_in_one_place_only() {
    for guarantee in Guarantee::ALL {
        for level in [Level::Missing, Level::Weak, Level::Given] {
            for action in [Action::Warn, Action::Degrade, Action::Refuse] {
                let changed = Policy::DEFAULT.with(guarantee, level, action);
                for other in Guarantee::ALL {
                    for other_level in [Level::Missing, Level::Weak] {
                        let expected = if (other, other_level) == (guarantee, level) {
                            Some(action)
                        } else {
                            Policy::DEFAULT.action(other, other_level)
                        };
                        assert_eq!(changed.action(other, other_level), expected);
                    }
                    assert_eq!(changed.action(other, Level::Given), None);
                }
            }
        }
    }
}

#[test]
fn levels_and_sources() {
    use Guarantee as G;
    let level = |guarantee, change: &dyn Fn(&mut Posture)| {
        let mut posture = BEST;
        change(&mut posture);
        (posture.source(guarantee), posture.level(guarantee))
    };
    let (missing, weak, given) = (Level::Missing, Level::Weak, Level::Given);

    assert_eq!(level(G::Entropy, &|p| p.entropy = EntropyAssurance::None), (0, missing));
    assert_eq!(level(G::Entropy, &|p| p.entropy = EntropyAssurance::FusedSeed), (1, weak));
    assert_eq!(level(G::Entropy, &|p| p.entropy = EntropyAssurance::OperatingSystem), (2, given));
    assert_eq!(level(G::Entropy, &|_| ()), (3, given));
    // A source that failed is none, however strong it was meant to be.
    assert_eq!(level(G::Entropy, &|p| p.entropy_health = EntropyHealth::Failed), (0xFF, missing));
    assert_eq!(level(G::Entropy, &|p| p.entropy_health = EntropyHealth::Untested), (3, given));

    assert_eq!(level(G::Storage, &|p| p.store = StoreAssurance::Volatile), (0, missing));
    assert_eq!(level(G::Storage, &|p| p.store = StoreAssurance::Durable), (1, weak));
    assert_eq!(level(G::Storage, &|p| p.store = StoreAssurance::Sealed), (2, given));
    assert_eq!(level(G::Storage, &|_| ()), (3, given));

    let sealed = |counter, has_marker| {
        move |p: &mut Posture| {
            (p.store, p.counter, p.has_marker) = (StoreAssurance::Sealed, counter, has_marker);
        }
    };
    for (counter, expected) in [
        (CounterAssurance::None, (0, missing)),
        (CounterAssurance::Software, (1, weak)),
        (CounterAssurance::Hardware, (2, given)),
    ] {
        assert_eq!(level(G::Rollback, &sealed(counter, true)), expected);
        // A counter that has moved remembers the manufacture; a marker does so by itself.
        assert_eq!(level(G::Provisioning, &sealed(counter, false)), expected);
        assert_eq!(level(G::Provisioning, &sealed(counter, true)), (3, given));
    }
    assert_eq!(level(G::Rollback, &|p| p.counter = CounterAssurance::None), (3, given));
    assert_eq!(level(G::Provisioning, &|p| p.has_marker = false), (2, given));

    assert_eq!(level(G::Clock, &|p| p.clock = ClockAssurance::None), (0, missing));
    assert_eq!(level(G::Clock, &|p| p.clock = ClockAssurance::NormalWorld), (1, weak));
    assert_eq!(level(G::Clock, &|_| ()), (2, given));

    assert_eq!(level(G::DeviceKey, &|p| p.device_key = DeviceKeyAssurance::None), (0, missing));
    assert_eq!(level(G::DeviceKey, &|p| p.device_key = DeviceKeyAssurance::Test), (1, weak));
    assert_eq!(level(G::DeviceKey, &|p| p.device_key = DeviceKeyAssurance::Software), (2, weak));
    assert_eq!(level(G::DeviceKey, &|_| ()), (3, given));

    assert_eq!(level(G::Isolation, &|p| p.isolation = IsolationAssurance::None), (0, missing));
    assert_eq!(level(G::Isolation, &|p| p.isolation = IsolationAssurance::Unprotected), (1, missing));
    assert_eq!(level(G::Isolation, &|p| p.isolation = IsolationAssurance::Process), (2, weak));
    assert_eq!(level(G::Isolation, &|_| ()), (3, given));

    assert_eq!(level(G::ClientIdentity, &|p| p.client = ClientAssurance::None), (0, missing));
    assert_eq!(level(G::ClientIdentity, &|p| p.client = ClientAssurance::NormalWorld), (1, weak));
    assert_eq!(level(G::ClientIdentity, &|_| ()), (2, given));

    assert_eq!(level(G::FateSharing, &|p| p.lifecycle = LifecycleAssurance::None), (0, missing));
    assert_eq!(level(G::FateSharing, &|p| p.lifecycle = LifecycleAssurance::NormalWorld), (1, weak));
    assert_eq!(level(G::FateSharing, &|_| ()), (2, given));
}

#[test]
fn a_posture_is_what_the_platform_says() {
    let mut platform = platform_memory::MemoryPlatform::new(1);
    platform.set_store_assurance(BEST.store);
    platform.set_entropy_assurance(BEST.entropy);
    platform.set_clock_assurance(BEST.clock);
    platform.set_device_key_assurance(BEST.device_key);
    platform.set_isolation_assurance(BEST.isolation);
    platform.set_client_assurance(BEST.client);
    platform.set_lifecycle_assurance(BEST.lifecycle);
    platform.set_counter(Some(1));
    platform.set_provisioned(Some(false));
    // Nobody tests a random number generator that is a test's own.
    let seen = Posture { entropy_health: EntropyHealth::Untested, ..BEST };
    assert_eq!(Posture::of(&mut platform), seen);
    platform.set_provisioned(None);
    platform.set_counter(None);
    let expected = Posture { has_marker: false, counter: CounterAssurance::None, ..seen };
    assert_eq!(Posture::of(&mut platform), expected);
}

#[test]
fn judging_is_a_function_of_posture_and_policy_alone() {
    let strict = Policy::DEFAULT.with(Guarantee::Clock, Level::Weak, Action::Refuse);
    for posture in every_posture() {
        for policy in [Policy::DEFAULT, strict] {
            let judgement = judge(&posture, &policy);
            assert_eq!(judgement, judge(&posture, &policy));
            for (verdict, guarantee) in judgement.verdicts().iter().zip(Guarantee::ALL) {
                assert_eq!(verdict, judgement.verdict(guarantee));
                assert_eq!(verdict.guarantee, guarantee);
                assert_eq!(verdict.source, posture.source(guarantee));
                assert_eq!(verdict.level, posture.level(guarantee));
                assert_eq!(verdict.action, policy.action(guarantee, verdict.level));
            }
        }
    }
    assert_eq!(judge(&BEST, &Policy::DEFAULT).severity(), None);
}

#[test]
fn seeds_may_be_made_only_where_nothing_refuses() {
    for posture in every_posture() {
        for guarantee in Guarantee::ALL {
            let level = posture.level(guarantee);
            for action in [Action::Warn, Action::Degrade, Action::Refuse] {
                let judgement = judge(&posture, &Policy::DEFAULT.with(guarantee, level, action));
                let refused = judgement.verdicts().iter().find(|v| v.action == Some(Action::Refuse));
                assert_eq!(judgement.permit().err(), refused.map(|verdict| verdict.guarantee));
                assert_eq!(judgement.is_development_only(), judgement.severity() >= Some(Action::Degrade));
            }
        }
    }
    let no_entropy = Posture { entropy: EntropyAssurance::None, ..BEST };
    assert_eq!(judge(&no_entropy, &Policy::DEFAULT).permit().err(), Some(Guarantee::Entropy));
}

#[test]
fn evidence_comes_back_as_it_was() {
    for posture in every_posture() {
        let judgement = judge(&posture, &Policy::DEFAULT);
        let evidence = Evidence::new(&judgement, 0x0102_0304_0506_0708, 9, [7; 16], 3);
        let bytes = evidence.to_bytes();
        assert_eq!(Evidence::from_bytes(&bytes), Ok(evidence));
        assert_eq!(evidence.verdicts, *judgement.verdicts());
    }
}

#[test]
fn evidence_is_laid_out_for_ever() {
    let posture = Posture { clock: ClockAssurance::NormalWorld, ..BEST };
    let evidence = Evidence::new(&judge(&posture, &Policy::DEFAULT), 0x0102_0304_0506_0708, 9, [7; 16], 3);
    let expected = [
        &b"FTPMPOST\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x09"[..],
        &[7; 16],
        b"\x00\x00\x00\x03\x09\x01\x03\x02\x00\x02\x03\x02\x00\x03\x03\x02\x00\x04\x01\x01\x01\x05\x03\x02\x00",
        b"\x06\x03\x02\x00\x07\x02\x02\x00\x08\x02\x02\x00\x09\x03\x02\x00",
    ]
    .concat();
    assert_eq!(evidence.to_bytes()[..], expected);
    assert_eq!(Evidence::SIZE, expected.len());
}

/// Bytes that stand for a value of their own may change into another one; every other byte has one value only.
#[test]
fn every_wrong_byte_of_evidence_is_refused_or_means_something_else() {
    let evidence = Evidence::new(&judge(&BEST, &Policy::DEFAULT), 1, 2, [3; 16], 4);
    let bytes = evidence.to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(Evidence::from_bytes(&bytes[..length]), Err(EvidenceError), "{length}");
    }
    assert_eq!(Evidence::from_bytes(&[&bytes[..], &[0]].concat()), Err(EvidenceError));
    for at in 0..bytes.len() {
        for value in 0..=0xFF {
            let mut changed = bytes;
            changed[at] = value;
            let legal = match at {
                0..10 | 42 => value == bytes[at],
                10..42 => true,
                _ => match (at - 43) % 4 {
                    0 => value == bytes[at],
                    1 => true,
                    2 => value <= Level::Given as u8,
                    _ => value <= Action::Refuse as u8,
                },
            };
            match Evidence::from_bytes(&changed) {
                Ok(read) => {
                    assert!(legal, "byte {at} as {value}");
                    assert_eq!(read.to_bytes(), changed);
                    assert_eq!(read == evidence, changed == bytes);
                }
                Err(EvidenceError) => assert!(!legal, "byte {at} as {value}"),
            }
        }
    }
}
