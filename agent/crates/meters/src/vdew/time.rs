//! Times as such meters write them.

use crate::clock_basis::{ClockBasis, Instants};
use metering::{MeterTime, Timestamp};

/// What a season digit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Season {
    /// Normal time.
    Winter,
    /// Daylight saving time.
    Summer,
    /// UTC.
    Utc,
}

/// A time as a meter writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VdewTime {
    /// What its clock shows.
    pub shown: MeterTime,
    /// The season digit before it, if there is one.
    pub season: Option<Season>,
}

impl VdewTime {
    /// `YYMMDDhhmm` or `YYMMDDhhmmss`, with a season digit before it or without.
    pub fn parse(text: &str) -> Option<Self> {
        let (season, digits) = match text.len() {
            11 | 13 => {
                let (season, digits) = text.split_at_checked(1)?;
                (Some(season), digits)
            }
            _ => (None, text),
        };
        let season = match season {
            None => None,
            Some("0") => Some(Season::Winter),
            Some("1") => Some(Season::Summer),
            Some("2") => Some(Season::Utc),
            Some(_) => return None,
        };
        let (date, time) = digits.split_at_checked(6)?;
        let shown = civil(pairs(date)?, pairs_up_to(time)?)?;
        Some(Self { shown, season })
    }

    /// From the texts of two data sets: `YYMMDD` or `YY-MM-DD`, `hhmmss`, `hh:mm:ss` or without
    /// seconds. A season digit may stand before each.
    pub fn of_date_and_time(date: &str, time: &str) -> Option<Self> {
        let plain = |text: &str| -> String {
            let digits: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
            // An odd digit stands before the pairs: the season.
            let odd = digits.len() % 2;
            digits.chars().skip(odd).collect()
        };
        let (date, time) = (plain(date), plain(time));
        let shown = civil(pairs(&date)?, pairs_up_to(&time)?)?;
        Some(Self {
            shown,
            season: None,
        })
    }

    /// The instant, by the calendar of the meter's clock; its season digit decides where an hour
    /// comes twice.
    pub fn instant(&self, basis: &ClockBasis) -> Timestamp {
        if self.season == Some(Season::Utc) {
            return Timestamp::from_seconds(self.shown.seconds());
        }
        match basis.instants_of(self.shown) {
            Instants::Once(at) | Instants::Never(at) => at,
            Instants::Twice(first, second) => match self.season {
                Some(Season::Winter) => second,
                _ => first,
            },
        }
    }
}

fn two(text: &str) -> Option<u8> {
    let is_number = text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn pairs(text: &str) -> Option<[u8; 3]> {
    let (first, rest) = text.split_at_checked(2)?;
    let (second, third) = rest.split_at_checked(2)?;
    Some([two(first)?, two(second)?, two(third)?])
}

/// Hours and minutes, and seconds where there are some.
fn pairs_up_to(text: &str) -> Option<[u8; 3]> {
    match text.len() {
        4 => {
            let (hour, minute) = text.split_at_checked(2)?;
            Some([two(hour)?, two(minute)?, 0])
        }
        6 => pairs(text),
        _ => None,
    }
}

fn civil(date: [u8; 3], time: [u8; 3]) -> Option<MeterTime> {
    let [year, month, day] = date.map(u16::from);
    MeterTime::from_civil([2000 + year, month, day], time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Option<Season>)>) {
        let found = VdewTime::parse(text);
        let told = found.map(|time| (time.shown.to_string(), time.season));
        let expected = expected.map(|(shown, season)| (shown.to_owned(), season));
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn times_have_their_season_or_not() {
        check("250101003000", Some(("2025-01-01 00:30:00", None)));
        check("2501010030", Some(("2025-01-01 00:30:00", None)));
        check(
            "0250101003000",
            Some(("2025-01-01 00:30:00", Some(Season::Winter))),
        );
        check(
            "1250701003000",
            Some(("2025-07-01 00:30:00", Some(Season::Summer))),
        );
        check(
            "22507010030",
            Some(("2025-07-01 00:30:00", Some(Season::Utc))),
        );
        for text in [
            "",
            "25",
            "3250101003000",
            "250001003000",
            "2501012500",
            "25010100x0",
            "é50101003000",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn date_and_time_may_be_apart() {
        let shown =
            |date, time| VdewTime::of_date_and_time(date, time).map(|time| time.shown.to_string());
        assert_eq!(shown("250101", "003000").unwrap(), "2025-01-01 00:30:00");
        assert_eq!(shown("25-01-01", "00:30").unwrap(), "2025-01-01 00:30:00");
        assert_eq!(shown("0250101", "0003000").unwrap(), "2025-01-01 00:30:00");
        assert_eq!(shown("01.01.25", "0030"), None);
    }

    #[test]
    fn a_season_digit_decides_which_hour_is_meant() {
        let basis: ClockBasis = "posix:CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap();
        let at = |text: &str| VdewTime::parse(text).unwrap().instant(&basis).to_string();
        assert_eq!(at("12510260230"), "2025-10-26T00:30:00Z");
        assert_eq!(at("02510260230"), "2025-10-26T01:30:00Z");
        assert_eq!(at("22510260230"), "2025-10-26T02:30:00Z");
    }
}
