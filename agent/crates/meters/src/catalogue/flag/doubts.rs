//! What a person should check at the meter.

use super::super::model::{Certainty, Doubt};
use super::fact::SourcedFact;
use super::model::FlagModel;
use super::profile::ProfileModel;

/// A statement and what it is about.
pub(in super::super) type Statement<'a> = (String, &'a SourcedFact);

/// What of a model's statements a person should check at the meter.
pub(in super::super) fn told(
    id: &str,
    statements: Vec<Statement<'_>>,
    disagreements: &[String],
) -> Vec<Doubt> {
    let doubt = |about: String, certainty, remark: String| Doubt {
        model: id.to_owned(),
        about,
        certainty,
        remark,
    };
    let unsure = statements
        .into_iter()
        .filter(|(_, fact)| fact.certainty.is_doubtful() || fact.remark.is_some());
    let contradictions = disagreements.iter().map(|text| {
        doubt(
            "sources disagree".to_owned(),
            Certainty::Open,
            text.to_owned(),
        )
    });
    unsure
        .map(|(about, fact)| doubt(about, fact.certainty, remark(fact)))
        .chain(contradictions)
        .collect()
}

impl FlagModel {
    /// What a person should check at the meter: every statement that is not confirmed or carries a
    /// remark, and every point where sources contradict each other.
    pub fn doubts(&self) -> Vec<Doubt> {
        told(&self.id, self.statements(), &self.disagreements)
    }

    /// Every statement of the model that names its sources.
    pub(super) fn statements(&self) -> Vec<Statement<'_>> {
        let mut all = vec![
            ("line".to_owned(), &self.line.fact),
            ("session".to_owned(), &self.session.fact),
        ];
        let mut add = |about: &str, fact| all.push((about.to_owned(), fact));
        if let Some(probe) = &self.session.probe {
            add("session probe", &probe.fact);
        }
        for pattern in &self.identifications {
            add("identification", &pattern.fact);
        }
        for variant in &self.variants {
            add(&format!("variant {}", variant.id), &variant.fact);
            for device in &variant.devices {
                add(&format!("device {}", device.device), &device.fact);
            }
        }
        for item in &self.measured {
            add(&format!("measured {}", item.word), &item.fact);
        }
        for row in &self.identities {
            let about = format!("identity {:03} ({})", row.number, row.content);
            add(&about, &row.fact);
        }
        for (name, table) in &self.status_tables {
            add(&format!("status {name}"), &table.fact);
        }
        if let Some(table) = &self.billing_triggers {
            add("billing trigger", &table.fact);
        }
        if let Some(table) = &self.refusals {
            add("refusals", &table.fact);
        }
        if let Some(ratios) = &self.ratios {
            add("ratios", &ratios.fact);
        }
        if let Some(scaling) = &self.scaling {
            add("scaling", &scaling.fact);
        }
        if let Some(reset) = &self.billing_reset {
            add("billing reset", &reset.fact);
        }
        if let Some(clock) = &self.clock {
            add("clock", &clock.fact);
            add("clock adjust", &clock.adjust_fact);
            add("clock weekday", &clock.weekday_fact);
        }
        if let Some(instant) = &self.instant {
            add("instant", &instant.fact);
            for value in &instant.values {
                add(&format!("instant {}", value.obis), &value.fact);
            }
        }
        all.extend(
            self.profile
                .iter()
                .flat_map(|part| profile("profile", part)),
        );
        let part = self.instrumentation.iter();
        all.extend(part.flat_map(|part| profile("instrumentation", part)));
        all.extend(self.vdew_statements());
        all
    }

    fn vdew_statements(&self) -> Vec<Statement<'_>> {
        let Some(vdew) = &self.vdew else {
            return Vec::new();
        };
        let mut all = vec![("vdew".to_owned(), &vdew.fact)];
        let sets = vdew.sets.iter();
        all.extend(sets.map(|set| (format!("set {}", set.address), &set.fact)));
        let actions = vdew.actions.iter();
        all.extend(actions.map(|action| (format!("action {}", action.address), &action.fact)));
        if let Some(profile) = &vdew.profile {
            all.push((profile.address.clone(), &profile.fact));
            let bits = profile.status.iter();
            all.extend(bits.map(|bit| (format!("{} bit {}", profile.address, bit.bit), &bit.fact)));
        }
        all
    }
}

fn profile<'a>(name: &str, part: &'a ProfileModel) -> Vec<Statement<'a>> {
    let mut all = vec![
        (name.to_owned(), &part.fact),
        (format!("{name} values"), &part.value_fact),
    ];
    if let Some(daylight) = &part.daylight {
        all.push((format!("{name} daylight"), &daylight.fact));
    }
    let capacity = part.capacity.iter();
    all.extend(capacity.map(|item| (format!("{name} capacity"), &item.fact)));
    let markers = part.markers.iter();
    all.extend(markers.map(|item| (format!("{name} marker {:02X}", item.octet), &item.fact)));
    let bits = part.status.iter();
    all.extend(bits.map(|item| (format!("{name} status bit {}", item.bit), &item.fact)));
    all
}

fn remark(fact: &SourcedFact) -> String {
    let mut words = fact.remark.clone().unwrap_or_default();
    if !fact.by.is_empty() {
        let by = fact.by.join(" ");
        let gap = if words.is_empty() { "" } else { "; " };
        words = format!("{words}{gap}source {by}");
    }
    words
}
