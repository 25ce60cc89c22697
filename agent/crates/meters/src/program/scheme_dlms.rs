//! From the calendar of a scheme to an activity calendar, special days and an activation.

use super::fault::Misfit;
use crate::cosem::{
    CalendarPart, DayAction, DayDate, DayPlan, NO_TIME, RegisterActivation, Script, ScriptService,
    Season, SpecialDay, WeekPlan,
};
use crate::dlms::{Activation, Program};
use ::dlms::codec::{Data, DateTime, LogicalName};
use metering::scheme::{
    Calendar, CivilDate, DstEdge, DstRule, ExclusionDate, RateSet, Scheme, SeasonStart, Switch,
    TimeOfDay, WeekMap, WeekOfMonth, Weekday, Word,
};

/// Value group D of an energy by rates, and of a maximum demand.
const ENERGY: u8 = 8;
const MAXIMUM: u8 = 6;
/// Octets of a text in a calendar that every meter takes.
const WEEK_NAME: &str = "W";

/// What a meter of DLMS has for a calendar, as it was read from it: which script lets which rates
/// count is fixed in most of them.
#[derive(Debug, Clone, Copy)]
pub struct DlmsTariffGround<'m> {
    /// The meter, as it names itself.
    pub meter: &'m str,
    /// Its activity calendar.
    pub calendar: LogicalName,
    /// Its table of special days.
    pub special_days: LogicalName,
    /// Its clock, where the rule of summer time is written to it.
    pub clock: Option<LogicalName>,
    /// Its table of tariff scripts, and what it holds.
    pub scripts: (LogicalName, &'m [Script]),
    /// Its register activation.
    pub registers: &'m RegisterActivation,
}

/// The calendar of a scheme as a program, or all that does not fit. A deferred calendar comes into
/// force at its date; the other one as soon as all of it is written.
pub fn scheme_program(
    scheme: &Scheme,
    ground: DlmsTariffGround<'_>,
) -> Result<Program, Vec<Misfit>> {
    let mut misfits = Vec::new();
    let (calendar, when) = match (&scheme.calendar, &scheme.deferred) {
        (Some(calendar), None) => (calendar, Activation::Now),
        (None, Some(deferred)) => {
            let at = date_time(Some(deferred.date.year()), deferred.date, deferred.time);
            (&deferred.calendar, Activation::At(at))
        }
        (Some(_), Some(_)) => {
            let problem = "a meter has one waiting calendar, and the scheme writes two";
            let remedy = "program the first one, then a scheme with the deferred one alone";
            return Err(vec![Misfit::new("calendar", problem, remedy)]);
        }
        (None, None) => {
            let remedy = "give it a calendar, or a deferred one";
            return Err(vec![Misfit::new("calendar", "the scheme has none", remedy)]);
        }
    };
    let part = calendar_part(calendar, ground, &mut misfits);
    let days = special_days(calendar, &mut misfits);
    let mut program = Program::new(ground.meter)
        .calendar(ground.calendar, part, when)
        .special_days(ground.special_days, days);
    if let (Some(clock), Some(rule)) = (ground.clock, &calendar.dst) {
        let minutes = i8::try_from(rule.shift_minutes);
        let edges = summer_time(rule);
        if let (Ok(minutes), Some(edges)) = (minutes, edges) {
            program = program.summer_time(clock, edges, minutes, true);
        } else {
            let problem = "the meter's clock cannot be moved so";
            let remedy = "use 60 or 120 minutes and whole months";
            misfits.push(Misfit::new("dst", problem, remedy));
        }
    }
    if misfits.is_empty() {
        Ok(program)
    } else {
        Err(misfits)
    }
}

fn calendar_part(
    calendar: &Calendar,
    ground: DlmsTariffGround<'_>,
    misfits: &mut Vec<Misfit>,
) -> CalendarPart {
    let mut weeks: Vec<&WeekMap> = Vec::new();
    let mut seasons = Vec::new();
    for season in &calendar.seasons {
        let place = weeks.iter().position(|known| **known == season.week);
        let place = place.unwrap_or_else(|| {
            weeks.push(&season.week);
            weeks.len() - 1
        });
        let start = match season.start {
            SeasonStart::Yearly(day) => Some((None, day)),
            SeasonStart::Once(date) => Some((Some(date.year()), date.month_day())),
            SeasonStart::DstBegins | SeasonStart::DstEnds => None,
        };
        let Some((year, day)) = start else {
            let problem = "not every meter knows a season that follows summer time";
            let place = format!("season {}", season.name);
            misfits.push(Misfit::new(place, problem, "give it a date"));
            continue;
        };
        seasons.push(Season {
            name: season.name.as_str().as_bytes().to_vec(),
            start: DateTime {
                month: Some(day.month()),
                day: Some(day.day()),
                ..midnight(year)
            },
            week: week_name(place),
        });
    }
    let plans = weeks.iter().enumerate().map(|(place, week)| WeekPlan {
        name: week_name(place),
        days: week_days(calendar, week, misfits),
    });
    let weeks = plans.collect();
    let days = calendar
        .day_types
        .iter()
        .zip(1_u8..)
        .map(|(day, id)| DayPlan {
            id,
            actions: day
                .switches
                .iter()
                .filter_map(|switch| {
                    let selector = selector(*switch, ground);
                    if selector.is_none() {
                        let place = format!("day {} at {}", day.name, switch.at);
                        misfits.push(no_script(place, *switch));
                    }
                    Some(DayAction {
                        start: [hour(switch.at), minute(switch.at), 0, 0],
                        script: ground.scripts.0,
                        selector: selector?,
                    })
                })
                .collect(),
        });
    let days = days.collect();
    CalendarPart {
        name: calendar.name.as_str().as_bytes().to_vec(),
        seasons,
        weeks,
        days,
    }
}

fn no_script(place: String, switch: Switch) -> Misfit {
    let list = |set: RateSet| {
        let rates: Vec<String> = set.rates().map(|rate| rate.to_string()).collect();
        rates.join("+")
    };
    let (energy, demand) = (list(switch.energy), list(switch.demand));
    let problem = format!("no script of the meter lets energy {energy} and demand {demand} count");
    Misfit::new(place, problem, "use rates that one of its scripts has")
}

fn week_name(place: usize) -> Vec<u8> {
    format!("{WEEK_NAME}{}", place + 1).into_bytes()
}

fn week_days(calendar: &Calendar, week: &WeekMap, misfits: &mut Vec<Misfit>) -> [u8; 7] {
    let mut ids = [0; 7];
    for (id, weekday) in ids.iter_mut().zip(Weekday::all()) {
        let day = week
            .of(weekday)
            .and_then(|name| day_id(calendar, name.as_str()));
        match day {
            Some(day) => *id = day,
            None => misfits.push(Misfit::new(
                weekday.word(),
                "a season does not say what kind of day it is",
                "name one of the calendar's kinds of day",
            )),
        }
    }
    ids
}

fn day_id(calendar: &Calendar, name: &str) -> Option<u8> {
    let mut days = calendar.day_types.iter().zip(1_u8..);
    days.find(|(day, _)| day.name.as_str() == name)
        .map(|(_, id)| id)
}

fn special_days(calendar: &Calendar, misfits: &mut Vec<Misfit>) -> Vec<SpecialDay> {
    let mut days = Vec::new();
    for (exclusion, index) in calendar.exclusions.iter().zip(1_u16..) {
        let Some(day) = day_id(calendar, exclusion.day_type.as_str()) else {
            let place = format!("exclusion {}", exclusion.date);
            let problem = format!("there is no kind of day `{}`", exclusion.day_type);
            misfits.push(Misfit::new(place, problem, "name one of the calendar's"));
            continue;
        };
        let (year, date) = match exclusion.date {
            ExclusionDate::Once(date) => (Some(date.year()), date.month_day()),
            ExclusionDate::Yearly(date) => (None, date),
        };
        days.push(SpecialDay {
            index,
            date: DayDate {
                year,
                month: Some(date.month()),
                day: Some(date.day()),
                weekday: None,
            },
            day,
        });
    }
    days
}

/// The script that lets exactly these rates count; demand that the scheme leaves open is any.
fn selector(switch: Switch, ground: DlmsTariffGround<'_>) -> Option<u16> {
    let mut scripts = ground.scripts.1.iter();
    let found = scripts.find(|script| {
        let (energy, demand) = script_rates(script, ground.registers);
        energy == switch.energy && (switch.demand.is_empty() || demand == switch.demand)
    });
    found.map(|script| script.id)
}

/// Which rates a script lets count: those of the registers of the mask that it chooses.
fn script_rates(script: &Script, activation: &RegisterActivation) -> (RateSet, RateSet) {
    let chosen = script.actions.iter().filter_map(|action| {
        let is_choice =
            action.service == ScriptService::Write && (action.class, action.index) == (6, 4);
        match &action.parameter {
            Data::OctetString(name) if is_choice => Some(name),
            _ => None,
        }
    });
    let masks = chosen.filter_map(|name| activation.masks.iter().find(|mask| mask.name == *name));
    let places = masks.flat_map(|mask| &mask.registers);
    let registers = places.filter_map(|place| {
        let place = usize::from(*place).checked_sub(1)?;
        activation.registers.get(place)
    });
    let none = (RateSet::default(), RateSet::default());
    registers.fold(none, |(energy, demand), register| {
        let [_, _, _, kind, rate, _] = register.name.0;
        match kind {
            ENERGY => (energy.with(rate).unwrap_or(energy), demand),
            MAXIMUM => (energy, demand.with(rate).unwrap_or(demand)),
            _ => (energy, demand),
        }
    })
}

fn hour(time: TimeOfDay) -> u8 {
    u8::try_from(time.minutes() / 60).unwrap_or(0)
}

fn minute(time: TimeOfDay) -> u8 {
    u8::try_from(time.minutes() % 60).unwrap_or(0)
}

fn midnight(year: Option<u16>) -> DateTime {
    DateTime {
        year,
        hour: Some(0),
        minute: Some(0),
        second: Some(0),
        hundredths: Some(0),
        ..NO_TIME
    }
}

fn date_time(year: Option<u16>, date: CivilDate, time: TimeOfDay) -> DateTime {
    let day = date.month_day();
    DateTime {
        month: Some(day.month()),
        day: Some(day.day()),
        hour: Some(hour(time)),
        minute: Some(minute(time)),
        ..midnight(year)
    }
}

/// Beginning and end of summer time, in every year: the first such weekday from a day on, or the last
/// one of the month.
fn summer_time(rule: &DstRule) -> Option<[DateTime; 2]> {
    Some([edge(rule.begins)?, edge(rule.ends)?])
}

fn edge(edge: DstEdge) -> Option<DateTime> {
    let day = match edge.week {
        WeekOfMonth::First => 1,
        WeekOfMonth::Second => 8,
        WeekOfMonth::Third => 15,
        WeekOfMonth::Fourth => 22,
        // Blue Book, date: the last day of the month.
        WeekOfMonth::Last => 0xfe,
    };
    let weekday = u8::try_from(edge.weekday.index() + 1).ok()?;
    (1..=12).contains(&edge.month).then(|| DateTime {
        month: Some(edge.month),
        day: Some(day),
        weekday: Some(weekday),
        hour: Some(edge.hour),
        ..midnight(None)
    })
}

#[cfg(test)]
mod tests;
