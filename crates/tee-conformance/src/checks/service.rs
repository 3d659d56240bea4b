//! A service, and the glue that calls it, under callers who keep to nothing.

use core::cell::Cell;

use tee_api::{
    Client, Direction, Parameter, Parameters, ServiceError, SessionId, SharedBuffer, SharedBufferError,
    TrustedService,
};

use super::ensure;
use crate::bench::{Bench, Cannot, Example};
use crate::report::{Finding, Stop};

/// The largest request, and the largest response, that an example may have.
const MOST_IN: usize = 512;
const MOST_OUT: usize = 4096;

pub(super) fn uuid(bench: &mut dyn Bench) -> Result<(), Stop> {
    let service = bench.service()?;
    let uuid = service.uuid();
    ensure(uuid != [0; 16] && uuid == service.uuid(), "the service has no name of its own")
}

/// A session opens, a second one is apart or refused, and after the end of the first another opens.
pub(super) fn sessions(bench: &mut dyn Bench) -> Result<(), Stop> {
    let one_session = bench.service_facts()?.one_session;
    let service = bench.service()?;
    for _ in 0..3 {
        let first = open(service)?;
        match service.open_session(Client::NormalWorld, &mut no_parameters()) {
            Err(ServiceError::Busy) => {}
            Err(error) => return Err(Finding::with("a second session is refused otherwise", error).into()),
            Ok(_) if one_session => return Err(Finding::new("a second session opens").into()),
            Ok(second) => {
                ensure(second != first, "two sessions have one name")?;
                service.close_session(second);
            }
        }
        service.close_session(first);
        // A session that is not open is no matter.
        service.close_session(first);
    }
    Ok(())
}

/// Whoever names a session that is not open gets nothing, and closes nothing.
pub(super) fn wrong_session(bench: &mut dyn Bench) -> Result<(), Stop> {
    let example = example(bench)?;
    let service = bench.service()?;
    let session = open(service)?;
    for wrong in [session.0.wrapping_add(1), session.0.wrapping_sub(1), !session.0, u32::MAX / 2] {
        service.close_session(SessionId(wrong));
        let answer = call(service, SessionId(wrong), &example);
        ensure(answer == Err(ServiceError::NoSession), "a session that is not open is served")?;
    }
    call(service, session, &example)
        .map_err(|error| Finding::with("the open session is not served any more", error))?;
    service.close_session(session);
    let answer = call(service, session, &example);
    ensure(answer == Err(ServiceError::NoSession), "a closed session is served")
}

pub(super) fn unknown_functions(bench: &mut dyn Bench) -> Result<(), Stop> {
    let known = bench.service_facts()?.functions;
    let service = bench.service()?;
    let session = open(service)?;
    let mut number = 0x2545_F491;
    let mut wrong = None;
    for at in 0..256 {
        // Small ones, the ends, and some from everywhere.
        let function = match at {
            0..64 => at,
            64..72 => u32::MAX - (at - 64),
            _ => next_number(&mut number),
        };
        if !known.contains(&function) {
            let answer = service.invoke(session, function, &mut no_parameters());
            if answer != Err(ServiceError::NotSupported) {
                wrong = Some(function);
            }
        }
    }
    service.close_session(session);
    match wrong {
        Some(function) => {
            Err(Finding::with("there is no such function and it is not refused", u64::from(function)).into())
        }
        None => Ok(()),
    }
}

/// Every kind of parameter in every place: directions hold, nothing is written beyond what the service says, an
/// error leaves the caller's memory alone, and the service goes on.
pub(super) fn hostile_parameters(bench: &mut dyn Bench) -> Result<(), Stop> {
    let facts = bench.service_facts()?;
    let request = facts.example.map_or(&[][..], |example| example.request);
    let service = bench.service()?;
    let session = open(service)?;
    let unknown = facts.functions.iter().fold(0, |most: u32, function| most.max(*function)).saturating_add(1);
    for function in facts.functions.iter().copied().chain([unknown]) {
        for first in KINDS {
            for second in KINDS {
                for third in [Kind::None, Kind::Value(Direction::InOut), Kind::Memory(Direction::InOut, 64)] {
                    one_hostile_call(service, session, function, [first, second, third], request)?;
                }
            }
        }
    }
    if let Some(example) = facts.example {
        call(service, session, &example)
            .map_err(|error| Finding::with("after hostile calls an honest one is refused", error))?;
    }
    service.close_session(session);
    Ok(())
}

/// An answer that does not fit is not given in part; the service says how large it is.
pub(super) fn short_buffer(bench: &mut dyn Bench) -> Result<(), Stop> {
    let example = example(bench)?;
    let service = bench.service()?;
    let session = open(service)?;
    for size in [0, 1, example.response_size - 1] {
        let mut request = Memory::<MOST_IN>::new(example.request.len(), example.request);
        let mut response = Memory::<MOST_OUT>::new(size, &[]);
        let (answer, written) = call_with(service, session, &example, &mut request, &mut response);
        ensure(
            answer == Err(ServiceError::ShortBuffer),
            "an answer that does not fit is not refused as such",
        )?;
        ensure(written > size, "the service does not say how large its answer is")?;
        ensure(response.writes == 0, "half an answer is given")?;
    }
    call(service, session, &example)
        .map_err(|error| Finding::with("after a short buffer an honest call is refused", error))?;
    service.close_session(session);
    Ok(())
}

/// No byte of a request is fetched twice: what the caller changes between two looks changes nothing.
pub(super) fn fetches_once(bench: &mut dyn Bench) -> Result<(), Stop> {
    let example = example(bench)?;
    let service = bench.service()?;
    let session = open(service)?;
    let mut request = Memory::<MOST_IN>::new(example.request.len(), example.request);
    let mut response = Memory::<MOST_OUT>::new(example.response_size, &[]);
    let (answer, written) = call_with(service, session, &example, &mut request, &mut response);
    service.close_session(session);
    answer.map_err(|error| Finding::with("an honest call is refused", error))?;
    ensure(!request.fetched_twice.get(), "a byte of the request is fetched twice")?;
    ensure(request.reads.get() > 0, "the request is not fetched at all")?;
    let fits = written <= response.size && response.highest_written <= written;
    ensure(fits, "more is written than the service says")
}

/// The glue answers a call into a service that is being called.
pub(super) fn reentry_is_busy(bench: &mut dyn Bench) -> Result<(), Stop> {
    match bench.reenter()? {
        Err(ServiceError::Busy) => Ok(()),
        Err(error) => Err(Finding::with("a second call is refused otherwise", error).into()),
        Ok(()) => Err(Finding::new("the service is entered twice at the same time").into()),
    }
}

fn example(bench: &mut dyn Bench) -> Result<Example, Stop> {
    let example = bench.service_facts()?.example.ok_or(Cannot("no call is named that succeeds"))?;
    let fits = example.request.len() <= MOST_IN && (1..=MOST_OUT).contains(&example.response_size);
    if fits { Ok(example) } else { Err(Cannot("the call that succeeds is too large for the suite").into()) }
}

fn open(service: &mut dyn TrustedService) -> Result<SessionId, Stop> {
    service
        .open_session(Client::NormalWorld, &mut no_parameters())
        .map_err(|error| Finding::with("no session opens", error).into())
}

const fn no_parameters() -> Parameters<'static> {
    [const { Parameter::None }; 4]
}

/// The example, as an honest caller makes it.
fn call(service: &mut dyn TrustedService, session: SessionId, example: &Example) -> Result<(), ServiceError> {
    let mut request = Memory::<MOST_IN>::new(example.request.len(), example.request);
    let mut response = Memory::<MOST_OUT>::new(example.response_size, &[]);
    call_with(service, session, example, &mut request, &mut response).0
}

/// The answer, and how much the service says to have written.
fn call_with(
    service: &mut dyn TrustedService,
    session: SessionId,
    example: &Example,
    request: &mut Memory<MOST_IN>,
    response: &mut Memory<MOST_OUT>,
) -> (Result<(), ServiceError>, usize) {
    let mut parameters = [
        Parameter::Memory { direction: Direction::In, buffer: request, written: 0 },
        Parameter::Memory { direction: example.direction, buffer: response, written: 0 },
        Parameter::None,
        Parameter::None,
    ];
    let answer = service.invoke(session, example.function, &mut parameters);
    let written = match &parameters[1] {
        Parameter::Memory { written, .. } => *written,
        _ => 0,
    };
    (answer, written)
}

/// A parameter that a hostile caller gives.
#[derive(Clone, Copy)]
enum Kind {
    None,
    Value(Direction),
    Memory(Direction, usize),
}

const KINDS: [Kind; 13] = [
    Kind::None,
    Kind::Value(Direction::In),
    Kind::Value(Direction::Out),
    Kind::Value(Direction::InOut),
    Kind::Memory(Direction::In, 0),
    Kind::Memory(Direction::In, 9),
    Kind::Memory(Direction::In, SMALL),
    Kind::Memory(Direction::Out, 0),
    Kind::Memory(Direction::Out, 9),
    Kind::Memory(Direction::Out, SMALL),
    Kind::Memory(Direction::InOut, 0),
    Kind::Memory(Direction::InOut, 9),
    Kind::Memory(Direction::InOut, SMALL),
];

/// What a hostile caller's memory holds at most.
const SMALL: usize = 128;

impl Kind {
    fn parameter(self, memory: &mut Memory<SMALL>) -> Parameter<'_> {
        match self {
            Self::None => Parameter::None,
            Self::Value(direction) => Parameter::Value { direction, value: [u32::MAX, 0] },
            Self::Memory(direction, _) => Parameter::Memory { direction, buffer: memory, written: 0 },
        }
    }

    const fn size(self) -> usize {
        match self {
            Self::Memory(_, size) => size,
            _ => 0,
        }
    }
}

fn one_hostile_call(
    service: &mut dyn TrustedService,
    session: SessionId,
    function: u32,
    kinds: [Kind; 3],
    request: &[u8],
) -> Result<(), Stop> {
    let mut memories = kinds.map(|kind| Memory::<SMALL>::new(kind.size(), request));
    let [first, second, third] = &mut memories;
    let mut parameters =
        [kinds[0].parameter(first), kinds[1].parameter(second), kinds[2].parameter(third), Parameter::None];
    let answer = service.invoke(session, function, &mut parameters);
    let written = [0, 1, 2].map(|at| match &parameters[at] {
        Parameter::Memory { written, .. } => *written,
        _ => 0,
    });
    for at in 0..3 {
        let Kind::Memory(direction, size) = kinds[at] else { continue };
        let memory = &memories[at];
        ensure(direction.is_out() || memory.writes == 0, "memory that only goes in is written")?;
        ensure(direction.is_in() || memory.reads.get() == 0, "memory that only goes out is read")?;
        ensure(memory.writes == 0 || answer.is_ok(), "a call that fails writes the caller's memory")?;
        if answer.is_ok() {
            ensure(written[at] <= size, "the service says to have written more than fits")?;
            ensure(memory.highest_written <= written[at], "more is written than the service says")?;
        }
    }
    Ok(())
}

/// The caller's memory, which watches the service. It changes at each look: a byte that is fetched again is another.
struct Memory<const N: usize> {
    bytes: [u8; N],
    size: usize,
    reads: Cell<u32>,
    /// Bytes that were fetched, up to the 512th.
    fetched: Cell<[u64; 8]>,
    fetched_twice: Cell<bool>,
    writes: u32,
    highest_written: usize,
}

impl<const N: usize> Memory<N> {
    /// `size` bytes that begin with `content`.
    fn new(size: usize, content: &[u8]) -> Self {
        let mut bytes = [0; N];
        let count = content.len().min(size).min(N);
        bytes[..count].copy_from_slice(&content[..count]);
        Self {
            bytes,
            size: size.min(N),
            reads: Cell::new(0),
            fetched: Cell::new([0; 8]),
            fetched_twice: Cell::new(false),
            writes: 0,
            highest_written: 0,
        }
    }

    /// Where `length` bytes from `offset` on end.
    fn end(&self, offset: usize, length: usize) -> Result<usize, SharedBufferError> {
        offset.checked_add(length).filter(|end| *end <= self.size).ok_or(SharedBufferError)
    }
}

impl<const N: usize> SharedBuffer for Memory<N> {
    fn size(&self) -> usize {
        self.size
    }

    fn copy_in(&self, offset: usize, out: &mut [u8]) -> Result<(), SharedBufferError> {
        let end = self.end(offset, out.len())?;
        let mut fetched = self.fetched.get();
        for (at, byte) in (offset..end).zip(out) {
            let (word, bit) = (at / 64, 1 << (at % 64));
            let again = fetched.get(word).is_some_and(|word| *word & bit != 0);
            if again {
                self.fetched_twice.set(true);
            }
            if let Some(word) = fetched.get_mut(word) {
                *word |= bit;
            }
            *byte = if again { !self.bytes[at] } else { self.bytes[at] };
        }
        self.fetched.set(fetched);
        self.reads.set(self.reads.get().saturating_add(1));
        Ok(())
    }

    fn copy_out(&mut self, offset: usize, bytes: &[u8]) -> Result<(), SharedBufferError> {
        let end = self.end(offset, bytes.len())?;
        self.bytes[offset..end].copy_from_slice(bytes);
        self.writes = self.writes.saturating_add(1);
        self.highest_written = self.highest_written.max(end);
        Ok(())
    }
}

/// The next of a row of numbers that has no pattern (xorshift).
const fn next_number(number: &mut u32) -> u32 {
    *number ^= *number << 13;
    *number ^= *number >> 17;
    *number ^= *number << 5;
    *number
}
