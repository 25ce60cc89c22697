//! Where a scan looks, likeliest places first.

use super::addresses::WishedAddresses;
use super::report::ScanProtocol;
use super::stations::{self, Station, StationWish};
use crate::flag::limits::{
    OUTSTATIONS_LIKELY, SCAN_BAUDS_MAX, SILENT_DLMS, SILENT_FLAG, SILENT_MODBUS, UNITS_LIKELY,
    UNITS_MAX,
};
use crate::flag::setting::{Characters, LineReach, Setting};
use iec62056_21::codec::{Baud, MeterAddress};
use std::fmt;
use std::time::Duration;

/// Speeds that meters are found at, beside the one of the bus; the commonest first.
const BAUDS: [u32; 5] = [9600, 19_200, 4800, 2400, 1200];

/// Where a scan looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanWish {
    /// FLAG outstations.
    pub flag: bool,
    /// Modbus units.
    pub modbus: bool,
    /// DLMS meters.
    pub dlms: StationWish,
    /// Addresses to try beside those that are likely.
    pub addresses: WishedAddresses,
    /// Speeds to try, at most ten; the common ones if none.
    pub bauds: Vec<u32>,
}

/// What is known of the line before: configured meters are looked for first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// FLAG outstations.
    pub outstations: Vec<MeterAddress>,
    /// Modbus units.
    pub units: Vec<u8>,
    /// DLMS meters.
    pub stations: Vec<Station>,
}

/// Whom a scan asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// A FLAG meter: any that answers without an address, or that with this one.
    Outstation(Option<MeterAddress>),
    /// A Modbus meter.
    Unit(u8),
    /// A DLMS meter.
    Station(Station),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outstation(None) => f.write_str("without an address"),
            Self::Outstation(Some(address)) => write!(f, "address {address}"),
            Self::Unit(unit) => write!(f, "unit {unit}"),
            Self::Station(station) => station.fmt(f),
        }
    }
}

/// Meters that are asked one after the other, the line set in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) setting: Setting,
    pub(crate) protocol: ScanProtocol,
    pub(crate) who: Vec<Who>,
}

/// `FLAG 9600 7E1`.
impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.setting)
    }
}

impl Stretch {
    /// How long so many of its places take where nobody answers.
    pub(crate) fn silence(&self, places: usize) -> Duration {
        let each = match self.protocol {
            ScanProtocol::Flag => SILENT_FLAG,
            ScanProtocol::Modbus => SILENT_MODBUS,
            ScanProtocol::Dlms => SILENT_DLMS,
        };
        each.saturating_mul(u32::try_from(places).unwrap_or(u32::MAX))
    }
}

/// All places, in the order in which they are worth the time.
///
/// Every protocol first gets a short look at the line as it is set, then at each other setting;
/// the many addresses that few meters have come last.
pub(crate) fn stretches(reach: &LineReach, wish: &ScanWish, known: &Configured) -> Vec<Stretch> {
    let mut protocols = Vec::new();
    if wish.flag {
        let likely = outstations_likely(wish, known);
        let rest = rest(&outstations_possible(), &likely);
        protocols.push((ScanProtocol::Flag, flag_settings(reach, wish), likely, rest));
    }
    if wish.modbus {
        let likely = units_likely(wish, known);
        let rest = rest(&units_possible(), &likely);
        protocols.push((
            ScanProtocol::Modbus,
            modbus_settings(reach, wish),
            likely,
            rest,
        ));
    }
    if wish.dlms != StationWish::None {
        let likely = stations_likely(reach, wish, known);
        let rest = rest(&stations_possible(reach), &likely);
        protocols.push((ScanProtocol::Dlms, dlms_settings(reach, wish), likely, rest));
    }
    let mut all = Vec::new();
    for likely in [true, false] {
        for own in [true, false] {
            for (protocol, settings, first, later) in &protocols {
                let who = if likely { first } else { later };
                let skipped = usize::from(!own);
                let taken = if own { 1 } else { usize::MAX };
                for setting in settings.iter().skip(skipped).take(taken) {
                    all.push(Stretch {
                        setting: *setting,
                        protocol: *protocol,
                        who: who.clone(),
                    });
                }
            }
        }
    }
    all.retain(|stretch| !stretch.who.is_empty());
    all
}

fn outstations_likely(wish: &ScanWish, known: &Configured) -> Vec<Who> {
    let configured = known.outstations.iter().cloned();
    let wished = wish.addresses.outstations();
    let mut first = MeterAddress::new("001").ok().into_iter();
    let named = configured.chain(wished).chain(&mut first);
    let all = std::iter::once(None).chain(named.map(Some));
    distinct(all.map(Who::Outstation))
}

fn outstations_possible() -> Vec<Who> {
    let addresses =
        (1..=OUTSTATIONS_LIKELY).map(|number| MeterAddress::new(&format!("{number:03}")));
    let named = addresses.filter_map(Result::ok);
    named
        .map(|address| Who::Outstation(Some(address)))
        .collect()
}

fn units_likely(wish: &ScanWish, known: &Configured) -> Vec<Who> {
    let configured = known.units.iter().copied();
    let all = configured
        .chain(wish.addresses.units())
        .chain(1..=UNITS_LIKELY);
    distinct(all.map(Who::Unit))
}

fn units_possible() -> Vec<Who> {
    (1..=UNITS_MAX).map(Who::Unit).collect()
}

fn stations_likely(reach: &LineReach, wish: &ScanWish, known: &Configured) -> Vec<Who> {
    let has_wrapper = wish.dlms == StationWish::HdlcAndWrapper;
    let wrapped = has_wrapper.then(stations::wrapped).into_iter().flatten();
    let on_hdlc = if carries_hdlc(reach) {
        stations::likely(&wish.addresses, known)
    } else {
        Vec::new()
    };
    distinct(wrapped.chain(on_hdlc).map(Who::Station))
}

fn stations_possible(reach: &LineReach) -> Vec<Who> {
    if carries_hdlc(reach) {
        let all = stations::possible().into_iter();
        all.map(Who::Station).collect()
    } else {
        Vec::new()
    }
}

/// HDLC needs eight bits; a line of seven that can be set is set otherwise.
fn carries_hdlc(reach: &LineReach) -> bool {
    reach.can_change || Characters::of(&reach.line) != Some(Characters::SevenEven)
}

/// FLAG addresses are the same whatever zeros they begin with.
fn is_same(one: &Who, other: &Who) -> bool {
    match (one, other) {
        (Who::Outstation(Some(one)), Who::Outstation(Some(other))) => one.names_same(other),
        _ => one == other,
    }
}

fn distinct(all: impl Iterator<Item = Who>) -> Vec<Who> {
    let mut kept: Vec<Who> = Vec::new();
    for who in all {
        if !kept.iter().any(|known| is_same(known, &who)) {
            kept.push(who);
        }
    }
    kept
}

fn rest(possible: &[Who], likely: &[Who]) -> Vec<Who> {
    let is_new = |who: &&Who| !likely.iter().any(|known| is_same(known, who));
    possible.iter().filter(is_new).cloned().collect()
}

/// Speeds to try; that of the line comes first unless others are wished.
fn bauds(reach: &LineReach, wish: &ScanWish) -> Vec<u32> {
    let mut bauds: Vec<u32> = if wish.bauds.is_empty() {
        std::iter::once(reach.line.baud).chain(BAUDS).collect()
    } else {
        wish.bauds.iter().copied().take(SCAN_BAUDS_MAX).collect()
    };
    let mut seen = Vec::new();
    bauds.retain(|baud| {
        let is_new = !seen.contains(baud);
        seen.push(*baud);
        is_new
    });
    bauds
}

/// The line as it is set comes first, wished or not; where it is set to the speed at which
/// conversations open, as it is talked to with the change of speed.
fn flag_settings(reach: &LineReach, wish: &ScanWish) -> Vec<Setting> {
    let own = Setting::own(reach);
    let with = |line, changes_speed| Setting {
        line,
        changes_speed,
        ignores_parity: false,
        dtr: reach.dtr,
    };
    let slow = with(Characters::SevenEven.on(Baud::B300.bits_per_second()), true);
    let is_slow = reach.line.baud == slow.line.baud;
    let mut all = vec![own];
    if reach.can_change {
        // At an optical head a conversation opens slowly; elsewhere that is rare.
        if is_slow {
            all.insert(0, slow);
        } else if reach.dtr.is_some() {
            all.push(slow);
        }
        for baud in bauds(reach, wish) {
            for characters in [Characters::SevenEven, Characters::EightNone] {
                all.push(with(characters.on(baud), false));
            }
        }
        if !is_slow && reach.dtr.is_none() && wish.bauds.is_empty() {
            all.push(slow);
        }
    } else {
        // Where octets pass as they are, the parity may be done here.
        for characters in [Characters::SevenEven, Characters::EightNone] {
            all.push(with(characters.on(reach.line.baud), false));
        }
        if Characters::of(&reach.line) == Some(Characters::SevenEven) {
            all.truncate(1);
        }
    }
    both_ways(all)
}

fn modbus_settings(reach: &LineReach, wish: &ScanWish) -> Vec<Setting> {
    let own = Setting::own(reach);
    let mut all = Vec::new();
    let speaks_modbus = Characters::of(&reach.line) != Some(Characters::SevenEven);
    if speaks_modbus {
        all.push(own);
    }
    if reach.can_change {
        for baud in bauds(reach, wish) {
            for characters in [Characters::EightNone, Characters::EightEven] {
                all.push(Setting {
                    line: characters.on(baud),
                    ..own
                });
            }
        }
    }
    both_ways(all)
}

fn dlms_settings(reach: &LineReach, wish: &ScanWish) -> Vec<Setting> {
    let own = Setting::own(reach);
    let mut all = Vec::new();
    let has_eight = Characters::of(&reach.line) != Some(Characters::SevenEven);
    if has_eight || wish.dlms == StationWish::HdlcAndWrapper {
        all.push(own);
    }
    if reach.can_change {
        for baud in bauds(reach, wish) {
            let line = Characters::EightNone.on(baud);
            all.push(Setting { line, ..own });
        }
    }
    both_ways(all)
}

/// Each setting once, and where DTR can be chosen, each in both ways: the wrong way brings nothing
/// at all, whatever else is right.
fn both_ways(settings: Vec<Setting>) -> Vec<Setting> {
    let mut kept: Vec<Setting> = Vec::new();
    for setting in settings {
        for way in std::iter::once(setting).chain(setting.with_other_dtr()) {
            if !kept.contains(&way) {
                kept.push(way);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests;
