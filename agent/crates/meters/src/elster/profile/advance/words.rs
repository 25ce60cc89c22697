//! A verdict as a message to a person.

use super::{AdvanceResult, AdvanceVerdict};
use crate::catalogue::flag::{FlagModel, ProfileValue};
use crate::doctor::Finding;
use crate::elster::profile::values;
use metering::{Obis, Quantity, Unit};

impl AdvanceVerdict {
    /// What the doctor says of it; [`Finding::Healthy`] where all is well.
    pub fn finding(&self, model: &FlagModel) -> Finding {
        let coding = model.profile.as_ref().map(|profile| profile.value);
        match self.result {
            AdvanceResult::Agrees => Finding::Healthy,
            AdvanceResult::Differs { total } => Finding::SumDiffers {
                what: what(total),
                by: self.by(total, model),
            },
            AdvanceResult::OtherCoding { total } => Finding::OtherCoding {
                what: what(total),
                as_model: coding.map_or("a number", words).to_owned(),
                as_other: coding
                    .and_then(values::other_coding)
                    .map_or("another number", words)
                    .to_owned(),
                by: self.by(total, model),
            },
        }
    }

    fn by(&self, total: Obis, model: &FlagModel) -> String {
        let measured = model.measured.iter().find(|item| item.obis == total);
        let unit = measured.map_or(Unit::Count, |item| item.unit);
        let energy = |sum: i128| {
            let digits = i64::try_from(sum / 3600).unwrap_or(i64::MAX);
            let quantity = Quantity {
                digits,
                exponent: model.demand_exponent,
                unit,
            };
            quantity.to_string()
        };
        let off = if self.advance < self.at_least {
            self.at_least.saturating_sub(self.advance)
        } else {
            self.advance.saturating_sub(self.at_most)
        };
        let missing = match self.missing {
            0 => String::new(),
            missing => format!("; {missing} intervals are missing"),
        };
        let no_numbers = match self.no_numbers {
            0 => String::new(),
            count => format!("; {count} values are no numbers"),
        };
        format!(
            "{}: the register advanced by {} from {} to {}, the intervals hold {} to {}{missing}{no_numbers}",
            energy(off),
            energy(self.advance),
            self.from,
            self.to,
            energy(self.at_least),
            energy(self.at_most),
        )
    }
}

fn what(total: Obis) -> String {
    total.words().unwrap_or_else(|| total.to_string())
}

const fn words(value: ProfileValue) -> &'static str {
    match value {
        ProfileValue::BcdExponent => "decimal digits with an exponent",
        ProfileValue::Bcd => "decimal digits",
        ProfileValue::Binary => "plain numbers",
        ProfileValue::SignedBcd => "decimal digits with a format",
    }
}
