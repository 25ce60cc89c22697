//! Data lines: data sets in lines, as a readout and the answers of meters have them.

use std::fmt;

use super::data_set::DataSet;
use super::fault::DecodeFault;
use crate::limits::SETS_MAX;

const LINE_END: &str = "\r\n";

/// The data sets of one line, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataLine<'a>(Vec<DataSet<'a>>);

impl<'a> DataLine<'a> {
    /// None if there is no data set.
    pub fn new(sets: Vec<DataSet<'a>>) -> Option<Self> {
        (!sets.is_empty()).then_some(Self(sets))
    }

    /// In their order. One without an address belongs to the one before it.
    pub fn sets(&self) -> &[DataSet<'a>] {
        &self.0
    }

    fn parse(text: &'a str, room: usize) -> Result<Self, DecodeFault> {
        let mut sets = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if sets.len() >= room {
                return Err(DecodeFault::TooLong {
                    part: "the number of data sets",
                    limit: SETS_MAX,
                });
            }
            let (set, behind) = DataSet::split_off(rest)?;
            sets.push(set);
            rest = behind;
        }
        Ok(Self(sets))
    }
}

impl fmt::Display for DataLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|set| write!(f, "{set}"))
    }
}

/// Lines of data sets; they borrow from the text they were read from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataLines<'a>(Vec<DataLine<'a>>);

impl<'a> DataLines<'a> {
    /// These lines.
    pub fn new(lines: Vec<DataLine<'a>>) -> Self {
        Self(lines)
    }

    /// One line with one data set.
    pub fn single(set: DataSet<'a>) -> Self {
        Self(vec![DataLine(vec![set])])
    }

    /// In their order.
    pub fn lines(&self) -> &[DataLine<'a>] {
        &self.0
    }

    /// The data sets of all lines.
    pub fn sets(&self) -> impl Iterator<Item = DataSet<'a>> {
        self.0.iter().flat_map(|line| line.sets().iter().copied())
    }

    /// Lines with an end of line between them, and perhaps behind the last. An empty line is
    /// passed over.
    pub fn parse(text: &'a str) -> Result<Self, DecodeFault> {
        let mut lines = Vec::new();
        let mut room = SETS_MAX;
        for line in text.split(LINE_END).filter(|line| !line.is_empty()) {
            let line = DataLine::parse(line, room)?;
            room = room.saturating_sub(line.0.len());
            lines.push(line);
        }
        Ok(Self(lines))
    }

    /// The text of a readout that has no frame around it: lines, `!`, end of line.
    ///
    /// Nothing protects it but parity. Our sources do not say what a meter of mode D has around
    /// it; where it is this, no value of it may be kept without another proof.
    pub fn parse_to_mark(text: &'a str) -> Result<Self, DecodeFault> {
        let without_mark = text.strip_suffix("!\r\n");
        Self::parse(without_mark.ok_or(DecodeFault::malformed("the end of a readout"))?)
    }

    pub(super) fn to_mark(&self) -> String {
        let mut text = String::new();
        for line in &self.0 {
            text.push_str(&line.to_string());
            text.push_str(LINE_END);
        }
        text.push('!');
        text.push_str(LINE_END);
        text
    }
}

impl fmt::Display for DataLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.0.iter().enumerate() {
            let end = if number == 0 { "" } else { LINE_END };
            write!(f, "{end}{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[&[&str]]>) {
        let found = DataLines::parse(text).ok();
        let told = found.as_ref().map(|lines| {
            let lines = lines.lines().iter();
            lines
                .map(|line| {
                    line.sets()
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        });
        let expected =
            expected.map(|lines| lines.iter().map(|line| line.to_vec()).collect::<Vec<_>>());
        let told: Option<Vec<Vec<&str>>> = told.as_ref().map(|lines| {
            lines
                .iter()
                .map(|line| line.iter().map(String::as_str).collect())
                .collect()
        });
        assert_eq!(told, expected, "{text:?}");
    }

    #[test]
    fn lines_hold_data_sets() {
        check(
            "1.8.0(1*kWh)\r\n2.8.0(2*kWh)\r\n",
            Some(&[&["1.8.0(1*kWh)"], &["2.8.0(2*kWh)"]]),
        );
        check(
            "P.01(1)(2)(3)\r\n(4)",
            Some(&[&["P.01(1)", "(2)", "(3)"], &["(4)"]]),
        );
        check("", Some(&[]));
        check("\r\n\r\n(1)", Some(&[&["(1)"]]));
        check("(1)\n(2)", None);
        check("(1)\r(2)", None);
        check("(1)x", None);
    }

    #[test]
    fn the_number_of_data_sets_has_a_limit() {
        let most = "()".repeat(SETS_MAX);
        assert!(DataLines::parse(&most).is_ok());
        for more in [format!("{most}()"), format!("{most}\r\n()")] {
            let fault = DataLines::parse(&more).unwrap_err();
            assert!(matches!(fault, DecodeFault::TooLong { .. }), "{fault}");
        }
    }

    #[test]
    fn a_readout_without_a_frame_ends_with_its_mark() {
        let lines = DataLines::parse_to_mark("1.8.0(1*kWh)\r\n!\r\n").unwrap();
        assert_eq!(lines.to_string(), "1.8.0(1*kWh)");
        assert_eq!(lines.to_mark(), "1.8.0(1*kWh)\r\n!\r\n");
        assert!(DataLines::parse_to_mark("1.8.0(1*kWh)\r\n").is_err());
        assert!(DataLines::parse_to_mark("1.8.0(1*kWh)!\r\n!\r\n").is_err());
    }
}
