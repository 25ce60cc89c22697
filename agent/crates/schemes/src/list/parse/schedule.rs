//! When a list runs, from the file.

use super::Page;
use crate::complaint::shown;
use crate::list::calendar::{MINUTES_PER_DAY, minute_of};
use crate::list::file::{ScheduleFile, WindowFile, WindowRuleFile};
use crate::list::rule::Rule;
use crate::list::window::DAYS;
use crate::list::{Recurrence, Schedule, WindowChoice, WindowRule};
use crate::site::Unfit;
use crate::site::place::unfit;
use jiff::civil::DateTime;
use std::collections::BTreeSet;
use std::time::Duration;
use toml::Spanned;

const WINDOWS_MAX: usize = 28;
const TIMES_MAX: usize = 96;
/// Where equal spans are counted from if the file does not say.
const START_DEFAULT: DateTime = DateTime::constant(2020, 1, 1, 0, 0, 0, 0);

pub(super) fn schedule(written: &Spanned<ScheduleFile>, page: &mut Page<'_>) -> Option<Schedule> {
    let span = written.span();
    let written = written.get_ref();
    let zone = page.read("schedule.zone", &written.zone, zone);
    let window = match &written.window {
        None => Some(WindowChoice::Always),
        Some(window) => match choice(window.get_ref()) {
            Ok(window) => Some(window),
            Err(unfit) => {
                page.note(
                    &window.span(),
                    "schedule.window",
                    unfit.problem,
                    unfit.remedy,
                );
                None
            }
        },
    };
    let offset = page.number(
        "schedule.offset-seconds",
        written.offset_seconds.as_ref(),
        0..=86_399,
        0,
    );
    let ways = [
        written.every_minutes.is_some(),
        written.times.is_some(),
        written.rrule.is_some(),
    ];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        page.note(
            &span,
            "schedule",
            "says in more than one way when",
            "keep one of every-minutes, times and rrule",
        );
        return None;
    }
    let recurrence = recurrence(written, page);
    if recurrence == Some(Recurrence::EachWindow) && window == Some(WindowChoice::Always) {
        let remedy = "add every-minutes, times or rrule, or a window; leave the section out if a person starts it";
        page.note(&span, "schedule", "does not say when", remedy);
    }
    Some(Schedule {
        zone: zone?,
        window: window?,
        recurrence: recurrence?,
        offset: Duration::from_secs(u64::from(offset)),
    })
}

/// The form of a zone's name; whether there is such a zone is for whoever has the zones.
fn zone(text: &str) -> Result<String, Unfit> {
    let part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part
                .chars()
                .all(|found| found.is_ascii_alphanumeric() || matches!(found, '_' | '-' | '+'))
    };
    if text.len() <= 60 && text.split('/').all(part) {
        Ok(text.to_owned())
    } else {
        Err(unfit(
            format!("`{}` is not a zone", shown(text)),
            "write its IANA name, as Europe/London or UTC",
        ))
    }
}

fn recurrence(written: &ScheduleFile, page: &mut Page<'_>) -> Option<Recurrence> {
    let start = match &written.start {
        None => None,
        Some(start) => Some(page.read("schedule.start", start, begin)?),
    };
    if let Some(every) = &written.every_minutes {
        let minutes = page.number("schedule.every-minutes", Some(every), 5..=10_080, 0);
        return Some(Recurrence::Every {
            period: Duration::from_secs(u64::from(minutes.max(1)) * 60),
            start: start.unwrap_or(START_DEFAULT),
        });
    }
    if let Some(rule) = &written.rrule {
        let text: Option<Rule> = page.parse("schedule.rrule", rule);
        if start.is_none() {
            let remedy = "add start = \"2026-01-01T01:30\", the first time by the local clock";
            page.note(&rule.span(), "schedule.rrule", "needs a start", remedy);
        }
        return Some(Recurrence::Rule {
            rule: Box::new(text?),
            start: start?,
        });
    }
    if let Some(start) = &written.start {
        page.note(
            &start.span(),
            "schedule.start",
            "belongs to every-minutes or rrule",
            "take it out",
        );
    }
    match &written.times {
        Some(times) => of_day(times, page).map(Recurrence::Times),
        None => Some(Recurrence::EachWindow),
    }
}

/// `2026-01-01T01:30`: minutes are fine enough, and 2000 is early enough.
fn begin(text: &str) -> Result<DateTime, Unfit> {
    let found = DateTime::strptime("%Y-%m-%dT%H:%M", text).ok();
    let found = found.filter(|found| (2000..=2100).contains(&found.year()));
    found.ok_or_else(|| {
        let problem = format!("`{}` is not a start", shown(text));
        unfit(
            problem,
            "write 2026-01-01T01:30, between 2000 and 2100, by the local clock",
        )
    })
}

fn of_day(times: &Spanned<Vec<Spanned<String>>>, page: &mut Page<'_>) -> Option<Vec<u16>> {
    let mut found = BTreeSet::new();
    if times.get_ref().is_empty() || times.get_ref().len() > TIMES_MAX {
        let problem = format!("{} times", times.get_ref().len());
        page.note(
            &times.span(),
            "schedule.times",
            problem,
            format!("write 1 to {TIMES_MAX}, or use every-minutes"),
        );
        return None;
    }
    for time in times.get_ref() {
        let minute = minute_of(time.get_ref()).filter(|minute| *minute < MINUTES_PER_DAY);
        if !minute.is_some_and(|minute| found.insert(minute)) {
            let problem = format!(
                "`{}` is not a time of day, or stands twice",
                shown(time.get_ref())
            );
            page.note(
                &time.span(),
                "schedule.times",
                problem,
                "write 00:00 to 23:59, each once",
            );
        }
    }
    Some(found.into_iter().collect())
}

fn choice(written: &WindowFile) -> Result<WindowChoice, Unfit> {
    let rules = match written {
        WindowFile::Word(word) => {
            return match word.as_str() {
                "always" => Ok(WindowChoice::Always),
                "off-peak" => Ok(WindowChoice::OffPeak),
                "out-of-hours" => Ok(WindowChoice::OutOfHours),
                _ => {
                    let remedy =
                        "use always, off-peak or out-of-hours, or { days, from, to } in brackets";
                    Err(unfit(format!("`{}` is not a window", shown(word)), remedy))
                }
            };
        }
        WindowFile::Own(rules) => rules,
    };
    if rules.is_empty() || rules.len() > WINDOWS_MAX {
        return Err(unfit(
            format!("{} windows", rules.len()),
            format!("write 1 to {WINDOWS_MAX}"),
        ));
    }
    let rules = rules
        .iter()
        .map(window_rule)
        .collect::<Result<Vec<_>, _>>()?;
    let open: BTreeSet<usize> = rules
        .iter()
        .flat_map(|rule| rule.minutes_of_week())
        .collect();
    if open.len() == 7 * usize::from(MINUTES_PER_DAY) {
        return Err(unfit("they are open all week", "write window = \"always\""));
    }
    Ok(WindowChoice::Own(rules))
}

fn window_rule(written: &WindowRuleFile) -> Result<WindowRule, Unfit> {
    let mut days = 0;
    for word in &written.days {
        days |= days_of(word)?;
    }
    if days == 0 {
        return Err(unfit(
            "a window has no days",
            "write days = [\"mon-fri\"] or [\"sat\", \"sun\"]",
        ));
    }
    let minute = |text: &str| {
        let problem = || format!("`{}` is not a time of day", shown(text));
        minute_of(text).ok_or_else(|| unfit(problem(), "write 00:00 to 24:00"))
    };
    let (from, to) = (minute(&written.from)?, minute(&written.to)?);
    if from == MINUTES_PER_DAY {
        return Err(unfit(
            "a window opens at 24:00",
            "write 00:00 of the next day",
        ));
    }
    if from == to {
        let problem = "a window closes when it opens";
        return Err(unfit(
            problem,
            "write another time; a whole day is from 00:00 to 24:00",
        ));
    }
    Ok(WindowRule { days, from, to })
}

/// `mon`, or `fri-mon`.
fn days_of(word: &str) -> Result<u8, Unfit> {
    let day = |text: &str| DAYS.iter().position(|known| *known == text);
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (Some(first), Some(last)) = (day(first), day(last)) else {
        let problem = format!("`{}` is not a day", shown(word));
        return Err(unfit(
            problem,
            "write mon, tue, wed, thu, fri, sat, sun, or mon-fri",
        ));
    };
    let length = (last + 7 - first) % 7;
    Ok((0..=length).fold(0, |days, ahead| days | 1 << ((first + ahead) % 7)))
}
