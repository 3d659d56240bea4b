//! The hand from outside, for the conformance suite: it has wires to the board that the port does not have.

use tee_api::Platform;
use tee_conformance::{Bench, Cannot, ClockMove, Place, Restart, Starvation};

use crate::board::{Board, Hardware};
use crate::platform::Port;

/// The port on its board.
pub struct PortBench {
    board: Board,
    port: Port,
    copies: [Option<[Vec<u8>; 2]>; 2],
}

impl PortBench {
    pub fn new() -> Self {
        let board = Hardware::new();
        let port = Port::start(&board);
        Self { board, port, copies: [None, None] }
    }
}

impl Bench for PortBench {
    fn platform(&mut self) -> &mut dyn Platform {
        &mut self.port
    }

    fn calm(&mut self) {
        let mut board = self.board.borrow_mut();
        board.random_runs_dry = false;
        board.random_is_stuck = false;
        board.writes_left = None;
        board.cancel_line = false;
    }

    fn make_new(&mut self) -> Result<(), Cannot> {
        *self = Self::new();
        Ok(())
    }

    fn restart(&mut self, how: Restart) -> Result<(), Cannot> {
        {
            let mut board = self.board.borrow_mut();
            board.core_reset_alone = how == Restart::Service;
            board.writes_left = None;
            if how != Restart::Service {
                board.failure = None;
            }
        }
        self.port = Port::start(&self.board);
        Ok(())
    }

    fn cut_after_writes(&mut self, writes: u32) -> Result<(), Cannot> {
        self.board.borrow_mut().writes_left = Some(writes);
        Ok(())
    }

    fn keep_copy(&mut self, place: Place) -> Result<(), Cannot> {
        self.copies[place as usize] = Some(self.board.borrow().flash.clone());
        Ok(())
    }

    fn put_copy_back(&mut self, place: Place) -> Result<(), Cannot> {
        let copy = self.copies[place as usize].clone().ok_or(Cannot("nothing was copied"))?;
        self.board.borrow_mut().flash = copy;
        self.restart(Restart::Platform)
    }

    fn starve(&mut self, how: Starvation) -> Result<(), Cannot> {
        let mut board = self.board.borrow_mut();
        match how {
            Starvation::Dry => board.random_runs_dry = true,
            Starvation::Stuck => {
                board.random_is_stuck = true;
                // The test has to have seen a word before it can see the same again.
                board.random_word();
            }
        }
        Ok(())
    }

    fn move_clock(&mut self, how: ClockMove) -> Result<(), Cannot> {
        match how {
            ClockMove::Pass(milliseconds) => self.board.borrow_mut().microseconds += milliseconds * 1000,
            ClockMove::Back(_) => return Err(Cannot("nobody has a wire to the timer")),
        }
        Ok(())
    }

    fn ask_to_cancel(&mut self, cancel: bool) -> Result<(), Cannot> {
        self.board.borrow_mut().cancel_line = cancel;
        Ok(())
    }

    /// The fuse of this board is as good as new after `make_new`.
    fn may_mark(&mut self) -> Result<(), Cannot> {
        Ok(())
    }

    fn failure_is_seen(&mut self) -> Result<bool, Cannot> {
        Ok(self.board.borrow().failure.is_some())
    }
}
