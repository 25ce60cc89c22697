//! What is around a command or a block: where it ends, its block check, and how it is made.

use std::fmt;

use super::fault::DecodeFault;
use super::secrets::without_secrets;
use super::symbol::{CR, EOT, ETX, LF, SOH, STX};

/// The exclusive or of these octets, in seven bits.
pub fn block_check(covered: &[u8]) -> u8 {
    covered.iter().fold(0, |sum, octet| sum ^ octet) & 0x7f
}

/// How far the message reaches that begins with the first of these octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// To its end, so many octets.
    Whole(usize),
    /// Further than what is here.
    Begun,
    /// No message begins here.
    Other,
}

/// A message as octets, ready to be sent.
///
/// Its `Debug` shows stars instead of a password, and instead of the block check over one.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// The octets, each of seven bits unless it is a packet of a data stream.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The octets.
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }

    /// `SOH`, the command, its data set, `ETX`, block check.
    pub(super) fn command([letter, digit]: [u8; 2], set: Option<&str>) -> Self {
        let mut octets = vec![SOH, letter, digit];
        if let Some(set) = set {
            octets.push(STX);
            octets.extend(set.bytes());
        }
        octets.push(ETX);
        Self::checked(octets)
    }

    /// `STX`, the payload, the end, block check.
    pub(super) fn block(payload: &str, end: u8) -> Self {
        let mut octets = vec![STX];
        octets.extend(payload.bytes());
        octets.push(end);
        Self::checked(octets)
    }

    /// A line that has no block check.
    pub(super) fn line(text: &[u8]) -> Self {
        let mut octets = text.to_vec();
        octets.extend([CR, LF]);
        Self(octets)
    }

    /// Octets as they are.
    pub(super) fn raw(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    fn checked(mut octets: Vec<u8>) -> Self {
        let check = block_check(octets.get(1..).unwrap_or_default());
        octets.push(check);
        Self(octets)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", without_secrets(&self.0).escape_ascii())
    }
}

/// The extent of a message that begins with `SOH` or `STX` and ends with the octet behind the
/// first `ETX` or `EOT`. What stands in between is not looked at: damage must not hide the end.
pub(super) fn extent(octets: &[u8], payload_max: usize) -> Extent {
    let head = match octets.first() {
        None => return Extent::Begun,
        Some(&STX) => 1,
        Some(&SOH) => 4, // with its command and a second STX
        Some(_) => return Extent::Other,
    };
    let end_max = head + payload_max;
    let searched = octets.iter().take(end_max + 1);
    match searched
        .clone()
        .position(|octet| matches!(*octet, ETX | EOT))
    {
        Some(end) if octets.len() > end + 1 => Extent::Whole(end + 2),
        None if searched.len() > end_max => Extent::Other,
        _ => Extent::Begun,
    }
}

/// What is between the first octet and the end of a message, and whether the end is `ETX`: proven
/// to be of seven bits and to have the right block check.
pub(super) fn checked(wire: &[u8], payload_max: usize) -> Result<(&str, u8), DecodeFault> {
    match extent(wire, payload_max) {
        Extent::Begun => return Err(DecodeFault::Incomplete),
        Extent::Other => {
            return Err(match wire.first() {
                Some(&(SOH | STX)) => DecodeFault::TooLong {
                    part: "the message",
                    limit: payload_max,
                },
                _ => DecodeFault::malformed("the beginning of the message"),
            });
        }
        Extent::Whole(len) if len < wire.len() => return Err(DecodeFault::Trailing),
        Extent::Whole(_) => {}
    }
    let [_, covered @ .., check] = wire else {
        return Err(DecodeFault::Incomplete);
    };
    if !wire.is_ascii() {
        return Err(DecodeFault::EighthBit);
    }
    if block_check(covered) != *check {
        return Err(DecodeFault::Checksum);
    }
    let Some((&end, text)) = covered.split_last() else {
        return Err(DecodeFault::Incomplete);
    };
    let text = std::str::from_utf8(text).map_err(|_| DecodeFault::EighthBit)?;
    Ok((text, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_extent(octets: &[u8], expected: Extent) {
        assert_eq!(extent(octets, 4), expected, "{octets:02x?}");
    }

    #[test]
    fn a_message_ends_behind_its_end_character_whatever_the_block_check_is() {
        check_extent(b"\x02(1)\x03\x30", Extent::Whole(6));
        check_extent(b"\x02(1)\x03\x03", Extent::Whole(6));
        check_extent(b"\x02(1)\x04\r", Extent::Whole(6));
        check_extent(b"\x02(1)\x03\x00\x02", Extent::Whole(6));
        check_extent(b"\x01B0\x03q", Extent::Whole(5));
        check_extent(b"\x02(1)\x03", Extent::Begun);
        check_extent(b"\x02(1)", Extent::Begun);
        check_extent(b"", Extent::Begun);
        check_extent(b"\x02(12)\x03\x00", Extent::Whole(7));
        check_extent(b"\x02(123)", Extent::Other);
        check_extent(b"(1)\x03\x00", Extent::Other);
    }

    #[test]
    fn the_block_check_is_that_of_our_sources() {
        assert_eq!(Frame::command(*b"B0", None).octets(), b"\x01B0\x03\x71");
        let read = Frame::command(*b"R1", Some("798001(10)"));
        assert_eq!(read.octets(), b"\x01R1\x02798001(10)\x03\x65");
        assert_eq!(Frame::block("(ERR2)", ETX).octets(), b"\x02(ERR2)\x03\x75");
        assert_eq!(checked(b"\x02(ERR2)\x03\x75", 9), Ok(("(ERR2)", ETX)));
        assert_eq!(
            checked(b"\x02(ERR2)\x03\x74", 9),
            Err(DecodeFault::Checksum)
        );
        assert_eq!(
            checked(b"\x02(ERR2)\x03\xf5", 9),
            Err(DecodeFault::EighthBit)
        );
    }
}
