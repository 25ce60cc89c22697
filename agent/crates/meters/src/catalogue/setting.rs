//! What can be written to a Modbus meter: one setting, where it lies and what it may be.

use super::encoding::{Layout, Number};
use super::model::Fact;
use super::phase::{Phase, SettingWhat};
use crate::catalogue::decimal::float_bits;
use crate::modbus::WriteFunction;
use std::fmt;

/// Where a setting lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SettingPlace {
    /// Holding registers, as on the wire.
    Registers {
        /// The first.
        address: u16,
        /// How many.
        count: u16,
    },
    /// One coil.
    Coil {
        /// Which.
        address: u16,
    },
}

impl SettingPlace {
    /// First and last address, each table for itself.
    pub(super) fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (
                Self::Registers { address, count },
                Self::Registers {
                    address: from,
                    count: others,
                },
            ) => {
                let end = |first: u16, count: u16| u32::from(first) + u32::from(count);
                u32::from(address) < end(from, others) && u32::from(from) < end(address, count)
            }
            (Self::Coil { address }, Self::Coil { address: other }) => address == other,
            _ => false,
        }
    }
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registers { address, count } => write!(f, "holding 0x{address:04X}+{count}"),
            Self::Coil { address } => write!(f, "coil 0x{address:04X}"),
        }
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingForm {
    /// A number: its layout, and the power of ten by which a whole number is multiplied.
    Number {
        /// Kind of number and its orders.
        layout: Layout,
        /// Power of ten of one step of the registers.
        scale: i8,
    },
    /// A table that nobody takes apart here: words as they are.
    Words,
    /// On or off.
    Switch,
}

/// A value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SettingValue {
    /// A number, in steps of the setting's last decimal.
    Number(i64),
    /// Registers as they are.
    Words(Vec<u16>),
    /// On or off.
    Switch(bool),
}

/// Why a value is none of a setting's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    /// Another kind of value.
    #[error("{setting}: `{value}` is not of its kind; {remedy}")]
    Kind {
        /// The setting.
        setting: String,
        /// What was given.
        value: String,
        /// What to give.
        remedy: &'static str,
    },
    /// The meter does not take it.
    #[error("{setting}: {value} is not among what the meter takes; use {takes}")]
    Range {
        /// The setting.
        setting: String,
        /// What was given.
        value: String,
        /// What it takes.
        takes: String,
    },
    /// The registers cannot hold it.
    #[error("{setting}: {value} does not fit its registers; use a smaller or rounder value")]
    Form {
        /// The setting.
        setting: String,
        /// What was given.
        value: String,
    },
}

/// A value that goes along with a write, and is not part of what the meter keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poke {
    /// Where it is written.
    pub place: SettingPlace,
    /// With which function.
    pub function: WriteFunction,
    /// The words; none where it is the meter's password, in this layout.
    pub value: PokeValue,
}

/// What is written with a [`Poke`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PokeValue {
    /// These words; a coil has one, 0 or 1.
    Words(Vec<u16>),
    /// The meter's password, which no file and no record holds.
    Password(Layout),
}

/// Something that can be written to meters of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What people call it; once in a model.
    pub name: String,
    /// What it means to a scheme.
    pub what: SettingWhat,
    /// Where it lies.
    pub place: SettingPlace,
    /// How it is written.
    pub form: SettingForm,
    /// The unit for people, as `min` or `A`.
    pub unit: String,
    /// Decimals of a number.
    pub digits: u8,
    /// Least and greatest number, in steps of the last decimal.
    pub range: Option<(i64, i64)>,
    /// The only numbers that it takes; empty: all of the range.
    pub allowed: Vec<i64>,
    /// With which function it is written.
    pub function: WriteFunction,
    /// When it is written.
    pub phase: Phase,
    /// Whether stored load profiles are lost with it.
    pub clears_profile: bool,
    /// What opens the meter for it.
    pub unlock: Vec<Poke>,
    /// What puts it in force. It does no harm when it is written twice.
    pub apply: Vec<Poke>,
    /// Who says so.
    pub source: String,
    /// How sure.
    pub fact: Fact,
}

impl Setting {
    /// A value in a person's words: `30`, `0.5`, `on`, `0001 00ff`.
    pub fn parse(&self, text: &str) -> Result<SettingValue, SettingFault> {
        let text = text.trim();
        let (value, remedy) = match self.form {
            SettingForm::Number { .. } => (
                parse_decimal(text, self.digits).map(SettingValue::Number),
                "give a number with no more decimals than it has",
            ),
            SettingForm::Switch => (
                match text {
                    "on" | "true" | "1" => Some(SettingValue::Switch(true)),
                    "off" | "false" | "0" => Some(SettingValue::Switch(false)),
                    _ => None,
                },
                "write on or off",
            ),
            SettingForm::Words => (
                text.split_whitespace()
                    .map(|word| u16::from_str_radix(word, 16).ok())
                    .collect::<Option<Vec<u16>>>()
                    .map(SettingValue::Words),
                "give registers of four hexadecimal digits each",
            ),
        };
        let value = value.ok_or_else(|| SettingFault::Kind {
            setting: self.name.clone(),
            value: text.chars().take(60).collect(),
            remedy,
        })?;
        self.must_take(&value)?;
        Ok(value)
    }

    /// Whether the meter takes a value, as far as its file says.
    pub fn must_take(&self, value: &SettingValue) -> Result<(), SettingFault> {
        let takes = match (value, self.form, self.place) {
            (SettingValue::Number(number), SettingForm::Number { .. }, _) => {
                let within = self
                    .range
                    .is_none_or(|(least, most)| (least..=most).contains(number));
                within && (self.allowed.is_empty() || self.allowed.contains(number))
            }
            (
                SettingValue::Words(words),
                SettingForm::Words,
                SettingPlace::Registers { count, .. },
            ) => words.len() == usize::from(count),
            (SettingValue::Switch(_), SettingForm::Switch, _) => true,
            _ => false,
        };
        if takes {
            return Ok(());
        }
        Err(SettingFault::Range {
            setting: self.name.clone(),
            value: self.words_of(value),
            takes: self.takes(),
        })
    }

    /// What it takes, for people.
    pub fn takes(&self) -> String {
        let number = |steps: &i64| decimal_text(*steps, self.digits);
        match (self.form, self.range, self.place) {
            (SettingForm::Switch, ..) => "on or off".to_owned(),
            (SettingForm::Words, _, SettingPlace::Registers { count, .. }) => {
                format!("{count} registers in hexadecimal digits")
            }
            _ if !self.allowed.is_empty() => {
                let list: Vec<String> = self.allowed.iter().map(number).collect();
                format!("{} {}", list.join(", "), self.unit)
            }
            (_, Some((least, most)), _) => {
                format!("{} to {} {}", number(&least), number(&most), self.unit)
            }
            _ => format!("a number in {}", self.unit),
        }
    }

    /// A value with its unit, for people.
    pub fn words_of(&self, value: &SettingValue) -> String {
        match value {
            SettingValue::Number(steps) if self.unit == "1" => decimal_text(*steps, self.digits),
            SettingValue::Number(steps) => {
                format!("{} {}", decimal_text(*steps, self.digits), self.unit)
            }
            SettingValue::Words(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("{word:04x}")).collect();
                words.join(" ")
            }
            SettingValue::Switch(true) => "on".to_owned(),
            SettingValue::Switch(false) => "off".to_owned(),
        }
    }

    /// The registers that hold a value; a coil has one word, 0 or 1.
    pub fn encode(&self, value: &SettingValue) -> Result<Vec<u16>, SettingFault> {
        self.must_take(value)?;
        let words = match (value, self.form) {
            (SettingValue::Words(words), _) => Some(words.clone()),
            (SettingValue::Switch(on), _) => Some(vec![u16::from(*on)]),
            (SettingValue::Number(steps), SettingForm::Number { layout, scale }) => {
                number_words(*steps, self.digits, layout, scale)
            }
            (SettingValue::Number(_), _) => None,
        };
        words.ok_or_else(|| SettingFault::Form {
            setting: self.name.clone(),
            value: self.words_of(value),
        })
    }

    /// What registers hold; none where they hold no number of this form.
    pub fn decode(&self, words: &[u16]) -> Option<SettingValue> {
        match (self.form, words) {
            (SettingForm::Words, _) => Some(SettingValue::Words(words.to_vec())),
            (SettingForm::Switch, [word]) => Some(SettingValue::Switch(*word != 0)),
            (SettingForm::Switch, _) => None,
            (SettingForm::Number { layout, scale }, _) => {
                let bits = layout.bits(words).ok()?;
                let steps = match layout.number(bits).ok()? {
                    Number::None => return None,
                    Number::Binary(binary) => binary.to_decimal(self.digits)?.digits,
                    Number::Decimal { mantissa, .. } => {
                        let power = i16::from(scale) + i16::from(self.digits);
                        scaled(mantissa, power)?
                    }
                };
                Some(SettingValue::Number(steps))
            }
        }
    }
}

/// A password in the registers that open a meter; none where they cannot hold it.
pub fn password_words(password: u32, layout: Layout) -> Option<Vec<u16>> {
    number_words(i64::from(password), 0, layout, 0)
}

pub(super) fn number_words(steps: i64, digits: u8, layout: Layout, scale: i8) -> Option<Vec<u16>> {
    if let Some(format) = layout.encoding.float() {
        return Some(layout.words(float_bits(steps, digits, format)));
    }
    if layout.encoding.carries_exponent() {
        return None;
    }
    let power = i16::from(scale) + i16::from(digits);
    let factor = 10_i64.checked_pow(u32::from(power.unsigned_abs()))?;
    let raw = if power >= 0 {
        (steps % factor == 0).then_some(steps / factor)?
    } else {
        steps.checked_mul(factor)?
    };
    let width = layout.encoding.width();
    let ones = u64::MAX >> (64 - width);
    let fits = if layout.encoding.is_signed() {
        let unused = 64 - width;
        ((raw.cast_unsigned() & ones) << unused).cast_signed() >> unused == raw
    } else {
        raw >= 0 && raw.cast_unsigned() <= ones
    };
    fits.then(|| layout.words(raw.cast_unsigned() & ones))
}

/// `number × 10^power`, where that is a whole number.
fn scaled(number: i64, power: i16) -> Option<i64> {
    let factor = 10_i64.checked_pow(u32::from(power.unsigned_abs()))?;
    if power >= 0 {
        number.checked_mul(factor)
    } else {
        (number % factor == 0).then_some(number / factor)
    }
}

/// A decimal in steps of its last place.
pub(super) fn parse_decimal(text: &str, digits: u8) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > usize::from(digits)
    {
        return None;
    }
    let padded = format!("{whole}{part:0<width$}", width = usize::from(digits));
    let steps: i64 = padded.parse().ok()?;
    Some(if negative { -steps } else { steps })
}

/// The same for people.
pub(super) fn decimal_text(steps: i64, digits: u8) -> String {
    let tens = 10_u64.saturating_pow(u32::from(digits));
    let (whole, part) = (steps.unsigned_abs() / tens, steps.unsigned_abs() % tens);
    let sign = if steps < 0 { "-" } else { "" };
    if digits == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{part:0width$}", width = usize::from(digits))
}

#[cfg(test)]
mod tests;
