//! The gateway's answer to an identification: protocol, speed, purpose.

use super::baud::Baud;
use super::fault::DecodeFault;
use super::frame::Frame;
use super::sign_on::line_text;
use super::symbol::ACK;

/// The protocol control character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Procedure {
    /// The protocol of this standard.
    Normal,
    /// The secondary procedure.
    Secondary,
    /// HDLC, as mode E selects it.
    Hdlc,
}

/// The mode control character: what the conversation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A readout.
    Readout,
    /// Programming mode: single reads and writes.
    Programming,
    /// Binary mode, with [`Procedure::Hdlc`].
    Binary,
    /// `6`, at a manufacturer's will. Elster: programming, with data streams.
    Maker6,
    /// `7`, at a manufacturer's will.
    Maker7,
    /// `8`, at a manufacturer's will.
    Maker8,
    /// `9`, at a manufacturer's will.
    Maker9,
}

/// `ACK`, procedure, speed, purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSelect {
    /// The protocol.
    pub procedure: Procedure,
    /// The speed from here on; [`Baud::B300`] means that both stay as they are.
    pub baud: Baud,
    /// What for.
    pub purpose: Purpose,
}

impl Procedure {
    const ALL: [Self; 3] = [Self::Normal, Self::Secondary, Self::Hdlc];

    fn octet(self) -> u8 {
        match self {
            Self::Normal => b'0',
            Self::Secondary => b'1',
            Self::Hdlc => b'2',
        }
    }
}

impl Purpose {
    const ALL: [Self; 7] = [
        Self::Readout,
        Self::Programming,
        Self::Binary,
        Self::Maker6,
        Self::Maker7,
        Self::Maker8,
        Self::Maker9,
    ];

    fn octet(self) -> u8 {
        match self {
            Self::Readout => b'0',
            Self::Programming => b'1',
            Self::Binary => b'2',
            Self::Maker6 => b'6',
            Self::Maker7 => b'7',
            Self::Maker8 => b'8',
            Self::Maker9 => b'9',
        }
    }
}

/// Octets of an option select.
pub(super) const OPTION_SELECT_OCTETS: usize = 6;

impl OptionSelect {
    /// As octets.
    pub fn encode(self) -> Frame {
        let (procedure, purpose) = (self.procedure.octet(), self.purpose.octet());
        Frame::line(&[ACK, procedure, self.baud.digit(), purpose])
    }

    /// From exactly the octets of one option select.
    pub fn decode(wire: &[u8]) -> Result<Self, DecodeFault> {
        let line = line_text(wire, OPTION_SELECT_OCTETS)?;
        let &[ACK, procedure, digit, purpose] = line.as_bytes() else {
            return Err(DecodeFault::malformed("an option select"));
        };
        let mut procedures = Procedure::ALL.into_iter();
        let mut purposes = Purpose::ALL.into_iter();
        Ok(Self {
            procedure: known(
                procedures.find(|is| is.octet() == procedure),
                "the procedure",
            )?,
            baud: known(Baud::of_digit(digit), "the speed")?,
            purpose: known(purposes.find(|is| is.octet() == purpose), "the purpose")?,
        })
    }
}

fn known<T>(value: Option<T>, part: &'static str) -> Result<T, DecodeFault> {
    value.ok_or(DecodeFault::Unknown { part })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wire: &[u8], procedure: Procedure, baud: Baud, purpose: Purpose) {
        let select = OptionSelect {
            procedure,
            baud,
            purpose,
        };
        assert_eq!(select.encode().octets(), wire);
        assert_eq!(OptionSelect::decode(wire), Ok(select));
    }

    #[test]
    fn three_characters_say_how_to_go_on() {
        check(
            b"\x06051\r\n",
            Procedure::Normal,
            Baud::B9600,
            Purpose::Programming,
        );
        check(
            b"\x06056\r\n",
            Procedure::Normal,
            Baud::B9600,
            Purpose::Maker6,
        );
        check(
            b"\x06000\r\n",
            Procedure::Normal,
            Baud::B300,
            Purpose::Readout,
        );
        check(
            b"\x06252\r\n",
            Procedure::Hdlc,
            Baud::B9600,
            Purpose::Binary,
        );
        check(
            b"\x06169\r\n",
            Procedure::Secondary,
            Baud::B19200,
            Purpose::Maker9,
        );
    }

    #[test]
    fn reserved_characters_are_refused() {
        for wire in [
            b"\x06351\r\n",
            b"\x06071\r\n",
            b"\x060A1\r\n",
            b"\x06053\r\n",
            b"\x0605A\r\n",
        ] {
            assert!(matches!(
                OptionSelect::decode(wire),
                Err(DecodeFault::Unknown { .. })
            ));
        }
        assert_eq!(OptionSelect::decode(b"\x06"), Err(DecodeFault::Incomplete));
        assert!(OptionSelect::decode(b"\x0605\r\n").is_err());
        assert!(OptionSelect::decode(b"0051\r\n").is_err());
    }
}
