//! Values of the moment: selectors are written, the meter measures, values are read.

use super::octets::digits_high_first;
use crate::catalogue::flag::InstantModel;
use metering::{Obis, Quantity};

/// A selector comes back with this bit set when its value is ready.
const READY: u8 = 0x80;
/// Octets of one value: format, then twelve digits.
const VALUE_OCTETS: usize = 7;
/// Decimals of a value whose format says nothing else.
const DECIMALS_MAX: i8 = 4;

/// Selectors of one request, as many as the meter takes at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstantRequest {
    selectors: Vec<u8>,
    at_once: usize,
}

/// The order of the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseOrder {
    /// A, B, C.
    Forward,
    /// Another one, in the meter's own number.
    Other(i64),
}

/// What a meter says for a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selected {
    /// A value.
    Value(Quantity),
    /// The order of the phases.
    Order(PhaseOrder),
    /// More than its format holds.
    Overflow,
    /// Not available.
    Absent,
    /// Octets that are no number.
    NoNumber,
}

/// A selector and what the meter says for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstantReading {
    /// The selector.
    pub selector: u8,
    /// What it is, where the model knows.
    pub obis: Option<Obis>,
    /// What the meter says.
    pub selected: Selected,
    /// Its octets, as they came.
    pub raw: Vec<u8>,
}

impl InstantRequest {
    /// Requests for all selectors, in their order.
    pub fn of(model: &InstantModel, selectors: &[u8]) -> Vec<Self> {
        let at_once = usize::from(model.at_once.max(1));
        let chunks = selectors.chunks(at_once);
        chunks
            .map(|selectors| Self {
                selectors: selectors.to_vec(),
                at_once,
            })
            .collect()
    }

    /// Requests for these quantities; what the model does not offer is left out.
    pub fn of_codes(model: &InstantModel, codes: &[Obis]) -> Vec<Self> {
        let of = |code: &Obis| {
            let mut values = model.values.iter();
            let value = values.find(|value| value.obis == *code)?;
            Some(value.selector)
        };
        let selectors: Vec<u8> = codes.iter().filter_map(of).collect();
        Self::of(model, &selectors)
    }

    /// The octets to write; unused places are zero.
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = self.selectors.clone();
        octets.resize(self.at_once, 0);
        octets
    }

    /// Whether the meter says that every value is ready; `answer` is the request read back.
    pub fn is_ready(&self, answer: &[u8]) -> bool {
        answer.len() >= self.selectors.len()
            && self
                .selectors
                .iter()
                .zip(answer)
                .all(|(asked, found)| *found == asked | READY)
    }

    /// Octets of the answer with the values.
    pub fn answer_octets(&self) -> usize {
        self.at_once * VALUE_OCTETS
    }

    /// The values of an answer; too short a one has fewer.
    pub fn decode(&self, model: &InstantModel, answer: &[u8]) -> Vec<InstantReading> {
        let (values, _) = answer.as_chunks::<VALUE_OCTETS>();
        let pairs = self.selectors.iter().zip(values);
        pairs
            .map(|(selector, raw)| reading(model, *selector, *raw))
            .collect()
    }
}

fn reading(model: &InstantModel, selector: u8, raw: [u8; VALUE_OCTETS]) -> InstantReading {
    let known = model.values.iter().find(|value| value.selector == selector);
    let unit = known.map(|value| value.unit);
    let [format, digits @ ..] = raw;
    let missing = format & 7;
    let is_absent = format == 0xff || digits.iter().all(|octet| *octet == 0xff);
    let number = digits_high_first(digits.iter());
    let selected = match (number, unit) {
        _ if is_absent => Selected::Absent,
        _ if missing == 7 => Selected::Overflow,
        (None, _) => Selected::NoNumber,
        (Some(number), _) if model.rotation == Some(selector) => {
            let order = match number {
                1 => PhaseOrder::Forward,
                other => PhaseOrder::Other(other),
            };
            Selected::Order(order)
        }
        (Some(number), unit) => {
            let (unit, prefix) = unit.unwrap_or((metering::Unit::Count, 0));
            let sign = if format & 0x80 == 0 { 1 } else { -1 };
            Selected::Value(Quantity {
                digits: sign * number,
                exponent: missing.cast_signed() - DECIMALS_MAX + prefix,
                unit,
            })
        }
    };
    InstantReading {
        selector,
        obis: known.map(|value| value.obis),
        selected,
        raw: raw.to_vec(),
    }
}
