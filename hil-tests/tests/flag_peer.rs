//! A client library that we did not write speaks IEC 62056-21 with our simulated meters, and gets
//! what they really hold: so that both halves of ours are not merely wrong together.
#![cfg(test)]

use std::path::Path;

use hil_tests::bus::Bus;
use hil_tests::flag::{PASSWORD, scenario};
use hil_tests::process::run;
use hil_tests::python::{peer, with_modules};
use iec62056_21::meter::ParityBy;
use serde_json::Value;
use simulator::elster::civil::Civil;
use simulator::elster::{ElsterMeter, ElsterModel, Source, VdewMeter, VdewModel};
use simulator::trouble::FlagTroubles;
use simulator::wire::{SpeakerPlace, WireSettings};

/// What the library's client says of a conversation at this TCP port.
fn client(python: &Path, port: u16, address: &str, words: &[&str]) -> Value {
    let mut read = peer(python, "flag_client.py");
    read.args(["127.0.0.1", &port.to_string(), address]);
    read.args(words);
    let said = run("the client", &mut read);
    serde_json::from_str(&said).unwrap_or_else(|fault| panic!("{fault}: {said}"))
}

/// An A1700 behind a transparent serial server.
fn meter() -> (Bus, ElsterMeter) {
    let mut bus = Bus::stream("peer", WireSettings::plain(9600), 1);
    let holds = bus.seat_flag_with(ElsterModel::A1700, scenario("87654321"), |settings, _| {
        // The library sends bare seven bits and minds no parity.
        settings.parity = ParityBy::Nobody;
    });
    (bus, holds)
}

/// The octets of an answer to a read of an identity.
#[track_caller]
fn octets(answer: &Value) -> Vec<u8> {
    let text = answer.pointer("/0/1").and_then(Value::as_str);
    let text = text.unwrap_or_else(|| panic!("no data: {answer}"));
    let pairs = text.as_bytes().chunks(2);
    let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(octet).collect()
}

/// A register of eight octets: sixteen decimal digits, the lowest pair first.
fn register(octets: &[u8]) -> u128 {
    let pairs = octets.iter().rev();
    pairs.fold(0, |sum, pair| {
        let (tens, ones) = (u128::from(pair >> 4), u128::from(pair & 0x0f));
        assert!(tens < 10 && ones < 10, "{octets:02x?}");
        sum * 100 + tens * 10 + ones
    })
}

#[test]
fn the_library_reads_what_an_a1700_holds() {
    let promise = "an independent client of IEC 62056-21";
    let Some(python) = with_modules(promise, &["iec62056_21"]) else {
        return;
    };
    let (bus, meter) = meter();
    let door = bus.open_tcp();
    let begun = meter.utc(bus.wire.now());
    let wishes = [
        "798001(10)",
        "507001(40)",
        "507002(10)",
        "999001(01)",
        "507003(01)",
    ];
    let words = [&["programming", PASSWORD][..], &wishes].concat();
    let said = client(&python, door.address().port(), &meter.address(), &words);
    let ended = meter.utc(bus.wire.now());
    println!("{said}");
    // The library takes the character behind the speed for one of its own.
    assert_eq!(said["identification"], "90100140400@000");
    assert_eq!(said["manufacturer"], "GEC");
    assert_eq!(said["log_on"], "ack");
    let reads = said["reads"].as_array().unwrap();
    let serial = octets(&reads[0]);
    assert_eq!(String::from_utf8(serial).unwrap(), meter.serial());
    let totals = [octets(&reads[1]), octets(&reads[2])].concat();
    let sources = [
        Source::Import,
        Source::Export,
        Source::Q1,
        Source::Q2,
        Source::Q3,
        Source::Q4,
        Source::VaImport,
        Source::Cd1,
        Source::Cd2,
        Source::Cd3,
    ];
    let registers: Vec<&[u8]> = totals.chunks(8).collect();
    assert_eq!(registers.len(), sources.len());
    for (octets, source) in registers.into_iter().zip(sources) {
        let shown = register(octets);
        let held = meter.total(source, begun) / 3600..=meter.total(source, ended) / 3600;
        assert!(held.contains(&shown), "{source:?}: {shown}, {held:?}");
    }
    assert_eq!(
        reads[3].pointer("/0/1").unwrap(),
        "ERR2",
        "no such identity"
    );
    assert_eq!(reads[4].pointer("/0/1").unwrap(), "ERR3", "no such packet");
    println!("{} registers read by the library, 0 wrong", sources.len());
}

#[test]
fn the_library_is_refused_with_another_password_and_at_another_address() {
    let promise = "an independent client without the password";
    let Some(python) = with_modules(promise, &["iec62056_21"]) else {
        return;
    };
    let (bus, meter) = meter();
    let door = bus.open_tcp();
    let port = door.address().port();
    let refused = client(
        &python,
        port,
        &meter.address(),
        &["programming", "WRONG123"],
    );
    assert_eq!(refused["log_on"], "no", "{refused}");
    let mut other = peer(&python, "flag_client.py");
    other.args(["127.0.0.1", &port.to_string(), "999", "readout"]);
    let done = other.output().unwrap();
    assert!(!done.status.success(), "nobody has this address");
}

/// An A1500 behind a transparent serial server: OBIS codes, a readout, a profile `P.01`.
fn vdew_meter(bus: &Bus) -> (VdewMeter, SpeakerPlace) {
    let meter = VdewMeter::new(VdewModel::A1500, scenario("55555321"));
    let mut settings = meter.settings().unwrap();
    settings.parity = ParityBy::Nobody;
    let place = bus
        .wire
        .seat_flag(meter.on_wire_as(settings), FlagTroubles::default());
    (meter, place)
}

/// `123.456` of some thousands, in ones.
fn ones(text: &str) -> u128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "000"));
    let number = |text: &str| text.parse::<u128>().unwrap();
    assert_eq!(part.len(), 3, "{text}");
    number(whole) * 1000 + number(part)
}

#[test]
fn the_library_reads_out_an_a1500() {
    let promise = "an independent client's readout";
    let Some(python) = with_modules(promise, &["iec62056_21"]) else {
        return;
    };
    let bus = Bus::stream("peer", WireSettings::plain(9600), 1);
    let (meter, _) = vdew_meter(&bus);
    let truth = meter.truth();
    let door = bus.open_tcp();
    let begun = truth.utc(bus.wire.now());
    let port = door.address().port();
    let said = client(&python, port, &truth.address(), &["readout"]);
    let ended = truth.utc(bus.wire.now());
    let sets = said["sets"].as_array().unwrap();
    let value = |code: &str| {
        let set = sets.iter().find(|set| set[0] == code);
        let set = set.unwrap_or_else(|| panic!("no {code} in {said}"));
        set[1].as_str().unwrap().to_owned()
    };
    assert_eq!(value("C.1.0"), "55555321");
    assert_eq!(value("F.F"), "00000000");
    let totals = [
        ("1.8.0", Source::Import),
        ("2.8.0", Source::Export),
        ("5.8.0", Source::Q1),
        ("8.8.0", Source::Q4),
    ];
    for (code, source) in totals {
        let watt_hours = |utc| truth.total(source, utc) / 3_600_000;
        let held = watt_hours(begun)..=watt_hours(ended);
        assert!(held.contains(&ones(&value(code))), "{code}: {held:?}");
    }
    println!(
        "a readout of {} data sets by the library, 0 wrong",
        sets.len()
    );
}

#[test]
fn the_library_reads_a_profile_in_partial_blocks() {
    let promise = "an independent client and partial blocks";
    let Some(python) = with_modules(promise, &["iec62056_21"]) else {
        return;
    };
    let bus = Bus::stream("peer", WireSettings::plain(9600), 1);
    let (meter, place) = vdew_meter(&bus);
    let truth = meter.truth();
    let door = bus.open_tcp();
    let (port, address) = (door.address().port(), truth.address());
    let now = truth.utc(bus.wire.now());
    let held = truth.intervals(now - 3600, now).pop().unwrap();
    let stamp = |utc: i64| {
        let date = Civil::of(utc);
        format!(
            "{:02}{:02}{:02}{:02}{:02}",
            date.year % 100,
            date.month,
            date.day,
            date.hour,
            date.minute
        )
    };
    let span = format!("({};{})", stamp(held.local_end), stamp(held.local_end));
    let read = |form: &str| {
        let words = [
            "programming",
            &format!("plain:{PASSWORD}"),
            &format!("{form}:P.01{span}"),
        ];
        let said = client(&python, port, &address, &words);
        assert_eq!(said["log_on"], "ack");
        said["reads"][0].clone()
    };
    let whole = read("R5");
    // The library begins a new line with each block, so blocks have to end where lines do.
    let header = whole.as_array().unwrap().iter().take(8);
    let length = |text: &Value| text.as_str().map_or(0, str::len);
    let characters: usize = header
        .map(|set| length(&set[0]) + length(&set[1]) + 2)
        .sum();
    bus.wire.change_flag_settings(place, |settings| {
        settings.partial_chars = characters + 2;
    });
    let parts = read("R6");
    assert_eq!(parts, whole, "the blocks make the same");
    let values: Vec<u128> = (8..10)
        .map(|place| ones(parts[place][1].as_str().unwrap()))
        .collect();
    let period = u128::try_from(held.period).unwrap();
    let watts = held
        .channels
        .iter()
        .map(|channel| channel.energy / period / 1000);
    assert_eq!(values, watts.collect::<Vec<_>>(), "{parts}");
    println!("an interval in partial blocks by the library, 0 wrong");
}
