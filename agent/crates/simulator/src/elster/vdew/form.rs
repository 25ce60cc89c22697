//! How meters of the VDEW style write numbers and times.

use iec62056_21::meter::Refused;

use crate::elster::civil::Civil;

/// Thousandths of thousandths as a number with so many decimals; the rest is cut off.
pub(super) fn kilo(milli: u128, decimals: usize) -> String {
    let cut = 10_u128.pow(u32::try_from(6_usize.saturating_sub(decimals)).unwrap_or(0));
    let digits = format!("{:0>width$}", milli / cut, width = decimals + 1);
    let (whole, part) = digits
        .split_at_checked(digits.len() - decimals)
        .unwrap_or((&digits, ""));
    format!("{whole}.{part}")
}

/// `YYMMDDhhmm`, with seconds if they are wanted.
pub(super) fn stamp(local: Civil, with_seconds: bool) -> String {
    let year = local.year.rem_euclid(100);
    let minutes = format!(
        "{year:02}{:02}{:02}{:02}{:02}",
        local.month, local.day, local.hour, local.minute
    );
    if with_seconds {
        format!("{minutes}{:02}", local.second)
    } else {
        minutes
    }
}

/// The local time of a stamp, with or without its sign of the season; none if it is empty.
pub(super) fn stamp_says(text: &str) -> Result<Option<i64>, Refused> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = if text.len().is_multiple_of(2) {
        text
    } else {
        text.get(1..).unwrap_or_default()
    };
    let pair = |place: usize| {
        let pair = digits.get(2 * place..2 * place + 2);
        pair.and_then(|pair| pair.parse::<i64>().ok())
    };
    let read = || {
        let date = Civil::date(2000 + pair(0)?, pair(1)?, pair(2)?);
        let second = if digits.len() > 10 { pair(5)? } else { 0 };
        let date = Civil {
            second,
            ..date.at(pair(3)?, pair(4)?)
        };
        (Civil::of(date.seconds()) == date).then(|| date.seconds())
    };
    read().map(Some).ok_or(Refused::Words("ERROR06"))
}
