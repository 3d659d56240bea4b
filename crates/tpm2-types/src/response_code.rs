//! TPM_RC (Part 2, 6.6).

/// Where in a command a format-one response code was raised. Numbers count from 1, as in the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The n-th handle.
    Handle(u8),
    /// The n-th parameter.
    Parameter(u8),
    /// The n-th session.
    Session(u8),
}

/// TPM_RC: what the TPM answers instead of a result.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseCode(u32);

impl ResponseCode {
    /// Bit F: the code is format-one and may carry a position.
    const FORMAT_ONE: u32 = 0x080;
    const PARAMETER: u32 = 0x040;
    const POSITION: u32 = 0xF40;

    /// The code with this number.
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// The number that goes on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// This code raised at `position`. A format-zero code, or one that has a position already, stays as it is.
    #[must_use]
    pub const fn at(self, position: Position) -> Self {
        if self.0 & Self::FORMAT_ONE == 0 || self.0 & Self::POSITION != 0 {
            return self;
        }
        Self(match position {
            Position::Handle(number) => self.0 | (number as u32) << 8,
            Position::Parameter(number) => self.0 | Self::PARAMETER | (number as u32) << 8,
            Position::Session(number) => self.0 | (number as u32 + 8) << 8,
        })
    }

    /// This code without its position.
    #[must_use]
    pub const fn base(self) -> Self {
        if self.0 & Self::FORMAT_ONE == 0 { self } else { Self(self.0 & !Self::POSITION) }
    }
}
