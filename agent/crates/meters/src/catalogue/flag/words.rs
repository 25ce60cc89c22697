//! Words of our own that model files use: flags, events, codes, units.

use metering::{EventCode, Flag, Obis, Unit};
use serde::Deserializer;
use std::str::FromStr;

use super::fact::by_text;

/// A flag by its word; `none` where it makes no remark.
pub(super) struct FlagWord(pub(super) Option<Flag>);

impl FromStr for FlagWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let found = Flag::all().find(|flag| flag.word() == text);
        let complaint = || {
            let words: Vec<&str> = Flag::all().map(Flag::word).collect();
            format!("`{text}` is no flag; use none, {}", words.join(", "))
        };
        found.map(|flag| Self(Some(flag))).ok_or_else(complaint)
    }
}

/// An event by its word; `none` where it is for the record.
pub(super) struct EventWord(pub(super) Option<EventCode>);

impl FromStr for EventWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let found = EventCode::ALL.iter().find(|code| code.word() == text);
        found
            .map(|code| Self(Some(*code)))
            .ok_or_else(|| format!("`{text}` is no event of the contract; docs/uplink lists them"))
    }
}

pub(in super::super) fn event<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<EventCode>, D::Error> {
    by_text::<D, EventWord>(from).map(|word| word.0)
}

pub(in super::super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Flag>, D::Error> {
    by_text::<D, FlagWord>(from).map(|word| word.0)
}

pub(in super::super) fn obis<'de, D: Deserializer<'de>>(from: D) -> Result<Obis, D::Error> {
    by_text(from)
}

pub(in super::super) fn optional_obis<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Obis>, D::Error> {
    obis(from).map(Some)
}

/// A unit, without a prefix.
pub(super) struct PlainUnit(Unit);

impl FromStr for PlainUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Unit::parse(text) {
            Ok((unit, 0)) => Ok(Self(unit)),
            Ok(_) => Err(format!("`{text}` has a prefix; write the unit without")),
            Err(error) => Err(error.to_string()),
        }
    }
}

pub(super) fn unit<'de, D: Deserializer<'de>>(from: D) -> Result<Unit, D::Error> {
    by_text::<D, PlainUnit>(from).map(|unit| unit.0)
}

/// A unit with its prefix.
pub(super) struct PrefixedUnit(Unit, i8);

impl FromStr for PrefixedUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (unit, prefix) = Unit::parse(text).map_err(|error| error.to_string())?;
        Ok(Self(unit, prefix))
    }
}

pub(super) fn prefixed_unit<'de, D: Deserializer<'de>>(from: D) -> Result<(Unit, i8), D::Error> {
    by_text::<D, PrefixedUnit>(from).map(|unit| (unit.0, unit.1))
}
