//! Totals, rates and cumulative demands.

use super::octets::{digits_high_first, digits_low_first};
use crate::catalogue::flag::{ByteOrder, FlagModel, Measured};
use metering::{Obis, Quantity, Unit};
use std::collections::BTreeMap;

/// Octets of a total.
const TOTAL_OCTETS: usize = 8;
/// Octets of a total of the oldest meters.
const SHORT_OCTETS: usize = 5;
/// A net total above this is a negative one in ten's complement (one source: CX).
const NEGATIVE_ABOVE: i64 = 5_000_000_000_000_000;
/// What such a total is counted from.
const COMPLEMENT: i64 = 10_000_000_000_000_000;
/// OBIS value group D of cumulative maximum demands.
const CUMULATIVE: u8 = 2;

/// A register and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterValue {
    /// Its place in the identity, from 0.
    pub place: usize,
    /// The code by which the meter says what it measures, where it does.
    pub source: Option<u8>,
    /// What it is; `None` where nobody knows, or it measures nothing. Rates are numbered among the
    /// registers that measure the same.
    pub obis: Option<Obis>,
    /// Its value; `None` where its octets are no number.
    pub quantity: Option<Quantity>,
    /// Its octets, as they came.
    pub raw: Vec<u8>,
}

/// Counts registers that measure the same.
#[derive(Debug, Default)]
pub(super) struct Ordinals(BTreeMap<u8, u8>);

impl Ordinals {
    pub(super) fn next(&mut self, source: u8) -> u8 {
        let count = self.0.entry(source).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

fn quantity(digits: Option<i64>, exponent: i8, unit: Unit) -> Option<Quantity> {
    digits.map(|digits| Quantity {
        digits,
        exponent,
        unit,
    })
}

/// Totals whose meaning the model lists.
pub(super) fn totals(
    model: &FlagModel,
    items: &[String],
    is_signed: bool,
    octets: &[u8],
) -> Vec<RegisterValue> {
    let read = |raw: &[u8]| {
        let digits = digits_low_first(raw)?;
        let is_negative = is_signed && digits > NEGATIVE_ABOVE;
        Some(if is_negative {
            digits - COMPLEMENT
        } else {
            digits
        })
    };
    listed(model, items, octets, TOTAL_OCTETS, &read)
}

/// The same with five octets each.
pub(super) fn short_totals(
    model: &FlagModel,
    items: &[String],
    order: ByteOrder,
    octets: &[u8],
) -> Vec<RegisterValue> {
    let read = |raw: &[u8]| match order {
        ByteOrder::LowFirst => digits_low_first(raw),
        ByteOrder::HighFirst => digits_high_first(raw.iter()),
    };
    listed(model, items, octets, SHORT_OCTETS, &read)
}

fn listed(
    model: &FlagModel,
    items: &[String],
    octets: &[u8],
    width: usize,
    read: &dyn Fn(&[u8]) -> Option<i64>,
) -> Vec<RegisterValue> {
    let registers = items.iter().zip(octets.chunks_exact(width)).enumerate();
    registers
        .map(|(place, (word, raw))| {
            let measured = model.measured_by_word(word);
            let unit = measured.map_or(Unit::Count, |item| item.unit);
            RegisterValue {
                place,
                source: None,
                obis: measured.map(|item| item.obis),
                quantity: quantity(read(raw), model.energy_exponent, unit),
                raw: raw.to_vec(),
            }
        })
        .collect()
}

/// Rates: what each measures stands elsewhere.
pub(super) fn rates(
    model: &FlagModel,
    sources: Option<&[u8]>,
    octets: &[u8],
) -> Vec<RegisterValue> {
    let mut ordinals = Ordinals::default();
    let registers = octets.chunks_exact(TOTAL_OCTETS).enumerate();
    registers
        .map(|(place, raw)| {
            let source = sources.and_then(|codes| codes.get(place)).copied();
            let measured = source.and_then(|code| model.measured_by_code(code));
            let rate = source.map_or(0, |code| ordinals.next(code));
            let unit = measured.map_or(Unit::Count, |item| item.unit);
            RegisterValue {
                place,
                source,
                obis: measured.map(|item| item.obis.with_rate(rate)),
                quantity: quantity(digits_low_first(raw), model.energy_exponent, unit),
                raw: raw.to_vec(),
            }
        })
        .collect()
}

/// Cumulative demands: eight octets of digits and a source each.
pub(super) fn cumulative(model: &FlagModel, octets: &[u8]) -> Vec<RegisterValue> {
    let mut ordinals = Ordinals::default();
    let (registers, _) = octets.as_chunks::<9>();
    let register = |(place, raw): (usize, &[u8; 9])| {
        let [digits @ .., source] = raw;
        let measured = model.measured_by_code(*source);
        let number = ordinals.next(*source);
        RegisterValue {
            place,
            source: Some(*source),
            obis: measured.map(|item| item.obis.with_kind(CUMULATIVE).with_rate(number)),
            quantity: quantity(
                digits_low_first(digits),
                model.demand_exponent,
                demand_unit(measured),
            ),
            raw: raw.to_vec(),
        }
    };
    registers.iter().enumerate().map(register).collect()
}

/// The unit of demand of something that is measured.
pub(super) fn demand_unit(measured: Option<&Measured>) -> Unit {
    let unit = measured.and_then(|item| item.unit.as_power());
    unit.unwrap_or(Unit::Count)
}
