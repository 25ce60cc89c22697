//! A meter model: everything the gateway knows of meters of one kind.

use super::identity::Identify;
use super::register::{Kind, Register};
use super::setting::Setting;
use super::sunspec::SunSpec;
use crate::span::Span;
use metering::Obis;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// How far a statement of a model file can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Not known, or sources contradict each other.
    Open,
    /// General knowledge, or sources disagree: compare with the meter's display first.
    Unverified,
    /// Concluded from something else, not seen.
    Inferred,
    /// Said by one source alone.
    OneSource,
    /// Read in the source of a program that is used with such meters.
    ReadInSource,
    /// Said by two sources that do not know of each other, or seen in real octets.
    Confirmed,
    /// Stated by the maker or by a standard.
    Documented,
}

/// How sure a statement is, and what should be known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// How sure.
    pub certainty: Certainty,
    /// What should be known.
    pub remark: Option<String>,
}

/// Something about a model that a person should check at the meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The model.
    pub model: String,
    /// What it is about: `line`, `1-0:1.8.0`.
    pub about: String,
    /// How sure the file is.
    pub certainty: Certainty,
    /// What should be known; may be empty.
    pub remark: String,
}

/// A way to reach meters of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Modbus RTU on a serial line, or through a serial server.
    ModbusRtu,
    /// Modbus TCP.
    ModbusTcp,
}

/// Parity of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even parity.
    Even,
    /// Odd parity.
    Odd,
}

/// How such meters commonly leave the factory; what counts is the setting of the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineDefaults {
    /// Bits per second.
    pub baud: u32,
    /// Parity.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop_bits: u8,
    /// Unit address, where the maker sets an unusual one.
    pub unit: Option<u8>,
    /// How sure.
    pub fact: Fact,
}

/// What such a meter can bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Registers in one request.
    pub max_count: u16,
    /// Rest between an answer and the next request to it.
    pub min_gap: Duration,
    /// Time it usually takes to answer.
    pub turnaround: Duration,
    /// Time after which a first answer is no longer expected.
    pub timeout: Duration,
    /// How sure.
    pub fact: Fact,
}

/// Everything the gateway knows of meters of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Name in the configuration: the file's name without `.toml`.
    pub id: String,
    /// Who makes it.
    pub maker: String,
    /// What the maker calls it.
    pub model: String,
    /// Ways to reach it.
    pub protocols: Vec<Protocol>,
    /// Factory setting of its line.
    pub line: LineDefaults,
    /// What it can bear.
    pub limits: Limits,
    /// Registers that must not be read, not even within a larger block.
    pub holes: Vec<Span>,
    /// One register that answers on every such meter.
    pub probe: Span,
    /// How to tell which meter it is; all of them are asked before its data is believed.
    pub identify: Vec<Identify>,
    /// The values. Empty for a SunSpec model, whose addresses only the meter knows.
    pub registers: Vec<Register>,
    /// How to find the values on a SunSpec chain.
    pub sunspec: Option<SunSpec>,
    /// What can be written to it.
    pub settings: Vec<Setting>,
    /// How sure the file is where a line says nothing else.
    pub certainty: Certainty,
    /// Where the facts come from.
    pub sources: Vec<String>,
    /// What an installer should know.
    pub notes: Vec<String>,
    /// Where sources contradict each other.
    pub disagreements: Vec<String>,
}

impl Model {
    /// Every value that such a meter may have.
    ///
    /// For a SunSpec model these are the values of its first block, and their addresses count
    /// from that block: good for choosing, not for reading. Walk the chain before reading.
    pub fn offered(&self) -> impl Iterator<Item = &Register> {
        let blocks = self
            .sunspec
            .iter()
            .filter_map(|sunspec| sunspec.blocks.first());
        let points = blocks.flat_map(|block| block.points.iter());
        self.registers.iter().chain(points)
    }

    /// The totals a load profile is made of when the configuration names none.
    pub fn totals(&self) -> impl Iterator<Item = &Register> {
        self.defaults(Kind::Total)
    }

    /// The values of the moment that are read when the configuration names none.
    pub fn instants(&self) -> impl Iterator<Item = &Register> {
        self.defaults(Kind::Instant)
    }

    fn defaults(&self, kind: Kind) -> impl Iterator<Item = &Register> {
        let wanted = move |register: &&Register| register.by_default && register.kind() == kind;
        self.offered().filter(wanted)
    }

    /// A setting by its name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The register of a quantity.
    pub fn register(&self, obis: Obis) -> Option<&Register> {
        self.offered()
            .find(|register| register.obis == obis && !register.alternative)
    }

    /// The register of a quantity, if it is a total.
    pub fn total(&self, obis: Obis) -> Option<&Register> {
        self.register(obis)
            .filter(|register| register.kind() == Kind::Total)
    }

    /// What a person should check at the meter: every statement that is not sure or carries a
    /// remark, and every point where sources contradict each other.
    pub fn doubts(&self) -> Vec<Doubt> {
        let line = ("line".to_owned(), &self.line.fact);
        let limits = ("limits".to_owned(), &self.limits.fact);
        let identify = self.identify.iter();
        let identify = identify.map(|item| (format!("identify {}", item.what), &item.fact));
        let values = self
            .offered()
            .map(|item| (item.obis.to_string(), &item.fact));
        let facts = [line, limits].into_iter().chain(identify).chain(values);
        let unsure =
            facts.filter(|(_, fact)| fact.certainty.is_doubtful() || fact.remark.is_some());
        let doubt = |about: String, certainty, remark: &str| Doubt {
            model: self.id.clone(),
            about,
            certainty,
            remark: remark.to_owned(),
        };
        let contradictions = self.disagreements.iter();
        unsure
            .map(|(about, fact)| doubt(about, fact.certainty, fact.remark.as_deref().unwrap_or("")))
            .chain(
                contradictions
                    .map(|text| doubt("sources disagree".to_owned(), Certainty::Unverified, text)),
            )
            .collect()
    }
}

impl Certainty {
    /// Whether a person should check it at the meter.
    pub const fn is_doubtful(self) -> bool {
        match self {
            Self::Open | Self::Unverified | Self::Inferred | Self::OneSource => true,
            Self::ReadInSource | Self::Confirmed | Self::Documented => false,
        }
    }

    /// The word of the model files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Unverified => "unverified",
            Self::Inferred => "inferred",
            Self::OneSource => "one-source",
            Self::ReadInSource => "read-in-source",
            Self::Confirmed => "confirmed",
            Self::Documented => "documented",
        }
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.model, self.about, self.certainty)?;
        if self.remark.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.remark)
        }
    }
}
