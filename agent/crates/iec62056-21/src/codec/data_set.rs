//! One data set: `address(value*unit)`.

use std::fmt;

use super::fault::{DecodeFault, InvalidField, check_text};
use super::symbol::is_plain;
use crate::limits::{SET_ADDRESS_CHARS_MAX, UNIT_CHARS_MAX, VALUE_CHARS_MAX};

const ALLOWED: &str = "printable characters other than ( ) / !";
const ALLOWED_VALUE: &str = "printable characters other than ( ) * / !";

/// An address, a value and a unit; address and unit may be missing.
///
/// Shown as it is written on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataSet<'a> {
    address: &'a str,
    value: &'a str,
    unit: Option<&'a str>,
}

impl<'a> DataSet<'a> {
    /// With all its parts. An empty address is none.
    pub fn new(
        address: &'a str,
        value: &'a str,
        unit: Option<&'a str>,
    ) -> Result<Self, InvalidField> {
        check_text(
            "the address of a data set",
            address,
            SET_ADDRESS_CHARS_MAX,
            ALLOWED,
            is_plain,
        )?;
        let plain = |octet| is_plain(octet) && octet != b'*';
        check_text(
            "the value of a data set",
            value,
            VALUE_CHARS_MAX,
            ALLOWED_VALUE,
            plain,
        )?;
        let named = unit.unwrap_or_default();
        check_text(
            "the unit of a data set",
            named,
            UNIT_CHARS_MAX,
            ALLOWED_VALUE,
            plain,
        )?;
        Ok(Self {
            address,
            value,
            unit,
        })
    }

    /// A value without address and unit.
    pub fn bare(value: &'a str) -> Result<Self, InvalidField> {
        Self::new("", value, None)
    }

    /// Empty if there is none.
    pub fn address(&self) -> &'a str {
        self.address
    }

    /// As it is written.
    pub fn value(&self) -> &'a str {
        self.value
    }

    /// As it is written.
    pub fn unit(&self) -> Option<&'a str> {
        self.unit
    }

    /// The value, if there is nothing else.
    pub(super) fn bare_value(&self) -> Option<&'a str> {
        (self.address.is_empty() && self.unit.is_none()).then_some(self.value)
    }

    /// The data set that `text` begins with, and the text behind it.
    pub(super) fn split_off(text: &'a str) -> Result<(Self, &'a str), DecodeFault> {
        let no_set = DecodeFault::malformed("a data set");
        let (address, rest) = text.split_once('(').ok_or(no_set)?;
        let (inner, rest) = rest.split_once(')').ok_or(no_set)?;
        let (value, unit) = match inner.split_once('*') {
            Some((value, unit)) => (value, Some(unit)),
            None => (inner, None),
        };
        Ok((Self::new(address, value, unit)?, rest))
    }

    /// The data set that `text` is.
    pub fn parse(text: &'a str) -> Result<Self, DecodeFault> {
        match Self::split_off(text)? {
            (set, "") => Ok(set),
            _ => Err(DecodeFault::malformed("what follows a data set")),
        }
    }
}

impl fmt::Display for DataSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, value, .. } = self;
        match self.unit {
            Some(unit) => write!(f, "{address}({value}*{unit})"),
            None => write!(f, "{address}({value})"),
        }
    }
}

impl fmt::Debug for DataSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str, Option<&str>)>) {
        let found = DataSet::parse(text).ok();
        let parts = found.map(|set| (set.address(), set.value(), set.unit()));
        assert_eq!(parts, expected, "{text}");
        if let Some(set) = found {
            assert_eq!(set.to_string(), text);
        }
    }

    #[test]
    fn address_and_unit_may_be_missing() {
        check(
            "1.8.0(000123.4*kWh)",
            Some(("1.8.0", "000123.4", Some("kWh"))),
        );
        check("0.9.1(123000)", Some(("0.9.1", "123000", None)));
        check("(0123456789ABCDEF)", Some(("", "0123456789ABCDEF", None)));
        check("1-0:1.8.0*255(5*)", Some(("1-0:1.8.0*255", "5", Some(""))));
        check("655001()", Some(("655001", "", None)));
        check("()", Some(("", "", None)));
    }

    #[test]
    fn what_is_no_data_set_is_refused() {
        for text in [
            "", "1.8.0", "(1", "1)", "((1)", "(1))", "(1/2)", "(1!)", "(1*2*3)", "(\r\n)",
        ] {
            check(text, None);
        }
        check("(1)(2)", None);
        check("(1) ", None);
        check("a/b(1)", None);
    }

    #[test]
    fn every_part_has_its_longest() {
        let long = "1".repeat(VALUE_CHARS_MAX);
        assert!(DataSet::bare(&long).is_ok());
        let longer = long.clone() + "1";
        let fault = DataSet::bare(&longer).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the value of a data set has 129 characters; at most 128 are allowed"
        );
        assert!(DataSet::new(&long, "", None).is_err());
        assert!(DataSet::new("", "", Some(&long)).is_err());
    }
}
