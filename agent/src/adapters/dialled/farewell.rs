//! The last word of a modem or PAD: the far end has ended the call. Pure.
//!
//! It stands in the stream like octets of the meter, so it counts only at the very end of what
//! came, on a line of its own, and (by the owner of the clock) if silence follows.

use crate::adapters::modem::ResultCode;
use crate::adapters::pad::ClearCause;
use crate::limits::CALL_LINE_OCTETS_MAX;
use std::collections::VecDeque;

/// Looks for the last word in what the meter's side says.
#[derive(Debug)]
pub(super) struct Farewell {
    means_the_end: fn(&str) -> bool,
    /// May stand behind the word.
    prompt: String,
    tail: VecDeque<u8>,
}

impl Farewell {
    /// `NO CARRIER` of a modem.
    pub(super) fn modem() -> Self {
        // A number stands for nothing here: meters say numbers.
        Self::new("", |text| {
            text.len() > 1 && ResultCode::parse(text) == Some(ResultCode::NoCarrier)
        })
    }

    /// `CLR` with a cause, of a PAD.
    pub(super) fn pad(prompt: &str) -> Self {
        Self::new(prompt, |text| ClearCause::of_signal(text).is_some())
    }

    fn new(prompt: &str, means_the_end: fn(&str) -> bool) -> Self {
        Self {
            means_the_end,
            prompt: prompt.to_owned(),
            tail: VecDeque::with_capacity(CALL_LINE_OCTETS_MAX),
        }
    }

    /// Takes what came.
    pub(super) fn hear(&mut self, octets: &[u8]) {
        for octet in octets {
            if self.tail.len() == CALL_LINE_OCTETS_MAX {
                self.tail.pop_front();
            }
            self.tail.push_back(octet & 0x7f);
        }
    }

    /// What came last is the word, on a line of its own.
    pub(super) fn is_said(&self) -> bool {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let tail = tail.strip_suffix(self.prompt.as_bytes()).unwrap_or(&tail);
        let Some(line) = tail.strip_suffix(b"\r\n") else {
            return false;
        };
        let line = line.trim_ascii_end();
        let Some(at) = line.windows(2).rposition(|pair| pair == b"\r\n") else {
            return false;
        };
        let line = line.get(at + 2..).unwrap_or_default();
        std::str::from_utf8(line).is_ok_and(self.means_the_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mut farewell: Farewell, octets: &[u8], expected: bool) {
        for octet in octets {
            farewell.hear(&[*octet]);
        }
        assert_eq!(farewell.is_said(), expected, "{octets:?}");
    }

    #[test]
    fn the_last_word_stands_alone_at_the_end() {
        check(Farewell::modem(), b"\r\nNO CARRIER\r\n", true);
        check(Farewell::modem(), b"\x02(1234)\x03\r\nNO CARRIER\r\n", true);
        check(Farewell::modem(), b"\r\nNO CARRIER\r\n\x02", false);
        check(Farewell::modem(), b"NO CARRIER\r\n", false);
        check(Farewell::modem(), b"\r\nNO CARRIER", false);
        check(Farewell::modem(), b"\r\n3\r\n", false);
        check(Farewell::modem(), b"\r\nBUSY\r\n", false);
    }

    #[test]
    fn the_parity_of_the_modem_does_not_matter() {
        let octets: Vec<u8> = b"\r\nNO CARRIER\r\n"
            .iter()
            .map(|octet| octet | 0x80)
            .collect();
        check(Farewell::modem(), &octets, true);
    }

    #[test]
    fn a_pad_says_why_and_may_prompt_at_once() {
        check(Farewell::pad("*"), b"\r\nCLR DTE C:0 D:0\r\n", true);
        check(Farewell::pad("*"), b"\r\nCLR OCC\r\n\r\n*", true);
        check(Farewell::pad("*"), b"\r\nCLR\r\n", false);
        check(Farewell::pad("*"), b"\r\nCLR CONF\r\n", false);
        check(Farewell::pad("*"), b"\r\nCLEAR\r\n", false);
    }
}
