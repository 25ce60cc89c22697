//! Which entry goes next: two lanes a stream (new, history), oldest first in each, receipts and
//! events before load profiles before telemetry. Pure: no IO.

use crate::limits::{POISON_DISCONNECTS_MAX, REFUSALS_MAX};
use std::collections::{BTreeMap, BTreeSet};
use storage::Stream;
use tokio::time::Instant;

/// One entry, by name.
pub(super) type Key = (Stream, u64);

/// The order in which lanes are asked: a long backlog must not delay what happens now, and must
/// not starve either.
const TURNS: [(Stream, Age); 14] = [
    (Stream::Receipts, Age::New),
    (Stream::Events, Age::New),
    (Stream::Gaps, Age::New),
    (Stream::Profiles, Age::New),
    (Stream::Profiles, Age::New),
    (Stream::Profiles, Age::History),
    (Stream::Audit, Age::New),
    (Stream::Receipts, Age::History),
    (Stream::Events, Age::History),
    (Stream::Gaps, Age::History),
    (Stream::Profiles, Age::New),
    (Stream::Telemetry, Age::New),
    (Stream::Audit, Age::History),
    (Stream::Telemetry, Age::History),
];

/// Which lane of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Age {
    /// Written since this connection began.
    New,
    /// Written before.
    History,
}

/// One connection's view of what is sent and what is still to send.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    cursors: BTreeMap<(Stream, Age), Cursor>,
    turn: usize,
    uncommitted: BTreeMap<Key, Sent>,
    again: BTreeSet<Key>,
}

/// How far one lane has come: entries in `after + 1 ..= upto` are still to send.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    after: u64,
    upto: u64,
}

/// What is known of an entry that was handed to the client.
#[derive(Debug, Clone, Copy)]
struct Sent {
    /// When the broker took it; `None` while in flight.
    taken_at: Option<Instant>,
}

impl Lanes {
    /// What the store holds when a connection begins: everything unconfirmed is history.
    pub(super) fn begin(&mut self, stream: Stream, confirmed: u64, next: u64) {
        let last = next.saturating_sub(1);
        let history = Cursor {
            after: confirmed,
            upto: last,
        };
        self.cursors.insert((stream, Age::History), history);
        self.cursors.insert(
            (stream, Age::New),
            Cursor {
                after: last,
                upto: last,
            },
        );
    }

    /// Whether [`Lanes::begin`] has been called: the window is open.
    pub(super) fn is_begun(&self) -> bool {
        !self.cursors.is_empty()
    }

    /// Entries up to `next - 1` are there now.
    pub(super) fn grown(&mut self, stream: Stream, next: u64) {
        if let Some(cursor) = self.cursors.get_mut(&(stream, Age::New)) {
            cursor.upto = cursor.upto.max(next.saturating_sub(1));
        }
    }

    /// The lane whose turn it is and that has something to send: stream, lane, after, up to.
    pub(super) fn next(&mut self) -> Option<(Stream, Age, u64, u64)> {
        for _ in 0..TURNS.len() {
            let turn = TURNS.get(self.turn).copied();
            self.turn = (self.turn + 1) % TURNS.len();
            let (stream, age) = turn?;
            let Some(cursor) = self.cursors.get(&(stream, age)) else {
                continue;
            };
            if cursor.after < cursor.upto {
                return Some((stream, age, cursor.after, cursor.upto));
            }
        }
        None
    }

    /// Whether something waits to be sent.
    pub(super) fn is_backlogged(&self) -> bool {
        let mut cursors = self.cursors.values();
        !self.again.is_empty() || cursors.any(|cursor| cursor.after < cursor.upto)
    }

    /// Everything of the lane up to `number` was handed over, or need not be.
    pub(super) fn passed(&mut self, stream: Stream, age: Age, number: u64) {
        if let Some(cursor) = self.cursors.get_mut(&(stream, age)) {
            cursor.after = cursor.after.max(number);
        }
    }

    /// Handed to the client.
    pub(super) fn sent(&mut self, key: Key) {
        self.again.remove(&key);
        self.uncommitted.insert(key, Sent { taken_at: None });
    }

    /// The broker has it.
    pub(super) fn taken(&mut self, key: Key, now: Instant) {
        if let Some(sent) = self.uncommitted.get_mut(&key) {
            sent.taken_at = Some(now);
        }
    }

    /// It must be sent again later: nobody listened, or the broker refused it.
    pub(super) fn send_again(&mut self, key: Key) {
        if self.uncommitted.remove(&key).is_some() {
            self.again.insert(key);
        }
    }

    /// It must be sent after all.
    pub(super) fn again(&mut self, key: Key) {
        self.again.insert(key);
    }

    /// The head-end has everything up to `upto`, and the islands.
    pub(super) fn committed(&mut self, stream: Stream, upto: u64, islands: &[(u64, u64)]) {
        let has = |key: &Key| {
            key.0 == stream
                && (key.1 <= upto || islands.iter().any(|(a, b)| (*a..=*b).contains(&key.1)))
        };
        self.uncommitted.retain(|key, _| !has(key));
        self.again.retain(|key| !has(key));
        for age in [Age::New, Age::History] {
            if let Some(cursor) = self.cursors.get_mut(&(stream, age)) {
                cursor.after = cursor.after.max(upto.min(cursor.upto));
            }
        }
    }

    /// Entries that the broker took before `before` and the head-end has not committed since.
    pub(super) fn overdue(&mut self, before: Instant) -> usize {
        let late: Vec<Key> = self
            .uncommitted
            .iter()
            .filter(|(_, sent)| sent.taken_at.is_some_and(|at| at <= before))
            .map(|(key, _)| *key)
            .collect();
        for key in &late {
            self.send_again(*key);
        }
        late.len()
    }

    /// One entry that waits to be sent again.
    pub(super) fn next_again(&self) -> Option<Key> {
        self.again.first().copied()
    }

    /// It need not be sent again after all.
    pub(super) fn forget(&mut self, key: Key) {
        self.again.remove(&key);
        self.uncommitted.remove(&key);
    }

    /// Handed over and not committed.
    pub(super) fn uncommitted(&self) -> usize {
        self.uncommitted.len()
    }

    /// The oldest entries that were in flight, one a stream, when the connection was lost.
    pub(super) fn oldest_in_flight(&self) -> Vec<Key> {
        let mut oldest: BTreeMap<Stream, u64> = BTreeMap::new();
        for ((stream, number), sent) in &self.uncommitted {
            if sent.taken_at.is_none() {
                oldest.entry(*stream).or_insert(*number);
            }
        }
        oldest.into_iter().collect()
    }
}

/// What went wrong with single entries, over all connections.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    refused: BTreeMap<Key, u8>,
    lost_with: BTreeMap<Key, u8>,
}

impl Troubles {
    /// The broker refused an entry. `true`: set it aside.
    pub(super) fn refused(&mut self, key: Key) -> bool {
        let times = self.refused.entry(key).or_insert(0);
        *times = times.saturating_add(1);
        *times >= REFUSALS_MAX
    }

    /// A connection was lost with these in flight. Returns those to be set aside.
    pub(super) fn lost(&mut self, in_flight: &[Key]) -> Vec<Key> {
        // Only an unbroken row of losses makes an entry suspicious.
        self.lost_with.retain(|key, _| in_flight.contains(key));
        let mut poison = Vec::new();
        for key in in_flight {
            let times = self.lost_with.entry(*key).or_insert(0);
            *times = times.saturating_add(1);
            if *times >= POISON_DISCONNECTS_MAX {
                poison.push(*key);
            }
        }
        poison
    }

    /// An entry that was in flight at so many losses in a row that it must travel alone.
    pub(super) fn suspect(&self) -> Option<Key> {
        let limit = POISON_DISCONNECTS_MAX - 1;
        self.lost_with
            .iter()
            .find(|(_, times)| **times >= limit)
            .map(|(key, _)| *key)
    }

    /// The broker had a word for it: whatever else it is, it is not poison.
    pub(super) fn survived(&mut self, key: Key) {
        self.lost_with.remove(&key);
    }

    /// It went through, or was set aside.
    pub(super) fn cleared(&mut self, key: Key) {
        self.refused.remove(&key);
        self.lost_with.remove(&key);
    }
}

#[cfg(test)]
mod tests;
