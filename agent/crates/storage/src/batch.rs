//! What one commit shall hold.

use crate::audit::AuditRecord;
use crate::limits::{
    COLUMNS_MAX, ENTRY_BYTES_AIM, GAP_RANGES_MAX, POLLS_MAX, RECEIPT_BYTES_MAX,
    REQUEST_ID_BYTES_MAX, TEXT_BYTES_MAX,
};
use crate::remember::{Remembered, Wish};
use crate::{Body, Entry, GapRange, StoreError, codec};
use metering::{
    ClockQuality, MeterId, MeterReadings, ProfileId, ProfileRows, ProfileShape, Row, Timestamp,
};

/// Rows that one block of the contract holds.
const ROWS_MAX: usize = 1024;

/// Collects what shall become durable together; `Store::append` writes all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    bodies: Vec<(Body, Timestamp, ClockQuality)>,
    readings: Vec<MeterReadings>,
    readings_at: Timestamp,
    readings_clock: Option<ClockQuality>,
    pub(crate) state: Vec<(u8, u32, Vec<u8>)>,
    pub(crate) audit: Vec<(AuditRecord, ClockQuality)>,
    pub(crate) remembered: Vec<Wish>,
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry, to be committed at `at` by a clock of this quality. All readings of a
    /// batch become one entry (more only where it would grow beyond 32 KiB), with the latest
    /// time and the worst clock of them all.
    pub fn push(&mut self, body: Body, at: Timestamp, clock: ClockQuality) {
        match body {
            Body::Readings(polls) => {
                self.readings.extend(polls);
                self.readings_at = self.readings_at.max(at);
                let worst = self.readings_clock.map_or(clock, |known| known.min(clock));
                self.readings_clock = Some(worst);
            }
            Body::Event(mut event) => {
                cut(&mut event.detail, TEXT_BYTES_MAX);
                self.bodies.push((Body::Event(event), at, clock));
            }
            other => self.bodies.push((other, at, clock)),
        }
    }

    /// Keeps a small value under a kind and an id; an empty one removes it.
    pub fn set_state(&mut self, kind: u8, id: u32, value: Vec<u8>) {
        self.state.push((kind, id, value));
    }

    /// Keeps a named value in place of the former one.
    pub fn remember(&mut self, name: &str, value: Remembered) {
        self.remembered.push((name.to_owned(), Some(value)));
    }

    /// Lets a named value go.
    pub fn forget(&mut self, name: &str) {
        self.remembered.push((name.to_owned(), None));
    }

    /// Adds a record to the audit chain. Each batch with such records also gets one entry with
    /// the chain's new head, so that nobody can rewrite the chain unnoticed.
    pub fn audit(&mut self, mut record: AuditRecord, clock: ClockQuality) {
        for text in [&mut record.who, &mut record.what, &mut record.detail] {
            cut(text, TEXT_BYTES_MAX);
        }
        self.audit.push((record, clock));
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
            && self.readings.is_empty()
            && self.state.is_empty()
            && self.audit.is_empty()
            && self.remembered.is_empty()
    }

    /// The newest interval of a meter that ends no later than `upto`, among what is still to be
    /// committed.
    pub fn last_row(
        &self,
        meter: &MeterId,
        profile: ProfileId,
        upto: Timestamp,
    ) -> Option<(&Row, &ProfileShape)> {
        let blocks = self.bodies.iter().filter_map(|(body, ..)| match body {
            Body::Profile(block) if block.meter == *meter && block.profile == profile => {
                Some(block)
            }
            _ => None,
        });
        let rows = blocks.flat_map(|block| block.rows.iter().map(|row| (row, &block.shape)));
        rows.filter(|(row, _)| row.end <= upto)
            .max_by_key(|(row, _)| row.end)
    }

    /// About how many bytes it will take, for a caller that commits early when much is waiting.
    pub fn weight(&self) -> usize {
        let values: usize = self.readings.iter().map(|poll| poll.values.len()).sum();
        let rows = |body: &Body| match body {
            Body::Profile(block) => 100 + 4 * block.rows.len() * block.shape.channels.len(),
            Body::Receipt(signed) => 100 + signed.len(),
            _ => 100,
        };
        let bodies: usize = self.bodies.iter().map(|(body, ..)| rows(body)).sum();
        let state: usize = self.state.iter().map(|(.., value)| 20 + value.len()).sum();
        let values_of = |wish: &Wish| wish.1.as_ref().map_or(0, |value| value.bytes.len());
        let remembered: usize = self
            .remembered
            .iter()
            .map(|wish| 100 + values_of(wish))
            .sum();
        4 * values + bodies + state + remembered + 300 * self.audit.len()
    }

    /// The instant of the latest part.
    pub(crate) fn at(&self) -> Timestamp {
        let bodies = self.bodies.iter().map(|(_, at, _)| *at);
        let audit = self.audit.iter().map(|(record, _)| record.at);
        bodies.chain(audit).fold(self.readings_at, Timestamp::max)
    }

    /// Every entry, small enough, without numbers yet. Refuses what no entry can hold.
    pub(crate) fn into_entries(mut self) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::with_capacity(self.bodies.len() + 1);
        if !self.readings.is_empty() {
            self.readings
                .sort_by(|a, b| (&a.meter, a.taken_at).cmp(&(&b.meter, b.taken_at)));
            let clock = self.readings_clock.unwrap_or_default();
            let body = Body::Readings(self.readings);
            self.bodies.push((body, self.readings_at, clock));
        }
        for (body, at, clock) in self.bodies {
            check(&body)?;
            split(body, &mut |body| {
                entries.push(Entry {
                    stream: body.stream(),
                    number: 0,
                    at,
                    clock,
                    body,
                });
            });
        }
        Ok(entries)
    }
}

fn unfit(what: String, wanted: &'static str) -> StoreError {
    StoreError::Unfit { what, wanted }
}

fn check(body: &Body) -> Result<(), StoreError> {
    match body {
        Body::Profile(block) => check_block(block),
        Body::Readings(polls) => match polls.iter().find(|poll| poll.values.len() > COLUMNS_MAX) {
            Some(poll) => Err(unfit(
                format!("a poll of {} has {} values", poll.meter, poll.values.len()),
                "at most 512 values a poll",
            )),
            None => Ok(()),
        },
        Body::Gap(gap) => {
            let ranges = match &gap.what {
                GapRange::Numbers { ranges, .. } => ranges.len(),
                GapRange::Rows { .. } => 0,
            };
            if ranges > GAP_RANGES_MAX || gap.request.len() > REQUEST_ID_BYTES_MAX {
                return Err(unfit(
                    "a gap record is too long".to_owned(),
                    "at most 1024 ranges and a request id of at most 32 bytes",
                ));
            }
            Ok(())
        }
        Body::Receipt(signed) if signed.is_empty() || signed.len() > RECEIPT_BYTES_MAX => {
            Err(unfit(
                format!("a receipt has {} bytes", signed.len()),
                "a signed receipt of 1 to 8192 bytes",
            ))
        }
        Body::Event(_) | Body::Audit(_) | Body::Receipt(_) => Ok(()),
    }
}

fn check_block(block: &ProfileRows) -> Result<(), StoreError> {
    let channels = block.shape.channels.len();
    if block.rows.is_empty() || channels == 0 || channels + 4 > COLUMNS_MAX {
        let rows = block.rows.len();
        return Err(unfit(
            format!(
                "a block of {} has {rows} rows of {channels} channels",
                block.meter
            ),
            "at least one row of 1 to 508 channels",
        ));
    }
    match block.rows.iter().find(|row| row.values.len() != channels) {
        Some(row) => Err(unfit(
            format!(
                "row {} of {} has {} values",
                row.end,
                block.meter,
                row.values.len()
            ),
            "one value for each channel",
        )),
        None => Ok(()),
    }
}

/// Halves what is too large until it fits.
fn split(body: Body, emit: &mut impl FnMut(Body)) {
    match body {
        Body::Profile(block) if block.rows.len() > 1 && is_large(&block) => {
            let mut early = block;
            let late = early.rows.split_off(early.rows.len() / 2);
            let rest = ProfileRows {
                rows: late,
                ..early.clone()
            };
            split(Body::Profile(early), emit);
            split(Body::Profile(rest), emit);
        }
        Body::Readings(polls) if polls.len() > 1 && is_large_poll(&polls) => {
            let mut first = polls;
            let second = first.split_off(first.len() / 2);
            split(Body::Readings(first), emit);
            split(Body::Readings(second), emit);
        }
        fitting => emit(fitting),
    }
}

fn is_large(block: &ProfileRows) -> bool {
    // A value takes less than twelve bytes; only what may be too large is measured.
    let cells = block.rows.len() * (block.shape.channels.len() + 3);
    block.rows.len() > ROWS_MAX
        || (cells * 12 > ENTRY_BYTES_AIM
            && encoded_length(Body::Profile(block.clone())) > ENTRY_BYTES_AIM)
}

fn is_large_poll(polls: &[MeterReadings]) -> bool {
    // Values rarely take more than four bytes; only what may be too large is measured.
    let values: usize = polls.iter().map(|poll| 2 + poll.values.len()).sum();
    polls.len() > POLLS_MAX / 4
        || (values * 4 > ENTRY_BYTES_AIM
            && encoded_length(Body::Readings(polls.to_vec())) > ENTRY_BYTES_AIM)
}

fn encoded_length(body: Body) -> usize {
    let entry = Entry {
        stream: body.stream(),
        number: 0,
        at: Timestamp::default(),
        clock: ClockQuality::default(),
        body,
    };
    codec::encode(&entry).len()
}

/// Cuts a text at the last character that fits.
pub(crate) fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let fits = (0..=bytes_max)
            .rev()
            .find(|end| text.is_char_boundary(*end));
        text.truncate(fits.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::tests::{block, poll};
    use metering::{Event, EventCode};

    fn entries(batch: Batch) -> Vec<Entry> {
        batch.into_entries().unwrap()
    }

    #[test]
    fn all_readings_of_a_window_are_one_entry_in_a_fixed_order() {
        let mut batch = Batch::new();
        let at = Timestamp::from_seconds;
        batch.push(
            Body::Readings(vec![poll("b", 10, 4)]),
            at(10),
            ClockQuality::Traceable,
        );
        batch.push(
            Body::Readings(vec![poll("a", 12, 4)]),
            at(12),
            ClockQuality::Holdover,
        );
        let entries = entries(batch);
        let [entry] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!((entry.at, entry.clock), (at(12), ClockQuality::Holdover));
        let expected = Body::Readings(vec![poll("a", 12, 4), poll("b", 10, 4)]);
        assert_eq!(entry.body, expected);
    }

    #[test]
    fn what_is_too_large_is_halved() {
        let mut batch = Batch::new();
        let at = Timestamp::from_seconds(1);
        let polls = (0..8000).map(|n| poll("feeder-7", n, 8)).collect();
        batch.push(Body::Readings(polls), at, ClockQuality::Synchronised);
        batch.push(
            Body::Profile(block("feeder-7", 0, 5000, 8)),
            at,
            ClockQuality::Synchronised,
        );
        let entries = entries(batch);
        assert!(entries.len() > 5, "{}", entries.len());
        let mut rows = 0;
        let mut polls = 0;
        for entry in entries {
            assert!(codec::encode(&entry).len() <= ENTRY_BYTES_AIM);
            match entry.body {
                Body::Profile(block) => rows += block.rows.len(),
                Body::Readings(some) => polls += some.len(),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((rows, polls), (5000, 8000));
    }

    #[test]
    fn the_newest_interval_of_a_meter_is_found_before_it_is_committed() {
        let mut batch = Batch::new();
        let at = Timestamp::from_seconds(1);
        for (meter, from) in [("feeder-7", 0), ("feeder-8", 9), ("feeder-7", 3)] {
            let block = block(meter, from * 1800, 3, 2);
            batch.push(Body::Profile(block), at, ClockQuality::Synchronised);
        }
        let all = block("feeder-7", 0, 6, 2);
        let find = |upto| {
            let found = batch.last_row(&all.meter, all.profile, upto);
            found.map(|(row, shape)| (row.end, shape.clone()))
        };
        let [.., before, last] = all.rows.as_slice() else {
            panic!("six rows");
        };
        assert_eq!(find(last.end), Some((last.end, all.shape.clone())));
        let earlier = before.end.after(std::time::Duration::from_secs(1));
        assert_eq!(find(earlier), Some((before.end, all.shape.clone())));
        assert_eq!(find(Timestamp::default()), None);
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let mut batch = Batch::new();
        let event = Event {
            at: Timestamp::default(),
            code: EventCode::MeterSilent,
            meter: None,
            detail: "ä".repeat(TEXT_BYTES_MAX),
        };
        batch.push(
            Body::Event(event),
            Timestamp::default(),
            ClockQuality::default(),
        );
        match &entries(batch).first().unwrap().body {
            Body::Event(event) => assert_eq!(event.detail.len(), TEXT_BYTES_MAX),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_that_does_not_fit_its_shape_is_refused() {
        let mut wrong = block("feeder-7", 0, 2, 3);
        wrong.rows[1].values.pop();
        let mut batch = Batch::new();
        batch.push(
            Body::Profile(wrong),
            Timestamp::default(),
            ClockQuality::default(),
        );
        assert!(matches!(
            batch.into_entries(),
            Err(StoreError::Unfit { .. })
        ));
    }
}
