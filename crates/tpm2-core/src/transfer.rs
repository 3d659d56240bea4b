//! Moving a TPM to another device: an export is sealed to its target, and leaves only when the source is marked as
//! moved, durably. There is never a moment at which both could start.
//!
//! The target says for whom the export is sealed: it draws a one-time token and keeps it ([`Tpm::prepare_import`]), or
//! it is this device itself, by its own key; then the counter, where there is one, has to stand where it stood. A source that has moved gives the same export again to the same target,
//! in case the first one was lost on its way, and to no other.
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `FTPMMOVE` |
//! | 2 | version, 1 |
//! | 4 | the source's firmware SVN |
//! | 8 | the source's transaction that marked it as moved |
//! | 32 | salt, drawn at random for each export |
//! | 4 | length of what follows, without the last field |
//! | | records {kind u16, id u32, length u32, value}, under AES-256 in counter mode |
//! | 32 | HMAC-SHA256 over all before it |
//!
//! Both keys come from the target's secret and the salt by KDFa.

use core::fmt;

use posture::{Guarantee, Level};
use tee_api::{Change, CounterAssurance, Platform, RecordKey, StoreError};
use tpm2_crypto::{AES_BLOCK_SIZE, BlockMode, Direction, HashAlgorithm, Hmac, Random, aes, hash, kdfa};
use tpm2_types::{ResponseCode, Tpm2bDigest, TpmiYesNo};
use zeroize::{Zeroize, Zeroizing};

use crate::arena::Arena;
use crate::failure::FailureReason;
use crate::firmware;
use crate::manufacture;
use crate::memory::MAX_COMMAND_SIZE;
use crate::state::record::{SAVED_KINDS, is_persistent, record};
use crate::state::{Changes, DictionaryAttack, Kind, Manufacture, Orderly, Shutdown, State};
use crate::tpm::Tpm;

record! {
    /// This TPM was moved: it starts no more.
    Moved<'a>: Moved, version 1 {
        /// Tells the target: a digest of its secret.
        target: Tpm2bDigest<'a>,
    }
}

record! {
    /// The secret that an export to this device is sealed under. There until the import, once.
    ImportToken<'a>: ImportToken, version 1 {
        /// The secret.
        token: Tpm2bDigest<'a>,
    }
}

record! {
    /// An import is under way: what is there is not a TPM yet.
    Importing<'a>: Importing, version 1 {
        /// Failed tries of the TPM that was here before.
        failed_tries: u32,
        /// How often a TPM was made or taken in here before.
        count: u32,
        /// The number of the last transaction before the import.
        number: u64,
    }
}

/// Bytes of a target's secret.
pub const TOKEN_SIZE: usize = 32;

/// A target's secret, wiped when it goes.
pub type Token = Zeroizing<[u8; TOKEN_SIZE]>;

/// For whom an export is sealed.
pub enum Target<'t> {
    /// For the device that drew this token.
    Token(&'t Token),
    /// For this device: what comes back after its storage was replaced.
    Device,
}

/// Why a TPM is not moved. Unless [`TransferError::Failed`] says otherwise, nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferError {
    /// The TPM has failed, or its state is not what the transfer needs.
    Failed(FailureReason),
    /// A TPM is here already.
    Occupied,
    /// No import was prepared here, and the device has no key of its own.
    NotPrepared,
    /// The TPM was moved to another target before.
    MovedElsewhere,
    /// Storage or counter cannot be reached now; the same call may succeed later.
    Unavailable,
    /// The device has no key of its own.
    NoDeviceKey,
    /// These bytes are no export, or not one for this target.
    NotForThisTarget,
    /// A later firmware made the export.
    NewerFirmware,
    /// There is no room for all that the TPM holds.
    NoRoom,
    /// Nothing here would notice the same state coming back later, and that was not accepted.
    RollbackNotAccepted,
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed(reason) => return reason.fmt(f),
            Self::Occupied => "a TPM is here already",
            Self::NotPrepared => "no import was prepared here",
            Self::MovedElsewhere => "the TPM was moved to another target before",
            Self::Unavailable => "storage or counter cannot be reached now",
            Self::NoDeviceKey => "the device has no key of its own",
            Self::NotForThisTarget => "this is no export for this target, or it was altered",
            Self::NewerFirmware => "a later firmware made this export",
            Self::NoRoom => "there is no room for all that the TPM holds",
            Self::RollbackNotAccepted => {
                "without a counter nothing here would notice that an old state comes back, and that was not accepted"
            }
        })
    }
}

impl core::error::Error for TransferError {}

const MAGIC: [u8; 8] = *b"FTPMMOVE";
const VERSION: u16 = 1;
const SALT_SIZE: usize = 32;
/// Magic, version, SVN, number.
const FIXED_SIZE: usize = 8 + 2 + 4 + 8;
const HEADER_SIZE: usize = FIXED_SIZE + SALT_SIZE + 4;
const MAC_SIZE: usize = 32;
const KEY_SIZE: usize = 32;
const RECORD_HEADER_SIZE: usize = 2 + 4 + 4;
const LABEL: &[u8] = b"ftpm export";
const HASH: HashAlgorithm = HashAlgorithm::Sha256;

/// Records that speak of a device, not of its TPM.
const OF_THE_DEVICE: [Kind; 4] = [Kind::Commit, Kind::Moved, Kind::ImportToken, Kind::Importing];

/// Changes of one transaction of an import, its own records besides.
const BATCH: usize = 32;

impl<P: Platform> Tpm<'_, P> {
    /// Makes this device a target: draws a token, keeps it, and gives it out once. Where there is no TPM, or one that
    /// was moved away.
    ///
    /// # Errors
    /// [`TransferError::Occupied`] where a TPM lives.
    pub fn prepare_import(&mut self) -> Result<Token, TransferError> {
        match self.failure {
            Some(FailureReason::NotManufactured | FailureReason::Moved | FailureReason::AwaitsImport) => {}
            // Whether a TPM is here, the state tells.
            None if self.state.is_closed() => return Err(TransferError::Unavailable),
            None => return Err(TransferError::Occupied),
            Some(reason) => return Err(TransferError::Failed(reason)),
        }
        self.judgement.permit().map_err(|gap| TransferError::Failed(FailureReason::Refused(gap)))?;
        self.seed_random().map_err(TransferError::Failed)?;
        let mut token = Token::default();
        let random = self.random.as_mut().ok_or(TransferError::Unavailable)?;
        random.fill(token.as_mut_slice()).map_err(|_| TransferError::Unavailable)?;
        if self.failure == Some(FailureReason::NotManufactured) {
            self.ledger.begin(&mut self.state, &mut self.platform).map_err(TransferError::Failed)?;
        }
        self.transaction(|_, arena, changes| {
            let kept = Tpm2bDigest::new(arena.copy(token.as_slice())?)?;
            changes.put(arena, &ImportToken { token: kept, bytes: core::marker::PhantomData })
        })?;
        if self.failure == Some(FailureReason::NotManufactured) {
            self.failure = Some(FailureReason::AwaitsImport);
        }
        Ok(token)
    }

    /// Moves the TPM to a target. When `out` gets the first bytes of the export, this TPM has ended: it is marked as
    /// moved, durably, and answers as in failure mode, after every restart too.
    ///
    /// # Errors
    /// Why nothing left.
    pub fn export(&mut self, target: &Target<'_>, out: &mut dyn FnMut(&[u8])) -> Result<(), TransferError> {
        let secret = match target {
            Target::Token(token) => (*token).clone(),
            Target::Device => self.device_secret()?,
        };
        let mark = hash(HASH, &[LABEL, secret.as_slice()]);
        match self.failure {
            Some(FailureReason::Moved) => {
                let moved: Moved<'_> = self.state.get(Kind::Moved.only()).map_err(unreadable)?;
                if !mark.equals(moved.target.as_slice()) {
                    return Err(TransferError::MovedElsewhere);
                }
            }
            Some(reason) => return Err(TransferError::Failed(reason)),
            None => {
                self.settle();
                if let Some(reason) = self.failure {
                    return Err(TransferError::Failed(reason));
                }
                if self.state.unavailable().is_some() {
                    return Err(TransferError::Unavailable);
                }
            }
        }
        self.seed_random().map_err(TransferError::Failed)?;
        let mut salt = [0; SALT_SIZE];
        let random = self.random.as_mut().ok_or(TransferError::Unavailable)?;
        random.fill(&mut salt).map_err(|_| TransferError::Unavailable)?;
        if self.failure.is_none() {
            self.transaction(|_, arena, changes| {
                let target = Tpm2bDigest::new(arena.copy(&mark)?)?;
                changes.put(arena, &Moved { target, bytes: core::marker::PhantomData })
            })?;
            self.failure = Some(FailureReason::Moved);
            self.report();
        }
        let number = self.state.commit_number().map_err(unreadable)?;
        seal(&self.state, &secret, number, &salt, out);
        Ok(())
    }

    /// Takes in the TPM of an export that was sealed to this device: for the token that was prepared here, or for the
    /// device's key. The token is used up. The export is decrypted in place and wiped.
    ///
    /// The TPM keeps the larger number of failed tries, Clock is no longer `safe`, resetCount and the manufacture
    /// record's count rise. TPM2_Startup comes next.
    ///
    /// # Errors
    /// Why there is no TPM here after this. After [`TransferError::Unavailable`] in the middle of it, the same call
    /// may be made again.
    pub fn import(&mut self, export: &mut [u8], accept_rollback: bool) -> Result<(), TransferError> {
        let outcome = self.take_in(export, accept_rollback);
        export.zeroize();
        outcome
    }

    fn take_in(&mut self, export: &mut [u8], accept_rollback: bool) -> Result<(), TransferError> {
        match self.failure {
            Some(FailureReason::NotManufactured | FailureReason::Moved | FailureReason::AwaitsImport) => {}
            // The storage was replaced: what this device sealed for itself may come back.
            Some(FailureReason::Store(StoreError::Missing)) => {}
            // Whether a TPM is here, the state tells.
            None if self.state.is_closed() => return Err(TransferError::Unavailable),
            None => return Err(TransferError::Occupied),
            Some(reason) => return Err(TransferError::Failed(reason)),
        }
        self.judgement.permit().map_err(|gap| TransferError::Failed(FailureReason::Refused(gap)))?;
        if self.judgement.verdict(Guarantee::Rollback).level == Level::Missing && !accept_rollback {
            return Err(TransferError::RollbackNotAccepted);
        }
        let records = self.open(export)?;
        let size = Records(records).try_fold(0, |size, record| match record? {
            (key, value) if firmware::is_of_later_form(key, value) => Err(TransferError::NewerFirmware),
            (_, value) => Ok(size + crate::state::RecordHeap::footprint(value.len())),
        })?;
        if size + RESERVE > self.state.persistent_size() {
            return Err(TransferError::NoRoom);
        }
        if self.ledger.is_detached() {
            self.ledger.begin(&mut self.state, &mut self.platform).map_err(TransferError::Failed)?;
        }
        self.failure = Some(FailureReason::AwaitsImport);
        self.clear_for_import()?;
        let mut rest = Records(records);
        while !rest.0.is_empty() {
            self.transaction(|_, arena, changes| stage_records(&mut rest, arena, changes))?;
        }
        if !manufacture::is_complete(&self.state) {
            return Err(TransferError::Failed(FailureReason::State));
        }
        self.transaction(arrive)?;
        let _tried_again_at_the_next_start = self.platform.mark_provisioned();
        self.failure = None;
        self.remember();
        self.power_on();
        Ok(())
    }

    /// The export's records, decrypted in place.
    fn open<'e>(&mut self, export: &'e mut [u8]) -> Result<&'e [u8], TransferError> {
        let device = self.device_secret().ok();
        let prepared = self.state.find::<ImportToken<'_>>(Kind::ImportToken.only()).ok().flatten();
        let token: Option<Token> = prepared
            .and_then(|prepared| prepared.token.as_slice().try_into().ok())
            .map(|bytes: &[u8; TOKEN_SIZE]| Zeroizing::new(*bytes));
        if token.is_none() && device.is_none() {
            return Err(TransferError::NotPrepared);
        }
        let (header, rest) =
            export.split_at_mut_checked(HEADER_SIZE).ok_or(TransferError::NotForThisTarget)?;
        let length = rest.len().checked_sub(MAC_SIZE).ok_or(TransferError::NotForThisTarget)?;
        let (content, mac) = rest.split_at_mut(length);
        let (fixed, salt) = header.split_at(FIXED_SIZE);
        let (salt, size) = salt.split_at(SALT_SIZE);
        let whole = fixed.starts_with(&MAGIC)
            && fixed[8..10] == VERSION.to_be_bytes()
            && u32::try_from(length).is_ok_and(|length| size == length.to_be_bytes());
        if !whole {
            return Err(TransferError::NotForThisTarget);
        }
        let fits = |secret: &Token| {
            let keys = Keys::derive(secret, salt);
            let mut hmac = Hmac::new(HASH, keys.mac.as_slice());
            hmac.update(header);
            hmac.update(content);
            hmac.verify(mac).then_some(keys)
        };
        let (keys, by_device) = match token.as_ref().and_then(fits) {
            Some(keys) => (keys, false),
            None => (device.as_ref().and_then(fits).ok_or(TransferError::NotForThisTarget)?, true),
        };
        if fixed[10..14] > firmware::SVN.to_be_bytes()[..] {
            return Err(TransferError::NewerFirmware);
        }
        if by_device && self.platform.counter_assurance() != CounterAssurance::None {
            // The token counts once; this export counts until the TPM has gone on.
            let counter = self.platform.counter_value().map_err(|_| TransferError::Unavailable)?;
            // An import that was cut short has moved the counter itself.
            let importing = self.state.find::<Importing<'_>>(Kind::Importing.only()).ok().flatten();
            let stood = importing.map_or(counter, |importing| importing.number);
            if fixed[14..] != stood.to_be_bytes() {
                return Err(TransferError::Failed(FailureReason::Store(StoreError::RolledBack)));
            }
        }
        if !by_device && self.failure == Some(FailureReason::Store(StoreError::Missing)) {
            return Err(TransferError::NotPrepared);
        }
        let mut counter = [0; AES_BLOCK_SIZE];
        aes(BlockMode::Ctr, keys.cipher.as_slice(), &mut counter, content, Direction::Decrypt)
            .map_err(|_| TransferError::NotForThisTarget)?;
        Ok(content)
    }

    /// Takes away what a TPM that was moved from here, or an import that was cut short, left. The token stays.
    fn clear_for_import(&mut self) -> Result<(), TransferError> {
        let number = self.ledger.number();
        self.transaction(|state, arena, changes| {
            if state.bytes(Kind::Importing.only()).is_none() {
                let attack = state.find::<DictionaryAttack<'_>>(Kind::DictionaryAttack.only())?;
                let manufacture = state.find::<Manufacture<'_>>(Kind::Manufacture.only())?;
                let importing = Importing {
                    failed_tries: attack.map_or(0, |attack| attack.failed_tries),
                    count: manufacture.map_or(0, |manufacture| manufacture.count),
                    number,
                    bytes: core::marker::PhantomData,
                };
                changes.put(arena, &importing)?;
            }
            let kept = [Kind::Commit as u16, Kind::ImportToken as u16, Kind::Importing as u16];
            let mut last = None;
            // Ascending, each kind once.
            while let Some(kind) = state
                .persistent_kinds()
                .filter(|kind| last.is_none_or(|last| *kind > last) && !kept.contains(kind))
                .min()
            {
                changes.push(Change::DeleteKind { kind })?;
                last = Some(kind);
            }
            Ok(())
        })
    }

    fn device_secret(&mut self) -> Result<Token, TransferError> {
        let mut secret = Token::default();
        self.platform
            .derive_key(LABEL, secret.as_mut_slice())
            .map_err(|_| TransferError::NoDeviceKey)
            .map(|()| secret)
    }

    /// One transaction outside of a command.
    fn transaction(
        &mut self,
        stage: impl for<'b> FnOnce(&State<'_>, &Arena<'b>, &mut Changes<'b>) -> tpm2_types::Result<()>,
    ) -> Result<(), TransferError> {
        let Self { state, buffer, platform, ledger, failure, .. } = self;
        let mut stopped = None;
        let outcome = {
            let arena = Arena::new(&mut buffer[MAX_COMMAND_SIZE..]);
            let mut changes = Changes::new();
            ledger.settle(state, platform, &mut stopped);
            stage(state, &arena, &mut changes)
                .and_then(|()| ledger.commit(state, platform, &mut stopped, &arena, &mut changes))
        };
        buffer[MAX_COMMAND_SIZE..].zeroize();
        if stopped.is_some() {
            *failure = stopped;
        }
        outcome.map_err(|code| match (stopped, code) {
            (Some(reason), _) => TransferError::Failed(reason),
            (None, ResponseCode::NV_UNAVAILABLE | ResponseCode::NV_RATE) => TransferError::Unavailable,
            (None, ResponseCode::MEMORY | ResponseCode::NV_SPACE) => TransferError::NoRoom,
            (None, _) => TransferError::Failed(FailureReason::State),
        })
    }
}

/// What the import adds to the records of the export, and what they may grow by afterwards, in bytes.
const RESERVE: usize = 2048;

/// Stages the next records, as many as one transaction takes.
fn stage_records<'b>(
    rest: &mut Records<'_>,
    arena: &Arena<'b>,
    changes: &mut Changes<'b>,
) -> tpm2_types::Result<()> {
    /// What the transaction's own record takes.
    const SLACK: usize = 64;
    for _ in 0..BATCH {
        let before = Records(rest.0);
        let Some(record) = rest.next() else { return Ok(()) };
        let (key, value) = record.map_err(|_| ResponseCode::FAILURE)?;
        if value.len() + SLACK > arena.remaining() {
            *rest = before;
            // A record that is too large by itself is none that a TPM writes.
            return if changes.is_empty() { Err(ResponseCode::MEMORY) } else { Ok(()) };
        }
        changes.push(Change::Put { key, value: arena.copy(value)? })?;
    }
    Ok(())
}

/// The last transaction of an import: from here on there is a TPM.
fn arrive<'b>(state: &State<'_>, arena: &Arena<'b>, changes: &mut Changes<'b>) -> tpm2_types::Result<()> {
    let importing: Importing<'_> = state.get(Kind::Importing.only())?;
    let attack = state.dictionary_attack()?;
    let failed_tries = attack.failed_tries.max(importing.failed_tries);
    changes.put(arena, &DictionaryAttack { failed_tries, ..attack })?;
    let orderly = state.orderly()?;
    changes.put(
        arena,
        &Orderly {
            // A later Clock may have been reported where the TPM was before.
            safe: TpmiYesNo(false),
            reset_count: orderly.reset_count.wrapping_add(1),
            total_reset_count: orderly.total_reset_count.wrapping_add(1),
            shutdown: Shutdown::None,
            ..orderly
        },
    )?;
    let manufacture: Manufacture<'_> = state.get(Kind::Manufacture.only())?;
    let count = manufacture.count.max(importing.count).saturating_add(1);
    changes.put(arena, &Manufacture { count, ..manufacture })?;
    changes.put(arena, &firmware::CURRENT)?;
    for kind in SAVED_KINDS {
        if state.bytes(kind.saved()).is_some() {
            changes.delete(kind.saved())?;
        }
    }
    changes.delete(Kind::ImportToken.only())?;
    changes.delete(Kind::Importing.only())
}

/// Writes the export.
fn seal(state: &State<'_>, secret: &Token, number: u64, salt: &[u8; SALT_SIZE], out: &mut dyn FnMut(&[u8])) {
    let keys = Keys::derive(secret, salt);
    let exported = || state.persistent_records().filter(|(key, _)| is_exported(*key));
    let length: usize = exported().map(|(_, value)| RECORD_HEADER_SIZE + value.len()).sum();
    let mut sealer = Sealer {
        hmac: Hmac::new(HASH, keys.mac.as_slice()),
        keys: &keys,
        counter: [0; AES_BLOCK_SIZE],
        chunk: Zeroizing::new([0; CHUNK]),
        filled: 0,
        out,
    };
    sealer.plain(&MAGIC);
    sealer.plain(&VERSION.to_be_bytes());
    sealer.plain(&firmware::SVN.to_be_bytes());
    sealer.plain(&number.to_be_bytes());
    sealer.plain(salt);
    sealer.plain(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    for (key, value) in exported() {
        sealer.secret(&key.kind.to_be_bytes());
        sealer.secret(&key.id.to_be_bytes());
        sealer.secret(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        sealer.secret(value);
    }
    sealer.finish();
}

fn is_exported(key: RecordKey) -> bool {
    !OF_THE_DEVICE.iter().any(|kind| *kind as u16 == key.kind)
}

/// Both keys of an export.
struct Keys {
    cipher: Zeroizing<[u8; KEY_SIZE]>,
    mac: Zeroizing<[u8; KEY_SIZE]>,
}

impl Keys {
    fn derive(secret: &Token, salt: &[u8]) -> Self {
        let mut keys = Self { cipher: Zeroizing::default(), mac: Zeroizing::default() };
        for (label, key) in [(&b"EXPORT CIPHER"[..], &mut keys.cipher), (b"EXPORT MAC", &mut keys.mac)] {
            kdfa(HASH, secret.as_slice(), label, salt, &[], KEY_SIZE as u32 * 8, key.as_mut_slice());
        }
        keys
    }
}

/// Whole blocks, so that the cipher goes on between two of them.
const CHUNK: usize = 16 * AES_BLOCK_SIZE;

/// Encrypts and authenticates what passes through.
struct Sealer<'s> {
    hmac: Hmac,
    keys: &'s Keys,
    counter: [u8; AES_BLOCK_SIZE],
    chunk: Zeroizing<[u8; CHUNK]>,
    filled: usize,
    out: &'s mut dyn FnMut(&[u8]),
}

impl Sealer<'_> {
    fn plain(&mut self, bytes: &[u8]) {
        self.hmac.update(bytes);
        (self.out)(bytes);
    }

    fn secret(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.filled));
            self.chunk[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == CHUNK {
                self.pass_on();
            }
        }
    }

    fn pass_on(&mut self) {
        let chunk = &mut self.chunk[..self.filled];
        let key = self.keys.cipher.as_slice();
        // Its key has the size of a key: it cannot fail. If it did, nothing would leave in the clear.
        if aes(BlockMode::Ctr, key, &mut self.counter, chunk, Direction::Encrypt).is_err() {
            chunk.zeroize();
        }
        self.hmac.update(chunk);
        (self.out)(chunk);
        self.filled = 0;
    }

    fn finish(mut self) {
        self.pass_on();
        (self.out)(&self.hmac.finish());
    }
}

/// The records in an export.
struct Records<'e>(&'e [u8]);

impl<'e> Iterator for Records<'e> {
    type Item = Result<(RecordKey, &'e [u8]), TransferError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = split_record(self.0);
        self.0 = record.map_or(&[], |(.., rest)| rest);
        Some(record.map(|(key, value, _)| (key, value)).ok_or(TransferError::NotForThisTarget))
    }
}

fn split_record(bytes: &[u8]) -> Option<(RecordKey, &[u8], &[u8])> {
    let (kind, bytes) = bytes.split_first_chunk()?;
    let (id, bytes) = bytes.split_first_chunk()?;
    let (length, bytes) = bytes.split_first_chunk()?;
    let key = RecordKey { kind: u16::from_be_bytes(*kind), id: u32::from_be_bytes(*id) };
    let (value, rest) = bytes.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (is_persistent(key.kind) && is_exported(key)).then_some((key, value, rest))
}

/// The mark of a moved TPM cannot be read.
fn unreadable(_: ResponseCode) -> TransferError {
    TransferError::Failed(FailureReason::State)
}
