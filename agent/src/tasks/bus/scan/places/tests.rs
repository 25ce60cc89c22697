use super::*;

#[track_caller]
fn check_range(text: &str, expected: &[&str]) {
    assert_eq!(range(text), expected, "{text}");
}

#[test]
fn ranges_keep_their_digits() {
    check_range("7", &["7"]);
    check_range("8-11", &["8", "9", "10", "11"]);
    check_range("008-010", &["008", "009", "010"]);
    check_range("12345678", &["12345678"]);
    check_range("AB-CD", &["AB-CD"]);
    check_range("5-4", &[]);
    assert_eq!(range("1-4294967295").len(), SCAN_PLACES_MAX);
}

fn bus(text: &str) -> BusSettings {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/meter-models");
    let head = format!(
        "[gateway]\nid = \"pmu-test\"\ndata-folder = \"/d\"\nmodel-folder = \"{models}\"\n\
         runtime-folder = \"/r\"\n[[bus]]\nid = \"main\"\n"
    );
    let settings = crate::config::Settings::parse("agent.toml", &format!("{head}{text}"));
    settings.expect("it is right").buses.remove(0)
}

fn wish(modbus: bool, flag: bool, addresses: &[&str], bauds: &[u32]) -> ScanWish {
    ScanWish {
        modbus,
        flag,
        addresses: addresses.iter().map(|&text| text.to_owned()).collect(),
        bauds: bauds.to_vec(),
        seconds_max: 60,
    }
}

#[track_caller]
fn check(bus: &BusSettings, wish: &ScanWish, known: &Known, expected: &[&str]) {
    let words: Vec<String> = places(wish, bus, known).iter().map(Place::words).collect();
    assert_eq!(words, expected);
}

#[test]
fn flag_meters_are_looked_for_without_an_address_first() {
    let bus = bus("link = \"serial\"\ndevice = \"/dev/x\"\nbaud = 9600\n");
    let known = Known {
        outstations: vec!["123".to_owned()],
        ..Known::default()
    };
    let expected = [
        "FLAG 9600 7E1, no address",
        "FLAG 9600 7E1, address 001",
        "FLAG 9600 7E1, address 123",
        "FLAG 9600 7E1, address 5",
        "FLAG 9600 8N1, no address",
        "FLAG 9600 8N1, address 001",
        "FLAG 9600 8N1, address 123",
        "FLAG 9600 8N1, address 5",
    ];
    check(
        &bus,
        &wish(false, true, &["0123", "5"], &[]),
        &known,
        &expected,
    );
}

#[test]
fn a_head_is_tried_with_dtr_on_and_off() {
    let bus = bus("link = \"optical\"\ndevice = \"/dev/x\"\nbaud = 300\n");
    let found = places(&wish(false, true, &[], &[300]), &bus, &Known::default());
    let words: Vec<String> = found.iter().map(Place::words).collect();
    assert!(
        words.contains(&"FLAG 300 7E1, DTR on, no address".to_owned()),
        "{words:#?}"
    );
    assert!(
        words.contains(&"FLAG 300 7E1, DTR off, no address".to_owned()),
        "{words:#?}"
    );
}

#[test]
fn modbus_units_that_are_known_come_first() {
    let bus = bus("link = \"serial\"\ndevice = \"/dev/x\"\nbaud = 9600\n");
    let known = Known {
        units: vec![40],
        ..Known::default()
    };
    let found = places(&wish(true, false, &["20-22"], &[9600]), &bus, &known);
    let words: Vec<String> = found.iter().map(Place::words).collect();
    assert_eq!(words.len(), 2 * 23, "{words:#?}");
    assert_eq!(words[0], "Modbus 9600 8N1, unit 40");
    assert_eq!(words[1], "Modbus 9600 8N1, unit 1");
    assert_eq!(words[22], "Modbus 9600 8N1, unit 22");
    assert_eq!(words[23], "Modbus 9600 8E1, unit 40");
}

#[test]
fn a_line_that_cannot_be_set_is_tried_as_it_is() {
    let bus = bus("link = \"modbus-tcp\"\naddress = \"host:502\"\n");
    let found = places(&wish(false, false, &[], &[300]), &bus, &Known::default());
    assert_eq!(found.len(), usize::from(SCAN_UNITS_LIKELY));
    assert_eq!(found[0].words(), "Modbus, unit 1");
}
