//! How a serial line is set, and what that means in time.

use std::time::Duration;

use crate::limits::{GAP_MAX, SILENCE_ABOVE_19200};

/// The parity bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Parity {
    /// No parity bit.
    #[default]
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

/// Bits of data in a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DataBits {
    /// Seven, as FLAG meters speak.
    Seven,
    /// Eight, as Modbus RTU needs.
    #[default]
    Eight,
}

/// Stop bits after each character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StopBits {
    /// One.
    #[default]
    One,
    /// Two.
    Two,
}

/// How the port of a serial line is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineSettings {
    /// Bits per second; zero counts as one.
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// Bits of data in a character.
    pub data_bits: DataBits,
    /// Stop bits after each character.
    pub stop_bits: StopBits,
}

impl LineSettings {
    /// Bits of one character on the line, start bit included: 10 for 8N1, 11 for 8E1 and 8N2.
    pub fn bits_per_character(&self) -> u32 {
        let data = match self.data_bits {
            DataBits::Seven => 7,
            DataBits::Eight => 8,
        };
        let stop = match self.stop_bits {
            StopBits::One => 1,
            StopBits::Two => 2,
        };
        1 + data + u32::from(self.parity != Parity::None) + stop
    }

    /// How long one character takes, rounded up to the next nanosecond.
    pub fn character_time(&self) -> Duration {
        let nanos = u64::from(self.bits_per_character()) * 1_000_000_000;
        Duration::from_nanos(nanos.div_ceil(u64::from(self.baud.max(1))))
    }

    /// The silence that must precede a request.
    ///
    /// Above 19 200 baud the standard fixes it, because 3.5 characters would be shorter than
    /// what a receiver can measure.
    pub fn silence(&self) -> Duration {
        if self.baud > 19_200 {
            SILENCE_ABOVE_19200
        } else {
            self.character_time() * 7 / 2
        }
    }
}

/// What the guard needs to know of a line's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTiming {
    /// Of a request on its way out.
    sent_character: Duration,
    /// Of an answer on its way in.
    heard_character: Duration,
    silence: Duration,
    min_gap: Duration,
}

impl LineTiming {
    /// A serial line; `min_gap` is the least silence that its meters want, if they want more
    /// than the standard.
    pub fn serial(settings: &LineSettings, min_gap: Duration) -> Self {
        let min_gap = min_gap.min(GAP_MAX);
        Self {
            sent_character: settings.character_time(),
            heard_character: settings.character_time(),
            silence: settings.silence().max(min_gap),
            min_gap,
        }
    }

    /// A serial line behind a serial server: a request leaves when it is written, as far as we
    /// can tell, but its answer takes the line's time.
    pub fn serial_server(settings: &LineSettings, min_gap: Duration) -> Self {
        Self {
            sent_character: Duration::ZERO,
            ..Self::serial(settings, min_gap)
        }
    }

    /// A line without a rate of its own: a TCP connection, or a pseudo terminal that passes
    /// octets on at once. A request leaves when it is written, and needs no silence before it.
    pub const fn stream() -> Self {
        Self {
            sent_character: Duration::ZERO,
            heard_character: Duration::ZERO,
            silence: Duration::ZERO,
            min_gap: Duration::ZERO,
        }
    }

    /// The silence that precedes every request.
    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// How long it takes until a request of so many octets has left.
    pub fn request_time(&self, octets: usize) -> Duration {
        times(self.sent_character, octets)
    }

    /// How long an answer of so many octets takes.
    pub fn answer_time(&self, octets: usize) -> Duration {
        times(self.heard_character, octets)
    }

    /// One octet of an answer, where octets are known to come at the line's pace: a serial server
    /// passes them on in pieces of its own.
    pub(crate) fn pace(&self) -> Option<Duration> {
        (!self.sent_character.is_zero()).then_some(self.heard_character)
    }

    /// The same kind of line under other settings.
    pub(crate) fn with(self, settings: LineSettings) -> Self {
        if self.heard_character.is_zero() {
            self
        } else if self.sent_character.is_zero() {
            Self::serial_server(&settings, self.min_gap)
        } else {
            Self::serial(&settings, self.min_gap)
        }
    }
}

fn times(character: Duration, octets: usize) -> Duration {
    character.saturating_mul(u32::try_from(octets).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(baud: u32, parity: Parity, stop_bits: StopBits) -> LineSettings {
        LineSettings {
            baud,
            parity,
            data_bits: DataBits::Eight,
            stop_bits,
        }
    }

    #[track_caller]
    fn check(settings: LineSettings, bits: u32, character_us: u128, silence_us: u128) {
        assert_eq!(settings.bits_per_character(), bits);
        assert_eq!(settings.character_time().as_micros(), character_us);
        assert_eq!(settings.silence().as_micros(), silence_us);
    }

    #[test]
    fn characters_have_their_true_length() {
        check(
            settings(9_600, Parity::None, StopBits::One),
            10,
            1_041,
            3_645,
        );
        check(
            settings(9_600, Parity::Even, StopBits::One),
            11,
            1_145,
            4_010,
        );
        check(
            settings(9_600, Parity::None, StopBits::Two),
            11,
            1_145,
            4_010,
        );
        check(settings(19_200, Parity::Odd, StopBits::One), 11, 572, 2_005);
        check(
            settings(38_400, Parity::None, StopBits::One),
            10,
            260,
            1_750,
        );
        let flag = LineSettings {
            baud: 300,
            parity: Parity::Even,
            data_bits: DataBits::Seven,
            stop_bits: StopBits::One,
        };
        check(flag, 10, 33_333, 116_666);
    }

    #[test]
    fn a_meter_may_want_more_silence_than_the_standard() {
        let line = settings(9_600, Parity::None, StopBits::One);
        let timing = LineTiming::serial(&line, Duration::from_millis(30));
        assert_eq!(timing.silence(), Duration::from_millis(30));
        assert_eq!(timing.request_time(8).as_micros(), 8_333);
        let timing = LineTiming::serial(&line, Duration::ZERO);
        assert_eq!(timing.silence().as_micros(), 3_645);
    }

    #[test]
    fn behind_a_serial_server_only_the_answer_takes_time() {
        let line = settings(9_600, Parity::None, StopBits::One);
        let timing = LineTiming::serial_server(&line, Duration::ZERO);
        assert_eq!(timing.request_time(8), Duration::ZERO);
        assert_eq!(timing.answer_time(8).as_micros(), 8_333);
        assert_eq!(timing.silence().as_micros(), 3_645);
        assert_eq!(timing.with(line), timing);
        assert_eq!(LineTiming::stream().with(line), LineTiming::stream());
    }

    #[test]
    fn nonsense_does_not_overflow() {
        let line = settings(0, Parity::None, StopBits::One);
        let timing = LineTiming::serial(&line, Duration::MAX);
        assert_eq!(
            timing.answer_time(usize::MAX),
            Duration::from_secs(10) * u32::MAX
        );
        assert_eq!(LineTiming::stream().answer_time(300), Duration::ZERO);
    }
}
