//! The meter's side: registers from quantities, so that a simulated meter is built from the same
//! file as the one that reads it.

use super::decimal::{FloatFormat, divide_even, float_bits};
use super::encoding::{Absent, Encoding};
use super::fault::EncodeFault;
use super::identity::{Identify, IdentityValue};
use super::model::Model;
use super::register::Register;
use super::sunspec::{END_OF_CHAIN, MARK, Step, SunSpec, SunSpecWalk};
use crate::span::{Span, Table};
use metering::{Quantity, rescale};
use std::collections::BTreeMap;

/// SunSpec block 1, which every chain begins with, and its length.
const COMMON_BLOCK: [u16; 2] = [1, 66];
/// A mantissa of Iskra's formats has 24 bits, in T6 one of them for the sign.
const ISKRA_UNSIGNED_MAX: u128 = 0xFF_FFFF;
const ISKRA_SIGNED_MAX: u128 = 0x7F_FFFF;

impl Register {
    /// The registers by which a meter says `quantity`; `None` = not available.
    ///
    /// The inverse of [`Register::decode`]. A quantity beyond the format's precision (a large
    /// total in a float) becomes the number next to it, as on a real meter.
    pub fn encode(&self, quantity: Option<Quantity>) -> Result<Vec<u16>, EncodeFault> {
        let encoding = self.layout.encoding;
        let absent: Vec<u64> = self.absent_bits().collect();
        let Some(quantity) = quantity else {
            let bits = absent.first().ok_or(EncodeFault::NoPattern)?;
            return Ok(self.layout.words(*bits));
        };
        if quantity.unit != self.unit {
            return Err(EncodeFault::OtherUnit);
        }
        let digits = rescale(quantity.digits, quantity.exponent, self.exponent)
            .ok_or(EncodeFault::TooFine)?;
        let bits = match encoding.float() {
            Some(format) => float_bits(digits, self.places(), format),
            None if encoding.carries_exponent() => self.iskra_bits(digits)?,
            None => self.integer_bits(digits)?,
        };
        if absent.contains(&bits) {
            return Err(EncodeFault::Reserved);
        }
        Ok(self.layout.words(bits))
    }

    /// What the value's scale register says while its quantities have the register's exponent.
    pub fn encode_scale(&self) -> Option<u16> {
        self.scale_register?;
        let power = i16::from(self.exponent) - i16::from(self.scale) - i16::from(self.prefix);
        Some(power.cast_unsigned())
    }

    /// The patterns for "not available", the file's first.
    fn absent_bits(&self) -> impl Iterator<Item = u64> {
        let width = self.layout.encoding.width();
        let nan = self.layout.encoding.float().map(FloatFormat::not_a_number);
        self.absent
            .iter()
            .map(move |absent: &Absent| absent.bits(width))
            .chain(nan)
    }

    fn integer_bits(&self, digits: i64) -> Result<u64, EncodeFault> {
        let multiplier = i64::from(self.multiplier);
        if digits % multiplier != 0 {
            return Err(EncodeFault::TooFine);
        }
        let raw = digits / multiplier;
        let width = self.layout.encoding.width();
        let ones = u64::MAX >> (64 - width);
        let bits = raw.cast_unsigned() & ones;
        let fits = if self.layout.encoding.is_signed() {
            let unused = 64 - width;
            (bits << unused).cast_signed() >> unused == raw
        } else {
            raw >= 0 && raw.cast_unsigned() <= ones
        };
        if fits {
            Ok(bits)
        } else {
            Err(EncodeFault::OutOfRange)
        }
    }

    /// The finest exponent whose mantissa fits, so that large numbers lose their last digits.
    fn iskra_bits(&self, digits: i64) -> Result<u64, EncodeFault> {
        let signed = self.layout.encoding == Encoding::T6;
        if digits < 0 && !signed {
            return Err(EncodeFault::OutOfRange);
        }
        let limit = if signed {
            ISKRA_SIGNED_MAX
        } else {
            ISKRA_UNSIGNED_MAX
        };
        let magnitude = u128::from(digits.unsigned_abs());
        let lowest = i16::from(self.exponent) - i16::from(self.prefix) - i16::from(self.scale);
        // 10^13 brings any 63-bit number below 2^23.
        let fitting = (0_i16..=13).zip(0_u32..).find_map(|(steps, power)| {
            let mantissa = divide_even(magnitude, 10_u128.pow(power));
            (mantissa <= limit).then_some((steps, mantissa))
        });
        let (steps, mantissa) = fitting.ok_or(EncodeFault::OutOfRange)?;
        let exponent = i8::try_from(lowest + steps).map_err(|_| EncodeFault::OutOfRange)?;
        let mantissa = u32::try_from(mantissa).map_err(|_| EncodeFault::OutOfRange)?;
        let coded = if digits < 0 {
            mantissa.wrapping_neg()
        } else {
            mantissa
        };
        let high = u64::from(exponent.cast_unsigned()) << 24;
        Ok(high | u64::from(coded & 0xFF_FFFF))
    }
}

/// Registers of a simulated meter at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// What stands where; a register that is not here is refused.
    pub words: BTreeMap<(Table, u16), u16>,
    /// The values it was made of, at their addresses.
    pub registers: Vec<Register>,
}

impl Image {
    /// The registers of a span, or `None` where the meter has not all of them.
    pub fn read(&self, span: Span) -> Option<Vec<u16>> {
        let addresses = u32::from(span.address)..span.end();
        addresses
            .map(|address| {
                let address = u16::try_from(address).ok()?;
                self.words.get(&(span.table, address)).copied()
            })
            .collect()
    }

    fn put(&mut self, span: Span, words: &[u16]) {
        for (address, word) in (span.address..=u16::MAX).zip(words) {
            self.words.insert((span.table, address), *word);
        }
    }
}

/// The registers of a meter of this model that has these values and this identity.
///
/// An identity for which `identity` gives nothing says what the model file expects of it.
pub fn image(
    model: &Model,
    identity: impl Fn(&Identify) -> Option<IdentityValue>,
    values: impl Fn(&Register) -> Option<Quantity>,
) -> Result<Image, EncodeFault> {
    let mut image = Image::default();
    image.put(model.probe, &[0]);
    image.registers.clone_from(&model.registers);
    if let Some(sunspec) = &model.sunspec {
        let found = chain(sunspec, &mut image);
        image.registers.extend(found);
    }
    for register in image.registers.clone() {
        image.put(register.span(), &register.encode(values(&register))?);
        if let (Some(scale), Some(word)) = (register.scale_register, register.encode_scale()) {
            image.put(scale.span, &[word]);
        }
    }
    for item in &model.identify {
        let value = identity(item).or_else(|| item.equals.first().cloned());
        let value = value.unwrap_or(IdentityValue::Unavailable);
        image.put(item.span, &item.encode(&value)?);
    }
    Ok(image)
}

/// Lays out a chain with the plan's first block, and finds its values as a reader would.
fn chain(plan: &SunSpec, image: &mut Image) -> Vec<Register> {
    let (Some(base), Some(block)) = (plan.bases.first(), plan.blocks.first()) else {
        return Vec::new();
    };
    let model = block.models.first().copied().unwrap_or_default();
    let filling = |length: u16| std::iter::repeat_n(0, usize::from(length));
    let [_, common_length] = COMMON_BLOCK;
    let mut words: Vec<u16> = MARK.iter().chain(&COMMON_BLOCK).copied().collect();
    words.extend(filling(common_length));
    let start = words.len();
    words.extend(
        [model, block.length]
            .into_iter()
            .chain(filling(block.length)),
    );
    words.extend([END_OF_CHAIN, 0]);
    for point in &block.points {
        let (Some(scale), Some(power)) = (point.scale_register, point.encode_scale()) else {
            continue;
        };
        if let Some(word) = words.get_mut(start + usize::from(scale.span.address)) {
            *word = power;
        }
    }
    let span = Span {
        table: plan.table,
        address: *base,
        count: 2,
    };
    image.put(span, &words);
    let mut walk = SunSpecWalk::new(plan.clone());
    let mut answer = None;
    loop {
        match walk.next(answer.as_deref()) {
            Step::Read(span) => answer = image.read(span),
            Step::Found(registers) => return registers,
            Step::NotFound(_) => return Vec::new(),
        }
    }
}
