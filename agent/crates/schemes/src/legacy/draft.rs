//! Schemes from neutral data. Nothing is invented: what neutral data do not say has to be told, and
//! what a scheme cannot hold is a complaint.

use super::calendar::{NeutralCalendar, NeutralDate};
use super::register::{NeutralRegister, RegisterKind};
use crate::complaint::Notebook;
use crate::scheme::{canonical_text, parse_scheme};
use crate::site::{Complaints, SchemeName};
use metering::scheme::{
    Calendar, CivilDate, DayType, Demand, Exclusion, ExclusionDate, Label, MdRegister, MonthDay,
    Purpose, RateSet, Scheme, Season, SeasonStart, Source, Switch, TimeOfDay, TotalRegister,
    TouRegister, WeekMap,
};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Registers of one kind that a scheme holds.
const NUMBER_MAX: u8 = 32;

/// What neutral data do not say.
#[derive(Debug, Clone, Default)]
pub struct DraftTerms {
    /// The model that the schemes are for.
    pub meter_type: Label,
    /// The demand period, where there are registers of demand.
    pub demand_minutes: Option<u16>,
}

/// The schemes of registers and calendars, each by its name with its folders. `file` is what they
/// are called in complaints.
pub fn draft_schemes(
    file: &str,
    registers: &[NeutralRegister],
    calendars: &[NeutralCalendar],
    terms: &DraftTerms,
) -> Result<BTreeMap<SchemeName, Scheme>, Complaints> {
    let mut draft = Draft {
        notes: Notebook::new(file),
        terms,
        schemes: BTreeMap::new(),
    };
    for register in registers {
        draft.register(register);
    }
    for calendar in calendars {
        draft.calendar(calendar);
    }
    for scheme in draft.schemes.values_mut() {
        scheme.tou.sort_by_key(|register| register.number);
        if let Some(demand) = &mut scheme.demand {
            demand.registers.sort_by_key(|register| register.number);
        }
    }
    let schemes = draft.notes.finish(Some(draft.schemes))?;
    for (name, scheme) in &schemes {
        // A file holds fewer seasons and the like than neutral data may name.
        parse_scheme(name.as_str(), &canonical_text(scheme))?;
    }
    Ok(schemes)
}

struct Draft<'a> {
    notes: Notebook<'a>,
    terms: &'a DraftTerms,
    schemes: BTreeMap<SchemeName, Scheme>,
}

impl Draft<'_> {
    fn note(&mut self, name: &SchemeName, problem: impl Into<String>, remedy: &str) {
        self.notes.note(0, name.as_str(), problem, remedy);
    }

    /// A name within a scheme, which is shorter than one of neutral data.
    fn label(&mut self, name: &SchemeName, text: impl Display) -> Label {
        let text = text.to_string();
        text.parse().unwrap_or_else(|_| {
            let problem = format!("`{text}` is too long for a scheme");
            self.note(name, problem, "use 1 to 32 characters");
            Label::default()
        })
    }

    fn scheme(&mut self, name: &SchemeName) -> Scheme {
        if let Some(begun) = self.schemes.remove(name) {
            return begun;
        }
        let last = name.as_str().rsplit('/').next().unwrap_or_default();
        Scheme {
            name: self.label(name, last),
            purpose: Purpose::Program,
            meter_type: self.terms.meter_type.clone(),
            version: 1,
            ..Scheme::default()
        }
    }

    fn register(&mut self, register: &NeutralRegister) {
        let name = &register.scheme;
        let mut scheme = self.scheme(name);
        let source = Source::Measured(register.quantity);
        let number = register.number;
        if number > NUMBER_MAX || register.rate.is_some_and(|rate| rate > RateSet::RATE_MAX) {
            let problem = format!("register {number} or its rate is above {NUMBER_MAX}");
            self.note(name, problem, "number them from 1 to 32");
        }
        match register.kind {
            // A scheme names totals by what they count alone.
            RegisterKind::Total => scheme.totals.push(TotalRegister {
                source,
                decimals: None,
            }),
            RegisterKind::Tou => {
                let text = register.name.as_str();
                let label = (!text.is_empty()).then(|| self.label(name, text));
                scheme.tou.push(TouRegister {
                    number,
                    source,
                    rate: register.rate.unwrap_or_default(),
                    name: label,
                });
            }
            RegisterKind::Demand => {
                let rates = RateSet::NONE;
                let rates = register
                    .rate
                    .and_then(|rate| rates.with(rate))
                    .unwrap_or(rates);
                let period = self.terms.demand_minutes.unwrap_or_else(|| {
                    let problem = "has registers of demand, and the demand period is not known";
                    self.note(name, problem, "say it: --demand-minutes 30");
                    0
                });
                let demand = scheme.demand.get_or_insert_with(Demand::default);
                demand.period_minutes = period;
                demand.registers.push(MdRegister {
                    number,
                    source,
                    rates,
                });
            }
        }
        self.schemes.insert(name.clone(), scheme);
    }

    fn calendar(&mut self, neutral: &NeutralCalendar) {
        let name = &neutral.scheme;
        let mut scheme = self.scheme(name);
        let mut calendar = Calendar {
            name: scheme.name.clone(),
            ..Calendar::default()
        };
        for season in &neutral.seasons {
            let start = match self.date(name, season.starts) {
                ExclusionDate::Once(date) => SeasonStart::Once(date),
                ExclusionDate::Yearly(day) => SeasonStart::Yearly(day),
            };
            let days = season.week.each_ref();
            let days = days.map(|day| day.as_ref().map(|day| self.label(name, day)));
            calendar.seasons.push(Season {
                name: self.label(name, &season.name),
                start,
                week: WeekMap { days },
            });
        }
        for day_type in &neutral.day_types {
            let switches = day_type.switches.iter().filter_map(|switch| {
                Some(Switch {
                    at: TimeOfDay::from_minutes(switch.minute)?,
                    energy: self.rates(name, &switch.energy_rates),
                    demand: self.rates(name, &switch.demand_rates),
                })
            });
            let switches = switches.collect();
            calendar.day_types.push(DayType {
                name: self.label(name, &day_type.name),
                switches,
            });
        }
        for exclusion in &neutral.exclusions {
            calendar.exclusions.push(Exclusion {
                date: self.date(name, exclusion.date),
                day_type: self.label(name, &exclusion.day_type),
            });
        }
        scheme.calendar = Some(calendar);
        self.schemes.insert(name.clone(), scheme);
    }

    fn rates(&mut self, name: &SchemeName, rates: &[u8]) -> RateSet {
        let all = rates
            .iter()
            .try_fold(RateSet::NONE, |set, rate| set.with(*rate));
        all.unwrap_or_else(|| {
            let problem = format!("a switch names a rate above {}", RateSet::RATE_MAX);
            self.note(name, problem, "number them from 1 to 32");
            RateSet::NONE
        })
    }

    fn date(&mut self, name: &SchemeName, date: NeutralDate) -> ExclusionDate {
        let part = |number: i8| u8::try_from(number).ok();
        let day = || {
            let (month, day) = (part(date.month)?, part(date.day)?);
            let Some(year) = date.year else {
                return MonthDay::new(month, day).map(ExclusionDate::Yearly);
            };
            let year = u16::try_from(year).ok()?;
            CivilDate::new(year, month, day).map(ExclusionDate::Once)
        };
        day().unwrap_or_else(|| {
            let problem = format!("{date} is no date of a scheme");
            self.note(name, problem, "use a year from 1970 to 2199");
            ExclusionDate::default()
        })
    }
}
