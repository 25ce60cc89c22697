//! The calendar: gaps and overlaps of the year, days, switching times, exclusion dates, clock.

use super::Findings;
use crate::scheme::rate::season_of;
use metering::scheme::{
    Calendar, Capability, CivilDate, DayType, Deferred, DstRule, ExclusionDate, Label, MonthDay,
    Season, SeasonStart, TimeOfDay, Weekday, Word,
};
use std::collections::{BTreeMap, BTreeSet};

/// So far ahead is looked for gaps and overlaps: dates that follow daylight saving time wander.
const YEARS_AHEAD: u16 = 10;
/// Gaps that are named; who has more mends these first.
const GAPS_MAX: usize = 5;

pub(super) fn check(
    calendar: &Calendar,
    page: &'static str,
    model: &Capability,
    today: CivilDate,
    findings: &mut Findings,
) {
    let mut checker = Checker {
        calendar,
        page,
        model,
        today,
        findings,
    };
    checker.names();
    checker.seasons();
    checker.year();
    for season in &calendar.seasons {
        checker.week(season);
    }
    for day in &calendar.day_types {
        checker.day_type(day);
    }
    checker.exclusions();
    if let Some(rule) = &calendar.dst {
        checker.dst(rule);
    }
}

pub(super) fn check_deferred(
    deferred: &Deferred,
    model: &Capability,
    today: CivilDate,
    findings: &mut Findings,
) {
    const PAGE: &str = "deferred";
    if model.deferred == Some(false) {
        let problem = "such a meter holds no calendar that waits";
        let remedy = "remove the page, and program the calendar on its day";
        findings.error(PAGE, "", problem, remedy);
    }
    if deferred.date <= today {
        let problem = format!(
            "{} has come by {today}, the day of the transfer",
            deferred.date
        );
        let remedy = "choose a later date, or make it the page calendar";
        findings.error(PAGE, "date", problem, remedy);
    }
    let begin = deferred.date.max(today);
    check(&deferred.calendar, PAGE, model, begin, findings);
}

struct Checker<'a> {
    calendar: &'a Calendar,
    page: &'static str,
    model: &'a Capability,
    today: CivilDate,
    findings: &'a mut Findings,
}

impl Checker<'_> {
    fn names(&mut self) {
        let Calendar {
            seasons, day_types, ..
        } = self.calendar;
        let names = seasons.iter().map(|one| one.name.clone());
        self.findings.twice(self.page, "season", names.clone());
        let kinds = day_types.iter().map(|one| one.name.clone());
        self.findings.twice(self.page, "day-type", kinds);
        let Some(most) = self.model.name_octets else {
            return;
        };
        let all = [("name".to_owned(), self.calendar.name.clone())];
        let seasons = names.map(|name| (format!("season[{name}].name"), name));
        for (field, name) in all.into_iter().chain(seasons) {
            let octets = name.as_str().len();
            if octets > usize::from(most) {
                let problem =
                    format!("the name has {octets} octets, and such a meter takes {most}");
                self.findings
                    .error(self.page, field, problem, "use a shorter one");
            }
        }
    }

    fn seasons(&mut self) {
        let (page, calendar, model) = (self.page, self.calendar, self.model);
        for season in &calendar.seasons {
            let field = format!("season[{}].start", season.name);
            match season.start {
                SeasonStart::DstBegins | SeasonStart::DstEnds if calendar.dst.is_none() => {
                    let remedy = "add the table dst, or give a date";
                    self.findings
                        .error(page, field, "there is no rule to follow", remedy);
                }
                SeasonStart::DstBegins | SeasonStart::DstEnds
                    if model.seasons_follow_dst == Some(false) =>
                {
                    let problem = "seasons of such a meter do not follow daylight saving time";
                    self.findings.error(page, field, problem, "give a date");
                }
                SeasonStart::Once(_) if model.dated_seasons == Some(false) => {
                    let problem = "seasons of such a meter begin on a day of every year";
                    self.findings
                        .error(page, field, problem, "write the date without year");
                }
                SeasonStart::Yearly(day) if day.in_year(2025).is_none() => {
                    let problem = "that day comes in leap years only";
                    self.findings
                        .error(page, field, problem, "choose 02-28 or 03-01");
                }
                _ => {}
            }
        }
        let first = SeasonStart::Yearly(MonthDay::FIRST);
        let has_first = calendar.seasons.iter().any(|one| one.start == first);
        let is_asked = model.season_on_first_january;
        if !has_first && !calendar.seasons.is_empty() && is_asked != Some(false) {
            let problem =
                "no season begins on 1 January, so the last one goes on until another begins";
            let remedy = "add one that begins on 01-01, if the meter wants one";
            if is_asked == Some(true) {
                self.findings.error(page, "season", problem, remedy);
            } else {
                self.findings.note(page, "season", problem, remedy);
            }
        }
    }

    /// Day by day: where no season has begun; which begin on one day; which never come.
    fn year(&mut self) {
        let page = self.page;
        let last_year = self.today.year().saturating_add(YEARS_AHEAD);
        let mut in_force: BTreeSet<&Label> = BTreeSet::new();
        let mut gaps: Vec<(CivilDate, CivilDate)> = Vec::new();
        let mut day = Some(self.today);
        while let Some(date) = day.filter(|date| date.year() < last_year) {
            match season_of(self.calendar, date) {
                Some(season) => {
                    in_force.insert(&season.name);
                }
                None => match gaps.last_mut() {
                    Some((_, end)) if end.next() == Some(date) => *end = date,
                    _ => gaps.push((date, date)),
                },
            }
            day = date.next();
        }
        for (from, to) in gaps.into_iter().take(GAPS_MAX) {
            let problem = format!("from {from} to {to} there is no season");
            let remedy = "add one that begins on 01-01, or earlier";
            self.findings.error(page, "season", problem, remedy);
        }
        let mut overlaps: BTreeMap<[&Label; 2], CivilDate> = BTreeMap::new();
        for year in self.today.year()..last_year {
            let mut starts: BTreeMap<CivilDate, &Label> = BTreeMap::new();
            for season in &self.calendar.seasons {
                let start = self.calendar.start_in_year(season.start, year);
                let Some(start) = start.filter(|start| *start >= self.today) else {
                    continue;
                };
                if let Some(other) = starts.insert(start, &season.name) {
                    overlaps.entry([other, &season.name]).or_insert(start);
                }
            }
        }
        for ([one, other], date) in overlaps {
            let problem = format!("it and {one} both begin on {date}");
            let field = format!("season[{other}].start");
            self.findings
                .error(page, field, problem, "let one begin on another day");
        }
        for season in &self.calendar.seasons {
            if !in_force.contains(&season.name) {
                let problem =
                    format!("it is not in force on any day of the next {YEARS_AHEAD} years");
                let field = format!("season[{}].start", season.name);
                self.findings
                    .warn(page, field, problem, "correct its date, or remove it");
            }
        }
    }

    fn week(&mut self, season: &Season) {
        for day in Weekday::all() {
            let field = format!("season[{}].week.{}", season.name, day.word());
            match season.week.of(day) {
                None => {
                    let remedy = "name a day type";
                    self.findings
                        .error(self.page, field, "the day is missing", remedy);
                }
                Some(name) => self.known(field, name),
            }
        }
    }

    fn known(&mut self, field: String, name: &Label) {
        if self.calendar.day_type(name).is_none() {
            let problem = format!("there is no day type {name}");
            let remedy = "add it, or correct the name";
            self.findings.error(self.page, field, problem, remedy);
        }
    }

    fn day_type(&mut self, day: &DayType) {
        let page = self.page;
        let place = format!("day-type[{}]", day.name);
        match day.switches.first() {
            None => {
                let remedy = "add one at 00:00";
                self.findings
                    .error(page, &place, "it has no switching time", remedy);
            }
            Some(first) if first.at != TimeOfDay::MIDNIGHT => {
                let problem = format!("nothing is said of 00:00 to {}", first.at);
                let remedy = "let the first switching time be 00:00";
                self.findings.error(page, &place, problem, remedy);
            }
            Some(_) => {}
        }
        for pair in day.switches.windows(2) {
            let [before, switch] = pair else { continue };
            let field = format!("{place}.switch[{}]", switch.at);
            let wanted = self.model.switch_spacing_minutes.unwrap_or(1);
            if switch.at <= before.at {
                let problem = format!("it stands behind {}", before.at);
                let remedy = "let switching times rise, each once";
                self.findings.error(page, field, problem, remedy);
            } else if switch.at.minutes() - before.at.minutes() < wanted {
                let problem = format!("it follows {} by less than {wanted} minutes", before.at);
                self.findings
                    .error(page, field, problem, "keep that much between them");
            }
        }
        for switch in &day.switches {
            let field = format!("{place}.switch[{}]", switch.at);
            let step = self.model.switch_step_minutes.filter(|step| *step > 0);
            if let Some(step) = step.filter(|step| switch.at.minutes() % step != 0) {
                let problem = format!("such a meter switches at multiples of {step} minutes");
                self.findings
                    .error(page, &field, problem, "choose one of these times");
            }
            if switch.energy.is_empty() {
                let problem = "no rate of energy is active";
                let remedy = "add one, unless nothing is to be counted";
                self.findings.warn(page, field, problem, remedy);
            }
        }
        let seasons = self.calendar.seasons.iter();
        let mut weeks = seasons.flat_map(|season| season.week.days.iter().flatten());
        let exclusions = &self.calendar.exclusions;
        let is_used = weeks.any(|name| *name == day.name)
            || exclusions.iter().any(|one| one.day_type == day.name);
        if !is_used {
            let remedy = "name it in a week or at an exclusion date, or remove it";
            self.findings.warn(page, place, "nothing uses it", remedy);
        }
    }

    fn exclusions(&mut self) {
        let page = self.page;
        let dates = self.calendar.exclusions.iter().map(|one| one.date);
        self.findings.twice(page, "exclusion", dates);
        for one in &self.calendar.exclusions {
            let field = format!("exclusion[{}]", one.date);
            self.known(format!("{field}.day-type"), &one.day_type);
            match one.date {
                ExclusionDate::Once(date) if date < self.today => {
                    let remedy = "remove it; it takes the place of one that is still to come";
                    self.findings
                        .warn(page, field, "the date has passed", remedy);
                }
                ExclusionDate::Yearly(day) if day.in_year(2025).is_none() => {
                    let problem = "that day comes in leap years only";
                    let remedy = "leave it, if that is meant";
                    self.findings.note(page, field, problem, remedy);
                }
                _ => {}
            }
        }
    }

    fn dst(&mut self, rule: &DstRule) {
        let page = self.page;
        if ![60, 120].contains(&rule.shift_minutes) {
            let problem = format!("{} minutes", rule.shift_minutes);
            let remedy = "meters move their clocks by 60 or 120";
            self.findings
                .error(page, "dst.shift-minutes", problem, remedy);
        }
        if rule.begins.month == rule.ends.month {
            let problem = "it begins and ends in one month";
            self.findings
                .error(page, "dst.ends.month", problem, "correct one of them");
        }
    }
}
