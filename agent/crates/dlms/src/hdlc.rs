//! The HDLC of DLMS (IEC 62056-46): frames of type 3, one master, numbered information.

mod address;
mod control;
mod expected;
mod frame;
mod parameters;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use control::Control;
pub use expected::{Awaited, ExpectedFrame};
pub use frame::{Frame, FrameFault, Seen, seen};
pub use parameters::Parameters;

/// The flag around frames.
pub const FLAG: u8 = 0x7e;

/// What stands before a request: LLC, command.
pub const LLC_COMMAND: [u8; 3] = [0xe6, 0xe6, 0x00];

/// What stands before an answer: LLC, response.
pub const LLC_RESPONSE: [u8; 3] = [0xe6, 0xe7, 0x00];

/// The number that follows, of three bits.
pub(crate) fn next(number: u8) -> u8 {
    (number + 1) & 7
}
