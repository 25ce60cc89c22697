//! The pages of a scheme that are neither calendar nor registers.

use super::calendar::Label;
use super::civil::{CivilDate, MonthDay, TimeOfDay};
use super::registers::Source;
use super::words::words;
use crate::Obis;
use std::fmt;

/// Intervals that the meter keeps: load profile or instrumentation profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfilePlan {
    /// Length of an interval in minutes.
    pub period_minutes: u16,
    /// How many days have to fit.
    pub days_wanted: Option<u16>,
    /// Its columns.
    pub channels: Vec<Obis>,
}

/// What the reader takes from a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Reads {
    /// Totals, registers by rate, maxima.
    pub registers: bool,
    /// So many of the newest billing sets.
    pub billing_sets: Option<u16>,
    /// So many of the newest days of the load profile.
    pub profile_days: Option<u16>,
    /// So many of the newest days of the instrumentation profile.
    pub instrument_days: Option<u16>,
    /// Event counters and logs.
    pub events: bool,
    /// What the meter is set to.
    pub settings: bool,
}

/// When the meter closes a billing period by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillingDate {
    /// Every month on this day, 1 to 28.
    Monthly(u8),
    /// Every year on this day.
    Yearly(MonthDay),
    /// Once.
    Once(CivilDate),
}

impl Default for BillingDate {
    fn default() -> Self {
        Self::Monthly(1)
    }
}

/// `day-1`, `04-01`, `2026-04-01`.
impl fmt::Display for BillingDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Monthly(day) => write!(f, "day-{day}"),
            Self::Yearly(day) => day.fmt(f),
            Self::Once(date) => date.fmt(f),
        }
    }
}

words!(
    /// What keeps a second reset away.
    LockoutKind {
        /// Nothing.
        #[default]
        None = "none",
        /// Until the day ends.
        Midnight = "midnight",
        /// For some minutes.
        Minutes = "minutes",
    }
);

/// The billing page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Billing {
    /// When a period is closed.
    pub dates: Vec<BillingDate>,
    /// At which time of such a date.
    pub time: Option<TimeOfDay>,
    /// What keeps a second reset away.
    pub lockout: LockoutKind,
    /// How long, for `minutes`.
    pub lockout_minutes: Option<u16>,
    /// Whether the button at the meter closes a period.
    pub button: Option<bool>,
    /// Whether a control input does.
    pub input: Option<bool>,
    /// Whether a command does.
    pub command: Option<bool>,
}

words!(
    /// Which list of the display.
    DisplayKind {
        /// Shown one after the other, always.
        #[default]
        Default = "default",
        /// Shown on demand to the utility.
        Utility = "utility",
        /// Shown to whoever serves the meter.
        Service = "service",
    }
);

/// One thing a display shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisplayItem {
    /// What.
    pub source: Source,
    /// The text beside it, instead of the OBIS code.
    pub label: Option<Label>,
    /// How long, in seconds.
    pub dwell_seconds: Option<u16>,
    /// Digits before the decimal point.
    pub digits: Option<u8>,
    /// Digits behind it.
    pub decimals: Option<u8>,
}

/// A list of things that the display shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisplayList {
    /// Which list.
    pub kind: DisplayKind,
    /// Whether zeros fill the digits in front.
    pub leading_zeros: Option<bool>,
    /// Its items, in the order in which they are shown.
    pub items: Vec<DisplayItem>,
}

words!(
    /// What the marks of the phases mean.
    PhaseMark {
        /// A mark is a phase that is there.
        #[default]
        Present = "present",
        /// A mark is a phase that failed.
        Failed = "failed",
        /// There are no marks.
        Off = "off",
    }
);

/// What the display shows beside values, and what the meter warns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Indicators {
    /// What marks of phases mean.
    pub phases: Option<PhaseMark>,
    /// Whether errors are shown as a message.
    pub error_message: Option<bool>,
    /// Whether errors are shown as a sign.
    pub error_icon: Option<bool>,
    /// Whether the quadrant is shown.
    pub quadrant: Option<bool>,
    /// Whether traffic is shown.
    pub communication: Option<bool>,
    /// Whether reverse running of the whole is shown.
    pub reverse_run: Option<bool>,
    /// Whether reverse running of each phase is shown.
    pub reverse_run_phases: Option<bool>,
    /// Whether reverse running raises an alarm.
    pub reverse_run_alarm: Option<bool>,
    /// Below how many volts a phase has failed.
    pub phase_fail_volts: Option<u16>,
}

/// A pulse output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PulseOutput {
    /// Its number, from 1.
    pub number: u8,
    /// What it counts out.
    pub source: Source,
    /// Energy of one pulse in watt-hours (`varh`, `VAh`).
    pub units_per_pulse: u32,
    /// Length of a pulse in milliseconds.
    pub width_ms: Option<u16>,
}

words!(
    /// What an input hears.
    InputKind {
        /// Pulses of an electricity meter.
        #[default]
        Electricity = "electricity",
        /// Pulses of a gas meter.
        Gas = "gas",
        /// Pulses of a water meter.
        Water = "water",
        /// Pulses of a heat meter.
        Heat = "heat",
        /// A contact that raises an alarm.
        Alarm = "alarm",
    }
);

/// A pulse input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PulseInput {
    /// Its number, from 1.
    pub number: u8,
    /// What it hears.
    pub kind: InputKind,
    /// What a pulse is worth, as a decimal number of `unit`: `0.1`.
    pub pulse_value: Option<String>,
    /// The unit: `m3`, `kWh`.
    pub unit: Option<Label>,
}

/// A password that nobody but the gateway that shall write it can open.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct SealedPassword(Vec<u8>);

impl SealedPassword {
    /// From sealed octets.
    pub const fn new(sealed: Vec<u8>) -> Self {
        Self(sealed)
    }

    /// The sealed octets.
    pub fn sealed(&self) -> &[u8] {
        &self.0
    }
}

/// Even sealed it has no business in a log.
impl fmt::Debug for SealedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sealed)")
    }
}

/// A new password.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewPassword {
    /// For which access level, 1 to 3.
    pub level: u8,
    /// The password.
    pub password: SealedPassword,
}

/// The meter's own ports; written last, since it may end the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Communications {
    /// Speed of the serial port.
    pub baud: Option<u32>,
    /// Whether data streams are used.
    pub data_stream: Option<bool>,
    /// After how many seconds without traffic the meter hangs up.
    pub inactivity_seconds: Option<u16>,
    /// Whether the meter feeds its modem.
    pub modem_power: Option<bool>,
}

words!(
    /// What is done with the meter's clock.
    TimeOrder {
        /// Nothing.
        #[default]
        Leave = "leave",
        /// It is slewed a little.
        Adjust = "adjust",
        /// It is set.
        Set = "set",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let password = NewPassword {
            level: 3,
            password: SealedPassword::new(b"FEDC0003".to_vec()),
        };
        let shown = format!("{password:?}");
        assert!(shown.contains("(sealed)"), "{shown}");
        assert!(!shown.contains("70"), "{shown}");
        assert!(!shown.contains("FEDC"), "{shown}");
    }
}
