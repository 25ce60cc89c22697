//! What a PAD says: its service signals. Pure.
//!
//! Source: ITU-T X.28, 3.5 (standard format of service signals) and table 5 (causes of clearing).

use crate::limits::CALL_LINE_OCTETS_MAX;
use std::fmt;

/// Why the network cleared a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClearCause {
    /// OCC: the meter's line is engaged.
    Occupied,
    /// NC: the network is congested.
    Congestion,
    /// INV: a facility is not valid.
    InvalidFacility,
    /// NA: no access.
    Barred,
    /// ERR: an error of this end.
    LocalError,
    /// RPE: an error of the far end.
    RemoteError,
    /// NP: no such number.
    NotAssigned,
    /// DER: the far end is out of order.
    OutOfOrder,
    /// DTE: the far end has cleared.
    FarEnd,
    /// PAD: the PAD has cleared, asked to by the far end.
    Pad,
    /// RNA: the far end does not pay for calls.
    ReverseCharge,
    /// Another word.
    Other(String),
}

impl ClearCause {
    /// From the letters behind `CLR`.
    pub fn parse(word: &str) -> Self {
        match word {
            "OCC" => Self::Occupied,
            "NC" => Self::Congestion,
            "INV" => Self::InvalidFacility,
            "NA" => Self::Barred,
            "ERR" => Self::LocalError,
            "RPE" => Self::RemoteError,
            "NP" => Self::NotAssigned,
            "DER" => Self::OutOfOrder,
            "DTE" => Self::FarEnd,
            "PAD" => Self::Pad,
            "RNA" => Self::ReverseCharge,
            other => Self::Other(other.escape_debug().to_string()),
        }
    }

    /// The cause in a line `CLR DTE ...`; nothing in a confirmation, an echo or another line.
    pub fn of_signal(line: &str) -> Option<Self> {
        let line = line.trim().to_ascii_uppercase();
        let mut words = line.split_whitespace();
        if words.next() != Some("CLR") {
            return None;
        }
        let cause = words.next()?;
        (cause != "CONF").then(|| Self::parse(cause))
    }

    /// Another try may succeed.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Occupied | Self::Congestion | Self::RemoteError | Self::FarEnd | Self::Pad
        )
    }
}

impl fmt::Display for ClearCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Occupied => "the meter is engaged in another call (OCC)",
            Self::Congestion => "the network is congested (NC)",
            Self::InvalidFacility => "a facility is not valid (INV); check pad.call",
            Self::Barred => "no access to this number (NA)",
            Self::LocalError => "procedure error at this end (ERR)",
            Self::RemoteError => "procedure error at the far end (RPE)",
            Self::NotAssigned => "there is no such number (NP)",
            Self::OutOfOrder => "the meter's end is out of order (DER); check its power",
            Self::FarEnd => "the meter's end cleared it (DTE)",
            Self::Pad => "the PAD cleared it on request (PAD)",
            Self::ReverseCharge => "the meter's end accepts no reverse charge (RNA)",
            Self::Other(word) => return write!(f, "cause {word}"),
        };
        f.write_str(words)
    }
}

/// A service signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The PAD waits for a command.
    Prompt,
    /// The call stands.
    Connected,
    /// The call was cleared, or did not come about.
    Cleared(ClearCause),
    /// A call was cleared as we asked, or none stood.
    ClearConfirmed,
    /// A call stands, says its status.
    Engaged,
    /// The command is not taken.
    Error,
    /// Something else, such as an echo.
    Other,
}

/// Takes a PAD's octets apart into signals.
#[derive(Debug)]
pub struct SignalReader<'s> {
    prompt: &'s str,
    connected: &'s str,
    line: Vec<u8>,
}

impl<'s> SignalReader<'s> {
    /// For a PAD with this prompt, whose word for a standing call begins like this.
    pub const fn new(prompt: &'s str, connected: &'s str) -> Self {
        Self {
            prompt,
            connected,
            line: Vec::new(),
        }
    }

    /// Takes an octet, with or without a parity bit. A prompt is known at its last octet, any
    /// other signal at its carriage return.
    pub fn push(&mut self, octet: u8) -> Option<Signal> {
        match octet & 0x7f {
            b'\r' => {
                let line = std::mem::take(&mut self.line);
                self.signal(&line)
            }
            // Format effectors and padding.
            b'\n' | 0 | 0x7f => None,
            octet => {
                if self.line.len() < CALL_LINE_OCTETS_MAX {
                    self.line.push(octet);
                }
                if self.line.trim_ascii() == self.prompt.as_bytes() {
                    self.line.clear();
                    return Some(Signal::Prompt);
                }
                None
            }
        }
    }

    fn signal(&self, line: &[u8]) -> Option<Signal> {
        let line = String::from_utf8_lossy(line.trim_ascii()).to_ascii_uppercase();
        if line.is_empty() {
            return None;
        }
        if let Some(cause) = ClearCause::of_signal(&line) {
            return Some(Signal::Cleared(cause));
        }
        let mut words = line.split_whitespace();
        let found = match (words.next(), words.next()) {
            (Some("CLR"), Some("CONF")) | (Some("FREE"), None) => Signal::ClearConfirmed,
            (Some("ENGAGED"), None) => Signal::Engaged,
            (Some("ERR"), _) => Signal::Error,
            _ if self.says_connected(&line) => Signal::Connected,
            _ => Signal::Other,
        };
        Some(found)
    }

    /// Before the word may stand the number and facilities of the call: `[address]+[...]COM`.
    fn says_connected(&self, line: &str) -> bool {
        let connected = self.connected.to_ascii_uppercase();
        let follows = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric());
        line.strip_prefix(connected.as_str()).is_some_and(follows)
            || line
                .split_whitespace()
                .last()
                .is_some_and(|last| last.rsplit('+').next() == Some(connected.as_str()))
    }
}

/// For the fuzz target: the first octets choose the words, the rest is what the PAD says.
///
/// # Panics
///
/// When lines are kept without end, or a call is said to stand in a line without the word.
pub fn fuzz_signal(octets: &[u8]) {
    let mut reader = SignalReader::new("*", "COM");
    let mut heard = Vec::new();
    for octet in octets {
        heard.push((octet & 0x7f).to_ascii_uppercase());
        if reader.push(*octet) == Some(Signal::Connected) {
            let has_word = heard.iter().filter(|octet| b"COM".contains(octet)).count() >= 3;
            assert!(has_word, "a call stands when the PAD says so");
        }
        assert!(
            reader.line.len() <= CALL_LINE_OCTETS_MAX,
            "a line has an end"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(octets: &str, expected: &[Signal]) {
        for parity in [0, 0x80] {
            let mut reader = SignalReader::new("*", "COM");
            let octets = octets.bytes().map(|octet| octet | parity);
            let signals: Vec<Signal> = octets.filter_map(|octet| reader.push(octet)).collect();
            assert_eq!(signals, expected);
        }
    }

    #[test]
    fn every_signal_is_known() {
        check("\r\n*", &[Signal::Prompt]);
        check("\r\nCOM\r\n", &[Signal::Connected]);
        check("\r\n23421920100515+COM\r\n", &[Signal::Connected]);
        check("\r\n2342192 COM\r\n", &[Signal::Connected]);
        check("\r\nCLR CONF\r\n", &[Signal::ClearConfirmed]);
        check("\r\nFREE\r\n", &[Signal::ClearConfirmed]);
        check("\r\nENGAGED\r\n", &[Signal::Engaged]);
        check("\r\nERR\r\n", &[Signal::Error]);
        check("\r\nERR INV\r\n", &[Signal::Error]);
        check(
            "\r\nCOMMUNE\r\n\r\nTELECOM\r\n",
            &[Signal::Other, Signal::Other],
        );
        check("\r\nRESET DTE\r\n", &[Signal::Other]);
    }

    #[test]
    fn every_cause_of_clearing_is_told_apart() {
        for (word, cause, is_passing) in [
            ("OCC", ClearCause::Occupied, true),
            ("NC", ClearCause::Congestion, true),
            ("INV", ClearCause::InvalidFacility, false),
            ("NA", ClearCause::Barred, false),
            ("ERR", ClearCause::LocalError, false),
            ("RPE", ClearCause::RemoteError, true),
            ("NP", ClearCause::NotAssigned, false),
            ("DER", ClearCause::OutOfOrder, false),
            ("DTE", ClearCause::FarEnd, true),
            ("PAD", ClearCause::Pad, true),
            ("RNA", ClearCause::ReverseCharge, false),
            ("XYZ", ClearCause::Other("XYZ".to_owned()), false),
        ] {
            assert_eq!(cause.is_passing(), is_passing, "{word}");
            check(
                &format!("\r\nCLR {word} C:1 D:2\r\n"),
                &[Signal::Cleared(cause)],
            );
        }
    }

    #[test]
    fn an_echo_is_no_signal() {
        check(
            "*CLR\r\r\nCLR CONF\r\n*",
            &[
                Signal::Prompt,
                Signal::Other,
                Signal::ClearConfirmed,
                Signal::Prompt,
            ],
        );
        check("SET 1:1,2:0\r\r\n", &[Signal::Other]);
    }

    proptest! {
        #[test]
        fn no_octets_break_the_reader(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            fuzz_signal(&octets);
        }
    }
}
