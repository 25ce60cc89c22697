//! How much of what a model holds a scheme takes up.

use super::Findings;
use metering::scheme::{Calendar, Capability, ProfilePlan, RateSet, Scheme};

/// Something that a model holds a number of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The page.
    pub page: &'static str,
    /// What is counted: `exclusion dates`.
    pub what: String,
    /// How many the scheme has.
    pub used: u32,
    /// How many the model holds; none = nobody knows.
    pub limit: Option<u32>,
}

/// What a scheme takes up, for the meters beside its pages: `registers by rate 12/32`.
pub fn usage(scheme: &Scheme, model: &Capability) -> Vec<Usage> {
    let mut list = List(Vec::new());
    let channels = |plan: &Option<ProfilePlan>| plan.as_ref().map_or(0, |plan| plan.channels.len());
    let maxima = scheme
        .demand
        .as_ref()
        .map_or(0, |page| page.registers.len());
    let dates = scheme.billing.as_ref().map_or(0, |page| page.dates.len());
    let items = scheme.displays.iter().map(|list| list.items.len()).max();
    let rows = [
        (CUSTOMER, scheme.customer.len(), model.customer_registers),
        (TOU, scheme.tou.len(), model.tou_registers),
        (MAXIMA, maxima, model.md_registers),
        (PROFILE, channels(&scheme.profile), model.profile_channels),
        (
            INSTRUMENTS,
            channels(&scheme.instruments),
            model.instrument_channels,
        ),
        (BILLING, dates, model.billing_dates),
        (DISPLAY, items.unwrap_or(0), model.display_items),
        (OUTPUTS, scheme.outputs.len(), model.pulse_outputs),
        (INPUTS, scheme.inputs.len(), model.pulse_inputs),
    ];
    for ((page, what), used, limit) in rows {
        list.add(page, what, used, limit);
    }
    if let Some(calendar) = &scheme.calendar {
        list.calendar("calendar", calendar, model);
    }
    if let Some(deferred) = &scheme.deferred {
        list.calendar("deferred", &deferred.calendar, model);
    }
    list.0
}

const CUSTOMER: (&str, &str) = ("customer-register", "customer-defined registers");
const TOU: (&str, &str) = ("tou-register", "registers by rate");
const MAXIMA: (&str, &str) = ("demand", "registers for maxima");
const PROFILE: (&str, &str) = ("load-profile", "channels");
const INSTRUMENTS: (&str, &str) = ("instrumentation-profile", "channels");
const BILLING: (&str, &str) = ("billing", "billing dates");
const DISPLAY: (&str, &str) = ("display", "items of a list");
const OUTPUTS: (&str, &str) = ("pulse-output", "pulse outputs");
const INPUTS: (&str, &str) = ("pulse-input", "pulse inputs");

struct List(Vec<Usage>);

impl List {
    fn add(&mut self, page: &'static str, what: &str, used: usize, limit: Option<u16>) {
        self.0.push(Usage {
            page,
            what: what.to_owned(),
            used: u32::try_from(used).unwrap_or(u32::MAX),
            limit: limit.map(u32::from),
        });
    }

    fn calendar(&mut self, page: &'static str, calendar: &Calendar, model: &Capability) {
        let switches = calendar.day_types.iter().map(|day| day.switches.len());
        let most = switches.clone().max().unwrap_or(0);
        let (energy, demand) = calendar.rates();
        let highest = energy.union(demand).rates().last();
        let dates = calendar.exclusions.len();
        self.add(page, "seasons", calendar.seasons.len(), model.seasons);
        self.add(page, "day types", calendar.day_types.len(), model.day_types);
        self.add(page, "switches of a day type", most, model.switches_per_day);
        self.add(
            page,
            "switches of all day types",
            switches.sum(),
            model.switches,
        );
        self.add(page, "exclusion dates", dates, model.exclusion_dates);
        self.add(page, "rates", highest.map_or(0, usize::from), model.rates);
    }
}

/// More than the model holds.
pub(super) fn limits(scheme: &Scheme, model: &Capability, findings: &mut Findings) {
    for one in usage(scheme, model) {
        if let Some(limit) = one.limit.filter(|limit| one.used > *limit) {
            let problem = format!("{} {}, and such a meter holds {limit}", one.used, one.what);
            findings.error(one.page, "", problem, "use fewer, or another model");
        }
    }
    let numbers = |numbers: Vec<u8>, page, limit: Option<u16>, findings: &mut Findings| {
        let beyond = |number: &u8| limit.is_some_and(|limit| u16::from(*number) > limit);
        for number in numbers.into_iter().filter(beyond) {
            let problem = format!("such a meter has numbers 1 to {}", limit.unwrap_or(0));
            findings.error(page, format!("[{number}]"), problem, "choose one of these");
        }
    };
    let tou = scheme.tou.iter().map(|one| one.number).collect();
    numbers(tou, "tou-register", model.tou_registers, findings);
    let customer = scheme.customer.iter().map(|one| one.number).collect();
    numbers(
        customer,
        "customer-register",
        model.customer_registers,
        findings,
    );
    let maxima = scheme.demand.iter().flat_map(|demand| &demand.registers);
    numbers(
        maxima.map(|one| one.number).collect(),
        "demand",
        model.md_registers,
        findings,
    );
    let outputs = scheme.outputs.iter().map(|one| one.number).collect();
    numbers(outputs, "pulse-output", model.pulse_outputs, findings);
    let inputs = scheme.inputs.iter().map(|one| one.number).collect();
    numbers(inputs, "pulse-input", model.pulse_inputs, findings);
}

/// All rates that any calendar of a scheme makes active: of energy, of demand.
pub(super) fn active_rates(scheme: &Scheme) -> (RateSet, RateSet) {
    let deferred = scheme.deferred.as_ref().map(|one| &one.calendar);
    let calendars = scheme.calendar.iter().chain(deferred);
    calendars.fold((RateSet::NONE, RateSet::NONE), |(energy, demand), one| {
        let (more, further) = one.rates();
        (energy.union(more), demand.union(further))
    })
}
