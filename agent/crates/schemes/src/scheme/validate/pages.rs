//! Ratios, billing, display, outputs and inputs, passwords, ports.

use super::Findings;
use super::registers::available;
use metering::scheme::{
    Billing, BillingDate, Capability, CivilDate, InputKind, LockoutKind, Scheme, Word,
};

pub(super) fn check(
    scheme: &Scheme,
    model: &Capability,
    today: CivilDate,
    findings: &mut Findings,
) {
    ratios(scheme, model, findings);
    if let Some(page) = &scheme.billing {
        billing(page, today, findings);
    }
    display(scheme, findings);
    ports(scheme, model, findings);
    findings.twice("password", "", scheme.passwords.iter().map(|one| one.level));
    if let Some(port) = &scheme.communications {
        let most = model.baud_max;
        if let (Some(baud), Some(most)) = (port.baud, most)
            && baud > most
        {
            let problem = format!("{baud} baud, and such a meter goes up to {most}");
            findings.error("communications", "baud", problem, "choose less");
        }
        let problem = "a meter whose port was changed may not answer any more";
        let remedy = "it is written last; keep the way to the optical port in mind";
        findings.warn("communications", "", problem, remedy);
    }
}

fn ratios(scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    const PAGE: &str = "ratios";
    let Some(page) = &scheme.ratios else { return };
    let pairs = [
        ("ct", page.ct_primary, page.ct_secondary),
        ("vt", page.vt_primary, page.vt_secondary),
    ];
    for (name, primary, secondary) in pairs {
        if primary.is_some() != secondary.is_some() {
            let field = format!("{name}-primary");
            let problem = "one side of the transformer is missing";
            findings.error(PAGE, field, problem, "give both sides");
        }
    }
    if model.writes_ratios == Some(false) {
        let problem = "ratios of such a meter cannot be written";
        findings.error(PAGE, "", problem, "remove the page");
    }
    let problem = "other ratios change what readings of the past mean";
    let remedy = "read everything first, and tell whoever bills";
    findings.warn(PAGE, "", problem, remedy);
}

fn billing(page: &Billing, today: CivilDate, findings: &mut Findings) {
    const PAGE: &str = "billing";
    findings.twice(PAGE, "dates", page.dates.iter().copied());
    for date in &page.dates {
        let field = format!("dates[{date}]");
        match date {
            BillingDate::Once(date) if *date < today => {
                findings.warn(PAGE, field, "the date has passed", "remove it");
            }
            BillingDate::Yearly(day) if day.in_year(2025).is_none() => {
                let problem = "that day comes in leap years only";
                findings.error(PAGE, field, problem, "choose 02-28 or 03-01");
            }
            _ => {}
        }
    }
    let is_timed = page.lockout == LockoutKind::Minutes;
    if is_timed != page.lockout_minutes.is_some() {
        let remedy = "give lockout-minutes with the lockout minutes, and with no other";
        findings.error(
            PAGE,
            "lockout-minutes",
            "it does not fit the lockout",
            remedy,
        );
    }
    if page.time.is_some() && page.dates.is_empty() {
        let remedy = "add a date, or remove the time";
        findings.error(PAGE, "time", "there is no date to it", remedy);
    }
}

/// The next dates on which a meter closes a billing period by itself, from `today` on.
pub fn next_dates(page: &Billing, today: CivilDate, count: usize) -> Vec<CivilDate> {
    /// A yearly date comes within that many days, four years and a few.
    const DAYS_AHEAD: usize = 1500;
    let is_due = |date: &CivilDate| {
        let day = date.month_day();
        page.dates.iter().any(|one| match one {
            BillingDate::Monthly(wanted) => day.day() == *wanted,
            BillingDate::Yearly(wanted) => day == *wanted,
            BillingDate::Once(wanted) => date == wanted,
        })
    };
    let days = std::iter::successors(Some(today), |date| date.next()).take(DAYS_AHEAD);
    days.filter(is_due).take(count).collect()
}

fn display(scheme: &Scheme, findings: &mut Findings) {
    const PAGE: &str = "display";
    findings.twice(PAGE, "", scheme.displays.iter().map(|one| one.kind.word()));
    for list in &scheme.displays {
        if list.items.is_empty() {
            let field = format!("[{}]", list.kind.word());
            findings.error(
                PAGE,
                field,
                "nothing is shown",
                "add an item, or remove the list",
            );
        }
    }
    let hides = |signs: &metering::scheme::Indicators| {
        signs.error_message == Some(false) && signs.error_icon == Some(false)
    };
    if scheme.indicators.as_ref().is_some_and(hides) {
        let problem = "nobody at the meter sees its errors";
        let remedy = "show the message or the sign";
        findings.warn("indicators", "error-icon", problem, remedy);
    }
}

fn ports(scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    let outputs = &scheme.outputs;
    findings.twice("pulse-output", "", outputs.iter().map(|one| one.number));
    for one in outputs {
        let field = format!("[{}].source", one.number);
        available(one.source, "pulse-output", &field, scheme, model, findings);
    }
    let inputs = &scheme.inputs;
    findings.twice("pulse-input", "", inputs.iter().map(|one| one.number));
    for one in inputs {
        let field = format!("[{}].pulse-value", one.number);
        match &one.pulse_value {
            Some(_) if one.kind == InputKind::Alarm => {
                let remedy = "remove its value";
                findings.error("pulse-input", field, "an alarm has no pulses", remedy);
            }
            Some(text) if !is_decimal(text) => {
                let problem = format!("`{text}` is no decimal number");
                findings.error("pulse-input", field, problem, "write it as 0.1");
            }
            None if one.kind != InputKind::Alarm => {
                let remedy = "say what a pulse is worth";
                findings.error("pulse-input", field, "it is missing", remedy);
            }
            _ => {}
        }
    }
}

/// Digits with at most one point between them.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| {
        (1..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}
