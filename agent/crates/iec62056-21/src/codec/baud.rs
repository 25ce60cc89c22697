//! The speeds of the standard.

/// A speed of the line, in the order of its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Baud {
    /// 300 bit/s, at which a meter is opened.
    B300,
    /// 600 bit/s.
    B600,
    /// 1200 bit/s.
    B1200,
    /// 2400 bit/s.
    B2400,
    /// 4800 bit/s.
    B4800,
    /// 9600 bit/s.
    B9600,
    /// 19200 bit/s.
    B19200,
}

impl Baud {
    /// All of them, slowest first.
    pub const ALL: [Self; 7] = [
        Self::B300,
        Self::B600,
        Self::B1200,
        Self::B2400,
        Self::B4800,
        Self::B9600,
        Self::B19200,
    ];

    /// At this speed a meter of mode D sends, unasked.
    pub const PUSHED: Self = Self::B2400;

    /// Bits per second.
    pub fn bits_per_second(self) -> u32 {
        match self {
            Self::B300 => 300,
            Self::B600 => 600,
            Self::B1200 => 1200,
            Self::B2400 => 2400,
            Self::B4800 => 4800,
            Self::B9600 => 9600,
            Self::B19200 => 19200,
        }
    }

    /// Its digit in modes C and E.
    pub fn digit(self) -> u8 {
        match self {
            Self::B300 => b'0',
            Self::B600 => b'1',
            Self::B1200 => b'2',
            Self::B2400 => b'3',
            Self::B4800 => b'4',
            Self::B9600 => b'5',
            Self::B19200 => b'6',
        }
    }

    /// Its letter in mode B, which cannot name 300 bit/s.
    pub fn letter(self) -> Option<u8> {
        (self != Self::B300).then(|| self.digit() - b'1' + b'A')
    }

    /// The speed of a digit of modes C and E.
    pub fn of_digit(digit: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|baud| baud.digit() == digit)
    }

    /// The speed of a letter of mode B.
    pub fn of_letter(letter: u8) -> Option<Self> {
        let named = |baud: &Self| baud.letter() == Some(letter);
        Self::ALL.into_iter().find(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digit of mode C, letter of mode B (there is none for 300), bit/s.
    const TABLE: [(Baud, u8, Option<u8>, u32); 7] = [
        (Baud::B300, b'0', None, 300),
        (Baud::B600, b'1', Some(b'A'), 600),
        (Baud::B1200, b'2', Some(b'B'), 1200),
        (Baud::B2400, b'3', Some(b'C'), 2400),
        (Baud::B4800, b'4', Some(b'D'), 4800),
        (Baud::B9600, b'5', Some(b'E'), 9600),
        (Baud::B19200, b'6', Some(b'F'), 19200),
    ];

    #[test]
    fn the_table_is_that_of_the_standard() {
        let rows =
            Baud::ALL.map(|baud| (baud, baud.digit(), baud.letter(), baud.bits_per_second()));
        assert_eq!(rows, TABLE);
    }

    #[test]
    fn digits_and_letters_lead_back() {
        for baud in Baud::ALL {
            assert_eq!(Baud::of_digit(baud.digit()), Some(baud));
            assert_eq!(
                baud.letter().and_then(Baud::of_letter),
                baud.letter().map(|_| baud)
            );
        }
        for other in [b'7', b'9', b'G', b'a', b' ', 0x80 | b'5'] {
            assert_eq!(
                (Baud::of_digit(other), Baud::of_letter(other)),
                (None, None)
            );
        }
        assert_eq!(Baud::of_digit(b'A'), None);
        assert_eq!(Baud::of_letter(b'5'), None);
    }
}
