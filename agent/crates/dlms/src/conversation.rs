//! The gateway's conversations with a meter, over a guarded line.
//!
//! A [`Session`] is one association: it opens the link below, asks, and leaves line and meter as it
//! found them. Whoever owns the line gives it to one session at a time.
//!
//! A late or doubled answer is never taken for the answer to another request. On HDLC a frame counts
//! only with the sequence numbers that the request leaves open; over TCP one unanswered request ends
//! the session. Above both, an answer counts only with the kind and the invoke id of its request and,
//! where APDUs are ciphered, with a counter that was not heard before.

mod fault;
mod hdlc_link;
mod key_transfer;
mod link;
mod mask;
mod opening;
mod reach;
mod services;
mod session;
mod terms;
mod wrapper_link;

pub use fault::{Remedy, SessionFault, Step};
pub use key_transfer::KeyRole;
pub use mask::PasswordMask;
pub use reach::reach;
pub use session::{Closed, Session};
pub use terms::{Access, Beginning, Ciphering, Road, Scope, Terms};
