//! How a line may be set to try whether a meter answers.

use super::terms::LineUse;
use iec62056_21::codec::Baud;
use iec62056_21::conversation::{Opening, ParityBy};
use line::{DataBits, LineSettings, Parity, StopBits};
use std::fmt;

/// What the line of a bus can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineReach {
    /// How the line is set.
    pub line: LineSettings,
    /// Whether it can be set otherwise: a serial server on the network cannot be told.
    pub can_change: bool,
    /// How DTR is set, where it feeds an optical head and can be switched.
    pub dtr: Option<bool>,
}

/// What a character on the line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Characters {
    /// Seven bits and even parity: FLAG as the standard has it.
    SevenEven,
    /// Eight bits without parity.
    EightNone,
    /// Eight bits and even parity: Modbus as the standard has it.
    EightEven,
}

impl Characters {
    const ALL: [Self; 3] = [Self::SevenEven, Self::EightNone, Self::EightEven];

    /// Those of a line, if they are one of these.
    pub fn of(line: &LineSettings) -> Option<Self> {
        Self::ALL.into_iter().find(|characters| {
            let own = characters.on(line.baud);
            (own.data_bits, own.parity) == (line.data_bits, line.parity)
        })
    }

    /// The settings of a line with such characters.
    pub fn on(self, baud: u32) -> LineSettings {
        let (data_bits, parity) = match self {
            Self::SevenEven => (DataBits::Seven, Parity::Even),
            Self::EightNone => (DataBits::Eight, Parity::None),
            Self::EightEven => (DataBits::Eight, Parity::Even),
        };
        LineSettings {
            baud,
            parity,
            data_bits,
            stop_bits: StopBits::One,
        }
    }
}

/// One way to set a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Speed and characters.
    pub line: LineSettings,
    /// Whether a conversation opens at this speed and goes on at the one that the meter offers, as
    /// at an optical port.
    pub changes_speed: bool,
    /// Whether the parity of what comes is not looked at, on a link that mutilates it.
    pub ignores_parity: bool,
    /// How DTR is set, where that can be chosen.
    pub dtr: Option<bool>,
}

impl Setting {
    /// As the line is set.
    pub fn own(reach: &LineReach) -> Self {
        Self {
            line: reach.line,
            changes_speed: false,
            ignores_parity: false,
            dtr: reach.dtr,
        }
    }

    /// As a meter is commonly talked to.
    pub fn of(line: &LineUse, reach: &LineReach) -> Self {
        let set = line.opening.unwrap_or(reach.line);
        let is_eight = Characters::of(&set) == Some(Characters::EightNone);
        let makes_parity = line.parity != ParityBy::Line;
        Self {
            // Where the eighth bit is made here, the meter has seven.
            line: if is_eight && makes_parity {
                Characters::SevenEven.on(set.baud)
            } else {
                set
            },
            changes_speed: line.changes_speed_to.is_some(),
            ignores_parity: line.parity == ParityBy::Ignored,
            dtr: reach.dtr,
        }
    }

    /// How the line is used for it.
    pub(crate) fn line_use(&self, reach: &LineReach) -> LineUse {
        let (opening, parity) = self.carriage(reach);
        let fastest = Baud::B19200.bits_per_second();
        LineUse {
            usual: reach.can_change.then_some(reach.line),
            opening,
            changes_speed_to: self.changes_speed.then_some(fastest),
            parity,
        }
    }

    /// How the port is set for it, if it has to be set, and who makes the parity.
    ///
    /// A port of eight bits without parity need not change for meters of seven bits with parity:
    /// the eighth bit is made here, and data streams pass.
    pub(crate) fn carriage(&self, reach: &LineReach) -> (Option<LineSettings>, ParityBy) {
        let own = Characters::of(&reach.line);
        let wants_seven = Characters::of(&self.line) == Some(Characters::SevenEven);
        if self.ignores_parity {
            let line = Characters::EightNone.on(self.line.baud);
            let must_say = self.changes_speed || line != reach.line;
            let line = (reach.can_change && must_say).then_some(line);
            return (line, ParityBy::Ignored);
        }
        let stays_eight = wants_seven && own == Some(Characters::EightNone);
        let line = if stays_eight {
            Characters::EightNone.on(self.line.baud)
        } else {
            self.line
        };
        // A negotiated opening has to say where it begins.
        let must_say = self.changes_speed || line != reach.line;
        let parity = if stays_eight {
            ParityBy::Software
        } else {
            // Without parity the eighth bit is zero, as from a port of seven bits.
            ParityBy::Line
        };
        ((reach.can_change && must_say).then_some(line), parity)
    }

    /// Whether the speed changes in a conversation.
    pub(crate) fn opening(&self) -> Opening {
        if self.changes_speed {
            let baud_max = Baud::B19200;
            Opening::Negotiated { baud_max }
        } else {
            Opening::Fixed
        }
    }

    /// The same with DTR the other way, where that can be chosen.
    pub fn with_other_dtr(self) -> Option<Self> {
        let dtr = Some(!self.dtr?);
        Some(Self { dtr, ..self })
    }
}

/// `9600 7E1`, `300 7E1 and faster, DTR off`.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line_words(&self.line))?;
        if self.ignores_parity {
            f.write_str(" with parity ignored")?;
        }
        if self.changes_speed {
            f.write_str(" and faster")?;
        }
        match self.dtr {
            Some(true) => f.write_str(", DTR on"),
            Some(false) => f.write_str(", DTR off"),
            None => Ok(()),
        }
    }
}

/// `9600 7E1`.
pub fn line_words(line: &LineSettings) -> String {
    let data = match line.data_bits {
        DataBits::Seven => 7,
        DataBits::Eight => 8,
    };
    let parity = match line.parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    };
    let stop = match line.stop_bits {
        StopBits::One => 1,
        StopBits::Two => 2,
    };
    format!("{} {data}{parity}{stop}", line.baud)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_told_as_an_installer_says_it() {
        let setting = Setting {
            line: Characters::SevenEven.on(300),
            changes_speed: true,
            ignores_parity: false,
            dtr: Some(true),
        };
        assert_eq!(setting.to_string(), "300 7E1 and faster, DTR on");
        let other = setting.with_other_dtr().unwrap();
        assert_eq!(other.to_string(), "300 7E1 and faster, DTR off");
        let plain = Setting {
            line: Characters::EightNone.on(9600),
            changes_speed: false,
            ignores_parity: false,
            dtr: None,
        };
        assert_eq!(plain.to_string(), "9600 8N1");
        assert_eq!(plain.with_other_dtr(), None);
    }

    #[track_caller]
    fn check_carriage(
        own: Characters,
        can_change: bool,
        wanted: LineSettings,
        expected: (Option<LineSettings>, ParityBy),
    ) {
        let reach = LineReach {
            line: own.on(9600),
            can_change,
            dtr: None,
        };
        let setting = Setting {
            line: wanted,
            changes_speed: false,
            ignores_parity: false,
            dtr: None,
        };
        assert_eq!(setting.carriage(&reach), expected);
    }

    #[test]
    fn a_port_changes_only_where_it_must() {
        use Characters::{EightEven, EightNone, SevenEven};
        use ParityBy::{Line, Software};
        check_carriage(SevenEven, true, SevenEven.on(9600), (None, Line));
        check_carriage(EightNone, true, SevenEven.on(9600), (None, Software));
        let slower = EightNone.on(2400);
        check_carriage(
            EightNone,
            true,
            SevenEven.on(2400),
            (Some(slower), Software),
        );
        let seven = SevenEven.on(9600);
        check_carriage(EightEven, true, seven, (Some(seven), Line));
        check_carriage(EightNone, true, EightNone.on(9600), (None, Line));
        check_carriage(EightNone, false, SevenEven.on(2400), (None, Software));
        check_carriage(SevenEven, false, EightNone.on(9600), (None, Line));
    }

    #[test]
    fn characters_are_recognised_on_a_line() {
        for characters in Characters::ALL {
            assert_eq!(Characters::of(&characters.on(9600)), Some(characters));
        }
        let mut odd = Characters::SevenEven.on(9600);
        odd.parity = Parity::Odd;
        assert_eq!(Characters::of(&odd), None);
    }
}
