//! IEC 62056-21 (FLAG), as Elster meters and those of the VDEW style speak it.
//!
//! So far the crate is its [`codec`]: pure functions of octets, for the gateway's and the meter's
//! side. Conversations over a line come on top of it. What is implemented, what is not and what is
//! uncertain stands in `docs/standards/iec62056-21.md`.

pub mod codec;
pub mod conversation;
mod fuzz;
pub mod limits;
pub mod meter;

pub use fuzz::{fuzz_answer, fuzz_request};
