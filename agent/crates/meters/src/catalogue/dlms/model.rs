//! What is known of meters that speak DLMS/COSEM.

use super::super::flag::{SourcedFact, words};
use super::super::model::{Certainty, Parity};
use super::profile::{CodeTable, DlmsProfile, DlmsProfileWhat};
use ::dlms::codec::{Attribute, LogicalName};
use ::dlms::hdlc::Address;
use metering::Obis;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How a conversation begins on a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DlmsOpening {
    /// With HDLC at once.
    Direct,
    /// With a sign-on of IEC 62056-21, mode E, at 300 baud.
    ModeE,
}

/// How its line is commonly set; what counts is the setting of the bus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DlmsLine {
    /// Bits per second.
    pub baud: u32,
    /// Data bits, 7 or 8.
    pub data_bits: u8,
    /// Parity.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop_bits: u8,
    /// How a conversation begins.
    pub opening: DlmsOpening,
    /// How sure.
    pub fact: SourcedFact,
}

/// Where it is found on HDLC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HdlcModel {
    /// Octets of the meter's address: 1, 2 or 4.
    pub address_octets: u8,
    /// The upper address: the logical device.
    pub upper: u16,
    /// The lower address: which meter on the line. None where it is set meter by meter.
    pub lower: Option<u16>,
    /// The lower address is the last two digits of the serial number and this.
    pub lower_from_serial: Option<u16>,
    /// Octets of an information field that such a meter takes.
    #[serde(default = "information")]
    pub information_octets: u16,
    /// Frames that it sends without confirmation.
    #[serde(default = "window")]
    pub window: u8,
    /// How sure.
    pub fact: SourcedFact,
}

fn information() -> u16 {
    128
}

fn window() -> u8 {
    1
}

impl HdlcModel {
    /// The address of a meter. `lower` is what its settings say; without it the model's counts. Who
    /// names a lower address means one of at least two octets, also where the model has less.
    pub fn address(&self, lower: Option<u16>) -> Option<Address> {
        let small = |number: u16| u8::try_from(number).ok();
        let own = lower;
        let lower = lower.or(self.lower);
        match (self.address_octets, own) {
            (1, None) => Address::one(small(self.upper)?),
            (1, Some(own)) => small(self.upper)
                .zip(small(own))
                .and_then(|(upper, own)| Address::two(upper, own))
                .or_else(|| Address::four(self.upper, own)),
            (2, _) => Address::two(small(self.upper)?, small(lower?)?),
            _ => Address::four(self.upper, lower?),
        }
    }
}

/// Where it is found behind the wrapper.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrapperModel {
    /// The logical device: the port of the wrapper, not that of TCP.
    pub server: u16,
    /// How sure.
    pub fact: SourcedFact,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelModel {
    /// Not at all.
    None,
    /// With a password, which everybody on the line can read.
    Low,
    /// With keys, by GMAC.
    Gmac,
}

/// Somebody who may talk to such a meter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AssociationModel {
    /// What he is called in the configuration.
    pub name: String,
    /// His address on HDLC, his port in the wrapper.
    pub client: u16,
    /// How he proves who he is.
    pub level: LevelModel,
    /// Security suites, where APDUs are ciphered.
    #[serde(default)]
    pub suites: Vec<u8>,
    /// A meter has either this one or that one, as the client has one level at a time.
    pub instead_of: Option<String>,
    /// How sure.
    pub fact: SourcedFact,
}

/// What an object tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DlmsWhat {
    /// The logical device name: maker and number, the same for the meter's whole life.
    DeviceName,
    /// The serial number.
    Serial,
    /// The firmware.
    Firmware,
    /// The last invocation counter that it heard from a client.
    Counter,
    /// Changes when what its profiles capture is changed.
    ProfileSetup,
    /// Errors of the meter itself.
    Error,
    /// Something else.
    Other,
}

/// An object that is no measured value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DlmsObject {
    /// What it tells.
    pub what: DlmsWhat,
    /// Its class.
    #[serde(default = "data_class")]
    pub class: u16,
    /// Its logical name.
    #[serde(deserialize_with = "words::obis")]
    pub name: Obis,
    /// The attribute that tells it.
    #[serde(default = "value_attribute")]
    pub attribute: i8,
    /// The association whose counter it is.
    pub association: Option<String>,
    /// What it holds, in words.
    pub content: String,
    /// How sure.
    pub fact: SourcedFact,
}

fn data_class() -> u16 {
    1
}

fn value_attribute() -> i8 {
    2
}

/// Which way a clock's deviation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationSense {
    /// From local time to UTC, as the standard says: -120 in UTC+2.
    ToUtc,
    /// From UTC to local time: 120 in UTC+2.
    FromUtc,
    /// Nobody has looked: it only tells the two hours of an autumn change from each other.
    Unsure,
}

/// The meter's clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DlmsClock {
    /// Its logical name.
    #[serde(deserialize_with = "words::obis")]
    pub name: Obis,
    /// Which way its deviation counts.
    pub deviation: DeviationSense,
    /// How sure.
    pub fact: SourcedFact,
}

/// The class of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterClass {
    /// Class 3.
    Register,
    /// Class 4: with a status and the time of its value.
    Extended,
    /// Class 5: an average that runs, and that of the last period.
    Demand,
}

/// A register.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DlmsRegister {
    /// Its logical name.
    #[serde(deserialize_with = "words::obis")]
    pub name: Obis,
    /// Its class.
    pub class: RegisterClass,
    /// What it is called here, where the meter calls it otherwise.
    #[serde(default, deserialize_with = "words::optional_obis")]
    pub obis: Option<Obis>,
    /// Whether it is read when the configuration names none.
    #[serde(rename = "default", default)]
    pub by_default: bool,
    /// How sure.
    pub fact: SourcedFact,
}

/// How special days are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpecialDaysBy {
    /// As a whole table.
    #[default]
    Table,
    /// One by one, by the methods of the table.
    Entry,
}

/// What such a meter takes when it is written to. What nobody knows is left out, and the meter has
/// the last word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WritingModel {
    /// Seasons of a calendar.
    pub seasons: Option<u16>,
    /// Plans of weeks.
    pub weeks: Option<u16>,
    /// Plans of days.
    pub days: Option<u16>,
    /// Switching times of a day.
    pub switches: Option<u16>,
    /// Special days.
    pub special_days: Option<u16>,
    /// Octets of a name.
    pub name_octets: Option<u16>,
    /// Whether the first switching time of a day has to be 00:00.
    pub starts_at_midnight: Option<bool>,
    /// How special days are written.
    #[serde(default)]
    pub special_days_by: SpecialDaysBy,
    /// How sure.
    pub fact: SourcedFact,
}

/// Everything the gateway knows of DLMS meters of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DlmsModel {
    /// Name in the configuration: the file's name without `.toml`.
    pub id: String,
    /// Who makes it.
    pub maker: String,
    /// What the maker calls it.
    pub model: String,
    /// Who says what, by the keys that facts name.
    pub sources: BTreeMap<String, String>,
    /// What an installer should know.
    pub notes: Vec<String>,
    /// Where sources contradict each other.
    pub disagreements: Vec<String>,
    /// Its line.
    pub line: DlmsLine,
    /// Its place on HDLC.
    pub hdlc: Option<HdlcModel>,
    /// Its place behind the wrapper.
    pub wrapper: Option<WrapperModel>,
    /// Who may talk to it.
    pub associations: Vec<AssociationModel>,
    /// Objects that are no measured values.
    pub objects: Vec<DlmsObject>,
    /// Its clock.
    pub clock: DlmsClock,
    /// What it takes when it is written to; none where nothing was ever said about that.
    pub writing: Option<WritingModel>,
    /// Registers.
    pub registers: Vec<DlmsRegister>,
    /// Profiles and logs.
    pub profiles: Vec<DlmsProfile>,
    /// What bits and codes mean, by the names that profiles use.
    pub codes: BTreeMap<String, CodeTable>,
}

impl WritingModel {
    /// Of which nobody knows anything.
    pub fn unknown() -> Self {
        Self {
            seasons: None,
            weeks: None,
            days: None,
            switches: None,
            special_days: None,
            name_octets: None,
            starts_at_midnight: None,
            special_days_by: SpecialDaysBy::default(),
            fact: SourcedFact {
                certainty: Certainty::Open,
                by: Vec::new(),
                remark: None,
            },
        }
    }
}

impl DlmsModel {
    /// What such a meter takes when it is written to.
    pub fn takes(&self) -> WritingModel {
        self.writing.clone().unwrap_or_else(WritingModel::unknown)
    }

    /// Whether it stands for meters of any maker.
    pub fn is_of_any_maker(&self) -> bool {
        self.maker == "any"
    }

    /// An association by its name.
    pub fn association(&self, name: &str) -> Option<&AssociationModel> {
        self.associations.iter().find(|item| item.name == name)
    }

    /// The first object that tells something.
    pub fn object(&self, what: DlmsWhat) -> Option<&DlmsObject> {
        self.objects.iter().find(|item| item.what == what)
    }

    /// The object that tells the counter of an association.
    pub fn counter_of(&self, association: &str) -> Option<&DlmsObject> {
        let counters = self.objects.iter();
        let mut counters = counters.filter(|item| item.what == DlmsWhat::Counter);
        counters.find(|item| item.association.as_deref() == Some(association))
    }

    /// Registers that are read when the configuration names none.
    pub fn default_registers(&self) -> impl Iterator<Item = &DlmsRegister> {
        self.registers.iter().filter(|register| register.by_default)
    }

    /// A profile by its logical name.
    pub fn profile(&self, name: Obis) -> Option<&DlmsProfile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// The load profile that is collected when the configuration names none: the first one.
    pub fn load_profile(&self) -> Option<&DlmsProfile> {
        let is_load = |profile: &&DlmsProfile| profile.what == DlmsProfileWhat::Load;
        self.profiles.iter().find(is_load)
    }

    /// What bits and codes of a profile mean.
    pub fn codes_of(&self, profile: &DlmsProfile) -> Option<&CodeTable> {
        self.codes.get(profile.codes.as_deref()?)
    }
}

/// The logical name that an OBIS code is.
pub(crate) fn logical(name: Obis) -> LogicalName {
    LogicalName(name.groups())
}

impl DlmsObject {
    /// What is asked for.
    pub fn asked(&self) -> Attribute {
        Attribute {
            class: self.class,
            name: logical(self.name),
            number: self.attribute,
        }
    }
}

impl DlmsClock {
    /// What is asked for.
    pub fn asked(&self) -> Attribute {
        Attribute {
            class: 8,
            name: logical(self.name),
            number: 2,
        }
    }
}

impl DlmsRegister {
    /// What it is called here.
    pub fn code(&self) -> Obis {
        self.obis.unwrap_or(self.name)
    }

    /// One of its attributes.
    pub fn attribute(&self, number: i8) -> Attribute {
        Attribute {
            class: self.class.number(),
            name: logical(self.name),
            number,
        }
    }
}

impl RegisterClass {
    /// The class behind its number, if it is one of a register.
    pub fn of(class: u16) -> Option<Self> {
        match class {
            3 => Some(Self::Register),
            4 => Some(Self::Extended),
            5 => Some(Self::Demand),
            _ => None,
        }
    }

    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            Self::Register => 3,
            Self::Extended => 4,
            Self::Demand => 5,
        }
    }

    /// The attribute that holds scaler and unit.
    pub fn scaler_attribute(self) -> i8 {
        match self {
            Self::Register | Self::Extended => 3,
            Self::Demand => 4,
        }
    }

    /// The attributes that are read, without scaler and unit.
    pub fn value_attributes(self) -> &'static [i8] {
        match self {
            Self::Register => &[2],
            Self::Extended => &[2, 4, 5],
            Self::Demand => &[2, 3, 5, 6, 7, 8, 9],
        }
    }
}
