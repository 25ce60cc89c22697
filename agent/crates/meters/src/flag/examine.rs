//! The doctor's hands: tries what may be set wrong, and what each try brings.

use super::meter::FlagMeter;
use super::setting::{Characters, Setting};
use super::sighting::{Sighting, sight};
use super::site::Site;
use super::visit::Cancelled;
use crate::catalogue::Catalogue;
use crate::flag::limits::ASK_TIME_MAX;
use iec62056_21::codec::{Baud, MeterAddress};
use line::{Line, LineFault};
use std::time::Duration;
use tokio::time::Instant;

/// Speeds that are tried beside the configured one, the commonest first.
const BAUDS: [u32; 5] = [9600, 4800, 2400, 1200, 19_200];

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
    /// What was not tried, because time was up or somebody cancelled.
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
    meter: &FlagMeter,
    catalogue: &Catalogue,
    limit: Duration,
    cancelled: Cancelled<'_>,
) -> Result<Examination, LineFault> {
    let until = Instant::now() + limit;
    let mut examination = Examination::default();
    for way in ways(meter, site) {
        let is_over = cancelled() || Instant::now() + ASK_TIME_MAX > until;
        if is_over || examination.found().is_some() {
            examination.left_out.push(way);
            continue;
        }
        let sighting = sight(site, &way.setting, way.address.as_ref(), catalogue).await;
        if let Sighting::Fault(fault @ LineFault::Gone(_)) = sighting {
            return Err(fault);
        }
        examination.trials.push(Trial { way, sighting });
    }
    if examination.found().is_some() {
        examination.left_out.clear();
    }
    site.restore().await?;
    Ok(examination)
}

/// The configured way first, then what is likeliest set wrong.
fn ways<L>(meter: &FlagMeter, site: &Site<'_, L>) -> Vec<Way> {
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
    let other_dtr = own.with_other_dtr().filter(|_| site.set_dtr.is_some());
    all.extend(other_dtr.map(|setting| way(setting, address)));
    for characters in [Characters::SevenEven, Characters::EightNone] {
        let line = characters.on(own.line.baud);
        all.push(way(Setting { line, ..own }, address));
    }
    if site.reach.can_change {
        for baud in BAUDS {
            let setting = Setting {
                line: Characters::SevenEven.on(baud),
                changes_speed: false,
                ..own
            };
            all.push(way(setting, address));
        }
        let slow = Setting {
            line: Characters::SevenEven.on(Baud::B300.bits_per_second()),
            changes_speed: true,
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
