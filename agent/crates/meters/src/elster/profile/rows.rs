//! Intervals in the making: parts are added up, and what is settled is handed over.

use super::columns::ProfileColumns;
use super::timeline::Placed;
use super::{GapCause, ProfileEvent, ProfileGap, ProfileHappening, ProfilePiece, ProfileRow};
use metering::{Flag, MeterTime, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An interval record with its place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) placed: Placed,
    pub(super) position: u64,
    pub(super) status: u16,
    pub(super) values: Vec<Option<i64>>,
    pub(super) others: Vec<Option<i64>>,
}

/// An interval that may still get another part.
#[derive(Debug, Clone)]
struct Draft {
    columns: Arc<ProfileColumns>,
    row: ProfileRow,
    covered: u64,
}

/// A stretch without intervals, and why.
#[derive(Debug, Clone, Copy)]
struct Explained {
    from: u64,
    to: u64,
    cause: GapCause,
}

/// All that a profile gave so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    drafts: BTreeMap<u64, Draft>,
    settled_to: u64,
    last_end: Option<u64>,
    explained: Vec<Explained>,
    lost_from: Option<u64>,
    pub(super) pieces: Vec<ProfilePiece>,
    pub(super) events: Vec<ProfileEvent>,
    pub(super) gaps: Vec<ProfileGap>,
}

impl Rows {
    pub(super) fn event(&mut self, event: ProfileEvent) {
        self.events.push(event);
    }

    /// One more part of an interval.
    pub(super) fn add(
        &mut self,
        part: Part,
        columns: &Arc<ProfileColumns>,
        shown_end: MeterTime,
        disputed_until: u64,
    ) {
        let end = part.placed.end;
        if end <= self.settled_to {
            self.again(&part, shown_end);
            return;
        }
        let Some(draft) = self.drafts.get_mut(&end) else {
            self.drafts
                .insert(end, Draft::new(part, columns, shown_end));
            return;
        };
        if end <= disputed_until {
            draft.row.flags = draft.row.flags.with(Flag::NotValid);
            self.again(&part, shown_end);
        } else if draft.columns == *columns {
            draft.add(&part);
        } else {
            let before = std::mem::replace(draft, Draft::new(part, columns, shown_end));
            let kept = draft.take_over(before);
            self.events.extend(kept);
        }
    }

    fn again(&mut self, part: &Part, shown: MeterTime) {
        self.events.push(ProfileEvent {
            position: part.position,
            at: Some(Timestamp::from_seconds(part.placed.end)),
            shown: Some(shown),
            what: ProfileHappening::Again {
                values: part.values.clone(),
            },
        });
    }

    /// The interval that ends at `end` was cut by so many seconds.
    pub(super) fn shorten(&mut self, end: u64, by: u64) {
        if let Some(draft) = self.drafts.get_mut(&end) {
            draft.covered = draft.covered.saturating_sub(by);
        }
    }

    pub(super) fn remark(&mut self, last: Option<(u64, u64)>, flag: Flag) {
        if let Some((end, _)) = last
            && let Some(draft) = self.drafts.get_mut(&end)
        {
            draft.row.flags = draft.row.flags.with(flag);
        }
    }

    /// Why there may be no intervals between two instants.
    pub(super) fn explain(&mut self, from: u64, to: u64, cause: GapCause) {
        if from < to {
            self.explained.push(Explained { from, to, cause });
        }
    }

    /// From here on octets are left out.
    pub(super) fn lost_from(&mut self, at: u64) {
        self.lost_from.get_or_insert(at);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost_from.is_some()
    }

    /// A marker was understood again.
    pub(super) fn found_again(&mut self, at: u64) {
        if let Some(from) = self.lost_from.take() {
            self.explain(from, at, GapCause::NotUnderstood);
        }
    }

    /// What came before does not count.
    pub(super) fn clear(&mut self, at: u64) {
        let dropped = self.drafts.len();
        self.drafts.clear();
        self.settled_to = 0;
        self.events.push(ProfileEvent {
            position: 0,
            at: Some(Timestamp::from_seconds(at)),
            shown: None,
            what: ProfileHappening::Cleared { dropped },
        });
    }

    /// Intervals that end up to here get no more parts.
    pub(super) fn settle(&mut self, up_to: u64) {
        while let Some(entry) = self.drafts.first_entry() {
            if *entry.key() > up_to {
                break;
            }
            let (end, draft) = entry.remove_entry();
            self.gap_before(end, u64::from(draft.columns.period.seconds()));
            self.last_end = Some(end);
            self.settled_to = end;
            self.hand_over(draft);
        }
    }

    fn hand_over(&mut self, draft: Draft) {
        let (columns, row) = (Arc::clone(&draft.columns), draft.finished());
        match self.pieces.last_mut() {
            Some(piece) if piece.columns == columns => piece.rows.push(row),
            _ => self.pieces.push(ProfilePiece {
                columns,
                rows: vec![row],
            }),
        }
    }

    fn gap_before(&mut self, end: u64, period: u64) {
        let Some(last) = self.last_end else { return };
        let missing = end.saturating_sub(last) / period.max(1);
        let marks = missing.saturating_sub(1);
        if marks > 0 {
            let (first, last_mark) = (last + period, end - period);
            let is_in_gap = |known: &&Explained| known.from < end && known.to > last;
            let cause = self.explained.iter().find(is_in_gap);
            self.gaps.push(ProfileGap {
                first: Timestamp::from_seconds(first),
                last: Timestamp::from_seconds(last_mark),
                marks,
                cause: cause.map_or(GapCause::Unknown, |known| known.cause),
            });
        }
        self.explained.retain(|known| known.to > end);
    }
}

impl Draft {
    fn new(part: Part, columns: &Arc<ProfileColumns>, shown_end: MeterTime) -> Self {
        let placed = part.placed;
        Self {
            columns: Arc::clone(columns),
            covered: placed.covered,
            row: ProfileRow {
                end: Timestamp::from_seconds(placed.end),
                shown_end,
                position: part.position,
                values: part.values,
                others: part.others,
                status: part.status,
                flags: placed.flags,
                parts: 1,
                covered_s: 0,
            },
        }
    }

    fn add(&mut self, part: &Part) {
        add(&mut self.row.values, &part.values);
        add(&mut self.row.others, &part.others);
        self.row.status |= part.status;
        self.row.flags = self.row.flags.union(part.placed.flags);
        self.row.parts = self.row.parts.saturating_add(1);
        self.covered += part.placed.covered;
    }

    /// A part of the same interval from before the columns changed: channels that are still there
    /// add up, and a part that fits nowhere is kept as an event.
    fn take_over(&mut self, before: Self) -> Option<ProfileEvent> {
        let fits = before.columns.period == self.columns.period;
        let mut has_all = fits;
        for (channel, value) in before.columns.channels.iter().zip(&before.row.values) {
            let same = |one: &super::ProfileChannel| one == channel;
            let place = self.columns.channels.iter().position(same);
            let sum = place.and_then(|place| self.row.values.get_mut(place));
            match sum.filter(|_| fits) {
                Some(sum) => {
                    *sum = sum
                        .zip(*value)
                        .and_then(|(sum, value)| sum.checked_add(value));
                }
                None => has_all = false,
            }
        }
        self.row.flags = self.row.flags.with(Flag::ConfigChanged);
        if fits {
            self.row.flags = self.row.flags.union(before.row.flags);
            self.row.status |= before.row.status;
            self.row.parts = self.row.parts.saturating_add(before.row.parts);
            self.covered += before.covered;
        }
        (!has_all).then_some(ProfileEvent {
            position: before.row.position,
            at: Some(before.row.end),
            shown: Some(before.row.shown_end),
            what: ProfileHappening::PartKept {
                columns: before.columns,
                values: before.row.values,
            },
        })
    }

    fn finished(self) -> ProfileRow {
        let period = u64::from(self.columns.period.seconds());
        let mut row = self.row;
        let flag = match self.covered.cmp(&period) {
            std::cmp::Ordering::Less => Some(Flag::Short),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Flag::Long),
        };
        if let Some(flag) = flag {
            row.flags = row.flags.with(flag);
        }
        if row.values.iter().any(Option::is_none) {
            row.flags = row.flags.with(Flag::Missing);
        }
        row.covered_s = u32::try_from(self.covered).unwrap_or(u32::MAX);
        row
    }
}

fn add(sums: &mut [Option<i64>], values: &[Option<i64>]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum
            .zip(*value)
            .and_then(|(sum, value)| sum.checked_add(value));
    }
}
