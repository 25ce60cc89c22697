//! From the columns of a meter's profile to channels.

use super::happening::CosemHappening;
use crate::catalogue::dlms::{DlmsProfile, ValueMeaning};
use crate::cosem::number::{Number, ScalerUnit};
use crate::cosem::rows::WholeRow;
use crate::cosem::setup::{ColumnRole, ProfileSetup, scaler_of};
use crate::cosem::text::data_text;
use crate::elster::{Multiplier, ScalingRule};
use dlms::codec::{Attribute, Data};
use metering::{Channel, ChannelKind, Obis, Period, Timestamp, Unit, rescale};
use std::collections::BTreeMap;

/// The channels, and where their values come from.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) channels: Vec<Channel>,
    made: Vec<Made>,
}

/// A channel from a column, and energy beside it where it is demand.
#[derive(Debug)]
struct Made {
    place: usize,
    obis: Obis,
    scaler: ScalerUnit,
    /// The column with scaler and unit of this one, where they are captured.
    scaler_place: Option<usize>,
    exponent: i8,
    energy: Option<ScalingRule>,
}

impl Columns {
    pub(super) fn of(
        profile: &DlmsProfile,
        setup: &ProfileSetup,
        scalers: &BTreeMap<Attribute, ScalerUnit>,
        rows: &[WholeRow],
        period: Period,
        happenings: &mut Vec<CosemHappening>,
    ) -> Self {
        let mut found = Self {
            channels: Vec::new(),
            made: Vec::new(),
        };
        for (place, known) in setup.columns.iter().enumerate() {
            let ColumnRole::Value { obis, kind } = known.role else {
                continue;
            };
            let attribute = scaler_of(known.column.attribute);
            let is_scaler = |other: &crate::cosem::CapturedColumn| {
                other.role == ColumnRole::Scaler && Some(other.column.attribute) == attribute
            };
            let scaler_place = setup.columns.iter().position(is_scaler);
            let captured = scaler_place.and_then(|place| {
                let mut cells = rows.iter().filter_map(|row| row.cells.get(place));
                cells.find_map(|cell| ScalerUnit::of(cell).ok())
            });
            let told = attribute.and_then(|attribute| scalers.get(&attribute).copied());
            let scaler = match (profile.values, captured, told) {
                (ValueMeaning::Pulses, ..) => ScalerUnit::COUNT,
                (ValueMeaning::Scaled, Some(scaler), _) | (_, None, Some(scaler)) => scaler,
                (ValueMeaning::Scaled, None, None) => {
                    happenings.push(CosemHappening::NoScaler { obis });
                    continue;
                }
            };
            let Some(unit) = scaler.unit() else {
                let code = scaler.code;
                happenings.push(CosemHappening::NoUnit { obis, code });
                continue;
            };
            let cells = rows.iter().filter_map(|row| row.cells.get(place));
            let finest = cells.filter_map(Number::of).map(|number| number.exponent);
            let exponent = scaler.exponent.saturating_add(finest.min().unwrap_or(0));
            found.add(
                Made {
                    place,
                    obis,
                    scaler,
                    scaler_place,
                    exponent,
                    energy: None,
                },
                (unit, kind),
                period,
            );
        }
        found
    }

    fn add(&mut self, mut made: Made, (unit, kind): (Unit, ChannelKind), period: Period) {
        let energy = energy_of(unit).filter(|_| kind == ChannelKind::Average);
        let rule = energy.and_then(|unit| {
            let rule = ScalingRule::to_energy(made.exponent, period.seconds(), Multiplier::ONE)?;
            Some((rule, unit))
        });
        self.channels.push(Channel {
            obis: made.obis,
            exponent: made.exponent,
            unit,
            kind,
        });
        if let Some((rule, unit)) = rule {
            self.channels.push(Channel {
                obis: made.obis.as_increment(),
                exponent: rule.exponent,
                unit,
                kind: ChannelKind::Increment,
            });
            made.energy = Some(rule);
        }
        self.made.push(made);
    }

    /// One value a channel, and whether one of them is coarse.
    pub(super) fn values(&self, cells: &[Data]) -> (Vec<Option<i64>>, bool) {
        let mut values = Vec::with_capacity(self.channels.len());
        let mut is_coarse = false;
        for made in &self.made {
            let digits = made.digits(cells);
            let number = cells.get(made.place).and_then(Number::of);
            is_coarse |= number.is_some_and(|number| number.is_coarse);
            values.push(digits);
            if let Some(rule) = &made.energy {
                values.push(digits.and_then(|digits| rule.apply(digits)));
            }
        }
        (values, is_coarse)
    }

    /// Its values that are none.
    pub(super) fn no_numbers(
        &self,
        cells: &[Data],
        end: Timestamp,
    ) -> impl Iterator<Item = CosemHappening> {
        let missing = self.made.iter().filter(|made| made.digits(cells).is_none());
        missing.map(move |made| CosemHappening::NoNumber {
            end,
            obis: made.obis,
            found: cells.get(made.place).map(data_text).unwrap_or_default(),
        })
    }
}

impl Made {
    fn digits(&self, cells: &[Data]) -> Option<i64> {
        let number = Number::of(cells.get(self.place)?)?;
        let own = self.scaler_place.and_then(|place| {
            let scaler = ScalerUnit::of(cells.get(place)?).ok()?;
            (scaler.code == self.scaler.code).then_some(scaler)
        });
        let scaler = match (self.scaler_place, own) {
            (Some(_), own) => own?,
            (None, _) => self.scaler,
        };
        let exponent = scaler.exponent.checked_add(number.exponent)?;
        rescale(number.digits, exponent, self.exponent)
    }
}

fn energy_of(power: Unit) -> Option<Unit> {
    [Unit::WattHour, Unit::VarHour, Unit::VoltAmpereHour]
        .into_iter()
        .find(|energy| energy.as_power() == Some(power))
}
