//! A FLAG or DLMS meter in its place on the wire, and what its troubles do to its messages.

use std::time::Duration;

use super::speaker::Speaker;
use crate::dice::Dice;
use crate::trouble::FlagTroubles;

/// A FLAG or DLMS meter in its place on the wire.
#[derive(Debug)]
pub(super) struct FlagSeat {
    pub(super) meter: Speaker,
    pub(super) troubles: FlagTroubles,
    pub(super) dice: Dice,
    /// When the next look at its machine is planned.
    pub(super) wake_at: Option<Duration>,
    /// Until when it is busy with an answer.
    pub(super) busy_until: Duration,
    /// Until when it is sending.
    pub(super) sending_until: Duration,
}

/// Octets of one such meter on their way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transmission {
    pub(super) number: usize,
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

impl FlagSeat {
    /// From a request to the answer, which the meter itself would give after `own`.
    pub(super) fn think(&mut self, own: Duration) -> Duration {
        match (self.troubles.late, self.troubles.turnaround) {
            (Some(late), _) if late.happens.happens(&mut self.dice) => {
                late.thinks.pick(&mut self.dice)
            }
            (_, Some(turnaround)) => turnaround.pick(&mut self.dice),
            _ => own,
        }
    }

    /// What the wire gets of a message.
    pub(super) fn spoil(&mut self, mut octets: Vec<u8>) -> Vec<u8> {
        let Self { troubles, dice, .. } = self;
        if troubles.wrong_check.happens(dice)
            && octets.len() > 1
            && let Some(last) = octets.last_mut()
        {
            *last ^= 1 << (dice.octet() % 7);
        }
        if troubles.truncated.happens(dice) {
            let kept = 1 + dice.index(octets.len().saturating_sub(1));
            octets.truncate(kept);
        }
        if troubles.flipped.happens(dice) {
            let at = dice.index(octets.len());
            let bit = 1 << (dice.octet() % 7);
            if let Some(octet) = octets.get_mut(at) {
                *octet ^= bit;
            }
        }
        if let Some(range) = &troubles.junk {
            let range = u64::from(*range.start())..=u64::from(*range.end());
            let count = dice.between(&range);
            let mut junk: Vec<u8> = (0..count).map(|_| dice.octet()).collect();
            junk.append(&mut octets);
            return junk;
        }
        octets
    }
}
