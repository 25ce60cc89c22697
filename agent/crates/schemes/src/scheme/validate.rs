//! What is wrong with a scheme for meters of a model, before a meter sees it.

mod calendar;
mod pages;
mod registers;
mod usage;

pub use pages::next_dates as next_billing_dates;
pub use usage::{Usage, usage};

use super::dst_check::dst_differences;
use super::rate::Tariff;
use jiff::tz::TimeZone;
use metering::scheme::{CalendarClock, Capability, CivilDate, Scheme, TimeOrder};
use std::collections::BTreeSet;
use std::fmt::{self, Display};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingSeverity {
    /// Good to know.
    Note,
    /// Probably not what was meant.
    Warning,
    /// The scheme must not be transferred.
    Error,
}

/// Something to know about a scheme: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The page, as its table is called in the file; `general` for the keys at the top.
    pub page: &'static str,
    /// The field, as `season[winter].start`.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
    /// How much it matters.
    pub severity: FindingSeverity,
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.page)?;
        if !self.field.is_empty() {
            write!(f, ".{}", self.field)?;
        }
        write!(f, ": {}; {}", self.problem, self.remedy)
    }
}

/// All there is to say about a scheme for meters of a model. `today` is the day of the transfer,
/// by the meter's own clock: what has passed by then is found.
pub fn validate(scheme: &Scheme, model: &Capability, today: CivilDate) -> Vec<Finding> {
    let mut findings = Findings::default();
    general(scheme, model, &mut findings);
    usage::limits(scheme, model, &mut findings);
    registers::check(scheme, model, &mut findings);
    pages::check(scheme, model, today, &mut findings);
    let tariff = Tariff::of(scheme);
    if let Some(active) = tariff.active {
        calendar::check(active, "calendar", model, today, &mut findings);
    }
    if let Some(deferred) = tariff.deferred {
        calendar::check_deferred(deferred, model, today, &mut findings);
    }
    findings.0
}

/// Whether a scheme may be transferred: nothing was found that forbids it.
pub fn may_be_transferred(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.severity != FindingSeverity::Error)
}

/// What of the meter's profiles would be lost: most meters clear a profile when its channels or
/// its period are changed. `meter` is what it holds now.
pub fn cleared_profiles(scheme: &Scheme, meter: &Scheme) -> Vec<Finding> {
    let mut findings = Findings::default();
    let pairs = [
        ("load-profile", &scheme.profile, &meter.profile),
        (
            "instrumentation-profile",
            &scheme.instruments,
            &meter.instruments,
        ),
    ];
    for (page, wanted, held) in pairs {
        let Some(wanted) = wanted else { continue };
        let remedy = "read the whole profile first; programming does that, and stops if it cannot";
        let Some(held) = held else {
            let problem = "what the meter keeps now is not known, so the profile may be cleared";
            findings.error(page, "", problem, remedy);
            continue;
        };
        if wanted.period_minutes != held.period_minutes {
            let problem = format!(
                "{} instead of {} minutes clear the profile in the meter",
                wanted.period_minutes, held.period_minutes
            );
            findings.warn(page, "period-minutes", problem, remedy);
        }
        if wanted.channels != held.channels {
            let problem = "other channels clear the profile in the meter";
            findings.warn(page, "channels", problem, remedy);
        }
    }
    findings.0
}

/// So many years ahead a rule of daylight saving time is compared with the zone.
const CLOCK_YEARS: u16 = 10;

/// Where the clock of a meter with this scheme would part from the zone of its place.
pub fn clock_findings(scheme: &Scheme, zone: &TimeZone, today: CivilDate) -> Vec<Finding> {
    let mut findings = Findings::default();
    let deferred = scheme
        .deferred
        .as_ref()
        .map(|one| ("deferred", &one.calendar));
    let active = scheme.calendar.as_ref().map(|one| ("calendar", one));
    for (page, calendar) in active.into_iter().chain(deferred) {
        let years = today.year()..=today.year().saturating_add(CLOCK_YEARS - 1);
        let follows = calendar.clock == CalendarClock::Local;
        let rule = calendar.dst.as_ref();
        if !follows && rule.is_none() {
            continue;
        }
        for found in dst_differences(rule, zone, years) {
            let told = |moves: &[String]| match moves {
                [] => "never".to_owned(),
                moves => moves.join(" and "),
            };
            let problem = format!(
                "in {} the meter moves its clock {}, the zone {}",
                found.year,
                told(&found.rule),
                told(&found.zone)
            );
            let remedy = "correct the rule, or choose the zone of the place";
            findings.warn(page, "dst", problem, remedy);
        }
    }
    findings.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        severity: FindingSeverity,
        page: &'static str,
        field: impl Display,
        texts: [&dyn Display; 2],
    ) {
        let [problem, remedy] = texts.map(ToString::to_string);
        self.0.push(Finding {
            page,
            field: field.to_string(),
            problem,
            remedy,
            severity,
        });
    }

    fn error(
        &mut self,
        page: &'static str,
        field: impl Display,
        problem: impl Display,
        remedy: impl Display,
    ) {
        self.add(FindingSeverity::Error, page, field, [&problem, &remedy]);
    }

    fn warn(
        &mut self,
        page: &'static str,
        field: impl Display,
        problem: impl Display,
        remedy: impl Display,
    ) {
        self.add(FindingSeverity::Warning, page, field, [&problem, &remedy]);
    }

    fn note(
        &mut self,
        page: &'static str,
        field: impl Display,
        problem: impl Display,
        remedy: impl Display,
    ) {
        self.add(FindingSeverity::Note, page, field, [&problem, &remedy]);
    }

    /// Says which of a list stand there twice.
    fn twice<T: Ord + Display>(
        &mut self,
        page: &'static str,
        field: &str,
        items: impl IntoIterator<Item = T>,
    ) {
        let mut seen = BTreeSet::new();
        for item in items {
            let place = format!("{field}[{item}]");
            if !seen.insert(item) {
                let remedy = "remove one of them, or change it";
                self.error(page, place, "it stands there twice", remedy);
            }
        }
    }
}

/// Pages that are written into a meter, by their names.
fn written_pages(scheme: &Scheme) -> Vec<&'static str> {
    let pages = [
        ("ratios", scheme.ratios.is_some()),
        ("total", !scheme.totals.is_empty()),
        ("customer-register", !scheme.customer.is_empty()),
        ("tou-register", !scheme.tou.is_empty()),
        ("demand", scheme.demand.is_some()),
        ("load-profile", scheme.profile.is_some()),
        ("instrumentation-profile", scheme.instruments.is_some()),
        ("calendar", scheme.calendar.is_some()),
        ("deferred", scheme.deferred.is_some()),
        ("billing", scheme.billing.is_some()),
        ("display", !scheme.displays.is_empty()),
        ("indicators", scheme.indicators.is_some()),
        ("pulse-output", !scheme.outputs.is_empty()),
        ("pulse-input", !scheme.inputs.is_empty()),
        ("password", !scheme.passwords.is_empty()),
        ("communications", scheme.communications.is_some()),
    ];
    let there = pages.into_iter().filter(|(_, is_there)| *is_there);
    there.map(|(page, _)| page).collect()
}

fn general(scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    const PAGE: &str = "general";
    if !model.model.is_empty() && scheme.meter_type.as_str() != model.model {
        let problem = format!(
            "the scheme is for {}, and the meter is a {}",
            scheme.meter_type, model.model
        );
        let remedy = "choose meters of that type, or copy the scheme and change the copy";
        findings.error(PAGE, "meter-type", problem, remedy);
    }
    let written = written_pages(scheme);
    if !scheme.programs() {
        for page in &written {
            let remedy = "set the purpose to program or both, or remove the page";
            findings.warn(
                page,
                "",
                "a scheme that only reads does not write it",
                remedy,
            );
        }
        if scheme.time != TimeOrder::Leave {
            let remedy = "set the purpose to program or both, or let time be leave";
            findings.error(
                PAGE,
                "time",
                "a scheme that only reads sets no clock",
                remedy,
            );
        }
    } else if written.is_empty() && scheme.time == TimeOrder::Leave {
        let remedy = "add a page, or set the purpose to read";
        findings.error(PAGE, "purpose", "there is nothing to program", remedy);
    }
    if scheme.reads() && scheme.reads.is_none() {
        let remedy = "add the page reads, or set the purpose to program";
        findings.error(PAGE, "purpose", "there is nothing to read", remedy);
    }
    if scheme.time == TimeOrder::Set {
        let problem = "a clock that is set makes a short or a long interval";
        let remedy =
            "prefer adjust; set is for clocks that are far off, and the profile is read first";
        findings.warn(PAGE, "time", problem, remedy);
    }
}

#[cfg(test)]
mod tests;
