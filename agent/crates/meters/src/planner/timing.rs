//! What an exchange costs, in line time.

use super::ground::Ground;
use super::{PlannedMeter, Poll};
use crate::limits::{
    ANSWER_OCTETS, GAP_REGISTERS_MAX, READ_REGISTERS_MAX, REQUEST_OCTETS, SILENCE_COST,
};
use std::time::Duration;

/// How fast a bus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusTiming {
    /// One character on the wire with its true bits; zero over TCP.
    pub character: Duration,
    /// Silence before each request; zero over TCP.
    pub silence: Duration,
}

impl BusTiming {
    /// A stream (Modbus TCP, RTU over TCP): only the turnaround counts.
    pub const fn stream() -> Self {
        Self {
            character: Duration::ZERO,
            silence: Duration::ZERO,
        }
    }

    /// Line time of an answer of `count` registers.
    pub(crate) fn answer(self, count: u16) -> Duration {
        self.characters(ANSWER_OCTETS + 2 * u32::from(count))
    }

    /// Silence, request, turnaround and answer.
    pub(crate) fn exchange(self, min_gap: Duration, turnaround: Duration, count: u16) -> Duration {
        self.without_turnaround(min_gap, count)
            .saturating_add(turnaround)
    }

    /// Silence, request and answer.
    pub(crate) fn without_turnaround(self, min_gap: Duration, count: u16) -> Duration {
        self.silence
            .max(min_gap)
            .saturating_add(self.characters(REQUEST_OCTETS))
            .saturating_add(self.answer(count))
    }

    /// What a request without an answer costs before this meter's deadline was ever seen.
    pub(crate) fn silent(self, min_gap: Duration, turnaround: Duration, count: u16) -> Duration {
        let wait = SILENCE_COST.max(turnaround.saturating_mul(2));
        self.exchange(min_gap, wait, count)
    }

    /// How many registers can be read along for less than a request of their own would cost.
    pub(crate) fn worthwhile_gap(self, min_gap: Duration, turnaround: Duration) -> u16 {
        let request = self.exchange(min_gap, turnaround, 0);
        let register = self.characters(2);
        (0..=GAP_REGISTERS_MAX.min(READ_REGISTERS_MAX))
            .rev()
            .find(|&gap| register.saturating_mul(u32::from(gap)) < request)
            .unwrap_or(0)
    }

    fn characters(self, count: u32) -> Duration {
        self.character.saturating_mul(count)
    }
}

/// Line time of one cycle of a poll, with its blocks as the planner would make them and one
/// register of padding each.
pub(crate) fn poll_cost(meter: &PlannedMeter, poll: &Poll, timing: BusTiming) -> Duration {
    let values = meter.polls.iter().flat_map(|poll| &poll.wanted).copied();
    let ground = Ground::new(meter.max_count, meter.holes.clone(), values.collect());
    let gap = timing.worthwhile_gap(meter.min_gap, meter.turnaround);
    let (blocks, _) = ground.blocks(&poll.wanted, gap);
    blocks.iter().fold(Duration::ZERO, |sum, block| {
        let count = block.span().count.saturating_add(1);
        sum.saturating_add(timing.exchange(meter.min_gap, meter.turnaround, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: BusTiming = BusTiming {
        character: Duration::from_micros(1146),
        silence: Duration::from_micros(4010),
    };

    #[test]
    fn an_exchange_costs_what_the_reference_computes() {
        // 9600 baud, 11 bits, 2 registers: 17 characters and the silence.
        let cost = SERIAL.exchange(Duration::ZERO, Duration::ZERO, 2);
        assert_eq!(cost, Duration::from_micros(17 * 1146 + 4010));
        let eastron = SERIAL.exchange(Duration::from_millis(50), Duration::from_millis(30), 2);
        assert_eq!(eastron, Duration::from_micros(17 * 1146 + 80_000));
    }

    #[test]
    fn gaps_are_read_along_while_that_is_cheaper() {
        let quick = SERIAL.worthwhile_gap(Duration::ZERO, Duration::from_millis(5));
        // 13 characters + 4 ms + 5 ms are worth 10.4 registers.
        assert_eq!(quick, 10);
        let slow = SERIAL.worthwhile_gap(Duration::ZERO, Duration::from_millis(100));
        assert_eq!(slow, GAP_REGISTERS_MAX);
        let stream = BusTiming::stream();
        assert_eq!(
            stream.worthwhile_gap(Duration::ZERO, Duration::from_millis(1)),
            GAP_REGISTERS_MAX
        );
        assert_eq!(stream.worthwhile_gap(Duration::ZERO, Duration::ZERO), 0);
    }
}
