//! What a Hayes modem answers, in words or numbers. Pure.
//!
//! Source: ITU-T V.250, 5.7 (result codes) and table 1; what makers add is said at each.

use crate::limits::CALL_LINE_OCTETS_MAX;

/// A result of a command or a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultCode {
    /// Done.
    Ok,
    /// The call stands.
    Connect {
        /// Bits per second, if the word says so.
        rate: Option<u32>,
    },
    /// Somebody calls us.
    Ring,
    /// No call came about, or it has ended.
    NoCarrier,
    /// The command is not taken.
    Error,
    /// The line is dead.
    NoDialTone,
    /// The number is engaged.
    Busy,
    /// Nobody picked up.
    NoAnswer,
    /// Makers' own: the number may not be called again so soon.
    Barred,
}

impl ResultCode {
    /// The meaning of one line; nothing for a line that is no result.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim().to_ascii_uppercase();
        if !line.is_empty() && line.len() <= 3 && line.bytes().all(|octet| octet.is_ascii_digit()) {
            return line.parse().ok().map(Self::of_number);
        }
        let found = match line.as_str() {
            "OK" => Self::Ok,
            "RING" => Self::Ring,
            "NO CARRIER" => Self::NoCarrier,
            "ERROR" => Self::Error,
            // Makers write it either way.
            "NO DIALTONE" | "NO DIAL TONE" => Self::NoDialTone,
            "BUSY" => Self::Busy,
            "NO ANSWER" => Self::NoAnswer,
            "DELAYED" | "BLACKLISTED" => Self::Barred,
            _ => return Self::longer(&line),
        };
        Some(found)
    }

    /// `CONNECT 9600/ARQ`; `+CME ERROR: 10` of GSM modems (3GPP TS 27.007).
    fn longer(line: &str) -> Option<Self> {
        if line.starts_with("+CME ERROR") || line.starts_with("+CMS ERROR") {
            return Some(Self::Error);
        }
        let rest = line.strip_prefix("CONNECT")?;
        if !rest.is_empty() && !rest.starts_with(' ') {
            return None;
        }
        let digits: String = rest
            .trim_start()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let rate = digits.parse().ok();
        Some(Self::Connect { rate })
    }

    /// From 9 on makers differ: most count rates of connections there. `CONNECT` is believed, and
    /// its rate is not; a call that does not stand shows itself by a meter that does not answer.
    fn of_number(number: u16) -> Self {
        match number {
            0 => Self::Ok,
            1 | 5 | 9.. => Self::Connect { rate: None },
            2 => Self::Ring,
            3 => Self::NoCarrier,
            4 => Self::Error,
            6 => Self::NoDialTone,
            7 => Self::Busy,
            8 => Self::NoAnswer,
        }
    }
}

/// A result and how it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// What was said.
    pub result: ResultCode,
    /// In words: a line feed follows the carriage return that ended it.
    pub in_words: bool,
}

/// Takes a modem's octets apart into results. Echoes of commands, and lines that mean nothing
/// here, are passed over.
#[derive(Debug, Default)]
pub struct ResultReader {
    line: Vec<u8>,
    is_cut: bool,
}

impl ResultReader {
    /// Takes an octet, with or without a parity bit; a result is known at its carriage return.
    pub fn push(&mut self, octet: u8) -> Option<Heard> {
        match octet & 0x7f {
            b'\r' => self.end(),
            b'\n' => {
                self.line.clear();
                self.is_cut = false;
                None
            }
            octet => {
                if self.line.len() == CALL_LINE_OCTETS_MAX {
                    self.is_cut = true;
                } else if octet != 0 {
                    self.line.push(octet);
                }
                None
            }
        }
    }

    fn end(&mut self) -> Option<Heard> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_cut) {
            return None;
        }
        let line = String::from_utf8(line).ok()?;
        let result = ResultCode::parse(&line)?;
        let in_words = line.bytes().any(|octet| octet.is_ascii_alphabetic());
        Some(Heard { result, in_words })
    }
}

/// For the fuzz target: whatever a modem says, nothing is found that its lines do not hold.
///
/// # Panics
///
/// When a result is found in lines that hold none, or lines are kept without end.
pub fn fuzz_result(octets: &[u8]) {
    let mut reader = ResultReader::default();
    let mut found = 0_usize;
    for octet in octets {
        found += usize::from(reader.push(*octet).is_some());
        assert!(
            reader.line.len() <= CALL_LINE_OCTETS_MAX,
            "a line has an end"
        );
    }
    let ends = octets
        .iter()
        .filter(|octet| **octet & 0x7f == b'\r')
        .count();
    assert!(found <= ends, "each result ends with a carriage return");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(octets: &str, expected: &[ResultCode]) {
        for parity in [0, 0x80] {
            let mut reader = ResultReader::default();
            let heard = octets
                .bytes()
                .filter_map(|octet| reader.push(octet | parity));
            let results: Vec<ResultCode> = heard.map(|heard| heard.result).collect();
            assert_eq!(results, expected, "{octets:?}");
        }
    }

    #[test]
    fn every_result_is_known_in_words() {
        check("\r\nOK\r\n", &[ResultCode::Ok]);
        check("\r\nCONNECT\r\n", &[ResultCode::Connect { rate: None }]);
        check(
            "\r\nCONNECT 9600\r\n",
            &[ResultCode::Connect { rate: Some(9600) }],
        );
        check(
            "\r\nCONNECT 9600/ARQ/V42BIS\r\n",
            &[ResultCode::Connect { rate: Some(9600) }],
        );
        check("\r\nCONNECT EC\r\n", &[ResultCode::Connect { rate: None }]);
        check("\r\nRING\r\n", &[ResultCode::Ring]);
        check("\r\nNO CARRIER\r\n", &[ResultCode::NoCarrier]);
        check("\r\nERROR\r\n", &[ResultCode::Error]);
        check("\r\n+CME ERROR: SIM PIN required\r\n", &[ResultCode::Error]);
        check("\r\nNO DIALTONE\r\n", &[ResultCode::NoDialTone]);
        check("\r\nNO DIAL TONE\r\n", &[ResultCode::NoDialTone]);
        check("\r\nBUSY\r\n", &[ResultCode::Busy]);
        check("\r\nNO ANSWER\r\n", &[ResultCode::NoAnswer]);
        check("\r\nDELAYED\r\n", &[ResultCode::Barred]);
        check("\r\nBLACKLISTED\r\n", &[ResultCode::Barred]);
    }

    #[test]
    fn every_result_is_known_as_a_number() {
        check("0\r", &[ResultCode::Ok]);
        check("1\r", &[ResultCode::Connect { rate: None }]);
        check("2\r3\r", &[ResultCode::Ring, ResultCode::NoCarrier]);
        check("4\r", &[ResultCode::Error]);
        check("5\r", &[ResultCode::Connect { rate: None }]);
        check("6\r", &[ResultCode::NoDialTone]);
        check("7\r", &[ResultCode::Busy]);
        check("8\r", &[ResultCode::NoAnswer]);
        check("12\r", &[ResultCode::Connect { rate: None }]);
    }

    #[test]
    fn echoes_and_other_lines_are_passed_over() {
        check("ATE0V1\r\r\nOK\r\n", &[ResultCode::Ok]);
        check("ATDT0017\r\r\nRINGING\r\n\r\nBUSY\r\n", &[ResultCode::Busy]);
        check("\r\nCARRIER 9600\r\n\r\nPROTOCOL: LAPM\r\n", &[]);
        check("\r\nCONNECTED\r\n", &[]);
        check("\r\n1234\r\n", &[]);
        check(&format!("{}OK\r", "x".repeat(300)), &[]);
        check(&format!("{}\r\nOK\r\n", "x".repeat(300)), &[ResultCode::Ok]);
    }

    #[test]
    fn only_words_have_a_line_feed_behind_them() {
        let mut reader = ResultReader::default();
        let in_words = |octets: &str, reader: &mut ResultReader| {
            octets
                .bytes()
                .find_map(|octet| reader.push(octet))
                .unwrap()
                .in_words
        };
        assert!(in_words("\r\nCONNECT\r", &mut reader));
        assert!(!in_words("1\r", &mut reader));
    }

    proptest! {
        #[test]
        fn no_octets_break_the_reader(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            fuzz_result(&octets);
        }

        #[test]
        fn a_result_is_found_behind_whatever_came_before(
            before in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut reader = ResultReader::default();
            let octets = before.iter().copied().chain(*b"\r\nBUSY\r");
            let last = octets.filter_map(|octet| reader.push(octet)).last();
            prop_assert_eq!(last.map(|heard| heard.result), Some(ResultCode::Busy));
        }
    }
}
