//! Which rates are active at a time, and why.

use metering::scheme::{
    Calendar, CivilDate, DayType, Deferred, ExclusionDate, Label, RateSet, Scheme, Season,
    SeasonStart, Switch, TimeOfDay, Weekday, Word,
};
use std::fmt;

/// Years in which a day of every year comes at least once: 29 February has gaps of eight.
const YEARS_BACK: u16 = 8;

/// What decided the kind of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayReason {
    /// It is an exclusion date.
    Exclusion(ExclusionDate),
    /// Its season and weekday.
    Week {
        /// The season.
        season: Label,
        /// The weekday.
        weekday: Weekday,
    },
}

/// Why rates are active: the road from the date to the switching time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Whether the deferred calendar is in force by then.
    pub is_deferred: bool,
    /// What decided the kind of the day.
    pub day: DayReason,
    /// The kind of the day.
    pub day_type: Label,
    /// The switching time.
    pub since: TimeOfDay,
}

/// `season winter -> tuesday -> day type cold -> since 16:00`.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_deferred {
            f.write_str("deferred calendar -> ")?;
        }
        match &self.day {
            DayReason::Exclusion(date) => write!(f, "exclusion date {date}")?,
            DayReason::Week { season, weekday } => {
                write!(f, "season {season} -> {}", weekday.word())?;
            }
        }
        write!(f, " -> day type {} -> since {}", self.day_type, self.since)
    }
}

/// What is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// Rates of energy.
    pub energy: RateSet,
    /// Rates of demand.
    pub demand: RateSet,
    /// Why.
    pub why: Why,
}

/// Why nobody can say what is active; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// No calendar.
    #[error("the scheme has no calendar for that time; add the page calendar")]
    NoCalendar,
    /// No season has begun.
    #[error("no season has begun by {0}; add a season that begins earlier, or on 01-01")]
    NoSeason(CivilDate),
    /// A weekday is missing.
    #[error("season {season} does not say what {} is; add it to its week", .weekday.word())]
    NoWeekday {
        /// The season.
        season: Label,
        /// The weekday.
        weekday: Weekday,
    },
    /// A name leads nowhere.
    #[error("there is no day type {0}; add it, or correct the name")]
    NoDayType(Label),
    /// The day begins later.
    #[error("day type {day_type} says nothing of {time}; let its first switching time be 00:00")]
    NoSwitch {
        /// The kind of day.
        day_type: Label,
        /// The time.
        time: TimeOfDay,
    },
    /// The time lies outside of what can be counted.
    #[error("that time lies before 1970 or after 2199; ask for another")]
    OutOfRange,
}

/// A calendar, and the one that waits for its date.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tariff<'a> {
    /// What is in force until then.
    pub active: Option<&'a Calendar>,
    /// What waits.
    pub deferred: Option<&'a Deferred>,
}

impl<'a> Tariff<'a> {
    /// That of a scheme.
    pub fn of(scheme: &'a Scheme) -> Self {
        Self {
            active: scheme.calendar.as_ref(),
            deferred: scheme.deferred.as_ref(),
        }
    }

    /// That of a calendar alone.
    pub fn only(calendar: &'a Calendar) -> Self {
        Self {
            active: Some(calendar),
            deferred: None,
        }
    }

    /// Which rates are active when the calendar's clock shows a date and a time, and why.
    ///
    /// Where an hour comes twice and the deferred calendar begins within it, the first of the two
    /// is meant; [`super::expand`] tells instants apart.
    pub fn rate_at(self, date: CivilDate, time: TimeOfDay) -> Result<Rates, Undecided> {
        let begun = |one: &&Deferred| (one.date, one.time) <= (date, time);
        if let Some(deferred) = self.deferred.filter(begun) {
            let mut rates = rate_at(&deferred.calendar, date, time)?;
            rates.why.is_deferred = true;
            return Ok(rates);
        }
        rate_at(self.active.ok_or(Undecided::NoCalendar)?, date, time)
    }
}

/// Which rates a calendar makes active when its clock shows a date and a time, and why.
pub fn rate_at(calendar: &Calendar, date: CivilDate, time: TimeOfDay) -> Result<Rates, Undecided> {
    let (day, day_type) = day_of(calendar, date)?;
    let begun = day_type.switches.iter().filter(|one| one.at <= time);
    let switch = begun.max_by_key(|one| one.at);
    let switch = switch.ok_or_else(|| Undecided::NoSwitch {
        day_type: day_type.name.clone(),
        time,
    })?;
    Ok(rates_of(day, day_type, switch))
}

pub(super) fn rates_of(day: DayReason, day_type: &DayType, switch: &Switch) -> Rates {
    Rates {
        energy: switch.energy,
        demand: switch.demand,
        why: Why {
            is_deferred: false,
            day,
            day_type: day_type.name.clone(),
            since: switch.at,
        },
    }
}

/// The kind of a day: by exclusion date, one date before a day of every year; else by season and
/// weekday.
pub(super) fn day_of(
    calendar: &Calendar,
    date: CivilDate,
) -> Result<(DayReason, &DayType), Undecided> {
    let (reason, name) = if let Some((exclusion, name)) = exclusion_of(calendar, date) {
        (DayReason::Exclusion(exclusion), name)
    } else {
        let season = season_of(calendar, date).ok_or(Undecided::NoSeason(date))?;
        let weekday = date.weekday();
        let name = season.week.of(weekday);
        let name = name.ok_or_else(|| Undecided::NoWeekday {
            season: season.name.clone(),
            weekday,
        })?;
        let season = season.name.clone();
        (DayReason::Week { season, weekday }, name)
    };
    let day_type = calendar.day_type(name);
    Ok((
        reason,
        day_type.ok_or_else(|| Undecided::NoDayType(name.clone()))?,
    ))
}

fn exclusion_of(calendar: &Calendar, date: CivilDate) -> Option<(ExclusionDate, &Label)> {
    let find = |wanted| {
        let mut all = calendar.exclusions.iter();
        all.find(|one| one.date == wanted)
    };
    let once = find(ExclusionDate::Once(date));
    let found = once.or_else(|| find(ExclusionDate::Yearly(date.month_day())))?;
    Some((found.date, &found.day_type))
}

/// The season that began last.
pub(super) fn season_of(calendar: &Calendar, date: CivilDate) -> Option<&Season> {
    let begun = calendar.seasons.iter().filter_map(|season| {
        let start = latest_start(calendar, season.start, date)?;
        Some((start, season))
    });
    begun
        .max_by_key(|(start, _)| *start)
        .map(|(_, season)| season)
}

fn latest_start(calendar: &Calendar, start: SeasonStart, date: CivilDate) -> Option<CivilDate> {
    if let SeasonStart::Once(begins) = start {
        return Some(begins).filter(|begins| *begins <= date);
    }
    let year = date.year();
    let years = (year.saturating_sub(YEARS_BACK)..=year).rev();
    let mut starts = years.filter_map(|year| calendar.start_in_year(start, year));
    starts.find(|begins| *begins <= date)
}

#[cfg(test)]
mod tests {
    use super::super::parse_scheme;
    use super::*;

    fn shipped() -> Scheme {
        let text = include_str!("../../../../../config/schemes/seasonal-three-rate.toml");
        parse_scheme("x", text).unwrap()
    }

    #[track_caller]
    fn check(scheme: &Scheme, date: &str, time: &str, expected: &str) {
        let found = Tariff::of(scheme).rate_at(date.parse().unwrap(), time.parse().unwrap());
        let told = found.map_or_else(
            |fault| fault.to_string(),
            |rates| format!("{} {}: {}", rates.energy, rates.demand, rates.why),
        );
        assert_eq!(told, expected);
    }

    #[test]
    fn a_rate_is_told_with_its_reason() {
        let scheme = shipped();
        let peak = "1 1: season winter -> tuesday -> day type cold -> since 16:00";
        check(&scheme, "2027-01-12", "18:59", peak);
        let after = "2 none: season winter -> tuesday -> day type cold -> since 19:00";
        check(&scheme, "2027-01-12", "19:00", after);
        let yearly = "3 none: exclusion date 12-25 -> day type rest -> since 00:00";
        check(&scheme, "2030-12-25", "18:00", yearly);
        let once = "3 none: exclusion date 2027-03-26 -> day type rest -> since 00:00";
        check(&scheme, "2027-03-26", "18:00", once);
        let summer = "2 none: season summer -> monday -> day type warm -> since 07:00";
        check(&scheme, "2027-10-25", "12:00", summer);
        let last_winter_day = "3 none: season winter -> saturday -> day type rest -> since 00:00";
        check(&scheme, "2027-03-27", "12:00", last_winter_day);
        let autumn = "1 1: season autumn -> monday -> day type cold -> since 16:00";
        check(&scheme, "2027-11-01", "16:00", autumn);
    }

    #[test]
    fn one_date_goes_before_a_day_of_every_year_wherever_it_stands() {
        let mut scheme = shipped();
        let dates = &mut scheme.calendar.as_mut().unwrap().exclusions;
        let mut once = dates[1].clone();
        assert_eq!(once.date.to_string(), "12-25");
        once.date = ExclusionDate::Once("2030-12-25".parse().unwrap());
        once.day_type = "cold".parse().unwrap();
        dates.push(once.clone());
        let peak = "1 1: exclusion date 2030-12-25 -> day type cold -> since 16:00";
        check(&scheme, "2030-12-25", "18:00", peak);
        let dates = &mut scheme.calendar.as_mut().unwrap().exclusions;
        dates.pop();
        dates.insert(0, once);
        check(&scheme, "2030-12-25", "18:00", peak);
        let yearly = "3 none: exclusion date 12-25 -> day type rest -> since 00:00";
        check(&scheme, "2031-12-25", "18:00", yearly);
    }

    #[test]
    fn the_deferred_calendar_takes_over_at_its_time() {
        let mut scheme = shipped();
        let mut calendar = scheme.calendar.clone().unwrap();
        for day in &mut calendar.day_types {
            day.switches.truncate(1);
        }
        scheme.deferred = Some(Deferred {
            date: "2027-01-12".parse().unwrap(),
            time: "17:00".parse().unwrap(),
            calendar,
        });
        let peak = "1 1: season winter -> tuesday -> day type cold -> since 16:00";
        check(&scheme, "2027-01-12", "16:59", peak);
        let new =
            "3 none: deferred calendar -> season winter -> tuesday -> day type cold -> since 00:00";
        check(&scheme, "2027-01-12", "17:00", new);
    }

    #[test]
    fn what_cannot_be_decided_says_what_to_add() {
        check(
            &Scheme::default(),
            "2027-01-12",
            "17:00",
            "the scheme has no calendar for that time; add the page calendar",
        );
        let mut scheme = shipped();
        let calendar = scheme.calendar.as_mut().unwrap();
        calendar.day_types.pop();
        check(
            &scheme,
            "2027-01-09",
            "17:00",
            "there is no day type rest; add it, or correct the name",
        );
        let calendar = scheme.calendar.as_mut().unwrap();
        calendar.seasons[0].week.days[1] = None;
        check(
            &scheme,
            "2027-01-12",
            "17:00",
            "season winter does not say what tuesday is; add it to its week",
        );
        let calendar = scheme.calendar.as_mut().unwrap();
        calendar.day_types[0].switches.remove(0);
        check(
            &scheme,
            "2027-01-13",
            "06:59",
            "day type cold says nothing of 06:59; let its first switching time be 00:00",
        );
        let calendar = scheme.calendar.as_mut().unwrap();
        calendar.seasons.clear();
        check(
            &scheme,
            "2027-01-12",
            "17:00",
            "no season has begun by 2027-01-12; add a season that begins earlier, or on 01-01",
        );
    }
}
