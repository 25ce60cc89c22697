//! The expansion against one that was written another way: from instant to instant, with the
//! zone's own conversion, and with seasons carried forward from day to day.

use super::super::parse_scheme;
use super::*;
use jiff::Timestamp as Instant;
use metering::scheme::{
    DayType, Exclusion, ExclusionDate, Label, RateSet, Scheme, Season, SeasonStart, Switch,
    WeekMap, Weekday,
};
use proptest::prelude::*;
use std::collections::HashMap;

const ZONES: [&str; 5] = [
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/St_Johns",
];

fn shipped() -> Scheme {
    let text = include_str!("../../../../../../config/schemes/seasonal-three-rate.toml");
    parse_scheme("x", text).unwrap()
}

/// One array of 1440 rates for each date, filled day by day.
struct Plan {
    days: HashMap<(i16, i8, i8), Vec<RateSet>>,
}

impl Plan {
    fn new(calendar: &Calendar, first: i16, last: i16) -> Self {
        let mut days = HashMap::new();
        let mut season: Option<&Season> = None;
        let mut day = jiff::civil::date(first - 12, 1, 1);
        while day.year() <= last {
            for one in &calendar.seasons {
                if begins(calendar, one.start, day) {
                    season = Some(one);
                }
            }
            if day.year() >= first - 1 {
                let key = (day.year(), day.month(), day.day());
                days.insert(key, minutes(calendar, season.unwrap(), day));
            }
            day = day.tomorrow().unwrap();
        }
        Self { days }
    }

    fn at(&self, zone: &TimeZone, seconds: i64) -> RateSet {
        let shown = zone.to_datetime(Instant::from_second(seconds).unwrap());
        let day = &self.days[&(shown.year(), shown.month(), shown.day())];
        day[usize::try_from(shown.hour()).unwrap() * 60 + usize::try_from(shown.minute()).unwrap()]
    }
}

fn begins(calendar: &Calendar, start: SeasonStart, day: jiff::civil::Date) -> bool {
    let edge = match start {
        SeasonStart::Yearly(date) => return month_day(day) == date.to_string(),
        SeasonStart::Once(date) => return day.to_string() == date.to_string(),
        SeasonStart::DstBegins => calendar.dst.unwrap().begins,
        SeasonStart::DstEnds => calendar.dst.unwrap().ends,
    };
    let weekday =
        jiff::civil::Weekday::from_monday_zero_offset(i8::try_from(edge.weekday.index()).unwrap());
    let nth = match edge.week {
        WeekOfMonth::First => 1,
        WeekOfMonth::Second => 2,
        WeekOfMonth::Third => 3,
        WeekOfMonth::Fourth => 4,
        WeekOfMonth::Last => -1,
    };
    let month = i8::try_from(edge.month).unwrap();
    day.month() == month && day.nth_weekday_of_month(nth, weekday.unwrap()).unwrap() == day
}

fn month_day(day: jiff::civil::Date) -> String {
    day.strftime("%m-%d").to_string()
}

fn minutes(calendar: &Calendar, season: &Season, day: jiff::civil::Date) -> Vec<RateSet> {
    let mut name = None;
    for one in &calendar.exclusions {
        match one.date {
            ExclusionDate::Once(date) if date.to_string() == day.to_string() => {
                name = Some(&one.day_type);
                break;
            }
            ExclusionDate::Yearly(date) if date.to_string() == month_day(day) => {
                name = name.or(Some(&one.day_type));
            }
            _ => {}
        }
    }
    let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap();
    let name = name.or(season.week.days[weekday].as_ref()).unwrap();
    let mut found = calendar.day_types.iter().filter(|one| one.name == *name);
    let mut minutes = vec![RateSet::NONE; 1440];
    for switch in &found.next().unwrap().switches {
        minutes[usize::from(switch.at.minutes())..].fill(switch.energy);
    }
    minutes
}

/// Every boundary, and instants of all times of the day in between.
#[track_caller]
fn check_year(calendar: &Calendar, plan: &Plan, zone: &TimeZone, year: u16, step: i64) -> usize {
    let own = match calendar.clock {
        CalendarClock::Utc => TimeZone::UTC,
        CalendarClock::Local => zone.clone(),
        CalendarClock::Standard => {
            let info = |month| {
                let noon =
                    jiff::civil::date(i16::try_from(year).unwrap(), month, 1).at(12, 0, 0, 0);
                zone.to_offset(noon.to_zoned(TimeZone::UTC).unwrap().timestamp())
            };
            TimeZone::fixed(info(1).min(info(7)))
        }
    };
    let segments = expand_year(Tariff::only(calendar), zone, year).unwrap();
    let second = |at: Timestamp| i64::try_from(at.seconds()).unwrap();
    let new_year = |year: u16| {
        let day = jiff::civil::date(i16::try_from(year).unwrap(), 1, 1);
        day.to_zoned(own.clone()).unwrap().timestamp().as_second()
    };
    assert_eq!(second(segments.first().unwrap().from), new_year(year));
    assert_eq!(second(segments.last().unwrap().to), new_year(year + 1));
    let mut checked = 0;
    let mut end = segments.first().unwrap().from;
    for segment in &segments {
        assert_eq!(segment.from, end, "no gap and no overlap");
        end = segment.to;
        let (from, to) = (second(segment.from), second(segment.to));
        assert!(from < to);
        let between = (from..to).step_by(usize::try_from(step).unwrap());
        for at in between.chain([to - 1]) {
            checked += 1;
            assert_eq!(
                segment.rates.energy,
                plan.at(&own, at),
                "{} in {segment:?}",
                Timestamp::from_seconds(u64::try_from(at).unwrap())
            );
        }
    }
    checked
}

#[test]
fn thirty_years_in_five_zones_are_those_of_an_independent_expansion() {
    let scheme = shipped();
    for (index, name) in ZONES.iter().enumerate() {
        let zone = zone_named(name).unwrap();
        let mut calendar = scheme.calendar.clone().unwrap();
        // A switching time within the hour that is left out and the one that comes twice.
        for day in &mut calendar.day_types {
            day.switches.insert(1, switch(90, 4));
            day.switches.insert(2, switch(135, 5));
        }
        let clocks = CalendarClock::ALL.iter().cycle().skip(index + 2);
        let plan = Plan::new(&calendar, 2010, 2040);
        let mut checked = 0;
        for (year, clock) in (2010..2040).zip(clocks) {
            calendar.clock = *clock;
            checked += check_year(&calendar, &plan, &zone, year, 7 * 60);
        }
        assert!(checked > 2_000_000, "{checked}");
    }
}

fn switch(minutes: u16, rate: u8) -> Switch {
    Switch {
        at: TimeOfDay::from_minutes(minutes).unwrap(),
        energy: RateSet::NONE.with(rate).unwrap(),
        demand: RateSet::NONE,
    }
}

fn name(index: usize) -> Label {
    format!("d{index}").parse().unwrap()
}

/// Kinds of day, by the rate at 00:00 and those of later minutes.
fn any_day_types() -> impl Strategy<Value = Vec<DayType>> {
    let later = proptest::collection::btree_map(1_u16..1440, 1_u8..=8, 0..6);
    let drawn = proptest::collection::vec((1_u8..=8, later), 1..4);
    drawn.prop_map(|days| {
        let day = |(index, (first, later)): (usize, (u8, std::collections::BTreeMap<u16, u8>))| {
            let switches = [(0, first)].into_iter().chain(later);
            DayType {
                name: name(index),
                switches: switches.map(|(at, rate)| switch(at, rate)).collect(),
            }
        };
        days.into_iter().enumerate().map(day).collect()
    })
}

/// Seasons of weeks of `count` kinds of day; one begins on 1 January.
fn any_seasons(count: usize) -> impl Strategy<Value = Vec<Season>> {
    let day = (1_u8..=12, 1_u8..=28);
    let yearly = day.prop_map(|(month, day)| metering::scheme::MonthDay::new(month, day).unwrap());
    let once = (14_000_u32..26_000).prop_map(|day| CivilDate::from_day_number(day).unwrap());
    let start = prop_oneof![
        yearly.prop_map(SeasonStart::Yearly),
        once.prop_map(SeasonStart::Once),
        Just(SeasonStart::DstBegins),
        Just(SeasonStart::DstEnds),
    ];
    let week = proptest::array::uniform7(0..count);
    proptest::collection::vec((start, week), 0..4).prop_map(move |drawn| {
        let base = (SeasonStart::default(), [0; 7]);
        let all = [base].into_iter().chain(drawn).enumerate();
        let season = |(index, (start, days)): (usize, (SeasonStart, [usize; 7]))| Season {
            name: name(index),
            start,
            week: WeekMap {
                days: days.map(|day| Some(name(day))),
            },
        };
        all.map(season).collect()
    })
}

/// Days of every year, dates, and days of every year that a date of each year overrules.
fn any_exclusions(count: usize) -> impl Strategy<Value = Vec<Exclusion>> {
    let drawn = (0_u8..3, 14_600_u32..25_500, 0..count, 0..count);
    let some = drawn.prop_map(|(shape, day, kind, other)| {
        let date = CivilDate::from_day_number(day).unwrap();
        let yearly = Exclusion {
            date: ExclusionDate::Yearly(date.month_day()),
            day_type: name(kind),
        };
        let once = |date| Exclusion {
            date: ExclusionDate::Once(date),
            day_type: name(other),
        };
        let years = (2010..=2040).filter_map(|year| date.month_day().in_year(year));
        match shape {
            0 => vec![yearly],
            1 => vec![once(date)],
            _ => [yearly].into_iter().chain(years.map(once)).collect(),
        }
    });
    proptest::collection::vec(some, 0..12).prop_map(|lists| lists.concat())
}

fn any_dst() -> impl Strategy<Value = DstRule> {
    let week = || proptest::sample::select(WeekOfMonth::ALL);
    (1_u8..=6, 7_u8..=12, week(), week()).prop_map(|(begins, ends, one, other)| {
        let edge = |week, month| DstEdge {
            week,
            weekday: Weekday::Sunday,
            month,
            hour: 2,
        };
        DstRule {
            shift_minutes: 60,
            begins: edge(one, begins),
            ends: edge(other, ends),
        }
    })
}

/// Calendars in order, with everything drawn.
fn any_calendar() -> impl Strategy<Value = Calendar> {
    any_day_types().prop_flat_map(|day_types| {
        let count = day_types.len();
        let clock = proptest::sample::select(CalendarClock::ALL);
        let parts = (any_seasons(count), any_exclusions(count), any_dst(), clock);
        parts.prop_map(move |(seasons, exclusions, dst, clock)| Calendar {
            name: name(0),
            clock,
            seasons,
            day_types: day_types.clone(),
            exclusions,
            dst: Some(dst),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_calendar_is_expanded_as_by_an_independent_expansion(
        calendar in any_calendar(),
        zone in proptest::sample::select(&ZONES[..]),
        year in 2010_u16..2040,
    ) {
        let first = i16::try_from(year).unwrap();
        let plan = Plan::new(&calendar, first, first + 1);
        check_year(&calendar, &plan, &zone_named(zone).unwrap(), year, 37 * 60);
    }

    #[test]
    fn what_is_active_at_a_time_is_what_the_year_says(
        calendar in any_calendar(),
        zone in proptest::sample::select(&ZONES[..]),
        year in 2010_u16..2040,
    ) {
        let zone = zone_named(zone).unwrap();
        let own = clock_zone(calendar.clock, &zone, year);
        for segment in expand_year(Tariff::only(&calendar), &zone, year).unwrap() {
            let from = i64::try_from(segment.from.seconds()).unwrap();
            let shown = own.to_datetime(Instant::from_second(from).unwrap());
            let date = shown.date().to_string().parse().unwrap();
            let time = shown.strftime("%H:%M").to_string().parse().unwrap();
            let rates = super::super::rate::rate_at(&calendar, date, time).unwrap();
            prop_assert_eq!(rates, segment.rates);
        }
    }
}

#[test]
fn a_day_of_change_has_23_or_25_hours() {
    let scheme = shipped();
    let zone = zone_named("Europe/London").unwrap();
    let year = expand_year(Tariff::of(&scheme), &zone, 2027).unwrap();
    let hours = |date: &str| {
        let date: CivilDate = date.parse().unwrap();
        let [first, last] = [date, date.next().unwrap()]
            .map(|date| first_instant(&zone, date, TimeOfDay::MIDNIGHT).unwrap());
        let part = |segment: &Segment| {
            let [from, to] = [segment.from, segment.to]
                .map(|at| i64::try_from(at.seconds()).unwrap().clamp(first, last));
            to - from
        };
        year.iter().map(part).sum::<i64>() / 3600
    };
    assert_eq!(hours("2027-03-28"), 23);
    assert_eq!(hours("2027-10-31"), 25);
    assert_eq!(hours("2027-06-01"), 24);
}

#[test]
fn a_change_in_an_hour_that_comes_twice_happens_once() {
    let mut scheme = shipped();
    let calendar = scheme.calendar.clone().unwrap();
    let zone = zone_named("Europe/London").unwrap();
    scheme.deferred = Some(Deferred {
        date: "2027-10-31".parse().unwrap(),
        time: "01:30".parse().unwrap(),
        calendar,
    });
    let year = expand_year(Tariff::of(&scheme), &zone, 2027).unwrap();
    let changes = year.windows(2).filter(|pair| {
        let [one, next] = pair else { panic!() };
        one.rates.why.is_deferred != next.rates.why.is_deferred
    });
    let at: Vec<String> = changes.map(|pair| pair[1].from.to_string()).collect();
    assert_eq!(at, ["2027-10-31T00:30:00Z"]);
    // And in one that is left out, when the clock leaps over it.
    scheme.deferred.as_mut().unwrap().date = "2027-03-28".parse().unwrap();
    let year = expand_year(Tariff::of(&scheme), &zone, 2027).unwrap();
    let change = year.iter().find(|one| one.rates.why.is_deferred).unwrap();
    assert_eq!(change.from.to_string(), "2027-03-28T01:00:00Z");
}

#[test]
fn the_zone_of_a_meters_own_rule_is_that_of_the_database() {
    let rule = shipped().calendar.unwrap().dst.unwrap();
    let own = zone_of_rule(0, &rule).unwrap();
    let london = zone_named("Europe/London").unwrap();
    for hour in 0..20 * 366 * 24 {
        let at = Instant::from_second(1_767_225_600 + hour * 3600).unwrap();
        assert_eq!(own.to_offset(at), london.to_offset(at), "{at}");
    }
    let west = zone_of_rule(-12_600, &rule).unwrap();
    let winter = Instant::from_second(1_767_225_600).unwrap();
    assert_eq!(west.to_offset(winter).seconds(), -12_600);
}

#[test]
fn what_lies_outside_is_refused() {
    let scheme = shipped();
    let zone = zone_named("Asia/Kolkata").unwrap();
    let tariff = Tariff::of(&scheme);
    assert_eq!(expand_year(tariff, &zone, 1969), Err(Undecided::OutOfRange));
    assert_eq!(expand_year(tariff, &zone, 1970), Err(Undecided::OutOfRange));
    assert_eq!(expand_year(tariff, &zone, 2200), Err(Undecided::OutOfRange));
    assert!(expand_year(tariff, &zone, 2198).is_ok());
    assert!(zone_named("Mars/Base").is_err());
    let none = Tariff::default();
    assert_eq!(expand_year(none, &zone, 2027), Err(Undecided::NoCalendar));
}
