//! Calendars of schemes as a neutral table: one row for each season, switch, day of the week and
//! exclusion date.

use super::register::scheme;
use crate::complaint::{Notebook, shown};
use crate::list::minute_of;
use crate::sheet::{self, Columns, Row};
use crate::site::{Complaints, Label, SchemeName};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap};

pub(super) const COLUMNS: Columns = Columns {
    known: &[
        "scheme",
        "what",
        "season",
        "day-type",
        "weekday",
        "date",
        "time",
        "energy-rates",
        "demand-rates",
    ],
    needed: &["scheme", "what", "day-type", "date", "time"],
};

pub(super) const RATE_MAX: u8 = 64;
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_REMEDY: &str = "write 2026-12-25, or 12-25 for every year";

/// The calendar of a scheme, as far as a table can say it. Whether it has gaps, and whether a
/// model can hold it, is looked at when it becomes a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutralCalendar {
    /// The scheme it belongs to.
    pub scheme: SchemeName,
    /// Its seasons, in the order of the table.
    pub seasons: Vec<NeutralSeason>,
    /// Its day types, by name.
    pub day_types: Vec<NeutralDayType>,
    /// Its exclusion dates, in the order of the table.
    pub exclusions: Vec<NeutralExclusion>,
}

/// A season and its week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutralSeason {
    /// Its name.
    pub name: Label,
    /// When it begins.
    pub starts: NeutralDate,
    /// The day type of each day of its week, Monday first; nothing where the table says nothing.
    pub week: [Option<Label>; 7],
}

/// A day type and its switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutralDayType {
    /// Its name.
    pub name: Label,
    /// Its switches, by time.
    pub switches: Vec<NeutralSwitch>,
}

/// From this minute of the day on, these rates are active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutralSwitch {
    /// Minutes after local midnight.
    pub minute: u16,
    /// Energy rates, from 1.
    pub energy_rates: Vec<u8>,
    /// Demand rates, from 1.
    pub demand_rates: Vec<u8>,
}

/// A date with a day type of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutralExclusion {
    /// The date.
    pub date: NeutralDate,
    /// Its day type.
    pub day_type: Label,
}

/// A date of one year, or of every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NeutralDate {
    /// The year; nothing for every year.
    pub year: Option<i16>,
    /// 1 to 12.
    pub month: i8,
    /// 1 to 31.
    pub day: i8,
}

/// Reads a table of calendars: all mistakes at once, by line and column.
pub fn read_calendars(file: &str, bytes: &[u8]) -> Result<Vec<NeutralCalendar>, Complaints> {
    let mut notes = Notebook::new(file);
    let rows = sheet::read(bytes, &COLUMNS, &mut notes);
    let calendars = rows.map(|rows| calendars(&rows, &mut notes));
    notes.finish(calendars)
}

/// The calendars of rows, whatever form their file has.
pub(super) fn calendars(rows: &[Row], notes: &mut Notebook<'_>) -> Vec<NeutralCalendar> {
    let mut table = Table::default();
    for (number, row) in rows.iter().enumerate() {
        table.add(number, row, notes);
    }
    table.finish(notes)
}

/// Calendars that are being read, and where each of their parts was said.
#[derive(Default)]
struct Table<'r> {
    calendars: BTreeMap<SchemeName, NeutralCalendar>,
    week: Vec<(SchemeName, Label, usize, Label, &'r Row)>,
    uses: Vec<(SchemeName, Label, &'r Row)>,
    said: HashMap<(SchemeName, String), (usize, usize)>,
}

impl<'r> Table<'r> {
    fn add(&mut self, number: usize, row: &'r Row, notes: &mut Notebook<'_>) {
        let scheme = scheme(row, "scheme", notes);
        let what = row.cell("what");
        let part = match what {
            "season" => season(row, notes).map(Part::Season),
            "switch" => switch(row, notes).map(|(name, switch)| Part::Switch(name, switch)),
            "week" => week(row, notes).map(|(season, day, name)| Part::Week(season, day, name)),
            "exclusion" => exclusion(row, notes).map(Part::Exclusion),
            other => {
                let problem = format!("`{}` is not a part of a calendar", shown(other));
                row.note(
                    notes,
                    "what",
                    problem,
                    "use season, switch, week or exclusion",
                );
                None
            }
        };
        let (Some(scheme), Some(part)) = (scheme, part) else {
            return;
        };
        let said = self.said.entry((scheme.clone(), part.key()));
        let (first, line) = *said.or_insert((number, row.line));
        if first != number {
            let problem = format!("line {line} says this already");
            row.note(notes, "what", problem, "keep one of them");
            return;
        }
        let calendar = self
            .calendars
            .entry(scheme.clone())
            .or_insert_with(|| NeutralCalendar {
                scheme: scheme.clone(),
                seasons: Vec::new(),
                day_types: Vec::new(),
                exclusions: Vec::new(),
            });
        match part {
            Part::Season(season) => calendar.seasons.push(season),
            Part::Switch(name, switch) => add_switch(calendar, name, switch),
            Part::Week(season, day, name) => {
                self.uses.push((scheme.clone(), name.clone(), row));
                self.week.push((scheme, season, day, name, row));
            }
            Part::Exclusion(exclusion) => {
                self.uses.push((scheme, exclusion.day_type.clone(), row));
                calendar.exclusions.push(exclusion);
            }
        }
    }

    /// Weeks find their seasons, and day types that are used their switches.
    fn finish(mut self, notes: &mut Notebook<'_>) -> Vec<NeutralCalendar> {
        for (scheme, season, day, name, row) in self.week {
            let seasons = self
                .calendars
                .get_mut(&scheme)
                .map(|calendar| &mut calendar.seasons);
            let season_of =
                seasons.and_then(|seasons| seasons.iter_mut().find(|known| known.name == season));
            if let Some(place) = season_of.and_then(|known| known.week.get_mut(day)) {
                *place = Some(name);
            } else {
                let problem = format!("{scheme} has no season `{season}`");
                row.note(
                    notes,
                    "season",
                    problem,
                    "add the season, or correct the name",
                );
            }
        }
        for (scheme, name, row) in self.uses {
            let types = self
                .calendars
                .get(&scheme)
                .map(|calendar| &calendar.day_types);
            if !types.is_some_and(|types| types.iter().any(|known| known.name == name)) {
                let problem = format!("{scheme} has no day type `{name}`");
                row.note(
                    notes,
                    "day-type",
                    problem,
                    "add its switches, or correct the name",
                );
            }
        }
        self.calendars.into_values().collect()
    }
}

enum Part {
    Season(NeutralSeason),
    Switch(Label, NeutralSwitch),
    Week(Label, usize, Label),
    Exclusion(NeutralExclusion),
}

impl Part {
    /// What may be said once in a calendar.
    fn key(&self) -> String {
        match self {
            Self::Season(season) => format!("season {}", season.name),
            Self::Switch(name, switch) => format!("switch {} {name}", switch.minute),
            Self::Week(season, day, _) => format!("week {day} {season}"),
            Self::Exclusion(exclusion) => format!("exclusion {:?}", exclusion.date),
        }
    }
}

fn add_switch(calendar: &mut NeutralCalendar, name: Label, switch: NeutralSwitch) {
    match calendar
        .day_types
        .binary_search_by(|known| known.name.cmp(&name))
    {
        Ok(at) => {
            if let Some(day_type) = calendar.day_types.get_mut(at) {
                let place = day_type
                    .switches
                    .partition_point(|known| known.minute < switch.minute);
                day_type.switches.insert(place, switch);
            }
        }
        Err(at) => calendar.day_types.insert(
            at,
            NeutralDayType {
                name,
                switches: vec![switch],
            },
        ),
    }
}

fn label(row: &Row, column: &str, notes: &mut Notebook<'_>) -> Option<Label> {
    let parsed = row.cell(column).parse::<Label>();
    parsed
        .map_err(|unfit| row.note(notes, column, unfit.problem, unfit.remedy))
        .ok()
}

fn season(row: &Row, notes: &mut Notebook<'_>) -> Option<NeutralSeason> {
    let (name, starts) = (label(row, "season", notes), date(row, notes));
    Some(NeutralSeason {
        name: name?,
        starts: starts?,
        week: Default::default(),
    })
}

fn switch(row: &Row, notes: &mut Notebook<'_>) -> Option<(Label, NeutralSwitch)> {
    let name = label(row, "day-type", notes);
    let minute = minute_of(row.cell("time")).filter(|minute| *minute < 1440);
    if minute.is_none() {
        let problem = format!("`{}` is not a time of day", shown(row.cell("time")));
        row.note(notes, "time", problem, "write 00:00 to 23:59");
    }
    let energy_rates = rates(row, "energy-rates", notes);
    let demand_rates = rates(row, "demand-rates", notes);
    let switch = NeutralSwitch {
        minute: minute?,
        energy_rates: energy_rates?,
        demand_rates: demand_rates?,
    };
    Some((name?, switch))
}

/// Rates with spaces between them.
fn rates(row: &Row, column: &str, notes: &mut Notebook<'_>) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    for word in row.cell(column).split_whitespace() {
        match word.parse() {
            Ok(rate) if (1..=RATE_MAX).contains(&rate) && !found.contains(&rate) => {
                found.push(rate);
            }
            _ => {
                let problem = format!(
                    "`{}` is not a rate from 1 to {RATE_MAX}, or stands twice",
                    shown(word)
                );
                row.note(notes, column, problem, row.how_to_list());
                return None;
            }
        }
    }
    found.sort_unstable();
    Some(found)
}

fn week(row: &Row, notes: &mut Notebook<'_>) -> Option<(Label, usize, Label)> {
    let (season, name) = (label(row, "season", notes), label(row, "day-type", notes));
    let day = WEEKDAYS
        .iter()
        .position(|known| *known == row.cell("weekday"));
    if day.is_none() {
        let problem = format!("`{}` is not a day of the week", shown(row.cell("weekday")));
        row.note(
            notes,
            "weekday",
            problem,
            "use mon, tue, wed, thu, fri, sat or sun",
        );
    }
    Some((season?, day?, name?))
}

fn exclusion(row: &Row, notes: &mut Notebook<'_>) -> Option<NeutralExclusion> {
    let (date, day_type) = (date(row, notes), label(row, "day-type", notes));
    Some(NeutralExclusion {
        date: date?,
        day_type: day_type?,
    })
}

fn date(row: &Row, notes: &mut Notebook<'_>) -> Option<NeutralDate> {
    let text = row.cell("date");
    // A leap year has every day of every year.
    let whole = Date::strptime("%Y-%m-%d", text)
        .ok()
        .map(|date| (Some(date.year()), date));
    let yearly = || {
        Date::strptime("%Y-%m-%d", format!("2024-{text}"))
            .ok()
            .map(|date| (None, date))
    };
    let found = whole.or_else(yearly);
    let found = found.filter(|(year, _)| year.is_none_or(|year| year > 0));
    if found.is_none() {
        row.note(
            notes,
            "date",
            format!("`{}` is not a date", shown(text)),
            DAY_REMEDY,
        );
    }
    found.map(|(year, date)| NeutralDate {
        year,
        month: date.month(),
        day: date.day(),
    })
}
