//! What a scan found, and what it could not make out.

use crate::flag::serial::is_same_serial;
use crate::flag::setting::Setting;
use crate::flag::sighting::Sighting;
use line::LineFault;
use std::fmt;
use std::time::Duration;

/// What is spoken to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanProtocol {
    /// IEC 62056-21.
    Flag,
    /// Modbus.
    Modbus,
    /// DLMS/COSEM.
    Dlms,
}

impl ScanProtocol {
    /// The word of messages between programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Modbus => "modbus",
            Self::Dlms => "dlms",
        }
    }
}

impl fmt::Display for ScanProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "FLAG",
            Self::Modbus => "Modbus",
            Self::Dlms => "DLMS",
        })
    }
}

/// How far a scan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanProgress {
    /// Addresses that were asked.
    pub done: usize,
    /// Addresses in all.
    pub total: usize,
    /// What is going on: `FLAG 9600 7E1, address 004`.
    pub words: String,
    /// How long the rest takes, if nobody else answers.
    pub left: Duration,
}

/// A meter that a scan found.
#[derive(Debug, Clone)]
pub struct FoundMeter {
    /// What it speaks.
    pub protocol: ScanProtocol,
    /// Its address or unit, `1/17` on HDLC; none where it answers without one.
    pub address: Option<String>,
    /// How the line was set.
    pub setting: Setting,
    /// What it says of itself; empty where it says nothing.
    pub identification: String,
    /// Its serial number, if it tells it without a password.
    pub serial: Option<String>,
    /// Names of models that fit, likeliest first.
    pub models: Vec<String>,
    /// What went wrong while it was asked; empty where nothing did.
    pub remark: String,
}

/// A place where something was heard that is no meter that could be understood.
#[derive(Debug, Clone)]
pub struct ScanDoubt {
    /// What was spoken.
    pub protocol: ScanProtocol,
    /// How the line was set.
    pub setting: Setting,
    /// Who was asked; none: anybody.
    pub address: Option<String>,
    /// What was seen.
    pub sighting: Sighting,
}

/// What a scan brought.
#[derive(Debug, Clone, Default)]
pub struct ScanReport {
    /// The meters.
    pub found: Vec<FoundMeter>,
    /// Places where something answered that could not be understood, or twice.
    pub doubts: Vec<ScanDoubt>,
    /// What was tried: `FLAG 9600 7E1: 12 addresses`.
    pub tried: Vec<String>,
    /// What was not tried, because time was up or somebody cancelled.
    pub left_out: Vec<String>,
    /// Whether somebody cancelled it.
    pub is_cancelled: bool,
    /// The line could not be used any more.
    pub fault: Option<LineFault>,
}

impl FoundMeter {
    /// Whether another look says more of the same meter.
    fn is_less_than(&self, other: &Self) -> bool {
        self.address.is_none() && other.address.is_some()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same_serial = match (&self.serial, &other.serial) {
            (Some(one), Some(other)) => is_same_serial(one, other),
            _ => self.address == other.address && self.setting == other.setting,
        };
        self.protocol == other.protocol
            && same_serial
            && self.identification == other.identification
    }
}

impl ScanReport {
    /// Whether a meter was found at this address.
    pub(super) fn knows(
        &self,
        protocol: ScanProtocol,
        address: Option<&str>,
        setting: &Setting,
    ) -> bool {
        let mut found = self.found.iter();
        found.any(|known| {
            known.protocol == protocol
                && known.address.as_deref() == address
                && known.setting == *setting
        })
    }

    /// A meter is told once, with its address if that is known.
    pub(super) fn note(&mut self, meter: FoundMeter) {
        let mut known = self.found.iter_mut();
        match known.find(|known| known.is_same(&meter)) {
            Some(known) if known.is_less_than(&meter) => *known = meter,
            Some(_) => {}
            None => self.found.push(meter),
        }
    }

    /// A meter that was found explains what was garbled elsewhere: other settings garble it, and
    /// without an address all meters of a line answer at once.
    pub(super) fn forget_explained_doubts(&mut self) {
        let found = std::mem::take(&mut self.found);
        self.doubts.retain(|doubt| {
            let here = |meter: &&FoundMeter| meter.setting == doubt.setting;
            let is_elsewhere = !found.is_empty() && !found.iter().any(|meter| here(&meter));
            let is_crowd = doubt.address.is_none() && found.iter().any(|meter| here(&meter));
            !is_elsewhere && !is_crowd
        });
        self.found = found;
    }
}
