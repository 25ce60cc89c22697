//! The doctor's hands: tries what may be set wrong, and what each try brings.

use super::setting::{Characters, LineReach, Setting};
use super::sighting::{Sighting, sight};
use super::site::{Cancelled, Site};
use super::terms::Credentials;
use crate::catalogue::Catalogue;
use crate::catalogue::flag::FlagModel;
use crate::flag::limits::ASK_TIME_MAX;
use iec62056_21::codec::{Baud, MeterAddress};
use line::{Line, LineFault, Peer};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Speeds that are tried beside the configured one, the commonest first.
const BAUDS: [u32; 5] = [9600, 4800, 2400, 1200, 19_200];

/// A meter as it is configured.
#[derive(Debug, Clone)]
pub struct ExaminedMeter {
    /// Its model.
    pub model: Arc<FlagModel>,
    /// Whose turnaround the line learns.
    pub peer: Peer,
    /// Its address; none where it answers without one.
    pub address: Option<MeterAddress>,
    /// How the line is set while it is talked to.
    pub setting: Setting,
    /// What proves that the gateway may read.
    pub credentials: Credentials,
    /// The level that this opens.
    pub level: u8,
    /// The serial number that it must have, if that is known.
    pub serial: Option<String>,
}

/// One way to reach a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// How the line is set.
    pub setting: Setting,
    /// The address that is asked; none: whoever is there.
    pub address: Option<MeterAddress>,
}

/// One try, and what it brought.
#[derive(Debug, Clone)]
pub struct Trial {
    /// How it was tried.
    pub way: Way,
    /// What was seen.
    pub sighting: Sighting,
}

/// What trials brought.
#[derive(Debug, Clone, Default)]
pub struct Examination {
    /// In the order in which they were made, the configured way first.
    pub trials: Vec<Trial>,
    /// What was not tried, or not yet.
    pub left_out: Vec<Way>,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.address {
            Some(address) => write!(f, "{}, address {address}", self.setting),
            None => write!(f, "{}, without an address", self.setting),
        }
    }
}

impl Examination {
    /// The try that brought a meter, if one did.
    pub fn found(&self) -> Option<&Trial> {
        let mut trials = self.trials.iter();
        trials.find(|trial| matches!(trial.sighting, Sighting::Meter(_)))
    }
}

/// Tries the configured way, and then others, until a meter answers or the time is up. Passwords
/// are not tried. The line is then set as it was.
pub async fn examine<L: Line>(
    site: &mut Site<'_, L>,
    meter: &ExaminedMeter,
    catalogue: &Catalogue,
    limit: Duration,
    cancelled: Cancelled<'_>,
) -> Result<Examination, LineFault> {
    let until = Instant::now() + limit;
    let mut examination = Examination::new(meter, &site.reach, site.set_dtr.is_some());
    while !examination.go_on(site, catalogue, until, cancelled).await?
        && Instant::now() + ASK_TIME_MAX <= until
        && !cancelled()
    {}
    Ok(examination)
}

impl Examination {
    /// Trials that have not begun, of DTR too where it can be switched.
    pub fn new(meter: &ExaminedMeter, reach: &LineReach, can_switch_dtr: bool) -> Self {
        Self {
            trials: Vec::new(),
            left_out: ways(meter, reach, can_switch_dtr),
        }
    }

    /// One slice, of at least one trial. True if a meter has answered, or everything was tried. The
    /// line is then set as it was.
    pub async fn go_on<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        catalogue: &Catalogue,
        slice_until: Instant,
        cancelled: Cancelled<'_>,
    ) -> Result<bool, LineFault> {
        let mut has_tried = false;
        while self.found().is_none() && !self.left_out.is_empty() {
            let is_over = Instant::now() + ASK_TIME_MAX > slice_until;
            if cancelled() || has_tried && is_over {
                break;
            }
            has_tried = true;
            let way = self.left_out.remove(0);
            let sighting = sight(site, &way.setting, way.address.as_ref(), catalogue).await;
            if let Sighting::Fault(fault @ LineFault::Gone(_)) = sighting {
                return Err(fault);
            }
            self.trials.push(Trial { way, sighting });
        }
        site.restore().await?;
        let has_ended = self.found().is_some() || self.left_out.is_empty();
        if self.found().is_some() {
            // Nobody misses them.
            self.left_out.clear();
        }
        Ok(has_ended)
    }
}

/// The configured way first, then what is likeliest set wrong.
fn ways(meter: &ExaminedMeter, reach: &LineReach, can_switch_dtr: bool) -> Vec<Way> {
    let own = meter.setting;
    let address = &meter.address;
    let way = |setting, address: &Option<MeterAddress>| Way {
        setting,
        address: address.clone(),
    };
    let mut all = vec![way(own, address)];
    if address.is_some() {
        all.push(way(own, &None));
    }
    let other_dtr = own.with_other_dtr().filter(|_| can_switch_dtr);
    all.extend(other_dtr.map(|setting| way(setting, address)));
    for characters in [Characters::SevenEven, Characters::EightNone] {
        let line = characters.on(own.line.baud);
        let setting = Setting {
            line,
            ignores_parity: false,
            ..own
        };
        all.push(way(setting, address));
    }
    let lenient = Setting {
        line: Characters::SevenEven.on(own.line.baud),
        ignores_parity: true,
        ..own
    };
    let is_eight = Characters::of(&reach.line) == Some(Characters::EightNone);
    if is_eight || reach.can_change {
        all.push(way(lenient, address));
    }
    if reach.can_change {
        for baud in BAUDS {
            let setting = Setting {
                line: Characters::SevenEven.on(baud),
                changes_speed: false,
                ignores_parity: false,
                ..own
            };
            all.push(way(setting, address));
        }
        let slow = Setting {
            line: Characters::SevenEven.on(Baud::B300.bits_per_second()),
            changes_speed: true,
            ignores_parity: false,
            ..own
        };
        all.push(way(slow, address));
        if let Some(other) = other_dtr {
            let dtr = other.dtr;
            all.push(way(Setting { dtr, ..slow }, address));
        }
    }
    let mut distinct: Vec<Way> = Vec::new();
    for way in all {
        if !distinct.contains(&way) {
            distinct.push(way);
        }
    }
    distinct
}
