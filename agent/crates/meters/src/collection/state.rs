//! How far a collection is, small enough to be kept.

use super::plan::CollectPlan;
use crate::elster::ProfileSize;
use metering::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a collection is.
///
/// It is kept between sessions. Within one, reading goes on at the next packet; in a new session
/// the window is written again, from the day of what was read last ([`CollectState::resume_from`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectState {
    /// Instants in milliseconds: whoever keeps this needs no types of ours.
    from_ms: Option<u64>,
    until_ms: Option<u64>,
    /// Packets that the meter announced, and those to read beyond them.
    packets: u32,
    /// Blocks of the data stream that it announced.
    blocks: u16,
    /// The next packet, from 1.
    next: u32,
    /// The end of the newest row that was handed over.
    settled_ms: Option<u64>,
    is_over: bool,
}

/// How far it is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Packets read.
    pub packets: u32,
    /// Packets in all.
    pub of: u32,
    /// The end of the newest row.
    pub newest: Option<Timestamp>,
}

impl Progress {
    /// Per mille of the packets.
    pub fn per_mille(self) -> u32 {
        let read = u64::from(self.packets.min(self.of)) * 1000;
        u32::try_from(read / u64::from(self.of.max(1))).unwrap_or(1000)
    }
}

impl CollectState {
    /// At the beginning of a window; `from` is the instant of its first midnight.
    pub fn new(plan: &CollectPlan, from: Option<Timestamp>) -> Self {
        Self {
            from_ms: from.map(Timestamp::millis),
            until_ms: plan.until.map(Timestamp::millis),
            packets: 0,
            blocks: 0,
            next: 1,
            settled_ms: None,
            is_over: false,
        }
    }

    /// The meter announced its size; `extra` packets are read beyond it.
    pub fn sized(&mut self, size: ProfileSize, extra: u16) {
        // An empty profile has nothing beyond it either.
        let extra = if size.packets == 0 { 0 } else { extra };
        self.packets = u32::from(size.packets) + u32::from(extra);
        self.blocks = size.blocks;
        self.next = 1;
        self.is_over = self.packets == 0;
    }

    /// The same window was opened again in another session, and may have grown.
    pub fn resized(&mut self, size: ProfileSize, extra: u16) {
        let next = self.next;
        self.sized(size, extra);
        self.next = next;
    }

    /// The next packet to read, from 1; nothing when it is over.
    pub fn next_packet(&self) -> Option<u16> {
        let is_left = !self.is_over && self.next <= self.packets;
        is_left.then(|| u16::try_from(self.next).ok()).flatten()
    }

    /// Blocks to ask a data stream for.
    pub fn blocks(&self) -> u16 {
        self.blocks
    }

    /// A packet was taken in; `newest` is the end of the newest interval in it, `settled` that of
    /// the newest row handed over.
    pub fn took(&mut self, newest: Option<Timestamp>, settled: Option<Timestamp>) {
        self.next = self.next.saturating_add(1);
        self.settled(settled);
        let until = self.until_ms.map(Timestamp::from_millis);
        // Parts of the last wanted interval may still follow it.
        if newest
            .zip(until)
            .is_some_and(|(newest, until)| newest > until)
        {
            self.is_over = true;
        }
    }

    /// Rows up to here are safe.
    pub fn settled(&mut self, settled: Option<Timestamp>) {
        self.settled_ms = self.settled_ms.max(settled.map(Timestamp::millis));
    }

    /// The meter has no more: a packet beyond the announced ones was refused.
    pub fn ended(&mut self) {
        self.is_over = true;
    }

    /// Whether everything was read.
    pub fn is_over(&self) -> bool {
        self.is_over || self.packets > 0 && self.next > self.packets
    }

    /// From where to go on in a new session: the last row that is safe, or the beginning.
    pub fn resume_from(&self) -> Option<Timestamp> {
        self.settled_ms.or(self.from_ms).map(Timestamp::from_millis)
    }

    /// Up to where is wanted.
    pub fn until(&self) -> Option<Timestamp> {
        self.until_ms.map(Timestamp::from_millis)
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            packets: self.next.saturating_sub(1),
            of: self.packets,
            newest: self.settled_ms.map(Timestamp::from_millis),
        }
    }
}
