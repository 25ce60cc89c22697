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
mod tests {
    use super::*;

    fn reach(characters: Characters, can_change: bool, dtr: Option<bool>) -> LineReach {
        LineReach {
            line: characters.on(9600),
            can_change,
            dtr,
        }
    }

    fn wish(flag: bool, modbus: bool, addresses: &[&str], bauds: &[u32]) -> ScanWish {
        let texts: Vec<String> = addresses.iter().map(|text| (*text).to_owned()).collect();
        ScanWish {
            flag,
            modbus,
            dlms: StationWish::None,
            addresses: WishedAddresses::parse(&texts).unwrap(),
            bauds: bauds.to_vec(),
        }
    }

    /// Each stretch as `FLAG 9600 7E1: first..last of n`.
    #[track_caller]
    fn check(reach: LineReach, wish: &ScanWish, expected: &[&str]) {
        let shown = |who: Option<&Who>| match who {
            Some(Who::Outstation(Some(address))) => address.to_string(),
            Some(Who::Outstation(None)) => "any".to_owned(),
            Some(Who::Unit(unit)) => unit.to_string(),
            Some(Who::Station(station)) => station.to_string(),
            None => "nobody".to_owned(),
        };
        let found: Vec<String> = stretches(&reach, wish, &Configured::default())
            .iter()
            .map(|stretch| {
                let (first, last) = (stretch.who.first(), stretch.who.last());
                let count = stretch.who.len();
                format!("{stretch}: {}..{} of {count}", shown(first), shown(last))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_line_as_it_is_set_comes_before_all_others() {
        check(
            reach(Characters::SevenEven, true, None),
            &wish(true, false, &[], &[9600, 300]),
            &[
                "FLAG 9600 7E1: any..001 of 2",
                "FLAG 9600 8N1: any..001 of 2",
                "FLAG 300 7E1: any..001 of 2",
                "FLAG 300 8N1: any..001 of 2",
                "FLAG 9600 7E1: 002..032 of 31",
                "FLAG 9600 8N1: 002..032 of 31",
                "FLAG 300 7E1: 002..032 of 31",
                "FLAG 300 8N1: 002..032 of 31",
            ],
        );
    }

    #[test]
    fn a_line_at_the_opening_speed_is_tried_with_the_change_of_speed_first() {
        let slow = LineReach {
            line: Characters::SevenEven.on(300),
            ..reach(Characters::SevenEven, true, None)
        };
        check(
            slow,
            &wish(true, false, &[], &[300]),
            &[
                "FLAG 300 7E1 and faster: any..001 of 2",
                "FLAG 300 7E1: any..001 of 2",
                "FLAG 300 8N1: any..001 of 2",
                "FLAG 300 7E1 and faster: 002..032 of 31",
                "FLAG 300 7E1: 002..032 of 31",
                "FLAG 300 8N1: 002..032 of 31",
            ],
        );
    }

    #[test]
    fn both_protocols_share_a_line() {
        check(
            reach(Characters::EightNone, true, None),
            &wish(true, true, &["7"], &[9600]),
            &[
                "FLAG 9600 8N1: any..001 of 3",
                "Modbus 9600 8N1: 7..10 of 10",
                "FLAG 9600 7E1: any..001 of 3",
                "Modbus 9600 8E1: 7..10 of 10",
                "FLAG 9600 8N1: 002..032 of 30",
                "Modbus 9600 8N1: 11..247 of 237",
                "FLAG 9600 7E1: 002..032 of 30",
                "Modbus 9600 8E1: 11..247 of 237",
            ],
        );
    }

    #[test]
    fn an_optical_head_is_opened_slowly_and_with_dtr_both_ways() {
        check(
            reach(Characters::SevenEven, true, Some(true)),
            &wish(true, false, &[], &[9600]),
            &[
                "FLAG 9600 7E1, DTR on: any..001 of 2",
                "FLAG 9600 7E1, DTR off: any..001 of 2",
                "FLAG 300 7E1 and faster, DTR on: any..001 of 2",
                "FLAG 300 7E1 and faster, DTR off: any..001 of 2",
                "FLAG 9600 8N1, DTR on: any..001 of 2",
                "FLAG 9600 8N1, DTR off: any..001 of 2",
                "FLAG 9600 7E1, DTR on: 002..032 of 31",
                "FLAG 9600 7E1, DTR off: 002..032 of 31",
                "FLAG 300 7E1 and faster, DTR on: 002..032 of 31",
                "FLAG 300 7E1 and faster, DTR off: 002..032 of 31",
                "FLAG 9600 8N1, DTR on: 002..032 of 31",
                "FLAG 9600 8N1, DTR off: 002..032 of 31",
            ],
        );
    }

    #[test]
    fn a_server_that_cannot_be_told_otherwise_is_left_as_it_is() {
        check(
            reach(Characters::EightNone, false, None),
            &wish(true, true, &[], &[]),
            &[
                "FLAG 9600 8N1: any..001 of 2",
                "Modbus 9600 8N1: 1..10 of 10",
                "FLAG 9600 7E1: any..001 of 2",
                "FLAG 9600 8N1: 002..032 of 31",
                "Modbus 9600 8N1: 11..247 of 237",
                "FLAG 9600 7E1: 002..032 of 31",
            ],
        );
        check(
            reach(Characters::SevenEven, false, None),
            &wish(true, true, &[], &[]),
            &[
                "FLAG 9600 7E1: any..001 of 2",
                "FLAG 9600 7E1: 002..032 of 31",
            ],
        );
    }

    #[test]
    fn dlms_meters_are_looked_for_on_eight_bits_and_behind_the_wrapper() {
        let hdlc = ScanWish {
            dlms: StationWish::Hdlc,
            ..wish(false, false, &["2/70"], &[9600])
        };
        check(
            reach(Characters::SevenEven, true, None),
            &hdlc,
            &[
                "DLMS 9600 8N1: address 2/70 in 2 octets..\
                 address 1/1 in 4 octets as client 1 of 18",
                "DLMS 9600 8N1: address 1/2 in 2 octets..address 1/125 in 4 octets of 244",
            ],
        );
        check(reach(Characters::SevenEven, false, None), &hdlc, &[]);
        let server = ScanWish {
            dlms: StationWish::HdlcAndWrapper,
            ..wish(false, false, &[], &[])
        };
        let line = reach(Characters::SevenEven, false, None);
        let wrapped = "DLMS 9600 7E1: wrapper 1 as client 16..wrapper 1 as client 48 of 5";
        check(line, &server, &[wrapped]);
    }

    #[test]
    fn nothing_is_asked_twice_and_configured_meters_come_first() {
        let known = Configured {
            outstations: vec![MeterAddress::new("17").unwrap()],
            units: vec![200],
            stations: Vec::new(),
        };
        let reach = reach(Characters::EightNone, true, None);
        let all = stretches(&reach, &wish(true, true, &["017", "1-40"], &[]), &known);
        let own = |stretch: &Stretch| stretch.setting == Setting::own(&reach);
        let mut asked: Vec<Who> = Vec::new();
        for who in all
            .iter()
            .filter(|stretch| own(stretch))
            .flat_map(|s| &s.who)
        {
            assert!(!asked.iter().any(|known| is_same(known, who)), "{who:?}");
            asked.push(who.clone());
        }
        assert_eq!(asked.len(), 1 + 40 + 247);
        let first = MeterAddress::new("17").unwrap();
        assert_eq!(asked[1], Who::Outstation(Some(first)));
    }
}
