//! What is known of conversations with a meter, of its clock, its ratios and its values of the
//! moment.

use super::super::model::Parity;
use super::fact::SourcedFact;
use super::words;
use metering::{Obis, Unit};
use serde::Deserialize;

/// How its line is commonly set; what counts is the setting of the bus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FlagLine {
    /// Bits per second.
    pub baud: u32,
    /// Data bits, 7 or 8.
    pub data_bits: u8,
    /// Parity.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop_bits: u8,
    /// Whether a conversation opens at 300 baud and changes speed, as at an optical port.
    #[serde(default)]
    pub changes_speed: bool,
    /// How sure.
    pub fact: SourcedFact,
}

/// How one logs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogOnStyle {
    /// Not at all.
    None,
    /// P1 with the password as it is.
    Plain,
    /// P2 with the password mixed with the operand.
    Elster,
    /// P2 with zeros first, for the public level, then as `Elster`.
    ElsterPublicFirst,
}

/// What is read to find out whether the line is in step again: an answer of a length that no other
/// one has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProbeIdentity {
    /// Which identity.
    pub identity: u16,
    /// Octets of it, from its first packet.
    pub octets: u8,
    /// How sure it is that such meters answer it.
    pub fact: SourcedFact,
}

/// How a conversation goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionModel {
    /// How one logs on.
    pub log_on: LogOnStyle,
    /// Access level that the gateway's reading needs.
    pub read_level: u8,
    /// Rest before a request, milliseconds.
    pub gap_ms: u16,
    /// How long the meter may think, milliseconds.
    pub reaction_max_ms: u16,
    /// The longest gap between two characters of an answer, milliseconds.
    pub character_gap_max_ms: u16,
    /// Rest after the option select before the operand is expected, milliseconds.
    #[serde(default)]
    pub operand_wait_ms: u16,
    /// The password is renewed after so many seconds; 0 = never.
    #[serde(default)]
    pub renew_after_s: u16,
    /// The password lapses after so many seconds; 0 = never.
    #[serde(default)]
    pub lapse_s: u16,
    /// Whether a sign-off is sent before the sign-on.
    #[serde(default)]
    pub break_first: bool,
    /// Rest after a failed sign-on and its sign-off, milliseconds.
    pub retry_wait_ms: u16,
    /// Tries of one request.
    pub attempts: u8,
    /// The option that opens programming, as its character.
    pub programming_option: char,
    /// The option that opens the data stream, as its character; none where there is none.
    pub stream_option: Option<char>,
    /// What is read to find out whether the line is in step.
    pub probe: Option<ProbeIdentity>,
    /// How many last digits of the serial number are commonly the address; 0 where not known.
    #[serde(default)]
    pub address_digits: u8,
    /// How sure.
    pub fact: SourcedFact,
}

/// A meter's clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClockModel {
    /// The identity that is read and set.
    pub identity: u16,
    /// The identity that adjusts it slowly, where there is one.
    pub adjust: Option<u16>,
    /// The argument of an adjustment, where a source gives one: octets in hexadecimal digits.
    #[serde(default)]
    pub adjust_arguments: Vec<String>,
    /// Seconds that it moves in each integration period.
    pub adjust_step_s: Option<u16>,
    /// Seconds that an adjustment moves at most.
    pub adjust_max_s: Option<u16>,
    /// Access level that adjusting needs.
    pub adjust_level: Option<u8>,
    /// Access level that setting needs.
    pub set_level: Option<u8>,
    /// Day of the week that counts as 0.
    pub weekday_base: Option<WeekdayBase>,
    /// How sure reading it is.
    pub fact: SourcedFact,
    /// How sure adjusting it is.
    pub adjust_fact: SourcedFact,
    /// How sure the day of the week is.
    pub weekday_fact: SourcedFact,
}

/// The day that a week begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeekdayBase {
    /// Monday = 0.
    Monday,
    /// Sunday = 0.
    Sunday,
}

/// Whether a meter's numbers are those of the primary or of the secondary side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterSide {
    /// As on the primary side: nothing is multiplied.
    Primary,
    /// As on the secondary side: current ratio times voltage ratio makes the value.
    Secondary,
}

/// A meter's transformer ratios.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RatioModel {
    /// The identity of the current ratio.
    pub current: Option<u16>,
    /// The identity of the voltage ratio.
    pub voltage: Option<u16>,
    /// What the registers and the profile are.
    pub registers: RegisterSide,
    /// How sure.
    pub fact: SourcedFact,
}

/// Where a meter says in which power of ten its registers count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScalingModel {
    /// The identity with the category, one octet.
    pub identity: u16,
    /// Power of ten of category 0, in units of the register.
    pub least: i8,
    /// How many categories there are.
    pub categories: u8,
    /// How sure.
    pub fact: SourcedFact,
}

impl ScalingModel {
    /// The power of ten that a category stands for; `None` where there is no such category.
    pub fn exponent(&self, octets: &[u8]) -> Option<i8> {
        let &[category] = octets else { return None };
        let known = (category < self.categories).then_some(category)?;
        self.least.checked_add(i8::try_from(known).ok()?)
    }
}

/// How a billing period is ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BillingReset {
    /// The identity to write to.
    pub identity: u16,
    /// Arguments that sources write, our choice first.
    pub arguments: Vec<String>,
    /// How sure.
    pub fact: SourcedFact,
}

/// A value of the moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InstantValue {
    /// Its selector: phase and quantity.
    pub selector: u8,
    /// Its code.
    #[serde(deserialize_with = "words::obis")]
    pub obis: Obis,
    /// Its unit and the power of ten of its prefix.
    #[serde(deserialize_with = "words::prefixed_unit")]
    pub unit: (Unit, i8),
    /// Whether it is read when the configuration names none.
    #[serde(default)]
    pub default: bool,
    /// How sure.
    pub fact: SourcedFact,
}

/// How values of the moment are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InstantModel {
    /// The identity that takes selectors.
    pub request: u16,
    /// The identity that has the values.
    pub result: u16,
    /// Selectors in one request.
    pub at_once: u8,
    /// How long until a value is ready at most, milliseconds.
    pub ready_max_ms: u16,
    /// Time between two looks whether it is, milliseconds.
    pub look_every_ms: u16,
    /// The selector of the order of phases, where there is one: not a quantity.
    pub rotation: Option<u8>,
    /// The values.
    pub values: Vec<InstantValue>,
    /// How sure.
    pub fact: SourcedFact,
}
