//! Registers, demand and profiles.

use super::Findings;
use super::usage::active_rates;
use metering::Obis;
use metering::scheme::{
    Capability, CustomerRegister, Demand, ProfileCapacity, ProfilePlan, RateSet, Scheme, Source,
    Window,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    let totals = scheme.totals.iter().map(|one| one.source);
    findings.twice("total", "", totals.clone());
    for source in totals {
        available(
            source,
            "total",
            &format!("[{source}].source"),
            scheme,
            model,
            findings,
        );
    }
    customer(scheme, model, findings);
    tou(scheme, model, findings);
    if let Some(page) = &scheme.demand {
        demand(page, scheme, model, findings);
    }
    if let Some(plan) = &scheme.profile {
        let capacity = model.profile_capacity;
        profile(plan, "load-profile", capacity, findings);
        let periods = model.profile_periods_minutes.as_ref();
        if periods.is_some_and(|periods| !periods.contains(&plan.period_minutes)) {
            let problem = format!(
                "such a meter keeps no intervals of {} minutes",
                plan.period_minutes
            );
            let remedy = format!("choose one of {:?}", periods.map_or(&[][..], Vec::as_slice));
            findings.error("load-profile", "period-minutes", problem, remedy);
        }
        for code in &plan.channels {
            let source = Source::Measured(*code);
            available(
                source,
                "load-profile",
                &format!("channels[{code}]"),
                scheme,
                model,
                findings,
            );
        }
    }
    if let Some(plan) = &scheme.instruments {
        profile(
            plan,
            "instrumentation-profile",
            model.instrument_capacity,
            findings,
        );
    }
}

/// Whether a source exists: in the meter, or in the scheme.
pub(super) fn available(
    source: Source,
    page: &'static str,
    field: &str,
    scheme: &Scheme,
    model: &Capability,
    findings: &mut Findings,
) {
    let same = |one: &Obis, other: Obis| {
        let plain = |code: Obis| code.with_kind(8).with_rate(0);
        plain(*one) == plain(other)
    };
    let is_there = match source {
        Source::Measured(code) => match &model.sources {
            Some(sources) => sources.iter().any(|one| same(one, code)),
            None => true,
        },
        Source::Customer(number) => scheme.customer.iter().any(|one| one.number == number),
        Source::Input(number) => model
            .pulse_inputs
            .is_none_or(|most| u16::from(number) <= most),
    };
    if !is_there {
        let problem = format!("there is no {source} in such a meter");
        let remedy = match source {
            Source::Customer(_) => "define that register, or choose another source",
            _ => "choose another source, or another model",
        };
        findings.error(page, field, problem, remedy);
    }
}

fn customer(scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    const PAGE: &str = "customer-register";
    findings.twice(PAGE, "", scheme.customer.iter().map(|one| one.number));
    for one in &scheme.customer {
        let place = format!("[{}]", one.number);
        if one.terms.is_empty() {
            findings.error(PAGE, &place, "it adds up nothing", "add a term");
        }
        for term in &one.terms {
            let field = format!("{place}.term[{}]", term.source);
            available(term.source, PAGE, &field, scheme, model, findings);
        }
        if is_in_loop(one, &scheme.customer) {
            let remedy = "let it add up measured quantities";
            findings.error(PAGE, &place, "it is a part of itself", remedy);
            continue;
        }
        let units: BTreeSet<_> = one
            .terms
            .iter()
            .filter_map(|term| term.source.unit())
            .collect();
        if units.len() > 1 {
            let units: Vec<String> = units.iter().map(ToString::to_string).collect();
            let problem = format!("it adds up {}", units.join(" and "));
            findings.error(PAGE, &place, problem, "use quantities of one unit");
        }
    }
}

/// Whether a register is reached from itself.
fn is_in_loop(start: &CustomerRegister, all: &[CustomerRegister]) -> bool {
    let parts: BTreeMap<u8, &CustomerRegister> = all.iter().map(|one| (one.number, one)).collect();
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(one) = open.pop() {
        for term in &one.terms {
            let Source::Customer(number) = term.source else {
                continue;
            };
            if number == start.number {
                return true;
            }
            if seen.insert(number) {
                open.extend(parts.get(&number));
            }
        }
    }
    false
}

fn tou(scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    const PAGE: &str = "tou-register";
    findings.twice(PAGE, "", scheme.tou.iter().map(|one| one.number));
    for one in &scheme.tou {
        let field = format!("[{}].source", one.number);
        available(one.source, PAGE, &field, scheme, model, findings);
    }
    let pairs = scheme
        .tou
        .iter()
        .map(|one| format!("{} in rate {}", one.source, one.rate));
    let mut seen = BTreeSet::new();
    for pair in pairs {
        if seen.contains(&pair) {
            let remedy = "leave one of them unused";
            findings.warn(PAGE, "", format!("two registers count {pair}"), remedy);
        }
        seen.insert(pair);
    }
    if scheme.calendar.is_none() || scheme.tou.is_empty() {
        return;
    }
    let (active, _) = active_rates(scheme);
    for one in scheme.tou.iter().filter(|one| !active.has(one.rate)) {
        let problem = format!("no switching time makes rate {} active", one.rate);
        let field = format!("[{}].rate", one.number);
        findings.warn(PAGE, field, problem, "correct the rate, or the calendar");
    }
    for rate in active.rates() {
        if !scheme.tou.iter().any(|one| one.rate == rate) {
            let problem = format!("no register counts rate {rate}");
            findings.warn(PAGE, "", problem, "add one, or correct the calendar");
        }
    }
}

fn demand(page: &Demand, scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    const PAGE: &str = "demand";
    let period = page.period_minutes;
    if !divides(period, 60) {
        let problem = format!("{period} minutes do not divide an hour");
        let remedy = "use 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60";
        findings.error(PAGE, "period-minutes", problem, remedy);
    }
    let periods = model.demand_periods_minutes.as_ref();
    if periods.is_some_and(|periods| !periods.contains(&period)) {
        let problem = format!("such a meter has no demand period of {period} minutes");
        let remedy = format!("choose one of {:?}", periods.map_or(&[][..], Vec::as_slice));
        findings.error(PAGE, "period-minutes", problem, remedy);
    }
    match (page.window, page.sub_periods) {
        (Window::Sliding, None) => {
            let remedy = "say into how many sub-periods it is divided";
            findings.error(
                PAGE,
                "sub-periods",
                "a sliding period has sub-periods",
                remedy,
            );
        }
        (Window::Sliding, Some(count)) if !divides(count, period) || count < 2 => {
            let problem =
                format!("{count} sub-periods do not divide {period} minutes into whole ones");
            let remedy = "use a number from 2 on that divides the period";
            findings.error(PAGE, "sub-periods", problem, remedy);
        }
        (Window::Fixed, Some(_)) => {
            let remedy = "remove the key, or let the window slide";
            findings.error(PAGE, "sub-periods", "a fixed period has none", remedy);
        }
        _ => {}
    }
    if page.window == Window::Sliding && model.sliding_demand == Some(false) {
        let remedy = "let the window be fixed";
        findings.error(
            PAGE,
            "window",
            "the period of such a meter does not slide",
            remedy,
        );
    }
    findings.twice(
        PAGE,
        "register",
        page.registers.iter().map(|one| one.number),
    );
    let (_, active) = active_rates(scheme);
    for one in &page.registers {
        let place = format!("register[{}]", one.number);
        available(
            one.source,
            PAGE,
            &format!("{place}.source"),
            scheme,
            model,
            findings,
        );
        let is_dead = one.rates != RateSet::NONE && !one.rates.meets(active);
        if is_dead && scheme.calendar.is_some() {
            let problem = format!(
                "no switching time makes rate {} of demand active",
                one.rates
            );
            let remedy = "correct the rates, or the calendar";
            findings.warn(PAGE, format!("{place}.rates"), problem, remedy);
        }
    }
}

fn divides(part: u16, whole: u16) -> bool {
    part > 0 && whole.is_multiple_of(part)
}

/// Period, channels, and how many days fit.
fn profile(
    plan: &ProfilePlan,
    page: &'static str,
    capacity: Option<ProfileCapacity>,
    findings: &mut Findings,
) {
    let period = plan.period_minutes;
    if !divides(period, 60) {
        let problem = format!("{period} minutes do not divide an hour");
        let remedy = "use 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60";
        findings.error(page, "period-minutes", problem, remedy);
    }
    if plan.channels.is_empty() {
        findings.error(
            page,
            "channels",
            "there is none",
            "name at least one OBIS code",
        );
    }
    findings.twice(page, "channels", plan.channels.iter().copied());
    let days = capacity.and_then(|known| known.days_with(plan.channels.len(), period));
    match (days, plan.days_wanted) {
        (Some(days), Some(wanted)) if u32::from(wanted) > days => {
            let problem = format!("you get {days} days, and {wanted} are wanted");
            let remedy = "use fewer channels, longer intervals, or fewer days";
            findings.error(page, "days-wanted", problem, remedy);
        }
        (Some(days), _) => {
            let problem = format!("you get {days} days");
            let remedy = "let the gateway read more often than that";
            findings.note(page, "", problem, remedy);
        }
        (None, _) => {
            let problem = "nobody knows how many days such a meter keeps";
            let remedy = "look at the meter, and write it into its model file";
            findings.note(page, "", problem, remedy);
        }
    }
}
