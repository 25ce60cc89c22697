//! What a model holds, as a file: limits, and who says so.

use super::form::{Fields, Form, Key, Plain};
use super::number::{MayWithin, Within};
use super::read::parse_document;
use crate::complaint::Complaints;
use metering::scheme::{Capability, Label, ProfileCapacity};
use std::collections::BTreeSet;

/// Facts of a file.
const FACTS_MAX: usize = 64;

/// The limits of a model, and how sure each is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelLimits {
    /// The limits.
    pub capability: Capability,
    /// Who says so, by the keys of the file.
    pub facts: Vec<LimitFact>,
}

/// How sure some limits are, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitFact {
    /// The keys of the limits.
    pub keys: Vec<Label>,
    /// How sure, and by which source.
    pub words: String,
}

/// The limits in a file's text; `file` is its name in complaints. A limit without its fact is
/// refused, and so is a fact about nothing.
pub fn parse_limits(file: &str, text: &str) -> Result<ModelLimits, Complaints> {
    let mut document = Document::default();
    let mut notes = parse_document(file, text, &mut document);
    let named = document.limits.facts.iter().flat_map(|fact| &fact.keys);
    let named: BTreeSet<String> = named.map(ToString::to_string).collect();
    let mut given = Given(BTreeSet::new());
    limits(&mut document.limits.capability.clone(), &mut given);
    for key in given.0.difference(&named) {
        let problem = format!("no fact says where {key} comes from");
        notes.note_file(problem, "add its key to a fact, or remove the limit");
    }
    for key in named.difference(&given.0) {
        let problem = format!("a fact names {key}, which is no limit of this file");
        notes.note_file(problem, "correct the key, or remove it");
    }
    notes.finish(document.limits)
}

#[derive(Default)]
struct Document {
    format: u32,
    model: Label,
    limits: ModelLimits,
}

impl Form for Document {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.format, 1..=1);
        to.value(Key::need("format", "the form of this file: 1"), slot);
        let key = Key::need("model", "the model, as the catalogue names it");
        to.value(key, &mut Plain(&mut self.model));
        self.limits.capability.model = self.model.to_string();
        limits(&mut self.limits.capability, to);
        let key = Key::many("fact", "who says so, and how sure it is", FACTS_MAX);
        to.tables(key, &mut self.limits.facts);
    }
}

impl Form for LimitFact {
    fn fields(&mut self, to: &mut dyn Fields) {
        to.value(Key::need("keys", "keys of limits"), &mut self.keys);
        let about = "how sure, and by which source";
        to.value(Key::need("words", about), &mut Plain(&mut self.words));
    }
}

impl Form for ProfileCapacity {
    fn fields(&mut self, to: &mut dyn Fields) {
        let slot = &mut Within(&mut self.days, 1..=36_600);
        to.value(Key::need("days", "so many days fit"), slot);
        let slot = &mut Within(&mut self.channels, 1..=64);
        to.value(Key::need("channels", "with so many channels"), slot);
        let slot = &mut Within(&mut self.period_minutes, 1..=1440);
        let about = "and intervals of this length";
        to.value(Key::need("period-minutes", about), slot);
    }
}

fn limits(model: &mut Capability, to: &mut dyn Fields) {
    counts(model, to);
    abilities(model, to);
    cases(model, to);
}

fn counts(model: &mut Capability, to: &mut dyn Fields) {
    let mut count = |name, slot: &mut Option<u16>| {
        let about = "so many at most; absent = nobody knows";
        to.value(
            Key::may(name, about),
            &mut MayWithin(slot, 0..=u16::MAX.into()),
        );
    };
    count("tou-registers", &mut model.tou_registers);
    count("rates", &mut model.rates);
    count("customer-registers", &mut model.customer_registers);
    count("md-registers", &mut model.md_registers);
    count("seasons", &mut model.seasons);
    count("day-types", &mut model.day_types);
    count("switches-per-day", &mut model.switches_per_day);
    count("switches", &mut model.switches);
    count("switch-step-minutes", &mut model.switch_step_minutes);
    count("switch-spacing-minutes", &mut model.switch_spacing_minutes);
    count("exclusion-dates", &mut model.exclusion_dates);
    count("name-octets", &mut model.name_octets);
    count("profile-channels", &mut model.profile_channels);
    count("instrument-channels", &mut model.instrument_channels);
    count("billing-dates", &mut model.billing_dates);
    count("display-items", &mut model.display_items);
    count("pulse-outputs", &mut model.pulse_outputs);
    count("pulse-inputs", &mut model.pulse_inputs);
    let slot = &mut MayWithin(&mut model.baud_max, 300..=1_000_000);
    to.value(Key::may("baud-max", "the highest speed of its port"), slot);
}

fn abilities(model: &mut Capability, to: &mut dyn Fields) {
    let mut flag = |name, about, slot: &mut Option<bool>| to.value(Key::may(name, about), slot);
    flag(
        "sliding-demand",
        "whether its demand period can slide",
        &mut model.sliding_demand,
    );
    let about = "whether a season has to begin on 1 January";
    flag(
        "season-on-first-january",
        about,
        &mut model.season_on_first_january,
    );
    let about = "whether seasons can follow daylight saving time";
    flag("seasons-follow-dst", about, &mut model.seasons_follow_dst);
    flag(
        "dated-seasons",
        "whether seasons can begin on one date",
        &mut model.dated_seasons,
    );
    flag(
        "deferred",
        "whether a calendar can wait",
        &mut model.deferred,
    );
    flag(
        "writes-ratios",
        "whether ratios can be written",
        &mut model.writes_ratios,
    );
}

fn cases(model: &mut Capability, to: &mut dyn Fields) {
    let key = Key::may("sources", "what it measures, by OBIS code");
    to.value(key, &mut model.sources);
    let key = Key::may("demand-periods-minutes", "demand periods that it takes");
    to.value(key, &mut model.demand_periods_minutes);
    let key = Key::may("profile-periods-minutes", "periods of its load profile");
    to.value(key, &mut model.profile_periods_minutes);
    let key = Key::may(
        "profile-capacity",
        "one known case; others follow in proportion",
    );
    to.table(key, &mut model.profile_capacity);
    let key = Key::may(
        "instrument-capacity",
        "one known case; others follow in proportion",
    );
    to.table(key, &mut model.instrument_capacity);
}

/// The keys that have a value.
struct Given(BTreeSet<String>);

impl Fields for Given {
    fn value(&mut self, key: Key, slot: &mut dyn super::form::Value) {
        if slot.literal().is_some() {
            self.0.insert(key.name.to_owned());
        }
    }

    fn table(&mut self, key: Key, slot: &mut dyn super::form::Part) {
        if slot.get().is_some() {
            self.0.insert(key.name.to_owned());
        }
    }

    fn tables(&mut self, _: Key, _: &mut dyn super::form::Parts) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn shipped_limits_are_in_order_and_named_as_their_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let folder = fs::read_dir(root.join("config/capabilities")).unwrap();
        let mut count = 0;
        for file in folder {
            let path = file.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let limits = parse_limits(&stem, &text).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!(limits.capability.model, stem);
            let model = root.join(format!("config/meter-models/{stem}.toml"));
            assert!(model.exists(), "{stem} is a model of the catalogue");
            count += 1;
        }
        assert!(count >= 3);
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let fault = parse_limits("x", text).unwrap_err().to_string();
        assert_eq!(fault, expected);
    }

    #[test]
    fn a_limit_has_its_fact_and_a_fact_its_limit() {
        check(
            "format = 1\nmodel = \"m\"\nseasons = 4\n",
            "x: no fact says where seasons comes from; add its key to a fact, or remove the limit",
        );
        check(
            "format = 1\nmodel = \"m\"\n[[fact]]\nkeys = [\"seasons\"]\nwords = \"w\"\n",
            "x: a fact names seasons, which is no limit of this file; correct the key, or remove it",
        );
    }

    #[test]
    fn every_limit_is_read() {
        let text = "format = 1\nmodel = \"m\"\nsources = [\"1-0:1.8.0\"]\ndemand-periods-minutes = [15, 30]\n\
                    profile-capacity = { days = 9, channels = 2, period-minutes = 15 }\ndeferred = false\n\
                    [[fact]]\nkeys = [\"sources\", \"demand-periods-minutes\", \"profile-capacity\", \"deferred\"]\nwords = \"w\"\n";
        let model = parse_limits("x", text).unwrap().capability;
        assert_eq!(model.demand_periods_minutes, Some(vec![15, 30]));
        assert_eq!(model.profile_capacity.unwrap().days_with(1, 15), Some(18));
        assert_eq!(model.deferred, Some(false));
        assert_eq!(model.sources.unwrap().len(), 1);
        assert_eq!(model.seasons, None);
    }
}
