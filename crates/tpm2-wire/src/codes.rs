//! Declares a protocol's codes once: the type, its numbers and the way back from a number.

macro_rules! wire_codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$code_meta:meta])* $code:ident = $number:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$code_meta])* $code = $number,)*
        }

        impl $name {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The code with this number.
            pub const fn new(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$code),)*
                    _ => None,
                }
            }

            /// The number that goes on the wire.
            pub const fn get(self) -> u32 {
                self as u32
            }
        }
    };
}

pub(crate) use wire_codes;
