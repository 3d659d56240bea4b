//! Why a TPM is in failure mode (Part 1, "Failure Mode").

use core::fmt;

use posture::Guarantee;
use tee_api::{CounterError, EntropyError, StoreError};

/// Why the TPM is in failure mode (Part 1, "Failure Mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// No TPM was manufactured in this store.
    NotManufactured,
    /// The store has no usable state. [`StoreError::Missing`]: there was one, as something outside the store knows.
    Store(StoreError),
    /// The platform's counter cannot be used.
    Counter(CounterError),
    /// The policy refuses to go on without this guarantee of the platform's.
    Refused(Guarantee),
    /// The TPM alone was started again while the platform went on: its PCRs say nothing any more.
    Restarted,
    /// This TPM was moved to another device.
    Moved,
    /// A TPM that comes from another device is expected here: an import was prepared, or cut short.
    AwaitsImport,
    /// A self test did not give the known answer.
    SelfTest,
    /// There is no entropy to seed the generator with.
    Entropy(EntropyError),
    /// A firmware with a greater security version number has used the state, or one that gives records another form.
    Firmware,
    /// A record of the state does not make sense.
    State,
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotManufactured => f.write_str("no TPM was manufactured here"),
            Self::Store(StoreError::Missing) => {
                f.write_str("the state of the TPM that was manufactured here is missing")
            }
            Self::Store(error) => error.fmt(f),
            Self::Counter(error) => error.fmt(f),
            Self::Refused(guarantee) => {
                write!(f, "the policy refuses a platform without {}", guarantee.name())
            }
            Self::Restarted => f.write_str(
                "the TPM was restarted without its platform: its PCRs are lost until the next reset",
            ),
            Self::Moved => f.write_str("this TPM was moved to another device"),
            Self::AwaitsImport => f.write_str("a TPM from another device is expected here; import it"),
            Self::SelfTest => f.write_str("a self test failed"),
            Self::Entropy(error) => error.fmt(f),
            Self::Firmware => f.write_str("a later firmware has used this state"),
            Self::State => f.write_str("the state of the TPM is inconsistent"),
        }
    }
}

impl FailureReason {
    /// What the platform is told.
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::NotManufactured => "fTPM: not manufactured",
            Self::Store(StoreError::Missing) => "fTPM: state missing",
            Self::Store(StoreError::Corrupt) => "fTPM: state corrupt",
            Self::Store(StoreError::RolledBack) => "fTPM: state rolled back",
            Self::Store(StoreError::Foreign) => "fTPM: state of another device",
            Self::Store(_) => "fTPM: storage failed",
            Self::Counter(_) => "fTPM: counter failed",
            Self::Refused(_) => "fTPM: refused by policy",
            Self::Restarted => "fTPM: restarted without its platform",
            Self::Moved => "fTPM: moved to another device",
            Self::AwaitsImport => "fTPM: awaits an import",
            Self::SelfTest => "fTPM: self test failed",
            Self::Entropy(_) => "fTPM: entropy failed",
            Self::Firmware => "fTPM: state of a later firmware",
            Self::State => "fTPM: state inconsistent",
        }
    }
}

impl core::error::Error for FailureReason {}
