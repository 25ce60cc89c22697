//! Instants of markers, and the clock that runs on between them.

use super::rows::{Part, Rows};
use super::{GapCause, ProfileEvent, ProfileHappening};
use crate::catalogue::flag::MarkerMeaning;
use crate::clock_basis::{ClockBasis, Instants, Stretch};
use metering::{Flag, Flags, MeterTime, Timestamp};

/// A change to or from daylight saving time tells for so long which of two hours is meant.
const MOVED_RECENTLY_S: u64 = 3 * 3600;

/// Where the next interval lies.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    basis: ClockBasis,
    stretch: Stretch,
    /// The mark at which the next interval's period begins.
    clock: Option<u64>,
    /// When the next interval itself begins: later than `clock` behind a marker.
    open_from: u64,
    /// When supply failed; the next record is what was measured until then.
    down_at: Option<u64>,
    /// When supply failed, until it is back.
    down_since: Option<u64>,
    /// The interval directly before, which a marker may cut: its end and the part's beginning.
    last: Option<(u64, u64)>,
    /// Remarks for the next interval.
    pending: Flags,
    /// What the last head said of daylight saving.
    daylight: Option<bool>,
    /// When a marker last said that the clock was moved, and whether to daylight saving time.
    moved: Option<(u64, bool)>,
    /// Marks up to here have rows already that no change of the clock explains.
    pub(super) disputed_until: u64,
}

/// An interval with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) end: u64,
    pub(super) covered: u64,
    pub(super) flags: Flags,
}

impl Timeline {
    pub(super) fn new(basis: ClockBasis) -> Self {
        Self {
            basis,
            stretch: Stretch::default(),
            clock: None,
            open_from: 0,
            down_at: None,
            down_since: None,
            last: None,
            pending: Flags::NONE,
            daylight: None,
            moved: None,
            disputed_until: 0,
        }
    }

    /// What the meter's clock shows at the running mark.
    pub(super) fn shown_now(&mut self) -> Option<MeterTime> {
        self.clock.map(|clock| self.shown(clock))
    }

    pub(super) fn shown(&mut self, at: u64) -> MeterTime {
        let offset = self.stretch(at).offset;
        MeterTime::from_seconds(at.saturating_add_signed(offset))
    }

    fn stretch(&mut self, at: u64) -> Stretch {
        if !self.stretch.holds(at) {
            self.stretch = self.basis.stretch_at(at);
        }
        self.stretch
    }

    /// The next interval of a profile with this period.
    pub(super) fn place(&mut self, period: u64) -> Option<Placed> {
        let clock = self.clock?;
        let mut flags = std::mem::replace(&mut self.pending, Flags::NONE);
        let (from, end, until) = if let Some(down) = self.down_at.take() {
            // What was measured before supply failed belongs to the mark that follows.
            flags = flags.with(Flag::PowerDown);
            let offset = self.stretch(down).offset;
            let before = floor(down, period, offset);
            let mark = if before == down {
                down
            } else {
                before + period
            };
            (self.open_from.min(down), mark.max(clock), down)
        } else {
            let end = clock + period;
            (self.open_from, end, end)
        };
        if self.stretch(end.saturating_sub(1)).is_daylight {
            flags = flags.with(Flag::DstActive);
        }
        // What was cut by a power failure is no shorter for the marker behind it.
        self.last = (until == end).then_some((end, from));
        self.clock = Some(end);
        self.open_from = until;
        Some(Placed {
            end,
            covered: until.saturating_sub(from).min(period),
            flags,
        })
    }

    /// Takes a marker in; `period` is the one that holds behind it.
    pub(super) fn mark(
        &mut self,
        meaning: MarkerMeaning,
        shown: MeterTime,
        daylight: Option<bool>,
        period: u64,
        rows: &mut Rows,
    ) -> u64 {
        let (at, contradicted) = self.resolve(meaning, shown, daylight);
        if contradicted {
            rows.event(event(at, shown, ProfileHappening::BasisContradicted));
        }
        self.daylight = daylight.or(self.daylight);
        let last = self.last.take();
        match meaning {
            MarkerMeaning::PowerDown => {
                cut(last, at, rows);
                self.down_at = Some(at);
                self.down_since = Some(at);
                let is_cut = last.is_some_and(|(end, from)| (from..end).contains(&at));
                if is_cut {
                    rows.remark(last, Flag::PowerDown);
                }
                return at;
            }
            MarkerMeaning::Daylight => {
                self.pending = self.pending.with(Flag::DstChange);
                self.last = last;
                let now = self.clock.unwrap_or(at);
                self.moved = Some((now, self.stretch(now).is_daylight));
                return at;
            }
            MarkerMeaning::TimeChange => self.time_change(last, at, rows),
            MarkerMeaning::PowerUp => {
                cut(last, at, rows);
                let since = self.clock.filter(|_| !rows.is_lost());
                self.down_since = self.down_since.or(since);
                self.pending = self.pending.with(Flag::PowerUp);
            }
            MarkerMeaning::Cleared => {
                if let Some(clock) = self.clock {
                    rows.explain(clock, at, GapCause::Cleared);
                }
                rows.clear(at);
                self.pending = Flags::from(Flag::ProfileCleared);
                self.disputed_until = 0;
                self.clock = None;
            }
            MarkerMeaning::Configuration => {
                cut(last, at, rows);
                self.pending = self.pending.with(Flag::ConfigChanged);
            }
            MarkerMeaning::NewDay
            | MarkerMeaning::ForcedEnd
            | MarkerMeaning::External
            | MarkerMeaning::End => cut(last, at, rows),
        }
        if let Some(since) = self.down_since.take() {
            rows.explain(since, at, GapCause::PowerDown);
        }
        rows.found_again(at);
        let offset = i64::try_from(shown.seconds()).unwrap_or(0) - i64::try_from(at).unwrap_or(0);
        let mark = floor(at, period, offset);
        // Other columns may come with a shorter period, within an interval of the old one.
        let is_within = last.is_some_and(|(_, from)| from <= at);
        if meaning != MarkerMeaning::Configuration || !is_within {
            self.check_overlap(meaning, mark, period, at, shown, rows);
        }
        self.clock = Some(mark);
        self.open_from = at;
        self.down_at = None;
        at
    }

    fn time_change(&mut self, last: Option<(u64, u64)>, at: u64, rows: &mut Rows) {
        self.pending = self.pending.with(Flag::TimeSet);
        rows.remark(last, Flag::TimeSet);
        match last {
            // A small change within the interval: the old time was near the new one.
            Some((end, from)) if (from..end).contains(&at) => rows.shorten(end, end - at),
            // The old time is not known: the interval was cut somewhere.
            Some((end, from)) => rows.shorten(end, (end - from).saturating_sub(1)),
            None => {}
        }
        if let Some(clock) = self.clock {
            rows.explain(clock, at, GapCause::TimeChange);
        }
        self.disputed_until = 0;
    }

    /// Only a change of the clock may go back over intervals that there are.
    fn check_overlap(
        &mut self,
        meaning: MarkerMeaning,
        mark: u64,
        period: u64,
        at: u64,
        shown: MeterTime,
        rows: &mut Rows,
    ) {
        let Some(clock) = self.clock else { return };
        let room = match meaning {
            MarkerMeaning::TimeChange => return,
            MarkerMeaning::NewDay => 0,
            _ => period,
        };
        if mark + room < clock {
            self.disputed_until = self.disputed_until.max(clock);
            let seconds = clock - mark;
            rows.event(event(at, shown, ProfileHappening::Overlap { seconds }));
        }
    }

    /// The instant of a marker, and whether it contradicts the basis.
    fn resolve(
        &self,
        meaning: MarkerMeaning,
        shown: MeterTime,
        daylight: Option<bool>,
    ) -> (u64, bool) {
        let instants = self.basis.instants_of(shown);
        let at = match instants {
            Instants::Once(at) | Instants::Never(at) => at,
            Instants::Twice(first, second) => match daylight.or_else(|| self.moved_to(second)) {
                Some(true) => first,
                Some(false) => second,
                None => self.in_order(meaning, first, second),
            },
        };
        let at = at.seconds();
        let has_rule = self.basis.has_daylight_saving(Timestamp::from_seconds(at));
        let contradicted = match daylight {
            // Once is enough.
            Some(said) if self.daylight != daylight => {
                let is_daylight = self.basis.stretch_at(at).is_daylight;
                let is_certain = matches!(instants, Instants::Once(_));
                is_certain && said != is_daylight && (said || has_rule)
            }
            _ => meaning == MarkerMeaning::Daylight && !has_rule,
        };
        (at, contradicted)
    }

    /// Whether daylight saving time is in force, by a marker of the last hours.
    fn moved_to(&self, second: Timestamp) -> Option<bool> {
        let (at, is_daylight) = self.moved?;
        (second.seconds().abs_diff(at) < MOVED_RECENTLY_S).then_some(is_daylight)
    }

    /// Of the two instants of a repeated hour, the one that does not go back over intervals.
    fn in_order(&self, meaning: MarkerMeaning, first: Timestamp, second: Timestamp) -> Timestamp {
        let Some(clock) = self.clock else {
            return first;
        };
        let can_go_back = matches!(meaning, MarkerMeaning::Daylight | MarkerMeaning::TimeChange);
        let is_first = if can_go_back {
            first.seconds().abs_diff(clock) < second.seconds().abs_diff(clock)
        } else {
            // A marker may stand within the interval before it.
            first.seconds() >= self.last.map_or(self.open_from, |(_, from)| from)
        };
        if is_first { first } else { second }
    }

    /// Octets were left out: where the next interval lies is not known before the next marker.
    pub(super) fn lose_track(&mut self, rows: &mut Rows) {
        if let Some(clock) = self.clock {
            rows.lost_from(clock);
        }
        self.last = None;
        self.down_at = None;
    }

    pub(super) fn clock(&self) -> Option<u64> {
        self.clock
    }
}

impl Placed {
    pub(super) fn part(
        self,
        position: u64,
        status: u16,
        values: Vec<Option<i64>>,
        others: Vec<Option<i64>>,
    ) -> Part {
        Part {
            placed: self,
            position,
            status,
            values,
            others,
        }
    }
}

/// The mark at or before an instant.
fn floor(at: u64, period: u64, offset: i64) -> u64 {
    // Rounded in the meter's own calendar: its offset need not be whole periods.
    let shown = at.saturating_add_signed(offset);
    at.saturating_sub(shown % period.max(1))
}

/// A marker within the interval before it: that was a part only.
fn cut(last: Option<(u64, u64)>, at: u64, rows: &mut Rows) {
    if let Some((end, from)) = last
        && (from..end).contains(&at)
    {
        rows.shorten(end, end - at);
    }
}

fn event(at: u64, shown: MeterTime, what: ProfileHappening) -> ProfileEvent {
    ProfileEvent {
        position: 0,
        at: Some(Timestamp::from_seconds(at)),
        shown: Some(shown),
        what,
    }
}
