use super::*;
use crate::catalogue::encoding::{Encoding, Order};
use crate::catalogue::fault::EncodeFault;
use crate::catalogue::fuzz_decode;
use proptest::prelude::*;

/// A register in kWh with two decimals, or as the encoding has it.
fn register(encoding: Encoding) -> Register {
    Register {
        obis: "1-0:1.8.0".parse().unwrap(),
        table: Table::Holding,
        address: 0x5000,
        layout: Layout {
            encoding,
            words: Order::HighFirst,
            bytes: Order::HighFirst,
        },
        multiplier: 1,
        scale: if encoding.is_integer() { -2 } else { 0 },
        unit: Unit::WattHour,
        prefix: 3,
        exponent: 1,
        absent: Vec::new(),
        scale_register: None,
        rollover: None,
        by_default: true,
        alternative: false,
        fact: Fact {
            certainty: Certainty::Documented,
            remark: None,
        },
    }
}

fn scaled(encoding: Encoding) -> Register {
    let span = Span {
        table: Table::Holding,
        address: 0x5100,
        count: 1,
    };
    let kind = ScaleKind::Sunssf;
    Register {
        scale: 0,
        scale_register: Some(ScaleRegister { span, kind }),
        ..register(encoding)
    }
}

/// `expected`: the value as shown, `-` for not available, or the fault.
#[track_caller]
fn check(register: &Register, words: &[u16], scale: Option<u16>, expected: &str) {
    let scale = scale.map(|word| [word]);
    let found = register.decode(words, scale.as_ref().map(<[u16; 1]>::as_slice));
    let shown = match found {
        Ok(None) => "-".to_owned(),
        Ok(Some(Decoded { quantity, coarse })) if coarse => format!("{quantity} coarse"),
        Ok(Some(Decoded { quantity, .. })) => quantity.to_string(),
        Err(fault) => fault.to_string(),
    };
    assert_eq!(shown, expected);
}

#[test]
fn whole_numbers_keep_every_digit() {
    check(
        &register(Encoding::U64),
        &[0, 0, 1, 57_921],
        None,
        "1234.57 kWh",
    );
    check(
        &register(Encoding::I32),
        &[0xFFFF, 0xFFFE],
        None,
        "-0.02 kWh",
    );
    let highest = [0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF];
    check(
        &register(Encoding::U64),
        &highest,
        None,
        "92233720368547758.07 kWh",
    );
    let beyond =
        "the number is beyond any meter's range; check encoding and order in the model file";
    check(&register(Encoding::U64), &[0x8000, 0, 0, 0], None, beyond);
}

#[test]
fn a_multiplier_is_exact() {
    let by_five = Register {
        multiplier: 5,
        ..register(Encoding::U16)
    };
    check(&by_five, &[3], None, "0.15 kWh");
    let quantity = |digits| Quantity {
        digits,
        exponent: 1,
        unit: Unit::WattHour,
    };
    assert_eq!(by_five.encode(Some(quantity(15))), Ok(vec![3]));
    assert_eq!(
        by_five.encode(Some(quantity(16))),
        Err(EncodeFault::TooFine)
    );
}

#[test]
fn patterns_for_not_available_never_become_numbers() {
    let with = |encoding, absent: &[Absent]| Register {
        absent: absent.to_vec(),
        ..register(encoding)
    };
    check(
        &with(Encoding::U32, &[Absent::AllOnes]),
        &[0xFFFF, 0xFFFF],
        None,
        "-",
    );
    check(
        &with(Encoding::I32, &[Absent::Highest]),
        &[0x7FFF, 0xFFFF],
        None,
        "-",
    );
    check(
        &with(Encoding::I32, &[Absent::Lowest]),
        &[0x8000, 0],
        None,
        "-",
    );
    check(
        &with(Encoding::U32, &[Absent::Zero, Absent::AllOnes]),
        &[0, 0],
        None,
        "-",
    );
    check(
        &with(Encoding::U32, &[Absent::AllOnes]),
        &[0xFFFF, 0xFFFE],
        None,
        "42949672.94 kWh",
    );
    check(&register(Encoding::F32), &[0xFFC0, 0], None, "-");
    check(&register(Encoding::F32), &[0x7F80, 0], None, "-");
    check(&register(Encoding::F64), &[0xFFF0, 0, 0, 0], None, "-");
}

#[test]
fn floats_are_rounded_once_and_say_when_they_are_coarse() {
    // 1234.56 and 131072.015625 in binary.
    check(
        &register(Encoding::F32),
        &[0x449A, 0x51EC],
        None,
        "1234.56 kWh",
    );
    check(
        &register(Encoding::F32),
        &[0x4800, 0x0001],
        None,
        "131072.02 kWh coarse",
    );
}

#[test]
fn a_scale_register_moves_the_point() {
    let value = scaled(Encoding::I32);
    check(&value, &[0, 1234], Some(0), "1234.00 kWh coarse");
    check(&value, &[0, 1234], Some(0xFFFE), "12.34 kWh");
    check(&value, &[0, 1234], Some(0xFFFD), "1.23 kWh");
    check(&value, &[0xFFFF, 0xFB2E], Some(0xFFFD), "-1.23 kWh");
    check(&value, &[0, 1234], Some(0x8000), "-");
    let missing = "the value's scale register is missing; read it together with the value";
    check(&value, &[0, 1234], None, missing);
    let wild = "11 is no power of ten for a scale register (-10 to 10); check the model file";
    check(&value, &[0, 1234], Some(11), wild);
    assert_eq!(value.spans().len(), 2);
}

#[test]
fn iskra_values_bring_their_own_power_of_ten() {
    check(&register(Encoding::T5), &[0xFE00, 1234], None, "12.34 kWh");
    check(
        &register(Encoding::T5),
        &[0x0200, 12],
        None,
        "1200.00 kWh coarse",
    );
    check(
        &register(Encoding::T6),
        &[0xFEFF, 0xFFFE],
        None,
        "-0.02 kWh",
    );
    check(&register(Encoding::T5), &[0x8000, 12], None, "0.00 kWh");
}

#[test]
fn an_answer_of_another_length_is_refused() {
    let fault = "3 registers for a value of 2; read exactly the value's own span";
    check(&register(Encoding::F32), &[1, 2, 3], None, fault);
    assert!(scaled(Encoding::U16).decode(&[1], Some(&[1, 2])).is_err());
}

#[test]
fn a_meter_cannot_send_what_does_not_fit() {
    let quantity = |digits, exponent, unit| {
        Some(Quantity {
            digits,
            exponent,
            unit,
        })
    };
    let narrow = register(Encoding::U16);
    let encode = |value| narrow.encode(value).unwrap_err();
    assert_eq!(
        encode(quantity(65_536, 1, Unit::WattHour)),
        EncodeFault::OutOfRange
    );
    assert_eq!(
        encode(quantity(-1, 1, Unit::WattHour)),
        EncodeFault::OutOfRange
    );
    assert_eq!(encode(quantity(1, 0, Unit::WattHour)), EncodeFault::TooFine);
    assert_eq!(encode(quantity(1, 1, Unit::Watt)), EncodeFault::OtherUnit);
    assert_eq!(encode(None), EncodeFault::NoPattern);
    let odd = Register {
        absent: vec![Absent::AllOnes],
        ..register(Encoding::U16)
    };
    assert_eq!(
        odd.encode(quantity(65_535, 1, Unit::WattHour)),
        Err(EncodeFault::Reserved)
    );
    assert_eq!(odd.encode(None), Ok(vec![0xFFFF]));
}

#[test]
fn a_large_iskra_number_loses_its_last_digits() {
    let register = register(Encoding::T5);
    let total = Quantity {
        digits: 123_456_789,
        exponent: 1,
        unit: Unit::WattHour,
    };
    let words = register.encode(Some(total)).unwrap();
    check(&register, &words, None, "1234567.90 kWh coarse");
}

proptest! {
    #[test]
    fn any_registers_keep_the_promise(data in prop::collection::vec(any::<u8>(), 0..20)) {
        fuzz_decode(&data);
    }
}
