//! Answers to requests of the head-end: entries by number, intervals by meter and time. What is
//! lost for good is said to be.

use super::lanes::Key;
use super::session::Session;
use super::words;
use crate::limits::{BACKFILL_ENTRIES_MAX, BACKFILL_ROWS_A_BLOCK, ROWS_SETTLED_AFTER};
use crate::tasks::storekeeper::{Look, OutboxAsk, Record, StoreGone, Urgency};
use head_end::{Request, RequestId, Wanted};
use metering::{MeterId, ProfileId, ProfileRows, Timestamp};
use std::collections::VecDeque;
use storage::{GapRange, GapReason, GapRecord, Lookup, ProfileData, Stream};

/// Runs that one gap record names; the contract allows 64.
const RANGES_A_GAP: usize = 64;
/// With more than this waiting for the head-end, a request by time is put off.
const ANSWER_WHILE_WAITING_MAX: u64 = 4096;

/// Entries that were asked for again and are still to be sent.
#[derive(Debug, Default)]
pub(super) struct Backfill {
    asked: VecDeque<(Stream, u64, u64)>,
    entries: u64,
}

impl Backfill {
    fn add(&mut self, stream: Stream, from: u64, to: u64) -> bool {
        let count = to.saturating_sub(from).saturating_add(1);
        let limit = u64::try_from(BACKFILL_ENTRIES_MAX).unwrap_or(u64::MAX);
        if self.entries.saturating_add(count) > limit {
            return false;
        }
        self.entries += count;
        self.asked.push_back((stream, from, to));
        true
    }

    fn next(&mut self) -> Option<Key> {
        let (stream, from, to) = self.asked.front_mut()?;
        let key = (*stream, *from);
        if *from >= *to {
            self.asked.pop_front();
        } else {
            *from += 1;
        }
        self.entries = self.entries.saturating_sub(1);
        Some(key)
    }
}

impl Session<'_> {
    pub(super) fn next_asked_for(&mut self) -> Option<Key> {
        self.backfill.next()
    }

    pub(super) async fn take_request(&mut self, request: Request) {
        let done = match request.wanted {
            Wanted::Numbers {
                epoch,
                stream,
                ranges,
            } => {
                self.by_number(&request.id, epoch, words::stored(stream), ranges)
                    .await
            }
            Wanted::Intervals {
                meter,
                profile,
                from,
                to,
            } => self.by_time(&request.id, meter, profile, from, to).await,
        };
        if let Err(error) = done {
            log::error!(error:%; "a request of the head-end could not be answered");
        }
    }

    async fn by_number(
        &mut self,
        id: &RequestId,
        epoch: [u8; 8],
        stream: Stream,
        ranges: Vec<(u64, u64)>,
    ) -> Result<(), StoreGone> {
        let announced = self.up.store.announced();
        if epoch != announced.epoch {
            let what = GapRange::Numbers { stream, ranges };
            self.say_gap(id, what, GapReason::OtherEpoch).await;
            return Ok(());
        }
        let next = announced
            .outbox
            .iter()
            .find(|state| state.stream == stream)
            .map_or(1, |s| s.next);
        let mut ends: Vec<(GapReason, Vec<u64>)> = Vec::new();
        let mut budget = BACKFILL_ENTRIES_MAX;
        for (from, to) in ranges {
            for number in from.max(1)..=to.min(next.saturating_sub(1)) {
                let why = if budget == 0 {
                    GapReason::Busy
                } else {
                    let ask = |reply| OutboxAsk::Entry {
                        stream,
                        number,
                        reply,
                    };
                    fate(&self.up.store.ask(ask).await?)
                };
                budget = budget.saturating_sub(1);
                match ends.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, numbers)) => numbers.push(number),
                    None => ends.push((why, vec![number])),
                }
                if budget == 0 {
                    break;
                }
            }
        }
        if ends.is_empty() {
            // All of it lies beyond what is written.
            let what = GapRange::Numbers {
                stream,
                ranges: vec![(next, next)],
            };
            self.say_gap(id, what, GapReason::NotYet).await;
        }
        for (why, numbers) in ends {
            let runs = runs(&numbers);
            if why == GapReason::Sent {
                for (first, last) in &runs {
                    self.backfill.add(stream, *first, *last);
                }
            }
            for ranges in runs.chunks(RANGES_A_GAP) {
                let what = GapRange::Numbers {
                    stream,
                    ranges: ranges.to_vec(),
                };
                self.say_gap(id, what, why).await;
            }
        }
        Ok(())
    }

    async fn by_time(
        &mut self,
        id: &RequestId,
        meter: MeterId,
        profile: ProfileId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(), StoreGone> {
        let waiting: u64 = self
            .up
            .store
            .announced()
            .outbox
            .iter()
            .map(|state| state.entries)
            .sum();
        if waiting > ANSWER_WHILE_WAITING_MAX {
            // Unsigned requests shall not fill the disk while nobody confirms.
            let what = GapRange::Rows {
                meter,
                profile,
                from,
                to,
            };
            self.say_gap(id, what, GapReason::Busy).await;
            return Ok(());
        }
        let whose = meter.clone();
        let stored = self
            .up
            .store
            .ask(|reply| Look::Profile {
                meter: whose,
                profile,
                from,
                to,
                reply,
            })
            .await?;
        let mut records = Vec::new();
        let asked = Span { from, to };
        for (span, why) in ends(&stored, asked, self.up.clock.now().utc) {
            let what = GapRange::Rows {
                meter: meter.clone(),
                profile,
                from: span.from,
                to: span.to,
            };
            records.push(Record::Gap(GapRecord {
                what,
                why,
                request: id.bytes().to_vec(),
            }));
        }
        for block in stored.blocks {
            for rows in block.rows.chunks(BACKFILL_ROWS_A_BLOCK) {
                records.push(Record::Rows(ProfileRows {
                    rows: rows.to_vec(),
                    ..block.clone()
                }));
            }
        }
        self.up.store.keep(records, Urgency::Soon).await;
        Ok(())
    }

    async fn say_gap(&mut self, id: &RequestId, what: GapRange, why: GapReason) {
        let record = Record::Gap(GapRecord {
            what,
            why,
            request: id.bytes().to_vec(),
        });
        self.up.store.keep(vec![record], Urgency::Soon).await;
    }
}

/// A stretch of time: interval ends after `from`, up to and with `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: Timestamp,
    to: Timestamp,
}

/// How a request by time ends, stretch by stretch: what is sent, what is not held, what has not
/// happened yet, what must be asked for again.
fn ends(stored: &ProfileData, asked: Span, now: Timestamp) -> Vec<(Span, GapReason)> {
    let mut ends = Vec::new();
    let settled = now.before(ROWS_SETTLED_AFTER);
    let mut note = |from: Timestamp, to: Timestamp, why| {
        if from < to {
            ends.push((Span { from, to }, why));
        }
    };
    let absent = |note: &mut dyn FnMut(Timestamp, Timestamp, GapReason), from, to: Timestamp| {
        let edge = settled.clamp(from, to.max(from));
        note(from, edge, GapReason::NotHeld);
        note(edge, to, GapReason::NotYet);
    };
    let mut covered = asked.from;
    for block in &stored.blocks {
        let (Some(first), Some(last)) = (block.rows.first(), block.rows.last()) else {
            continue;
        };
        let begin = first.end.before(block.shape.period.duration());
        absent(&mut note, covered, begin);
        note(begin.max(asked.from), last.end, GapReason::Sent);
        covered = last.end;
    }
    if stored.more {
        note(covered, asked.to, GapReason::Busy);
    } else {
        absent(&mut note, covered, asked.to);
    }
    if ends.is_empty() {
        ends.push((asked, GapReason::NotHeld));
    }
    ends
}

/// How a request for an entry ends.
fn fate(lookup: &Lookup) -> GapReason {
    match lookup {
        Lookup::Held(_) => GapReason::Sent,
        // Sent again it would end the connection again, or be refused again.
        Lookup::SetAside => GapReason::SetAside,
        Lookup::Dropped(why) => *why,
        Lookup::Damaged => GapReason::Damaged,
        // Its values may still be had from the archive, by meter and time.
        Lookup::Freed => GapReason::NotHeld,
        Lookup::NotWritten => GapReason::NotYet,
    }
}

/// Runs of consecutive numbers.
fn runs(numbers: &[u64]) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_make_one_run() {
        let held = [3, 4, 7];
        assert_eq!(runs(&held), [(3, 4), (7, 7)]);
        assert_eq!(runs(&[]), []);
    }

    #[test]
    fn every_second_of_a_request_by_time_is_explained() {
        let at = Timestamp::from_seconds;
        let asked = Span {
            from: at(0),
            to: at(9400),
        };
        let nothing = ProfileData::default();
        let span = |from, to| Span {
            from: at(from),
            to: at(to),
        };
        // What the last hour lacks may still be on its way to the store.
        assert_eq!(
            ends(&nothing, asked, at(9300)),
            [
                (span(0, 5700), GapReason::NotHeld),
                (span(5700, 9400), GapReason::NotYet),
            ]
        );
        let more = ProfileData {
            more: true,
            ..ProfileData::default()
        };
        assert_eq!(ends(&more, asked, at(9300)), [(asked, GapReason::Busy)]);
        let upside_down = span(9, 9);
        assert_eq!(
            ends(&nothing, upside_down, at(9300)),
            [(upside_down, GapReason::NotHeld)]
        );
    }

    #[test]
    fn what_was_set_aside_or_lost_is_said_and_not_promised() {
        let why = |lookup| fate(&lookup);
        assert_eq!(why(Lookup::SetAside), GapReason::SetAside);
        assert_eq!(why(Lookup::Damaged), GapReason::Damaged);
        assert_eq!(why(Lookup::Freed), GapReason::NotHeld);
        assert_eq!(why(Lookup::NotWritten), GapReason::NotYet);
        let dropped = Lookup::Dropped(GapReason::OutboxFull);
        assert_eq!(why(dropped), GapReason::OutboxFull);
    }

    #[test]
    fn a_request_cannot_fill_the_memory() {
        let mut backfill = Backfill::default();
        assert!(!backfill.add(Stream::Profiles, 1, u64::MAX));
        assert!(backfill.add(Stream::Profiles, 1, 3));
        let sent: Vec<u64> = std::iter::from_fn(|| backfill.next())
            .map(|key| key.1)
            .collect();
        assert_eq!(sent, [1, 2, 3]);
        assert!(backfill.add(Stream::Profiles, 1, 10_000));
    }
}
