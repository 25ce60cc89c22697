//! What a bus task shows of itself: to people, and to metrics.

use desk::{LinkState, MeterTrust};
use line::GuardCounters;
use metering::{MeterId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// A bus at one instant.
#[derive(Debug, Clone)]
pub struct BusView {
    /// Its name.
    pub bus: String,
    /// Open, or why not.
    pub state: LinkState,
    /// Remarks of the driver.
    pub remarks: Vec<String>,
    /// Share of the last minute that the line was in use, in thousandths.
    pub busy_per_mille: u32,
    /// What the guard counted since the start, over every time the line was opened.
    pub line: LineTotals,
    /// Whether it knows its meters: not yet, right after the start.
    pub has_begun: bool,
    /// Its meters.
    pub meters: Vec<MeterView>,
}

impl BusView {
    /// A bus that was not opened yet.
    pub fn new(bus: &str) -> Self {
        Self {
            bus: bus.to_owned(),
            state: LinkState::Gone("not opened yet".to_owned()),
            remarks: Vec::new(),
            busy_per_mille: 0,
            line: LineTotals::default(),
            has_begun: false,
            meters: Vec::new(),
        }
    }
}

/// Counters of a line that outlive its being opened anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineTotals {
    /// Requests sent.
    pub requests: u64,
    /// Answers used.
    pub answers: u64,
    /// Requests without an answer.
    pub silent: u64,
    /// Damaged answers.
    pub damaged: u64,
    /// Late answers, none of them used.
    pub late: u64,
    /// Bytes that belonged to nobody.
    pub stale_bytes: u64,
}

impl LineTotals {
    /// These totals and what a guard counted since.
    pub fn plus(self, counted: &GuardCounters) -> Self {
        Self {
            requests: self.requests + counted.requests,
            answers: self.answers + counted.answers,
            silent: self.silent + counted.silent,
            damaged: self.damaged + counted.damaged,
            late: self.late + counted.late_frames,
            stale_bytes: self.stale_bytes + counted.stale_octets + counted.skipped_octets,
        }
    }
}

/// A meter at one instant.
#[derive(Debug, Clone)]
pub struct MeterView {
    /// Its name.
    pub meter: MeterId,
    /// Its unit; 0 where it has none.
    pub unit: u8,
    /// Outstation number, phone or PAD number of a FLAG meter.
    pub address: Option<String>,
    /// Its model.
    pub model: String,
    /// `healthy`, `doubtful`, `silent`.
    pub state: &'static str,
    /// Whether it is the one it should be.
    pub trust: MeterTrust,
    /// Serial number it answered with.
    pub serial: Option<String>,
    /// When it last answered.
    pub last_answer: Option<Timestamp>,
    /// End of the last interval made.
    pub last_interval: Option<Timestamp>,
    /// Intervals made since the start.
    pub intervals: u64,
    /// Intervals among them with a flag.
    pub flagged: u64,
    /// Answers, silences, damaged answers.
    pub totals: MeterTotals,
    /// Its sessions, if it is read in sessions.
    pub sessions: Option<SessionTotals>,
    /// When its own load profile was last read to its end.
    pub last_collected: Option<Timestamp>,
    /// Days until it overwrites intervals that were not read.
    pub overwrite_in_days: Option<u32>,
    /// Its clock minus ours at the last session, milliseconds.
    pub clock_error_ms: Option<i64>,
    /// When its clock was found out of its bounds, and the configuration allows to adjust it.
    pub clock_wish: Option<Timestamp>,
    /// What a person should know.
    pub remarks: Vec<String>,
    /// What is wrong with its load profile, its clock or its set-up.
    pub found: Vec<desk::Diagnosis>,
}

/// Counters of one meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeterTotals {
    /// Requests sent to it.
    pub requests: u64,
    /// Its answers.
    pub answers: u64,
    /// Requests without an answer.
    pub silent: u64,
    /// Damaged answers.
    pub damaged: u64,
    /// Late answers.
    pub late: u64,
    /// Refusals, by exception code.
    pub exceptions: BTreeMap<u8, u64>,
    /// Round trips: how many took at most so many milliseconds, by bound; the last has no bound.
    pub round_trips: RoundTrips,
}

/// Counters of the sessions with a meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionTotals {
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions in which the meter did not answer its sign-on.
    pub silent: u64,
    /// Sessions that broke.
    pub broken: u64,
    /// Sessions that the meter, or its identity, ended.
    pub refused: u64,
    /// Late answers, none of them used.
    pub late: u64,
    /// Octets that went over the line for them, both ways.
    pub octets: u64,
    /// Line time taken, milliseconds.
    pub held_ms: u64,
    /// Intervals of its own profile that were stored.
    pub intervals: u64,
    /// Intervals among them with a flag.
    pub flagged: u64,
    /// Intervals that came again with other values.
    pub conflicts: u64,
    /// End of the last interval of its own profile.
    pub last_interval: Option<Timestamp>,
}

/// Bounds of the round-trip histogram, milliseconds.
const ROUND_TRIP_BOUNDS_MS: [u64; 9] = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/// A histogram of round trips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoundTrips {
    counts: [u64; ROUND_TRIP_BOUNDS_MS.len() + 1],
    sum_us: u64,
}

impl RoundTrips {
    /// Counts one round trip.
    pub fn note(&mut self, trip: Duration) {
        let millis = u64::try_from(trip.as_millis()).unwrap_or(u64::MAX);
        let place = ROUND_TRIP_BOUNDS_MS
            .iter()
            .position(|bound| millis <= *bound);
        if let Some(count) = self
            .counts
            .get_mut(place.unwrap_or(ROUND_TRIP_BOUNDS_MS.len()))
        {
            *count += 1;
        }
        let micros = u64::try_from(trip.as_micros()).unwrap_or(u64::MAX);
        self.sum_us = self.sum_us.saturating_add(micros);
    }

    /// Upper bound and count of each bucket; the last bucket has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = ROUND_TRIP_BOUNDS_MS.into_iter().map(Some).chain([None]);
        bounds.zip(self.counts)
    }

    /// Sum of all round trips.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_fall_into_their_buckets() {
        let mut trips = RoundTrips::default();
        for millis in [10, 11, 9999] {
            trips.note(Duration::from_millis(millis));
        }
        let filled: Vec<_> = trips.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(Some(10), 1), (Some(20), 1), (None, 1)]);
        assert_eq!(trips.sum(), Duration::from_millis(10_020));
    }
}
