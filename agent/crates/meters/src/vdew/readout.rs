//! Values of a readout, or of single data sets.

use iec62056_21::codec::DataLines;
use metering::{Obis, Quantity, Unit};

/// Digits of a value beyond which an `i64` may not hold it.
const DIGITS_MAX: usize = 18;

/// One data set with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VdewReading {
    /// Its address, as the meter writes it.
    pub address: String,
    /// What it is, where the address is an OBIS code. A number behind `*` or `&` is value group F.
    pub obis: Option<Obis>,
    /// Its value, as the meter writes it.
    pub text: String,
    /// Its value, where it is a number with a unit that this product knows.
    pub quantity: Option<Quantity>,
    /// Further data sets behind it without an address: the time of a maximum, as a rule.
    pub further: Vec<String>,
}

/// The readings of data lines. `prefix` stands for value groups A and B where an address has none.
pub fn readings(lines: &DataLines<'_>, prefix: [u8; 2]) -> Vec<VdewReading> {
    let mut found: Vec<VdewReading> = Vec::new();
    for line in lines.lines() {
        let mut is_first = true;
        for set in line.sets() {
            if set.address().is_empty() {
                // Of another line it would not be sure whose it is.
                if let Some(last) = found.last_mut().filter(|_| !is_first) {
                    last.further.push(set.value().to_owned());
                    continue;
                }
            }
            is_first = false;
            let unit = set.unit().and_then(|unit| Unit::parse(unit).ok());
            let unit = match set.unit() {
                None | Some("") => Some((Unit::Count, 0)),
                Some(_) => unit,
            };
            found.push(VdewReading {
                address: set.address().to_owned(),
                obis: code(set.address(), prefix),
                text: set.value().to_owned(),
                quantity: unit.and_then(|unit| quantity(set.value(), unit)),
                further: Vec::new(),
            });
        }
    }
    found
}

/// `1-0:1.8.0*255`, `1.8.0`, `1.8.0*05`, `1.8.0&05`, `1.8`; letters make it something else.
pub(super) fn code(address: &str, prefix: [u8; 2]) -> Option<Obis> {
    let [mut medium, mut channel] = prefix;
    let mut rest = address;
    if let Some((groups, behind)) = rest.split_once(':') {
        let (first, second) = groups.split_once('-')?;
        (medium, channel) = (number(first)?, number(second)?);
        rest = behind;
    }
    let (groups, storage) = match rest.split_once(['*', '&']) {
        Some((groups, storage)) => (groups, number(storage)?),
        None => (rest, 255),
    };
    let mut groups = groups.split('.');
    let (quantity, kind) = (number(groups.next()?)?, number(groups.next()?)?);
    let rate = groups.next().map_or(Some(0), number)?;
    let code = Obis::new([medium, channel, quantity, kind, rate, storage]);
    groups.next().is_none().then_some(code)
}

fn number(text: &str) -> Option<u8> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// An exact decimal, as `-0012.340`.
pub(super) fn quantity(text: &str, (unit, prefix): (Unit, i8)) -> Option<Quantity> {
    let text = text.trim();
    let (sign, bare) = match text.strip_prefix('-') {
        Some(bare) => (-1, bare),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, decimals) = bare.split_once('.').unwrap_or((bare, ""));
    let digits = format!("{whole}{decimals}");
    let is_number = !digits.is_empty()
        && digits.len() <= DIGITS_MAX
        && digits.bytes().all(|octet| octet.is_ascii_digit());
    if !is_number {
        return None;
    }
    Some(Quantity {
        digits: sign * digits.parse::<i64>().ok()?,
        exponent: prefix - i8::try_from(decimals.len()).ok()?,
        unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let lines = DataLines::parse(text).unwrap();
        let shown: Vec<String> = readings(&lines, [1, 0])
            .iter()
            .map(|reading| {
                let obis = reading.obis.map_or("?".to_owned(), |obis| obis.to_string());
                let quantity = reading.quantity;
                let quantity = quantity.map_or("-".to_owned(), |quantity| quantity.to_string());
                let further = reading.further.join(",");
                format!("{obis} {quantity} {further}").trim().to_owned()
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_readout_says_itself_what_it_holds() {
        check(
            "F.F(00000000)\r\nC.1.0(12345678)\r\n0.9.1(123000)\r\n1.8.0(0012345.678*kWh)\r\n\
             1-1:2.8.1(000.5*kWh)\r\n1.8.0*05(1*kWh)\r\n1.8.1&05(2*kWh)\r\n\
             1.6.1(00.53*kW)(2401011215)\r\n32.7(230.1*V)\r\n1.8.0(1*acre)\r\n1.8.0(---*kWh)",
            &[
                "? 0",
                "? 12345678",
                "1-0:0.9.1 123000",
                "1-0:1.8.0 12345.678 kWh",
                "1-1:2.8.1 0.5 kWh",
                "1-0:1.8.0*5 1 kWh",
                "1-0:1.8.1*5 2 kWh",
                "1-0:1.6.1 0.53 kW 2401011215",
                "1-0:32.7.0 230.1 V",
                "1-0:1.8.0 -",
                "1-0:1.8.0 -",
            ],
        );
    }

    #[test]
    fn numbers_keep_every_digit() {
        let read = |text| quantity(text, (Unit::WattHour, 3)).map(|q| (q.digits, q.exponent));
        assert_eq!(read("-0012.340"), Some((-12_340, 0)));
        assert_eq!(read("+1"), Some((1, 3)));
        assert_eq!(read("."), None);
        assert_eq!(read(""), None);
        assert_eq!(read("1.2.3"), None);
        assert_eq!(read("1234567890123456789"), None);
    }

    proptest! {
        #[test]
        fn no_address_makes_it_panic(address in ".{0,20}", value in ".{0,24}") {
            code(&address, [1, 0]);
            quantity(&value, (Unit::Volt, 0));
        }
    }
}
