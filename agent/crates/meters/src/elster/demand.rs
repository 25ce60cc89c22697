//! Maximum demands.

use super::octets::{Octets, digits_low_first};
use super::register::{Ordinals, demand_unit};
use crate::catalogue::flag::{ByteOrder, FlagModel};
use metering::{MeterTime, Obis, Quantity};

/// Octets of a maximum demand: time, source, seven octets of digits.
const PEAK_OCTETS: usize = 12;
/// OBIS value group D of maximum demands.
const MAXIMUM: u8 = 6;

/// A maximum demand since the last end of a billing period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaximumDemand {
    /// Its register's place, from 0.
    pub place: usize,
    /// Which of the register's highest ones, 1 = the highest.
    pub rank: u8,
    /// When it was; `None` where the meter has no time for it.
    pub at: Option<MeterTime>,
    /// The code by which the meter says what it measures.
    pub source: u8,
    /// What it is; `None` where nobody knows, or it measures nothing.
    pub obis: Option<Obis>,
    /// How much; `None` where its octets are no number.
    pub quantity: Option<Quantity>,
    /// Its octets, as they came.
    pub raw: Vec<u8>,
}

/// A time that was ever set.
pub(super) fn set_time(time: Option<MeterTime>) -> Option<MeterTime> {
    let is_set = |time: &MeterTime| !matches!(time.seconds(), 0 | 0xFFFF_FFFF);
    time.filter(is_set)
}

/// Maximum demands; each register has the same number of them, the highest first.
pub(super) fn maximum(model: &FlagModel, peaks: u8, octets: &[u8]) -> Vec<MaximumDemand> {
    let each = usize::from(peaks.max(1));
    let mut ordinals = Ordinals::default();
    let mut found = Vec::new();
    for (place, register) in octets.chunks(each * PEAK_OCTETS).enumerate() {
        let (peaks, _) = register.as_chunks::<PEAK_OCTETS>();
        let mut number = None;
        for (rank, raw) in (1..).zip(peaks) {
            let mut left = Octets(raw);
            let at = set_time(left.time(ByteOrder::LowFirst));
            let source = left.octet().unwrap_or_default();
            let measured = model.measured_by_code(source);
            let number = *number.get_or_insert_with(|| ordinals.next(source));
            let digits = digits_low_first(left.0);
            found.push(MaximumDemand {
                place,
                rank,
                at,
                source,
                obis: measured.map(|item| item.obis.with_kind(MAXIMUM).with_rate(number)),
                quantity: digits.map(|digits| Quantity {
                    digits,
                    exponent: model.demand_exponent,
                    unit: demand_unit(measured),
                }),
                raw: raw.to_vec(),
            });
        }
    }
    found
}
