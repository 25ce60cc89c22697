//! Registers: classes 3, 4 and 5.

use super::fault::CosemFault;
use super::number::ScalerUnit;
use super::text::data_text;
use super::time::CosemTime;
use crate::catalogue::dlms::{DlmsRegister, RegisterClass};
use dlms::codec::{AccessResult, Data, Outcome};
use metering::{Obis, Quantity};

/// The average of a demand register that runs now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemandPeriod {
    /// The average so far.
    pub running: Option<Quantity>,
    /// When it began.
    pub began: Option<CosemTime>,
    /// Seconds of a period.
    pub seconds: Option<u32>,
    /// Periods that the window slides over; 1 is a fixed one.
    pub periods: Option<u16>,
}

/// A register, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterReading {
    /// What it is.
    pub obis: Obis,
    /// Its value; of a demand register that of the last whole period. None where it is no number,
    /// or its unit is not known here.
    pub quantity: Option<Quantity>,
    /// As the meter sends it.
    pub text: String,
    /// The meter's code of its unit.
    pub unit_code: u8,
    /// When the value came about, where the register says so.
    pub at: Option<CosemTime>,
    /// Its status, as the meter sends it.
    pub status: Option<String>,
    /// The period that runs, of a demand register.
    pub period: Option<DemandPeriod>,
}

/// What was read of a register, or why nothing was: the outcomes are those of
/// [`RegisterClass::value_attributes`], in that order. A part that the meter refuses or that makes
/// no sense is left out; without the value there is no reading.
pub fn read_register(
    register: &DlmsRegister,
    scaler: ScalerUnit,
    outcomes: &[Outcome],
) -> Result<Result<RegisterReading, AccessResult>, CosemFault> {
    let numbers = register.class.value_attributes();
    let part = |number: i8| {
        let place = numbers.iter().position(|known| *known == number)?;
        outcomes.get(place)
    };
    let given = |number: i8| part(number).and_then(|outcome| outcome.as_ref().ok());
    let value_at = match register.class {
        RegisterClass::Register | RegisterClass::Extended => 2,
        RegisterClass::Demand => 3,
    };
    let value = match part(value_at) {
        Some(Ok(value)) => value,
        Some(Err(result)) => return Ok(Err(*result)),
        None => {
            return Err(CosemFault::Form {
                part: "the value",
                found: "no answer".to_owned(),
                wanted: "value",
            });
        }
    };
    if value.items().is_some() {
        return Err(CosemFault::Form {
            part: "the value",
            found: data_text(value),
            wanted: "single value",
        });
    }
    let time = |number| given(number).and_then(|data| CosemTime::of(data, "the time").ok());
    let small = |number| given(number).and_then(Data::integer);
    let (at, status, period) = match register.class {
        RegisterClass::Register => (None, None, None),
        RegisterClass::Extended => (time(5), given(4), None),
        RegisterClass::Demand => {
            let period = DemandPeriod {
                running: given(2).and_then(|data| scaler.quantity(data)),
                began: time(7),
                seconds: small(8).and_then(|number| u32::try_from(number).ok()),
                periods: small(9).and_then(|number| u16::try_from(number).ok()),
            };
            (time(6), given(5), Some(period))
        }
    };
    Ok(Ok(RegisterReading {
        obis: register.code(),
        quantity: scaler.quantity(value),
        text: data_text(value),
        unit_code: scaler.code,
        at,
        status: status.filter(|data| **data != Data::Null).map(data_text),
        period,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    const WATT: ScalerUnit = ScalerUnit {
        exponent: 0,
        code: 27,
    };
    const AT: [u8; 12] = [0x07, 0xea, 6, 1, 1, 12, 15, 0, 0, 0xff, 0x88, 0x80];

    fn register(class: RegisterClass) -> DlmsRegister {
        let text = include_str!("../../../../../config/meter-models/dlms-generic.toml");
        let catalogue = Catalogue::parse(&[("dlms-generic.toml", text)]).unwrap();
        let model = catalogue.dlms_model("dlms-generic").unwrap();
        let mut registers = model.registers.iter();
        registers
            .find(|register| register.class == class)
            .unwrap()
            .clone()
    }

    fn read(class: RegisterClass, outcomes: &[Outcome]) -> RegisterReading {
        read_register(&register(class), WATT, outcomes)
            .unwrap()
            .unwrap()
    }

    fn shown(quantity: Option<Quantity>) -> Option<String> {
        quantity.map(|quantity| quantity.to_string())
    }

    #[test]
    fn a_maximum_has_the_time_at_which_it_came_about() {
        let outcomes = [
            Ok(Data::DoubleLongUnsigned(4200)),
            Ok(Data::Unsigned(0)),
            Ok(Data::OctetString(AT.to_vec())),
        ];
        let read = read(RegisterClass::Extended, &outcomes);
        assert_eq!(read.obis.to_string(), "1-0:1.6.0");
        assert_eq!(shown(read.quantity).as_deref(), Some("4.200 kW"));
        assert_eq!(read.at.unwrap().shown.to_string(), "2026-06-01 12:15:00");
        assert_eq!(read.status.as_deref(), Some("0"));
    }

    #[test]
    fn a_demand_register_has_the_last_period_and_the_one_that_runs() {
        let outcomes = [
            Ok(Data::DoubleLongUnsigned(100)),
            Ok(Data::DoubleLongUnsigned(900)),
            Ok(Data::Null),
            Ok(Data::OctetString(AT.to_vec())),
            Err(AccessResult::ReadWriteDenied),
            Ok(Data::DoubleLongUnsigned(900)),
            Ok(Data::LongUnsigned(1)),
        ];
        let read = read(RegisterClass::Demand, &outcomes);
        assert_eq!(shown(read.quantity).as_deref(), Some("0.900 kW"));
        let period = read.period.unwrap();
        assert_eq!(shown(period.running).as_deref(), Some("0.100 kW"));
        assert_eq!(
            (period.seconds, period.periods, period.began),
            (Some(900), Some(1), None)
        );
        assert_eq!(read.status, None);
    }

    #[test]
    fn a_value_that_is_refused_or_no_value_is_no_reading() {
        let register = register(RegisterClass::Register);
        let refused = read_register(&register, WATT, &[Err(AccessResult::ObjectUndefined)]);
        assert_eq!(refused, Ok(Err(AccessResult::ObjectUndefined)));
        assert!(read_register(&register, WATT, &[]).is_err());
        assert!(read_register(&register, WATT, &[Ok(Data::Array(Vec::new()))]).is_err());
        let text = read(
            RegisterClass::Register,
            &[Ok(Data::VisibleString(b"off".to_vec()))],
        );
        assert_eq!((text.quantity, text.text.as_str()), (None, "off"));
    }
}
