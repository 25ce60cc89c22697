//! FLAG meters as the program trusts them.

use super::number::Number;
use iec62056_21::codec::{MeterAddress, Password};
use line::LineSettings;
use meters::ClockBasis;
use meters::catalogue::flag::FlagModel;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A meter that speaks IEC 62056-21.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagMeter {
    /// Its model.
    pub model: Arc<FlagModel>,
    /// Its outstation number; without one the only meter of the line is asked.
    pub address: Option<MeterAddress>,
    /// What is dialled to reach it.
    pub number: Option<Number>,
    /// How far it lets the gateway.
    pub access: Access,
    /// Its clock.
    pub clock: MeterClock,
    /// How its registers, events and its own load profile are collected.
    pub collect: CollectSettings,
    /// How the line is used for it.
    pub line: FlagLine,
}

/// How far a meter lets the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The level that the password opens.
    pub level: u8,
    /// The password; without one only what is public is read.
    pub password: Option<Password>,
    /// The file it stands in.
    pub file: Option<PathBuf>,
    /// When that was written, nanoseconds since 1970.
    pub written: i128,
}

impl Access {
    /// Only what is public at this level.
    pub(super) fn without_password(level: u8) -> Self {
        Self {
            level,
            password: None,
            file: None,
            written: 0,
        }
    }

    /// What tells this password from one that stood there before, without saying anything of it:
    /// when its file was written, and the level. Whoever has corrected the meter instead touches
    /// the file.
    pub fn mark(&self) -> Vec<u8> {
        let mut mark = self.written.to_be_bytes().to_vec();
        mark.push(self.level);
        mark
    }
}

/// A meter's clock, and what may be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterClock {
    /// By which calendar it runs.
    pub basis: ClockBasis,
    /// Whether the gateway may adjust it. It never sets it.
    pub adjusts: bool,
    /// Also where no second source says what the adjustment does.
    pub adjusts_unproven: bool,
    /// Up to this error nothing is done.
    pub tolerance: Duration,
}

/// How a meter is collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectSettings {
    /// How often.
    pub every: Duration,
    /// Days of its load profile that are read at most.
    pub days_max: u16,
}

/// How the line is used for a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagLine {
    /// How it is set for a session; none leaves it as the bus has it.
    pub settings: Option<LineSettings>,
    /// The speed changes behind the identification, up to this one.
    pub changes_speed_to: Option<u32>,
    /// Who makes and proves parity.
    pub parity: FlagParity,
}

/// Who makes and proves the parity of seven-bit characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagParity {
    /// The port, or what stands behind a serial server.
    Line,
    /// The gateway, on a line of eight bits without parity.
    Software,
    /// Nobody proves it, on a link that mutilates it.
    Ignored,
}

impl FlagMeter {
    /// Whether the meter keeps a load profile itself.
    pub fn has_own_profile(&self) -> bool {
        let vdew = self.model.vdew.as_ref();
        self.model.profile.is_some() || vdew.is_some_and(|vdew| vdew.profile.is_some())
    }

    /// What the line knows it by.
    pub fn line_name(&self) -> String {
        let address = self.address.as_ref().map_or("", MeterAddress::text);
        let number = self.number.as_ref().map_or("", Number::as_str);
        format!("{number}/{}", address.trim_start_matches('0'))
    }

    /// Whether all eight bits of an octet get through: data streams need them.
    pub fn carries_octets(&self) -> bool {
        self.line.parity == FlagParity::Software
    }
}
