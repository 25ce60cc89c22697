//! What is known of profiles: load profiles, billing sets, logs.

use super::super::flag::{ProfileStatusBit, SourcedFact, words};
use super::model::logical;
use ::dlms::codec::Attribute;
use metering::{EventCode, Obis};
use serde::Deserialize;

/// What a profile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DlmsProfileWhat {
    /// Energy or demand of each period.
    Load,
    /// Voltages, currents and the like of each period.
    Instrumentation,
    /// Totals at the end of each day.
    Daily,
    /// Totals at the end of each billing period.
    Billing,
    /// Events.
    Log,
}

/// How rows may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelectionWay {
    /// By time.
    Range,
    /// By place.
    Entry,
}

/// What null-data in a column that is no time stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NullMeaning {
    /// The same as in the row before.
    #[default]
    Repeats,
    /// No value.
    Missing,
}

/// What the numbers of a profile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueMeaning {
    /// What scaler and unit of the captured objects say.
    #[default]
    Scaled,
    /// Pulses, whose worth is not told with them: they stay counts.
    Pulses,
}

/// A code of an event log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CodeMeaning {
    /// Its number.
    pub code: u32,
    /// What it means.
    pub words: String,
    /// The event it becomes.
    #[serde(default, deserialize_with = "words::event")]
    pub event: Option<EventCode>,
}

/// What becomes of bits that a table does not name. None of them changes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherBits {
    /// Each is told, once for a meter: it may mean something.
    #[default]
    Told,
    /// Nothing: who wrote the model does not know the meter, and each maker has bits of its own.
    Unremarkable,
}

/// What bits of a status, or codes of a log, mean.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CodeTable {
    /// Bits of a status; 0 is the least significant, or the first one of a bit string.
    #[serde(default)]
    pub bits: Vec<ProfileStatusBit>,
    /// Bits that nobody has to be told of: they say nothing of a value.
    #[serde(default)]
    pub unremarkable: Vec<u8>,
    /// What becomes of bits that stand nowhere here.
    #[serde(default)]
    pub other_bits: OtherBits,
    /// Codes of a log.
    #[serde(default)]
    pub codes: Vec<CodeMeaning>,
    /// How sure.
    pub fact: SourcedFact,
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DlmsProfile {
    /// Its logical name.
    #[serde(deserialize_with = "words::obis")]
    pub name: Obis,
    /// What it is for.
    pub what: DlmsProfileWhat,
    /// What it holds, in words.
    pub content: String,
    /// Whether a time stamp is the end of its interval; else its beginning.
    #[serde(default = "yes")]
    pub stamps_ends: bool,
    /// What its numbers are.
    #[serde(default)]
    pub values: ValueMeaning,
    /// What null-data stands for.
    #[serde(default)]
    pub nulls: NullMeaning,
    /// How rows may be chosen, the better way first. Where the meter refuses one, the next is tried.
    #[serde(default = "both_ways")]
    pub selection: Vec<SelectionWay>,
    /// The table of its status or its codes.
    pub codes: Option<String>,
    /// The captured object that is its status, where it has not the code of one (0-0:96.10.x).
    #[serde(default, deserialize_with = "words::optional_obis")]
    pub status: Option<Obis>,
    /// How sure.
    pub fact: SourcedFact,
}

fn yes() -> bool {
    true
}

fn both_ways() -> Vec<SelectionWay> {
    vec![SelectionWay::Range, SelectionWay::Entry]
}

impl CodeTable {
    /// Bits of a status that the table leaves open and that somebody should be told of.
    pub fn unknown_bits(&self, status: u64) -> u64 {
        if self.other_bits == OtherBits::Unremarkable {
            return 0;
        }
        let named = self.bits.iter().map(|bit| bit.bit);
        let known = named.chain(self.unremarkable.iter().copied());
        let known = known.filter_map(|bit| 1_u64.checked_shl(bit.into()));
        status & !known.fold(0, |all, bit| all | bit)
    }
}

impl DlmsProfile {
    /// One of its attributes.
    pub fn attribute(&self, number: i8) -> Attribute {
        Attribute {
            class: 7,
            name: logical(self.name),
            number,
        }
    }
}
