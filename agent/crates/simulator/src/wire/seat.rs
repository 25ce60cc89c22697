//! A meter in its place on the wire, and what its troubles do to requests and answers.

use std::collections::VecDeque;
use std::time::Duration;

use crate::dice::Dice;
use crate::frame::{Framing, Request, rtu_frame};
use crate::limits::REQUESTS_WAITING_MAX;
use crate::meter::ModbusMeter;
use crate::trouble::{MeterTroubles, WhileThinking};

/// A meter in its place on the wire.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) meter: ModbusMeter,
    pub(super) troubles: MeterTroubles,
    pub(super) dice: Dice,
    /// When each accepted request will have been answered, the next first.
    pub(super) busy_until: VecDeque<Duration>,
}

impl Seat {
    /// When the meter begins to work on a request that it hears now; nothing if it misses it.
    pub(super) fn accept(&mut self, after_silence: bool, at: Duration) -> Option<Duration> {
        while self.busy_until.front().is_some_and(|until| *until <= at) {
            self.busy_until.pop_front();
        }
        let waiting = self.busy_until.len();
        let full = match self.troubles.while_thinking {
            WhileThinking::Queues => waiting >= REQUESTS_WAITING_MAX,
            WhileThinking::Deaf => waiting > 0,
        };
        let too_early = self.troubles.needs_silence && !after_silence;
        if full || too_early || self.troubles.lost_requests.happens(&mut self.dice) {
            return None;
        }
        Some(self.busy_until.back().map_or(at, |until| at.max(*until)))
    }

    pub(super) fn think(&mut self) -> Duration {
        match self.troubles.late {
            Some(late) if late.happens.happens(&mut self.dice) => late.thinks.pick(&mut self.dice),
            _ => self.troubles.turnaround.pick(&mut self.dice),
        }
    }

    /// Another unit's answer of the same shape; on TCP one of another transaction.
    pub(super) fn foreign(
        &mut self,
        framing: Framing,
        request: &Request,
        pdu: &[u8],
    ) -> Option<Vec<u8>> {
        if !self.troubles.foreign.happens(&mut self.dice) {
            return None;
        }
        let mut pdu = pdu.to_vec();
        for octet in pdu.iter_mut().skip(2) {
            *octet = self.dice.octet();
        }
        let other = request.unit.wrapping_add(1).max(1);
        let frame = match framing {
            Framing::Rtu => rtu_frame(other, &pdu),
            Framing::Tcp => {
                let transaction = request.transaction.wrapping_add(0x5A5A);
                framing.say(
                    &Request {
                        transaction,
                        ..request.clone()
                    },
                    &pdu,
                )
            }
        };
        Some(frame)
    }

    pub(super) fn spoil(&mut self, mut frame: Vec<u8>) -> Vec<u8> {
        if self.troubles.truncated.happens(&mut self.dice) {
            let kept = 1 + self.dice.index(frame.len().saturating_sub(1));
            frame.truncate(kept);
        }
        if self.troubles.flipped.happens(&mut self.dice) {
            let at = self.dice.index(frame.len());
            let bit = 1 << (self.dice.octet() % 8);
            if let Some(octet) = frame.get_mut(at) {
                *octet ^= bit;
            }
        }
        if let Some(range) = &self.troubles.junk {
            let range = u64::from(*range.start())..=u64::from(*range.end());
            let count = self.dice.between(&range);
            let mut junk: Vec<u8> = (0..count).map(|_| self.dice.octet()).collect();
            junk.append(&mut frame);
            return junk;
        }
        frame
    }
}
