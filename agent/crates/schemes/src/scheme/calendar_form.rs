//! The keys of calendars.

use super::form::{Always, Fields, Form, Key, Part, Plain, Usual};
use super::number::Within;
use metering::scheme::{
    Calendar, DayType, Deferred, DstEdge, DstRule, Exclusion, Season, Switch, WeekMap, Weekday,
    Word,
};

/// Seasons of a calendar, in a file.
const SEASONS_MAX: usize = 64;
/// Kinds of day of a calendar, in a file.
const DAY_TYPES_MAX: usize = 64;
/// Switching times of a kind of day, in a file.
const SWITCHES_MAX: usize = 96;
/// Exclusion dates of a calendar.
const EXCLUSIONS_MAX: usize = 64;

impl Form for Calendar {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "name of the calendar, shown by meters that keep one";
        to.value(Key::need("name", about), &mut Plain(&mut self.name));
        let about = "the clock by which it is followed: utc, standard or local (if absent)";
        to.value(Key::may("clock", about), &mut Usual(&mut self.clock));
        let about = "when the meter moves its clock; absent = it does not";
        to.table(Key::may("dst", about), &mut self.dst);
        let about = "parts of the year; each lasts until another begins";
        to.tables(Key::many("season", about, SEASONS_MAX), &mut self.seasons);
        let about = "kinds of day, with their switching times";
        let key = Key::many("day-type", about, DAY_TYPES_MAX);
        to.tables(key, &mut self.day_types);
        let about = "dates that do not follow the week; a date goes before a day of every year";
        let key = Key::many("exclusion", about, EXCLUSIONS_MAX);
        to.tables(key, &mut self.exclusions);
    }
}

impl Form for Season {
    fn fields(&mut self, to: &mut dyn Fields) {
        to.value(Key::need("name", "its name"), &mut Plain(&mut self.name));
        let about = "when it begins, at 00:00: 04-01, 2026-04-01, dst-begins or dst-ends";
        to.value(Key::need("start", about), &mut Plain(&mut self.start));
        let about = "the kind of day of each weekday";
        let key = Key::need("week", about).inline();
        to.table(key, &mut Always(&mut self.week));
    }

    fn label(&self) -> Option<String> {
        Some(self.name.to_string())
    }
}

impl Form for WeekMap {
    fn fields(&mut self, to: &mut dyn Fields) {
        for (day, slot) in Weekday::ALL.iter().zip(&mut self.days) {
            to.value(Key::may(day.word(), "name of a day type"), slot);
        }
    }
}

impl Form for DayType {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "what weeks and exclusion dates call it";
        to.value(Key::need("name", about), &mut Plain(&mut self.name));
        let about = "its switching times, rising from 00:00";
        let key = Key::many("switch", about, SWITCHES_MAX).inline();
        to.tables(key, &mut self.switches);
    }

    fn label(&self) -> Option<String> {
        Some(self.name.to_string())
    }
}

impl Form for Switch {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "from this time on, until the next switching time";
        to.value(Key::need("at", about), &mut Plain(&mut self.at));
        let about = "rates of energy that are active; [] = none, deliberately";
        to.value(Key::need("energy", about), &mut Plain(&mut self.energy));
        let about = "rates of demand that are active";
        to.value(Key::may("demand", about), &mut Usual(&mut self.demand));
    }

    fn label(&self) -> Option<String> {
        Some(self.at.to_string())
    }
}

impl Form for Exclusion {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "a day of every year (12-25) or one date (2026-04-03)";
        to.value(Key::need("date", about), &mut Plain(&mut self.date));
        let about = "the kind of day that it is";
        to.value(Key::need("day-type", about), &mut Plain(&mut self.day_type));
    }

    fn label(&self) -> Option<String> {
        Some(self.date.to_string())
    }
}

impl Form for DstRule {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "minutes that the clock is ahead in summer: 60 or 120";
        let slot = &mut Within(&mut self.shift_minutes, 1..=120);
        to.value(Key::need("shift-minutes", about), slot);
        let mut edge = |name, about, slot: &mut dyn Part| {
            to.table(Key::need(name, about).inline(), slot);
        };
        let about = "when it goes ahead";
        edge("begins", about, &mut Always(&mut self.begins));
        edge("ends", "when it goes back", &mut Always(&mut self.ends));
    }
}

impl Form for DstEdge {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "which of the month's days of that name";
        to.value(Key::need("week", about), &mut Plain(&mut self.week));
        to.value(
            Key::need("weekday", "the day"),
            &mut Plain(&mut self.weekday),
        );
        let slot = &mut Within(&mut self.month, 1..=12);
        to.value(Key::need("month", "the month"), slot);
        let about = "the full hour that the clock shows, or would show, just before it is moved";
        let slot = &mut Within(&mut self.hour, 0..=23);
        to.value(Key::need("hour", about), slot);
    }
}

impl Form for Deferred {
    fn fields(&mut self, to: &mut dyn Fields) {
        let about = "the date of the change";
        to.value(Key::need("date", about), &mut Plain(&mut self.date));
        let about =
            "the time of the change, by the clock of the calendar that ends; 00:00 if absent";
        to.value(Key::may("time", about), &mut Usual(&mut self.time));
        let key = Key::need("calendar", "what holds from then on");
        to.table(key, &mut Always(&mut self.calendar));
    }
}
