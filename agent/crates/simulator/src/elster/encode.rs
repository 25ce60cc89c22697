//! How values are laid out in octets; the meter's own code, on purpose not that of the gateway.

use super::civil::Civil;
use super::energy::MilliSeconds;

/// Packed decimal digits, least significant octet first; higher digits are cut off.
pub(super) fn bcd_low_first(value: u128, octets: usize) -> Vec<u8> {
    let mut rest = value;
    (0..octets)
        .map(|_| {
            let pair = rest % 100;
            rest /= 100;
            bcd(pair)
        })
        .collect()
}

/// The same, most significant octet first.
pub(super) fn bcd_high_first(value: u128, octets: usize) -> Vec<u8> {
    let mut digits = bcd_low_first(value, octets);
    digits.reverse();
    digits
}

/// The two lowest digits.
pub(super) fn bcd(value: u128) -> u8 {
    let pair = u8::try_from(value % 100).unwrap_or(0);
    pair / 10 * 16 + pair % 10
}

/// A small number that is known not to be negative.
pub(super) fn bcd_of(value: i64) -> u8 {
    bcd(u128::from(value.unsigned_abs()))
}

/// The number of two decimal digits.
pub(super) fn of_bcd(octet: u8) -> Option<i64> {
    let (high, low) = (octet >> 4, octet & 0x0f);
    (high < 10 && low < 10).then(|| i64::from(high) * 10 + i64::from(low))
}

/// Four octets of seconds, low octet first.
pub(super) fn time(local: i64) -> [u8; 4] {
    word(local).to_le_bytes()
}

/// The same, high octet first, as some logs of an AS230 have it.
pub(super) fn time_high_first(local: i64) -> [u8; 4] {
    word(local).to_be_bytes()
}

fn word(local: i64) -> u32 {
    u32::try_from(local.max(0)).unwrap_or(u32::MAX)
}

/// A counter of two octets; it rolls over.
pub(super) fn count(number: usize) -> [u8; 2] {
    let number = u16::try_from(number % 0x1_0000).unwrap_or(0);
    number.to_le_bytes()
}

/// What a register of eight octets shows of a total.
pub(super) fn energy(total: MilliSeconds) -> Vec<u8> {
    bcd_low_first(total / 3600, 8)
}

/// The average demand of so much energy over a nominal period, in the register's last digit.
pub(super) fn demand(energy: MilliSeconds, period: i64) -> u128 {
    energy / u128::from(period.unsigned_abs().max(1))
}

/// Three octets of a load profile: five digits of mantissa, one of exponent. What does not fit is
/// cut off.
pub(super) fn profile_value(demand: u128) -> [u8; 3] {
    let (mantissa, exponent) = shown(demand);
    let digits = bcd_high_first(mantissa * 10 + u128::from(exponent), 3);
    <[u8; 3]>::try_from(digits).unwrap_or_default()
}

/// Three octets of a plain number, high octet first; what does not fit is cut off.
pub(super) fn plain_number(demand: u128) -> [u8; 3] {
    let [_, high, middle, low] = u32::try_from(demand % 0x100_0000)
        .unwrap_or(0)
        .to_be_bytes();
    [high, middle, low]
}

/// What the three octets say.
pub(super) fn profile_shows(demand: u128) -> u128 {
    let (mantissa, exponent) = shown(demand);
    mantissa * 10_u128.pow(exponent)
}

fn shown(demand: u128) -> (u128, u32) {
    let (mut mantissa, mut exponent) = (demand, 0);
    while exponent < 9 && (mantissa > 99_999 || mantissa > 0 && mantissa.is_multiple_of(10)) {
        mantissa /= 10;
        exponent += 1;
    }
    (mantissa.min(99_999), exponent)
}

/// Text in so many octets, filled up with spaces.
pub(super) fn text(text: &str, octets: usize) -> Vec<u8> {
    let letters = text.bytes().chain(std::iter::repeat(b' '));
    letters.take(octets).collect()
}

/// The seven octets of the clock. The weekday stands above the month, the year modulo four above
/// the day, as a common clock chip packs them.
pub(super) fn clock(local: i64) -> Vec<u8> {
    let date = Civil::of(local);
    let year_bits = u8::try_from(date.year.rem_euclid(4)).unwrap_or(0) << 6;
    let weekday_bits = u8::try_from(date.weekday()).unwrap_or(0) << 5;
    vec![
        bcd_of(date.second),
        bcd_of(date.minute),
        bcd_of(date.hour),
        bcd_of(date.day) | year_bits,
        bcd_of(date.month) | weekday_bits,
        0,
        bcd_of(date.year.rem_euclid(100)),
    ]
}

/// The local time that seven octets of a clock say, with and without what stands above day and
/// month.
pub(super) fn clock_says(octets: &[u8]) -> Option<i64> {
    let &[second, minute, hour, day, month, _, year] = octets else {
        return None;
    };
    let year = of_bcd(year)?;
    let date = Civil {
        year: if year == 99 { 1999 } else { 2000 + year },
        month: of_bcd(month & 0x1f)?,
        day: of_bcd(day & 0x3f)?,
        hour: of_bcd(hour)?,
        minute: of_bcd(minute)?,
        second: of_bcd(second)?,
    };
    // A date that the calendar has not does not come back.
    (Civil::of(date.seconds()) == date).then(|| date.seconds())
}

#[cfg(test)]
mod tests {
    use iec62056_21::codec::hex_of;

    use super::*;

    #[track_caller]
    fn check(octets: &[u8], expected: &str) {
        assert_eq!(hex_of(octets), expected);
    }

    #[test]
    fn values_are_laid_out_as_our_sources_say() {
        check(&energy(1_234_567_890_123 * 3600 + 3599), "2301896745230100");
        check(&profile_value(1_234_000), "012343");
        check(&profile_value(1_256_000), "012563");
        check(&profile_value(1), "000010");
        check(&profile_value(0), "000000");
        check(&profile_value(412_000), "004123");
        check(&profile_value(123_456_789), "123454");
        check(&profile_value(99_999_999_999_999_999), "999999");
        check(&bcd_high_first(2305, 3), "002305");
        check(&time(1_735_689_600), "80857467");
        check(&count(65_537), "0100");
        check(&text("AB", 4), "41422020");
        assert_eq!(profile_shows(123_456_789), 123_450_000);
        assert_eq!(demand(1_800 * 3_600, 1_800), 3600);
    }

    #[test]
    fn a_clock_is_read_with_and_without_its_bits() {
        let local = Civil::date(2026, 5, 3).at(12, 30).seconds();
        check(&clock(local), "00301283C50026");
        assert_eq!(clock_says(&clock(local)), Some(local));
        assert_eq!(clock_says(&[0, 0x30, 0x12, 3, 5, 0, 0x26]), Some(local));
        for wrong in [
            [0, 0x60, 0x12, 3, 5, 0, 0x26],
            [0, 0x30, 0x12, 0x31, 4, 0, 0x26],
            [0, 0x30, 0x12, 3, 0, 0, 0x26],
            [0, 0x3a, 0x12, 3, 5, 0, 0x26],
        ] {
            assert_eq!(clock_says(&wrong), None, "{wrong:02x?}");
        }
    }
}
