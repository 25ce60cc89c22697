//! What the guard counts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::guard::Peer;
use crate::limits::PEERS_MAX;
use crate::turnaround::Turnaround;

/// Upper bounds of the turnaround histogram, in milliseconds; beyond the last one more bucket.
pub const TURNAROUND_BOUNDS_MS: [u64; 12] =
    [2, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000];

/// Counters of one line since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuardCounters {
    /// Requests sent, broadcasts included.
    pub requests: u64,
    /// Answers proven and handed over.
    pub answers: u64,
    /// Answers handed over that came later than usual for their meter.
    pub slow: u64,
    /// Exchanges without an answer.
    pub silent: u64,
    /// Exchanges whose answer had a wrong checksum.
    pub damaged: u64,
    /// Answers to requests that had been given up.
    pub late_frames: u64,
    /// Exchanges that their owner dropped half-way.
    pub abandoned: u64,
    /// Octets dropped because they were there before a request had left.
    pub stale_octets: u64,
    /// Octets dropped during an exchange: neither answer, nor echo, nor a late answer.
    pub skipped_octets: u64,
    /// Octets of our own requests that came back.
    pub echo_octets: u64,
    /// Octets heard while no answer was due or overdue. Copies of answers count here too; a
    /// number that grows on a healthy line means a second master.
    pub foreign_octets: u64,
    /// Octets that left.
    pub sent_octets: u64,
    /// Octets that came, whatever they were.
    pub heard_octets: u64,
    /// Times when the line did not become silent.
    pub busy: u64,
    /// Time during which the line was held for exchanges, the silence before them included.
    pub held: Duration,
    /// The line echoes what is sent; none while it is not known.
    pub echoes: Option<bool>,
    /// The same per meter.
    pub peers: BTreeMap<Peer, PeerCounters>,
}

/// Counters of one meter on a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerCounters {
    /// Requests sent.
    pub requests: u64,
    /// Answers proven and handed over.
    pub answers: u64,
    /// Answers that came later than usual.
    pub slow: u64,
    /// Exchanges without an answer.
    pub silent: u64,
    /// Exchanges whose answer had a wrong checksum.
    pub damaged: u64,
    /// Answers to requests that had been given up.
    pub late_frames: u64,
    /// The learned turnaround.
    pub turnaround: Turnaround,
    /// All turnarounds of answers in time.
    pub histogram: TurnaroundHistogram,
}

impl GuardCounters {
    /// The entry of a meter. What is beyond the limit shares one entry, and so one turnaround.
    pub(crate) fn peer(&mut self, peer: Peer) -> &mut PeerCounters {
        self.peers.entry(self.key(peer)).or_default()
    }

    /// What was learned of a meter so far.
    pub(crate) fn turnaround(&self, peer: Peer) -> Turnaround {
        let entry = self.peers.get(&self.key(peer));
        entry.map(|entry| entry.turnaround).unwrap_or_default()
    }

    fn key(&self, peer: Peer) -> Peer {
        let full = self.peers.len() >= PEERS_MAX && !self.peers.contains_key(&peer);
        if full { Peer(u32::MAX) } else { peer }
    }
}

/// How many answers took how long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TurnaroundHistogram {
    buckets: [u64; TURNAROUND_BOUNDS_MS.len() + 1],
    sum: Duration,
}

impl TurnaroundHistogram {
    /// Answers per bucket, not cumulated; the last one has no upper bound.
    pub fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// All turnarounds together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    pub(crate) fn add(&mut self, turnaround: Duration) {
        let place = TURNAROUND_BOUNDS_MS
            .partition_point(|&bound| Duration::from_millis(bound) < turnaround);
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket += 1;
        }
        self.sum = self.sum.saturating_add(turnaround);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turnaround_falls_into_the_bucket_that_bounds_it() {
        let mut histogram = TurnaroundHistogram::default();
        for millis in [0, 2, 3, 5000, 5001] {
            histogram.add(Duration::from_millis(millis));
        }
        assert_eq!(histogram.buckets(), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(histogram.sum(), Duration::from_millis(10_006));
    }

    #[test]
    fn meters_beyond_the_limit_share_an_entry() {
        let mut counters = GuardCounters::default();
        for unit in 0..400 {
            counters.peer(Peer(unit)).requests += 1;
        }
        assert_eq!(counters.peers.len(), PEERS_MAX + 1);
        assert_eq!(counters.peer(Peer(u32::MAX)).requests, 144);
        assert_eq!(counters.peer(Peer(3)).requests, 1);
    }
}
