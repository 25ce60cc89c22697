//! A meter built from the same model file as the gateway's knowledge of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metering::{Obis, Quantity, Unit, rescale};
use meters::catalogue::{
    EncodeFault, Identify, IdentityForm, IdentityValue, Image, Kind, Model, Register, What, image,
};
use meters::{Span, Table};

use super::{LoadShape, ModbusMeter, Refusal, RegisterSource};
use crate::limits::SEARCH_MAX;
use crate::trouble::{MeterTroubles, Spread};

/// Steps by which totals grow per hour unless somebody says otherwise: five to fifteen a second,
/// so that an interval of a few seconds shows some.
pub const GROWTH_PER_HOUR: u64 = 18_000;

/// A model file come to life: totals that grow, values that swing, an identity.
///
/// What lies between the model's registers reads as zero, as on most meters; what lies outside
/// them, or in a hole that the file names, is refused.
#[derive(Debug)]
pub struct ModelMeter {
    unit: u8,
    fixed: Image,
    values: Vec<(Register, LoadShape)>,
    mapped: BTreeMap<Table, (u32, u32)>,
    holes: Vec<Span>,
    serial: Option<String>,
    max_count: u16,
    turnaround: Duration,
    /// Power-cycled or replaced meters begin again: what is taken off each total.
    reset: Option<Duration>,
}

impl ModelMeter {
    /// A meter of this model with this unit address; the seed decides what it measures.
    pub fn new(model: &Model, unit: u8, seed: u64) -> Result<Self, EncodeFault> {
        Self::growing(model, unit, seed, GROWTH_PER_HOUR)
    }

    /// The same, with totals that grow by `per_hour` to three times as many steps an hour.
    pub fn growing(model: &Model, unit: u8, seed: u64, per_hour: u64) -> Result<Self, EncodeFault> {
        let shape = |register: &Register| shape(register, unit, seed, per_hour);
        let identity = |item: &Identify| identity(item, unit, seed);
        let start = |register: &Register| Some(value(register, &shape(register), Duration::ZERO));
        let fixed = image(model, identity, start)?;
        let mut mapped: BTreeMap<Table, (u32, u32)> = BTreeMap::new();
        for (table, address) in fixed.words.keys() {
            let address = u32::from(*address);
            let (first, end) = mapped.entry(*table).or_insert((address, address));
            *first = (*first).min(address);
            *end = (*end).max(address + 1);
        }
        let serial = model.identify.iter().find(|item| item.what == What::Serial);
        let serial = serial.and_then(identity).map(|value| value.to_string());
        let values = fixed
            .registers
            .iter()
            .map(|register| (register.clone(), shape(register)));
        Ok(Self {
            unit,
            values: values.collect(),
            fixed,
            mapped,
            holes: model.holes.clone(),
            serial,
            max_count: model.limits.max_count,
            turnaround: model.limits.turnaround,
            reset: None,
        })
    }

    /// The totals begin again at zero at this time, as after a replacement of the meter.
    pub fn with_reset(mut self, at: Duration) -> Self {
        self.reset = Some(at);
        self
    }

    /// The unit address.
    pub const fn unit(&self) -> u8 {
        self.unit
    }

    /// The serial number that the meter says it has, as a person would write it.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// The meter as it stands on a wire, within the model's limits.
    pub fn on_wire(self: &Arc<Self>) -> ModbusMeter {
        let source: Arc<dyn RegisterSource> = Arc::<Self>::clone(self);
        self.seated(source)
    }

    /// The same with registers of another source in its place.
    pub(super) fn seated(&self, source: Arc<dyn RegisterSource>) -> ModbusMeter {
        ModbusMeter::new(self.unit, source)
            .with_max_count(self.max_count)
            .with_refused(self.holes.clone())
    }

    /// A healthy meter of this model answers after about its usual turnaround.
    pub fn healthy(&self) -> MeterTroubles {
        let turnaround = Spread::between(self.turnaround / 2, self.turnaround);
        MeterTroubles {
            turnaround,
            ..MeterTroubles::default()
        }
    }

    /// The registers the meter has; of two with the same code the alternative is left out.
    pub fn registers(&self) -> impl Iterator<Item = &Register> {
        self.values
            .iter()
            .map(|(register, _)| register)
            .filter(|register| !register.alternative)
    }

    /// The quantity that the meter shows at this time, in its register's exponent; as it was
    /// encoded, so a float has lost what floats lose.
    pub fn shows(&self, obis: Obis, at: Duration) -> Option<Quantity> {
        let register = self.registers().find(|register| register.obis == obis)?;
        let words = self.words(register.span(), at).ok()?;
        let scale = match register.scale_register {
            Some(scale) => Some(self.words(scale.span, at).ok()?),
            None => None,
        };
        Some(register.decode(&words, scale.as_deref()).ok()??.quantity)
    }

    /// Whether the meter showed exactly this at any millisecond from `from` to `to`.
    pub fn showed(&self, obis: Obis, quantity: Quantity, from: Duration, to: Duration) -> bool {
        let to = to.min(from.saturating_add(SEARCH_MAX));
        let mut at = from;
        loop {
            let same = self.shows(obis, at).is_some_and(|shown| {
                shown.unit == quantity.unit
                    && rescale(quantity.digits, quantity.exponent, shown.exponent)
                        == Some(shown.digits)
            });
            if same || at >= to {
                return same;
            }
            at = at.saturating_add(Duration::from_millis(1)).min(to);
        }
    }

    fn overlay(&self, register: &Register, shape: &LoadShape, at: Duration) -> Option<Vec<u16>> {
        let quantity = match self.reset {
            Some(reset) if register.kind() == Kind::Total && at >= reset => {
                let again = LoadShape { start: 0, ..*shape };
                value(register, &again, at.saturating_sub(reset))
            }
            _ => value(register, shape, at),
        };
        register.encode(Some(quantity)).ok()
    }
}

impl RegisterSource for ModelMeter {
    fn words(&self, span: Span, at: Duration) -> Result<Vec<u16>, Refusal> {
        let within = self.mapped.get(&span.table);
        if !within
            .is_some_and(|(first, end)| *first <= u32::from(span.address) && span.end() <= *end)
        {
            return Err(Refusal::IllegalAddress);
        }
        let known = |address: u16| self.fixed.words.get(&(span.table, address)).copied();
        let addresses = u32::from(span.address)..span.end();
        let mut words: Vec<u16> = addresses
            .map(|address| u16::try_from(address).ok().and_then(known).unwrap_or(0))
            .collect();
        // Whole milliseconds, as every source promises.
        let at = Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
        for (register, shape) in &self.values {
            let place = register.span();
            if !place.overlaps(span) {
                continue;
            }
            let now = self.overlay(register, shape, at).ok_or(Refusal::Failure)?;
            for (address, word) in (place.address..=u16::MAX).zip(now) {
                let offset = address.checked_sub(span.address).map(usize::from);
                if let Some(slot) = offset.and_then(|offset| words.get_mut(offset)) {
                    *slot = word;
                }
            }
        }
        Ok(words)
    }
}

fn shape(register: &Register, unit: u8, seed: u64, per_hour: u64) -> LoadShape {
    let place = u64::from(register.address) | u64::from(register.table == Table::Input) << 16;
    match register.kind() {
        Kind::Total => LoadShape::for_register(seed, unit, place, per_hour),
        // A swing of a tenth about the usual value of such a quantity.
        Kind::Instant => {
            let usual = LoadShape::for_register(seed, unit, place, 1000);
            LoadShape {
                per_hour: usual.per_hour.saturating_add(9000),
                ..usual
            }
        }
    }
}

/// The value at this time, in the register's exponent.
fn value(register: &Register, shape: &LoadShape, at: Duration) -> Quantity {
    let digits = match register.kind() {
        Kind::Total => i64::try_from(shape.total(at)).unwrap_or(i64::MAX),
        Kind::Instant => {
            // The load swings between once and twice its base: 0.95 to 1.05 times the usual.
            let load = i64::try_from(shape.load(at)).unwrap_or(0);
            let base = i64::try_from(shape.per_hour).unwrap_or(1).max(1);
            let (digits, exponent) = usual(register.unit);
            let swung = digits.saturating_mul(base * 17 + load * 2) / (base * 20);
            fitted(swung, exponent, register.exponent)
        }
    };
    let multiplier = i64::from(register.multiplier.max(1));
    let digits = digits - digits % multiplier;
    Quantity {
        digits,
        exponent: register.exponent,
        unit: register.unit,
    }
}

/// The usual value of such a quantity, as digits and exponent.
fn usual(unit: Unit) -> (i64, i8) {
    match unit {
        Unit::Volt => (230_000, -3),
        Unit::Ampere => (12_000, -3),
        Unit::Hertz => (50_000, -3),
        Unit::Count => (900, -3),
        Unit::Watt | Unit::VoltAmpere | Unit::Var => (2_400_000, -3),
        _ => (20_000, -3),
    }
}

/// The same number in another power of ten, rounded down.
fn fitted(digits: i64, from: i8, to: i8) -> i64 {
    let steps = i16::from(to) - i16::from(from);
    let tens = 10_i64.saturating_pow(u32::from(steps.unsigned_abs()));
    if steps >= 0 {
        digits / tens
    } else {
        digits.saturating_mul(tens)
    }
}

/// What the meter says of itself where the model file expects nothing in particular.
fn identity(item: &Identify, unit: u8, seed: u64) -> Option<IdentityValue> {
    if item.what != What::Serial {
        return None;
    }
    let number = 1000 + seed % 29 * 1000 + u64::from(unit);
    Some(match item.form {
        IdentityForm::Number(_) => IdentityValue::Number(number),
        IdentityForm::Text => IdentityValue::Text(number.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use meters::catalogue::Catalogue;

    use super::*;

    fn catalogue() -> Catalogue {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let complained = Catalogue::load(&root.join("../../../config/meter-models"));
        complained.expect("the shipped models load")
    }

    #[test]
    fn every_shipped_model_becomes_a_meter_whose_totals_grow() {
        for model in catalogue().models() {
            let meter = ModelMeter::new(model, 3, 1).unwrap();
            let mut totals = 0;
            for register in meter.registers() {
                let shows = |seconds| meter.shows(register.obis, Duration::from_secs(seconds));
                let (early, late) = (shows(1).unwrap(), shows(61).unwrap());
                let name = format!("{} {}", model.id, register.obis);
                assert_eq!(early.exponent, register.exponent, "{name}");
                if register.kind() == Kind::Total {
                    totals += 1;
                    assert!(late.digits > early.digits, "{name}: {early} then {late}");
                } else {
                    assert!(early.digits > 0, "{name}: {early}");
                }
            }
            assert!(totals > 0, "{} has a total", model.id);
        }
    }

    #[test]
    fn meters_and_registers_are_told_apart() {
        let catalogue = catalogue();
        let model = catalogue.model("eastron-sdm630").unwrap();
        let meters = [1, 2].map(|unit| ModelMeter::new(model, unit, 1).unwrap());
        let import = "1-0:1.8.0".parse().unwrap();
        let export = "1-0:2.8.0".parse().unwrap();
        let at = Duration::from_secs(10);
        let [one, two] = meters
            .each_ref()
            .map(|meter| meter.shows(import, at).unwrap());
        assert_ne!(one.digits, two.digits);
        assert_ne!(
            Some(one.digits),
            meters[0].shows(export, at).map(|q| q.digits)
        );
        assert_ne!(meters[0].serial(), meters[1].serial());

        assert!(meters[0].showed(import, one, Duration::ZERO, Duration::from_secs(20)));
        let later = Duration::from_secs(12);
        assert!(!meters[0].showed(import, one, later, later + Duration::from_secs(8)));
        assert!(!meters[1].showed(import, one, Duration::ZERO, Duration::from_secs(20)));
    }

    #[test]
    fn gaps_read_as_zero_and_the_outside_is_refused() {
        let catalogue = catalogue();
        let meter = ModelMeter::new(catalogue.model("abb-b23").unwrap(), 1, 1).unwrap();
        let span = |address, count| Span {
            table: Table::Holding,
            address,
            count,
        };
        let read = |span| meter.words(span, Duration::ZERO);
        assert_eq!(read(span(0x5010, 2)), Ok(vec![0, 0]));
        assert_eq!(read(span(0x0010, 2)), Err(Refusal::IllegalAddress));
        let import = read(span(0x5000, 4)).unwrap();
        assert_eq!(read(span(0x4FFF, 2)), Err(Refusal::IllegalAddress));
        assert_eq!(
            read(span(0x5002, 2)),
            Ok(import[2..].to_vec()),
            "halves fit together"
        );
    }

    #[test]
    fn a_reset_begins_the_totals_again() {
        let catalogue = catalogue();
        let model = catalogue.model("abb-b23").unwrap();
        let meter = ModelMeter::new(model, 1, 1)
            .unwrap()
            .with_reset(Duration::from_mins(1));
        let import = "1-0:1.8.0".parse().unwrap();
        let digits = |seconds| {
            meter
                .shows(import, Duration::from_secs(seconds))
                .unwrap()
                .digits
        };
        assert!(digits(59) > 1_000_000);
        assert_eq!(digits(60), 0);
        assert!(digits(70) > 0);
    }
}
