//! What a person may write about a line, and what is said of mistakes.

use line::{DataBits, LineSettings, Parity, StopBits};
use pmu_agent::check;
use pmu_agent::config::{Dialling, Dtr, HangUp, LinkSettings, PadPlace, Recall, Settings};
use std::time::Duration;

/// A configuration with one bus.
fn text(bus: &str) -> String {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/meter-models");
    format!(
        "[gateway]\nid = \"pmu-001\"\nmodel-folder = \"{models}\"\n[[bus]]\nid = \"main\"\n{bus}\n"
    )
}

/// The settings of a good bus.
#[track_caller]
fn link(bus: &str) -> LinkSettings {
    let settings = Settings::parse("agent.toml", &text(bus));
    let settings = settings.unwrap_or_else(|complaints| panic!("{complaints}"));
    assert!(check::report(&settings).text.contains("\nbus main: "));
    settings.buses[0].link.clone()
}

/// The first complaint about a bus, without its file and line.
#[track_caller]
fn check_complaint(bus: &str, line: usize, expected: &str) {
    let complaints = Settings::parse("agent.toml", &text(bus)).expect_err("a mistake is refused");
    let first = complaints.0.first().expect("at least one").to_string();
    let expected = format!("agent.toml:{line}: {expected}");
    assert!(
        first.starts_with(&expected),
        "\nfound    {first}\nexpected {expected}"
    );
    assert!(first.contains("; "), "a remedy follows: {first}");
}

const fn set(baud: u32, data_bits: DataBits, parity: Parity) -> LineSettings {
    LineSettings {
        baud,
        parity,
        data_bits,
        stop_bits: StopBits::One,
    }
}

#[test]
fn a_serial_line_may_have_seven_data_bits() {
    let found = link(
        "link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600\ndata-bits = 7\nparity = \"even\"",
    );
    assert_eq!(
        found.line(),
        Some(&set(9600, DataBits::Seven, Parity::Even))
    );
    assert!(found.can_be_set() && !found.leaves_parity_to_software() && !found.is_dialled());
    let found = link("link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600");
    assert_eq!(
        found.line(),
        Some(&set(9600, DataBits::Eight, Parity::None))
    );
    assert!(
        !found.leaves_parity_to_software(),
        "the port itself can be told"
    );
    check_complaint(
        "link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600\ndata-bits = 7",
        9,
        "bus main.data-bits: 7 data bits want a parity bit; write parity = \"even\"",
    );
    check_complaint(
        "link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600\ndata-bits = 6",
        9,
        "bus main.data-bits: 6 data bits do not exist here; use 7 or 8",
    );
}

#[test]
fn an_optical_head_opens_at_300_baud_with_dtr_on() {
    let LinkSettings::Optical(found) = link("link = \"optical\"\ndevice = \"/dev/head\"") else {
        panic!("an optical head")
    };
    assert_eq!(found.line, set(300, DataBits::Seven, Parity::Even));
    assert_eq!(
        (found.dtr, found.dtr.at_first(), found.rts),
        (Dtr::Auto, true, true)
    );
    let bus = "link = \"optical\"\ndevice = \"/dev/head\"\nbaud = 9600\ndata-bits = 8\ndtr = \"off\"\nrts = \"off\"";
    let LinkSettings::Optical(found) = link(bus) else {
        panic!("an optical head")
    };
    assert_eq!(found.line, set(9600, DataBits::Eight, Parity::None));
    assert_eq!((found.dtr.at_first(), found.rts), (false, false));
    check_complaint(
        "link = \"optical\"\ndevice = \"/dev/head\"\ndtr = \"maybe\"",
        8,
        "bus main.dtr: `maybe` is not a way to feed a head; use auto, on or off",
    );
    check_complaint(
        "link = \"optical\"",
        6,
        "bus main.device: is missing; write device",
    );
}

#[test]
fn a_serial_server_says_what_its_line_is() {
    let found = link("link = \"serial-server\"\naddress = \"10.0.0.7:4001\"");
    assert_eq!(
        found.line(),
        Some(&set(9600, DataBits::Eight, Parity::None))
    );
    assert!(found.leaves_parity_to_software() && !found.can_be_set());
    let found =
        link("link = \"serial-server\"\naddress = \"a:14001\"\nbaud = 2400\nframing = \"7E1\"");
    assert_eq!(
        found.line(),
        Some(&set(2400, DataBits::Seven, Parity::Even))
    );
    assert!(
        !found.leaves_parity_to_software(),
        "the server makes the parity"
    );
    assert_eq!(found.address(), Some("a:14001"));
    check_complaint(
        "link = \"serial-server\"\naddress = \"a:1\"\nframing = \"7N1\"",
        8,
        "bus main.framing: `7N1` is not a framing; use 8N1 or 7E1",
    );
    check_complaint(
        "link = \"serial-server\"\naddress = \"a:1\"\nparity = \"even\"",
        8,
        "bus main.parity: means nothing for serial-server; remove it, or use link = \"serial\", \"optical\" or \"rtu-over-tcp\"",
    );
    check_complaint(
        "link = \"serial-server\"",
        6,
        "bus main.address: is missing; write the host",
    );
}

const MODEM: &str = "link = \"modem\"\ndevice = \"/dev/modem\"\nbaud = 9600";

#[test]
fn a_modem_has_defaults_that_most_need_not_change() {
    let LinkSettings::Modem(found) = link(MODEM) else {
        panic!("a modem")
    };
    assert_eq!(found.line, set(9600, DataBits::Eight, Parity::None));
    assert_eq!(
        (found.dialling, found.hang_up),
        (Dialling::Tone, HangUp::Escape)
    );
    assert_eq!((found.init.len(), found.calls.retries), (1, 2));
    assert_eq!(found.calls.answer_within, Duration::from_mins(1));
    assert!(link(MODEM).leaves_parity_to_software() && link(MODEM).is_dialled());
    let bus = format!(
        "{MODEM}\nframing = \"7E1\"\ninit = [\"AT+CPIN=4711\", \"at+cbst=71\"]\ndialling = \"pulse\"\n\
         hang-up = \"dtr\"\nretries = 0\nretry-after-seconds = 5\nanswer-within-seconds = 90\ncall-minutes-max = 3"
    );
    let found = link(&bus);
    assert!(
        !format!("{found:?} {found}").contains("4711"),
        "a PIN is shown nowhere"
    );
    let LinkSettings::Modem(found) = found else {
        panic!("a modem")
    };
    assert_eq!(
        (found.dialling, found.hang_up),
        (Dialling::Pulse, HangUp::Dtr)
    );
    assert_eq!(found.calls.call_max, Duration::from_mins(3));
    assert_eq!(
        (found.init.len(), found.line.data_bits),
        (2, DataBits::Seven)
    );
}

#[test]
fn mistakes_about_a_modem_are_named() {
    let with = |key: &str| format!("{MODEM}\n{key}");
    check_complaint(
        &with("dialling = \"voice\""),
        9,
        "bus main.dialling: `voice` is not a way to dial; use tone or pulse",
    );
    check_complaint(
        &with("hang-up = \"never\""),
        9,
        "bus main.hang-up: `never` is not a way to end a call; use escape or dtr",
    );
    check_complaint(
        &with("retries = 10"),
        9,
        "bus main.retries: 10 is out of range; use 0 to 9",
    );
    check_complaint(
        &with("answer-within-seconds = 256"),
        9,
        "bus main.answer-within-seconds: 256 is out of range; use 5 to 255",
    );
    check_complaint(
        &with("retry-after-seconds = 1"),
        9,
        "bus main.retry-after-seconds: 1 is out of range; use 5 to 3600",
    );
    check_complaint(
        &with("call-minutes-max = 0"),
        9,
        "bus main.call-minutes-max: 0 is out of range; use 1 to 240",
    );
    check_complaint(
        &with("rs485 = \"auto\""),
        9,
        "bus main.rs485: means nothing for modem; remove it, or use link = \"serial\"",
    );
    check_complaint(
        &with("address = \"a:1\""),
        9,
        "bus main.address: means nothing for modem",
    );
}

#[test]
fn mistakes_in_an_init_string_are_named_without_showing_it() {
    let with = |key: &str| format!("{MODEM}\n{key}");
    let secret = with("init = [\"+CPIN=4711\"]");
    check_complaint(
        &secret,
        9,
        "bus main.init: line 1 is no command for a modem; begin each line with AT",
    );
    let secret = with("init = [\"AT+CPIN=4711\\r\"]");
    check_complaint(
        &secret,
        9,
        "bus main.init: is no command; write 1 to 200 printable characters",
    );
    let complaints = Settings::parse("agent.toml", &text(&secret)).expect_err("refused");
    assert!(
        !complaints.to_string().contains("4711"),
        "a PIN is shown nowhere"
    );
    let LinkSettings::Modem(single) = link(&with("init = \"AT+CPIN=4711\"")) else {
        panic!("a modem")
    };
    assert_eq!(single.init.len(), 1, "a single line needs no list");
    let serial = "link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600\ninit = [\"ATZ\"]";
    check_complaint(
        serial,
        9,
        "bus main.init: means nothing for serial; remove it, or use link = \"modem\"",
    );
}

#[test]
fn a_pad_is_spoken_to_as_the_standard_says_or_as_written() {
    let LinkSettings::Pad(found) = link("link = \"pad\"\naddress = \"10.0.0.8:3000\"") else {
        panic!("a PAD")
    };
    assert_eq!(found.prompt, "*");
    assert_eq!(
        (found.connected.as_str(), found.clear.as_str()),
        ("COM", "CLR")
    );
    assert_eq!((found.recall, found.setup.len()), (Recall::Dle, 1));
    let bus = "link = \"pad\"\ndevice = \"/dev/pad\"\nbaud = 2400\n\
               [bus.pad]\nprompt = \"PAD>\"\nsetup = []\ncall = \"A{number}\"\nconnected = \"CONNECTED\"\n\
               recall = \"break\"\nclear = \"CLEAR\"";
    let LinkSettings::Pad(found) = link(bus) else {
        panic!("a PAD")
    };
    assert_eq!(found.place, PadPlace::Device("/dev/pad".into()));
    assert_eq!(
        (found.recall, found.setup.len(), found.line.baud),
        (Recall::Break, 0, 2400)
    );
}

#[test]
fn mistakes_about_a_pad_are_named() {
    let with = |key: &str| format!("link = \"pad\"\naddress = \"a:1\"\npad = {{ {key} }}");
    check_complaint(
        &with("call = \"A\""),
        8,
        "bus main.pad.call: calls no number; write {number} where",
    );
    check_complaint(
        &with("prompt = \"\""),
        8,
        "bus main.pad.prompt: is no command; write 1 to 200",
    );
    check_complaint(
        &with("setup = [\"SET 1:0\\nCLR\"]"),
        8,
        "bus main.pad.setup: is no command",
    );
    check_complaint(
        &with("recall = \"shout\""),
        8,
        "bus main.pad.recall: `shout` is not a way to recall a PAD; use dle or break",
    );
    check_complaint(
        &with("recall = \"break\""),
        8,
        "bus main.pad.recall: a network carries no break; use recall = \"dle\"",
    );
    check_complaint(&with("colour = 1"), 8, "unknown field `colour`");
    check_complaint(
        "link = \"pad\"",
        6,
        "bus main.device: is missing; write device = \"/dev/serial/by-path/...\" or address",
    );
    check_complaint(
        "link = \"pad\"\ndevice = \"/dev/a\"\naddress = \"a:1\"",
        8,
        "bus main.address: stands beside a device",
    );
    check_complaint(
        "link = \"modem\"\ndevice = \"/dev/a\"\nbaud = 300\npad = {}",
        9,
        "bus main.pad: means nothing for modem; remove it, or use link = \"pad\"",
    );
}

#[test]
fn a_session_ends_before_others_have_waited_too_long() {
    let session = |bus: &str| {
        let settings = Settings::parse("agent.toml", &text(bus)).expect("a good bus");
        settings.buses[0].session_max.as_secs()
    };
    let serial = "link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600";
    assert_eq!(session(serial), 8);
    assert_eq!(session(&format!("{serial}\nsession-seconds-max = 30")), 30);
    assert_eq!(
        session(MODEM),
        120,
        "nobody else waits for this line, and calls are dear"
    );
    check_complaint(
        &format!("{serial}\nsession-seconds-max = 7"),
        9,
        "bus main.session-seconds-max: 7 is out of range; use 8 to 120",
    );
}

#[test]
fn a_line_has_one_bus_whatever_its_kind() {
    let second = "[[bus]]\nid = \"other\"\nlink = \"optical\"\ndevice = \"/dev/modem\"";
    check_complaint(
        &format!("{MODEM}\n{second}"),
        12,
        "bus other: `/dev/modem` is already the line of bus main; one bus owns one line",
    );
}

#[test]
fn a_number_belongs_to_a_link_that_calls() {
    let modem = link(MODEM);
    let number = modem.number("0 1785-212121").expect("a number");
    assert_eq!(number.as_str(), "01785212121");
    assert!(modem.number("01785;ATZ").is_err());
    let serial = link("link = \"serial\"\ndevice = \"/dev/a\"\nbaud = 9600");
    let refused = serial.number("01785").expect_err("no calls");
    assert!(refused.to_string().contains("this link makes no calls"));
}
