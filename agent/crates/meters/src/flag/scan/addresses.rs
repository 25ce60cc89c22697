//! Addresses as a person writes them: `1-20`, `001`, `12345678`, `1/17`.

use crate::flag::limits::SCAN_ADDRESSES_MAX;
use iec62056_21::codec::MeterAddress;

/// An address or a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WishedAddresses(Vec<String>);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddresses {
    /// It has signs that no address has.
    #[error("`{0}` is neither an address nor a range; write 1-20, 001, 12345678 or 1/17")]
    Malformed(String),
    /// It names too many.
    #[error("more than {SCAN_ADDRESSES_MAX} addresses; scan in several steps")]
    TooMany,
}

impl WishedAddresses {
    /// From texts, one an address or a range.
    pub fn parse(texts: &[String]) -> Result<Self, InvalidAddresses> {
        let mut all = Vec::new();
        for text in texts {
            all.extend(one_or_range(text.trim())?);
            if all.len() > SCAN_ADDRESSES_MAX {
                return Err(InvalidAddresses::TooMany);
            }
        }
        Ok(Self(all))
    }

    /// As addresses of FLAG meters.
    pub fn outstations(&self) -> Vec<MeterAddress> {
        let addresses = self.0.iter().map(|text| MeterAddress::new(text));
        addresses.filter_map(Result::ok).collect()
    }

    /// Those that are Modbus units.
    pub fn units(&self) -> Vec<u8> {
        let numbers = self.0.iter().filter_map(|text| text.parse().ok());
        numbers.filter(|unit| (1..=247).contains(unit)).collect()
    }

    /// As upper and lower addresses of DLMS meters on HDLC; a number alone is a lower one.
    pub fn stations(&self) -> Vec<(u16, u16)> {
        let pair = |text: &String| match text.split_once('/') {
            Some((upper, lower)) => Some((upper.parse().ok()?, lower.parse().ok()?)),
            None => Some((1, text.parse().ok()?)),
        };
        let pairs = self.0.iter().filter_map(pair);
        pairs
            .filter(|(upper, lower)| (*upper).max(*lower) <= HDLC_ADDRESS_MAX)
            .collect()
    }
}

/// Two octets of an HDLC address carry fourteen bits.
const HDLC_ADDRESS_MAX: u16 = 0x3fff;

fn one_or_range(text: &str) -> Result<Vec<String>, InvalidAddresses> {
    let malformed = || InvalidAddresses::Malformed(text.chars().take(40).collect());
    if let Some((upper, lowers)) = text.split_once('/') {
        let upper: u16 = upper.parse().map_err(|_| malformed())?;
        let lowers = one_or_range(lowers)?.into_iter();
        let number = |lower: String| lower.parse::<u16>().map_err(|_| malformed());
        return lowers
            .map(|lower| Ok(format!("{upper}/{}", number(lower)?)))
            .collect();
    }
    let Some((first, last)) = text.split_once('-') else {
        let address = MeterAddress::new(text).map_err(|_| malformed())?;
        return Ok(vec![address.text().to_owned()]);
    };
    let number = |text: &str| text.parse::<u32>().map_err(|_| malformed());
    let (from, to) = (number(first)?, number(last)?);
    if from > to {
        return Err(malformed());
    }
    if usize::try_from(to - from).is_ok_and(|more| more >= SCAN_ADDRESSES_MAX) {
        return Err(InvalidAddresses::TooMany);
    }
    // Three digits are what field systems use; meters ignore leading zeros.
    Ok((from..=to).map(|address| format!("{address:03}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expected: Result<(&[&str], &[u8]), &str>) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let found = WishedAddresses::parse(&texts);
        match (found, expected) {
            (Ok(found), Ok((outstations, units))) => {
                let named = found.outstations();
                let named: Vec<&str> = named.iter().map(MeterAddress::text).collect();
                assert_eq!(named, outstations);
                assert_eq!(found.units(), units);
            }
            (Err(found), Err(expected)) => assert_eq!(found.to_string(), expected),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn addresses_are_written_one_by_one_or_as_ranges() {
        check(&["1-3"], Ok((&["001", "002", "003"], &[1, 2, 3])));
        check(&["001", "12345678"], Ok((&["001", "12345678"], &[1])));
        check(&["248", "7"], Ok((&["248", "7"], &[7])));
        check(&["AB 1"], Ok((&["AB 1"], &[])));
        check(&[], Ok((&[], &[])));
    }

    #[test]
    fn a_station_has_an_upper_and_a_lower_address() {
        let texts = ["17", "1/144", "2/16-18", "1/99999", "AB1"].map(str::to_owned);
        let refused = WishedAddresses::parse(&texts);
        assert!(refused.is_err(), "{refused:?}");
        let texts = ["17", "1/144", "2/16-18", "0/16383", "99999", "AB1"].map(str::to_owned);
        let found = WishedAddresses::parse(&texts).unwrap();
        let pairs = [(1, 17), (1, 144), (2, 16), (2, 17), (2, 18), (0, 16_383)];
        assert_eq!(found.stations(), pairs);
        assert_eq!(found.units(), [17]);
        let named: Vec<String> = found
            .outstations()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(named, ["17", "99999", "AB1"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let malformed =
            "`3-1` is neither an address nor a range; write 1-20, 001, 12345678 or 1/17";
        check(&["3-1"], Err(malformed));
        let malformed = "`/?` is neither an address nor a range; write 1-20, 001, 12345678 or 1/17";
        check(&["/?"], Err(malformed));
        let many = "more than 1000 addresses; scan in several steps";
        check(&["1-1001"], Err(many));
        check(&["1-600", "1-600"], Err(many));
        check(&["0-4294967295"], Err(many));
    }
}
