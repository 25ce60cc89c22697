//! The search for the expected answer in what was heard.

use super::super::answer::Answer;
use super::super::block::{Block, BlockEnd};
use super::super::fault::Remedy;
use super::super::frame::{Extent, extent};
use super::super::identification::Identification;
use super::super::lines::DataLines;
use super::super::readout::Readout;
use super::super::request::line_extent;
use super::super::stream::{self, StreamPacket};
use super::super::symbol::{ACK, CR, LF, NAK, SOH, STX};
use super::{Body, End, ExpectedAnswer, is_text, octets_payload};
use crate::limits::{
    IDENTIFICATION_OCTETS_MAX, LATE_OCTETS_MIN, PAYLOAD_OCTETS_MAX, SWITCHING_NOISE_OCTETS_MAX,
    TRAILING_NOISE_OCTETS_MAX,
};
use line::Find;

/// What begins at one place of what was heard.
enum Seen {
    Answer(usize),
    /// An undamaged message that is no answer.
    Foreign(usize),
    Damaged(usize),
    Begun,
    Junk,
}

impl ExpectedAnswer {
    /// Searches the answer in what was heard. An octet of seven bits whose parity is wrong has its
    /// eighth bit set (as [`parity::receive`](super::super::parity::receive) leaves it).
    ///
    /// A message is passed over as a whole: nothing within it counts, least of all its block check,
    /// which may look like an `ACK`. For the same reason a single character counts only if nothing
    /// but whole messages and a little noise of switching (`00`, `FF`) came before it.
    ///
    /// Within a damaged message the answer is searched only where its length is exact, so that it
    /// can be no part of that message: a `B` with one flipped bit is an `STX`, and what follows
    /// it up to the end has the right block check once in 128 times.
    pub fn look(&self, heard: &[u8]) -> Find {
        let mut damaged = Find::NotYet;
        let is_exact = matches!(self.end(), End::Exact(_));
        // Data of a stream look like noise themselves.
        let mut noise = match self.body {
            Body::Packet(_) => 0,
            _ => SWITCHING_NOISE_OCTETS_MAX,
        };
        let mut is_clean = true;
        let mut at = 0;
        while let Some(rest @ [first, ..]) = heard.get(at..) {
            match self.seen(rest, is_clean) {
                Seen::Answer(len) => return Find::Found { at, len },
                Seen::Foreign(len) => {
                    at += len;
                    continue;
                }
                Seen::Begun => break,
                Seen::Damaged(len) => {
                    if damaged == Find::NotYet {
                        damaged = Find::Damaged { at, len };
                    }
                    is_clean = false;
                    if !is_exact {
                        at += len;
                        continue;
                    }
                }
                Seen::Junk => {
                    is_clean &= matches!(first, 0 | 0xff) && noise > 0;
                    noise = noise.saturating_sub(1);
                }
            }
            at += 1;
        }
        damaged
    }

    /// The same when the line has fallen silent. An answer of which only an end character tells the
    /// end is damaged if anything stands behind it but a little noise and whole messages: it may
    /// be the rest of it.
    pub fn look_settled(&self, heard: &[u8]) -> Find {
        match self.look(heard) {
            Find::Found { at, len } if self.waits_for_silence() => {
                let behind = heard.get(at + len..).unwrap_or_default();
                if explains(behind) {
                    Find::Found { at, len }
                } else {
                    Find::Damaged { at, len }
                }
            }
            found => found,
        }
    }

    /// The same long after the request, when others use the line: what is very short may be a part
    /// of their messages, and is never found.
    pub fn look_late(&self, heard: &[u8]) -> Find {
        match self.look(heard) {
            Find::Found { len, .. } if len < LATE_OCTETS_MIN => Find::NotYet,
            found => found,
        }
    }

    fn seen(&self, rest: &[u8], is_clean: bool) -> Seen {
        let confirms = matches!(self.body, Body::Confirmation | Body::ConfirmationOrData);
        match (&self.body, rest) {
            (_, [NAK, ..]) if is_clean => Seen::Answer(1),
            (_, [ACK, ..]) if is_clean && confirms => Seen::Answer(1),
            (Body::Identification, [b'/', ..]) => identification(rest),
            (Body::Identification, _) => Seen::Junk,
            (Body::Packet(number), [STX, ..]) if !is_text(rest) => packet(rest, *number),
            (_, [STX | SOH, ..]) => self.message(rest),
            _ => Seen::Junk,
        }
    }

    fn message(&self, rest: &[u8]) -> Seen {
        let (len, wire) = match extent(rest, self.payload_max()) {
            Extent::Begun => return Seen::Begun,
            Extent::Other => return Seen::Junk,
            Extent::Whole(len) => (len, rest.get(..len).unwrap_or_default()),
        };
        match Answer::decode(wire) {
            Ok(answer) if self.allows(&answer, wire) => Seen::Answer(len),
            Err(fault) if fault.remedy() == Remedy::AskAgain => Seen::Damaged(len),
            Ok(_) | Err(_) => Seen::Foreign(len),
        }
    }

    fn allows(&self, answer: &Answer<'_>, wire: &[u8]) -> bool {
        match answer {
            Answer::Refused(_) | Answer::SignOff => true,
            Answer::Operand(_) => self.body == Body::Operand,
            Answer::Data(block) => self.allows_data(block, wire),
            Answer::Acknowledged | Answer::NotAcknowledged => false,
        }
    }

    fn allows_data(&self, block: &Block<'_>, wire: &[u8]) -> bool {
        let is_last = block.end() == BlockEnd::Last;
        let lines = || DataLines::parse(block.payload()).ok();
        match &self.body {
            Body::Readout => Readout::decode(wire).is_ok(),
            Body::Octets(octets) => is_last && is_hexadecimal(block.payload(), *octets),
            Body::ConfirmationOrData | Body::Data(None) => is_last && lines().is_some(),
            Body::Data(Some(address)) => {
                let first = lines()
                    .and_then(|lines| lines.sets().next().map(|set| *set.address() == **address));
                is_last && first == Some(true)
            }
            Body::Partial => true,
            Body::Identification | Body::Operand | Body::Confirmation | Body::Packet(_) => false,
        }
    }
}

/// Whether these octets are whole messages, single characters and a little noise.
fn explains(mut behind: &[u8]) -> bool {
    let mut noise = TRAILING_NOISE_OCTETS_MAX;
    while let [first, rest @ ..] = behind {
        let len = match (first, extent(behind, PAYLOAD_OCTETS_MAX)) {
            (_, Extent::Whole(len)) => {
                let message = behind.get(..len).unwrap_or_default();
                if Answer::decode(message).is_err() {
                    return false;
                }
                len
            }
            (&ACK | &NAK, _) => 1,
            (0 | 0x7f | 0xff | &CR | &LF, _) if noise > 0 => {
                noise -= 1;
                1
            }
            _ => return false,
        };
        behind = rest.get(len - 1..).unwrap_or_default();
    }
    true
}

fn is_hexadecimal(payload: &str, octets: u8) -> bool {
    let digits = payload
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    payload.len() == octets_payload(octets)
        && digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn identification(rest: &[u8]) -> Seen {
    // An echo of the sign-on, for one, has no letter there.
    let is_letter = |octet: &u8| !octet.is_ascii() || octet.is_ascii_alphabetic();
    if !rest.iter().skip(1).take(3).all(is_letter) {
        return Seen::Junk;
    }
    match line_extent(rest, IDENTIFICATION_OCTETS_MAX) {
        Extent::Begun => Seen::Begun,
        Extent::Other => Seen::Junk,
        Extent::Whole(len) => match Identification::decode(rest.get(..len).unwrap_or_default()) {
            Ok(_) => Seen::Answer(len),
            Err(fault) if fault.remedy() == Remedy::AskAgain => Seen::Damaged(len),
            Err(_) => Seen::Junk,
        },
    }
}

fn packet(rest: &[u8], number: u16) -> Seen {
    let len = match stream::extent(rest) {
        Extent::Begun => return Seen::Begun,
        Extent::Other => return Seen::Junk,
        Extent::Whole(len) => len,
    };
    let is_this = rest.get(1..3) == Some(number.to_le_bytes().as_slice());
    match StreamPacket::decode(rest.get(..len).unwrap_or_default()) {
        Ok(_) if is_this => Seen::Answer(len),
        Ok(_) => Seen::Foreign(len),
        Err(_) if is_this => Seen::Damaged(len),
        Err(_) => Seen::Junk,
    }
}
