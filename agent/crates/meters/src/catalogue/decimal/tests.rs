use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(value: f32, places: u8, expected: Option<(i64, bool)>) {
    let binary = Binary::from_bits(u64::from(value.to_bits()), FloatFormat::Single);
    let found = binary.and_then(|binary| binary.to_decimal(places));
    assert_eq!(
        found.map(|r| (r.digits, r.coarse)),
        expected,
        "{value} to {places} places"
    );
}

#[test]
fn floats_become_the_decimal_next_to_them() {
    check(0.0, 2, Some((0, false)));
    check(-0.0, 2, Some((0, false)));
    check(230.1, 1, Some((2301, false)));
    check(-1.5, 2, Some((-150, false)));
    check(1234.56, 2, Some((123_456, false)));
    check(f32::from_bits(1), 9, Some((0, false)));
}

#[test]
fn ties_go_to_the_even_digit() {
    check(0.125, 2, Some((12, false)));
    check(0.375, 2, Some((38, false)));
    check(2.5, 0, Some((2, false)));
    check(-3.5, 0, Some((-4, false)));
}

#[test]
fn a_large_float_says_that_it_is_coarse() {
    check(131_071.99, 2, Some((13_107_199, false)));
    check(131_072.0, 2, Some((13_107_200, true)));
    check(8_388_608.0, 0, Some((8_388_608, false)));
    check(16_777_215.0, 0, Some((16_777_215, false)));
    check(16_777_216.0, 0, Some((16_777_216, true)));
}

#[test]
fn what_is_no_number_stays_none() {
    check(f32::NAN, 2, None);
    check(f32::INFINITY, 2, None);
    check(f32::NEG_INFINITY, 2, None);
    check(f32::MAX, 0, None);
    check(1e19, 0, None);
    let schneider = FloatFormat::Single.not_a_number();
    assert_eq!(Binary::from_bits(schneider, FloatFormat::Single), None);
    let double = FloatFormat::Double.not_a_number();
    assert_eq!(Binary::from_bits(double, FloatFormat::Double), None);
}

#[test]
fn doubles_keep_fifteen_digits() {
    let bits = 123_456_789_012.345_f64.to_bits();
    let binary = Binary::from_bits(bits, FloatFormat::Double).unwrap();
    let expected = Rounded {
        digits: 123_456_789_012_345,
        coarse: false,
    };
    assert_eq!(binary.to_decimal(3), Some(expected));
}

proptest! {
    #[test]
    fn any_float_agrees_with_the_standard_library(bits: u32, places in 0_u8..=9) {
        let value = f32::from_bits(bits);
        let Some(binary) = Binary::from_bits(u64::from(bits), FloatFormat::Single) else {
            prop_assert!(!value.is_finite());
            return Ok(());
        };
        // The library formats the exact binary value, half to even, so it is a fair witness.
        let text = format!("{value:.0$}", usize::from(places)).replace('.', "");
        let witness = text.parse::<i64>().ok();
        prop_assert_eq!(binary.to_decimal(places).map(|r| r.digits), witness);
    }

    #[test]
    fn the_nearest_single_is_found(digits: i64, places in 0_u8..=9) {
        let text = metering::decimal_text(digits, -places.cast_signed());
        let witness: f32 = text.parse().unwrap();
        prop_assert_eq!(float_bits(digits, places, FloatFormat::Single), u64::from(witness.to_bits()));
    }

    #[test]
    fn the_nearest_double_is_found(digits: i64, places in 0_u8..=9) {
        let text = metering::decimal_text(digits, -places.cast_signed());
        let witness: f64 = text.parse().unwrap();
        prop_assert_eq!(float_bits(digits, places, FloatFormat::Double), witness.to_bits());
    }

    #[test]
    fn there_and_back_is_the_same_unless_coarse(digits in -9_999_999_999_i64..=9_999_999_999, places in 0_u8..=9) {
        for format in [FloatFormat::Single, FloatFormat::Double] {
            let bits = float_bits(digits, places, format);
            let found = Binary::from_bits(bits, format).unwrap().to_decimal(places).unwrap();
            prop_assert!(found.coarse || found.digits == digits);
        }
    }
}
