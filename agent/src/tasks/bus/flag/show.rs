//! What an identity holds, for a person: each value with its words, its octets and its doubts.

use crate::hex::hex;
use desk::{EventCounter, MeterValue};
use metering::Quantity;
use meters::catalogue::flag::{FlagIdentity, SourcedFact};
use meters::elster::{
    BillingSet, Content, EventLog, LogEntry, MaximumDemand, Multiplier, RegisterValue, Scaled,
};

/// Shows the contents of one row of a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Show<'a> {
    pub(super) row: &'a FlagIdentity,
    /// What values of the secondary side are multiplied with; none if that is not known.
    pub(super) multiplier: Option<Multiplier>,
}

impl Show<'_> {
    /// The values that stand in it. `group` is what they belong to, if not to the row itself.
    pub(super) fn values(&self, content: &Content, octets: &[u8], group: &str) -> Vec<MeterValue> {
        match content {
            Content::Registers(values) => values
                .iter()
                .map(|value| self.register(value, group))
                .collect(),
            Content::Demands(demands) => demands
                .iter()
                .map(|demand| self.demand(demand, group))
                .collect(),
            Content::Billing(set) => self.billing(set, group),
            Content::Status(words) => words
                .iter()
                .map(|word| {
                    let set = word.set.iter().map(|bit| {
                        let known = bit.words.clone();
                        known.unwrap_or_else(|| format!("bit {}", bit.bit))
                    });
                    let set: Vec<String> = set.collect();
                    let told = if set.is_empty() {
                        "nothing set".to_owned()
                    } else {
                        set.join(", ")
                    };
                    self.value(group, &word.table, told, &word.raw)
                })
                .collect(),
            Content::Ratio(ratio) => {
                let told = format!("{} : {}", ratio.primary, ratio.secondary);
                vec![self.value(group, &self.row.content, told, octets)]
            }
            Content::Text(text) => {
                vec![self.value(group, &self.row.content, text.clone(), octets)]
            }
            Content::Clock(stamp) => {
                vec![self.value(group, &self.row.content, stamp.time.to_string(), octets)]
            }
            Content::Seconds(stamp) => {
                vec![self.value(group, &self.row.content, stamp.time.to_string(), octets)]
            }
            Content::Battery(battery) => {
                let days = battery.support_left_s / 86_400;
                let told = format!("{days} days of support left");
                vec![self.value(group, &self.row.content, told, octets)]
            }
            Content::Periods(periods) => {
                let minutes = |minutes: Option<u8>| {
                    minutes.map_or_else(|| "unknown".to_owned(), |number| format!("{number} min"))
                };
                let told = format!(
                    "profile {}, part of the demand period {}",
                    minutes(periods.profile),
                    minutes(periods.part)
                );
                vec![self.value(group, &self.row.content, told, octets)]
            }
            _ => vec![self.value(group, &self.row.content, hex(octets), octets)],
        }
    }

    fn register(&self, value: &RegisterValue, group: &str) -> MeterValue {
        let (told, remark) = self.quantity(value.quantity);
        let name = value.obis.and_then(metering::Obis::words);
        let place = value.place + 1;
        let mut shown = self.value(group, &format!("register {place}"), told, &value.raw);
        if let Some(obis) = value.obis {
            shown.obis = obis.to_string();
        }
        if let Some(name) = name {
            shown.name = name;
        }
        add(&mut shown, &remark);
        shown
    }

    fn demand(&self, demand: &MaximumDemand, group: &str) -> MeterValue {
        let (told, remark) = self.quantity(demand.quantity);
        let at = demand.at.map(|at| format!(" at {at}"));
        let told = told + &at.unwrap_or_default();
        let name = demand.obis.and_then(metering::Obis::words);
        let (place, rank) = (demand.place + 1, demand.rank);
        let words = name.unwrap_or_else(|| format!("demand register {place}"));
        let name = format!("{words}, highest {rank}");
        let mut shown = self.value(group, &name, told, &demand.raw);
        if let Some(obis) = demand.obis {
            shown.obis = obis.to_string();
        }
        add(&mut shown, &remark);
        shown
    }

    fn billing(&self, set: &BillingSet, group: &str) -> Vec<MeterValue> {
        let end = set.info().and_then(|info| info.end.or(info.reset_time));
        let end = end.map(|end| format!(", ended {end}"));
        let group = format!("{group}{}", end.unwrap_or_default());
        let parts = set.parts.iter();
        let shown = parts
            .filter(|part| matches!(part.content, Content::Registers(_) | Content::Demands(_)));
        shown
            .flat_map(|part| self.values(&part.content, &[], &group))
            .collect()
    }

    fn quantity(&self, quantity: Option<Quantity>) -> (String, String) {
        let Some(raw) = quantity else {
            return ("no number".to_owned(), String::new());
        };
        let Some(multiplier) = self.multiplier else {
            let remark = "not multiplied: the ratios of its transformers are not known";
            return (raw.to_string(), remark.to_owned());
        };
        if multiplier == Multiplier::ONE {
            return (raw.to_string(), String::new());
        }
        let remark = format!("the meter counts {raw}, times {multiplier}");
        match Scaled::new(raw, multiplier).result {
            Some(result) => (result.to_string(), remark),
            None => (raw.to_string(), remark),
        }
    }

    fn value(&self, group: &str, name: &str, value: String, raw: &[u8]) -> MeterValue {
        let group = if group.is_empty() {
            &self.row.content
        } else {
            group
        };
        MeterValue {
            group: group.to_owned(),
            obis: String::new(),
            name: name.to_owned(),
            value,
            raw: hex(raw),
            place: self.row.number.to_string(),
            remark: doubt(&self.row.fact),
        }
    }

    /// An event counter.
    pub(super) fn counter(&self, log: &EventLog) -> EventCounter {
        let count = log.counts.iter().map(|count| u32::from(*count)).sum();
        EventCounter {
            name: log.event.words().to_owned(),
            count,
            newest: log.entries.iter().map(entry).collect(),
            place: self.row.number.to_string(),
            remark: doubt(&self.row.fact),
        }
    }
}

/// One remark more.
fn add(shown: &mut MeterValue, remark: &str) {
    if !remark.is_empty() && !shown.remark.is_empty() {
        shown.remark.push_str("; ");
    }
    shown.remark.push_str(remark);
}

/// One entry of a log in words.
pub(super) fn entry(entry: &LogEntry) -> String {
    let mut text = entry.start.map(|at| at.to_string()).unwrap_or_default();
    let mut add = |words: String| {
        text.push_str(", ");
        text.push_str(&words);
    };
    if let Some(stop) = entry.stop {
        add(format!("until {stop}"));
    }
    if let Some(phases) = entry.phases {
        let named = [(1, 'A'), (2, 'B'), (4, 'C')];
        let named = named.iter().filter(|(bit, _)| phases & bit != 0);
        let named: String = named.map(|(_, name)| *name).collect();
        add(format!("phase {named}"));
    }
    if let Some(cause) = entry.cause {
        add(format!("cause {cause:02X}"));
    }
    match entry.port {
        Some(0) => add("optical port".to_owned()),
        Some(1) => add("remote port".to_owned()),
        Some(other) => add(format!("port {other}")),
        None => {}
    }
    if let Some(name) = entry.name.as_ref().filter(|name| !name.is_empty()) {
        add(format!("by `{name}`"));
    }
    text
}

/// What is uncertain about a row; empty = nothing.
fn doubt(fact: &SourcedFact) -> String {
    let remark = fact.remark.clone().unwrap_or_default();
    if !fact.certainty.is_doubtful() {
        return remark;
    }
    let word = fact.certainty.word();
    if remark.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {remark}")
    }
}
