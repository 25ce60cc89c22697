//! What is wrong with a tariff, before a meter sees it.

use super::{CalendarPart, DayPlan, RegisterActivation, Script, SpecialDay};
use crate::catalogue::dlms::WritingModel;
use dlms::codec::LogicalName;
use std::collections::BTreeSet;
use std::fmt::{self, Display};

/// Octets of any name, where a model says no less: more than any meter of ours is known to take.
const NAME_OCTETS: usize = 64;

/// All that is written together, and what is known of the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct TariffSet<'a> {
    /// The calendar.
    pub calendar: Option<&'a CalendarPart>,
    /// The special days.
    pub special_days: Option<&'a [SpecialDay]>,
    /// Scripts that are written, or that the meter has.
    pub scripts: Option<(LogicalName, &'a [Script])>,
    /// The registers.
    pub registers: Option<&'a RegisterActivation>,
}

/// A mistake in a tariff: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TariffComplaint {
    /// `season winter`, `day 3`.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Display for TariffComplaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.problem, self.remedy)
    }
}

struct Checker<'a> {
    set: &'a TariffSet<'a>,
    model: &'a WritingModel,
    complaints: Vec<TariffComplaint>,
}

/// All that is wrong with a tariff for meters of this model; nothing of it may be sent then.
pub fn check(set: &TariffSet<'_>, model: &WritingModel) -> Vec<TariffComplaint> {
    let mut checker = Checker {
        set,
        model,
        complaints: Vec::new(),
    };
    if let Some(calendar) = set.calendar {
        checker.calendar(calendar);
    }
    if let Some(days) = set.special_days {
        checker.special_days(days);
    }
    if let Some((_, scripts)) = set.scripts {
        checker.scripts(scripts);
    }
    if let Some(registers) = set.registers {
        checker.registers(registers);
    }
    checker.complaints
}

impl Checker<'_> {
    fn note(&mut self, place: impl Display, problem: impl Display, remedy: impl Display) {
        self.complaints.push(TariffComplaint {
            place: place.to_string(),
            problem: problem.to_string(),
            remedy: remedy.to_string(),
        });
    }

    /// The model's limit, by the key that says it.
    fn count(&mut self, place: impl Display, found: usize, most: Option<u16>, key: &str) {
        if let Some(most) = most.filter(|most| found > usize::from(*most)) {
            let problem = format!("{found} entries, and such a meter takes {most}");
            self.note(place, problem, format!("use fewer (`writing.{key}`)"));
        }
    }

    fn name(&mut self, place: &str, name: &[u8]) {
        let most = self.model.name_octets.map_or(NAME_OCTETS, usize::from);
        if name.is_empty() {
            self.note(place, "it has no name", "give it one");
        } else if name.len() > most {
            let problem = format!("a name of {} octets, and at most {most} fit", name.len());
            self.note(place, problem, "use a shorter one (`writing.name-octets`)");
        }
    }

    /// Says which names or numbers stand there twice.
    fn twice<T: Ord>(&mut self, items: impl Iterator<Item = (T, String)>) {
        let mut seen = BTreeSet::new();
        for (item, place) in items {
            if !seen.insert(item) {
                self.note(place, "it stands there twice", "remove one, or rename it");
            }
        }
    }

    fn calendar(&mut self, calendar: &CalendarPart) {
        self.name("the calendar", &calendar.name);
        let model = self.model;
        let (seasons, weeks) = (calendar.seasons.len(), calendar.weeks.len());
        self.count("the seasons", seasons, model.seasons, "seasons");
        self.count("the weeks", weeks, model.weeks, "weeks");
        self.count("the days", calendar.days.len(), model.days, "days");
        let places = calendar.seasons.iter();
        self.twice(places.map(|one| (&one.name, season(&one.name))));
        self.twice(
            calendar
                .weeks
                .iter()
                .map(|one| (&one.name, week(&one.name))),
        );
        self.twice(calendar.days.iter().map(|one| (one.id, day(one.id))));
        let starts = calendar.seasons.iter();
        self.twice(starts.map(|one| {
            (
                one.start.encode(),
                format!("start of {}", season(&one.name)),
            )
        }));
        if calendar.seasons.is_empty() {
            self.note(
                "the calendar",
                "it has no season",
                "add one that begins on 1 January",
            );
        }
        for one in &calendar.seasons {
            let place = season(&one.name);
            self.name(&place, &one.name);
            if !calendar.weeks.iter().any(|week| week.name == one.week) {
                let problem = format!("there is no {}", week(&one.week));
                self.note(&place, problem, "add it, or correct the season");
            }
            if one.start.month.is_none() || one.start.day.or(one.start.weekday).is_none() {
                let remedy = "give at least month and day";
                self.note(&place, "nobody knows when it begins", remedy);
            }
        }
        for one in &calendar.weeks {
            let place = week(&one.name);
            self.name(&place, &one.name);
            let unknown: BTreeSet<u8> = one.days.into_iter().collect();
            for id in unknown {
                if !calendar.days.iter().any(|day| day.id == id) {
                    let problem = format!("there is no {}", day(id));
                    self.note(&place, problem, "add it, or correct the week");
                }
            }
        }
        for plan in &calendar.days {
            self.day(plan);
        }
    }

    fn day(&mut self, plan: &DayPlan) {
        let place = day(plan.id);
        let count = plan.actions.len();
        self.count(&place, count, self.model.switches, "switches");
        let starts = plan.actions.iter().map(|action| action.start);
        let starts: Vec<[u8; 4]> = starts.collect();
        for [hour, minute, second, hundredths] in &starts {
            let fits = *hour < 24
                && *minute < 60
                && (*second < 60 || *second == 0xff)
                && (*hundredths < 100 || *hundredths == 0xff);
            if !fits {
                let problem = format!("{hour}:{minute:02}:{second:02} is no time of a day");
                self.note(&place, problem, "use 00:00:00 to 23:59:59");
            }
        }
        // What is not given counts as zero.
        let plain = |start: &[u8; 4]| start.map(|octet| if octet == 0xff { 0 } else { octet });
        let ordered = starts.windows(2).all(|pair| match pair {
            [one, next] => plain(one) < plain(next),
            _ => true,
        });
        if !ordered {
            let problem = "its switching times do not follow each other";
            self.note(&place, problem, "put them in order, each once");
        }
        let begins = starts.first().map(plain);
        if self.model.starts_at_midnight == Some(true) && begins != Some([0; 4]) {
            let remedy = "add a switching time at 00:00 (`writing.starts-at-midnight`)";
            self.note(&place, "it does not begin at 00:00", remedy);
        }
        for action in &plan.actions {
            let Some((table, scripts)) = self.set.scripts else {
                continue;
            };
            if action.script != table {
                let problem = format!("it names script table {}", action.script);
                self.note(&place, problem, format!("use {table}"));
            } else if !scripts.iter().any(|script| script.id == action.selector) {
                let problem = format!("there is no script {}", action.selector);
                self.note(&place, problem, "add it, or correct the day");
            }
        }
    }

    fn special_days(&mut self, days: &[SpecialDay]) {
        let most = self.model.special_days;
        self.count("the special days", days.len(), most, "special-days");
        self.twice(days.iter().map(|one| (one.index, special(one.index))));
        let dates = days.iter();
        self.twice(dates.map(|one| (one.date, format!("the date of {}", special(one.index)))));
        let Some(calendar) = self.set.calendar else {
            return;
        };
        for one in days {
            if !calendar.days.iter().any(|plan| plan.id == one.day) {
                let problem = format!("there is no {}", day(one.day));
                let remedy = "add it to the calendar, or correct the special day";
                self.note(special(one.index), problem, remedy);
            }
        }
    }

    fn scripts(&mut self, scripts: &[Script]) {
        self.twice(
            scripts
                .iter()
                .map(|one| (one.id, format!("script {}", one.id))),
        );
        if scripts.iter().any(|script| script.id == 0) {
            self.note("script 0", "zero means no script", "count from 1");
        }
    }

    fn registers(&mut self, registers: &RegisterActivation) {
        let list = registers.masks.iter();
        self.twice(list.map(|mask| (&mask.name, choice(&mask.name))));
        for mask in &registers.masks {
            let place = choice(&mask.name);
            self.name(&place, &mask.name);
            for number in &mask.registers {
                let index = usize::from(*number).checked_sub(1);
                if index.is_none_or(|index| index >= registers.registers.len()) {
                    let problem = format!("there is no register {number}");
                    self.note(&place, problem, "add it, or correct the choice");
                }
            }
        }
        if let Some(active) = &registers.active
            && !registers.masks.iter().any(|mask| mask.name == *active)
        {
            let problem = format!("there is no {}", choice(active));
            let remedy = "name one of the choices";
            self.note("the choice in force", problem, remedy);
        }
    }
}

fn season(name: &[u8]) -> String {
    format!("season {}", shown(name))
}

fn week(name: &[u8]) -> String {
    format!("week {}", shown(name))
}

fn choice(name: &[u8]) -> String {
    format!("choice {}", shown(name))
}

fn day(id: u8) -> String {
    format!("day {id}")
}

fn special(index: u16) -> String {
    format!("special day {index}")
}

/// A name for people.
fn shown(name: &[u8]) -> String {
    name.escape_ascii().take(40).map(char::from).collect()
}
