//! What a meter answers in programming mode.

use super::block::Block;
use super::command::take_apart;
use super::data_set::DataSet;
use super::fault::DecodeFault;
use super::frame::Frame;
use super::refusal::Refusal;
use super::symbol::{ACK, NAK, SOH, STX};
use crate::limits::COMMAND_PAYLOAD_OCTETS_MAX;

/// One message of the meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Done.
    Acknowledged,
    /// Not understood: to be repeated. While a password is pending it may mean that it is wrong.
    NotAcknowledged,
    /// Data, or a part of them.
    Data(Block<'a>),
    /// The meter will not.
    Refused(Refusal),
    /// P0: the operand for the password.
    Operand(DataSet<'a>),
    /// B0: the meter ends the conversation of its own.
    SignOff,
}

impl<'a> Answer<'a> {
    /// As octets.
    pub fn encode(&self) -> Frame {
        match self {
            Self::Acknowledged => Frame::raw(vec![ACK]),
            Self::NotAcknowledged => Frame::raw(vec![NAK]),
            Self::Data(block) => block.encode(),
            Self::Refused(refusal) => refusal.encode(),
            Self::Operand(set) => Frame::command(*b"P0", Some(&set.to_string())),
            Self::SignOff => Frame::command(*b"B0", None),
        }
    }

    /// From exactly the octets of one answer.
    pub fn decode(wire: &'a [u8]) -> Result<Self, DecodeFault> {
        match wire {
            [] => Err(DecodeFault::Incomplete),
            [ACK] => Ok(Self::Acknowledged),
            [NAK] => Ok(Self::NotAcknowledged),
            [ACK | NAK, ..] => Err(DecodeFault::Trailing),
            [STX, ..] => {
                let block = Block::decode(wire)?;
                Ok(Refusal::of(&block).map_or(Self::Data(block), Self::Refused))
            }
            [SOH, ..] => match take_apart(wire, COMMAND_PAYLOAD_OCTETS_MAX)? {
                ([b'P', b'0'], Some(set)) => Ok(Self::Operand(DataSet::parse(set)?)),
                ([b'B', b'0'], None) => Ok(Self::SignOff),
                _ => Err(DecodeFault::Unknown {
                    part: "the command of a meter",
                }),
            },
            [..] => Err(DecodeFault::malformed("the beginning of an answer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::BlockEnd;
    use super::*;

    #[track_caller]
    fn check(wire: &[u8], expected: Answer<'_>) {
        assert_eq!(expected.encode().octets(), wire);
        assert_eq!(Answer::decode(wire), Ok(expected));
    }

    #[test]
    fn answers_are_told_apart() {
        check(b"\x06", Answer::Acknowledged);
        check(b"\x15", Answer::NotAcknowledged);
        check(b"\x01B0\x03\x71", Answer::SignOff);
        let refusal = Refusal::new("ERR2").unwrap();
        check(b"\x02(ERR2)\x03\x75", Answer::Refused(refusal));
        let operand = DataSet::bare("0123456789ABCDEF").unwrap();
        check(
            b"\x01P0\x02(0123456789ABCDEF)\x03\x66",
            Answer::Operand(operand),
        );
        let block = Block::new("(00)", BlockEnd::Last).unwrap();
        check(b"\x02(00)\x03\x02", Answer::Data(block));
        let block = Block::new("(00)", BlockEnd::More).unwrap();
        check(b"\x02(00)\x04\x05", Answer::Data(block));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert_eq!(Answer::decode(b""), Err(DecodeFault::Incomplete));
        assert_eq!(Answer::decode(b"\x06\x06"), Err(DecodeFault::Trailing));
        for wire in [
            &b"(00)\x03\x02"[..],
            b"\x86",
            b"\x01R1\x021(2)\x03\x59",
            b"\x01P0\x03\x63",
        ] {
            assert!(Answer::decode(wire).is_err(), "{wire:02x?}");
        }
    }
}
