//! Rows of one mark put together.

use super::CosemRow;
use super::happening::CosemHappening;
use metering::{Channel, ChannelKind, Flag, Flags, Timestamp};
use std::collections::BTreeMap;

/// Rows by their marks.
#[derive(Debug)]
pub(super) struct Joined<'c> {
    channels: &'c [Channel],
    rows: BTreeMap<Timestamp, CosemRow>,
}

impl<'c> Joined<'c> {
    pub(super) fn new(channels: &'c [Channel]) -> Self {
        Self {
            channels,
            rows: BTreeMap::new(),
        }
    }

    /// The next row, in the order in which they came about.
    pub(super) fn take(&mut self, next: CosemRow, happenings: &mut Vec<CosemHappening>) {
        let Some(known) = self.rows.get_mut(&next.row.end) else {
            self.rows.insert(next.row.end, next);
            return;
        };
        let is_part = known.row.offset_ms < next.row.offset_ms && known.row.flags.has(Flag::Short);
        if is_part {
            join(self.channels, known, &next, happenings);
        } else {
            let (end, values) = (next.row.end, next.row.values);
            happenings.push(CosemHappening::Again { end, values });
        }
    }

    /// Oldest first.
    pub(super) fn rows(self) -> Vec<CosemRow> {
        self.rows.into_values().collect()
    }
}

/// Increments add up, totals are those at the end; averages of parts are told, not mixed.
fn join(
    channels: &[Channel],
    known: &mut CosemRow,
    next: &CosemRow,
    happenings: &mut Vec<CosemHappening>,
) {
    let has_averages = channels
        .iter()
        .any(|channel| channel.kind == ChannelKind::Average);
    if has_averages {
        let (end, values) = (known.row.end, known.row.values.clone());
        happenings.push(CosemHappening::Part { end, values });
    }
    let pairs = known.row.values.iter().zip(&next.row.values);
    let values = channels.iter().zip(pairs).map(|(channel, (one, next))| {
        let adds = channel.kind == ChannelKind::Increment && !has_averages;
        if adds {
            one.zip(*next).and_then(|(one, next)| one.checked_add(next))
        } else {
            *next
        }
    });
    known.row.values = values.collect();
    // Missing is what is missing in the whole.
    let bits = known.row.flags.union(next.row.flags).bits();
    let mut flags = Flags::from_bits(bits & !Flags::from(Flag::Missing).bits()).with(Flag::Short);
    if known.row.values.iter().any(Option::is_none) {
        flags = flags.with(Flag::Missing);
    }
    known.row.flags = flags;
    known.row.offset_ms = next.row.offset_ms;
    known.shown = next.shown.or(known.shown);
    known.status = match (known.status, next.status) {
        (Some(one), Some(next)) => Some(one | next),
        (one, next) => one.or(next),
    };
    known.parts = known.parts.saturating_add(1);
}
