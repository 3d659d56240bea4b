//! A boot log in TCG's crypto-agile format, written by this program: no machine ever booted this way.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A PCR bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bank {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Bank {
    pub(crate) const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// As tpm2-tools write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// TPM_ALG_ID.
    fn algorithm(self) -> u16 {
        match self {
            Self::Sha1 => 0x0004,
            Self::Sha256 => 0x000B,
            Self::Sha384 => 0x000C,
            Self::Sha512 => 0x000D,
        }
    }

    /// Bytes of a digest.
    fn size(self) -> u16 {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha384 => Sha384::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }
}

/// One measurement. What is hashed is the event's data itself.
pub(crate) struct Event {
    pub(crate) pcr: u32,
    pub(crate) what: &'static str,
    kind: u32,
    data: Vec<u8>,
}

const EV_NO_ACTION: u32 = 0x3;
const EV_SEPARATOR: u32 = 0x4;
const EV_ACTION: u32 = 0x5;

/// The measurements of a boot that never happened.
pub(crate) fn generated() -> Vec<Event> {
    let action =
        |pcr, what: &'static str| Event { pcr, what, kind: EV_ACTION, data: what.as_bytes().to_vec() };
    let separator = |pcr| Event { pcr, what: "separator", kind: EV_SEPARATOR, data: vec![0; 4] };
    vec![
        action(0, "firmware 1.0 (invented)"),
        action(2, "option ROM of a network card (invented)"),
        action(7, "secure boot is on (invented)"),
        separator(0),
        separator(2),
        separator(7),
        action(4, "boot loader 2.12 (invented)"),
        separator(4),
        action(4, "kernel 6.1 (invented)"),
    ]
}

/// The PCRs that the log touches.
pub(crate) const PCRS: [u32; 4] = [0, 2, 4, 7];

/// How tpm2_pcrextend wants an event: `PCR:bank=digest,…`.
pub(crate) fn extend_argument(event: &Event) -> String {
    let digests = Bank::ALL.map(|bank| format!("{}={}", bank.name(), hexadecimal(&bank.digest(&event.data))));
    format!("{}:{}", event.pcr, digests.join(","))
}

/// What a PCR must hold after all of `events`.
pub(crate) fn replay(events: &[Event], bank: Bank, pcr: u32) -> String {
    let mut value = vec![0; usize::from(bank.size())];
    for event in events.iter().filter(|event| event.pcr == pcr) {
        value.extend(bank.digest(&event.data));
        value = bank.digest(&value);
    }
    hexadecimal(&value)
}

/// The log as firmware would leave it in memory: a header in the old format, then one record an event.
pub(crate) fn encode(events: &[Event]) -> Vec<u8> {
    let mut header = b"Spec ID Event03\0".to_vec();
    header.extend(0u32.to_le_bytes()); // platform class: client
    header.extend([0, 2, 0, 2]); // specification 2.0, errata 0, 64-bit
    header.extend(length(Bank::ALL.len()));
    for bank in Bank::ALL {
        header.extend(bank.algorithm().to_le_bytes());
        header.extend(bank.size().to_le_bytes());
    }
    header.push(0); // no vendor information
    let mut log = vec![];
    log.extend(0u32.to_le_bytes());
    log.extend(EV_NO_ACTION.to_le_bytes());
    log.extend([0; 20]);
    log.extend(length(header.len()));
    log.extend(header);
    for event in events {
        log.extend(event.pcr.to_le_bytes());
        log.extend(event.kind.to_le_bytes());
        log.extend(length(Bank::ALL.len()));
        for bank in Bank::ALL {
            log.extend(bank.algorithm().to_le_bytes());
            log.extend(bank.digest(&event.data));
        }
        log.extend(length(event.data.len()));
        log.extend(&event.data);
    }
    log
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untouched_pcr_stays_zero() {
        assert_eq!(replay(&generated(), Bank::Sha1, 1), "0".repeat(40));
    }

    #[test]
    fn every_event_lies_in_a_named_pcr() {
        assert!(generated().iter().all(|event| PCRS.contains(&event.pcr)));
    }
}
