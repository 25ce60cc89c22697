//! Numbers with their scaler and unit.

use super::fault::CosemFault;
use super::text::data_text;
use crate::catalogue::decimal::{Binary, FloatFormat};
use dlms::codec::Data;
use metering::{Quantity, Unit};

/// Decimals that are kept of a float.
const FLOAT_PLACES: u8 = 3;
/// The code of a pure number.
const COUNT: u8 = 255;

/// The power of ten and the unit of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScalerUnit {
    /// The power of ten.
    pub exponent: i8,
    /// The code of the unit, as the standard lists them.
    pub code: u8,
}

/// A number as the meter sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) digits: i64,
    /// Below zero for a float.
    pub(super) exponent: i8,
    /// The float's own step is larger than its last digit.
    pub(super) is_coarse: bool,
}

impl ScalerUnit {
    /// A pure number.
    pub const COUNT: Self = Self {
        exponent: 0,
        code: COUNT,
    };

    /// From the attribute that holds it.
    pub fn of(data: &Data) -> Result<Self, CosemFault> {
        let parts = match data.items() {
            Some([exponent, code]) => (exponent.integer(), code.integer()),
            _ => (None, None),
        };
        let read = match parts {
            (Some(exponent), Some(code)) => {
                i8::try_from(exponent).ok().zip(u8::try_from(code).ok())
            }
            _ => None,
        };
        let (exponent, code) = read.ok_or_else(|| CosemFault::Form {
            part: "scaler and unit",
            found: data_text(data),
            wanted: "power of ten and code of a unit",
        })?;
        Ok(Self { exponent, code })
    }

    /// Its unit, if this product knows it.
    pub fn unit(self) -> Option<Unit> {
        Unit::from_code(self.code)
    }

    /// A number in its unit: none where the number or the unit is not known, or the power of ten
    /// is beyond any meter.
    pub fn quantity(self, data: &Data) -> Option<Quantity> {
        let number = Number::of(data)?;
        Some(Quantity {
            digits: number.digits,
            exponent: self.exponent.checked_add(number.exponent)?,
            unit: self.unit()?,
        })
    }
}

impl Number {
    /// Integers as they are, floats to a thousandth.
    pub(super) fn of(data: &Data) -> Option<Self> {
        let float = |bits, format| {
            let rounded = Binary::from_bits(bits, format)?.to_decimal(FLOAT_PLACES)?;
            Some(Self {
                digits: rounded.digits,
                exponent: -i8::try_from(FLOAT_PLACES).ok()?,
                is_coarse: rounded.coarse,
            })
        };
        match data {
            Data::Float32(value) => float(value.to_bits().into(), FloatFormat::Single),
            Data::Float64(value) => float(value.to_bits(), FloatFormat::Double),
            other => Some(Self {
                digits: i64::try_from(other.integer()?).ok()?,
                exponent: 0,
                is_coarse: false,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaler(exponent: i8, code: u8) -> ScalerUnit {
        let data = Data::Structure(vec![Data::Integer(exponent), Data::Enum(code)]);
        ScalerUnit::of(&data).unwrap()
    }

    #[track_caller]
    fn check(scaler: ScalerUnit, data: &Data, expected: Option<&str>) {
        let found = scaler.quantity(data);
        let told = found.map(|quantity| quantity.to_string());
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn a_number_has_the_scaler_and_the_unit_that_the_meter_says() {
        check(
            scaler(1, 30),
            &Data::DoubleLongUnsigned(12_345_678),
            Some("123456.78 kWh"),
        );
        check(scaler(-1, 35), &Data::LongUnsigned(2304), Some("230.4 V"));
        check(
            scaler(-3, 27),
            &Data::DoubleLong(-1500),
            Some("-0.001500 kW"),
        );
        check(scaler(0, 255), &Data::Unsigned(7), Some("7"));
        check(scaler(0, 44), &Data::Float32(49.987), Some("49.987 Hz"));
    }

    #[test]
    fn what_is_no_number_or_has_no_unit_of_ours_is_no_quantity() {
        check(scaler(0, 30), &Data::Null, None);
        check(scaler(0, 30), &Data::OctetString(vec![1]), None);
        check(scaler(0, 30), &Data::Long64Unsigned(u64::MAX), None);
        check(scaler(0, 30), &Data::Float64(f64::NAN), None);
        check(scaler(0, 13), &Data::Unsigned(1), None);
        check(scaler(i8::MIN, 44), &Data::Float32(1.0), None);
    }

    #[test]
    fn a_scaler_of_another_form_is_refused() {
        for data in [
            Data::Null,
            Data::Structure(vec![Data::Integer(0)]),
            Data::Structure(vec![Data::Long(300), Data::Enum(30)]),
        ] {
            assert!(ScalerUnit::of(&data).is_err(), "{data:?}");
        }
        let words = "scaler and unit is `nothing`, which is no power of ten and code of a unit; \
                     compare the class in the model file";
        assert_eq!(ScalerUnit::of(&Data::Null).unwrap_err().to_string(), words);
    }
}
