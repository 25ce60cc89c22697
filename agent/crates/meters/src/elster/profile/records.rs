//! Records of a profile: where each one ends, and what stands in it.

use super::Puzzle;
use super::columns::{ColumnReader, Head};
use super::values;
use crate::catalogue::flag::{
    ByteOrder, FlagModel, MarkerCarries, MarkerMeaning, ProfileHead, ProfileModel,
};
use crate::elster::octets::{Octets, two_digits};
use metering::MeterTime;

/// The first octet that can be a marker; below it an interval begins with its status.
const FIRST_MARKER: u8 = 0xE0;
/// 2000-01-01 and 2100-01-01: what lies outside is no time of such a meter.
const CENTURY: std::ops::Range<u64> = 946_684_800..4_102_444_800;
/// Definitions of channels in the head of an instrumentation profile.
const DEFINITION_OCTETS: usize = 16;
/// Octets behind the period there, which nobody describes.
const UNKNOWN_OCTETS: usize = 5;
/// A marker and its length, and the marker at the end.
const BLOCK_EXTRA: usize = 4;
/// Markers follow each other within a day, as each day has one; with a clock that ran on without
/// supply, within the time a profile holds.
const NEXT_MARKER_WITHIN_S: u64 = 60 * 86_400;

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    Interval { status: u16, values: &'a [u8] },
    Marker(Marker),
    External(&'a [u8]),
    End,
}

/// A marker with a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) meaning: MarkerMeaning,
    pub(super) shown: MeterTime,
    pub(super) head: Option<Head>,
}

/// What is known where a record begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Channels, once a marker told them.
    pub(super) channels: Option<usize>,
    /// Whether a marker told the time.
    pub(super) has_clock: bool,
}

/// What the octets at hand begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    Found { record: Record<'a>, octets: usize },
    More,
    Puzzle(Puzzle),
}

/// The records of one model's profile.
#[derive(Debug, Clone)]
pub(super) struct RecordReader {
    markers: Vec<Option<(MarkerMeaning, MarkerCarries)>>,
    head: ProfileHead,
    pub(super) width: usize,
    pub(super) columns: ColumnReader,
    /// The year of a day that has none, and the month it is counted back from.
    read_in: (u16, u8),
}

impl RecordReader {
    pub(super) fn new(model: &FlagModel, profile: &ProfileModel, read_at: MeterTime) -> Self {
        let (year, month, _) = read_at.date();
        let meaning = |octet| {
            let marker = profile.marker(octet)?;
            Some((marker.meaning, marker.carries))
        };
        Self {
            markers: (FIRST_MARKER..=u8::MAX).map(meaning).collect(),
            head: profile.head,
            width: values::width(profile.value),
            columns: ColumnReader::new(model, profile),
            read_in: (
                u16::try_from(year).unwrap_or(u16::MAX),
                u8::try_from(month).unwrap_or(12),
            ),
        }
    }

    /// The record at the front.
    pub(super) fn next<'a>(&self, octets: &'a [u8], known: Known) -> Next<'a> {
        let Some((&first, rest)) = octets.split_first() else {
            return Next::More;
        };
        let Some(place) = first.checked_sub(FIRST_MARKER) else {
            return match known.channels.filter(|_| known.has_clock) {
                Some(channels) => self.interval(octets, channels),
                None => Next::Puzzle(Puzzle::NoDay),
            };
        };
        let marker = self.markers.get(usize::from(place)).copied().flatten();
        let Some((meaning, carries)) = marker else {
            return Next::Puzzle(Puzzle::Marker(first));
        };
        match (meaning, carries) {
            (MarkerMeaning::End, _) | (_, MarkerCarries::Nothing) => Next::Found {
                record: Record::End,
                octets: 1,
            },
            (_, MarkerCarries::Block) => self.block(first, octets, known),
            (_, carries) if known.channels.is_none() && !carries.tells_columns() => {
                Next::Puzzle(Puzzle::NoDay)
            }
            (meaning, carries) => self.marker(first, meaning, carries, rest),
        }
    }

    fn interval<'a>(&self, octets: &'a [u8], channels: usize) -> Next<'a> {
        let mut left = Octets(octets);
        let status = match self.head {
            ProfileHead::Status => left.octet().map(u16::from),
            ProfileHead::TypeExtendedStatus => left
                .array()
                .map(|[_, extended, status]| u16::from_be_bytes([extended, status])),
        };
        let values = left.take(channels.saturating_mul(self.width));
        match status.zip(values) {
            Some((status, values)) => Next::Found {
                record: Record::Interval { status, values },
                octets: octets.len() - left.0.len(),
            },
            None => Next::More,
        }
    }

    fn marker(
        &self,
        octet: u8,
        meaning: MarkerMeaning,
        carries: MarkerCarries,
        rest: &[u8],
    ) -> Next<'static> {
        let mut left = Octets(rest);
        let Some(shown) = self.shown(carries, &mut left) else {
            return Next::More;
        };
        if !CENTURY.contains(&shown.seconds()) {
            return Next::Puzzle(Puzzle::Time(octet));
        }
        let head = match carries {
            MarkerCarries::TimeMaskPeriod => match left.array() {
                Some([high, low, period]) => self.columns.masked([high, low], period),
                None => return Next::More,
            },
            MarkerCarries::TimeDefinitions => {
                let definitions = left.take(DEFINITION_OCTETS);
                let parts = definitions.zip(left.octet()).zip(left.take(UNKNOWN_OCTETS));
                match parts {
                    Some(((definitions, period), _)) => self.columns.defined(definitions, period),
                    None => return Next::More,
                }
            }
            _ => None,
        };
        if carries.tells_columns() && head.is_none() {
            return Next::Puzzle(Puzzle::Columns(octet));
        }
        let marker = Marker {
            meaning,
            shown,
            head,
        };
        Next::Found {
            record: Record::Marker(marker),
            octets: 1 + rest.len() - left.0.len(),
        }
    }

    /// The time behind a marker; 1970 where there is no such day. `None`: more octets are needed.
    fn shown(&self, carries: MarkerCarries, left: &mut Octets) -> Option<MeterTime> {
        if carries != MarkerCarries::DayMonth {
            return left.time(ByteOrder::LowFirst);
        }
        let [day, month] = left.array()?;
        let parts = two_digits(day).zip(two_digits(month));
        let (year_read, month_read) = self.read_in;
        let shown = parts.and_then(|(day, month)| {
            // A month that lies ahead was last year's.
            let year = year_read.checked_sub(u16::from(month > month_read))?;
            MeterTime::from_civil([year, u16::from(month), u16::from(day)], [0; 3])
        });
        Some(shown.unwrap_or_default())
    }

    /// Whether a marker with a plausible time stands at the front, so that reading may go on there.
    /// `None`: more octets are needed to know.
    pub(super) fn is_anchor(
        &self,
        octets: &[u8],
        known: Known,
        after: Option<MeterTime>,
    ) -> Option<bool> {
        let first = octets.first()?;
        let place = first.checked_sub(FIRST_MARKER).map(usize::from);
        let marker = place.and_then(|place| self.markers.get(place).copied().flatten());
        if !marker.is_some_and(|(_, carries)| carries.tells_time()) {
            return Some(false);
        }
        match self.next(octets, known) {
            Next::More => None,
            Next::Found {
                record: Record::Marker(marker),
                ..
            } => Some(after.is_none_or(|after| {
                let (from, at) = (after.seconds(), marker.shown.seconds());
                (from.saturating_sub(86_400)..=from + NEXT_MARKER_WITHIN_S).contains(&at)
            })),
            Next::Found { .. } | Next::Puzzle(_) => Some(false),
        }
    }

    /// Marker, length of all of it, values of whole intervals, marker.
    fn block<'a>(&self, marker: u8, octets: &'a [u8], known: Known) -> Next<'a> {
        let [_, low, high, ..] = octets else {
            return Next::More;
        };
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let each = known.channels.unwrap_or(1).saturating_mul(self.width);
        let values = length.checked_sub(BLOCK_EXTRA);
        if !values.is_some_and(|values| values.is_multiple_of(each)) {
            return Next::Puzzle(Puzzle::Block(marker));
        }
        match octets.get(3..length) {
            None => Next::More,
            Some([inner @ .., end]) if *end == marker => Next::Found {
                record: Record::External(inner),
                octets: length,
            },
            Some(_) => Next::Puzzle(Puzzle::Block(marker)),
        }
    }
}
