//! The identification: who the meter is, and how it wants to go on.

use std::fmt;
use std::time::Duration;

use super::baud::Baud;
use super::fault::{DecodeFault, InvalidField, check_range, check_text};
use super::frame::Frame;
use super::sign_on::line_text;
use crate::limits::{
    CAPABILITIES_MAX, FAST_REACTION_TIME_MIN, IDENTIFICATION_CHARS_MAX, IDENTIFICATION_OCTETS_MAX,
    REACTION_TIME_MIN,
};

/// The enhanced capability of mode E: HDLC after the option select.
const HDLC: u8 = b'2';

/// The three letters of a manufacturer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Manufacturer([u8; 3]);

impl Manufacturer {
    /// Three ASCII letters; the third may be a small one.
    pub fn new(letters: [u8; 3]) -> Result<Self, InvalidField> {
        if letters.iter().all(u8::is_ascii_alphabetic) {
            Ok(Self(letters))
        } else {
            let (part, allowed) = ("the manufacturer", "three letters");
            Err(InvalidField::Character { part, allowed })
        }
    }

    /// As they are written.
    pub fn letters(self) -> [u8; 3] {
        self.0
    }

    /// Whether both are the same manufacturer: a small letter says something of the reaction time
    /// only.
    pub fn names_same(self, other: Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// The least time from the end of one message to the beginning of the next, at both sides: a
    /// small third letter promises the short one.
    pub fn reaction_time_min(self) -> Duration {
        match self.0 {
            [_, _, third] if third.is_ascii_lowercase() => FAST_REACTION_TIME_MIN,
            _ => REACTION_TIME_MIN,
        }
    }
}

impl fmt::Display for Manufacturer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Manufacturer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How a conversation goes on behind the identification.
///
/// Mode D is not here: its meters send unasked, at [`Baud::PUSHED`], and their identification
/// reads like one of mode C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The readout follows at the opening speed.
    A,
    /// The readout follows at this speed.
    B(Baud),
    /// The gateway selects an option; this speed is offered.
    C(Baud),
    /// As C, and HDLC may be selected as well.
    E(Baud),
}

/// `/`, manufacturer, baud character, capabilities, text.
///
/// No checksum protects it: only the parity of its octets does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    manufacturer: Manufacturer,
    baud_character: u8,
    capabilities: Vec<u8>,
    text: String,
}

impl Identification {
    /// Of its parts. The baud character and the capabilities are printable; a capability is the
    /// character behind a backslash.
    pub fn new(
        manufacturer: Manufacturer,
        baud_character: u8,
        capabilities: &[u8],
        text: &str,
    ) -> Result<Self, InvalidField> {
        let part = "the number of capabilities";
        check_range(part, capabilities.len(), 0, CAPABILITIES_MAX)?;
        let signs = [&[baud_character], capabilities].concat();
        if !signs.iter().all(u8::is_ascii_graphic) || baud_character == b'\\' {
            let part = "the baud character, or a capability,";
            let allowed = "a printable character";
            return Err(InvalidField::Character { part, allowed });
        }
        let part = "the text of an identification";
        let allowed = "printable characters, and no backslash to begin with";
        let allows = |octet| matches!(octet, 0x20..=0x7e);
        check_text(part, text, IDENTIFICATION_CHARS_MAX, allowed, allows)?;
        if text.starts_with('\\') {
            return Err(InvalidField::Character { part, allowed });
        }
        Ok(Self {
            manufacturer,
            baud_character,
            capabilities: capabilities.to_vec(),
            text: text.to_owned(),
        })
    }

    /// Who made the meter.
    pub fn manufacturer(&self) -> Manufacturer {
        self.manufacturer
    }

    /// As it is written.
    pub fn baud_character(&self) -> u8 {
        self.baud_character
    }

    /// The characters behind backslashes.
    pub fn capabilities(&self) -> &[u8] {
        &self.capabilities
    }

    /// What the manufacturer put behind it all.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How the conversation goes on.
    pub fn mode(&self) -> Mode {
        let digit = Baud::of_digit(self.baud_character);
        let letter = Baud::of_letter(self.baud_character);
        match (digit, letter) {
            (Some(baud), _) if self.capabilities.contains(&HDLC) => Mode::E(baud),
            (Some(baud), _) => Mode::C(baud),
            (None, Some(baud)) => Mode::B(baud),
            (None, None) => Mode::A,
        }
    }

    /// Whether a meter that sent this unasked may be one of mode D.
    pub fn fits_mode_d(&self) -> bool {
        self.baud_character == Baud::PUSHED.digit()
    }

    /// As octets.
    pub fn encode(&self) -> Frame {
        let mut line = vec![b'/'];
        line.extend(self.manufacturer.0);
        line.push(self.baud_character);
        line.extend(self.capabilities.iter().flat_map(|sign| [b'\\', *sign]));
        line.extend(self.text.bytes());
        Frame::line(&line)
    }

    /// From exactly the octets of one identification.
    pub fn decode(wire: &[u8]) -> Result<Self, DecodeFault> {
        let line = line_text(wire, IDENTIFICATION_OCTETS_MAX)?;
        let malformed = DecodeFault::malformed("an identification");
        let Some((&[b'/', first, second, third, baud], mut rest)) =
            line.as_bytes().split_first_chunk::<5>()
        else {
            return Err(malformed);
        };
        let manufacturer = Manufacturer::new([first, second, third])?;
        let mut capabilities = Vec::new();
        while let [b'\\', sign, behind @ ..] = rest {
            capabilities.push(*sign);
            rest = behind;
        }
        let text = std::str::from_utf8(rest).map_err(|_| malformed)?;
        Ok(Self::new(manufacturer, baud, &capabilities, text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, Mode, &str, u64)>) {
        let wire = format!("{line}\r\n");
        let found = Identification::decode(wire.as_bytes()).ok();
        let told = found.as_ref().map(|found| {
            let reaction = found.manufacturer().reaction_time_min().as_millis();
            let reaction = u64::try_from(reaction).unwrap();
            (
                found.manufacturer().to_string(),
                found.mode(),
                found.text(),
                reaction,
            )
        });
        let expected =
            expected.map(|(maker, mode, text, reaction)| (maker.to_owned(), mode, text, reaction));
        assert_eq!(told, expected, "{line}");
        if let Some(found) = found {
            assert_eq!(found.encode().octets(), wire.as_bytes());
        }
    }

    #[test]
    fn the_baud_character_gives_the_mode() {
        let rest = "09010010040 0@000";
        check(
            &format!("/GEC5{rest}"),
            Some(("GEC", Mode::C(Baud::B9600), rest, 200)),
        );
        check(
            &format!("/GEC0{rest}"),
            Some(("GEC", Mode::C(Baud::B300), rest, 200)),
        );
        check(&format!("/GEC7{rest}"), Some(("GEC", Mode::A, rest, 200)));
        check(
            &format!("/GECF{rest}"),
            Some(("GEC", Mode::B(Baud::B19200), rest, 200)),
        );
        check(&format!("/GECG{rest}"), Some(("GEC", Mode::A, rest, 200)));
        check("/GECA", Some(("GEC", Mode::B(Baud::B600), "", 200)));
    }

    #[test]
    fn a_small_third_letter_promises_a_fast_meter() {
        check("/ABc5X", Some(("ABc", Mode::C(Baud::B9600), "X", 20)));
        let [fast, slow] = [*b"ABc", *b"ABC"].map(|letters| Manufacturer::new(letters).unwrap());
        assert!(fast.names_same(slow));
        assert_ne!(fast, slow);
    }

    #[test]
    fn a_capability_is_told_from_the_text() {
        check("/GEC5\\2X", Some(("GEC", Mode::E(Baud::B9600), "X", 200)));
        check(
            "/GEC5\\W\\2X",
            Some(("GEC", Mode::E(Baud::B9600), "X", 200)),
        );
        check("/GEC5\\3X", Some(("GEC", Mode::C(Baud::B9600), "X", 200)));
        check("/GECA\\2X", Some(("GEC", Mode::B(Baud::B600), "X", 200)));
        check(
            "/GEC5X\\2",
            Some(("GEC", Mode::C(Baud::B9600), "X\\2", 200)),
        );
        check("/GEC5X\\", Some(("GEC", Mode::C(Baud::B9600), "X\\", 200)));
        check("/GEC5\\", None);
    }

    #[test]
    fn what_is_no_identification_is_refused() {
        for line in [
            "",
            "/",
            "/GEC",
            "GEC5",
            "/?001!",
            "/G1C5",
            "/GEC\\2X",
            "/GEC5\x01",
            "x/GEC5",
        ] {
            check(line, None);
        }
        check(&format!("/GEC5{}", "1".repeat(65)), None);
        check(&format!("/GEC5{}", "\\2".repeat(9)), None);
    }

    #[test]
    fn mode_d_reads_like_mode_c() {
        let pushed = Identification::decode(b"/ABC3X\r\n").unwrap();
        assert_eq!(pushed.mode(), Mode::C(Baud::PUSHED));
        assert!(pushed.fits_mode_d());
        assert!(!Identification::decode(b"/ABC5X\r\n").unwrap().fits_mode_d());
    }
}
