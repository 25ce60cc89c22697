//! The refusal of a meter: an error written as a data set.

use std::fmt;

use super::block::{Block, BlockEnd};
use super::data_set::DataSet;
use super::fault::{InvalidField, check_text};
use super::frame::Frame;
use super::symbol::{ETX, is_plain};
use crate::limits::REFUSAL_CHARS_MAX;

/// What every refusal begins with.
const BEGINNING: &str = "ERR";

/// What refusals were seen to mean, each in one source only: the first six of Elster meters with
/// values in hexadecimal, the others of the VDEW style. Nothing rests on it but what people read.
const MEANINGS: [(&str, &str); 17] = [
    ("ERR1", "type of command not valid"),
    ("ERR2", "identity unknown"),
    ("ERR3", "number of packet not valid"),
    ("ERR5", "identity locked at this level, or password lapsed"),
    ("ERR6", "communication error"),
    ("ERROR00", "no command"),
    ("ERROR01", "command unknown"),
    ("ERROR02", "manufacturer's password needed"),
    ("ERROR03", "locked in hardware"),
    ("ERROR06", "format wrong"),
    ("ERROR07", "not supported"),
    ("ERROR08", "demand reset not allowed"),
    ("ERROR11", "time not valid"),
    ("ERROR14", "no password given"),
    ("ERROR15", "terminal cover"),
    ("ERROR16", "change of configuration denied"),
    ("ERR4", "not documented"),
];

/// The text of a refusal, as `ERR2` or `ERROR05`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal(String);

impl Refusal {
    /// With this text, which begins with `ERR`.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        let (part, allowed) = (
            "the text of a refusal",
            "ERR and plain characters behind it",
        );
        let allows = |octet| is_plain(octet) && octet != b'*';
        check_text(part, text, REFUSAL_CHARS_MAX, allowed, allows)?;
        if text.starts_with(BEGINNING) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidField::Character { part, allowed })
        }
    }

    /// As the meter writes it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The number at its end.
    pub fn number(&self) -> Option<u8> {
        let digits = self
            .0
            .trim_start_matches(|letter: char| !letter.is_ascii_digit());
        digits.parse().ok()
    }

    /// What it was seen to mean.
    pub fn meaning(&self) -> Option<&'static str> {
        let row = MEANINGS.iter().find(|(text, _)| *text == self.0);
        row.map(|(_, meaning)| *meaning)
    }

    /// As octets.
    pub fn encode(&self) -> Frame {
        Frame::block(&format!("({})", self.0), ETX)
    }

    /// If the block is nothing but a refusal: one data set without address and unit.
    pub fn of(block: &Block<'_>) -> Option<Self> {
        let set = DataSet::parse(block.payload()).ok()?;
        let value = set.bare_value()?;
        let refusal = Self::new(value).ok()?;
        (block.end() == BlockEnd::Last).then_some(refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{} ({meaning})", self.0),
            None => f.write_str(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &str, end: BlockEnd, expected: Option<&str>) {
        let block = Block::new(payload, end).unwrap();
        let told = Refusal::of(&block).map(|refusal| refusal.to_string());
        assert_eq!(told.as_deref(), expected, "{payload}");
    }

    #[test]
    fn an_error_as_a_value_is_a_refusal() {
        let last = BlockEnd::Last;
        check("(ERR2)", last, Some("ERR2 (identity unknown)"));
        check(
            "(ERROR08)",
            last,
            Some("ERROR08 (demand reset not allowed)"),
        );
        check("(ERR77)", last, Some("ERR77"));
        check("(ERROR)", last, Some("ERROR"));
        check("(ERR2)", BlockEnd::More, None);
        check("F.F(ERR2)", last, None);
        check("(ERR2*x)", last, None);
        check("(ERR2)(1)", last, None);
        check("(E5)", last, None);
        check("(err2)", last, None);
        check("(ERR 2 and a long text)", last, None);
    }

    #[test]
    fn the_number_stands_at_the_end() {
        for (text, number) in [
            ("ERR2", Some(2)),
            ("ERROR16", Some(16)),
            ("ERROR", None),
            ("ERR2x", None),
        ] {
            assert_eq!(Refusal::new(text).unwrap().number(), number, "{text}");
        }
        assert!(Refusal::new("OK").is_err());
    }

    #[test]
    fn refusals_have_the_block_checks_of_our_sources() {
        for (text, check) in [
            ("ERR1", 0x76),
            ("ERR2", 0x75),
            ("ERR3", 0x74),
            ("ERR5", 0x72),
            ("ERR6", 0x71),
        ] {
            let frame = Refusal::new(text).unwrap().encode();
            assert_eq!(frame.octets().last(), Some(&check), "{text}");
        }
    }
}
