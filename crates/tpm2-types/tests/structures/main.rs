//! Structures from the outside: round trips, sizes, response codes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod codes;
mod round_trip;
mod samples;
mod sizes;
