use super::super::{
    DraftTerms, Imported, NeutralDate, NeutralDayType, NeutralExclusion, NeutralSeason,
    NeutralSwitch, RegisterKind, calendars_csv, draft_schemes, fuzz_legacy, importer_of,
    read_calendars, read_registers, recognise, registers_csv, site_schema, site_toml,
};
use super::*;
use crate::scheme::{canonical_text, parse_scheme};
use crate::site::Label;
use proptest::prelude::*;
use proptest::{collection::btree_map, option, sample};
use std::collections::BTreeSet;

const SITE: &str = include_str!("../../../tests/vectors/neutral/site.toml");
const METERS: &str = include_str!("../../../tests/vectors/neutral/meters.csv");
const REGISTERS: &str = include_str!("../../../tests/vectors/neutral/registers.csv");
const CALENDARS: &str = include_str!("../../../tests/vectors/neutral/calendars.csv");

fn site(text: &str) -> NeutralSite {
    let read = read_site("s.toml", text.as_bytes(), &SiteMap::default());
    read.unwrap_or_else(|said| panic!("{said}\n{text}"))
}

#[test]
fn both_forms_of_the_same_data_give_the_same() {
    let site = site(SITE);
    let plan = ImportPlan::of("m.csv", METERS.as_bytes(), &SiteMap::default()).unwrap();
    assert_eq!(site.meters.after(), plan.after());
    assert_eq!(
        site.registers,
        read_registers("r.csv", REGISTERS.as_bytes()).unwrap()
    );
    assert_eq!(
        site.calendars,
        read_calendars("c.csv", CALENDARS.as_bytes()).unwrap()
    );
}

#[test]
fn a_site_file_is_recognised_by_its_mark_even_when_it_is_damaged() {
    for text in [
        SITE,
        "\u{feff}# x\r\nneutral-site=1\r\n",
        "neutral-site = 1\n[[meter\n",
    ] {
        let seen = recognise(text.as_bytes(), "old.res");
        assert_eq!(seen.to_string(), "a neutral site file; it can be imported");
        assert!(importer_of(seen.looks_like).is_some());
    }
    for text in [
        "[a]\nneutral-site = 1\n",
        "neutral-sites = 1\n",
        "# neutral-site = 1\n",
    ] {
        assert!(!recognise(text.as_bytes(), "x.toml").is_taken(), "{text}");
    }
}

/// The complaints about a text below the mark, without the name of the file.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let text = format!("neutral-site = 1\n{text}");
    let found = read_site("s", text.as_bytes(), &SiteMap::default()).unwrap_err();
    let lines: Vec<String> = found.all.iter().map(ToString::to_string).collect();
    let bare: Vec<&str> = lines
        .iter()
        .map(|line| line.strip_prefix("s:").unwrap())
        .collect();
    assert_eq!(bare, expected);
}

const METER_A: &str = "[[meter]]\nname = \"a\"\narea = \"N\"\nsubstation = \"S\"\nbus = \"b\"\n\
    connection = \"rs485\"\nprotocol = \"modbus\"\nmodel = \"abb-b23\"\n";

#[test]
fn mistakes_of_meters_are_named_by_line_and_key_with_their_remedy() {
    check(
        METER_A,
        &["2: meter[1].address: is empty, and a Modbus meter has a unit of 1 to 247; fill it in"],
    );
    check(
        &format!("{METER_A}address = 300\nbaud = \"fast\"\nhost = \"h:1\"\ncolour = 1\n"),
        &[
            "10: meter[1].address: `300` is out of range; use 1 to 247",
            "11: meter[1].baud: is a text; write a whole number without quotes",
            "12: meter[1].host: is filled, and the connection is rs485; take the key out",
            "13: meter[1].colour: is not known; use name, area, substation, feeder, bus, connection, device, host, baud, framing, number, protocol, address, client, model, access-level, password, ct-primary-a, ct-secondary-a, vt-primary-v, vt-secondary-v, serial, utility-serial, mpan, scheme, note, or take it out",
        ],
    );
    check(
        &format!("{METER_A}address = 1\n{METER_A}address = 2\n"),
        &["12: meter[2].name: the name stands in line 2 too; give each meter a name of its own"],
    );
    check(
        &format!("{METER_A}address = 1\npassword = \"SECRET\"\nnote = \"a\\u0007\"\n"),
        &[
            "11: meter[1].password: is filled, and Modbus has no passwords; take the key out",
            "11: meter[1].password: holds something that is not the name of a sealed password; it is not shown here; never write a password into a map: seal it on the gateway, and write sealed: and its name",
            "12: meter[1].note: holds a line break or another control character; remove the character",
        ],
    );
}

#[test]
fn mistakes_of_registers_and_calendars_are_named_by_line_and_key() {
    check(
        "[[register]]\nscheme = \"A\"\nkind = \"total\"\nregister = 0x10\nquantity = \"1-0:1.8.0\"\nrate = 1\n",
        &[
            "3: register[1].scheme: `A` is not the name of a scheme; use a-z, 0-9 and -, with / between folders and the name, 120 characters at most",
            "5: register[1].register: is a number; write a whole number without quotes",
            "7: register[1].rate: is filled, and a total always counts; take the key out, or use kind tou",
        ],
    );
    check(
        "[[calendar]]\nscheme = \"a\"\n[[calendar.season]]\nname = \"all\"\ndate = \"13-01\"\nweek = { mon = \"work\", fun = \"x\" }\n\
         [[calendar.day-type]]\nname = \"plain\"\nswitch = [{ time = \"24:00\" }, { time = \"01:00\", energy-rates = [65] }]\n\
         [[calendar.day-type]]\nname = \"bare\"\nswitch = []\n[[calendar.exclusion]]\ndate = 07:00:00\nday-type = \"feast\"\n[[calendar]]\nscheme = \"b\"\n",
        &[
            "6: calendar[1].season[1].date: `13-01` is not a date; write 2026-12-25, or 12-25 for every year",
            "7: calendar[1].season[1].week.fun: is not known; use mon, tue, wed, thu, fri, sat, sun, or take it out",
            "7: calendar[1].season[1].week.mon: a has no day type `work`; add its switches, or correct the name",
            "10: calendar[1].day-type[1].switch[1].time: `24:00` is not a time of day; write 00:00 to 23:59",
            "10: calendar[1].day-type[1].switch[2].energy-rates: `65` is not a rate from 1 to 64, or stands twice; write each rate once, as [1, 3]",
            "11: calendar[1].day-type[2].switch: is empty; write its switching times",
            "15: calendar[1].exclusion[1].date: is a date or time; write \"12-25\" for every year, or \"2026-12-25\"",
            "17: calendar[2]: holds no season, day type or exclusion; write them, or take it out",
        ],
    );
}

#[test]
fn what_is_no_site_is_refused_with_its_line() {
    check(
        "",
        &[
            " there is no meter, register or calendar in it; write a [[meter]], [[register]] or [[calendar]]",
        ],
    );
    check(
        "meter = 1\n",
        &[
            " there is no meter, register or calendar in it; write a [[meter]], [[register]] or [[calendar]]",
            "2: meter: is no list but a number; write a list of tables",
        ],
    );
}

#[test]
fn the_example_of_the_page_says_the_same_as_its_tables() {
    let page = include_str!("../../../../../../docs/standards/legacy-files.md");
    let blocks = |kind: &str| -> Vec<String> {
        let opened = format!("```{kind}\n");
        let parts = page.split(opened.as_str()).skip(1);
        parts
            .filter_map(|rest| rest.split("```").next().map(str::to_owned))
            .collect()
    };
    let (tables, files) = (blocks("csv"), blocks("toml"));
    assert_eq!((tables.len(), files.len()), (2, 1));
    let site = site(&files[0]);
    assert_eq!(
        site.registers,
        read_registers("r", tables[0].as_bytes()).unwrap()
    );
    assert_eq!(
        site.calendars,
        read_calendars("c", tables[1].as_bytes()).unwrap()
    );
    assert_eq!(site.meters.added.len(), 1);
    // Each key of a meter is a column of the map, in its order; each part of a calendar is told.
    let columns: Vec<&str> = METER.iter().map(|key| key.column).collect();
    assert_eq!(columns, crate::site::CSV_COLUMNS);
    for keys in [CALENDAR, SEASON, DAY_TYPE, SWITCH, EXCLUSION, REGISTER] {
        for key in keys {
            assert!(page.contains(&format!("`{}`", key.name)), "{}", key.name);
        }
    }
}

#[test]
fn the_published_schema_is_that_of_the_reader() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join("docs/schemas/neutral-site.schema.json");
    if std::env::var_os("PMU_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, site_schema()).unwrap();
        return;
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == site_schema(),
        "docs/schemas/neutral-site.schema.json is not the reader's; write it with PMU_WRITE_SCHEMA=1"
    );
}

fn label() -> impl Strategy<Value = Label> {
    "[=+@'\"a-zÄ＝,;-][ -.0-~é＋]{0,20}"
        .prop_map(|text| text.replace('/', " ").trim().to_owned())
        .prop_filter_map("empty", |text| text.parse().ok())
}

fn rates() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::btree_set(1_u8..=64, 0..4).prop_map(|rates| rates.into_iter().collect())
}

fn date() -> impl Strategy<Value = NeutralDate> {
    (option::of(1_i16..=9999), 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| NeutralDate {
        year,
        month,
        day,
    })
}

fn registers_of_a_site() -> impl Strategy<Value = Vec<NeutralRegister>> {
    let quantity = sample::select(vec!["1-0:1.8.0", "1-1:2.6.0", "7-0:3.0.0", "1-0:1.8.0*255"]);
    let one = (quantity, 1_u8..=64, option::of(label()));
    let place = ("[a-z0-9]{1,8}(/[a-z0-9]{1,8})?", 0_u8..3, 1_u8..=64);
    btree_map(place, one, 0..12).prop_map(|all| {
        let register = |((scheme, kind, number), (quantity, rate, name)): (
            (String, _, _),
            (&str, _, Option<Label>),
        )| {
            let kind =
                [RegisterKind::Total, RegisterKind::Tou, RegisterKind::Demand][usize::from(kind)];
            NeutralRegister {
                scheme: scheme.parse().unwrap(),
                kind,
                number,
                quantity: quantity.parse().unwrap(),
                rate: (kind != RegisterKind::Total).then_some(rate),
                name: name.map(|name| name.to_string()).unwrap_or_default(),
            }
        };
        all.into_iter().map(register).collect()
    })
}

fn calendar_of_a_site() -> impl Strategy<
    Value = (
        Vec<NeutralSeason>,
        Vec<NeutralDayType>,
        Vec<NeutralExclusion>,
    ),
> {
    let switches = btree_map(0_u16..1440, (rates(), rates()), 1..5);
    let day_types = btree_map(label(), switches, 1..4);
    let seasons = btree_map(
        label(),
        (
            date(),
            proptest::array::uniform7(option::of(any::<sample::Index>())),
        ),
        0..3,
    );
    let dates = proptest::collection::vec((date(), any::<sample::Index>()), 0..4);
    (day_types, seasons, dates).prop_map(|(day_types, seasons, dates)| {
        let names: Vec<Label> = day_types.keys().cloned().collect();
        let name = |index: sample::Index| index.get(&names).clone();
        let season =
            |(season, (starts, week)): (Label, (NeutralDate, [Option<sample::Index>; 7]))| {
                NeutralSeason {
                    name: season,
                    starts,
                    week: week.map(|day| day.map(name)),
                }
            };
        let switch = |(minute, (energy_rates, demand_rates))| NeutralSwitch {
            minute,
            energy_rates,
            demand_rates,
        };
        let day_type =
            |(name, switches): (Label, std::collections::BTreeMap<_, _>)| NeutralDayType {
                name,
                switches: switches.into_iter().map(switch).collect(),
            };
        let mut told = BTreeSet::new();
        let mut dates = dates;
        dates.retain(|(date, _)| told.insert((date.year, date.month, date.day)));
        let exclusion = |(date, index)| NeutralExclusion {
            date,
            day_type: name(index),
        };
        (
            seasons.into_iter().map(season).collect(),
            day_types.into_iter().map(day_type).collect(),
            dates.into_iter().map(exclusion).collect(),
        )
    })
}

fn calendars_of_a_site() -> impl Strategy<Value = Vec<NeutralCalendar>> {
    btree_map("[a-z0-9]{1,8}(/[a-z0-9]{1,8})?", calendar_of_a_site(), 0..3).prop_map(|all| {
        let calendar = |(scheme, (seasons, day_types, exclusions)): (String, _)| NeutralCalendar {
            scheme: scheme.parse().unwrap(),
            seasons,
            day_types,
            exclusions,
        };
        all.into_iter().map(calendar).collect()
    })
}

/// The shipped meters, with places and texts as people may write them.
fn meters_of_a_site() -> impl Strategy<Value = SiteMap> {
    let texts = (label(), label(), option::of(label()), option::of(label()));
    proptest::collection::vec(texts, 3).prop_map(|texts| {
        let plan = ImportPlan::of("m.csv", METERS.as_bytes(), &SiteMap::default()).unwrap();
        let mut map = plan.after();
        let meters: Vec<_> = map.meters().cloned().collect();
        for (mut meter, (area, substation, feeder, note)) in meters.into_iter().zip(texts) {
            meter.area = area;
            meter.substation = substation;
            meter.feeder = feeder;
            meter.note = note.map(|note| note.to_string());
            map.put(meter).unwrap();
        }
        map
    })
}

proptest! {
    #[test]
    fn what_is_written_in_either_form_reads_back_as_the_same(
        map in meters_of_a_site(), registers in registers_of_a_site(), calendars in calendars_of_a_site(),
    ) {
        let text = site_toml(&map, &registers, &calendars);
        let read = site(&text);
        prop_assert_eq!(&read.registers, &registers, "{}", &text);
        prop_assert_eq!(&read.calendars, &calendars, "{}", &text);
        prop_assert_eq!(read.meters.after(), map, "{}", &text);
        if !registers.is_empty() {
            let table = registers_csv(&registers);
            prop_assert_eq!(read_registers("r", table.as_bytes()), Ok(registers), "{}", &table);
        }
        if !calendars.is_empty() {
            let table = calendars_csv(&calendars);
            prop_assert_eq!(read_calendars("c", table.as_bytes()), Ok(calendars), "{}", &table);
        }
    }

    #[test]
    fn no_damage_breaks_a_site_file(at in any::<sample::Index>(), octet in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = SITE.as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.remove(at); } else { bytes[at] = octet; }
        fuzz_legacy(&bytes);
    }
}

#[test]
fn a_bad_meter_changes_nothing_and_a_good_one_is_compared_with_the_map() {
    let existing = site(SITE).meters.after();
    let again = read_site("s", SITE.as_bytes(), &existing).unwrap();
    assert!(again.meters.is_empty());
    let moved = SITE.replace("address = \"001\"", "address = \"009\"");
    let Ok(Imported::Site(plan)) = importer_of(recognise(moved.as_bytes(), "s").looks_like)
        .unwrap()
        .import("s", moved.as_bytes(), &existing)
    else {
        panic!("it is a site file");
    };
    assert_eq!(plan.meters.changed.len(), 1);
}

/// A scheme from neutral data is one that the reader of schemes takes, and says what they say.
#[test]
fn registers_and_calendars_become_schemes() {
    let site = site(SITE);
    let terms = |demand_minutes| DraftTerms {
        meter_type: "elster-a1700".parse().unwrap(),
        demand_minutes,
    };
    let drafted = draft_schemes("s", &site.registers, &site.calendars, &terms(Some(30))).unwrap();
    let (name, scheme) = drafted.first_key_value().unwrap();
    assert_eq!((drafted.len(), name.as_str()), (1, "uk/economy"));
    let text = canonical_text(scheme);
    assert_eq!(parse_scheme("x", &text).as_ref(), Ok(scheme), "{text}");
    assert_eq!(
        text,
        include_str!("../../../tests/vectors/neutral/economy.toml")
    );
    let refused = draft_schemes("s", &site.registers, &site.calendars, &terms(None));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "s: uk/economy: has registers of demand, and the demand period is not known; say it: --demand-minutes 30"
    );
    let mut large = site.registers.clone();
    large[1].number = 33;
    large[2].name = "x".repeat(33);
    let refused = draft_schemes("s", &large, &[], &terms(Some(30))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "s: uk/economy: register 33 or its rate is above 32; number them from 1 to 32\n\
         s: uk/economy: `{}` is too long for a scheme; use 1 to 32 characters",
            "x".repeat(33)
        )
    );
}
