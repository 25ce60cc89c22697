//! How the octets of an identity are taken apart. A model file names one of these layouts for each
//! identity; [`crate::elster`] does the taking apart.

use metering::EventCode;
use serde::Deserialize;

/// Which octet of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByteOrder {
    /// The least significant one, as most Elster identities do.
    #[default]
    LowFirst,
    /// The most significant one.
    HighFirst,
}

/// How a transformer ratio is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RatioCoding {
    /// Decimal digits, low octet first, in hundredths.
    BcdHundredths,
    /// A plain number, high octet first.
    Binary,
}

/// What a ratio transforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RatioOf {
    /// Current.
    Current,
    /// Voltage.
    Voltage,
}

/// The layout of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FlagLayout {
    /// Octets that no source describes.
    Raw,
    /// Characters, padded.
    Text,
    /// Totals of eight octets: sixteen decimal digits, low octet first.
    Energies {
        /// What each one measures, by the word of its source; `-` where nobody knows.
        items: Vec<String>,
        /// Whether large numbers are negative ones in ten's complement.
        #[serde(default)]
        signed: bool,
    },
    /// Totals of five octets, as the oldest meters have them.
    ShortEnergies {
        /// What each one measures, by the word of its source; `-` where nobody knows.
        items: Vec<String>,
        /// Which octet comes first.
        #[serde(default)]
        order: ByteOrder,
    },
    /// Rate totals of eight octets.
    Rates {
        /// The identity that says what each of them measures.
        sources: u16,
    },
    /// The code of what each register measures, one octet each.
    SourceCodes,
    /// What customer-defined registers add up: codes in groups of equal length.
    SourceGroups {
        /// Codes in a group.
        each: u8,
    },
    /// Cumulative demands: eight octets of digits, low octet first, and a source.
    CumulativeDemands,
    /// Maximum demands: time, source, seven octets of digits, low octet first.
    MaximumDemands {
        /// How many of the highest ones each register keeps.
        peaks: u8,
    },
    /// Equal blocks of octets that no source describes.
    Blocks {
        /// Octets of one.
        each: u16,
    },
    /// A transformer ratio.
    Ratio {
        /// What it transforms.
        of: RatioOf,
        /// Octets of the primary value; the rest is the secondary one.
        primary: u16,
        /// How both are coded.
        coding: RatioCoding,
    },
    /// The clock: seven octets of decimal digits.
    Clock,
    /// A clock that counts seconds; what stands behind its first four octets is not known.
    SecondsClock,
    /// Status words.
    Status {
        /// One after the other.
        parts: Vec<StatusPart>,
    },
    /// An event counter with the stamps of its last events.
    Log(LogLayout),
    /// Several event counters in one identity.
    Logs {
        /// Each with its place.
        parts: Vec<NamedLog>,
    },
    /// A historical billing set.
    Set {
        /// One after the other, or each at its place.
        parts: Vec<SetPart>,
    },
    /// What a billing set says of itself.
    BillingInfo {
        /// One after the other.
        fields: Vec<BillingField>,
        /// Of the times.
        #[serde(default)]
        order: ByteOrder,
    },
    /// Battery: time of installation, seconds of support left, seconds of power-down left.
    Battery,
    /// Selectors of values of the moment.
    InstantRequest,
    /// Values of the moment.
    InstantValues,
    /// The window of a load profile in days, and its size.
    ProfileWindow,
    /// The window of a load profile as two times.
    ProfileDates,
    /// A load profile.
    Profile,
    /// Which channels a load profile has.
    ProfileMask,
    /// The periods of load profile and demand.
    ProfilePeriods,
    /// Something that is done by writing to it.
    Action,
}

/// One word of a status.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StatusPart {
    /// Octets of it.
    pub octets: u8,
    /// The table in the file that says what its bits mean.
    pub table: String,
    /// Which octet comes first.
    #[serde(default)]
    pub order: ByteOrder,
}

/// What an event counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// A phase failed.
    PhaseFailure,
    /// Energy ran in reverse.
    ReverseRun,
    /// Supply failed.
    PowerDown,
    /// Supply failed for long.
    LongPowerDown,
    /// The meter restarted without a supply failure.
    TransientReset,
    /// The battery inside.
    InternalBattery,
    /// The battery that is plugged in.
    ExternalBattery,
    /// The meter found an error in itself.
    MeterError,
    /// The cover of the terminals was opened.
    TerminalCover,
    /// The main cover was opened.
    MainCover,
    /// A billing period ended.
    Billing,
    /// The meter was programmed.
    Programming,
    /// A magnet was near.
    Magnetic,
    /// Current was too high.
    OverCurrent,
    /// Voltage was too high.
    OverVoltage,
    /// Voltage was too low.
    UnderVoltage,
    /// The ratio of the current transformers was changed.
    RatioChange,
    /// The contactor switched.
    Contactor,
    /// Not known what.
    Other,
}

impl LogKind {
    /// What it is called.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PhaseFailure => "phase failure",
            Self::ReverseRun => "reverse run",
            Self::PowerDown => "power failure",
            Self::LongPowerDown => "long power failure",
            Self::TransientReset => "transient reset",
            Self::InternalBattery => "internal battery",
            Self::ExternalBattery => "external battery",
            Self::MeterError => "meter error",
            Self::TerminalCover => "terminal cover",
            Self::MainCover => "main cover",
            Self::Billing => "end of billing",
            Self::Programming => "programming",
            Self::Magnetic => "magnet",
            Self::OverCurrent => "over-current",
            Self::OverVoltage => "over-voltage",
            Self::UnderVoltage => "under-voltage",
            Self::RatioChange => "change of current transformer ratio",
            Self::Contactor => "contactor",
            Self::Other => "unknown event",
        }
    }

    /// The event that the gateway reports for it.
    pub const fn event(self) -> EventCode {
        match self {
            Self::PhaseFailure => EventCode::MeterPhaseFailed,
            Self::ReverseRun => EventCode::MeterReverseRun,
            Self::PowerDown | Self::LongPowerDown => EventCode::MeterPowerFailed,
            Self::TransientReset => EventCode::MeterTransientReset,
            Self::InternalBattery | Self::ExternalBattery => EventCode::MeterBattery,
            Self::MeterError => EventCode::MeterDeviceError,
            Self::TerminalCover | Self::MainCover => EventCode::MeterCoverOpened,
            Self::Billing => EventCode::MeterBillingReset,
            Self::Programming => EventCode::MeterProgrammed,
            Self::RatioChange => EventCode::MeterRatioChanged,
            Self::Magnetic
            | Self::OverCurrent
            | Self::OverVoltage
            | Self::UnderVoltage
            | Self::Contactor
            | Self::Other => EventCode::MeterEvent,
        }
    }
}

/// One field of an entry of an event counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogField {
    /// When it began, or happened.
    Start,
    /// When it ended.
    Stop,
    /// Which phases.
    Phases,
    /// What caused it.
    Cause,
    /// Through which port.
    Port,
    /// Who: twelve characters.
    Name,
}

impl LogField {
    /// Octets of it.
    pub const fn octets(self) -> usize {
        match self {
            Self::Start | Self::Stop => 4,
            Self::Phases | Self::Cause | Self::Port => 1,
            Self::Name => 12,
        }
    }
}

/// How the entries of an event counter stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogOrder {
    /// First one field of all entries, then the next field.
    #[default]
    Columns,
    /// Entry by entry.
    Rows,
}

/// An event counter: how often, how long in all, and the last events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LogLayout {
    /// What is counted.
    pub event: LogKind,
    /// Events kept.
    pub entries: u8,
    /// What is kept of each.
    pub fields: Vec<LogField>,
    /// How they stand.
    #[serde(default)]
    pub order: LogOrder,
    /// Whether the place of the newest entry stands first, in one octet.
    #[serde(default)]
    pub index: bool,
    /// Counters of two octets.
    #[serde(default = "one")]
    pub counts: u8,
    /// Durations of four octets behind the counters.
    #[serde(default)]
    pub totals: u8,
    /// Of the times.
    #[serde(default)]
    pub times: ByteOrder,
}

fn one() -> u8 {
    1
}

impl LogLayout {
    /// Octets before the entries.
    pub fn head_octets(&self) -> usize {
        usize::from(self.index) + 2 * usize::from(self.counts) + 4 * usize::from(self.totals)
    }

    /// Octets of one entry.
    pub fn entry_octets(&self) -> usize {
        self.fields.iter().map(|field| field.octets()).sum()
    }

    /// Octets of all of it.
    pub fn octets(&self) -> usize {
        self.head_octets() + usize::from(self.entries) * self.entry_octets()
    }
}

/// An event counter within a larger identity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NamedLog {
    /// Its first octet.
    pub at: u16,
    /// How it is laid out.
    pub log: LogLayout,
}

/// One part of a billing set: like another identity, or with a layout of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SetPart {
    /// Its first octet; behind the part before where it is not given.
    pub at: Option<u16>,
    /// The identity it is a copy of.
    pub like: Option<u16>,
    /// Octets, where it is no copy.
    pub octets: Option<u16>,
    /// Layout, where it is no copy.
    pub layout: Option<FlagLayout>,
}

/// One thing a billing set says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BillingField {
    /// How many billing periods ended so far, two octets, low first.
    Count,
    /// When the period began.
    Start,
    /// When it ended.
    End,
    /// What ended it, a set of bits.
    Trigger,
    /// When the registers were reset.
    ResetTime,
}

impl BillingField {
    /// Octets of it.
    pub const fn octets(self) -> usize {
        match self {
            Self::Count => 2,
            Self::Trigger => 1,
            Self::Start | Self::End | Self::ResetTime => 4,
        }
    }
}
