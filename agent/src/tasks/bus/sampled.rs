//! A load profile that the gateway makes: samples at interval ends become rows.

mod begin;
mod rows;
mod sample;

pub(super) use sample::Sample;

use crate::adapters::clock::Clock;
use crate::config::{MeterSettings, ProfileSettings};
use crate::tasks::storekeeper::Record;
use desk::MeterTrust;
use metering::{Event, EventCode, Flag, Flags, MeterId, Obis, Period, Timestamp, Unit};
use meters::planner::Why;
use meters::profile_maker::{Gap, Made, ProfileMaker};
use rows::lost_before;

/// Samples that wait until a meter has said who it is; beyond it the oldest is missed.
const HELD_MAX: usize = 4;

/// Why a profile begins, or goes on after a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// The gateway started.
    Start,
    /// The meter's settings changed.
    Change,
}

/// A total that is sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) obis: Obis,
    pub(super) exponent: i8,
    pub(super) unit: Unit,
    /// What the register counts up to, if it begins again at zero there.
    pub(super) modulus: Option<i64>,
}

/// The profile of one meter.
pub(super) struct Sampled {
    meter: MeterId,
    profile: Option<ProfileSettings>,
    max_power_kw: Option<u32>,
    totals: Vec<Total>,
    maker: Option<ProfileMaker>,
    /// Samples taken before the meter had said who it is, or the store where its profile goes on.
    held: Vec<Sample>,
    /// End of the newest interval that is stored, which lies ahead after the clock was set back.
    newest: Option<Timestamp>,
    /// Beyond this there may be rows that the maker does not know of.
    looked_up_to: Option<Timestamp>,
    /// Gaps too long for rows that are still to be told, first and last mark.
    cuts: Vec<(Timestamp, Timestamp)>,
    /// The profile is to begin, for this reason, as soon as the store can say where.
    pub(super) unplaced: Option<Begin>,
    /// Whether the store remembers that there are rows ahead.
    pub(super) is_noted_behind: bool,
    made: RowsCounted,
}

/// What was made since the start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowsCounted {
    pub(super) intervals: u64,
    pub(super) flagged: u64,
    pub(super) last: Option<Timestamp>,
}

/// What came of a sample.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
    /// Marks to be read once more.
    pub(super) read_again: Vec<Timestamp>,
}

impl Sampled {
    /// A profile of these totals that has not begun; none if the meter has none.
    pub(super) fn new(settings: &MeterSettings, totals: Vec<Total>) -> Self {
        Self {
            meter: settings.id.clone(),
            profile: settings.profile.clone(),
            max_power_kw: settings.max_power_kw,
            totals,
            maker: None,
            held: Vec::new(),
            newest: None,
            looked_up_to: None,
            cuts: Vec::new(),
            unplaced: None,
            is_noted_behind: false,
            made: RowsCounted::default(),
        }
    }

    /// Other totals, once they are known; the profile has to begin anew.
    pub(super) fn set_totals(&mut self, totals: Vec<Total>) {
        self.totals = totals;
    }

    /// Whose profile.
    pub(super) fn meter(&self) -> &MeterId {
        &self.meter
    }

    /// Its grid, if a profile is made.
    pub(super) fn period(&self) -> Option<Period> {
        self.profile.as_ref().map(|profile| profile.period)
    }

    /// What was made since the start.
    pub(super) fn made(&self) -> RowsCounted {
        self.made
    }

    /// End of the newest interval, which may lie ahead.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Up to where rows ahead are known, if there may be more.
    pub(super) fn looked_up_to(&self) -> Option<Timestamp> {
        self.looked_up_to
    }

    /// Whether there are rows after marks that are still to come.
    pub(super) fn is_behind(&self) -> bool {
        self.looked_up_to.is_some() || self.maker.as_ref().is_some_and(ProfileMaker::is_behind)
    }

    pub(super) fn clock_stepped(&mut self) {
        if let Some(maker) = &mut self.maker {
            maker.clock_stepped();
        }
    }

    fn event(&self, code: EventCode, detail: String, clock: &Clock) -> Event {
        Event {
            at: clock.now().utc,
            code,
            meter: Some(self.meter.clone()),
            detail,
        }
    }

    fn max_per_interval(&self, exponent: i8, period_s: u32) -> Option<i64> {
        let power_w = i64::from(self.max_power_kw?) * 1000;
        let energy_wh = power_w.checked_mul(i64::from(period_s))? / 3600 + 1;
        let scaled = metering::rescale(energy_wh, 0, exponent.min(0))?;
        Some(match u32::try_from(exponent.max(0)) {
            Ok(places) => scaled / 10_i64.checked_pow(places)? + 1,
            Err(_) => scaled,
        })
    }

    /// Makes a row of a sample, or holds it until it is known whether it counts.
    pub(super) fn hear(
        &mut self,
        sample: Sample,
        trust: MeterTrust,
        clock: &Clock,
        said: &mut Rows,
    ) {
        if self.unplaced.is_some() {
            // What is let go here is a gap that the beginning of the profile fills.
            if self.held.len() >= HELD_MAX {
                self.held.remove(0);
            }
            self.held.push(sample);
            return;
        }
        match trust {
            MeterTrust::Unknown => {
                if self.held.len() >= HELD_MAX {
                    let oldest = self.held.remove(0);
                    self.missed(oldest.mark, Flags::from(Flag::Missing), clock, said);
                }
                self.held.push(sample);
            }
            MeterTrust::Wrong => {
                let flags = Flags::from(Flag::Missing).with(Flag::NotValid);
                self.missed(sample.mark, flags, clock, said);
            }
            MeterTrust::Right | MeterTrust::Untold if !sample.has_come => {
                let flags = sample.flags.with(Flag::Missing);
                self.missed(sample.mark, flags, clock, said);
            }
            MeterTrust::Right | MeterTrust::Untold => self.make(&sample, clock, said),
        }
    }

    /// What waited for the profile to begin, or for the meter to say who it is.
    pub(super) fn hear_held(&mut self, trust: MeterTrust, clock: &Clock) -> Rows {
        let mut said = Rows::default();
        for sample in std::mem::take(&mut self.held) {
            self.hear(sample, trust, clock, &mut said);
        }
        said
    }

    fn make(&mut self, sample: &Sample, clock: &Clock, said: &mut Rows) {
        let Some(maker) = &mut self.maker else { return };
        let gap = lost_before(sample.mark, maker, clock);
        let made = maker.sample(sample.mark, sample.offset_ms, &sample.values, sample.clock);
        let mut rows = self.told(gap);
        match made {
            Made::Row(mut row) => {
                row.flags = row.flags.union(sample.flags);
                self.say_row(&row, clock, said);
                rows.push(row);
            }
            Made::ReadAgain => said.read_again.push(sample.mark),
            Made::Nothing => {}
        }
        said.records.extend(self.records(&rows, clock));
    }

    /// The second read of a hard-to-believe sample is not possible.
    pub(super) fn cannot_read_again(&mut self, mark: Timestamp, clock: &Clock) -> Vec<Record> {
        let mut said = Rows::default();
        let flags = Flags::from(Flag::Missing).with(Flag::Implausible);
        self.missed(mark, flags, clock, &mut said);
        said.records
    }

    /// Marks from `first` to `last` were not sampled.
    pub(super) fn hear_missed(
        &mut self,
        (first, last): (Timestamp, Timestamp),
        why: Why,
        trust: MeterTrust,
        clock: &Clock,
    ) -> Rows {
        let mut said = Rows::default();
        let (Some(period), Some(maker)) = (self.period(), &mut self.maker) else {
            return said;
        };
        if why == Why::Clock && first < last && !maker.has_begun() {
            // A gateway without a clock of its own starts years ago: nothing is lost there.
            return said;
        }
        let (first, cut) = maker.cut(first, last);
        self.told(Gap {
            rows: Vec::new(),
            cut,
        });
        // The same road as a sample: what is held back until the meter has said who it is must
        // not be overtaken.
        let mut mark = first;
        while mark <= last {
            let sample = Sample::missing(mark, std::iter::once(why), clock);
            self.hear(sample, trust, clock, &mut said);
            mark = mark.after(period.duration());
        }
        said
    }
}

/// The last mark that the planner will not sample any more: up to half a period late is better
/// than never.
pub(super) fn passed_mark(period: Period, now: Timestamp) -> Timestamp {
    let last = period.mark_at_or_before(now);
    if now >= last.after(period.duration() / 2) {
        last
    } else {
        last.before(period.duration())
    }
}
