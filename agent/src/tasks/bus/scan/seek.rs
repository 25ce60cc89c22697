//! One place of a scan: who is there, and what it says of itself.

use super::super::trials::{Trier, line_of, parity_of};
use super::super::{Bus, work};
use super::address_of;
use super::places::{Place, line_words};
use desk::{FoundMeter, ScanResult};
use iec62056_21::codec::{Identification, MeterAddress};
use line::{LineFault, LineSettings, Peer};
use meters::catalogue::flag::{FlagModel, IdentityWhat};
use meters::catalogue::{Identify, IdentityValue, Model, What};
use meters::doctor::{Saw, TrialSettings, Trials, diagnose};
use meters::elster::{Content, ContentReader};
use meters::flag::{Credentials, LineUse, Visit, Wish, terms};
use meters::modbus::ReadFault;
use meters::{Span, Table};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A meter begins to answer a sign-on within this time.
const REACTION_MAX: Duration = Duration::from_millis(1500);
/// The longest that reading a serial number may take.
const SERIAL_WITHIN: Duration = Duration::from_secs(8);
/// Whose turnaround such sessions are.
const SCAN_PEER: Peer = Peer(0x2_0001);
/// Any answer proves that a unit is there: a value, or the refusal to give it.
const ANY_REGISTER: Span = Span {
    table: Table::Holding,
    address: 0,
    count: 1,
};

impl Bus {
    /// Looks at one place. An error only if the port is gone.
    pub(super) async fn look_at(
        &mut self,
        place: &Place,
        result: &mut ScanResult,
    ) -> Result<(), Arc<std::io::Error>> {
        match place {
            Place::Flag(with) => self.look_for_flag(with, result).await,
            Place::Modbus { line, unit } => self.look_for_modbus(*line, *unit, result).await,
        }
    }

    async fn look_for_flag(
        &mut self,
        with: &TrialSettings,
        result: &mut ScanResult,
    ) -> Result<(), Arc<std::io::Error>> {
        let bus = &self.parts.settings;
        let Some(line) = self.link.line() else {
            return Ok(());
        };
        let mut trier = Trier {
            line,
            bus,
            reaction_max: REACTION_MAX,
        };
        let saw = trier.sign_on(with).await;
        trier.restore();
        match saw {
            Some(Saw::Identification(told)) => {
                let found = self.found_flag(with, told).await;
                remember(found, result);
            }
            Some(saw @ (Saw::TwoIdentifications(_) | Saw::Nak)) => {
                let trials = Trials {
                    signs_on: vec![meters::doctor::Trial {
                        settings: with.clone(),
                        saw,
                    }],
                    ..Trials::default()
                };
                if let Some(message) = diagnose(&trials).message() {
                    result.doubts.push(work::said(message, &trials.signs_on));
                }
            }
            Some(saw @ Saw::Garbage { .. }) => {
                let words = format!("{with}: {}", work::heard(&saw));
                result.doubts.push(work::diagnosis(
                    "C02",
                    words,
                    "something answers that could not be understood",
                    &[
                        "another speed or framing may be right; so may be two meters that answer at once",
                    ],
                ));
            }
            Some(Saw::Nothing | Saw::Echo { .. }) | None => {}
        }
        Ok(())
    }

    async fn found_flag(&mut self, with: &TrialSettings, told: String) -> FoundMeter {
        let catalogue = Arc::clone(&self.parts.catalogue);
        let octets = format!("{told}\r\n");
        let models = match Identification::decode(octets.as_bytes()) {
            Ok(identification) => catalogue.flag_models_for(&identification),
            Err(_) => Vec::new(),
        };
        let serial = match models.first() {
            Some(model) => self.serial_of(model, with).await,
            None => None,
        };
        let configured = self.flags.iter().find(|book| {
            let own = book.flag.address.as_ref().map(MeterAddress::text);
            let bare = |text: &str| text.trim_start_matches('0').to_owned();
            let is_here = own.map(bare).unwrap_or_default() == bare(&with.address);
            let known = [book.serial(), book.expected_serial()];
            let is_same = serial.as_ref().is_some_and(|told| {
                let told = bare(told);
                known
                    .iter()
                    .any(|known| !known.is_empty() && bare(known) == told)
            });
            is_same || serial.is_none() && is_here
        });
        FoundMeter {
            protocol: "flag".to_owned(),
            address: with.address.clone(),
            line: format!("{} {}", with.baud, with.framing),
            dtr: with.dtr.map(|dtr| match dtr {
                meters::doctor::Dtr::On => "on".to_owned(),
                meters::doctor::Dtr::Off => "off".to_owned(),
            }),
            identification: told,
            models: models.iter().map(|model| model.id.clone()).collect(),
            configured: configured.map(|book| book.id().to_string()),
            serial,
        }
    }

    /// The serial number, if the meter tells it to anybody.
    async fn serial_of(&mut self, model: &FlagModel, with: &TrialSettings) -> Option<String> {
        let link = &self.parts.settings.link;
        let can_be_set = link.can_be_set();
        let wish = Wish {
            peer: SCAN_PEER,
            address: address_of(&with.address),
            line: LineUse {
                usual: link.line().copied().filter(|_| can_be_set),
                opening: can_be_set.then(|| line_of(with)),
                changes_speed_to: None,
                parity: parity_of(with.framing),
            },
            hold_max: SERIAL_WITHIN,
            attempts: 1,
            opening_attempts: 1,
            streams: false,
        };
        let line = self.link.line()?;
        let mut visit = Visit::begin(line, model, &terms(model, &wish)).await.ok()?;
        let serial = serial_in(&mut visit).await;
        visit.end().await;
        serial
    }

    async fn look_for_modbus(
        &mut self,
        line: Option<LineSettings>,
        unit: u8,
        result: &mut ScanResult,
    ) -> Result<(), Arc<std::io::Error>> {
        let usual = self.parts.settings.link.line().copied();
        let is_other = line.is_some() && line != usual;
        if let (true, Some(line)) = (is_other, line) {
            self.set_line(line).await?;
        }
        let found = self.modbus_at(line.or(usual), unit).await;
        if let (true, Some(usual)) = (is_other, usual) {
            self.set_line(usual).await?;
        }
        if let Some(found) = found? {
            remember(found, result);
        }
        Ok(())
    }

    async fn set_line(&mut self, settings: LineSettings) -> Result<(), Arc<std::io::Error>> {
        let Some(line) = self.link.line() else {
            return Ok(());
        };
        match line.set(settings).await {
            Err(LineFault::Gone(error)) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn modbus_at(
        &mut self,
        line: Option<LineSettings>,
        unit: u8,
    ) -> Result<Option<FoundMeter>, Arc<std::io::Error>> {
        let there = self.link.ask(unit, ANY_REGISTER).await;
        if !is_there(&there)? {
            return Ok(None);
        }
        let catalogue = Arc::clone(&self.parts.catalogue);
        let mut heard: BTreeMap<Span, Vec<u16>> = BTreeMap::new();
        for item in catalogue.models().flat_map(|model| &model.identify) {
            if heard.contains_key(&item.span) {
                continue;
            }
            self.parts.pulse.beat();
            let words = self.link.ask(unit, item.span).await;
            is_there(&words)?;
            heard.insert(item.span, words.unwrap_or_default());
        }
        let models: Vec<&Model> = catalogue
            .models()
            .filter(|model| is_of(model, &heard))
            .collect();
        let items = models.iter().flat_map(|model| &model.identify);
        let mut serials = items.filter(|item| item.what == What::Serial);
        let serial = serials.find_map(|item| told(item, &heard));
        let configured = self.books.iter().find(|book| book.unit() == unit);
        let configured = configured.filter(|_| line == self.parts.settings.link.line().copied());
        Ok(Some(FoundMeter {
            protocol: "modbus".to_owned(),
            address: unit.to_string(),
            line: line.map(line_words).unwrap_or_default(),
            dtr: None,
            identification: String::new(),
            serial: serial.map(|serial| serial.to_string()),
            models: models.iter().map(|model| model.id.clone()).collect(),
            configured: configured.map(|book| book.id().to_string()),
        }))
    }
}

/// Whether somebody answered, in whatever way.
fn is_there<T>(answer: &Result<T, ReadFault>) -> Result<bool, Arc<std::io::Error>> {
    match answer {
        Ok(_) | Err(ReadFault::Exception(_)) => Ok(true),
        Err(ReadFault::Line(LineFault::Gone(error))) => Err(Arc::clone(error)),
        Err(_) => Ok(false),
    }
}

fn told(item: &Identify, heard: &BTreeMap<Span, Vec<u16>>) -> Option<IdentityValue> {
    let words = heard.get(&item.span)?;
    let value = item.identity(words).ok()?;
    (value != IdentityValue::Unavailable).then_some(value)
}

/// Whether it says what meters of this model say, and there is something that such meters say.
fn is_of(model: &Model, heard: &BTreeMap<Span, Vec<u16>>) -> bool {
    let mut told_apart = model.identify.iter().filter(|item| !item.equals.is_empty());
    let says = |item: &Identify| told(item, heard).is_some_and(|told| item.equals.contains(&told));
    told_apart.clone().next().is_some() && told_apart.all(says)
}

async fn serial_in<L: line::Line>(visit: &mut Visit<'_, '_, L>) -> Option<String> {
    let (model, variant) = (visit.model(), visit.variant());
    let mut rows = model.identities_of(&variant.id);
    let row = rows.find(|row| row.what == Some(IdentityWhat::Serial))?;
    visit.log_on(&Credentials::None).await.ok()?;
    let raw = visit.read(row, 0).await.ok()?;
    match ContentReader::new(model, &variant.id).read(row, &raw.octets) {
        Ok(Content::Text(text)) => Some(text),
        _ => None,
    }
}

/// A meter that answers without an address and with its own is one meter.
fn remember(found: FoundMeter, result: &mut ScanResult) {
    let is_same = |known: &FoundMeter| {
        known.protocol == found.protocol
            && known.line == found.line
            && known.serial.is_some()
            && known.serial == found.serial
    };
    match result.found.iter_mut().find(|known| is_same(known)) {
        Some(known) if known.address.is_empty() => *known = found,
        Some(_) => {}
        None => result.found.push(found),
    }
}
