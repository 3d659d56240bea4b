//! What a platform guarantees, and what becomes of what it does not.
//!
//! A [`Posture`] is read off a platform: one answer for each [`Guarantee`]. A [`Policy`] says for each gap whether a
//! service refuses, degrades or warns. [`judge`] puts both together; it alone makes the [`Permit`] without which no
//! seed is created. What came out stands in [`Evidence`], which a TPM attests and others check.
//!
//! ```
//! use posture::{Action, Guarantee, Level, Policy, judge};
//! # let mut platform = platform_memory::MemoryPlatform::new(1);
//! platform.set_entropy_assurance(tee_api::EntropyAssurance::None);
//! let judgement = judge(&posture::Posture::of(&mut platform), &Policy::DEFAULT);
//! assert_eq!(judgement.verdict(Guarantee::Entropy).action, Some(Action::Refuse));
//! assert!(judgement.permit().is_err());
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod evidence;
mod explain;
mod guarantee;
mod judge;
mod policy;
mod posture;
#[cfg(test)]
mod tests;

pub use evidence::{Evidence, EvidenceError};
pub use explain::{Explanation, explain};
pub use guarantee::{Guarantee, Level};
pub use judge::{Judgement, Permit, Verdict, judge};
pub use policy::{Action, Policy};
pub use posture::Posture;
