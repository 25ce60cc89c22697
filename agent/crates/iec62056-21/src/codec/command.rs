//! The commands of programming mode.

use super::data_set::DataSet;
use super::fault::DecodeFault;
use super::frame::{Frame, checked};
use super::password::{Password, PasswordAnswer};
use super::symbol::{ETX, SOH, STX};
use crate::limits::COMMAND_PAYLOAD_OCTETS_MAX;

/// How data are coded, and whether they come in partial blocks: the digit behind R and W.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `1`: coded in ASCII.
    Plain,
    /// `2`: formatted communication code.
    Formatted,
    /// `3`: as `1`, in partial blocks.
    PlainPartial,
    /// `4`: as `2`, in partial blocks.
    FormattedPartial,
    /// `5`: national or manufacturer's use.
    National,
    /// `6`: as `5`, in partial blocks.
    NationalPartial,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Formatted,
        Self::PlainPartial,
        Self::FormattedPartial,
        Self::National,
        Self::NationalPartial,
    ];

    /// Whether the answer may come in partial blocks.
    pub fn is_partial(self) -> bool {
        matches!(
            self,
            Self::PlainPartial | Self::FormattedPartial | Self::NationalPartial
        )
    }

    fn digit(self) -> u8 {
        match self {
            Self::Plain => b'1',
            Self::Formatted => b'2',
            Self::PlainPartial => b'3',
            Self::FormattedPartial => b'4',
            Self::National => b'5',
            Self::NationalPartial => b'6',
        }
    }

    fn of_digit(digit: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.digit() == digit)
    }
}

/// What the gateway asks in programming mode. Its `Debug` shows no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'a> {
    /// P1: the password as it is.
    PlainPassword(Password),
    /// P2: the answer to the operand.
    PasswordAnswer(PasswordAnswer),
    /// R1 to R6. The value says how many locations.
    Read(Form, DataSet<'a>),
    /// W1 to W6, in one block.
    Write(Form, DataSet<'a>),
    /// E2.
    Execute(DataSet<'a>),
    /// RD, of Elster meters: the value says how many blocks of 256 octets.
    ReadStream(DataSet<'a>),
    /// B0: ends the conversation; there is no answer.
    SignOff,
    /// B1: the fast sign-off.
    FastSignOff,
}

impl<'a> Command<'a> {
    /// As octets.
    pub fn encode(&self) -> Frame {
        match self {
            Self::PlainPassword(password) => secret(*b"P1", password.reveal()),
            Self::PasswordAnswer(answer) => secret(*b"P2", answer.reveal()),
            Self::Read(form, set) => with_set([b'R', form.digit()], set),
            Self::Write(form, set) => with_set([b'W', form.digit()], set),
            Self::Execute(set) => with_set(*b"E2", set),
            Self::ReadStream(set) => with_set(*b"RD", set),
            Self::SignOff => Frame::command(*b"B0", None),
            Self::FastSignOff => Frame::command(*b"B1", None),
        }
    }

    /// From exactly the octets of one command.
    pub fn decode(wire: &'a [u8]) -> Result<Self, DecodeFault> {
        let ([letter, digit], set) = take_apart(wire, COMMAND_PAYLOAD_OCTETS_MAX)?;
        let unknown = DecodeFault::Unknown {
            part: "the command",
        };
        let Some(text) = set else {
            return match [letter, digit] {
                [b'B', b'0'] => Ok(Self::SignOff),
                [b'B', b'1'] => Ok(Self::FastSignOff),
                _ => Err(unknown),
            };
        };
        let set = DataSet::parse(text)?;
        let bare = || {
            let malformed = DecodeFault::malformed("the data set of a password");
            set.bare_value().ok_or(malformed)
        };
        let form = Form::of_digit(digit).ok_or(unknown);
        match (letter, digit) {
            (b'P', b'1') => Ok(Self::PlainPassword(Password::new(bare()?)?)),
            (b'P', b'2') => Ok(Self::PasswordAnswer(PasswordAnswer::new(bare()?)?)),
            (b'R', b'D') => Ok(Self::ReadStream(set)),
            (b'R', _) => Ok(Self::Read(form?, set)),
            (b'W', _) => Ok(Self::Write(form?, set)),
            (b'E', b'2') => Ok(Self::Execute(set)),
            _ => Err(unknown),
        }
    }
}

fn with_set(name: [u8; 2], set: &DataSet<'_>) -> Frame {
    Frame::command(name, Some(&set.to_string()))
}

fn secret(name: [u8; 2], value: &str) -> Frame {
    Frame::command(name, Some(&format!("({value})")))
}

/// The two characters of a message that begins with `SOH`, and the text behind them.
pub(super) fn take_apart(
    wire: &[u8],
    payload_max: usize,
) -> Result<([u8; 2], Option<&str>), DecodeFault> {
    if wire.first().is_some_and(|octet| *octet != SOH) {
        return Err(DecodeFault::malformed("the beginning of a command"));
    }
    let (text, end) = checked(wire, payload_max)?;
    let malformed = DecodeFault::malformed("a command");
    let (name, rest) = text.as_bytes().split_first_chunk::<2>().ok_or(malformed)?;
    let text = match rest {
        [] => None,
        [STX, ..] => Some(text.get(3..).ok_or(malformed)?),
        _ => return Err(malformed),
    };
    if end == ETX {
        Ok((*name, text))
    } else {
        Err(DecodeFault::malformed("the end of a command"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wire: &[u8], expected: Command<'_>) {
        assert_eq!(expected.encode().octets(), wire);
        assert_eq!(Command::decode(wire), Ok(expected));
    }

    #[test]
    fn commands_are_as_our_sources_write_them() {
        check(b"\x01B0\x03\x71", Command::SignOff);
        check(b"\x01B1\x03\x70", Command::FastSignOff);
        let set = DataSet::parse("798001(10)").unwrap();
        check(
            b"\x01R1\x02798001(10)\x03\x65",
            Command::Read(Form::Plain, set),
        );
        let set = DataSet::parse("550001(1)").unwrap();
        check(b"\x01RD\x02550001(1)\x03\x26", Command::ReadStream(set));
        let zero = PasswordAnswer::public();
        check(
            b"\x01P2\x02(0000000000000000)\x03\x62",
            Command::PasswordAnswer(zero),
        );
    }

    #[test]
    fn every_form_has_its_digit() {
        let set = DataSet::parse("0.9.1()").unwrap();
        for (form, digit) in Form::ALL.into_iter().zip(b'1'..) {
            for (command, letter) in [
                (Command::Read(form, set), b'R'),
                (Command::Write(form, set), b'W'),
            ] {
                let frame = command.encode();
                assert_eq!(&frame.octets()[1..3], &[letter, digit]);
                assert_eq!(Command::decode(frame.octets()), Ok(command));
            }
            assert_eq!(form.is_partial(), matches!(digit, b'3' | b'4' | b'6'));
        }
        let execute = Command::Execute(set);
        assert_eq!(Command::decode(execute.encode().octets()), Ok(execute));
    }

    #[test]
    fn what_no_meter_knows_is_refused() {
        for name in [
            *b"R7", *b"R0", *b"W9", *b"E1", *b"E3", *b"P3", *b"P0", *b"X1", *b"WD",
        ] {
            let frame = Frame::command(name, Some("1(2)"));
            let fault = Command::decode(frame.octets()).unwrap_err();
            assert!(matches!(fault, DecodeFault::Unknown { .. }), "{fault}");
        }
        for (name, set) in [(*b"B2", None), (*b"R1", None), (*b"B0", Some("(1)"))] {
            assert!(Command::decode(Frame::command(name, set).octets()).is_err());
        }
        for set in ["1(2)", "(2*3)", "()", "(2)(3)", ""] {
            assert!(Command::decode(Frame::command(*b"P1", Some(set)).octets()).is_err());
        }
        assert!(Command::decode(b"\x02(1)\x03\x19").is_err());
        assert!(Command::decode(b"\x01B0\x04\x76").is_err());
        assert!(Command::decode(b"\x01B\x03\x41").is_err());
    }

    #[test]
    fn no_password_is_shown() {
        let told = [
            Command::PlainPassword(Password::new("SECRET").unwrap()),
            Command::PasswordAnswer(PasswordAnswer::new("SECRET").unwrap()),
        ]
        .map(|command| format!("{command:?} {:?}", command.encode()));
        assert!(told.iter().all(|told| !told.contains("SECRET")), "{told:?}");
    }
}
