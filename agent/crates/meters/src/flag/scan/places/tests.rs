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
