//! What the answer to a request looks like, and where it ends.

mod search;

use super::command::Command;
use super::option_select::Purpose;
use super::symbol::STX;
use crate::limits::{
    COMMAND_PAYLOAD_OCTETS_MAX, IDENTIFICATION_OCTETS_MAX, PAYLOAD_OCTETS_MAX, REFUSAL_CHARS_MAX,
    STREAM_DATA_OCTETS_MAX, STREAM_EXTRA_OCTETS,
};

/// Around the payload of a block: `STX`, the end, the block check.
const BLOCK_EXTRA_OCTETS: usize = 3;
/// Around the payload of a command: `SOH`, its name, and what is around a block.
const COMMAND_EXTRA_OCTETS: usize = 3 + BLOCK_EXTRA_OCTETS;
/// The payload of a refusal: its text in brackets.
const REFUSAL_PAYLOAD_OCTETS: usize = REFUSAL_CHARS_MAX + 2;

/// How the end of an answer is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// An answer that is no refusal has so many octets.
    Exact(usize),
    /// Its beginning says how many octets it has.
    Declared,
    /// An end character.
    ///
    /// One flipped bit makes one out of a `C` or a `D`, and one block check in 128 is right by
    /// chance. Where data sets follow each other that would cut off the later ones, so such an
    /// answer counts only if nothing follows it.
    Marked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Identification,
    Operand,
    Readout,
    Confirmation,
    ConfirmationOrData,
    /// So many octets in hexadecimal.
    Octets(u8),
    /// Whole data, perhaps with this address before them.
    Data(Option<String>),
    /// Data that may be partial.
    Partial,
    /// The packet of a data stream with this number.
    Packet(u16),
}

/// The answer that a request allows; known before the request is sent.
///
/// Besides, a meter may always refuse, not acknowledge, or sign off. An undamaged message that
/// does not answer the request is passed over: it may answer an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedAnswer {
    body: Body,
}

impl ExpectedAnswer {
    fn of(body: Body) -> Self {
        Self { body }
    }

    /// To a sign-on.
    pub fn to_sign_on() -> Self {
        Self::of(Body::Identification)
    }

    /// To an option select; also to none, if a meter of mode A or B reads itself out. None for
    /// binary mode, which is another protocol.
    pub fn to_option_select(purpose: Purpose) -> Option<Self> {
        match purpose {
            Purpose::Readout => Some(Self::of(Body::Readout)),
            Purpose::Programming
            | Purpose::Maker6
            | Purpose::Maker7
            | Purpose::Maker8
            | Purpose::Maker9 => Some(Self::of(Body::Operand)),
            Purpose::Binary => None,
        }
    }

    /// To a command, and to the `ACK` that asks for the next partial block of its answer. None to
    /// a sign-off, which has no answer.
    pub fn to_command(command: &Command<'_>) -> Option<Self> {
        let body = match command {
            Command::PlainPassword(_) | Command::PasswordAnswer(_) | Command::Write(..) => {
                Body::Confirmation
            }
            Command::Execute(_) => Body::ConfirmationOrData,
            Command::Read(form, _) if form.is_partial() => Body::Partial,
            Command::Read(..) => Body::Data(None),
            Command::ReadStream(_) => Body::Packet(1),
            Command::SignOff | Command::FastSignOff => return None,
        };
        Some(Self::of(body))
    }

    /// To a read of so many octets of a packet of an Elster meter.
    pub fn to_packet_read(octets: u8) -> Self {
        Self::of(Body::Octets(octets))
    }

    /// To a read whose answer begins with the address that was asked for. Then the answer to an
    /// earlier request for another address is told from it.
    pub fn to_read_of(address: &str) -> Self {
        Self::of(Body::Data(Some(address.to_owned())))
    }

    /// The packet of a data stream with this number.
    pub fn packet_of_stream(number: u16) -> Self {
        Self::of(Body::Packet(number))
    }

    /// How the end of the answer is known.
    pub fn end(&self) -> End {
        match self.body {
            Body::Confirmation => End::Exact(1),
            Body::Octets(octets) => End::Exact(octets_payload(octets) + BLOCK_EXTRA_OCTETS),
            Body::Packet(_) => End::Declared,
            _ => End::Marked,
        }
    }

    /// Whether the answer counts only once the line is silent behind it. An identification has to
    /// count at once: a meter of mode B goes on at another speed.
    pub fn waits_for_silence(&self) -> bool {
        self.end() == End::Marked && self.body != Body::Identification
    }

    /// Octets of the longest message that is looked at.
    pub fn longest(&self) -> usize {
        match self.body {
            Body::Identification => IDENTIFICATION_OCTETS_MAX,
            Body::Packet(_) => STREAM_DATA_OCTETS_MAX + STREAM_EXTRA_OCTETS,
            _ => self.payload_max() + COMMAND_EXTRA_OCTETS,
        }
    }

    fn payload_max(&self) -> usize {
        match self.body {
            Body::Identification | Body::Confirmation | Body::Packet(_) => REFUSAL_PAYLOAD_OCTETS,
            Body::Octets(octets) => octets_payload(octets).max(REFUSAL_PAYLOAD_OCTETS),
            Body::Operand => COMMAND_PAYLOAD_OCTETS_MAX,
            Body::Readout | Body::ConfirmationOrData | Body::Data(_) | Body::Partial => {
                PAYLOAD_OCTETS_MAX
            }
        }
    }

    /// Octets that are still to come, if `heard` is nothing but the beginning of the answer and
    /// shows its length; else none.
    pub fn missing(&self, heard: &[u8]) -> usize {
        let whole = match (&self.body, heard) {
            (Body::Octets(octets), [STX, b'(', first, second, ..])
                if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() =>
            {
                octets_payload(*octets) + BLOCK_EXTRA_OCTETS
            }
            (Body::Packet(number), &[STX, low, high, length, ..])
                if number.to_le_bytes() == [low, high] && !is_text(heard) =>
            {
                usize::from(length) + 1 + STREAM_EXTRA_OCTETS
            }
            _ => 0,
        };
        whole.saturating_sub(heard.len())
    }
}

/// So many octets in hexadecimal, in brackets.
fn octets_payload(octets: u8) -> usize {
    2 * usize::from(octets) + 2
}

/// A refusal amid a data stream. As a packet it would have the number 17704.
fn is_text(rest: &[u8]) -> bool {
    rest.starts_with(b"\x02(E")
}

#[cfg(test)]
mod tests;
