//! What is known of meters of the VDEW style: data sets with addresses, a readout, `P.01`.

use super::fact::SourcedFact;
use super::profile::ProfileStatusBit;
use serde::Deserialize;

/// With which command a data set is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum VdewForm {
    /// R1, W1.
    #[serde(rename = "1")]
    One,
    /// R2, W2.
    #[serde(rename = "2")]
    Two,
    /// R5, W5.
    #[serde(rename = "5")]
    Five,
    /// R6, W6: in partial blocks.
    #[serde(rename = "6")]
    Six,
}

/// What a data set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VdewWhat {
    /// The time of day.
    Time,
    /// The date.
    Date,
    /// Date and time together.
    DateTime,
    /// The serial number.
    Serial,
    /// The firmware.
    Firmware,
    /// The error register.
    Error,
    /// Something else.
    Other,
}

/// A data set of such meters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VdewSet {
    /// Its address as it is asked for.
    pub address: String,
    /// What it is.
    pub what: VdewWhat,
    /// With which command it is read.
    pub form: VdewForm,
    /// What it holds, in words.
    pub content: String,
    /// How sure.
    pub fact: SourcedFact,
}

/// Something such meters do when it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VdewAction {
    /// Its address, written with W1.
    pub address: String,
    /// What it does, in words.
    pub content: String,
    /// How sure.
    pub fact: SourcedFact,
}

/// A load profile of such meters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VdewProfile {
    /// Its address, `P.01`.
    pub address: String,
    /// With which command it is read.
    pub form: VdewForm,
    /// Whether the time of a header is the end of the first interval behind it; else its beginning.
    pub stamps_ends: bool,
    /// Bits of the status.
    pub status: Vec<ProfileStatusBit>,
    /// How sure.
    pub fact: SourcedFact,
}

/// What is known of meters of the VDEW style.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VdewModel {
    /// Whether the meter sends a readout when it is not programmed.
    pub readout: bool,
    /// Value groups A and B of addresses that have none.
    pub prefix: [u8; 2],
    /// Data sets, beside what the readout has.
    #[serde(default)]
    pub sets: Vec<VdewSet>,
    /// Actions.
    #[serde(default)]
    pub actions: Vec<VdewAction>,
    /// Its load profile.
    pub profile: Option<VdewProfile>,
    /// How sure.
    pub fact: SourcedFact,
}
