//! Values of registers become readings.

use super::memory::Note;
use super::round::{Sitting, StepEnd};
use crate::limits::SECONDARY_GROUP_B;
use crate::tasks::storekeeper::Record;
use line::Line;
use metering::{MeterReadings, Obis, Quantity, Reading, Timestamp};
use meters::catalogue::flag::{FlagLayout, RegisterSide};
use meters::elster::{Content, MaximumDemand, Multiplier, RegisterValue, Scaled};
use meters::flag::VisitFault;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Reads an identity with values, and keeps them.
    pub(super) async fn register(&mut self, identity: u16) -> Result<StepEnd, VisitFault> {
        let Some(row) = self.visit.row(identity) else {
            return Ok(StepEnd::Done);
        };
        let Some(raw) = self.read(row).await? else {
            return Ok(StepEnd::Later);
        };
        let arrived = self.desk.clock.moment(raw.arrived_at);
        let at = self.desk.clock.utc_at(arrived);
        let content = self.reader().read(row, &raw.octets);
        match content {
            Ok(Content::Registers(values)) => {
                let values = self.register_readings(&values, None);
                self.keep_readings(at, values);
            }
            Ok(Content::Demands(demands)) => {
                // They stand until the next end of a billing period: each is told once.
                if self.book.memory.identity(identity) != Some(&raw.octets) {
                    self.keep_demands(&demands, None);
                    self.book.memory.set_identity(identity, &raw.octets);
                }
            }
            Ok(_) => {}
            Err(fault) => self.book.remark(format!("identity {identity}: {fault}")),
        }
        Ok(StepEnd::Done)
    }

    /// Readings of registers; `period` is the billing period they were frozen in.
    pub(super) fn register_readings(
        &self,
        values: &[RegisterValue],
        period: Option<u8>,
    ) -> Vec<Reading> {
        let multiplier = self.multiplier();
        let known = values.iter().filter_map(|value| {
            let obis = frozen(value.obis?, period);
            Some(scaled(obis, value.quantity, multiplier))
        });
        known.flatten().collect()
    }

    /// Maximum demands, each with the time at which it was.
    pub(super) fn keep_demands(&mut self, demands: &[MaximumDemand], period: Option<u8>) {
        let multiplier = self.multiplier();
        for demand in demands.iter().filter(|demand| demand.rank == 1) {
            let (Some(obis), Some(at)) = (demand.obis, demand.at) else {
                continue;
            };
            let at = self.instant(at);
            let values = scaled(frozen(obis, period), demand.quantity, multiplier);
            self.keep_readings(at, values);
        }
    }

    pub(super) fn keep_readings(&mut self, at: Timestamp, values: Vec<Reading>) {
        if values.is_empty() {
            return;
        }
        self.said.records.push(Record::Readings(MeterReadings {
            meter: self.book.settings.id.clone(),
            taken_at: at,
            clock: self.desk.clock.now().quality,
            values,
        }));
    }

    /// When the meter's clock showed a time; of an hour that came twice, the first.
    pub(super) fn instant(&self, shown: metering::MeterTime) -> Timestamp {
        match self.book.flag.clock.basis.instants_of(shown) {
            meters::Instants::Once(at)
            | meters::Instants::Never(at)
            | meters::Instants::Twice(at, _) => at,
        }
    }

    /// What registers of the secondary side are multiplied with, as the meter's ratios say.
    pub(super) fn multiplier(&self) -> Multiplier {
        let model = self.visit.model();
        let Some(ratios) = &model.ratios else {
            return Multiplier::ONE;
        };
        if ratios.registers == RegisterSide::Primary {
            return Multiplier::ONE;
        }
        let numbers = [ratios.current, ratios.voltage].into_iter().flatten();
        let each = numbers.filter_map(|number| {
            let row = self.visit.row(number)?;
            let octets = self.book.memory.identity(number)?;
            match self.reader().read(row, octets).ok()? {
                Content::Ratio(ratio) => ratio.multiplier,
                _ => None,
            }
        });
        let product = |all: Multiplier, one| all.times(one).unwrap_or(all);
        each.fold(Multiplier::ONE, product)
    }

    /// Reads the transformer ratios where they were never read: nothing can be multiplied before.
    pub(super) async fn learn_ratios(&mut self) -> Result<StepEnd, VisitFault> {
        let ratios = self.visit.model().ratios.as_ref();
        let secondary = ratios.filter(|ratios| ratios.registers == RegisterSide::Secondary);
        let numbers = secondary.map(|ratios| [ratios.current, ratios.voltage]);
        for number in numbers.into_iter().flatten().flatten() {
            if self.book.memory.identity(number).is_some() {
                continue;
            }
            match self.watch(number).await {
                Ok(StepEnd::Later) => return Ok(StepEnd::Later),
                // A meter without this ratio has none to multiply with.
                Err(fault) if !fault.ends_session() && fault.refusal().is_some() => {}
                Ok(StepEnd::Done) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(StepEnd::Done)
    }

    /// Whether a layout is one of values that the gateway can sample.
    pub(super) fn is_of_totals(layout: &FlagLayout) -> bool {
        matches!(layout, FlagLayout::Energies { .. })
    }

    /// Writes a note only the first time it says so.
    pub(super) fn is_new_note(&mut self, note: Note, words: &str) -> bool {
        let is_new = self.book.memory.note(note) != Some(words.as_bytes());
        self.book.memory.set_note(note, words.as_bytes());
        is_new
    }
}

/// The value as it is on the primary side, and where that differs, also as the meter has it.
fn scaled(obis: Obis, raw: Option<Quantity>, multiplier: Multiplier) -> Vec<Reading> {
    if multiplier == Multiplier::ONE {
        return vec![Reading {
            obis,
            quantity: raw,
        }];
    }
    let result = raw.and_then(|raw| Scaled::new(raw, multiplier).result);
    let [medium, _, rest @ ..] = obis.groups();
    let [quantity, kind, rate, period] = rest;
    let as_counted = Obis::new([medium, SECONDARY_GROUP_B, quantity, kind, rate, period]);
    vec![
        Reading {
            obis,
            quantity: result,
        },
        Reading {
            obis: as_counted,
            quantity: raw,
        },
    ]
}

/// The same register as it stood at the end of a billing period.
fn frozen(obis: Obis, period: Option<u8>) -> Obis {
    let [medium, channel, quantity, kind, rate, storage] = obis.groups();
    Obis::new([
        medium,
        channel,
        quantity,
        kind,
        rate,
        period.unwrap_or(storage),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use metering::Unit;

    fn energy(digits: i64) -> Quantity {
        Quantity {
            digits,
            exponent: -3,
            unit: Unit::WattHour,
        }
    }

    #[track_caller]
    fn check(multiplier: (u64, u64), expected: &[(&str, &str)]) {
        let obis = "1-0:1.8.0".parse().unwrap();
        let multiplier = Multiplier::new(multiplier.0, multiplier.1).unwrap();
        let found = scaled(obis, Some(energy(1_234_567)), multiplier);
        let told: Vec<(String, String)> = found
            .iter()
            .map(|reading| {
                let quantity = reading.quantity.map(|quantity| quantity.to_string());
                (reading.obis.to_string(), quantity.unwrap_or_default())
            })
            .collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(a, b)| (&a[..], &b[..])).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_was_multiplied_is_kept_beside_its_product() {
        check((1, 1), &[("1-0:1.8.0", "1.234567 kWh")]);
        check(
            (200, 5),
            &[
                ("1-0:1.8.0", "49.382680 kWh"),
                ("1-65:1.8.0", "1.234567 kWh"),
            ],
        );
    }

    #[test]
    fn a_frozen_register_says_when() {
        let obis: Obis = "1-0:1.6.2".parse().unwrap();
        assert_eq!(frozen(obis, Some(7)).to_string(), "1-0:1.6.2*7");
        assert_eq!(frozen(obis, None), obis);
    }
}
