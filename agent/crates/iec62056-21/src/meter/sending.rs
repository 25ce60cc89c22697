//! How messages leave: parity, speed, the time they take, and saying one again.

use std::time::Duration;

use super::limits::CHARACTER_BITS;
use super::machine::{Machine, Said};
use super::settings::ParityBy;
use super::store::{Refused, Store};
use crate::codec::{Answer, Frame, parity};

impl<S: Store> Machine<S> {
    /// An octet as the codec wants it.
    pub(super) fn received(&self, octet: u8) -> u8 {
        match self.settings.parity {
            ParityBy::Port => octet,
            ParityBy::Software if octet.count_ones().is_multiple_of(2) => octet & 0x7f,
            ParityBy::Software => octet | 0x80,
            ParityBy::SoftwareUnchecked | ParityBy::Nobody => octet & 0x7f,
        }
    }

    /// Answers after the reaction time.
    pub(super) fn say(&mut self, frame: &Frame, at: Duration) -> Said {
        let octets = self.with_parity(frame.octets());
        self.send(octets, self.settings.reaction, at)
    }

    /// Says something that nobody asked for, now.
    pub(super) fn say_unasked(&mut self, frame: &Frame, at: Duration) -> Said {
        let octets = self.with_parity(frame.octets());
        self.send(octets, Duration::ZERO, at)
    }

    /// Sends octets of eight bits, now.
    pub(super) fn say_raw(&mut self, frame: Frame, at: Duration) -> Said {
        self.send(frame.into_octets(), Duration::ZERO, at)
    }

    pub(super) fn answer(&mut self, answer: &Answer<'_>, at: Duration) -> Said {
        self.say(&answer.encode(), at)
    }

    pub(super) fn refuse(&mut self, refused: Refused, at: Duration) -> Said {
        let refusal = refused.refusal(self.settings.dialect);
        let answer = refusal.map_or(Answer::NotAcknowledged, Answer::Refused);
        self.answer(&answer, at)
    }

    /// The last message once more.
    pub(super) fn repeat(&mut self, at: Duration) -> Option<Said> {
        let octets = self.last.clone()?;
        Some(self.send(octets, self.settings.reaction, at))
    }

    fn with_parity(&self, octets: &[u8]) -> Vec<u8> {
        match self.settings.parity {
            ParityBy::Port | ParityBy::Nobody => octets.to_vec(),
            ParityBy::Software | ParityBy::SoftwareUnchecked => parity::send(octets),
        }
    }

    fn send(&mut self, octets: Vec<u8>, after: Duration, at: Duration) -> Said {
        let baud = self.baud;
        self.busy_until = at + after + time_of(octets.len(), baud);
        self.last = Some(octets.clone());
        Said {
            after,
            baud,
            octets,
        }
    }
}

/// The time of so many characters at this speed.
fn time_of(octets: usize, baud: u32) -> Duration {
    if baud == 0 {
        return Duration::ZERO;
    }
    let bits = CHARACTER_BITS.saturating_mul(u64::try_from(octets).unwrap_or(u64::MAX));
    Duration::from_nanos(bits.saturating_mul(1_000_000_000) / u64::from(baud))
}
