//! The decoder: octets in as they come, rows out when they are settled.

use super::columns::ProfileColumns;
use super::records::{Known, Marker, Next, Record, RecordReader};
use super::rows::Rows;
use super::timeline::Timeline;
use super::values;
use super::{ProfileEvent, ProfileGap, ProfileHappening, ProfilePiece, Puzzle};
use crate::catalogue::flag::{
    FlagModel, MarkerMeaning, ProfileModel, ProfileStatusBit, ProfileValue,
};
use crate::clock_basis::ClockBasis;
use crate::limits::{NO_NUMBERS_TOLD_MAX, PROFILE_BUFFER_OCTETS_MAX, PUZZLE_OCTETS_KEPT};
use metering::{Flags, MeterTime, Period, Timestamp};
use std::sync::Arc;

/// A new day settles what ended a day before it: only a clock that is set back further would find
/// its intervals gone, and that is told.
const SETTLED_AFTER_S: u64 = 86_400;

/// What a decoder must know beside the model.
#[derive(Debug, Clone)]
pub struct ProfileOptions {
    /// The calendar of the meter's clock.
    pub basis: ClockBasis,
    /// What the meter's clock showed when the profile was read: for profiles that date days
    /// without their year.
    pub read_at: MeterTime,
    /// Channels and period, where the profile does not repeat them: mask and period.
    pub columns: Option<(u16, Period)>,
}

/// What came out of a profile since the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileRead {
    /// Rows, oldest first.
    pub pieces: Vec<ProfilePiece>,
    /// What the profile tells beside them.
    pub events: Vec<ProfileEvent>,
    /// Where there are none.
    pub gaps: Vec<ProfileGap>,
}

impl ProfileRead {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.pieces.iter().map(|piece| piece.rows.len()).sum()
    }

    /// What came later, behind what is here.
    pub fn extend(&mut self, later: Self) {
        for piece in later.pieces {
            match self.pieces.last_mut() {
                Some(last) if last.columns == piece.columns => last.rows.extend(piece.rows),
                _ => self.pieces.push(piece),
            }
        }
        self.events.extend(later.events);
        self.gaps.extend(later.gaps);
    }
}

/// Octets that were not understood, on the way to the next marker that is.
#[derive(Debug, Clone)]
struct Skipping {
    why: Puzzle,
    position: Option<u64>,
    octets: Vec<u8>,
    count: u64,
}

#[derive(Debug, Clone)]
enum Mode {
    Reading,
    /// Behind the end: padding.
    Ended,
    Skipping(Skipping),
}

/// Decodes one load profile, or one instrumentation profile.
#[derive(Debug, Clone)]
pub struct ProfileDecoder {
    reader: RecordReader,
    value: ProfileValue,
    other: Option<ProfileValue>,
    flags: Vec<Flags>,
    extended_flags: Vec<Flags>,
    timeline: Timeline,
    columns: Option<Arc<ProfileColumns>>,
    rows: Rows,
    buffer: Vec<u8>,
    /// The octet of the profile at which the buffer begins.
    position: u64,
    mode: Mode,
    told_no_numbers: usize,
}

impl ProfileDecoder {
    /// A decoder at the beginning of a profile.
    pub fn new(model: &FlagModel, profile: &ProfileModel, options: ProfileOptions) -> Self {
        let reader = RecordReader::new(model, profile, options.read_at);
        let fixed = options.columns;
        let columns = fixed.and_then(|(mask, period)| reader.columns.fixed(mask, period));
        Self {
            value: profile.value,
            other: values::other_coding(profile.value),
            flags: flags_of(&profile.status, 0),
            extended_flags: flags_of(&profile.status, 8),
            timeline: Timeline::new(options.basis),
            columns: columns.map(Arc::new),
            reader,
            rows: Rows::default(),
            buffer: Vec::new(),
            position: 0,
            mode: Mode::Reading,
            told_no_numbers: 0,
        }
    }

    /// The next octets, cut wherever a packet ended.
    pub fn push(&mut self, octets: &[u8]) {
        // A block of values is the longest record; its length has two octets.
        for chunk in octets.chunks(PROFILE_BUFFER_OCTETS_MAX) {
            self.buffer.extend_from_slice(chunk);
            self.read(false);
        }
    }

    /// What is settled so far.
    pub fn take(&mut self) -> ProfileRead {
        ProfileRead {
            pieces: std::mem::take(&mut self.rows.pieces),
            events: std::mem::take(&mut self.rows.events),
            gaps: std::mem::take(&mut self.rows.gaps),
        }
    }

    /// Everything else, at the end of the profile.
    pub fn finish(mut self) -> ProfileRead {
        self.read(true);
        if let Mode::Skipping(skipping) = std::mem::replace(&mut self.mode, Mode::Ended) {
            self.told(&skipping);
        }
        if !self.buffer.is_empty() {
            let octets = std::mem::take(&mut self.buffer);
            let what = ProfileHappening::CutShort { octets };
            self.happened(self.position, what);
        }
        self.rows.settle(u64::MAX);
        self.take()
    }

    /// Octets taken in.
    pub fn octets(&self) -> u64 {
        self.position + u64::try_from(self.buffer.len()).unwrap_or(0)
    }

    /// The end of the newest interval so far, for progress.
    pub fn newest(&self) -> Option<Timestamp> {
        self.timeline.clock().map(Timestamp::from_seconds)
    }

    fn read(&mut self, is_last: bool) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut rest: &[u8] = &buffer;
        while !rest.is_empty() {
            let used = match self.mode {
                Mode::Reading => self.record(rest),
                Mode::Ended => Some(self.behind_end(rest)),
                Mode::Skipping(_) => self.search(rest, is_last),
            };
            let Some(used) = used else { break };
            rest = rest.get(used..).unwrap_or_default();
            self.position += u64::try_from(used).unwrap_or(0);
        }
        self.buffer = rest.to_vec();
    }

    /// Octets used; `None`: more are needed.
    fn record(&mut self, rest: &[u8]) -> Option<usize> {
        let known = self.known();
        match self.reader.next(rest, known) {
            Next::More => None,
            Next::Puzzle(why) => {
                self.skip(why);
                Some(0)
            }
            Next::Found { record, octets } => {
                match record {
                    Record::Interval { status, values } => self.interval(status, values),
                    Record::Marker(marker) => self.marker(&marker),
                    Record::External(octets) => self.external(octets),
                    Record::End => self.mode = Mode::Ended,
                }
                Some(octets)
            }
        }
    }

    fn interval(&mut self, status: u16, octets: &[u8]) {
        let Some(columns) = self.columns.clone() else {
            return;
        };
        let position = self.position;
        let mut values = Vec::with_capacity(columns.channels.len());
        let mut others = Vec::with_capacity(columns.channels.len());
        for (channel, octets) in octets.chunks_exact(self.reader.width).enumerate() {
            let value = values::decode(self.value, octets);
            if value.is_none() && self.told_no_numbers < NO_NUMBERS_TOLD_MAX {
                self.told_no_numbers += 1;
                let octets = octets.to_vec();
                self.happened(position, ProfileHappening::NoNumber { channel, octets });
            }
            if let Some(other) = self.other {
                others.push(values::decode(other, octets));
            }
            values.push(value);
        }
        let Some(placed) = self.timeline.place(u64::from(columns.period.seconds())) else {
            return;
        };
        let [high, low] = status.to_be_bytes();
        let of_status = |table: &[Flags], octet: u8| table.get(usize::from(octet)).copied();
        let own = of_status(&self.flags, low).unwrap_or_default();
        let extended = of_status(&self.extended_flags, high).unwrap_or_default();
        let mut part = placed.part(position, status, values, others);
        part.placed.flags = part.placed.flags.union(own).union(extended);
        let shown = self.timeline.shown(placed.end);
        let disputed = self.timeline.disputed_until;
        self.rows.add(part, &columns, shown, disputed);
    }

    fn marker(&mut self, marker: &Marker) {
        let daylight = marker.head.as_ref().and_then(|head| head.daylight);
        let mut is_different = false;
        if let Some(head) = &marker.head
            && self.columns.as_deref() != Some(&head.columns)
        {
            is_different = self.columns.is_some();
            self.columns = Some(Arc::new(head.columns.clone()));
        }
        let period = self.columns.as_ref().map(|columns| columns.period);
        let Some(period) = period.map(|period| u64::from(period.seconds())) else {
            return;
        };
        let from = self.timeline.clock().map(Timestamp::from_seconds);
        let first_event = self.rows.events.len();
        let (meaning, shown) = (marker.meaning, marker.shown);
        let rows = &mut self.rows;
        let at = self.timeline.mark(meaning, shown, daylight, period, rows);
        for event in self.rows.events.iter_mut().skip(first_event) {
            event.position = self.position;
            event.shown = Some(shown);
        }
        let what = match meaning {
            MarkerMeaning::PowerDown => Some(ProfileHappening::PowerDown),
            MarkerMeaning::PowerUp => Some(ProfileHappening::PowerUp),
            MarkerMeaning::Configuration => Some(ProfileHappening::Configuration { is_different }),
            MarkerMeaning::ForcedEnd => Some(ProfileHappening::ForcedEnd),
            MarkerMeaning::TimeChange => Some(ProfileHappening::TimeChange { from }),
            MarkerMeaning::Daylight => Some(ProfileHappening::Daylight),
            MarkerMeaning::NewDay if is_different => {
                Some(ProfileHappening::Configuration { is_different })
            }
            // `clear` tells that itself.
            MarkerMeaning::Cleared
            | MarkerMeaning::NewDay
            | MarkerMeaning::External
            | MarkerMeaning::End => None,
        };
        if let Some(what) = what {
            self.rows.event(ProfileEvent {
                position: self.position,
                at: Some(Timestamp::from_seconds(at)),
                shown: Some(shown),
                what,
            });
        }
        if meaning == MarkerMeaning::NewDay {
            self.rows.settle(at.saturating_sub(SETTLED_AFTER_S));
        }
    }

    /// Where its intervals lie is not known, so neither is where the next ones do.
    fn external(&mut self, octets: &[u8]) {
        let octets = octets.to_vec();
        self.happened(self.position, ProfileHappening::External { octets });
        self.skip(Puzzle::BehindExternal);
    }

    fn known(&self) -> Known {
        Known {
            channels: self.columns.as_ref().map(|columns| columns.channels.len()),
            has_clock: self.timeline.clock().is_some(),
        }
    }

    fn skip(&mut self, why: Puzzle) {
        self.timeline.lose_track(&mut self.rows);
        self.mode = Mode::Skipping(Skipping {
            why,
            position: None,
            octets: Vec::new(),
            count: 0,
        });
    }

    /// The next octet, unless reading goes on here.
    fn search(&mut self, rest: &[u8], is_last: bool) -> Option<usize> {
        let after = self.timeline.shown_now();
        let is_anchor = match self.reader.is_anchor(rest, self.known(), after) {
            None if !is_last => return None,
            found => found.unwrap_or(false),
        };
        if is_anchor {
            let before = std::mem::replace(&mut self.mode, Mode::Reading);
            if let Mode::Skipping(skipping) = before {
                self.told(&skipping);
            }
            return Some(0);
        }
        let Mode::Skipping(skipping) = &mut self.mode else {
            return None;
        };
        if skipping.octets.len() < PUZZLE_OCTETS_KEPT {
            skipping.octets.extend(rest.first());
        }
        skipping.position.get_or_insert(self.position);
        skipping.count += 1;
        Some(1)
    }

    fn told(&mut self, skipping: &Skipping) {
        if skipping.count == 0 {
            return;
        }
        let what = ProfileHappening::NotUnderstood {
            why: skipping.why,
            octets: skipping.octets.clone(),
            count: skipping.count,
        };
        self.happened(skipping.position.unwrap_or(self.position), what);
    }

    /// Padding may only be followed by more of it.
    fn behind_end(&mut self, rest: &[u8]) -> usize {
        let padding = rest.iter().take_while(|octet| **octet == 0xff).count();
        if padding == 0 {
            self.skip(Puzzle::BehindEnd);
        }
        padding
    }

    fn happened(&mut self, position: u64, what: ProfileHappening) {
        self.rows.event(ProfileEvent {
            position,
            at: None,
            shown: None,
            what,
        });
    }
}

/// The flags of each status octet; `from` is the bit of the table that is its lowest.
fn flags_of(bits: &[ProfileStatusBit], from: u8) -> Vec<Flags> {
    let of = |octet: u8| {
        let set = bits.iter().filter(|bit| {
            let place = bit.bit.checked_sub(from);
            place.is_some_and(|place| place < 8 && octet >> place & 1 == 1)
        });
        let flags = set.filter_map(|bit| bit.flag);
        flags.fold(Flags::NONE, Flags::with)
    };
    (0..=u8::MAX).map(of).collect()
}
