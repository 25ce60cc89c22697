//! OBIS codes (IEC 62056-61): which quantity a value is.

mod words;

use std::fmt;
use std::str::FromStr;

/// An OBIS code, `A-B:C.D.E*F`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Obis([u8; 6]);

/// Text that is not an OBIS code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an OBIS code; write it as A-B:C.D.E or A-B:C.D.E*F")]
pub struct InvalidObis(String);

impl Obis {
    /// A code from its six value groups.
    pub const fn new(groups: [u8; 6]) -> Self {
        Self(groups)
    }

    /// The six value groups A to F.
    pub const fn groups(self) -> [u8; 6] {
        self.0
    }

    /// Whether this is a running total (value group D = 8, time integral 1).
    pub const fn is_total(self) -> bool {
        self.0[3] == 8
    }

    /// What it means in a person's words, where there are some: `active energy, from the grid`.
    pub fn words(self) -> Option<String> {
        words::words(self)
    }

    /// The same quantity as energy of one interval (D = 29, time integral 5).
    pub const fn as_increment(self) -> Self {
        self.with_kind(29)
    }

    /// The same quantity as average power of the last interval (D = 5, last average 1).
    pub const fn as_average(self) -> Self {
        self.with_kind(5)
    }

    /// The same quantity with another value group D.
    pub const fn with_kind(self, kind: u8) -> Self {
        let [medium, channel, quantity, _, rate, storage] = self.0;
        Self([medium, channel, quantity, kind, rate, storage])
    }

    /// The same quantity with another value group E.
    pub const fn with_rate(self, rate: u8) -> Self {
        let [medium, channel, quantity, kind, _, storage] = self.0;
        Self([medium, channel, quantity, kind, rate, storage])
    }
}

impl FromStr for Obis {
    type Err = InvalidObis;

    fn from_str(text: &str) -> Result<Self, InvalidObis> {
        groups(text)
            .map(Self)
            .ok_or_else(|| InvalidObis(text.chars().take(40).collect()))
    }
}

fn groups(text: &str) -> Option<[u8; 6]> {
    let (medium, rest) = text.split_once('-')?;
    let (channel, rest) = rest.split_once(':')?;
    let (quantity, rest) = rest.split_once('.')?;
    let (kind, rest) = rest.split_once('.')?;
    let (rate, storage) = rest.split_once('*').unwrap_or((rest, "255"));
    Some([
        number(medium)?,
        number(channel)?,
        number(quantity)?,
        number(kind)?,
        number(rate)?,
        number(storage)?,
    ])
}

/// Digits only: `u8::from_str` would also take a plus sign.
fn number(text: &str) -> Option<u8> {
    if text.is_empty() || text.len() > 3 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl fmt::Display for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [medium, channel, quantity, kind, rate, storage] = self.0;
        write!(f, "{medium}-{channel}:{quantity}.{kind}.{rate}")?;
        if storage == 255 {
            Ok(())
        } else {
            write!(f, "*{storage}")
        }
    }
}

impl fmt::Debug for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Result<[u8; 6], &str>) {
        let found = text
            .parse::<Obis>()
            .map(Obis::groups)
            .map_err(|e| e.to_string());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn obis_codes_are_read_as_the_standard_writes_them() {
        check("1-0:1.8.0", Ok([1, 0, 1, 8, 0, 255]));
        check("1-0:1.8.0*255", Ok([1, 0, 1, 8, 0, 255]));
        check("0-0:96.1.0*1", Ok([0, 0, 96, 1, 0, 1]));
    }

    #[test]
    fn obis_rejects_what_is_out_of_range() {
        let complaint = "`1-0:1.8.256` is not an OBIS code; write it as A-B:C.D.E or A-B:C.D.E*F";
        check("1-0:1.8.256", Err(complaint));
        assert!("1-0:1.8".parse::<Obis>().is_err());
        assert!("1-0:+1.8.0".parse::<Obis>().is_err());
        assert!("1-0:1.8.0*".parse::<Obis>().is_err());
        assert!("".parse::<Obis>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_back(groups: [u8; 6]) {
            let code = Obis::new(groups);
            prop_assert_eq!(code.to_string().parse::<Obis>(), Ok(code));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            drop(text.parse::<Obis>());
        }
    }
}
