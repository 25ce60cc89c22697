//! Meters as the program trusts them.

use super::dlms_meter::DlmsMeter;
use super::flag_meter::FlagMeter;
use metering::{BusId, MeterId, Obis, Period};
use meters::catalogue::Model;
use std::sync::Arc;
use std::time::Duration;

/// One meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterSettings {
    /// Its name.
    pub id: MeterId,
    /// The line it hangs on.
    pub bus: BusId,
    /// Its protocol, with all that belongs to that.
    pub speaks: Speaks,
    /// The serial number it must answer with, if one was given.
    pub serial: Option<String>,
    /// Largest power its installation can carry; what exceeds it is read twice.
    pub max_power_kw: Option<u32>,
    /// Its load profile, if it makes one.
    pub profile: Option<ProfileSettings>,
    /// Its instantaneous values, if they are wanted.
    pub instant: Option<InstantSettings>,
}

/// What a meter speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaks {
    /// Modbus, in any of its framings.
    Modbus(ModbusMeter),
    /// IEC 62056-21.
    Flag(Box<FlagMeter>),
    /// DLMS/COSEM.
    Dlms(Box<DlmsMeter>),
}

/// A Modbus meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusMeter {
    /// Its model.
    pub model: Arc<Model>,
    /// Its address on the line.
    pub unit: u8,
}

impl MeterSettings {
    /// What belongs to Modbus, if it speaks that.
    pub fn modbus(&self) -> Option<&ModbusMeter> {
        match &self.speaks {
            Speaks::Modbus(modbus) => Some(modbus),
            Speaks::Flag(_) | Speaks::Dlms(_) => None,
        }
    }

    /// What belongs to IEC 62056-21, if it speaks that.
    pub fn flag(&self) -> Option<&FlagMeter> {
        match &self.speaks {
            Speaks::Flag(flag) => Some(flag),
            Speaks::Modbus(_) | Speaks::Dlms(_) => None,
        }
    }

    /// What belongs to DLMS/COSEM, if it speaks that.
    pub fn dlms(&self) -> Option<&DlmsMeter> {
        match &self.speaks {
            Speaks::Dlms(dlms) => Some(dlms),
            Speaks::Modbus(_) | Speaks::Flag(_) => None,
        }
    }

    /// Name of its model.
    pub fn model_id(&self) -> &str {
        match &self.speaks {
            Speaks::Modbus(modbus) => &modbus.model.id,
            Speaks::Flag(flag) => &flag.model.id,
            Speaks::Dlms(dlms) => &dlms.model.id,
        }
    }
}

/// A load profile that the gateway makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSettings {
    /// Length of an interval.
    pub period: Period,
    /// The totals sampled at each interval's end.
    pub totals: Vec<Obis>,
}

/// Instantaneous values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstantSettings {
    /// How often.
    pub every: Duration,
    /// Which.
    pub values: Vec<Obis>,
}
