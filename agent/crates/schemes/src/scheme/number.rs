//! Whole numbers in their range.

use super::form::{Atom, Value, Wrong, kind, wrong};
use serde_json::Value as Json;
use std::ops::RangeInclusive;
use toml::de::DeValue;

/// A number of minutes in a list.
const MINUTES: RangeInclusive<u32> = 1..=1440;

impl Atom for u16 {
    fn read(from: &DeValue<'_>) -> Result<Self, Wrong> {
        number(from, &MINUTES)
    }

    fn literal(&self) -> String {
        self.to_string()
    }

    fn schema() -> Json {
        number_schema(&MINUTES)
    }
}

impl<T: Atom> Value for Option<Vec<T>> {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong> {
        self.insert(Vec::new()).read(from)
    }

    fn literal(&self) -> Option<String> {
        let list = self.as_ref()?;
        Some(list.literal().unwrap_or_else(|| "[]".to_owned()))
    }

    fn schema(&self) -> Json {
        Vec::<T>::new().schema()
    }
}

/// A whole number in its range, always written.
pub(super) struct Within<'a, T>(pub(super) &'a mut T, pub(super) RangeInclusive<u32>);

/// A whole number in its range, or none.
pub(super) struct MayWithin<'a, T>(pub(super) &'a mut Option<T>, pub(super) RangeInclusive<u32>);

fn number<T: TryFrom<u32>>(from: &DeValue<'_>, range: &RangeInclusive<u32>) -> Result<T, Wrong> {
    let remedy = format!(
        "use a whole number from {} to {}",
        range.start(),
        range.end()
    );
    let DeValue::Integer(digits) = from else {
        return wrong(format!("is no whole number but {}", kind(from)), remedy);
    };
    let number = u32::from_str_radix(digits.as_str(), digits.radix()).ok();
    let fitting = number.filter(|number| range.contains(number));
    match fitting.and_then(|number| T::try_from(number).ok()) {
        Some(number) => Ok(number),
        None => wrong(
            format!(
                "{} is out of range",
                crate::complaint::shown(digits.as_str())
            ),
            remedy,
        ),
    }
}

fn number_schema(range: &RangeInclusive<u32>) -> Json {
    serde_json::json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
}

impl<T: TryFrom<u32> + ToString> Value for Within<'_, T> {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong> {
        *self.0 = number(from, &self.1)?;
        Ok(())
    }

    fn literal(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn schema(&self) -> Json {
        number_schema(&self.1)
    }
}

impl<T: TryFrom<u32> + ToString> Value for MayWithin<'_, T> {
    fn read(&mut self, from: &DeValue<'_>) -> Result<(), Wrong> {
        *self.0 = Some(number(from, &self.1)?);
        Ok(())
    }

    fn literal(&self) -> Option<String> {
        self.0.as_ref().map(ToString::to_string)
    }

    fn schema(&self) -> Json {
        number_schema(&self.1)
    }
}
