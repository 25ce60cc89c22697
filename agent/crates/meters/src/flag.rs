//! Reads meters that speak IEC 62056-21, as their model says.
//!
//! A [`Visit`] is one session with one meter: it opens the conversation, looks whether the meter
//! is of its model, proves the password, and reads what it is asked for. What the octets mean is
//! for the decoders; what is due, and where it goes, for the caller.

mod instant;
mod terms;
mod visit;
mod window;

pub use instant::InstantAnswers;
pub use terms::{Credentials, LineUse, Wish, terms};
pub use visit::{Raw, Visit, VisitFault};
