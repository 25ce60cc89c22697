//! Where a scan looks, in which order: what is likely first.

use crate::config::{BusSettings, LinkSettings};
use crate::limits::{SCAN_PLACES_MAX, SCAN_UNITS_LIKELY};
use desk::ScanWish;
use line::{DataBits, LineSettings, Parity};
use meters::doctor::{Dtr, Framing, TrialSettings};
use std::collections::VecDeque;

/// The highest Modbus unit (Modbus over Serial Line V1.02, 2.2).
const UNIT_MAX: u8 = 247;
/// The outstation number with which many meters are delivered.
const OUTSTATION_LIKELY: &str = "001";

/// One place to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A sign-on.
    Flag(TrialSettings),
    /// A read of one register.
    Modbus {
        /// How the line is set; none leaves it as it is.
        line: Option<LineSettings>,
        unit: u8,
    },
}

impl Place {
    /// What belongs together in the summary.
    pub(super) fn group(&self) -> String {
        match self {
            Self::Flag(with) => {
                let dtr = with.dtr.map(|dtr| format!(", {dtr}")).unwrap_or_default();
                format!("FLAG {} {}{dtr}", with.baud, with.framing)
            }
            Self::Modbus { line: None, .. } => "Modbus".to_owned(),
            Self::Modbus {
                line: Some(line), ..
            } => format!("Modbus {}", line_words(*line)),
        }
    }

    /// The place itself.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Flag(with) if with.address.is_empty() => {
                format!("{}, no address", self.group())
            }
            Self::Flag(with) => format!("{}, address {}", self.group(), with.address),
            Self::Modbus { unit, .. } => format!("{}, unit {unit}", self.group()),
        }
    }
}

/// `9600 8E1`.
pub(super) fn line_words(line: LineSettings) -> String {
    let data = match line.data_bits {
        DataBits::Seven => 7,
        DataBits::Eight => 8,
    };
    let parity = match line.parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    };
    let stop = match line.stop_bits {
        line::StopBits::One => 1,
        line::StopBits::Two => 2,
    };
    format!("{} {data}{parity}{stop}", line.baud)
}

/// Addresses that are known on this bus.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) outstations: Vec<String>,
    pub(super) units: Vec<u8>,
    /// Speeds at which meters of known models are delivered.
    pub(super) bauds: Vec<u32>,
}

/// Every place, the likely ones first; at most a named number of them.
pub(super) fn places(wish: &ScanWish, bus: &BusSettings, known: &Known) -> VecDeque<Place> {
    let is_tcp = matches!(bus.link, LinkSettings::ModbusTcp { .. });
    let is_both = wish.modbus == wish.flag;
    let lines = lines(wish, bus, known);
    let mut places = Vec::new();
    for line in &lines {
        if (wish.flag || is_both) && !is_tcp {
            let addresses = outstations(wish, known);
            for framing in framings(*line, bus.link.can_be_set()) {
                for dtr in circuits(&bus.link) {
                    places.extend(addresses.iter().map(|address| {
                        Place::Flag(TrialSettings {
                            baud: line.map_or(0, |line| line.baud),
                            framing,
                            dtr,
                            cancels_echo: true,
                            address: address.clone(),
                        })
                    }));
                }
            }
        }
        if wish.modbus || is_both {
            for line in modbus_lines(*line, bus.link.can_be_set()) {
                let units = units(wish, known).into_iter();
                places.extend(units.map(|unit| Place::Modbus { line, unit }));
            }
        }
    }
    places.truncate(SCAN_PLACES_MAX);
    places.into()
}

/// Settings of the line that differ in speed, that of the bus first.
fn lines(wish: &ScanWish, bus: &BusSettings, known: &Known) -> Vec<Option<LineSettings>> {
    let own = bus.link.line().copied();
    let Some(own) = own.filter(|_| bus.link.can_be_set()) else {
        return vec![own];
    };
    let mut bauds = if wish.bauds.is_empty() {
        let mut bauds = vec![own.baud];
        bauds.extend(&known.bauds);
        bauds
    } else {
        wish.bauds.clone()
    };
    let mut seen = Vec::new();
    bauds.retain(|baud| {
        let is_new = !seen.contains(baud);
        seen.push(*baud);
        is_new
    });
    let line = |baud| Some(LineSettings { baud, ..own });
    bauds.into_iter().map(line).collect()
}

/// Framings of FLAG meters. On one wire, 7E1 and 7E1 made of 8N1 are the same.
fn framings(line: Option<LineSettings>, can_be_set: bool) -> Vec<Framing> {
    if can_be_set {
        return vec![Framing::SevenEven, Framing::EightNone];
    }
    match line {
        Some(line) if line.data_bits == DataBits::Seven => vec![Framing::SevenEven],
        _ => vec![Framing::SoftwareParity, Framing::EightNone],
    }
}

/// Of Modbus meters: as the bus is set, and the default of the standard.
fn modbus_lines(line: Option<LineSettings>, can_be_set: bool) -> Vec<Option<LineSettings>> {
    let Some(line) = line.filter(|_| can_be_set) else {
        return vec![None];
    };
    let eight = |parity| LineSettings {
        parity,
        data_bits: DataBits::Eight,
        ..line
    };
    let own = if line.data_bits == DataBits::Eight {
        line
    } else {
        eight(Parity::Even)
    };
    let other = match own.parity {
        Parity::Even => eight(Parity::None),
        Parity::None | Parity::Odd => eight(Parity::Even),
    };
    vec![Some(own), Some(other)]
}

fn circuits(link: &LinkSettings) -> Vec<Option<Dtr>> {
    match link {
        LinkSettings::Optical(optical) => match optical.dtr {
            crate::config::Dtr::Auto => vec![Some(Dtr::On), Some(Dtr::Off)],
            crate::config::Dtr::On => vec![Some(Dtr::On)],
            crate::config::Dtr::Off => vec![Some(Dtr::Off)],
        },
        _ => vec![None],
    }
}

fn outstations(wish: &ScanWish, known: &Known) -> Vec<String> {
    let mut found = vec![String::new(), OUTSTATION_LIKELY.to_owned()];
    found.extend(known.outstations.iter().cloned());
    found.extend(wish.addresses.iter().flat_map(|text| range(text)));
    let mut seen: Vec<String> = Vec::new();
    for address in found {
        let bare = |text: &str| text.trim_start_matches('0').to_owned();
        if !seen.iter().any(|known| bare(known) == bare(&address)) || address.is_empty() {
            seen.push(address);
        }
    }
    seen
}

fn units(wish: &ScanWish, known: &Known) -> Vec<u8> {
    let wished = wish.addresses.iter().flat_map(|text| range(text));
    let wished = wished.filter_map(|text| text.parse::<u8>().ok());
    let likely = 1..=SCAN_UNITS_LIKELY;
    let mut units: Vec<u8> = known.units.iter().copied().chain(likely).collect();
    units.extend(wished);
    let mut seen = Vec::new();
    units.retain(|unit| {
        let is_new = (1..=UNIT_MAX).contains(unit) && !seen.contains(unit);
        seen.push(*unit);
        is_new
    });
    units
}

/// `1-20` is twenty addresses, `001-020` twenty of three digits; anything else is itself.
fn range(text: &str) -> Vec<String> {
    let ends = text.split_once('-');
    let ends =
        ends.and_then(|(first, last)| Some((first, first.parse().ok()?, last.parse().ok()?)));
    let Some((digits, first, last)): Option<(&str, u32, u32)> = ends else {
        return vec![text.to_owned()];
    };
    let width = digits.len();
    let addresses = (first..=last).take(SCAN_PLACES_MAX);
    addresses
        .map(|address| format!("{address:0width$}"))
        .collect()
}

#[cfg(test)]
mod tests;
