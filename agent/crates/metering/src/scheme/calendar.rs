//! The seasonal time-of-day calendar: which rates are active when.

use super::civil::{CivilDate, MonthDay, TimeOfDay, Weekday};
use super::dst::DstRule;
use super::rates::RateSet;
use super::words::words;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A name within a scheme: 1 to 32 printable characters, no space at its ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

/// Text that is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name; use 1 to 32 printable characters")]
pub struct InvalidLabel(String);

impl Label {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A placeholder where a name has still to be given.
impl Default for Label {
    fn default() -> Self {
        Self(Arc::from("unnamed"))
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let good = (1..=32).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && text.trim() == text;
        if good {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidLabel(text.chars().take(40).collect()))
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words!(
    /// By which clock a calendar is followed.
    CalendarClock {
        /// UTC all year.
        Utc = "utc",
        /// The zone's time without daylight saving, all year.
        Standard = "standard",
        /// What clocks on the wall show.
        #[default]
        Local = "local",
    }
);

/// A seasonal time-of-day calendar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    /// Its name, as meters that keep one show it.
    pub name: Label,
    /// By which clock it is followed.
    pub clock: CalendarClock,
    /// Parts of the year; each lasts until another begins.
    pub seasons: Vec<Season>,
    /// Kinds of day.
    pub day_types: Vec<DayType>,
    /// Dates that do not follow the week.
    pub exclusions: Vec<Exclusion>,
    /// When the meter moves its clock; none where it does not.
    pub dst: Option<DstRule>,
}

/// When a season begins, at 00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeasonStart {
    /// On this day of every year.
    Yearly(MonthDay),
    /// On one date, once.
    Once(CivilDate),
    /// On the date at which daylight saving time begins.
    DstBegins,
    /// On the date at which it ends.
    DstEnds,
}

impl Default for SeasonStart {
    fn default() -> Self {
        Self::Yearly(MonthDay::FIRST)
    }
}

/// A part of the year with its own week.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Season {
    /// Its name.
    pub name: Label,
    /// When it begins.
    pub start: SeasonStart,
    /// What kinds of day its days are.
    pub week: WeekMap,
}

/// Which kind of day each weekday is; a day can be missing until the scheme is finished.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeekMap {
    /// Monday to Sunday.
    pub days: [Option<Label>; 7],
}

impl WeekMap {
    /// The kind of a weekday.
    pub fn of(&self, day: Weekday) -> Option<&Label> {
        self.days.get(day.index())?.as_ref()
    }
}

/// A kind of day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayType {
    /// What weeks and exclusion dates call it.
    pub name: Label,
    /// Its switching times.
    pub switches: Vec<Switch>,
}

/// From a time on, these rates are active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Switch {
    /// From when on.
    pub at: TimeOfDay,
    /// Rates of energy.
    pub energy: RateSet,
    /// Rates of demand.
    pub demand: RateSet,
}

/// Which date an exclusion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExclusionDate {
    /// One date, once; goes before a yearly one.
    Once(CivilDate),
    /// The same day of every year.
    Yearly(MonthDay),
}

impl Default for ExclusionDate {
    fn default() -> Self {
        Self::Yearly(MonthDay::FIRST)
    }
}

/// A date that does not follow the week, such as a bank holiday.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exclusion {
    /// Which date.
    pub date: ExclusionDate,
    /// What kind of day it is instead.
    pub day_type: Label,
}

/// A second calendar that waits in the meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deferred {
    /// The date of the change.
    pub date: CivilDate,
    /// The time of the change, by the clock of the calendar that ends.
    pub time: TimeOfDay,
    /// What holds from then on.
    pub calendar: Calendar,
}

impl Calendar {
    /// The kind of day of that name.
    pub fn day_type(&self, name: &Label) -> Option<&DayType> {
        self.day_types.iter().find(|one| one.name == *name)
    }

    /// The date on which a season begins in a year, where it does.
    pub fn start_in_year(&self, start: SeasonStart, year: u16) -> Option<CivilDate> {
        match start {
            SeasonStart::Yearly(day) => day.in_year(year),
            SeasonStart::Once(date) => Some(date).filter(|date| date.year() == year),
            SeasonStart::DstBegins => self.dst?.begins.date(year),
            SeasonStart::DstEnds => self.dst?.ends.date(year),
        }
    }

    /// All rates that a switching time names: of energy, of demand.
    pub fn rates(&self) -> (RateSet, RateSet) {
        let switches = self.day_types.iter().flat_map(|day| &day.switches);
        switches.fold((RateSet::NONE, RateSet::NONE), |(energy, demand), one| {
            (energy.union(one.energy), demand.union(one.demand))
        })
    }
}

/// `12-25`, `2026-12-25`.
impl fmt::Display for ExclusionDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(date) => date.fmt(f),
            Self::Yearly(day) => day.fmt(f),
        }
    }
}

/// `01-01`, `2026-12-25`, `dst-begins`, `dst-ends`.
impl fmt::Display for SeasonStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yearly(day) => day.fmt(f),
            Self::Once(date) => date.fmt(f),
            Self::DstBegins => f.write_str("dst-begins"),
            Self::DstEnds => f.write_str("dst-ends"),
        }
    }
}
