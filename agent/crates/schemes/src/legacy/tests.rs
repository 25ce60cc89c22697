use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(bytes: &[u8], name: &str, expected: &str) {
    let seen = recognise(bytes, name);
    assert!(seen.to_string().contains(expected), "{seen}");
    assert_eq!(
        seen.is_taken(),
        !seen
            .to_string()
            .starts_with("not recognised – send us samples, nothing was changed")
    );
}

#[test]
fn a_file_is_recognised_by_what_is_in_it_and_not_by_its_name() {
    check(
        include_bytes!("../../../../../config/network-map.csv"),
        "old.bud",
        "a network map",
    );
    check(REGISTERS.as_bytes(), "x", "neutral registers");
    check(
        CALENDAR.replace(',', ";").as_bytes(),
        "x",
        "neutral calendars",
    );
    check(
        b"",
        "a.res",
        "an empty file, and is named like a result file of Power Master Unit",
    );
    check(
        b"\x01\x02\x03\x00",
        "SITE.BUD",
        "binary data of no known kind, and is named like a file of a hand-held unit",
    );
    check(
        b"\0\x01\0\0Standard Jet DB\0",
        "pmu.mdb",
        "a Microsoft Access database",
    );
    check(b"PK\x03\x04xx", "a.res", "a ZIP archive");
    check(b"K95A00123;12345.6\r\n", "a.res", "lines of text");
    check("name,area\n".as_bytes(), "a.csv", "lines of text");
}

const REGISTERS: &str = "scheme,kind,register,quantity,rate,name\n\
    uk/economy,total,1,1-0:1.8.0,,all\nuk/economy,tou,1,1-0:1.8.0,1,day\nuk/economy,tou,2,1-0:1.8.0,2,night\nuk/economy,demand,1,1-0:1.6.0,1,\n";

const CALENDAR: &str = "scheme,what,season,day-type,weekday,date,time,energy-rates,demand-rates\n\
    uk/economy,season,all,,,01-01,,,\n\
    uk/economy,switch,,plain,,,07:00,1,1\nuk/economy,switch,,plain,,,00:00,2,\nuk/economy,switch,,holiday,,,00:00,2,\n\
    uk/economy,week,all,plain,mon,,,,\nuk/economy,exclusion,,holiday,,12-25,,,\nuk/economy,exclusion,,holiday,,2026-04-03,,,\n";

#[test]
fn registers_and_calendars_are_carried_over() {
    let registers = read_registers("r.csv", REGISTERS.as_bytes()).unwrap();
    assert_eq!(registers.len(), 4);
    assert_eq!(
        (registers[2].kind, registers[2].number, registers[2].rate),
        (RegisterKind::Tou, 2, Some(2))
    );
    let calendars = read_calendars("c.csv", CALENDAR.as_bytes()).unwrap();
    let calendar = &calendars[0];
    let switches: Vec<_> = calendar.day_types[1]
        .switches
        .iter()
        .map(|switch| (switch.minute, switch.energy_rates.clone()))
        .collect();
    assert_eq!(switches, [(0, vec![2]), (420, vec![1])]);
    assert_eq!(
        calendar.seasons[0].week[0].as_ref().map(Label::as_str),
        Some("plain")
    );
    assert_eq!(
        calendar.exclusions[0].date,
        NeutralDate {
            year: None,
            month: 12,
            day: 25
        }
    );
    assert_eq!(calendar.exclusions[1].date.year, Some(2026));
}

use crate::site::Label;

#[track_caller]
fn check_registers(row: &str, expected: &str) {
    let text = format!("scheme,kind,register,quantity,rate\nuk/a,total,1,1-0:1.8.0,\n{row}\n");
    assert_eq!(
        read_registers("r", text.as_bytes())
            .unwrap_err()
            .to_string(),
        expected
    );
}

#[track_caller]
fn check_calendar(row: &str, expected: &str) {
    let text = format!("{CALENDAR}{row}\n");
    assert_eq!(
        read_calendars("c", text.as_bytes())
            .unwrap_err()
            .to_string(),
        expected
    );
}

#[test]
fn mistakes_are_named_by_line_and_column() {
    check_registers(
        "uk/a,sum,1,1-0:1.8.0,",
        "r:3: kind: `sum` is not a kind of register; use total, tou or demand",
    );
    check_registers(
        "uk/a,total,1,1-0:2.8.0,",
        "r:3: register: line 2 has the same scheme, kind and register; give each register a number of its own",
    );
    check_registers(
        "uk/a,tou,1,1-0:1.8.0,",
        "r:3: rate: is empty, and the register counts by a rate; write its rate, from 1",
    );
    check_registers(
        "uk/a,total,2,1.8.0.0.0,",
        "r:3: quantity: `1.8.0.0.0` is not an OBIS code; write A-B:C.D.E, as 1-0:1.8.0",
    );
    check_registers(
        "uk/a,tou,0,1-0:1.8.0,99",
        "r:3: register: `0` is not a number from 1 to 64; use 1 to 64\nr:3: rate: `99` is not a number from 1 to 64; use 1 to 64",
    );
    check_calendar(
        "uk/economy,bank,,,,,,,",
        "c:9: what: `bank` is not a part of a calendar; use season, switch, week or exclusion",
    );
    check_calendar(
        "uk/economy,switch,,plain,,,07:00,1,",
        "c:9: what: line 3 says this already; keep one of them",
    );
    check_calendar(
        "uk/economy,switch,,plain,,,24:00,1 1,",
        "c:9: time: `24:00` is not a time of day; write 00:00 to 23:59\nc:9: energy-rates: `1` is not a rate from 1 to 64, or stands twice; write the numbers of rates with spaces between them, as 1 3",
    );
    check_calendar(
        "uk/economy,week,winter,plain,tue,,,,",
        "c:9: season: uk/economy has no season `winter`; add the season, or correct the name",
    );
    check_calendar(
        "uk/economy,exclusion,,feast,,02-30,,,",
        "c:9: date: `02-30` is not a date; write 2026-12-25, or 12-25 for every year",
    );
    check_calendar(
        "uk/economy,exclusion,,feast,,02-29,,,",
        "c:9: day-type: uk/economy has no day type `feast`; add its switches, or correct the name",
    );
}

#[test]
fn the_tables_of_the_page_are_read() {
    let page = include_str!("../../../../../docs/standards/legacy-files.md");
    let tables: Vec<&str> = page
        .split("```csv\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(tables.len(), 2);
    for table in tables {
        let importer = importer_of(recognise(table.as_bytes(), "page").looks_like).unwrap();
        importer
            .import("page", table.as_bytes(), &SiteMap::default())
            .unwrap();
    }
}

proptest! {
    #[test]
    fn no_octets_break_the_door(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz_legacy(&bytes);
    }

    #[test]
    fn no_damage_breaks_a_neutral_table(at in 0_usize..400, octet in any::<u8>(), which in any::<bool>()) {
        let mut bytes = if which { REGISTERS } else { CALENDAR }.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = octet;
        fuzz_legacy(&bytes);
    }
}
