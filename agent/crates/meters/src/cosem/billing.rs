//! Billing sets (class 7): what registers held at the end of each billing period.

use super::number::ScalerUnit;
use super::setup::{ColumnRole, ProfileSetup, scaler_of};
use super::tail::OrderedRow;
use super::time::CosemTime;
use dlms::codec::{Attribute, Data};
use metering::{MeterTime, Obis, Quantity};
use std::collections::BTreeMap;

/// A value of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BilledValue {
    /// What it is, with the number of its billing period as last group.
    pub obis: Obis,
    /// The value; none where it is no number or its unit is not known here.
    pub quantity: Option<Quantity>,
    /// When it came about, where the set says so: the time of a maximum.
    pub at: Option<CosemTime>,
}

/// The values of a set. One without scaler and unit is left out; which ones, stands second.
pub fn billed_values(
    setup: &ProfileSetup,
    scalers: &BTreeMap<Attribute, ScalerUnit>,
    row: &OrderedRow,
) -> (Vec<BilledValue>, Vec<Obis>) {
    let (mut values, mut without) = (Vec::new(), Vec::new());
    let period = row.shown.map(period_of);
    for (known, cell) in setup.columns.iter().zip(&row.cells) {
        let ColumnRole::Value { obis, .. } = known.role else {
            continue;
        };
        let value = known.column.attribute;
        let scaler = scaler_of(value);
        let captured = scaler.and_then(|scaler| cell_of(setup, row, scaler));
        let captured = captured.and_then(|cell| ScalerUnit::of(cell).ok());
        let told = scaler.and_then(|scaler| scalers.get(&scaler).copied());
        let Some(unit) = captured.or(told) else {
            without.push(obis);
            continue;
        };
        // Class 4: its time is attribute 5.
        let time = Attribute { number: 5, ..value };
        let time = cell_of(setup, row, time).filter(|_| value.class == 4);
        values.push(BilledValue {
            obis: frozen(obis, period),
            quantity: unit.quantity(cell),
            at: time.and_then(|time| CosemTime::of(time, "the time of a maximum").ok()),
        });
    }
    (values, without)
}

fn cell_of<'a>(setup: &ProfileSetup, row: &'a OrderedRow, wanted: Attribute) -> Option<&'a Data> {
    let mut columns = setup.columns.iter();
    let place = columns.position(|known| known.column.attribute == wanted)?;
    row.cells.get(place)
}

/// Value group F: such meters do not tell how many periods they have counted, so it is the month.
fn period_of(end: MeterTime) -> u8 {
    let (year, month, _) = end.date();
    u8::try_from((year * 12 + month) % 100).unwrap_or(0)
}

fn frozen(obis: Obis, period: Option<u8>) -> Obis {
    let [medium, channel, quantity, kind, rate, storage] = obis.groups();
    let storage = period.unwrap_or(storage);
    Obis::new([medium, channel, quantity, kind, rate, storage])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::{CapturedColumn, RowOrder};
    use dlms::codec::{Column, LogicalName};
    use metering::ChannelKind;

    fn column(class: u16, name: [u8; 6], number: i8, role: ColumnRole) -> CapturedColumn {
        CapturedColumn {
            column: Column {
                attribute: Attribute {
                    class,
                    name: LogicalName(name),
                    number,
                },
                index: 0,
            },
            role,
        }
    }

    fn value(name: [u8; 6], kind: ChannelKind) -> ColumnRole {
        let obis = Obis::new(name);
        ColumnRole::Value { obis, kind }
    }

    #[test]
    fn a_set_has_the_number_of_its_month_and_a_maximum_its_own_time() {
        let (total, maximum) = ([1, 0, 1, 8, 0, 255], [1, 0, 1, 6, 0, 255]);
        let other = [1, 0, 2, 8, 0, 255];
        let columns = vec![
            column(8, [0, 0, 1, 0, 0, 255], 2, ColumnRole::Time),
            column(3, total, 2, value(total, ChannelKind::Register)),
            column(4, maximum, 2, value(maximum, ChannelKind::Average)),
            column(4, maximum, 5, ColumnRole::Other),
            column(3, other, 2, value(other, ChannelKind::Register)),
        ];
        let setup = ProfileSetup {
            columns,
            period_s: 0,
            order: RowOrder::OldestFirst,
            in_use: None,
            entries: None,
            mark: Vec::new(),
        };
        let scaler = |class, name, number, code| {
            let name = LogicalName(name);
            let attribute = Attribute {
                class,
                name,
                number,
            };
            (attribute, ScalerUnit { exponent: 0, code })
        };
        let scalers = [scaler(3, total, 3, 30), scaler(4, maximum, 3, 27)];
        let at = [0x07, 0xea, 1, 17, 6, 12, 15, 0, 0, 0x80, 0, 0];
        let row = OrderedRow {
            place: 1,
            at: None,
            shown: MeterTime::from_civil([2026, 2, 1], [0, 0, 0]),
            cells: vec![
                Data::Null,
                Data::DoubleLongUnsigned(5000),
                Data::DoubleLongUnsigned(700),
                Data::OctetString(at.to_vec()),
                Data::DoubleLongUnsigned(1),
            ],
        };
        let (values, without) = billed_values(&setup, &scalers.into(), &row);
        let told: Vec<String> = values
            .iter()
            .map(|value| {
                let at = value.at.map(|at| at.shown.to_string()).unwrap_or_default();
                format!("{} {} {at}", value.obis, value.quantity.unwrap())
            })
            .collect();
        assert_eq!(
            told,
            [
                "1-0:1.8.0*14 5.000 kWh ",
                "1-0:1.6.0*14 0.700 kW 2026-01-17 12:15:00"
            ]
        );
        assert_eq!(without, [Obis::new(other)]);
    }
}
