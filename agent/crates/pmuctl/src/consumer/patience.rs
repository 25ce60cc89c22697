//! How long a hole may stay before it is asked for, and how often. Pure.

use crate::limits::{ASK_DOUBLINGS_MAX, HOLES_MAX, REQUEST_NUMBERS_MAX};
use head_end::limits::RANGES_MAX;
use head_end::{Range, Stream};
use metering::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The holes of one gateway, by their first number.
#[derive(Debug, Default)]
pub(super) struct Patience(BTreeMap<(Stream, u64), Hole>);

#[derive(Debug, Clone, Copy)]
struct Hole {
    since: Moment,
    asked: u32,
}

impl Patience {
    /// What to ask for now, of the numbers that are missing: those that have been missing for
    /// `patience`, and again after twice, four times … that.
    pub(super) fn due(
        &mut self,
        missing: &BTreeMap<Stream, Vec<Range>>,
        now: Moment,
        patience: Duration,
    ) -> BTreeMap<Stream, Vec<Range>> {
        let holes = || {
            let streams = missing.iter();
            streams.flat_map(|(stream, runs)| runs.iter().map(|run| (*stream, *run)))
        };
        let present: BTreeSet<_> = holes().map(|(stream, run)| (stream, run.0)).collect();
        self.0.retain(|key, _| present.contains(key));
        let mut due: BTreeMap<Stream, Vec<Range>> = BTreeMap::new();
        let mut room: BTreeMap<Stream, u64> = BTreeMap::new();
        for (stream, (first, last)) in holes() {
            if self.0.len() >= HOLES_MAX && !self.0.contains_key(&(stream, first)) {
                continue;
            }
            let hole = self.0.entry((stream, first)).or_insert(Hole {
                since: now,
                asked: 0,
            });
            let wait = patience.saturating_mul(1 << hole.asked.min(ASK_DOUBLINGS_MAX));
            let room = room.entry(stream).or_insert(REQUEST_NUMBERS_MAX);
            let ranges = due.entry(stream).or_default();
            if now.since(hole.since) < wait || *room == 0 || ranges.len() >= RANGES_MAX {
                continue;
            }
            let last = last.min(first.saturating_add(*room - 1));
            *room -= last - first + 1;
            ranges.push((first, last));
            hole.since = now;
            hole.asked += 1;
        }
        due.retain(|_, ranges| !ranges.is_empty());
        due
    }
}

/// Runs in order, those that overlap or touch made one.
pub(super) fn joined(mut runs: Vec<Range>) -> Vec<Range> {
    runs.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for (first, last) in runs {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_MINUTES: Duration = Duration::from_mins(2);

    #[track_caller]
    fn check(patience: &mut Patience, second: u64, missing: &[Range], expected: &[Range]) {
        let missing = BTreeMap::from([(Stream::Profile, missing.to_vec())]);
        let now = Moment::new(Duration::from_secs(second));
        let due = patience.due(&missing, now, TWO_MINUTES);
        let due = due.get(&Stream::Profile).cloned().unwrap_or_default();
        assert_eq!(due, expected, "at {second} s");
    }

    #[test]
    fn a_hole_is_asked_for_when_it_stays_and_then_less_often() {
        let mut patience = Patience::default();
        let holes = [(3, 4)];
        check(&mut patience, 0, &holes, &[]);
        check(&mut patience, 119, &holes, &[]);
        check(&mut patience, 120, &[(3, 4), (9, 9)], &holes);
        check(&mut patience, 121, &[(3, 4), (9, 9)], &[]);
        check(&mut patience, 240, &[(3, 4), (9, 9)], &[(9, 9)]);
        check(&mut patience, 359, &holes, &[]);
        check(&mut patience, 360, &holes, &holes);
        check(&mut patience, 839, &holes, &[]);
        check(&mut patience, 840, &holes, &holes);
    }

    #[test]
    fn a_hole_that_was_filled_is_forgotten() {
        let mut patience = Patience::default();
        check(&mut patience, 0, &[(3, 4)], &[]);
        check(&mut patience, 60, &[], &[]);
        check(&mut patience, 120, &[(3, 4)], &[]);
    }

    #[test]
    fn a_request_stays_within_what_a_gateway_answers() {
        let mut patience = Patience::default();
        let wide = [(1, 1_000_000)];
        check(&mut patience, 0, &wide, &[]);
        check(&mut patience, 120, &wide, &[(1, 5000)]);
        let many: Vec<Range> = (1..200).map(|n| (2 * n, 2 * n)).collect();
        check(&mut patience, 200, &many, &[]);
        check(&mut patience, 320, &many, &many[..64]);
        check(&mut patience, 321, &many, &many[64..128]);
    }

    #[test]
    fn runs_are_joined() {
        let runs = vec![(5, 6), (1, 2), (3, 3), (6, 9), (20, 20)];
        assert_eq!(joined(runs), [(1, 3), (5, 9), (20, 20)]);
    }
}
