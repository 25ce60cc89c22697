//! Which meter an identification names.

use super::fact::SourcedFact;
use iec62056_21::codec::Identification;
use serde::Deserialize;
use std::fmt;

/// The text of Elster's identifications: `0901001004` and something behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceText {
    /// The master unit that the meter belongs to, two digits: 09 for the A1700.
    pub master_unit: String,
    /// The product range, three digits.
    pub range: String,
    /// The device number, three digits: a line of firmware.
    pub device: String,
    /// The issue of the device, two digits.
    pub issue: String,
    /// What stands behind it.
    pub rest: String,
}

impl DeviceText {
    /// From the text of an identification, behind its baud character and capabilities.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, rest) = text.split_at_checked(10)?;
        if !digits.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize, to: usize| digits.get(from..to).map(str::to_owned);
        Some(Self {
            master_unit: part(0, 2)?,
            range: part(2, 5)?,
            device: part(5, 8)?,
            issue: part(8, 10)?,
            rest: rest.to_owned(),
        })
    }
}

impl fmt::Display for DeviceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "device {} issue {} of range {}, master unit {}",
            self.device, self.issue, self.range, self.master_unit
        )
    }
}

/// A kind of identification that such meters send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FlagIdentification {
    /// Three letters, in any case; empty: any.
    #[serde(default)]
    pub manufacturer: String,
    /// Master units, two digits each; empty: any text.
    #[serde(default)]
    pub master_units: Vec<String>,
    /// Product ranges, three digits each; empty: any.
    #[serde(default)]
    pub ranges: Vec<String>,
    /// What the text begins with, for meters whose text is built otherwise.
    #[serde(default)]
    pub begins: String,
    /// The capability that it must offer, as `2`; empty: it may offer any.
    #[serde(default)]
    pub capability: Option<char>,
    /// How sure.
    pub fact: SourcedFact,
}

impl FlagIdentification {
    /// Whether the identification is of this kind.
    pub fn fits(&self, identification: &Identification) -> bool {
        let letters = identification.manufacturer().to_string();
        let is_maker =
            self.manufacturer.is_empty() || self.manufacturer.eq_ignore_ascii_case(&letters);
        let offers = |capability: char| {
            let mut offered = identification.capabilities().iter();
            offered.any(|octet| char::from(*octet) == capability)
        };
        is_maker
            && self.capability.is_none_or(offers)
            && identification.text().starts_with(&self.begins)
            && self.fits_text(identification.text())
    }

    fn fits_text(&self, text: &str) -> bool {
        if self.master_units.is_empty() && self.ranges.is_empty() {
            return true;
        }
        let named = |list: &[String], part: &String| list.is_empty() || list.contains(part);
        DeviceText::parse(text).is_some_and(|device| {
            named(&self.master_units, &device.master_unit) && named(&self.ranges, &device.range)
        })
    }

    /// How many things it asks for: of two models that fit, the one that asks for more is meant.
    pub fn weight(&self) -> usize {
        usize::from(!self.manufacturer.is_empty())
            + usize::from(!self.master_units.is_empty())
            + usize::from(!self.ranges.is_empty())
            + usize::from(self.capability.is_some())
            + self.begins.len()
    }
}

/// A device that belongs to a variant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VariantDevice {
    /// The device number, three digits.
    pub device: String,
    /// The issues of it that do; empty: all.
    #[serde(default)]
    pub issues: Vec<String>,
    /// How sure.
    pub fact: SourcedFact,
}

/// A variant of a model: what the identification tells of its firmware.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variant {
    /// Its name in the file.
    pub id: String,
    /// What it is, in words.
    pub words: String,
    /// The devices that are known to be it.
    #[serde(default)]
    pub devices: Vec<VariantDevice>,
    /// How sure the file is of the variant as a whole.
    pub fact: SourcedFact,
}

impl Variant {
    /// Whether a device is known to be of this variant.
    pub fn names(&self, device: &DeviceText) -> bool {
        self.devices.iter().any(|known| {
            known.device == device.device
                && (known.issues.is_empty() || known.issues.contains(&device.issue))
        })
    }
}
