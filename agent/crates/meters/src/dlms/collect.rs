//! A load profile, read by need and in parts that end in time.

use super::fault::DlmsFault;
use super::part::{PartGround, RowsWay, next_part};
use super::visit::{DlmsVisit, Scalers};
use crate::catalogue::dlms::{DlmsProfile, SelectionWay};
use crate::clock_basis::ClockBasis;
use crate::collection::{Marks, Wanted};
use crate::cosem::{CosemFault, ProfileRead, ProfileReader, ProfileSetup};
use crate::limits::COLLECT_DAYS_MAX;
use ::dlms::conversation::SessionFault;
use ::dlms::security::CounterKeeper;
use line::Line;
use metering::{Period, Timestamp};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Rows of the first part: a day of quarters of an hour.
const ROWS_FIRST: u32 = 96;
/// A part takes about this long; more would make a session's end uncertain.
const PART_TIME: Duration = Duration::from_secs(6);
/// Rows of a part, at least and at most.
const ROWS_MIN: u32 = 8;
const ROWS_MOST: u32 = 4096;
/// Kept back of a session, to end it.
const GOODBYE: Duration = Duration::from_millis(500);
/// Rows further back that are tried where the first one refers to one before it.
const BACK_MAX: u32 = 64;

/// How far the reading of a profile is. It outlives a session: what is still wanted is
/// [`CollectRun::remaining`], from which a new one can be made after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectRun {
    wanted: VecDeque<Marks>,
    ways: VecDeque<RowsWay>,
    rows: u32,
    back: u32,
    age: Option<u32>,
    /// How long a row of the last part took.
    row_time: Duration,
}

/// How a session's share of it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunEnd {
    /// All that was wanted was asked for.
    Done,
    /// The session's time is up before it.
    Later,
}

impl CollectRun {
    /// For what is wanted of a profile. `now` is the instant that the meter's clock shows.
    pub fn new(wanted: &Wanted, profile: &DlmsProfile, period: Period, now: Timestamp) -> Self {
        let day = Duration::from_hours(24);
        let days = u32::try_from(COLLECT_DAYS_MAX).unwrap_or(u32::MAX);
        let oldest = period.mark_after(now.before(day.saturating_mul(days)));
        let since = |first: Timestamp| Marks {
            first: first.max(oldest),
            last: now,
        };
        let mut marks = match wanted {
            Wanted::All | Wanted::Since(None) => vec![since(oldest)],
            Wanted::Since(Some(last)) => vec![since(last.before(day))],
            Wanted::Only(list) => list.clone(),
        };
        marks.retain(|stretch| stretch.first <= stretch.last);
        marks.sort_by_key(|stretch| stretch.first);
        let ways = profile.selection.iter().map(|way| match way {
            SelectionWay::Range => RowsWay::Range,
            SelectionWay::Entry => RowsWay::Entry,
        });
        Self {
            wanted: marks.into(),
            ways: ways.chain([RowsWay::Whole]).collect(),
            rows: ROWS_FIRST,
            back: 0,
            age: None,
            row_time: Duration::ZERO,
        }
    }

    /// What is still wanted, oldest first.
    pub fn remaining(&self) -> Vec<Marks> {
        self.wanted.iter().copied().collect()
    }

    /// How rows are chosen now.
    pub fn way(&self) -> RowsWay {
        self.ways.front().copied().unwrap_or(RowsWay::Whole)
    }

    /// The meter does not take this way; false if there is no other.
    fn next_way(&mut self) -> bool {
        let has_other = self.ways.len() > 1;
        if has_other {
            self.ways.pop_front();
            (self.back, self.age) = (0, None);
        }
        has_other
    }

    /// A part was read, up to this mark, or to this distance from the newest row.
    fn read(&mut self, last: Timestamp, age: u32, newest: Option<Timestamp>, period: Period) {
        self.back = 0;
        let Some(stretch) = self.wanted.front_mut() else {
            return;
        };
        let is_over = match self.ways.front() {
            Some(RowsWay::Range) => {
                stretch.first = last.after(period.duration());
                stretch.first > stretch.last
            }
            Some(RowsWay::Entry) => {
                self.age = Some(age);
                if let Some(newest) = newest {
                    stretch.first = stretch.first.max(newest.after(period.duration()));
                }
                age == 0 || stretch.first > stretch.last
            }
            Some(RowsWay::Whole) | None => {
                self.wanted.clear();
                false
            }
        };
        if is_over {
            self.wanted.pop_front();
            self.age = None;
        }
    }

    /// Rows that can be read in this time; none if that are too few to begin with.
    fn fitting(&self, room: Duration) -> Option<u32> {
        // A third is left for what takes longer than before.
        let room = room.as_millis() * 2 / 3;
        let each = self.row_time.as_millis().max(1);
        let rows = u32::try_from(room / each).unwrap_or(u32::MAX);
        (rows >= ROWS_MIN).then(|| rows.min(self.rows))
    }

    /// So many rows take about as long as a part may.
    fn measure(&mut self, asked: u32, took: Duration) {
        self.row_time = took / asked.max(1);
        let took = took.as_millis().max(1);
        let rows = u128::from(asked) * PART_TIME.as_millis() / took;
        let most = self.rows.saturating_mul(2).min(ROWS_MOST);
        self.rows = u32::try_from(rows)
            .unwrap_or(most)
            .clamp(ROWS_MIN, most.max(ROWS_MIN));
    }
}

impl<L: Line, K: CounterKeeper> DlmsVisit<'_, '_, L, K> {
    /// Goes on with a run until it is done, the session's time is up, or who takes its parts has
    /// enough for now. Each part is handed over as soon as it is read: what was taken is not asked
    /// for again. `now` is the instant that the meter's clock shows.
    pub async fn collect(
        &mut self,
        run: &mut CollectRun,
        (profile, setup): (&DlmsProfile, &ProfileSetup),
        scalers: &mut Scalers,
        (basis, now): (&ClockBasis, Timestamp),
        take: &mut (dyn FnMut(ProfileRead) -> bool + Send),
    ) -> Result<RunEnd, DlmsFault> {
        let period = Period::from_seconds(setup.period_s);
        let period = period.map_err(|_| CosemFault::Period {
            seconds: setup.period_s,
        })?;
        self.learn(setup.scalers(), scalers).await?;
        if !self.has_selection() {
            run.ways = VecDeque::from([RowsWay::Whole]);
        }
        // Rows have come since the last session: places are counted anew.
        run.age = None;
        let reader = ProfileReader::new(self.model(), profile, basis);
        let mut is_first = true;
        while let Some(wanted) = run.wanted.front().copied() {
            let room = self.left().saturating_sub(GOODBYE);
            let rows = match run.fitting(room) {
                Some(rows) => rows,
                // A session that has the line reads something, or there would be no end.
                None if is_first => ROWS_MIN,
                None => return Ok(RunEnd::Later),
            };
            is_first = false;
            let ground = PartGround {
                profile,
                setup,
                period,
                basis,
                now,
                rows_max: rows,
                back: run.back,
            };
            let part = next_part(run.way(), wanted, run.age, &ground);
            let begun = Instant::now();
            let answer = match self.rows(profile, part.selection.clone()).await {
                Ok(answer) => answer,
                Err(DlmsFault::Session(SessionFault::TimeUp { .. })) => {
                    run.rows = (rows / 2).max(ROWS_MIN);
                    return Ok(RunEnd::Later);
                }
                Err(fault) => return Err(fault),
            };
            run.measure(rows, begun.elapsed());
            let data = match answer {
                Ok(data) => data,
                Err(_) if run.next_way() => continue,
                Err(result) => {
                    let what = profile.attribute(2).to_string();
                    return Err(DlmsFault::Refused { what, result });
                }
            };
            match reader.read(setup, scalers, &data, part.begins_within) {
                Ok(read) => {
                    let newest = read.newest();
                    let is_enough = !take(read);
                    run.read(part.last, part.age, newest, period);
                    if is_enough {
                        return Ok(RunEnd::Later);
                    }
                }
                Err(CosemFault::FirstRow) if run.back < BACK_MAX => {
                    // One by one: an answer must begin at a whole row, not behind one.
                    run.back += 1;
                }
                Err(CosemFault::FirstRow) => return Err(DlmsFault::NoFirstRow),
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(RunEnd::Done)
    }
}
