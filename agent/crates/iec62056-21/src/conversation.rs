//! The gateway's side of a conversation, over a guarded line.
//!
//! A [`Session`] is one conversation in programming mode, from the sign-on to the sign-off; it owns the
//! line for its duration. [`identify`] asks who is there, [`read_out`] brings a readout, [`hear_push`] what a meter of mode D
//! sends unasked, [`overhear`] the conversation of others.
//!
//! # Why no value is booked wrongly
//!
//! The answers of Elster meters carry no identity: only their length, and the order of the requests,
//! tell what they belong to. So a session keeps these rules:
//!
//! - After an exchange that failed the line falls silent, and a [`Probe`] is sent whose answer is told
//!   from all that may still come. Only when it is answered the request is repeated. A meter, or
//!   the modem before it, answers in the order of the requests: what was asked before is then over.
//! - An answer that equals one of the last four of its length may be a copy. It is believed when it is
//!   the same again behind a probe.
//! - A confirmation carries nothing at all. Between two of them stands a probe; where one does not
//!   come, what it should confirm is [unknown](SessionFault::WriteUnknown), and never repeated.
//! - Packets of a data stream have a number and a checksum. A stream that breaks is ended, and the
//!   caller reads on behind what was taken.
//!
//! # Dropping a session
//!
//! A session that is dropped half-way leaves a promise in the guard: whoever uses the line next first waits
//! for the deadline of the exchange that was dropped, sends the sign-off, and restores the line's
//! settings. Another session then also waits until the meter can no longer answer late.

mod fault;
mod in_step;
mod log_on;
mod mask;
mod opening;
mod packets;
mod pattern;
mod readout;
mod session;
mod sets;
mod sign_on;
mod stream;
mod terms;
#[cfg(test)]
mod tests;
mod track;
mod voice;

pub(crate) use pattern::fuzz as fuzz_patterns;

pub use fault::{Garble, PasswordRefusal, SessionFault, SessionRemedy, Step};
pub use readout::{HandOver, ReadOut, hand_over_hdlc, hear_push, identify, overhear, read_out};
pub use session::{Answered, Closed, Session, Standing};
pub use terms::{LogOn, Opening, ParityBy, Probe, Terms};
