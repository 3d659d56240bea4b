//! A small service: it gives back what it is given, in reverse.

use std::cell::RefCell;
use std::rc::Rc;

use tee_api::{
    Client, Direction, Parameter, Parameters, ServiceError, SessionId, SharedBuffer, SharedBufferError,
    TrustedService,
};
use tee_conformance::{Example, ServiceFacts};

use crate::mutant::Fault;

pub const FACTS: ServiceFacts = ServiceFacts {
    one_session: true,
    functions: &[7],
    example: Some(Example { function: 7, direction: Direction::Out, request: b"hello", response_size: 5 }),
};

const LONGEST: usize = 64;

pub struct Reverser {
    fault: Fault,
    open: Option<SessionId>,
    next: u32,
}

impl Reverser {
    fn reverse(&self, parameters: &mut Parameters<'_>) -> Result<(), ServiceError> {
        let [input, output, Parameter::None, Parameter::None] = parameters else {
            return Err(ServiceError::BadParameters);
        };
        let Parameter::Memory { direction: Direction::In, buffer: input, .. } = input else {
            return Err(ServiceError::BadParameters);
        };
        let length = input.size();
        let Parameter::Memory { direction: Direction::Out, buffer: output, written } = output else {
            if self.fault == Fault::ServiceWritesInput {
                let _ = input.copy_out(0, &[0; 1]);
            }
            return Err(ServiceError::BadParameters);
        };
        if length > LONGEST {
            return Err(ServiceError::BadParameters);
        }
        let mut bytes = [0; LONGEST];
        let bytes = &mut bytes[..length];
        input.copy_in(0, bytes).map_err(|_| ServiceError::Communication)?;
        if self.fault == Fault::ServiceFetchesTwice {
            input.copy_in(0, bytes).map_err(|_| ServiceError::Communication)?;
        }
        bytes.reverse();
        if length > output.size() {
            *written = length;
            if self.fault == Fault::ServiceGivesHalf {
                let _ = output.copy_out(0, &bytes[..output.size()]);
            }
            return Err(ServiceError::ShortBuffer);
        }
        output.copy_out(0, bytes).map_err(|_| ServiceError::Communication)?;
        *written = length;
        Ok(())
    }
}

impl TrustedService for Reverser {
    fn uuid(&self) -> [u8; 16] {
        if self.fault == Fault::ServiceWithoutName { [0; 16] } else { *b"reverser service" }
    }

    fn open_session(&mut self, _: Client, _: &mut Parameters<'_>) -> Result<SessionId, ServiceError> {
        if self.open.is_some() && self.fault != Fault::ServiceOpensTwice {
            return Err(ServiceError::Busy);
        }
        self.next += 1;
        let session = SessionId(self.next);
        self.open = Some(session);
        Ok(session)
    }

    fn invoke(
        &mut self,
        session: SessionId,
        function: u32,
        parameters: &mut Parameters<'_>,
    ) -> Result<(), ServiceError> {
        if self.open != Some(session) && self.fault != Fault::ServiceTakesAnySession {
            return Err(ServiceError::NoSession);
        }
        match function {
            7 => self.reverse(parameters),
            0x40.. if self.fault == Fault::ServiceTakesAnyFunction => Ok(()),
            _ => Err(ServiceError::NotSupported),
        }
    }

    fn close_session(&mut self, session: SessionId) {
        self.open.take_if(|open| *open == session);
    }
}

/// The glue: whoever calls while a call is being served is told so.
#[derive(Clone)]
pub struct Desk {
    service: Rc<RefCell<Reverser>>,
    fault: Fault,
}

impl Desk {
    pub fn new(fault: Fault) -> Self {
        Self { service: Rc::new(RefCell::new(Reverser { fault, open: None, next: 0 })), fault }
    }

    /// Calls the service out of a look that it takes into its caller's memory.
    pub fn reenter(&self) -> Result<(), ServiceError> {
        let mut outer = self.clone();
        let session = outer.open_session(Client::NormalWorld, &mut nothing())?;
        let inner = RefCell::new(Ok(()));
        let mut memory = Reentering { desk: self, session, answer: &inner };
        let mut output = [0; 4];
        let mut output = Slice(&mut output);
        let mut parameters = nothing();
        parameters[0] = Parameter::Memory { direction: Direction::In, buffer: &mut memory, written: 0 };
        parameters[1] = Parameter::Memory { direction: Direction::Out, buffer: &mut output, written: 0 };
        outer.invoke(session, 7, &mut parameters)?;
        outer.close_session(session);
        inner.into_inner()
    }

    fn enter<T>(
        &self,
        act: impl FnOnce(&mut Reverser) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        match self.service.try_borrow_mut() {
            Ok(mut service) => act(&mut service),
            // As if nobody kept the door: a second instance runs meanwhile.
            Err(_) if self.fault == Fault::GlueLetsIn => {
                act(&mut Reverser { fault: Fault::ServiceTakesAnySession, open: None, next: 0 })
            }
            Err(_) => Err(ServiceError::Busy),
        }
    }
}

impl TrustedService for Desk {
    fn uuid(&self) -> [u8; 16] {
        self.service.borrow().uuid()
    }

    fn open_session(
        &mut self,
        client: Client,
        parameters: &mut Parameters<'_>,
    ) -> Result<SessionId, ServiceError> {
        self.enter(|service| service.open_session(client, parameters))
    }

    fn invoke(
        &mut self,
        session: SessionId,
        function: u32,
        parameters: &mut Parameters<'_>,
    ) -> Result<(), ServiceError> {
        self.enter(|service| service.invoke(session, function, parameters))
    }

    fn close_session(&mut self, session: SessionId) {
        let _ = self.enter(|service| {
            service.close_session(session);
            Ok(())
        });
    }
}

/// A caller's memory, in which a look calls the service again.
struct Reentering<'a> {
    desk: &'a Desk,
    session: SessionId,
    answer: &'a RefCell<Result<(), ServiceError>>,
}

impl SharedBuffer for Reentering<'_> {
    fn size(&self) -> usize {
        4
    }

    fn copy_in(&self, _: usize, out: &mut [u8]) -> Result<(), SharedBufferError> {
        out.fill(1);
        let (mut input, mut output) = ([0; 4], [0; 4]);
        let (mut input, mut output) = (Slice(&mut input), Slice(&mut output));
        let mut parameters = nothing();
        parameters[0] = Parameter::Memory { direction: Direction::In, buffer: &mut input, written: 0 };
        parameters[1] = Parameter::Memory { direction: Direction::Out, buffer: &mut output, written: 0 };
        *self.answer.borrow_mut() = self.desk.clone().invoke(self.session, 7, &mut parameters);
        Ok(())
    }

    fn copy_out(&mut self, _: usize, _: &[u8]) -> Result<(), SharedBufferError> {
        Err(SharedBufferError)
    }
}

struct Slice<'a>(&'a mut [u8]);

impl SharedBuffer for Slice<'_> {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn copy_in(&self, offset: usize, out: &mut [u8]) -> Result<(), SharedBufferError> {
        let bytes = self.0.get(offset..).and_then(|rest| rest.get(..out.len())).ok_or(SharedBufferError)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn copy_out(&mut self, offset: usize, bytes: &[u8]) -> Result<(), SharedBufferError> {
        let place = self.0.get_mut(offset..).and_then(|rest| rest.get_mut(..bytes.len()));
        place.ok_or(SharedBufferError)?.copy_from_slice(bytes);
        Ok(())
    }
}

fn nothing<'a>() -> Parameters<'a> {
    [const { Parameter::None }; 4]
}
