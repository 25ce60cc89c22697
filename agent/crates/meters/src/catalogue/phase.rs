//! When in a programming run something is written.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The order of all writes: what does least harm comes first, and what could lock the gateway out
/// comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It loses nothing and changes no tariff.
    Setting,
    /// It decides in which register a meter counts.
    Tariff,
    /// It loses stored values, or changes what they mean.
    Destructive,
    /// How the meter is reached.
    Communications,
    /// Who may program it.
    Password,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [
        Self::Setting,
        Self::Tariff,
        Self::Destructive,
        Self::Communications,
        Self::Password,
    ];

    /// The word of the model files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Tariff => "tariff",
            Self::Destructive => "destructive",
            Self::Communications => "communications",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a setting means to a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingWhat {
    /// Length of a demand period.
    DemandPeriod,
    /// Length of a part of it, where the window slides.
    DemandStep,
    /// Primary current of the transformers.
    CurrentPrimary,
    /// Their secondary current.
    CurrentSecondary,
    /// Primary by secondary current, as one number.
    CurrentRatio,
    /// Primary voltage of the transformers.
    VoltagePrimary,
    /// Their secondary voltage.
    VoltageSecondary,
    /// Primary by secondary voltage, as one number.
    VoltageRatio,
    /// How the meter is connected to the network.
    Connection,
    /// What each time-of-use register counts.
    RateSources,
    /// What each demand register counts.
    DemandSources,
    /// What customer-defined registers are made of.
    CustomerRegisters,
    /// The channels of the load profile.
    ProfileChannels,
    /// The periods of demand and load profile.
    Periods,
    /// The name of the scheme.
    SchemeName,
    /// Seasons, days and switching times.
    Calendar,
    /// Days that go by another plan.
    ExclusionDates,
    /// Dates on which a billing period ends.
    BillingDates,
    /// What the display shows.
    Displays,
    /// Length of a pulse, or what it is worth.
    PulseOutput,
    /// Address, speed or parity.
    Communications,
    /// A password.
    Password,
    /// Anything else: it has its name.
    Other,
}
