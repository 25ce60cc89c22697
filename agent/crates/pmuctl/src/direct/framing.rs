//! How a character goes over a line.

use std::fmt;
use std::str::FromStr;

/// Data bits, parity and stop bits of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    data_bits: u8,
    parity: Parity,
    stop_bits: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parity {
    None,
    Even,
    Odd,
}

impl Framing {
    /// What Elster meters speak on RS232 and RS485, and every FLAG meter on its optical port.
    pub(super) const FLAG: Self = Self {
        data_bits: 7,
        parity: Parity::Even,
        stop_bits: 1,
    };
    /// What most Modbus meters are shipped with, and what HDLC needs.
    pub(super) const EIGHT: Self = Self {
        data_bits: 8,
        parity: Parity::None,
        stop_bits: 1,
    };

    pub(super) const fn data_bits(self) -> u8 {
        self.data_bits
    }

    pub(super) const fn stop_bits(self) -> u8 {
        self.stop_bits
    }

    /// The word of the configuration.
    pub(super) const fn parity_word(self) -> &'static str {
        self.parity.word()
    }
}

impl Parity {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Even => "even",
            Self::Odd => "odd",
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::None => 'N',
            Self::Even => 'E',
            Self::Odd => 'O',
        }
    }
}

impl FromStr for Framing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = text.to_ascii_uppercase();
        let parity = match form.as_bytes() {
            [_, b'N', _] => Some(Parity::None),
            [_, b'E', _] => Some(Parity::Even),
            [_, b'O', _] => Some(Parity::Odd),
            _ => None,
        };
        match (form.as_bytes(), parity) {
            ([data @ b'7'..=b'8', _, stop @ b'1'..=b'2'], Some(parity)) => Ok(Self {
                data_bits: data - b'0',
                parity,
                stop_bits: stop - b'0',
            }),
            _ => Err(format!(
                "`{text}` is no framing; write data bits, parity and stop bits, as 7E1 or 8N1"
            )),
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}{}",
            self.data_bits,
            self.parity.letter(),
            self.stop_bits
        )
    }
}
