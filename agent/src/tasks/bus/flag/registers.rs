//! Values of registers become readings.

use super::round::{Sitting, StepEnd};
use crate::limits::SECONDARY_GROUP_B;
use crate::tasks::bus::memory::Note;
use crate::tasks::storekeeper::Record;
use line::Line;
use metering::{MeterReadings, Obis, Quantity, Reading, Timestamp};
use meters::catalogue::flag::{FlagLayout, RatioOf, RegisterSide};
use meters::elster::{Content, MaximumDemand, Multiplier, Ratio, RegisterValue, Scaled};
use meters::flag::VisitFault;

impl<L: Line> Sitting<'_, '_, '_, L> {
    /// Reads an identity with values, and keeps them.
    pub(super) async fn register(&mut self, identity: u16) -> Result<StepEnd, VisitFault> {
        let Some(row) = self.visit.row(identity) else {
            return Ok(StepEnd::Done);
        };
        if self.know_scale().await? == StepEnd::Later {
            return Ok(StepEnd::Later);
        }
        let Some(raw) = self.read(row).await? else {
            return Ok(StepEnd::Later);
        };
        let taken = self.desk.clock.moment(raw.taken_at());
        let at = self.desk.clock.utc_at(taken);
        let content = self.reader().read(row, &raw.octets);
        match content {
            Ok(Content::Registers(values)) => {
                self.look_at_advance(at, &values);
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
        let multiplier = self.register_multiplier();
        let known = values.iter().filter_map(|value| {
            let obis = frozen(value.obis?, period);
            Some(scaled(obis, value.quantity, multiplier))
        });
        known.flatten().collect()
    }

    /// Maximum demands, each with the time at which it was.
    pub(super) fn keep_demands(&mut self, demands: &[MaximumDemand], period: Option<u8>) {
        let multiplier = self.register_multiplier();
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

    /// What registers of the secondary side are multiplied with, as the meter's ratios say. Nothing
    /// while they are not known: then nothing is multiplied, and nothing is taken for multiplied.
    pub(super) fn multiplier(&self) -> Option<Multiplier> {
        let numbers = self.ratio_identities();
        let mut each = numbers.into_iter().map(|number| {
            let row = self.visit.row(number)?;
            let octets = self.book.memory.identity(number)?;
            match self.reader().read(row, octets).ok()? {
                Content::Ratio(ratio) => Some(ratio.multiplier.unwrap_or(Multiplier::ONE)),
                _ => None,
            }
        });
        each.try_fold(Multiplier::ONE, |all, one| all.times(one?))
    }

    /// The same for registers of meters that say in which power of ten they count.
    pub(super) fn register_multiplier(&self) -> Option<Multiplier> {
        let ratios = self.multiplier()?;
        let Some(scaling) = &self.visit.model().scaling else {
            return Some(ratios);
        };
        let octets = self.book.memory.identity(scaling.identity)?;
        ratios.times(Multiplier::power_of_ten(scaling.exponent(octets)?)?)
    }

    /// Reads the scale of the registers, which may have been changed since.
    async fn know_scale(&mut self) -> Result<StepEnd, VisitFault> {
        let scaling = self.visit.model().scaling.as_ref();
        let row = scaling.and_then(|scaling| self.visit.row(scaling.identity));
        let Some(row) = row else {
            return Ok(StepEnd::Done);
        };
        let Some(raw) = self.read(row).await? else {
            return Ok(StepEnd::Later);
        };
        self.book.memory.set_identity(row.number, &raw.octets);
        Ok(StepEnd::Done)
    }

    /// Where the ratios stand that count for the registers.
    fn ratio_identities(&self) -> Vec<u16> {
        match &self.visit.model().ratios {
            Some(ratios) if ratios.registers == RegisterSide::Secondary => {
                [ratios.current, ratios.voltage]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Reads the ratios that are not known yet.
    pub(super) async fn know_ratios(&mut self) -> Result<StepEnd, VisitFault> {
        match self.know(&self.ratio_identities(), false).await? {
            StepEnd::Done => self.know_scale().await,
            StepEnd::Later => Ok(StepEnd::Later),
        }
    }

    /// Transformer ratios are readings too: whoever has the raw values can check the rest.
    pub(super) fn keep_ratio(&mut self, ratio: &Ratio, at: Timestamp) {
        let Some(multiplier) = ratio.multiplier else {
            return;
        };
        let kind = match ratio.of {
            RatioOf::Current => 2,
            RatioOf::Voltage => 3,
        };
        let (numerator, denominator) = multiplier.parts();
        let exponent = -6;
        let digits = u128::from(numerator) * 1_000_000 / u128::from(denominator.max(1));
        let quantity = i64::try_from(digits).ok().map(|digits| Quantity {
            digits,
            exponent,
            unit: metering::Unit::Count,
        });
        let obis = Obis::new([1, 0, 0, 4, kind, 255]);
        self.keep_readings(at, vec![Reading { obis, quantity }]);
    }

    /// Whether a layout is one of values that the gateway can sample.
    pub(super) fn is_of_totals(layout: &FlagLayout) -> bool {
        matches!(layout, FlagLayout::Energies { .. })
    }

    /// Writes a note only the first time it says so.
    pub(super) fn is_new_note(&mut self, note: Note, words: &str) -> bool {
        self.book.memory.is_news(note, words)
    }
}

/// The value as it is on the primary side, and where that differs or is not known, also as the meter
/// has it.
fn scaled(obis: Obis, raw: Option<Quantity>, multiplier: Option<Multiplier>) -> Vec<Reading> {
    if multiplier == Some(Multiplier::ONE) {
        return vec![Reading {
            obis,
            quantity: raw,
        }];
    }
    let [medium, _, rest @ ..] = obis.groups();
    let [quantity, kind, rate, period] = rest;
    let as_counted = Reading {
        obis: Obis::new([medium, SECONDARY_GROUP_B, quantity, kind, rate, period]),
        quantity: raw,
    };
    let Some(multiplier) = multiplier else {
        return vec![as_counted];
    };
    let result = raw.and_then(|raw| Scaled::new(raw, multiplier).result);
    vec![
        Reading {
            obis,
            quantity: result,
        },
        as_counted,
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
    fn check(multiplier: Option<(u64, u64)>, expected: &[(&str, &str)]) {
        let obis = "1-0:1.8.0".parse().unwrap();
        let multiplier = multiplier.map(|(up, down)| Multiplier::new(up, down).unwrap());
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
        check(Some((1, 1)), &[("1-0:1.8.0", "1.234567 kWh")]);
        check(None, &[("1-65:1.8.0", "1.234567 kWh")]);
        check(
            Some((200, 5)),
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
