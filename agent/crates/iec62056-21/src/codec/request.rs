//! The meter's side: what it hears.

use super::command::Command;
use super::fault::DecodeFault;
use super::frame::{Extent, Frame, extent};
use super::option_select::{OPTION_SELECT_OCTETS, OptionSelect};
use super::sign_on::SignOn;
use super::symbol::{ACK, ESC, LF, NAK, SOH};
use crate::limits::{COMMAND_PAYLOAD_OCTETS_MAX, SIGN_ON_OCTETS_MAX};

/// One message of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// The sign-on.
    SignOn(SignOn),
    /// The answer to the identification.
    Select(OptionSelect),
    /// A command of programming mode.
    Command(Command<'a>),
    /// The partial block has arrived; the next one may come.
    Next,
    /// The last answer was damaged; it is to be repeated.
    Again,
    /// Ends a data stream of an Elster meter (known from one source).
    Abort,
}

impl<'a> Request<'a> {
    /// As octets.
    pub fn encode(&self) -> Frame {
        match self {
            Self::SignOn(sign_on) => sign_on.encode(),
            Self::Select(select) => select.encode(),
            Self::Command(command) => command.encode(),
            Self::Next => Frame::raw(vec![ACK]),
            Self::Again => Frame::raw(vec![NAK]),
            Self::Abort => Frame::raw(vec![ESC]),
        }
    }

    /// From exactly the octets of one request.
    pub fn decode(wire: &'a [u8]) -> Result<Self, DecodeFault> {
        match wire {
            [] => Err(DecodeFault::Incomplete),
            [ACK] => Ok(Self::Next),
            [NAK] => Ok(Self::Again),
            [ESC] => Ok(Self::Abort),
            [NAK | ESC, ..] => Err(DecodeFault::Trailing),
            [ACK, ..] => OptionSelect::decode(wire).map(Self::Select),
            [b'/', ..] => SignOn::decode(wire).map(Self::SignOn),
            [SOH, ..] => Command::decode(wire).map(Self::Command),
            [..] => Err(DecodeFault::malformed("the beginning of a request")),
        }
    }
}

/// What a meter is waiting for: an `ACK` alone is a request only while a session is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A sign-on, or the answer to the identification.
    Opening,
    /// Commands.
    Session,
}

/// How far the request reaches that begins with the first of these octets.
pub fn request_extent(octets: &[u8], stage: Stage) -> Extent {
    match (octets, stage) {
        ([], _) => Extent::Begun,
        ([SOH, ..], _) => extent(octets, COMMAND_PAYLOAD_OCTETS_MAX),
        ([b'/'] | [b'/', b'?', ..], _) => line_extent(octets, SIGN_ON_OCTETS_MAX),
        ([ACK, ..], Stage::Opening) => line_extent(octets, OPTION_SELECT_OCTETS),
        ([ACK | NAK | ESC, ..], Stage::Session) => Extent::Whole(1),
        _ => Extent::Other,
    }
}

/// The extent of a line that ends with the first `LF`.
pub(super) fn line_extent(octets: &[u8], octets_max: usize) -> Extent {
    let searched = octets.iter().take(octets_max);
    match searched.clone().position(|octet| *octet == LF) {
        Some(end) => Extent::Whole(end + 1),
        None if searched.len() < octets_max => Extent::Begun,
        None => Extent::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(octets: &[u8], stage: Stage, expected: Extent) {
        assert_eq!(request_extent(octets, stage), expected, "{octets:02x?}");
    }

    #[test]
    fn requests_end_where_they_say() {
        for stage in [Stage::Opening, Stage::Session] {
            check(b"/?001!\r\n", stage, Extent::Whole(8));
            check(b"/?001!\r", stage, Extent::Begun);
            check(b"/", stage, Extent::Begun);
            check(b"/G", stage, Extent::Other);
            check(b"\x01B0\x03\x71/?", stage, Extent::Whole(5));
            check(b"\x01R1\x02798001(10)\x03", stage, Extent::Begun);
            check(b"x", stage, Extent::Other);
            check(&[b'/', b'?', b'1'].repeat(20), stage, Extent::Other);
        }
    }

    #[test]
    fn an_acknowledgement_means_what_the_stage_says() {
        check(b"\x06", Stage::Opening, Extent::Begun);
        check(b"\x06051\r\n", Stage::Opening, Extent::Whole(6));
        check(b"\x0605111", Stage::Opening, Extent::Other);
        check(b"\x06", Stage::Session, Extent::Whole(1));
        check(b"\x06051\r\n", Stage::Session, Extent::Whole(1));
        check(b"\x15", Stage::Session, Extent::Whole(1));
        check(b"\x1b", Stage::Session, Extent::Whole(1));
        check(b"\x15", Stage::Opening, Extent::Other);
    }

    #[test]
    fn single_characters_are_requests() {
        for (request, octet) in [
            (Request::Next, 6),
            (Request::Again, 0x15),
            (Request::Abort, 0x1b),
        ] {
            assert_eq!(request.encode().octets(), [octet]);
            assert_eq!(Request::decode(&[octet]), Ok(request));
        }
        assert!(Request::decode(b"\x15\x15").is_err());
        assert!(Request::decode(b"\x02(1)\x03\x19").is_err());
    }
}
