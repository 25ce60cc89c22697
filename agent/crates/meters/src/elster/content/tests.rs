use super::*;
use crate::catalogue::Catalogue;
use crate::elster::{InstantRequest, PhaseOrder, Selected};
use iec62056_21::codec::octets_of;
use proptest::prelude::*;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/meter-models");
    Catalogue::load(std::path::Path::new(folder)).unwrap()
});

fn model(id: &str) -> &'static FlagModel {
    CATALOGUE.flag_model(id).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    octets_of(&text.replace(' ', "")).unwrap()
}

/// Reads an identity; octets that the text leaves out are zero.
#[track_caller]
fn read(id: &str, variant: &str, number: u16, text: &str) -> Content {
    let model = model(id);
    let row = model.identity(variant, number).unwrap();
    let mut octets = hex(text);
    octets.resize(usize::from(row.octets), 0);
    ContentReader::new(model, variant)
        .read(row, &octets)
        .unwrap()
}

fn registers(content: &Content) -> Vec<String> {
    let Content::Registers(registers) = content else {
        panic!("{content:?}")
    };
    let shown = registers.iter().map(|register| {
        let obis = register
            .obis
            .map_or("?".to_owned(), |obis| obis.to_string());
        let quantity = register.quantity;
        let quantity = quantity.map_or("-".to_owned(), |quantity| quantity.to_string());
        format!("{obis} {quantity}")
    });
    shown.collect()
}

/// The example of the fact sheet, 4.11.
const TOTALS: &str = "2301896745230100 0000006745000000 0000001101000000 0000000000000000 \
                      0000002200000000 0000000000000000 0000000000300100 0000000000000000";

#[test]
fn the_published_totals_are_read_as_they_say() {
    let content = read("elster-a1700", "tou-16", 507, TOTALS);
    assert_eq!(
        registers(&content),
        [
            "1-0:1.8.0 1234567.890123 kWh",
            "1-0:2.8.0 4567.000000 kWh",
            "1-0:5.8.0 111.000000 kvarh",
            "1-0:6.8.0 0.000000 kvarh",
            "1-0:7.8.0 22.000000 kvarh",
            "1-0:8.8.0 0.000000 kvarh",
            "1-0:9.8.0 1300000.000000 kVAh",
            "1-0:128.8.0 0.000",
            "1-0:129.8.0 0.000",
            "1-0:130.8.0 0.000",
        ]
    );
    let Content::Registers(list) = content else {
        panic!()
    };
    assert_eq!(list[0].raw, hex("2301896745230100"));
}

#[test]
fn a_total_that_is_no_number_does_not_hide_the_others() {
    let content = read("elster-a1700", "tou-16", 507, "23018967452301AA 01");
    let shown = registers(&content);
    assert_eq!(shown[0], "1-0:1.8.0 -");
    assert_eq!(shown[1], "1-0:2.8.0 0.000001 kWh");
}

#[test]
fn the_a1140_has_unknown_registers_in_between() {
    let content = read("elster-a1140", "standard", 507, "01");
    let shown = registers(&content);
    assert_eq!(shown.len(), 16);
    assert_eq!(shown[7], "1-0:10.8.0 0.000000 kVAh");
    assert_eq!(shown[8], "? 0.000");
    assert_eq!(shown[14], "1-0:128.8.0 0.000");
}

#[test]
fn a_net_total_may_be_negative() {
    let content = read("elster-a1140", "standard", 506, "9999999999999999");
    assert_eq!(registers(&content), ["1-0:16.8.0 -0.000001 kWh"]);
    let content = read("elster-a1140", "standard", 506, "0100000000000000");
    assert_eq!(registers(&content), ["1-0:16.8.0 0.000001 kWh"]);
}

#[test]
fn rates_are_numbered_among_those_of_one_source() {
    let model = model("elster-a1700");
    let row = model.identity("tou-16", 508).unwrap();
    let octets = [[0x01, 0, 0, 0, 0, 0, 0, 0]; 16].concat();
    let without = ContentReader::new(model, "tou-16");
    assert_eq!(
        registers(&without.read(row, &octets).unwrap())[0],
        "? 0.001"
    );
    let sources = [1, 1, 2, 7, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let reader = without.with_rate_sources(sources.to_vec());
    let shown = registers(&reader.read(row, &octets).unwrap());
    assert_eq!(
        shown[..7],
        [
            "1-0:1.8.1 0.000001 kWh",
            "1-0:1.8.2 0.000001 kWh",
            "1-0:2.8.1 0.000001 kWh",
            "1-0:9.8.1 0.000001 kVAh",
            "? 0.001",
            "? 0.001",
            "1-0:1.8.3 0.000001 kWh",
        ]
    );
}

#[test]
fn demands_say_what_and_when() {
    // 12.345 kW of import at 2025-01-01 00:30, then no second one; 1 W of export.
    let content = read(
        "elster-a1700",
        "tou-16",
        510,
        "888C7467 01 00503412000000 00000000 01 00000000000000 00000000 01 00000000000000 \
         888C7467 02 00100000000000",
    );
    let Content::Demands(demands) = &content else {
        panic!("{content:?}")
    };
    assert_eq!(demands.len(), 24);
    let first = &demands[0];
    assert_eq!(first.at.unwrap().to_string(), "2025-01-01 00:30:00");
    assert_eq!(first.obis.unwrap().to_string(), "1-0:1.6.1");
    assert_eq!(first.quantity.unwrap().to_string(), "12.345000 kW");
    assert_eq!((first.place, first.rank), (0, 1));
    assert_eq!((demands[1].at, demands[1].rank), (None, 2));
    assert_eq!(demands[3].obis.unwrap().to_string(), "1-0:2.6.1");
    assert_eq!(demands[3].place, 1);
    assert_eq!(demands[6].obis, None, "source 0 measures nothing");
}

#[test]
fn cumulative_demands_name_their_source() {
    let content = read(
        "elster-a1700",
        "tou-16",
        509,
        "0050341200000000 01 0000000000000000 01",
    );
    assert_eq!(
        registers(&content)[..2],
        ["1-0:1.2.1 12.345000 kW", "1-0:1.2.2 0.000000 kW"]
    );
}

#[test]
fn ratios_are_read_in_both_codings() {
    // 200.00 : 5.00, 11000.00 : 110.00, and 300 : 5 as plain numbers.
    #[track_caller]
    fn check(id: &str, number: u16, text: &str, expected: &str) {
        let model = model(id);
        let variant = &model.variants.last().unwrap().id;
        let content = read(id, variant, number, text);
        let Content::Ratio(ratio) = content else {
            panic!("{content:?}")
        };
        let multiplier = ratio.multiplier.map(|multiplier| multiplier.to_string());
        let shown = format!("{} {} {multiplier:?}", ratio.primary, ratio.secondary);
        assert_eq!(shown, expected);
        assert_eq!(ratio.raw, hex(text));
    }
    check(
        "elster-a1700",
        616,
        "00000200 0005",
        r#"200.00 A 5.00 A Some("40")"#,
    );
    check(
        "elster-a1700",
        614,
        "00001001 001001",
        r#"11000.00 V 110.00 V Some("100")"#,
    );
    check(
        "elster-a1140",
        616,
        "0000012C 00000005",
        r#"300 A 5 A Some("60")"#,
    );
    check("elster-a1140", 616, "00000000 00000005", "0 A 5 A None");
}

#[test]
fn a_status_says_its_bits() {
    let content = read("elster-a1700", "tou-16", 724, "00010090");
    let Content::Status(words) = content else {
        panic!("{content:?}")
    };
    let set: Vec<(u8, &str)> = words[0]
        .set
        .iter()
        .map(|bit| (bit.bit, bit.words.as_deref().unwrap_or("?")))
        .collect();
    assert_eq!(
        set,
        [
            (8, "phase A failed"),
            (28, "transient reset on board"),
            (31, "backup register set corrupt")
        ]
    );
    let content = read("elster-a1140", "standard", 724, "01000000 02000000");
    let Content::Status(words) = content else {
        panic!("{content:?}")
    };
    assert_eq!(words[1].table, "error");
    assert_eq!(words[1].set[0].bit, 1);
    assert_eq!(words[1].set[0].words, None);
}

#[track_caller]
fn log(id: &str, variant: &str, number: u16, text: &str) -> EventLog {
    let content = read(id, variant, number, text);
    let Content::Log(log) = content else {
        panic!("{content:?}")
    };
    log
}

fn times(log: &EventLog) -> Vec<String> {
    let starts = log.entries.iter().filter_map(|entry| entry.start);
    starts.map(|time| time.to_string()).collect()
}

#[test]
fn short_counters_have_three_stamps() {
    let log = log(
        "elster-a1700",
        "tou-16",
        693,
        "0200 888C7467 80857467 00000000 04 02 00",
    );
    assert_eq!(log.counts, [2]);
    assert_eq!(times(&log), ["2025-01-01 00:30:00", "2025-01-01 00:00:00"]);
    assert_eq!(log.entries[0].phases, Some(4));
    assert_eq!(log.entries[1].phases, Some(2));
}

#[test]
fn long_counters_have_five_stamps_and_totals() {
    let log = log(
        "elster-a1700",
        "extended",
        693,
        "0100 0200 0300 0A000000 0B000000 0C000000 \
         888C7467 80857467 00000000 00000000 00000000 \
         908C7467 90857467 00000000 00000000 00000000 01 02 00 00 00",
    );
    assert_eq!((log.counts, log.totals), (vec![1, 2, 3], vec![10, 11, 12]));
    assert_eq!(log.entries.len(), 2);
    let newest = &log.entries[0];
    assert_eq!(newest.stop.unwrap().to_string(), "2025-01-01 00:30:08");
    assert_eq!(newest.phases, Some(1));
    let log = self::log("elster-a1700", "extended", 694, "0100 0A000000 888C7467");
    assert_eq!((log.counts, log.totals), (vec![1], vec![10]));
    let log = self::log("elster-a1700", "extended", 695, "0700 888C7467");
    assert_eq!(log.counts, [7]);
}

#[test]
fn rings_are_put_in_order_by_time() {
    let log = log(
        "elster-as230",
        "standard",
        693,
        "01 0200 67748580 67748590 67748C88 67748C90",
    );
    assert_eq!((log.index, log.counts.clone()), (Some(1), vec![2]));
    assert_eq!(times(&log), ["2025-01-01 00:30:00", "2025-01-01 00:00:00"]);
}

#[test]
fn programming_says_who_and_through_which_port() {
    let name = "4A4F484E2020202020202020";
    let text = format!("0100 888C7467 00000000 00000000 01 00 00 {name}");
    let log = log("elster-a1140", "standard", 680, &text);
    assert_eq!(log.entries.len(), 1);
    assert_eq!(log.entries[0].port, Some(1));
    assert_eq!(log.entries[0].name.as_deref(), Some("JOHN"));
    let text = format!("00 0100 67748C88 01 {name}");
    let log = self::log("elster-as230", "standard", 680, &text);
    assert_eq!(log.entries[0].name.as_deref(), Some("JOHN"));
}

#[test]
fn event_sets_hold_several_counters() {
    let content = read(
        "elster-a1700",
        "tou-16",
        544,
        "0100 888C7467 00000000 00000000 04",
    );
    let Content::Logs(logs) = content else {
        panic!("{content:?}")
    };
    assert_eq!(logs.len(), 4);
    assert_eq!(logs[0].entries[0].phases, Some(4));
    let content = read("elster-a1140", "standard", 544, "0300");
    let Content::Logs(logs) = content else {
        panic!("{content:?}")
    };
    assert_eq!(logs.len(), 12);
    assert_eq!(logs[0].counts, [3]);
}

/// Totals, rates and the rest of a set of an A1700, with its own words at the end.
fn billing_octets(variant: &str) -> Vec<u8> {
    let row = model("elster-a1700").identity(variant, 543).unwrap();
    let mut octets = hex(TOTALS);
    octets.resize(usize::from(row.octets) - 15, 0);
    octets.extend(hex("0700 80857467 888C7467 09 888C7467"));
    octets
}

#[test]
fn billing_sets_of_every_variant_are_taken_apart() {
    let model = model("elster-a1700");
    for (variant, length, parts) in [
        ("tou-16", 615, 6),
        ("tou-32", 743, 6),
        ("extended", 863, 7),
        ("extended-030", 863, 7),
    ] {
        let row = model.identity(variant, 543).unwrap();
        let octets = billing_octets(variant);
        assert_eq!(octets.len(), length);
        let reader = ContentReader::new(model, variant);
        let Content::Billing(set) = reader.read(row, &octets).unwrap() else {
            panic!()
        };
        assert_eq!(set.parts.len(), parts);
        assert_eq!(set.parts[0].like, Some(507));
        assert_eq!(
            registers(&set.parts[0].content)[0],
            "1-0:1.8.0 1234567.890123 kWh"
        );
        let info = set.info().unwrap();
        assert_eq!(info.count, Some(7));
        assert_eq!(info.start.unwrap().to_string(), "2025-01-01 00:00:00");
        assert_eq!(info.end.unwrap().to_string(), "2025-01-01 00:30:00");
        let triggers: Vec<_> = info
            .trigger
            .iter()
            .filter_map(|bit| bit.words.clone())
            .collect();
        assert_eq!(triggers, ["billing date", "serial port"]);
        assert!(set.is_filled() && set.undescribed.is_empty());
        let short = reader.read(row, &octets[1..]).unwrap_err();
        assert!(
            matches!(short, ContentFault::Length { identity: 543, .. }),
            "{short}"
        );
    }
}

#[test]
fn a_set_of_the_a1140_says_itself_what_its_rates_measure() {
    let model = model("elster-a1140");
    let row = model.identity("standard", 543).unwrap();
    let mut octets = vec![0; 457];
    octets[128] = 0x42;
    octets[257] = 1;
    octets[452] = 0x40;
    octets[453..].copy_from_slice(&hex("888C7467"));
    let reader = ContentReader::new(model, "standard");
    let Content::Billing(set) = reader.read(row, &octets).unwrap() else {
        panic!()
    };
    let rates = registers(&set.parts[1].content);
    assert_eq!(rates[0], "1-0:1.8.1 0.000042 kWh");
    assert_eq!(rates[1], "1-0:2.8.1 0.000000 kWh");
    let info = set.info().unwrap();
    assert_eq!(
        info.trigger[0].words.as_deref(),
        Some("change of current transformer ratio")
    );
    assert_eq!(info.end.unwrap().to_string(), "2025-01-01 00:30:00");
    let Content::Billing(empty) = reader.read(row, &[0; 457]).unwrap() else {
        panic!()
    };
    assert!(!empty.is_filled());
}

#[test]
fn clocks_texts_and_the_rest_are_read() {
    let clock = read("elster-a1700", "tou-16", 861, "00301203050026");
    let Content::Clock(stamp) = clock else {
        panic!("{clock:?}")
    };
    assert_eq!(stamp.time.to_string(), "2026-05-03 12:30:00");
    let seconds = read("elster-a1140", "standard", 863, "888C7467 FF");
    let Content::Seconds(stamp) = seconds else {
        panic!("{seconds:?}")
    };
    assert_eq!(stamp.time.to_string(), "2025-01-01 00:30:00");
    let serial = read(
        "elster-a1700",
        "tou-16",
        798,
        "30303030303030303132333435363738",
    );
    assert_eq!(serial, Content::Text("0000000012345678".into()));
    let battery = read("elster-a1700", "tou-16", 546, "80857467 0A000000 0B000000");
    let Content::Battery(battery) = battery else {
        panic!("{battery:?}")
    };
    assert_eq!(
        (battery.support_left_s, battery.power_down_left_s),
        (10, 11)
    );
    let size = read("elster-a1700", "tou-16", 551, "00030001");
    assert!(matches!(
        size,
        Content::Size(ProfileSize {
            packets: 3,
            blocks: 1
        })
    ));
    let periods = read("elster-a1700", "tou-16", 878, "301502");
    let Content::Periods(periods) = periods else {
        panic!("{periods:?}")
    };
    assert_eq!(
        (periods.profile, periods.part, periods.parts),
        (Some(30), Some(15), Some(2))
    );
    let periods = read("elster-a1140", "standard", 878, "890702");
    let Content::Periods(periods) = periods else {
        panic!("{periods:?}")
    };
    assert_eq!((periods.profile, periods.part), (Some(30), Some(15)));
    let external = read("elster-a1700", "tou-16", 516, "42");
    assert_eq!(registers(&external)[0], "1-0:131.8.0 0.042");
}

#[test]
fn values_of_the_moment_are_asked_for_and_read() {
    let instant = model("elster-a1700").instant.as_ref().unwrap();
    let requests = InstantRequest::of(instant, &[0x1B, 0x2B, 0x4B, 0x07, 0x0C]);
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].encode(), hex("1B2B4B07"));
    assert_eq!(requests[1].encode(), hex("0C000000"));
    assert!(!requests[0].is_ready(&hex("9BABCB07")));
    assert!(requests[0].is_ready(&hex("9BABCB87")));
    assert!(requests[1].is_ready(&hex("8C000000")));
    assert_eq!(requests[0].answer_octets(), 28);
    let answer = hex("00000002305000 FFFFFFFFFFFFFF 07000000000000 04000000000001");
    let said: Vec<Selected> = requests[0]
        .decode(instant, &answer)
        .iter()
        .map(|reading| reading.selected)
        .collect();
    let Selected::Value(voltage) = said[0] else {
        panic!("{said:?}")
    };
    assert_eq!(voltage.to_string(), "230.5000 V");
    assert_eq!(
        said[1..],
        [
            Selected::Absent,
            Selected::Overflow,
            Selected::Order(PhaseOrder::Forward)
        ]
    );
    let power = requests[1].decode(instant, &hex("81000000123456"));
    let Selected::Value(power) = power[0].selected else {
        panic!("{power:?}")
    };
    assert_eq!(power.to_string(), "-123.456 kW");
    let codes = ["1-0:14.7.0".parse().unwrap(), "1-0:1.8.0".parse().unwrap()];
    let requests = InstantRequest::of_codes(instant, &codes);
    assert_eq!(requests[0].encode(), hex("18000000"));
}

#[test]
fn a_wrong_length_is_told_with_what_to_do() {
    let model = model("elster-a1700");
    let row = model.identity("tou-16", 507).unwrap();
    let fault = ContentReader::new(model, "tou-16")
        .read(row, &[0; 79])
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "identity 507 came with 79 octets instead of 80; check the variant of the meter's model"
    );
}

#[test]
fn packets_of_sets_begin_where_the_set_before_ends() {
    let row = model("elster-a1700").identity("tou-16", 543).unwrap();
    assert_eq!(row.first_packet(0), 1);
    assert_eq!(row.first_packet(1), 11);
    let packets: Vec<(u16, u8)> = row.packets(1).collect();
    assert_eq!(packets.len(), 10);
    assert_eq!(packets[0], (11, 64));
    assert_eq!(packets[9], (20, 39));
    assert_eq!(row.last_packet_octets(), 39);
}

proptest! {
    #[test]
    fn no_octets_make_a_decoder_panic(octets in prop::collection::vec(any::<u8>(), 0..900)) {
        for model in CATALOGUE.flag_models() {
            crate::elster::fuzz_content(model, &octets);
        }
    }

    #[test]
    fn totals_survive_their_octets(values in prop::collection::vec(0_u64..9_999_999_999_999_999, 10)) {
        let model = model("elster-a1700");
        let row = model.identity("tou-16", 507).unwrap();
        let octet = |number: u64| u8::try_from(((number / 10) << 4) | (number % 10)).unwrap();
        let octets: Vec<u8> = values
            .iter()
            .flat_map(|value| (0..8).map(move |place| octet(value / 100_u64.pow(place) % 100)))
            .collect();
        let content = ContentReader::new(model, "tou-16").read(row, &octets).unwrap();
        let Content::Registers(found) = content else { panic!() };
        for (register, value) in found.iter().zip(&values) {
            prop_assert_eq!(u64::try_from(register.quantity.unwrap().digits).unwrap(), *value);
        }
    }
}
