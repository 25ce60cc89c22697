//! One value of a model: where it lies, how it is coded, what it is.

use super::decimal::divide_even;
use super::encoding::{Absent, Layout, Number};
use super::fault::DecodeFault;
use super::limits::SCALE_REGISTER_MAX;
use super::model::{Certainty, Fact};
use crate::span::{Span, Table};
use metering::{Obis, Quantity, Unit};
use serde::Deserialize;

/// Whether a value only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A running total (value group D of the OBIS code is 8): a load profile can be made of it.
    Total,
    /// A value of the moment.
    Instant,
}

/// One value of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Which quantity; at most one register of a model has it that is not an alternative.
    pub obis: Obis,
    /// Which table.
    pub table: Table,
    /// First register, as on the wire.
    pub address: u16,
    /// Kind of number and its orders.
    pub layout: Layout,
    /// Whole number by which the raw number is multiplied.
    pub multiplier: u32,
    /// Power of ten by which the raw number is multiplied, before its unit's prefix.
    pub scale: i8,
    /// What is counted, without prefix.
    pub unit: Unit,
    /// Power of ten of the unit's prefix in the maker's list (3 for kWh).
    pub prefix: i8,
    /// Power of ten of every decoded quantity: the scale of the channel made of this register.
    pub exponent: i8,
    /// Patterns that say "not available", beside NaN and infinities.
    pub absent: Vec<Absent>,
    /// Where the meter itself keeps the value's power of ten.
    pub scale_register: Option<ScaleRegister>,
    /// One more than the highest total, in units of `exponent`; unknown for most meters.
    pub rollover: Option<i64>,
    /// Whether the value is read when the configuration names none.
    pub by_default: bool,
    /// A second register for a quantity that another one stands for: never read by default.
    pub alternative: bool,
    /// How sure the file is.
    pub fact: Fact,
}

/// A register with the power of ten of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScaleRegister {
    /// Where it lies; always one register.
    pub span: Span,
    /// How it is coded.
    pub kind: ScaleKind,
}

/// How a scale register is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleKind {
    /// A signed power of ten.
    PowerOfTen,
    /// SunSpec `sunssf`: the same, and 0x8000 says that the value does not exist.
    Sunssf,
}

/// A decoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// The value, in the register's exponent and unit.
    pub quantity: Quantity,
    /// Whether the meter's number format no longer resolves the last digit.
    pub coarse: bool,
}

impl Register {
    /// The registers of the value itself; one answer must hold them all.
    pub fn span(&self) -> Span {
        Span {
            table: self.table,
            address: self.address,
            count: self.layout.encoding.count(),
        }
    }

    /// The value's own registers, then those of its scale.
    pub fn spans(&self) -> Vec<Span> {
        let scale = self.scale_register.map(|register| register.span);
        std::iter::once(self.span()).chain(scale).collect()
    }

    /// Whether the value only grows.
    pub fn kind(&self) -> Kind {
        if self.obis.is_total() {
            Kind::Total
        } else {
            Kind::Instant
        }
    }

    /// How sure the file is of this register.
    pub fn certainty(&self) -> Certainty {
        self.fact.certainty
    }

    /// The value in `words` (exactly those of [`Register::span`]); `None` = the meter has none.
    ///
    /// Whole numbers keep every digit. Floats, Iskra's formats and values with a scale register
    /// are rounded once, half to even, to the register's exponent.
    pub fn decode(
        &self,
        words: &[u16],
        scale_words: Option<&[u16]>,
    ) -> Result<Option<Decoded>, DecodeFault> {
        let bits = self.layout.bits(words)?;
        let width = self.layout.encoding.width();
        if self.absent.iter().any(|absent| absent.bits(width) == bits) {
            return Ok(None);
        }
        let Some(shift) = self.shift(scale_words)? else {
            return Ok(None);
        };
        let rounded = match self.layout.number(bits)? {
            Number::None => return Ok(None),
            Number::Binary(binary) => binary
                .to_decimal(self.places())
                .map(|rounded| (rounded.digits, rounded.coarse)),
            Number::Decimal { mantissa, exponent } => {
                let raw = i128::from(mantissa) * i128::from(self.multiplier);
                let from =
                    i16::from(exponent) + shift + i16::from(self.scale) + i16::from(self.prefix);
                refit(raw, from, self.exponent)
            }
        };
        let (digits, coarse) = rounded.ok_or(DecodeFault::TooLarge)?;
        let (exponent, unit) = (self.exponent, self.unit);
        let quantity = Quantity {
            digits,
            exponent,
            unit,
        };
        Ok(Some(Decoded { quantity, coarse }))
    }

    /// The power of ten in the scale register; 0 without one, `None` where it says "no value".
    fn shift(&self, scale_words: Option<&[u16]>) -> Result<Option<i16>, DecodeFault> {
        let Some(register) = self.scale_register else {
            return Ok(Some(0));
        };
        match scale_words.ok_or(DecodeFault::ScaleMissing)? {
            [word] => register.kind.power(*word),
            words => Err(DecodeFault::WordCount {
                expected: 1,
                found: words.len(),
            }),
        }
    }

    /// Decimals behind the point in the maker's unit.
    pub(super) fn places(&self) -> u8 {
        let places = i16::from(self.prefix) - i16::from(self.exponent);
        u8::try_from(places).unwrap_or_default()
    }
}

impl ScaleKind {
    /// The power of ten in a scale register; `None` = the value does not exist.
    pub(super) fn power(self, word: u16) -> Result<Option<i16>, DecodeFault> {
        let power = word.cast_signed();
        if self == Self::Sunssf && power == i16::MIN {
            return Ok(None);
        }
        let limit = i16::from(SCALE_REGISTER_MAX);
        if (-limit..=limit).contains(&power) {
            Ok(Some(power))
        } else {
            Err(DecodeFault::Scale(power))
        }
    }
}

/// `number × 10^from` in units of `10^to`, and whether its own step was larger than that.
fn refit(number: i128, from: i16, to: i8) -> Option<(i64, bool)> {
    let steps = from - i16::from(to);
    let factor = 10_i128.checked_pow(u32::from(steps.unsigned_abs()));
    if steps >= 0 {
        let scaled = match number {
            0 => 0,
            _ => number.checked_mul(factor?)?,
        };
        return Some((i64::try_from(scaled).ok()?, steps > 0));
    }
    // Beyond 10^38 nothing of a 95-bit number is left.
    let rounded = factor.map_or(0, |factor| {
        divide_even(number.unsigned_abs(), factor.unsigned_abs())
    });
    let magnitude = i64::try_from(rounded).ok()?;
    Some((if number < 0 { -magnitude } else { magnitude }, false))
}

#[cfg(test)]
mod tests;
