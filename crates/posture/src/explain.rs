//! A guarantee's source in words for people.

use crate::Guarantee;

/// What stands behind a guarantee, and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What stands behind it.
    pub source: &'static str,
    /// What an attacker could do because of it; empty where the guarantee is given.
    pub attacker: &'static str,
    /// What to change; empty where the guarantee is given.
    pub remedy: &'static str,
}

impl Guarantee {
    /// What it promises, as a sentence.
    pub const fn promise(self) -> &'static str {
        match self {
            Self::Entropy => "Seeds and nonces cannot be predicted.",
            Self::Storage => "State outlives the power and is nobody else's to read.",
            Self::Rollback => "Old state that is put back is found out.",
            Self::Clock => "Nobody moves the time.",
            Self::DeviceKey => "State and exports can be tied to this device.",
            Self::Isolation => "Nobody reads or changes the TPM's memory.",
            Self::ClientIdentity => "Callers can be told apart.",
            Self::FateSharing => "PCRs come back to their start only with the platform.",
            Self::Provisioning => "An empty store is known to be new, or known to be lost.",
        }
    }

    /// What it is called in a sentence, behind "no" or "weak".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::Storage => "protection of the stored state",
            Self::Rollback => "protection against rollback",
            Self::Clock => "guard over the clock",
            Self::DeviceKey => "key of the device",
            Self::Isolation => "isolation",
            Self::ClientIdentity => "identity of callers",
            Self::FateSharing => "shared fate with the platform",
            Self::Provisioning => "memory of the manufacture",
        }
    }
}

/// Explains a source number ([`Posture::source`](crate::Posture::source)); `None` for a number that this version does
/// not know.
pub const fn explain(guarantee: Guarantee, source: u8) -> Option<Explanation> {
    Some(match guarantee {
        Guarantee::Entropy => match source {
            0 => entropy::NONE,
            1 => entropy::FUSED_SEED,
            2 => given("the operating system's generator, which vouches for its own seeding"),
            3 => given("a hardware source that the platform reads itself"),
            0xFF => entropy::FAILED,
            _ => return None,
        },
        Guarantee::Storage => match source {
            0 => storage::VOLATILE,
            1 => storage::DURABLE,
            2 => given("storage sealed under a key that does not lie beside it"),
            3 => given("sealed storage that finds out old state"),
            _ => return None,
        },
        Guarantee::Rollback => match source {
            0 => rollback::NONE,
            1 => rollback::SOFTWARE,
            2 => given("a hardware counter that only goes forward"),
            3 => given("replay-protected storage"),
            _ => return None,
        },
        Guarantee::Clock => match source {
            0 => clock::NONE,
            1 => clock::NORMAL_WORLD,
            2 => given("a clock that nothing outside the TEE can set or stop"),
            _ => return None,
        },
        Guarantee::DeviceKey => match source {
            0 => device_key::NONE,
            1 => device_key::TEST,
            2 => device_key::SOFTWARE,
            3 => given("a key of this device alone, in hardware that only the TEE reads"),
            _ => return None,
        },
        Guarantee::Isolation => match source {
            0 => isolation::NONE,
            1 => isolation::UNPROTECTED,
            2 => isolation::PROCESS,
            3 => given("a secure world with memory of its own, started by a verified boot"),
            _ => return None,
        },
        Guarantee::ClientIdentity => match source {
            0 => client_identity::NONE,
            1 => client_identity::NORMAL_WORLD,
            2 => given("the TEE itself, which knows who calls"),
            _ => return None,
        },
        Guarantee::FateSharing => match source {
            0 => fate_sharing::NONE,
            1 => fate_sharing::NORMAL_WORLD,
            2 => {
                given("a platform that tells the TPM's restart from its own, whatever the normal world does")
            }
            _ => return None,
        },
        Guarantee::Provisioning => match source {
            0 => provisioning::NONE,
            1 => provisioning::SOFTWARE,
            2 => given("a counter, or a store, that cannot go back to empty"),
            3 => given("a marker outside the store"),
            _ => return None,
        },
    })
}

const fn given(source: &'static str) -> Explanation {
    Explanation { source, attacker: "", remedy: "" }
}

mod entropy {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "no source of entropy",
        attacker: "Whoever knows how the device starts can compute the seeds, every key made from them and every \
            nonce, and so sign and decrypt as this TPM.",
        remedy: "Give the platform a hardware random number generator with health tests, or a secret seed fused at \
            manufacture; a software generator seeded from a clock is neither.",
    };

    pub(super) const FUSED_SEED: Explanation = Explanation {
        source: "a seed fused at manufacture, to which nothing fresh is ever added",
        attacker: "Whoever learns that seed, in the factory or from the chip, can compute all that was and will be \
            drawn from it, keys and nonces included.",
        remedy: "Add a hardware source with health tests; until then keep no copy of the fused seeds.",
    };

    pub(super) const FAILED: Explanation = Explanation {
        source: "a source that failed its health test",
        attacker: "Nothing is drawn from it before the platform's reset; whatever were drawn from it could be \
            predicted.",
        remedy: "Reset the platform. If the test fails again, the source is broken: replace the device.",
    };
}

mod storage {
    use super::Explanation;

    pub(super) const VOLATILE: Explanation = Explanation {
        source: "memory that does not outlive the power",
        attacker: "Whoever cuts the power takes every key and NV index away, and begins to guess authorization \
            values anew, for no failed try is remembered.",
        remedy: "Give the TPM storage that survives a power cut.",
    };

    pub(super) const DURABLE: Explanation = Explanation {
        source: "storage that survives power cuts, open to whoever reaches the medium",
        attacker: "Whoever reads the medium, or a backup of it, has the seeds: all keys and all that was sealed. \
            Whoever writes it can put state of his own in its place.",
        remedy: "Seal the state under a key that lies elsewhere: on Linux with --key file=PATH or fd=NUMBER, in a \
            TEE under the device's key.",
    };
}

mod rollback {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "nothing that remembers which state was the last",
        attacker: "Whoever writes the medium can put an old state back unnoticed: failed tries are forgotten, so \
            authorization values can be guessed without end; deleted keys, old authorization values and old counter \
            values come back.",
        remedy: "Use replay-protected storage (RPMB) or a hardware counter. Without either, let nobody else write the \
            state or its backups, and do not rely on NV counters.",
    };

    pub(super) const SOFTWARE: Explanation = Explanation {
        source: "a counter that is kept like any data",
        attacker: "Whoever writes both mediums can set the counter back together with the state, and guess \
            authorization values without end. Only mishaps, such as an old backup, are noticed.",
        remedy: "Use replay-protected storage (RPMB) or a hardware counter.",
    };
}

mod clock {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "no clock",
        attacker: "Time stands: authorizations that should expire, and policies that end at a time, stay good, and \
            failed tries are not forgiven by waiting.",
        remedy: "Give the platform a clock that the normal world cannot set or stop.",
    };

    pub(super) const NORMAL_WORLD: Explanation = Explanation {
        source: "a clock that the normal world, or the host, can set or stop",
        attacker: "Whoever controls it can let failed tries be forgiven early and so guess faster, or hold the time \
            so that an authorization does not expire.",
        remedy: "Read a clock in the secure world. Where there is none, let no policy depend on time, and choose a \
            long time until a failed try is forgiven.",
    };
}

mod device_key {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "no key of the device's own",
        attacker: "Whoever has the state, and the key that seals it where there is one, can run this TPM on another \
            machine, and on several at once.",
        remedy: "Use a device with a key in fuses that only the TEE can use; elsewhere guard the sealing key as you \
            would guard the TPM.",
    };

    pub(super) const TEST: Explanation = Explanation {
        source: "a test key that other devices have as well",
        attacker: "Anybody may know it: whatever is sealed under it, state and exports, can be opened and forged.",
        remedy: "Fuse a key of its own into each device, and build the TEE so that it uses it.",
    };

    pub(super) const SOFTWARE: Explanation = Explanation {
        source: "a key that is kept as data",
        attacker: "Whoever reads the medium that it lies on can open and forge what is sealed under it.",
        remedy: "Use a device with a key in fuses that only the TEE can use.",
    };
}

mod isolation {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "nothing between the TPM and other software",
        attacker: "Any program on the device can read the seeds from memory and change what the TPM does.",
        remedy: "Run the TPM in a secure world, or at least as a process of its own.",
    };

    pub(super) const UNPROTECTED: Explanation = Explanation {
        source: "a secure world in name: the hardware guards neither its memory nor its boot",
        attacker: "The normal world's kernel, or whoever writes the boot medium, can read the seeds from memory and \
            put other firmware in the TPM's place.",
        remedy: "Use hardware that keeps the normal world out of secure memory and starts verified firmware only.",
    };

    pub(super) const PROCESS: Explanation = Explanation {
        source: "an operating system's process",
        attacker: "Root, the same user with a debugger, the kernel, the hypervisor, and whoever gets hold of a core \
            dump or of swap, can read the seeds.",
        remedy: "Run the TPM in a secure world. As a process, give it a user of its own, and switch core dumps and \
            swap off.",
    };
}

mod client_identity {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "nobody: every caller looks the same",
        attacker: "Whoever reaches the TPM may use all that has no authorization value of its own, in anybody's \
            place: extend PCRs, take ownership, clear the TPM.",
        remedy: "Let only those reach the socket who may use the TPM, and set authorization values for owner, \
            endorsement and lockout.",
    };

    pub(super) const NORMAL_WORLD: Explanation = Explanation {
        source: "the normal world's kernel, which says who calls",
        attacker: "Whoever controls the normal world's kernel can call in any caller's name.",
        remedy: "Rely on authorization values and policies, not on who calls; only a TEE that knows its callers \
            itself can vouch for them.",
    };
}

mod fate_sharing {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "nothing: every start of the TPM looks like a reset of the platform",
        attacker: "Whoever can end the TPM alone starts it again with PCRs at their start, and extends them as he \
            likes: quotes vouch for a boot that never was, and what was sealed to PCRs opens.",
        remedy: "Do not take this TPM's PCRs for evidence of a boot. Run it where the platform tells a restart of \
            the service from its own reset.",
    };

    pub(super) const NORMAL_WORLD: Explanation = Explanation {
        source: "the normal world's word on whether the platform was reset",
        attacker: "Whoever controls the normal world can end the TPM, and pass its restart off as a reset of the \
            platform: the PCRs begin anew, and can be extended as he likes.",
        remedy: "Use a TEE in which a service that ended stays ended until the platform's reset.",
    };
}

mod provisioning {
    use super::Explanation;

    pub(super) const NONE: Explanation = Explanation {
        source: "nothing outside the store that remembers it",
        attacker: "Whoever empties the store makes the device look new: another TPM with other seeds takes the old \
            one's place, and its count of failed tries is gone.",
        remedy: "Start with --manufacture never once the TPM is made, and let whoever relies on it remember its \
            endorsement key or manufacture id.",
    };

    pub(super) const SOFTWARE: Explanation = Explanation {
        source: "a counter that is kept like any data",
        attacker: "Whoever empties the store and sets the counter back as well makes the device look new. A store \
            that is lost by mishap is noticed.",
        remedy: "Use a fuse, a hardware counter, or another marker that cannot be taken back.",
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::every_posture;

    #[test]
    fn every_source_is_explained_and_only_a_gap_has_an_attacker() {
        for posture in every_posture() {
            for guarantee in Guarantee::ALL {
                let explanation = explain(guarantee, posture.source(guarantee)).unwrap();
                let is_given = posture.level(guarantee) == crate::Level::Given;
                assert!(!explanation.source.is_empty());
                assert_eq!(explanation.attacker.is_empty(), is_given, "{guarantee:?} {explanation:?}");
                assert_eq!(explanation.remedy.is_empty(), is_given, "{guarantee:?} {explanation:?}");
            }
        }
    }

    #[test]
    fn numbers_of_later_versions_are_not_explained() {
        for guarantee in Guarantee::ALL {
            assert_eq!(explain(guarantee, 4), None, "{guarantee:?}");
        }
    }

    #[test]
    fn sentences_are_whole() {
        for guarantee in Guarantee::ALL {
            for explanation in (0..=0xFF).filter_map(|source| explain(guarantee, source)) {
                assert!(!explanation.source.ends_with('.'));
                for sentence in [explanation.attacker, explanation.remedy] {
                    assert!(sentence.is_empty() || sentence.ends_with('.'), "{sentence}");
                    assert!(!sentence.contains("  "), "{sentence}");
                }
            }
        }
    }
}
