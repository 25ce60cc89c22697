//! The request that opens a conversation: `/?`, address, `!`.

use std::fmt;

use super::fault::{DecodeFault, InvalidField, check_text};
use super::frame::Frame;
use crate::limits::{METER_ADDRESS_CHARS_MAX, SIGN_ON_OCTETS_MAX};

/// The address of a meter on its bus (its outstation number): digits, letters, spaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MeterAddress(String);

impl MeterAddress {
    /// One to 32 characters; they are kept as they are written.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        let (part, allowed) = ("the address of a meter", "digits, letters and spaces");
        let allows = |octet: u8| octet.is_ascii_alphanumeric() || octet == b' ';
        check_text(part, text, METER_ADDRESS_CHARS_MAX, allowed, allows)?;
        if text.is_empty() {
            return Err(InvalidField::Character { part, allowed });
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether both name the same meter: leading zeros do not count.
    pub fn names_same(&self, other: &Self) -> bool {
        self.0.trim_start_matches('0') == other.0.trim_start_matches('0')
    }
}

impl fmt::Display for MeterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The sign-on. Without an address it asks the only meter of a point-to-point link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOn {
    /// Whom it asks.
    pub address: Option<MeterAddress>,
}

impl SignOn {
    /// As octets.
    pub fn encode(&self) -> Frame {
        let address = self.address.as_ref().map_or("", MeterAddress::text);
        Frame::line(format!("/?{address}!").as_bytes())
    }

    /// From exactly the octets of one sign-on.
    pub fn decode(wire: &[u8]) -> Result<Self, DecodeFault> {
        let text = line_text(wire, SIGN_ON_OCTETS_MAX)?;
        let inner = text
            .strip_prefix("/?")
            .and_then(|text| text.strip_suffix('!'));
        let address = match inner.ok_or(DecodeFault::malformed("a sign-on"))? {
            "" => None,
            address => Some(MeterAddress::new(address)?),
        };
        Ok(Self { address })
    }
}

/// The text of a line of seven bits that ends with a line end, and does not go on behind it.
pub(super) fn line_text(wire: &[u8], octets_max: usize) -> Result<&str, DecodeFault> {
    if wire.len() > octets_max {
        return Err(DecodeFault::TooLong {
            part: "the line",
            limit: octets_max,
        });
    }
    if !wire.is_ascii() {
        return Err(DecodeFault::EighthBit);
    }
    let text = std::str::from_utf8(wire).map_err(|_| DecodeFault::EighthBit)?;
    match text.split_once('\n') {
        None => Err(DecodeFault::Incomplete),
        Some((line, "")) => line
            .strip_suffix('\r')
            .ok_or(DecodeFault::malformed("the end of a line")),
        Some(_) => Err(DecodeFault::Trailing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wire: &str, expected: Result<Option<&str>, DecodeFault>) {
        let found = SignOn::decode(wire.as_bytes());
        let address = found.clone().map(|found| found.address);
        let address = address.map(|address| address.map(|address| address.text().to_owned()));
        assert_eq!(
            address,
            expected.map(|address| address.map(str::to_owned)),
            "{wire:?}"
        );
        if let Ok(found) = found {
            assert_eq!(found.encode().octets(), wire.as_bytes());
        }
    }

    #[test]
    fn a_sign_on_names_a_meter_or_none() {
        check("/?!\r\n", Ok(None));
        check("/?001!\r\n", Ok(Some("001")));
        check("/?ABC 9!\r\n", Ok(Some("ABC 9")));
        check(
            &format!("/?{}!\r\n", "1".repeat(32)),
            Ok(Some(&"1".repeat(32))),
        );
    }

    #[test]
    fn what_is_no_sign_on_is_refused() {
        check("/?001!\r", Err(DecodeFault::Incomplete));
        check("/?001!\n", Err(DecodeFault::malformed("the end of a line")));
        check("/?001!\r\n\r\n", Err(DecodeFault::Trailing));
        check("/?001\r\n", Err(DecodeFault::malformed("a sign-on")));
        check("/001!\r\n", Err(DecodeFault::malformed("a sign-on")));
        check(
            "/?0-1!\r\n",
            Err(DecodeFault::malformed("the address of a meter")),
        );
        let limit = SIGN_ON_OCTETS_MAX;
        let part = "the line";
        check(
            &format!("/?{}!\r\n", "1".repeat(33)),
            Err(DecodeFault::TooLong { part, limit }),
        );
        assert_eq!(SignOn::decode(b"/?\xb1!\r\n"), Err(DecodeFault::EighthBit));
    }

    #[test]
    fn leading_zeros_do_not_count() {
        let address = |text| MeterAddress::new(text).unwrap();
        assert!(address("001").names_same(&address("1")));
        assert!(address("000").names_same(&address("0")));
        assert!(!address("100").names_same(&address("1")));
        assert!(!address("01A").names_same(&address("1a")));
        assert!(MeterAddress::new("").is_err());
    }
}
