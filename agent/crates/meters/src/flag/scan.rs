//! Looks for meters on a line.

mod addresses;
mod modbus;
mod places;

pub use addresses::{InvalidAddresses, WishedAddresses};
pub use places::{Configured, ScanWish};

use self::modbus::Presence;
use self::places::{Stretch, Who, stretches};
use super::serial::is_same_serial;
use super::setting::Setting;
use super::sighting::{SeenMeter, Sighting, sight};
use super::site::{Cancelled, Site};
use super::visit::identification_words;
use iec62056_21::conversation::Garble;
use crate::catalogue::Catalogue;
use crate::flag::limits::{ASK_TIME_MAX, IDENTIFY_TIME_MAX};
use iec62056_21::codec::MeterAddress;
use line::{Line, LineFault};
use std::time::Duration;
use tokio::time::Instant;

/// What a scan is told.
#[derive(Debug, Clone, Copy)]
pub struct ScanOrder<'a> {
    /// Where to look.
    pub wish: &'a ScanWish,
    /// What is configured already.
    pub known: &'a Configured,
    /// Every model.
    pub catalogue: &'a Catalogue,
    /// Ends after so long, found or not.
    pub limit: Duration,
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
}

/// A meter that a scan found.
#[derive(Debug, Clone)]
pub struct FoundMeter {
    /// Whether it speaks FLAG; else it speaks Modbus.
    pub is_flag: bool,
    /// Its address or unit; none where it answers without one.
    pub address: Option<String>,
    /// How the line was set.
    pub setting: Setting,
    /// What it says of itself; empty for a Modbus meter.
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
    /// Whether FLAG was spoken; else Modbus.
    pub is_flag: bool,
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

/// Looks for meters, likeliest places first, until all were tried or the time is up. The line is
/// then set as it was.
pub async fn scan<L: Line>(
    site: &mut Site<'_, L>,
    order: ScanOrder<'_>,
    cancelled: Cancelled<'_>,
    progress: &mut (dyn FnMut(ScanProgress) + Send),
) -> ScanReport {
    let all = stretches(&site.reach, order.wish, order.known);
    let mut scan = Scan {
        order,
        cancelled,
        progress,
        until: Instant::now() + order.limit,
        total: all.iter().map(|stretch| stretch.who.len()).sum(),
        done: 0,
        report: ScanReport::default(),
    };
    for stretch in &all {
        scan.walk(site, stretch).await;
    }
    if let Err(fault) = site.restore().await {
        scan.report.fault.get_or_insert(fault);
    }
    scan.report.forget_explained_doubts();
    scan.report
}

struct Scan<'a> {
    order: ScanOrder<'a>,
    cancelled: Cancelled<'a>,
    progress: &'a mut (dyn FnMut(ScanProgress) + Send),
    until: Instant,
    total: usize,
    done: usize,
    report: ScanReport,
}

impl Scan<'_> {
    async fn walk<L: Line>(&mut self, site: &mut Site<'_, L>, stretch: &Stretch) {
        let mut asked = 0;
        if !stretch.is_flag && !self.is_over() && site.set(&stretch.setting).await.is_err() {
            let words = format!("{stretch}: the port refuses these settings");
            self.report.left_out.push(words);
            self.done += stretch.who.len();
            return;
        }
        for who in &stretch.who {
            if self.is_over() {
                break;
            }
            self.tell(stretch, who);
            match who {
                Who::Outstation(address) => {
                    self.ask_outstation(site, stretch, address.as_ref()).await;
                }
                Who::Unit(unit) => self.ask_unit(site, stretch, *unit).await,
            }
            asked += 1;
            self.done += 1;
        }
        let left = stretch.who.len() - asked;
        let addresses = |count: usize| match count {
            1 => "1 address".to_owned(),
            count => format!("{count} addresses"),
        };
        if asked > 0 {
            let words = format!("{stretch}: {}", addresses(asked));
            self.report.tried.push(words);
        }
        if left > 0 {
            let words = format!("{stretch}: {}", addresses(left));
            self.report.left_out.push(words);
        }
    }

    /// Whether nothing more is tried.
    fn is_over(&mut self) -> bool {
        self.report.is_cancelled |= (self.cancelled)();
        self.report.is_cancelled
            || self.report.fault.is_some()
            || Instant::now() + ASK_TIME_MAX > self.until
    }

    fn tell(&mut self, stretch: &Stretch, who: &Who) {
        let who = match who {
            Who::Outstation(None) => "without an address".to_owned(),
            Who::Outstation(Some(address)) => format!("address {address}"),
            Who::Unit(unit) => format!("unit {unit}"),
        };
        (self.progress)(ScanProgress {
            done: self.done,
            total: self.total,
            words: format!("{stretch}, {who}"),
        });
    }

    async fn ask_outstation<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        stretch: &Stretch,
        address: Option<&MeterAddress>,
    ) {
        let setting = stretch.setting;
        let sighting = sight(site, &setting, address, self.order.catalogue).await;
        let seen = match sighting {
            Sighting::Nothing => return,
            Sighting::Fault(fault) => return self.fail(fault),
            Sighting::Meter(seen) => seen,
            sighting => {
                let address = address.map(ToString::to_string);
                return self.doubt(true, setting, address, sighting);
            }
        };
        let mut address = address.cloned();
        if address.is_none() && !self.is_over() {
            address = self.address_of(site, setting, &seen).await;
        }
        self.note_outstation(setting, address, *seen);
    }

    /// A meter that answered without an address commonly has the last digits of its serial number
    /// as one.
    async fn address_of<L: Line>(
        &self,
        site: &mut Site<'_, L>,
        setting: Setting,
        seen: &SeenMeter,
    ) -> Option<MeterAddress> {
        let serial = seen.serial.as_ref()?;
        let model = self.order.catalogue.flag_model(seen.models.first()?)?;
        let digits = usize::from(model.session.address_digits);
        let from = serial.len().checked_sub(digits)?;
        let address = MeterAddress::new(serial.get(from..)?).ok()?;
        let again = sight(site, &setting, Some(&address), self.order.catalogue).await;
        let is_it = matches!(&again, Sighting::Meter(again) if again.serial == seen.serial);
        is_it.then_some(address)
    }

    fn note_outstation(&mut self, setting: Setting, address: Option<MeterAddress>, seen: SeenMeter) {
        let meter = FoundMeter {
            is_flag: true,
            address: address.map(|address| address.to_string()),
            setting,
            identification: seen.identification.as_ref().map_or_else(String::new, identification_words),
            serial: seen.serial,
            models: seen.models,
            remark: seen.remark,
        };
        let known = self.report.found.iter_mut();
        match known.into_iter().find(|known| known.is_same(&meter)) {
            Some(known) if known.address.is_none() => *known = meter,
            Some(_) => {}
            None => self.report.found.push(meter),
        }
    }

    async fn ask_unit<L: Line>(&mut self, site: &mut Site<'_, L>, stretch: &Stretch, unit: u8) {
        let setting = stretch.setting;
        let address = Some(unit.to_string());
        match modbus::presence(site.line, unit).await {
            Presence::Silent => {}
            Presence::Fault(fault) => self.fail(fault),
            Presence::Garbled { octets } => {
                let garble = Garble {
                    octets,
                    ..Garble::default()
                };
                self.doubt(false, setting, address, Sighting::Garbled(garble));
            }
            Presence::Present => {
                let until = (Instant::now() + IDENTIFY_TIME_MAX).min(self.until);
                let catalogue = self.order.catalogue;
                let matched = modbus::identify(site.line, unit, catalogue, until).await;
                let cut = "not every model was compared, because time was up";
                self.report.found.push(FoundMeter {
                    is_flag: false,
                    address,
                    setting,
                    identification: String::new(),
                    serial: matched.serial,
                    models: matched.models,
                    remark: if matched.is_whole { "" } else { cut }.to_owned(),
                });
            }
        }
    }

    fn fail(&mut self, fault: LineFault) {
        match fault {
            // Somebody else talks: the next place may be quiet.
            LineFault::Busy { .. } | LineFault::Settings(_) => {}
            fault => self.report.fault = Some(fault),
        }
    }

    fn doubt(
        &mut self,
        is_flag: bool,
        setting: Setting,
        address: Option<String>,
        sighting: Sighting,
    ) {
        self.report.doubts.push(ScanDoubt {
            is_flag,
            setting,
            address,
            sighting,
        });
    }
}

impl FoundMeter {
    fn is_same(&self, other: &Self) -> bool {
        let same_serial = match (&self.serial, &other.serial) {
            (Some(one), Some(other)) => is_same_serial(one, other),
            _ => self.address == other.address && self.setting == other.setting,
        };
        self.is_flag == other.is_flag
            && same_serial
            && self.identification == other.identification
    }
}

impl ScanReport {
    /// A meter that was found explains what was garbled elsewhere: other settings garble it, and
    /// without an address all meters of a line answer at once.
    fn forget_explained_doubts(&mut self) {
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
