//! Looks for meters on a line.

mod addresses;
mod dlms;
mod modbus;
mod places;
mod report;
mod stations;

pub use addresses::{InvalidAddresses, WishedAddresses};
pub use places::{Configured, ScanWish};
pub use report::{FoundMeter, ScanDoubt, ScanProgress, ScanProtocol, ScanReport};
pub use stations::{Station, StationWish};

use self::dlms::Looked;
use self::modbus::{Matching, Presence};
use self::places::{Stretch, Who, stretches};
use super::setting::{LineReach, Setting};
use super::sighting::{SeenMeter, Sighting, sight};
use super::site::{Cancelled, Site};
use super::visit::identification_words;
use crate::catalogue::Catalogue;
use crate::flag::limits::{ASK_TIME_MAX, MODEL_GUESSES_MAX, SLICE_ASK};
use iec62056_21::codec::MeterAddress;
use iec62056_21::conversation::Garble;
use line::{Line, LineFault};
use std::io;
use std::sync::Arc;
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

/// Looks for meters, likeliest places first, until all were tried or the time is up. The line is
/// then set as it was.
pub async fn scan<L: Line>(
    site: &mut Site<'_, L>,
    order: ScanOrder<'_>,
    cancelled: Cancelled<'_>,
    progress: &mut (dyn FnMut(ScanProgress) + Send),
) -> ScanReport {
    let mut scan = Scan::new(&site.reach, &order);
    let catalogue = order.catalogue;
    let until = scan.until;
    while !scan
        .go_on(site, catalogue, until, cancelled, progress)
        .await
    {}
    scan.finish()
}

/// A scan that goes on in slices, so that others have the line in between.
#[derive(Debug)]
pub struct Scan {
    stretches: Vec<Stretch>,
    stretch: usize,
    who: usize,
    total: usize,
    done: usize,
    until: Instant,
    /// A meter whose models are being compared.
    matching: Option<Matching>,
    report: ScanReport,
}

impl Scan {
    /// A scan that has not begun. Its time begins now.
    pub fn new(reach: &LineReach, order: &ScanOrder<'_>) -> Self {
        let mut known = order.known.clone();
        if order.wish.dlms != StationWish::None {
            known.stations.extend(stations::of_models(order.catalogue));
        }
        let stretches = stretches(reach, order.wish, &known);
        Self {
            total: stretches.iter().map(|stretch| stretch.who.len()).sum(),
            stretches,
            stretch: 0,
            who: 0,
            done: 0,
            until: Instant::now() + order.limit,
            matching: None,
            report: ScanReport::default(),
        }
    }

    /// How far it is.
    pub fn progress(&self) -> ScanProgress {
        let stretch = self.stretches.get(self.stretch);
        let who = stretch.and_then(|stretch| stretch.who.get(self.who));
        let words = match (stretch, who) {
            (Some(stretch), Some(who)) => format!("{stretch}, {who}"),
            _ => "every place was tried".to_owned(),
        };
        ScanProgress {
            done: self.done,
            total: self.total,
            words,
            left: self.left(),
        }
    }

    /// How long the rest takes where nobody else answers.
    fn left(&self) -> Duration {
        let rest = self.stretches.iter().enumerate().skip(self.stretch);
        let silence = rest.map(|(place, stretch)| {
            let done = if place == self.stretch { self.who } else { 0 };
            stretch.silence(stretch.who.len().saturating_sub(done))
        });
        let all: Duration = silence.sum();
        all.min(self.until.saturating_duration_since(Instant::now()))
    }

    /// Why the port went, if it did.
    pub fn line_gone(&self) -> Option<Arc<io::Error>> {
        match &self.report.fault {
            Some(LineFault::Gone(error)) => Some(Arc::clone(error)),
            _ => None,
        }
    }

    /// One slice, of at least one place. True if the scan has come to its end. The line is then set
    /// as it was.
    pub async fn go_on<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        catalogue: &Catalogue,
        slice_until: Instant,
        cancelled: Cancelled<'_>,
        progress: &mut (dyn FnMut(ScanProgress) + Send),
    ) -> bool {
        let mut has_asked = false;
        let mut set_for = None;
        let has_ended = loop {
            if self.is_over(cancelled) {
                break true;
            }
            let Some(stretch) = self.stretches.get(self.stretch) else {
                break true;
            };
            let Some(who) = stretch.who.get(self.who).cloned() else {
                self.stretch += 1;
                self.who = 0;
                continue;
            };
            if has_asked && Instant::now() + SLICE_ASK > slice_until {
                break false;
            }
            let (setting, protocol) = (stretch.setting, stretch.protocol);
            if protocol != ScanProtocol::Flag && set_for != Some(self.stretch) {
                set_for = Some(self.stretch);
                if site.set(&setting).await.is_err() {
                    self.skip_stretch();
                    continue;
                }
            }
            progress(self.progress());
            has_asked = true;
            let is_known = match who {
                Who::Outstation(address) => {
                    self.ask_outstation(site, setting, address.as_ref(), catalogue)
                        .await;
                    true
                }
                Who::Unit(unit) => {
                    self.ask_unit(site, setting, unit, catalogue, slice_until)
                        .await
                }
                Who::Station(station) => {
                    self.ask_station(site, setting, station, catalogue).await;
                    true
                }
            };
            if is_known {
                self.who += 1;
                self.done += 1;
            }
        };
        if let Err(fault) = site.restore().await {
            self.report.fault.get_or_insert(fault);
        }
        has_ended
    }

    /// What it brought. What was not tried is left out.
    pub fn finish(mut self) -> ScanReport {
        let addresses = |count: usize| match count {
            1 => "1 address".to_owned(),
            count => format!("{count} addresses"),
        };
        for (place, stretch) in self.stretches.iter().enumerate() {
            let all = stretch.who.len();
            let asked = match place.cmp(&self.stretch) {
                std::cmp::Ordering::Less => all,
                std::cmp::Ordering::Equal => self.who.min(all),
                std::cmp::Ordering::Greater => 0,
            };
            if asked > 0 {
                let words = format!("{stretch}: {}", addresses(asked));
                self.report.tried.push(words);
            }
            if asked < all {
                let words = format!("{stretch}: {}", addresses(all - asked));
                self.report.left_out.push(words);
            }
        }
        self.report.forget_explained_doubts();
        self.report
    }

    /// Whether nothing more is tried.
    fn is_over(&mut self, cancelled: Cancelled<'_>) -> bool {
        self.report.is_cancelled |= cancelled();
        self.report.is_cancelled
            || self.report.fault.is_some()
            || Instant::now() + ASK_TIME_MAX > self.until
    }

    /// The port refuses the settings: none of these places can be asked.
    fn skip_stretch(&mut self) {
        if let Some(stretch) = self.stretches.get_mut(self.stretch) {
            self.done += stretch.who.len();
            let words = format!("{stretch}: the port refuses these settings");
            self.report.left_out.push(words);
            stretch.who.clear();
        }
    }

    async fn ask_outstation<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        setting: Setting,
        address: Option<&MeterAddress>,
        catalogue: &Catalogue,
    ) {
        let sighting = sight(site, &setting, address, catalogue).await;
        let seen = match sighting {
            Sighting::Nothing => return,
            Sighting::Fault(fault) => return self.fail(fault),
            Sighting::Meter(seen) => seen,
            sighting => {
                let address = address.map(ToString::to_string);
                return self.doubt(ScanProtocol::Flag, setting, address, sighting);
            }
        };
        let mut address = address.cloned();
        if address.is_none() {
            address = address_of(site, setting, &seen, catalogue).await;
        }
        self.note_outstation(setting, address, *seen);
    }

    fn note_outstation(
        &mut self,
        setting: Setting,
        address: Option<MeterAddress>,
        seen: SeenMeter,
    ) {
        let meter = FoundMeter {
            protocol: ScanProtocol::Flag,
            address: address.map(|address| address.to_string()),
            setting,
            identification: seen
                .identification
                .as_ref()
                .map_or_else(String::new, identification_words),
            serial: seen.serial,
            models: seen.models,
            remark: seen.remark,
        };
        self.report.note(meter);
    }

    async fn ask_station<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        setting: Setting,
        station: Station,
        catalogue: &Catalogue,
    ) {
        // Found already as another client, or by the same address in another length.
        if self
            .report
            .knows(ScanProtocol::Dlms, station.address().as_deref(), &setting)
        {
            return;
        }
        let seen = match dlms::look(site, station).await {
            Looked::Silent => return,
            Looked::Fault(fault) => return self.fail(fault),
            Looked::Garbled { octets } => {
                let garble = Garble {
                    octets,
                    ..Garble::default()
                };
                let sighting = Sighting::Garbled(garble);
                return self.doubt(ScanProtocol::Dlms, setting, station.address(), sighting);
            }
            Looked::Meter(seen) => seen,
        };
        let fitting = catalogue.dlms_models().filter(|model| station.fits(model));
        let mut models: Vec<_> = fitting
            .map(|model| (!model.is_of_any_maker(), &model.id))
            .collect();
        // Nothing tells one maker's meter from another's: the one for all comes first.
        models.sort();
        let models = models.into_iter().take(MODEL_GUESSES_MAX);
        self.report.note(FoundMeter {
            protocol: ScanProtocol::Dlms,
            address: station.address(),
            setting,
            identification: seen.name.unwrap_or_default(),
            serial: seen.serial,
            models: models.map(|(_, id)| id.clone()).collect(),
            remark: seen.remark,
        });
    }

    /// False if the models are still being compared.
    async fn ask_unit<L: Line>(
        &mut self,
        site: &mut Site<'_, L>,
        setting: Setting,
        unit: u8,
        catalogue: &Catalogue,
        slice_until: Instant,
    ) -> bool {
        let address = Some(unit.to_string());
        let mut matching = match self.matching.take() {
            Some(matching) => matching,
            None => match modbus::presence(site, unit).await {
                Presence::Silent => return true,
                Presence::Fault(fault) => {
                    self.fail(fault);
                    return true;
                }
                Presence::Garbled { octets } => {
                    let garble = Garble {
                        octets,
                        ..Garble::default()
                    };
                    self.doubt(
                        ScanProtocol::Modbus,
                        setting,
                        address,
                        Sighting::Garbled(garble),
                    );
                    return true;
                }
                Presence::Present => Matching::new(unit),
            },
        };
        let until = slice_until.min(self.until);
        let matched = matching.go_on(site, catalogue, until).await;
        let is_last = Instant::now() + ASK_TIME_MAX > self.until;
        if !matched.is_whole && !is_last {
            self.matching = Some(matching);
            return false;
        }
        let cut = "not every model was compared, because time was up";
        self.report.found.push(FoundMeter {
            protocol: ScanProtocol::Modbus,
            address,
            setting,
            identification: String::new(),
            serial: matched.serial,
            models: matched.models,
            remark: if matched.is_whole { "" } else { cut }.to_owned(),
        });
        true
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
        protocol: ScanProtocol,
        setting: Setting,
        address: Option<String>,
        sighting: Sighting,
    ) {
        self.report.doubts.push(ScanDoubt {
            protocol,
            setting,
            address,
            sighting,
        });
    }
}

/// A meter that answered without an address commonly has the last digits of its serial number as
/// one.
async fn address_of<L: Line>(
    site: &mut Site<'_, L>,
    setting: Setting,
    seen: &SeenMeter,
    catalogue: &Catalogue,
) -> Option<MeterAddress> {
    let serial = seen.serial.as_ref()?;
    let model = catalogue.flag_model(seen.models.first()?)?;
    let digits = usize::from(model.session.address_digits);
    let from = serial.len().checked_sub(digits)?;
    let address = MeterAddress::new(serial.get(from..)?).ok()?;
    let again = sight(site, &setting, Some(&address), catalogue).await;
    let is_it = matches!(&again, Sighting::Meter(again) if again.serial == seen.serial);
    is_it.then_some(address)
}
